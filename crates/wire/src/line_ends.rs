//! Line ends that are not CRLF: finds them, and puts them right.
//!
//! RFC 5321 §2.3.8: CR and LF come only together. Whoever reads a lone one as a line end sees other lines than we
//! do, and that is how mail is smuggled; so a lone one is refused or repaired before a message is stored.

use bytes::{BufMut, BytesMut};

/// What a message holds that it may not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineEnds {
    /// A CR without an LF after it.
    pub bare_cr: bool,
    /// An LF without a CR before it.
    pub bare_lf: bool,
    /// An octet of zero (RFC 5322 §4: obsolete, and IMAP cannot carry it).
    pub nul: bool,
}

impl LineEnds {
    /// Looks at a whole message.
    #[must_use]
    pub fn of(message: &[u8]) -> Self {
        let mut found = LineEnds::default();
        for at in memchr::memchr3_iter(b'\r', b'\n', 0, message) {
            match message.get(at) {
                Some(b'\r') => found.bare_cr |= message.get(at + 1) != Some(&b'\n'),
                Some(b'\n') => {
                    found.bare_lf |= at.checked_sub(1).and_then(|p| message.get(p)) != Some(&b'\r')
                }
                _ => found.nul = true,
            }
        }
        found
    }

    /// Whether all line ends are CRLF.
    #[must_use]
    pub fn are_crlf(self) -> bool {
        !self.bare_cr && !self.bare_lf
    }
}

/// The message with CRLF for every lone CR and every lone LF. Everything else stays as it is.
#[must_use]
pub fn repair_line_ends(message: &[u8]) -> BytesMut {
    let mut out = BytesMut::with_capacity(message.len() + message.len() / 32);
    let mut rest = message;
    while let Some(at) = memchr::memchr2(b'\r', b'\n', rest) {
        let (line, end) = rest.split_at(at);
        out.put_slice(line);
        out.put_slice(b"\r\n");
        rest = match end {
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
            [] => end,
        };
    }
    out.put_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_and_repaired() {
        let check = |text: &[u8], wanted: &str, repaired: &[u8]| {
            let found = LineEnds::of(text);
            let mut got = String::new();
            got.extend(found.bare_cr.then_some('r'));
            got.extend(found.bare_lf.then_some('n'));
            got.extend(found.nul.then_some('0'));
            assert_eq!(got, wanted, "{:?}", String::from_utf8_lossy(text));
            assert_eq!(
                repair_line_ends(text),
                repaired,
                "{:?}",
                String::from_utf8_lossy(text)
            );
        };
        check(b"", "", b"");
        check(b"a\r\nb\r\n", "", b"a\r\nb\r\n");
        check(b"a\nb", "n", b"a\r\nb");
        check(b"\na", "n", b"\r\na");
        check(b"a\rb", "r", b"a\r\nb");
        check(b"a\r", "r", b"a\r\n");
        check(b"a\r\r\n", "r", b"a\r\n\r\n");
        check(b"a\n\r", "rn", b"a\r\n\r\n");
        check(b"a\0\r\n", "0", b"a\0\r\n");
    }
}
