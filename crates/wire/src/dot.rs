//! A message that ends with a lone dot: `DATA` (RFC 5321 §4.5.2) and multi-line replies (RFC 1939 §3).
//!
//! [`DotReader`] is a state machine over whatever pieces the network gives. The end is CRLF `.` CRLF; a dot after a
//! lone LF or CR is an octet like any other, so nobody can hide a second transaction in a message ("SMTP
//! smuggling"). What it saw of lone CR, LF and NUL it says afterwards, and the caller decides.

use bytes::{BufMut, BytesMut};

use crate::LineEnds;

/// How far one call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DotProgress {
    /// All input was taken and the message goes on.
    More,
    /// The message is whole; so many octets of the input were taken, the rest is not part of it.
    Done {
        /// Octets of this call's input up to and with the end of the message.
        taken: usize,
    },
}

/// What is known about the octet before the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the start of a line: the last two octets were CRLF, or nothing came yet.
    Start,
    /// A dot at the start of a line; not passed on.
    StartDot,
    /// A dot and a CR at the start of a line; neither passed on.
    StartDotCr,
    /// Inside of a line.
    Middle,
    /// Inside of a line, after a CR, which was passed on.
    MiddleCr,
}

/// Takes the dots away and finds the end.
#[derive(Debug)]
pub struct DotReader {
    state: State,
    found: LineEnds,
    limit: usize,
    size: usize,
}

impl DotReader {
    /// A reader that passes on at most `limit` octets and counts what comes after.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        DotReader {
            state: State::Start,
            found: LineEnds::default(),
            limit,
            size: 0,
        }
    }

    /// Octets of the message so far, dots of the transport not counted.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether the message is over the limit: what was passed on is then not the whole of it.
    #[must_use]
    pub fn is_too_big(&self) -> bool {
        self.size > self.limit
    }

    /// What the message holds that it may not hold, so far.
    #[must_use]
    pub fn found(&self) -> LineEnds {
        self.found
    }

    /// Takes the next piece and appends the message's octets to `message`.
    pub fn read(&mut self, input: &[u8], message: &mut BytesMut) -> DotProgress {
        let mut at = 0;
        while let Some(&octet) = input.get(at) {
            match (self.state, octet) {
                (State::Start, b'.') => {
                    self.state = State::StartDot;
                    at += 1;
                }
                (State::StartDot, b'\r') => {
                    self.state = State::StartDotCr;
                    at += 1;
                }
                (State::StartDotCr, b'\n') => return DotProgress::Done { taken: at + 1 },
                (State::StartDotCr, _) => {
                    self.pass(b"\r", message);
                    self.state = State::MiddleCr;
                }
                (State::Start | State::StartDot | State::Middle | State::MiddleCr, _) => {
                    at += self.read_lines(input.get(at..).unwrap_or_default(), message);
                }
            }
        }
        DotProgress::More
    }

    /// Passes on lines up to the first that begins with a dot, in one piece. Gives how many octets it took.
    fn read_lines(&mut self, input: &[u8], message: &mut BytesMut) -> usize {
        let mut after_cr = self.state == State::MiddleCr;
        let mut from = 0;
        let taken = loop {
            // Only the octet at `from` can stand directly after the CR of the last round.
            if after_cr {
                after_cr = false;
                if input.get(from) != Some(&b'\n') {
                    self.found.bare_cr = true;
                    continue;
                }
                from += 1;
                match input.get(from) {
                    None | Some(b'.') => {
                        self.state = State::Start;
                        break from;
                    }
                    Some(_) => continue,
                }
            }
            let Some(next) = memchr::memchr3(b'\r', b'\n', 0, input.get(from..).unwrap_or_default()) else {
                self.state = State::Middle;
                break input.len();
            };
            from += next + 1;
            match input.get(from - 1) {
                Some(b'\r') if from == input.len() => {
                    self.state = State::MiddleCr;
                    break from;
                }
                Some(b'\r') => after_cr = true,
                Some(b'\n') => self.found.bare_lf = true,
                _ => self.found.nul = true,
            }
        };
        self.pass(input.get(..taken).unwrap_or_default(), message);
        taken
    }

    fn pass(&mut self, octets: &[u8], message: &mut BytesMut) {
        let room = self.limit.saturating_sub(self.size);
        self.size = self.size.saturating_add(octets.len());
        message.put_slice(octets.get(..room).unwrap_or(octets));
    }
}

/// Prints a message in pieces: a dot more before every line that begins with one, and the lone dot at the end.
#[derive(Debug)]
pub struct DotWriter {
    before: Before,
}

/// What stands before the next octet.
#[derive(Debug)]
enum Before {
    LineStart,
    Cr,
    Other,
}

impl Default for DotWriter {
    fn default() -> Self {
        DotWriter {
            before: Before::LineStart,
        }
    }
}

impl DotWriter {
    /// Appends the next piece to `out`.
    pub fn write(&mut self, piece: &[u8], out: &mut BytesMut) {
        out.reserve(piece.len() + piece.len() / 64 + 8);
        let mut rest = piece;
        if let (Before::Cr, [b'\n', after @ ..]) = (&self.before, rest) {
            out.put_u8(b'\n');
            self.before = Before::LineStart;
            rest = after;
        }
        if rest.is_empty() {
            return;
        }
        if matches!(self.before, Before::LineStart) && rest.first() == Some(&b'.') {
            out.put_u8(b'.');
        }
        while let Some(at) = memchr::memmem::find(rest, b"\r\n.") {
            let (line, next) = rest.split_at(at + 2);
            out.put_slice(line);
            out.put_u8(b'.');
            rest = next;
        }
        out.put_slice(rest);
        self.before = match rest {
            [.., b'\r', b'\n'] => Before::LineStart,
            [.., b'\r'] => Before::Cr,
            _ => Before::Other,
        };
    }

    /// Appends the end. A message that does not end with CRLF gets one (RFC 5321 §4.1.1.4, RFC 1939 §3).
    pub fn finish(self, out: &mut BytesMut) {
        if !matches!(self.before, Before::LineStart) {
            out.put_slice(b"\r\n");
        }
        out.put_slice(b".\r\n");
    }
}

/// Appends a whole message to `out`, as [`DotWriter`] prints it.
pub fn write_dotted(message: &[u8], out: &mut BytesMut) {
    let mut writer = DotWriter::default();
    writer.write(message, out);
    writer.finish(out);
}

#[cfg(test)]
#[path = "dot_tests.rs"]
mod tests;
