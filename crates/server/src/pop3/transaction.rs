//! STAT, LIST, UIDL, RETR, TOP, DELE, NOOP, RSET (RFC 1939 §5 and §7).

use bytes::{Bytes, BytesMut};
use engine::EngineError;
use pop3::capability::Delay;
use pop3::reply::Words;
use pop3::{Language, Maildrop, Message, Number, Refusal, reply};
use store::{Account, MessageRow, StoreError};
use types::{BlobId, MailboxId, Octets, Uid};
use wire::DotWriter;

use super::connection::Failed;
use super::lease::Lease;
use super::surrogate::surrogate_of;
use crate::facts::aside;
use crate::lines::Lines;
use crate::outlet::{ENOUGH, Outlet, SMALL, room};

/// A message up to this size is read and sent in one piece, a larger one in pieces of it: so much memory it costs, where there is
/// so much.
const PIECE: u64 = ENOUGH as u64;

/// What is known after the login.
pub(super) struct Opened {
    pub(super) account: Account,
    pub(super) inbox: MailboxId,
    pub(super) maildrop: Maildrop<Place>,
    /// What CAPA announces to this account.
    pub(super) delay: Option<Delay>,
    /// The memory for large answers.
    pub(super) outlet: Outlet,
    /// Held as long as the session lasts.
    pub(super) _lease: Lease,
}

/// Where a message is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) uid: Uid,
    pub(super) blob: BlobId,
    /// Its own size, whatever its surrogate's is.
    pub(super) stored: Octets,
    pub(super) form: Form,
}

/// What is sent of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Its bytes.
    AsIs,
    /// Its surrogate, if it needs one.
    Surrogate,
}

impl Place {
    /// A message that is sent as it is.
    pub(super) fn of(row: &MessageRow) -> Message<Place> {
        Message {
            entry: row.entry,
            size: Octets(row.size.into()),
            place: Place {
                uid: row.uid,
                blob: row.blob,
                stored: Octets(row.size.into()),
                form: Form::AsIs,
            },
        }
    }
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
        reply::ok(
            format_args!("{} {}", number.0, self.maildrop.unique_id(message)),
            out,
        );
        Ok(())
    }

    /// RETR: the bytes go from the store into the output, and nowhere between.
    pub(super) async fn retr(
        &self,
        number: Number,
        language: Language,
        lines: &mut Lines,
    ) -> Result<(), Failed> {
        let place = self.maildrop.find(number)?.place;
        match place.form {
            Form::AsIs if place.stored.0 <= SMALL as u64 => self.send_whole(place, language, lines).await,
            Form::AsIs => {
                let large = self.outlet.large();
                match room(large.as_ref()) as u64 {
                    piece if place.stored.0 <= piece => self.send_whole(place, language, lines).await,
                    piece => self.send_in_pieces(place, piece, (language, lines)).await,
                }
            }
            Form::Surrogate => {
                let octets = self.read(place, place.stored).await?;
                send_surrogate(&octets, language, lines).await
            }
        }
    }

    async fn send_whole(&self, place: Place, language: Language, lines: &mut Lines) -> Result<(), Failed> {
        let octets = self.read(place, place.stored).await?;
        reply::message(&octets, language, lines.output());
        Ok(())
    }

    /// TOP: what is to be sent. RFC 6858 §4: the lines are those of the surrogate.
    pub(super) async fn top(&self, number: Number, body_lines: usize) -> Result<Bytes, Refusal> {
        let place = self.maildrop.find(number)?.place;
        let octets = match place.form {
            Form::AsIs => {
                let begin = self.read(place, Octets(PIECE)).await?;
                match pop3::top(&begin, body_lines).len() == begin.len() && place.stored.0 > PIECE {
                    true => self.read(place, place.stored).await?,
                    false => begin,
                }
            }
            Form::Surrogate => {
                let octets = self.read(place, place.stored).await?;
                let whole = octets.len();
                aside(whole, move || {
                    Bytes::from(message::downgrade::message(&octets).into_owned())
                })
                .await
            }
        };
        let length = pop3::top(&octets, body_lines).len();
        Ok(octets.slice(..length))
    }

    /// The first piece goes before anything is promised; a failure after that can only end the connection.
    async fn send_in_pieces(
        &self,
        place: Place,
        room: u64,
        (language, lines): (Language, &mut Lines),
    ) -> Result<(), Failed> {
        let mut writer = DotWriter::default();
        let mut piece = self.read(place, Octets(room)).await?;
        let mut sent = 0;
        Words::Octets(place.stored.0).print(language, lines.output());
        while !piece.is_empty() {
            writer.write(&piece, lines.output());
            lines.flush().await?;
            sent += room;
            piece = self
                .account
                .read_blob(place.blob, sent..sent + room)
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
    async fn read(&self, place: Place, octets: Octets) -> Result<Bytes, Refusal> {
        let end = place.stored.0.min(octets.0);
        let read = self.account.read_blob(place.blob, 0..end).await;
        read.map_err(|error| {
            report(&error);
            refusal_of(&error)
        })
    }
}

/// Sends a message as a client that does not know UTF-8 can read it.
async fn send_surrogate(octets: &Bytes, language: Language, lines: &mut Lines) -> Result<(), Failed> {
    let surrogate = surrogate_of(octets).await;
    let size = match &surrogate {
        Some(surrogate) => surrogate.octets(octets.len()),
        None => octets.len(),
    };
    Words::Octets(u64::try_from(size).unwrap_or(u64::MAX)).print(language, lines.output());
    let mut writer = DotWriter::default();
    let pieces: Vec<&[u8]> = match &surrogate {
        Some(surrogate) => surrogate.pieces(octets).collect(),
        None => vec![octets],
    };
    let room = usize::try_from(PIECE).unwrap_or(usize::MAX);
    for piece in pieces.into_iter().flat_map(|piece| piece.chunks(room)) {
        writer.write(piece, lines.output());
        if lines.output().len() >= room {
            lines.flush().await?;
        }
    }
    writer.finish(lines.output());
    Ok(())
}

fn report(error: &StoreError) {
    tracing::error!(%error, "a message could not be read");
}

/// RFC 3206 §4: whether it helps to wait.
pub(super) fn refusal_of(error: &StoreError) -> Refusal {
    match error {
        StoreError::UnreadableRow { .. } | StoreError::Failed(EngineError::Damaged { .. }) => {
            Refusal::StoreDamaged
        }
        StoreError::Refused(_) | StoreError::Failed(_) => Refusal::StoreFailed,
    }
}
