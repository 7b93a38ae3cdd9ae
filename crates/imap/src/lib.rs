//! The grammar of IMAP4rev1 (RFC 3501) and of the extensions that the server announces; no I/O.
//!
//! Read first: [`framing`] finds where a command ends, lines and literals alike, before anything is parsed, so
//! that one bad command costs one reply and not the connection. [`command::parse`] turns a frame into a
//! [`command::Tagged`]; the table [`command::COMMANDS`] says which commands there are, where they are allowed and
//! which capability announces them. [`response`] prints what a server says. [`client`] is the other
//! side: it parses what a server says, and prints commands. [`grammar`] holds the rules that several
//! commands share: strings, sets, flags, dates, sections and mailbox names.
//!
//! A parser returns a value, or a [`ParseError`] that says where it stopped and what it wanted there. It never
//! allocates more than the peer has sent, and every recursion has a depth limit.

pub mod client;
pub mod command;
pub mod framing;
pub mod grammar;
pub mod response;

mod refusal;

pub use command::{COMMANDS, Command, Entry, In, Tagged};
pub use framing::{Event, Frame, Framer, Limits};
pub use grammar::cursor::ParseError;
pub use grammar::mode::Mode;
pub use refusal::Refusal;
pub use response::body_structure::{body_structure_text, body_text};
pub use response::envelope::envelope_text;
