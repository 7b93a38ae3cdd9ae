//! How long a delivery of 10 kB waits while large messages are delivered, and while they are compacted:
//! `cargo run --release -p posthouse-engine --example large [now|before] [MEGABYTES] [FOLDER]`.
//!
//! `before` has large blobs in the log itself, each as one group, as it was before they had files of their own. What is compacted lies
//! in the log in both cases: `now` it leaves it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program to measure with"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use posthouse_engine::{Batch, BlobNumber, Engine, LocalEngine, Options, Partition};

const SEGMENT: u64 = 128 << 20;
/// Large messages delivered, and as many compacted.
const COUNT: usize = 6;

fn open(folder: &Path, large: u64) -> Arc<LocalEngine> {
    let options = Options {
        segment: SEGMENT,
        large,
        ..Options::default()
    };
    Arc::new(LocalEngine::open(folder, options).unwrap())
}

async fn put(engine: &LocalEngine, length: usize) -> BlobNumber {
    let blob = engine.next_blob();
    let mut batch = Batch::new(Partition((1 << 32) | (blob.0 % 100)));
    let octets: Vec<u8> = (0..length).map(|at| (at * 31 / 7) as u8).collect();
    batch.put_blob(blob, Bytes::from(octets), Bytes::from_static(&[0; 57]));
    batch.put(&blob.0.to_be_bytes(), &[0; 100]);
    engine.commit(batch).await.unwrap();
    blob
}

/// Delivers small messages until it is told to stop; says how long they took.
async fn write(engine: Arc<LocalEngine>, stop: Arc<AtomicBool>, what: &'static str) {
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        put(&engine, 10_000).await;
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    times.sort_unstable();
    let at = |of_thousand: usize| times.get(times.len() * of_thousand / 1000).copied();
    println!(
        "{what}: {} deliveries, p50 {:.2?}, p99 {:.2?}, slowest {:.2?}",
        times.len(),
        at(500).unwrap_or_default(),
        at(990).unwrap_or_default(),
        times.last().copied().unwrap_or_default()
    );
}

async fn beside(engine: &Arc<LocalEngine>, what: &'static str, work: impl Future<Output = ()>) {
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write(Arc::clone(engine), Arc::clone(&stop), what));
    let begun = Instant::now();
    work.await;
    let time = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    println!("  it took {time:.2?}");
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let large = match arguments.next().as_deref() {
        Some("before") => u64::MAX,
        _ => Options::default().large,
    };
    let length = arguments.next().map_or(50, |text| text.parse().unwrap()) << 20;
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments
        .next()
        .map_or(temporary.path().to_owned(), PathBuf::from);
    let engine = open(&folder, u64::MAX);
    let mut living = Vec::new();
    for number in 0..2 * COUNT {
        let blob = put(&engine, length).await;
        living.extend((number % 2 == 0).then_some(blob));
    }
    engine.close().await.unwrap();
    drop(engine);
    let engine = open(&folder, large);
    let limit = AtomicU64::new(engine.reached().0);
    beside(&engine, "alone", tokio::time::sleep(Duration::from_secs(3))).await;
    beside(&engine, "while large ones are compacted", async {
        let lives = |blob: BlobNumber| living.contains(&blob);
        let before = BlobNumber(limit.load(Ordering::Relaxed));
        engine.release(before, &lives).await.unwrap();
        let compacting = Arc::clone(&engine);
        let pass = tokio::task::spawn_blocking(move || compacting.compact());
        println!("  {:?}", pass.await.unwrap().unwrap());
    })
    .await;
    beside(&engine, "while large ones are delivered", async {
        for _ in 0..COUNT {
            let begun = Instant::now();
            put(&engine, length).await;
            println!("  one took {:.2?}", begun.elapsed());
        }
    })
    .await;
    engine.close().await.unwrap();
}
