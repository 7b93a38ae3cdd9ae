//! Everything that is refused, with its codes and words.
//!
//! Codes from RFC 5321 §4.2, RFC 4954 §6, RFC 1870 §6, RFC 3207 §4; enhanced ones from RFC 3463 and RFC 5248.

use crate::reply::{Enhanced, Reply};

/// Why a command, or a message, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A line over the limit (RFC 5321 §4.5.3.1.4).
    LineTooLong,
    /// No such command.
    UnknownCommand,
    /// A command that is known and not carried out here.
    NotImplemented,
    /// The arguments do not have the command's form; what was expected.
    Syntax(&'static str),
    /// A BDAT whose form is wrong: how many octets follow is not known, and none of them may be taken for a command
    /// (RFC 3030 §2). The connection must end.
    ChunkSyntax,
    /// What ends a connection whose next octets may be a message's or a command's.
    LostPlace,
    /// A parameter that was not announced, or a value of one (RFC 5321 §4.1.1.11).
    UnknownParameter,
    /// The sender's address cannot be read.
    SenderSyntax,
    /// The recipient's address cannot be read.
    RecipientSyntax,
    /// A sender outside of ASCII, without SMTPUTF8 (RFC 6531 §3.5).
    SenderNotAscii,
    /// A recipient outside of ASCII, and MAIL had no SMTPUTF8 (RFC 6531 §3.5).
    RecipientNotAscii,
    /// Nobody said hello.
    HelloFirst,
    /// EHLO or HELO in LMTP, LHLO in SMTP (RFC 2033 §4.1).
    WrongHello,
    /// A transaction is going on.
    NestedMail,
    /// RCPT, DATA or BDAT without MAIL.
    MailFirst,
    /// DATA or BDAT without a recipient that was accepted (RFC 5321 §3.3, RFC 2033 §4.2).
    NoRecipients,
    /// A command that may not stand between two chunks (RFC 3030 §2).
    InChunks,
    /// A chunk after one that failed, until RSET (RFC 3030 §2).
    ChunksFailed,
    /// STARTTLS where TLS is on, or AUTH inside of a transaction or a second time.
    NotNow,
    /// There is no certificate, or the listener does not offer TLS.
    TlsUnavailable,
    /// This listener wants TLS first (RFC 3207 §4).
    TlsRequired,
    /// This listener wants a login first (RFC 4954 §6).
    LoginRequired,
    /// A password is not taken over a connection without TLS (RFC 4954 §4).
    EncryptionRequired,
    /// A mechanism that is not offered.
    UnknownMechanism,
    /// The client gave an AUTH exchange up (RFC 4954 §4).
    AuthCancelled,
    /// A response that is not base64, or not the mechanism's form (RFC 4954 §4).
    AuthMalformed,
    /// A line of an AUTH exchange over the limit (RFC 4954 §4).
    AuthLineTooLong,
    /// Wrong name or password; which of them is not said (RFC 4954 §6).
    AuthFailed,
    /// The accounts cannot be asked now (RFC 4954 §6).
    AuthUnavailable,
    /// Somebody who logged in may not use this sender.
    SenderNotOwned,
    /// No such address in a domain of ours.
    NoSuchAddress,
    /// Mail for somebody else's domain.
    Relay,
    /// More recipients than one transaction takes (RFC 5321 §4.5.3.1.10).
    TooManyRecipients,
    /// The message is larger than the limit (RFC 1870 §6).
    TooBig,
    /// The message's header is larger than the server takes.
    HeaderTooBig,
    /// The message has lone CR or LF octets, whose meaning programs do not agree about.
    BareLineEnds,
    /// The message has an octet of zero.
    Nul,
    /// The message has been here too often (RFC 5321 §6.3).
    Loop,
    /// The server's memory for messages is taken at the moment.
    Busy,
    /// The disk is full.
    DiskFull,
    /// The store failed.
    StoreFailed,
    /// The account takes no more until something of it goes: worth trying again (RFC 3463 §3.3, X.2.2).
    AccountFull,
    /// The message is larger than all that the account may hold (RFC 3463 §3.3, X.2.3).
    TooBigForAccount,
    /// The account is disabled.
    AccountDisabled,
    /// The address leads to more others than are followed.
    GroupTooBig,
    /// The address leads to others elsewhere as well, whom we cannot send to: nobody gets it rather than only some.
    MemberElsewhere,
    /// Too many refused commands or logins on this connection.
    TooManyErrors,
    /// The account has another password since the login, or is disabled.
    LoginEnded,
    /// The client said nothing for too long (RFC 5321 §4.5.3.2.7).
    TimedOut,
    /// The server goes down (RFC 5321 §3.8).
    ShuttingDown,
}

impl Refusal {
    /// Whether it speaks against the client: not where it did as it should, or the server is in want of something.
    #[must_use]
    pub fn counts(self) -> bool {
        !matches!(
            self,
            Refusal::TooManyRecipients
                | Refusal::Busy
                | Refusal::DiskFull
                | Refusal::StoreFailed
                | Refusal::AccountFull
        )
    }

    /// The reply that says so.
    #[must_use]
    pub fn reply(self) -> Reply {
        if let Refusal::Syntax(expected) = self {
            return Reply::worded(501, Enhanced(5, 5, 4), &format!("Syntax: {expected}"));
        }
        let (code, enhanced, text) = self.command_words().unwrap_or_else(|| self.mail_words());
        Reply::fixed(code, enhanced, text)
    }

    /// What is wrong with a command or its place.
    fn command_words(self) -> Option<(u16, Enhanced, &'static str)> {
        Some(match self {
            Refusal::LineTooLong => (500, Enhanced(5, 5, 2), "Line too long"),
            Refusal::UnknownCommand => (500, Enhanced(5, 5, 1), "Unknown command"),
            Refusal::NotImplemented => (502, Enhanced(5, 5, 1), "Command not implemented"),
            Refusal::ChunkSyntax => (501, Enhanced(5, 5, 4), "Syntax: BDAT octets [LAST]"),
            Refusal::LostPlace => (421, Enhanced(4, 5, 0), "No knowing what follows, closing"),
            Refusal::UnknownParameter => (
                555,
                Enhanced(5, 5, 4),
                "Parameter not recognized or not implemented",
            ),
            Refusal::HelloFirst => (503, Enhanced(5, 5, 1), "Say hello first"),
            Refusal::WrongHello => (500, Enhanced(5, 5, 1), "Use EHLO for SMTP and LHLO for LMTP"),
            Refusal::NestedMail => (503, Enhanced(5, 5, 1), "Sender already given"),
            Refusal::MailFirst => (503, Enhanced(5, 5, 1), "Give the sender first"),
            Refusal::NoRecipients => (503, Enhanced(5, 5, 1), "No valid recipients"),
            Refusal::InChunks => (503, Enhanced(5, 5, 1), "Only BDAT and RSET between chunks"),
            Refusal::ChunksFailed => (503, Enhanced(5, 5, 1), "A chunk failed: send RSET"),
            Refusal::NotNow => (503, Enhanced(5, 5, 1), "Not now"),
            Refusal::TlsUnavailable => (454, Enhanced(4, 7, 0), "TLS not available"),
            Refusal::TlsRequired => (530, Enhanced(5, 7, 0), "Must issue a STARTTLS command first"),
            Refusal::LoginRequired => (530, Enhanced(5, 7, 0), "Authentication required"),
            Refusal::EncryptionRequired => (
                538,
                Enhanced(5, 7, 11),
                "Encryption required for the authentication mechanism",
            ),
            Refusal::UnknownMechanism => (504, Enhanced(5, 5, 4), "Unrecognized authentication mechanism"),
            Refusal::AuthCancelled => (501, Enhanced(5, 7, 0), "Authentication cancelled"),
            Refusal::AuthMalformed => (501, Enhanced(5, 5, 2), "Cannot decode the response"),
            Refusal::AuthLineTooLong => (500, Enhanced(5, 5, 6), "Authentication exchange line too long"),
            Refusal::AuthFailed => (535, Enhanced(5, 7, 8), "Authentication credentials invalid"),
            Refusal::AuthUnavailable => (454, Enhanced(4, 7, 0), "Temporary authentication failure"),
            Refusal::TooManyErrors => (421, Enhanced(4, 7, 0), "Too many errors, closing"),
            Refusal::LoginEnded => (421, Enhanced(4, 7, 0), "The login has ended, closing"),
            Refusal::TimedOut => (421, Enhanced(4, 4, 2), "Timeout, closing"),
            Refusal::ShuttingDown => (421, Enhanced(4, 3, 2), "Shutting down, try again later"),
            _ => return None,
        })
    }

    /// What is wrong with the sender, the recipients or the message, or with us.
    fn mail_words(self) -> (u16, Enhanced, &'static str) {
        match self {
            Refusal::SenderSyntax => (501, Enhanced(5, 1, 7), "Bad sender address syntax"),
            Refusal::RecipientSyntax => (501, Enhanced(5, 1, 3), "Bad recipient address syntax"),
            Refusal::SenderNotAscii => (550, Enhanced(5, 6, 7), "Non-ASCII sender needs SMTPUTF8"),
            Refusal::RecipientNotAscii => (
                553,
                Enhanced(5, 6, 7),
                "Non-ASCII recipient needs SMTPUTF8 after MAIL",
            ),
            Refusal::SenderNotOwned => (
                553,
                Enhanced(5, 7, 1),
                "Sender address not owned by the logged-in user",
            ),
            Refusal::NoSuchAddress => (550, Enhanced(5, 1, 1), "No such user here"),
            Refusal::Relay => (550, Enhanced(5, 7, 1), "Relaying denied"),
            Refusal::TooManyRecipients => (452, Enhanced(4, 5, 3), "Too many recipients"),
            Refusal::TooBig => (552, Enhanced(5, 3, 4), "Message exceeds the size limit"),
            Refusal::HeaderTooBig => (552, Enhanced(5, 3, 4), "Message header too large"),
            Refusal::BareLineEnds => (
                550,
                Enhanced(5, 6, 0),
                "Message has bare CR or LF, lines must end with CRLF",
            ),
            Refusal::Nul => (550, Enhanced(5, 6, 0), "Message has NUL octets"),
            Refusal::Loop => (554, Enhanced(5, 4, 6), "Too many hops, the message loops"),
            Refusal::Busy => (452, Enhanced(4, 3, 1), "Too much mail at once, try again later"),
            Refusal::DiskFull => (452, Enhanced(4, 3, 1), "Insufficient storage, try again later"),
            Refusal::AccountFull => (452, Enhanced(4, 2, 2), "Mailbox full"),
            Refusal::TooBigForAccount => (552, Enhanced(5, 2, 3), "Message too large for this mailbox"),
            Refusal::AccountDisabled => (550, Enhanced(5, 2, 1), "Mailbox disabled"),
            Refusal::GroupTooBig => (550, Enhanced(5, 2, 4), "Too many members to deliver to"),
            Refusal::MemberElsewhere => (
                550,
                Enhanced(5, 2, 4),
                "Some members are at other servers, which cannot be reached from here",
            ),
            _ => (451, Enhanced(4, 3, 0), "Storage failed, try again later"),
        }
    }
}
