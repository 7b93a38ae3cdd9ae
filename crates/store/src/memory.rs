//! How much memory views, and lists of their messages, may take together. What a view takes is given back with its last copy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{MessageRow, Refusal};

/// Octets of a row in a view.
const ROW: usize = size_of::<MessageRow>();

/// The memory of all views of a store.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: usize,
    taken: AtomicUsize,
}

/// A part of the memory for views, until it is dropped.
#[derive(Debug)]
pub struct Charge {
    memory: Arc<Memory>,
    octets: AtomicUsize,
}

impl Memory {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Memory {
            limit,
            taken: AtomicUsize::new(0),
        })
    }

    /// Takes what a view of so many messages needs.
    pub(crate) fn load(self: &Arc<Self>, messages: u64) -> Result<Charge, Refusal> {
        let octets = usize::try_from(messages)
            .unwrap_or(usize::MAX)
            .saturating_mul(ROW);
        self.take(octets)
    }

    /// Takes so many octets.
    pub(crate) fn take(self: &Arc<Self>, octets: usize) -> Result<Charge, Refusal> {
        let take = |taken: usize| taken.checked_add(octets).filter(|sum| *sum <= self.limit);
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .map_err(|_| Refusal::NoMemory)?;
        Ok(Charge {
            memory: Arc::clone(self),
            octets: AtomicUsize::new(octets),
        })
    }

    /// Whether so much is taken that what nobody reads should go at once.
    pub(crate) fn is_scarce(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > self.limit / 2
    }
}

impl Charge {
    /// The view grows: what has arrived cannot be refused any more, but others will be.
    pub(crate) fn grow(&self, messages: usize) {
        let more = messages.saturating_mul(ROW);
        self.octets.fetch_add(more, Ordering::Relaxed);
        self.memory.taken.fetch_add(more, Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.memory
            .taken
            .fetch_sub(*self.octets.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let memory = Memory::new(10 * ROW);
        let first = memory.load(4).unwrap();
        assert!(!memory.is_scarce());
        let second = memory.load(6).unwrap();
        assert!(memory.is_scarce());
        assert_eq!(memory.load(1).err(), Some(Refusal::NoMemory));
        drop(second);
        // What arrives in an open mailbox counts too.
        first.grow(6);
        assert_eq!(memory.load(1).err(), Some(Refusal::NoMemory));
        drop(first);
        assert_eq!(memory.taken.load(Ordering::Relaxed), 0);
        assert_eq!(memory.load(u64::MAX).err(), Some(Refusal::NoMemory));
        let list = memory.take(10 * ROW).unwrap();
        assert_eq!(memory.take(1).err(), Some(Refusal::NoMemory));
        drop(list);
        assert!(memory.take(1).is_ok());
    }
}
