//! The engine of a data folder: opened, verified, closed. The one place that knows which engine it is.

use std::path::Path;
use std::sync::Arc;

use engine::Engine;

use crate::exit::{Code, Exit};
use crate::folder::Integrity;

/// An open engine.
pub(crate) struct Disk {
    /// What store and directory stand on.
    pub(crate) engine: Arc<dyn Engine>,
    /// What verifies it.
    pub(crate) integrity: Arc<dyn Integrity>,
    /// What was found to be damaged at opening, with the names of files.
    pub(crate) damage: Vec<String>,
}

impl Disk {
    /// Opens the engine of a folder that is locked.
    pub(crate) fn open(path: &Path) -> Result<Self, Exit> {
        let words = format!("{}: this build has no engine for data folders", path.display());
        Err(Exit::new(Code::Unavailable, words))
    }

    /// Writes everything that is on its way.
    pub(crate) async fn close(self) -> Result<(), Exit> {
        Ok(())
    }
}
