//! What `cargo xtask` does, as functions that tests call as well.
//!
//! **Invariant**: nothing here knows a host of the network; programs come from the machine's own package tools.
#![allow(clippy::print_stdout, reason = "a command line")]

pub mod licences;
pub mod programs;
pub mod rfc;
pub mod test;
pub mod tidy;
pub mod workspace;
