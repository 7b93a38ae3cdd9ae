//! What writes the log: it writes a group, syncs, applies, and then answers. One at a time: see `orders`.
//!
//! A failed write refuses its group and seals the segment. A failed sync is final: nothing is written after it.

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::orders::Submission;
use super::record::{BLOCK, Header, Kind, SegmentHeader};
use super::table::{Place, place_key};
use super::{Shared, segment_path};
use crate::files::LogFile;
use crate::{BlobNumber, Change, EngineError, Partition};

/// Pieces in one call: the system's IOV_MAX.
const PIECES: usize = 1024;

/// What the last block of a group is filled up with.
pub(super) static ZEROS: [u8; BLOCK as usize] = [0; BLOCK as usize];

/// A disk whose syncs take less than this is quick; a server's thread may wait for it.
const QUICK: Duration = Duration::from_millis(1);
/// Room in the segment for a group and its heads that a leader may write.
const ROOM: u64 = 1 << 20;

/// How long writers wait for an index that is behind before they are refused.
const INDEX_TIME: Duration = Duration::from_secs(30);

/// The segment that is being written.
struct Segment {
    number: u64,
    path: PathBuf,
    file: Arc<dyn LogFile>,
    /// Where the next group begins.
    end: u64,
    allocated: u64,
}

/// The committer's own state.
pub(crate) struct Committer {
    pub(crate) shared: Arc<Shared>,
    segment: Option<Segment>,
    /// The last segment and where its groups end.
    pub(crate) previous: (u64, u64),
    pub(crate) next_segment: u64,
    pub(crate) sequence: u64,
    /// How long a sync takes.
    sync_time: Duration,
}

/// A group on its way: the pieces between the payloads, and where everything will lie.
struct Group {
    heads: Vec<u8>,
    /// For each record: where its head ends in `heads`, and its payload.
    pieces: Vec<(usize, Bytes)>,
    places: Vec<(BlobNumber, Place)>,
    length: u64,
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, previous: (u64, u64), next_segment: u64, sequence: u64) -> Self {
        Committer {
            shared,
            segment: None,
            previous,
            next_segment,
            sequence,
            sync_time: Duration::ZERO,
        }
    }

    /// Whether a group would be written soon: there is room for it, and the disk is quick.
    pub(crate) fn is_quick(&self) -> bool {
        let room =
            |segment: &Segment| segment.end + ROOM < segment.allocated.min(self.shared.options.segment);
        self.sync_time < QUICK
            && self.shared.memtable_size() <= self.shared.options.memtable
            && self.segment.as_ref().is_some_and(room)
    }

    /// Writes a group, makes it durable and visible, and answers its writers.
    pub(crate) fn commit(&mut self, submissions: Vec<Submission>) {
        let result = self.may_write().and_then(|()| self.write(&submissions));
        match result {
            Ok(places) => self.apply(submissions, places),
            Err(error) => {
                for submission in submissions {
                    let _ = submission.done.send(Err(error.clone()));
                }
            }
        }
    }

    /// Waits while the index is behind; refuses when it cannot take anything over.
    fn may_write(&self) -> Result<(), EngineError> {
        let since = Instant::now();
        loop {
            self.shared.running()?;
            let size = self.shared.memtable_size();
            if size <= self.shared.options.memtable {
                return Ok(());
            }
            let stuck = self.shared.absorbing_fails.load(Ordering::Acquire) || since.elapsed() > INDEX_TIME;
            if stuck {
                return Err(EngineError::DiskFull {
                    path: self.shared.folder.join("index"),
                    needed: size as u64,
                });
            }
            self.shared.hurry.store(true, Ordering::Relaxed);
            self.shared.wake_absorber();
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn write(&mut self, submissions: &[Submission]) -> Result<Vec<(BlobNumber, Place)>, EngineError> {
        let length = group_length(submissions);
        if self
            .segment
            .as_ref()
            .is_some_and(|s| s.end + length > self.shared.options.segment)
        {
            self.seal();
            // Its sync may have failed, and that is final.
            self.shared.running()?;
        }
        if self.segment.is_none() {
            self.segment = Some(self.begin_segment()?);
        }
        let Some(segment) = self.segment.as_mut() else {
            return Err(EngineError::Closed);
        };
        let first = self.sequence + 1;
        let group = gather(submissions, segment, first, length, self.shared.salt);
        // Never used again, whatever becomes of the group.
        self.sequence += submissions.iter().map(Submission::records).sum::<usize>() as u64;
        if let Err(error) = write_group(segment, &group, &self.shared) {
            let refusal = write_error(&segment.path, length, error);
            self.seal();
            return Err(refusal);
        }
        let since = Instant::now();
        if let Err(error) = segment.file.sync_data() {
            return Err(self.shared.stop(&segment.path, error));
        }
        // The mean of about the last eight.
        self.sync_time = (self.sync_time * 7 + since.elapsed()) / 8;
        segment.end = (segment.end + group.length).next_multiple_of(BLOCK);
        Ok(group.places)
    }

    /// A new file, on stable storage before anything is written into it.
    fn begin_segment(&mut self) -> Result<Segment, EngineError> {
        let number = self.next_segment;
        let path = segment_path(&self.shared.folder, number);
        let files = &self.shared.files;
        let step = self.shared.options.step;
        let file = files
            .create(&path)
            .map_err(|error| write_error(&path, step, error))?;
        self.next_segment += 1;
        let (previous, previous_end) = self.previous;
        let header = SegmentHeader {
            segment: number,
            previous,
            previous_end,
            sequence: self.sequence + 1,
        };
        let block = header.print(self.shared.salt);
        let written = file
            .allocate(0, step)
            .and_then(|()| write_all(&*file, vec![IoSlice::new(&block)], 0));
        if let Err(error) = written {
            let _ = files.remove(&path);
            return Err(write_error(&path, step, error));
        }
        let synced = file
            .sync_data()
            .and_then(|()| files.sync_folder(&self.shared.folder.join("log")));
        synced.map_err(|error| self.shared.stop(&path, error))?;
        let file: Arc<dyn LogFile> = file.into();
        self.shared.remember(number, &file);
        self.shared.ahead.order(&file, BLOCK..step, BLOCK);
        self.shared.compaction.has_grown();
        Ok(Segment {
            number,
            path,
            file,
            end: BLOCK,
            allocated: step,
        })
    }

    /// Ends the segment where its last group ends.
    pub(crate) fn seal(&mut self) {
        let Some(segment) = self.segment.take() else {
            return;
        };
        self.shared.ahead.release();
        self.previous = (segment.number, segment.end);
        if self.shared.running().is_err() {
            return;
        }
        // A longer file of zeros would do as well.
        if let Err(error) = segment.file.truncate(segment.end) {
            tracing::warn!("{}: {error}", segment.path.display());
        }
        if let Err(error) = segment.file.sync_data() {
            self.shared.stop(&segment.path, error);
        }
    }

    fn apply(&self, submissions: Vec<Submission>, places: Vec<(BlobNumber, Place)>) {
        let mut waiting = Vec::with_capacity(submissions.len());
        let mut tables = self
            .shared
            .tables
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let table = &mut tables.active;
        let octets = places.iter().map(|(_, place)| place.record_length()).sum();
        self.shared.compaction.came(octets);
        for (number, place) in places {
            table.position.blob = table.position.blob.max(number.0);
            let change = Change {
                key: place_key(number),
                value: Some(place.print()),
            };
            table.apply(Partition::ENGINE, [change]);
        }
        for submission in submissions {
            table.log += submission.octets as u64;
            table.apply_own(submission.beside_parsed);
            table.apply(submission.partition, submission.parsed);
            waiting.push(submission.done);
        }
        table.position.sequence = self.sequence;
        if let Some(segment) = &self.segment {
            table.position.segment = segment.number;
            table.position.offset = segment.end;
        }
        let full = table.size >= self.shared.options.absorb;
        drop(tables);
        for done in waiting {
            let _ = done.send(Ok(()));
        }
        if full && !self.shared.hurry.swap(true, Ordering::Relaxed) {
            self.shared.wake_absorber();
        }
    }
}

fn group_length(submissions: &[Submission]) -> u64 {
    let length = |note: usize, payload: usize| (super::record::HEADER + note + payload).next_multiple_of(8);
    let of = |submission: &Submission| {
        let blobs = submission
            .blobs
            .iter()
            .map(|(blob, _)| length(blob.note.len(), blob.bytes.len()));
        let beside = match submission.beside.len() {
            0 => 0,
            octets => length(0, octets),
        };
        blobs.sum::<usize>() + beside + length(0, submission.changes.len())
    };
    submissions.iter().map(of).sum::<usize>() as u64
}

fn gather(submissions: &[Submission], segment: &Segment, first: u64, length: u64, salt: u64) -> Group {
    let mut group = Group {
        heads: Vec::new(),
        pieces: Vec::new(),
        places: Vec::new(),
        length,
    };
    let mut header = Header {
        kind: Kind::Blob,
        segment: segment.number,
        sequence: first,
        group: first,
        group_length: length,
        id: 0,
        note_length: 0,
        length: 0,
        hash: 0,
    };
    let mut at = segment.end;
    let octets = |bytes: &Bytes| u32::try_from(bytes.len()).expect("a record under 4 GiB");
    for submission in submissions {
        for (blob, hash) in &submission.blobs {
            header.kind = Kind::Blob;
            (header.id, header.hash) = (blob.number.0, *hash);
            (header.note_length, header.length) = (octets(&blob.note), octets(&blob.bytes));
            group.places.push((blob.number, Place::of(&header, at)));
            group.push(&header, &blob.note, &blob.bytes, salt);
            at += header.record_length();
            header.sequence += 1;
        }
        header.kind = Kind::Batch;
        let beside = (Partition::ENGINE, xxh3_64(&submission.beside), &submission.beside);
        let own = (submission.partition, submission.changes_hash, &submission.changes);
        let beside = Some(beside).filter(|(.., changes)| !changes.is_empty());
        for (partition, hash, changes) in beside.into_iter().chain([own]) {
            (header.id, header.hash) = (partition.0, hash);
            (header.note_length, header.length) = (0, octets(changes));
            group.push(&header, &[], changes, salt);
            at += header.record_length();
            header.sequence += 1;
        }
    }
    group
}

impl Group {
    fn push(&mut self, header: &Header, note: &[u8], payload: &Bytes, salt: u64) {
        header.print(note, salt, &mut self.heads);
        self.pieces.push((self.heads.len(), payload.clone()));
        let unpadded = header.payload_at() + u64::from(header.length);
        let padding = usize::try_from(header.record_length() - unpadded).unwrap_or(0);
        self.heads.resize(self.heads.len() + padding, 0);
    }

    fn slices(&self) -> Vec<IoSlice<'_>> {
        let mut slices = Vec::with_capacity(2 * self.pieces.len() + 2);
        let mut from = 0;
        for (to, payload) in &self.pieces {
            slices.push(IoSlice::new(self.heads.get(from..*to).unwrap_or_default()));
            slices.push(IoSlice::new(payload));
            from = *to;
        }
        slices.push(IoSlice::new(self.heads.get(from..).unwrap_or_default()));
        // Whole blocks: of a block that is written in part the system would read the rest from the disk first.
        let rest = self.length.next_multiple_of(BLOCK) - self.length;
        let rest = usize::try_from(rest).unwrap_or(0);
        slices.push(IoSlice::new(ZEROS.get(..rest).unwrap_or_default()));
        slices
    }
}

fn write_group(segment: &mut Segment, group: &Group, shared: &Shared) -> io::Result<()> {
    let end = segment.end + group.length;
    let step = shared.options.step;
    // Half a step before it is needed, so that there is time to zero it.
    if end + step / 2 > segment.allocated {
        let more = (end + step / 2 - segment.allocated).next_multiple_of(step);
        match segment.file.allocate(segment.allocated, more) {
            Ok(()) => {
                let fresh = segment.allocated..segment.allocated + more;
                // A part of the group must not be the end of the file when the power goes: it would look cut.
                if end > fresh.start {
                    sync_length(segment, shared)?;
                }
                segment.allocated = fresh.end;
                shared.ahead.order(&segment.file, fresh, end);
            }
            // What there is may do for this group.
            Err(_) if end <= segment.allocated => {}
            Err(error) => return Err(error),
        }
    }
    shared.ahead.claim(end.next_multiple_of(BLOCK));
    let slices = group.slices();
    let place = (segment.number, segment.end);
    if shared.tail.write(&*segment.file, place, &slices)? {
        return Ok(());
    }
    write_all(&*segment.file, slices, segment.end)
}

/// A sync that fails is final, of a length too.
fn sync_length(segment: &Segment, shared: &Shared) -> io::Result<()> {
    segment.file.sync_data().map_err(|error| {
        let kind = error.kind();
        shared.stop(&segment.path, error);
        kind.into()
    })
}

pub(super) fn write_all(file: &dyn LogFile, mut slices: Vec<IoSlice<'_>>, mut offset: u64) -> io::Result<()> {
    let mut rest = slices.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        let pieces = rest.get(..rest.len().min(PIECES)).unwrap_or_default();
        match file.write_at(pieces, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                offset += written as u64;
                IoSlice::advance_slices(&mut rest, written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(super) fn write_error(path: &std::path::Path, needed: u64, error: io::Error) -> EngineError {
    let full = matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    );
    tracing::error!("{}: {error}", path.display());
    if full {
        return EngineError::DiskFull {
            path: path.to_owned(),
            needed,
        };
    }
    EngineError::Io {
        action: "write",
        path: path.to_owned(),
        cause: Arc::new(error),
    }
}
