//! Line ends that are not CRLF: finds them.
//!
//! RFC 5321 §2.3.8: CR and LF come only together. Whoever reads a lone one as a line end sees other lines than we
//! do, and that is how mail is smuggled; so a lone one is refused or repaired before a message is stored.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let check = |text: &[u8], wanted: &str| {
            let found = LineEnds::of(text);
            let mut got = String::new();
            got.extend(found.bare_cr.then_some('r'));
            got.extend(found.bare_lf.then_some('n'));
            got.extend(found.nul.then_some('0'));
            assert_eq!(got, wanted, "{:?}", String::from_utf8_lossy(text));
        };
        check(b"", "");
        check(b"a\r\nb\r\n", "");
        check(b"a\nb", "n");
        check(b"\na", "n");
        check(b"a\rb", "r");
        check(b"a\r", "r");
        check(b"a\r\r\n", "r");
        check(b"a\n\r", "rn");
        check(b"a\0\r\n", "0");
    }
}
