//! For tests of programs that send or fetch mail: a server of their own, which goes away with the test.
//!
//! ```no_run
//! # async fn test() -> Result<(), posthouse_client::testing::TestError> {
//! let mail = posthouse_client::testing::Local::start().await?;
//! // … the program under test sends to mail.smtp() …
//! let message = mail.wait_for("bob", |message| message.subject() == "Your order").await?;
//! # Ok(()) }
//! ```
//!
//! The server is the program `posthouse`: the one that `POSTHOUSE` names in the environment, else the one beside the test's own target
//! folder, else the one in `PATH`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use message::Message;
use tempfile::TempDir;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::{Instant, sleep, timeout};

use crate::pop3::{Client, Got};
use crate::{Error, Login, Protocol, Security, Server};

/// So long the server may take to start.
const START: Duration = Duration::from_secs(30);

/// So long is waited for a message unless [`Local::patience`] says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long between two looks into a mailbox.
const LOOK: Duration = Duration::from_millis(20);

/// Messages larger than this are not looked at.
const MAX_MESSAGE: usize = 64 << 20;

/// So many times other ports are tried when somebody has taken some.
const TRIES: u32 = 20;

/// Why there is no server, or no message.
#[derive(Debug, Error)]
pub enum TestError {
    /// The program `posthouse` is not there, or cannot be run.
    #[error("posthouse cannot be started: {0}; name it with POSTHOUSE=/path/to/posthouse")]
    Program(#[source] io::Error),
    /// It ended, or was not ready in time; this is what it said.
    #[error("posthouse local did not start: {0}")]
    NotReady(String),
    /// An account could not be made; this is what the program said.
    #[error("the account could not be made: {0}")]
    Account(String),
    /// No message that matches came in time; these are the subjects of those that did.
    #[error("no such message came within {waited:?}; there are: {subjects:?}")]
    NoMessage {
        /// How long was waited.
        waited: Duration,
        /// The subjects of the messages that are there.
        subjects: Vec<String>,
    },
    /// The server could not be asked.
    #[error(transparent)]
    Client(#[from] Error),
}

/// A server of one's own, with empty accounts `alice@example.org` and `bob@example.org`, whose passwords are `alice` and `bob`.
#[derive(Debug)]
pub struct Local {
    child: Child,
    program: PathBuf,
    folder: TempDir,
    offset: u16,
    patience: Duration,
}

impl Local {
    /// Starts a server on ports that are free.
    ///
    /// # Errors
    /// When the program is not found, or does not start.
    pub async fn start() -> Result<Self, TestError> {
        let program = program();
        let folder = tempfile::tempdir().map_err(TestError::Program)?;
        let mut said = String::new();
        for _ in 0..TRIES {
            let offset = free_offset();
            let mut child = Command::new(&program)
                .args([
                    "local",
                    "--empty",
                    "--lang",
                    "en",
                    "--port-offset",
                    &offset.to_string(),
                    "--data",
                ])
                .arg(folder.path().join("data"))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(TestError::Program)?;
            match ready(&mut child).await {
                Ok(()) => {
                    let local = Local {
                        child,
                        program,
                        folder,
                        offset,
                        patience: PATIENCE,
                    };
                    local.account("alice")?;
                    local.account("bob")?;
                    return Ok(local);
                }
                Err(words) => said = words,
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        Err(TestError::NotReady(said))
    }

    /// Waits so long for messages.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Makes another account; its address is `name@example.org`, its password `name`.
    ///
    /// # Errors
    /// When there is one of this name.
    pub fn account(&self, name: &str) -> Result<(), TestError> {
        let child = Command::new(&self.program)
            .args(["account", "add", "--lang", "en", "--password-stdin", "--data"])
            .arg(self.data())
            .arg(format!("{name}@example.org"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.map_err(TestError::Program)?;
        if let Some(mut input) = child.stdin.take() {
            writeln!(input, "{name}").map_err(TestError::Program)?;
        }
        let done = child.wait_with_output().map_err(TestError::Program)?;
        match done.status.success() {
            true => Ok(()),
            false => Err(TestError::Account(
                String::from_utf8_lossy(&done.stderr).trim().to_owned(),
            )),
        }
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where mail comes in, without a login: `127.0.0.1` and this port.
    #[must_use]
    pub fn smtp_port(&self) -> u16 {
        25 + self.offset
    }

    /// Where accounts send, with a login.
    #[must_use]
    pub fn submission_port(&self) -> u16 {
        587 + self.offset
    }

    /// IMAP.
    #[must_use]
    pub fn imap_port(&self) -> u16 {
        143 + self.offset
    }

    /// POP3.
    #[must_use]
    pub fn pop3_port(&self) -> u16 {
        110 + self.offset
    }

    /// The server for sending without a login.
    #[must_use]
    pub fn smtp(&self) -> Server {
        self.server(Protocol::Smtp, self.smtp_port())
    }

    /// The server for an account, over a protocol.
    #[must_use]
    pub fn of(&self, name: &str, protocol: Protocol) -> Server {
        let port = match protocol {
            Protocol::Smtp => self.submission_port(),
            Protocol::Lmtp => 24 + self.offset,
            Protocol::Pop3 => self.pop3_port(),
            Protocol::Imap => self.imap_port(),
        };
        self.server(protocol, port).login(Login::password(name, name))
    }

    fn server(&self, protocol: Protocol, port: u16) -> Server {
        Server::new(protocol, "127.0.0.1", Security::None).port(port)
    }

    /// The octets of all messages of an account.
    ///
    /// # Errors
    /// When the server is gone, or somebody else has the mailbox open over POP3.
    pub async fn messages(&self, name: &str) -> Result<Vec<Vec<u8>>, TestError> {
        let mut client = Client::connect(&self.of(name, Protocol::Pop3)).await?;
        let (count, _) = client.stat().await?;
        let numbers: Vec<u32> = (1..=count).collect();
        let mut retrieval = client.retrieve(numbers);
        let mut messages = Vec::new();
        while let Some(got) = retrieval.next().await? {
            if let Got::Message(_) = got {
                messages.push(retrieval.whole(MAX_MESSAGE).await?);
            }
        }
        client.quit().await?;
        Ok(messages)
    }

    /// Waits for a message of an account that matches, and gives its octets.
    ///
    /// # Errors
    /// When none comes in time.
    pub async fn wait_for(
        &self,
        name: &str,
        mut matches: impl FnMut(&Message<'_>) -> bool,
    ) -> Result<Vec<u8>, TestError> {
        let until = Instant::now() + self.patience;
        loop {
            let messages = self.messages(name).await?;
            if let Some(found) = messages.iter().find(|octets| matches(&Message::parse(octets))) {
                return Ok(found.clone());
            }
            if Instant::now() >= until {
                let subjects = messages
                    .iter()
                    .map(|octets| Message::parse(octets).subject())
                    .collect();
                let waited = self.patience;
                return Err(TestError::NoMessage { waited, subjects });
            }
            sleep(LOOK).await;
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // Its folder goes next: nothing of it has to be kept.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads what the server prints until its table is there.
async fn ready(child: &mut Child) -> Result<(), String> {
    let words = |error: io::Error| error.to_string();
    let out = child.stdout.take().ok_or("no standard output")?;
    let errors = child.stderr.take().ok_or("no standard error")?;
    let out = tokio::process::ChildStdout::from_std(out).map_err(words)?;
    let mut lines = BufReader::new(out).lines();
    let waiting = async {
        while let Some(line) = lines.next_line().await? {
            if line.contains("is ready") {
                return Ok(true);
            }
        }
        Ok::<bool, io::Error>(false)
    };
    let is_ready = timeout(START, waiting)
        .await
        .map_err(|_| "it was not ready in time".to_owned())?
        .map_err(words)?;
    // What it prints later is nobody's, and must not fill a pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let errors = tokio::process::ChildStderr::from_std(errors).map_err(words)?;
    let mut errors = BufReader::new(errors).lines();
    if is_ready {
        tokio::spawn(async move { while let Ok(Some(_)) = errors.next_line().await {} });
        return Ok(());
    }
    let mut said = String::new();
    while let Ok(Some(line)) = errors.next_line().await {
        said.push_str(&line);
        said.push('\n');
    }
    Err(said)
}

/// An offset at random, far from the usual ports and below those that the system gives out.
fn free_offset() -> u16 {
    let mut octets = [0; 2];
    getrandom::fill(&mut octets).expect("the system has random numbers");
    10_000 + u16::from_le_bytes(octets) % 17_000
}

fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("POSTHOUSE") {
        return named.into();
    }
    let beside = std::env::current_exe().ok().and_then(|test| {
        let built = test
            .ancestors()
            .skip(1)
            .take(3)
            .map(|folder| folder.join("posthouse"));
        built.into_iter().find(|path| Path::is_file(path))
    });
    beside.unwrap_or_else(|| "posthouse".into())
}
