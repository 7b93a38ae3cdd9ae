//! Verifying a folder while it is in use: every record of the log, every row of the index and of its copy,
//! every blob.
//!
//! It reads what was on stable storage when it began; what is written meanwhile is for the next check.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::files::ReadOnlyFiles;
use crate::local::copy::{self, CopyError};
use crate::local::record::BLOCK;
use crate::local::verify::{Extent, check_extent};
use crate::local::{Finding, LocalEngine};
use crate::{BlobNumber, EngineError};

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Segments of the log.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Rows of the index.
    pub rows: u64,
    /// Blobs that have a place.
    pub blobs: u64,
    /// The newest copy of the index, if there is one that is whole.
    pub copy: Option<CopyChecked>,
}

/// A copy of the index that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyChecked {
    /// Where it lies.
    pub path: PathBuf,
    /// Rows in it.
    pub rows: u64,
    /// When it was taken, in seconds since 1970.
    pub taken: u64,
}

/// Verifies everything below the store; blocks while it reads.
///
/// # Errors
/// When the system refuses a read: damage is told, not an error.
pub fn check(engine: &LocalEngine, tell: &mut dyn FnMut(Finding)) -> Result<Counts, EngineError> {
    let mut counts = Counts::default();
    engine.check_log(&mut counts, tell)?;
    let mut blobs = Vec::new();
    engine.check_index(&mut counts, &mut blobs, tell)?;
    for blob in blobs {
        check_blob(engine, blob, tell)?;
        counts.blobs += 1;
    }
    counts.copy = engine.check_copy(tell)?;
    Ok(counts)
}

/// Verifies a segment that lies outside of a data folder, from a group's beginning to where the groups end: every record against
/// its checksum. How many are whole.
pub fn check_segment(
    (path, number): (&Path, u64),
    groups: Range<u64>,
    salt: u64,
    tell: &mut dyn FnMut(Finding),
) -> u64 {
    let extent = Extent {
        path,
        number,
        from: groups.start.max(BLOCK),
        end: groups.end,
    };
    check_extent(extent, (&ReadOnlyFiles, salt), tell)
}

/// Verifies a copy of the index that lies outside of a data folder. `None` when it is damaged.
///
/// # Errors
/// When the system refuses a read: damage is told, not an error.
pub fn check_copy(
    path: &Path,
    salt: u64,
    tell: &mut dyn FnMut(Finding),
) -> Result<Option<CopyChecked>, EngineError> {
    let path = path.to_owned();
    match copy::read(&ReadOnlyFiles, &path, salt, &mut |_| Ok(())) {
        Ok((head, rows)) => Ok(Some(CopyChecked {
            path,
            rows,
            taken: head.taken / 1000,
        })),
        Err(CopyError::Damaged { offset, what }) => {
            let what = what.to_owned();
            tell(Finding { path, offset, what });
            Ok(None)
        }
        Err(CopyError::Io(cause)) => Err(EngineError::Io {
            action: "read",
            path,
            cause: Arc::new(cause),
        }),
        Err(CopyError::Index(error)) => Err(error),
        Err(CopyError::Ending) => Err(EngineError::Closed),
    }
}

fn check_blob(
    engine: &LocalEngine,
    blob: BlobNumber,
    tell: &mut dyn FnMut(Finding),
) -> Result<(), EngineError> {
    match engine.verify_blob(blob) {
        // Released, and the index does not know it yet.
        Ok(()) | Err(EngineError::NoBlob(_)) => Ok(()),
        Err(EngineError::Damaged { path, offset, what }) => {
            tell(Finding {
                path,
                offset,
                what: format!("blob {}: {what}", blob.0),
            });
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The size of a file; 0 when it is missing.
pub(crate) fn size(path: &std::path::Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
