//! Cuts lines out of a growing buffer. A line over the limit is reported once and thrown away up to its end.
//!
//! A line ends at LF; a CR before it belongs to the end. Messages do not pass here, and what ends *them* is stricter: see
//! [`crate::DotReader`].
//!
//! DEVIATION RFC 5321 §2.3.8: a lone LF ends a command too, so that commands may be typed by hand.

use bytes::{Buf, BytesMut};

/// What was found at the front of the buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Framed {
    /// A whole line, without its end.
    Line(BytesMut),
    /// A line went over the limit. It is reported once; its rest is thrown away as it comes.
    TooLong,
    /// No whole line is there: read more.
    Incomplete,
}

/// Finds lines of at most `limit` octets, line end included.
#[derive(Debug)]
pub struct LineFramer {
    limit: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The first octets of the buffer are known to hold no LF: a line that comes in pieces is scanned once.
    Searching { scanned: usize },
    /// Inside of a line that was reported as too long.
    Skipping,
}

impl LineFramer {
    /// A framer for lines of at most `limit` octets, line end included.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        LineFramer {
            limit,
            state: State::Searching { scanned: 0 },
        }
    }

    /// Another limit from the next line on, as after a login.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes the next line off the front of `buffer`.
    ///
    /// Between calls the caller only appends to the buffer, or takes bytes off its front after a
    /// [`Framed::Line`]: never in the middle of a line.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Framed {
        match self.state {
            State::Searching { scanned } => self.search(buffer, scanned),
            State::Skipping => self.skip(buffer),
        }
    }

    fn search(&mut self, buffer: &mut BytesMut, scanned: usize) -> Framed {
        let window = buffer.len().min(self.limit);
        let unseen = buffer.get(scanned.min(window)..window).unwrap_or_default();
        if let Some(at) = memchr::memchr(b'\n', unseen) {
            self.state = State::Searching { scanned: 0 };
            return Framed::Line(take_line(buffer, scanned + at));
        }
        if buffer.len() < self.limit {
            self.state = State::Searching { scanned: window };
            return Framed::Incomplete;
        }
        self.state = State::Skipping;
        // What follows is skipped by the next call, so that the report comes first and only once.
        Framed::TooLong
    }

    fn skip(&mut self, buffer: &mut BytesMut) -> Framed {
        match memchr::memchr(b'\n', buffer) {
            None => {
                buffer.clear();
                Framed::Incomplete
            }
            Some(at) => {
                buffer.advance(at + 1);
                self.state = State::Searching { scanned: 0 };
                self.search(buffer, 0)
            }
        }
    }
}

/// Splits off the line whose LF is at `at`.
fn take_line(buffer: &mut BytesMut, at: usize) -> BytesMut {
    let mut line = buffer.split_to(at);
    buffer.advance(1);
    if line.last() == Some(&b'\r') {
        line.truncate(at - 1);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(limit: usize, pieces: &[&[u8]]) -> Vec<String> {
        let mut framer = LineFramer::new(limit);
        let mut buffer = BytesMut::new();
        let mut seen = Vec::new();
        for piece in pieces {
            buffer.extend_from_slice(piece);
            loop {
                match framer.next(&mut buffer) {
                    Framed::Line(line) => seen.push(String::from_utf8_lossy(&line).into_owned()),
                    Framed::TooLong => seen.push("!".to_owned()),
                    Framed::Incomplete => break,
                }
            }
            assert!(buffer.len() <= limit, "{} octets are kept", buffer.len());
        }
        seen
    }

    #[test]
    fn lines_are_cut_at_either_line_end() {
        assert_eq!(all(100, &[b"a\r\nb\n\r\n\nc"]), ["a", "b", "", ""]);
        assert_eq!(all(100, &[b"a\rb\r\n"]), ["a\rb"]);
    }

    #[test]
    fn a_line_may_come_in_any_pieces() {
        let text = b"one\r\ntwo\r\n\r\nthree\r\n";
        for cut in 0..text.len() {
            let (front, back) = text.split_at(cut);
            assert_eq!(all(100, &[front, back]), ["one", "two", "", "three"]);
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(all(100, &single), ["one", "two", "", "three"]);
    }

    #[test]
    fn the_limit_counts_the_line_end_and_holds_on_both_edges() {
        assert_eq!(all(6, &[b"1234\r\nx\r\n"]), ["1234", "x"]);
        assert_eq!(all(6, &[b"12345\r\nx\r\n"]), ["!", "x"]);
        assert_eq!(all(6, &[b"12345\nx\r\n"]), ["12345", "x"]);
    }

    #[test]
    fn an_endless_line_is_reported_once_and_never_kept() {
        let long = [b'a'; 1000];
        let pieces: Vec<&[u8]> = long.chunks(7).chain([&b"\r\nok\r\n"[..]]).collect();
        assert_eq!(all(100, &pieces[..]), ["!", "ok"]);
    }
}
