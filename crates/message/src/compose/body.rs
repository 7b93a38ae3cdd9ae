//! The body of a leaf: its octets and the transfer encoding that takes them where they go (RFC 2045 §6).

use std::borrow::Cow;

use super::part::{Content, Source};
use super::{Form, Room};
use crate::repair;
use crate::transfer::encode::{Base64Encoder, Encoding, quoted_printable};

/// RFC 5322 §2.1.1.
const MAX_LINE: usize = 998;

/// What a body is made of.
#[derive(Debug, Clone)]
pub(super) enum Body<'m> {
    /// These octets as they are.
    Octets(Cow<'m, [u8]>),
    /// These octets, encoded when they are written.
    Encoded(Cow<'m, [u8]>, Encoding),
    /// Octets that are not here.
    Outside(Source, Encoding),
}

/// A body and the name of its encoding.
pub(super) type Named<'m> = (&'static str, Body<'m>);

impl Body<'_> {
    /// Whether a boundary could be found in it. An encoding leaves no `=_` in what it writes.
    pub(super) fn holds(&self, boundary: &[u8]) -> bool {
        match self {
            Body::Octets(octets) | Body::Encoded(octets, Encoding::Lines | Encoding::Binary) => {
                memchr::memmem::find(octets, boundary).is_some()
            }
            Body::Encoded(_, Encoding::Base64) | Body::Outside(..) => false,
        }
    }
}

/// What the lines of some octets are like.
struct Lines {
    longest: usize,
    ascii: bool,
    /// NUL, which no line may hold (RFC 2045 §2.7), or a CR or LF that stands alone.
    binary: bool,
}

impl Lines {
    fn of(octets: &[u8]) -> Self {
        let line = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).len();
        Lines {
            longest: octets.split(|byte| *byte == b'\n').map(line).max().unwrap_or(0),
            ascii: octets.is_ascii(),
            binary: memchr::memchr(0, octets).is_some() || repair::has_bare_cr_or_lf(octets),
        }
    }

    /// The encoding that leaves the octets as they are, if there is one.
    fn identity(&self, room: Room) -> Option<&'static str> {
        let lines = self.longest <= MAX_LINE && !self.binary;
        match room {
            _ if lines && self.ascii => Some("7bit"),
            Room::SevenBit => None,
            _ if lines => Some("8bit"),
            Room::EightBit => None,
            Room::Binary => Some("binary"),
        }
    }
}

/// A text with every line ended by CRLF, the last one too, and without a mark of byte order before it.
pub(super) fn canonical(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut text = text.replace('\n', "\r\n");
    if !text.is_empty() && !text.ends_with("\r\n") {
        text.push_str("\r\n");
    }
    text
}

/// A text in its lightest encoding: none, or quoted-printable, or base64, which Chinese is shorter in.
pub(super) fn of_text<'m>(text: &str, room: Room) -> Named<'m> {
    let text = canonical(text);
    let lines = Lines::of(text.as_bytes());
    let identity = lines.identity(room).filter(|_| !has_from_line(&text));
    if let Some(name) = identity {
        return (name, Body::Octets(Cow::Owned(text.into_bytes())));
    }
    let quoted = quoted_printable(&text);
    let base64 = Base64Encoder::written(u64::try_from(text.len()).unwrap_or(u64::MAX));
    match u64::try_from(quoted.len()).is_ok_and(|quoted| quoted <= base64) {
        true => ("quoted-printable", Body::Octets(Cow::Owned(quoted))),
        false => (
            "base64",
            Body::Encoded(Cow::Owned(text.into_bytes()), Encoding::Base64),
        ),
    }
}

/// Whether a line looks like the beginning of a message in a mailbox file (RFC 4155): programs put a `>` before it.
fn has_from_line(text: &str) -> bool {
    text.starts_with("From ") || memchr::memmem::find(text.as_bytes(), b"\nFrom ").is_some()
}

/// A file. DEVIATION RFC 2046 §4.1.1: the lines of a text end as they do in the file, because who gets it wants the same
/// octets.
pub(super) fn of_file<'m>(content: &'m Content<'_>, room: Room) -> Named<'m> {
    let (name, encoding) = match room {
        Room::SevenBit | Room::EightBit => ("base64", Encoding::Base64),
        Room::Binary => ("binary", Encoding::Binary),
    };
    let body = match content {
        Content::Octets(octets) => Body::Encoded(Cow::Borrowed(octets), encoding),
        Content::Outside(source) => Body::Outside(*source, encoding),
    };
    (name, body)
}

/// A message within the message, whose type allows no encoding (RFC 2046 §5.2.1); `None` where it cannot stand as it is.
/// One that is not here is taken to have 8-bit octets in lines.
pub(super) fn of_message<'m>(content: &'m Content<'_>, room: Room) -> Option<Named<'m>> {
    match content {
        Content::Outside(source) => match room {
            Room::SevenBit => None,
            Room::EightBit | Room::Binary => Some(("8bit", Body::Outside(*source, Encoding::Lines))),
        },
        Content::Octets(octets) => {
            let octets = repair::crlf(octets);
            let name = Lines::of(&octets).identity(room)?;
            Some((name, Body::Octets(octets)))
        }
    }
}

/// The media type of a message within: RFC 6532 §3.7 where its header has UTF-8.
pub(super) fn type_of_message(content: &Content<'_>, form: Form) -> &'static str {
    let beyond_ascii = match content {
        Content::Octets(octets) => {
            let message = crate::Message::parse(octets);
            crate::downgrade::is_needed(&message)
        }
        // It is read later. Where the form is UTF-8, every reader takes UTF-8 within too.
        Content::Outside(_) => form == Form::Utf8,
    };
    match beyond_ascii {
        true => "message/global",
        false => "message/rfc822",
    }
}

#[cfg(test)]
mod tests;
