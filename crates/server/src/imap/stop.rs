//! Why a command is not carried out to its end.

use std::io;

use imap::Refusal;
use store::StoreError;
use thiserror::Error;

/// What ends a command early.
#[derive(Debug, Error)]
pub(super) enum Stop {
    /// The client learns why, and goes on.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The open mailbox is no longer there: the client has to connect again.
    #[error("the mailbox has been deleted")]
    MailboxGone,
    /// There is no connection any more, or nothing sensible can be said over it.
    #[error(transparent)]
    Connection(#[from] io::Error),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            // Nothing that is left of it can be shown.
            StoreError::Refused(store::Refusal::NoAccount) => Stop::MailboxGone,
            other => Stop::Refused(refusal(other)),
        }
    }
}

/// A refusal of the store in the words of IMAP. A failure is told to the operator here, and to the client without
/// details.
pub(super) fn refusal(error: StoreError) -> Refusal {
    use store::Refusal as Store;
    match error {
        StoreError::Refused(refused) => match refused {
            Store::NoMailbox | Store::NoAccount => Refusal::NoMailbox,
            Store::MailboxExists => Refusal::MailboxExists,
            Store::InboxStays => Refusal::Inbox,
            Store::BelowItself => Refusal::BelowItself,
            Store::MessageTooLarge => Refusal::TooBig,
            Store::NoMemory => Refusal::Unavailable,
            Store::OverQuota => Refusal::OverQuota,
            Store::MessagesGone => Refusal::ExpungeIssued,
            Store::NameTooLong
            | Store::TooManyMailboxes
            | Store::TooManySubscriptions
            | Store::TooManyMessages
            | Store::OutOfUids => Refusal::Limit,
        },
        failed => {
            tracing::error!(error = %failed, "imap: the store failed");
            Refusal::Unavailable
        }
    }
}
