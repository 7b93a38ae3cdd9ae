//! The data folder: found or made, locked, opened, closed. What is wrong with it is said in words that help.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use config::Settings;
use directory::{Cores, Cost, Directory, Guessing, Options, Rounds, Scram};
use engine::{EngineError, Held, Partition};
use rustix::fs::{FlockOperation, flock};
use server::Shares;
use server::observe::LogRoom;
use store::Store;

use crate::control::{Checked, State};
use crate::disk::Disk;
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::log::Log;
use crate::owner::give_to_owner;

/// Says whose folder it is: made first, locked as long as it is in use.
pub(crate) const LOCK: &str = "posthouse.lock";
/// Lies in a folder into which a backup is being restored, until it is whole.
const RESTORING: &str = "posthouse.restoring";

/// Whether a folder may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// It must be there.
    Existing,
    /// A new one will do.
    OrCreate,
}

/// What a check of the folder finds, later.
pub(crate) type Checking<'a> = Pin<Box<dyn Future<Output = Result<Checked, EngineError>> + Send + 'a>>;

/// What a backup reads, later.
pub(crate) type Holding<'a> = Pin<Box<dyn Future<Output = Result<Held, EngineError>> + Send + 'a>>;

/// Verifies the folder below all accounts: the log, the index, and the copy of the index.
pub(crate) trait Integrity: Send + Sync {
    /// What is wrong, each with the name of the file; and what is known of the copy and of a salvage.
    fn check(&self) -> Checking<'_>;

    /// Whether anything can be written still: a failed sync is final.
    fn writing(&self) -> Result<(), EngineError>;

    /// Copies the index and holds still what a backup reads, as long as the answer lives.
    fn hold(&self) -> Holding<'_>;

    /// What the log takes.
    fn room(&self) -> Option<LogRoom>;

    /// Which folder it is, and which life of it.
    fn identity(&self) -> Option<engine::Identity>;

    /// The partitions that have rows.
    fn partitions(&self) -> Result<Vec<Partition>, EngineError>;
}

/// A data folder that is ours.
pub(crate) struct Folder {
    path: PathBuf,
    disk: Disk,
    _lock: File,
}

impl Folder {
    /// Finds or makes the folder, locks it, and opens what is in it.
    pub(crate) fn open(path: &Path, open: Open, language: Language) -> Result<Self, Exit> {
        Self::open_within(path, open, &config::Limits::default(), language)
    }

    /// The same within other limits.
    pub(crate) fn open_within(
        path: &Path,
        open: Open,
        limits: &config::Limits,
        language: Language,
    ) -> Result<Self, Exit> {
        let failed = |error: io::Error| Exit::file(path, &error, language);
        match fs::read_dir(path) {
            Err(error) if error.kind() == ErrorKind::NotFound && open == Open::OrCreate => {
                engine::make_folder(path).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
            Ok(mut entries) => {
                let ours = path.join(LOCK).exists();
                if !ours && (entries.next().is_some() || open == Open::Existing) {
                    return Err(foreign(path, language));
                }
            }
        }
        let lock = lock(path, language)?;
        if path.join(RESTORING).exists() {
            return Err(unfinished(path, language));
        }
        let disk = Disk::open(path, Shares::of(limits).waiting)?;
        give_to_owner(path).map_err(failed)?;
        Ok(Folder {
            path: path.to_owned(),
            disk,
            _lock: lock,
        })
    }

    /// Makes a new folder that a backup is to be restored into, and locks it. Nobody else opens it before it is [`Folder::end_restore`].
    pub(crate) fn begin_restore(path: &Path, language: Language) -> Result<File, Exit> {
        let failed = |error: io::Error| Exit::file(path, &error, language);
        engine::make_folder(path).map_err(failed)?;
        if fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(match path.join(RESTORING).exists() {
                true => unfinished(path, language),
                false => not_empty(path, language),
            });
        }
        let marker = path.join(RESTORING);
        let made = File::create(&marker).and_then(|file| file.sync_all());
        made.and_then(|()| File::open(path)?.sync_all()).map_err(failed)?;
        lock(path, language)
    }

    /// Opens a folder that has been restored, under its lock.
    pub(crate) fn open_restored(path: &Path, lock: File) -> Result<Self, Exit> {
        Ok(Folder {
            path: path.to_owned(),
            disk: Disk::open(path, usize::MAX)?,
            _lock: lock,
        })
    }

    /// Keeps everybody else from a folder that is only looked at.
    pub(crate) fn keep(path: &Path, language: Language) -> Result<File, Exit> {
        match path.join(LOCK).exists() {
            true => lock(path, language),
            false => Err(foreign(path, language)),
        }
    }

    /// From now on the folder is like any other.
    pub(crate) fn end_restore(path: &Path, language: Language) -> Result<(), Exit> {
        let removed = fs::remove_file(path.join(RESTORING));
        let synced = removed.and_then(|()| File::open(path)?.sync_all());
        synced.map_err(|error| Exit::file(path, &error, language))
    }

    /// Says what was found to be damaged when the folder was opened; that is worth a log of a command, too.
    pub(crate) fn report_damage(&self, language: Language) {
        if !self.disk.damage.is_empty() {
            // A server has its log already, and this changes nothing about it.
            let _ = Log::start(&config::Log::default(), language);
        }
        for damage in &self.disk.damage {
            let words = language.pick("damaged", "损坏");
            tracing::error!("{words}: {damage}");
        }
    }

    /// The folder in the words of mail; passwords are hashed on these cores.
    pub(crate) fn state(&self, settings: &Settings, cores: Cores) -> State {
        let engine = Arc::clone(&self.disk.engine);
        let options = Options {
            cost: Cost {
                memory_kib: settings.passwords.memory_kib,
                passes: settings.passwords.passes,
            },
            cores,
            scram: scram(&settings.auth),
            guessing: guessing(settings),
        };
        let directory = Directory::with_options(Arc::clone(&engine), settings.domain.clone(), options);
        let store = Store::with_memory(engine, server::system_clock(), Shares::of(&settings.limits).views);
        server::keep_to_quotas(&store, &directory);
        State {
            directory,
            store,
            integrity: self.integrity(),
        }
    }

    /// What it lies on.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    pub(crate) fn integrity(&self) -> Arc<dyn Integrity> {
        Arc::clone(&self.disk.integrity)
    }

    /// Gives the folder back, with everything that is on its way written.
    pub(crate) async fn close(self) -> Result<(), Exit> {
        let closed = self.disk.close().await;
        if let Err(error) = give_to_owner(&self.path) {
            tracing::error!(%error, data = %self.path.display(), "what root has made is not its owner's");
        }
        tracing::debug!(data = %self.path.display(), "closed");
        closed
    }
}

fn guessing(settings: &Settings) -> Guessing {
    Guessing {
        tries_per_name: settings.logins.tries_per_name,
        tries_per_address: settings.logins.tries_per_address,
        tries_per_account: settings.logins.tries_per_account,
        longest_delay: settings.logins.longest_delay,
        forget: settings.logins.forget,
    }
}

fn scram(auth: &config::Auth) -> Scram {
    match (auth.scram, Rounds::check(auth.scram_rounds)) {
        (true, Some(rounds)) => Scram::On(rounds),
        // A number out of its range does not come out of a file.
        (true, None) => Scram::On(Rounds::default()),
        (false, _) => Scram::Off,
    }
}

/// Takes the folder for this process; it is given back when the process ends, however it ends.
fn lock(path: &Path, language: Language) -> Result<File, Exit> {
    let name = path.join(LOCK);
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&name);
    let mut file = opened.map_err(|error| Exit::file(path, &error, language))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Err(locked(path, &name, language)),
        Err(error) => return Err(Exit::file(path, &error.into(), language)),
    }
    let written = file
        .set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(|error| Exit::file(path, &error, language))?;
    Ok(file)
}

fn locked(path: &Path, name: &Path, language: Language) -> Exit {
    let path = path.display();
    let process = fs::read_to_string(name).unwrap_or_default();
    let process = process.trim();
    let words = language.pick(
        format!(
            "{path} is in use by process {process}.\nStop it (kill {process}), or choose another folder with --data"
        ),
        format!("{path} 正被进程 {process} 使用。\n请停止它（kill {process}），或用 --data 换一个文件夹"),
    );
    Exit::new(Code::Unavailable, words)
}

fn unfinished(path: &Path, language: Language) -> Exit {
    let path = path.display();
    let words = language.pick(
        format!("{path}: a restore into it was not finished; remove the folder and restore again"),
        format!("{path}：向其中的恢复没有完成；请删除此文件夹后重新恢复"),
    );
    Exit::new(Code::Unavailable, words)
}

fn not_empty(path: &Path, language: Language) -> Exit {
    let path = path.display();
    let words = language.pick(
        format!("{path} is not empty; a backup is restored into a new folder, which --data names"),
        format!("{path} 不是空的；备份只恢复到新文件夹中，请用 --data 指定"),
    );
    Exit::new(Code::Unavailable, words)
}

fn foreign(path: &Path, language: Language) -> Exit {
    let path = path.display();
    let words = language.pick(
        format!("{path} is not a data folder of Posthouse; choose another one, or a new one, with --data"),
        format!("{path} 不是驿站的数据文件夹；请用 --data 换一个，或新建一个"),
    );
    Exit::new(Code::Unavailable, words)
}
