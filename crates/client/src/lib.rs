//! Sending, fetching and reading mail: clients of SMTP, LMTP, POP3 and IMAP that talk to any server.
//!
//! Read first: [`Server`] says where a server is and how to speak with it, as a URL or step by step: TLS, trust, login,
//! proxy, time-outs, a log of what goes over the wire. [`smtp::Client`] sends, [`pop3::Client`] and [`imap::Client`] fetch. What is sent is composed,
//! and what was fetched is read, with the `message` crate, which is [`message`] here. [`dkim`] signs it. Every failure is an [`Error`], which
//! says whose fault it was, at which step, and what the server said, in English or Chinese.
//!
//! **Invariants**: a password goes over a connection without TLS only if the caller asked for one without TLS. Nothing that came
//! before STARTTLS is looked at after it. What is secret does not print, and is not in the log. No wait is without an end,
//! and nothing that a server sends is kept beyond a limit.

mod certificate;
mod channel;
mod connect;
pub mod copy;
#[cfg(feature = "discover")]
pub mod discover;
pub mod dkim;
pub mod download;
mod error;
mod files;
mod hint;
mod language;
mod log;
mod login;
#[cfg(feature = "oauth")]
pub mod oauth;
mod server;
#[cfg(any(feature = "discover", feature = "oauth"))]
mod web;

pub mod imap;
pub mod names;
pub mod pop3;
pub mod smtp;
pub mod sync;
pub mod testing;

pub use connect::{Identity, Proxy, Trust};
pub use error::{Cause, Error, Fault, Flaw, Hint, Said, Step, Untrusted};
pub use files::{Files, mail, stamp};
pub use language::Language;
pub use log::{Direction, WireLog};
pub use login::Login;
pub use message;
pub use sasl::{Mechanism, Secret};
pub use server::{AddressError, Protocol, Security, Server, TimeOuts, parse_pin};
pub use types::Address;
