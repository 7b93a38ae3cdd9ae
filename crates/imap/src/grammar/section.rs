//! Parts of a message: `section` of BODY[…] (RFC 3501 §6.4.5 and §9).

use bytes::Bytes;

use super::cursor::{Cursor, ParseError, is_astring};
use super::print;

/// Deeper than any part that a message of ours has (`message` cuts its tree earlier).
const MAX_DEPTH: usize = 200;
/// More header fields than a client has reason to name.
const MAX_FIELDS: usize = 1000;

/// What of a message, or of a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Section {
    /// The way to the part; empty for the message itself.
    pub part: Vec<u32>,
    /// What of it.
    pub text: SectionText,
}

/// `section-text`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum SectionText {
    /// All of it: the whole message, or the body of a part.
    #[default]
    Whole,
    /// The header of a message.
    Header,
    /// The fields of a header that have one of the names.
    HeaderFields(Vec<Bytes>),
    /// The fields of a header that have none of the names.
    HeaderFieldsNot(Vec<Bytes>),
    /// The body of a message.
    Text,
    /// The MIME header of a part.
    Mime,
}

/// `"<" number "." nz-number ">"`: which octets of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The first octet, from 0 on.
    pub origin: u32,
    /// At most so many.
    pub length: u32,
}

/// `section`, brackets included.
///
/// # Errors
/// No section is next, or it breaks a limit.
pub fn section(cursor: &mut Cursor<'_>) -> Result<Section, ParseError> {
    cursor.expect(b'[', "a section in brackets")?;
    let mut section = Section::default();
    while cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
        if section.part.len() == MAX_DEPTH {
            return Err(cursor.wanted("a part that is less deep"));
        }
        section.part.push(cursor.nonzero()?);
        if !cursor.take(b'.') {
            cursor.expect(b']', "a closing bracket")?;
            return Ok(section);
        }
    }
    if section.part.is_empty() && cursor.take(b']') {
        return Ok(section);
    }
    section.text = section_text(cursor, &section.part)?;
    cursor.expect(b']', "a closing bracket")?;
    Ok(section)
}

/// `section-msgtext`, and `MIME` after the number of a part.
fn section_text(cursor: &mut Cursor<'_>, part: &[u32]) -> Result<SectionText, ParseError> {
    if cursor.take_word("HEADER.FIELDS.NOT") {
        return fields(cursor).map(SectionText::HeaderFieldsNot);
    }
    if cursor.take_word("HEADER.FIELDS") {
        return fields(cursor).map(SectionText::HeaderFields);
    }
    if cursor.take_word("HEADER") {
        return Ok(SectionText::Header);
    }
    if cursor.take_word("TEXT") {
        return Ok(SectionText::Text);
    }
    if !part.is_empty() && cursor.take_word("MIME") {
        return Ok(SectionText::Mime);
    }
    Err(cursor.wanted("HEADER, HEADER.FIELDS, TEXT, or MIME after a part number"))
}

fn fields(cursor: &mut Cursor<'_>) -> Result<Vec<Bytes>, ParseError> {
    cursor.space()?;
    let before = cursor.clone();
    let names = cursor.list(|c| c.astring("the name of a header field"))?;
    if names.is_empty() || names.len() > MAX_FIELDS {
        return Err(before.wanted("1 to 1000 names of header fields"));
    }
    Ok(names)
}

/// `["<" number "." nz-number ">"]`.
///
/// # Errors
/// A bracket opens and what follows is not a range.
pub fn partial(cursor: &mut Cursor<'_>) -> Result<Option<Partial>, ParseError> {
    if !cursor.take(b'<') {
        return Ok(None);
    }
    let origin = cursor.number()?;
    cursor.expect(b'.', "a full stop")?;
    let length = cursor.nonzero()?;
    cursor.expect(b'>', "a closing angle bracket")?;
    Ok(Some(Partial { origin, length }))
}

/// Prints a section with its brackets, as a response repeats it.
pub fn print_section(out: &mut Vec<u8>, section: &Section) {
    out.push(b'[');
    for (n, part) in section.part.iter().enumerate() {
        if n > 0 {
            out.push(b'.');
        }
        print::number(out, u64::from(*part));
    }
    if !section.part.is_empty() && section.text != SectionText::Whole {
        out.push(b'.');
    }
    match &section.text {
        SectionText::Whole => {}
        SectionText::Header => out.extend_from_slice(b"HEADER"),
        SectionText::Text => out.extend_from_slice(b"TEXT"),
        SectionText::Mime => out.extend_from_slice(b"MIME"),
        SectionText::HeaderFields(names) => print_fields(out, "HEADER.FIELDS ", names),
        SectionText::HeaderFieldsNot(names) => print_fields(out, "HEADER.FIELDS.NOT ", names),
    }
    out.push(b']');
}

fn print_fields(out: &mut Vec<u8>, word: &str, names: &[Bytes]) {
    out.extend_from_slice(word.as_bytes());
    print::list(out, names, |out, name| {
        if !name.is_empty() && name.iter().all(|b| is_astring(*b)) {
            out.extend_from_slice(name);
        } else {
            print::string(out, name);
        }
    });
}
