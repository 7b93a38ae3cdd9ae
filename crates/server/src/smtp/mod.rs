//! SMTP (RFC 5321), submission (RFC 6409) and LMTP (RFC 2033): mail comes in.
//!
//! Read first: [`connection`] holds a connection and carries its commands out, one file a group of them: [`hello`],
//! [`auth`], [`transaction`] (MAIL and RCPT), [`data`] (DATA and BDAT). [`delivery`] writes above a message
//! what RFC 5321 §4.4 asks for, has it checked ([`check`]), gives it to the store, and says yes only when the store has
//! said so.
//! [`policy`] is what a listener demands and permits.
//!
//! **Invariants**: a message is acknowledged only after the store calls it durable. The bytes are the same for all
//! recipients of one transaction. Nothing that came before STARTTLS is looked at after it.

mod auth;
mod check;
mod connection;
mod data;
mod delivery;
mod door;
mod hello;
mod intake;
mod pace;
mod policy;
mod transaction;

#[cfg(test)]
mod tests;

pub use connection::serve;
pub use door::{Answer, Authority, Door, Found, Owns, Site, Tls};
pub(crate) use intake::Hold;
pub use intake::Intake;
pub use policy::{Port, Relay};
