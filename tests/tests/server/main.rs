//! What the whole program promises when it is killed, starved, damaged and attacked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod accounts;
