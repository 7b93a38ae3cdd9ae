//! The thread that gives room back: what lives of segments that are mostly garbage is written again at the log's head, and the segments
//! are unlinked. docs/decisions/0010 says when, and why nothing can be lost.
//!
//! **Invariant**: a segment is unlinked only when neither the index, nor a replay from it, nor the newest copy of it and a replay from
//! that, nor a read under way needs it, and nobody keeps it. A blob that cannot be read keeps its segment.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::orders::Orders;
use super::read::Direction;
use super::room::Room;
use super::table::{Place, Position, blob_of};
use super::{History, LocalEngine, Shared};
use crate::{BlobNumber, EngineError, Partition};

/// The thread's name.
pub(crate) const NAME: &str = "compactor";
/// The keys of places.
pub(crate) const PLACES: Range<Bytes> = Bytes::from_static(b"b")..Bytes::from_static(b"c");
/// When a folder that was opened is first looked at: from then on it is known what lives.
const FIRST: Duration = Duration::from_mins(1);
/// Places looked at in one go.
pub(super) const AT_ONCE: usize = 4096;

/// What the thread, the readers and the engine share.
#[derive(Default)]
pub(crate) struct Compaction {
    ending: AtomicBool,
    wanted: AtomicBool,
    thread: OnceLock<Thread>,
    /// Held while places change for another reason than that a blob came.
    pub(crate) moving: tokio::sync::Mutex<()>,
    /// Held by a pass.
    pass: Mutex<()>,
    /// Segments in which nothing lives, with the sequence number that the index must have reached.
    pub(super) spent: Mutex<BTreeMap<u64, u64>>,
    /// Segments with something that cannot be read.
    pub(super) stuck: Mutex<BTreeSet<u64>>,
    /// The copy of the index that was last read to its end.
    pub(super) whole: Mutex<Option<u64>>,
    /// Whoever reads holds the newest.
    pub(super) readers: Mutex<Arc<()>>,
    pub(super) room: Mutex<Room>,
    /// Octets of records that live: as they were last counted, and what has come and gone since.
    pub(super) living: AtomicU64,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Compaction {
    pub(crate) fn begin(&self, thread: &Thread) {
        let _ = self.thread.set(thread.clone());
    }

    /// Ends the thread after the piece that it is at.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Release);
        self.wake();
    }

    /// Has a pass made soon.
    pub(crate) fn want(&self) {
        self.wanted.store(true, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    pub(super) fn goes_on(&self) -> Result<(), EngineError> {
        match self.ending.load(Ordering::Acquire) {
            true => Err(EngineError::Closed),
            false => Ok(()),
        }
    }

    /// To be held from before a place is looked up until it has been read.
    pub(crate) fn reading(&self) -> Arc<()> {
        Arc::clone(&lock(&self.readers))
    }
}

/// What compacts.
pub(crate) struct Compactor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) orders: Arc<Orders>,
}

impl Compactor {
    /// The thread's work.
    pub(crate) fn run(&self) {
        let compaction = &self.shared.compaction;
        let (mut last, mut every) = (Instant::now(), FIRST.min(self.shared.options.compact_every));
        while compaction.goes_on().is_ok() {
            let left = every.saturating_sub(last.elapsed());
            if !left.is_zero() && !compaction.wanted.swap(false, Ordering::AcqRel) {
                std::thread::park_timeout(left);
                continue;
            }
            let looked = match left.is_zero() {
                true => self.pass().map(drop),
                false => self.pass_if_needed(),
            };
            match looked {
                Ok(()) | Err(EngineError::Closed) => {}
                Err(error) => tracing::warn!("the log could not be compacted: {error}"),
            }
            (last, every) = (Instant::now(), self.shared.options.compact_every);
        }
    }

    fn pass_if_needed(&self) -> Result<(), EngineError> {
        match self.may_need()? {
            true => self.pass().map(drop),
            false => Ok(()),
        }
    }

    /// Empties the segments that are garbage for the most part, and unlinks what can be.
    fn pass(&self) -> Result<Room, EngineError> {
        let compaction = &self.shared.compaction;
        let _alone = lock(&compaction.pass);
        self.shared.running()?;
        self.give_back()?;
        let mut survey = self.survey()?;
        loop {
            let chosen = survey.choose(&self.shared.options);
            if chosen.is_empty() {
                break;
            }
            let some = survey.some(chosen);
            self.empty(&some, survey.pace(&self.shared.options))?;
            survey = self.survey()?;
            if some.iter().all(|segment| survey.has(*segment)) {
                break;
            }
        }
        let room = self.room(&survey)?;
        *lock(&compaction.room) = room;
        Ok(room)
    }

    pub(super) fn each_place(&self, look: &mut dyn FnMut(BlobNumber, Place)) -> Result<(), EngineError> {
        let mut range = PLACES;
        loop {
            self.shared.compaction.goes_on()?;
            let rows = self
                .shared
                .scan(Partition::ENGINE, &range, AT_ONCE, Direction::Up)?;
            let Some(last) = rows.last() else { return Ok(()) };
            range.start = Bytes::from([&last.key[..], &[0]].concat());
            for row in &rows {
                let Some((blob, place)) = blob_of(&row.key).zip(Place::parse(&row.value)) else {
                    return Err(self.unreadable_place());
                };
                look(blob, place);
            }
        }
    }

    pub(super) fn unreadable_place(&self) -> EngineError {
        EngineError::Index {
            path: self.shared.index.path().to_owned(),
            what: "the place of a blob is unreadable".into(),
        }
    }
}

impl Shared {
    /// How far the log has been applied.
    pub(super) fn reached(&self) -> Position {
        self.tables
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .active
            .position
    }
}

impl LocalEngine {
    /// Gives back the room of garbage now, as the thread does from time to time; blocks until it is done. Segments that a copy of the
    /// index still needs go later. What is left.
    ///
    /// # Errors
    /// When the engine fails or is being closed. What was being moved is in both places then, or in the old one.
    pub fn compact(&self) -> Result<Room, EngineError> {
        if self.history == History::Salvaged {
            return Ok(self.room());
        }
        let compactor = Compactor {
            shared: Arc::clone(&self.shared),
            orders: Arc::clone(&self.orders),
        };
        compactor.pass()
    }

    /// What the log took when it was last looked at; zeros before that.
    #[must_use]
    pub fn room(&self) -> Room {
        *lock(&self.shared.compaction.room)
    }
}
