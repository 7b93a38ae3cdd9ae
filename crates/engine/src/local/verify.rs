//! What a check looks at: the log as far as it is acknowledged, and the rows of the index.

use std::sync::PoisonError;

use super::open::{list_segments, read_from};
use super::record::BLOCK;
use super::record::SegmentHeader;
use super::replay::{Event, Source, replay};
use super::table::Position;
use super::{Finding, LocalEngine, segment_path};
use crate::check::{Counts, size};
use crate::{BlobNumber, EngineError, OpenError, Partition};

impl LocalEngine {
    fn position(&self) -> Position {
        self.shared
            .tables
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .active
            .position
    }

    pub(crate) fn check_log(
        &self,
        counts: &mut Counts,
        tell: &mut dyn FnMut(Finding),
    ) -> Result<(), EngineError> {
        let reached = self.position();
        let numbers = list_segments(&self.shared.folder).map_err(read_error)?;
        // From the newest down: each one's header says where the one before ends.
        let mut told = (reached.segment, reached.offset);
        for number in numbers
            .into_iter()
            .rev()
            .filter(|number| *number <= reached.segment)
        {
            let path = segment_path(&self.shared.folder, number);
            let mut bytes = read_from(&path, 0, &self.shared.options).map_err(read_error)?;
            let header = SegmentHeader::parse(&bytes, self.shared.salt);
            let end = if told.0 == number { told.1 } else { 0 };
            if size(&path) < end {
                let what = "the segment has been cut short".to_owned();
                tell(Finding {
                    path: path.clone(),
                    offset: bytes.len() as u64,
                    what,
                });
            }
            if end > 0 {
                bytes.truncate(usize::try_from(end).unwrap_or(usize::MAX));
            }
            let groups = bytes.get(BLOCK as usize..).unwrap_or_default();
            let source = Source {
                bytes: groups,
                offset: BLOCK,
                segment: number,
                salt: self.shared.salt,
                known_end: end,
            };
            let mut note = |offset, what: &str| {
                tell(Finding {
                    path: path.clone(),
                    offset,
                    what: what.to_owned(),
                });
            };
            replay(source, &mut |event| match event {
                Event::Record { .. } => counts.records += 1,
                Event::Spoilt { header, offset } => {
                    note(
                        offset,
                        &format!("record {} does not match its checksum", header.sequence),
                    );
                }
                Event::Damage { offset } => note(offset, "a group that was synced is damaged"),
            });
            if header.is_none() && !groups.iter().all(|byte| *byte == 0) {
                note(0, "the segment's header is damaged");
            }
            told = header.map_or((0, 0), |header| (header.previous, header.previous_end));
            counts.segments += 1;
        }
        Ok(())
    }

    pub(crate) fn check_index(
        &self,
        counts: &mut Counts,
        blobs: &mut Vec<BlobNumber>,
        tell: &mut dyn FnMut(Finding),
    ) -> Result<(), EngineError> {
        let mut last: Option<Vec<u8>> = None;
        loop {
            let rows = self.shared.index.look()?.after(last.as_deref())?;
            let Some((key, _)) = rows.last() else {
                return Ok(());
            };
            last = Some(key.clone());
            for (key, value) in &rows {
                counts.rows += 1;
                if value.is_none() {
                    let path = self.shared.index.path().join("data.mdb");
                    let what = format!("the checksum of row {key:02x?} does not match");
                    tell(Finding {
                        path,
                        offset: 0,
                        what,
                    });
                    continue;
                }
                blobs.extend(blob_of(key));
            }
        }
    }

    pub(crate) fn verify_blob(&self, blob: BlobNumber) -> Result<(), EngineError> {
        self.shared.read_blob(blob, &(0..u64::MAX)).map(|_| ())
    }
}

/// The blob whose place a row is.
fn blob_of(key: &[u8]) -> Option<BlobNumber> {
    let (partition, key) = key.split_first_chunk::<8>()?;
    let number = key.strip_prefix(b"b")?;
    let number: [u8; 8] = number.try_into().ok()?;
    (u64::from_be_bytes(*partition) == Partition::ENGINE.0).then(|| BlobNumber(u64::from_be_bytes(number)))
}

fn read_error(error: OpenError) -> EngineError {
    match error {
        OpenError::Engine(error) => error,
        OpenError::Io { path, cause } => EngineError::Io {
            action: "read",
            path,
            cause: std::sync::Arc::new(cause),
        },
        // Only a folder that is being opened has other errors.
        _ => EngineError::Closed,
    }
}
