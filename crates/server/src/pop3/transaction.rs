//! STAT, LIST, UIDL, RETR, TOP, DELE, NOOP, RSET (RFC 1939 §5 and §7).

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use engine::EngineError;
use message::downgrade::{Piece, Surrogate};
use pop3::capability::Delay;
use pop3::reply::Words;
use pop3::{Language, Maildrop, Message, Number, Refusal, reply};
use store::{Account, Charge, MessageRow, StoreError};
use tokio::task::coop::consume_budget;
use types::{BlobId, MailboxId, Octets, Uid};
use wire::DotWriter;

use super::connection::Failed;
use super::lease::Lease;
use super::surrogate::surrogate_of;
use crate::Terms;
use crate::lines::Lines;
use crate::outlet::{Large, SMALL, room};

/// What is known after the login.
pub(super) struct Opened {
    pub(super) account: Account,
    pub(super) inbox: MailboxId,
    pub(super) maildrop: Maildrop<Place>,
    /// What CAPA announces to this account.
    pub(super) delay: Option<Delay>,
    /// What clients have to keep to, and the memory that they share.
    pub(super) terms: Arc<Terms>,
    /// The memory that the list of messages takes.
    pub(super) _charge: Option<Charge>,
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
    /// Whether it is read and sent in one piece.
    fn is_small(&self) -> bool {
        self.form == Form::AsIs && self.stored.0 <= SMALL as u64
    }

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

/// What is sent, piece by piece, of a message that is nowhere whole.
struct Pieces<'o> {
    opened: &'o Opened,
    place: Place,
    /// What is written anew.
    surrogate: Option<Surrogate>,
    /// Octets of a piece.
    room: u64,
    /// The memory for what is kept while the client is waited for.
    _held: [Option<Large>; 2],
}

/// A part of what is sent.
enum Part {
    Stored(Range<u64>),
    Written(Bytes),
}

impl Opened {
    /// LIST of all. Who does not read makes nothing gather.
    pub(super) async fn list_all(&self, language: Language, lines: &mut Lines) -> Result<(), Failed> {
        let (count, size) = self.maildrop.count();
        Words::Messages(count, size).print(language, lines.output());
        for (Number(number), message) in self.maildrop.remaining() {
            reply::line(format_args!("{number} {}", message.size), lines.output());
            relieve(lines).await?;
        }
        reply::end(lines.output());
        Ok(())
    }

    /// UIDL of all.
    pub(super) async fn uidl_all(&self, language: Language, lines: &mut Lines) -> Result<(), Failed> {
        Words::UniqueIds.print(language, lines.output());
        for (Number(number), message) in self.maildrop.remaining() {
            reply::line(
                format_args!("{number} {}", self.maildrop.unique_id(message)),
                lines.output(),
            );
            relieve(lines).await?;
        }
        reply::end(lines.output());
        Ok(())
    }

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
        if place.is_small() {
            let octets = self.read(place, 0..place.stored.0).await?;
            reply::message(&octets, language, lines.output());
            return Ok(());
        }
        let pieces = self.pieces(place).await?;
        pieces.send(pieces.octets(), (language, lines)).await
    }

    /// TOP. RFC 6858 §4: the lines are those of the surrogate.
    pub(super) async fn top(
        &self,
        number: Number,
        body_lines: usize,
        (language, lines): (Language, &mut Lines),
    ) -> Result<(), Failed> {
        let place = self.maildrop.find(number)?.place;
        if place.is_small() {
            let octets = self.read(place, 0..place.stored.0).await?;
            reply::message(pop3::top(&octets, body_lines), language, lines.output());
            return Ok(());
        }
        let pieces = self.pieces(place).await?;
        let end = pieces.end_of_top(body_lines).await?;
        pieces.send(end, (language, lines)).await
    }

    /// Finds out what is sent of a message.
    async fn pieces(&self, place: Place) -> Result<Pieces<'_>, Failed> {
        let surrogate = match place.form {
            Form::AsIs => None,
            Form::Surrogate => {
                let space = self.terms.workspace.take(place.stored.0).await;
                let space = space.map_err(|_| Refusal::NoMemory)?;
                let octets = self.read(place, 0..place.stored.0).await?;
                surrogate_of(octets, space).await
            }
        };
        let written = surrogate.iter().flat_map(|surrogate| surrogate.parts(0));
        let written: usize = written
            .map(|part| {
                if let Piece::Written(text) = part {
                    text.len()
                } else {
                    0
                }
            })
            .sum();
        let kept = match written > SMALL {
            true => Some(self.terms.outlet.hold(written).ok_or(Refusal::NoMemory)?),
            false => None,
        };
        let large = match place.stored.0 > SMALL as u64 {
            true => self.terms.outlet.large(),
            false => None,
        };
        Ok(Pieces {
            opened: self,
            place,
            surrogate,
            room: room(large.as_ref()) as u64,
            _held: [large, kept],
        })
    }

    async fn read(&self, place: Place, range: Range<u64>) -> Result<Bytes, Refusal> {
        let read = self.account.read_blob(place.blob, range).await;
        read.map_err(|error| {
            report(&error);
            refusal_of(&error)
        })
    }
}

impl Pieces<'_> {
    /// The octets of all.
    fn octets(&self) -> u64 {
        let stored = self.place.stored.0;
        let octets = |surrogate: &Surrogate| surrogate.octets(usize::try_from(stored).unwrap_or(usize::MAX));
        let octets = self.surrogate.as_ref().map(octets);
        octets.map_or(stored, |octets| u64::try_from(octets).unwrap_or(u64::MAX))
    }

    /// What is sent, in parts that are small enough.
    fn parts(&self) -> impl Iterator<Item = Part> {
        let stored = usize::try_from(self.place.stored.0).unwrap_or(usize::MAX);
        let surrogate = self
            .surrogate
            .iter()
            .flat_map(move |surrogate| surrogate.parts(stored));
        let whole = self.surrogate.is_none().then_some(Piece::Kept(0..stored));
        let room = usize::try_from(self.room).unwrap_or(usize::MAX);
        surrogate.chain(whole).flat_map(move |piece| {
            let count = piece.len().div_ceil(room);
            (0..count).map(move |number| {
                let (from, end) = (number * room, piece.len().min((number + 1) * room));
                match &piece {
                    Piece::Kept(range) => {
                        let start = range.start as u64;
                        Part::Stored(start + from as u64..start + end as u64)
                    }
                    Piece::Written(text) => {
                        Part::Written(Bytes::copy_from_slice(text.get(from..end).unwrap_or_default()))
                    }
                }
            })
        })
    }

    async fn read(&self, part: Part) -> Result<Bytes, Refusal> {
        match part {
            Part::Written(text) => Ok(text),
            Part::Stored(range) => self.opened.read(self.place, range).await,
        }
    }

    /// How many octets the header and so many lines of the body have.
    async fn end_of_top(&self, body_lines: usize) -> Result<u64, Refusal> {
        let mut top = pop3::TopEnd::new(body_lines);
        let mut before = 0;
        for part in self.parts() {
            let piece = self.read(part).await?;
            if let Some(end) = top.find(&piece) {
                return Ok(before + end as u64);
            }
            before += piece.len() as u64;
            consume_budget().await;
        }
        Ok(before)
    }

    /// Sends so many octets. The first piece is read before anything is promised; a failure after that can only end the connection.
    async fn send(&self, octets: u64, (language, lines): (Language, &mut Lines)) -> Result<(), Failed> {
        let mut writer = DotWriter::default();
        let (mut left, mut promised) = (octets, false);
        for part in self.parts() {
            let piece = match (self.read(part).await, promised) {
                (Ok(piece), _) if !piece.is_empty() => piece,
                (Err(refusal), false) => return Err(refusal.into()),
                _ => return Err(Failed::Broken),
            };
            if !promised {
                Words::Octets(octets).print(language, lines.output());
                promised = true;
            }
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            writer.write(piece.get(..length).unwrap_or_default(), lines.output());
            left -= length as u64;
            if left == 0 {
                break;
            }
            if lines.output().len() as u64 >= self.room {
                lines.flush().await?;
            }
        }
        writer.finish(lines.output());
        Ok(())
    }
}

async fn relieve(lines: &mut Lines) -> Result<(), Failed> {
    if lines.output().len() >= SMALL {
        lines.flush().await?;
    }
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
