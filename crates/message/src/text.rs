//! The text of parts: decoded from its charset, previewed, and gathered for searching.

use memchr::memmem;

use crate::content::ContentType;
use crate::header::Header;
use crate::message::Message;
use crate::structure::{Kind, PartId};
use crate::{charset, html, parameter, transfer};

/// How many characters a preview has at most.
pub const MAX_PREVIEW: usize = 200;

/// How much of a body is decoded for a preview: enough for the styles that HTML begins with.
const PREVIEW_BYTES: usize = 32 * 1024;

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
    let inline = |id: &PartId| {
        message.part(*id).kind == Kind::Text
            && !message
                .disposition(*id)
                .is_some_and(|shown| shown.is_attachment())
    };
    let parts: Vec<PartId> = message.structure().ids().filter(inline).take(8).collect();
    let is_html = |id: &PartId| message.content_type(*id).is_exactly("text", "html");
    let (pages, plain): (Vec<PartId>, Vec<PartId>) = parts.into_iter().partition(is_html);
    plain
        .iter()
        .chain(&pages)
        .map(|id| beginning(message, *id))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// The beginning of one part's text, on one line.
fn beginning(message: &Message<'_>, id: PartId) -> String {
    let body = message.body(id);
    let body = body.get(..PREVIEW_BYTES).unwrap_or(body);
    let content_type = message.content_type(id);
    let mut text = decode(&content_type, &transfer::decode(message.encoding(id), body));
    if content_type.is_exactly("text", "html") {
        text = html::to_text(&text);
    }
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let mut line = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > MAX_PREVIEW * 4 {
            break;
        }
    }
    line.chars().take(MAX_PREVIEW).collect()
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
