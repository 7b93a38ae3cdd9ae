//! Large blobs: each lies in a file of its own, in the form of a segment with one record. It is written before the log names it and
//! outside of the committer's lock, a piece at a time: so no delivery waits for another one's 50 MB, nor for their compaction.
//!
//! **Invariant**: a row names the file only when all of it, and its name, is on stable storage; and it is unlinked only when stable
//! storage has no such row any more. So a cut leaves a file that no row names, which goes later as one whose blob was released.
//! Such a file is no part of the log's chain: it has a number of its own kind, made of its blob's, and is never moved.

use std::fs;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::committer::{ZEROS, write_error};
use super::compactor::lock;
use super::folder::{OpenError, failed};
use super::orders::Submitted;
use super::record::{BLOCK, HEADER, Header, Kind, SegmentHeader};
use super::table::{Place, place_key};
use super::tail::write_blocks;
use super::{LocalEngine, Shared, segment_path};
use crate::batch::BlobPut;
use crate::files::{Aligned, Files, LogFile};
use crate::{Answer, Batch, BlobNumber, EngineError, Partition};

/// What is added to a blob's number for the number of its file: more segments than a log ever has.
const ALONE: u64 = 1_000_000_000_000_000;
/// Octets written and synced at a time: what the log's own sync may find before it on the disk.
const PIECE: usize = 512 << 10;
/// Octets of a head with its note: longer than any.
const HEAD: u64 = HEADER as u64 + (64 << 10);

/// Whoever writes such a file: one at a time, so that many large messages do not take the disk from the small ones.
#[derive(Default)]
pub(crate) struct Alone(Mutex<Writing>);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Writing {
    #[default]
    Allowed,
    Ended,
}

impl Alone {
    fn turn(&self) -> MutexGuard<'_, Writing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the file that is being written; there is no other one.
    pub(crate) fn end(&self) {
        *self.turn() = Writing::Ended;
    }
}

/// Whether a segment is a large blob's own file.
pub(crate) fn is_alone(segment: u64) -> bool {
    segment >= ALONE
}

/// The blob whose own file a segment is.
pub(crate) fn blob_of(segment: u64) -> BlobNumber {
    BlobNumber(segment.saturating_sub(ALONE))
}

/// Where such a file lies while it is being written.
fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("seg.new")
}

/// The numbers of such files, ascending.
pub(crate) fn list(folder: &Path) -> Result<Vec<u64>, OpenError> {
    let mut numbers = super::open::list_files(folder)?;
    numbers.retain(|number| is_alone(*number));
    Ok(numbers)
}

/// Removes what is left of those that were being written.
pub(crate) fn remove_unfinished(folder: &Path, files: &dyn Files) -> Result<(), OpenError> {
    let log = folder.join("log");
    for entry in fs::read_dir(&log).map_err(failed(&log))? {
        let entry = entry.map_err(failed(&log))?;
        if entry.file_name().to_string_lossy().ends_with(".seg.new") {
            files.remove(&entry.path()).map_err(failed(&entry.path()))?;
        }
    }
    Ok(())
}

/// The header and the note in such a file; nothing when they are damaged.
pub(crate) fn read_head(
    files: &dyn Files,
    (path, number): (&Path, u64),
    salt: u64,
) -> io::Result<Option<(Header, Bytes)>> {
    let file = files.open(path)?;
    let length = file.size()?.saturating_sub(BLOCK).min(HEAD);
    let octets = Bytes::from(file.read_vec(usize::try_from(length).unwrap_or(0), BLOCK)?);
    let header = Header::parse(&octets, number, salt);
    Ok(header.filter(|header| header.kind == Kind::Blob).map(|header| {
        let note = HEADER..usize::try_from(header.payload_at()).unwrap_or(HEADER);
        (header, octets.slice(note))
    }))
}

impl Shared {
    /// Writes the large blobs of a batch, and has rows name them that become durable together with it.
    pub(crate) fn write_large(&self, mut batch: Batch) -> Result<Batch, EngineError> {
        let mut places = Batch::new(Partition::ENGINE);
        for blob in batch.take_large(self.options.large) {
            let place = self.write_alone(&blob)?;
            places.put(&place_key(blob.number), &place.print());
        }
        batch.put_beside(places);
        Ok(batch)
    }

    fn write_alone(&self, blob: &BlobPut) -> Result<Place, EngineError> {
        let octets = |bytes: &Bytes| u32::try_from(bytes.len()).expect("a record under 4 GiB");
        let mut header = Header {
            kind: Kind::Blob,
            segment: ALONE.saturating_add(blob.number.0),
            sequence: 1,
            group: 1,
            group_length: 0,
            id: blob.number.0,
            note_length: octets(&blob.note),
            length: octets(&blob.bytes),
            hash: xxh3_64(&blob.bytes),
        };
        header.group_length = header.record_length();
        let turn = self.alone.turn();
        self.running()?;
        if *turn == Writing::Ended {
            return Err(EngineError::Closed);
        }
        // What an earlier lifetime has left under this name is replaced, and must not be unlinked as such.
        lock(&self.compaction.spent).remove(&header.segment);
        let path = segment_path(&self.folder, header.segment);
        let new = unfinished(&path);
        let written = self
            .write_file(&new, &header, blob)
            .and_then(|()| self.files.rename(&new, &path))
            .and_then(|()| self.files.sync_folder(&self.folder.join("log")));
        drop(turn);
        if let Err(error) = written {
            // No row names it: the delivery is refused, and nothing else.
            let _ = self.files.remove(&new);
            let _ = self.files.remove(&path);
            return Err(write_error(&path, header.group_length, error));
        }
        Ok(Place::of(&header, BLOCK))
    }

    fn write_file(&self, path: &Path, header: &Header, blob: &BlobPut) -> io::Result<()> {
        // What an earlier failure could not remove.
        let _ = self.files.remove(path);
        let file = self.files.create(path)?;
        let first = SegmentHeader {
            segment: header.segment,
            previous: 0,
            previous_end: 0,
            sequence: header.sequence,
        };
        let mut head = first.print(self.salt);
        header.print(&blob.note, self.salt, &mut head);
        write_pieces(&*file, &head, &blob.bytes)
    }
}

/// Writes all octets, in whole blocks, and syncs each piece.
fn write_pieces(file: &dyn LogFile, head: &[u8], bytes: &[u8]) -> io::Result<()> {
    let end = (head.len() + bytes.len()).next_multiple_of(ZEROS.len());
    file.allocate(0, end as u64)?;
    let part = |octets: &'_ [u8], from: usize, to: usize| from.min(octets.len())..to.min(octets.len());
    let mut memory = Aligned::new(PIECE.min(end));
    let mut at = 0;
    while at < end {
        let to = end.min(at + PIECE);
        let of_head = head.get(part(head, at, to)).unwrap_or_default();
        let (from, until) = (at.saturating_sub(head.len()), to.saturating_sub(head.len()));
        let of_bytes = bytes.get(part(bytes, from, until)).unwrap_or_default();
        let rest = (to - at) - of_head.len() - of_bytes.len();
        let rest = ZEROS.get(..rest).unwrap_or_default();
        memory.fill(0, &[of_head, of_bytes, rest].map(IoSlice::new));
        write_blocks(
            file,
            memory.octets().get(..to - at).unwrap_or_default(),
            at as u64,
        )?;
        file.sync_data()?;
        at = to;
    }
    Ok(())
}

impl Shared {
    /// The files of large blobs, but for those that only wait to be unlinked.
    pub(crate) fn held_alone(&self) -> Result<Vec<u64>, EngineError> {
        let mut numbers = list(&self.folder).map_err(super::verify::read_error)?;
        let spent = lock(&self.compaction.spent);
        numbers.retain(|number| !spent.contains_key(number));
        Ok(numbers)
    }
}

impl LocalEngine {
    /// Hands a batch over whose large blobs are written first. It arrives also when nobody waits for the answer.
    pub(super) fn submit_large(&self, batch: Batch) -> Answer<'_, ()> {
        let (shared, orders) = (self.shared.clone(), self.orders.clone());
        let writing = tokio::task::spawn_blocking(move || {
            let batch = shared.write_large(batch)?;
            orders.submit(batch).wait()
        });
        Box::pin(async move { writing.await.map_err(|_| EngineError::Closed)? })
    }
}

impl super::compactor::Compactor {
    /// As any writer: large blobs are written first.
    pub(super) fn submit(&self, batch: Batch) -> Result<Submitted, EngineError> {
        let batch = self.shared.write_large(batch)?;
        Ok(self.orders.submit(batch))
    }
}
