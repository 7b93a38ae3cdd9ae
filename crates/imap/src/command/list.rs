//! LIST and LSUB (RFC 3501 §6.3.8 and §6.3.9), with the options of RFC 6154 §3 in the syntax of RFC 5258 §6.

use bytes::Bytes;

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::mailbox::{MailboxArgument, decode, mailbox, print_argument};
use crate::grammar::print;

/// More than any name has: those are limited to 1000 octets.
const MAX_PATTERN: usize = 2000;

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
        let mut whole = decode(&reference.text, reference.mode)?;
        whole.push_str(&decode(&self.0, reference.mode)?);
        Some(whole)
    }
}

/// A pattern that is put to many names.
///
/// Which parts of the pattern a name can have matched so far is a row of bits, moved on by one shift for each octet of
/// the name: 64 octets of pattern cost as much as one, and a pattern of many stars no more than any other.
///
/// ```
/// use posthouse_imap::command::list::Matcher;
///
/// let mut matcher = Matcher::new("a/%", b'/');
/// assert!(matcher.matches("a/b") && !matcher.matches("a/b/c"));
/// ```
#[derive(Clone, Debug)]
pub struct Matcher {
    /// For each octet, where in the pattern it is wanted: `words` words.
    wanted: Vec<u64>,
    /// Where `*` and where `%` stands.
    stars: Vec<u64>,
    percents: Vec<u64>,
    /// Before which places of the pattern the name can stand; the last is its end.
    reached: Vec<u64>,
    end: usize,
    words: usize,
    separator: u8,
}

impl Matcher {
    /// Prepares a pattern for names whose levels are separated by `separator`.
    #[must_use]
    pub fn new(pattern: &str, separator: u8) -> Self {
        let pattern = without_repeats(pattern.as_bytes());
        let words = pattern.len() / 64 + 1;
        let mut matcher = Matcher {
            wanted: vec![0; 256 * words],
            stars: vec![0; words],
            percents: vec![0; words],
            reached: vec![0; words],
            end: pattern.len(),
            words,
            separator,
        };
        for (place, octet) in pattern.iter().enumerate() {
            match octet {
                b'*' => set(&mut matcher.stars, place),
                b'%' => set(&mut matcher.percents, place),
                octet => set(&mut matcher.wanted, usize::from(*octet) * words * 64 + place),
            }
        }
        matcher
    }

    /// Whether the pattern matches a whole name.
    pub fn matches(&mut self, name: &str) -> bool {
        self.reached.fill(0);
        set(&mut self.reached, 0);
        self.pass_wildcards();
        for octet in name.bytes() {
            self.step(octet);
        }
        let last = self.reached.get(self.end / 64).copied().unwrap_or(0);
        last & (1 << (self.end % 64)) != 0
    }

    fn step(&mut self, octet: u8) {
        let wanted = self.wanted.chunks_exact(self.words).nth(octet.into());
        let percents = if octet == self.separator { 0 } else { u64::MAX };
        let wildcards = self.stars.iter().zip(&self.percents);
        let mut carry = 0;
        for ((reached, wanted), (star, percent)) in self
            .reached
            .iter_mut()
            .zip(wanted.unwrap_or_default())
            .zip(wildcards)
        {
            let stays = *reached & (star | percent & percents);
            let moves = *reached & wanted;
            *reached = stays | moves << 1 | carry;
            carry = moves >> 63;
        }
        self.pass_wildcards();
    }

    /// A wildcard may match nothing. No two stand beside each other, so that one step is enough.
    fn pass_wildcards(&mut self) {
        let wildcards = self.stars.iter().zip(&self.percents);
        let mut carry = 0;
        for (reached, (star, percent)) in self.reached.iter_mut().zip(wildcards) {
            let passes = *reached & (star | percent);
            *reached |= passes << 1 | carry;
            carry = passes >> 63;
        }
    }
}

/// One wildcard for each run of them: `*` where one is among them.
fn without_repeats(pattern: &[u8]) -> Vec<u8> {
    let mut once: Vec<u8> = Vec::with_capacity(pattern.len());
    for octet in pattern {
        match (once.last_mut(), *octet) {
            (Some(last @ (b'*' | b'%')), wildcard @ (b'*' | b'%')) => *last = (*last).max(wildcard),
            (_, octet) => once.push(octet),
        }
    }
    once
}

fn set(bits: &mut [u64], place: usize) {
    if let Some(word) = bits.get_mut(place / 64) {
        *word |= 1 << (place % 64);
    }
}

/// `list = "LIST" [SP list-select-opts] SP mailbox SP list-mailbox [SP "RETURN" SP "(" options ")"]`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<List, ParseError> {
    cursor.space()?;
    let mut only = Vec::new();
    if cursor.peek() == Some(b'(') {
        only = cursor.list(option)?;
        cursor.space()?;
    }
    let (reference, pattern) = pattern(cursor)?;
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
    let (reference, pattern) = pattern(cursor)?;
    Ok(Lsub { reference, pattern })
}

/// `mailbox SP list-mailbox`.
fn pattern(cursor: &mut Cursor<'_>) -> Result<(MailboxArgument, Pattern), ParseError> {
    let before = cursor.clone();
    let reference = mailbox(cursor)?;
    cursor.space()?;
    let pattern = Pattern(cursor.list_mailbox()?);
    if reference.text.len() + pattern.0.len() > MAX_PATTERN {
        return Err(before.wanted("a pattern of at most 2000 octets"));
    }
    Ok((reference, pattern))
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
            let mut matcher = Matcher::new(pattern, b'/');
            assert_eq!(matcher.matches(name), wanted, "{pattern} {name}");
            assert_eq!(matcher.matches(name), wanted, "once more");
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
        check("%*%", "a/b", true);
        check("a%*", "a/b", true);
        check("a%%b", "a/b", false);
        check("*%/%b", "a/b/cb", true);
        check("*%/%b", "a/b/c/d", false);
        check(&"*".repeat(1000), &"a/".repeat(500), true);
        check(&"*a".repeat(400), &"a".repeat(399), false);
        check(&"*a".repeat(400), &"a".repeat(400), true);
    }

    #[test]
    fn words_of_bits_meet_without_a_seam() {
        for length in 60..200 {
            let name = "a".repeat(length);
            assert!(Matcher::new(&name, b'/').matches(&name));
            assert!(!Matcher::new(&name, b'/').matches(&name[1..]));
            assert!(Matcher::new(&format!("{name}*"), b'/').matches(&format!("{name}/b")));
            assert!(!Matcher::new(&format!("{name}%"), b'/').matches(&format!("{name}/b")));
            assert!(Matcher::new(&format!("{name}%/b"), b'/').matches(&format!("{name}c/b")));
        }
    }
}
