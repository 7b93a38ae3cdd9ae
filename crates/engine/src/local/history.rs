//! Whether the log still tells everything, and what it still has where it does not.
//!
//! Rows come from batches, so a batch that is lost may have given out numbers that nobody knows of any more. The engine cannot
//! say which: it says that it is so until whoever knows what rows mean has seen to it, through any number of restarts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use super::record::{BLOCK, HEADER, Kind, SegmentHeader};
use super::replay::{Event, Source, replay};
use super::table::{Position, numbers, parse_numbers};
use super::verify::{read_error, read_part};
use super::{LocalEngine, Shared, alone, copier, open, segment_path};
use crate::{Answer, Batch, BlobNumber, EngineError, Partition};

/// Key under [`Partition::ENGINE`] of where the salvage begins that is still to be done.
pub(crate) const UNSETTLED: &[u8] = b"history";
/// Key under [`Partition::ENGINE`] of when one was last done.
const SETTLED: &[u8] = b"salvaged";

/// Whether the rows are all that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// They are.
    Whole,
    /// A part of the log is missing that was needed to make the rows: they are what the rest of it gives.
    Salvaged,
}

/// A blob that is still in the log, with what was noted of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftBlob {
    /// Its number.
    pub blob: BlobNumber,
    /// What [`Batch::put_blob`] was given; not empty.
    pub note: Bytes,
}

/// Whether segments are missing of those that are to be replayed from a position on. A header of `None` could not be read.
pub(crate) fn has_gap(from: Position, headers: &BTreeMap<u64, Option<SegmentHeader>>) -> bool {
    let mut later = headers.range(from.segment + 1..).peekable();
    // Without any segment after it, nobody knows how the missing one went on.
    if from.segment != 0 && !headers.contains_key(&from.segment) && later.peek().is_none() {
        return true;
    }
    later.flat_map(|(_, header)| header).any(|header| {
        let missing = header.previous != 0 && !headers.contains_key(&header.previous);
        let wanted = header.previous > from.segment
            || (header.previous == from.segment && header.previous_end > from.offset);
        missing && wanted
    })
}

/// Reads the blobs that are left, a segment at a time.
pub struct LeftBlobs {
    shared: Arc<Shared>,
    /// Segments with where their groups begin and end; 0 where the end is not known.
    segments: VecDeque<(u64, u64, u64)>,
}

impl LeftBlobs {
    /// The next blobs, in the order in which they were written; `None` at the end.
    ///
    /// # Errors
    /// When the system refuses a read. What is damaged is left out.
    pub async fn next(&mut self) -> Result<Option<Vec<LeftBlob>>, EngineError> {
        let Some((number, from, end)) = self.segments.pop_front() else {
            return Ok(None);
        };
        let shared = Arc::clone(&self.shared);
        let reading = tokio::task::spawn_blocking(move || shared.left_in(number, from, end));
        reading.await.map_err(|_| EngineError::Closed)?.map(Some)
    }
}

impl Shared {
    fn left_in(&self, number: u64, from: u64, end: u64) -> Result<Vec<LeftBlob>, EngineError> {
        let path = segment_path(&self.folder, number);
        if alone::is_alone(number) {
            let head = alone::read_head(&*self.files, (&path, number), self.salt);
            let head = head.map_err(|cause| copier::read_error(&path, cause))?;
            let left = head.filter(|(_, note)| !note.is_empty()).map(|(header, note)| {
                let blob = BlobNumber(header.id);
                LeftBlob { blob, note }
            });
            return self.without_released(left.into_iter().collect());
        }
        let length = if end > 0 { end } else { u64::MAX };
        let bytes = read_part(&path, length, &self.options).map_err(|cause| EngineError::Io {
            action: "read",
            path,
            cause: Arc::new(cause),
        })?;
        let groups = usize::try_from(from).ok().and_then(|from| bytes.get(from..));
        let source = Source {
            bytes: groups.unwrap_or_default(),
            offset: from,
            segment: number,
            salt: self.salt,
            known_end: end,
        };
        let mut left = Vec::new();
        replay(source, &mut |event| {
            let Event::Record { header, offset, .. } = event else {
                return;
            };
            if header.kind != Kind::Blob || header.note_length == 0 {
                return;
            }
            let starts = usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .saturating_add(HEADER);
            let length = usize::try_from(header.note_length).unwrap_or(0);
            if let Some(note) = bytes.get(starts..).and_then(|rest| rest.get(..length)) {
                left.push(LeftBlob {
                    blob: BlobNumber(header.id),
                    note: Bytes::copy_from_slice(note),
                });
            }
        });
        self.without_released(left)
    }

    /// One that was released is not to come back.
    fn without_released(&self, mut left: Vec<LeftBlob>) -> Result<Vec<LeftBlob>, EngineError> {
        let blobs: Vec<_> = left.iter().map(|left| left.blob).collect();
        let mut places = self.places(&blobs)?.into_iter();
        left.retain(|_| places.next().is_some_and(|place| place.is_ok()));
        Ok(left)
    }
}

impl LocalEngine {
    /// Whether anything that was acknowledged may be missing from the rows, and nobody has seen to it yet.
    #[must_use]
    pub fn history(&self) -> History {
        self.history
    }

    /// The blobs with notes in the part of the log from which rows may be missing.
    ///
    /// # Errors
    /// When the log's folder cannot be read.
    pub fn left_blobs(&self) -> Result<LeftBlobs, EngineError> {
        let start = self.engine_row(UNSETTLED)?.unwrap_or_default();
        let reached = self.position();
        let numbers = open::list_segments(&self.shared.folder).map_err(read_error)?;
        // Nobody knows when they came.
        let alone = alone::list(&self.shared.folder).map_err(read_error)?;
        let alone = alone.into_iter().map(|number| (number, BLOCK, 0));
        let ends = self.told_ends(&numbers, &mut |_| {});
        let [segment, offset, ..] = start;
        let within = |number: &u64| (segment..=reached.segment).contains(number);
        let part = |number: u64| {
            let from = if number == segment {
                offset.max(BLOCK)
            } else {
                BLOCK
            };
            let end = match number == reached.segment {
                true => reached.offset,
                false => ends.get(&number).copied().unwrap_or(0),
            };
            (number, from, end)
        };
        Ok(LeftBlobs {
            shared: Arc::clone(&self.shared),
            segments: numbers
                .into_iter()
                .filter(within)
                .map(part)
                .chain(alone)
                .collect(),
        })
    }

    /// Ends a salvage: what could be made again of rows has been. `now` is in seconds since 1970.
    pub fn settle(&self, now: u64) -> Answer<'_, ()> {
        let mut batch = Batch::new(Partition::ENGINE);
        batch.delete(UNSETTLED);
        batch.put(SETTLED, &numbers([now, 0, 0, 0]));
        self.submit(batch)
    }

    /// When a salvage was last done in this folder, in seconds since 1970.
    ///
    /// # Errors
    /// When the index fails.
    pub fn salvaged(&self) -> Result<Option<u64>, EngineError> {
        Ok(self.engine_row(SETTLED)?.map(|[at, ..]| at))
    }

    fn engine_row(&self, key: &'static [u8]) -> Result<Option<[u64; 4]>, EngineError> {
        let found = self
            .shared
            .find_many(Partition::ENGINE, &[Bytes::from_static(key)])?;
        Ok(found
            .into_iter()
            .flatten()
            .next()
            .as_deref()
            .and_then(parse_numbers))
    }

    /// The partitions that have rows, ascending, without the engine's own; also some whose last row has just been deleted.
    ///
    /// # Errors
    /// When the index fails.
    pub fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
        let mut found = BTreeSet::new();
        let look = {
            let tables = self.shared.tables.read().unwrap_or_else(PoisonError::into_inner);
            for table in [Some(&tables.active), tables.frozen.as_deref()]
                .into_iter()
                .flatten()
            {
                found.extend(table.rows.keys().map(|(partition, _)| *partition));
            }
            self.shared.index.look()?
        };
        let mut from = Some(0_u64);
        while let Some(first) = from {
            let partition = look.partition_from(first)?;
            found.extend(partition.map(Partition));
            from = partition.and_then(|partition| partition.checked_add(1));
        }
        found.remove(&Partition::ENGINE);
        Ok(found.into_iter().collect())
    }
}
