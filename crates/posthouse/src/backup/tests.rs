//! A backup whose disk fails at every write, sync and rename in turn: the one before stays whole, and the next one is.

use std::fs;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use engine::files::{Files, LogFile, SystemFiles};
use engine::{Batch, Engine as _, LocalEngine, Options, Partition};

use super::copy::{Copying, Made};
use super::manifest::Manifest;
use super::plan::Plan;
use super::verify::verify;
use crate::exit::Exit;
use crate::language::Language;

/// How the disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// An error once, and then everything goes on: nothing is left behind.
    Full,
    /// Everything fails from then on, what would tidy up too: as if the power had gone.
    Gone,
}

/// Lets so many operations pass.
#[derive(Clone)]
struct Failing {
    left: Arc<AtomicU64>,
    failure: Failure,
}

struct FailingFile(Failing, Box<dyn LogFile>);

impl Failing {
    fn pass(&self) -> io::Result<()> {
        let before = self.left.load(Ordering::SeqCst);
        if before == 0 && self.failure == Failure::Gone {
            return Err(io::Error::other("gone"));
        }
        self.left.store(before.wrapping_sub(1), Ordering::SeqCst);
        match before {
            0 => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl Files for Failing {
    fn create(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        self.pass()?;
        Ok(Box::new(FailingFile(self.clone(), SystemFiles.create(path)?)))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        self.pass()?;
        Ok(Box::new(FailingFile(self.clone(), SystemFiles.open(path)?)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.pass()?;
        SystemFiles.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        // What is tried in case there is something is no operation.
        if !path.exists() {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.pass()?;
        SystemFiles.remove(path)
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.pass()?;
        SystemFiles.sync_folder(path)
    }
}

impl LogFile for FailingFile {
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        // A disk that fails may have written half of it.
        let half = pieces.first().map_or(&[][..], |piece| &piece[..piece.len() / 2]);
        if let Err(error) = self.0.pass() {
            self.1.write_at(&[IoSlice::new(half)], offset)?;
            return Err(error);
        }
        self.1.write_at(pieces, offset)
    }
    fn write_blocks(&self, blocks: &[u8], offset: u64) -> io::Result<usize> {
        self.1.write_blocks(blocks, offset)
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.1.read_at(buffer, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.pass()?;
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
        self.0.pass()?;
        self.1.truncate(length)
    }
    fn size(&self) -> io::Result<u64> {
        self.1.size()
    }
}

fn put(runtime: &tokio::runtime::Runtime, engine: &LocalEngine, octet: u8) {
    let mut batch = Batch::new(Partition(7));
    batch.put(&[octet], b"row");
    batch.put_blob(engine.next_blob(), Bytes::from(vec![octet; 20_000]), Bytes::new());
    runtime.block_on(engine.commit(batch)).unwrap();
}

fn make(engine: &LocalEngine, (data, folder): (&Path, &Path), files: &dyn Files) -> Result<Made, Exit> {
    let held = engine.hold().unwrap();
    let copying = Copying {
        data,
        folder,
        files,
        language: Language::English,
    };
    copying.make(&Plan::of(&held), 1)
}

fn whole(folder: &Path) -> Manifest {
    let manifest = Manifest::read(folder, Language::English).unwrap();
    let verified = verify(folder, &manifest, Language::English).unwrap();
    assert_eq!(verified.findings, Vec::<String>::new());
    manifest
}

/// Fails at every operation in turn; how many there were.
fn fail_everywhere(failure: Failure) -> u64 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = tempfile::tempdir().unwrap();
    let (data, folder) = (place.path().join("data"), place.path().join("backup"));
    let options = Options {
        step: 1 << 20,
        ..Options::default()
    };
    let open = || LocalEngine::open(&data, options.clone()).unwrap();
    let mut engine = open();
    put(&runtime, &engine, 0);
    fs::create_dir(&folder).unwrap();
    make(&engine, (&data, &folder), &SystemFiles).unwrap();
    let mut last = whole(&folder);
    for operations in 0.. {
        // The segment that is there grows, another one comes, the index changes, and so does a file.
        put(&runtime, &engine, 1);
        runtime.block_on(engine.close()).unwrap();
        drop(engine);
        engine = open();
        put(&runtime, &engine, 2);
        fs::write(data.join("key.pem"), operations.to_string()).unwrap();
        let files = Failing {
            left: Arc::new(AtomicU64::new(operations)),
            failure,
        };
        match make(&engine, (&data, &folder), &files) {
            // What cannot be removed afterwards does no harm.
            Ok(made)
                if made.copied > 0 && files.left.load(Ordering::SeqCst) > 0 && failure == Failure::Gone =>
            {
                whole(&folder);
                return operations;
            }
            Ok(_) => {}
            Err(exit) => {
                let words = exit.words;
                assert!(words.contains("the backup before is as it was"), "{words}");
                assert!(failure == Failure::Gone || words.contains("full"), "{words}");
                // Only the sync of the last rename may come too late to say so.
                let there = whole(&folder);
                assert!(
                    there == last || there.segments.len() > last.segments.len(),
                    "{operations}"
                );
            }
        }
        make(&engine, (&data, &folder), &SystemFiles).unwrap();
        last = whole(&folder);
        if failure == Failure::Full && files.left.load(Ordering::SeqCst) < u64::MAX / 2 {
            return operations;
        }
    }
    unreachable!("it ends when no operation fails")
}

#[test]
fn a_backup_that_is_cut_off_anywhere_leaves_the_one_before() {
    assert!(fail_everywhere(Failure::Gone) > 12);
}

#[test]
fn a_full_disk_is_said_and_the_backup_before_stays() {
    assert!(fail_everywhere(Failure::Full) > 12);
}

#[test]
fn while_a_backup_is_read_its_copy_of_the_index_stays() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = tempfile::tempdir().unwrap();
    // Another copy is due at once, again and again.
    let options = Options {
        copy_every: std::time::Duration::from_millis(1),
        interval: std::time::Duration::from_millis(1),
        ..Options::default()
    };
    let engine = LocalEngine::open(place.path(), options).unwrap();
    put(&runtime, &engine, 1);
    let held = loop {
        let held = engine.hold().unwrap();
        if held.copy.is_some() {
            break held;
        }
    };
    let path = held.copy.as_ref().unwrap().path.clone();
    for octet in 2..100 {
        put(&runtime, &engine, octet);
    }
    assert!(path.exists());
    drop(held);
    for octet in 0..=255 {
        if !path.exists() {
            return;
        }
        put(&runtime, &engine, octet);
        std::thread::yield_now();
    }
    let since = std::time::Instant::now();
    while path.exists() {
        assert!(
            since.elapsed().as_secs() < 30,
            "the copy is replaced when nobody reads it"
        );
        put(&runtime, &engine, 0);
    }
}
