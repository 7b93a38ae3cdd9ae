//! Fetching mail into files: only what is new, nothing lost and nothing twice, whatever happens in between.
//!
//! Read first: [`Target`] is a Maildir, an mbox or a folder of `.eml` files, with a journal beside it of what was fetched from one account;
//! [`from_pop3`] and [`from_imap`] fill it. Messages are written in batches. A batch is on stable storage before the journal says so, and only then
//! a message may be deleted from the server. A batch that was interrupted is found at the next opening: what it had brought into
//! its place counts, and half a batch in an mbox is cut off.

mod imap;
mod journal;
mod keywords;
mod lines;
mod name;
mod pop3;
mod summary;
mod target;

pub use self::imap::{from_imap, marks_of};
pub(crate) use self::lines::LineFeeds;
pub use self::pop3::from_pop3;
pub use self::summary::{Keep, Summary};
pub use self::target::{Arrival, Format, Target};
