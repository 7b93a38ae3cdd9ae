//! What the store refuses, and how it fails: two things, never mixed.

use engine::EngineError;
use thiserror::Error;

/// What was asked for cannot be had; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The account has been removed.
    #[error("the account has been removed")]
    NoAccount,
    /// The mailbox is not there, or no longer.
    #[error("there is no such mailbox")]
    NoMailbox,
    /// The name is taken.
    #[error("there is a mailbox of that name already")]
    MailboxExists,
    /// Every account keeps its inbox.
    #[error("the inbox cannot be deleted")]
    InboxStays,
    /// A mailbox cannot move below itself.
    #[error("a mailbox cannot be renamed to a name below itself")]
    BelowItself,
    /// A mailbox below the renamed one would get a name over the limit.
    #[error("a mailbox below it would get too long a name")]
    NameTooLong,
    /// A limit of this store.
    #[error("an account has at most {} mailboxes", crate::state::MAX_MAILBOXES)]
    TooManyMailboxes,
    /// A limit of this store.
    #[error("an account has at most {} subscriptions", crate::state::MAX_MAILBOXES)]
    TooManySubscriptions,
    /// The uids of the mailbox are used up (RFC 3501 §2.3.1.1).
    #[error("the mailbox has used up its uids")]
    OutOfUids,
    /// A limit of this store: a copy is one transaction.
    #[error("too many messages for one copy; copy fewer at a time")]
    TooManyMessages,
    /// Too many large mailboxes are being read at a time: it may work later.
    #[error("there is no memory for this mailbox now; try again later")]
    NoMemory,
    /// Some of the messages that were to be taken all or none are gone.
    #[error("some of the messages are gone")]
    MessagesGone,
    /// The account may not have more.
    #[error("the account has no room for it")]
    OverQuota,
    /// Larger than 4 GiB.
    #[error("a message has at most 4 GiB")]
    MessageTooLarge,
}

/// Why a verb did not happen.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The caller asked for what it cannot have.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The engine below could not do it; try again later.
    #[error(transparent)]
    Failed(#[from] EngineError),
    /// A stored row does not have the form it must have.
    #[error("account {account}: a row of table {table} is unreadable; run a check of the data folder")]
    UnreadableRow {
        /// Whose row.
        account: u64,
        /// Which table, as a word.
        table: &'static str,
    },
}
