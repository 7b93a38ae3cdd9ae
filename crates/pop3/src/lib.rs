//! The grammar of POP3 (RFC 1939) with CAPA (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034), UTF8 and LANG (RFC 6856): commands,
//! replies, states; no I/O.
//!
//! Read first: [`command::COMMANDS`] says which commands there are, in which [`state::Session`] each is allowed and which
//! capability announces it; [`command::parse`] makes a [`Command`] of a line. [`Maildrop`] is the list of messages that
//! a session works on: their numbers, their sizes and the marks of DELE. [`Refusal`] is everything that is refused,
//! [`reply`] prints what is granted, both in every [`Language`], and the reply to CAPA comes from [`capability::CAPABILITIES`].
//!
//! [`client`] is the other side: it reads status lines, capabilities and listings.
//!
//! **Invariants**: a message number means the same message until QUIT. Nothing is deleted before QUIT.
//!
//! GAP RFC 1939 §7: no APOP, because it needs passwords that can be read; TLS does better what it was for.

pub mod capability;
pub mod client;
pub mod command;
pub mod language;
pub mod maildrop;
pub mod reply;
pub mod state;

mod refusal;
mod top;

pub use command::{Command, In, Number};
pub use language::Language;
pub use maildrop::{Maildrop, Message};
pub use refusal::{Refusal, Wanted};
pub use state::Session;
pub use top::{TopEnd, top};

/// A command line, line end included. RFC 2449 §4 asks for 255; passwords may be longer, and so are the initial responses
/// of AUTH that mail programs send although RFC 5034 §4 tells them not to.
pub const COMMAND_LINE: usize = 4096;

/// A line of an AUTH exchange. RFC 5034 §4: as long as any mechanism needs; RFC 4954 §4 has found 12288 octets enough.
pub const AUTH_LINE: usize = 12_288;

/// Refused commands on one connection before it is closed.
pub const ERRORS: u32 = 100;
