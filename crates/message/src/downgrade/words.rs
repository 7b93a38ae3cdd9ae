//! Encoded words (RFC 2047), and fields that are folded as they are written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// RFC 2047 §2: an encoded word has at most 75 characters.
const MAX_WORD: usize = 75;
/// RFC 5322 §2.1.1: a line should have at most 78 characters.
const LINE: usize = 78;
/// `=?UTF-8?B?` and `?=`.
const AROUND: usize = 12;
/// A character of four octets in the Q encoding.
const LONGEST: usize = 12;

/// A field that is being written. Lines end before a blank.
pub(super) struct Folded {
    out: Vec<u8>,
    column: usize,
}

impl Folded {
    pub(super) fn new(name: &str) -> Self {
        Folded {
            out: format!("{name}:").into_bytes(),
            column: name.len() + 1,
        }
    }

    /// Adds a word, with the blanks that stand before it.
    pub(super) fn push(&mut self, blanks: &str, word: &str) {
        let blanks = if blanks.is_empty() { " " } else { blanks };
        if self.column > 1 && self.column + blanks.len() + word.len() > LINE {
            self.out.extend_from_slice(b"\r\n");
            self.column = 0;
        }
        self.out.extend_from_slice(blanks.as_bytes());
        self.out.extend_from_slice(word.as_bytes());
        self.column += blanks.len() + word.len();
    }

    /// Adds words with one blank before each.
    pub(super) fn push_all<W: AsRef<str>>(&mut self, words: impl IntoIterator<Item = W>) {
        for word in words {
            self.push(" ", word.as_ref());
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }
}

/// A text as encoded words, in the encoding that takes less room. Each is whole characters, and fits wherever an encoded
/// word may stand (RFC 2047 §5 (3)).
pub(super) fn encode(text: &str) -> Vec<String> {
    encode_from(text, MAX_WORD)
}

/// The same, where the first word has only this much room, if that is enough for a character.
pub(crate) fn encode_from(text: &str, first: usize) -> Vec<String> {
    let mut room = match first < AROUND + LONGEST {
        true => MAX_WORD,
        false => first.min(MAX_WORD),
    };
    let quoted: usize = text.bytes().map(|byte| q(byte).len()).sum();
    let binary = text.len().div_ceil(3) * 4;
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in text.chars() {
        let length = match quoted <= binary {
            true => word.bytes().map(|byte| q(byte).len()).sum::<usize>() + letter.len_utf8() * 3,
            false => (word.len() + letter.len_utf8()).div_ceil(3) * 4,
        };
        if length + AROUND > room {
            words.push(std::mem::take(&mut word));
            room = MAX_WORD;
        }
        word.push(letter);
    }
    words.push(word);
    let print = |word: String| match quoted <= binary {
        true => format!("=?UTF-8?Q?{}?=", word.bytes().map(q).collect::<String>()),
        false => format!("=?UTF-8?B?{}?=", STANDARD.encode(word)),
    };
    words
        .into_iter()
        .filter(|word| !word.is_empty())
        .map(print)
        .collect()
}

/// An octet in the Q encoding (RFC 2047 §4.2), of which only what may stand in a phrase stands for itself (§5 (3)).
fn q(byte: u8) -> String {
    match byte {
        b' ' => "_".to_owned(),
        b'!' | b'*' | b'+' | b'-' | b'/' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("={byte:02X}"),
    }
}

/// Writes a text whose words are encoded where they are not ASCII (RFC 6857 §3.1.1): words that follow one another
/// together, with the blanks between them, because those between encoded words are not shown (RFC 2047 §6.2).
pub(super) fn unstructured(text: &str, out: &mut Folded) {
    let words = split(text);
    let mut at = 0;
    while let Some((blanks, word)) = words.get(at) {
        if word.is_ascii() {
            out.push(blanks, word);
            at += 1;
            continue;
        }
        let run = words.get(at..).unwrap_or_default();
        let run = run.iter().take_while(|(_, word)| !word.is_ascii()).count();
        let mut encoded = String::new();
        if at
            .checked_sub(1)
            .and_then(|at| words.get(at))
            .is_some_and(|(_, before)| is_encoded(before))
        {
            encoded.push_str(blanks);
        }
        encoded.push_str(word);
        for (blanks, word) in words.iter().skip(at + 1).take(run - 1) {
            encoded.push_str(blanks);
            encoded.push_str(word);
        }
        at += run;
        if let Some((blanks, _)) = words.get(at).filter(|(_, after)| is_encoded(after)) {
            encoded.push_str(blanks);
        }
        let mut blanks = *blanks;
        for word in encode(&encoded) {
            out.push(blanks, &word);
            blanks = " ";
        }
    }
}

/// Whether a word of ASCII begins or ends an encoded word.
fn is_encoded(word: &str) -> bool {
    word.contains("=?") || word.contains("?=")
}

/// The words of a text, each with the blanks before it.
fn split(text: &str) -> Vec<(&str, &str)> {
    let is_blank = |letter: char| matches!(letter, ' ' | '\t');
    let mut words = Vec::new();
    let mut rest = text.trim_end_matches(is_blank);
    while !rest.is_empty() {
        let word = rest.trim_start_matches(is_blank);
        let (blanks, _) = rest.split_at(rest.len() - word.len());
        let (word, after) = word.split_at(word.find(is_blank).unwrap_or(word.len()));
        words.push((blanks, word));
        rest = after;
    }
    words
}
