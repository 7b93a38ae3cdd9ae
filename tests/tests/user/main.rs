//! The user's side of the command line against the built server: a module a command.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod copy;
mod copy_broken;
mod copy_faults;
mod copy_files;
mod copy_killed;
mod dkim;
mod dovecot;
mod examples;
mod exit_codes;
mod fetch;
mod help;
mod json;
mod profile;
mod proxy;
mod send;
mod show;
mod sync;
mod testing;
mod tutorial;
mod watch;

use std::path::Path;
use std::process::{Command, Stdio};

use end_to_end::{Server, Service, server};
use std::io::Write as _;

/// What a command said: its code, standard output, standard error.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program with some input, its password in the environment.
pub(crate) fn run(folder: &Path, words: &[&str], input: &[u8]) -> Said {
    run_as("tin whistle", folder, words, input)
}

/// The same with another password.
pub(crate) fn run_as(password: &str, folder: &Path, words: &[&str], input: &[u8]) -> Said {
    said(
        server::posthouse(words)
            .env("POSTHOUSE_PASSWORD", password)
            .current_dir(folder),
        input,
    )
}

pub(crate) fn said(command: &mut Command, input: &[u8]) -> Said {
    command.env("LC_ALL", "C.UTF-8");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Not every command reads its input to the end.
    drop(child.stdin.take().unwrap().write_all(input));
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Said {
    /// Asserts that it ended well.
    pub(crate) fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self.out
    }
}

/// Alice's server for a scheme, without TLS.
pub(crate) fn url(server: &Server, scheme: &str) -> String {
    let service = match scheme {
        "pop3" => Service::Pop3,
        "lmtp" => Service::Lmtp,
        "imap" => Service::Imap,
        _ => Service::Submission,
    };
    format!(
        "{scheme}://alice%40example.org@127.0.0.1:{}?tls=none",
        server.port(service)
    )
}
