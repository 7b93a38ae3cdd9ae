//! Walks over a frame: the words, strings and lists that every command is made of (RFC 3501 §9).

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::mode::Mode;
use crate::framing::Frame;

/// Where a command stops being one, and what should have stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected {wanted} at octet {at}")]
pub struct ParseError {
    /// Octets before the place, line ends and announcements included, literals not.
    pub at: usize,
    /// What was wanted there.
    pub wanted: &'static str,
}

/// The unread rest of a frame.
#[derive(Clone, Debug)]
pub struct Cursor<'f> {
    text: &'f Bytes,
    at: usize,
    literals: std::slice::Iter<'f, Bytes>,
    mode: Mode,
}

/// `ATOM-CHAR` of RFC 3501 §9.
#[must_use]
pub fn is_atom(b: u8) -> bool {
    b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b)
}

/// `ASTRING-CHAR` of RFC 3501 §9: `ATOM-CHAR / resp-specials`.
#[must_use]
pub fn is_astring(b: u8) -> bool {
    is_atom(b) || b == b']'
}

/// What an unquoted string may hold beyond RFC 3501: UTF-8, which clients send in mailbox names and searches.
fn is_lenient_astring(b: u8) -> bool {
    is_astring(b) || b >= 0x80
}

/// `list-char` of RFC 3501 §9, and UTF-8.
fn is_list_char(b: u8) -> bool {
    is_lenient_astring(b) || b == b'%' || b == b'*'
}

impl<'f> Cursor<'f> {
    /// Stands before the first octet of the frame.
    #[must_use]
    pub fn new(frame: &'f Frame, mode: Mode) -> Self {
        Cursor {
            text: &frame.text,
            at: 0,
            literals: frame.literals.iter(),
            mode,
        }
    }

    /// How the client speaks.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// An error at this place.
    #[must_use]
    pub fn wanted(&self, wanted: &'static str) -> ParseError {
        ParseError { at: self.at, wanted }
    }

    /// What is left, not taken.
    pub(crate) fn rest(&self) -> &'f [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next octet, not taken.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Takes the octet if it is next.
    pub fn take(&mut self, octet: u8) -> bool {
        let there = self.peek() == Some(octet);
        self.at += usize::from(there);
        there
    }

    /// Takes the text if it is next, in any case.
    pub fn take_word(&mut self, word: &str) -> bool {
        let there = self
            .rest()
            .get(..word.len())
            .is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()));
        if there {
            self.at += word.len();
        }
        there
    }

    /// Takes the octet, which has to be next.
    ///
    /// # Errors
    /// Something else is next.
    pub fn expect(&mut self, octet: u8, wanted: &'static str) -> Result<(), ParseError> {
        if self.take(octet) {
            return Ok(());
        }
        Err(self.wanted(wanted))
    }

    /// Takes one space.
    ///
    /// # Errors
    /// Something else is next.
    pub fn space(&mut self) -> Result<(), ParseError> {
        self.expect(b' ', "a space")
    }

    /// Nothing may follow. Spaces at the end are forgiven: clients send them.
    ///
    /// # Errors
    /// Something follows.
    pub fn end(&mut self) -> Result<(), ParseError> {
        while self.take(b' ') {}
        if self.rest().is_empty() {
            return Ok(());
        }
        Err(self.wanted("the end of the command"))
    }

    /// Whether nothing but spaces is left.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.rest().iter().all(|b| *b == b' ')
    }

    /// Takes octets while they are allowed, one at least.
    ///
    /// # Errors
    /// The next octet is not allowed.
    pub fn run(&mut self, allowed: fn(u8) -> bool, wanted: &'static str) -> Result<Bytes, ParseError> {
        let length = self.rest().iter().take_while(|b| allowed(**b)).count();
        if length == 0 {
            return Err(self.wanted(wanted));
        }
        let from = self.at;
        self.at += length;
        Ok(self.text.slice(from..self.at))
    }

    /// `atom`.
    ///
    /// # Errors
    /// No atom is next.
    pub fn atom(&mut self, wanted: &'static str) -> Result<Bytes, ParseError> {
        self.run(is_atom, wanted)
    }

    /// `number`: 0 to 4,294,967,295.
    ///
    /// # Errors
    /// No digit is next, or the number is too large.
    pub fn number(&mut self) -> Result<u32, ParseError> {
        let before = self.clone();
        let digits = self.run(|b| b.is_ascii_digit(), "a number")?;
        digits
            .iter()
            .try_fold(0u32, |n, d| n.checked_mul(10)?.checked_add(u32::from(d - b'0')))
            .ok_or_else(|| before.wanted("a number below 4294967296"))
    }

    /// `nz-number`.
    ///
    /// # Errors
    /// No number is next, or it is zero.
    pub fn nonzero(&mut self) -> Result<u32, ParseError> {
        let before = self.clone();
        match self.number()? {
            0 => Err(before.wanted("a number from 1 on")),
            n => Ok(n),
        }
    }

    /// Exactly `count` digits.
    ///
    /// # Errors
    /// There are fewer.
    pub fn digits(&mut self, count: usize) -> Result<u32, ParseError> {
        let digits = self.rest().get(..count).unwrap_or_default();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(self.wanted("digits"));
        }
        self.at += count;
        Ok(digits.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0')))
    }

    /// `astring`.
    ///
    /// # Errors
    /// No string is next.
    pub fn astring(&mut self, wanted: &'static str) -> Result<Bytes, ParseError> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(wanted),
            _ => self.run(is_lenient_astring, wanted),
        }
    }

    /// `list-mailbox`.
    ///
    /// # Errors
    /// No pattern is next.
    pub fn list_mailbox(&mut self) -> Result<Bytes, ParseError> {
        match self.peek() {
            Some(b'"' | b'{') => self.string("a pattern"),
            _ => self.run(is_list_char, "a pattern"),
        }
    }

    /// `string`: quoted or literal.
    ///
    /// # Errors
    /// No string is next, or it holds what it may not (NUL; in a quoted string also a line end).
    pub fn string(&mut self, wanted: &'static str) -> Result<Bytes, ParseError> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(),
            _ => Err(self.wanted(wanted)),
        }
    }

    /// RFC 6855 §3: UTF-8 may stand in it, whatever was enabled, and what is not UTF-8 is refused.
    fn quoted(&mut self) -> Result<Bytes, ParseError> {
        let before = self.clone();
        let value = self.octets_in_quotes()?;
        match std::str::from_utf8(&value) {
            Ok(_) => Ok(value),
            Err(_) => Err(before.wanted("a quoted string in UTF-8")),
        }
    }

    fn octets_in_quotes(&mut self) -> Result<Bytes, ParseError> {
        self.expect(b'"', "a quoted string")?;
        let rest = self.rest();
        let end = memchr::memchr2(b'"', b'\\', rest).ok_or_else(|| self.wanted("a closing quote"))?;
        let plain = rest.get(..end).unwrap_or_default();
        if plain.iter().any(|b| matches!(b, 0 | b'\r' | b'\n')) {
            return Err(self.wanted("a quoted string without NUL or line end"));
        }
        if rest.get(end) == Some(&b'"') {
            let from = self.at;
            self.at += end + 1;
            return Ok(self.text.slice(from..from + end));
        }
        self.quoted_with_escapes()
    }

    fn quoted_with_escapes(&mut self) -> Result<Bytes, ParseError> {
        let mut value = BytesMut::new();
        loop {
            let next = self.peek().ok_or_else(|| self.wanted("a closing quote"))?;
            self.at += 1;
            match next {
                b'"' => return Ok(value.freeze()),
                b'\\' => match self.peek() {
                    Some(escaped @ (b'"' | b'\\')) => {
                        self.at += 1;
                        value.extend_from_slice(&[escaped]);
                    }
                    _ => return Err(self.wanted("a quote or a backslash")),
                },
                0 | b'\r' | b'\n' => return Err(self.wanted("a quoted string without NUL or line end")),
                plain => value.extend_from_slice(&[plain]),
            }
        }
    }

    fn literal(&mut self) -> Result<Bytes, ParseError> {
        let before = self.clone();
        let literal = self.raw_literal()?;
        if memchr::memchr(0, &literal).is_some() {
            return Err(before.wanted("a literal without NUL"));
        }
        Ok(literal)
    }

    fn raw_literal(&mut self) -> Result<Bytes, ParseError> {
        let before = self.clone();
        self.expect(b'{', "a literal")?;
        self.run(|b| b.is_ascii_digit(), "the size of a literal")?;
        self.take(b'+');
        self.expect(b'}', "the end of an announcement")?;
        self.take(b'\r');
        self.expect(b'\n', "a line end after an announcement")?;
        let literal = self.literals.next().ok_or_else(|| before.wanted("a literal"))?;
        Ok(literal.clone())
    }

    /// A quoted string or literal, with or without `~`, as servers write them: any octet, and a backslash that escapes
    /// nothing stands for itself.
    ///
    /// # Errors
    /// No string is next, or it does not end.
    pub(crate) fn raw_string(&mut self) -> Result<Bytes, ParseError> {
        self.take(b'~');
        if self.peek() == Some(b'{') {
            return self.raw_literal();
        }
        self.expect(b'"', "a string")?;
        let rest = self.rest();
        let end = memchr::memchr2(b'"', b'\\', rest).ok_or_else(|| self.wanted("a closing quote"))?;
        if rest.get(end) == Some(&b'"') {
            let from = self.at;
            self.at += end + 1;
            return Ok(self.text.slice(from..from + end));
        }
        let mut value = BytesMut::new();
        loop {
            let next = self.peek().ok_or_else(|| self.wanted("a closing quote"))?;
            self.at += 1;
            match (next, self.peek()) {
                (b'"', _) => return Ok(value.freeze()),
                (b'\\', Some(escaped @ (b'"' | b'\\'))) => {
                    self.at += 1;
                    value.extend_from_slice(&[escaped]);
                }
                (plain, _) => value.extend_from_slice(&[plain]),
            }
        }
    }

    /// Takes so many octets, or all that are left.
    pub(crate) fn skip(&mut self, octets: usize) {
        self.at += octets.min(self.rest().len());
    }

    /// How many literals were not taken yet.
    pub(crate) fn literals_left(&self) -> usize {
        self.literals.len()
    }

    /// Everything from a place on that was taken since.
    pub(crate) fn since(&self, before: &Cursor<'_>) -> Bytes {
        self.text.slice(before.at.min(self.at)..self.at)
    }

    /// `literal8` of RFC 4466 §6; NUL is no more welcome in it than elsewhere.
    ///
    /// # Errors
    /// No such literal is next.
    pub fn literal8(&mut self) -> Result<Bytes, ParseError> {
        self.expect(b'~', "a literal that begins with ~")?;
        self.literal()
    }

    /// `"(" item *(SP item) ")"`, or `"()"`.
    ///
    /// # Errors
    /// No list is next, or an item is not one.
    pub fn list<T>(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ParseError> {
        self.expect(b'(', "a list in parentheses")?;
        if self.take(b')') {
            return Ok(Vec::new());
        }
        let items = self.items(item)?;
        self.expect(b')', "a closing parenthesis")?;
        Ok(items)
    }

    /// `item *(SP item)`.
    ///
    /// # Errors
    /// An item is not one.
    pub fn items<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ParseError> {
        let mut items = vec![item(self)?];
        while self.peek() == Some(b' ') && !self.is_at_end() {
            self.space()?;
            items.push(item(self)?);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &'static str, literals: &[&'static str]) -> Frame {
        Frame {
            text: Bytes::from_static(text.as_bytes()),
            literals: literals
                .iter()
                .map(|l| Bytes::from_static(l.as_bytes()))
                .collect(),
        }
    }

    #[test]
    fn strings_come_in_three_forms() {
        let check = |text: &'static str, wanted: Result<&str, usize>| {
            let frame = frame(text, &["lit", "n\0l"]);
            let mut cursor = Cursor::new(&frame, Mode::Ascii);
            let got = cursor.astring("a string").and_then(|s| cursor.end().map(|()| s));
            assert_eq!(
                got.as_deref().map_err(|e| e.at),
                wanted.map(str::as_bytes),
                "{text:?}"
            );
        };
        check("abc", Ok("abc"));
        check("a]c", Ok("a]c"));
        check("\"\"", Ok(""));
        check("\"a b\"", Ok("a b"));
        check("\"a\\\"\\\\b\"", Ok("a\"\\b"));
        check("{3}\r\n", Ok("lit"));
        check("{3+}\n", Ok("lit"));
        check("", Err(0));
        check("a*", Err(1));
        check("\"a", Err(1));
        check("\"a\\x\"", Err(3));
        check("\"a\nb\"", Err(1));
        check("{3}", Err(3));
        check("工作", Ok("工作"));
    }

    #[test]
    fn a_quoted_string_is_utf_8_whatever_was_enabled() {
        let check = |text: &'static [u8], wanted: Result<&str, usize>| {
            for mode in [Mode::Ascii, Mode::Utf8] {
                let frame = Frame {
                    text: Bytes::from_static(text),
                    literals: Vec::new(),
                };
                let got = Cursor::new(&frame, mode).string("a string");
                assert_eq!(got.as_deref().map_err(|e| e.at), wanted.map(str::as_bytes));
            }
        };
        check("\"工作\"".as_bytes(), Ok("工作"));
        check("\"a\\\"工\"".as_bytes(), Ok("a\"工"));
        check(b"\"\xe5\xb7\"", Err(0));
        check(b"\"a\\\"\xff\"", Err(0));
        check(b"\"\xc0\x80\"", Err(0));
        check(b"\"\xed\xa0\x80\"", Err(0));
    }

    #[test]
    fn a_literal_may_not_hold_nul() {
        let frame = frame("{3}\r\n", &["n\0l"]);
        assert_eq!(
            Cursor::new(&frame, Mode::Ascii)
                .astring("a string")
                .map_err(|e| e.at),
            Err(0)
        );
    }

    #[test]
    fn numbers_have_32_bits() {
        let check = |text: &'static str, wanted: Option<u32>| {
            let frame = frame(text, &[]);
            assert_eq!(Cursor::new(&frame, Mode::Ascii).number().ok(), wanted, "{text:?}");
        };
        check("0", Some(0));
        check("4294967295", Some(u32::MAX));
        check("4294967296", None);
        check("-1", None);
    }
}
