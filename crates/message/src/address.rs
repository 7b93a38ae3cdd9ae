//! Lists of addresses (RFC 5322 §3.4, §4.4), as they are written and as people read them.
//!
//! Read in one pass, left to right, and never refused: what cannot be an address becomes the mailbox of one without a
//! host, so that a client still shows it.

use std::borrow::Cow;

use crate::encoded_word;
use crate::parameter::{comment, unquote};

/// One entry of a list of addresses, in the four-string form of IMAP (RFC 3501 §7.4.2). No string holds CR, LF or NUL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AddressItem {
    /// A mailbox.
    Address {
        /// The display name as it is written, quotes taken away, encoded words left; a comment where there is no name.
        name: Option<Vec<u8>>,
        /// The source route (RFC 5322 §4.4), without its colon.
        route: Option<Vec<u8>>,
        /// The local part, quotes taken away.
        mailbox: Vec<u8>,
        /// The domain; empty where there is no `@`.
        host: Vec<u8>,
    },
    /// A group of this name begins.
    GroupStart(Vec<u8>),
    /// The group ends.
    GroupEnd,
}

impl AddressItem {
    /// The name of an address or of a group for people, encoded words decoded.
    pub fn display_name(&self) -> Option<String> {
        match self {
            AddressItem::Address { name, .. } => name.as_deref().map(encoded_word::decode),
            AddressItem::GroupStart(name) => Some(encoded_word::decode(name)),
            AddressItem::GroupEnd => None,
        }
    }

    /// `mailbox@host` for people, or the mailbox alone where there is no host; `None` for the ends of groups.
    pub fn address(&self) -> Option<String> {
        let AddressItem::Address { mailbox, host, .. } = self else {
            return None;
        };
        let mailbox = encoded_word::decode(mailbox);
        if host.is_empty() {
            return Some(mailbox);
        }
        Some(format!("{}@{}", quoted(&mailbox), encoded_word::decode(host)))
    }
}

/// A local part in the form in which it can be read again (RFC 5322 §3.4.1).
pub(crate) fn quoted(mailbox: &str) -> Cow<'_, str> {
    let special = |letter: char| letter.is_ascii_whitespace() || r#"()<>[]:;@\,""#.contains(letter);
    if !mailbox.contains(special) {
        return Cow::Borrowed(mailbox);
    }
    Cow::Owned(format!(
        "\"{}\"",
        mailbox.replace('\\', r"\\").replace('"', r#"\""#)
    ))
}

/// How many entries of one list are read. The largest lists of people are smaller; a list of a million is an attack on
/// memory, because an entry takes more of it than its two bytes.
pub const MAX_ADDRESSES: usize = 10_000;

/// Reads the value of a field such as `From` or `To`, up to [`MAX_ADDRESSES`] entries.
pub fn parse_addresses(value: &[u8]) -> Vec<AddressItem> {
    let mut reader = Reader {
        rest: value,
        items: Vec::new(),
        in_group: false,
        pending: None,
    };
    while reader.items.len() < MAX_ADDRESSES && (!reader.rest.is_empty() || reader.pending.is_some()) {
        reader.entry();
    }
    reader.items.truncate(MAX_ADDRESSES);
    reader.end_group();
    reader.items
}

/// Words that were read and what they may turn out to be.
#[derive(Default)]
struct Words {
    /// As a display name: blanks between words made one.
    phrase: Vec<u8>,
    /// As an address: without blanks.
    spec: Vec<u8>,
    /// The last `@` of `spec` outside of quotes.
    at: Option<usize>,
    comment: Option<Vec<u8>>,
    /// Blanks stand before the next word.
    blank: bool,
}

impl Words {
    fn push(&mut self, word: &[u8]) {
        if std::mem::take(&mut self.blank) && !self.phrase.is_empty() {
            self.phrase.push(b' ');
        }
        self.phrase.extend_from_slice(word);
        self.spec.extend_from_slice(word);
    }

    fn push_atom(&mut self, word: &[u8]) {
        let before = self.spec.len();
        self.push(word);
        if let Some(at) = word.iter().rposition(|byte| *byte == b'@') {
            self.at = Some(before + at);
        }
    }

    /// The local part and the domain.
    fn address(&self) -> (Vec<u8>, Vec<u8>) {
        let split = self.at.and_then(|at| self.spec.split_at_checked(at));
        match split {
            Some((mailbox, host)) => (mailbox.to_vec(), host.get(1..).unwrap_or_default().to_vec()),
            None => (self.phrase.clone(), Vec::new()),
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    items: Vec<AddressItem>,
    in_group: bool,
    /// The words before an angle bracket that was stepped over.
    pending: Option<Words>,
}

impl<'a> Reader<'a> {
    /// Reads up to the end of one entry. Always consumes something.
    fn entry(&mut self) {
        if let Some(words) = self.pending.take() {
            return self.angle(words);
        }
        let mut words = Words::default();
        match self.words(&mut words, b",;:<") {
            Some(b'<') => self.angle(words),
            Some(b':') if !self.in_group && words.at.is_none() => {
                self.items.push(AddressItem::GroupStart(words.phrase));
                self.in_group = true;
            }
            Some(b':') => self.bare(&words),
            Some(b';') => {
                self.bare(&words);
                self.end_group();
            }
            _ => self.bare(&words),
        }
    }

    fn end_group(&mut self) {
        if std::mem::take(&mut self.in_group) {
            self.items.push(AddressItem::GroupEnd);
        }
    }

    /// Adds an address without angle brackets, if there is one.
    fn bare(&mut self, words: &Words) {
        if words.spec.is_empty() {
            return;
        }
        let (mailbox, host) = words.address();
        self.items.push(AddressItem::Address {
            name: words.comment.clone(),
            route: None,
            mailbox,
            host,
        });
    }

    /// Reads an address in angle brackets, and what follows up to the next entry.
    fn angle(&mut self, before: Words) {
        let mut inner = Words::default();
        let mut route = None;
        let mut end = self.words(&mut inner, b">:");
        if end == Some(b':') && inner.spec.starts_with(b"@") {
            route = Some(std::mem::take(&mut inner).spec);
            end = self.words(&mut inner, b">");
        } else if end == Some(b':') {
            // No route: a colon that belongs to the mailbox.
            inner.push(b":");
            end = self.words(&mut inner, b">");
        }
        let mut after = Words::default();
        let last = if end.is_some() {
            self.words(&mut after, b",;<")
        } else {
            None
        };
        let (mailbox, host) = inner.address();
        let comment = before.comment.or(inner.comment).or(after.comment.take());
        let name = if before.phrase.is_empty() {
            comment
        } else {
            Some(before.phrase)
        };
        self.items.push(AddressItem::Address {
            name,
            route,
            mailbox,
            host,
        });
        match last {
            Some(b';') => self.end_group(),
            // Two addresses without a comma between them.
            Some(b'<') => self.pending = Some(after),
            _ => {}
        }
    }

    /// Reads words up to one of these bytes and steps over it; `None` at the end of the text.
    fn words(&mut self, words: &mut Words, ends: &[u8]) -> Option<u8> {
        while let Some((byte, after)) = self.rest.split_first() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | 0 => {
                    self.rest = after;
                    words.blank = true;
                }
                byte if ends.contains(byte) => {
                    self.rest = after;
                    return Some(*byte);
                }
                b'"' => {
                    let (word, rest) = unquote(after);
                    words.push(&word);
                    self.rest = rest;
                }
                b'(' => {
                    let (text, rest) = comment(after);
                    words.comment = Some(clean(text));
                    self.rest = rest;
                    words.blank = true;
                }
                _ => {
                    let (atom, rest) = self
                        .rest
                        .split_at_checked(self.atom(ends))
                        .unwrap_or((self.rest, b""));
                    words.push_atom(atom);
                    self.rest = rest;
                }
            }
        }
        None
    }

    /// The length of the atom at the beginning: at least one byte. An encoded word and a domain literal hold what ends
    /// other atoms.
    fn atom(&self, ends: &[u8]) -> usize {
        let text: &'a [u8] = self.rest;
        if let Some(length) = encoded_word::length(text) {
            return length;
        }
        let stops = |byte: &u8| matches!(byte, 0..=b' ' | b'"' | b'(') || ends.contains(byte);
        let length = text
            .iter()
            .skip(1)
            .position(stops)
            .map_or(text.len(), |at| at + 1);
        let opened = text
            .get(..length)
            .and_then(|atom| memchr::memmem::find(atom, b"@["));
        let literal = opened.and_then(|open| Some(open + 2 + literal_length(text.get(open + 2..)?)?));
        literal.map_or(length, |literal| length.max(literal))
    }
}

/// The length of a domain literal from behind its first bracket (RFC 5322 §3.4.1), brackets included.
fn literal_length(text: &[u8]) -> Option<usize> {
    let window = text.get(..256).unwrap_or(text);
    let (inside, _) = window.split_at_checked(memchr::memchr(b']', window)?)?;
    inside
        .iter()
        .all(u8::is_ascii_graphic)
        .then_some(inside.len() + 1)
}

/// A comment as a name: unescaped, on one line.
fn clean(text: &[u8]) -> Vec<u8> {
    let mut escaped = false;
    let mut kept = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b'\\' if !escaped => {
                escaped = true;
                continue;
            }
            b'\r' | b'\n' | 0 => {}
            other => kept.push(*other),
        }
        escaped = false;
    }
    kept.trim_ascii().to_vec()
}

#[cfg(test)]
mod tests;
