//! BODY and BODYSTRUCTURE as servers write them (RFC 9051 §7.5.2): what is missing at the end of a part is none.

use bytes::Bytes;

use super::envelope::{Envelope, envelope};
use super::reader::Reader;
use crate::grammar::cursor::ParseError;

/// Parts within parts. What is deeper is passed over: nobody shows it.
const MAX_DEPTH: usize = 100;

/// A part of a message and what it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyStructure {
    /// `text` of `text/plain`; `multipart` where there are parts.
    pub media_type: Bytes,
    /// `plain` of `text/plain`.
    pub subtype: Bytes,
    /// The parameters of the type.
    pub parameters: Vec<(Bytes, Bytes)>,
    /// `Content-ID`.
    pub id: Option<Bytes>,
    /// `Content-Description`.
    pub description: Option<Bytes>,
    /// `Content-Transfer-Encoding`.
    pub encoding: Option<Bytes>,
    /// Its size in octets, encoded.
    pub octets: u64,
    /// Its lines, of a text or a message.
    pub lines: Option<u64>,
    /// The envelope of a message within the message.
    pub envelope: Option<Box<Envelope>>,
    /// The parts of a multipart; the one of a message within the message.
    pub parts: Vec<BodyStructure>,
    /// `Content-Disposition`.
    pub disposition: Option<Disposition>,
    /// `Content-Language`.
    pub languages: Vec<Bytes>,
    /// `Content-Location`.
    pub location: Option<Bytes>,
}

/// `Content-Disposition`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disposition {
    /// `attachment`, `inline` or another.
    pub kind: Bytes,
    /// Its parameters, such as `filename`.
    pub parameters: Vec<(Bytes, Bytes)>,
}

impl BodyStructure {
    /// Whether it is a multipart.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.media_type.eq_ignore_ascii_case(b"multipart")
    }
}

/// `body`.
pub(super) fn body(reader: &mut Reader<'_>) -> Result<BodyStructure, ParseError> {
    nested(reader, MAX_DEPTH)
}

fn nested(reader: &mut Reader<'_>, depth: usize) -> Result<BodyStructure, ParseError> {
    let Some(below) = depth.checked_sub(1) else {
        reader.skip()?;
        return Ok(BodyStructure::default());
    };
    if !reader.opens()? {
        return Ok(BodyStructure::default());
    }
    reader.spaces();
    let part = match reader.peek() {
        Some(b'(') => multipart(reader, below)?,
        _ => one_part(reader, below)?,
    };
    reader.close()?;
    Ok(part)
}

/// `body-type-mpart`, without the parentheses.
fn multipart(reader: &mut Reader<'_>, depth: usize) -> Result<BodyStructure, ParseError> {
    let mut part = BodyStructure {
        media_type: Bytes::from_static(b"multipart"),
        ..BodyStructure::default()
    };
    while reader.peek() == Some(b'(') {
        part.parts.push(nested(reader, depth)?);
        reader.spaces();
    }
    part.subtype = reader.nstring()?.unwrap_or_default();
    part.parameters = parameters(reader)?;
    extension(reader, &mut part)?;
    Ok(part)
}

/// `body-type-1part`, without the parentheses.
fn one_part(reader: &mut Reader<'_>, depth: usize) -> Result<BodyStructure, ParseError> {
    let mut part = BodyStructure {
        media_type: reader.nstring()?.unwrap_or_default(),
        subtype: reader.nstring()?.unwrap_or_default(),
        parameters: parameters(reader)?,
        id: reader.nstring()?,
        description: reader.nstring()?,
        encoding: reader.nstring()?,
        octets: reader.number_or_nil()?.unwrap_or(0),
        ..BodyStructure::default()
    };
    // Some servers leave the envelope of a message within the message away; what follows then is the MD5 or the lines.
    if part.media_type.eq_ignore_ascii_case(b"message") && reader.is_more() && reader.peek() == Some(b'(') {
        part.envelope = Some(Box::new(envelope(reader)?));
        if reader.is_more() {
            part.parts.push(nested(reader, depth)?);
        }
    }
    if reader.is_more() && reader.peek().is_some_and(|octet| octet.is_ascii_digit()) {
        part.lines = reader.number_or_nil()?;
    } else if part.media_type.eq_ignore_ascii_case(b"text") && reader.is_more() && missing_lines(reader) {
        reader.skip()?;
    }
    let _md5 = reader.nstring()?;
    extension(reader, &mut part)?;
    Ok(part)
}

/// Whether `NIL` or a number below zero stands where the lines of a text should, and the MD5 follows.
fn missing_lines(reader: &Reader<'_>) -> bool {
    let mut ahead = reader.clone();
    if ahead.peek() == Some(b'-') {
        return true;
    }
    // Four values of extension data follow the lines where there is extension data: five are left.
    let mut left = 0;
    while ahead.is_more() && ahead.skip().is_ok() {
        left += 1;
    }
    left == 5
}

/// `"(" string SP string … ")" / nil`.
fn parameters(reader: &mut Reader<'_>) -> Result<Vec<(Bytes, Bytes)>, ParseError> {
    let mut parameters = Vec::new();
    if !reader.is_more() {
        return Ok(parameters);
    }
    if reader.peek() != Some(b'(') {
        reader.nstring()?;
        return Ok(parameters);
    }
    reader.take(b'(');
    while reader.next_item()? {
        let name = reader.nstring()?;
        let value = reader.nstring()?;
        parameters.push((name.unwrap_or_default(), value.unwrap_or_default()));
    }
    Ok(parameters)
}

/// Disposition, language and location, as far as they are there.
fn extension(reader: &mut Reader<'_>, part: &mut BodyStructure) -> Result<(), ParseError> {
    if reader.is_more() {
        part.disposition = disposition(reader)?;
    }
    if reader.is_more() {
        part.languages = reader.strings()?;
    }
    part.location = reader.nstring()?;
    Ok(())
}

fn disposition(reader: &mut Reader<'_>) -> Result<Option<Disposition>, ParseError> {
    if reader.peek() != Some(b'(') {
        let kind = reader.nstring()?;
        return Ok(kind.map(|kind| Disposition {
            kind,
            parameters: Vec::new(),
        }));
    }
    reader.take(b'(');
    let kind = reader.nstring()?.unwrap_or_default();
    let parameters = parameters(reader)?;
    reader.close()?;
    Ok(Some(Disposition { kind, parameters }))
}
