//! Reading several blobs at once: one look at the index, and one read for blobs that lie side by side.
//!
//! Mail that arrived one after the other lies so, and is mostly asked for so.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::read::Direction;
use super::table::{Place, place_key};
use super::{Shared, segment_path};
use crate::{BlobNumber, BlobTest, EngineError, Partition};

/// What lies between two blobs is read with them if it is no more than this: cheaper than another call.
const GAP: u64 = 32 << 10;
/// Octets of one read.
const RUN: u64 = 1 << 20;
/// Octets of one read whose memory is used again for the next: they stay in the processor's own cache.
const TESTED_RUN: u64 = 256 << 10;
/// Blobs whose numbers are this close together are found by walking over the rows, which costs a fifth of a look.
const DENSE: u64 = 4;

impl Shared {
    /// Where blobs lie; an error for each that has no place.
    pub(crate) fn places(
        &self,
        blobs: &[BlobNumber],
    ) -> Result<Vec<Result<Place, EngineError>>, EngineError> {
        if let Some(places) = self.dense_places(blobs)? {
            return Ok(places);
        }
        let keys: Vec<Bytes> = blobs.iter().map(|blob| place_key(*blob)).collect();
        let found = self.find_many(Partition::ENGINE, &keys)?;
        let place = |(found, blob): (Option<Bytes>, &BlobNumber)| {
            let place = found.as_deref().and_then(Place::parse);
            place.ok_or(EngineError::NoBlob(blob.0))
        };
        Ok(found.into_iter().zip(blobs).map(place).collect())
    }

    /// Where blobs lie that arrived one after the other.
    fn dense_places(
        &self,
        blobs: &[BlobNumber],
    ) -> Result<Option<Vec<Result<Place, EngineError>>>, EngineError> {
        let numbers = || blobs.iter().map(|blob| blob.0);
        let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else {
            return Ok(None);
        };
        if last - first >= DENSE * blobs.len() as u64 {
            return Ok(None);
        }
        let range = place_key(BlobNumber(first))..place_key(BlobNumber(last.saturating_add(1)));
        let mut places = vec![None; usize::try_from(last - first).unwrap_or(0) + 1];
        for row in self.scan(Partition::ENGINE, &range, usize::MAX, Direction::Up)? {
            let number = row
                .key
                .last_chunk::<8>()
                .map(|octets| u64::from_be_bytes(*octets));
            let at = number.and_then(|number| usize::try_from(number.checked_sub(first)?).ok());
            if let Some(place) = at.and_then(|at| places.get_mut(at)) {
                *place = Place::parse(&row.value);
            }
        }
        let find = |blob: &BlobNumber| {
            let at = usize::try_from(blob.0 - first).ok();
            let place = at.and_then(|at| places.get(at).copied().flatten());
            place.ok_or(EngineError::NoBlob(blob.0))
        };
        Ok(Some(blobs.iter().map(find).collect()))
    }

    /// What a test says of blobs, each verified before it.
    pub(crate) fn test_blobs(
        &self,
        blobs: &[BlobNumber],
        mut test: BlobTest,
    ) -> Result<Vec<Result<bool, EngineError>>, EngineError> {
        let _held = self.compaction.reading();
        let places = self.places(blobs)?;
        let mut said: Vec<_> = places
            .iter()
            .map(|place| place.as_ref().map(|_| false).map_err(Clone::clone))
            .collect();
        let mut memory = vec![0; usize::try_from(TESTED_RUN).unwrap_or(0)];
        let order = in_order(&places);
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let (run, later) = rest.split_at(run_length(rest, TESTED_RUN));
            let range = extent(run);
            let together = self.read_into(run, &range, &mut memory);
            for (index, place) in run {
                let at = |offset: u64| usize::try_from(offset - range.start).unwrap_or(usize::MAX);
                let octets =
                    together.and_then(|octets| octets.get(at(place.offset)..at(place.offset + place.length)));
                let outcome = match octets.filter(|octets| xxh3_64(octets) == place.hash) {
                    Some(octets) => Ok(test(octets)),
                    // One by one: they may be too large, cut off, or not what was written, each for itself.
                    None => self
                        .read_placed(place, &(0..u64::MAX))
                        .map(|octets| test(&octets)),
                };
                if let Some(slot) = said.get_mut(*index) {
                    *slot = outcome;
                }
            }
            rest = later;
        }
        Ok(said)
    }

    /// A run in memory that is used again; nothing where it has no room or cannot be read.
    fn read_into<'m>(
        &self,
        run: &[(usize, Place)],
        range: &Range<u64>,
        memory: &'m mut [u8],
    ) -> Option<&'m [u8]> {
        let (_, first) = run.first()?;
        let octets = memory.get_mut(..usize::try_from(range.end - range.start).ok()?)?;
        if !self.tail.read_into(first.segment, range, octets) {
            let file = self.segment(first.segment).ok()?;
            file.read_at(octets, range.start).ok()?;
        }
        Some(octets)
    }

    /// The blobs at some places, verified, in the same order.
    pub(crate) fn read_places(
        &self,
        places: &[Result<Place, EngineError>],
    ) -> Vec<Result<Bytes, EngineError>> {
        let mut read: Vec<Result<Bytes, EngineError>> = places
            .iter()
            .map(|place| place.as_ref().map(|_| Bytes::new()).map_err(Clone::clone))
            .collect();
        let order = in_order(places);
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let (run, later) = rest.split_at(run_length(rest, RUN));
            self.read_run(run, &mut |index, outcome| {
                if let Some(slot) = read.get_mut(index) {
                    *slot = outcome;
                }
            });
            rest = later;
        }
        read
    }

    /// Reads blobs of one segment that lie close together.
    fn read_run(&self, run: &[(usize, Place)], give: &mut dyn FnMut(usize, Result<Bytes, EngineError>)) {
        let range = extent(run);
        let together = run
            .first()
            .map(|(_, first)| self.read_octets(first.segment, range.clone()));
        for (index, place) in run {
            let outcome = match &together {
                Some(Ok(bytes)) => {
                    let at = |offset: u64| usize::try_from(offset - range.start).unwrap_or(0);
                    let blob = bytes.slice(at(place.offset)..at(place.offset + place.length));
                    self.verify(place, blob)
                        .or_else(|_| self.read_placed(place, &(0..u64::MAX)))
                }
                // One by one: a file that ends too early ends so for some of them only.
                _ => self.read_placed(place, &(0..u64::MAX)),
            };
            give(*index, outcome);
        }
    }

    pub(crate) fn read_octets(&self, segment: u64, range: Range<u64>) -> Result<Bytes, EngineError> {
        if let Some(octets) = self.tail.read(segment, &range) {
            return Ok(octets);
        }
        let file = self.segment(segment)?;
        let length = usize::try_from(range.end - range.start).unwrap_or(0);
        let read = file.read_vec(length, range.start);
        read.map(Bytes::from).map_err(|error| EngineError::Io {
            action: "read",
            path: segment_path(&self.folder, segment),
            cause: Arc::new(error),
        })
    }
}

/// The places that are known, in the order in which they lie.
fn in_order(places: &[Result<Place, EngineError>]) -> Vec<(usize, Place)> {
    let known = |(index, place): (usize, &Result<Place, EngineError>)| Some((index, *place.as_ref().ok()?));
    let mut order: Vec<_> = places.iter().enumerate().filter_map(known).collect();
    order.sort_unstable_by_key(|(_, place)| (place.segment, place.offset));
    order
}

/// How many of the first places are read together, in one read of at most `most` octets unless the first is larger.
fn run_length(places: &[(usize, Place)], most: u64) -> usize {
    let Some((_, first)) = places.first() else {
        return 0;
    };
    let mut end = first.offset + first.length;
    let follows = |(_, next): &&(usize, Place)| {
        let together = next.segment == first.segment
            && next.offset.saturating_sub(end) <= GAP
            && next.offset + next.length - first.offset <= most;
        end = end.max(next.offset + next.length);
        together
    };
    1 + places.iter().skip(1).take_while(follows).count()
}

fn extent(run: &[(usize, Place)]) -> Range<u64> {
    let start = run.first().map_or(0, |(_, place)| place.offset);
    let end = run.iter().map(|(_, place)| place.offset + place.length).max();
    start..end.unwrap_or(start)
}
