//! The name of a mailbox: UTF-8, a path of parts with `/` between them; and the roles of mailboxes.

use std::fmt;

use thiserror::Error;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// What separates the parts of a mailbox name.
pub const SEPARATOR: char = '/';

/// The longest name in octets of UTF-8: enough for 8 parts of 40 Han characters, and bounded.
const MAX_NAME: usize = 1000;

/// The deepest hierarchy.
const MAX_PARTS: usize = 32;

/// A valid mailbox name. `INBOX` is the same in any case (RFC 3501 §5.1), and so is it as first part of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailboxName(Box<str>);

/// Why a mailbox name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MailboxNameError {
    /// The name or one of its parts has no character.
    #[error("a mailbox name and each of its parts need at least one character")]
    Empty,
    /// Longer than the limit.
    #[error("a mailbox name has at most {MAX_NAME} octets")]
    TooLong,
    /// Deeper than the limit.
    #[error("a mailbox name has at most {MAX_PARTS} parts")]
    TooDeep,
    /// A control character, a line or paragraph separator, or a wildcard of LIST.
    #[error("a mailbox name may not hold {0:?}")]
    Character(char),
}

impl MailboxName {
    /// Checks a name and gives it its one spelling: that of `INBOX`, and NFC, so that what looks the same is one
    /// mailbox, whichever program wrote it (RFC 5198 §3). A separator at the end is dropped (RFC 3501 §6.3.3).
    ///
    /// # Errors
    /// Says what is wrong with the name.
    pub fn check(name: &str) -> Result<Self, MailboxNameError> {
        let name = name.strip_suffix(SEPARATOR).unwrap_or(name);
        let normal: String;
        let name = match is_nfc(name) {
            true => name,
            // Not more than is looked at below: a longer one does not get shorter.
            false => {
                normal = name.nfc().take(MAX_NAME + 1).collect();
                &normal
            }
        };
        if name.len() > MAX_NAME {
            return Err(MailboxNameError::TooLong);
        }
        if name.split(SEPARATOR).any(str::is_empty) {
            return Err(MailboxNameError::Empty);
        }
        if name.split(SEPARATOR).count() > MAX_PARTS {
            return Err(MailboxNameError::TooDeep);
        }
        // RFC 6855 §3: no U+0000 to U+001F, U+007F to U+009F, U+2028, U+2029.
        let wrong = |c: &char| c.is_control() || matches!(c, '*' | '%' | '\u{2028}' | '\u{2029}');
        if let Some(c) = name.chars().find(wrong) {
            return Err(MailboxNameError::Character(c));
        }
        let (first, rest) = name.split_at(name.find(SEPARATOR).unwrap_or(name.len()));
        if first.eq_ignore_ascii_case("INBOX") {
            return Ok(MailboxName(format!("INBOX{rest}").into()));
        }
        Ok(MailboxName(name.into()))
    }

    /// The mailbox that every account has.
    #[must_use]
    pub fn inbox() -> Self {
        MailboxName("INBOX".into())
    }

    /// Whether this is the mailbox that every account has.
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        &*self.0 == "INBOX"
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name one level up, if there is one.
    #[must_use]
    pub fn parent(&self) -> Option<MailboxName> {
        self.0
            .rsplit_once(SEPARATOR)
            .map(|(parent, _)| MailboxName(parent.into()))
    }

    /// Whether this name lies below `ancestor` in the hierarchy, at any depth.
    #[must_use]
    pub fn is_below(&self, ancestor: &MailboxName) -> bool {
        self.0
            .strip_prefix(&*ancestor.0)
            .is_some_and(|rest| rest.starts_with(SEPARATOR))
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a mailbox is for (RFC 6154 §2, RFC 8621 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// Keeps mail that is done with.
    Archive = 1,
    /// Mail being written.
    Drafts = 2,
    /// Unwanted mail.
    Junk = 3,
    /// Copies of sent mail.
    Sent = 4,
    /// Deleted mail.
    Trash = 5,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] = [Role::Archive, Role::Drafts, Role::Junk, Role::Sent, Role::Trash];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_inbox_has_one_spelling() {
        let check = |name: &str, wanted: Result<&str, MailboxNameError>| {
            let got = MailboxName::check(name);
            assert_eq!(
                got.as_ref().map(MailboxName::as_str).map_err(|e| *e),
                wanted,
                "{name:?}"
            );
        };
        check("inbox", Ok("INBOX"));
        check("Inbox/Work", Ok("INBOX/Work"));
        check("inboxes", Ok("inboxes"));
        check("工作/项目/", Ok("工作/项目"));
        check("E\u{301}te\u{301}/x", Ok("Été/x"));
        check("a\u{2028}b", Err(MailboxNameError::Character('\u{2028}')));
        check("a\u{85}", Err(MailboxNameError::Character('\u{85}')));
        check("", Err(MailboxNameError::Empty));
        check("a//b", Err(MailboxNameError::Empty));
        check("/a", Err(MailboxNameError::Empty));
        check("a*", Err(MailboxNameError::Character('*')));
        check("a\r", Err(MailboxNameError::Character('\r')));
        check(&"x".repeat(MAX_NAME + 1), Err(MailboxNameError::TooLong));
        check(&["a"; 33].join("/"), Err(MailboxNameError::TooDeep));
    }

    #[test]
    fn below_means_a_whole_part_further() {
        let name = |s| MailboxName::check(s).unwrap();
        assert!(name("a/b/c").is_below(&name("a")));
        assert!(!name("ab").is_below(&name("a")));
        assert_eq!(name("a/b").parent(), Some(name("a")));
        assert_eq!(name("a").parent(), None);
    }
}
