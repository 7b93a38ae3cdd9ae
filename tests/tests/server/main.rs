//! What the whole program promises when it is killed, starved, damaged and attacked.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests, some of which say why they do not run"
)]

mod accounts;
mod backup;
mod crash;
mod damage;
mod export;
mod formats;
mod hostile;
mod migration;
mod power_loss;
mod privileges;
mod repair;
mod salvage;
mod scarcity;
mod setup;
mod uidl;
mod undelete;
