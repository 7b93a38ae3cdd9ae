//! What came of a session: counted while it lasts, and said in one line at its end.
//!
//! Counting costs an addition to memory of the session's own, beside a call of the system.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::channel::Channel;
use crate::imap::Stream;

/// The counts of a session, shared by its stream and its protocol.
#[derive(Debug, Default)]
pub struct Tally {
    pub(crate) read: AtomicU64,
    pub(crate) written: AtomicU64,
    pub(crate) commands: AtomicU32,
    pub(crate) messages: AtomicU32,
    account: OnceLock<Box<str>>,
    tls: OnceLock<&'static str>,
    end: OnceLock<Box<str>>,
}

impl Tally {
    /// A command came.
    pub(crate) fn command(&self) {
        self.commands.fetch_add(1, Ordering::Relaxed);
    }

    /// A message was taken or given.
    pub(crate) fn message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody has logged in.
    pub(crate) fn account(&self, name: &str) {
        // Who logs in twice, before and after TLS, is the same.
        let _ = self.account.set(name.into());
    }

    /// TLS has begun.
    pub(crate) fn tls(&self, version: Option<rustls::ProtocolVersion>) {
        let _ = self.tls.set(match version {
            Some(rustls::ProtocolVersion::TLSv1_2) => "1.2",
            Some(rustls::ProtocolVersion::TLSv1_3) => "1.3",
            _ => "unknown",
        });
    }

    /// Why it ends: the first reason counts.
    pub(crate) fn end(&self, why: impl ToString) {
        self.end.get_or_init(|| why.to_string().into());
    }

    pub(crate) fn account_name(&self) -> Option<&str> {
        self.account.get().map(|name| &**name)
    }

    pub(crate) fn tls_version(&self) -> Option<&'static str> {
        self.tls.get().copied()
    }

    pub(crate) fn why(&self) -> &str {
        self.end.get().map_or("the client ended it", |why| why)
    }
}

/// A stream whose octets are counted.
pub(crate) struct Counted<S> {
    stream: S,
    tally: Arc<Tally>,
}

impl<S> Counted<S> {
    pub(crate) fn new(stream: S, tally: Arc<Tally>) -> Self {
        Counted { stream, tally }
    }

    fn wrote(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(octets)) = &written {
            self.tally.written.fetch_add(*octets as u64, Ordering::Relaxed);
        }
        written
    }
}

impl<S: Stream> Stream for Counted<S> {
    fn channel(&self) -> Channel {
        self.stream.channel()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let octets = buffer.filled().len() - before;
        self.tally.read.fetch_add(octets as u64, Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
