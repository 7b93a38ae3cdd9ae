//! How the engine fails. Cloned to everybody who waits for the same group.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// Why the engine could not do what was asked.
#[derive(Clone, Debug, Error)]
pub enum EngineError {
    /// No room: nothing was changed, and it may work later.
    #[error("the disk is full: {} needs {needed} more octets", path.display())]
    DiskFull {
        /// The file that could not grow.
        path: PathBuf,
        /// Octets wanted.
        needed: u64,
    },
    /// A sync or write failed earlier, and nothing is written until a restart (DESIGN §3, invariant 3).
    #[error("writing stopped after {} failed: {cause}; restart after looking at the disk", path.display())]
    Stopped {
        /// The file whose sync failed.
        path: PathBuf,
        /// What the system said.
        cause: Arc<io::Error>,
    },
    /// The system refused a read or write.
    #[error("{action} {}: {cause}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        cause: Arc<io::Error>,
    },
    /// Bytes on the disk are not what was written.
    #[error("{} is damaged at octet {offset}: {what}", path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What does not fit.
        what: &'static str,
    },
    /// The index could not be read or written.
    #[error("index {}: {what}", path.display())]
    Index {
        /// The index's folder.
        path: PathBuf,
        /// What LMDB said.
        what: Arc<str>,
    },
    /// No blob has that number.
    #[error("there is no blob {0}")]
    NoBlob(u64),
    /// One batch changes more than the log takes at once.
    #[error("one change of {octets} octets of rows is more than is written at once")]
    TooLarge {
        /// Octets of its rows.
        octets: usize,
    },
    /// The engine has been closed.
    #[error("the data folder is closed")]
    Closed,
}
