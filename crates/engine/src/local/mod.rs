//! The engine of one machine: a log that is written and synced, a memtable, and an LMDB index that takes over later.
//!
//! **Invariant**: a row is in the memtable or in the index whenever its group has been acknowledged. Reads look at both under
//! one lock, and the frozen table is let go only after the index has it.

mod absorber;
mod ahead;
mod alone;
mod backup;
mod committer;
mod compactor;
mod copier;
pub(crate) mod copy;
mod folder;
mod history;
mod index;
mod keep;
mod moving;
mod open;
mod orders;
mod read;
mod read_many;
mod rebuild;
pub(crate) mod record;
mod release;
mod replay;
mod room;
mod spent;
mod table;
mod tail;
pub(crate) mod verify;

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use bytes::Bytes;

use crate::files::{Files, LogFile, SystemFiles};
use crate::{Answer, Batch, BlobNumber, BlobTest, Engine, EngineError, Partition, Row};
pub use backup::{Held, HeldCopy, HeldSegment};
pub use folder::{Identity, OpenError, make_folder};
pub use history::{History, LeftBlob, LeftBlobs};
use index::Index;
pub use keep::SegmentsKept;
use orders::Orders;
pub use replay::fuzz_replay;
pub use room::Room;
use table::Tables;

/// Octets of one batch's rows: a record has less than 4 GiB, and memory holds it several times.
const MAX_BATCH: usize = 512 << 20;
/// Larger pieces of a blob are read by a thread that may wait for the disk.
const READ_HERE: u64 = 256 << 10;

/// How many segments stay open for reading.
const OPEN_SEGMENTS: usize = 128;

/// What may be chosen when a folder is opened; the defaults are for a server.
#[derive(Clone)]
pub struct Options {
    /// What the log lies on.
    pub files: Arc<dyn Files>,
    /// Octets of a segment.
    pub segment: u64,
    /// Octets by which a segment grows.
    pub step: u64,
    /// Octets of a blob; a larger one gets a file of its own, and nobody waits while it is written.
    pub large: u64,
    /// Octets of rows that the index takes over at once.
    pub absorb: usize,
    /// Octets of rows at which commits are refused, because the index cannot take them over.
    pub memtable: usize,
    /// How long rows wait for the index.
    pub interval: Duration,
    /// How old the copy of the index becomes.
    pub copy_every: Duration,
    /// How often the log is looked at for garbage, besides when some was made.
    pub compact_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            files: Arc::new(SystemFiles),
            segment: 256 << 20,
            step: 16 << 20,
            // As long as the disk takes for this, any delivery may have to wait.
            large: 1 << 20,
            absorb: 8 << 20,
            memtable: 256 << 20,
            interval: Duration::from_secs(1),
            copy_every: Duration::from_hours(24),
            compact_every: Duration::from_hours(1),
        }
    }
}

/// Damage that was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is damaged at octet {offset}: {what}", path.display())]
pub struct Finding {
    /// In which file.
    pub path: PathBuf,
    /// Where in it.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
}

/// An open data folder.
pub struct LocalEngine {
    shared: Arc<Shared>,
    orders: Arc<Orders>,
    next_blob: AtomicU64,
    findings: Vec<Finding>,
    history: History,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: std::fs::File,
}

/// What the threads and the readers share.
pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    pub(crate) files: Arc<dyn Files>,
    pub(crate) options: Options,
    pub(crate) salt: u64,
    pub(crate) tables: RwLock<Tables>,
    pub(crate) index: Index,
    /// The index is asked to take over before its time.
    pub(crate) hurry: AtomicBool,
    /// The index could not take over what it was last given.
    pub(crate) absorbing_fails: AtomicBool,
    closing: AtomicBool,
    stopped: OnceLock<EngineError>,
    absorber: OnceLock<Thread>,
    segments: Mutex<HashMap<u64, Arc<dyn LogFile>>>,
    pub(crate) ahead: ahead::Ahead,
    pub(crate) alone: alone::Alone,
    pub(crate) tail: tail::Tail,
    pub(crate) copies: copier::Copies,
    pub(crate) keeping: keep::Keeping,
    pub(crate) compaction: compactor::Compaction,
}

impl Shared {
    /// Refuses when a sync has failed.
    pub(crate) fn running(&self) -> Result<(), EngineError> {
        self.stopped.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Nothing is written from now on.
    pub(crate) fn stop(&self, path: &Path, cause: io::Error) -> EngineError {
        tracing::error!("writing stops: {}: {cause}", path.display());
        let error = EngineError::Stopped {
            path: path.to_owned(),
            cause: Arc::new(cause),
        };
        self.stopped.get_or_init(|| error).clone()
    }

    /// Octets of rows that the index has not taken over.
    pub(crate) fn memtable_size(&self) -> usize {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.active.size + tables.frozen.as_ref().map_or(0, |table| table.size)
    }

    pub(crate) fn wake_absorber(&self) {
        if let Some(thread) = self.absorber.get() {
            thread.unpark();
        }
    }

    /// Keeps a segment open for its readers.
    pub(crate) fn remember(&self, number: u64, file: &Arc<dyn LogFile>) {
        let mut segments = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        if segments.len() >= OPEN_SEGMENTS {
            segments.clear();
        }
        segments.insert(number, Arc::clone(file));
    }

    /// A segment to read from.
    fn segment(&self, number: u64) -> Result<Arc<dyn LogFile>, EngineError> {
        let known = self
            .segments
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&number)
            .cloned();
        if let Some(file) = known {
            return Ok(file);
        }
        let path = segment_path(&self.folder, number);
        let file: Arc<dyn LogFile> = match self.files.open(&path) {
            Ok(file) => file.into(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(EngineError::Damaged {
                    path,
                    offset: 0,
                    what: "the segment is missing",
                });
            }
            Err(error) => {
                return Err(EngineError::Io {
                    action: "open",
                    path,
                    cause: Arc::new(error),
                });
            }
        };
        self.remember(number, &file);
        Ok(file)
    }
}

/// Where a segment lies.
pub(crate) fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join("log").join(format!("{number:08}.seg"))
}

impl LocalEngine {
    /// Opens the engine of a folder, which is made when it is missing. Start-up goes on after damage: see [`LocalEngine::findings`].
    ///
    /// # Errors
    /// When somebody else has it open, it is not ours, or the disk fails.
    pub fn open(folder: &Path, options: Options) -> Result<LocalEngine, OpenError> {
        open::open(folder, options)
    }

    /// The damage that opening found.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether it still writes.
    ///
    /// # Errors
    /// When writing was stopped by a failed sync.
    pub fn running(&self) -> Result<(), EngineError> {
        self.shared.running()
    }

    /// Takes everything over into the index, ends the log, and refuses what comes later. Again: does nothing.
    ///
    /// # Errors
    /// When writing had been stopped by a failed sync.
    pub async fn close(&self) -> Result<(), EngineError> {
        self.orders.close();
        self.join();
        self.shared.running()
    }

    /// Waits for the threads: the committer before the absorber, which takes over what it has applied.
    fn join(&self) {
        self.shared.compaction.end();
        self.shared.copies.end();
        // The folder is somebody else's afterwards.
        self.shared.alone.end();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            self.shared.ahead.close();
            if thread.thread().name() == Some(absorber::NAME) {
                self.shared.closing.store(true, Ordering::Release);
                thread.thread().unpark();
            }
            if thread.join().is_err() {
                tracing::error!("a thread of the engine panicked");
            }
        }
    }

    fn submit(&self, batch: Batch) -> Answer<'_, ()> {
        if batch.octets() > MAX_BATCH {
            let octets = batch.octets();
            return Box::pin(std::future::ready(Err(EngineError::TooLarge { octets })));
        }
        match batch.has_large(self.shared.options.large) {
            true => self.submit_large(batch),
            false => Box::pin(self.orders.submit(batch)),
        }
    }
}

impl Drop for LocalEngine {
    fn drop(&mut self) {
        self.orders.close();
        self.join();
    }
}

impl Engine for LocalEngine {
    fn get_many<'a>(&'a self, partition: Partition, keys: &'a [Bytes]) -> Answer<'a, Vec<Option<Bytes>>> {
        Box::pin(std::future::ready(self.shared.find_many(partition, keys)))
    }

    fn scan(&self, partition: Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>> {
        let rows = self.shared.scan(partition, &range, limit, read::Direction::Up);
        Box::pin(std::future::ready(rows))
    }

    fn scan_back(&self, partition: Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>> {
        let rows = self.shared.scan(partition, &range, limit, read::Direction::Down);
        Box::pin(std::future::ready(rows))
    }

    fn next_blob(&self) -> BlobNumber {
        BlobNumber(self.next_blob.fetch_add(1, Ordering::Relaxed))
    }

    fn commit(&self, batch: Batch) -> Answer<'_, ()> {
        self.submit(batch)
    }

    fn put_blob(&self, bytes: Bytes) -> Answer<'_, BlobNumber> {
        let number = self.next_blob();
        let mut batch = Batch::new(Partition::ENGINE);
        batch.put_blob(number, bytes, Bytes::new());
        let answer = self.submit(batch);
        Box::pin(async move { answer.await.map(|()| number) })
    }

    fn read_blob(&self, blob: BlobNumber, range: Range<u64>) -> Answer<'_, Bytes> {
        if range.end.saturating_sub(range.start) <= READ_HERE {
            return Box::pin(std::future::ready(self.shared.read_blob(blob, &range)));
        }
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let reading = shared.compaction.reading();
            let place = shared.place(blob)?;
            if place.length.min(range.end).saturating_sub(range.start) <= READ_HERE {
                return shared.read_placed(&place, &range);
            }
            let reading = tokio::task::spawn_blocking(move || {
                let _held = reading;
                shared.read_placed(&place, &range)
            });
            reading.await.map_err(|_| EngineError::Closed)?
        })
    }

    fn read_blobs(&self, blobs: Vec<BlobNumber>) -> Answer<'_, Vec<Result<Bytes, EngineError>>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let held = shared.compaction.reading();
            let places = shared.places(&blobs)?;
            let octets: u64 = places.iter().flatten().map(|place| place.length).sum();
            if octets <= READ_HERE {
                return Ok(shared.read_places(&places));
            }
            let reading = tokio::task::spawn_blocking(move || {
                let _held = held;
                shared.read_places(&places)
            });
            reading.await.map_err(|_| EngineError::Closed)
        })
    }

    fn test_blobs(
        &self,
        blobs: Vec<BlobNumber>,
        test: BlobTest,
    ) -> Answer<'_, Vec<Result<bool, EngineError>>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let testing = tokio::task::spawn_blocking(move || shared.test_blobs(&blobs, test));
            testing.await.map_err(|_| EngineError::Closed)?
        })
    }
}
