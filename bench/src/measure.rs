//! What a run cost: time, the server's and the client's CPU, bytes on the device, memory.
//!
//! All of it comes from `/proc`; nothing is asked of the server.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// One tick of the times in `/proc/PID/stat`: USER_HZ is 100 on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// Size of a sector in `/proc/diskstats`, whatever the device says.
const SECTOR: u64 = 512;

/// What must be watched to know what a server costs.
#[derive(Clone, Default, Debug)]
pub(crate) struct Watched {
    /// The server's first processes; their descendants count too.
    pub(crate) roots: Vec<u32>,
    /// A folder on the device that holds the mail.
    pub(crate) data: Option<std::path::PathBuf>,
}

/// A reading of all counters.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Reading {
    server: Duration,
    client: Duration,
    device: u64,
}

/// The difference of two readings.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Cost {
    /// CPU time of the server's processes.
    pub(crate) server: Duration,
    /// CPU time of this process.
    pub(crate) client: Duration,
    /// Bytes written to the device.
    pub(crate) device: u64,
}

impl Watched {
    /// Flushes the file system, so that only what follows is counted, and reads the counters.
    pub(crate) fn start(&self) -> Result<Reading> {
        self.flush()?;
        self.read()
    }

    /// Reads the counters again; CPU before the flush, bytes after it.
    pub(crate) fn stop(&self, before: Reading) -> Result<Cost> {
        let cpu = self.read()?;
        self.flush()?;
        let device = self.device()?;
        Ok(Cost {
            server: cpu.server.saturating_sub(before.server),
            client: cpu.client.saturating_sub(before.client),
            device: device.saturating_sub(before.device),
        })
    }

    fn flush(&self) -> Result<()> {
        if let Some(data) = &self.data {
            let folder = fs::File::open(data).with_context(|| format!("opening {}", data.display()))?;
            rustix::fs::syncfs(folder)?;
        }
        Ok(())
    }

    fn read(&self) -> Result<Reading> {
        Ok(Reading {
            server: self.server_cpu(),
            client: own_cpu(),
            device: self.device()?,
        })
    }

    fn device(&self) -> Result<u64> {
        self.data.as_deref().map_or(Ok(0), device_bytes)
    }

    /// CPU time of the roots and all their descendants, the ended ones included.
    fn server_cpu(&self) -> Duration {
        self.processes()
            .iter()
            .filter_map(|&pid| Stat::of(pid))
            .map(|stat| stat.cpu)
            .sum()
    }

    /// The roots and their living descendants.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for pid in all_processes() {
            if let Some(stat) = Stat::of(pid) {
                children.entry(stat.parent).or_default().push(pid);
            }
        }
        let mut found = self.roots.clone();
        let mut next = 0;
        while let Some(pid) = found.get(next).copied() {
            next += 1;
            found.extend(children.remove(&pid).unwrap_or_default());
        }
        found
    }

    /// Proportional and resident set size of the server, in bytes.
    pub(crate) fn memory(&self) -> Memory {
        let mut sum = Memory::default();
        for pid in self.processes() {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            sum.pss += kib(&text, "Pss:") * 1024;
            sum.rss += kib(&text, "Rss:") * 1024;
        }
        sum
    }
}

/// How much memory a server holds.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Memory {
    /// Shared pages divided by those who share them.
    pub(crate) pss: u64,
    /// Every page, shared ones in each process.
    pub(crate) rss: u64,
}

fn kib(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

struct Stat {
    parent: u32,
    cpu: Duration,
}

impl Stat {
    /// Reads `/proc/PID/stat`: parent, and utime + stime + cutime + cstime. A child that has been
    /// waited for is counted in exactly one living ancestor, so the sum over a tree is whole.
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace().skip(1);
        let parent = fields.next()?.parse().ok()?;
        let ticks: u32 = fields
            .skip(9)
            .take(4)
            .filter_map(|field| field.parse::<u32>().ok())
            .sum();
        Some(Self {
            parent,
            cpu: TICK * ticks,
        })
    }
}

fn own_cpu() -> Duration {
    let text = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos = text
        .split_ascii_whitespace()
        .next()
        .and_then(|field| field.parse().ok())
        .unwrap_or(0);
    Duration::from_nanos(nanos)
}

fn all_processes() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Bytes written so far to the device that holds `folder`.
fn device_bytes(folder: &Path) -> Result<u64> {
    let device = rustix::fs::stat(folder)?.st_dev;
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let table = fs::read_to_string("/proc/diskstats")?;
    let sectors = table.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let this = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (this == (major, minor)).then(|| fields.nth(7)?.parse::<u64>().ok())?
    });
    Ok(sectors.unwrap_or(0) * SECTOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_its_own_tree() {
        let watched = Watched {
            roots: vec![std::process::id()],
            data: None,
        };
        assert!(watched.processes().contains(&std::process::id()));
        assert!(watched.memory().rss > 0);
    }

    #[test]
    fn a_time_comes_from_four_fields() {
        let before = Stat::of(std::process::id()).unwrap().cpu;
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(60) {
            std::hint::spin_loop();
        }
        assert!(Stat::of(std::process::id()).unwrap().cpu > before);
    }
}
