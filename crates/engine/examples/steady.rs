//! What a data folder takes while mail comes and goes: `cargo run --release -p posthouse-engine --example steady [FOLDER]`.
//!
//! A writer puts messages with five rows; for each that comes another one goes, any, and once a second what has gone is released, as the
//! hourly sweep does. Nobody asks for compaction: the engine's own thread has to see to it. Every 100 ms the whole folder is measured
//! against what lives: the bound is 1.5 times that, above a floor of two segments, the zeros ahead of the
//! log's end, and the index.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program to measure with"
)]

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use posthouse_engine::{Batch, BlobNumber, Engine, LocalEngine, Options, Partition};

/// Octets of messages that live.
const LIVING: u64 = 400 << 20;
/// How long mail comes and goes.
const TIME: Duration = Duration::from_secs(40);
const SEGMENT: u64 = 64 << 20;
/// Two segments, and a step and a half of zeros ahead of the log's end. Beside them the floor has the index, whose file is several times
/// larger than its rows where every transaction changes most of its pages.
const FLOOR: u64 = 2 * SEGMENT + (24 << 20);
/// Header, note, and rows with their keys and checksums: what lives of a message beside its bytes.
const BESIDE: u64 = 72 + 57 + 53 + 5 * (8 + 16 + 100 + 4);

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// Messages that live, and those that have gone since they were last released.
struct Mail {
    engine: Arc<LocalEngine>,
    living: Vec<(BlobNumber, u64, u64)>,
    set: HashSet<BlobNumber>,
    number: u64,
    octets: u64,
    random: Random,
}

impl Mail {
    /// Most have 10 kB, every thousandth 2 MB.
    async fn comes(&mut self) -> (u64, Duration) {
        self.number += 1;
        let length: usize = if self.number.is_multiple_of(1000) {
            2 << 20
        } else {
            10_000
        };
        let blob = self.engine.next_blob();
        let mut batch = Batch::new(partition(self.number));
        let note = Bytes::from_static(&[0; 57]);
        batch.put_blob(blob, Bytes::from(vec![b'x'; length]), note);
        for row in 0..5 {
            batch.put(&row_key(self.number, row), &[0; 100]);
        }
        let begun = Instant::now();
        self.engine.commit(batch).await.unwrap();
        let time = begun.elapsed();
        let octets = length as u64 + BESIDE;
        self.living.push((blob, self.number, octets));
        self.set.insert(blob);
        self.octets += octets;
        (octets, time)
    }

    async fn goes(&mut self) -> u64 {
        let any = self.random.below(self.living.len());
        let (blob, number, octets) = self.living.swap_remove(any);
        self.set.remove(&blob);
        self.octets -= octets;
        let mut batch = Batch::new(partition(number));
        for row in 0..5 {
            batch.delete(&row_key(number, row));
        }
        self.engine.commit(batch).await.unwrap();
        octets
    }

    async fn release(&self) {
        let lives = |blob: BlobNumber| self.set.contains(&blob);
        self.engine.release(self.engine.reached(), &lives).await.unwrap();
    }
}

fn partition(number: u64) -> Partition {
    Partition((1 << 32) | (number % 1000))
}

fn row_key(number: u64, row: u64) -> Vec<u8> {
    [number.to_be_bytes(), row.to_be_bytes()].concat()
}

/// What a folder takes: apparent and allocated octets.
fn measure(folder: &Path) -> (u64, u64) {
    let mut sum = (0, 0);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        // It may have gone since it was listed.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            let below = measure(&entry.path());
            sum = (sum.0 + below.0, sum.1 + below.1);
        } else {
            sum = (sum.0 + metadata.len(), sum.1 + metadata.blocks() * 512);
        }
    }
    sum
}

/// The highest number of a segment, or of a copy of the index.
fn newest(folder: &Path, ending: &str) -> u64 {
    let files = std::fs::read_dir(folder.join("log")).unwrap().flatten();
    let number = |file: std::fs::DirEntry| {
        let name = file.file_name().into_string().ok()?;
        name.strip_suffix(ending)?
            .trim_start_matches("index-")
            .parse()
            .ok()
    };
    files.filter_map(number).max().unwrap_or(0)
}

/// Octets written to the disk that a folder lies on, by anybody.
fn written(folder: &Path) -> u64 {
    let device = std::fs::metadata(folder).unwrap().dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let table = std::fs::read_to_string("/proc/diskstats").unwrap();
    let line = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut of_device = line.filter(|words| {
        words.first() == Some(&&*major.to_string()) && words.get(1) == Some(&&*minor.to_string())
    });
    let sectors: Option<u64> = of_device.next().and_then(|words| words.get(9)?.parse().ok());
    sectors.unwrap_or(0) * 512
}

/// The largest that was seen at any sample: of both measures, and their ratios to what lived, the floor taken off.
#[derive(Clone, Copy, Debug, Default)]
struct Most {
    apparent: u64,
    allocated: u64,
    apparent_ratio: f64,
    allocated_ratio: f64,
}

fn watch(folder: &Path, living: &AtomicU64, stop: &AtomicBool) -> Most {
    let (mut most, begun, mut samples) = (Most::default(), Instant::now(), 0_u64);
    while !stop.load(Ordering::Relaxed) {
        let lives = living.load(Ordering::Relaxed);
        let (apparent, allocated) = measure(folder);
        let index = std::fs::metadata(folder.join("index/data.mdb")).map_or(0, |metadata| metadata.len());
        let ratio = |octets: u64| octets.saturating_sub(FLOOR + index) as f64 / lives as f64;
        most.apparent = most.apparent.max(apparent);
        most.allocated = most.allocated.max(allocated);
        most.apparent_ratio = most.apparent_ratio.max(ratio(apparent));
        most.allocated_ratio = most.allocated_ratio.max(ratio(allocated));
        if samples.is_multiple_of(20) {
            let mb = |octets: u64| octets >> 20;
            println!(
                "{:5.1} s: {} MB live, the folder has {} MB ({} allocated), {:.2} above the floor",
                begun.elapsed().as_secs_f32(),
                mb(lives),
                mb(apparent),
                mb(allocated),
                ratio(apparent)
            );
        }
        samples += 1;
        std::thread::sleep(Duration::from_millis(100));
    }
    most
}

/// What was done while the folder was measured.
#[derive(Default)]
struct Done {
    came: u64,
    gone: u64,
    /// Octets and time of each delivery.
    times: Vec<(u64, Duration)>,
}

/// Lets mail come and go for a while, as much as comes.
async fn turn_over(mail: &mut Mail, living: &AtomicU64) -> Done {
    let (mut done, begun, mut released) = (Done::default(), Instant::now(), Instant::now());
    while begun.elapsed() < TIME {
        let (octets, time) = mail.comes().await;
        done.came += octets;
        done.times.push((octets, time));
        while mail.octets > LIVING {
            done.gone += mail.goes().await;
        }
        if released.elapsed() > Duration::from_secs(1) {
            mail.release().await;
            // What has gone and is not released counts as what undelete keeps.
            living.store(mail.octets, Ordering::Relaxed);
            released = Instant::now();
        }
    }
    done
}

#[tokio::main]
async fn main() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::args()
        .nth(1)
        .map_or(temporary.path().to_owned(), PathBuf::from);
    let options = Options {
        segment: SEGMENT,
        ..Options::default()
    };
    let engine = Arc::new(LocalEngine::open(&folder, options).unwrap());
    let mut mail = Mail {
        engine: Arc::clone(&engine),
        living: Vec::new(),
        set: HashSet::new(),
        number: 0,
        octets: 0,
        random: Random(1),
    };
    while mail.octets < LIVING {
        mail.comes().await;
    }
    let living = Arc::new(AtomicU64::new(mail.octets));
    let stop = Arc::new(AtomicBool::new(false));
    let watching = std::thread::spawn({
        let (folder, living, stop) = (folder.clone(), Arc::clone(&living), Arc::clone(&stop));
        move || watch(&folder, &living, &stop)
    });
    let (first, before) = (newest(&folder, ".seg"), written(&folder));
    let done = turn_over(&mut mail, &living).await;
    stop.store(true, Ordering::Relaxed);
    let most = watching.join().unwrap();
    println!("{most:?}");
    println!(
        "{} MB of segments were begun, and {} copies of the index",
        (newest(&folder, ".seg") - first) * (SEGMENT >> 20),
        newest(&folder, ".copy")
    );
    print(&done, written(&folder) - before);
    println!("{:?}", engine.room());
    engine.close().await.unwrap();
}

fn print(done: &Done, device: u64) {
    let Done { came, gone, times } = done;
    println!(
        "{came} octets came and {gone} went; {device} were written on the device: {:.2} for each that came",
        device as f64 / *came as f64
    );
    let slowest = |is_it: fn(u64) -> bool| {
        let times = times.iter().filter(|(octets, _)| is_it(*octets));
        times.map(|(_, time)| *time).max().unwrap_or_default()
    };
    let mut sorted: Vec<_> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_unstable();
    let at = |of_thousand: usize| {
        sorted
            .get(sorted.len() * of_thousand / 1000)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{} deliveries: p50 {:.2?}, p99 {:.2?}, p99.9 {:.2?}, slowest {:.2?} (of 10 kB), {:.2?} (of 2 MB)",
        times.len(),
        at(500),
        at(990),
        at(999),
        slowest(|octets| octets < 1 << 20),
        slowest(|octets| octets >= 1 << 20)
    );
}
