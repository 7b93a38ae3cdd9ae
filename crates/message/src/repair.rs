//! Line ends: a message may hold CR and LF only as CRLF (RFC 5322 §2.3, RFC 5321 §2.3.8).

use std::borrow::Cow;

use memchr::{memchr_iter, memchr2};

/// Whether a CR stands without its LF or an LF without its CR.
pub fn has_bare_cr_or_lf(bytes: &[u8]) -> bool {
    let mut ends = 0_usize;
    for at in memchr_iter(b'\n', bytes) {
        if at.checked_sub(1).and_then(|before| bytes.get(before)) != Some(&b'\r') {
            return true;
        }
        ends += 1;
    }
    // Every LF has its CR, so one CR more is bare.
    memchr_iter(b'\r', bytes).count() != ends
}

/// Makes CRLF of every bare CR and every bare LF; copies only where there is one.
pub fn crlf(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !has_bare_cr_or_lf(bytes) {
        return Cow::Borrowed(bytes);
    }
    let mut repaired = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut rest = bytes;
    while let Some(end) = memchr2(b'\r', b'\n', rest) {
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, b""));
        repaired.extend_from_slice(line);
        repaired.extend_from_slice(b"\r\n");
        rest = match after {
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
            [] => after,
        };
    }
    repaired.extend_from_slice(rest);
    Cow::Owned(repaired)
}

#[cfg(test)]
mod tests;
