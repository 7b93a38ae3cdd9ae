//! HTML as a person reads it in a terminal: blocks, lists, quotations and tables as lines of a given width, links as numbers
//! with their targets below.
//!
//! One pass over the page without a tree: work and memory grow with its length alone, however deep its elements lie in one another,
//! and nothing recurses. Nothing is fetched. What a browser would not show (`display:none`) is not shown.

use std::collections::HashMap;

use memchr::{memchr, memchr2};

use super::lines::{Gap, Lines};
use super::tag::{Tag, Tags, Token};
use crate::html::entity;

/// How many targets of links are told apart.
const MAX_LINKS: usize = 10_000;

/// A target is not longer: what tracks a reader may be, and nobody types it.
const MAX_TARGET: usize = 2_000;

/// A page as lines of at most so many columns; none: every block on one line.
pub fn page(html: &str, width: Option<usize>) -> String {
    let mut page = Page::new(width);
    for token in Tags::new(html) {
        match token {
            Token::Text(text) => page.text(text),
            Token::Open(tag) => page.open(&tag),
            Token::Close(name) => page.close(&name),
        }
        if page.lines.is_full() {
            break;
        }
    }
    page.finish()
}

/// A list that is open.
struct List {
    /// The number of the next item; none in a list without.
    next: Option<u64>,
}

struct Page<'h> {
    lines: Lines,
    lists: Vec<List>,
    quotes: usize,
    verbatim: usize,
    /// The element that is not shown, and how many of its name are open.
    hidden: Option<(String, usize)>,
    /// A cell stands before the next one in the row.
    in_row: bool,
    /// The target of the open link, and where its text begins.
    link: Option<(&'h str, String)>,
    targets: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl<'h> Page<'h> {
    fn new(width: Option<usize>) -> Self {
        Page {
            lines: Lines::new(width),
            lists: Vec::new(),
            quotes: 0,
            verbatim: 0,
            hidden: None,
            in_row: false,
            link: None,
            targets: Vec::new(),
            numbers: HashMap::new(),
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        let mut rest = text;
        while let Some(at) = memchr(b'&', rest.as_bytes()) {
            let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
            self.plain(plain);
            let inner = special.get(1..).unwrap_or_default();
            match entity::decode(inner) {
                Some((letter, after)) => {
                    self.plain(letter.encode_utf8(&mut [0; 4]));
                    rest = after;
                }
                None => {
                    self.plain("&");
                    rest = inner;
                }
            }
        }
        self.plain(rest);
    }

    fn plain(&mut self, text: &str) {
        if let Some((_, shown)) = &mut self.link
            && shown.len() < MAX_TARGET
        {
            shown.push_str(text);
        }
        if self.verbatim > 0 {
            self.lines.verbatim(text);
        } else {
            self.lines.text(text);
        }
    }

    fn open(&mut self, tag: &Tag<'h>) {
        if let Some((name, open)) = &mut self.hidden {
            *open += usize::from(*name == tag.name && !tag.is_void());
            return;
        }
        if tag.is_hidden() {
            self.hidden = (!tag.is_void()).then(|| (tag.name.clone(), 1));
            return;
        }
        match tag.name.as_str() {
            "br" => self.lines.end_line(),
            "hr" => {
                self.lines.gap(Gap::Line);
                self.lines.text("----------");
                self.lines.gap(Gap::Line);
            }
            "ul" | "menu" | "dir" => self.list(None),
            "ol" => self.list(Some(
                tag.attribute("start")
                    .and_then(|start| start.trim().parse().ok())
                    .unwrap_or(1),
            )),
            "li" => self.item(),
            "blockquote" => {
                self.quotes += 1;
                self.levels();
                self.lines.gap(Gap::Paragraph);
            }
            "pre" | "textarea" | "xmp" => {
                self.verbatim += 1;
                self.lines.gap(Gap::Paragraph);
            }
            "tr" => {
                self.lines.gap(Gap::Line);
                self.in_row = false;
            }
            "td" | "th" => self.cell(),
            "img" => self.image(tag),
            "a" => self.open_link(tag),
            name => self.lines.gap(block(name)),
        }
    }

    fn close(&mut self, name: &str) {
        if let Some((hidden, open)) = &mut self.hidden {
            *open -= usize::from(hidden == name);
            if *open == 0 {
                self.hidden = None;
            }
            return;
        }
        match name {
            "ul" | "ol" | "menu" | "dir" => {
                self.lists.pop();
                self.levels();
                self.lines.gap(if self.lists.is_empty() {
                    Gap::Paragraph
                } else {
                    Gap::Line
                });
            }
            "li" => self.lines.gap(Gap::Line),
            "blockquote" => {
                self.quotes = self.quotes.saturating_sub(1);
                self.levels();
                self.lines.gap(Gap::Paragraph);
            }
            "pre" | "textarea" | "xmp" => {
                self.verbatim = self.verbatim.saturating_sub(1);
                self.lines.gap(Gap::Paragraph);
            }
            "tr" => {
                self.lines.gap(Gap::Line);
                self.in_row = false;
            }
            "a" => self.close_link(),
            "br" => self.lines.end_line(),
            name => self.lines.gap(block(name)),
        }
    }

    fn levels(&mut self) {
        self.lines.levels(self.quotes, self.lists.len());
    }

    fn list(&mut self, next: Option<u64>) {
        let outermost = self.lists.is_empty();
        // A list that is never closed is no deeper than the lines can show.
        if self.lists.len() < 100 {
            self.lists.push(List { next });
        }
        self.levels();
        if outermost {
            self.lines.gap(Gap::Paragraph);
        }
    }

    fn item(&mut self) {
        let marker = match self.lists.last_mut() {
            Some(List { next: Some(next) }) => {
                let marker = format!("{next}. ");
                *next = next.saturating_add(1);
                marker
            }
            Some(List { next: None }) | None => "* ".to_owned(),
        };
        self.lines.marker(marker);
    }

    /// Cells of a row stand on one line, as long as they hold no blocks.
    fn cell(&mut self) {
        self.lines.gap(Gap::Blank);
        if std::mem::replace(&mut self.in_row, true) {
            self.lines.cell();
        }
    }

    fn image(&mut self, tag: &Tag<'h>) {
        let text = tag.attribute("alt").map(decoded).unwrap_or_default();
        let text = text.trim();
        if !text.is_empty() {
            self.plain(&format!("[{text}]"));
        }
    }

    fn open_link(&mut self, tag: &Tag<'h>) {
        self.close_link();
        self.link = tag.attribute("href").map(|target| (target, String::new()));
    }

    /// Puts the number of its target behind a link, where the text does not say it already.
    fn close_link(&mut self) {
        let Some((target, shown)) = self.link.take() else {
            return;
        };
        let target: String = decoded(target.get(..MAX_TARGET).unwrap_or(target))
            .trim()
            .to_owned();
        let scheme = target
            .split_once(':')
            .map(|(scheme, _)| scheme.to_ascii_lowercase());
        let leads = matches!(
            scheme.as_deref(),
            Some("http" | "https" | "ftp" | "mailto" | "tel" | "news" | "nntp" | "cid" | "mid")
        );
        if !leads || says(&shown, &target) || shown.trim().is_empty() {
            return;
        }
        let target: String = target
            .chars()
            .filter(|letter| !letter.is_control() && !letter.is_whitespace())
            .collect();
        let number = match self.numbers.get(&target) {
            Some(number) => *number,
            None if self.targets.len() == MAX_LINKS => return,
            None => {
                self.targets.push(target.clone());
                self.numbers.insert(target, self.targets.len());
                self.targets.len()
            }
        };
        self.lines.text(&format!("[{number}]"));
    }

    fn finish(mut self) -> String {
        self.close_link();
        self.quotes = 0;
        self.lists.clear();
        self.levels();
        self.lines.gap(Gap::Paragraph);
        for (number, target) in self.targets.iter().enumerate() {
            self.lines.verbatim(&format!("[{}]: {target}", number + 1));
            self.lines.gap(Gap::Line);
        }
        self.lines.finish()
    }
}

/// Whether the text of a link says where it leads.
fn says(shown: &str, target: &str) -> bool {
    let bare = |text: &str| {
        let text = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let cut = ["https://", "http://", "mailto:", "tel:"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        cut.unwrap_or(&text).to_owned()
    };
    bare(shown) == bare(target)
}

/// The value of an attribute with its entities decoded.
fn decoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr2(b'&', b'&', rest.as_bytes()) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        text.push_str(plain);
        let inner = special.get(1..).unwrap_or_default();
        let (letter, after) = entity::decode(inner).unwrap_or(('&', inner));
        text.push(letter);
        rest = after;
    }
    text.push_str(rest);
    text
}

/// What an element puts around itself.
fn block(name: &str) -> Gap {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "dl" | "figure" | "fieldset" => Gap::Paragraph,
        "div" | "table" | "tbody" | "thead" | "tfoot" | "caption" | "body" | "html" | "section"
        | "article" | "header" | "footer" | "main" | "nav" | "aside" | "address" | "center" | "dt" | "dd"
        | "form" | "figcaption" | "legend" | "details" | "summary" | "option" => Gap::Line,
        _ => Gap::None,
    }
}

#[cfg(test)]
mod tests;
