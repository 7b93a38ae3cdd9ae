//! What a check looks at: the log as far as it is acknowledged, and the rows of the index.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::PoisonError;

use super::open::list_segments;
use super::record::BLOCK;
use super::record::SegmentHeader;
use super::replay::{Event, Source, replay};
use super::table::Position;
use super::{Finding, LocalEngine, Options, segment_path};
use crate::check::{Counts, size};
use crate::files::Files;
use crate::{BlobNumber, EngineError, OpenError, Partition};

impl LocalEngine {
    pub(super) fn position(&self) -> Position {
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
        let _kept = self.keep_segments();
        let reached = self.position();
        let mut numbers = list_segments(&self.shared.folder).map_err(read_error)?;
        numbers.retain(|number| *number <= reached.segment);
        let ends = self.told_ends(&numbers, tell);
        for number in numbers {
            let end = match number == reached.segment {
                true => reached.offset,
                false => ends.get(&number).copied().unwrap_or(0),
            };
            let path = segment_path(&self.shared.folder, number);
            let extent = Extent {
                path: &path,
                number,
                from: BLOCK,
                end,
            };
            let of = (&*self.shared.files, self.shared.salt);
            counts.records += check_extent(extent, of, tell);
            counts.segments += 1;
        }
        for number in self.shared.held_alone()? {
            let path = segment_path(&self.shared.folder, number);
            let extent = Extent {
                path: &path,
                number,
                from: BLOCK,
                end: size(&path),
            };
            counts.records += check_extent(extent, (&*self.shared.files, self.shared.salt), tell);
        }
        Ok(())
    }

    /// Where segments end, as the headers of later ones say. A segment that is named and not there is told.
    pub(super) fn told_ends(&self, numbers: &[u64], tell: &mut dyn FnMut(Finding)) -> HashMap<u64, u64> {
        let mut ends = HashMap::new();
        let spent = self.shared.find_spent().unwrap_or_default();
        for number in numbers {
            let path = segment_path(&self.shared.folder, *number);
            let block = read_part(&path, BLOCK, &self.shared.options).unwrap_or_default();
            let Some(header) = SegmentHeader::parse(&block, self.shared.salt) else {
                continue;
            };
            let missing = header.previous != 0 && numbers.binary_search(&header.previous).is_err();
            if missing && spent.binary_search(&header.previous).is_err() {
                let what = "the segment is missing".to_owned();
                tell(Finding {
                    path: segment_path(&self.shared.folder, header.previous),
                    offset: 0,
                    what,
                });
            }
            ends.insert(header.previous, header.previous_end);
        }
        ends
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

/// The part of a segment's file that is to be read.
#[derive(Clone, Copy)]
pub(crate) struct Extent<'p> {
    pub(crate) path: &'p Path,
    pub(crate) number: u64,
    /// Where a group begins: at [`BLOCK`], or later.
    pub(crate) from: u64,
    /// Where the last one ends; 0 where nobody knows.
    pub(crate) end: u64,
}

/// Reads a segment up to where its groups end, or all of it where that is not known; how many records are whole.
pub(crate) fn check_extent(
    extent: Extent<'_>,
    (files, salt): (&dyn Files, u64),
    tell: &mut dyn FnMut(Finding),
) -> u64 {
    let Extent {
        path,
        number,
        from,
        end,
    } = extent;
    let mut note = |offset, what: &str| {
        tell(Finding {
            path: path.to_owned(),
            offset,
            what: what.to_owned(),
        });
    };
    if size(path) < end {
        note(size(path), "the segment has been cut short");
    }
    // Up to its end a segment is never cut; behind it, it may be while we read.
    let length = if end > 0 { end } else { size(path) };
    let read = files.open(path).and_then(|file| {
        let length = length.min(file.size()?);
        let groups = usize::try_from(length.saturating_sub(from)).unwrap_or(usize::MAX);
        let head = usize::try_from(BLOCK.min(length)).unwrap_or(0);
        Ok((file.read_vec(head, 0)?, file.read_vec(groups, from)?))
    });
    let (head, groups) = match read {
        Ok(read) => read,
        Err(error) => {
            note(0, &error.to_string());
            return 0;
        }
    };
    let source = Source {
        bytes: &groups,
        offset: from,
        segment: number,
        salt,
        known_end: end,
    };
    let mut records = 0;
    replay(source, &mut |event| match event {
        Event::Record { .. } => records += 1,
        Event::Spoilt { header, offset } => note(
            offset,
            &format!("record {} does not match its checksum", header.sequence),
        ),
        Event::Damage { offset } => note(offset, "a group that was synced is damaged"),
        // It is damage that has been told.
        Event::Lost => {}
    });
    if SegmentHeader::parse(&head, salt).is_none() && !groups.iter().all(|byte| *byte == 0) {
        note(0, "the segment's header is damaged");
    }
    records
}

/// The blob whose place a row is.
fn blob_of(key: &[u8]) -> Option<BlobNumber> {
    let (partition, key) = key.split_first_chunk::<8>()?;
    let number = key.strip_prefix(b"b")?;
    let number: [u8; 8] = number.try_into().ok()?;
    (u64::from_be_bytes(*partition) == Partition::ENGINE.0).then(|| BlobNumber(u64::from_be_bytes(number)))
}

/// The first octets of a file: as many as asked for, or as there are.
pub(super) fn read_part(path: &Path, length: u64, options: &Options) -> io::Result<Vec<u8>> {
    let file = options.files.open(path)?;
    let length = length.min(file.size()?);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_at(&mut bytes, 0)?;
    Ok(bytes)
}

pub(super) fn read_error(error: OpenError) -> EngineError {
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
