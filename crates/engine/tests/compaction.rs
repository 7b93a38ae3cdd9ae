//! Room that is given back: the log stays within its bound, and what lives is there whatever happens in between.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use posthouse_engine::check::check;
use posthouse_engine::files::{Files, LogFile, SystemFiles};
use posthouse_engine::{
    Batch, BlobNumber, Engine, EngineError, History, LocalEngine, Options, Partition, Room,
};
use tempfile::TempDir;

const ALL: std::ops::Range<u64> = 0..u64::MAX;
const SEGMENT: u64 = 128 << 10;
const STEP: u64 = 32 << 10;
/// Octets of a record beside its bytes: header, note, padding.
const HEAD: u64 = 72 + 16 + 8;

fn options() -> Options {
    Options {
        segment: SEGMENT,
        step: STEP,
        interval: Duration::from_millis(1),
        ..Options::default()
    }
}

fn open(path: &Path) -> Arc<LocalEngine> {
    Arc::new(LocalEngine::open(path, options()).unwrap())
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

/// What lives: the bytes of each blob.
type Living = BTreeMap<BlobNumber, Bytes>;

async fn put(engine: &LocalEngine, living: &mut Living, length: u64) -> BlobNumber {
    let blob = engine.next_blob();
    let octets: Vec<u8> = (0..length).map(|at| (blob.0 * 31 + at / 7) as u8).collect();
    let bytes = Bytes::from(octets);
    let mut batch = Batch::new(Partition((1 << 33) | (blob.0 % 5)));
    batch.put_blob(blob, bytes.clone(), Bytes::from(format!("note {:011}", blob.0)));
    batch.put(&blob.0.to_be_bytes(), b"row");
    engine.commit(batch).await.unwrap();
    living.insert(blob, bytes);
    blob
}

/// Releases what is not in the model.
async fn release(engine: &LocalEngine, living: &Living) -> u64 {
    let lives = |blob: BlobNumber| living.contains_key(&blob);
    engine.release(engine.reached(), &lives).await.unwrap()
}

async fn compact(engine: &Arc<LocalEngine>) -> Result<Room, EngineError> {
    let engine = Arc::clone(engine);
    tokio::task::spawn_blocking(move || engine.compact())
        .await
        .unwrap()
}

/// Compacts until no more than one segment waits for a copy of the index: for several one is made before its time.
async fn settle(engine: &Arc<LocalEngine>) -> Room {
    let begun = Instant::now();
    loop {
        let room = compact(engine).await.unwrap();
        if room.spent <= 1 {
            return room;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{room:?}");
        tokio::task::yield_now().await;
    }
}

async fn all_is_there(engine: &LocalEngine, living: &Living, place: &str) {
    for (blob, bytes) in living {
        let read = engine.read_blob(*blob, ALL).await;
        assert_eq!(read.as_ref().ok(), Some(bytes), "{place}: {blob:?} {read:?}");
    }
    let numbers: Vec<_> = living.keys().copied().collect();
    for (read, bytes) in engine
        .read_blobs(numbers.clone())
        .await
        .unwrap()
        .iter()
        .zip(living.values())
    {
        assert_eq!(read.as_ref().unwrap(), bytes, "{place}");
    }
    let tested = engine
        .test_blobs(numbers, Box::new(|octets| octets.len() > 1))
        .await
        .unwrap();
    assert!(tested.into_iter().all(|said| said.unwrap()), "{place}");
}

fn nothing_is_damaged(engine: &LocalEngine) {
    let mut found = Vec::new();
    check(engine, &mut |finding| found.push(finding)).unwrap();
    assert_eq!(found, []);
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("log")).unwrap();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|ending| ending == "seg"));
    found.sort();
    found
}

fn log_octets(folder: &Path) -> u64 {
    segments(folder)
        .iter()
        .map(|path| fs::metadata(path).unwrap().len())
        .sum()
}

/// Deletes a part of what lives, at random.
fn delete(living: &mut Living, random: &mut Random, of_ten: u64) -> Vec<BlobNumber> {
    let gone: Vec<_> = living
        .keys()
        .copied()
        .filter(|_| random.below(10) < of_ten)
        .collect();
    gone.iter().for_each(|blob| drop(living.remove(blob)));
    gone
}

/// A folder after some churn, closed: most segments were compacted.
async fn churned(folder: &Path) -> Living {
    let engine = open(folder);
    let (mut living, mut random) = (Living::new(), Random(5));
    for _ in 0..6 {
        for _ in 0..60 {
            let length = 1000 + random.below(8000);
            put(&engine, &mut living, length).await;
        }
        delete(&mut living, &mut random, 7);
        release(&engine, &living).await;
        settle(&engine).await;
    }
    engine.close().await.unwrap();
    living
}

#[tokio::test]
async fn the_log_never_grows_past_one_and_a_half_times_what_lives_and_two_segments() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let (mut living, mut random) = (Living::new(), Random(1));
    let (mut written, mut largest) = (0, 0);
    for round in 0..40 {
        for _ in 0..30 {
            // Some do not fit a group of the compactor.
            let length = match random.below(200) {
                0 => 100_000,
                _ => 500 + random.below(12_000),
            };
            written += length;
            put(&engine, &mut living, length).await;
        }
        let of_ten = [1, 9, 4, 0, 5][round % 5];
        let gone = delete(&mut living, &mut random, of_ten);
        assert_eq!(release(&engine, &living).await, gone.len() as u64);
        assert_eq!(
            release(&engine, &living).await,
            0,
            "a second time nothing is released"
        );
        settle(&engine).await;
        let lives: u64 = living.values().map(|bytes| bytes.len() as u64 + HEAD).sum();
        let log = log_octets(folder.path());
        assert!(
            2 * log <= 3 * lives + 2 * (2 * SEGMENT + STEP),
            "round {round}: {log} octets of log for {lives}"
        );
        largest = largest.max(log);
        all_is_there(&engine, &living, &format!("round {round}")).await;
        for blob in gone {
            assert!(matches!(
                engine.read_blob(blob, ALL).await,
                Err(EngineError::NoBlob(_))
            ));
        }
    }
    nothing_is_damaged(&engine);
    println!("{written} octets came, the log had {largest} at the most");
    assert!(written > 3 * largest, "nothing was shown");
}

#[tokio::test]
async fn a_compacted_folder_opens_without_complaint_and_from_its_copy_alone() {
    let folder = TempDir::new().unwrap();
    let mut living = churned(folder.path()).await;
    assert!(segments(folder.path())[0] > folder.path().join("log/00000005.seg"));
    let engine = open(folder.path());
    assert_eq!((engine.findings(), engine.history()), (&[][..], History::Whole));
    all_is_there(&engine, &living, "after a restart").await;
    nothing_is_damaged(&engine);
    put(&engine, &mut living, 3000).await;
    engine.close().await.unwrap();
    drop(engine);
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    let engine = open(folder.path());
    assert_eq!(engine.history(), History::Whole);
    let index = folder.path().join("index");
    assert!(
        engine
            .findings()
            .iter()
            .all(|finding| finding.path.starts_with(&index))
    );
    all_is_there(&engine, &living, "from the copy").await;
}

#[tokio::test]
async fn without_index_and_copy_what_was_moved_is_found_by_its_notes_and_what_was_released_is_not() {
    let folder = TempDir::new().unwrap();
    let living = churned(folder.path()).await;
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    for entry in fs::read_dir(folder.path().join("log")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "copy") {
            fs::remove_file(path).unwrap();
        }
    }
    let engine = open(folder.path());
    assert_eq!(engine.history(), History::Salvaged);
    let mut left = engine.left_blobs().unwrap();
    let mut found = BTreeMap::new();
    while let Some(blobs) = left.next().await.unwrap() {
        found.extend(blobs.into_iter().map(|left| (left.blob, left.note)));
    }
    for blob in living.keys() {
        assert_eq!(found[blob], format!("note {:011}", blob.0), "{blob:?}");
    }
    all_is_there(&engine, &living, "salvaged").await;
    // Until the next start nobody is sure of the rows.
    assert_eq!(release(&engine, &Living::new()).await, 0);
    compact(&engine).await.unwrap();
    all_is_there(&engine, &living, "after a pass that does nothing").await;
}

/// Notes how large the log was at the most, whenever another segment was begun.
#[derive(Default)]
struct Watching(AtomicU64);

impl Files for Watching {
    fn create(&self, path: &Path) -> std::io::Result<Box<dyn LogFile>> {
        let folder = path.parent().unwrap().parent().unwrap();
        self.0.fetch_max(log_octets(folder), Ordering::Relaxed);
        SystemFiles.create(path)
    }
    fn open(&self, path: &Path) -> std::io::Result<Box<dyn LogFile>> {
        SystemFiles.open(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        SystemFiles.rename(from, to)
    }
    fn remove(&self, path: &Path) -> std::io::Result<()> {
        SystemFiles.remove(path)
    }
    fn sync_folder(&self, path: &Path) -> std::io::Result<()> {
        SystemFiles.sync_folder(path)
    }
}

#[tokio::test]
async fn a_log_that_is_mostly_garbage_shrinks_segment_by_segment_and_does_not_grow_first() {
    let folder = TempDir::new().unwrap();
    let files = Arc::new(Watching::default());
    let with_files = Options {
        files: Arc::clone(&files) as Arc<dyn Files>,
        ..options()
    };
    let engine = Arc::new(LocalEngine::open(folder.path(), with_files).unwrap());
    let (mut living, mut random) = (Living::new(), Random(3));
    for _ in 0..250 {
        put(&engine, &mut living, 9000).await;
    }
    delete(&mut living, &mut random, 5);
    let before = log_octets(folder.path());
    files.0.store(0, Ordering::Relaxed);
    release(&engine, &living).await;
    settle(&engine).await;
    let most = files.0.load(Ordering::Relaxed);
    assert!(most > 0, "nothing was moved");
    assert!(
        most <= before + 2 * (SEGMENT + STEP),
        "a log of {before} octets had {most} while it was compacted"
    );
    assert!(log_octets(folder.path()) < before * 7 / 10);
    all_is_there(&engine, &living, "compacted").await;
}

#[tokio::test]
async fn a_spent_segment_behind_the_copy_goes_at_once_and_the_old_copy_still_makes_the_index_again() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let (mut living, mut random) = (Living::new(), Random(4));
    for _ in 0..100 {
        put(&engine, &mut living, 5000).await;
    }
    let copy = engine.hold().unwrap().copy.unwrap();
    let gone = delete(&mut living, &mut random, 6);
    release(&engine, &living).await;
    let before = segments(folder.path());
    let room = compact(&engine).await.unwrap();
    assert_eq!(room.spent, 0, "{room:?}");
    assert!(before[..before.len() - 1].iter().all(|path| !path.exists()));
    put(&engine, &mut living, 3000).await;
    engine.close().await.unwrap();
    drop(engine);
    assert!(copy.path.exists(), "no other copy was made");
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    let engine = open(folder.path());
    assert_eq!(engine.history(), History::Whole);
    let index = folder.path().join("index");
    let findings = engine.findings();
    assert!(
        findings.iter().all(|finding| finding.path.starts_with(&index)),
        "{findings:?}"
    );
    all_is_there(&engine, &living, "from the copy and the log behind it").await;
    for blob in gone {
        let read = engine.read_blob(blob, ALL).await;
        assert!(matches!(read, Err(EngineError::NoBlob(_))), "{blob:?} {read:?}");
    }
    nothing_is_damaged(&engine);
}

#[tokio::test]
async fn a_log_of_rows_that_are_written_over_and_over_is_kept_small_although_nothing_is_released() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let mut living = Living::new();
    put(&engine, &mut living, 3000).await;
    // From then on it is known what lives.
    compact(&engine).await.unwrap();
    let begun = Instant::now();
    let first = segments(folder.path()).remove(0);
    let (mut written, row) = (0_u64, vec![7; 3000]);
    while first.exists() || written < 20 * SEGMENT {
        let mut batch = Batch::new(Partition(1 << 33));
        batch.put(b"the same", &row);
        engine.commit(batch).await.unwrap();
        written += row.len() as u64;
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{:?}",
            segments(folder.path())
        );
    }
    settle(&engine).await;
    assert!(log_octets(folder.path()) < 3 * (SEGMENT + STEP));
    all_is_there(&engine, &living, "moved out of the way").await;
}

#[tokio::test]
async fn a_segment_stays_while_no_copy_of_the_index_is_newer_or_somebody_keeps_it() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let mut living = Living::new();
    for _ in 0..40 {
        put(&engine, &mut living, 5000).await;
    }
    let before = segments(folder.path());
    assert!(before.len() > 1);
    living.clear();
    put(&engine, &mut living, 10).await;
    let kept = engine.keep_segments();
    release(&engine, &living).await;
    assert!(compact(&engine).await.unwrap().spent > 0);
    // A backup makes a copy of the index.
    let held = engine.hold().unwrap();
    assert!(held.copy.is_some());
    drop(held);
    compact(&engine).await.unwrap();
    assert!(before.iter().all(|path| path.exists()), "somebody keeps them");
    drop(kept);
    settle(&engine).await;
    // For the last one alone no copy is made before its time.
    let left = before[..before.len() - 1].iter().filter(|path| path.exists());
    assert!(left.count() <= 1);
    all_is_there(&engine, &living, "afterwards").await;
}

#[tokio::test]
async fn a_blob_that_is_damaged_keeps_its_segment_and_the_others_are_moved() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let mut living = Living::new();
    let spoilt = put(&engine, &mut living, 9000).await;
    let whole = put(&engine, &mut living, 9000).await;
    for _ in 0..40 {
        put(&engine, &mut living, 9000).await;
    }
    let first = segments(folder.path()).remove(0);
    let file = fs::File::options().write(true).open(&first).unwrap();
    file.write_all_at(b"another octet", 6000).unwrap();
    living.retain(|blob, _| *blob <= whole);
    release(&engine, &living).await;
    let begun = Instant::now();
    while segments(folder.path()).len() > 3 {
        compact(&engine).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
    assert!(first.exists());
    assert!(matches!(
        engine.read_blob(spoilt, ALL).await,
        Err(EngineError::Damaged { .. })
    ));
    assert_eq!(engine.read_blob(whole, ALL).await.unwrap(), living[&whole]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_writes_and_releases_while_segments_go_notices_nothing() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let (mut living, mut random) = (Living::new(), Random(9));
    let fixed: Living = {
        for _ in 0..30 {
            put(&engine, &mut living, 7000).await;
        }
        living.clone()
    };
    let (reader, kept) = (Arc::clone(&engine), fixed.clone());
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let reading = tokio::spawn(async move {
        let mut times = 0;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            all_is_there(&reader, &kept, "while segments go").await;
            times += 1;
            tokio::task::yield_now().await;
        }
        times
    });
    for _ in 0..15 {
        let pass = tokio::spawn({
            let engine = Arc::clone(&engine);
            async move { compact(&engine).await.map(|_| ()) }
        });
        for _ in 0..20 {
            put(&engine, &mut living, 4000).await;
        }
        let gone = delete(&mut living, &mut random, 6);
        living.extend(
            gone.iter()
                .filter_map(|blob| Some((*blob, fixed.get(blob)?.clone()))),
        );
        release(&engine, &living).await;
        pass.await.unwrap().unwrap();
    }
    settle(&engine).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(reading.await.unwrap() > 0);
    all_is_there(&engine, &living, "at the end").await;
    nothing_is_damaged(&engine);
    // A place that came back would be released once more.
    assert_eq!(release(&engine, &living).await, 0);
}
