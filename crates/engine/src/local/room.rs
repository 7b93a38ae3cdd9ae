//! What the folder takes, and how much of it is of use: whether the log is to be compacted, and which segments.
//!
//! The bound is one of the whole folder: what the index and its copies take is taken off what the log may have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::Ordering;

use super::alone::is_alone;
use super::compactor::{Compaction, Compactor, lock};
use super::copy::copy_path;
use super::open::list_segments;
use super::verify::read_error;
use super::{Options, Shared, segment_path};
use crate::EngineError;
use crate::check::size;

/// Places held in memory, of some segments: 48 octets each. One segment may have more.
const MOST_PLACES: u64 = 200_000;
/// The part of the log that is emptied until it is looked at again: much may have come meanwhile.
const PART: u64 = 16;

/// What the log takes, and how much of it is of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Segments, the one being written included.
    pub segments: u64,
    /// Octets of them, and of the files of large blobs.
    pub octets: u64,
    /// Octets of records of blobs that have not been released.
    pub living: u64,
    /// Segments that only wait to be unlinked.
    pub spent: u64,
}

/// A segment and what lives in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    size: u64,
    living: u64,
    blobs: u64,
}

/// The closed segments as they were at some moment.
pub(super) struct Survey {
    /// Those that can be emptied.
    loads: BTreeMap<u64, Load>,
    /// Octets of those that only wait to be unlinked.
    waiting: u64,
    living: u64,
    /// Octets of large blobs, which lie in files of their own.
    alone: u64,
    beside: Beside,
}

/// What the folder has beside the log.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beside {
    /// Octets of the index, but for the pages that its last transactions have replaced: they would have a small log emptied for nothing.
    pub(super) index: u64,
    /// Octets of its rows, which are those of a copy.
    pub(super) rows: u64,
}

impl Beside {
    /// Octets that the closed segments may have where so many live. A part of 1.5 times stays for what becomes garbage until the next
    /// pass; and while the index is copied, there are two copies. Segments with less garbage than a fifth are not moved: so there is no
    /// sense in a lower bound than that.
    fn enough(&self, living: u64, options: &Options) -> u64 {
        let all = (living + self.rows).saturating_mul(7) / 5 + options.segment / 4;
        let beside = self.index + 2 * self.rows;
        all.saturating_sub(beside).max(living.saturating_mul(5) / 4)
    }
}

/// How the disk is shared with others while segments are emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Half of it is for them.
    Gentle,
    /// The log grows faster than that gives back.
    Fast,
}

impl Survey {
    fn octets(&self) -> u64 {
        self.loads.values().map(|load| load.size).sum::<u64>() + self.waiting
    }

    /// Whether a segment could be emptied still.
    pub(super) fn has(&self, segment: u64) -> bool {
        self.loads.contains_key(&segment)
    }

    /// The segments to be emptied, those that give most back first: all in which nothing lives, and where the folder is too large as many
    /// of the others as are too many.
    pub(super) fn choose(&self, options: &Options) -> Vec<u64> {
        let mut octets = self.octets();
        let enough = self.beside.enough(self.living, options);
        let mut order: Vec<_> = self.loads.iter().collect();
        order.sort_by_key(|(number, load)| {
            let full = load.living.saturating_mul(1000) / load.size.max(1);
            (load.blobs > 0, full, **number)
        });
        let mut chosen = Vec::new();
        for (number, load) in order {
            // What is nearly full would be written again for nothing.
            let is_worth_it = load.living.saturating_mul(5) < load.size.saturating_mul(4);
            if load.blobs > 0 && (octets <= enough || !is_worth_it) {
                break;
            }
            octets = octets.saturating_sub(load.size.saturating_sub(load.living));
            chosen.push(*number);
        }
        chosen
    }

    /// The first few of the chosen: as many as have their places in memory at a time, and no more than a part of the log.
    pub(super) fn some(&self, mut chosen: Vec<u64>) -> Vec<u64> {
        let (mut blobs, mut octets) = (0, 0);
        let part = self.octets() / PART;
        let fits = |segment: &&u64| {
            let first = blobs == 0 || octets <= part;
            let load = self.loads.get(*segment).copied().unwrap_or_default();
            blobs += load.blobs;
            octets += load.living;
            first && blobs <= MOST_PLACES.max(load.blobs)
        };
        let count = chosen.iter().take_while(fits).count();
        chosen.truncate(count.max(1));
        chosen
    }

    pub(super) fn pace(&self, options: &Options) -> Pace {
        let enough = self.beside.enough(self.living, options);
        match self.octets() > enough + options.segment / 2 {
            true => Pace::Fast,
            false => Pace::Gentle,
        }
    }
}

impl Compaction {
    /// The log is larger by a segment: whether it is too large is known if somebody has looked what lives.
    pub(crate) fn has_grown(&self) {
        if *lock(&self.room) != Room::default() {
            self.want();
        }
    }

    /// So many octets of records live from now on.
    pub(crate) fn came(&self, octets: u64) {
        self.living.fetch_add(octets, Ordering::Relaxed);
    }

    /// So many octets of records are garbage from now on.
    pub(crate) fn went(&self, octets: u64) {
        self.living.fetch_sub(octets, Ordering::Relaxed);
    }
}

impl Compactor {
    /// The closed segments that are not spent, and what lives in each.
    pub(super) fn survey(&self) -> Result<Survey, EngineError> {
        let reached = self.shared.reached().segment;
        let compaction = &self.shared.compaction;
        let (mut loads, mut waiting) = (BTreeMap::new(), 0);
        for (number, size) in self.shared.segment_sizes()? {
            if number >= reached || lock(&compaction.stuck).contains(&number) {
                continue;
            }
            if lock(&compaction.spent).contains_key(&number) {
                waiting += size;
                continue;
            }
            let load = Load {
                size,
                ..Load::default()
            };
            loads.insert(number, load);
        }
        // What comes and goes meanwhile is counted twice, or not: it is little, and counted again next time.
        let (begun, mut living) = (compaction.living.load(Ordering::Relaxed), 0);
        let mut alone = 0;
        self.each_place(&mut |_, place| {
            if place.is_alone() {
                alone += place.record_length();
                return;
            }
            living += place.record_length();
            if let Some(load) = loads.get_mut(&place.segment) {
                load.living += place.record_length();
                load.blobs += 1;
            }
        })?;
        let since = compaction.living.load(Ordering::Relaxed).wrapping_sub(begun);
        compaction
            .living
            .store(living.wrapping_add(since), Ordering::Relaxed);
        Ok(Survey {
            loads,
            waiting,
            living,
            alone,
            beside: self.shared.beside(),
        })
    }

    /// Whether a look at every place can be worth it: the log is too large for what is known to live, or nobody has looked yet.
    pub(super) fn may_need(&self) -> Result<bool, EngineError> {
        let compaction = &self.shared.compaction;
        if *lock(&compaction.room) == Room::default() || compaction.waits() {
            return Ok(true);
        }
        let living = compaction.living.load(Ordering::Relaxed);
        let reached = self.shared.reached().segment;
        let sizes = self.shared.segment_sizes()?;
        let octets: u64 = sizes.range(..reached).map(|(_, size)| size).sum();
        Ok(octets > self.shared.beside().enough(living, &self.shared.options))
    }

    pub(super) fn room(&self, survey: &Survey) -> Result<Room, EngineError> {
        let sizes = self.shared.segment_sizes()?;
        Ok(Room {
            segments: sizes.len() as u64,
            octets: sizes.values().sum::<u64>() + survey.alone,
            living: survey.living + survey.alone,
            spent: lock(&self.shared.compaction.spent).len() as u64,
        })
    }

    /// Octets of segments that wait to be unlinked, and which copies of the index hold.
    pub(super) fn held_by_copy(&self, copied: u64) -> u64 {
        let held: BTreeSet<u64> = lock(&self.shared.compaction.spent)
            .keys()
            .copied()
            .filter(|segment| *segment >= copied && !is_alone(*segment))
            .collect();
        let octets = |segment: u64| size(&segment_path(&self.shared.folder, segment));
        held.into_iter().map(octets).sum()
    }
}

impl Shared {
    fn segment_sizes(&self) -> Result<BTreeMap<u64, u64>, EngineError> {
        let numbers = list_segments(&self.folder).map_err(read_error)?;
        let size = |number: u64| (number, size(&segment_path(&self.folder, number)));
        Ok(numbers.into_iter().map(size).collect())
    }

    /// What the folder has beside the log now.
    pub(super) fn beside(&self) -> Beside {
        let index = self.index.used();
        let copy = fs::metadata(copy_path(&self.folder, self.copies.newest().number));
        // Until there is a copy, nobody knows how much of the index is rows.
        let rows = copy.map_or(index, |metadata| metadata.len());
        Beside {
            index: index.min(2 * rows),
            rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn survey(loads: &[(u64, u64, u64)], waiting: u64) -> Survey {
        let load = |(number, living, blobs): &(u64, u64, u64)| {
            let (living, blobs) = (living * MB, *blobs);
            let size = 100 * MB;
            (*number, Load { size, living, blobs })
        };
        Survey {
            loads: loads.iter().map(load).collect(),
            waiting: waiting * MB,
            living: loads.iter().map(|(_, living, _)| living * MB).sum(),
            alone: 0,
            beside: Beside::default(),
        }
    }

    fn options() -> Options {
        Options {
            segment: 100 * MB,
            ..Options::default()
        }
    }

    #[test]
    fn segments_are_emptied_that_give_most_back_until_it_is_enough_and_empty_ones_always() {
        let chosen = |loads: &[_], waiting| survey(loads, waiting).choose(&options());
        let full = [(1, 70, 9), (2, 75, 9), (3, 79, 9)];
        // 300 MB, of which 224 live: 1.4 times that and a quarter of a segment are enough.
        assert_eq!(chosen(&full, 0), []);
        assert_eq!(chosen(&[&full[..], &[(4, 0, 0)]].concat(), 0), [4]);
        // What waits to be unlinked counts.
        assert_eq!(chosen(&full, 60), [1]);
        assert_eq!(chosen(&full, 400), [1, 2, 3]);
        assert_eq!(chosen(&[(1, 90, 9), (2, 20, 9), (3, 10, 9), (4, 95, 9)], 0), [3]);
        // What is nearly full is never moved.
        assert_eq!(chosen(&[(1, 80, 9), (2, 81, 9)], 900), []);
    }

    #[test]
    fn index_and_copies_are_taken_off_what_the_log_may_have_down_to_where_moving_is_not_worth_it() {
        let enough = |index, rows| {
            let (index, rows) = (index * MB, rows * MB);
            Beside { index, rows }.enough(1000 * MB, &options()) / MB
        };
        assert_eq!(enough(0, 0), 1425);
        // 1.4 times the rows more, and two copies less.
        assert_eq!(enough(60, 50), 1425 + 70 - 100 - 60);
        assert_eq!(enough(500, 400), 1250);
    }

    #[test]
    fn a_part_of_the_log_is_emptied_before_it_is_looked_at_again() {
        let loads: Vec<_> = (1..=32).map(|number| (number, 60, 9)).collect();
        let survey_of_all = survey(&loads, 0);
        // 3.2 GB: a sixteenth, and the segment with which it is reached.
        assert_eq!(survey_of_all.some((1..=32).collect()).len(), 4);
        let many = survey(&[(1, 60, MOST_PLACES + 1), (2, 0, 0), (3, 1, 1)], 0);
        assert_eq!(many.some(vec![1, 2, 3]), [1], "as many places as memory holds");
        assert_eq!(many.some(vec![2, 3, 1]), [2, 3]);
    }
}
