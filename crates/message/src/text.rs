//! The text of parts: decoded from its charset, previewed, and gathered for searching.

use memchr::memmem;

use crate::content::ContentType;
use crate::header::Header;
use crate::message::Message;
use crate::structure::{Kind, PartId};
use crate::{charset, html, parameter, transfer};

/// How many characters a preview has at most.
pub const MAX_PREVIEW: usize = 200;

/// How much of a body is decoded for a preview, at first and then: enough for the styles that HTML begins with.
const PREVIEW_BYTES: [usize; 2] = [1024, 32 * 1024];

/// More bytes than [`MAX_PREVIEW`] characters can have.
const PREVIEW_LENGTH: usize = MAX_PREVIEW * 4 + MAX_PREVIEW;

/// How far into a page its own word on its charset is looked for.
const META_BYTES: usize = 2048;

/// Decodes the content of a text part.
pub(crate) fn decode(content_type: &ContentType<'_>, content: &[u8]) -> String {
    let label = parameter::joined(&content_type.parameters, "charset").unwrap_or_default();
    if content_type.is_exactly("text", "html")
        && !charset::is_known(&label)
        && let Some(label) = meta_charset(content)
    {
        return charset::decode(label, content);
    }
    charset::decode(&label, content)
}

/// The charset that a page names in a `meta` element.
fn meta_charset(content: &[u8]) -> Option<&[u8]> {
    let head = content.get(..META_BYTES).unwrap_or(content);
    let lower = head.to_ascii_lowercase();
    let at = memmem::find(&lower, b"charset=")? + b"charset=".len();
    let value = head.get(at..)?;
    let value = value
        .strip_prefix(b"\"")
        .or_else(|| value.strip_prefix(b"'"))
        .unwrap_or(value);
    let end = value
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && !b"-_:.".contains(byte))?;
    value.get(..end).filter(|label| !label.is_empty())
}

/// The beginning of the first text that says something: plain text before HTML, attachments never.
pub(crate) fn preview(message: &Message<'_>) -> String {
    let attached = |id: &PartId| {
        message
            .disposition(*id)
            .is_some_and(|shown| shown.is_attachment())
    };
    let text = |id: &PartId| message.part(*id).kind == Kind::Text && !attached(id);
    let parts = message
        .structure()
        .ids()
        .filter(text)
        .take(8)
        .map(|id| (id, message.content_type(id)));
    let (pages, plain): (Vec<_>, Vec<_>) = parts.partition(|(_, shown)| shown.is_exactly("text", "html"));
    let mut lines = plain
        .iter()
        .chain(&pages)
        .map(|(id, content_type)| beginning(message, *id, content_type));
    lines.find(|text| !text.is_empty()).unwrap_or_default()
}

/// The beginning of one part's text, on one line.
fn beginning(message: &Message<'_>, id: PartId, content_type: &ContentType<'_>) -> String {
    let body = message.body(id);
    let encoding = message.encoding(id);
    let is_page = content_type.is_exactly("text", "html");
    let mut line = String::new();
    for length in PREVIEW_BYTES {
        let begin = whole_lines(body, length);
        let text = decode(content_type, &transfer::decode(encoding, begin));
        line = match is_page {
            true if begin.len() < body.len() => one_line(&html::beginning(whole_tags(&text), PREVIEW_LENGTH)),
            true => one_line(&html::beginning(&text, PREVIEW_LENGTH)),
            false => one_line(&text),
        };
        if begin.len() == body.len() || line.chars().count() == MAX_PREVIEW {
            break;
        }
    }
    line
}

/// About this many bytes of a body: up to the end of a line if there is one, so that nothing is cut in two.
fn whole_lines(body: &[u8], length: usize) -> &[u8] {
    let Some(begin) = body.get(..length) else {
        return body;
    };
    memchr::memrchr(b'\n', begin)
        .and_then(|end| begin.get(..=end))
        .unwrap_or(begin)
}

/// A page without the tag in which it is cut off.
fn whole_tags(page: &str) -> &str {
    let cut = page
        .rfind('<')
        .filter(|open| !page.get(*open..).is_some_and(|tag| tag.contains('>')));
    cut.and_then(|open| page.get(..open)).unwrap_or(page)
}

/// The words of a text with one blank between them, up to the length of a preview.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(PREVIEW_LENGTH / 2);
    let mut letters = 0;
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
            letters += 1;
        }
        line.push_str(word);
        letters += word.chars().count();
        if letters >= MAX_PREVIEW {
            break;
        }
    }
    if let Some((end, _)) = line.char_indices().nth(MAX_PREVIEW) {
        line.truncate(end);
    }
    line
}

/// Every field of a header, decoded, one a line.
pub(crate) fn header(header: Header<'_>) -> String {
    let mut text = String::with_capacity(header.bytes().len());
    for field in header.fields() {
        charset::guess_into(field.name, &mut text);
        text.push_str(": ");
        text.push_str(&field.text());
        text.push_str("\r\n");
    }
    text
}

/// The texts of all parts, in their order.
pub(crate) fn body<'m>(message: &'m Message<'_>) -> impl Iterator<Item = String> + 'm {
    message.structure().ids().flat_map(move |id| {
        let header = (id != PartId::ROOT).then(|| header(message.header(id)));
        let text = (message.part(id).kind == Kind::Text).then(|| message.text(id));
        let page = message.content_type(id).is_exactly("text", "html");
        let plain = text.as_deref().filter(|_| page).map(html::to_text);
        [header, text, plain].into_iter().flatten()
    })
}

#[cfg(test)]
mod tests;
