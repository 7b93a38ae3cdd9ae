//! An engine that keeps everything in memory: for tests, and the definition of what the real one must answer.
//!
//! It cannot fail, and forgets everything when it is dropped.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Bound, Range};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::batch::parse_changes;
use crate::{Answer, Batch, BlobNumber, Engine, EngineError, Partition, Row};

/// Rows and blobs in memory.
#[derive(Debug, Default)]
pub struct MemoryEngine {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<(Partition, Bytes), Bytes>,
    blobs: HashMap<BlobNumber, Bytes>,
    last_blob: u64,
}

impl State {
    fn next_blob(&mut self) -> BlobNumber {
        self.last_blob += 1;
        BlobNumber(self.last_blob)
    }

    fn apply(&mut self, batch: Batch) {
        let partition = batch.partition();
        let (encoded, blobs) = batch.into_parts();
        for blob in blobs {
            self.blobs.insert(blob.number, blob.bytes);
        }
        for change in parse_changes(&encoded).expect("a batch encodes itself") {
            match change.value {
                Some(value) => self.rows.insert((partition, change.key), value),
                None => self.rows.remove(&(partition, change.key)),
            };
        }
    }

    fn range(&self, partition: Partition, range: Range<Bytes>) -> impl DoubleEndedIterator<Item = Row> + '_ {
        // A BTreeMap panics at a range that ends before it starts.
        let end = range.end.max(range.start.clone());
        let bounds = (
            Bound::Included((partition, range.start)),
            Bound::Excluded((partition, end)),
        );
        let row = |((_, key), value): (&(Partition, Bytes), &Bytes)| Row {
            key: key.clone(),
            value: value.clone(),
        };
        self.rows.range(bounds).map(row)
    }
}

impl MemoryEngine {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a blob that a range names: cut at the blob's end.
pub(crate) fn cut(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let length = bytes.len();
    let end = usize::try_from(range.end).unwrap_or(length).min(length);
    let start = usize::try_from(range.start).unwrap_or(end).min(end);
    bytes.slice(start..end)
}

impl Engine for MemoryEngine {
    fn get_many<'a>(&'a self, partition: Partition, keys: &'a [Bytes]) -> Answer<'a, Vec<Option<Bytes>>> {
        let state = self.state();
        let find = |key: &Bytes| state.rows.get(&(partition, key.clone())).cloned();
        let found = keys.iter().map(find).collect();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn scan(&self, partition: Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>> {
        let rows = self.state().range(partition, range).take(limit).collect();
        Box::pin(std::future::ready(Ok(rows)))
    }

    fn scan_back(&self, partition: Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>> {
        let rows = self.state().range(partition, range).rev().take(limit).collect();
        Box::pin(std::future::ready(Ok(rows)))
    }

    fn next_blob(&self) -> BlobNumber {
        self.state().next_blob()
    }

    fn commit(&self, batch: Batch) -> Answer<'_, ()> {
        self.state().apply(batch);
        Box::pin(std::future::ready(Ok(())))
    }

    fn put_blob(&self, bytes: Bytes) -> Answer<'_, BlobNumber> {
        let mut state = self.state();
        let number = state.next_blob();
        state.blobs.insert(number, bytes);
        Box::pin(std::future::ready(Ok(number)))
    }

    fn read_blob(&self, blob: BlobNumber, range: Range<u64>) -> Answer<'_, Bytes> {
        let found = self.state().blobs.get(&blob).map(|bytes| cut(bytes, &range));
        Box::pin(std::future::ready(found.ok_or(EngineError::NoBlob(blob.0))))
    }

    fn read_blobs(&self, blobs: Vec<BlobNumber>) -> Answer<'_, Vec<Result<Bytes, EngineError>>> {
        let state = self.state();
        let find = |blob: BlobNumber| state.blobs.get(&blob).cloned().ok_or(EngineError::NoBlob(blob.0));
        let found = blobs.into_iter().map(find).collect();
        Box::pin(std::future::ready(Ok(found)))
    }
}
