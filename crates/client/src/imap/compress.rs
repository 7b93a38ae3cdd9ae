//! COMPRESS=DEFLATE (RFC 4978): a stream over a stream. What comes is unpacked as it is read, so that a small input that becomes large waits.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connect::Stream;

/// What is read or packed at once.
const PIECE: usize = 32 << 10;

/// A stream that packs and unpacks.
pub(super) struct Compressed {
    inner: Stream,
    unpack: Decompress,
    pack: Compress,
    /// Packed, from the server.
    input: BytesMut,
    /// Packed, for the server.
    output: Vec<u8>,
    sent: usize,
    /// Something was packed and not flushed.
    unflushed: bool,
}

impl Compressed {
    /// Over a stream of which `begun` has been read already, packed.
    pub(super) fn new(inner: Stream, begun: BytesMut) -> Self {
        Compressed {
            inner,
            // RFC 4978 §3: raw DEFLATE, without the header of zlib.
            unpack: Decompress::new(false),
            pack: Compress::new(Compression::fast(), false),
            input: begun,
            output: Vec::with_capacity(PIECE),
            sent: 0,
            unflushed: false,
        }
    }

    /// Sends what is packed.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.output.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let sent = ready!(Pin::new(&mut self.inner).poll_write(context, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        self.output.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Unpacks into the buffer: how many octets, and whether nothing follows ever.
    fn unpack(&mut self, buffer: &mut ReadBuf<'_>) -> io::Result<(usize, Status)> {
        let (read, written) = (self.unpack.total_in(), self.unpack.total_out());
        let room = buffer.initialize_unfilled();
        let status = self.unpack.decompress(&self.input, room, FlushDecompress::None);
        let status = status.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let read = usize::try_from(self.unpack.total_in() - read).expect("no more than there was");
        let written =
            usize::try_from(self.unpack.total_out() - written).expect("no more than there was room");
        self.input.advance(read);
        buffer.advance(written);
        Ok((written, status))
    }
}

impl AsyncRead for Compressed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let (written, status) = self.unpack(buffer)?;
            if written > 0 || status == Status::StreamEnd || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            let this = &mut *self;
            this.input.reserve(PIECE);
            let mut piece = [0u8; 8 << 10];
            let mut read = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.inner).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.input.extend_from_slice(read.filled());
        }
    }
}

impl AsyncWrite for Compressed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if octets.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            if self.output.len() >= PIECE {
                ready!(self.poll_drain(context))?;
            }
            let this = &mut *self;
            this.output.reserve(PIECE);
            let before = this.pack.total_in();
            let packed = this
                .pack
                .compress_vec(octets, &mut this.output, FlushCompress::None);
            packed.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            this.unflushed = true;
            let taken = usize::try_from(this.pack.total_in() - before).expect("no more than was given");
            // Nothing is taken while what was taken before fills all the room.
            if taken > 0 {
                return Poll::Ready(Ok(taken));
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unflushed {
            ready!(self.poll_drain(context))?;
            let this = &mut *self;
            this.output.reserve(PIECE);
            let packed = this.pack.compress_vec(&[], &mut this.output, FlushCompress::Sync);
            packed.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            // Room that is left says that all is out (zlib.h, deflate).
            this.unflushed = this.output.len() == this.output.capacity();
        }
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_is_packed_is_unpacked_and_a_flush_sends_all() {
        let (here, there) = duplex(700);
        let mut here = Compressed::new(Box::new(here), BytesMut::new());
        let mut there = Compressed::new(Box::new(there), BytesMut::new());
        let large: Vec<u8> = (0..300_000u32)
            .flat_map(|n| n.wrapping_mul(n).to_be_bytes())
            .collect();
        let sent = large.clone();
        let sender = tokio::spawn(async move {
            here.write_all(b"p1 NOOP\r\n").await.unwrap();
            here.flush().await.unwrap();
            let mut answer = [0; 5];
            here.read_exact(&mut answer).await.unwrap();
            here.write_all(&sent).await.unwrap();
            here.shutdown().await.unwrap();
            answer
        });
        let mut command = [0; 9];
        there.read_exact(&mut command).await.unwrap();
        assert_eq!(&command, b"p1 NOOP\r\n");
        there.write_all(b"p1 OK").await.unwrap();
        there.flush().await.unwrap();
        let mut received = Vec::new();
        there.read_to_end(&mut received).await.unwrap();
        assert!(received == large, "{} octets", received.len());
        assert_eq!(&sender.await.unwrap(), b"p1 OK");
    }

    #[tokio::test]
    async fn octets_that_were_read_before_come_first_and_garbage_is_an_error() {
        let mut packed = Vec::with_capacity(100);
        Compress::new(Compression::fast(), false)
            .compress_vec(b"hello", &mut packed, FlushCompress::Sync)
            .unwrap();
        let (here, _there) = duplex(700);
        let mut stream = Compressed::new(Box::new(here), BytesMut::from(packed.as_slice()));
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        assert_eq!(&hello, b"hello");
        let (here, _there) = duplex(700);
        let mut stream = Compressed::new(Box::new(here), BytesMut::from([0xff; 50].as_slice()));
        assert!(stream.read(&mut hello).await.is_err());
    }
}
