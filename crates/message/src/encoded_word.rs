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
    /// Of the whole word, from `=?` to `?=`.
    length: usize,
}

/// Decodes every encoded word in a value; what stands between them is taken as UTF-8 or as its likeliest charset.
/// Blanks between two words vanish (RFC 2047 §6.2), and words of one charset are joined before they are decoded.
pub fn decode(value: &[u8]) -> String {
    let mut decoded = String::with_capacity(value.len());
    let mut pending: Option<(&[u8], Vec<u8>)> = None;
    let mut rest = value;
    while !rest.is_empty() {
        let (plain, word) = next_word(rest);
        let between_words = word.is_some() && pending.is_some() && plain.iter().all(u8::is_ascii_whitespace);
        if !between_words {
            flush(pending.take(), &mut decoded);
            charset::guess_into(plain, &mut decoded);
        }
        let Some(word) = word else { break };
        rest = rest.get(plain.len() + word.length..).unwrap_or_default();
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

/// The length of the encoded word that these bytes begin with, if it has no blanks: with blanks it might be the end of
/// another word that is taken for its own.
pub(crate) fn length(text: &[u8]) -> Option<usize> {
    parse(text)
        .filter(|word| word.text.iter().all(u8::is_ascii_graphic))
        .map(|word| word.length)
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

/// What stands before the first encoded word, and the word.
fn next_word(text: &[u8]) -> (&[u8], Option<Word<'_>>) {
    for begin in memmem::find_iter(text, b"=?") {
        if let Some((plain, rest)) = text.split_at_checked(begin)
            && let Some(word) = parse(rest)
        {
            return (plain, Some(word));
        }
    }
    (text, None)
}

/// encoded-word = "=?" charset "?" encoding "?" encoded-text "?="
fn parse(text: &[u8]) -> Option<Word<'_>> {
    let rest = text.strip_prefix(b"=?")?;
    let label_length = rest.iter().take(MAX_LABEL).position(|byte| *byte == b'?')?;
    let (label, rest) = rest.split_at_checked(label_length)?;
    let [b'?', encoding @ (b'b' | b'B' | b'q' | b'Q'), b'?', rest @ ..] = rest else {
        return None;
    };
    if !label.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let window = rest.get(..MAX_WORD).unwrap_or(rest);
    let end = memmem::find(window, b"?=")?;
    let encoded = rest.get(..end)?;
    Some(Word {
        label,
        encoding: *encoding,
        text: encoded,
        length: 2 + label_length + 3 + end + 2,
    })
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
