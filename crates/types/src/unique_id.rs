//! What a client that keeps mail on the server knows a message by (RFC 1939 §7): an id that never names another message.

use std::fmt;

use crate::EntryId;

/// The most characters of an id (RFC 1939 §7).
const MAX_LENGTH: usize = 70;

/// The digits of an id that is a copy's own.
const DIGITS: usize = 16;

/// An id: 1 to 70 characters of 0x21 to 0x7E (RFC 1939 §7). A copy that came from another server has the one that it had there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(Box<str>);

/// A text that is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UniqueIdError {
    /// There is none.
    #[error("an id has at least one character")]
    Empty,
    /// It is longer than any id.
    #[error("an id has at most 70 characters")]
    TooLong,
    /// Something else than 0x21 to 0x7E is in it.
    #[error("an id has printable ASCII characters only, and no space")]
    Character,
}

impl UniqueId {
    /// Checks a text.
    ///
    /// # Errors
    /// When it is no id.
    pub fn check(text: &str) -> Result<Self, UniqueIdError> {
        match text.len() {
            0 => Err(UniqueIdError::Empty),
            1..=MAX_LENGTH if text.bytes().all(|octet| octet.is_ascii_graphic()) => Ok(UniqueId(text.into())),
            1..=MAX_LENGTH => Err(UniqueIdError::Character),
            _ => Err(UniqueIdError::TooLong),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The copy whose own id it would be.
    #[must_use]
    pub fn own(&self) -> Option<EntryId> {
        if self.0.len() != DIGITS {
            return None;
        }
        let number = u64::from_str_radix(&self.0, 16).ok().map(EntryId)?;
        // One number has one form.
        (OwnId(number).to_string() == *self.0).then_some(number)
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a copy that has brought none from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnId(pub EntryId);

impl fmt::Display for OwnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0.0)
    }
}

impl From<OwnId> for UniqueId {
    fn from(own: OwnId) -> Self {
        UniqueId(own.to_string().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_1_to_70_printable_characters() {
        let check = |text: &str| UniqueId::check(text).map(|id| id.to_string());
        assert_eq!(check(""), Err(UniqueIdError::Empty));
        for text in ["!", "~", "whqtswO00WBw418f9t5JxYwZ", &"x".repeat(70)] {
            assert_eq!(check(text).as_deref(), Ok(text));
        }
        assert_eq!(check(&"x".repeat(71)), Err(UniqueIdError::TooLong));
        for text in [" ", "a b", "a\u{7f}", "\r\n", "é"] {
            assert_eq!(check(text), Err(UniqueIdError::Character), "{text:?}");
        }
    }

    #[test]
    fn an_own_id_is_told_from_others() {
        let own = |text: &str| UniqueId::check(text).unwrap().own();
        let printed = UniqueId::from(OwnId(EntryId(0x1f)));
        assert_eq!(printed.as_str(), "000000000000001f");
        assert_eq!(printed.own(), Some(EntryId(0x1f)));
        for text in [
            "000000000000001F",
            "+00000000000001f",
            "00000000000001f",
            "1f",
            "g000000000000000",
        ] {
            assert_eq!(own(text), None, "{text}");
        }
    }
}
