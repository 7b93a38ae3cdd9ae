//! FETCH responses (RFC 9051 §7.5.2) with the items of the extensions. An item that is not known is kept as it was written.

use bytes::Bytes;
use types::{Timestamp, Uid};

use super::body_structure::{BodyStructure, body};
use super::envelope::{Envelope, envelope};
use super::flag::{ServerFlag, flags};
use super::reader::{Reader, number, text};
use crate::grammar::cursor::ParseError;
use crate::grammar::section::{Section, SectionText, section};

/// What a server says of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Its message sequence number; some servers say 0.
    pub position: u32,
    /// Its uid.
    pub uid: Option<Uid>,
    /// Its flags.
    pub flags: Option<Vec<ServerFlag>>,
    /// Its size in octets.
    pub size: Option<u64>,
    /// When it arrived.
    pub received: Option<Timestamp>,
    /// Its mod-sequence (RFC 7162 §3.1.4.2).
    pub mod_sequence: Option<u64>,
    /// What it is called for ever (RFC 8474 §5.1), or `X-GM-MSGID` of Gmail.
    pub email_id: Option<Box<str>>,
    /// What its conversation is called (RFC 8474 §5.2), or `X-GM-THRID` of Gmail.
    pub thread_id: Option<Box<str>>,
    /// Its envelope.
    pub envelope: Option<Box<Envelope>>,
    /// Its structure.
    pub structure: Option<Box<BodyStructure>>,
    /// Its octets, or parts of them.
    pub parts: Vec<Part>,
    /// Items that are not known here: name in capital letters, and value as it was written.
    pub other: Vec<(Box<str>, Bytes)>,
}

/// `BODY[section]<origin>` and its like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which part.
    pub section: Section,
    /// Where in it the octets begin.
    pub origin: Option<u64>,
    /// The octets.
    pub octets: Octets,
}

/// The octets of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Octets {
    /// There is no such part.
    None,
    /// Here they are.
    Kept(Bytes),
    /// They came before, piece by piece, or are about to come.
    Streamed,
}

/// What stands behind `* n FETCH`. Of a response that is not whole ends with the announcement of a body, whose part is the last.
pub(super) fn fetched(position: u32, reader: &mut Reader<'_>) -> Result<Fetched, ParseError> {
    let mut fetched = Fetched {
        position,
        ..Fetched::default()
    };
    reader.spaces();
    reader.cursor.expect(b'(', "the items in parentheses")?;
    while reader.has_more() {
        if reader.take(b')') {
            return Ok(fetched);
        }
        item(&mut fetched, reader)?;
    }
    // Exchange has left the parenthesis at the end away. Where the octets before it end with one, their size was a lie, and they are not the message's.
    match fetched.parts.last().map(|part| &part.octets) {
        Some(Octets::Kept(octets)) if octets.ends_with(b")") => Err(reader.wanted("a closing parenthesis")),
        _ => Ok(fetched),
    }
}

fn item(fetched: &mut Fetched, reader: &mut Reader<'_>) -> Result<(), ParseError> {
    let is_name = |octet: u8| octet.is_ascii_graphic() && !b"()[<{\"".contains(&octet);
    let name = reader
        .cursor
        .run(is_name, "the name of an item")?
        .to_ascii_uppercase();
    match name.as_slice() {
        b"UID" => fetched.uid = Some(Uid(reader.number32()?)).filter(|uid| uid.0 > 0),
        b"FLAGS" => fetched.flags = Some(flags(reader)?),
        b"RFC822.SIZE" => fetched.size = reader.number_or_nil()?,
        b"INTERNALDATE" => fetched.received = reader.date_time()?,
        b"MODSEQ" => fetched.mod_sequence = reader.strings()?.first().and_then(|word| number(word)),
        b"EMAILID" | b"X-GM-MSGID" => fetched.email_id = id(reader)?,
        b"THREADID" | b"X-GM-THRID" => fetched.thread_id = id(reader)?,
        b"ENVELOPE" => fetched.envelope = Some(Box::new(envelope(reader)?)),
        b"BODYSTRUCTURE" => fetched.structure = Some(Box::new(body(reader)?)),
        b"BODY" | b"BINARY" if reader.peek() == Some(b'[') => fetched.parts.push(part(reader)?),
        b"BODY" => fetched.structure = Some(Box::new(body(reader)?)),
        b"RFC822" => fetched.parts.push(whole(reader, SectionText::Whole)?),
        b"RFC822.HEADER" => fetched.parts.push(whole(reader, SectionText::Header)?),
        b"RFC822.TEXT" => fetched.parts.push(whole(reader, SectionText::Text)?),
        _ => {
            // `BINARY.SIZE[1]`: the section is no part of the value.
            if reader.take(b'[') {
                reader.cursor.run(|octet| octet != b']', "").ok();
                reader.take(b']');
            }
            let value = reader.raw()?;
            fetched.other.push((text(&name), value));
        }
    }
    Ok(())
}

/// `(id)`, `id` or `NIL`.
fn id(reader: &mut Reader<'_>) -> Result<Option<Box<str>>, ParseError> {
    Ok(reader.strings()?.first().map(|id| text(id)))
}

fn whole(reader: &mut Reader<'_>, section_text: SectionText) -> Result<Part, ParseError> {
    Ok(Part {
        section: Section {
            part: Vec::new(),
            text: section_text,
        },
        origin: None,
        octets: octets(reader)?,
    })
}

/// `section ["<" number ">"] SP nstring`.
fn part(reader: &mut Reader<'_>) -> Result<Part, ParseError> {
    let section = section(&mut reader.cursor)?;
    let mut origin = None;
    if reader.take(b'<') {
        origin = Some(reader.number()?);
        // Some servers repeat the length that was asked for.
        reader
            .cursor
            .run(|octet| octet.is_ascii_digit() || octet == b'.', "")
            .ok();
        reader.cursor.expect(b'>', "a closing angle bracket")?;
    }
    Ok(Part {
        section,
        origin,
        octets: octets(reader)?,
    })
}

/// A body that was streamed has an empty literal in its place, and an announcement that says more.
fn octets(reader: &mut Reader<'_>) -> Result<Octets, ParseError> {
    reader.spaces();
    let announced = reader.cursor.rest();
    let announced = announced.strip_prefix(b"~").unwrap_or(announced);
    let is_literal = announced.first() == Some(&b'{');
    let says_nothing = announced.starts_with(b"{0}") || announced.starts_with(b"{0+}");
    // What is not whole ends with the announcement, and has no literal for it.
    if is_literal && is_last_announcement(announced) && !reader.has_literal() {
        reader.rest();
        return Ok(Octets::Streamed);
    }
    let octets = reader.nstring()?;
    // A server that has said a size too small goes on with the body here.
    if !matches!(reader.peek(), Some(b' ' | b')') | None) {
        return Err(reader.wanted("a space or a parenthesis behind a body"));
    }
    Ok(match octets {
        None => Octets::None,
        Some(octets) if is_literal && octets.is_empty() && !says_nothing => Octets::Streamed,
        Some(octets) => Octets::Kept(octets),
    })
}

/// Whether nothing follows the announcement.
fn is_last_announcement(announced: &[u8]) -> bool {
    memchr::memchr(b'\n', announced).is_some_and(|end| end + 1 == announced.len())
}
