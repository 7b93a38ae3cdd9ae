//! The verbs: each changes an account as one transaction.

mod append;
mod bring;
mod copy;
mod expunge;
mod keywords;
mod mailbox;
mod salvage;
mod undelete;
mod view;

pub use append::{Appended, BlobSource, Facts, NewMessage};
pub use bring::{Brought, BroughtId, Origin};
pub use copy::{Copied, Moved, Named};
pub use expunge::Expunged;
pub use keywords::{KeywordAction, KeywordChange, Keywords};

pub(crate) use append::{Append, Deliver};
pub(crate) use copy::{CopyMessages, MoveMessages};
pub(crate) use expunge::{Expunge, Which};
pub(crate) use keywords::SetKeywords;
pub(crate) use mailbox::{CreateMailbox, DeleteMailbox, FirstMailboxes, RenameMailbox, Subscribe};
pub(crate) use salvage::{Adopt, Renew, Renewed};
pub(crate) use undelete::{Expire, Forget, Lies, Over, Purge, Restore};
pub(crate) use view::{DeleteAccount, LoadView, StoreRecent};
