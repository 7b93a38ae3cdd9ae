//! The engine of a data folder: opened, verified, closed. The one place that knows which engine it is.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::files::ReadOnlyFiles;
use engine::{
    Engine, EngineError, Finding, History, Identity, LocalEngine, OpenError, Options, Partition, check,
};
use server::observe::LogRoom;
use store::{Salvage, Store};
use types::AccountId;

use crate::control::{Checked, IndexCopy};
use crate::exit::{Code, Exit};
use crate::folder::{Checking, Holding, Integrity};
use crate::sweep::{self, Sweeping};

/// For a folder that is soon removed: longer than anybody reads it.
const NEVER: Duration = Duration::from_hours(24 * 365 * 100);

/// An open engine.
pub(crate) struct Disk {
    /// What store and directory stand on.
    pub(crate) engine: Arc<dyn Engine>,
    /// What verifies it.
    pub(crate) integrity: Arc<dyn Integrity>,
    /// What was found to be damaged at opening, with the names of files.
    pub(crate) damage: Vec<String>,
    local: Arc<LocalEngine>,
}

impl Disk {
    /// Opens the engine of a folder that is locked.
    /// Rows that wait for the index take at most so many octets.
    pub(crate) fn open(path: &Path, waiting: usize) -> Result<Self, Exit> {
        let mut options = Options::default();
        options.memtable = options.memtable.min(waiting);
        options.absorb = options.absorb.min(waiting / 4);
        Self::open_with(path, options)
    }

    fn open_with(path: &Path, options: Options) -> Result<Self, Exit> {
        let local = Arc::new(LocalEngine::open(path, options)?);
        let identity = fs::read_to_string(path.join(Identity::FILE)).ok();
        let identity = identity.and_then(|text| Identity::parse(&text).ok());
        Ok(Disk {
            engine: Arc::clone(&local) as Arc<dyn Engine>,
            integrity: Arc::new(LocalIntegrity(Arc::clone(&local), identity)),
            damage: local.findings().iter().map(ToString::to_string).collect(),
            local,
        })
    }

    /// Opens the engine over a folder whose log is that of a backup, and is only read.
    pub(crate) fn open_read_only(path: &Path) -> Result<Self, Exit> {
        let options = Options {
            files: Arc::new(ReadOnlyFiles),
            copy_every: NEVER,
            ..Options::default()
        };
        Self::open_with(path, options)
    }

    /// Lets go of what was deleted, from time to time.
    pub(crate) fn begin_sweeping(&self, store: &Store, undelete: Duration) -> Sweeping {
        sweep::begin(Arc::clone(&self.local), store.clone(), undelete)
    }

    /// Whether a part of the log is missing that the index needed.
    pub(crate) fn must_salvage(&self) -> bool {
        self.local.history() == History::Salvaged
    }

    /// Makes mail again from what is left.
    pub(crate) async fn salvage(&self, store: &Store, named: &[AccountId]) -> Result<Salvage, Exit> {
        let salvaged = store.salvage(&self.local, named).await;
        salvaged.map_err(|error| Exit::new(Code::Io, error.to_string()))
    }

    /// Verifies it now; what opening has found and mended does not count. Blocks while it reads.
    pub(crate) fn verify(&self) -> Result<Vec<Finding>, Exit> {
        let mut findings = Vec::new();
        check::check(&self.local, &mut |finding| findings.push(finding))?;
        Ok(findings)
    }

    /// Gives every mailbox a new, higher validity, and every number a leap: for a folder that was restored.
    pub(crate) async fn renew(&self, store: &Store, named: &[AccountId]) -> Result<Salvage, Exit> {
        let renewed = store.renew_accounts(&self.local, named).await;
        renewed.map_err(|error| Exit::new(Code::Io, error.to_string()))
    }

    /// Ends a salvage that was done to its end.
    pub(crate) async fn settle(&self, now: u64) -> Result<(), Exit> {
        Ok(self.local.settle(now).await?)
    }

    /// Writes everything that is on its way.
    pub(crate) async fn close(self) -> Result<(), Exit> {
        Ok(self.local.close().await?)
    }
}

struct LocalIntegrity(Arc<LocalEngine>, Option<Identity>);

impl Integrity for LocalIntegrity {
    fn writing(&self) -> Result<(), EngineError> {
        self.0.running()
    }

    fn check(&self) -> Checking<'_> {
        let engine = Arc::clone(&self.0);
        let checking = tokio::task::spawn_blocking(move || {
            // What opening has found and mended counts as well.
            let mut findings: Vec<_> = engine.findings().iter().map(ToString::to_string).collect();
            let counts = check::check(&engine, &mut |finding| {
                let words = finding.to_string();
                if !findings.contains(&words) {
                    findings.push(words);
                }
            })?;
            let copy = counts.copy.map(|copy| IndexCopy {
                path: copy.path.display().to_string(),
                rows: copy.rows,
                taken: copy.taken,
            });
            Ok::<_, EngineError>(Checked {
                findings,
                copy,
                salvaged: engine.salvaged()?,
                ..Checked::default()
            })
        });
        Box::pin(async move { checking.await.map_err(|_| EngineError::Closed)? })
    }

    fn hold(&self) -> Holding<'_> {
        let engine = Arc::clone(&self.0);
        let holding = tokio::task::spawn_blocking(move || engine.hold());
        Box::pin(async move { holding.await.map_err(|_| EngineError::Closed)? })
    }

    fn room(&self) -> Option<LogRoom> {
        let room = self.0.room();
        let known = LogRoom {
            segments: room.segments,
            octets: room.octets,
            living: room.living,
        };
        (room.segments > 0).then_some(known)
    }

    fn identity(&self) -> Option<Identity> {
        self.1
    }

    fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
        self.0.partitions()
    }
}

impl From<OpenError> for Exit {
    fn from(error: OpenError) -> Self {
        if let OpenError::Engine(error) = error {
            return error.into();
        }
        let code = match &error {
            OpenError::Engine(_) => Code::Io,
            OpenError::Locked(_) | OpenError::Foreign(_) => Code::Unavailable,
            OpenError::Format { .. } => Code::Data,
            OpenError::Network { .. } | OpenError::Io { .. } => Code::CannotCreate,
        };
        let chinese = match &error {
            OpenError::Locked(path) => format!("{} 正被另一个进程使用", path.display()),
            OpenError::Foreign(path) => format!("{} 不是驿站的数据文件夹", path.display()),
            OpenError::Format { path, what } => {
                format!("{}：格式未知，可能由更新的版本创建（{what}）", path.display())
            }
            OpenError::Network { path, system } => {
                format!(
                    "{} 在网络文件系统（{system}）上，无法保证邮件的安全",
                    path.display()
                )
            }
            other => other.to_string(),
        };
        Exit::in_both(code, error.to_string(), chinese)
    }
}
