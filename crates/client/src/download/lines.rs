//! Line ends as files have them: LF where messages have CRLF.

use memchr::memchr;

/// Takes the CR away before every LF, in pieces. A CR that stands alone stays.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LineFeeds {
    held: bool,
}

impl LineFeeds {
    /// Adds the next piece.
    pub(crate) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        if self.held && !rest.is_empty() {
            if rest.first() != Some(&b'\n') {
                out.push(b'\r');
            }
            self.held = false;
        }
        while let Some(at) = memchr(b'\r', rest) {
            let (before, from) = rest.split_at(at);
            out.extend_from_slice(before);
            rest = from.get(1..).unwrap_or_default();
            match rest.first() {
                None => self.held = true,
                Some(b'\n') => {}
                Some(_) => out.push(b'\r'),
            }
        }
        out.extend_from_slice(rest);
    }

    /// Ends it.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        if self.held {
            out.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cr_of_a_line_end_goes() {
        for (message, wanted) in [
            ("a\r\nb\r\n", "a\nb\n"),
            ("a\r\r\nb\rc\r", "a\r\nb\rc\r"),
            ("\r\n\r\n", "\n\n"),
            ("\n", "\n"),
        ] {
            for size in 1..5 {
                let (mut out, mut lines) = (Vec::new(), LineFeeds::default());
                for piece in message.as_bytes().chunks(size) {
                    lines.push(piece, &mut out);
                }
                lines.finish(&mut out);
                assert_eq!(out, wanted.as_bytes(), "{message:?} in pieces of {size}");
            }
        }
    }
}
