//! The words of a message that have a form: ids, names of fields, media types, URIs. Each is checked when it is made, so
//! that whoever has one needs not look again; none can hold a line end.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use types::Domain;

use super::refusal::WordError;

/// A line has at most 998 octets (RFC 5322 §2.1.1); a word with the name of its field before it must fit into one.
pub(super) const MAX_WORD: usize = 900;

/// An id that is ours to give: `Message-ID` and `Content-ID`, without angle brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(Box<str>);

impl MessageId {
    /// Checks `left@right` (RFC 5322 §3.6.4: `dot-atom-text "@" (dot-atom-text / no-fold-literal)`).
    ///
    /// # Errors
    /// When it is anything else.
    pub fn check(id: &str) -> Result<Self, WordError> {
        let (left, right) = id.split_once('@').ok_or(WordError::Id)?;
        let literal = right
            .strip_prefix('[')
            .and_then(|right| right.strip_suffix(']'))
            .is_some_and(|inner| {
                inner
                    .chars()
                    .all(|c| c.is_ascii_graphic() && !"[]\\<>".contains(c))
            });
        match id.len() <= MAX_WORD && is_dot_atom(left) && (literal || is_dot_atom(right)) {
            true => Ok(MessageId(id.into())),
            false => Err(WordError::Id),
        }
    }

    /// An id of something that was never used before and the domain that made it.
    ///
    /// # Errors
    /// When `unique` is no dot-atom.
    pub fn new(unique: &str, domain: &Domain) -> Result<Self, WordError> {
        MessageId::check(&format!("{unique}@{}", domain.to_ascii()))
    }

    /// Without angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        MessageId::check(text)
    }
}

/// `dot-atom-text` (RFC 5322 §3.2.3).
fn is_dot_atom(text: &str) -> bool {
    let atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(atext))
}

/// An id that somebody else gave, which may have any form that can be written between angle brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference(Box<str>);

impl Reference {
    /// Takes an id without its angle brackets.
    ///
    /// # Errors
    /// When it is empty, longer than a line, or holds what cannot stand between angle brackets.
    pub fn check(id: &str) -> Result<Self, WordError> {
        let valid = id
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte));
        match valid && (1..=MAX_WORD).contains(&id.len()) {
            true => Ok(Reference(id.into())),
            false => Err(WordError::Id),
        }
    }

    /// Without angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<MessageId> for Reference {
    fn from(id: MessageId) -> Self {
        Reference(id.0)
    }
}

/// The name of a header field that nothing else in the builder writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName(Box<str>);

/// So that a name and its first word fit into a line of 78.
const MAX_FIELD_NAME: usize = 60;

/// What [`super::Mail`] writes from its own values, and what only servers write (RFC 5322 §3.6).
const OWNED: [&str; 17] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Disposition-Notification-To",
    "Return-Path",
    "Received",
];

impl FieldName {
    /// Checks a name (RFC 5322 §3.6.8: `1*ftext`).
    ///
    /// # Errors
    /// When it is no name, or one that the builder writes itself.
    pub fn check(name: &str) -> Result<Self, WordError> {
        let ftext = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        if !name.bytes().all(ftext) || !(1..=MAX_FIELD_NAME).contains(&name.len()) {
            return Err(WordError::FieldName);
        }
        let begins = |start: &str| {
            name.get(..start.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(start))
        };
        let owned = OWNED.iter().any(|owned| name.eq_ignore_ascii_case(owned));
        match owned || begins("Content-") || begins("Resent-") {
            true => Err(WordError::OwnedField),
            false => Ok(FieldName(name.into())),
        }
    }

    /// The name in the case it was given in.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The media type of an attachment: `type/subtype` without parameters, never parts or a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// Octets that nobody can say more about.
    pub const OCTETS: MediaType = MediaType(Cow::Borrowed("application/octet-stream"));

    /// Checks `type/subtype` (RFC 2045 §5.1).
    ///
    /// # Errors
    /// When it has another form, or its content would have to be composed: `multipart/…`, `message/…`.
    pub fn check(text: &str) -> Result<Self, WordError> {
        let (kind, subtype) = text.split_once('/').ok_or(WordError::MediaType)?;
        // RFC 6838 §4.2: what can be registered. Shorter than RFC 2045's token, and never in need of quotes.
        let is_name = |name: &str| {
            (1..=127).contains(&name.len())
                && name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
        };
        if !is_name(kind) || !is_name(subtype) {
            return Err(WordError::MediaType);
        }
        if kind.eq_ignore_ascii_case("multipart") || kind.eq_ignore_ascii_case("message") {
            return Err(WordError::Composite);
        }
        Ok(MediaType(Cow::Owned(text.to_ascii_lowercase())))
    }

    /// One of a table of ours.
    pub(super) const fn known(text: &'static str) -> Self {
        MediaType(Cow::Borrowed(text))
    }

    /// `type/subtype` in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_text(&self) -> bool {
        self.0.starts_with("text/")
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How to leave a list: what stands in `List-Unsubscribe` (RFC 2369 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    pub(super) uris: Vec<Box<str>>,
    pub(super) way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A page, or mail.
    Asked,
    /// The HTTPS URI takes a POST, and asks nothing (RFC 8058 §3.1).
    OneClick,
}

impl Unsubscribe {
    /// One click leaves the list: mail programs POST to this HTTPS URI (RFC 8058 §3.1).
    ///
    /// # Errors
    /// When it is no HTTPS URI.
    pub fn one_click(https: &str) -> Result<Self, WordError> {
        Ok(Unsubscribe {
            uris: vec![uri(https, &["https:"])?],
            way: Way::OneClick,
        })
    }

    /// A page to read, or a `mailto:` to write to.
    ///
    /// # Errors
    /// When it is another kind of URI.
    pub fn asked(text: &str) -> Result<Self, WordError> {
        Ok(Unsubscribe {
            uris: vec![uri(text, &["https:", "http:", "mailto:"])?],
            way: Way::Asked,
        })
    }

    /// Another way, which programs take that cannot take the first.
    ///
    /// # Errors
    /// When it is no URI of HTTP or mail.
    pub fn or(mut self, text: &str) -> Result<Self, WordError> {
        self.uris.push(uri(text, &["https:", "http:", "mailto:"])?);
        Ok(self)
    }
}

/// A URI that can stand between angle brackets (RFC 2369 §2).
fn uri(text: &str, schemes: &[&str]) -> Result<Box<str>, WordError> {
    let has_scheme = |scheme: &&str| {
        text.get(..scheme.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(scheme) && text.len() > scheme.len())
    };
    let visible = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte));
    match visible && text.len() <= MAX_WORD && schemes.iter().any(has_scheme) {
        true => Ok(text.into()),
        false => Err(WordError::Uri),
    }
}

#[cfg(test)]
mod tests;
