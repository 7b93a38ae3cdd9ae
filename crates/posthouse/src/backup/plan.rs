//! What a backup is to take: said by whoever has the data folder open, for as long as it is held still.

use engine::Held;
use serde::{Deserialize, Serialize};

/// The parts of a data folder that do not change while it is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) segments: Vec<PlannedSegment>,
    pub(crate) copy: Option<PlannedCopy>,
}

/// A segment, up to some octet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedSegment {
    pub(crate) number: u64,
    pub(crate) octets: u64,
}

/// The copy of the index, by its name in the log's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedCopy {
    pub(crate) name: String,
    /// Milliseconds since 1970.
    pub(crate) taken: u64,
}

impl Plan {
    /// What is held.
    pub(crate) fn of(held: &Held) -> Self {
        let segments = held.segments.iter().map(|segment| PlannedSegment {
            number: segment.number,
            octets: segment.octets,
        });
        let copy = held.copy.as_ref().map(|copy| PlannedCopy {
            name: copy
                .path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            taken: copy.taken,
        });
        Plan {
            segments: segments.collect(),
            copy,
        }
    }
}
