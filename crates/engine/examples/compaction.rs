//! How long a delivery waits while the log is compacted: `cargo run --release -p posthouse-engine --example compaction [FOLDER]`.
//!
//! A writer puts 10 kB messages with five rows, first alone, then while segments are emptied of which three quarters are garbage. Every
//! hundredth blob that is moved has 2 MB: it is alone in its group.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program to measure with"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use posthouse_engine::{Batch, BlobNumber, Engine, LocalEngine, Options, Partition};

/// Octets of the segments that are compacted.
const OCTETS: u64 = 400 << 20;

#[tokio::main]
async fn main() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::args()
        .nth(1)
        .map_or(temporary.path().to_owned(), PathBuf::from);
    let options = Options {
        segment: 64 << 20,
        ..Options::default()
    };
    let engine = Arc::new(LocalEngine::open(&folder, options).unwrap());
    let mut living = BTreeSet::new();
    let (mut octets, mut number) = (0, 0_u64);
    while octets < OCTETS {
        let length = if number % 100 == 0 { 2 << 20 } else { 10_000 };
        octets += length as u64;
        let blob = put(&engine, number, length).await;
        if number % 400 == 0 || number % 4 == 1 {
            living.insert(blob);
        }
        number += 1;
    }
    let (alone, before) = (AtomicBool::new(false), Instant::now());
    let quiet = write(&engine, &|| {
        before.elapsed() > Duration::from_secs(5) || alone.load(Ordering::Relaxed)
    })
    .await;
    let reached = BlobNumber(living.last().unwrap().0 + 1);
    let released = engine
        .release(reached, &|blob| living.contains(&blob))
        .await
        .unwrap();
    let compacting = Arc::clone(&engine);
    let begun = Instant::now();
    let pass = tokio::task::spawn_blocking(move || {
        let room = compacting.compact().unwrap();
        (room, begun.elapsed())
    });
    let busy = write(&engine, &|| pass.is_finished()).await;
    let (room, time) = pass.await.unwrap();
    println!("{released} blobs released; a pass of {time:.1?} left {room:?}");
    print("alone", quiet);
    print("while segments are emptied", busy);
    engine.close().await.unwrap();
}

async fn put(engine: &LocalEngine, number: u64, length: usize) -> BlobNumber {
    let blob = engine.next_blob();
    let mut batch = Batch::new(Partition((1 << 32) | (number % 1000)));
    batch.put_blob(
        blob,
        Bytes::from(vec![b'x'; length]),
        Bytes::from_static(&[0; 57]),
    );
    for row in 0..5_u64 {
        batch.put(&[number.to_be_bytes(), row.to_be_bytes()].concat(), &[0; 100]);
    }
    engine.commit(batch).await.unwrap();
    blob
}

/// Puts messages until it is enough; how long each took.
async fn write(engine: &LocalEngine, enough: &dyn Fn() -> bool) -> Vec<Duration> {
    let mut times = Vec::new();
    while !enough() {
        let begun = Instant::now();
        put(engine, u64::from(u32::MAX) + times.len() as u64, 10_000).await;
        times.push(begun.elapsed());
    }
    times
}

fn print(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |of_thousand: usize| {
        times
            .get(times.len() * of_thousand / 1000)
            .copied()
            .unwrap_or_default()
    };
    let slowest = times.last().copied().unwrap_or_default();
    let count = times.len();
    println!(
        "{name}: {count} messages, p50 {:.2?}, p99 {:.2?}, p99.9 {:.2?}, slowest {slowest:.2?}",
        at(500),
        at(990),
        at(999)
    );
}
