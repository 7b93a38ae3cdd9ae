//! Outside programs: found, or the test is not run; run with a time limit of their own.
//!
//! `cargo xtask test` leaves the tests of absent programs out and says so. A test that is run all the same says that it
//! was not, or fails where `POSTHOUSE_REQUIRE_PROGRAMS=1`.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::{Server, Service};

/// Whether a program is here.
#[must_use]
pub fn is_here(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let here = env::split_paths(&path).any(|folder| folder.join(name).is_file());
    let required = env::var("POSTHOUSE_REQUIRE_PROGRAMS").is_ok_and(|value| value == "1");
    assert!(here || !required, "{name} is required and absent");
    if !here {
        println!("not run: {name} is absent");
    }
    here
}

/// What a program said.
#[derive(Debug)]
pub struct Said {
    /// How it ended: 0 when well.
    pub code: Option<i32>,
    /// On standard output.
    pub out: Vec<u8>,
    /// On standard error.
    pub err: String,
}

impl Said {
    /// Standard output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// Asserts that it ended well.
    pub fn succeeded(self) -> Said {
        assert_eq!(
            self.code,
            Some(0),
            "stdout:\n{}\nstderr:\n{}",
            self.text(),
            self.err
        );
        self
    }
}

/// Runs a program, at most for a minute, with some input.
pub fn run<A: AsRef<OsStr>>(folder: &Path, words: &[A], input: &[u8]) -> Said {
    let mut command = Command::new("timeout");
    command.arg("60").args(words).current_dir(folder);
    // Settings of whoever runs the tests change nothing.
    command
        .env("HOME", folder)
        .env("LC_ALL", "C.UTF-8")
        .env("PYTHONIOENCODING", "utf-8");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut stdin = process.stdin.take().unwrap();
    let input = input.to_vec();
    // Not every program reads its input to the end.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let mut stderr = process.stderr.take().unwrap();
    let errors = thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    });
    let output = process.wait_with_output().unwrap();
    writer.join().unwrap();
    Said {
        code: output.status.code(),
        out: output.stdout,
        err: errors.join().unwrap(),
    }
}

/// Runs `tests/python/NAME.py` against a server; it fails by an exception.
pub fn python(server: &Server, name: &str) {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let script = scripts.join(format!("{name}.py"));
    let (offset, certificate) = (server.offset().to_string(), server.certificate());
    let words: [&OsStr; 5] = [
        "python3".as_ref(),
        "-B".as_ref(),
        script.as_ref(),
        offset.as_ref(),
        certificate.as_ref(),
    ];
    // Only the tail of what a debug level prints is worth reading.
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &words, b"");
    let tail: Vec<&str> = said.err.lines().rev().take(30).collect();
    let mut words = String::new();
    for line in tail.iter().rev() {
        writeln!(words, "{line}").unwrap();
    }
    assert_eq!(said.code, Some(0), "{name}.py:\n{}\n{words}", said.text());
}

/// `imap://127.0.0.1:2143` for a service and a scheme.
#[must_use]
pub fn url(server: &Server, scheme: &str, service: Service) -> String {
    format!("{scheme}://localhost:{}", server.port(service))
}

/// A file in a folder.
#[must_use]
pub fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    // Programs refuse files with passwords that others can read.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}
