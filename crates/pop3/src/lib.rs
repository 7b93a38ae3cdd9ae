//! The grammar of POP3 (RFC 1939) with CAPA (RFC 2449) and STLS (RFC 2595): commands, replies, states; no I/O.
//!
//! Read first: [`command::COMMANDS`] says which commands there are, in which [`state::Session`] each is allowed and which
//! capability announces it; [`command::parse`] makes a [`Command`] of a line. [`Maildrop`] is the list of messages that
//! a session works on: their numbers, their sizes and the marks of DELE. [`Refusal`] is everything that is refused,
//! [`reply`] prints what is granted, and the reply to CAPA comes from [`capability::CAPABILITIES`].
//!
//! **Invariants**: a message number means the same message until QUIT. Nothing is deleted before QUIT.
//!
//! GAP RFC 1939 §7: no APOP, because it needs passwords that can be read; TLS does better what it was for.
//!
//! GAP RFC 5034 §4: no AUTH; USER and PASS say the same.

pub mod capability;
pub mod command;
pub mod maildrop;
pub mod reply;
pub mod state;

mod refusal;
mod top;

pub use command::{Command, In, Number};
pub use maildrop::{Maildrop, Message};
pub use refusal::Refusal;
pub use state::Session;
pub use top::top;

/// A command line, line end included. RFC 2449 §4 asks for 255; passwords may be longer.
pub const COMMAND_LINE: usize = 2048;

/// Refused commands on one connection before it is closed.
pub const ERRORS: u32 = 100;
