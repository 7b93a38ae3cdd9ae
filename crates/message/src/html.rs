//! The text of an HTML page, crudely: for previews and searching, never for showing.
//!
//! Tags, comments, scripts and styles are left out, entities decoded, blanks made one. One pass, whatever the page is.

use memchr::{memchr, memchr2, memmem};

pub(crate) mod entity;

/// The text of a page: blocks on lines of their own, everything else on one.
pub fn to_text(html: &str) -> String {
    beginning(html, usize::MAX)
}

/// The text of a page up to about this many bytes.
pub(crate) fn beginning(html: &str, limit: usize) -> String {
    let mut text = Text {
        out: String::with_capacity((html.len() / 2).min(limit)),
        gap: Gap::None,
    };
    let mut rest = html;
    while let Some(at) = memchr2(b'<', b'&', rest.as_bytes()) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        text.push_str(plain);
        if text.out.len() >= limit {
            return text.out;
        }
        rest = if special.starts_with('&') {
            entity(special, &mut text)
        } else {
            tag(special, &mut text)
        };
    }
    text.push_str(rest);
    text.out
}

/// What separates the next word from the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Blank,
    Line,
}

struct Text {
    out: String,
    gap: Gap,
}

impl Text {
    fn push_str(&mut self, text: &str) {
        let blank = |letter: char| letter.is_whitespace() || letter == '\0';
        for (number, word) in text.split(blank).enumerate() {
            if number > 0 {
                self.gap = self.gap.max(Gap::Blank);
            }
            if let Some(first) = word.chars().next() {
                self.push(first);
                self.out
                    .push_str(word.get(first.len_utf8()..).unwrap_or_default());
            }
        }
    }

    fn push(&mut self, letter: char) {
        if letter.is_whitespace() || letter == '\0' {
            self.gap = self.gap.max(Gap::Blank);
            return;
        }
        match std::mem::replace(&mut self.gap, Gap::None) {
            _ if self.out.is_empty() => {}
            Gap::None => {}
            Gap::Blank => self.out.push(' '),
            Gap::Line => self.out.push('\n'),
        }
        self.out.push(letter);
    }
}

/// Reads an entity, `&` included, and returns what follows it.
fn entity<'h>(special: &'h str, text: &mut Text) -> &'h str {
    let rest = special.get(1..).unwrap_or_default();
    match entity::decode(rest) {
        Some((letter, rest)) => {
            text.push(letter);
            rest
        }
        None => {
            text.push('&');
            rest
        }
    }
}

/// Reads a tag, `<` included, and returns what follows it and what it hides.
fn tag<'h>(special: &'h str, text: &mut Text) -> &'h str {
    if let Some(comment) = special.strip_prefix("<!--") {
        return after(comment, "-->");
    }
    let inner = special.get(1..).unwrap_or_default();
    if !inner.starts_with(|letter: char| letter.is_ascii_alphabetic() || matches!(letter, '/' | '!' | '?')) {
        text.push('<');
        return inner;
    }
    let Some(end) = memchr(b'>', inner.as_bytes()) else {
        text.push_str(inner);
        return "";
    };
    let (inside, rest) = inner.split_at_checked(end).unwrap_or((inner, ""));
    let rest = rest.get(1..).unwrap_or_default();
    let name = inside.trim_start_matches('/');
    let name = name
        .find(|letter: char| !letter.is_ascii_alphanumeric())
        .and_then(|end| name.get(..end))
        .unwrap_or(name);
    let name = name.to_ascii_lowercase();
    text.gap = text.gap.max(gap(&name));
    match name.as_str() {
        "script" | "style" | "title" if !inside.starts_with('/') => hidden(rest, &name),
        _ => rest,
    }
}

fn gap(name: &str) -> Gap {
    match name {
        "br" | "p" | "div" | "tr" | "li" | "ul" | "ol" | "table" | "h1" | "h2" | "h3" | "h4" | "h5"
        | "h6" | "hr" | "blockquote" | "pre" | "body" | "section" | "article" | "header" | "footer"
        | "dt" | "dd" => Gap::Line,
        "td" | "th" | "img" | "option" => Gap::Blank,
        _ => Gap::None,
    }
}

/// What follows the end of an element whose content is no text.
fn hidden<'h>(html: &'h str, name: &str) -> &'h str {
    for begin in memmem::find_iter(html.as_bytes(), b"</") {
        let closing = html.as_bytes().get(begin + 2..begin + 2 + name.len());
        if closing.is_some_and(|closing| closing.eq_ignore_ascii_case(name.as_bytes())) {
            return after(html.get(begin..).unwrap_or_default(), ">");
        }
    }
    ""
}

fn after<'h>(html: &'h str, end: &str) -> &'h str {
    memmem::find(html.as_bytes(), end.as_bytes())
        .and_then(|at| html.get(at + end.len()..))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
