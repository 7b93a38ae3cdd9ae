//! The thread that copies the index, once a day: the copy and the log since are enough to make the index again.
//!
//! **Invariant**: the copy before is removed only after the new one is whole, synced and in its place. What fails costs a
//! warning and the new copy. It reads a snapshot, and holds up neither commits nor the absorber.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::copy::{self, CopyError, Head, copy_path, unfinished};
use super::{Finding, LocalEngine, Shared};
use crate::EngineError;
use crate::check::CopyChecked;

/// The thread's name.
pub(crate) const NAME: &str = "copier";
/// Room that a copy leaves on the disk: mail comes first.
const ROOM: u64 = 64 << 20;
/// After a failure, this part of the interval is waited.
const AGAIN: u32 = 24;

/// What the thread and the engine share.
#[derive(Default)]
pub(crate) struct Copies {
    ending: AtomicBool,
    thread: OnceLock<Thread>,
    newest: Mutex<Newest>,
    /// Held while a copy is made: one at a time.
    making: Mutex<()>,
}

/// The newest copy.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Newest {
    /// The highest number in use; 0 if there is none.
    pub(crate) number: u64,
    /// Of the newest that can be read.
    pub(crate) head: Option<Head>,
    /// From when on its age counts, in milliseconds since 1970.
    pub(crate) since: u64,
}

impl Copies {
    pub(crate) fn new(newest: Newest) -> Self {
        Copies {
            newest: Mutex::new(newest),
            ..Copies::default()
        }
    }

    pub(crate) fn begin(&self, thread: &Thread) {
        let _ = self.thread.set(thread.clone());
    }

    /// Ends the thread; a copy that is being made is given up.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Release);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn goes_on(&self) -> bool {
        !self.ending.load(Ordering::Acquire)
    }

    pub(crate) fn making(&self) -> MutexGuard<'_, ()> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn newest(&self) -> Newest {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The copies there are cannot be relied on: another is wanted now.
    pub(crate) fn want(&self) {
        self.set_newest(Newest {
            head: None,
            since: 0,
            ..self.newest()
        });
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn set_newest(&self, newest: Newest) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = newest;
    }
}

/// Looks for copies, and removes what is left of one that was being made.
pub(crate) fn find(folder: &Path, options: &super::Options, salt: u64) -> io::Result<Newest> {
    for entry in std::fs::read_dir(folder.join("log"))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(".copy.new") {
            options.files.remove(&entry.path())?;
        }
    }
    let numbers = copy::list(folder)?;
    let read = |number: &u64| copy::read_head(&*options.files, &copy_path(folder, *number), salt).ok();
    let head = numbers.iter().rev().find_map(read);
    let founded = || {
        let metadata = std::fs::metadata(folder.join("format")).ok()?;
        Some(milliseconds(metadata.modified().ok()?))
    };
    Ok(Newest {
        number: numbers.last().copied().unwrap_or(0),
        head,
        // A folder without a copy is as old as its founding; one whose copies are damaged wants a new one at once.
        since: match head {
            Some(head) => head.taken,
            None if numbers.is_empty() => founded().unwrap_or(0),
            None => 0,
        },
    })
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Shared {
    /// The thread's work.
    pub(crate) fn copy_daily(&self) {
        while self.copies.goes_on() {
            let wait = self.until_due();
            if !wait.is_zero() {
                std::thread::park_timeout(wait);
                continue;
            }
            let making = self.copies.making();
            let copied = self.copy_index();
            drop(making);
            if let Err(error) = copied {
                self.warn(&error);
                self.try_again_later();
            }
        }
    }

    fn try_again_later(&self) {
        let pause = u64::try_from((self.options.copy_every / AGAIN).as_millis()).unwrap_or(u64::MAX);
        let due = milliseconds(SystemTime::now()).saturating_add(pause.max(1));
        self.copies.set_newest(Newest {
            since: due.saturating_sub(self.every()),
            ..self.copies.newest()
        });
    }

    fn every(&self) -> u64 {
        u64::try_from(self.options.copy_every.as_millis()).unwrap_or(u64::MAX)
    }

    /// How long until a copy is due.
    fn until_due(&self) -> Duration {
        let (now, every) = (milliseconds(SystemTime::now()), self.every());
        let due = self.copies.newest().since.saturating_add(every);
        // Further off than the interval: the clock was wrong, then or now.
        match due.saturating_sub(now) {
            left if left > every => Duration::ZERO,
            left => Duration::from_millis(left),
        }
    }

    pub(crate) fn warn(&self, error: &CopyError) {
        let path = copy_path(&self.folder, self.copies.newest().number + 1);
        let path = path.display();
        match error {
            CopyError::Damaged { what, .. } => tracing::warn!("{path}: {what}"),
            CopyError::Io(cause) => {
                tracing::warn!("{path}: {cause}: no copy of the index was made, and the one before stays");
            }
            CopyError::Index(cause) => {
                tracing::error!("{cause}: no copy of the index was made, and the one before stays");
            }
            CopyError::Ending => {}
        }
    }

    /// Makes a copy in place of the one before, unless nothing has changed. Only one is made at a time: see [`Copies::making`].
    pub(crate) fn copy_index(&self) -> Result<(), CopyError> {
        let newest = self.copies.newest();
        let look = self.index.look()?;
        let head = Head {
            position: look.position()?.unwrap_or_default(),
            taken: milliseconds(SystemTime::now()),
        };
        let unchanged = newest.head.is_some_and(|old| old.position == head.position);
        if unchanged || head.position.segment == 0 {
            self.copies.set_newest(Newest {
                since: head.taken,
                ..newest
            });
            return Ok(());
        }
        self.has_room()?;
        let number = newest.number + 1;
        let path = copy_path(&self.folder, number);
        let new = unfinished(&path);
        let written = self.write_copy((&new, &path), &look, &head);
        drop(look);
        let rows = written.inspect_err(|_| {
            let _ = self.files.remove(&new);
        })?;
        // One that somebody keeps goes after the next copy.
        if let Some(_unlinking) = self.keeping.may_unlink() {
            for old in copy::list(&self.folder)?.into_iter().filter(|old| *old < number) {
                self.files.remove(&copy_path(&self.folder, old))?;
            }
        }
        self.copies.set_newest(Newest {
            number,
            head: Some(head),
            since: head.taken,
        });
        if self.compaction.waits() {
            self.compaction.want();
        }
        tracing::debug!("{}: a copy of {rows} rows of the index", path.display());
        Ok(())
    }

    /// Writes a copy under its first name, and gives it its last one.
    fn write_copy(
        &self,
        (new, path): (&Path, &Path),
        look: &super::index::Look<'_>,
        head: &Head,
    ) -> Result<u64, CopyError> {
        // What an earlier failure could not remove.
        let _ = self.files.remove(new);
        let file = self.files.create(new)?;
        let rows = copy::write(&*file, look, (head, self.salt), &|| self.copies.goes_on())?;
        self.files.rename(new, path)?;
        self.files.sync_folder(&self.folder.join("log"))?;
        Ok(rows)
    }

    /// Refuses when a copy could take the room that mail needs.
    fn has_room(&self) -> io::Result<()> {
        let system = rustix::fs::statvfs(self.folder.join("log"))?;
        let free = system.f_bavail.saturating_mul(system.f_frsize);
        match free < self.index.used().saturating_add(ROOM) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

impl LocalEngine {
    /// Reads the newest copy of the index to its end; `None` when there is none yet.
    pub(crate) fn check_copy(
        &self,
        tell: &mut dyn FnMut(Finding),
    ) -> Result<Option<CopyChecked>, EngineError> {
        let shared = &self.shared;
        // The copy may be replaced while it is looked for.
        for _ in 0..3 {
            let numbers = copy::list(&shared.folder);
            let numbers = numbers.map_err(|error| read_error(&shared.folder.join("log"), error))?;
            let Some(number) = numbers.last() else {
                return Ok(None);
            };
            let path = copy_path(&shared.folder, *number);
            match copy::read(&*shared.files, &path, shared.salt, &mut |_| Ok(())) {
                Ok((head, rows)) => {
                    let taken = head.taken / 1000;
                    return Ok(Some(CopyChecked { path, rows, taken }));
                }
                Err(CopyError::Damaged { offset, what }) => {
                    shared.copies.want();
                    let what = format!("{what}; another copy of the index will be made");
                    tell(Finding { path, offset, what });
                    return Ok(None);
                }
                Err(CopyError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(CopyError::Io(error)) => return Err(read_error(&path, error)),
                Err(CopyError::Index(error)) => return Err(error),
                Err(CopyError::Ending) => return Err(EngineError::Closed),
            }
        }
        Ok(None)
    }
}

pub(crate) fn read_error(path: &Path, error: io::Error) -> EngineError {
    EngineError::Io {
        action: "read",
        path: path.to_owned(),
        cause: std::sync::Arc::new(error),
    }
}
