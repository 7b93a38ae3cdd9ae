//! `Content-Type` and `Content-Disposition` (RFC 6857 §3.1.4): values that are not ASCII in the form of RFC 2231.

use std::borrow::Cow;

use super::without_8bit_on_line;
use super::words::Folded;
use crate::content::Parameters;
use crate::{charset, parameter};

/// Octets of one piece of a long value, so that `name*10*=` and the piece fit into a line (RFC 2231 §3).
const PIECE: usize = 45;

/// Writes a field's value: a word, and parameters.
pub(super) fn downgrade(value: &[u8], out: &mut Folded) {
    let (head, rest) = parameter::split_head(value);
    let parameters = parameter::parse(rest);
    let mut written: Vec<String> = vec![without_8bit_on_line(head)];
    for (name, value) in &parameters.pairs {
        // RFC 6858 §2.2: a parameter that cannot be shown is left out.
        if let Some(name) = std::str::from_utf8(name).ok().filter(|name| name.is_ascii()) {
            written.extend(parameter(name, value, &parameters));
        }
    }
    let last = written.len() - 1;
    for (position, word) in written.into_iter().enumerate() {
        let end = if position < last { ";" } else { "" };
        out.push(" ", &format!("{word}{end}"));
    }
}

fn parameter(name: &str, value: &[u8], all: &Parameters<'_>) -> Vec<String> {
    if value.is_ascii() {
        return vec![format!("{name}={}", printed(value))];
    }
    // What delimits parts is octets, not text: it must stay what stands in the body.
    let value: Cow<'_, [u8]> = match name.eq_ignore_ascii_case("boundary") {
        true => Cow::Borrowed(value),
        false => Cow::Owned(charset::guess(value).into_bytes()),
    };
    if name.ends_with('*') {
        return vec![format!("{name}={}", kept_percent(&value))];
    }
    if name.contains('*') {
        return vec![format!("{name}*={}", percent(&value))];
    }
    // The form that is meant for those who can read it is there already.
    let has_encoded = |suffix: &str| all.raw(&format!("{name}{suffix}")).is_some();
    if has_encoded("*") || has_encoded("*0*") {
        return Vec::new();
    }
    // RFC 6857 §3.1.4: the language is left empty.
    let pieces = cut(&value);
    if let [piece] = pieces.as_slice() {
        return vec![format!("{name}*=UTF-8''{}", percent(piece))];
    }
    let label = |number: usize| if number == 0 { "UTF-8''" } else { "" };
    let print =
        |(number, piece): (usize, &&[u8])| format!("{name}*{number}*={}{}", label(number), percent(piece));
    pieces.iter().enumerate().map(print).collect()
}

/// Cuts a long value so that each piece, percent signs and all, fits into a line.
fn cut(value: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut length = 0;
    for (at, byte) in value.iter().enumerate() {
        let more = if is_attribute(*byte) { 1 } else { 3 };
        if length + more > PIECE {
            pieces.extend(value.get(start..at));
            (start, length) = (at, 0);
        }
        length += more;
    }
    pieces.extend(value.get(start..));
    pieces
}

/// A value as a token or in quotes (RFC 2045 §5.1).
pub(crate) fn printed(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let is_token = |letter: char| letter.is_ascii_graphic() && !r#"()<>@,;:\"/[]?="#.contains(letter);
    match !text.is_empty() && text.chars().all(is_token) {
        true => text.into_owned(),
        false => format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#)),
    }
}

/// RFC 2231 §7: `attribute-char`.
fn is_attribute(byte: u8) -> bool {
    byte.is_ascii_graphic() && !br#"*'%()<>@,;:\"/[]?="#.contains(&byte)
}

pub(crate) fn percent(value: &[u8]) -> String {
    encode(value, is_attribute)
}

/// The same for what is in the encoded form already, with octets in it that may not be there.
fn kept_percent(value: &[u8]) -> String {
    encode(value, |byte| is_attribute(byte) || matches!(byte, b'%' | b'\''))
}

fn encode(value: &[u8], stays: impl Fn(u8) -> bool) -> String {
    let print = |byte: &u8| match stays(*byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    value.iter().map(print).collect()
}
