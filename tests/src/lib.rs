//! What the end-to-end tests share: a server of their own, a plain conversation with it, outside programs.
//!
//! **Invariant**: every test has its own data folder and its own free ports, and leaves no process behind.
//! Nothing here knows how Posthouse is built: it is a program with files and ports.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what goes wrong here fails a test"
)]

pub mod conversation;
pub mod messages;
pub mod program;
pub mod server;
pub mod serving;

pub use conversation::Conversation;
pub use server::{Refused, Server, Service};
pub use serving::Serving;
