//! Runs a transcript in a world: against a connection in memory, or a server over TCP.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::parse::{Given, Step, Transcript};
use super::pattern::{Names, fill, matches};

/// How long a line of the server is waited for. In memory the clock stands still, so nothing is really waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long after the end a line that nobody asked for is waited for.
const AFTERMATH: Duration = Duration::from_millis(30);

/// A stream to a server.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Where a transcript takes place.
#[allow(async_fn_in_trait, reason = "used in tests, on one thread")]
pub trait World {
    /// Makes an account or a mailbox; sessions are made by the runner.
    async fn give(&mut self, given: &Given);
    /// The lines that log a client in and open a mailbox, each with what ends its answer.
    fn log_in(&self, account: &str, mailbox: Option<&str>) -> Vec<(String, String)>;
    /// A new connection.
    async fn connect(&mut self) -> Box<dyn Stream>;
    /// Moves the clock.
    async fn pass(&mut self, time: Duration);
}

/// Where a transcript fails.
pub struct Failure {
    line: usize,
    why: String,
    said: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.said {
            writeln!(f, "    {line}")?;
        }
        write!(f, "line {}: {}", self.line, self.why)
    }
}

struct Client {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
    /// What it sent last found the connection closed.
    unheard: bool,
}

impl Client {
    /// The next line without its end; `None` at the end of the stream.
    async fn line(&mut self, patience: Duration) -> Result<Option<String>, String> {
        loop {
            if let Some(end) = self.read.iter().position(|b| *b == b'\n') {
                self.unheard = false;
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let line = line
                    .strip_suffix(b"\r\n")
                    .ok_or("a line that does not end in CR LF")?;
                return Ok(Some(String::from_utf8_lossy(line).into_owned()));
            }
            let mut room = [0; 4096];
            let count = match timeout(patience, self.stream.read(&mut room)).await {
                Err(_) => return Err("the server says nothing".to_owned()),
                Ok(Err(error)) => return Err(error.to_string()),
                Ok(Ok(count)) => count,
            };
            if count == 0 {
                return Ok(None);
            }
            self.read.extend_from_slice(&room[..count]);
        }
    }
}

struct Runner<'w, W> {
    world: &'w mut W,
    clients: BTreeMap<u8, Client>,
    names: Names,
    said: Vec<String>,
}

/// Runs a transcript.
///
/// # Errors
/// The first line that is not as it should be.
pub async fn run<W: World>(world: &mut W, transcript: &Transcript) -> Result<(), Failure> {
    let mut runner = Runner {
        world,
        clients: BTreeMap::new(),
        names: Names::new(),
        said: Vec::new(),
    };
    let mut line = 0;
    let result = runner.run(transcript, &mut line).await;
    result.map_err(|why| Failure {
        line,
        why,
        said: runner.said,
    })
}

impl<W: World> Runner<'_, W> {
    async fn run(&mut self, transcript: &Transcript, line: &mut usize) -> Result<(), String> {
        for given in &transcript.given {
            self.give(given).await?;
        }
        let mut steps = transcript.steps.iter().peekable();
        while let Some((number, step)) = steps.next() {
            *line = *number;
            match step {
                Step::Among { client, patterns } => {
                    let last = match steps.next() {
                        Some((
                            number,
                            Step::Expect {
                                client: same,
                                pattern,
                            },
                        )) if same == client => {
                            *line = *number;
                            pattern
                        }
                        _ => return Err("S* needs an S: after it".to_owned()),
                    };
                    self.among(*client, patterns, last).await?;
                }
                step => self.step(step).await?,
            }
        }
        self.nothing_more().await
    }

    async fn give(&mut self, given: &Given) -> Result<(), String> {
        let Given::Session {
            client,
            account,
            mailbox,
        } = given
        else {
            self.world.give(given).await;
            return Ok(());
        };
        self.expect_any(*client).await?;
        for (say, until) in self.world.log_in(account, mailbox.as_deref()) {
            self.send(*client, &say, true).await?;
            while !self.expect_any(*client).await?.starts_with(&until) {}
        }
        self.said.clear();
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Send { client, text, end } => self.send(*client, text, *end).await,
            Step::Expect { client, pattern } => {
                let line = self.expect_any(*client).await?;
                let fits = matches(pattern, &line, &mut self.names);
                fits.then_some(()).ok_or_else(|| format!("expected {pattern}"))
            }
            Step::Unordered { client, patterns } => {
                let mut left = patterns.clone();
                while !left.is_empty() {
                    let line = self.expect_any(*client).await?;
                    let found = left
                        .iter()
                        .position(|pattern| matches(pattern, &line, &mut self.names));
                    left.remove(found.ok_or_else(|| format!("expected one of {left:#?}"))?);
                }
                Ok(())
            }
            Step::Closed { client } => {
                let client = self.client(*client).await;
                match client.line(PATIENCE).await? {
                    None if client.unheard => Err("the end was there before this was sent".to_owned()),
                    None => Ok(()),
                    Some(line) => Err(format!("expected the end, not {line}")),
                }
            }
            Step::Wait(time) => {
                self.world.pass(*time).await;
                Ok(())
            }
            Step::Among { .. } => Err("S* needs an S: after it".to_owned()),
        }
    }

    /// Lines in any order, among others, up to a last one.
    async fn among(&mut self, client: u8, patterns: &[String], last: &str) -> Result<(), String> {
        let mut left = patterns.to_vec();
        loop {
            let line = self.expect_any(client).await?;
            if let Some(found) = left
                .iter()
                .position(|pattern| matches(pattern, &line, &mut self.names))
            {
                left.remove(found);
            } else if matches(last, &line, &mut self.names) {
                return left
                    .is_empty()
                    .then_some(())
                    .ok_or_else(|| format!("before this, {left:#?}"));
            }
        }
    }

    async fn client(&mut self, number: u8) -> &mut Client {
        if !self.clients.contains_key(&number) {
            let stream = self.world.connect().await;
            self.clients.insert(
                number,
                Client {
                    stream,
                    read: Vec::new(),
                    unheard: false,
                },
            );
        }
        self.clients.get_mut(&number).expect("just inserted")
    }

    async fn send(&mut self, number: u8, text: &str, end: bool) -> Result<(), String> {
        let mut bytes = fill(text, &self.names);
        if end {
            bytes.extend_from_slice(b"\r\n");
        }
        let shown = String::from_utf8_lossy(&bytes)
            .chars()
            .take(200)
            .collect::<String>();
        self.said.push(format!("C{number}: {}", shown.trim_end()));
        let client = self.client(number).await;
        // A server that has closed shows it in what it says last, which is looked at next.
        client.unheard = client.stream.write_all(&bytes).await.is_err();
        Ok(())
    }

    /// The next line, whatever it is.
    async fn expect_any(&mut self, number: u8) -> Result<String, String> {
        let line = self.client(number).await.line(PATIENCE).await;
        let line = line?.ok_or_else(|| format!("the server has closed connection {number}"))?;
        self.said.push(format!("S{number}: {line}"));
        Ok(line)
    }

    /// What is not listed may not be said.
    async fn nothing_more(&mut self) -> Result<(), String> {
        for (number, client) in &mut self.clients {
            if let Ok(Some(line)) = client.line(AFTERMATH).await {
                return Err(format!("after the end, the server says on {number}: {line}"));
            }
        }
        Ok(())
    }
}
