//! A disk that may forget and tear everything that was not synced (DESIGN §3).
//!
//! A write is kept whole, in sectors of 512 octets, or not at all. A name that its folder's sync does not cover may be there or
//! not. What a sync has covered is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::trace::{Event, What};

const SECTOR: usize = 512;

/// A linear congruential generator: a seed replays a disk.
pub(super) struct Random(pub u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Something that was done and is not synced.
struct Pending {
    /// The line on which it ended.
    ended: usize,
    settles: Settles,
    change: Change,
}

/// When a change is on the disk for sure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Settles {
    /// With the next sync of its file.
    AtSync,
    /// When it ends: the file was opened with `O_DSYNC`.
    AtEnd,
}

enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
    Extend(u64),
}

/// A file's content on the disk: what is not zero of it.
#[derive(Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    length: u64,
}

#[derive(Default)]
struct Inode {
    durable: Content,
    pending: Vec<Pending>,
}

/// Something done to names.
enum Naming {
    Create(PathBuf, usize),
    Folder(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// The disk after some of the events.
#[derive(Default)]
pub(super) struct Disk {
    inodes: Vec<Inode>,
    /// Names as the program sees them.
    seen: BTreeMap<PathBuf, usize>,
    /// Names as the disk has them.
    durable: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    naming: Vec<(usize, Naming)>,
}

impl Content {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Write(offset, bytes) => self.write(*offset, bytes),
            Change::Truncate(length) => {
                self.bytes.truncate(usize::try_from(*length).unwrap());
                self.length = *length;
            }
            Change::Extend(length) => self.length = self.length.max(*length),
        }
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let start = usize::try_from(offset).unwrap();
        let end = start + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(bytes);
        self.length = self.length.max(end as u64);
    }

    /// A write of which only some sectors have arrived.
    fn tear(&mut self, offset: u64, bytes: &[u8], random: &mut Random) {
        let mut at = 0;
        while at < bytes.len() {
            let in_sector = SECTOR - usize::try_from(offset).unwrap().wrapping_add(at) % SECTOR;
            let end = bytes.len().min(at + in_sector);
            if random.below(2) == 0 {
                self.write(offset + at as u64, &bytes[at..end]);
            }
            at = end;
        }
    }
}

impl Disk {
    /// Does what an event did. Events come in the order in which they begin.
    pub(super) fn apply(&mut self, event: &Event) {
        let ended = event.lines.end;
        match &event.what {
            What::Create(path) => self.create(path, ended),
            What::Folder(path) => self.naming.push((ended, Naming::Folder(path.clone()))),
            What::Write {
                path,
                offset,
                bytes,
                synced,
            } => {
                let settles = if *synced { Settles::AtEnd } else { Settles::AtSync };
                let change = Change::Write(*offset, bytes.clone());
                self.change(path, (ended, settles), change);
            }
            What::Truncate(path, length) => {
                self.change(path, (ended, Settles::AtSync), Change::Truncate(*length))
            }
            What::Extend(path, length) => {
                self.change(path, (ended, Settles::AtSync), Change::Extend(*length))
            }
            What::Rename(from, to) => {
                if let Some(inode) = self.seen.remove(from) {
                    self.seen.insert(to.clone(), inode);
                }
                self.naming
                    .push((ended, Naming::Rename(from.clone(), to.clone())));
            }
            What::Remove(path) => {
                self.seen.remove(path);
                self.naming.push((ended, Naming::Remove(path.clone())));
            }
            What::Sync(path) => self.sync(path, event.lines.start),
            What::Said(_) => {}
        }
    }

    fn create(&mut self, path: &Path, ended: usize) {
        if self.seen.contains_key(path) {
            return;
        }
        self.inodes.push(Inode::default());
        let inode = self.inodes.len() - 1;
        self.seen.insert(path.to_owned(), inode);
        self.naming.push((ended, Naming::Create(path.to_owned(), inode)));
    }

    fn change(&mut self, path: &Path, (ended, settles): (usize, Settles), change: Change) {
        if let Some(inode) = self.seen.get(path) {
            self.inodes[*inode].pending.push(Pending {
                ended,
                settles,
                change,
            });
        }
    }

    /// What had ended when a sync began is on the disk when it has ended.
    fn sync(&mut self, path: &Path, begun: usize) {
        if let Some(inode) = self.seen.get(path) {
            let Inode { durable, pending } = &mut self.inodes[*inode];
            pending.retain(|pending| {
                let covered = pending.ended < begun;
                if covered {
                    durable.apply(&pending.change);
                }
                !covered
            });
        }
        let naming = std::mem::take(&mut self.naming);
        for (ended, naming) in naming {
            if ended < begun && folder_of(&naming) == Some(path) {
                self.name(&naming);
            } else {
                self.naming.push((ended, naming));
            }
        }
    }

    /// Settles the writes that are synced by themselves and have ended before a line.
    pub(super) fn settle(&mut self, line: usize) {
        for Inode { durable, pending } in &mut self.inodes {
            pending.retain(|pending| {
                let settled = pending.settles == Settles::AtEnd && pending.ended < line;
                if settled {
                    durable.apply(&pending.change);
                }
                !settled
            });
        }
    }

    fn name(&mut self, naming: &Naming) {
        name(&mut self.durable, &mut self.folders, naming);
    }

    /// Writes the disk as it may look after the power went, under another root.
    pub(super) fn rebuild(&self, from: &Path, to: &Path, random: &mut Random) {
        let (mut names, mut folders) = (self.durable.clone(), self.folders.clone());
        for (_, naming) in &self.naming {
            if random.below(2) == 0 {
                name(&mut names, &mut folders, naming);
            }
        }
        for folder in &folders {
            if let Ok(below) = folder.strip_prefix(from) {
                fs::create_dir_all(to.join(below)).unwrap();
            }
        }
        for (path, inode) in names {
            let Ok(below) = path.strip_prefix(from) else {
                continue;
            };
            let path = to.join(below);
            if path.parent().is_some_and(Path::is_dir) {
                self.inodes[inode].rebuild(&path, random);
            }
        }
    }
}

impl Inode {
    fn rebuild(&self, path: &Path, random: &mut Random) {
        let mut content = self.durable.clone();
        for Pending { change, .. } in &self.pending {
            match (random.below(3), change) {
                (0, _) => {}
                (1, Change::Write(offset, bytes)) => content.tear(*offset, bytes, random),
                _ => content.apply(change),
            }
        }
        let file = File::create(path).unwrap();
        file.set_len(content.length).unwrap();
        // Holes stay holes.
        for (number, block) in content.bytes.chunks(4096).enumerate() {
            if block.iter().any(|octet| *octet != 0) {
                file.write_all_at(block, number as u64 * 4096).unwrap();
            }
        }
    }
}

fn folder_of(naming: &Naming) -> Option<&Path> {
    match naming {
        Naming::Create(path, _) | Naming::Folder(path) | Naming::Remove(path) | Naming::Rename(_, path) => {
            path.parent()
        }
    }
}

fn name(names: &mut BTreeMap<PathBuf, usize>, folders: &mut BTreeSet<PathBuf>, naming: &Naming) {
    match naming {
        Naming::Create(path, inode) => {
            names.insert(path.clone(), *inode);
        }
        Naming::Folder(path) => {
            folders.insert(path.clone());
        }
        Naming::Rename(from, to) => {
            if let Some(inode) = names.remove(from) {
                names.insert(to.clone(), inode);
            }
        }
        Naming::Remove(path) => {
            names.remove(path);
        }
    }
}
