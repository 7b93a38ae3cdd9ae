//! An engine that counts what it is asked and takes its time over it, as a distributed engine would.
//!
//! DESIGN §3: a verb needs at most two read round trips and one write, and tests prove it with this.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::{Answer, Batch, BlobNumber, BlobTest, Engine, EngineError, Partition, Row};

/// How long a round trip to another machine takes.
pub const ROUND_TRIP: Duration = Duration::from_millis(1);

/// Passes everything on, one millisecond later.
pub struct CountingEngine {
    inner: Arc<dyn Engine>,
    reads: AtomicU64,
    writes: AtomicU64,
}

/// How often an engine was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls that read.
    pub reads: u64,
    /// Calls that write.
    pub writes: u64,
}

impl CountingEngine {
    /// Stands before an engine.
    #[must_use]
    pub fn new(inner: Arc<dyn Engine>) -> Self {
        CountingEngine {
            inner,
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        }
    }

    /// The calls since the last time this was asked.
    pub fn take_calls(&self) -> Calls {
        Calls {
            reads: self.reads.swap(0, Ordering::Relaxed),
            writes: self.writes.swap(0, Ordering::Relaxed),
        }
    }

    fn read<'a, T: Send + 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        later(answer)
    }

    fn write<'a, T: Send + 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        later(answer)
    }
}

fn later<'a, T: Send + 'a>(answer: Answer<'a, T>) -> Answer<'a, T> {
    Box::pin(async move {
        tokio::time::sleep(ROUND_TRIP).await;
        answer.await
    })
}

impl Engine for CountingEngine {
    fn get_many<'a>(&'a self, partition: Partition, keys: &'a [Bytes]) -> Answer<'a, Vec<Option<Bytes>>> {
        self.read(self.inner.get_many(partition, keys))
    }

    fn scan(&self, partition: Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>> {
        self.read(self.inner.scan(partition, range, limit))
    }

    fn scan_back(&self, partition: Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>> {
        self.read(self.inner.scan_back(partition, range, limit))
    }

    fn next_blob(&self) -> BlobNumber {
        self.inner.next_blob()
    }

    fn commit(&self, batch: Batch) -> Answer<'_, ()> {
        self.write(self.inner.commit(batch))
    }

    fn put_blob(&self, bytes: Bytes) -> Answer<'_, BlobNumber> {
        self.write(self.inner.put_blob(bytes))
    }

    fn read_blob(&self, blob: BlobNumber, range: Range<u64>) -> Answer<'_, Bytes> {
        self.read(self.inner.read_blob(blob, range))
    }

    fn read_blobs(&self, blobs: Vec<BlobNumber>) -> Answer<'_, Vec<Result<Bytes, EngineError>>> {
        self.read(self.inner.read_blobs(blobs))
    }

    fn test_blobs(
        &self,
        blobs: Vec<BlobNumber>,
        test: BlobTest,
    ) -> Answer<'_, Vec<Result<bool, EngineError>>> {
        self.read(self.inner.test_blobs(blobs, test))
    }
}
