//! Transfer encodings (RFC 2045 §6): base64 and quoted-printable, read from whatever programs make of them.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use crate::content::TransferEncoding;

pub(crate) mod encode;

/// Takes the encoding away.
pub(crate) fn decode(encoding: TransferEncoding, body: &[u8]) -> Cow<'_, [u8]> {
    match encoding {
        TransferEncoding::Identity => Cow::Borrowed(body),
        TransferEncoding::Base64 => Cow::Owned(base64(without_trailer(body))),
        TransferEncoding::QuotedPrintable => Cow::Owned(quoted_printable(body)),
    }
}

/// The six bits of a letter; 64 for padding, 255 for what is stepped over (RFC 2045 §6.8).
const SIX_BITS: [u8; 256] = six_bits();

const PADDING: u8 = 64;

#[expect(clippy::indexing_slicing, reason = "a table made at compile time")]
const fn six_bits() -> [u8; 256] {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [255; 256];
    let mut value = 0;
    while value < 64 {
        table[letters[value as usize] as usize] = value;
        value += 1;
    }
    table[b'=' as usize] = PADDING;
    table
}

fn six(byte: u8) -> u8 {
    SIX_BITS.get(usize::from(byte)).copied().unwrap_or(255)
}

/// A body without the plain text that mailing lists put behind it: a line that begins with a rule or the mark of a signature; or
/// padding ends a line, and the next line with anything on it is none of base64. Base64 behind base64 stays, because programs
/// join it.
pub(crate) fn without_trailer(body: &[u8]) -> &[u8] {
    let rules = [b"\n--", b"\n__"].map(|rule| memmem::find(body, rule).unwrap_or(body.len()));
    let end = rules.into_iter().min().unwrap_or(body.len());
    let body = body.get(..end).unwrap_or(body);
    let mut from = 0;
    while let Some(found) = body.get(from..).and_then(|rest| memchr(b'=', rest)) {
        let padding = from + found;
        let rest = body.get(padding..).unwrap_or_default();
        let padded = rest.iter().take_while(|byte| **byte == b'=').count();
        let rest = rest.get(padded..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        from = padding + padded + blanks;
        let (gap, next) = rest.split_at_checked(blanks).unwrap_or((rest, b""));
        if !gap.contains(&b'\n') {
            continue;
        }
        let line = memchr(b'\n', next)
            .and_then(|end| next.get(..end))
            .unwrap_or(next);
        if !line.trim_ascii().iter().all(|byte| six(*byte) <= PADDING) {
            return body.get(..padding + padded).unwrap_or(body);
        }
    }
    body
}

/// Decodes base64. What is no letter is stepped over, padding in the middle ends one text and begins the next, and what
/// is left of a group that is cut off is used as far as it goes.
pub(crate) fn base64(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut group = 0_u32;
    let mut letters = 0_u8;
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if letters == 0
            && let Some((bytes, tail)) = whole_group(rest)
        {
            decoded.extend_from_slice(&bytes);
            rest = tail;
            continue;
        }
        rest = after;
        let value = six(*byte);
        if value < PADDING {
            group = (group << 6) | u32::from(value);
            letters += 1;
            if letters < 4 {
                continue;
            }
        } else if value != PADDING {
            continue;
        }
        flush(group, letters, &mut decoded);
        (group, letters) = (0, 0);
    }
    flush(group, letters, &mut decoded);
    decoded
}

/// Four letters at once: three bytes.
fn whole_group(text: &[u8]) -> Option<([u8; 3], &[u8])> {
    let [a, b, c, d, rest @ ..] = text else {
        return None;
    };
    let (a, b, c, d) = (six(*a), six(*b), six(*c), six(*d));
    if (a | b | c | d) >= PADDING {
        return None;
    }
    Some(([(a << 2) | (b >> 4), (b << 4) | (c >> 2), (c << 6) | d], rest))
}

/// Adds the whole bytes of a group of up to four letters.
fn flush(group: u32, letters: u8, to: &mut Vec<u8>) {
    let [_, first, second, third] = (group << (6 * (4 - u32::from(letters.min(4))))).to_be_bytes();
    let bytes = [first, second, third];
    let whole = match letters {
        4 => 3,
        3 => 2,
        2 => 1,
        _ => 0,
    };
    to.extend(bytes.iter().take(whole));
}

/// The value of two hexadecimal digits in either case.
pub(crate) fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte| u8::try_from(char::from(byte).to_digit(16)?).ok();
    Some(digit(high)? * 16 + digit(low)?)
}

/// Decodes quoted-printable. `=` before anything else than two digits or a line end stands for itself (RFC 2045 §6.7).
pub(crate) fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let length = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let (line, after) = rest.split_at_checked(length).unwrap_or((rest, b""));
        quoted_line(line, &mut decoded);
        rest = after;
    }
    decoded
}

/// Decodes one line with its end. Blanks before the end were added on the way (RFC 2045 §6.7, rule 3); the end of the
/// last line may belong to a boundary.
fn quoted_line(line: &[u8], to: &mut Vec<u8>) {
    let content = line
        .strip_suffix(b"\n")
        .map(|rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    let end = content
        .and_then(|content| line.get(content.len()..))
        .unwrap_or_default();
    let mut text = trim_blanks(content.unwrap_or(line));
    let soft = match text.strip_suffix(b"=") {
        Some(before) => {
            text = before;
            true
        }
        None => false,
    };
    while let Some(at) = memchr(b'=', text) {
        let (plain, escaped) = text.split_at_checked(at).unwrap_or((text, b""));
        to.extend_from_slice(plain);
        if let [_, high, low, after @ ..] = escaped
            && let Some(byte) = hexadecimal(*high, *low)
        {
            to.push(byte);
            text = after;
        } else {
            to.push(b'=');
            text = escaped.get(1..).unwrap_or_default();
        }
    }
    to.extend_from_slice(text);
    if !soft {
        to.extend_from_slice(end);
    }
}

fn trim_blanks(line: &[u8]) -> &[u8] {
    let end = line
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | b'\t'))
        .map_or(0, |last| last + 1);
    line.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
