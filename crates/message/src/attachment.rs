//! What of a message a person can save: its name, what it is, how large it is, and its octets piece by piece.
//!
//! A `winmail.dat` is told by what is packed in it. Names here are as their sender wrote them: [`crate::safe_file_name`] makes one
//! that a file can have.

use std::borrow::Cow;

use crate::content::{ContentType, TransferEncoding};
use crate::message::Message;
use crate::read::{self, content_id};
use crate::structure::{Kind, PartId};
use crate::{Tnef, transfer};

/// How much of a body is decoded at a time.
const PIECE: usize = 64 * 1024;

/// A part that can be saved, or a file that is packed in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Where it is.
    pub source: Source,
    /// Its name as its sender wrote it, decoded; where there is none, one made of its type and its number, such as `part-2.pdf`.
    pub name: String,
    /// `image/png`, in small letters.
    pub media_type: String,
    /// Octets when decoded.
    pub size: u64,
    /// Its `Content-ID` without angle brackets, by which a page shows it (RFC 2392).
    pub content_id: Option<String>,
    /// What it is there for.
    pub role: Role,
}

/// Where an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The body of this part.
    Part(PartId),
    /// This file of a `winmail.dat`, by its position in [`Tnef::files`].
    Packed(PartId, usize),
}

/// What an attachment is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// To be saved.
    Attached,
    /// To be shown in its place, such as the image of a page.
    Inline,
    /// A message within.
    Message,
    /// It signs other parts.
    Signature,
}

/// Everything in a message that can be saved, in its order. What lies in a message within is listed behind that.
#[must_use]
pub fn attachments(message: &Message<'_>) -> Vec<Attachment> {
    let mut found = Vec::new();
    for id in message.structure().ids() {
        if is_tnef(message, id)
            && let Some(tnef) = unpack(message, id)
            && !(tnef.files.is_empty() && tnef.text.is_none() && tnef.page.is_none())
        {
            let before = found.len();
            found.extend(tnef.files.iter().enumerate().map(|(number, file)| Attachment {
                source: Source::Packed(id, number),
                name: named(file.name.clone(), &file.media_type, before + number + 1),
                media_type: file.media_type.clone(),
                size: file.octets.len() as u64,
                content_id: file.content_id.clone(),
                role: if file.content_id.is_some() {
                    Role::Inline
                } else {
                    Role::Attached
                },
            }));
            continue;
        }
        found.extend(role(message, id).map(|role| part(message, id, role, found.len() + 1)));
    }
    found
}

fn part(message: &Message<'_>, id: PartId, role: Role, number: usize) -> Attachment {
    let media_type = media_type(&message.content_type(id));
    Attachment {
        source: Source::Part(id),
        name: named(message.file_name(id).unwrap_or_default(), &media_type, number),
        size: Chunks::of(message.encoding(id), message.body(id))
            .map(|piece| piece.len() as u64)
            .sum(),
        media_type,
        content_id: content_id(message, id),
        role,
    }
}

/// `type/subtype` in small letters, without what no terminal should see.
pub(crate) fn media_type(content_type: &ContentType<'_>) -> String {
    let text = |bytes: &[u8]| read::visible(&String::from_utf8_lossy(bytes)).to_ascii_lowercase();
    format!(
        "{}/{}",
        text(&content_type.media_type),
        text(&content_type.subtype)
    )
}

/// What a part is there for; `None` for what is no thing to save: multiparts, the text of the message, reports.
fn role(message: &Message<'_>, id: PartId) -> Option<Role> {
    let part = message.part(id);
    let parent = part.parent.map(|parent| message.content_type(parent));
    let lies_in = |subtype: &str| {
        parent
            .as_ref()
            .is_some_and(|parent| parent.is_exactly("multipart", subtype))
    };
    let shown = message.content_type(id);
    let is_attached = message.disposition(id).is_some_and(|shown| shown.is_attachment());
    match part.kind {
        Kind::Multipart => None,
        Kind::Message => Some(Role::Message),
        Kind::Text if is_attached && part.parent.is_some() => Some(Role::Attached),
        Kind::Text if message.file_name(id).is_some() => Some(Role::Inline),
        Kind::Text => (!read::is_readable(&shown)).then_some(Role::Attached),
        Kind::Other if shown.is("message") && read::is_report(&shown) => None,
        // The part that says how the other one is encrypted (RFC 3156 §4).
        Kind::Other if lies_in("encrypted") && shown.is_exactly("application", "pgp-encrypted") => None,
        Kind::Other if lies_in("signed") && is_signature(&shown) => Some(Role::Signature),
        Kind::Other if lies_in("related") && !is_attached => Some(Role::Inline),
        Kind::Other if !is_attached && message.disposition(id).is_some() && shown.is("image") => {
            Some(Role::Inline)
        }
        Kind::Other => Some(Role::Attached),
    }
}

fn is_signature(shown: &ContentType<'_>) -> bool {
    let known = ["pgp-signature", "pkcs7-signature", "x-pkcs7-signature"];
    known
        .iter()
        .any(|subtype| shown.is_exactly("application", subtype))
}

/// Whether a part is what Outlook packs everything into.
pub(crate) fn is_tnef(message: &Message<'_>, id: PartId) -> bool {
    if message.part(id).kind != Kind::Other {
        return false;
    }
    let shown = message.content_type(id);
    shown.is_exactly("application", "ms-tnef")
        || shown.is_exactly("application", "vnd.ms-tnef")
        || message
            .file_name(id)
            .is_some_and(|name| name.eq_ignore_ascii_case("winmail.dat"))
}

fn unpack(message: &Message<'_>, id: PartId) -> Option<Tnef> {
    Tnef::parse(&transfer::decode(message.encoding(id), message.body(id)))
}

/// The name, or one made of type and number.
fn named(name: String, media_type: &str, number: usize) -> String {
    let name = read::visible(&name);
    if name.trim().is_empty() {
        format!("part-{number}.{}", extension(media_type))
    } else {
        name
    }
}

/// The types that mail is full of.
const EXTENSIONS: [(&str, &str); 34] = [
    ("application/gzip", "gz"),
    ("application/json", "json"),
    ("application/msword", "doc"),
    ("application/ms-tnef", "dat"),
    ("application/pdf", "pdf"),
    ("application/pgp-signature", "asc"),
    ("application/pkcs7-mime", "p7m"),
    ("application/pkcs7-signature", "p7s"),
    ("application/postscript", "ps"),
    ("application/rtf", "rtf"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.ms-powerpoint", "ppt"),
    ("application/vnd.oasis.opendocument.text", "odt"),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "pptx",
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
    ),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
    ),
    ("application/x-pkcs7-mime", "p7m"),
    ("application/x-pkcs7-signature", "p7s"),
    ("application/xml", "xml"),
    ("application/zip", "zip"),
    ("audio/mpeg", "mp3"),
    ("audio/wav", "wav"),
    ("image/gif", "gif"),
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/svg+xml", "svg"),
    ("image/tiff", "tif"),
    ("image/webp", "webp"),
    ("message/global", "eml"),
    ("message/rfc822", "eml"),
    ("text/calendar", "ics"),
    ("text/html", "html"),
    ("text/vcard", "vcf"),
    ("video/mp4", "mp4"),
];

fn extension(media_type: &str) -> &'static str {
    let known = EXTENSIONS.iter().find(|(known, _)| *known == media_type);
    match known {
        Some((_, extension)) => extension,
        None if media_type.starts_with("text/") => "txt",
        None => "bin",
    }
}

/// The decoded octets of an attachment, piece by piece: what lies in a part is never held as a whole.
#[must_use]
pub fn octets<'a>(message: &Message<'a>, source: Source) -> Chunks<'a> {
    match source {
        Source::Part(id) => Chunks::of(message.encoding(id), message.body(id)),
        Source::Packed(id, number) => {
            let file = unpack(message, id).and_then(|tnef| tnef.files.into_iter().nth(number));
            Chunks {
                packed: file.map(|file| file.octets),
                ..Chunks::of(TransferEncoding::Identity, b"")
            }
        }
    }
}

/// The content of a body in pieces. Together they are what is decoded at once.
#[derive(Debug, Clone)]
pub struct Chunks<'a> {
    encoding: TransferEncoding,
    rest: &'a [u8],
    packed: Option<Vec<u8>>,
}

impl<'a> Chunks<'a> {
    fn of(encoding: TransferEncoding, body: &'a [u8]) -> Self {
        Chunks {
            encoding,
            rest: body,
            packed: None,
        }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Cow<'a, [u8]>;

    fn next(&mut self) -> Option<Cow<'a, [u8]>> {
        if let Some(packed) = self.packed.take() {
            return Some(Cow::Owned(packed));
        }
        if self.rest.is_empty() {
            return None;
        }
        let length = match self.encoding {
            TransferEncoding::Identity => PIECE.min(self.rest.len()),
            TransferEncoding::QuotedPrintable => whole_lines(self.rest),
            TransferEncoding::Base64 => whole_groups(self.rest),
        };
        let (piece, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, b""));
        self.rest = rest;
        Some(transfer::decode(self.encoding, piece))
    }
}

/// The length of a piece of quoted-printable text: each line is decoded by itself.
fn whole_lines(text: &[u8]) -> usize {
    let end = text.get(PIECE..).and_then(|rest| memchr::memchr(b'\n', rest));
    end.map_or(text.len(), |end| PIECE + end + 1)
}

/// The length of a piece of base64: up to a place where no group of four letters is open.
fn whole_groups(text: &[u8]) -> usize {
    let mut letters = 0_u8;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'=' => letters = 0,
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/') => {
                letters = (letters + 1) % 4
            }
            _ => {}
        }
        if at >= PIECE && letters == 0 {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests;
