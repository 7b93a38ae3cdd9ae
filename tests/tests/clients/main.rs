//! Posthouse driven by programs that nobody here wrote, a module each, named as the program.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod curl;
mod fetchmail;
mod getmail;
mod mbsync;
mod msmtp;
mod mutt;
mod neomutt;
mod offlineimap;
mod python;
mod readme;
mod s_nail;
mod swaks;
mod systemd_analyze;
