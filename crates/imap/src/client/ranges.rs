//! Numbers as a server lists them: `1:3,7` (RFC 9051 §9, `uid-set`), kept as ranges, so that `1:4294967295` costs eight octets.

use types::Uid;

use super::reader::Reader;
use crate::grammar::cursor::ParseError;
use crate::grammar::set::{Bound, SequenceSet};

/// Ranges in the order in which they came, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(pub Vec<(u32, u32)>);

impl Ranges {
    /// How many numbers there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        let size = |(first, last): &(u32, u32)| u64::from(first.abs_diff(*last)) + 1;
        self.0.iter().map(size).sum()
    }

    /// The numbers, one after the other: a range that falls is walked downwards.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|(first, last)| {
            let (first, last) = (*first, *last);
            let rising = (first <= last).then_some(first..=last);
            let falling = (first > last).then_some(last..=first);
            rising
                .into_iter()
                .flatten()
                .chain(falling.into_iter().flatten().rev())
        })
    }

    /// The same as uids.
    pub fn uids(&self) -> impl Iterator<Item = Uid> + '_ {
        self.numbers().map(Uid)
    }

    /// Whether a number is among them.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        let holds = |(first, last): &(u32, u32)| (*first.min(last)..=*first.max(last)).contains(&number);
        self.0.iter().any(holds)
    }

    /// Adds a number at the end, to the last range where it goes on from there.
    pub fn push(&mut self, number: u32) {
        match self.0.last_mut() {
            Some((first, last)) if *first <= *last && last.checked_add(1) == Some(number) => *last = number,
            _ => self.0.push((number, number)),
        }
    }
}

impl From<&Ranges> for SequenceSet {
    /// # Panics
    /// When there is no number: a set has one at least.
    fn from(ranges: &Ranges) -> Self {
        let mut both = ranges
            .0
            .iter()
            .map(|(first, last)| (Bound::Number(*first), Bound::Number(*last)));
        let (first, last) = both.next().expect("the caller has a number");
        both.fold(SequenceSet::range(first, last), |set, (first, last)| {
            set.and(first, last)
        })
    }
}

impl FromIterator<Uid> for Ranges {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        let mut ranges = Ranges::default();
        for uid in uids {
            ranges.push(uid.0);
        }
        ranges
    }
}

/// `uid-set`.
pub(super) fn ranges(reader: &mut Reader<'_>) -> Result<Ranges, ParseError> {
    let mut ranges = Vec::new();
    loop {
        let first = reader.number32()?;
        let last = if reader.take(b':') {
            reader.number32()?
        } else {
            first
        };
        ranges.push((first, last));
        if !reader.take(b',') {
            return Ok(Ranges(ranges));
        }
    }
}
