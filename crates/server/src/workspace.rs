//! The memory that messages take while they are looked at whole: parsed, searched, written anew.
//!
//! It is taken before a message is read, and given back before its client is waited for: so it comes back soon, and whoever finds
//! none waits a little, in the order of coming. Nobody who has some waits for more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::outlet::SMALL;

/// What is counted in: few enough fit into what a connection has anyway.
const UNIT: u64 = SMALL as u64;

/// Who has waited so long is refused: a client is still there, and tries again.
const PATIENCE: Duration = Duration::from_secs(20);

/// Shared by all connections of a server.
#[derive(Clone, Debug)]
pub struct Workspace {
    free: Arc<Semaphore>,
    total: u32,
}

/// Memory for some octets, until it is dropped.
#[derive(Debug)]
pub(crate) struct Space {
    _permit: Option<OwnedSemaphorePermit>,
}

/// There is not enough, now or ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSpace;

impl Workspace {
    /// Memory for so many octets.
    #[must_use]
    pub fn new(octets: usize) -> Self {
        let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
        let total = u64::try_from(octets).unwrap_or(u64::MAX) / UNIT;
        let total = u32::try_from(total).unwrap_or(u32::MAX).min(most);
        Workspace {
            free: Arc::new(Semaphore::new(usize::try_from(total).unwrap_or(0))),
            total,
        }
    }

    /// Whether nobody has taken any.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.free.available_permits() == usize::try_from(self.total).unwrap_or(0)
    }

    /// Takes memory for so many octets, after waiting for it where others have it.
    ///
    /// # Errors
    /// It did not become free in time, or there is not so much at all.
    pub(crate) async fn take(&self, octets: u64) -> Result<Space, NoSpace> {
        if let Ok(space) = self.try_take(octets) {
            return Ok(space);
        }
        let units = units(octets);
        if units > self.total {
            tracing::warn!(
                octets,
                "a message needs more memory than [limits] memory leaves for it"
            );
            return Err(NoSpace);
        }
        let permit = timeout(PATIENCE, Arc::clone(&self.free).acquire_many_owned(units)).await;
        let permit = permit.map_err(|_| NoSpace)?.map_err(|_| NoSpace)?;
        Ok(Space {
            _permit: Some(permit),
        })
    }

    /// Takes memory for so many octets if it is free.
    ///
    /// # Errors
    /// It is not.
    pub(crate) fn try_take(&self, octets: u64) -> Result<Space, NoSpace> {
        if octets <= UNIT {
            return Ok(Space { _permit: None });
        }
        let permit = Arc::clone(&self.free).try_acquire_many_owned(units(octets));
        Ok(Space {
            _permit: Some(permit.map_err(|_| NoSpace)?),
        })
    }
}

fn units(octets: u64) -> u32 {
    u32::try_from(octets.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_is_waited_for_and_not_for_ever() {
        let workspace = Workspace::new(10 * SMALL);
        let ten = workspace.take(10 * UNIT).await.unwrap();
        // What a connection has anyway.
        assert!(workspace.try_take(UNIT).is_ok());
        assert!(workspace.try_take(UNIT + 1).is_err());
        assert!(workspace.take(2 * UNIT).await.is_err());
        let waiting = tokio::spawn({
            let workspace = workspace.clone();
            async move { workspace.take(9 * UNIT + 1).await }
        });
        tokio::task::yield_now().await;
        drop(ten);
        let ten = waiting.await.unwrap().unwrap();
        assert!(workspace.try_take(2 * UNIT).is_err());
        drop(ten);
        assert!(workspace.try_take(10 * UNIT).is_ok());
    }

    #[tokio::test]
    async fn what_can_never_be_had_is_not_waited_for() {
        let workspace = Workspace::new(10 * SMALL);
        assert!(workspace.take(10 * UNIT + 1).await.is_err());
        assert!(workspace.take(u64::MAX).await.is_err());
        assert!(Workspace::new(usize::MAX).take(1 << 40).await.is_ok());
    }
}
