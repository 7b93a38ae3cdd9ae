//! Fetching mail over POP3 (RFC 1939), with CAPA, STLS, SASL, UIDL, TOP, UTF8 and pipelining.
//!
//! Read first: [`Client::connect`], [`Client::list`] for what is there, [`Client::retrieve`] for messages: many may be asked for at once,
//! and each comes in pieces. [`Client::delete`] marks, and [`Client::quit`] carries it out.

mod client;
mod retrieve;

pub use ::pop3::client::Capabilities;

pub use self::client::{Client, Entry};
pub use self::retrieve::{Got, Retrieval};
