//! Canonical forms (RFC 6376 §3.4): what stays the same when a message is passed on. Octets come in pieces of any size, and go
//! out in pieces that are never larger.

use std::fmt;
use std::str::FromStr;

use memchr::{memchr, memchr3, memmem};

use crate::header::{Field, Header};

/// A canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canonical {
    /// As it is, but for empty lines at the end (RFC 6376 §3.4.1, §3.4.3).
    Simple,
    /// Blanks may change where they mean nothing (RFC 6376 §3.4.2, §3.4.4).
    Relaxed,
}

impl Canonical {
    fn name(self) -> &'static str {
        match self {
            Canonical::Simple => "simple",
            Canonical::Relaxed => "relaxed",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Canonical::Simple, Canonical::Relaxed]
            .into_iter()
            .find(|form| form.name() == name)
    }

    /// A field as it is signed, with the end of its line.
    fn field(self, field: &Field<'_>, out: &mut Vec<u8>) {
        match self {
            Canonical::Simple => {
                out.extend_from_slice(field.raw.strip_suffix(b"\r\n").unwrap_or(field.raw));
            }
            Canonical::Relaxed => {
                out.extend(field.name.to_ascii_lowercase());
                out.push(b':');
                let value = field.value.split(|octet| is_blank(*octet));
                let words = value.filter(|word| !word.is_empty());
                for (number, word) in words.enumerate() {
                    if number > 0 {
                        out.push(b' ');
                    }
                    out.extend_from_slice(word);
                }
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Blanks, and the line ends of folds, which stand beside blanks.
fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

/// The forms of header and body: `c=`, `relaxed/relaxed` unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canonicalization {
    /// Of the fields.
    pub header: Canonical,
    /// Of the body.
    pub body: Canonical,
}

impl Default for Canonicalization {
    fn default() -> Self {
        Canonicalization {
            header: Canonical::Relaxed,
            body: Canonical::Relaxed,
        }
    }
}

impl fmt::Display for Canonicalization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.header.name(), self.body.name())
    }
}

impl FromStr for Canonicalization {
    type Err = &'static str;

    /// `header/body`; a header's form alone has a simple body (RFC 6376 §3.5).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (header, body) = text.split_once('/').unwrap_or((text, "simple"));
        let forms = Canonical::parse(header).zip(Canonical::parse(body));
        let (header, body) =
            forms.ok_or("write it as relaxed/relaxed, relaxed/simple, simple/relaxed or simple/simple")?;
        Ok(Canonicalization { header, body })
    }
}

/// A body on its way to its hash.
#[derive(Debug, Clone)]
pub struct BodyCanonicalizer {
    form: Canonical,
    /// Line ends that count only if something follows.
    ends: u64,
    /// Blanks that count only if something follows on the line.
    blank: bool,
    /// A CR that may be half a line end.
    cr: bool,
    /// Whether anything was given out.
    any: bool,
}

impl BodyCanonicalizer {
    /// Begins a body.
    #[must_use]
    pub fn new(form: Canonical) -> Self {
        BodyCanonicalizer {
            form,
            ends: 0,
            blank: false,
            cr: false,
            any: false,
        }
    }

    /// Takes more of the body.
    pub fn push(&mut self, mut octets: &[u8], mut out: impl FnMut(&[u8])) {
        while let Some((first, after)) = octets.split_first() {
            if self.cr {
                self.cr = false;
                if *first == b'\n' {
                    self.ends += 1;
                    self.blank = false;
                    octets = after;
                } else {
                    self.give(b"\r", &mut out);
                }
                continue;
            }
            let special = match self.form {
                Canonical::Simple => memchr(b'\r', octets),
                Canonical::Relaxed => memchr3(b' ', b'\t', b'\r', octets),
            };
            let (plain, rest) = octets.split_at(special.unwrap_or(octets.len()));
            if !plain.is_empty() {
                self.give(plain, &mut out);
            }
            octets = match rest.split_first() {
                None => return,
                Some((b'\r', rest)) => {
                    self.cr = true;
                    rest
                }
                Some((_, rest)) => {
                    self.blank = true;
                    rest
                }
            };
        }
    }

    /// Ends the body: with one line end, where there is anything of it, and in the simple form always.
    pub fn finish(mut self, mut out: impl FnMut(&[u8])) {
        if self.cr {
            self.give(b"\r", &mut out);
        }
        if self.any || self.form == Canonical::Simple {
            out(b"\r\n");
        }
    }

    fn give(&mut self, octets: &[u8], out: &mut impl FnMut(&[u8])) {
        for _ in 0..std::mem::take(&mut self.ends) {
            out(b"\r\n");
        }
        if std::mem::take(&mut self.blank) {
            out(b" ");
        }
        out(octets);
        self.any = true;
    }
}

/// A message that is read for its signature: its header is kept, its body goes through.
#[derive(Debug, Clone)]
pub struct Intake {
    header: Vec<u8>,
    /// Whether the header has ended.
    ended: bool,
    body: BodyCanonicalizer,
}

impl Intake {
    /// Begins a message, whose body goes out in a form.
    #[must_use]
    pub fn new(form: Canonical) -> Self {
        Intake {
            header: Vec::new(),
            ended: false,
            body: BodyCanonicalizer::new(form),
        }
    }

    /// Takes more of the message, lines ending with CRLF; gives out what is hashed of its body.
    pub fn push(&mut self, octets: &[u8], out: impl FnMut(&[u8])) {
        if self.ended {
            return self.body.push(octets, out);
        }
        // The blank line may have begun in the last piece.
        let looked = self.header.len().saturating_sub(3);
        self.header.extend_from_slice(octets);
        let unseen = self.header.get(looked..).unwrap_or_default();
        if let Some(at) = memmem::find(unseen, b"\r\n\r\n") {
            self.ended = true;
            let body = self.header.split_off(looked + at + 4);
            self.body.push(&body, out);
        }
    }

    /// Ends the message; its header.
    #[must_use]
    pub fn finish(self, out: impl FnMut(&[u8])) -> Vec<u8> {
        self.body.finish(out);
        self.header
    }
}

/// The octets that are signed (RFC 6376 §3.7): the fields of these names, each name taking the last that is left of it (§5.4.2), and then
/// the signature's own field, its `b=` empty, without a line end.
#[must_use]
pub fn signed_text<'n>(
    header: &[u8],
    names: impl IntoIterator<Item = &'n str>,
    form: Canonical,
    own: &[u8],
) -> Vec<u8> {
    let mut left: Vec<Field<'_>> = Header::new(header).fields().collect();
    let mut text = Vec::new();
    for name in names {
        // RFC 6376 §5.4: a field that is not there is nothing.
        if let Some(at) = left.iter().rposition(|field| field.is(name)) {
            form.field(&left.remove(at), &mut text);
        }
    }
    for field in Header::new(own).fields() {
        form.field(&field, &mut text);
    }
    text.truncate(text.len().saturating_sub(2));
    text
}
