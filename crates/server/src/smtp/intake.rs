//! What all connections that bring mail share: the memory for messages, and the names that messages get.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use types::Timestamp;

/// So much of a message is not counted: every connection may have it.
const UNCOUNTED: usize = 64 * 1024;

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
    /// An intake that buffers at most `octets` of large messages at a time.
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
    /// Takes memory for a message of so many octets; says no when there is none left.
    #[must_use]
    pub(crate) fn grow(&mut self, size: usize) -> bool {
        let more = size.saturating_sub(UNCOUNTED).saturating_sub(self.held);
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
        let intake = Arc::new(Intake::new(100));
        let mut one = intake.hold();
        assert!(one.grow(UNCOUNTED));
        assert!(one.grow(UNCOUNTED + 60));
        assert!(one.grow(UNCOUNTED + 60));
        let mut two = intake.hold();
        assert!(!two.grow(UNCOUNTED + 41));
        assert!(two.grow(UNCOUNTED + 40));
        assert!(!one.grow(UNCOUNTED + 61));
        drop(two);
        assert!(one.grow(UNCOUNTED + 100));
    }

    #[test]
    fn names_differ() {
        let intake = Intake::new(0);
        assert_ne!(intake.name(Timestamp(1)), intake.name(Timestamp(1)));
    }
}
