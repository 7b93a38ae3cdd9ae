//! A message that goes into an mbox piece by piece.

use super::FROM;

/// Quotes a message, whose lines end in LF, in pieces: what [`super::print`] does at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quoter {
    before: Before,
}

/// What stands before the next octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// The start of a line, any number of `>`, and so many octets of `From `, which are held back.
    Start(usize),
    /// The start of a line and `>`, once or more.
    Arrow,
    /// Something else of a line.
    Middle,
}

impl Default for Before {
    fn default() -> Self {
        Before::Start(0)
    }
}

impl Quoter {
    /// Adds the next piece of the message.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        out.reserve(piece.len() + 8);
        let mut rest = piece;
        while let Some((&octet, after)) = rest.split_first() {
            match self.before {
                Before::Middle => {
                    let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
                    let (line, next) = rest.split_at(end);
                    out.extend_from_slice(line);
                    if line.ends_with(b"\n") {
                        self.before = Before::Start(0);
                    }
                    rest = next;
                }
                Before::Start(0) | Before::Arrow if octet == b'>' => {
                    out.push(b'>');
                    self.before = Before::Arrow;
                    rest = after;
                }
                Before::Arrow if octet == b'F' => self.before = Before::Start(0),
                Before::Arrow => self.before = Before::Middle,
                Before::Start(matched) if FROM.get(matched) == Some(&octet) => {
                    self.before = Before::Start(matched + 1);
                    if matched + 1 == FROM.len() {
                        out.push(b'>');
                        out.extend_from_slice(FROM);
                        self.before = Before::Middle;
                    }
                    rest = after;
                }
                // Another octet: what was held back is text, and this one is looked at as such.
                Before::Start(matched) => {
                    out.extend_from_slice(FROM.get(..matched).unwrap_or_default());
                    self.before = Before::Middle;
                }
            }
        }
    }

    /// Ends the message: with a line end if it has none, and the blank line that stands before the next separator.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self.before {
            Before::Start(0) => {}
            Before::Start(matched) => {
                out.extend_from_slice(FROM.get(..matched).unwrap_or_default());
                out.push(b'\n');
            }
            Before::Arrow | Before::Middle => out.push(b'\n'),
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mbox::{Head, print};

    #[test]
    fn pieces_of_any_size_give_what_the_whole_gives() {
        let head = Head::default();
        for message in [
            "a\nFrom b\n>From c\n>>>From d\nFro\nFrom\nXFrom e\n",
            "From a",
            "Fro",
            ">",
            "\n\nFrom  \n",
            "",
        ] {
            let mut whole = Vec::new();
            print(&mut whole, &head, message.as_bytes());
            let mut begin = Vec::new();
            head.print(&mut begin);
            for size in 1..8 {
                let mut out = begin.clone();
                let mut quoter = Quoter::default();
                for piece in message.as_bytes().chunks(size) {
                    quoter.push(piece, &mut out);
                }
                quoter.finish(&mut out);
                assert_eq!(
                    String::from_utf8_lossy(&out),
                    String::from_utf8_lossy(&whole),
                    "{message:?}"
                );
            }
        }
    }
}
