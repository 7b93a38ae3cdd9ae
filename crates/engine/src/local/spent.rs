//! Segments in which nothing lives any more: which they are, and when they are unlinked.
//!
//! **Invariant**: see `compactor`. What forbids it is looked at again each time: nothing that was true once is relied on.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::alone::{self, is_alone};
use super::compactor::{AT_ONCE, Compaction, Compactor, PLACES, lock};
use super::copy::{self, CopyError, copy_path};
use super::read::Direction;
use super::table::{Place, Position, number_of};
use super::{Shared, segment_path};
use crate::{EngineError, Partition};

/// The keys that say that a segment is spent.
const SPENT: Range<Bytes> = Bytes::from_static(b"u")..Bytes::from_static(b"v");
/// How long a look for readers waits before the next one.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a pass waits for the index to know what is spent: the segments go with the next one then.
const ABSORB_TIME: Duration = Duration::from_secs(5);

/// The key under [`Partition::ENGINE`] that says that a segment is spent.
pub(crate) fn spent_key(segment: u64) -> Bytes {
    Bytes::from([&b"u"[..], &segment.to_be_bytes()].concat())
}

impl Compaction {
    /// Waits for the reads that have begun.
    fn wait_for_readers(&self) -> Result<(), EngineError> {
        let before = std::mem::take(&mut *lock(&self.readers));
        while Arc::strong_count(&before) > 1 {
            self.goes_on()?;
            std::thread::park_timeout(PAUSE);
        }
        Ok(())
    }

    /// Whether spent segments wait for a copy of the index.
    pub(crate) fn waits(&self) -> bool {
        !lock(&self.spent).is_empty()
    }
}

impl Compactor {
    /// Unlinks spent segments as soon as that may be. Where only a copy of the index holds them, and they take more room than it does, a
    /// new one is made now: so at most two octets of it are written for each that is given back.
    pub(super) fn give_back(&self) -> Result<(), EngineError> {
        self.absorb_spent()?;
        self.unlink()?;
        let shared = &self.shared;
        let newest = shared.copies.newest();
        let held = self.held_by_copy(newest.head.map_or(0, |head| head.position.segment));
        let worth_it = (shared.options.segment / 2).max(shared.beside().rows / 2);
        // Copies that somebody keeps would heap up.
        if held < worth_it || shared.keeping.may_unlink().is_none() {
            return Ok(());
        }
        let making = shared.copies.making();
        let copied = shared.copy_index();
        drop(making);
        if let Err(error) = copied {
            shared.warn(&error);
        }
        self.unlink()
    }

    /// Waits until the index knows what is spent, unless it is behind for long.
    fn absorb_spent(&self) -> Result<(), EngineError> {
        let shared = &self.shared;
        let newest = lock(&shared.compaction.spent).values().max().copied();
        let wanted = newest.unwrap_or(0);
        let begun = Instant::now();
        while shared.index.look()?.position()?.unwrap_or_default().sequence < wanted
            && begun.elapsed() < ABSORB_TIME
        {
            shared.compaction.goes_on()?;
            shared.hurry.store(true, Ordering::Relaxed);
            shared.wake_absorber();
            std::thread::park_timeout(PAUSE);
        }
        Ok(())
    }

    /// Unlinks spent segments that nothing needs any more.
    pub(super) fn unlink(&self) -> Result<(), EngineError> {
        let shared = &self.shared;
        if !shared.compaction.waits() {
            return Ok(());
        }
        // Where no copy is whole, the log makes the index again, and names no large blob that was released.
        let copied = self.copied().map_or(0, |copied| copied.segment);
        let absorbed = shared.index.look()?.position()?.unwrap_or_default();
        // What the copy still has there was moved or released in the log behind the copy, which is replayed with it.
        let behind = |(segment, sequence): &(&u64, &u64)| {
            let is_older = is_alone(**segment) || (**segment < copied && **segment < absorbed.segment);
            is_older && **sequence <= absorbed.sequence
        };
        let mut unneeded: BTreeSet<u64> = lock(&shared.compaction.spent)
            .iter()
            .filter(behind)
            .map(|(segment, _)| *segment)
            .collect();
        if unneeded.is_empty() {
            return Ok(());
        }
        for named in self.named_by_index()? {
            if unneeded.remove(&named) {
                tracing::error!("segment {named} is spent, and the index has blobs in it: it stays");
            }
        }
        shared.compaction.wait_for_readers()?;
        let Some(_unlinking) = shared.keeping.may_unlink() else {
            return Ok(());
        };
        for segment in unneeded {
            self.unlink_one(segment)?;
        }
        Ok(())
    }

    fn unlink_one(&self, segment: u64) -> Result<(), EngineError> {
        let named = self.shared.place(alone::blob_of(segment));
        if is_alone(segment) && named.is_ok_and(|place| place.segment == segment) {
            tracing::error!("segment {segment} is spent, and a row names it: it stays");
            return Ok(());
        }
        let path = segment_path(&self.shared.folder, segment);
        self.shared.forget(segment);
        match self.shared.files.remove(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(EngineError::Io {
                    action: "remove",
                    path,
                    cause: Arc::new(error),
                });
            }
            _ => {}
        }
        tracing::debug!("{}: nothing lived in it, and it is gone", path.display());
        lock(&self.shared.compaction.spent).remove(&segment);
        Ok(())
    }

    /// How far the newest copy of the index reaches, if it is still there and whole. All of it is read once.
    fn copied(&self) -> Option<Position> {
        let newest = self.shared.copies.newest();
        let path = copy_path(&self.shared.folder, newest.number);
        let (files, salt) = (&*self.shared.files, self.shared.salt);
        let mut whole = lock(&self.shared.compaction.whole);
        let there = match *whole == Some(newest.number) {
            true => copy::read_head(files, &path, salt),
            false => copy::read(files, &path, salt, &mut |_| Ok(())).map(|(head, _)| head),
        };
        if let Err(CopyError::Damaged { what, .. }) = &there {
            tracing::error!(
                "{}: {what}; another copy of the index will be made",
                path.display()
            );
            self.shared.copies.want();
        }
        let there = there.ok().filter(|there| newest.head == Some(*there))?;
        *whole = Some(newest.number);
        Some(there.position)
    }

    /// The segments in which the index itself has blobs.
    fn named_by_index(&self) -> Result<BTreeSet<u64>, EngineError> {
        let (mut named, mut range) = (BTreeSet::new(), PLACES);
        loop {
            self.shared.compaction.goes_on()?;
            let look = self.shared.index.look()?;
            let mut last = None;
            for row in look.up(Partition::ENGINE, &range)?.take(AT_ONCE) {
                let (key, value) = row?;
                let place = Place::parse(value).ok_or_else(|| self.unreadable_place())?;
                named.insert(place.segment);
                last = Some(key.to_vec());
            }
            let Some(last) = last else { return Ok(named) };
            range.start = Bytes::from([&last[..], &[0]].concat());
        }
    }
}

impl Shared {
    /// Closes a segment to readers, but for those who have it.
    fn forget(&self, segment: u64) {
        lock(&self.segments).remove(&segment);
    }

    /// The segments that the index says are spent.
    pub(crate) fn find_spent(&self) -> Result<Vec<u64>, EngineError> {
        let rows = self.scan(Partition::ENGINE, &SPENT, usize::MAX, Direction::Up)?;
        let segment = |row: &crate::Row| number_of(row.key.strip_prefix(b"u")?);
        Ok(rows.iter().filter_map(segment).collect())
    }

    /// Takes up spent segments that an earlier lifetime has left: a copy of the index from this one on does not need them. Also files
    /// of large blobs that no row names.
    pub(crate) fn remember_spent(&self, unnamed: Vec<u64>) -> Result<(), EngineError> {
        let sequence = self.reached().sequence;
        let left = self.find_spent()?;
        let there = |segment: &u64| segment_path(&self.folder, *segment).exists();
        let left = left.into_iter().filter(there).chain(unnamed);
        let left = left.map(|segment| (segment, sequence));
        lock(&self.compaction.spent).extend(left);
        Ok(())
    }
}
