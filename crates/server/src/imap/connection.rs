//! The two directions of a connection: commands in, responses out, both with bounds.
//!
//! What is printed gathers in one buffer and leaves when there is enough of it (see `outlet`) or when the client is waited for;
//! large bodies go past the buffer. While the client is idle both buffers are given back.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use imap::Mode;
use imap::framing::{Event, Framer, Limits};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::door::Upgrade;
use crate::channel::Channel;
use crate::outlet::{Large, Outlet, SMALL, room};

/// Larger pieces are written from where they are: copying is cheaper than two more calls up to here.
const LARGE: usize = 64 * 1024;

/// A stream of bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {
    /// What it says of its client.
    fn channel(&self) -> Channel {
        Channel::default()
    }
}

/// A connection to a client.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    framer: Framer,
    out: Vec<u8>,
    outlet: Outlet,
    /// The right to gather much in `out`.
    large: Option<Large>,
    written: u64,
    /// How long a client may take to read what is sent to it.
    patience: Duration,
    mode: Mode,
}

/// A place in the output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    written: u64,
    length: usize,
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Stream>, patience: Duration, outlet: Outlet) -> Self {
        Connection {
            stream,
            framer: Framer::new(Limits::BEFORE_LOGIN),
            out: Vec::new(),
            outlet,
            large: None,
            written: 0,
            patience,
            mode: Mode::Ascii,
        }
    }

    /// How the client is spoken to.
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// The client has enabled UTF8=ACCEPT: that lasts (RFC 5161 §3.1).
    pub(super) fn enable_utf8(&mut self) {
        self.mode = Mode::Utf8;
    }

    /// What the stream says of the client.
    pub(super) fn channel(&self) -> Channel {
        self.stream.channel()
    }

    /// Where responses are printed.
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    pub(super) fn framer(&mut self) -> &mut Framer {
        &mut self.framer
    }

    /// The present end of the output.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            written: self.written,
            length: self.out.len(),
        }
    }

    /// Takes back what was printed since the mark.
    ///
    /// # Errors
    /// Some of it has left already: the connection cannot go on.
    pub(super) fn take_back(&mut self, mark: Mark) -> io::Result<()> {
        if self.written != mark.written {
            return Err(io::Error::other("half a response has been sent"));
        }
        self.out.truncate(mark.length);
        Ok(())
    }

    /// Whether [`Connection::relieve`] would write.
    pub(super) fn has_enough(&mut self) -> bool {
        self.out.len() >= SMALL && self.out.len() >= self.room()
    }

    /// How much is gathered, and read of a body at once.
    pub(super) fn room(&mut self) -> usize {
        if self.large.is_none() {
            self.large = self.outlet.large();
        }
        room(self.large.as_ref())
    }

    /// Writes what was printed if it is enough to be worth it.
    pub(super) async fn relieve(&mut self) -> io::Result<()> {
        if !self.has_enough() {
            return Ok(());
        }
        self.write_out().await
    }

    /// The same in the middle of a response: it leaves in pieces only where it alone is large, because what has left
    /// cannot be taken back.
    pub(super) async fn relieve_within(&mut self) -> io::Result<()> {
        if self.out.len() < 2 * SMALL || self.out.len() < 2 * self.room() {
            return Ok(());
        }
        self.write_out().await
    }

    async fn write_out(&mut self) -> io::Result<()> {
        in_time(self.patience, self.stream.write_all(&self.out)).await?;
        self.written += self.out.len() as u64;
        self.out.clear();
        Ok(())
    }

    /// Writes everything that was printed.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            self.write_out().await?;
        }
        in_time(self.patience, self.stream.flush()).await
    }

    /// Writes everything that was printed and ends the connection.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        self.flush().await?;
        in_time(self.patience, self.stream.shutdown()).await
    }

    /// Begins TLS. What was read before is thrown away.
    pub(super) async fn upgrade(&mut self, upgrade: Upgrade, patience: Duration) -> io::Result<()> {
        let plain = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        self.framer.forget();
        self.stream = timeout(patience, upgrade(plain)).await??;
        Ok(())
    }

    /// Sends octets of a body: small ones with what was printed, large ones from where they are.
    pub(super) async fn send(&mut self, octets: Bytes) -> io::Result<()> {
        let fits = self.out.len() + octets.len() <= SMALL || self.room() > SMALL;
        if fits && octets.len() < LARGE {
            self.out.extend_from_slice(&octets);
            return self.relieve_within().await;
        }
        self.write_out().await?;
        in_time(self.patience, self.stream.write_all(&octets)).await?;
        self.written += octets.len() as u64;
        Ok(())
    }

    /// The next thing that the client sends, if all of it is here.
    pub(super) fn next_event(&mut self) -> Event {
        self.framer.next_event()
    }

    /// Reads what the client sends. Nothing is lost when it is cancelled.
    ///
    /// # Errors
    /// The connection broke, or the client has closed it.
    pub(super) async fn read(&mut self) -> io::Result<()> {
        let count = self.stream.read_buf(&mut self.framer.room()).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Gives memory back while the client is silent.
    pub(super) fn release(&mut self) {
        self.framer.release();
        self.out = Vec::new();
        self.large = None;
    }
}

async fn in_time(patience: Duration, write: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    timeout(patience, write)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
