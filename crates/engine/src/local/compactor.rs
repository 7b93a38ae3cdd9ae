//! The thread that gives room back: what lives of segments that are mostly garbage is written again at the log's head, and the segments
//! are unlinked. docs/decisions/0010 says when, and why nothing can be lost.
//!
//! **Invariant**: a segment is unlinked only when neither the index, nor a replay from it, nor the newest copy of it and a replay from
//! that, nor a read under way needs it, and nobody keeps it. A blob that cannot be read keeps its segment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Instant;

use bytes::Bytes;

use super::open::list_segments;
use super::orders::Orders;
use super::read::Direction;
use super::record::{HEADER, Header, Kind};
use super::spent::spent_key;
use super::table::{Place, Position};
use super::verify::read_error;
use super::{History, LocalEngine, Shared, segment_path};
use crate::check::size;
use crate::{Batch, BlobNumber, EngineError, Partition};

/// The thread's name.
pub(crate) const NAME: &str = "compactor";
/// The keys of places.
pub(crate) const PLACES: Range<Bytes> = Bytes::from_static(b"b")..Bytes::from_static(b"c");
/// Octets of blobs in one group: so much a delivery may have to wait for. A larger blob is alone in its group.
const PIECE: u64 = 256 << 10;
/// Places looked at in one go.
pub(super) const AT_ONCE: usize = 4096;
/// Places held in memory, of some segments: 48 octets each. One segment may have more.
const MOST_PLACES: u64 = 200_000;
/// How far back a header is looked for whose note's length no row says: longer than any note.
const LONGEST_NOTE: u64 = 64 << 10;

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
    /// Segments in which nothing lives, with the sequence number that a copy of the index must have reached.
    pub(super) spent: Mutex<BTreeMap<u64, u64>>,
    /// Segments with something that cannot be read.
    stuck: Mutex<BTreeSet<u64>>,
    /// The copy of the index that was last read to its end.
    pub(super) whole: Mutex<Option<u64>>,
    /// Whoever reads holds the newest.
    pub(super) readers: Mutex<Arc<()>>,
    room: Mutex<Room>,
}

/// What the log takes, and how much of it is of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Segments, the one being written included.
    pub segments: u64,
    /// Octets of them.
    pub octets: u64,
    /// Octets of records of blobs that have not been released.
    pub living: u64,
    /// Segments that only wait to be unlinked.
    pub spent: u64,
}

/// A segment and what lives in it.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    size: u64,
    living: u64,
    blobs: u64,
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

/// The blob of a place's key.
pub(crate) fn blob_of(key: &[u8]) -> Option<BlobNumber> {
    number_of(key.strip_prefix(b"b")?).map(BlobNumber)
}

pub(super) fn number_of(octets: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(octets.try_into().ok()?))
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
        let mut last = Instant::now();
        while compaction.goes_on().is_ok() {
            let left = self.shared.options.compact_every.saturating_sub(last.elapsed());
            if !left.is_zero() && !compaction.wanted.swap(false, Ordering::AcqRel) {
                std::thread::park_timeout(left);
                continue;
            }
            match self.pass() {
                Ok(_) | Err(EngineError::Closed) => {}
                Err(error) => tracing::warn!("the log could not be compacted: {error}"),
            }
            last = Instant::now();
        }
    }

    /// Empties the segments that are garbage for the most part, and unlinks what can be.
    fn pass(&self) -> Result<Room, EngineError> {
        let compaction = &self.shared.compaction;
        let _alone = lock(&compaction.pass);
        self.shared.running()?;
        self.unlink()?;
        let mut loads = self.survey()?;
        let mut chosen = choose(&loads, &self.shared.options);
        while !chosen.is_empty() {
            let some = self.some(&mut chosen, &loads);
            self.empty(&some)?;
        }
        self.unlink()?;
        loads = self.survey()?;
        let room = self.room(&loads)?;
        *lock(&compaction.room) = room;
        // They take room until there is a copy without them.
        let waiting = room
            .octets
            .saturating_sub(loads.values().map(|load| load.size).sum());
        if compaction.waits() && waiting > self.shared.options.segment.max(room.living / 10) {
            self.shared.copies.hurry();
        }
        Ok(room)
    }

    /// The first few of the chosen: as many as have their places in memory at a time.
    fn some(&self, chosen: &mut Vec<u64>, loads: &BTreeMap<u64, Load>) -> BTreeSet<u64> {
        let mut blobs = 0;
        let fits = |segment: &&u64| {
            let first = blobs == 0;
            blobs += loads.get(segment).map_or(0, |load| load.blobs).max(1);
            first || blobs <= MOST_PLACES
        };
        let count = chosen.iter().take_while(fits).count();
        chosen.drain(..count).collect()
    }

    /// The closed segments that are not spent, and what lives in each.
    fn survey(&self) -> Result<BTreeMap<u64, Load>, EngineError> {
        let reached = self.shared.reached().segment;
        let compaction = &self.shared.compaction;
        let is_known = |number: &u64| {
            lock(&compaction.spent).contains_key(number) || lock(&compaction.stuck).contains(number)
        };
        let mut loads = BTreeMap::new();
        for number in list_segments(&self.shared.folder).map_err(read_error)? {
            if number < reached && !is_known(&number) {
                let size = size(&segment_path(&self.shared.folder, number));
                loads.insert(
                    number,
                    Load {
                        size,
                        ..Load::default()
                    },
                );
            }
        }
        self.each_place(&mut |_, place| {
            if let Some(load) = loads.get_mut(&place.segment) {
                load.living += place.record_length();
                load.blobs += 1;
            }
        })?;
        Ok(loads)
    }

    fn each_place(&self, look: &mut dyn FnMut(BlobNumber, Place)) -> Result<(), EngineError> {
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

    /// Moves what lives in some segments, and says of each in which nothing lives any more that it is spent.
    fn empty(&self, segments: &BTreeSet<u64>) -> Result<(), EngineError> {
        let mut found: Vec<(Place, BlobNumber)> = Vec::new();
        self.each_place(&mut |blob, place| {
            if segments.contains(&place.segment) {
                found.push((place, blob));
            }
        })?;
        found.sort_unstable_by_key(|(place, _)| (place.segment, place.offset));
        let mut rest = found.as_slice();
        while !rest.is_empty() {
            self.shared.compaction.goes_on()?;
            let (piece, later) = rest.split_at(piece_length(rest));
            let begun = Instant::now();
            self.move_piece(piece)?;
            self.let_go(piece);
            // Half the disk is for others.
            std::thread::park_timeout(begun.elapsed());
            rest = later;
        }
        let mut living = BTreeSet::new();
        self.each_place(&mut |_, place| {
            living.insert(place.segment);
        })?;
        for segment in segments.difference(&living) {
            let mut batch = Batch::new(Partition::ENGINE);
            batch.put(&spent_key(*segment), &[1]);
            self.orders.submit(batch).wait()?;
            // At least that of the row.
            let sequence = self.shared.reached().sequence;
            lock(&self.shared.compaction.spent).insert(*segment, sequence);
        }
        Ok(())
    }

    /// Writes some blobs again, as any writer would, under their own numbers.
    fn move_piece(&self, piece: &[(Place, BlobNumber)]) -> Result<(), EngineError> {
        let mut read = Vec::with_capacity(piece.len());
        for (place, blob) in piece {
            match self.read_record(place, *blob) {
                Ok((note, bytes)) => read.push((*place, *blob, note, bytes)),
                Err(error) => {
                    tracing::error!("{error}: the segment stays");
                    lock(&self.shared.compaction.stuck).insert(place.segment);
                }
            }
        }
        let _alone = self.shared.compaction.moving.blocking_lock();
        let blobs: Vec<_> = read.iter().map(|(_, blob, ..)| *blob).collect();
        let places = self.shared.places(&blobs)?;
        let mut batch = Batch::new(Partition::ENGINE);
        for ((place, blob, note, bytes), now) in read.into_iter().zip(places) {
            // It may have been released.
            if now.is_ok_and(|now| now == place) {
                batch.put_blob(blob, bytes, note);
            }
        }
        match batch.is_empty() {
            true => Ok(()),
            false => self.orders.submit(batch).wait(),
        }
    }

    /// What was read to be moved is not read there again.
    fn let_go(&self, piece: &[(Place, BlobNumber)]) {
        let (Some((first, _)), Some((last, _))) = (piece.first(), piece.last()) else {
            return;
        };
        if let Ok(file) = self.shared.segment(first.segment)
            && first.segment == last.segment
        {
            let _ = file.forget(first.offset, last.offset + last.length - first.offset);
        }
    }

    /// The note and the bytes of a blob, both as they were written.
    fn read_record(&self, place: &Place, blob: BlobNumber) -> Result<(Bytes, Bytes), EngineError> {
        let damaged = || EngineError::Damaged {
            path: segment_path(&self.shared.folder, place.segment),
            offset: place.offset,
            what: "the record of a blob that is to be moved cannot be read",
        };
        let bytes = self.shared.read_placed(place, &(0..u64::MAX))?;
        let near = (HEADER as u64 + place.note).min(place.offset);
        let far = (HEADER as u64 + LONGEST_NOTE).min(place.offset);
        for before in [near, far] {
            let range = place.offset - before..place.offset;
            let heads = self.shared.read_octets(place.segment, range)?;
            if let Some(note) = note_in(&heads, place, (blob, self.shared.salt)) {
                return Ok((note, bytes));
            }
        }
        Err(damaged())
    }

    fn room(&self, loads: &BTreeMap<u64, Load>) -> Result<Room, EngineError> {
        let segments = list_segments(&self.shared.folder).map_err(read_error)?;
        let octets = segments.iter().map(|number| {
            let metadata = fs::metadata(segment_path(&self.shared.folder, *number));
            metadata.map_or(0, |metadata| metadata.len())
        });
        let mut room = Room {
            segments: segments.len() as u64,
            octets: octets.sum(),
            living: 0,
            spent: lock(&self.shared.compaction.spent).len() as u64,
        };
        let open = self.shared.reached().segment;
        self.each_place(&mut |_, place| {
            if loads.contains_key(&place.segment) || place.segment >= open {
                room.living += place.record_length();
            }
        })?;
        Ok(room)
    }
}

/// The note in the octets before a blob, which end with its record's header and note.
fn note_in(heads: &Bytes, place: &Place, (blob, salt): (BlobNumber, u64)) -> Option<Bytes> {
    let is_it = |header: &Header, at: usize| {
        let ends = u64::try_from(at).ok().map(|at| at + header.payload_at());
        header.kind == Kind::Blob
            && header.id == blob.0
            && header.hash == place.hash
            && u64::from(header.length) == place.length
            && ends == u64::try_from(heads.len()).ok()
    };
    let mut at = heads.len().checked_sub(HEADER)?;
    loop {
        let header = heads
            .get(at..)
            .and_then(|octets| Header::parse(octets, place.segment, salt));
        if header.is_some_and(|header| is_it(&header, at)) {
            return Some(heads.slice(at + HEADER..));
        }
        at = at.checked_sub(1)?;
    }
}

/// The segments to be emptied: those in which nothing lives, and where the log is too large the ones with the most garbage.
fn choose(loads: &BTreeMap<u64, Load>, options: &super::Options) -> Vec<u64> {
    let mut octets: u64 = loads.values().map(|load| load.size).sum();
    let living: u64 = loads.values().map(|load| load.living).sum();
    let slack = options.segment / 4;
    // A part of 1.5 times stays for what becomes garbage until the next pass.
    let enough = living.saturating_mul(7) / 5 + slack;
    let mut order: Vec<_> = loads.iter().collect();
    order.sort_by_key(|(number, load)| (load.living.saturating_mul(1000) / load.size.max(1), **number));
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

/// How many of the first blobs go into one group.
fn piece_length(blobs: &[(Place, BlobNumber)]) -> usize {
    let mut octets = 0;
    let fits = |(place, _): &&(Place, BlobNumber)| {
        octets += place.record_length();
        octets <= PIECE
    };
    blobs.iter().take_while(fits).count().clamp(1, 400)
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
