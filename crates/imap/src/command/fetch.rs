//! FETCH (RFC 3501 §6.4.5), with the items of RFC 8474 and RFC 8514.

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::print;
use crate::grammar::section::{Partial, Section, partial, print_section, section};
use crate::grammar::set::{MessageSet, Numbering, print_sequence_set, sequence_set};

/// More items than a client has reason to ask for at once.
const MAX_ITEMS: usize = 1000;

/// `FETCH messages items`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Of which messages.
    pub messages: MessageSet,
    /// What of them; macros are replaced by what they stand for.
    pub items: Vec<FetchItem>,
}

/// What FETCH can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// The flags.
    Flags,
    /// When the message arrived.
    InternalDate,
    /// The size of the message.
    Rfc822Size,
    /// The uid.
    Uid,
    /// When the message was put into this mailbox (RFC 8514 §4.2).
    SaveDate,
    /// What the message is called for ever (RFC 8474 §5.1).
    EmailId,
    /// What its conversation is called (RFC 8474 §5.2).
    ThreadId,
    /// The envelope.
    Envelope,
    /// The structure without extension data.
    Body,
    /// The structure with extension data.
    BodyStructure,
    /// The octets of a section.
    BodySection(BodySection),
    /// As `BODY[]`, with another name in the answer.
    Rfc822,
    /// As `BODY.PEEK[HEADER]`, with another name in the answer.
    Rfc822Header,
    /// As `BODY[TEXT]`, with another name in the answer.
    Rfc822Text,
}

/// `BODY[section]<partial>` or `BODY.PEEK[section]<partial>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodySection {
    /// What becomes of `\Seen`.
    pub seen: Seen,
    /// Which part.
    pub section: Section,
    /// Which octets of it.
    pub partial: Option<Partial>,
}

/// What reading does to `\Seen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is set.
    Set,
    /// It stays as it is: PEEK.
    Stays,
}

impl FetchItem {
    /// What reading this item does to `\Seen` (RFC 3501 §6.4.5).
    #[must_use]
    pub fn seen(&self) -> Seen {
        match self {
            FetchItem::Rfc822 | FetchItem::Rfc822Text => Seen::Set,
            FetchItem::BodySection(body) => body.seen,
            _ => Seen::Stays,
        }
    }
}

const FAST: [FetchItem; 3] = [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Rfc822Size];

/// `fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")`.
pub(super) fn parse(cursor: &mut Cursor<'_>, numbering: Numbering) -> Result<Fetch, ParseError> {
    cursor.space()?;
    let messages = numbering.of(sequence_set(cursor)?);
    cursor.space()?;
    let before = cursor.clone();
    let items = if cursor.peek() == Some(b'(') {
        cursor.list(item)?
    } else {
        match macro_items(cursor) {
            Some(items) => items,
            None => vec![item(cursor)?],
        }
    };
    if items.is_empty() || items.len() > MAX_ITEMS {
        return Err(before.wanted("1 to 1000 items"));
    }
    Ok(Fetch {
        messages,
        items: without_repeats(items),
    })
}

/// An item named twice is answered once: more would only cost.
fn without_repeats(items: Vec<FetchItem>) -> Vec<FetchItem> {
    let mut once: Vec<FetchItem> = Vec::with_capacity(items.len());
    for item in items {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    once
}

fn macro_items(cursor: &mut Cursor<'_>) -> Option<Vec<FetchItem>> {
    let more: &[FetchItem] = if cursor.take_word("ALL") {
        &[FetchItem::Envelope]
    } else if cursor.take_word("FULL") {
        &[FetchItem::Envelope, FetchItem::Body]
    } else if cursor.take_word("FAST") {
        &[]
    } else {
        return None;
    };
    Some(FAST.iter().chain(more).cloned().collect())
}

/// `fetch-att`.
fn item(cursor: &mut Cursor<'_>) -> Result<FetchItem, ParseError> {
    const WANTED: &str = "an item to fetch, like FLAGS or BODY[]";
    let before = cursor.clone();
    let word = cursor.run(|b| b.is_ascii_alphanumeric() || b == b'.', WANTED)?;
    Ok(match word.to_ascii_uppercase().as_slice() {
        b"FLAGS" => FetchItem::Flags,
        b"INTERNALDATE" => FetchItem::InternalDate,
        b"RFC822.SIZE" => FetchItem::Rfc822Size,
        b"UID" => FetchItem::Uid,
        b"SAVEDATE" => FetchItem::SaveDate,
        b"EMAILID" => FetchItem::EmailId,
        b"THREADID" => FetchItem::ThreadId,
        b"ENVELOPE" => FetchItem::Envelope,
        b"BODYSTRUCTURE" => FetchItem::BodyStructure,
        b"BODY" if cursor.peek() == Some(b'[') => body_section(cursor, Seen::Set)?,
        b"BODY" => FetchItem::Body,
        b"BODY.PEEK" => body_section(cursor, Seen::Stays)?,
        b"RFC822" => FetchItem::Rfc822,
        b"RFC822.HEADER" => FetchItem::Rfc822Header,
        b"RFC822.TEXT" => FetchItem::Rfc822Text,
        _ => return Err(before.wanted(WANTED)),
    })
}

fn body_section(cursor: &mut Cursor<'_>, seen: Seen) -> Result<FetchItem, ParseError> {
    Ok(FetchItem::BodySection(BodySection {
        seen,
        section: section(cursor)?,
        partial: partial(cursor)?,
    }))
}

pub(super) fn print(out: &mut Vec<u8>, fetch: &Fetch) {
    out.extend_from_slice(fetch.messages.numbering().prefix().as_bytes());
    out.extend_from_slice(b"FETCH ");
    print_sequence_set(out, fetch.messages.set());
    out.push(b' ');
    print::list(out, &fetch.items, print_item);
}

fn print_item(out: &mut Vec<u8>, item: &FetchItem) {
    let name: &str = match item {
        FetchItem::Flags => "FLAGS",
        FetchItem::InternalDate => "INTERNALDATE",
        FetchItem::Rfc822Size => "RFC822.SIZE",
        FetchItem::Uid => "UID",
        FetchItem::SaveDate => "SAVEDATE",
        FetchItem::EmailId => "EMAILID",
        FetchItem::ThreadId => "THREADID",
        FetchItem::Envelope => "ENVELOPE",
        FetchItem::Body => "BODY",
        FetchItem::BodyStructure => "BODYSTRUCTURE",
        FetchItem::BodySection(body) if body.seen == Seen::Set => "BODY",
        FetchItem::BodySection(_) => "BODY.PEEK",
        FetchItem::Rfc822 => "RFC822",
        FetchItem::Rfc822Header => "RFC822.HEADER",
        FetchItem::Rfc822Text => "RFC822.TEXT",
    };
    out.extend_from_slice(name.as_bytes());
    if let FetchItem::BodySection(body) = item {
        print_section(out, &body.section);
        if let Some(partial) = body.partial {
            out.push(b'<');
            print::number(out, u64::from(partial.origin));
            out.push(b'.');
            print::number(out, u64::from(partial.length));
            out.push(b'>');
        }
    }
}
