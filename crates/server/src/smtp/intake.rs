//! What all connections that bring mail share: the memory for messages, and the names that messages get.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use types::Timestamp;

/// What a message takes beside its octets: room for reading, and what is written above it.
pub(crate) const OVERHEAD: usize = 32 * 1024;

/// Shared by all connections of a server.
#[derive(Debug)]
pub struct Intake {
    free: AtomicUsize,
    next: AtomicU64,
}

/// The memory that a message in the making takes, given back when it goes.
#[derive(Debug)]
pub(crate) struct Hold {
    intake: Arc<Intake>,
    held: usize,
}

impl Intake {
    /// An intake that buffers at most `octets` of messages at a time.
    #[must_use]
    pub fn new(octets: usize) -> Self {
        Intake {
            free: AtomicUsize::new(octets),
            // Begins anywhere, since a server may start twice within a second.
            next: AtomicU64::new(RandomState::new().hash_one(octets) >> 32),
        }
    }

    /// A name for a message: unique among those of this server, as long as its clock does not go back.
    pub(crate) fn name(&self, now: Timestamp) -> String {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{:x}.{count:x}", now.0)
    }

    /// The hold of a message that is about to come.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        Hold {
            intake: Arc::clone(self),
            held: 0,
        }
    }
}

impl Hold {
    /// Takes memory for a message of which so many octets have come; says no when there is none left.
    #[must_use]
    pub(crate) fn grow(&mut self, size: usize) -> bool {
        let whole = match size {
            0 => 0,
            size => size.saturating_add(OVERHEAD),
        };
        let more = whole.saturating_sub(self.held);
        if more == 0 {
            return true;
        }
        let take = |free: usize| free.checked_sub(more);
        let taken = self
            .intake
            .free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        if taken.is_ok() {
            self.held += more;
        }
        taken.is_ok()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.intake.free.fetch_add(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_taken_once_and_given_back() {
        let intake = Arc::new(Intake::new(2 * OVERHEAD + 100));
        let mut one = intake.hold();
        assert!(one.grow(0));
        assert!(one.grow(60));
        assert!(one.grow(60));
        let mut two = intake.hold();
        assert!(!two.grow(41));
        assert!(two.grow(40));
        assert!(!one.grow(61));
        drop(two);
        assert!(one.grow(100));
    }

    #[test]
    fn names_differ() {
        let intake = Intake::new(0);
        assert_ne!(intake.name(Timestamp(1)), intake.name(Timestamp(1)));
    }
}
