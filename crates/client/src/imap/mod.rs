//! Mail on a server: listing, searching, fetching, changing and adding over IMAP (RFC 3501, RFC 9051), with what the server has of the
//! extensions, and honest ways around what it has not.
//!
//! Read first: [`Client::connect`], [`Client::list`], [`Client::select`], then [`Client::fetch`]: messages come one after the other, as many
//! as are asked for, and large bodies in pieces. Messages are named by their uids throughout: what others expunge meanwhile moves nothing.
//! What the server says unasked is in [`Client::news`], and [`Client::idle`] waits for it.
//!
//! **Invariants**: what is kept of a server's words is bounded, whatever it sends. A command that was left in the middle, by dropping a
//! [`Fetch`] or an [`Idle`], is brought to its end by the next one.
//!
//! Spoken here, and not offered by the server of `posthouse` yet: GAP RFC 4978: the server does not compress. GAP RFC 9051: the server says
//! IMAP4rev1 alone. GAP RFC 3516: the server has no BINARY. GAP RFC 4731: the server has no ESEARCH.

mod append;
mod change;
mod client;
mod compress;
mod exchange;
mod fetch;
mod idle;
mod login;
mod mailbox;
mod search;
mod select;

pub use ::imap::Mode;
pub use ::imap::client::{
    BodyStructure, Disposition, Envelope, Fetched, Item, Known, Listed, ListedName, Mailbox, MailboxStatus,
    Namespace, Namespaces, Octets, Part, Query, Quota, QuotaResource, Ranges, ServerFlag, StoreWhat,
};
pub use ::imap::command::search::{Relation, SearchKey};
pub use ::imap::command::status::StatusItem;
pub use ::imap::grammar::date::Date;
pub use ::imap::grammar::section::{Partial, Section, SectionText};

pub use self::append::{Appended, NewMessage};
pub use self::change::{Copied, How, Moved};
pub use self::client::{Client, News};
pub use self::fetch::{Body, Fetch, Got};
pub use self::idle::Idle;
pub use self::select::Opened;
