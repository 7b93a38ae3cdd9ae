//! Sets of messages by position or by uid: `sequence-set` (RFC 3501 §9), `uid-set` (RFC 4315 §4).

use std::fmt;

use types::Uid;

use super::cursor::{Cursor, ParseError};
use super::print;

/// More ranges than a client has reason to name at once; a line of 64 KiB could hold 32,768.
const MAX_RANGES: usize = 20_000;

/// `seq-number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A number from 1 on.
    Number(u32),
    /// `*`: the highest that is in use.
    Last,
}

impl Bound {
    fn resolve(self, last: u32) -> u32 {
        match self {
            Bound::Number(n) => n,
            Bound::Last => last,
        }
    }
}

/// `sequence-set`: one or more ranges, in any order, possibly overlapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceSet {
    ranges: Vec<(Bound, Bound)>,
}

impl SequenceSet {
    /// The set of one range.
    #[must_use]
    pub fn range(first: Bound, last: Bound) -> Self {
        SequenceSet {
            ranges: vec![(first, last)],
        }
    }

    /// The same with one more range.
    #[must_use]
    pub fn and(mut self, first: Bound, last: Bound) -> Self {
        self.ranges.push((first, last));
        self
    }

    /// The ranges as they were given.
    #[must_use]
    pub fn ranges(&self) -> &[(Bound, Bound)] {
        &self.ranges
    }

    /// The numbers as sorted ranges that do not touch, both ends included, with `last` for `*`.
    /// `2:4` and `4:2` are the same; `3:*` holds the last number even where it is below 3 (RFC 3501 §9, `seq-range`).
    #[must_use]
    pub fn resolve(&self, last: u32) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = self
            .ranges
            .iter()
            .map(|(a, b)| {
                let (a, b) = (a.resolve(last), b.resolve(last));
                (a.min(b), a.max(b))
            })
            .collect();
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match joined.last_mut() {
                Some(before) if from <= before.1.saturating_add(1) => before.1 = before.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        joined
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        print_sequence_set(&mut out, self);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

/// Which messages a command means: without or with the word UID before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageSet {
    /// Message sequence numbers.
    Positions(SequenceSet),
    /// Unique identifiers.
    Uids(SequenceSet),
}

impl MessageSet {
    /// The set itself.
    #[must_use]
    pub fn set(&self) -> &SequenceSet {
        match self {
            MessageSet::Positions(set) | MessageSet::Uids(set) => set,
        }
    }

    /// By what the messages are named.
    #[must_use]
    pub fn numbering(&self) -> Numbering {
        match self {
            MessageSet::Positions(_) => Numbering::Positions,
            MessageSet::Uids(_) => Numbering::Uids,
        }
    }
}

/// By what a command names messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// Message sequence numbers.
    Positions,
    /// Unique identifiers: the command had the word UID before it.
    Uids,
}

impl Numbering {
    /// The word before the command's name.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Numbering::Positions => "",
            Numbering::Uids => "UID ",
        }
    }

    /// A set of this kind.
    #[must_use]
    pub fn of(self, set: SequenceSet) -> MessageSet {
        match self {
            Numbering::Positions => MessageSet::Positions(set),
            Numbering::Uids => MessageSet::Uids(set),
        }
    }
}

/// `sequence-set`.
///
/// # Errors
/// No set is next, or it has more ranges than the limit.
pub fn sequence_set(cursor: &mut Cursor<'_>) -> Result<SequenceSet, ParseError> {
    let mut ranges = vec![range(cursor)?];
    while cursor.take(b',') {
        if ranges.len() == MAX_RANGES {
            return Err(cursor.wanted("a shorter set of messages"));
        }
        ranges.push(range(cursor)?);
    }
    Ok(SequenceSet { ranges })
}

fn range(cursor: &mut Cursor<'_>) -> Result<(Bound, Bound), ParseError> {
    let first = bound(cursor)?;
    let last = if cursor.take(b':') { bound(cursor)? } else { first };
    Ok((first, last))
}

fn bound(cursor: &mut Cursor<'_>) -> Result<Bound, ParseError> {
    if cursor.take(b'*') {
        return Ok(Bound::Last);
    }
    if !cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
        return Err(cursor.wanted("a message number or *"));
    }
    cursor.nonzero().map(Bound::Number)
}

fn print_bound(out: &mut Vec<u8>, bound: Bound) {
    match bound {
        Bound::Number(n) => print::number(out, u64::from(n)),
        Bound::Last => out.push(b'*'),
    }
}

/// Prints a set as it was given.
pub fn print_sequence_set(out: &mut Vec<u8>, set: &SequenceSet) {
    for (n, (first, last)) in set.ranges.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        print_bound(out, *first);
        if first != last {
            out.push(b':');
            print_bound(out, *last);
        }
    }
}

/// Prints uids as a `uid-set` (RFC 4315 §4) in their own order: neighbours become ranges.
pub fn print_uids(out: &mut Vec<u8>, uids: &[Uid]) {
    let mut left = uids;
    while let Some((first, rest)) = left.split_first() {
        let run = rest
            .iter()
            .zip(first.0.saturating_add(1)..)
            .take_while(|(uid, wanted)| uid.0 == *wanted);
        let more = run.count();
        print::number(out, u64::from(first.0));
        if let Some(last) = more.checked_sub(1).and_then(|n| rest.get(n)) {
            out.push(b':');
            print::number(out, u64::from(last.0));
        }
        left = rest.get(more..).unwrap_or_default();
        if !left.is_empty() {
            out.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::framing::Frame;

    fn parse(text: &str) -> Option<SequenceSet> {
        let frame = Frame {
            text: Bytes::copy_from_slice(text.as_bytes()),
            literals: Vec::new(),
        };
        let mut cursor = Cursor::new(&frame, crate::Mode::Ascii);
        sequence_set(&mut cursor).ok().filter(|_| cursor.is_at_end())
    }

    #[test]
    fn sets_resolve_to_sorted_ranges() {
        let check = |text: &str, last: u32, wanted: &[(u32, u32)]| {
            assert_eq!(parse(text).unwrap().resolve(last), wanted, "{text}");
        };
        check("1", 9, &[(1, 1)]);
        check("*", 9, &[(9, 9)]);
        check("4:2", 9, &[(2, 4)]);
        check("12:*", 9, &[(9, 12)]);
        check("*:12", 9, &[(9, 12)]);
        check("5,1:3,4,2", 9, &[(1, 5)]);
        check("7,1", 9, &[(1, 1), (7, 7)]);
        check("4294967295,4294967294", 9, &[(4_294_967_294, u32::MAX)]);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for text in ["", "0", "1:", ":1", "1,", "a", "1:2:3", "4294967296", "-1"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        let many = vec!["1"; MAX_RANGES].join(",");
        assert!(parse(&many).is_some());
        assert!(parse(&format!("{many},1")).is_none());
    }

    #[test]
    fn sets_print_as_they_were_given() {
        for text in ["1", "*", "4:2,7:*,9"] {
            let mut out = Vec::new();
            print_sequence_set(&mut out, &parse(text).unwrap());
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn neighbouring_uids_print_as_ranges() {
        let check = |uids: &[u32], wanted: &str| {
            let uids: Vec<Uid> = uids.iter().map(|n| Uid(*n)).collect();
            let mut out = Vec::new();
            print_uids(&mut out, &uids);
            assert_eq!(out, wanted.as_bytes());
        };
        check(&[], "");
        check(&[3], "3");
        check(&[3, 4], "3:4");
        check(&[1, 3, 4, 5, 9], "1,3:5,9");
        check(&[5, 4, 6, 7], "5,4,6:7");
        check(&[u32::MAX], "4294967295");
    }
}
