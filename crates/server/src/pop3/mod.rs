//! POP3 (RFC 1939, RFC 2449, RFC 2595): whole messages go out, from one maildrop.
//!
//! Read first: [`connection`] holds a connection and answers its commands. [`login`] opens the maildrop under a lease;
//! [`transaction`] answers about the messages; [`update`] is what QUIT does.
//!
//! **Invariants**: a session sees the messages that were there at its login. At most one POP3 session has an account's
//! maildrop; no other protocol notices. Nothing is deleted but by QUIT.

mod connection;
mod door;
mod lease;
mod login;
mod transaction;
mod update;

#[cfg(test)]
mod tests;

pub use connection::serve;
pub use door::{Authority, Door, LoginFuture};
pub use lease::Leases;
