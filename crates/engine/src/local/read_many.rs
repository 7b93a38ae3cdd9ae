//! Reading several blobs at once: one look at the index, and one read for blobs that lie side by side.
//!
//! Mail that arrived one after the other lies so, and is mostly asked for so.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::table::{Place, place_key};
use super::{Shared, segment_path};
use crate::{BlobNumber, EngineError, Partition};

/// What lies between two blobs is read with them if it is no more than this: cheaper than another call.
const GAP: u64 = 32 << 10;
/// Octets of one read.
const RUN: u64 = 1 << 20;

impl Shared {
    /// Where blobs lie; an error for each that has no place.
    pub(crate) fn places(
        &self,
        blobs: &[BlobNumber],
    ) -> Result<Vec<Result<Place, EngineError>>, EngineError> {
        let keys: Vec<Bytes> = blobs.iter().map(|blob| place_key(*blob)).collect();
        let found = self.find_many(Partition::ENGINE, &keys)?;
        let place = |(found, blob): (Option<Bytes>, &BlobNumber)| {
            let place = found.as_deref().and_then(Place::parse);
            place.ok_or(EngineError::NoBlob(blob.0))
        };
        Ok(found.into_iter().zip(blobs).map(place).collect())
    }

    /// The blobs at some places, verified, in the same order.
    pub(crate) fn read_places(
        &self,
        places: &[Result<Place, EngineError>],
    ) -> Vec<Result<Bytes, EngineError>> {
        let mut order: Vec<(usize, Place)> = Vec::with_capacity(places.len());
        let mut read: Vec<Result<Bytes, EngineError>> = Vec::with_capacity(places.len());
        for (index, place) in places.iter().enumerate() {
            order.extend(place.as_ref().ok().map(|place| (index, *place)));
            read.push(place.as_ref().map(|_| Bytes::new()).map_err(Clone::clone));
        }
        order.sort_unstable_by_key(|(_, place)| (place.segment, place.offset));
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let (run, later) = rest.split_at(run_length(rest));
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

    fn read_octets(&self, segment: u64, range: Range<u64>) -> Result<Bytes, EngineError> {
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

/// How many of the first places are read together.
fn run_length(places: &[(usize, Place)]) -> usize {
    let Some((_, first)) = places.first() else {
        return 0;
    };
    let mut end = first.offset + first.length;
    let follows = |(_, next): &&(usize, Place)| {
        let together = next.segment == first.segment
            && next.offset.saturating_sub(end) <= GAP
            && next.offset + next.length - first.offset <= RUN;
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
