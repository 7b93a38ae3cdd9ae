//! Surrogates of internationalised messages (RFC 6857): what a mail program is given that does not know UTF-8 in header
//! fields (RFC 6532).
//!
//! Read first: [`Surrogate::of`]. A surrogate is the message with some header fields written anew, of the message, of its
//! parts and of the messages within: text as encoded words (RFC 2047), parameters in the form of RFC 2231, domains as
//! A-labels, an address whose local part is not ASCII as an empty group that is named after it. Raw 8-bit text of another
//! charset, which RFC 5322 never allowed, is taken for what it likeliest is and treated alike.
//!
//! What must hold: a surrogate has only ASCII in its header fields; bodies are kept byte for byte; the parts stay what
//! they are; the same message has always the same surrogate; a message that needs none has none. Nothing fails: where a
//! grammar knows no other form, such as in the name of a field, an `X` stands for what is not ASCII.
//!
//! GAP RFC 6857 §4.2: the fields within a delivery status are its body, and are kept as they are.

use std::borrow::Cow;
use std::ops::Range;

use crate::header::{Field, Header, field_length, unfold};
use crate::message::Message;

mod address;
mod field;
pub(crate) mod parameters;
pub(crate) mod words;

/// What of a message is written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surrogate {
    /// In their order, apart from one another.
    edits: Vec<Edit>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    range: Range<usize>,
    text: Vec<u8>,
}

/// A piece of a surrogate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'s> {
    /// Octets of the message, which are kept.
    Kept(Range<usize>),
    /// Octets that are written anew.
    Written(&'s [u8]),
}

impl Piece<'_> {
    /// How many octets it has.
    pub fn len(&self) -> usize {
        match self {
            Piece::Kept(range) => range.len(),
            Piece::Written(text) => text.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether a message has anything but ASCII in a header field, of the message itself or of a part.
pub fn is_needed(message: &Message<'_>) -> bool {
    let ids = message.structure().ids();
    ids.into_iter().any(|id| !message.header(id).bytes().is_ascii())
}

/// The surrogate of a message, or the message itself where it needs none.
///
/// ```
/// let surrogate = posthouse_message::downgrade::message("Subject: 你好\r\n\r\n你好\r\n".as_bytes());
/// assert_eq!(surrogate, "Subject: =?UTF-8?B?5L2g5aW9?=\r\n\r\n你好\r\n".as_bytes());
/// ```
pub fn message(bytes: &[u8]) -> Cow<'_, [u8]> {
    match Surrogate::of(&Message::parse(bytes)) {
        Some(surrogate) => Cow::Owned(surrogate.pieces(bytes).collect::<Vec<_>>().concat()),
        None => Cow::Borrowed(bytes),
    }
}

/// The surrogate of a block of header fields.
pub fn header(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut edits = Vec::new();
    edit_header(Header::new(bytes), 0, &mut edits);
    match edits.is_empty() {
        true => Cow::Borrowed(bytes),
        false => Cow::Owned(Surrogate { edits }.pieces(bytes).collect::<Vec<_>>().concat()),
    }
}

impl Surrogate {
    /// What must be written anew, if anything must.
    pub fn of(message: &Message<'_>) -> Option<Self> {
        let mut edits = Vec::new();
        for id in message.structure().ids() {
            edit_header(message.header(id), message.part(id).header.start, &mut edits);
        }
        (!edits.is_empty()).then_some(Surrogate { edits })
    }

    /// How many octets the surrogate of a message of this size has.
    pub fn octets(&self, of_message: usize) -> usize {
        let removed: usize = self.edits.iter().map(|edit| edit.range.len()).sum();
        let added: usize = self.edits.iter().map(|edit| edit.text.len()).sum();
        of_message + added - removed
    }

    /// The surrogate, piece by piece, of the message that it was made of.
    pub fn pieces<'a>(&'a self, message: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.parts(message.len()).map(|piece| match piece {
            Piece::Kept(range) => message.get(range).unwrap_or_default(),
            Piece::Written(text) => text,
        })
    }

    /// What the surrogate of a message of this size is put together from, in order.
    pub fn parts(&self, of_message: usize) -> impl Iterator<Item = Piece<'_>> {
        let ends = self.edits.iter().map(|edit| edit.range.start);
        let ends = ends.chain([of_message]);
        let starts = [0]
            .into_iter()
            .chain(self.edits.iter().map(|edit| edit.range.end));
        let texts = self
            .edits
            .iter()
            .map(|edit| edit.text.as_slice())
            .chain([&[][..]]);
        starts
            .zip(ends)
            .zip(texts)
            .flat_map(|((start, end), text)| [Piece::Kept(start..end), Piece::Written(text)])
            .filter(|piece| !piece.is_empty())
    }
}

/// Finds what must be written anew in a header that begins at `start` of the message.
fn edit_header(header: Header<'_>, start: usize, edits: &mut Vec<Edit>) {
    if header.bytes().is_ascii() {
        return;
    }
    let mut from = 0;
    for field in header.fields() {
        edit_rest(header, from..field.offset, start, edits);
        from = field.offset + field.raw.len();
        if !field.raw.is_ascii() {
            edits.push(Edit {
                range: start + field.offset..start + from,
                text: rewritten(&field),
            });
        }
    }
    edit_rest(header, from..header.bytes().len(), start, edits);
}

/// What is no field: it stays there, because where a header ends may depend on it.
fn edit_rest(header: Header<'_>, range: Range<usize>, start: usize, edits: &mut Vec<Edit>) {
    let mut at = range.start;
    while at < range.end {
        let rest = header.bytes().get(at..range.end).unwrap_or_default();
        let line = rest.get(..field_length(rest)).unwrap_or(rest);
        if !line.is_ascii() {
            edits.push(Edit {
                range: start + at..start + at + line.len(),
                text: without_8bit(line),
            });
        }
        at += line.len().max(1);
    }
}

/// Words that are known must not appear where there were none, nor get lost: an `X` stands for what is not ASCII.
fn without_8bit(text: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    for piece in text.chunk_by(|one, next| one.is_ascii() == next.is_ascii()) {
        kept.extend_from_slice(if piece.is_ascii() { piece } else { b"X" });
    }
    kept
}

/// The same of what is printed on one line.
fn without_8bit_on_line(text: &[u8]) -> String {
    let kept = without_8bit(&unfold(text));
    String::from_utf8(kept).expect("it is ASCII")
}

/// The field in ASCII with its line end.
fn rewritten(field: &Field<'_>) -> Vec<u8> {
    let mut text = field::downgrade(&without_8bit_on_line(field.name), field.value);
    let end = field
        .raw
        .strip_suffix(b"\n")
        .map_or(&b""[..], |raw| match raw.ends_with(b"\r") {
            true => b"\r\n",
            false => b"\n",
        });
    text.extend_from_slice(end);
    text
}

#[cfg(test)]
mod tests;
