//! Flags: what the store calls keywords (RFC 3501 §2.3.2).

use types::{KeywordName, SystemKeyword};

use super::cursor::{Cursor, ParseError};

/// A flag that a client may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// One of the flags with a backslash; `\Recent` is not among them: a client cannot alter it.
    System(SystemKeyword),
    /// A keyword.
    Keyword(KeywordName),
}

/// How a system flag is written.
#[must_use]
pub const fn system_name(keyword: SystemKeyword) -> &'static str {
    match keyword {
        SystemKeyword::Seen => "\\Seen",
        SystemKeyword::Answered => "\\Answered",
        SystemKeyword::Flagged => "\\Flagged",
        SystemKeyword::Deleted => "\\Deleted",
        SystemKeyword::Draft => "\\Draft",
    }
}

/// `flag`, without `\Recent` and without flags that nobody has defined.
///
/// # Errors
/// No flag that a client may set is next.
pub fn flag(cursor: &mut Cursor<'_>) -> Result<Flag, ParseError> {
    const WANTED: &str = "a keyword or \\Seen, \\Answered, \\Flagged, \\Deleted, \\Draft";
    let before = cursor.clone();
    if cursor.peek() == Some(b'\\') {
        cursor.take(b'\\');
        let name = cursor.atom(WANTED)?;
        return SystemKeyword::ALL
            .into_iter()
            .find(|k| {
                system_name(*k)
                    .as_bytes()
                    .get(1..)
                    .is_some_and(|n| n.eq_ignore_ascii_case(&name))
            })
            .map(Flag::System)
            .ok_or_else(|| before.wanted(WANTED));
    }
    keyword(cursor).map(Flag::Keyword)
}

/// `flag-keyword`.
///
/// # Errors
/// No keyword is next, or it is too long.
pub fn keyword(cursor: &mut Cursor<'_>) -> Result<KeywordName, ParseError> {
    let before = cursor.clone();
    let name = cursor.atom("a keyword")?;
    std::str::from_utf8(&name)
        .ok()
        .and_then(|name| KeywordName::check(name).ok())
        .ok_or_else(|| before.wanted("a keyword of at most 128 characters"))
}

/// Prints a flag.
pub fn print_flag(out: &mut Vec<u8>, flag: &Flag) {
    let name = match flag {
        Flag::System(keyword) => system_name(*keyword),
        Flag::Keyword(name) => name.as_str(),
    };
    out.extend_from_slice(name.as_bytes());
}

/// Prints a list of flags in parentheses.
pub fn print_flags(out: &mut Vec<u8>, flags: &[Flag]) {
    super::print::list(out, flags, print_flag);
}
