//! A connection that speaks in lines: SMTP, LMTP and POP3. What comes in is buffered, what goes out is batched.
//!
//! Replies leave when the input holds no further line, so a client that sends ten commands at once gets ten replies at
//! once (RFC 2920 §3.2, RFC 2449 §6.6). A client that sends and does not read is not listened to any more once
//! [`FULL`] octets wait for it. An idle connection keeps no buffers.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use directory::Standing;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use wire::{Framed, LineFramer};

use crate::channel::Channel;
use crate::imap::{Stream, Upgrade};
use crate::listen::stopped;

/// Room for reading lines.
const READ_LINES: usize = 4096;
/// Room for reading a message; more only where much of it has come.
const READ_DATA: usize = 16 * 1024;
/// Room for reading a large message.
const READ_LARGE: usize = 64 * 1024;
/// So much output is sent although more input waits.
const FULL: usize = 64 * 1024;
/// A larger output is not kept for the next.
const KEEP: usize = 512 * 1024;
/// A connection that waits so long gives its buffers back.
const IDLE: Duration = Duration::from_secs(2);
/// Room for what ends an idle wait.
const READ_IDLE: usize = 512;
/// When the server stops: how long a client in the middle of a message, or of a reply, is waited for at any point of it.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line, without its end.
    Whole(BytesMut),
    /// A line over the limit; the next call gives the line after it.
    TooLong,
}

/// Why nothing comes any more.
#[derive(Debug, Error)]
pub(crate) enum Gone {
    /// The client has closed the connection.
    #[error("the client closed the connection")]
    Closed,
    /// It sent more than anybody has patience to throw away.
    #[error("the client sent far more than was allowed")]
    TooMuch,
    /// It was silent, or too slow.
    #[error("the client was silent for too long")]
    Silent,
    /// The server stops.
    #[error("the server stops")]
    Stopping,
    /// The login does not hold any more.
    #[error("the login has ended")]
    LoginEnded,
    /// It did not take what was sent to it: some of that is on its way, and nothing can follow it.
    #[error("the client does not read")]
    Deaf,
    /// The network failed.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
}

/// The two directions of a connection, with what is on its way in each.
pub(crate) struct Lines {
    stream: Box<dyn Stream>,
    input: BytesMut,
    output: BytesMut,
    framer: LineFramer,
    /// How long a client may take to read what is sent to it.
    patience: Duration,
    stop: watch::Receiver<bool>,
    /// How long the login holds, if there was one.
    standing: Standing,
}

impl Lines {
    /// A connection whose lines have at most `limit` octets. When `stop` says so, nothing is waited for any more.
    pub(crate) fn new(
        stream: Box<dyn Stream>,
        limit: usize,
        patience: Duration,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Lines {
            stream,
            patience,
            stop,
            standing: Standing::lasting(),
            input: BytesMut::new(),
            output: BytesMut::new(),
            framer: LineFramer::new(limit),
        }
    }

    /// What the stream says of the client.
    pub(crate) fn channel(&self) -> Channel {
        self.stream.channel()
    }

    /// Where replies are printed to; [`Lines::line`] sends them.
    pub(crate) fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Ends the connection when a login does.
    pub(crate) fn hold_while(&mut self, standing: Standing) {
        self.standing = standing;
    }

    /// Another limit for the lines to come.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.framer.set_limit(limit);
    }

    /// Begins TLS. What was read before is thrown away, so that nothing a stranger put in between is taken for the
    /// client's (RFC 3207 §4.2, RFC 2595 §4).
    pub(crate) async fn upgrade(&mut self, upgrade: Upgrade, patience: Duration) -> Result<(), Gone> {
        self.flush().await?;
        self.input.clear();
        self.standing = Standing::lasting();
        let plain = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        let encrypted = tokio::select! {
            encrypted = timeout(patience, upgrade(plain)) => encrypted,
            () = stopped(&mut self.stop) => return Err(Gone::Stopping),
        };
        self.stream = encrypted.map_err(|_| Gone::Silent)?.map_err(Gone::Broken)?;
        Ok(())
    }

    /// The next line, which must be whole within `time`.
    pub(crate) async fn line(&mut self, time: Duration) -> Result<Line, Gone> {
        if *self.stop.borrow() {
            return Err(Gone::Stopping);
        }
        if self.standing.has_ended() {
            return Err(Gone::LoginEnded);
        }
        let mut deadline = None;
        loop {
            match self.framer.next(&mut self.input) {
                Framed::Line(line) => {
                    if self.output.len() >= FULL {
                        self.flush().await?;
                    }
                    return Ok(Line::Whole(line));
                }
                Framed::TooLong => return Ok(Line::TooLong),
                Framed::Incomplete => {}
            }
            self.flush().await?;
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + time);
            let rest = deadline.min(Instant::now() + IDLE);
            match self.read(READ_LINES, rest, Duration::ZERO).await {
                Err(Gone::Silent) => {
                    self.rest();
                    self.read(READ_IDLE, deadline, Duration::ZERO).await?;
                }
                other => other?,
            }
        }
    }

    /// What came and is not used yet, after waiting for something to come: until `deadline` at the latest.
    /// So many octets of the message have come and are kept.
    pub(crate) async fn data(&mut self, deadline: Instant, so_far: usize) -> Result<&[u8], Gone> {
        if self.input.is_empty() {
            self.flush().await?;
            // What has not come takes no memory: whoever only announces gets the room of a line.
            let room = match so_far {
                0 => READ_LINES,
                1..READ_LARGE => READ_DATA,
                _ => READ_LARGE,
            };
            self.read(room, deadline, LAST_WORDS).await?;
        }
        Ok(&self.input)
    }

    /// Takes octets off what [`Lines::data`] gave.
    pub(crate) fn used(&mut self, octets: usize) {
        self.input.advance(octets.min(self.input.len()));
    }

    /// Sends what was printed.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        if self.output.is_empty() {
            return Ok(());
        }
        let sent = async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        };
        in_time(self.patience, sent, &mut self.stop).await?;
        self.output.clear();
        if self.output.capacity() > KEEP {
            self.output = BytesMut::new();
        }
        Ok(())
    }

    /// Gives the buffers back, as far as they are empty.
    fn rest(&mut self) {
        self.output = BytesMut::new();
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
    }

    /// Reads until `deadline` at the latest, and so much longer than the server.
    async fn read(&mut self, room: usize, deadline: Instant, longer: Duration) -> Result<(), Gone> {
        self.input.reserve(room);
        let read = tokio::select! {
            biased;
            read = timeout_at(deadline, self.stream.read_buf(&mut self.input)) => read,
            () = stopped_for(&mut self.stop, longer) => return Err(Gone::Stopping),
            () = self.standing.ended() => return Err(Gone::LoginEnded),
        };
        match read.map_err(|_| Gone::Silent)?.map_err(Gone::Broken)? {
            0 => Err(Gone::Closed),
            _ => Ok(()),
        }
    }

    /// Sends what was printed and ends the connection.
    pub(crate) async fn close(mut self) {
        if self.flush().await.is_ok() {
            // A client that does not take the end does not need it.
            let _ = in_time(self.patience, self.stream.shutdown(), &mut self.stop).await;
        }
    }
}

/// Writes, as long as the client takes it.
async fn in_time(
    patience: Duration,
    write: impl Future<Output = io::Result<()>>,
    stop: &mut watch::Receiver<bool>,
) -> Result<(), Gone> {
    tokio::select! {
        biased;
        written = timeout(patience, write) => written.map_err(|_| Gone::Deaf)?.map_err(Gone::Broken),
        () = stopped_for(stop, LAST_WORDS) => Err(Gone::Deaf),
    }
}

/// Waits until the server has been stopping for a while.
async fn stopped_for(stop: &mut watch::Receiver<bool>, time: Duration) {
    stopped(stop).await;
    if !time.is_zero() {
        sleep(time).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(300);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_dropped_without_a_word() {
        let (mut client, server) = duplex(10);
        let (_stop, stopped) = watch::channel(false);
        let mut lines = Lines::new(Box::new(server), 100, PATIENCE, stopped);
        lines.output().extend_from_slice(b"more than fits");
        assert!(matches!(lines.line(PATIENCE).await, Err(Gone::Deaf)));
        drop(lines);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"more than ");
    }
}
