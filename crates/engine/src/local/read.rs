//! Reading: the memtable over the index, and blobs from their segments.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::ops::Range;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::table::{Place, Tables, place_key};
use super::{Shared, segment_path};
use crate::{BlobNumber, EngineError, Partition, Row};

/// Which way a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

type Entry<'t> = (&'t [u8], Option<&'t [u8]>);
type Entries<'t> = Peekable<Box<dyn Iterator<Item = Result<Entry<'t>, EngineError>> + 't>>;

impl Shared {
    pub(crate) fn find_many(
        &self,
        partition: Partition,
        keys: &[Bytes],
    ) -> Result<Vec<Option<Bytes>>, EngineError> {
        // The index may have to ask the disk: not under the lock, which the committer wants too. A table is let go only after
        // the index has it, so a look that began under the lock misses nothing.
        let (newer, look) = {
            let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
            let newer: Vec<_> = keys
                .iter()
                .map(|key| tables.get(&(partition, key.clone())).cloned())
                .collect();
            (newer, self.index.look()?)
        };
        let mut found = Vec::with_capacity(keys.len());
        for (key, newer) in keys.iter().zip(newer) {
            found.push(match newer {
                Some(value) => value,
                None => look.find(partition, key)?.map(Bytes::copy_from_slice),
            });
        }
        Ok(found)
    }

    pub(crate) fn scan(
        &self,
        partition: Partition,
        range: &Range<Bytes>,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<Row>, EngineError> {
        if range.start >= range.end {
            return Ok(Vec::new());
        }
        // As in `find_many`: only what memory holds is read under the lock.
        let (newer, look) = {
            let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
            (
                newer_rows(&tables, partition, range, (limit, direction)),
                self.index.look()?,
            )
        };
        let mut sources: Vec<Entries<'_>> = Vec::with_capacity(3);
        for rows in &newer {
            let rows = rows
                .iter()
                .map(|(key, value)| Ok((key.as_ref(), value.as_deref())));
            let rows: Box<dyn Iterator<Item = _>> = Box::new(rows);
            sources.push(rows.peekable());
        }
        let walk = match direction {
            Direction::Up => look.up(partition, range)?,
            Direction::Down => look.down(partition, range)?,
        };
        let walk: Box<dyn Iterator<Item = _>> = Box::new(walk.map(|row| row.map(|(k, v)| (k, Some(v)))));
        sources.push(walk.peekable());
        merge(&mut sources, limit, direction)
    }

    pub(crate) fn place(&self, blob: BlobNumber) -> Result<Place, EngineError> {
        let found = self.find_many(Partition::ENGINE, &[place_key(blob)])?;
        let place = found
            .into_iter()
            .flatten()
            .next()
            .as_deref()
            .and_then(Place::parse);
        place.ok_or(EngineError::NoBlob(blob.0))
    }

    pub(crate) fn read_blob(&self, blob: BlobNumber, range: &Range<u64>) -> Result<Bytes, EngineError> {
        let _held = self.compaction.reading();
        let place = self.place(blob)?;
        self.read_placed(&place, range)
    }

    pub(crate) fn read_placed(&self, place: &Place, range: &Range<u64>) -> Result<Bytes, EngineError> {
        let end = range.end.min(place.length);
        let start = range.start.min(end);
        let whole = start == 0 && end == place.length;
        let length = usize::try_from(end - start).expect("a blob under 4 GiB");
        let octets = place.offset + start..place.offset + start + length as u64;
        if let Some(bytes) = self.tail.read(place.segment, &octets) {
            return if whole {
                self.verify(place, bytes)
            } else {
                Ok(bytes)
            };
        }
        let file = self.segment(place.segment)?;
        let read = || {
            let read = file.read_vec(length, octets.start).map(Bytes::from);
            read.map_err(|error| self.read_error(place, error))
        };
        let bytes = read()?;
        if !whole {
            return Ok(bytes);
        }
        // A page that was read while the log went past it may hold what was there before: then the disk is asked.
        self.verify(place, bytes).or_else(|damaged| {
            let forgotten = file.forget(place.offset, place.length);
            forgotten.map_err(|_| damaged)?;
            self.verify(place, read()?)
        })
    }

    fn read_error(&self, place: &Place, error: std::io::Error) -> EngineError {
        let path = segment_path(&self.folder, place.segment);
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            return EngineError::Damaged {
                path,
                offset: place.offset,
                what: "the segment ends before the blob does",
            };
        }
        EngineError::Io {
            action: "read",
            path,
            cause: Arc::new(error),
        }
    }

    /// A whole blob, if it is what was written.
    pub(crate) fn verify(&self, place: &Place, blob: Bytes) -> Result<Bytes, EngineError> {
        if xxh3_64(&blob) == place.hash {
            return Ok(blob);
        }
        Err(EngineError::Damaged {
            path: segment_path(&self.folder, place.segment),
            offset: place.offset,
            what: "the blob's checksum does not match",
        })
    }
}

/// The rows of both tables in a range, as many as `limit` living rows can need: the newer table's first.
fn newer_rows(
    tables: &Tables,
    partition: Partition,
    range: &Range<Bytes>,
    (limit, direction): (usize, Direction),
) -> Vec<Vec<(Bytes, Option<Bytes>)>> {
    let mut found = Vec::with_capacity(2);
    for table in [Some(&tables.active), tables.frozen.as_deref()]
        .into_iter()
        .flatten()
    {
        let rows = table.range(partition, range);
        let mut rows: Box<dyn Iterator<Item = _>> = match direction {
            Direction::Up => Box::new(rows),
            Direction::Down => Box::new(rows.rev()),
        };
        let (mut taken, mut living) = (Vec::new(), 0);
        while living < limit
            && let Some((key, value)) = rows.next()
        {
            // What a newer table hides or deletes does not count.
            let is_newest = found.is_empty() || !tables.active.rows.contains_key(&(partition, key.clone()));
            living += usize::from(is_newest && value.is_some());
            taken.push((key.clone(), value.clone()));
        }
        found.push(taken);
    }
    found
}

/// Merges sorted sources, of which an earlier one hides a later one's row.
fn merge(sources: &mut [Entries<'_>], limit: usize, direction: Direction) -> Result<Vec<Row>, EngineError> {
    // One piece of memory for all rows: where each key and value ends in it.
    let mut arena = Vec::new();
    let mut ends = Vec::new();
    while ends.len() < limit {
        let mut first: Option<&[u8]> = None;
        for source in sources.iter_mut() {
            let Some(Ok((key, _))) = source.peek() else {
                if let Some(Err(error)) = source.next_if(Result::is_err) {
                    return Err(error);
                }
                continue;
            };
            let nearer = match direction {
                Direction::Up => Ordering::Less,
                Direction::Down => Ordering::Greater,
            };
            if first.is_none_or(|first| key.cmp(&first) == nearer) {
                first = Some(key);
            }
        }
        let Some(key) = first else { break };
        let mut newest = None;
        for source in sources.iter_mut() {
            if let Some(Ok((_, value))) = source.next_if(|row| row.as_ref().is_ok_and(|(k, _)| *k == key)) {
                newest = newest.or(Some(value));
            }
        }
        if let Some(Some(value)) = newest {
            arena.extend_from_slice(key);
            let key_end = arena.len();
            arena.extend_from_slice(value);
            ends.push((key_end, arena.len()));
        }
    }
    let arena = Bytes::from(arena);
    let mut start = 0;
    let row = |(key_end, end)| {
        let row = Row {
            key: arena.slice(start..key_end),
            value: arena.slice(key_end..end),
        };
        start = end;
        row
    };
    Ok(ends.into_iter().map(row).collect())
}
