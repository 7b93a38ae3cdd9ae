//! What is attached: octets that are here or elsewhere, with a name and a media type.

use std::borrow::Cow;

use super::field::one_line;
use super::media;
use super::word::{MediaType, MessageId};

/// Whoever composes names a source by it; only who reads the source knows what it is (a file, a blob).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// Octets that are read when the message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Its name between composing and writing.
    pub id: SourceId,
    /// How many octets it has, if that is known.
    pub octets: Option<u64>,
}

/// The content of an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'a> {
    /// It is in memory.
    Octets(Cow<'a, [u8]>),
    /// It is elsewhere: see [`super::Writing`].
    Outside(Source),
}

impl<'a> From<&'a [u8]> for Content<'a> {
    fn from(octets: &'a [u8]) -> Self {
        Content::Octets(Cow::Borrowed(octets))
    }
}

impl From<Vec<u8>> for Content<'_> {
    fn from(octets: Vec<u8>) -> Self {
        Content::Octets(Cow::Owned(octets))
    }
}

impl From<Source> for Content<'_> {
    fn from(source: Source) -> Self {
        Content::Outside(source)
    }
}

/// What kind of content an attachment has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Octets(MediaType),
    /// A message with parts of its own (RFC 2046 §5.2.1).
    Message,
}

/// A file that goes with the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment<'a> {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) content: Content<'a>,
    pub(super) description: Option<String>,
}

impl<'a> Attachment<'a> {
    /// A file of this name; of a path only what stands after the last slash or backslash. The media type is guessed from the
    /// name, or else from the octets that are here; an `.eml` is attached as a message.
    #[must_use]
    pub fn new(name: &str, content: impl Into<Content<'a>>) -> Self {
        let name = file_name(name);
        let content = content.into();
        let kind = match media::is_message(&name) {
            true => Kind::Message,
            false => Kind::Octets(media::guess(&name, &content)),
        };
        Attachment {
            name,
            kind,
            content,
            description: None,
        }
    }

    /// A whole message, which is forwarded with all that is in it (RFC 2046 §5.2.1). Where it cannot be put into a message as
    /// it is (8-bit octets, and a server that takes only seven) it goes as a file of octets.
    #[must_use]
    pub fn message(name: &str, content: impl Into<Content<'a>>) -> Self {
        Attachment {
            name: file_name(name),
            kind: Kind::Message,
            content: content.into(),
            description: None,
        }
    }

    /// Says the media type, where a guess is not wanted.
    #[must_use]
    pub fn media_type(mut self, media_type: MediaType) -> Self {
        self.kind = Kind::Octets(media_type);
        self
    }

    /// Describes the content in a few words: `Content-Description` (RFC 2045 §8).
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.description = Some(one_line(text)).filter(|text| !text.is_empty());
        self
    }

    /// The name it is sent under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A picture, or whatever a page shows, under the id that the page calls it by: `<img src="cid:ID">` (RFC 2392).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inline<'a> {
    pub(super) id: MessageId,
    pub(super) attachment: Attachment<'a>,
}

/// RFC 2183 §2.3: no name may lead to another folder, and none is empty.
fn file_name(name: &str) -> String {
    let name = one_line(name);
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.trim_matches(' ');
    match name {
        "" | "." | ".." => "attachment".to_owned(),
        name => name.to_owned(),
    }
}
