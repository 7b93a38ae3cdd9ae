//! The octets of messages: BODY[…], RFC822, RFC822.HEADER, RFC822.TEXT (RFC 3501 §6.4.5).
//!
//! Most sections are a range of the message's bytes and are sent piece by piece, never whole in memory. A message is
//! read whole only where its structure is asked for and it is not known where the section lies; or where what is shown is
//! its surrogate (RFC 6858), whose sections, structure and size are then all those of the surrogate.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use imap::command::fetch::FetchItem;
use imap::grammar::section::{Partial, Section, SectionText};
use imap::response::fetch::{FetchLine, Place};
use message::{Header, Message, PartId, Structure, downgrade};
use store::{Account, MessageRow};

use super::apart::apart;
use super::connection::Connection;
use super::stop::Stop;
use crate::facts::{Cards, StoredCards};
use crate::outlet::SMALL;

/// How much is read to find the header of a message: nearly all are shorter.
const HEADER_GUESS: u64 = 16 * 1024;

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

impl Parsed {
    fn new(bytes: Bytes) -> Self {
        Parsed {
            structure: Structure::parse(&bytes),
            bytes,
        }
    }
}

/// What is shown of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Its bytes.
    AsIs,
    /// Its surrogate, where it needs one.
    Surrogate,
}

/// A message whose parts are wanted; it is read when needed, and once. What is found out about it is kept for the items
/// that follow: a client may name a thousand of them.
pub(super) struct Source<'s> {
    account: &'s Account,
    row: &'s MessageRow,
    shown: Shown,
    whole: Option<Parsed>,
    head: Option<Parsed>,
    cards: Option<Bytes>,
}

impl<'s> Source<'s> {
    pub(super) fn new(account: &'s Account, row: &'s MessageRow, shown: Shown) -> Self {
        Source {
            account,
            row,
            shown,
            whole: None,
            head: None,
            cards: None,
        }
    }

    /// Makes the surrogate, where that is what is shown: from then on it is the message.
    async fn prepare(&mut self) -> Result<(), Stop> {
        if self.shown == Shown::AsIs || self.whole.is_some() {
            return Ok(());
        }
        let bytes = self.whole().await?;
        let made = apart(bytes.clone(), |bytes| {
            let surrogate = downgrade::message(bytes);
            let structure = Structure::parse(&surrogate);
            let bytes = match surrogate {
                Cow::Owned(surrogate) => Some(Bytes::from(surrogate)),
                Cow::Borrowed(_) => None,
            };
            (bytes, structure)
        });
        let (surrogate, structure) = made.await?;
        let bytes = surrogate.unwrap_or(bytes);
        self.whole = Some(Parsed { bytes, structure });
        Ok(())
    }

    /// How many octets are shown.
    pub(super) async fn octets(&mut self) -> Result<u64, Stop> {
        self.prepare().await?;
        Ok(self.size())
    }

    fn size(&self) -> u64 {
        match &self.whole {
            Some(Parsed { bytes, .. }) => bytes.len() as u64,
            None => self.row.size.into(),
        }
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, Stop> {
        match &self.whole {
            Some(Parsed { bytes, .. }) => {
                let end = usize::try_from(range.end).unwrap_or(usize::MAX).min(bytes.len());
                let start = usize::try_from(range.start).unwrap_or(usize::MAX).min(end);
                Ok(bytes.slice(start..end))
            }
            None => Ok(self.account.read_blob(self.row.blob, range).await?),
        }
    }

    /// All bytes of the message.
    pub(super) async fn whole(&self) -> Result<Bytes, Stop> {
        self.read(0..self.size()).await
    }

    /// The message at least up to the end of its header.
    pub(super) async fn head(&self) -> Result<Bytes, Stop> {
        let size = self.size();
        let guess = self.read(0..size.min(HEADER_GUESS)).await?;
        let ends = guess.starts_with(b"\r\n") || memchr::memmem::find(&guess, b"\r\n\r\n").is_some();
        if ends || size <= HEADER_GUESS {
            return Ok(guess);
        }
        self.read(0..size).await
    }

    async fn parsed_whole(&mut self) -> Result<&Parsed, Stop> {
        let parsed = match self.whole.take() {
            Some(parsed) => parsed,
            None => {
                let bytes = self.whole().await?;
                let structure = apart(bytes.clone(), Structure::parse).await?;
                Parsed { bytes, structure }
            }
        };
        Ok(self.whole.insert(parsed))
    }

    async fn parsed_head(&mut self) -> Result<&Parsed, Stop> {
        let parsed = match self.head.take() {
            Some(parsed) => parsed,
            None => Parsed::new(self.head().await?),
        };
        Ok(self.head.insert(parsed))
    }

    /// The cards, made from the bytes: for a message whose stored ones are missing or of another version.
    pub(super) async fn cards(&mut self) -> Result<StoredCards<'_>, Stop> {
        self.prepare().await?;
        let cards = match self.cards.take() {
            Some(cards) => cards,
            None => {
                apart(self.whole().await?, |bytes| {
                    Cards::of(&Message::parse(bytes)).print()
                })
                .await?
            }
        };
        let cards = self.cards.insert(cards);
        Ok(StoredCards::parse(cards).expect("what was just printed parses back"))
    }

    async fn section(&mut self, section: &Section) -> Result<Octets, Stop> {
        self.prepare().await?;
        let size = self.size();
        if !section.part.is_empty() {
            return Ok(find(self.parsed_whole().await?, section));
        }
        match section.text {
            SectionText::Whole => Ok(Octets::Range(0..size)),
            SectionText::Text => {
                let head = self.parsed_head().await?.structure.part(PartId::ROOT);
                Ok(Octets::Range(head.body.start as u64..size))
            }
            _ => Ok(find(self.parsed_head().await?, section)),
        }
    }
}

/// Finds a section in a message.
fn find(message: &Parsed, section: &Section) -> Octets {
    let kind = match &section.text {
        SectionText::Whole => message::Section::Whole,
        SectionText::Text => message::Section::Text,
        SectionText::Mime => message::Section::Mime,
        SectionText::Header | SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_) => {
            message::Section::Header
        }
    };
    let Some(range) = message.structure.section(&section.part, kind) else {
        return Octets::Missing;
    };
    let header = Header::new(message.bytes.get(range.clone()).unwrap_or_default());
    match &section.text {
        SectionText::HeaderFields(names) => Octets::Made(header.only(names).into()),
        SectionText::HeaderFieldsNot(names) => Octets::Made(header.without(names).into()),
        _ => Octets::Range(range.start as u64..range.end as u64),
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
