//! The engine of one machine: what it promises, in a real folder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use posthouse_engine::check::check;
use posthouse_engine::memory::MemoryEngine;
use posthouse_engine::{Batch, BlobNumber, Engine, EngineError, LocalEngine, OpenError, Options, Partition};
use tempfile::TempDir;

const ALL: std::ops::Range<u64> = 0..u64::MAX;

fn open(path: &Path) -> LocalEngine {
    LocalEngine::open(path, Options::default()).unwrap()
}

async fn put(engine: &dyn Engine, partition: u64, key: &str, bytes: &[u8]) -> BlobNumber {
    let number = engine.next_blob();
    let mut batch = Batch::new(Partition(partition));
    batch.put_blob(number, Bytes::copy_from_slice(bytes), Bytes::from_static(b"note"));
    batch.put(key.as_bytes(), &number.0.to_be_bytes());
    engine.commit(batch).await.unwrap();
    number
}

async fn value(engine: &dyn Engine, partition: u64, key: &str) -> Option<Bytes> {
    let key = Bytes::copy_from_slice(key.as_bytes());
    engine
        .get_many(Partition(partition), &[key])
        .await
        .unwrap()
        .remove(0)
}

/// A copy of a folder as it is now: as a crash would leave it, had every write reached the disk.
fn crashed(folder: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for sub in ["", "log", "index"] {
        fs::create_dir_all(copy.path().join(sub)).unwrap();
        for entry in fs::read_dir(folder.join(sub)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() && entry.file_name() != "lock.mdb" {
                fs::copy(entry.path(), copy.path().join(sub).join(entry.file_name())).unwrap();
            }
        }
    }
    copy
}

fn segment(folder: &Path) -> PathBuf {
    folder.join("log/00000001.seg")
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_closing_and_after_a_crash() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let blob = put(&engine, 1, "a", b"hello").await;
    let copy = crashed(folder.path());
    engine.close().await.unwrap();
    assert!(matches!(
        engine.commit(Batch::new(Partition(1))).await,
        Err(EngineError::Closed)
    ));
    drop(engine);
    for path in [folder.path(), copy.path()] {
        let engine = open(path);
        assert_eq!(engine.findings(), []);
        assert_eq!(value(&engine, 1, "a").await.unwrap(), blob.0.to_be_bytes()[..]);
        assert_eq!(engine.read_blob(blob, ALL).await.unwrap(), "hello");
        assert_eq!(engine.read_blob(blob, 1..3).await.unwrap(), "el");
        assert!(engine.next_blob() > blob);
        let mut found = Vec::new();
        let counts = check(&engine, &mut |finding| found.push(finding)).unwrap();
        assert_eq!((found, counts.records), (vec![], 2));
    }
}

#[tokio::test]
async fn a_second_opener_and_a_foreign_folder_are_refused() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let second = LocalEngine::open(folder.path(), Options::default());
    assert!(matches!(second, Err(OpenError::Locked(_))));
    drop(engine);
    let foreign = TempDir::new().unwrap();
    fs::write(foreign.path().join("letter.txt"), "Dear").unwrap();
    let refused = LocalEngine::open(foreign.path(), Options::default());
    assert!(matches!(refused, Err(OpenError::Foreign(_))));
}

/// An older program must not open a folder with large blobs in files of their own: it would take these for segments.
#[tokio::test]
async fn a_folder_of_an_older_form_opens_and_is_one_of_this_form_from_then_on_and_a_newer_one_is_refused() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let blob = put(&engine, 1, "a", b"hello").await;
    engine.close().await.unwrap();
    drop(engine);
    let path = folder.path().join("format");
    let now = fs::read_to_string(&path).unwrap();
    assert!(now.starts_with("posthouse engine 2\n"), "{now}");
    let life = format!("{now}life 00000000000000ab\n");
    let founded = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::write(&path, life.replace("engine 2", "engine 1")).unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(founded)
        .unwrap();
    let engine = open(folder.path());
    assert_eq!(engine.findings(), []);
    assert_eq!(engine.read_blob(blob, ALL).await.unwrap(), "hello");
    assert_eq!(fs::read_to_string(&path).unwrap(), life);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), founded);
    drop(engine);
    for other in ["0", "3", "10", "", "x"] {
        let text = life.replace("engine 2", &format!("engine {other}"));
        fs::write(&path, &text).unwrap();
        let refused = LocalEngine::open(folder.path(), Options::default());
        assert!(matches!(refused, Err(OpenError::Format { .. })), "{other}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "nothing was touched");
    }
}

#[tokio::test]
async fn a_lost_or_cut_index_is_made_again_from_the_log() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let mut blobs = Vec::new();
    for n in 0..50 {
        blobs.push(put(&engine, n, "a", &vec![b'x'; 3000]).await);
    }
    engine.close().await.unwrap();
    drop(engine);
    let index = folder.path().join("index/data.mdb");
    for damage in 0..3 {
        match damage {
            0 => fs::remove_file(&index).unwrap(),
            1 => fs::File::options()
                .write(true)
                .open(&index)
                .unwrap()
                .set_len(3 * 4096)
                .unwrap(),
            _ => fs::write(&index, b"nothing").unwrap(),
        }
        let engine = open(folder.path());
        assert_eq!(engine.findings().len(), 1, "{:?}", engine.findings());
        for (n, blob) in blobs.iter().enumerate() {
            assert_eq!(
                value(&engine, n as u64, "a").await.unwrap(),
                blob.0.to_be_bytes()[..]
            );
            assert_eq!(engine.read_blob(*blob, ALL).await.unwrap().len(), 3000);
        }
        engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_torn_last_group_is_dropped_and_damage_before_it_is_told() {
    let folder = TempDir::new().unwrap();
    // The index takes nothing over, so that everything is replayed.
    let options = Options {
        interval: std::time::Duration::from_secs(3600),
        ..Options::default()
    };
    let engine = LocalEngine::open(folder.path(), options).unwrap();
    let mut blobs = Vec::new();
    for n in 0..3 {
        blobs.push(put(&engine, n, "a", &vec![b'x'; 5000]).await);
    }
    // Groups of 5,000 octets lie at 4096, 12288 and 20480.
    for (damaged, findings, lost) in [(20480 + 4500, 0, 2), (12288 + 4500, 2, 1), (4096 + 10, 2, 0)] {
        let copy = crashed(folder.path());
        let file = fs::File::options()
            .read(true)
            .write(true)
            .open(segment(copy.path()))
            .unwrap();
        let mut octet = [0];
        file.read_exact_at(&mut octet, damaged).unwrap();
        file.write_all_at(&[octet[0] ^ 4], damaged).unwrap();
        let engine = open(copy.path());
        assert_eq!(engine.findings().len(), findings, "{:?}", engine.findings());
        for (n, blob) in blobs.iter().enumerate() {
            let read = engine.read_blob(*blob, ALL).await;
            match (n == lost, lost) {
                (false, _) => assert_eq!(read.unwrap().len(), 5000),
                (true, 1) => assert!(matches!(read, Err(EngineError::Damaged { .. }))),
                (true, _) => assert!(matches!(read, Err(EngineError::NoBlob(_)))),
            }
        }
        put(&engine, 9, "after", b"x").await;
    }
}

#[tokio::test]
async fn a_cut_segment_is_told_and_the_rest_is_read() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let first = put(&engine, 1, "a", &vec![b'x'; 5000]).await;
    let second = put(&engine, 1, "b", &vec![b'x'; 5000]).await;
    engine.close().await.unwrap();
    drop(engine);
    let file = fs::File::options()
        .write(true)
        .open(segment(folder.path()))
        .unwrap();
    file.set_len(15000).unwrap();
    let engine = open(folder.path());
    assert_eq!(engine.findings()[0].path, segment(folder.path()));
    assert_eq!(engine.read_blob(first, ALL).await.unwrap().len(), 5000);
    assert!(matches!(
        engine.read_blob(second, ALL).await,
        Err(EngineError::Damaged { .. })
    ));
    let mut found = Vec::new();
    check(&engine, &mut |finding| found.push(finding)).unwrap();
    assert!(!found.is_empty());
}

#[tokio::test]
async fn it_answers_as_the_memory_engine_does_with_reopening_in_between() {
    let folder = TempDir::new().unwrap();
    let memory = MemoryEngine::default();
    let mut seed = 7_u64;
    let mut random = move |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let range = Bytes::from_static(b"b")..Bytes::from_static(b"k");
    for round in 0..12 {
        let options = Options {
            interval: std::time::Duration::from_millis(5),
            ..Options::default()
        };
        let engine = LocalEngine::open(folder.path(), options).unwrap();
        for _ in 0..40 {
            let mut batch = Batch::new(Partition(random(3)));
            for _ in 0..random(6) {
                let key = [b'a' + u8::try_from(random(16)).unwrap()];
                if random(3) == 0 {
                    batch.delete(&key);
                } else {
                    batch.put(&key, &random(1000).to_be_bytes());
                }
            }
            memory.commit(batch.clone()).await.unwrap();
            engine.commit(batch).await.unwrap();
            let (partition, limit) = (Partition(random(3)), usize::try_from(random(12)).unwrap());
            let wanted = memory.scan(partition, range.clone(), limit).await.unwrap();
            assert_eq!(
                engine.scan(partition, range.clone(), limit).await.unwrap(),
                wanted,
                "round {round}"
            );
            let wanted = memory.scan_back(partition, range.clone(), limit).await.unwrap();
            assert_eq!(
                engine.scan_back(partition, range.clone(), limit).await.unwrap(),
                wanted
            );
        }
        if round % 2 == 0 {
            engine.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn many_blobs_are_read_as_one_by_one_and_damage_is_told_for_its_own() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let mut blobs = Vec::new();
    for n in 0..40_u64 {
        let size = usize::try_from(n * n * 50).unwrap();
        blobs.push(put(&engine, n % 3, "a", &vec![u8::try_from(n).unwrap(); size]).await);
    }
    // In another order, one of them twice, and one that is not there.
    let mut asked: Vec<_> = blobs.iter().rev().copied().chain([blobs[7]]).collect();
    asked.insert(5, posthouse_engine::BlobNumber(9_999));
    let read = engine.read_blobs(asked.clone()).await.unwrap();
    for (blob, outcome) in asked.iter().zip(&read) {
        match engine.read_blob(*blob, ALL).await {
            Ok(bytes) => assert_eq!(*outcome.as_ref().unwrap(), bytes),
            Err(_) => assert!(matches!(outcome, Err(EngineError::NoBlob(9_999)))),
        }
    }
    let seen = engine
        .test_blobs(
            asked.clone(),
            Box::new(|blob| blob.first().is_some_and(|o| o % 2 == 1)),
        )
        .await
        .unwrap();
    for (outcome, said) in read.iter().zip(seen) {
        let wanted = outcome
            .as_ref()
            .map(|blob| blob.first().is_some_and(|o| o % 2 == 1));
        assert_eq!(wanted.ok(), said.ok());
    }
    engine.close().await.unwrap();
    drop(engine);
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(segment(folder.path()))
        .unwrap();
    let at = fs::read(segment(folder.path()))
        .unwrap()
        .windows(900)
        .position(|w| w.iter().all(|o| *o == 11))
        .unwrap();
    file.write_all_at(&[12], at as u64 + 500).unwrap();
    let engine = open(folder.path());
    let read = engine.read_blobs(blobs.clone()).await.unwrap();
    let damaged: Vec<usize> = (0..40).filter(|n| read[*n].is_err()).collect();
    assert_eq!(damaged, [11]);
    let said = engine
        .test_blobs(blobs.clone(), Box::new(|_| true))
        .await
        .unwrap();
    let damaged: Vec<usize> = (0..40).filter(|n| said[*n].is_err()).collect();
    assert_eq!(damaged, [11]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_arrive_however_their_writers_wait() {
    let folder = TempDir::new().unwrap();
    let engine = Arc::new(open(folder.path()));
    let batch = |key: String| {
        let mut batch = Batch::new(Partition(7));
        batch.put(key.as_bytes(), b"there");
        batch
    };
    // Polled late, in the other order.
    let mut bulk: Vec<_> = (0..700)
        .map(|n| engine.commit(batch(format!("bulk{n}"))))
        .collect();
    while let Some(answer) = bulk.pop() {
        answer.await.unwrap();
    }
    // Alone, one after the other.
    for n in 0..20 {
        engine.commit(batch(format!("alone{n}"))).await.unwrap();
        assert_eq!(value(&*engine, 7, &format!("alone{n}")).await.unwrap(), "there");
    }
    // Never polled.
    drop(engine.commit(batch("dropped".to_owned())));
    let arrives = async {
        while value(&*engine, 7, "dropped").await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(20), arrives).await;
    in_time.expect("a batch whose writer has gone");
    // Many at once.
    let writers = (0..16).map(|writer| {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move {
            for n in 0..50 {
                engine.commit(batch(format!("many{writer}.{n}"))).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    engine.close().await.unwrap();
    for key in ["bulk0", "bulk699", "dropped", "many15.49"] {
        assert_eq!(value(&*engine, 7, key).await.unwrap(), "there", "{key}");
    }
    let late = engine.commit(batch("late".to_owned())).await;
    assert!(matches!(late, Err(EngineError::Closed)), "{late:?}");
}
