//! The tags and the text of an HTML page, one after the other (the tokens of the HTML standard §13.2.5, as far as text needs them).
//!
//! What must hold: all tokens together take time that grows with the page's length alone. Whatever is looked for and not found is not
//! looked for again: what stands behind a place has it even less.

use memchr::{memchr, memmem};

/// A tag or what stands between two.
pub(super) enum Token<'h> {
    Text(&'h str),
    Open(Tag<'h>),
    /// The name, in small letters.
    Close(String),
}

/// An opening tag.
pub(super) struct Tag<'h> {
    /// In small letters.
    pub(super) name: String,
    /// What stands between the name and `>`.
    attributes: &'h str,
}

/// A name is not longer: nothing that is known is.
const MAX_NAME: usize = 20;

/// How many attributes of one tag are looked at.
const MAX_ATTRIBUTES: usize = 100;

/// The tokens of a page.
pub(super) struct Tags<'h> {
    rest: &'h str,
    /// Nothing of this stands in the rest.
    no_comment_end: bool,
    no_close: [bool; 2],
    /// A tag whose quotes hold every `>` was seen: quotes are not to be trusted.
    distrust: bool,
    /// The element whose content is no text, which was just opened.
    raw: Option<String>,
}

impl<'h> Tags<'h> {
    pub(super) fn new(html: &'h str) -> Self {
        Tags {
            rest: html,
            no_comment_end: false,
            no_close: [false; 2],
            distrust: false,
            raw: None,
        }
    }

    /// Takes so many bytes off.
    fn take(&mut self, length: usize) -> &'h str {
        let (head, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        head
    }

    /// Steps behind a comment or a declaration.
    fn markup(&mut self) {
        if self.rest.starts_with("<!--") && !self.no_comment_end {
            // `<!-->` is a comment too.
            let inner = self.rest.as_bytes().get(2..).unwrap_or_default();
            if let Some(end) = memmem::find(inner, b"-->") {
                self.take(2 + end + 3);
                return;
            }
            // A comment that never ends is taken as a declaration, so that a message is not lost behind it.
            self.no_comment_end = true;
        }
        match memchr(b'>', self.rest.as_bytes()) {
            Some(end) => self.take(end + 1),
            None => self.take(self.rest.len()),
        };
    }

    /// Where the tag that begins here ends: at a `>` outside of quotes.
    fn end_of_tag(&mut self) -> Option<usize> {
        let bytes = self.rest.as_bytes();
        let first = memchr(b'>', bytes)?;
        if self.distrust {
            return Some(first);
        }
        let mut at = 1;
        loop {
            let found = bytes
                .get(at..)?
                .iter()
                .position(|byte| matches!(byte, b'>' | b'"' | b'\''));
            let Some(found) = found else {
                self.distrust = true;
                return Some(first);
            };
            let place = at + found;
            at = place + 1;
            let quote = match bytes.get(place) {
                Some(b'>') => return Some(place),
                Some(b'"') => 0,
                _ => 1,
            };
            // A quote within a word or before the name is a letter.
            let opens = bytes
                .get(..place)
                .is_some_and(|head| head.trim_ascii_end().ends_with(b"="));
            if !opens || self.no_close.get(quote).copied().unwrap_or(true) {
                continue;
            }
            let letter = if quote == 0 { b'"' } else { b'\'' };
            match memchr(letter, bytes.get(at..)?) {
                Some(end) => at += end + 1,
                None => {
                    self.no_close = std::array::from_fn(|number| {
                        self.no_close.get(number) == Some(&true) || number == quote
                    })
                }
            }
        }
    }

    /// Steps behind the content of an element that holds no text, up to its closing tag.
    fn skip_raw(&mut self, name: &str) {
        for begin in memmem::find_iter(self.rest.as_bytes(), b"</") {
            let closing = self.rest.as_bytes().get(begin + 2..begin + 2 + name.len());
            if closing.is_some_and(|closing| closing.eq_ignore_ascii_case(name.as_bytes())) {
                self.take(begin);
                return;
            }
        }
        self.rest = "";
    }
}

impl<'h> Iterator for Tags<'h> {
    type Item = Token<'h>;

    fn next(&mut self) -> Option<Token<'h>> {
        loop {
            if let Some(name) = self.raw.take() {
                self.skip_raw(&name);
            }
            if self.rest.is_empty() {
                return None;
            }
            let inner = self.rest.strip_prefix('<');
            let Some(inner) = inner else {
                let end = memchr(b'<', self.rest.as_bytes()).unwrap_or(self.rest.len());
                return Some(Token::Text(self.take(end)));
            };
            match inner.as_bytes() {
                [b'!' | b'?', ..] => {
                    self.markup();
                    continue;
                }
                [b'/', letter, ..] | [letter, ..] if letter.is_ascii_alphabetic() => {}
                _ => return Some(Token::Text(self.take(1))),
            }
            let Some(end) = self.end_of_tag() else {
                // A tag that is cut off.
                self.rest = "";
                return None;
            };
            let tag = self.take(end + 1);
            let inside = tag.get(1..end).unwrap_or_default();
            if let Some(closing) = inside.strip_prefix('/') {
                return Some(Token::Close(name_of(closing).0));
            }
            let (name, attributes) = name_of(inside);
            if matches!(
                name.as_str(),
                "script" | "style" | "title" | "noembed" | "iframe" | "svg" | "template" | "object"
            ) {
                self.raw = Some(name);
                continue;
            }
            return Some(Token::Open(Tag { name, attributes }));
        }
    }
}

/// The name that a tag begins with, and the rest.
fn name_of(inside: &str) -> (String, &str) {
    let end = inside
        .find(|letter: char| !letter.is_ascii_alphanumeric())
        .unwrap_or(inside.len());
    let (name, rest) = inside.split_at_checked(end).unwrap_or((inside, ""));
    (name.get(..MAX_NAME).unwrap_or(name).to_ascii_lowercase(), rest)
}

impl<'h> Tag<'h> {
    /// The value of an attribute as it is written.
    pub(super) fn attribute(&self, name: &str) -> Option<&'h str> {
        let mut rest = self.attributes;
        for _ in 0..MAX_ATTRIBUTES {
            rest = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/');
            if rest.is_empty() {
                return None;
            }
            let end = rest
                .char_indices()
                .skip(1)
                .find(|(_, letter)| letter.is_ascii_whitespace() || matches!(letter, '=' | '/'))
                .map_or(rest.len(), |(at, _)| at);
            let (key, after) = rest.split_at_checked(end)?;
            let (value, after) = value_of(after);
            if key.eq_ignore_ascii_case(name) {
                return Some(value);
            }
            rest = after;
        }
        None
    }

    /// Whether the element has no content and no closing tag.
    pub(super) fn is_void(&self) -> bool {
        matches!(
            self.name.as_str(),
            "br" | "hr"
                | "img"
                | "input"
                | "meta"
                | "link"
                | "base"
                | "area"
                | "col"
                | "embed"
                | "wbr"
                | "source"
        )
    }

    /// Whether a browser would not show it.
    pub(super) fn is_hidden(&self) -> bool {
        if self.attributes.is_empty() {
            return false;
        }
        let style = self.attribute("style").unwrap_or_default();
        let style: String = style.chars().filter(|letter| !letter.is_whitespace()).collect();
        style.to_ascii_lowercase().contains("display:none") || self.attribute("hidden").is_some()
    }
}

/// The value behind a name, empty where there is none, and the rest.
fn value_of(after: &str) -> (&str, &str) {
    let Some(value) = after.trim_ascii_start().strip_prefix('=') else {
        return ("", after);
    };
    let value = value.trim_ascii_start();
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            return inner.split_once(quote).unwrap_or((inner, ""));
        }
    }
    let end = value
        .find(|letter: char| letter.is_ascii_whitespace())
        .unwrap_or(value.len());
    value.split_at_checked(end).unwrap_or((value, ""))
}
