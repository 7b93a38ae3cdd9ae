//! An index that is lost or damaged: made again from its copy and the log since, from the whole log, or from what is left of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use posthouse_engine::check::check;
use posthouse_engine::files::{Files, LogFile, SystemFiles};
use posthouse_engine::{Batch, BlobNumber, Engine, History, LocalEngine, Options, Partition, Row};
use tempfile::TempDir;

const ALL: std::ops::Range<u64> = 0..u64::MAX;
const ENOSPC: i32 = 28;
const EIO: i32 = 5;

/// Groups of a few kilobytes, four or so of them in a segment.
fn options() -> Options {
    Options {
        segment: 32 << 10,
        step: 16 << 10,
        interval: Duration::from_millis(1),
        copy_every: Duration::from_hours(24),
        ..Options::default()
    }
}

fn copying() -> Options {
    Options {
        copy_every: Duration::from_millis(1),
        ..options()
    }
}

async fn put(engine: &LocalEngine, n: u64) -> BlobNumber {
    let number = engine.next_blob();
    let mut batch = Batch::new(Partition(n % 3));
    let bytes = vec![u8::try_from(n % 251).unwrap(); 5000];
    batch.put_blob(number, bytes.into(), Bytes::from(format!("note {n}")));
    batch.put(format!("key {n}").as_bytes(), &number.0.to_be_bytes());
    batch.put(b"last", &n.to_be_bytes());
    engine.commit(batch).await.unwrap();
    number
}

/// Every row, the places of blobs too.
async fn rows(engine: &LocalEngine) -> Vec<Vec<Row>> {
    let mut all = Vec::new();
    let places = Bytes::from_static(b"b")..Bytes::from_static(b"c");
    all.push(engine.scan(Partition::ENGINE, places, 10_000).await.unwrap());
    for partition in engine.partitions().unwrap() {
        let range = Bytes::from_static(&[0])..Bytes::from_static(&[255]);
        all.push(engine.scan(partition, range, 10_000).await.unwrap());
    }
    all
}

/// Files in the log's folder with an ending, in order.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("log")).unwrap();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.to_string_lossy().ends_with(ending));
    found.sort();
    found
}

/// Waits, not longer than a slow machine needs.
fn until(mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never comes");
        std::thread::yield_now();
    }
}

/// A copy that has everything put so far: it and the index stand at one place.
fn copied(folder: &Path, after: Option<&Path>) -> PathBuf {
    until(|| {
        files(folder, ".copy")
            .iter()
            .any(|path| Some(path.as_path()) > after)
    });
    files(folder, ".copy").pop().unwrap()
}

/// A closed folder: some segments, a copy of the index taken in the middle, and what it held.
async fn folder_with_copy() -> (TempDir, Vec<Vec<Row>>) {
    let folder = TempDir::new().unwrap();
    let engine = LocalEngine::open(folder.path(), options()).unwrap();
    for n in 0..20 {
        put(&engine, n).await;
    }
    engine.close().await.unwrap();
    drop(engine);
    let engine = LocalEngine::open(folder.path(), copying()).unwrap();
    copied(folder.path(), None);
    engine.close().await.unwrap();
    drop(engine);
    let engine = LocalEngine::open(folder.path(), options()).unwrap();
    for n in 20..40 {
        put(&engine, n).await;
    }
    let held = rows(&engine).await;
    engine.close().await.unwrap();
    drop(engine);
    assert_eq!(files(folder.path(), ".copy").len(), 1);
    assert!(files(folder.path(), ".seg").len() > 6);
    (folder, held)
}

fn flip(path: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut octet = [0];
    file.read_exact_at(&mut octet, at).unwrap();
    file.write_all_at(&[octet[0] ^ 4], at).unwrap();
}

fn lose_index(folder: &Path) {
    fs::remove_dir_all(folder.join("index")).unwrap();
}

fn told(engine: &LocalEngine) -> String {
    engine
        .findings()
        .iter()
        .map(|finding| format!("{finding}\n"))
        .collect()
}

#[tokio::test]
async fn a_lost_index_comes_back_exactly_from_its_copy_although_the_first_segment_is_missing() {
    let (folder, held) = folder_with_copy().await;
    lose_index(folder.path());
    fs::remove_file(&files(folder.path(), ".seg")[0]).unwrap();
    let engine = LocalEngine::open(folder.path(), options()).unwrap();
    assert_eq!(rows(&engine).await, held);
    assert_eq!(engine.history(), History::Whole);
    let told = told(&engine);
    assert!(
        told.contains("00000001.seg") && told.contains("index-00000001.copy"),
        "{told}"
    );
    // The numbers go on above those that were given out.
    let highest = held[0].last().unwrap().key.slice(1..);
    assert!(engine.next_blob().0.to_be_bytes()[..] > highest[..]);
    put(&engine, 40).await;
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_damaged_or_cut_copy_is_told_and_the_whole_log_is_replayed() {
    let (folder, held) = folder_with_copy().await;
    let copy = files(folder.path(), ".copy").remove(0);
    let whole = fs::read(&copy).unwrap();
    let places = [3, 20, 70, whole.len() / 2, whole.len() - 3];
    for place in places {
        for cut in [false, true] {
            match cut {
                true => fs::write(&copy, &whole[..place]).unwrap(),
                false => flip(&copy, place as u64),
            }
            lose_index(folder.path());
            let engine = LocalEngine::open(folder.path(), options()).unwrap();
            assert_eq!(rows(&engine).await, held, "at {place}");
            assert_eq!(engine.history(), History::Whole);
            assert_eq!(engine.findings().len(), 2, "{}", told(&engine));
            assert_eq!(engine.findings()[0].path, copy);
            engine.close().await.unwrap();
            fs::write(&copy, &whole).unwrap();
        }
    }
}

#[tokio::test]
async fn without_copy_and_first_segment_what_is_left_is_kept_listed_and_said_until_it_is_settled() {
    let (folder, held) = folder_with_copy().await;
    lose_index(folder.path());
    flip(&files(folder.path(), ".copy")[0], 100);
    fs::remove_file(&files(folder.path(), ".seg")[0]).unwrap();
    let mut listed = Vec::new();
    // Killed before it is settled: said again, and the same.
    for round in 0..3 {
        let engine = LocalEngine::open(folder.path(), options()).unwrap();
        assert_eq!(engine.history(), History::Salvaged, "round {round}");
        assert!(
            round > 0 || told(&engine).contains("00000001.seg"),
            "{}",
            told(&engine)
        );
        let now = rows(&engine).await;
        for (held, now) in held.iter().zip(&now) {
            assert!(now.iter().all(|row| held.contains(row)) && now.len() < held.len());
        }
        let mut left = Vec::new();
        let mut blobs = engine.left_blobs().unwrap();
        while let Some(some) = blobs.next().await.unwrap() {
            left.extend(some);
        }
        assert_eq!(left.len(), now[0].len());
        assert_eq!(left.last().unwrap().note, "note 39");
        for blob in &left {
            assert_eq!(engine.read_blob(blob.blob, ALL).await.unwrap().len(), 5000);
        }
        listed.push((left, now));
        if round == 2 {
            engine.settle(77).await.unwrap();
        }
        engine.close().await.unwrap();
    }
    assert!(listed.iter().all(|list| *list == listed[0]));
    let engine = LocalEngine::open(folder.path(), options()).unwrap();
    assert_eq!(
        (engine.history(), engine.salvaged().unwrap()),
        (History::Whole, Some(77))
    );
    engine.close().await.unwrap();
    drop(engine);
    // Lost once more: an earlier salvage in the log does not hide it.
    lose_index(folder.path());
    fs::remove_file(&files(folder.path(), ".copy")[0]).unwrap();
    let engine = LocalEngine::open(folder.path(), options()).unwrap();
    assert_eq!(engine.history(), History::Salvaged);
}

#[tokio::test]
async fn a_log_that_is_gone_is_missed_where_a_copy_shows_that_there_was_one() {
    for damaged in [false, true] {
        let (folder, held) = folder_with_copy().await;
        lose_index(folder.path());
        if damaged {
            flip(&files(folder.path(), ".copy")[0], 100);
        }
        for segment in files(folder.path(), ".seg") {
            fs::remove_file(segment).unwrap();
        }
        let engine = LocalEngine::open(folder.path(), options()).unwrap();
        assert_eq!(engine.history(), History::Salvaged);
        let now = rows(&engine).await;
        assert_eq!(now.iter().all(Vec::is_empty), damaged);
        assert!(now.len() <= held.len());
    }
    // A new folder whose index was half made.
    let folder = TempDir::new().unwrap();
    drop(LocalEngine::open(folder.path(), options()).unwrap());
    fs::write(folder.path().join("index/data.mdb"), [0; 5000]).unwrap();
    let engine = LocalEngine::open(folder.path(), options()).unwrap();
    assert_eq!(engine.history(), History::Whole);
}

#[tokio::test]
async fn a_segment_missing_in_the_middle_is_told_and_salvaged_only_if_it_was_needed() {
    let (folder, held) = folder_with_copy().await;
    let segments = files(folder.path(), ".seg");
    let missing = &segments[segments.len() - 2];
    let kept = fs::read(missing).unwrap();
    fs::remove_file(missing).unwrap();
    let engine = LocalEngine::open(folder.path(), options()).unwrap();
    assert_eq!(
        (rows(&engine).await, engine.history()),
        (held.clone(), History::Whole)
    );
    assert!(engine.findings().iter().any(|finding| finding.path == *missing));
    drop(engine);
    lose_index(folder.path());
    let engine = LocalEngine::open(folder.path(), options()).unwrap();
    assert_eq!(engine.history(), History::Salvaged);
    assert!(engine.findings().iter().any(|finding| finding.path == *missing));
    assert_ne!(rows(&engine).await, held);
    drop(engine);
    // It is there again, and so is everything.
    fs::write(missing, kept).unwrap();
    lose_index(folder.path());
    let engine = LocalEngine::open(folder.path(), options()).unwrap();
    assert_eq!((rows(&engine).await, engine.history()), (held, History::Whole));
}

#[tokio::test]
async fn damage_in_what_is_replayed_is_a_salvage_where_rows_are_lost_and_not_where_bytes_are() {
    let folder = TempDir::new().unwrap();
    let engine = LocalEngine::open(folder.path(), Options::default()).unwrap();
    for n in 0..3 {
        put(&engine, n).await;
    }
    engine.close().await.unwrap();
    drop(engine);
    let segment = &files(folder.path(), ".seg")[0];
    let whole = fs::read(segment).unwrap();
    // The second group, at 12288: its blob's bytes, its blob's header, its batch's rows; and a segment cut in it.
    let batch = 12288 + (72 + 6 + 5000_u64).next_multiple_of(8);
    let damages = [
        (12288 + 3000, History::Whole),
        (12288 + 20, History::Salvaged),
        (batch + 80, History::Salvaged),
        (batch + 20, History::Salvaged),
    ];
    for (place, history) in damages {
        fs::write(segment, &whole).unwrap();
        flip(segment, place);
        lose_index(folder.path());
        let engine = LocalEngine::open(folder.path(), Options::default()).unwrap();
        assert_eq!(engine.history(), history, "at {place}: {}", told(&engine));
    }
}

#[tokio::test]
async fn a_copy_is_taken_when_it_is_due_only_after_a_change_and_replaces_the_one_before() {
    let folder = TempDir::new().unwrap();
    let engine = LocalEngine::open(folder.path(), copying()).unwrap();
    put(&engine, 1).await;
    let first = copied(folder.path(), None);
    put(&engine, 2).await;
    let second = copied(folder.path(), Some(&first));
    until(|| files(folder.path(), ".copy").len() == 1);
    let mut found = Vec::new();
    let counts = check(&engine, &mut |finding| found.push(finding)).unwrap();
    assert_eq!(found, []);
    assert!(counts.copy.unwrap().rows > 0);
    engine.close().await.unwrap();
    drop(engine);
    assert!(files(folder.path(), ".copy") >= vec![second]);
    assert!(files(folder.path(), ".new").is_empty());
    // A day has not passed.
    let before = files(folder.path(), ".copy");
    let engine = LocalEngine::open(folder.path(), options()).unwrap();
    put(&engine, 3).await;
    engine.close().await.unwrap();
    assert_eq!(files(folder.path(), ".copy"), before);
}

#[tokio::test]
async fn a_check_tells_of_a_damaged_copy_and_another_is_made() {
    let (folder, _) = folder_with_copy().await;
    let copy = files(folder.path(), ".copy").remove(0);
    flip(&copy, 1000);
    let engine = LocalEngine::open(folder.path(), options()).unwrap();
    let mut found = Vec::new();
    let counts = check(&engine, &mut |finding| found.push(finding)).unwrap();
    assert_eq!((found.len(), counts.copy), (1, None));
    assert_eq!(found[0].path, copy);
    copied(folder.path(), Some(&copy));
    until(|| !copy.exists());
    found.clear();
    let counts = check(&engine, &mut |finding| found.push(finding)).unwrap();
    assert_eq!(found, []);
    assert!(counts.copy.is_some());
}

/// A disk on which copies of the index cannot be written, or not be renamed.
#[derive(Default)]
struct Faults {
    write: AtomicI32,
    rename: AtomicI32,
    met: AtomicI32,
}

struct FaultyFiles(Arc<Faults>);
struct FaultyCopy(Arc<Faults>, Box<dyn LogFile>);

impl Faults {
    fn meet(&self, place: &AtomicI32) -> io::Result<()> {
        match place.load(Ordering::SeqCst) {
            0 => Ok(()),
            code => {
                self.met.fetch_add(1, Ordering::SeqCst);
                Err(io::Error::from_raw_os_error(code))
            }
        }
    }
}

impl Files for FaultyFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        let file = SystemFiles.create(path)?;
        match path.extension().is_some_and(|ending| ending == "new") {
            true => Ok(Box::new(FaultyCopy(Arc::clone(&self.0), file))),
            false => Ok(file),
        }
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        SystemFiles.open(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.meet(&self.0.rename)?;
        SystemFiles.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        // Killed before the rename is killed before this, too.
        self.0.meet(&self.0.rename)?;
        SystemFiles.remove(path)
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        SystemFiles.sync_folder(path)
    }
}

impl LogFile for FaultyCopy {
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        // The head has room; what comes after it has not.
        if offset > 0 {
            self.0.meet(&self.0.write)?;
        }
        self.1.write_at(pieces, offset)
    }
    fn write_blocks(&self, blocks: &[u8], offset: u64) -> io::Result<usize> {
        self.0.meet(&self.0.write)?;
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

fn faulty(faults: &Arc<Faults>) -> Options {
    Options {
        files: Arc::new(FaultyFiles(Arc::clone(faults))),
        ..copying()
    }
}

#[tokio::test]
async fn a_disk_that_is_full_during_a_copy_leaves_the_old_one_and_mail_comes_in() {
    let (folder, _) = folder_with_copy().await;
    let old = files(folder.path(), ".copy");
    let faults = Arc::new(Faults::default());
    faults.write.store(ENOSPC, Ordering::SeqCst);
    let engine = LocalEngine::open(folder.path(), faulty(&faults)).unwrap();
    until(|| faults.met.load(Ordering::SeqCst) > 1);
    put(&engine, 50).await;
    assert_eq!(files(folder.path(), ".copy"), old);
    let mut found = Vec::new();
    let counts = check(&engine, &mut |finding| found.push(finding)).unwrap();
    assert!(found.is_empty() && counts.copy.is_some(), "{found:?}");
    faults.write.store(0, Ordering::SeqCst);
    copied(folder.path(), Some(&old[0]));
    engine.close().await.unwrap();
    assert!(files(folder.path(), ".new").is_empty());
}

#[tokio::test]
async fn killed_between_copy_and_rename_the_old_copy_counts_and_the_new_file_goes() {
    let (folder, held) = folder_with_copy().await;
    let old = files(folder.path(), ".copy");
    let faults = Arc::new(Faults::default());
    faults.rename.store(EIO, Ordering::SeqCst);
    let engine = LocalEngine::open(folder.path(), faulty(&faults)).unwrap();
    until(|| faults.met.load(Ordering::SeqCst) > 1);
    engine.close().await.unwrap();
    drop(engine);
    assert_eq!(files(folder.path(), ".new").len(), 1);
    assert_eq!(files(folder.path(), ".copy"), old);
    lose_index(folder.path());
    fs::remove_file(&files(folder.path(), ".seg")[0]).unwrap();
    let engine = LocalEngine::open(folder.path(), options()).unwrap();
    assert_eq!((rows(&engine).await, engine.history()), (held, History::Whole));
    assert!(files(folder.path(), ".new").is_empty());
}
