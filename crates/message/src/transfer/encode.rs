//! Transfer encodings (RFC 2045 §6), written: base64 and line ends in pieces of any size, quoted-printable of a whole text.
//!
//! What must hold: however the octets are cut into pieces, what is written is the same, and no more than one line waits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memchr2;

/// Octets in one line of base64: 76 letters (RFC 2045 §6.8).
const LINE_OCTETS: usize = 57;
/// Letters in one line of base64 (RFC 2045 §6.8).
const LINE_LETTERS: usize = 76;
/// Lines encoded at once: what is copied into lines is still in the nearest cache.
const BLOCK_LINES: usize = 64;

/// How the octets of a source become octets of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Base64 in lines of 76 letters.
    Base64,
    /// As they are, but every line ends in CRLF: `7bit` and `8bit`.
    Lines,
    /// As they are: `binary`.
    Binary,
}

/// Encodes octets that come in pieces.
///
/// ```
/// use posthouse_message::compose::{Encoder, Encoding};
///
/// let mut encoder = Encoder::new(Encoding::Base64);
/// let mut written = Vec::new();
/// encoder.push(b"post", &mut written);
/// encoder.push(b"house", &mut written);
/// encoder.finish(&mut written);
/// assert_eq!(written, b"cG9zdGhvdXNl");
/// ```
#[derive(Debug, Clone)]
pub enum Encoder {
    /// See [`Encoding::Base64`].
    Base64(Base64Encoder),
    /// See [`Encoding::Lines`].
    Lines(LineEncoder),
    /// See [`Encoding::Binary`].
    Binary,
}

impl Encoder {
    /// An encoder at its beginning.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Base64 => Encoder::Base64(Base64Encoder::default()),
            Encoding::Lines => Encoder::Lines(LineEncoder::default()),
            Encoding::Binary => Encoder::Binary,
        }
    }

    /// Adds what these octets become.
    pub fn push(&mut self, octets: &[u8], to: &mut Vec<u8>) {
        match self {
            Encoder::Base64(encoder) => encoder.push(octets, to),
            Encoder::Lines(encoder) => encoder.push(octets, to),
            Encoder::Binary => to.extend_from_slice(octets),
        }
    }

    /// Adds what is left when no more octets come. No line end is added.
    pub fn finish(&mut self, to: &mut Vec<u8>) {
        if let Encoder::Base64(encoder) = self {
            encoder.finish(to);
        }
    }
}

/// Base64 in lines; CRLF stands between lines, not after the last.
#[derive(Debug, Clone, Default)]
pub struct Base64Encoder {
    /// Fewer octets than a line has.
    waiting: Vec<u8>,
    /// Lines that are written.
    lines: u64,
}

impl Base64Encoder {
    /// Adds the lines that these octets fill.
    pub fn push(&mut self, octets: &[u8], to: &mut Vec<u8>) {
        let mut rest = octets;
        if !self.waiting.is_empty() {
            let missing = LINE_OCTETS - self.waiting.len();
            let (head, tail) = rest.split_at(missing.min(rest.len()));
            self.waiting.extend_from_slice(head);
            rest = tail;
            if self.waiting.len() < LINE_OCTETS {
                return;
            }
            let line = std::mem::take(&mut self.waiting);
            self.write(&line, to);
        }
        let (whole, tail) = rest.split_at(rest.len() - rest.len() % LINE_OCTETS);
        self.write(whole, to);
        self.waiting.extend_from_slice(tail);
    }

    /// Adds the last line.
    pub fn finish(&mut self, to: &mut Vec<u8>) {
        let last = std::mem::take(&mut self.waiting);
        self.write(&last, to);
    }

    /// How many octets this many become.
    #[must_use]
    pub fn written(octets: u64) -> u64 {
        let lines = octets.div_ceil(LINE_OCTETS as u64);
        octets.div_ceil(3) * 4 + lines.saturating_sub(1) * 2
    }

    fn write(&mut self, octets: &[u8], to: &mut Vec<u8>) {
        let mut letters = [0; LINE_LETTERS * BLOCK_LINES];
        to.reserve(octets.len().div_ceil(LINE_OCTETS) * (LINE_LETTERS + 2));
        for block in octets.chunks(LINE_OCTETS * BLOCK_LINES) {
            let length = STANDARD
                .encode_slice(block, &mut letters)
                .expect("57 octets are 76 letters");
            for line in letters.get(..length).unwrap_or_default().chunks(LINE_LETTERS) {
                if self.lines > 0 {
                    to.extend_from_slice(b"\r\n");
                }
                self.lines += 1;
                to.extend_from_slice(line);
            }
        }
    }
}

/// Octets whose lines all end in CRLF, whatever they ended in (RFC 2045 §2.7, §2.8).
#[derive(Debug, Clone, Default)]
pub struct LineEncoder {
    last: Option<u8>,
}

impl LineEncoder {
    /// Adds these octets: a CR or LF that stands alone becomes CRLF.
    pub fn push(&mut self, octets: &[u8], to: &mut Vec<u8>) {
        let mut rest = octets;
        if self.last == Some(b'\r') {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(at) = memchr2(b'\r', b'\n', rest) {
            let (line, end) = rest.split_at(at);
            to.extend_from_slice(line);
            to.extend_from_slice(b"\r\n");
            rest = match end {
                [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
                [] => end,
            };
        }
        to.extend_from_slice(rest);
        // An empty piece says nothing about what stands before the next.
        self.last = octets.last().copied().or(self.last);
    }
}

/// The longest line of quoted-printable, its `=` included (RFC 2045 §6.7, rule 5).
const MAX_QUOTED: usize = 76;

/// Writes a text whose lines end in CRLF as quoted-printable (RFC 2045 §6.7). A character is not torn, and no line can be
/// taken for the beginning of a message in a mailbox file or for the end of one in SMTP (RFC 2049 §3).
pub(crate) fn quoted_printable(text: &str) -> Vec<u8> {
    let mut written = Vec::with_capacity(text.len() + text.len() / 4);
    for (number, line) in text.split("\r\n").enumerate() {
        if number > 0 {
            written.extend_from_slice(b"\r\n");
        }
        quoted_line(line, &mut written);
    }
    written
}

fn quoted_line(line: &str, to: &mut Vec<u8>) {
    let mut column = 0;
    for (at, letter) in line.char_indices() {
        let rest = line.get(at..).unwrap_or_default();
        let at_end = rest.len() == letter.len_utf8();
        let clear = match letter {
            ' ' | '\t' => !at_end,
            '=' => false,
            letter => letter.is_ascii_graphic(),
        };
        let length = if clear { 1 } else { letter.len_utf8() * 3 };
        // The last letter needs no room for `=` after it.
        let room = if at_end { MAX_QUOTED } else { MAX_QUOTED - 1 };
        if column + length > room {
            to.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if clear && !(column == 0 && is_risky(rest)) {
            to.push(rest.bytes().next().unwrap_or_default());
            column += 1;
        } else {
            rest.bytes()
                .take(letter.len_utf8())
                .for_each(|octet| push_escaped(octet, to));
            column += letter.len_utf8() * 3;
        }
    }
}

/// Whether something on the way takes a line like this for more than text.
fn is_risky(line: &str) -> bool {
    line.starts_with("From ") || line == "."
}

fn push_escaped(octet: u8, to: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
    to.extend_from_slice(&[b'=', digit(octet >> 4), digit(octet & 15)]);
}

#[cfg(test)]
mod tests;
