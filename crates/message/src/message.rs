//! A message: its bytes and its structure, and every question that is asked about them.

use std::borrow::Cow;

use crate::content::{self, ContentType, Description, Disposition, TransferEncoding};
use crate::envelope::Envelope;
use crate::header::Header;
use crate::structure::{Kind, Part, PartId, Section, Structure};
use crate::{date::Date, ids, subject, text, transfer};

/// The bytes of a message and its parts.
///
/// ```
/// use posthouse_message::{Message, PartId, Section};
///
/// let message = Message::parse(b"Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\nhello\r\n");
/// assert_eq!(message.subject(), "café");
/// assert_eq!(message.text(PartId::ROOT), "hello\r\n");
/// assert_eq!(message.section(&[1], Section::Whole), Some(b"hello\r\n".as_slice()));
/// ```
#[derive(Debug, Clone)]
pub struct Message<'a> {
    bytes: &'a [u8],
    structure: Structure,
}

impl<'a> Message<'a> {
    /// Finds the parts of a message. Any bytes are a message.
    pub fn parse(bytes: &'a [u8]) -> Self {
        Message {
            bytes,
            structure: Structure::parse(bytes),
        }
    }

    /// The bytes as they stand.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The tree of its parts.
    pub fn structure(&self) -> &Structure {
        &self.structure
    }

    /// The part of this id. See [`Structure::part`].
    pub fn part(&self, id: PartId) -> &Part {
        self.structure.part(id)
    }

    /// The header of a part; that of the message itself is [`PartId::ROOT`]'s.
    pub fn header(&self, id: PartId) -> Header<'a> {
        Header::new(self.bytes.get(self.part(id).header.clone()).unwrap_or_default())
    }

    /// The body of a part as it was transferred.
    pub fn body(&self, id: PartId) -> &'a [u8] {
        self.bytes.get(self.part(id).body.clone()).unwrap_or_default()
    }

    /// The bytes that a section names, `None` where there is no such section (RFC 3501 §6.4.5).
    pub fn section(&self, path: &[u32], section: Section) -> Option<&'a [u8]> {
        self.bytes.get(self.structure.section(path, section)?)
    }

    /// The media type of a part, its default where it names none. See [`Description::content_type`].
    pub fn content_type(&self, id: PartId) -> ContentType<'a> {
        let written = self.header(id).first("Content-Type");
        content::effective_type(written.map(|field| field.value), self.part(id).kind)
    }

    /// How a part wants to be shown, if it says so.
    pub fn disposition(&self, id: PartId) -> Option<Disposition<'a>> {
        let field = self.header(id).first("Content-Disposition");
        field.and_then(|field| Disposition::parse(field.value))
    }

    /// How the body of a part is encoded. Multiparts and messages are not (RFC 2045 §6.4), whatever they say.
    pub fn encoding(&self, id: PartId) -> TransferEncoding {
        match self.part(id).kind {
            Kind::Multipart | Kind::Message => TransferEncoding::Identity,
            Kind::Text | Kind::Other => {
                let field = self.header(id).first("Content-Transfer-Encoding");
                field.map_or(TransferEncoding::Identity, |field| {
                    TransferEncoding::parse(field.value)
                })
            }
        }
    }

    /// What `BODYSTRUCTURE` says of a part.
    pub fn describe(&self, id: PartId) -> Description<'a> {
        content::describe(self.header(id), self.part(id))
    }

    /// The envelope of the message.
    pub fn envelope(&self) -> Envelope<'a> {
        Envelope::parse(self.header(PartId::ROOT))
    }

    /// The subject for people; empty where there is none.
    pub fn subject(&self) -> String {
        self.header(PartId::ROOT)
            .first("Subject")
            .map(|field| field.text())
            .unwrap_or_default()
    }

    /// The subject without `Re:`, `[list]` and the like, for threading and sorting (RFC 5256 §2.1).
    pub fn base_subject(&self) -> String {
        subject::base(&self.subject())
    }

    /// What the `Date` field says, if it can be read.
    pub fn date(&self) -> Option<Date> {
        self.header(PartId::ROOT)
            .first("Date")
            .and_then(|field| Date::parse(field.value))
    }

    /// The `Message-ID` without angle brackets.
    pub fn message_id(&self) -> Option<String> {
        let field = self.header(PartId::ROOT).first("Message-ID")?;
        ids::parse(field.value).into_iter().next()
    }

    /// The messages this one follows: those of `References`, or else of `In-Reply-To`, oldest first.
    pub fn references(&self) -> Vec<String> {
        ids::references(self.header(PartId::ROOT))
    }

    /// The content of a part: base64 and quoted-printable decoded, broken ones as far as possible.
    pub fn decoded_body(&self, id: PartId) -> Cow<'a, [u8]> {
        transfer::decode(self.encoding(id), self.body(id))
    }

    /// The content of a part as text: decoded from its charset, or from the likeliest one.
    pub fn text(&self, id: PartId) -> String {
        let content_type = self.content_type(id);
        text::decode(&content_type, &self.decoded_body(id))
    }

    /// The text of a part as a person reads it: that of HTML without its tags.
    pub fn plain_text(&self, id: PartId) -> String {
        let text = self.text(id);
        if self.content_type(id).is_exactly("text", "html") {
            crate::html::to_text(&text)
        } else {
            text
        }
    }

    /// The name that a part should be saved under, in whatever form it is written.
    pub fn file_name(&self, id: PartId) -> Option<String> {
        let named = self
            .disposition(id)
            .and_then(|disposition| disposition.parameters.text("filename"));
        let named = named.or_else(|| self.content_type(id).parameters.text("name"));
        named.filter(|name| !name.is_empty())
    }

    /// The beginning of what a person would read first, on one line: at most [`crate::MAX_PREVIEW`] characters.
    pub fn preview(&self) -> String {
        text::preview(self)
    }

    /// The header fields decoded, one a line: what `SEARCH TEXT` looks into besides [`Message::body_texts`].
    pub fn header_text(&self) -> String {
        text::header(self.header(PartId::ROOT))
    }

    /// Whether every text in the message is found in its bytes as it is written: plain ASCII, nothing encoded. `false` also
    /// where that would take long to find out.
    pub fn is_written(&self) -> bool {
        crate::written::is_written(self)
    }

    /// Everything in the body that can be searched, piece by piece: decoded text, the text of HTML besides its source,
    /// the decoded headers of parts and of messages within (`SEARCH BODY`, RFC 3501 §6.4.4).
    pub fn body_texts(&self) -> impl Iterator<Item = String> + '_ {
        text::body(self)
    }
}
