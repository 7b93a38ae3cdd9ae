//! Releasing blobs that nobody names any more: their places are deleted, and their bytes are garbage from then on.
//!
//! Which blobs live is not for the engine to know. It and the compactor exclude each other: a place that is deleted while its blob is
//! being moved would come back.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::compactor::{PLACES, lock};
use super::read::Direction;
use super::table::{Place, blob_of, place_key};
use super::{History, LocalEngine};
use crate::{Batch, BlobNumber, EngineError, Partition};

/// Places looked at, and deleted, at a time.
const AT_ONCE: usize = 4096;

impl LocalEngine {
    /// The number that the next blob gets: all that have been given out are below it.
    #[must_use]
    pub fn reached(&self) -> BlobNumber {
        BlobNumber(self.next_blob.load(Ordering::Relaxed))
    }

    /// Releases every blob with a number below `before` that does not live; answers with how many. After a salvage none, until the next
    /// start: nobody can be sure of the rows.
    ///
    /// # Errors
    /// When the engine fails; what is released by then stays so.
    pub async fn release(
        &self,
        before: BlobNumber,
        lives: &(dyn Fn(BlobNumber) -> bool + Send + Sync),
    ) -> Result<u64, EngineError> {
        if self.history == History::Salvaged {
            return Ok(0);
        }
        let (mut start, end) = (PLACES.start, place_key(before));
        let mut released = 0;
        loop {
            let _alone = self.shared.compaction.moving.lock().await;
            let places =
                self.shared
                    .scan(Partition::ENGINE, &(start..end.clone()), AT_ONCE, Direction::Up)?;
            let Some(last) = places.last() else { break };
            start = Bytes::from([&last.key[..], &[0]].concat());
            let (mut batch, mut octets) = (Batch::new(Partition::ENGINE), 0);
            let mut alone = Vec::new();
            for place in &places {
                if blob_of(&place.key).is_some_and(|blob| !lives(blob)) {
                    batch.delete(&place.key);
                    match Place::parse(&place.value) {
                        Some(place) if place.is_alone() => alone.push(place.segment),
                        place => octets += place.map_or(0, |place| place.record_length()),
                    }
                    released += 1;
                }
            }
            if !batch.is_empty() {
                self.submit(batch).await?;
                self.shared.compaction.went(octets);
                // At least that of the batch.
                let sequence = self.shared.reached().sequence;
                let alone = alone.into_iter().map(|segment| (segment, sequence));
                lock(&self.shared.compaction.spent).extend(alone);
            }
        }
        if released > 0 {
            self.shared.compaction.want();
        }
        Ok(released)
    }
}
