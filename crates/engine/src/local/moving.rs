//! Emptying a segment: what lives in it is read, verified and written again at the log's head, and a row says that it is spent.
//!
//! **Invariant**: see `compactor`. A cut at any point leaves the old place of a blob or the new one, and both have its bytes.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use super::compactor::{Compactor, lock};
use super::record::{HEADER, Header, Kind};
use super::room::Pace;
use super::segment_path;
use super::spent::spent_key;
use super::table::Place;
use crate::{Batch, BlobNumber, EngineError, Partition};

/// Octets of blobs in one group: so much a delivery may have to wait for. A larger blob is alone in its group; nobody waits for one that
/// is moved into a file of its own.
const PIECE: u64 = 256 << 10;
/// How far back a header is looked for whose note's length no row says: longer than any note.
const LONGEST_NOTE: u64 = 64 << 10;

/// The blobs of a segment with their places.
type Placed = Vec<(Place, BlobNumber)>;

impl Compactor {
    /// Empties some segments, one after the other, and unlinks what can be before much more is written: the log must not grow by
    /// being compacted.
    pub(super) fn empty(&self, segments: &[u64], pace: Pace) -> Result<(), EngineError> {
        let mut found: BTreeMap<u64, Placed> = BTreeMap::new();
        segments
            .iter()
            .for_each(|segment| drop(found.insert(*segment, Vec::new())));
        self.each_place(&mut |blob, place| {
            if let Some(blobs) = found.get_mut(&place.segment) {
                blobs.push((place, blob));
            }
        })?;
        let mut written = 0;
        for segment in segments {
            let blobs = found.remove(segment).unwrap_or_default();
            written += blobs.iter().map(|(place, _)| place.record_length()).sum::<u64>();
            self.empty_one(*segment, blobs, pace)?;
            if written > self.shared.options.segment / 4 {
                self.give_back()?;
                written = 0;
            }
        }
        self.give_back()
    }

    /// Moves what lives in a segment, and says that it is spent if nothing does any more.
    fn empty_one(&self, segment: u64, mut blobs: Placed, pace: Pace) -> Result<(), EngineError> {
        blobs.sort_unstable_by_key(|(place, _)| place.offset);
        let mut rest = blobs.as_slice();
        while !rest.is_empty() {
            self.shared.compaction.goes_on()?;
            let (piece, later) = rest.split_at(piece_length(rest));
            let begun = Instant::now();
            self.move_piece(piece)?;
            self.let_go(piece);
            if pace == Pace::Gentle {
                std::thread::park_timeout(begun.elapsed());
            }
            rest = later;
        }
        // A closed segment only loses places: none came while these were moved.
        for some in blobs.chunks(super::compactor::AT_ONCE) {
            let numbers: Vec<_> = some.iter().map(|(_, blob)| *blob).collect();
            let places = self.shared.places(&numbers)?;
            if places.iter().flatten().any(|place| place.segment == segment) {
                return Ok(());
            }
        }
        let mut batch = Batch::new(Partition::ENGINE);
        batch.put(&spent_key(segment), &[1]);
        self.orders.submit(batch).wait()?;
        // At least that of the row.
        let sequence = self.shared.reached().sequence;
        lock(&self.shared.compaction.spent).insert(segment, sequence);
        Ok(())
    }

    /// Writes some blobs again, as any writer would, under their own numbers.
    fn move_piece(&self, piece: &[(Place, BlobNumber)]) -> Result<(), EngineError> {
        let mut read = Vec::with_capacity(piece.len());
        for (place, blob) in piece {
            match self.read_record(place, *blob) {
                Ok((note, bytes)) => read.push((*place, *blob, note, bytes)),
                Err(error) => {
                    tracing::error!("{error}: the segment stays");
                    lock(&self.shared.compaction.stuck).insert(place.segment);
                }
            }
        }
        let _alone = self.shared.compaction.moving.blocking_lock();
        let blobs: Vec<_> = read.iter().map(|(_, blob, ..)| *blob).collect();
        let places = self.shared.places(&blobs)?;
        let (mut batch, mut moved) = (Batch::new(Partition::ENGINE), 0);
        for ((place, blob, note, bytes), now) in read.into_iter().zip(places) {
            // It may have been released.
            if now.is_ok_and(|now| now == place) {
                batch.put_blob(blob, bytes, note);
                moved += place.record_length();
            }
        }
        if !batch.is_empty() {
            self.submit(batch)?.wait()?;
            // It came once more, or lies in a file of its own.
            self.shared.compaction.went(moved);
        }
        Ok(())
    }

    /// What was read to be moved is not read there again.
    fn let_go(&self, piece: &[(Place, BlobNumber)]) {
        let (Some((first, _)), Some((last, _))) = (piece.first(), piece.last()) else {
            return;
        };
        if let Ok(file) = self.shared.segment(first.segment)
            && first.segment == last.segment
        {
            let _ = file.forget(first.offset, last.offset + last.length - first.offset);
        }
    }

    /// The note and the bytes of a blob, both as they were written.
    fn read_record(&self, place: &Place, blob: BlobNumber) -> Result<(Bytes, Bytes), EngineError> {
        let damaged = || EngineError::Damaged {
            path: segment_path(&self.shared.folder, place.segment),
            offset: place.offset,
            what: "the record of a blob that is to be moved cannot be read",
        };
        let bytes = self.shared.read_placed(place, &(0..u64::MAX))?;
        let near = (HEADER as u64 + place.note).min(place.offset);
        let far = (HEADER as u64 + LONGEST_NOTE).min(place.offset);
        for before in [near, far] {
            let range = place.offset - before..place.offset;
            let heads = self.shared.read_octets(place.segment, range)?;
            if let Some(note) = note_in(&heads, place, (blob, self.shared.salt)) {
                return Ok((note, bytes));
            }
        }
        Err(damaged())
    }
}

/// The note in the octets before a blob, which end with its record's header and note.
fn note_in(heads: &Bytes, place: &Place, (blob, salt): (BlobNumber, u64)) -> Option<Bytes> {
    let is_it = |header: &Header, at: usize| {
        let ends = u64::try_from(at).ok().map(|at| at + header.payload_at());
        header.kind == Kind::Blob
            && header.id == blob.0
            && header.hash == place.hash
            && u64::from(header.length) == place.length
            && ends == u64::try_from(heads.len()).ok()
    };
    let mut at = heads.len().checked_sub(HEADER)?;
    loop {
        let header = heads
            .get(at..)
            .and_then(|octets| Header::parse(octets, place.segment, salt));
        if header.is_some_and(|header| is_it(&header, at)) {
            return Some(heads.slice(at + HEADER..));
        }
        at = at.checked_sub(1)?;
    }
}

/// How many of the first blobs go into one group.
fn piece_length(blobs: &[(Place, BlobNumber)]) -> usize {
    let mut octets = 0;
    let fits = |(place, _): &&(Place, BlobNumber)| {
        octets += place.record_length();
        octets <= PIECE
    };
    blobs.iter().take_while(fits).count().clamp(1, 400)
}
