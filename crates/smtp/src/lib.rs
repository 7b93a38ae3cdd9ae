//! The grammar of SMTP (RFC 5321), submission (RFC 6409) and LMTP (RFC 2033): commands, replies, states; no I/O.
//!
//! Read first: [`command::COMMANDS`] says which commands there are and in which [`state::Session`] each is allowed;
//! [`command::parse`] makes a [`Command`] of a line. [`ehlo::KEYWORDS`] says what is announced, and when.
//! [`Refusal`] is everything that a server says no with, codes and words in one file; [`Reply`] prints.
//! [`client`] is the other side: it reads replies and announcements, and prints MAIL and RCPT.
//! [`trace`] makes what a server writes above a message, and [`header`] looks at what is there already.
//!
//! A parser of our own and not the `smtp-proto` crate: that one takes every registered parameter, also those that are
//! not announced, while RFC 5321 §4.1.1.11 wants 555 for them; and it does not say what was wrong.
//!
//! GAP RFC 5321 §2.1: mail to other servers is not sent yet.
//!
//! GAP RFC 3030 §3: no BINARYMIME, until what is sent on can be made without it.
//!
//! DEVIATION RFC 5321 §2.3.1: header fields in UTF-8, or in another 8-bit charset, are taken without SMTPUTF8 too: RFC
//! 6531 §3.6 asks no server to look, much mail is of that kind, and who cannot read it is given a surrogate.
//!
//! GAP RFC 3461 §4: no DSN, until there is a queue that can report.

pub mod client;
pub mod command;
pub mod ehlo;
pub mod header;
pub mod limits;
pub mod reply;
pub mod state;
pub mod trace;

mod refusal;

pub use command::{Body, ClientName, Command, Dialect, ForwardPath, Hello, Letters, Mail, Rcpt, ReversePath};
pub use refusal::Refusal;
pub use reply::{Enhanced, Reply};
