//! Disks that fail: at a sync, when full, when no file can be opened. Reads go on, and nothing acknowledged is lost.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use bytes::Bytes;
use posthouse_engine::files::{Files, LogFile, SystemFiles};
use posthouse_engine::{Batch, Engine, EngineError, LocalEngine, OpenError, Options, Partition};
use tempfile::TempDir;

const EIO: i32 = 5;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;
const ALL: std::ops::Range<u64> = 0..u64::MAX;

/// What fails, with which error; 0 is nothing.
#[derive(Default)]
struct Faults {
    sync: AtomicI32,
    write: AtomicI32,
    open: AtomicI32,
    rename: AtomicI32,
}

fn fault(place: &AtomicI32) -> io::Result<()> {
    match place.load(Ordering::SeqCst) {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

struct FaultyFiles(Arc<Faults>);
struct FaultyFile(Arc<Faults>, Box<dyn LogFile>);

impl Files for FaultyFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        fault(&self.0.open)?;
        Ok(Box::new(FaultyFile(
            Arc::clone(&self.0),
            SystemFiles.create(path)?,
        )))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        fault(&self.0.open)?;
        Ok(Box::new(FaultyFile(Arc::clone(&self.0), SystemFiles.open(path)?)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fault(&self.0.rename)?;
        SystemFiles.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemFiles.remove(path)
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        SystemFiles.sync_folder(path)
    }
}

impl LogFile for FaultyFile {
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        fault(&self.0.write)?;
        self.1.write_at(pieces, offset)
    }
    fn write_blocks(&self, blocks: &[u8], offset: u64) -> io::Result<usize> {
        fault(&self.0.write)?;
        self.1.write_blocks(blocks, offset)
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.1.read_at(buffer, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        fault(&self.0.sync)?;
        self.1.sync_data()
    }
    fn forget(&self, offset: u64, length: u64) -> io::Result<()> {
        self.1.forget(offset, length)
    }
    fn zero(&self, offset: u64, length: u64) -> io::Result<()> {
        fault(&self.0.write)?;
        self.1.zero(offset, length)
    }
    fn allocate(&self, offset: u64, length: u64) -> io::Result<()> {
        fault(&self.0.write)?;
        self.1.allocate(offset, length)
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.1.truncate(length)
    }
    fn size(&self) -> io::Result<u64> {
        self.1.size()
    }
}

fn open(folder: &TempDir, faults: &Arc<Faults>) -> LocalEngine {
    let files = Arc::new(FaultyFiles(Arc::clone(faults)));
    LocalEngine::open(
        folder.path(),
        Options {
            files,
            ..Options::default()
        },
    )
    .unwrap()
}

async fn put(engine: &LocalEngine, key: &str) -> Result<(), EngineError> {
    let mut batch = Batch::new(Partition(1));
    batch.put(key.as_bytes(), b"value");
    engine.commit(batch).await
}

async fn keys(engine: &LocalEngine) -> Vec<Bytes> {
    let range = Bytes::from_static(b"a")..Bytes::from_static(b"z");
    let rows = engine.scan(Partition(1), range, 100).await.unwrap();
    rows.into_iter().map(|row| row.key).collect()
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_written_until_a_restart_and_reads_go_on() {
    let (folder, faults) = (TempDir::new().unwrap(), Arc::new(Faults::default()));
    let engine = open(&folder, &faults);
    put(&engine, "before").await.unwrap();
    faults.sync.store(EIO, Ordering::SeqCst);
    assert!(matches!(
        put(&engine, "during").await,
        Err(EngineError::Stopped { .. })
    ));
    faults.sync.store(0, Ordering::SeqCst);
    assert!(matches!(
        put(&engine, "later").await,
        Err(EngineError::Stopped { .. })
    ));
    assert_eq!(keys(&engine).await, ["before"]);
    assert!(matches!(engine.close().await, Err(EngineError::Stopped { .. })));
    drop(engine);
    let engine = open(&folder, &faults);
    assert_eq!(engine.findings(), []);
    put(&engine, "restarted").await.unwrap();
    let keys = keys(&engine).await;
    assert!(keys.contains(&Bytes::from_static(b"before")) && !keys.contains(&Bytes::from_static(b"later")));
}

#[tokio::test]
async fn a_full_disk_refuses_and_is_used_again_when_there_is_room() {
    let (folder, faults) = (TempDir::new().unwrap(), Arc::new(Faults::default()));
    let engine = open(&folder, &faults);
    for round in ["a", "b"] {
        faults.write.store(ENOSPC, Ordering::SeqCst);
        assert!(matches!(
            put(&engine, "refused").await,
            Err(EngineError::DiskFull { .. })
        ));
        assert!(matches!(
            put(&engine, "refused").await,
            Err(EngineError::DiskFull { .. })
        ));
        faults.write.store(0, Ordering::SeqCst);
        put(&engine, round).await.unwrap();
    }
    assert_eq!(keys(&engine).await, ["a", "b"]);
    drop(engine);
    // The index is made again from the log: what was refused is not in it.
    std::fs::remove_dir_all(folder.path().join("index")).unwrap();
    let engine = open(&folder, &faults);
    assert_eq!(engine.findings().len(), 1);
    assert_eq!(keys(&engine).await, ["a", "b"]);
}

#[tokio::test]
async fn too_many_open_files_is_a_clear_error_that_passes() {
    let (folder, faults) = (TempDir::new().unwrap(), Arc::new(Faults::default()));
    let engine = open(&folder, &faults);
    faults.open.store(EMFILE, Ordering::SeqCst);
    assert!(matches!(put(&engine, "a").await, Err(EngineError::Io { .. })));
    faults.open.store(0, Ordering::SeqCst);
    let blob = engine.put_blob(Bytes::from_static(b"bytes")).await.unwrap();
    drop(engine);
    let engine = open(&folder, &faults);
    faults.open.store(EMFILE, Ordering::SeqCst);
    assert!(matches!(
        engine.read_blob(blob, ALL).await,
        Err(EngineError::Io { .. })
    ));
    faults.open.store(0, Ordering::SeqCst);
    assert_eq!(engine.read_blob(blob, ALL).await.unwrap(), "bytes");
}

#[tokio::test]
async fn what_is_replayed_is_synced_before_it_is_believed() {
    let (folder, faults) = (TempDir::new().unwrap(), Arc::new(Faults::default()));
    let engine = open(&folder, &faults);
    put(&engine, "a").await.unwrap();
    // Killed: the lock goes with the process, and the index has nothing yet.
    let copy = TempDir::new().unwrap();
    for sub in ["", "log"] {
        std::fs::create_dir_all(copy.path().join(sub)).unwrap();
        for entry in std::fs::read_dir(folder.path().join(sub)).unwrap().flatten() {
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), copy.path().join(sub).join(entry.file_name())).unwrap();
            }
        }
    }
    faults.sync.store(EIO, Ordering::SeqCst);
    let files = Arc::new(FaultyFiles(Arc::clone(&faults)));
    let options = || Options {
        files: Arc::clone(&files) as Arc<dyn Files>,
        ..Options::default()
    };
    assert!(matches!(
        LocalEngine::open(copy.path(), options()),
        Err(OpenError::Io { .. })
    ));
    faults.sync.store(0, Ordering::SeqCst);
    let engine = LocalEngine::open(copy.path(), options()).unwrap();
    assert_eq!(keys(&engine).await, ["a"]);
}
