//! Reads what servers write, and forgives what is known: spaces too many, `NIL` that is missing, words where strings should stand.

use bytes::Bytes;
use types::Timestamp;

use crate::Mode;
use crate::framing::Frame;
use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::date::date_time;

/// Lists within lists, where what they hold is not looked at: beyond, it is no response of a mail server.
const MAX_DEPTH: usize = 1000;

/// The unread rest of a response.
#[derive(Clone, Debug)]
pub(super) struct Reader<'f> {
    pub(super) cursor: Cursor<'f>,
}

/// What ends a word in a response.
fn is_word(octet: u8) -> bool {
    octet > b' ' && octet != 0x7f && !b"(){\"".contains(&octet)
}

impl<'f> Reader<'f> {
    pub(super) fn new(frame: &'f Frame, mode: Mode) -> Self {
        Reader {
            cursor: Cursor::new(frame, mode),
        }
    }

    pub(super) fn wanted(&self, wanted: &'static str) -> ParseError {
        self.cursor.wanted(wanted)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.cursor.peek()
    }

    pub(super) fn take(&mut self, octet: u8) -> bool {
        self.cursor.take(octet)
    }

    pub(super) fn spaces(&mut self) {
        while self.take(b' ') {}
    }

    /// Whether anything but spaces is left; they are taken.
    pub(super) fn has_more(&mut self) -> bool {
        self.spaces();
        self.peek().is_some()
    }

    /// Opens a list, which `NIL` stands for where it is empty.
    pub(super) fn opens(&mut self) -> Result<bool, ParseError> {
        self.spaces();
        if self.take(b'(') {
            return Ok(true);
        }
        match self.nil() {
            true => Ok(false),
            false => Err(self.wanted("a list in parentheses")),
        }
    }

    /// Whether another item of a list is next; the spaces before it, or the parenthesis after the last, are taken.
    pub(super) fn next_item(&mut self) -> Result<bool, ParseError> {
        self.spaces();
        match self.peek() {
            Some(b')') => {
                self.take(b')');
                Ok(false)
            }
            Some(_) => Ok(true),
            None => Err(self.wanted("a closing parenthesis")),
        }
    }

    /// Whether the list that is open has another item; nothing but spaces is taken.
    pub(super) fn is_more(&mut self) -> bool {
        self.spaces();
        !matches!(self.peek(), Some(b')') | None)
    }

    /// Takes what is left of the list that is open, and its parenthesis.
    pub(super) fn close(&mut self) -> Result<(), ParseError> {
        while self.next_item()? {
            self.skip()?;
        }
        Ok(())
    }

    /// Takes `NIL` if it is next.
    pub(super) fn nil(&mut self) -> bool {
        let mut ahead = self.clone();
        if ahead.cursor.take_word("NIL") && !ahead.peek().is_some_and(is_word) {
            *self = ahead;
            return true;
        }
        false
    }

    /// A word: everything up to a space, a parenthesis, a quote or a brace.
    pub(super) fn word(&mut self, wanted: &'static str) -> Result<Bytes, ParseError> {
        self.cursor.run(is_word, wanted)
    }

    /// A string, or a word where one stands for it.
    pub(super) fn string(&mut self, wanted: &'static str) -> Result<Bytes, ParseError> {
        self.spaces();
        match self.peek() {
            Some(b'"' | b'{') => self.cursor.raw_string(),
            Some(b'~') if self.cursor.rest().get(1) == Some(&b'{') => self.cursor.raw_string(),
            _ => self.word(wanted),
        }
    }

    /// `nstring`. A list where a string should stand is none, and so is the end of the list that it stands in.
    pub(super) fn nstring(&mut self) -> Result<Option<Bytes>, ParseError> {
        self.spaces();
        match self.peek() {
            Some(b')') | None => Ok(None),
            Some(b'(') => self.skip().map(|()| None),
            Some(_) if self.nil() => Ok(None),
            Some(_) => self.string("a string or NIL").map(Some),
        }
    }

    /// `number64`, which `NIL` or something below zero stands for where there is none.
    pub(super) fn number_or_nil(&mut self) -> Result<Option<u64>, ParseError> {
        Ok(self.nstring()?.and_then(|word| number(&word)))
    }

    /// `number64`.
    pub(super) fn number(&mut self) -> Result<u64, ParseError> {
        self.spaces();
        let before = self.clone();
        let digits = self.cursor.run(|octet| octet.is_ascii_digit(), "a number")?;
        number(&digits).ok_or_else(|| before.wanted("a number below 18446744073709551616"))
    }

    /// `number`.
    pub(super) fn number32(&mut self) -> Result<u32, ParseError> {
        self.spaces();
        self.cursor.number()
    }

    /// `date-time`, or nothing where it is none that can be read.
    pub(super) fn date_time(&mut self) -> Result<Option<Timestamp>, ParseError> {
        self.spaces();
        let mut ahead = self.clone();
        if let Ok(moment) = date_time(&mut ahead.cursor) {
            *self = ahead;
            return Ok(Some(moment));
        }
        self.skip().map(|()| None)
    }

    /// A list of strings, or one string.
    pub(super) fn strings(&mut self) -> Result<Vec<Bytes>, ParseError> {
        self.spaces();
        if !self.take(b'(') {
            return Ok(self.nstring()?.into_iter().collect());
        }
        let mut strings = Vec::new();
        while self.next_item()? {
            strings.extend(self.nstring()?);
        }
        Ok(strings)
    }

    /// Passes over a value: a string, a word, or a list and all that is in it. Text that nothing else can be made of
    /// is passed over octet by octet.
    pub(super) fn skip(&mut self) -> Result<(), ParseError> {
        let mut depth = 0usize;
        loop {
            self.spaces();
            match self.peek() {
                None if depth == 0 => return Ok(()),
                None => return Err(self.wanted("a closing parenthesis")),
                Some(b'(') if depth < MAX_DEPTH => {
                    self.take(b'(');
                    depth += 1;
                }
                Some(b'(') => return Err(self.wanted("fewer lists within lists")),
                Some(b')') if depth == 0 => return Ok(()),
                Some(b')') => {
                    self.take(b')');
                    depth -= 1;
                }
                Some(octet) if is_word(octet) || matches!(octet, b'"' | b'{') => {
                    self.string("a value")?;
                    self.skip_rest_of_word()?;
                }
                Some(octet) => {
                    self.take(octet);
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// `BODY[HEADER.FIELDS (a b)]` and its like are one word with a list inside.
    fn skip_rest_of_word(&mut self) -> Result<(), ParseError> {
        while self.peek().is_some_and(is_word) {
            self.word("a value")?;
        }
        Ok(())
    }

    /// A value that is passed over, as it was written.
    pub(super) fn raw(&mut self) -> Result<Bytes, ParseError> {
        self.spaces();
        let before = self.cursor.clone();
        self.skip()?;
        Ok(self.cursor.since(&before))
    }

    /// Whether a literal is there for the next announcement.
    pub(super) fn has_literal(&self) -> bool {
        self.cursor.literals_left() > 0
    }

    /// All that is left, as it was written.
    pub(super) fn rest(&mut self) -> Bytes {
        let before = self.cursor.clone();
        while self.cursor.run(|_| true, "more").is_ok() {}
        self.cursor.since(&before)
    }
}

/// A number in decimal digits.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Octets as text; what is not UTF-8 is replaced.
pub(super) fn text(octets: &[u8]) -> Box<str> {
    String::from_utf8_lossy(octets).into()
}
