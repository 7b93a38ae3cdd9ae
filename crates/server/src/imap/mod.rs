//! IMAP4rev1 (RFC 3501) over the store.
//!
//! [`serve`] is one connection from greeting to end. `session` reads commands, checks their state and answers them,
//! `carry_out` finds who does what; beside them lies one file for each group of commands, named as in the RFC.
//! `selected` knows what the client of an open mailbox has been told, `connection` bounds what is on its way in both
//! directions.
//!
//! Untagged responses precede the tagged one. A message is appended, a flag stored or a message expunged before the
//! client hears OK, and it is on stable storage then.

mod apart;
mod append;
mod blocks;
mod body;
mod carry_out;
mod connection;
mod copy;
mod door;
mod expunge;
mod fetch;
mod flags;
mod list;
mod login;
mod mailbox;
mod many;
mod r#move;
mod normal;
mod octets;
mod plan;
mod quota;
mod search;
mod select;
mod selected;
mod session;
mod status;
mod stop;
mod store;
mod texts;
mod written;

pub use connection::Stream;
pub use door::{Authority, Door, LoginFuture, Passwords, Upgrade, UpgradeFuture};
pub use session::serve;
