//! Keeping files of the log in their place: while anybody holds a guard, no segment and no copy of the index is unlinked.
//!
//! **Invariant**: what was there when [`LocalEngine::keep_segments`] answered is there until the guard is dropped. Whoever unlinks
//! does it under the lock that hands guards out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::LocalEngine;

/// Who holds guards.
#[derive(Default)]
pub(crate) struct Keeping(Arc<Mutex<usize>>);

/// While it lives, the log's folder loses no file: a backup can copy what it has listed. What is new may come.
#[must_use = "files go as soon as it is dropped"]
pub struct SegmentsKept(Arc<Mutex<usize>>);

/// Held while files are unlinked: nobody begins to keep them meanwhile.
pub(crate) struct MayUnlink<'k>(#[expect(dead_code, reason = "it is held")] MutexGuard<'k, usize>);

impl Keeping {
    fn begin(&self) -> SegmentsKept {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        SegmentsKept(Arc::clone(&self.0))
    }

    /// Says that files may be unlinked while the answer lives; `None` while anybody keeps them.
    pub(crate) fn may_unlink(&self) -> Option<MayUnlink<'_>> {
        let holders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (*holders == 0).then_some(MayUnlink(holders))
    }
}

impl Drop for SegmentsKept {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

impl LocalEngine {
    /// Keeps every file of the log's folder in its place until the guard is dropped; any number may be held.
    pub fn keep_segments(&self) -> SegmentsKept {
        self.shared.keeping.begin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_unlinked_while_anybody_keeps_it() {
        let keeping = Keeping::default();
        assert!(keeping.may_unlink().is_some());
        let (one, other) = (keeping.begin(), keeping.begin());
        assert!(keeping.may_unlink().is_none());
        drop(one);
        assert!(keeping.may_unlink().is_none());
        drop(other);
        assert!(keeping.may_unlink().is_some());
    }
}
