//! What a backup needs of an open folder: a copy of the index, and how far the log goes that has the rest.
//!
//! **Invariant**: the copy comes first. So whatever was acknowledged before is in the copy, or in the log that is told of after it.
//! Nothing of both is removed while a [`Held`] lives.

use std::path::PathBuf;
use std::sync::Arc;

use super::copier::read_error;
use super::copy::{CopyError, copy_path};
use super::open::list_segments;
use super::{LocalEngine, SegmentsKept, segment_path, verify};
use crate::EngineError;
use crate::check::size;

/// A part of a folder that does not change: what a backup takes.
pub struct Held {
    /// The segments, in their order, and after them the files of large blobs.
    pub segments: Vec<HeldSegment>,
    /// The copy of the index; `None` where the log alone tells everything, since the index has not been written yet.
    pub copy: Option<HeldCopy>,
    _kept: SegmentsKept,
}

/// A segment, and how much of it is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSegment {
    /// Its number.
    pub number: u64,
    /// Where it lies.
    pub path: PathBuf,
    /// Octets from its beginning; what lies behind is not to be looked at.
    pub octets: u64,
}

/// A copy of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldCopy {
    /// Where it lies.
    pub path: PathBuf,
    /// When it was taken, in milliseconds since 1970.
    pub taken: u64,
}

impl LocalEngine {
    /// Copies the index, and says what the folder holds now: everything that was acknowledged before is in it. Blocks while it
    /// copies.
    ///
    /// # Errors
    /// When the index cannot be read, or not be copied and there is no copy of it yet.
    pub fn hold(&self) -> Result<Held, EngineError> {
        // Before the copy: what it, and the log since, need stays.
        let kept = self.keep_segments();
        let copy = self.fresh_copy()?;
        let reached = self.position();
        let mut numbers = list_segments(&self.shared.folder).map_err(verify::read_error)?;
        numbers.retain(|number| *number <= reached.segment);
        let ends = self.told_ends(&numbers, &mut |_| {});
        let segments = numbers.into_iter().map(|number| {
            let path = segment_path(&self.shared.folder, number);
            let octets = match number == reached.segment {
                true => reached.offset,
                // One that nobody tells of has no groups: it is as it was when it was begun.
                false => match ends.get(&number) {
                    Some(end) => *end,
                    None => std::fs::metadata(&path)
                        .map_err(|error| read_error(&path, error))?
                        .len(),
                },
            };
            Ok(HeldSegment { number, path, octets })
        });
        let mut segments: Vec<_> = segments.collect::<Result<_, EngineError>>()?;
        // After the log: whatever it names is there.
        for number in self.shared.held_alone()? {
            let path = segment_path(&self.shared.folder, number);
            let octets = size(&path);
            segments.push(HeldSegment { number, path, octets });
        }
        Ok(Held {
            segments,
            copy,
            _kept: kept,
        })
    }

    /// A copy of the index as it is now, unless it cannot be made: then the newest that there is.
    fn fresh_copy(&self) -> Result<Option<HeldCopy>, EngineError> {
        let shared = &self.shared;
        let _making = shared.copies.making();
        let copied = shared.copy_index();
        let newest = shared.copies.newest();
        match copied {
            Ok(()) => {}
            // The one before, and the log since, say the same.
            Err(error) if newest.head.is_some() => shared.warn(&error),
            Err(CopyError::Index(error)) => return Err(error),
            Err(CopyError::Io(error)) => {
                let path = copy_path(&shared.folder, newest.number + 1);
                return Err(copy_error(path, error));
            }
            Err(CopyError::Damaged { .. } | CopyError::Ending) => {
                return Err(EngineError::Closed);
            }
        }
        Ok(newest.head.map(|head| HeldCopy {
            path: copy_path(&shared.folder, newest.number),
            taken: head.taken,
        }))
    }
}

fn copy_error(path: PathBuf, error: std::io::Error) -> EngineError {
    EngineError::Io {
        action: "write",
        path,
        cause: Arc::new(error),
    }
}
