//! The octets of messages: BODY[…], RFC822, RFC822.HEADER, RFC822.TEXT (RFC 3501 §6.4.5).
//!
//! Most sections are a range of the message's bytes and are sent piece by piece, never whole in memory. A message is
//! read whole only where its structure is asked for and it is not known where the section lies; or where what is shown is
//! its surrogate (RFC 6858), whose sections, structure and size are then all those of the surrogate. The memory for that is taken
//! first (`workspace`) and given back at once: while the client is waited for, only what is small is kept of a message.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use imap::Refusal;
use imap::command::fetch::FetchItem;
use imap::grammar::section::{Partial, Section, SectionText};
use imap::response::fetch::{FetchLine, Place};
use message::downgrade::{self, Piece, Surrogate};
use message::{Header, Message, PartId, Structure};
use store::{Account, MessageRow};
use tokio::task::coop::consume_budget;

use super::apart::apart;
use super::connection::Connection;
use super::stop::Stop;
use crate::Terms;
use crate::facts::{Cards, StoredCards};
use crate::outlet::{ENOUGH, Large, SMALL};
use crate::workspace::Space;

/// How much is read to find the header of a message: nearly all are shorter.
const HEADER_GUESS: u64 = SMALL as u64;
/// How much is read next, and then many times as much, and so on.
const LONG_HEADER: u64 = 256 * 1024;
/// What a header takes that is read, decoded and compared.
const HEADER_TIMES: u64 = 4;

/// The octets of a section.
enum Octets {
    /// There is no such section.
    Missing,
    /// They are a range of the message.
    Range(Range<u64>),
    /// They were put together.
    Made(Bytes),
}

/// Bytes from the beginning of a message, and the parts that lie in them.
struct Parsed {
    bytes: Bytes,
    structure: Structure,
}

/// Where the octets of what is shown are.
enum Lies {
    /// In the store.
    Stored,
    /// Here: they are few.
    Here(Bytes),
    /// In the store, but for what is written anew; with how many they are.
    Pieces(Surrogate, u64),
}

/// What is shown of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Its bytes.
    AsIs,
    /// Its surrogate, where it needs one.
    Surrogate,
}

/// A message whose parts are wanted; it is read when needed. What is found out about it is kept for the items
/// that follow: a client may name a thousand of them.
pub(super) struct Source<'s> {
    account: &'s Account,
    terms: &'s Terms,
    row: &'s MessageRow,
    shown: Shown,
    lies: Lies,
    /// The parts of the whole.
    structure: Option<Structure>,
    /// The beginning, if the header ends in it.
    head: Option<Parsed>,
    cards: Option<Bytes>,
    /// The memory of what is kept and not small.
    held: Vec<Large>,
}

impl<'s> Source<'s> {
    pub(super) fn new((account, terms): (&'s Account, &'s Terms), row: &'s MessageRow, shown: Shown) -> Self {
        Source {
            account,
            terms,
            row,
            shown,
            lies: Lies::Stored,
            structure: None,
            head: None,
            cards: None,
            held: Vec::new(),
        }
    }

    /// Finds the surrogate, where that is what is shown: from then on it is the message.
    async fn prepare(&mut self) -> Result<(), Stop> {
        if self.shown == Shown::AsIs {
            return Ok(());
        }
        let size = self.size();
        if size <= SMALL as u64 {
            let bytes = self.read(0..size).await?;
            if let Cow::Owned(surrogate) = downgrade::message(&bytes) {
                self.lies = Lies::Here(surrogate.into());
            }
        } else if let Some(surrogate) = self
            .with_whole(|bytes| Surrogate::of(&Message::parse(bytes)))
            .await?
        {
            let octets = surrogate.octets(usize::try_from(size).unwrap_or(usize::MAX));
            let written = surrogate.parts(0).filter_map(|piece| match piece {
                Piece::Written(text) => Some(text.len()),
                Piece::Kept(_) => None,
            });
            self.keep(written.sum())?;
            self.lies = Lies::Pieces(surrogate, u64::try_from(octets).unwrap_or(u64::MAX));
        }
        self.shown = Shown::AsIs;
        Ok(())
    }

    /// How many octets are shown.
    pub(super) async fn octets(&mut self) -> Result<u64, Stop> {
        self.prepare().await?;
        Ok(self.size())
    }

    fn size(&self) -> u64 {
        match &self.lies {
            Lies::Stored => self.row.size.into(),
            Lies::Here(bytes) => bytes.len() as u64,
            Lies::Pieces(_, octets) => *octets,
        }
    }

    /// Memory to look at so many octets.
    async fn space(&self, octets: u64) -> Result<Space, Stop> {
        let space = self.terms.workspace.take(octets).await;
        space.map_err(|_| Refusal::Unavailable.into())
    }

    /// Notes that so many octets are kept while the client is waited for.
    fn keep(&mut self, octets: usize) -> Result<(), Stop> {
        if octets > SMALL {
            let held = self.terms.outlet.hold(octets);
            self.held.push(held.ok_or(Refusal::Unavailable)?);
        }
        Ok(())
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, Stop> {
        match &self.lies {
            Lies::Stored => self.read_stored(range).await,
            Lies::Here(bytes) => {
                let end = usize::try_from(range.end).unwrap_or(usize::MAX).min(bytes.len());
                let start = usize::try_from(range.start).unwrap_or(usize::MAX).min(end);
                Ok(bytes.slice(start..end))
            }
            Lies::Pieces(surrogate, _) => self.read_pieces(surrogate, range).await,
        }
    }

    async fn read_stored(&self, range: Range<u64>) -> Result<Bytes, Stop> {
        Ok(self.account.read_blob(self.row.blob, range).await?)
    }

    /// Puts a range of the surrogate together.
    async fn read_pieces(&self, surrogate: &Surrogate, range: Range<u64>) -> Result<Bytes, Stop> {
        let length = range.end.saturating_sub(range.start);
        let mut read = BytesMut::with_capacity(usize::try_from(length).unwrap_or(0));
        let mut begin = 0;
        for piece in surrogate.parts(usize::try_from(self.row.size).unwrap_or(usize::MAX)) {
            let end = begin + piece.len() as u64;
            // What of the piece lies in the range, counted from its own beginning.
            let wanted = range.start.max(begin)..range.end.min(end);
            let wanted = wanted.start.saturating_sub(begin)..wanted.end.saturating_sub(begin);
            begin = end;
            if wanted.is_empty() {
                continue;
            }
            match piece {
                Piece::Written(text) => {
                    let index = |at| usize::try_from(at).unwrap_or(usize::MAX);
                    let text = text.get(index(wanted.start)..index(wanted.end));
                    read.extend_from_slice(text.unwrap_or_default());
                }
                Piece::Kept(kept) => {
                    let kept = kept.start as u64;
                    self.read_kept(kept + wanted.start..kept + wanted.end, &mut read)
                        .await?;
                }
            }
        }
        Ok(read.freeze())
    }

    async fn read_kept(&self, mut range: Range<u64>, out: &mut BytesMut) -> Result<(), Stop> {
        while range.start < range.end {
            let piece = self
                .read_stored(range.start..range.end.min(range.start + ENOUGH as u64))
                .await?;
            if piece.is_empty() {
                return Err(Refusal::Unavailable.into());
            }
            out.extend_from_slice(&piece);
            range.start += piece.len() as u64;
            consume_budget().await;
        }
        Ok(())
    }

    /// Does work on all octets that are shown, and keeps none of them.
    pub(super) async fn with_whole<T: Send + 'static>(
        &self,
        work: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, Stop> {
        self.with_whole_and(0, work).await
    }

    /// The same where the work takes so many octets besides.
    pub(super) async fn with_whole_and<T: Send + 'static>(
        &self,
        more: u64,
        work: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, Stop> {
        let size = self.size();
        let space = self.space(size.saturating_add(more)).await?;
        let octets = self.read(0..size).await?;
        // Whoever gives up waiting does not make the work end.
        let work = move |octets: &[u8]| {
            let _space = space;
            work(octets)
        };
        Ok(apart(octets, work).await?)
    }

    /// The message at least up to the end of its header, where that comes soon.
    async fn short_head(&self) -> Result<Option<Bytes>, Stop> {
        let size = self.size();
        let guess = self.read(0..size.min(HEADER_GUESS)).await?;
        Ok((size <= HEADER_GUESS || has_header(&guess)).then_some(guess))
    }

    /// Does work on the message up to the end of its header, or further.
    pub(super) async fn with_head<T: Send + 'static>(
        &self,
        work: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, Stop> {
        if let Some(head) = self.short_head().await? {
            return Ok(work(&head));
        }
        let (size, mut length) = (self.size(), LONG_HEADER);
        loop {
            let end = size.min(length);
            let space = self.space(end.saturating_mul(HEADER_TIMES)).await?;
            let head = self.read(0..end).await?;
            if end == size || has_header(&head) {
                let work = move |octets: &[u8]| {
                    let _space = space;
                    work(octets)
                };
                return Ok(apart(head, work).await?);
            }
            length = length.saturating_mul(8);
        }
    }

    async fn structure(&mut self) -> Result<&Structure, Stop> {
        let structure = match self.structure.take() {
            Some(structure) => structure,
            None => {
                let size = self.size();
                if size <= SMALL as u64 {
                    self.lies = Lies::Here(self.read(0..size).await?);
                }
                self.with_whole(Structure::parse).await?
            }
        };
        Ok(self.structure.insert(structure))
    }

    async fn parsed_head(&mut self) -> Result<Option<&Parsed>, Stop> {
        if self.head.is_none() {
            self.head = self.short_head().await?.map(|bytes| Parsed {
                structure: Structure::parse(&bytes),
                bytes,
            });
        }
        Ok(self.head.as_ref())
    }

    /// The cards, made from the bytes: for a message whose stored ones are missing or of another version.
    pub(super) async fn cards(&mut self) -> Result<StoredCards<'_>, Stop> {
        self.prepare().await?;
        if self.cards.is_none() {
            let cards = self
                .with_whole(|bytes| Cards::of(&Message::parse(bytes)).print())
                .await?;
            self.keep(cards.len().saturating_mul(2))?;
            self.cards = Some(cards);
        }
        let cards = self.cards.as_ref().map(|cards| StoredCards::parse(cards));
        Ok(cards.flatten().expect("what was just printed parses back"))
    }

    async fn section(&mut self, section: &Section) -> Result<Octets, Stop> {
        self.prepare().await?;
        let size = self.size();
        if section.part.is_empty() && section.text == SectionText::Whole {
            return Ok(Octets::Range(0..size));
        }
        if section.part.is_empty()
            && let Some(head) = self.parsed_head().await?
        {
            return Ok(
                match (section.text == SectionText::Text, find(&head.structure, section)) {
                    (true, _) => Octets::Range(head.structure.part(PartId::ROOT).body.start as u64..size),
                    (false, None) => Octets::Missing,
                    (false, Some(range)) => {
                        let header = head.bytes.get(range.clone()).unwrap_or_default();
                        chosen(header, section).map_or_else(|| as_range(&range), Octets::Made)
                    }
                },
            );
        }
        let Some(range) = find(self.structure().await?, section) else {
            return Ok(Octets::Missing);
        };
        if !matches!(
            section.text,
            SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_)
        ) {
            return Ok(as_range(&range));
        }
        // Twice: what is chosen of it may be all of it.
        let octets = u64::try_from(range.len()).unwrap_or(u64::MAX);
        let _space = self.space(octets.saturating_mul(2)).await?;
        let header = self.read(range.start as u64..range.end as u64).await?;
        let made = chosen(&header, section).unwrap_or(header);
        self.keep(made.len().saturating_mul(2))?;
        Ok(Octets::Made(made))
    }
}

/// Whether a header ends in the beginning of a message.
fn has_header(begin: &[u8]) -> bool {
    begin.starts_with(b"\r\n") || memchr::memmem::find(begin, b"\r\n\r\n").is_some()
}

/// Finds a section in a message.
fn find(structure: &Structure, section: &Section) -> Option<Range<usize>> {
    let kind = match &section.text {
        SectionText::Whole => message::Section::Whole,
        SectionText::Text => message::Section::Text,
        SectionText::Mime => message::Section::Mime,
        SectionText::Header | SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_) => {
            message::Section::Header
        }
    };
    structure.section(&section.part, kind)
}

fn as_range(range: &Range<usize>) -> Octets {
    Octets::Range(range.start as u64..range.end as u64)
}

/// The fields of a header that a section asks for; `None` where it asks for all.
fn chosen(header: &[u8], section: &Section) -> Option<Bytes> {
    let header = Header::new(header);
    match &section.text {
        SectionText::HeaderFields(names) => Some(header.only(names).into()),
        SectionText::HeaderFieldsNot(names) => Some(header.without(names).into()),
        _ => None,
    }
}

/// Which of the octets are wanted.
fn cut(range: Range<u64>, partial: Option<Partial>) -> Range<u64> {
    let Some(partial) = partial else { return range };
    let start = range.start.saturating_add(partial.origin.into()).min(range.end);
    start..start.saturating_add(partial.length.into()).min(range.end)
}

/// Sends an item of octets with its name.
pub(super) async fn send(
    connection: &mut Connection,
    source: &mut Source<'_>,
    item: &FetchItem,
    place: Place,
) -> Result<Place, Stop> {
    let (section, partial) = match item {
        FetchItem::BodySection(body) => (body.section.clone(), body.partial),
        FetchItem::Rfc822Header => (of_message(SectionText::Header), None),
        FetchItem::Rfc822Text => (of_message(SectionText::Text), None),
        _ => (of_message(SectionText::Whole), None),
    };
    let octets = source.section(&section).await?;
    let mut line = FetchLine::resume(connection.out(), place);
    match item {
        FetchItem::Rfc822Header => line.rfc822("RFC822.HEADER"),
        FetchItem::Rfc822Text => line.rfc822("RFC822.TEXT"),
        FetchItem::Rfc822 => line.rfc822("RFC822"),
        _ => line.section(&section, partial.map(|partial| partial.origin)),
    }
    match octets {
        Octets::Missing => line.nil(),
        Octets::Made(made) => {
            let size = made.len() as u64;
            let wanted = cut(0..size, partial);
            let index = |at| usize::try_from(at).unwrap_or(made.len());
            line.octets(&made.slice(index(wanted.start)..index(wanted.end)));
        }
        Octets::Range(range) => {
            let place = line.pause();
            return stream(connection, source, cut(range, partial), place).await;
        }
    }
    Ok(line.pause())
}

fn of_message(text: SectionText) -> Section {
    Section {
        part: Vec::new(),
        text,
    }
}

/// Sends a range of a message as a literal, piece by piece. The first piece is read before the literal is announced:
/// what cannot be read at all is refused; what breaks off in the middle ends the connection.
async fn stream(
    connection: &mut Connection,
    source: &Source<'_>,
    range: Range<u64>,
    place: Place,
) -> Result<Place, Stop> {
    let size = range.end.saturating_sub(range.start);
    // What fits into a small piece takes no room from others.
    let piece = match size <= SMALL as u64 {
        true => SMALL as u64,
        false => connection.room() as u64,
    };
    let first = source
        .read(range.start..range.end.min(range.start + piece))
        .await?;
    let mut line = FetchLine::resume(connection.out(), place);
    line.literal(size);
    let place = line.pause();
    let mut at = range.start + first.len() as u64;
    connection.send(first).await?;
    while at < range.end {
        let read = source.read(at..range.end.min(at + piece)).await;
        let read = read.ok().filter(|read| !read.is_empty());
        let Some(read) = read else {
            return Err(std::io::Error::other("a message could not be read to its end").into());
        };
        at += read.len() as u64;
        connection.send(read).await?;
    }
    Ok(place)
}
