//! Where protocols, store and directory meet: listeners, connections, sessions.
//!
//! Read first: [`Services`] is what a server has, [`listen`] takes connections in and hands each to its protocol. One
//! folder a protocol: [`smtp`], [`pop3`], [`imap`]. A connection is one async function over a stream of bytes, and what
//! it may ask of the world is its `Door`; tests open that door with a pipe.
//!
//! **Invariant**: a panic in one connection ends that connection only.

pub mod facts;
pub mod imap;
pub mod listen;
pub mod observe;
pub mod oidc;
pub mod pop3;
pub mod smtp;
pub mod tls;

mod authenticate;
mod authority;
mod casemap;
mod channel;
mod clock;
mod introspection;
mod limits;
mod lines;
mod metrics;
mod outlet;
mod quotas;
mod services;
mod tally;
mod terms;
mod workspace;

pub use authenticate::{Entered, KeptFuture, Sasl};
pub use channel::Channel;
pub use clock::system_clock;
pub use limits::Shares;
pub use metrics::Metrics;
pub use outlet::Outlet;
pub use quotas::keep_to_quotas;
pub use services::{Mode, Services};
pub use tally::Tally;
pub use terms::Terms;
pub use workspace::Workspace;
