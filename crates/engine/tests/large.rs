//! Large blobs in files of their own: nobody waits for them, and a cut at any point leaves what was acknowledged.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use posthouse_engine::check::check;
use posthouse_engine::files::{Files, LogFile, SystemFiles};
use posthouse_engine::{Batch, BlobNumber, Engine, EngineError, History, LocalEngine, Options, Partition};
use tempfile::TempDir;

const ALL: std::ops::Range<u64> = 0..u64::MAX;
const OF_ALICE: Partition = Partition(1 << 32);
/// Larger than a piece, and no multiple of anything.
const LARGE: usize = 1_300_001;

fn options() -> Options {
    Options {
        segment: 4 << 20,
        step: 64 << 10,
        large: 100_000,
        interval: Duration::from_millis(1),
        ..Options::default()
    }
}

fn open(path: &Path) -> Arc<LocalEngine> {
    Arc::new(LocalEngine::open(path, options()).unwrap())
}

fn octets(blob: BlobNumber, length: usize) -> Bytes {
    (0..length)
        .map(|at| (blob.0 as usize * 31 + at / 7) as u8)
        .collect()
}

async fn put(engine: &LocalEngine, length: usize) -> Result<BlobNumber, EngineError> {
    let blob = engine.next_blob();
    let mut batch = Batch::new(OF_ALICE);
    let note = Bytes::from(format!("note {}", blob.0));
    batch.put_blob(blob, octets(blob, length), note);
    batch.put(&blob.0.to_be_bytes(), b"row");
    engine.commit(batch).await.map(|()| blob)
}

async fn is_there(engine: &LocalEngine, blob: BlobNumber, length: usize) {
    let wanted = octets(blob, length);
    assert_eq!(engine.read_blob(blob, ALL).await.unwrap(), wanted);
    let (from, to) = (length / 3, length / 3 + 100);
    let part = engine.read_blob(blob, from as u64..to as u64).await.unwrap();
    assert_eq!(part, wanted[from..to]);
    assert_eq!(
        engine.read_blobs(vec![blob]).await.unwrap()[0].as_ref().unwrap(),
        &wanted
    );
    let row = engine
        .get_many(OF_ALICE, &[Bytes::copy_from_slice(&blob.0.to_be_bytes())])
        .await
        .unwrap();
    assert!(row[0].is_some(), "{blob:?}");
}

/// The files of large blobs, and what else ends so.
fn alone(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("log")).unwrap();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.len() > 15 && name.contains(".seg")
    });
    found.sort();
    found
}

fn nothing_is_damaged(engine: &LocalEngine) {
    let mut found = Vec::new();
    check(engine, &mut |finding| found.push(finding)).unwrap();
    assert_eq!(found, []);
}

async fn compact(engine: &Arc<LocalEngine>) {
    let engine = Arc::clone(engine);
    let pass = tokio::task::spawn_blocking(move || engine.compact());
    pass.await.unwrap().unwrap();
}

async fn close(engine: Arc<LocalEngine>) {
    engine.close().await.unwrap();
    while Arc::strong_count(&engine) > 1 {
        tokio::task::yield_now().await;
    }
}

fn lose_index(folder: &Path) {
    fs::remove_dir_all(folder.join("index")).unwrap();
}

#[tokio::test]
async fn a_large_blob_has_a_file_of_its_own_through_restarts_and_goes_when_it_is_released() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let small = put(&engine, 99_999).await.unwrap();
    let large = put(&engine, LARGE).await.unwrap();
    let other = put(&engine, 100_001).await.unwrap();
    assert_eq!(alone(folder.path()).len(), 2);
    let blobs = [(small, 99_999), (large, LARGE), (other, 100_001)];
    for (blob, length) in blobs {
        is_there(&engine, blob, length).await;
    }
    nothing_is_damaged(&engine);
    assert_eq!(engine.hold().unwrap().segments.len(), 3, "what a backup takes");
    close(engine).await;
    for lost in [false, true] {
        if lost {
            lose_index(folder.path());
        }
        let engine = open(folder.path());
        assert_eq!(engine.history(), History::Whole);
        for (blob, length) in blobs {
            is_there(&engine, blob, length).await;
        }
        close(engine).await;
    }
    let engine = open(folder.path());
    let released = engine.release(engine.reached(), &|blob| blob != large).await;
    assert_eq!(released.unwrap(), 1);
    compact(&engine).await;
    assert_eq!(alone(folder.path()).len(), 1);
    assert!(matches!(
        engine.read_blob(large, ALL).await,
        Err(EngineError::NoBlob(_))
    ));
    is_there(&engine, other, 100_001).await;
    nothing_is_damaged(&engine);
}

#[tokio::test]
async fn one_that_lies_in_the_log_is_moved_into_a_file_of_its_own() {
    let folder = TempDir::new().unwrap();
    let old = Options {
        large: u64::MAX,
        ..options()
    };
    let engine = LocalEngine::open(folder.path(), old).unwrap();
    let mut blobs = Vec::new();
    for _ in 0..8 {
        blobs.push(put(&engine, LARGE).await.unwrap());
    }
    assert_eq!(alone(folder.path()), <[PathBuf; 0]>::default());
    engine.close().await.unwrap();
    drop(engine);
    let engine = open(folder.path());
    let keep = [blobs[0], blobs[4]];
    engine
        .release(engine.reached(), &|blob| keep.contains(&blob))
        .await
        .unwrap();
    compact(&engine).await;
    assert_eq!(alone(folder.path()).len(), 2);
    for blob in keep {
        is_there(&engine, blob, LARGE).await;
    }
    nothing_is_damaged(&engine);
    close(engine).await;
    let engine = open(folder.path());
    for blob in keep {
        is_there(&engine, blob, LARGE).await;
    }
    assert_eq!((engine.findings(), engine.history()), (&[][..], History::Whole));
}

#[tokio::test]
async fn what_a_cut_has_left_goes_and_its_number_is_not_given_out_again() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let blob = put(&engine, LARGE).await.unwrap();
    close(engine).await;
    let there = alone(folder.path()).remove(0);
    let name = |number: u64| {
        folder
            .path()
            .join(format!("log/{}.seg", 1_000_000_000_000_000 + number))
    };
    assert_eq!(there, name(blob.0));
    fs::write(name(blob.0 + 1), b"nobody names it").unwrap();
    fs::write(folder.path().join("log/1000000000000099.seg.new"), b"half").unwrap();
    let engine = open(folder.path());
    let next = put(&engine, LARGE).await.unwrap();
    assert!(next.0 > blob.0 + 1);
    compact(&engine).await;
    assert_eq!(alone(folder.path()), [there, name(next.0)]);
    is_there(&engine, blob, LARGE).await;
    is_there(&engine, next, LARGE).await;
    assert_eq!((engine.findings(), engine.history()), (&[][..], History::Whole));
}

#[tokio::test]
async fn without_index_and_log_a_large_blob_is_found_by_its_note() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let blob = put(&engine, LARGE).await.unwrap();
    close(engine).await;
    // There was a segment before, and a copy.
    lose_index(folder.path());
    fs::remove_file(folder.path().join("log/00000001.seg")).unwrap();
    fs::write(folder.path().join("log/index-00000001.copy"), b"spoilt").unwrap();
    let engine = open(folder.path());
    assert_eq!(engine.history(), History::Salvaged);
    let mut left = engine.left_blobs().unwrap();
    let mut found = Vec::new();
    while let Some(blobs) = left.next().await.unwrap() {
        found.extend(blobs.into_iter().map(|left| (left.blob, left.note)));
    }
    assert_eq!(found, [(blob, Bytes::from(format!("note {}", blob.0)))]);
    assert_eq!(engine.read_blob(blob, ALL).await.unwrap(), octets(blob, LARGE));
    assert!(engine.next_blob() > blob);
}

/// Lets the files of large blobs wait, or fail.
#[derive(Default)]
struct Gate {
    /// Whether writes wait, and how many do.
    closed: Mutex<(bool, usize)>,
    changed: Condvar,
    fails: AtomicI32,
}

impl Gate {
    fn pass(&self) -> io::Result<()> {
        let mut closed = self.closed.lock().unwrap();
        closed.1 += 1;
        self.changed.notify_all();
        while closed.0 {
            closed = self.changed.wait(closed).unwrap();
        }
        match self.fails.load(Ordering::SeqCst) {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    fn close(&self) {
        *self.closed.lock().unwrap() = (true, 0);
    }

    fn open(&self) {
        self.closed.lock().unwrap().0 = false;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let mut closed = self.closed.lock().unwrap();
        while closed.1 == 0 {
            closed = self.changed.wait(closed).unwrap();
        }
    }
}

struct Gated(Arc<Gate>);
struct GatedFile(Arc<Gate>, Box<dyn LogFile>);

impl Files for Gated {
    fn create(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        let file = SystemFiles.create(path)?;
        Ok(match path.to_str().unwrap().ends_with(".seg.new") {
            true => Box::new(GatedFile(Arc::clone(&self.0), file)),
            false => file,
        })
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        SystemFiles.open(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemFiles.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemFiles.remove(path)
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        SystemFiles.sync_folder(path)
    }
}

impl LogFile for GatedFile {
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        self.1.write_at(pieces, offset)
    }
    fn write_blocks(&self, blocks: &[u8], offset: u64) -> io::Result<usize> {
        self.0.pass()?;
        self.1.write_blocks(blocks, offset)
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.1.read_at(buffer, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.1.sync_data()
    }
    fn forget(&self, offset: u64, length: u64) -> io::Result<()> {
        self.1.forget(offset, length)
    }
    fn zero(&self, offset: u64, length: u64) -> io::Result<()> {
        self.1.zero(offset, length)
    }
    fn allocate(&self, offset: u64, length: u64) -> io::Result<()> {
        self.1.allocate(offset, length)
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.1.truncate(length)
    }
    fn size(&self) -> io::Result<u64> {
        self.1.size()
    }
}

fn gated(folder: &Path, gate: &Arc<Gate>, large: u64) -> Arc<LocalEngine> {
    let options = Options {
        files: Arc::new(Gated(Arc::clone(gate))),
        large,
        ..options()
    };
    Arc::new(LocalEngine::open(folder, options).unwrap())
}

#[tokio::test]
async fn nobody_waits_for_a_large_blob_that_is_delivered_or_moved() {
    let folder = TempDir::new().unwrap();
    let gate = Arc::new(Gate::default());
    let engine = gated(folder.path(), &gate, u64::MAX);
    let mut blobs = Vec::new();
    for _ in 0..8 {
        blobs.push(put(&engine, LARGE).await.unwrap());
    }
    close(engine).await;
    let engine = gated(folder.path(), &gate, options().large);
    gate.close();
    let writing = Arc::clone(&engine);
    let delivery = tokio::spawn(async move { put(&writing, LARGE).await });
    let small = async || {
        for _ in 0..20 {
            put(&engine, 5000).await.unwrap();
        }
    };
    tokio::task::spawn_blocking({
        let gate = Arc::clone(&gate);
        move || gate.wait()
    })
    .await
    .unwrap();
    small().await;
    assert!(!delivery.is_finished());
    gate.open();
    let delivered = delivery.await.unwrap().unwrap();
    is_there(&engine, delivered, LARGE).await;

    let keep = [blobs[0], blobs[4], delivered];
    gate.close();
    let released = engine.release(delivered, &|blob| keep.contains(&blob)).await;
    released.unwrap();
    let moving = Arc::clone(&engine);
    let pass = tokio::task::spawn_blocking(move || moving.compact());
    tokio::task::spawn_blocking({
        let gate = Arc::clone(&gate);
        move || gate.wait()
    })
    .await
    .unwrap();
    small().await;
    assert!(!pass.is_finished());
    // Read from where it was, as long as it is being moved.
    is_there(&engine, blobs[0], LARGE).await;
    gate.open();
    pass.await.unwrap().unwrap();
    for blob in keep {
        is_there(&engine, blob, LARGE).await;
    }
    close(engine).await;
}

#[tokio::test]
async fn one_that_cannot_be_written_is_refused_and_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let gate = Arc::new(Gate::default());
    let engine = gated(folder.path(), &gate, options().large);
    gate.fails.store(28, Ordering::SeqCst); // ENOSPC
    let refused = put(&engine, LARGE).await;
    assert!(
        matches!(refused, Err(EngineError::DiskFull { .. })),
        "{refused:?}"
    );
    assert_eq!(alone(folder.path()), <[PathBuf; 0]>::default());
    put(&engine, 5000).await.unwrap();
    gate.fails.store(0, Ordering::SeqCst);
    let blob = put(&engine, LARGE).await.unwrap();
    is_there(&engine, blob, LARGE).await;
    nothing_is_damaged(&engine);
}

#[tokio::test]
async fn folders_of_older_programs_open_are_whole_and_go_on() {
    let formats = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/formats");
    let mut seen = 0;
    for entry in fs::read_dir(formats).unwrap() {
        let folder = TempDir::new().unwrap();
        let mut tar = std::process::Command::new("tar");
        tar.arg("-xzf")
            .arg(entry.unwrap().path())
            .arg("-C")
            .arg(folder.path());
        assert!(tar.status().unwrap().success());
        for start in 0..2 {
            let engine = open(folder.path());
            assert_eq!((engine.findings(), engine.history()), (&[][..], History::Whole));
            let mut found = Vec::new();
            let counts = check(&engine, &mut |finding| found.push(finding)).unwrap();
            assert_eq!(found, []);
            // The seventh message is in the log only, at first.
            assert!(counts.blobs >= 6, "{counts:?}");
            for number in 1..=counts.blobs {
                engine.read_blob(BlobNumber(number), ALL).await.unwrap();
            }
            let blob = put(&engine, LARGE).await.unwrap();
            is_there(&engine, blob, LARGE).await;
            assert_eq!(alone(folder.path()).len(), start + 1);
            close(engine).await;
        }
        seen += 1;
    }
    assert!(seen > 0, "there is no folder to open");
}
