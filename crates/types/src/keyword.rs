//! Keywords: the marks that a copy of a message carries (IMAP: flags and keywords).

use std::fmt;

use thiserror::Error;

/// The longest keyword name: what an IMAP client may define is bounded (a limit of ours).
const MAX_NAME: usize = 128;

/// A mark with a meaning of its own in the store; the rest are names that users choose.
///
/// The discriminant is the bit of the mark in a stored set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum SystemKeyword {
    /// Has been read.
    Seen = 0,
    /// Has been answered.
    Answered = 1,
    /// Is marked for attention.
    Flagged = 2,
    /// Is to be expunged.
    Deleted = 3,
    /// Is not finished.
    Draft = 4,
}

impl SystemKeyword {
    /// Every system keyword, in the order of its bit.
    pub const ALL: [SystemKeyword; 5] = [
        SystemKeyword::Seen,
        SystemKeyword::Answered,
        SystemKeyword::Flagged,
        SystemKeyword::Deleted,
        SystemKeyword::Draft,
    ];

    /// How many bits the system keywords take in a set.
    pub const COUNT: u32 = 5;

    /// The mark as a set of one.
    #[must_use]
    pub const fn bit(self) -> u64 {
        1 << (self as u8)
    }
}

/// The name of a keyword that a user or a program chose, as an atom; compared without regard to ASCII case.
#[derive(Clone, Debug)]
pub struct KeywordName(Box<str>);

/// Why a keyword name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeywordError {
    /// No character at all.
    #[error("a keyword needs at least one character")]
    Empty,
    /// Longer than the limit.
    #[error("a keyword has at most {MAX_NAME} characters")]
    TooLong,
    /// A character that an atom may not have (RFC 3501 §9, `flag-keyword = atom`).
    #[error("a keyword is an atom: {0:?} may not stand in it")]
    Character(char),
}

impl KeywordName {
    /// Checks a name: printable ASCII without the characters that end an atom (RFC 3501 §9, `atom-specials`).
    ///
    /// # Errors
    /// Says which limit or character is at fault.
    pub fn check(name: &str) -> Result<Self, KeywordError> {
        if name.is_empty() {
            return Err(KeywordError::Empty);
        }
        if name.len() > MAX_NAME {
            return Err(KeywordError::TooLong);
        }
        let wrong = |c: &char| !c.is_ascii_graphic() || "(){%*\"\\]".contains(*c);
        match name.chars().find(wrong) {
            Some(c) => Err(KeywordError::Character(c)),
            None => Ok(KeywordName(name.into())),
        }
    }

    /// The name as it was first given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for KeywordName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for KeywordName {}

impl fmt::Display for KeywordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_an_atom_within_its_limit() {
        let check = |name: &str, wanted: Result<(), KeywordError>| {
            assert_eq!(KeywordName::check(name).map(|_| ()), wanted, "{name:?}");
        };
        check("$Forwarded", Ok(()));
        check("", Err(KeywordError::Empty));
        check("a b", Err(KeywordError::Character(' ')));
        check("a]", Err(KeywordError::Character(']')));
        check("信", Err(KeywordError::Character('信')));
        check(&"x".repeat(MAX_NAME), Ok(()));
        check(&"x".repeat(MAX_NAME + 1), Err(KeywordError::TooLong));
    }

    #[test]
    fn keywords_are_the_same_in_any_case() {
        assert_eq!(KeywordName::check("$JUNK"), KeywordName::check("$Junk"));
    }
}
