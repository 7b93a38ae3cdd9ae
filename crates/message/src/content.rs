//! What a part says of its content: `Content-Type` and `Content-Disposition` with their parameters, and the transfer
//! encoding (RFC 2045, RFC 2183).
//!
//! Two forms of a parameter are kept apart: the one it is written in, which IMAP passes on, and the one that is
//! meant, put together from the pieces of RFC 2231. Broken syntax is read as far as it can be.

use std::borrow::Cow;

use crate::header::{Field, Header, unfold};
use crate::parameter;
use crate::structure::{Kind, Part};

/// A parameter: name and value.
pub type Parameter<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The parameters of a field as they are written, `name*0*` included, quotes taken away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters<'a> {
    /// Name and value, in their order.
    pub pairs: Vec<Parameter<'a>>,
}

impl Parameters<'_> {
    /// The bytes of the parameter of this name as they are written.
    pub fn raw(&self, name: &str) -> Option<&[u8]> {
        let mut pairs = self.pairs.iter();
        pairs
            .find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_ref())
    }

    /// The value that is meant: pieces joined, percent signs and charset decoded (RFC 2231), encoded words and raw
    /// 8-bit text decoded too, because that is what many programs write.
    pub fn text(&self, name: &str) -> Option<String> {
        parameter::text(self, name)
    }
}

/// The media type of a part (RFC 2045 §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType<'a> {
    /// `text` in `text/plain`, in the case it was written in.
    pub media_type: Cow<'a, [u8]>,
    /// `plain` in `text/plain`, in the case it was written in.
    pub subtype: Cow<'a, [u8]>,
    /// `charset`, `boundary`, `name` …
    pub parameters: Parameters<'a>,
}

impl<'a> ContentType<'a> {
    /// Reads the value of a `Content-Type` field. What has no type and subtype is text (RFC 2045 §5.2).
    pub fn parse(value: &'a [u8]) -> Self {
        let (head, rest) = parameter::split_head(value);
        let mut halves = head.splitn(2, |byte| *byte == b'/');
        let media_type = halves.next().unwrap_or_default().trim_ascii();
        let subtype = halves.next().unwrap_or_default().trim_ascii();
        if !is_token(media_type) || !is_token(subtype) {
            return ContentType {
                parameters: parameter::parse(rest),
                ..ContentType::of(b"text", b"plain")
            };
        }
        ContentType {
            parameters: parameter::parse(rest),
            ..ContentType::of(media_type, subtype)
        }
    }

    /// The type of a part that names none (RFC 2045 §5.2).
    pub fn plain_text() -> Self {
        let charset = (
            Cow::Borrowed(b"charset".as_slice()),
            Cow::Borrowed(b"us-ascii".as_slice()),
        );
        ContentType {
            parameters: Parameters { pairs: vec![charset] },
            ..ContentType::of(b"text", b"plain")
        }
    }

    /// The type of a part of a digest that names none (RFC 2046 §5.1.5).
    pub fn message() -> Self {
        ContentType::of(b"message", b"rfc822")
    }

    /// The type of bytes that nobody can say more about.
    pub fn octets() -> Self {
        ContentType::of(b"application", b"octet-stream")
    }

    fn of(media_type: &'a [u8], subtype: &'a [u8]) -> Self {
        ContentType {
            media_type: Cow::Borrowed(media_type),
            subtype: Cow::Borrowed(subtype),
            parameters: Parameters::default(),
        }
    }

    /// Whether the type before the slash is this one, in any case.
    pub fn is(&self, media_type: &str) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type.as_bytes())
    }

    /// Whether type and subtype are these, in any case.
    pub fn is_exactly(&self, media_type: &str, subtype: &str) -> bool {
        self.is(media_type) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// Whether a message with a header of its own is the content (RFC 2046 §5.2.1, RFC 6532 §3.7).
    pub fn is_message(&self) -> bool {
        self.is_exactly("message", "rfc822") || self.is_exactly("message", "global")
    }

    /// The boundary of a multipart: never empty, without the trailing blanks that no line keeps (RFC 2046 §5.1.1).
    pub fn boundary(&self) -> Option<Vec<u8>> {
        let joined = parameter::joined(&self.parameters, "boundary")?;
        let boundary = joined.trim_ascii_end();
        (!boundary.is_empty()).then(|| boundary.to_vec())
    }
}

/// Whether these bytes can be a type: something, and nothing that ends a word (RFC 2045 §5.1). 8-bit is let through.
fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes
            .iter()
            .all(|byte| *byte > b' ' && !br#"()<>@,;:\"/[]?="#.contains(byte))
}

/// How a part wants to be shown (RFC 2183).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition<'a> {
    /// `inline`, `attachment` or another word, in the case it was written in.
    pub kind: Cow<'a, [u8]>,
    /// `filename`, `size` …
    pub parameters: Parameters<'a>,
}

impl<'a> Disposition<'a> {
    /// Reads the value of a `Content-Disposition` field; an unreadable one is none.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (head, rest) = parameter::split_head(value);
        is_token(head).then(|| Disposition {
            kind: Cow::Borrowed(head),
            parameters: parameter::parse(rest),
        })
    }

    /// Whether this is `attachment`.
    pub fn is_attachment(&self) -> bool {
        self.kind.eq_ignore_ascii_case(b"attachment")
    }
}

/// How the bytes of a part were made to fit into lines (RFC 2045 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferEncoding {
    /// `7bit`, `8bit`, `binary`, and every word that nobody knows: the bytes are what they are.
    Identity,
    /// `quoted-printable`
    QuotedPrintable,
    /// `base64`
    Base64,
}

impl TransferEncoding {
    /// Reads the value of a `Content-Transfer-Encoding` field.
    pub fn parse(value: &[u8]) -> Self {
        let name = encoding_name(value);
        if name.eq_ignore_ascii_case(b"base64") {
            TransferEncoding::Base64
        } else if name.eq_ignore_ascii_case(b"quoted-printable") {
            TransferEncoding::QuotedPrintable
        } else {
            TransferEncoding::Identity
        }
    }
}

/// The word of a `Content-Transfer-Encoding` field, without comments and quotes.
fn encoding_name(value: &[u8]) -> &[u8] {
    let (head, _) = parameter::split_head(value);
    let head = head
        .split(|byte| byte.is_ascii_whitespace())
        .next()
        .unwrap_or_default();
    head.strip_prefix(b"\"")
        .and_then(|inner| inner.strip_suffix(b"\""))
        .unwrap_or(head)
}

/// Everything that IMAP's `BODYSTRUCTURE` says of one part besides its children (RFC 3501 §7.4.2). No string here holds
/// CR, LF or NUL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description<'a> {
    /// The media type. Where the part is no multipart or message *to us* (no boundary found, or too deep) this does not
    /// say that it is one, so that what is printed can be read.
    pub content_type: ContentType<'a>,
    /// `Content-ID` as it is written, with its angle brackets.
    pub id: Option<Cow<'a, [u8]>>,
    /// `Content-Description` as it is written.
    pub description: Option<Cow<'a, [u8]>>,
    /// `Content-Transfer-Encoding`, `7bit` where there is none.
    pub encoding: Cow<'a, [u8]>,
    /// Bytes in the body, as it is transferred.
    pub octets: usize,
    /// Line ends in the body, as it is transferred.
    pub lines: usize,
    /// `Content-MD5`
    pub md5: Option<Cow<'a, [u8]>>,
    /// `Content-Disposition`
    pub disposition: Option<Disposition<'a>>,
    /// The tags of `Content-Language`.
    pub languages: Vec<Cow<'a, [u8]>>,
    /// `Content-Location`
    pub location: Option<Cow<'a, [u8]>>,
}

/// The media type of a part of this kind whose `Content-Type` field has this value.
pub(crate) fn effective_type(value: Option<&[u8]>, kind: Kind) -> ContentType<'_> {
    let written = value.map(ContentType::parse);
    match (written, kind) {
        (None, Kind::Message) => ContentType::message(),
        (None, Kind::Text | Kind::Multipart) => ContentType::plain_text(),
        (None, Kind::Other) => ContentType::octets(),
        (Some(written), Kind::Text) if !written.is("text") => ContentType::plain_text(),
        (Some(written), Kind::Other) if written.is("multipart") || written.is_message() => {
            ContentType::octets()
        }
        (Some(written), _) => written,
    }
}

/// Reads everything that a header says of the content, in one pass. Of several fields of a name the first counts.
pub(crate) fn describe<'a>(header: Header<'a>, part: &Part) -> Description<'a> {
    let mut content_type = None;
    let mut described = Description {
        content_type: ContentType::octets(),
        id: None,
        description: None,
        encoding: Cow::Borrowed(b""),
        octets: part.body.len(),
        lines: part.lines,
        md5: None,
        disposition: None,
        languages: Vec::new(),
        location: None,
    };
    for field in header.fields() {
        let Some((head, name)) = field.name.split_at_checked(8) else {
            continue;
        };
        if head.eq_ignore_ascii_case(b"Content-") {
            match name.to_ascii_lowercase().as_slice() {
                b"type" => content_type = content_type.or(Some(field.value)),
                b"id" => text(&mut described.id, &field),
                b"description" => text(&mut described.description, &field),
                b"md5" => text(&mut described.md5, &field),
                b"location" => text(&mut described.location, &field),
                b"transfer-encoding" if described.encoding.is_empty() => {
                    described.encoding = unfold(encoding_name(field.value));
                }
                b"disposition" if described.disposition.is_none() => {
                    described.disposition = Disposition::parse(field.value);
                }
                b"language" if described.languages.is_empty() => {
                    described.languages = words(&field.unfolded());
                }
                _ => {}
            }
        }
    }
    described.content_type = effective_type(content_type, part.kind);
    if described.encoding.is_empty() {
        described.encoding = Cow::Borrowed(b"7bit");
    }
    described
}

/// Keeps the first value that says something.
fn text<'a>(slot: &mut Option<Cow<'a, [u8]>>, field: &Field<'a>) {
    if slot.is_none() {
        *slot = Some(field.unfolded()).filter(|value| !value.is_empty());
    }
}

/// How many languages of one part are kept.
const MAX_LANGUAGES: usize = 100;

/// Cuts a list at its commas.
fn words(value: &[u8]) -> Vec<Cow<'static, [u8]>> {
    let items = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    items
        .filter(|item| !item.is_empty())
        .take(MAX_LANGUAGES)
        .map(|item| Cow::Owned(item.to_vec()))
        .collect()
}

#[cfg(test)]
mod tests;
