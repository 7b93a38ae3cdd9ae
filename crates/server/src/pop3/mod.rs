//! POP3 (RFC 1939, RFC 2449, RFC 2595, RFC 5034, RFC 6856): whole messages go out, from one maildrop.
//!
//! Read first: [`connection`] holds a connection and answers its commands. [`login`] opens the maildrop under a lease, for
//! [`auth`] too; [`transaction`] answers about the messages; [`update`] is what QUIT does.
//!
//! **Invariants**: a session sees the messages that were there at its login. At most one POP3 session has an account's
//! maildrop; no other protocol notices. Nothing is deleted but by QUIT.

mod auth;
mod connection;
mod delay;
mod door;
mod lease;
mod login;
mod surrogate;
mod transaction;
mod update;

pub use connection::serve;
pub use delay::{Delays, OwnerFuture, Owners};
pub use door::{Authority, Door, LoginFuture, Site};
pub use lease::Leases;
pub use surrogate::Sizes;
