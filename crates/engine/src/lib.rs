//! What stands under the store: ordered keys within partitions, atomic batches, and blobs of bytes.
//!
//! **Invariant**: what [`Engine::commit`] and [`Engine::put_blob`] have answered `Ok` to is on stable storage.
//! A batch is seen whole or not at all, and a batch's blobs are durable before a row can name them.
//! No transaction spans partitions. Every answer is a copy: no snapshot lives across an await.

mod batch;
pub mod check;
pub mod counting;
mod error;
pub mod files;
pub mod local;
pub mod memory;

use bytes::Bytes;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;

pub use batch::{Batch, Change, MAX_KEY};
pub use error::EngineError;
pub use local::{
    Finding, Held, HeldCopy, HeldSegment, History, Identity, LeftBlob, LeftBlobs, LocalEngine, OpenError,
    Options, Room, SegmentsKept, make_folder,
};

/// A future of the engine: boxed, because engines are chosen when the program starts.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, EngineError>> + Send + 'a>>;

/// Looks at the octets of a blob and says yes or no.
pub type BlobTest = Box<dyn FnMut(&[u8]) -> bool + Send>;

/// Keys that belong together: an account, the directory, a shard of a queue. What a batch may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u64);

impl Partition {
    /// Domains, accounts and addresses.
    pub const DIRECTORY: Partition = Partition(0);
    /// What the engine itself keeps, such as the places of blobs. No batch from above may name it.
    pub const ENGINE: Partition = Partition(u64::MAX);
}

/// A blob's number: given out by [`Engine::next_blob`], never twice in the life of a data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobNumber(pub u64);

/// A row of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its key within the partition.
    pub key: Bytes,
    /// What stands there.
    pub value: Bytes,
}

/// Ordered keys within partitions, and blobs. DESIGN §3 says why it is no richer.
pub trait Engine: Send + Sync + 'static {
    /// The values of some keys, in the order asked for.
    fn get_many<'a>(&'a self, partition: Partition, keys: &'a [Bytes]) -> Answer<'a, Vec<Option<Bytes>>>;

    /// The rows with `range.start <= key < range.end`, in key order, at most `limit` of them.
    fn scan(&self, partition: Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>>;

    /// As [`Engine::scan`], but from the highest key down.
    fn scan_back(&self, partition: Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>>;

    /// A fresh number for a blob that a batch will bring.
    fn next_blob(&self) -> BlobNumber;

    /// Makes a batch and its blobs durable, then visible. It happens even when the answer is not awaited.
    fn commit(&self, batch: Batch) -> Answer<'_, ()>;

    /// Makes bytes durable before several partitions' rows name them.
    fn put_blob(&self, bytes: Bytes) -> Answer<'_, BlobNumber>;

    /// Bytes of a blob; a range past its end is cut there. Whole reads are verified against the checksum.
    fn read_blob(&self, blob: BlobNumber, range: Range<u64>) -> Answer<'_, Bytes>;

    /// Several whole blobs, verified, in the order asked for: one round trip, and few reads where they lie side by side. The
    /// caller bounds how much that is. What fails is one blob's own.
    fn read_blobs(&self, blobs: Vec<BlobNumber>) -> Answer<'_, Vec<Result<Bytes, EngineError>>>;

    /// What a test says of several whole blobs, verified, in the order asked for. Nothing is kept of what was read, so this is the
    /// cheapest way to look through many. What fails is one blob's own.
    fn test_blobs(
        &self,
        blobs: Vec<BlobNumber>,
        mut test: BlobTest,
    ) -> Answer<'_, Vec<Result<bool, EngineError>>> {
        Box::pin(async move {
            let read = self.read_blobs(blobs).await?;
            Ok(read
                .into_iter()
                .map(|outcome| outcome.map(|blob| test(&blob)))
                .collect())
        })
    }
}
