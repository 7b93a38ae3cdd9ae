//! Text that is no HTML, laid out for a terminal.

use super::flowed::{DelSp, paragraphs};
use super::lines::{Gap, Lines, MAX_SHOWN, is_hostile};
use crate::content::ContentType;

/// Text that is made for programs: a person saves it.
const FOR_PROGRAMS: [&str; 8] = [
    "calendar",
    "x-vcalendar",
    "rtf",
    "directory",
    "vcard",
    "x-vcard",
    "x-amp-html",
    "xml",
];

/// Whether a text is for people. A subtype that nobody knows is read as plain text (RFC 2046 §4.1.4).
pub(crate) fn is_readable(content_type: &ContentType<'_>) -> bool {
    let is = |name: &str| content_type.subtype.eq_ignore_ascii_case(name.as_bytes());
    content_type.is("text") && !FOR_PROGRAMS.iter().any(|name| is(name))
}

/// The lines of a text: as they are, or flowed where it says so.
pub(super) fn lay_out(content_type: &ContentType<'_>, text: &str, width: Option<usize>) -> String {
    let parameter = |name: &str, value: &str| {
        let text = content_type.parameters.text(name);
        text.is_some_and(|text| text.trim().eq_ignore_ascii_case(value))
    };
    if content_type.is_exactly("text", "enriched") || content_type.is_exactly("text", "richtext") {
        return enriched(text, width);
    }
    if !parameter("format", "flowed") {
        return as_written(text);
    }
    let delete_space = if parameter("delsp", "yes") {
        DelSp::Yes
    } else {
        DelSp::No
    };
    let mut laid_out = String::with_capacity(text.len());
    for paragraph in paragraphs(text, delete_space) {
        let mut lines = Lines::new(width);
        lines.levels(paragraph.quotes, 0);
        // What fits stays as it is, drawings in text with it.
        let columns: usize = paragraph.text.chars().map(super::lines::columns).sum();
        if width.is_some_and(|width| columns + paragraph.quotes * 2 > width) {
            lines.text(&paragraph.text);
            laid_out.push_str(&lines.finish());
        } else {
            let quotes = paragraph.quotes.min(super::lines::MAX_LEVEL);
            laid_out.extend(std::iter::repeat_n("> ", quotes));
            laid_out.extend(
                paragraph
                    .text
                    .trim_end()
                    .chars()
                    .filter(|letter| !is_hostile(*letter)),
            );
            let kept = laid_out.trim_end_matches(' ').len();
            laid_out.truncate(kept);
            laid_out.push('\n');
        }
        if laid_out.len() >= MAX_SHOWN {
            break;
        }
    }
    laid_out
}

/// The lines as they are, with LF at their ends, without orders to the terminal.
fn as_written(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let line = line.strip_suffix('\n').unwrap_or(line);
        shown.extend(line.chars().filter(|letter| !is_hostile(*letter)));
        shown.push('\n');
        if shown.len() >= MAX_SHOWN {
            break;
        }
    }
    shown
}

/// The text of `text/enriched` (RFC 1896): commands are left out, `<<` is `<`, one line end is a blank and more are one less.
fn enriched(text: &str, width: Option<usize>) -> String {
    let mut lines = Lines::new(width);
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'<', b'\n', rest.as_bytes()) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        lines.text(plain);
        if lines.is_full() {
            break;
        }
        if let Some(after) = special.strip_prefix("<<") {
            lines.text("<");
            rest = after;
        } else if special.starts_with('<') {
            rest = special.split_once('>').map_or("", |(_, after)| after);
        } else {
            let after = special.trim_start_matches(['\n', '\r']);
            let skipped = special.get(..special.len() - after.len()).unwrap_or_default();
            match skipped.matches('\n').count() {
                1 => lines.gap(Gap::Blank),
                2 => lines.gap(Gap::Line),
                _ => lines.gap(Gap::Paragraph),
            }
            rest = after;
        }
    }
    lines.text(rest);
    lines.finish()
}
