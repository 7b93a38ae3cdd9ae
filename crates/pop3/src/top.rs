//! TOP: how much of a message is its header and so many lines of its body (RFC 1939 §7).

/// The header, the empty line and the first `lines` lines of the body.
#[must_use]
pub fn top(message: &[u8], lines: usize) -> &[u8] {
    let end = TopEnd::new(lines).find(message);
    end.and_then(|end| message.get(..end)).unwrap_or(message)
}

/// Finds where that ends in a message that comes in pieces.
#[derive(Debug)]
pub struct TopEnd {
    lines: usize,
    line: Line,
}

/// What has been seen of the line that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Nothing; it is one of the header's.
    Begins,
    /// CR alone.
    Cr,
    /// More: it is not the empty one.
    Field,
    /// It is one of the body's.
    OfBody,
}

impl TopEnd {
    /// For so many lines of the body.
    #[must_use]
    pub fn new(lines: usize) -> Self {
        TopEnd {
            lines,
            line: Line::Begins,
        }
    }

    /// Where it ends in the next piece; `None` where it goes on.
    pub fn find(&mut self, piece: &[u8]) -> Option<usize> {
        let mut start = 0;
        for at in memchr::memchr_iter(b'\n', piece) {
            self.goes_on(piece.get(start..at).unwrap_or_default());
            start = at + 1;
            match self.line {
                Line::Field => self.line = Line::Begins,
                Line::Begins | Line::Cr => self.line = Line::OfBody,
                Line::OfBody => self.lines -= 1,
            }
            if self.line == Line::OfBody && self.lines == 0 {
                return Some(start);
            }
        }
        self.goes_on(piece.get(start..).unwrap_or_default());
        None
    }

    fn goes_on(&mut self, octets: &[u8]) {
        self.line = match (self.line, octets) {
            (line, []) => line,
            (Line::Begins, b"\r") => Line::Cr,
            (Line::OfBody, _) => Line::OfBody,
            _ => Line::Field,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_lines_of_the_body() {
        let check = |message: &str, lines, wanted: &str| {
            let got = top(message.as_bytes(), lines);
            assert_eq!(String::from_utf8_lossy(got), wanted, "{message:?} {lines}");
            // Wherever it is cut.
            for cut in 0..=message.len() {
                let mut found = TopEnd::new(lines);
                let (one, other) = message.as_bytes().split_at(cut);
                let end = found.find(one).or_else(|| found.find(other).map(|end| cut + end));
                assert_eq!(
                    end.unwrap_or(message.len()),
                    wanted.len(),
                    "{message:?} {lines} {cut}"
                );
            }
        };
        let message = "A: b\r\n\r\n1\r\n2\r\n3";
        check(message, 0, "A: b\r\n\r\n");
        check(message, 1, "A: b\r\n\r\n1\r\n");
        check(message, 2, "A: b\r\n\r\n1\r\n2\r\n");
        check(message, 3, message);
        check(message, usize::MAX, message);
        check("\r\nbody\r\n", 0, "\r\n");
        check("A: b\r\n", 5, "A: b\r\n");
        check("\n\r\n", 1, "\n\r\n");
        check("A\r\n\rB\r\n\r\n1\r\n", 0, "A\r\n\rB\r\n\r\n");
        check("", 1, "");
    }
}
