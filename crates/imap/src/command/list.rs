//! LIST and LSUB (RFC 3501 §6.3.8 and §6.3.9), with the options of RFC 6154 §3 in the syntax of RFC 5258 §6.

use bytes::Bytes;

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::mailbox::{MailboxArgument, decode, mailbox, print_argument};
use crate::grammar::print;

/// `LIST [options] reference pattern [RETURN options]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Which mailboxes, beside the pattern.
    pub only: Vec<ListOption>,
    /// What the pattern is relative to.
    pub reference: MailboxArgument,
    /// Which names.
    pub pattern: Pattern,
    /// What is wanted about them; we say it anyway.
    pub wanted: Vec<ListOption>,
}

/// `LSUB reference pattern`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lsub {
    /// What the pattern is relative to.
    pub reference: MailboxArgument,
    /// Which names.
    pub pattern: Pattern,
}

/// An option of LIST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOption {
    /// Mailboxes with a role (RFC 6154 §3).
    SpecialUse,
    /// Whether there are mailboxes below (RFC 5258 §4).
    Children,
}

impl ListOption {
    const fn name(self) -> &'static str {
        match self {
            ListOption::SpecialUse => "SPECIAL-USE",
            ListOption::Children => "CHILDREN",
        }
    }
}

/// `list-mailbox`, as the client wrote it: `*` matches anything, `%` anything within one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(pub Bytes);

impl Pattern {
    /// Whether only the separator is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pattern after the reference, in UTF-8; `None` if the encoding of either is broken: it matches nothing.
    #[must_use]
    pub fn after(&self, reference: &MailboxArgument) -> Option<String> {
        let mut whole = decode(&reference.0)?;
        whole.push_str(&decode(&self.0)?);
        Some(whole)
    }
}

/// Whether a pattern matches a name whose levels are separated by `separator`.
///
/// A step for every pair of octets at the most: a pattern of many stars costs time but not an explosion.
#[must_use]
pub fn matches(pattern: &str, name: &str, separator: u8) -> bool {
    // `reached` holds how much of the name the pattern so far can have matched.
    let name = name.as_bytes();
    let mut reached = vec![false; name.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for wanted in pattern.bytes() {
        let mut next = vec![false; name.len() + 1];
        let mut before = false;
        for (at, here) in next.iter_mut().enumerate() {
            let came = reached.get(at).copied().unwrap_or(false);
            let octet = at.checked_sub(1).and_then(|i| name.get(i).copied());
            let previous = at
                .checked_sub(1)
                .and_then(|i| reached.get(i).copied())
                .unwrap_or(false);
            *here = match wanted {
                b'*' => came || before,
                b'%' => came || (before && octet != Some(separator)),
                _ => previous && octet == Some(wanted),
            };
            before = *here;
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

/// `list = "LIST" [SP list-select-opts] SP mailbox SP list-mailbox [SP "RETURN" SP "(" options ")"]`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<List, ParseError> {
    cursor.space()?;
    let mut only = Vec::new();
    if cursor.peek() == Some(b'(') {
        only = cursor.list(option)?;
        cursor.space()?;
    }
    let reference = mailbox(cursor)?;
    cursor.space()?;
    let pattern = Pattern(cursor.list_mailbox()?);
    let mut wanted = Vec::new();
    if !cursor.is_at_end() {
        cursor.space()?;
        if !cursor.take_word("RETURN ") {
            return Err(cursor.wanted("RETURN or the end of the command"));
        }
        wanted = cursor.list(option)?;
    }
    Ok(List {
        only,
        reference,
        pattern,
        wanted,
    })
}

fn option(cursor: &mut Cursor<'_>) -> Result<ListOption, ParseError> {
    const WANTED: &str = "SPECIAL-USE or CHILDREN";
    let before = cursor.clone();
    let word = cursor.atom(WANTED)?;
    [ListOption::SpecialUse, ListOption::Children]
        .into_iter()
        .find(|option| option.name().as_bytes().eq_ignore_ascii_case(&word))
        .ok_or_else(|| before.wanted(WANTED))
}

/// `lsub = "LSUB" SP mailbox SP list-mailbox`.
pub(super) fn parse_lsub(cursor: &mut Cursor<'_>) -> Result<Lsub, ParseError> {
    cursor.space()?;
    let reference = mailbox(cursor)?;
    cursor.space()?;
    let pattern = Pattern(cursor.list_mailbox()?);
    Ok(Lsub { reference, pattern })
}

pub(super) fn print(out: &mut Vec<u8>, list: &List) {
    out.extend_from_slice(b"LIST ");
    if !list.only.is_empty() {
        print_options(out, &list.only);
        out.push(b' ');
    }
    print_argument(out, &list.reference);
    out.push(b' ');
    print::string(out, &list.pattern.0);
    if !list.wanted.is_empty() {
        out.extend_from_slice(b" RETURN ");
        print_options(out, &list.wanted);
    }
}

fn print_options(out: &mut Vec<u8>, options: &[ListOption]) {
    print::list(out, options, |out, option| {
        out.extend_from_slice(option.name().as_bytes());
    });
}

pub(super) fn print_lsub(out: &mut Vec<u8>, lsub: &Lsub) {
    out.extend_from_slice(b"LSUB ");
    print_argument(out, &lsub.reference);
    out.push(b' ');
    print::string(out, &lsub.pattern.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_cross_levels_and_percents_do_not() {
        let check = |pattern: &str, name: &str, wanted: bool| {
            assert_eq!(matches(pattern, name, b'/'), wanted, "{pattern} {name}");
        };
        check("*", "a/b", true);
        check("%", "a", true);
        check("%", "a/b", false);
        check("a/%", "a/b", true);
        check("a/%", "a/b/c", false);
        check("a/*", "a/b/c", true);
        check("a*", "a", true);
        check("a/*", "a", false);
        check("*b", "a/b", true);
        check("%/%", "a/b", true);
        check("%b%", "abc", true);
        check("", "", true);
        check("", "a", false);
        check("工%", "工作", true);
        check("INBOX", "inbox", false);
        check(&"*".repeat(1000), &"a/".repeat(500), true);
        check(&"*a".repeat(400), &"a".repeat(399), false);
    }
}
