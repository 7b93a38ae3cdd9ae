//! UTF-7 (RFC 2152): UTF-16 in base64 between `+` and `-`.

/// Decodes UTF-7. What cannot be decoded becomes U+FFFD; bytes beyond ASCII are taken as UTF-8.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(plus) = memchr::memchr(b'+', rest) {
        let (plain, shifted) = rest.split_at_checked(plus).unwrap_or((rest, b""));
        text.push_str(&String::from_utf8_lossy(plain));
        let encoded = shifted.get(1..).unwrap_or_default();
        let length = encoded
            .iter()
            .position(|byte| !is_base64(*byte))
            .unwrap_or(encoded.len());
        let (encoded, after) = encoded.split_at_checked(length).unwrap_or((encoded, b""));
        rest = after.strip_prefix(b"-").unwrap_or(after);
        if encoded.is_empty() {
            text.push('+');
            continue;
        }
        let units = units(encoded);
        text.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// The units of UTF-16, big end first; the bits that fill up the last letter are dropped.
fn units(encoded: &[u8]) -> Vec<u16> {
    let bytes = crate::transfer::base64(encoded);
    bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u16::from_be_bytes(*pair))
        .collect()
}
