//! Cuts what a server sends into responses (RFC 9051 §2.2.2), and hands out large bodies in pieces.
//!
//! The input belongs to the caller. A response is kept until it is whole, under the limits; a body of FETCH that is larger than
//! [`Limits::streamed`] is announced, and its octets are given as they come.

use bytes::{Bytes, BytesMut};

use crate::framing::Frame;

/// Literals of one response: an ENVELOPE of 10,000 addresses has fewer.
const MAX_LITERALS: usize = 100_000;

/// How large the parts of a response may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The text of a response, literals apart: SEARCH names every message in one line.
    pub text: usize,
    /// All literals of a response that are kept in memory.
    pub kept: usize,
    /// A body up to this size is kept in memory, a larger one is streamed.
    pub streamed: usize,
}

impl Limits {
    /// Before the login: a greeting, capabilities, a challenge.
    pub const BEFORE_LOGIN: Limits = Limits {
        text: 64 << 10,
        kept: 16 << 10,
        streamed: 0,
    };
    /// After it: 4,000,000 numbers in SEARCH; headers of a message.
    pub const AFTER_LOGIN: Limits = Limits {
        text: 48 << 20,
        kept: 16 << 20,
        streamed: 64 << 10,
    };
}

/// What has been found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// More octets are needed.
    Incomplete,
    /// A whole response. A literal that was streamed is empty in it.
    Response(Frame),
    /// A body begins, of so many octets; what its response says before it.
    Body {
        /// Everything up to the announcement.
        so_far: Frame,
        /// Its octets.
        size: u64,
    },
    /// Octets of the body.
    Octets(Bytes),
    /// The limit, in octets, was broken. Nothing more can be understood.
    TooLong(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the text; so many octets of the input hold no line end.
    Text { scanned: usize },
    /// In a literal that is kept.
    Kept { size: usize },
    /// In a body that is streamed.
    Streamed { left: u64 },
}

/// Cuts octets into responses.
#[derive(Debug)]
pub struct Framer {
    text: BytesMut,
    literals: Vec<Bytes>,
    kept: usize,
    state: State,
    limits: Limits,
}

impl Framer {
    /// A framer at the beginning of a response.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Framer {
            text: BytesMut::new(),
            literals: Vec::new(),
            kept: 0,
            state: State::Text { scanned: 0 },
            limits,
        }
    }

    /// Other limits, from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// How many octets of a body that was announced are still to come.
    #[must_use]
    pub fn body_left(&self) -> u64 {
        match self.state {
            State::Streamed { left } => left,
            State::Text { .. } | State::Kept { .. } => 0,
        }
    }

    /// The next piece that the input holds; it is taken off the input.
    pub fn next(&mut self, input: &mut BytesMut) -> Piece {
        loop {
            let piece = match self.state {
                State::Text { scanned } => self.in_text(input, scanned),
                State::Kept { size } => self.in_literal(input, size),
                State::Streamed { left } => Some(self.in_body(input, left)),
            };
            if let Some(piece) = piece {
                return piece;
            }
        }
    }

    fn in_text(&mut self, input: &mut BytesMut, scanned: usize) -> Option<Piece> {
        let unseen = input.get(scanned..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', unseen) else {
            self.state = State::Text { scanned: input.len() };
            return Some(match self.text.len() + input.len() > self.limits.text {
                true => Piece::TooLong(self.limits.text),
                false => Piece::Incomplete,
            });
        };
        if self.text.len() + scanned + end >= self.limits.text {
            return Some(Piece::TooLong(self.limits.text));
        }
        let line = input.split_to(scanned + end + 1);
        self.state = State::Text { scanned: 0 };
        match announced(&line).filter(|_| self.may_have_literals(&line)) {
            Some(size) => self.literal_begins(&line, size),
            None => Some(Piece::Response(self.complete(line))),
        }
    }

    fn complete(&mut self, mut line: BytesMut) -> Frame {
        let length = without_line_end(&line).len();
        line.truncate(length);
        let text = if self.text.is_empty() {
            line.freeze()
        } else {
            self.text.extend_from_slice(&line);
            std::mem::take(&mut self.text).freeze()
        };
        self.kept = 0;
        Frame {
            text,
            literals: std::mem::take(&mut self.literals),
        }
    }

    /// The text of a status response may end in what looks like an announcement (RFC 9051 §9, `resp-text`), and so may a challenge.
    fn may_have_literals(&self, line: &[u8]) -> bool {
        let whole = if self.text.is_empty() { line } else { &self.text };
        let mut words = whole.split(|octet| matches!(octet, b' ' | b'\r' | b'\n'));
        let first = words.next().unwrap_or_default();
        let second = words.next().unwrap_or_default();
        let is_status = |word: &str| word.as_bytes().eq_ignore_ascii_case(second);
        first != b"+"
            && !["OK", "NO", "BAD", "BYE", "PREAUTH"]
                .iter()
                .any(|word| is_status(word))
    }

    fn literal_begins(&mut self, line: &[u8], size: u64) -> Option<Piece> {
        self.text.extend_from_slice(line);
        if self.literals.len() == MAX_LITERALS {
            return Some(Piece::TooLong(MAX_LITERALS));
        }
        let small = usize::try_from(size).unwrap_or(usize::MAX);
        let together = self.kept.saturating_add(small);
        let is_body = is_body(&self.text);
        if is_body && (small > self.limits.streamed || together > self.limits.kept) {
            let so_far = Frame {
                text: Bytes::copy_from_slice(&self.text),
                literals: self.literals.clone(),
            };
            self.literals.push(Bytes::new());
            self.state = match size {
                0 => State::Text { scanned: 0 },
                left => State::Streamed { left },
            };
            return Some(Piece::Body { so_far, size });
        }
        if together > self.limits.kept {
            return Some(Piece::TooLong(self.limits.kept));
        }
        self.kept = together;
        self.state = State::Kept { size: small };
        None
    }

    fn in_literal(&mut self, input: &mut BytesMut, size: usize) -> Option<Piece> {
        if input.len() < size {
            return Some(Piece::Incomplete);
        }
        self.literals.push(input.split_to(size).freeze());
        self.state = State::Text { scanned: 0 };
        None
    }

    fn in_body(&mut self, input: &mut BytesMut, left: u64) -> Piece {
        if input.is_empty() {
            return Piece::Incomplete;
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let octets = input.split_to(most.min(input.len())).freeze();
        let left = left.saturating_sub(octets.len() as u64);
        self.state = match left {
            0 => State::Text { scanned: 0 },
            left => State::Streamed { left },
        };
        Piece::Octets(octets)
    }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The size in `{123}`, `{123+}` or `~{123}` at the end of a line.
fn announced(line: &[u8]) -> Option<u64> {
    let inner = without_line_end(line).strip_suffix(b"}")?;
    let inner = inner.strip_suffix(b"+").unwrap_or(inner);
    let digits = inner
        .iter()
        .rev()
        .take_while(|octet| octet.is_ascii_digit())
        .count();
    let (before, digits) = inner.split_at(inner.len() - digits);
    if before.last() != Some(&b'{') || digits.is_empty() {
        return None;
    }
    Some(digits.iter().fold(0u64, |n, digit| {
        n.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    }))
}

/// Whether the literal that the text announces is the content of `BODY[…]`, `BINARY[…]` or `RFC822…`, and not
/// a string within an envelope.
fn is_body(text: &[u8]) -> bool {
    let inner = without_line_end(text);
    let Some(at) = memchr::memrchr(b'{', inner) else {
        return false;
    };
    let before = inner.get(..at).unwrap_or_default();
    let before = before.strip_suffix(b"~").unwrap_or(before).trim_ascii_end();
    let word = before
        .rsplit(|octet| matches!(octet, b' ' | b'('))
        .next()
        .unwrap_or_default();
    let is_rfc822 = ["RFC822", "RFC822.TEXT", "RFC822.HEADER"]
        .iter()
        .any(|name| name.as_bytes().eq_ignore_ascii_case(word));
    is_rfc822 || matches!(before.last(), Some(b']' | b'>'))
}
