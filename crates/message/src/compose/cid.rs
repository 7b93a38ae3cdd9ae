//! The pictures that a page shows: `cid:` (RFC 2392 §2).

use std::collections::HashSet;

use crate::transfer::hexadecimal;

/// The ids that a page names, percent signs decoded. Looked for anywhere: in attributes, in styles, quoted or not.
pub(super) fn named(html: &str) -> HashSet<String> {
    let mut found = HashSet::new();
    let bytes = html.as_bytes();
    for colon in memchr::memchr_iter(b':', bytes) {
        let Some(start) = colon.checked_sub(3) else {
            continue;
        };
        if !bytes
            .get(start..colon)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"cid"))
        {
            continue;
        }
        let rest = bytes.get(colon + 1..).unwrap_or_default();
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>()".contains(byte);
        let end = rest.iter().position(ends).unwrap_or(rest.len());
        found.insert(decoded(rest.get(..end).unwrap_or_default()));
    }
    found
}

/// Decodes percent signs, and the one entity that an id can need.
fn decoded(mut text: &[u8]) -> String {
    let mut octets = Vec::with_capacity(text.len());
    while let Some((byte, after)) = text.split_first() {
        text = after;
        if let (b'%', [high, low, tail @ ..]) = (byte, after)
            && let Some(value) = hexadecimal(*high, *low)
        {
            octets.push(value);
            text = tail;
        } else {
            octets.push(*byte);
        }
    }
    String::from_utf8_lossy(&octets).replace("&amp;", "&")
}
