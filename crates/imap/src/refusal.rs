//! What a server refuses, with the code and the words that the client sees: one file for all commands.

use crate::grammar::mailbox::BadName;
use crate::response::status::{Code, Kind};
use thiserror::Error;

/// A command that is understood and not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The command does not belong to the state (RFC 3501 §3).
    #[error("this command is not allowed in this state")]
    State,
    /// Login name or password are wrong: which of them is not said.
    #[error("the user name or the password is wrong")]
    Credentials,
    /// Too many tries, or the login is being held back.
    #[error("too many tries: wait before you try again")]
    TooManyTries,
    /// No password over a connection that anybody can read (RFC 3501 §6.2.3).
    #[error("begin TLS before you log in")]
    NeedsTls,
    /// The client broke the exchange off (RFC 3501 §6.2.2).
    #[error("the exchange was cancelled")]
    Cancelled,
    /// A SASL mechanism that we do not have.
    #[error("there is no such mechanism here")]
    Mechanism,
    /// What the client sent in the exchange is not base64, or not what the mechanism wants.
    #[error("this is not what the mechanism wants")]
    Exchange,
    /// TLS is there already, or cannot be begun.
    #[error("TLS cannot be begun here")]
    StartTls,
    /// There is no mailbox of that name.
    #[error("there is no such mailbox")]
    NoMailbox,
    /// There is no mailbox of that name, and it could be created (RFC 3501 §6.4.7).
    #[error("there is no such mailbox; create it first")]
    NoTarget,
    /// There is a mailbox of that name.
    #[error("there is a mailbox of that name")]
    MailboxExists,
    /// The name cannot be one.
    #[error("{0}")]
    Name(BadName),
    /// INBOX can neither be created nor deleted (RFC 3501 §6.3.3, §6.3.4).
    #[error("INBOX always exists")]
    Inbox,
    /// The name is there as a level of the hierarchy only, or has others below it (RFC 3501 §6.3.4).
    #[error("this name cannot be selected or deleted: it only has mailboxes below it")]
    HasChildren,
    /// A mailbox cannot move below itself.
    #[error("a mailbox cannot move below itself")]
    BelowItself,
    /// The mailbox was opened with EXAMINE.
    #[error("the mailbox is open to read only")]
    ReadOnly,
    /// A position that no message has.
    #[error("there is no message with that number")]
    NoMessage,
    /// A charset that we cannot read (RFC 3501 §6.4.4).
    #[error("this charset is not known here")]
    Charset,
    /// A text that is not of the charset that it is said to be of.
    #[error("the text is not of its charset")]
    Text,
    /// A message that only who has enabled UTF8=ACCEPT may append (RFC 6855 §4).
    #[error("the header of the message is not ASCII: ENABLE UTF8=ACCEPT first")]
    HeaderNotAscii,
    /// A message without a single octet.
    #[error("a message has one octet at least")]
    EmptyMessage,
    /// The message is larger than the limit.
    #[error("the message is too large")]
    TooBig,
    /// The account has no room for it (RFC 9208 §4.3.1).
    #[error("this would be over the quota of the account")]
    OverQuota,
    /// There is no quota root of that name.
    #[error("there is no such quota root")]
    QuotaRoot,
    /// A limit of the account or of the mailbox.
    #[error("this is over a limit of the account")]
    Limit,
    /// The messages have been expunged by somebody else (RFC 5530 §3).
    #[error("some of the messages have been expunged")]
    ExpungeIssued,
    /// Something of ours failed: disk full, an error of the device; the operator knows more.
    #[error("the server cannot do this now; try again later")]
    Unavailable,
}

impl Refusal {
    /// NO where the command could have been done, BAD where it never could.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Refusal::State
            | Refusal::Cancelled
            | Refusal::Exchange
            | Refusal::NoMessage
            | Refusal::StartTls => Kind::Bad,
            _ => Kind::No,
        }
    }

    /// The code before the words (RFC 3501 §7.1, RFC 5530 §3).
    #[must_use]
    pub fn code(self) -> Option<Code<'static>> {
        Some(match self {
            Refusal::Credentials => Code::AuthenticationFailed,
            Refusal::TooManyTries | Refusal::Unavailable => Code::Unavailable,
            Refusal::NeedsTls => Code::PrivacyRequired,
            Refusal::NoMailbox => Code::NonExistent,
            Refusal::NoTarget => Code::TryCreate,
            Refusal::MailboxExists => Code::AlreadyExists,
            Refusal::HeaderNotAscii => Code::Cannot,
            Refusal::Name(_) | Refusal::Inbox | Refusal::HasChildren | Refusal::BelowItself => Code::Cannot,
            Refusal::Charset => Code::BadCharset,
            Refusal::TooBig => Code::TooBig,
            Refusal::OverQuota => Code::OverQuota,
            Refusal::QuotaRoot => Code::NonExistent,
            Refusal::Limit => Code::Limit,
            Refusal::ExpungeIssued => Code::ExpungeIssued,
            _ => return None,
        })
    }
}

impl From<BadName> for Refusal {
    fn from(name: BadName) -> Self {
        Refusal::Name(name)
    }
}
