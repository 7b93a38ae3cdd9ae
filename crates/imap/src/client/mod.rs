//! The client's side of the grammar: what a server says is cut and parsed, and what a client says is printed.
//!
//! Read first: [`Framer`] cuts what comes into responses and hands out large bodies in pieces, so that a literal of any size
//! needs no memory of its own. [`parse`] turns a response into a [`Response`]. It forgives what servers are known to write and the
//! RFCs do not allow, and never allocates more than was sent. [`Line`] writes a command, and cuts it where
//! the server has to agree before a literal is sent.

mod body_structure;
mod envelope;
mod fetch;
mod flag;
mod framing;
mod line;
mod mailbox;
mod ranges;
mod reader;
mod request;
mod response;
mod search;
mod status;

pub use body_structure::{BodyStructure, Disposition};
pub use envelope::{Envelope, Mailbox};
pub use fetch::{Fetched, Octets, Part};
pub use flag::ServerFlag;
pub use framing::{Framer, Limits, Piece};
pub use line::{Line, Literals, Segment};
pub use mailbox::{
    Listed, ListedName, MailboxStatus, Namespace, Namespaces, Quota, QuotaResource, QuotaRoot,
};
pub use ranges::Ranges;
pub use request::{Item, Known, StoreWhat};
pub use response::{Data, Response, Vanished, parse};
pub use search::{ESearch, Query};
pub use status::{Code, Condition, Status};

#[cfg(test)]
mod tests;
