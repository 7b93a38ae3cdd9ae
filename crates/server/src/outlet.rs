//! The memory that large answers gather in on their way out.
//!
//! A client that does not read keeps what was printed for it. So only as many connections as there is memory for gather much
//! at a time; the others send it in small pieces, which is slower, and nobody is refused.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How much is gathered before it is written: calls of the system weigh little then.
pub(crate) const ENOUGH: usize = 256 * 1024;
/// The same where there is no memory for more.
pub(crate) const SMALL: usize = 16 * 1024;
/// What a connection takes that gathers much: the output, and the piece of a message that comes next.
const LARGE: usize = 2 * ENOUGH;
/// What is counted in.
const UNIT: usize = SMALL;

/// Shared by all connections of a server.
#[derive(Clone, Debug)]
pub struct Outlet {
    free: Arc<Semaphore>,
}

/// The right to gather much, until it is dropped.
#[derive(Debug)]
pub(crate) struct Large {
    _permit: OwnedSemaphorePermit,
}

impl Outlet {
    /// An outlet for so many octets.
    #[must_use]
    pub fn new(octets: usize) -> Self {
        let most = (octets / UNIT).min(Semaphore::MAX_PERMITS);
        Outlet {
            free: Arc::new(Semaphore::new(most)),
        }
    }

    /// The right to gather much, if there is memory for it.
    pub(crate) fn large(&self) -> Option<Large> {
        self.hold(LARGE)
    }

    /// The right to keep so many octets while the client is waited for, if there is memory for them.
    pub(crate) fn hold(&self, octets: usize) -> Option<Large> {
        let units = u32::try_from(octets.div_ceil(UNIT)).ok()?;
        let permit = Arc::clone(&self.free).try_acquire_many_owned(units).ok()?;
        Some(Large { _permit: permit })
    }
}

/// How much may be gathered.
pub(crate) fn room(large: Option<&Large>) -> usize {
    match large {
        Some(_) => ENOUGH,
        None => SMALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_as_many_gather_much_as_there_is_memory_for() {
        let outlet = Outlet::new(2 * LARGE + 1);
        let (one, two) = (outlet.large(), outlet.clone().large());
        assert_eq!((room(one.as_ref()), room(two.as_ref())), (ENOUGH, ENOUGH));
        assert_eq!(room(outlet.large().as_ref()), SMALL);
        drop(one);
        assert_eq!(room(outlet.large().as_ref()), ENOUGH);
        assert!(outlet.hold(LARGE + 1).is_none() && outlet.hold(LARGE).is_some());
        assert!(Outlet::new(0).large().is_none());
        assert!(Outlet::new(usize::MAX).large().is_some());
    }
}
