//! Encoded words (RFC 2047): text of any charset in a header of ASCII.
//!
//! More is decoded than the RFC allows, because programs write it: words within other words and within quotes, longer
//! than 75 characters, with blanks or `?` inside, cut off between two bytes of one character.

use memchr::memmem;

use crate::{charset, transfer};

/// How long one word may be. The RFC says 75 characters; broken programs put a whole subject into one.
const MAX_WORD: usize = 16 * 1024;

/// How long the name of a charset may be.
const MAX_LABEL: usize = 64;

/// One encoded word, taken apart.
struct Word<'a> {
    label: &'a [u8],
    encoding: u8,
    text: &'a [u8],
}

/// Decodes every encoded word in a value; what stands between them is taken as UTF-8 or as its likeliest charset.
/// Blanks between two words vanish (RFC 2047 §6.2), and words of one charset are joined before they are decoded.
pub fn decode(value: &[u8]) -> String {
    let mut decoded = String::with_capacity(value.len());
    let mut pending: Option<(&[u8], Vec<u8>)> = None;
    let mut words = Words {
        value,
        at: 0,
        clear: 0,
    };
    while words.at < value.len() {
        let (plain, word) = words.next();
        let between_words = word.is_some() && pending.is_some() && plain.iter().all(u8::is_ascii_whitespace);
        if !between_words {
            flush(pending.take(), &mut decoded);
            charset::guess_into(plain, &mut decoded);
        }
        let Some(word) = word else { break };
        let label = language_cut(word.label);
        match &mut pending {
            Some((open, bytes)) if open.eq_ignore_ascii_case(label) => bytes.extend(word.bytes()),
            _ => {
                flush(pending.take(), &mut decoded);
                pending = Some((label, word.bytes()));
            }
        }
    }
    flush(pending, &mut decoded);
    one_line(decoded)
}

/// How far an encoded word is looked for in an address.
const MAX_ADDRESS_WORD: usize = 1024;

/// The length of the encoded word that these bytes begin with, if it has no blanks: with blanks it might be the end of
/// another word that is taken for its own.
pub(crate) fn length(text: &[u8]) -> Option<usize> {
    if !text.starts_with(b"=?") {
        return None;
    }
    let window = text.get(..MAX_ADDRESS_WORD).unwrap_or(text);
    let graphic = window
        .iter()
        .position(|byte| !byte.is_ascii_graphic())
        .unwrap_or(window.len());
    let mut words = Words {
        value: window.get(..graphic)?,
        at: 0,
        clear: 0,
    };
    words.parse(0).map(|_| words.at)
}

impl Word<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self.encoding {
            b'b' | b'B' => transfer::base64(self.text),
            _ => q(self.text),
        }
    }
}

fn flush(pending: Option<(&[u8], Vec<u8>)>, to: &mut String) {
    if let Some((label, bytes)) = pending {
        to.push_str(&charset::decode(label, &bytes));
    }
}

/// Takes what would break a line or end a string out of a decoded one.
fn one_line(text: String) -> String {
    if text.contains(['\r', '\n', '\0']) {
        text.replace(['\r', '\n', '\0'], " ")
    } else {
        text
    }
}

/// `utf-8*en`: the language is not needed (RFC 2231 §5).
fn language_cut(label: &[u8]) -> &[u8] {
    label.split(|byte| *byte == b'*').next().unwrap_or(label)
}

/// The encoded words of a value, found in linear time.
struct Words<'a> {
    value: &'a [u8],
    /// Everything before this was given out.
    at: usize,
    /// No `?=` begins between the last place where one was looked for in vain and this one.
    clear: usize,
}

impl<'a> Words<'a> {
    /// What stands before the next encoded word, and the word; without one, all the rest.
    fn next(&mut self) -> (&'a [u8], Option<Word<'a>>) {
        let rest = self.value.get(self.at..).unwrap_or_default();
        let from = self.at;
        for begin in memmem::find_iter(rest, b"=?") {
            if let Some(word) = self.parse(from + begin) {
                return (rest.get(..begin).unwrap_or_default(), Some(word));
            }
        }
        self.at = self.value.len();
        (rest, None)
    }

    /// Reads the word that begins here and steps behind it.
    ///
    /// encoded-word = "=?" charset "?" encoding "?" encoded-text "?="
    fn parse(&mut self, start: usize) -> Option<Word<'a>> {
        let rest = self.value.get(start..)?.strip_prefix(b"=?")?;
        let label_length = rest.iter().take(MAX_LABEL).position(|byte| *byte == b'?')?;
        let (label, rest) = rest.split_at_checked(label_length)?;
        let [b'?', encoding @ (b'b' | b'B' | b'q' | b'Q'), b'?', ..] = rest else {
            return None;
        };
        if !label.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let text = start + 2 + label_length + 3;
        let limit = self.value.len().min(text + MAX_WORD);
        let from = text.max(self.clear).min(limit);
        let Some(found) = memmem::find(self.value.get(from..limit)?, b"?=") else {
            // The last byte may be the first of the two.
            self.clear = limit.saturating_sub(1).max(from);
            return None;
        };
        let end = from + found;
        self.at = end + 2;
        Some(Word {
            label,
            encoding: *encoding,
            text: self.value.get(text..end)?,
        })
    }
}

/// Decodes the Q encoding (RFC 2047 §4.2).
fn q(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if let (b'=', [high, low, tail @ ..]) = (byte, after)
            && let Some(value) = transfer::hexadecimal(*high, *low)
        {
            decoded.push(value);
            rest = tail;
        } else {
            decoded.push(if *byte == b'_' { b' ' } else { *byte });
        }
    }
    decoded
}

#[cfg(test)]
mod tests;
