//! The power goes: what was acknowledged is there, and nothing is there by halves (DESIGN §3, what must always hold, 1 and 2).
//!
//! `kill -9` cannot show a missing sync, since the system keeps what was written. So the built program runs under
//! `strace`; every write and sync of it is done again on a simulated disk; that disk is cut off at many points, with any
//! part of what was not synced missing or torn; and each folder is opened and looked through with the store itself.

mod compaction;
mod disk;
mod large;
mod trace;
mod verify;
mod workload;

use std::env;
use std::path::{Path, PathBuf};

use disk::{Disk, Random};
use end_to_end::program;
use trace::{Event, What};
use verify::Acknowledged;

/// Cut points; `POSTHOUSE_POWER_CUTS` asks for others, and `POSTHOUSE_POWER_SEED` for other disks.
const CUTS: u64 = 1_200;

fn asked(name: &str) -> Option<u64> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Memory, where there is any: a thousand folders are written and thrown away.
fn scratch() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        memory.to_owned()
    } else {
        env::temp_dir()
    }
}

#[test]
fn at_every_cut_point_all_that_was_acknowledged_is_there_and_nothing_by_halves() {
    if !program::is_here("strace") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let record = workload::record(folder.path());
    let events = trace::parse(&record.traces);
    let writes = events
        .iter()
        .filter(|e| matches!(e.what, What::Write { .. }))
        .count();
    let syncs = events.iter().filter(|e| matches!(e.what, What::Sync(_))).count();
    assert!(
        writes > 300,
        "{writes} writes and {syncs} syncs: the trace is not what was done"
    );
    let seed = asked("POSTHOUSE_POWER_SEED").unwrap_or(1);
    let cuts = asked("POSTHOUSE_POWER_CUTS").unwrap_or(CUTS);
    let mut random = Random(seed);
    let mut wanted: Vec<usize> = (0..cuts)
        .map(|_| usize::try_from(random.below(events.len() as u64 + 1)).unwrap())
        .collect();
    wanted.sort_unstable();
    let mut cut = Cutting {
        record: &record,
        disk: Disk::default(),
        acknowledged: Acknowledged::default(),
        random,
    };
    let mut done = 0;
    for at in wanted {
        for event in events.get(done..at).unwrap_or_default() {
            cut.apply(event);
        }
        done = at;
        let line = events.get(at).map_or(usize::MAX, Event::counts_from);
        cut.verify(&format!("seed {seed}, event {at}, line {line}"));
    }
    println!(
        "{cuts} cut points over {} events, {writes} writes, {syncs} syncs",
        events.len()
    );
}

/// The disk as it is cut, and what clients know by then.
struct Cutting<'r> {
    record: &'r workload::Record,
    disk: Disk,
    acknowledged: Acknowledged,
    random: Random,
}

impl Cutting<'_> {
    fn apply(&mut self, event: &Event) {
        self.disk.settle(event.counts_from());
        self.disk.apply(event);
        if let What::Said(octets) = &event.what {
            self.acknowledged.hear(octets, self.record);
        }
    }

    fn verify(&mut self, place: &str) {
        let folder = tempfile::tempdir_in(scratch()).unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        self.disk.rebuild(&self.record.data, &data, &mut self.random);
        verify::verify(&data, self.record, &self.acknowledged, place);
    }
}
