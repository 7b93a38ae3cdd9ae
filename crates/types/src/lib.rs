//! The words of Posthouse: the numbers and names that every layer above speaks in.
//!
//! Every number with a meaning is a type of its own, so that a uid is never taken for a position and
//! a change number never for a uid. Nothing here does I/O or knows a protocol.

mod address;
mod ids;
mod keyword;
mod mailbox_name;
mod network;
mod time;
mod unique_id;

pub use address::{Address, AddressError, Domain, LocalPart};
pub use ids::{
    AccountId, BlobId, ChangeNumber, ContentId, EntryId, MailboxId, Octets, ThreadId, Uid, UidValidity,
};
pub use keyword::{KeywordError, KeywordName, SystemKeyword};
pub use mailbox_name::{MailboxName, MailboxNameError, Role, SEPARATOR};
pub use network::Network;
pub use time::Timestamp;
pub use unique_id::{OwnId, UniqueId, UniqueIdError};
