//! The parameters of a MIME field (RFC 2045 §5.1), continued and encoded as RFC 2231 allows, and as programs write them
//! that never heard of it.
//!
//! Accepted besides the grammar: values with blanks and without quotes, a quote that is never closed, empty parameters,
//! encoded words inside and outside of quotes (which RFC 2047 §5 forbids), raw 8-bit text, comments.

use std::borrow::Cow;

use crate::content::{Parameter, Parameters};
use crate::header::unfold;
use crate::{charset, encoded_word};

/// How many parameters of one field are read: a field of a million of them is an attack.
pub const MAX_PARAMETERS: usize = 200;

/// Cuts a field's value at the first semicolon; takes comments and blanks from the head.
pub(crate) fn split_head(value: &[u8]) -> (&[u8], &[u8]) {
    let value = skip_blanks(value);
    let end = value
        .iter()
        .position(|byte| matches!(byte, b';' | b'('))
        .unwrap_or(value.len());
    let (head, rest) = value.split_at_checked(end).unwrap_or((value, b""));
    (head.trim_ascii(), rest)
}

/// Reads `; name=value` as often as there is one.
pub(crate) fn parse(mut rest: &[u8]) -> Parameters<'_> {
    let mut pairs = Vec::new();
    while pairs.len() < MAX_PARAMETERS {
        rest = skip_blanks(rest);
        match rest.split_first() {
            None => break,
            Some((b';', after)) => rest = after,
            Some(_) => {
                let (pair, after) = parse_one(rest);
                pairs.extend(pair);
                rest = after;
            }
        }
    }
    Parameters { pairs }
}

/// Reads one parameter. Always consumes something.
fn parse_one(text: &[u8]) -> (Option<Parameter<'_>>, &[u8]) {
    let end = text
        .iter()
        .position(|byte| matches!(byte, b'=' | b';'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).unwrap_or((text, b""));
    let Some(rest) = rest.strip_prefix(b"=") else {
        return (None, rest);
    };
    let (value, rest) = parse_value(skip_blanks(rest));
    let name = unfold(name);
    let valid = !name.is_empty() && name.iter().all(|byte| *byte > b' ');
    (valid.then_some((name, value)), rest)
}

/// Reads a value, quoted or not, and steps to the semicolon after it.
fn parse_value(text: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
    let semicolon = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b';').unwrap_or(bytes.len());
    if let Some(inner) = text.strip_prefix(b"\"") {
        let (value, rest) = unquote(inner);
        return (value, rest.get(semicolon(rest)..).unwrap_or_default());
    }
    let (value, rest) = text.split_at_checked(semicolon(text)).unwrap_or((text, b""));
    (unfold(without_comment(value)), rest)
}

/// Reads up to the closing quote: `\` takes the next byte as it is (RFC 5322 §3.2.4). Returns what follows the quote.
pub(crate) fn unquote(inner: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
    let plain = inner
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | b'\r' | b'\n' | 0));
    let Some(plain) = plain else {
        return (Cow::Borrowed(inner), b"");
    };
    let (head, mut rest) = inner.split_at_checked(plain).unwrap_or((inner, b""));
    if let Some(after) = rest.strip_prefix(b"\"") {
        return (Cow::Borrowed(head), after);
    }
    let mut value = head.to_vec();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => break,
            b'\r' | b'\n' | 0 => {}
            b'\\' => {
                if let Some((escaped, after)) = rest.split_first() {
                    value.extend(Some(*escaped).filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
                    rest = after;
                }
            }
            other => value.push(*other),
        }
    }
    (Cow::Owned(value), rest)
}

/// Cuts an unquoted value before a comment: ` (` begins one, a bracket within a word does not.
fn without_comment(value: &[u8]) -> &[u8] {
    let begin = value
        .windows(2)
        .position(|pair| matches!(pair, [b' ' | b'\t', b'(']));
    begin.and_then(|begin| value.get(..begin)).unwrap_or(value)
}

/// Steps over blanks, line ends and comments (RFC 5322 §3.2.2).
pub(crate) fn skip_blanks(mut text: &[u8]) -> &[u8] {
    loop {
        text = text.trim_ascii_start();
        match text.strip_prefix(b"(") {
            Some(inner) => text = comment(inner).1,
            None => return text,
        }
    }
}

/// Reads a comment from behind its first bracket: what is in it, and what follows. Brackets nest, `\` takes the next byte.
pub(crate) fn comment(inner: &[u8]) -> (&[u8], &[u8]) {
    let mut depth = 1_usize;
    let mut escaped = false;
    for (at, byte) in inner.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let (text, rest) = inner.split_at_checked(at).unwrap_or((inner, b""));
            return (text, rest.get(1..).unwrap_or_default());
        }
    }
    (inner, b"")
}

/// One piece of a parameter that was continued or encoded (RFC 2231 §3, §4).
struct Piece<'p> {
    number: u32,
    encoded: bool,
    value: &'p [u8],
}

/// Reads `name`, `name*`, `name*3` and `name*3*`.
fn piece<'p>(key: &[u8], value: &'p [u8], name: &str) -> Option<Piece<'p>> {
    let (head, tail) = key.split_at_checked(name.len())?;
    if !head.eq_ignore_ascii_case(name.as_bytes()) {
        return None;
    }
    let tail = tail.strip_prefix(b"*")?;
    let (digits, encoded) = match tail.strip_suffix(b"*") {
        Some(digits) => (digits, true),
        None => (tail, tail.is_empty()),
    };
    let number = if digits.is_empty() {
        0
    } else {
        std::str::from_utf8(digits).ok()?.parse().ok()?
    };
    Some(Piece {
        number,
        encoded,
        value,
    })
}

/// The pieces of a parameter in their order, up to the first gap (RFC 2231 §3).
fn pieces<'p>(parameters: &'p Parameters<'_>, name: &str) -> Vec<Piece<'p>> {
    let mut found: Vec<Piece<'p>> = parameters
        .pairs
        .iter()
        .filter_map(|(key, value)| piece(key, value, name))
        .collect();
    found.sort_by_key(|piece| piece.number);
    found.dedup_by_key(|piece| piece.number);
    // Some programs count from 1.
    let first = found.first().map_or(0, |piece| piece.number.min(1));
    let numbers = (first..)
        .zip(&found)
        .take_while(|(number, piece)| *number == piece.number)
        .count();
    found.truncate(numbers);
    found
}

/// The charset that a first piece names, and the bytes of all pieces.
fn join(pieces: &[Piece<'_>]) -> (Vec<u8>, Vec<u8>) {
    let mut charset = Vec::new();
    let mut bytes = Vec::new();
    for (position, piece) in pieces.iter().enumerate() {
        let mut value = piece.value;
        if position == 0 && piece.encoded {
            let mut thirds = piece.value.splitn(3, |byte| *byte == b'\'');
            if let (Some(label), Some(_language), Some(text)) = (thirds.next(), thirds.next(), thirds.next())
            {
                charset = label.to_vec();
                value = text;
            }
        }
        if piece.encoded {
            percent_decode(value, &mut bytes)
        } else {
            bytes.extend_from_slice(value)
        }
    }
    (charset, bytes)
}

/// The bytes of a parameter, pieces joined, charset not looked at.
pub(crate) fn joined<'p>(parameters: &'p Parameters<'_>, name: &str) -> Option<Cow<'p, [u8]>> {
    if let Some(value) = parameters.raw(name) {
        return Some(Cow::Borrowed(value));
    }
    let pieces = pieces(parameters, name);
    (!pieces.is_empty()).then(|| Cow::Owned(join(&pieces).1))
}

/// The text of a parameter in whatever form it is there. The encoded form is meant for those who can read it (RFC 6266
/// §4.3, which mail follows).
pub(crate) fn text(parameters: &Parameters<'_>, name: &str) -> Option<String> {
    let pieces = pieces(parameters, name);
    if pieces.is_empty() {
        return parameters.raw(name).map(encoded_word::decode);
    }
    let (label, bytes) = join(&pieces);
    if label.is_empty() {
        // Continued but not labelled: encoded words or raw bytes, split over the pieces.
        return Some(encoded_word::decode(&bytes));
    }
    Some(charset::decode(&label, &bytes))
}

/// Decodes `%41`; a percent sign without two digits stands for itself.
fn percent_decode(text: &[u8], to: &mut Vec<u8>) {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if let (b'%', [high, low, tail @ ..]) = (byte, after)
            && let (Some(high), Some(low)) = (digit(high), digit(low))
        {
            to.push(high * 16 + low);
            rest = tail;
        } else {
            to.push(*byte);
        }
    }
}
