//! The gate of DESIGN §3: messages a second from one writer and from ten, octets on the device, replay, opening.
//!
//! `cargo run --release -p posthouse-engine --example gate -- FOLDER [MESSAGES]`; the folder is emptied first and must lie on a disk.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use posthouse_engine::{Batch, Engine, EngineError, LocalEngine, Options, Partition};

const MESSAGE: usize = 10_000;
const PARTITIONS: u64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "/tmp/gate".to_owned()));
    let messages: u64 = arguments.next().map_or(Ok(40_000), |n| n.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    for writers in [1, 10] {
        let _ = fs::remove_dir_all(&folder);
        let engine = Arc::new(LocalEngine::open(&folder, Options::default())?);
        let before = device_octets();
        let started = Instant::now();
        runtime.block_on(deliver(&engine, writers, messages))?;
        let seconds = started.elapsed().as_secs_f64();
        let rate = messages as f64 / seconds;
        let copied = Instant::now();
        runtime.block_on(engine.close())?;
        let useful = messages * (MESSAGE as u64 + 700);
        let ratio = device_octets().saturating_sub(before) as f64 / useful as f64;
        say(&format!(
            "{writers} writers: {rate:.0} messages/s, {ratio:.2} times the useful octets on the device, closed in {:?}",
            copied.elapsed()
        ));
        drop(engine);
    }
    replay(&runtime, &folder)?;
    opening(&runtime, &folder)?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what it is for")]
fn say(words: &str) {
    println!("{words}");
}

/// Delivers messages, as many at a time as there are writers.
async fn deliver(engine: &Arc<LocalEngine>, writers: u64, messages: u64) -> Result<(), EngineError> {
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..writers {
        let (engine, next) = (Arc::clone(engine), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= messages {
                    return Ok::<_, EngineError>(());
                }
                engine
                    .commit(message(&*engine, n, Bytes::from(vec![b'm'; MESSAGE])))
                    .await?;
            }
        }));
    }
    for task in tasks {
        task.await.map_err(|_| EngineError::Closed)??;
    }
    Ok(())
}

/// What a delivery writes: the blob, a hot row, facts, a change, counts, an id.
fn message(engine: &dyn Engine, n: u64, bytes: Bytes) -> Batch {
    // Accounts in no order.
    let mut batch = Batch::new(Partition(1 + n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % PARTITIONS));
    let blob = engine.next_blob();
    batch.put_blob(blob, bytes, Bytes::from_static(&[0; 40]));
    let key = |table: u8| [&[table], n.to_be_bytes().as_slice()].concat();
    batch.put(&key(b'm'), &[1; 48]);
    batch.put(&key(b'f'), &[2; 400]);
    batch.put(&key(b'c'), &[3; 16]);
    batch.put(&key(b'i'), &[4; 8]);
    batch.put(b"n", &[5; 40]);
    batch
}

/// What was written in the last second, lost to the index: how long until it is there again.
fn replay(runtime: &tokio::runtime::Runtime, folder: &Path) -> Result<(), Box<dyn Error>> {
    let hour = Duration::from_secs(3600);
    let options = Options {
        interval: hour,
        absorb: usize::MAX,
        ..Options::default()
    };
    let engine = Arc::new(LocalEngine::open(folder, options)?);
    runtime.block_on(deliver(&engine, 10, 8 << 20 >> 10))?;
    let copy = folder.with_extension("crashed");
    let _ = fs::remove_dir_all(&copy);
    for sub in ["", "log", "index"] {
        fs::create_dir_all(copy.join(sub))?;
        for entry in fs::read_dir(folder.join(sub))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), copy.join(sub).join(entry.file_name()))?;
            }
        }
    }
    // A killed program leaves one group unsynced at most, and not all that was just copied.
    rustix::fs::sync();
    let started = Instant::now();
    let engine = LocalEngine::open(&copy, Options::default())?;
    say(&format!("replay of 8,192 messages: {:?}", started.elapsed()));
    drop(engine);
    fs::remove_dir_all(&copy)?;
    Ok(())
}

/// Opening with the rows of a million messages.
fn opening(runtime: &tokio::runtime::Runtime, folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::remove_dir_all(folder)?;
    let engine = LocalEngine::open(folder, Options::default())?;
    runtime.block_on(async {
        let mut answers = Vec::new();
        for n in 0..1_000_000 {
            answers.push(engine.commit(message(&engine, n, Bytes::from_static(b"m"))));
            if answers.len() == 10_000 {
                for answer in answers.drain(..) {
                    answer.await?;
                }
            }
        }
        engine.close().await
    })?;
    drop(engine);
    let started = Instant::now();
    let engine = LocalEngine::open(folder, Options::default())?;
    say(&format!(
        "opening with 1,000,000 messages: {:?}",
        started.elapsed()
    ));
    drop(engine);
    Ok(())
}

/// Octets written to all real disks since the machine started.
fn device_octets() -> u64 {
    rustix::fs::sync();
    let text = fs::read_to_string("/proc/diskstats").unwrap_or_default();
    let sectors = text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let name = fields.get(2)?;
        let whole = ["vda", "sda", "nvme0n1"].contains(name);
        whole.then(|| fields.get(9)?.parse::<u64>().ok()).flatten()
    });
    sectors.sum::<u64>() * 512
}
