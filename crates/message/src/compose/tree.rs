//! The tree of parts (RFC 2046 §5.1): `mixed(alternative(text, related(page, pictures)), files)`, with what is not needed
//! left out.

use std::borrow::Cow;

use super::body::{self, Body};
use super::cid;
use super::field::{HeaderWriter, Parameter, Style};
use super::flowed::{self, DelSp};
use super::mail::{Flow, Mail};
use super::part::{Attachment, Content, Inline, Kind};
use super::word::MediaType;
use super::{Allowed, Refusal};
use crate::structure::MAX_PARTS;

/// A part that is to be written.
pub(super) enum Node<'m> {
    /// Fields of its content without the blank line, and the body.
    Leaf { header: Vec<u8>, body: Body<'m> },
    /// Parts, at least one.
    Multipart { kind: Multipart, parts: Vec<Node<'m>> },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Multipart {
    /// RFC 2046 §5.1.3
    Mixed,
    /// RFC 2046 §5.1.4
    Alternative,
    /// RFC 2387, around a page
    Related,
}

/// How a part wants to be shown (RFC 2183 §2).
#[derive(Clone, Copy)]
enum Shown<'m> {
    Attachment,
    Inline(&'m Inline<'m>),
}

/// Puts the parts of a message in their places.
///
/// # Errors
/// When there are more than anybody reads.
pub(super) fn build<'m>(mail: &'m Mail<'_>, allowed: Allowed) -> Result<Node<'m>, Refusal> {
    // Multiparts around them, text and page.
    if mail.attachments.len() + mail.inlines.len() + 5 > MAX_PARTS {
        return Err(Refusal::TooManyParts);
    }
    let shown = mail.html.as_deref().map(cid::named).unwrap_or_default();
    let is_shown = |inline: &&Inline<'_>| shown.contains(inline.id.as_str());
    let (pictures, unshown): (Vec<_>, Vec<_>) = mail.inlines.iter().partition(is_shown);
    let page = mail.html.as_deref().map(|html| page(html, &pictures, allowed));
    let text = mail
        .text
        .as_ref()
        .map(|(text, flow)| text_leaf(text, *flow, allowed));
    let mut parts: Vec<Node<'m>> = match (text, page) {
        (Some(text), Some(page)) => vec![multipart(Multipart::Alternative, vec![text, page])],
        (text, page) => text.into_iter().chain(page).collect(),
    };
    let unshown = unshown.into_iter().map(|inline| &inline.attachment);
    let files = mail.attachments.iter().chain(unshown);
    parts.extend(files.map(|file| attachment(file, Shown::Attachment, allowed)));
    let is_text_alone = parts.len() == 1 && (mail.text.is_some() || mail.html.is_some());
    match parts.pop() {
        None => Ok(text_leaf("", Flow::Fixed, allowed)),
        Some(only) if is_text_alone => Ok(only),
        Some(last) => {
            parts.push(last);
            Ok(multipart(Multipart::Mixed, parts))
        }
    }
}

fn multipart(kind: Multipart, parts: Vec<Node<'_>>) -> Node<'_> {
    Node::Multipart { kind, parts }
}

fn text_leaf<'m>(text: &str, flow: Flow, allowed: Allowed) -> Node<'m> {
    let mut parameters = vec![parameter("charset", "utf-8")];
    let text = match flow {
        Flow::Fixed => Cow::Borrowed(text),
        Flow::Flowed => {
            let (text, delsp) = flowed::flow(text);
            parameters.push(parameter("format", "flowed"));
            // RFC 3676 §4.2: it MUST be said where blanks go, and SHOULD where they stay.
            parameters.push(match delsp {
                DelSp::Yes => parameter("delsp", "yes"),
                DelSp::No => parameter("delsp", "no"),
            });
            Cow::Owned(text)
        }
    };
    leaf(
        "text/plain",
        &parameters,
        body::of_text(&text, allowed.room),
        allowed,
    )
}

/// The page, with the pictures that it shows (RFC 2387 §3).
fn page<'m>(html: &str, pictures: &[&'m Inline<'m>], allowed: Allowed) -> Node<'m> {
    let charset = [parameter("charset", "utf-8")];
    let page = leaf("text/html", &charset, body::of_text(html, allowed.room), allowed);
    if pictures.is_empty() {
        return page;
    }
    let pictures = pictures
        .iter()
        .map(|picture| attachment(&picture.attachment, Shown::Inline(picture), allowed));
    multipart(
        Multipart::Related,
        std::iter::once(page).chain(pictures).collect(),
    )
}

fn leaf<'m>(
    media_type: &str,
    parameters: &[Parameter<'_>],
    (encoding, body): body::Named<'m>,
    allowed: Allowed,
) -> Node<'m> {
    let mut header = HeaderWriter::new(allowed.form);
    header.parameters("Content-Type", media_type, parameters);
    header.words("Content-Transfer-Encoding", [encoding]);
    Node::Leaf {
        header: header.finish(),
        body,
    }
}

fn parameter<'p>(name: &'static str, value: &'p str) -> Parameter<'p> {
    Parameter {
        name,
        value,
        style: Style::Percent,
    }
}

/// A file, a picture or a message. Its name is written twice: in the form of RFC 2231, and in that of programs which never
/// heard of it.
fn attachment<'m>(file: &'m Attachment<'_>, shown: Shown<'_>, allowed: Allowed) -> Node<'m> {
    let message = match file.kind {
        Kind::Message => body::of_message(&file.content, allowed.room),
        Kind::Octets(_) => None,
    };
    let media_type = match (&file.kind, &message) {
        (Kind::Message, Some(_)) => body::type_of_message(&file.content, allowed.form),
        (Kind::Message, None) => MediaType::OCTETS.as_str(),
        (Kind::Octets(media_type), _) => media_type.as_str(),
    };
    let (encoding, body) = message.unwrap_or_else(|| body::of_file(&file.content, allowed.room));
    let mut parameters = vec![Parameter {
        name: "name",
        value: &file.name,
        style: Style::Words,
    }];
    parameters.extend(charset(file).map(|charset| parameter("charset", charset)));
    let mut header = HeaderWriter::new(allowed.form);
    header.parameters("Content-Type", media_type, &parameters);
    header.words("Content-Transfer-Encoding", [encoding]);
    let disposition = match shown {
        Shown::Attachment => "attachment",
        Shown::Inline(_) => "inline",
    };
    header.parameters(
        "Content-Disposition",
        disposition,
        &[parameter("filename", &file.name)],
    );
    if let Shown::Inline(inline) = shown {
        header.words("Content-ID", [format!("<{}>", inline.id.as_str())]);
    }
    if let Some(description) = &file.description {
        header.unstructured("Content-Description", description);
    }
    Node::Leaf {
        header: header.finish(),
        body,
    }
}

/// The charset of a file of text, where it is ours to say.
fn charset(file: &Attachment<'_>) -> Option<&'static str> {
    match (&file.kind, &file.content) {
        (Kind::Octets(media_type), Content::Octets(octets)) if media_type.is_text() => {
            std::str::from_utf8(octets).is_ok().then_some("utf-8")
        }
        _ => None,
    }
}
