//! STAT, LIST, UIDL, RETR, TOP, DELE, NOOP, RSET (RFC 1939 §5 and §7).

use bytes::{Bytes, BytesMut};
use pop3::maildrop::UniqueId;
use pop3::{Maildrop, Message, Number, Refusal, reply};
use store::Account;
use types::{BlobId, MailboxId, Octets, Uid};
use wire::DotWriter;

use super::connection::Failed;
use super::lease::Lease;
use crate::lines::Lines;

/// A message up to this size is read and sent in one piece, a larger one in pieces of it: so much memory it costs.
const PIECE: u64 = 256 * 1024;

/// What is known after the login.
pub(super) struct Opened {
    pub(super) account: Account,
    pub(super) inbox: MailboxId,
    pub(super) maildrop: Maildrop<Place>,
    /// Held as long as the session lasts.
    pub(super) _lease: Lease,
}

/// Where a message is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) uid: Uid,
    pub(super) blob: BlobId,
}

impl Opened {
    /// LIST of one message.
    pub(super) fn list(&self, number: Number, out: &mut BytesMut) -> Result<(), Refusal> {
        let message = self.maildrop.find(number)?;
        reply::ok(format_args!("{} {}", number.0, message.size), out);
        Ok(())
    }

    /// UIDL of one message.
    pub(super) fn uidl(&self, number: Number, out: &mut BytesMut) -> Result<(), Refusal> {
        let message = self.maildrop.find(number)?;
        reply::ok(format_args!("{} {}", number.0, UniqueId(message.entry)), out);
        Ok(())
    }

    /// DELE.
    pub(super) fn dele(&mut self, number: Number, out: &mut BytesMut) -> Result<(), Refusal> {
        self.maildrop.delete(number)?;
        reply::ok(format_args!("Message {} deleted", number.0), out);
        Ok(())
    }

    /// RETR: the bytes go from the store into the output, and nowhere between.
    pub(super) async fn retr(&self, number: Number, lines: &mut Lines) -> Result<(), Failed> {
        let message = *self.maildrop.find(number)?;
        if message.size.0 > PIECE {
            return self.send_in_pieces(message, lines).await;
        }
        let octets = self.read(message, Octets(PIECE)).await?;
        reply::message(&octets, lines.output());
        Ok(())
    }

    /// TOP.
    pub(super) async fn top(
        &self,
        number: Number,
        body_lines: usize,
        lines: &mut Lines,
    ) -> Result<(), Failed> {
        let message = *self.maildrop.find(number)?;
        let mut octets = self.read(message, Octets(PIECE)).await?;
        if pop3::top(&octets, body_lines).len() == octets.len() && message.size.0 > PIECE {
            octets = self.read(message, message.size).await?;
        }
        reply::message(pop3::top(&octets, body_lines), lines.output());
        Ok(())
    }

    /// The first piece goes before anything is promised; a failure after that can only end the connection.
    async fn send_in_pieces(&self, message: Message<Place>, lines: &mut Lines) -> Result<(), Failed> {
        let mut writer = DotWriter::default();
        let mut piece = self.read(message, Octets(PIECE)).await?;
        let mut sent = 0;
        reply::ok(format_args!("{} octets", message.size), lines.output());
        while !piece.is_empty() {
            writer.write(&piece, lines.output());
            lines.flush().await?;
            sent += PIECE;
            piece = self
                .account
                .read_blob(message.place.blob, sent..sent + PIECE)
                .await
                .map_err(|error| {
                    report(&error);
                    Failed::Broken
                })?;
        }
        writer.finish(lines.output());
        Ok(())
    }

    /// The first octets of a message.
    async fn read(&self, message: Message<Place>, octets: Octets) -> Result<Bytes, Refusal> {
        let end = message.size.0.min(octets.0);
        let read = self.account.read_blob(message.place.blob, 0..end).await;
        read.map_err(|error| {
            report(&error);
            Refusal::StoreFailed
        })
    }
}

fn report(error: &store::StoreError) {
    tracing::error!(%error, "a message could not be read");
}
