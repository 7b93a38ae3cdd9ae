//! Charsets that shift between ASCII and two-byte characters in seven bits: HZ-GB-2312 (RFC 1843), ISO-2022-KR
//! (RFC 1557) and ISO-2022-CN (RFC 1922, its GB 2312 half). Each is turned into its eight-bit twin and decoded as that.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030};

/// Decodes HZ: `~{` begins Chinese, `~}` ends it, and so does the end of a line.
pub(super) fn hz(bytes: &[u8]) -> String {
    let mut eight = Vec::with_capacity(bytes.len());
    let mut chinese = false;
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'~', [b'{', tail @ ..]) => (chinese, rest) = (true, tail),
            (b'~', [b'}', tail @ ..]) => (chinese, rest) = (false, tail),
            (b'~', [b'~', tail @ ..]) if !chinese => {
                eight.push(b'~');
                rest = tail;
            }
            (b'~', [b'\n', tail @ ..]) if !chinese => rest = tail,
            (b'\n', _) => {
                chinese = false;
                eight.push(b'\n');
            }
            (0x21..=0x7e, [second @ 0x21..=0x7e, tail @ ..]) if chinese => {
                eight.extend_from_slice(&[byte | 0x80, second | 0x80]);
                rest = tail;
            }
            _ => eight.push(*byte),
        }
    }
    GB18030.decode_without_bom_handling(&eight).0.into_owned()
}

/// Decodes ISO-2022 with one set of two-byte characters, between SO and SI. The escape that announces the set is left out.
pub(super) fn iso_2022(bytes: &[u8], set: &'static Encoding) -> String {
    let mut eight = Vec::with_capacity(bytes.len());
    let mut shifted = false;
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (0x1b, [b'$', b')' | b'*' | b'+', b'A'..=b'Z', tail @ ..]) => rest = tail,
            (0x0e, _) => shifted = true,
            (0x0f, _) => shifted = false,
            (b'\n', _) => {
                shifted = false;
                eight.push(b'\n');
            }
            (0x21..=0x7e, [second @ 0x21..=0x7e, tail @ ..]) if shifted => {
                eight.extend_from_slice(&[byte | 0x80, second | 0x80]);
                rest = tail;
            }
            _ => eight.push(*byte),
        }
    }
    set.decode_without_bom_handling(&eight).0.into_owned()
}

/// Takes out the escapes of ISO-2022-JP that another escape follows at once, as where two encoded words meet: they say
/// nothing, and a decoder calls them errors.
pub(super) fn without_idle_escapes(bytes: &[u8]) -> Cow<'_, [u8]> {
    let idle = |at: usize| matches!(bytes.get(at..at + 4), Some([0x1b, b'$' | b'(', _, 0x1b]));
    if !memchr::memchr_iter(0x1b, bytes).any(idle) {
        return Cow::Borrowed(bytes);
    }
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        if let [0x1b, b'$' | b'(', _, 0x1b, ..] = rest {
            rest = rest.get(3..).unwrap_or_default();
        } else {
            kept.push(*byte);
            rest = after;
        }
    }
    Cow::Owned(kept)
}
