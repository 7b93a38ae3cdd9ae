//! A data folder for as long as a command runs: its log is another folder's, by links that are only read, and its index its own.
//! It lies where `TMPDIR` says, takes as much room as an index, and is removed at the end.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use engine::Identity;

use crate::backup::manifest::{Manifest, index_path, segment_path};
use crate::folder::LOCK;

/// The folder. It goes with this.
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Over a backup.
    pub(crate) fn of_backup(folder: &Path, manifest: &Manifest) -> io::Result<Self> {
        let (scratch, folder) = (Scratch::new()?, fs::canonicalize(folder)?);
        let log = scratch.path.join("log");
        for segment in &manifest.segments {
            let to = segment_path(&scratch.path, segment.number);
            symlink(segment_path(&folder, segment.number), to)?;
        }
        if let Some(index) = &manifest.index {
            symlink(index_path(&folder, index), log.join("index-00000001.copy"))?;
        }
        let identity = manifest.identity().map(Identity::print);
        fs::write(scratch.path.join(Identity::FILE), identity.unwrap_or_default())?;
        Ok(scratch)
    }

    /// Over a data folder that nobody else has open, as it is now.
    pub(crate) fn of_data(data: &Path) -> io::Result<Self> {
        let (scratch, data) = (Scratch::new()?, fs::canonicalize(data)?);
        for entry in fs::read_dir(data.join("log"))? {
            let entry = entry?;
            symlink(entry.path(), scratch.path.join("log").join(entry.file_name()))?;
        }
        let index = data.join("index").join("data.mdb");
        if index.exists() {
            fs::create_dir(scratch.path.join("index"))?;
            fs::copy(index, scratch.path.join("index").join("data.mdb"))?;
        }
        // What says whose folder it is may be what is wrong with it.
        if data.join(Identity::FILE).exists() {
            fs::copy(data.join(Identity::FILE), scratch.path.join(Identity::FILE))?;
        }
        fs::write(scratch.path.join(LOCK), "")?;
        Ok(scratch)
    }

    fn new() -> io::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("posthouse-{}-{}", std::process::id(), now.as_nanos());
        let path = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        let scratch = Scratch { path };
        fs::create_dir(scratch.path.join("log"))?;
        Ok(scratch)
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!("{}: {error}", self.path.display());
        }
    }
}
