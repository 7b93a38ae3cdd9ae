//! Transcripts: conversations as text that a mail administrator can read, and what runs them.
//!
//! A file says what it shows, what is given, and then line by line who says what:
//!
//! ```text
//! # RFC 3501 §6.1.2: what this shows.
//! given account alice "tin whistle"
//! given mailbox alice INBOX: plain.eml html.eml[\Seen]
//! given session 1 alice INBOX
//!
//! C1: a NOOP
//! S1: a OK <*>
//! ```
//!
//! `C1:` is what client 1 sends (`C:` is client 1 as well; `C1-` sends no line end), `S1:` the next line exactly, `S1~` one
//! of the next lines in any order, `S1*` one of the lines before the next `S1:`, of which others may come (an empty `S1*`
//! only lets others come). `X1:` the server closes, and not before what client 1 has sent last. `T: +30m` the clock moves.
//! In what the server says `<*>` is anything and `<name>` is captured and later equal, also in what a client sends. In what
//! a client sends, `<NUL>`, `<CR>`, `<LF>` and `<x*1000>` (repeated) stand for what cannot be written. `given session 1
//! alice INBOX` logs in and opens a mailbox before the first line; a line that is not listed fails the transcript. `given
//! setting login_delay 60` is for the tests in memory only.
//! `given quota alice storage=2048 messages=3` limits an account, either or both.

use std::fs;
use std::path::{Path, PathBuf};

mod parse;
mod pattern;
mod run;

pub use parse::{Given, Transcript};
pub use run::{Failure, Stream, World, run};

/// The files under a folder, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
