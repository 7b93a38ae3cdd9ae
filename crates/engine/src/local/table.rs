//! What the log has and the index has not yet: rows in memory, the newer over the older.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::Arc;

use bytes::Bytes;

use super::alone::is_alone;
use super::record::{HEADER, Header};
use crate::{BlobNumber, Change, Partition};

/// How far the log has been taken over, and what comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    /// The highest sequence number so far.
    pub(crate) sequence: u64,
    /// The highest blob number so far.
    pub(crate) blob: u64,
}

/// Where a blob lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    /// Octets of the note before it; 0 in rows of before notes were counted.
    pub(crate) note: u64,
    pub(crate) hash: u64,
}

impl Place {
    /// Where the payload of a record lies that begins at an offset.
    pub(crate) fn of(header: &Header, offset: u64) -> Place {
        Place {
            segment: header.segment,
            offset: offset + header.payload_at(),
            length: header.length.into(),
            note: header.note_length.into(),
            hash: header.hash,
        }
    }

    /// Whether it is a file of its own.
    pub(crate) fn is_alone(&self) -> bool {
        is_alone(self.segment)
    }

    /// Octets of its record.
    pub(crate) fn record_length(&self) -> u64 {
        (HEADER as u64 + self.note + self.length).next_multiple_of(8)
    }

    pub(crate) fn print(&self) -> Bytes {
        // Both are under 4 GiB.
        numbers([
            self.segment,
            self.offset,
            self.length | self.note << 32,
            self.hash,
        ])
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Place> {
        let [segment, offset, lengths, hash] = parse_numbers(bytes)?;
        Some(Place {
            segment,
            offset,
            length: lengths & u64::from(u32::MAX),
            note: lengths >> 32,
            hash,
        })
    }
}

impl Position {
    pub(crate) fn print(&self) -> Bytes {
        numbers([self.segment, self.offset, self.sequence, self.blob])
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Position> {
        let [segment, offset, sequence, blob] = parse_numbers(bytes)?;
        Some(Position {
            segment,
            offset,
            sequence,
            blob,
        })
    }
}

pub(crate) fn numbers(numbers: [u64; 4]) -> Bytes {
    Bytes::from(numbers.map(u64::to_le_bytes).concat())
}

pub(crate) fn parse_numbers(bytes: &[u8]) -> Option<[u64; 4]> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let chunks: &[[u8; 8]; 4] = chunks.try_into().ok()?;
    rest.is_empty().then(|| chunks.map(u64::from_le_bytes))
}

/// The blob of a place's key.
pub(crate) fn blob_of(key: &[u8]) -> Option<BlobNumber> {
    number_of(key.strip_prefix(b"b")?).map(BlobNumber)
}

/// The number that a key ends with.
pub(crate) fn number_of(octets: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(octets.try_into().ok()?))
}

/// The key under [`Partition::ENGINE`] of a blob's place.
pub(crate) fn place_key(blob: BlobNumber) -> Bytes {
    let mut key = vec![b'b'];
    key.extend_from_slice(&blob.0.to_be_bytes());
    Bytes::from(key)
}

/// Rows that have changed: `None` is a deleted one.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: BTreeMap<(Partition, Bytes), Option<Bytes>>,
    pub(crate) position: Position,
    /// Octets of keys and values, roughly.
    pub(crate) size: usize,
    /// Octets of log behind these rows.
    pub(crate) log: u64,
}

impl Table {
    pub(crate) fn apply(&mut self, partition: Partition, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            self.size += change.key.len() + change.value.as_ref().map_or(0, Bytes::len) + 100;
            self.rows.insert((partition, change.key), change.value);
        }
    }

    /// Applies changes of the engine's own partition: blobs that they give a place have come.
    pub(crate) fn apply_own(&mut self, changes: Vec<Change>) {
        let placed = changes.iter().filter(|change| change.value.is_some());
        let newest = placed.filter_map(|change| blob_of(&change.key)).max();
        self.position.blob = newest.map_or(0, |blob| blob.0).max(self.position.blob);
        self.apply(Partition::ENGINE, changes);
    }

    pub(crate) fn get(&self, key: &(Partition, Bytes)) -> Option<&Option<Bytes>> {
        self.rows.get(key)
    }

    pub(crate) fn range(
        &self,
        partition: Partition,
        range: &Range<Bytes>,
    ) -> impl DoubleEndedIterator<Item = (&Bytes, &Option<Bytes>)> {
        let bounds = (
            Bound::Included((partition, range.start.clone())),
            Bound::Excluded((partition, range.end.clone())),
        );
        self.rows.range(bounds).map(|((_, key), value)| (key, value))
    }
}

/// The table that is written to, and the one that the index is taking over.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) active: Table,
    pub(crate) frozen: Option<Arc<Table>>,
}

impl Tables {
    pub(crate) fn new(active: Table) -> Self {
        Tables { active, frozen: None }
    }

    /// What the newest table that knows a key says of it.
    pub(crate) fn get(&self, key: &(Partition, Bytes)) -> Option<&Option<Bytes>> {
        self.active
            .get(key)
            .or_else(|| self.frozen.as_ref().and_then(|table| table.get(key)))
    }
}
