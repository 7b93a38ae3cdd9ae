//! The thread that takes the memtable over into the index, and the log's position with it.
//!
//! When the index's disk is full it tries again: the memtable grows meanwhile, up to its bound.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;

/// The thread's name.
pub(crate) const NAME: &str = "absorber";

/// How often the index's memory is given back.
const LET_GO: Duration = Duration::from_secs(10);

impl Shared {
    /// Works until the engine closes.
    pub(crate) fn absorb_all(&self) {
        let mut let_go = Instant::now();
        loop {
            if let_go.elapsed() > LET_GO {
                self.index.let_go();
                let_go = Instant::now();
            }
            let closing = self.closing.load(Ordering::Acquire);
            if !closing && !self.hurry.load(Ordering::Relaxed) {
                std::thread::park_timeout(self.options.interval);
            }
            self.hurry.store(false, Ordering::Relaxed);
            if self.running().is_err() {
                return;
            }
            let absorbed = self.absorb_once();
            if closing && (!absorbed || self.drained()) {
                return;
            }
        }
    }

    fn drained(&self) -> bool {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.active.rows.is_empty() && tables.frozen.is_none()
    }

    /// Takes what there is over; whether that went well.
    fn absorb_once(&self) -> bool {
        let Some(frozen) = self.freeze() else { return true };
        let absorbed = self.index.absorb(&frozen);
        self.absorbing_fails.store(absorbed.is_err(), Ordering::Release);
        if let Err(error) = absorbed {
            tracing::error!("index {}: {error}", self.index.path().display());
            if is_final(&error) {
                self.stop(self.index.path(), io::Error::other(error.to_string()));
            } else {
                // Room may come back.
                std::thread::park_timeout(self.options.interval);
            }
            return false;
        }
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let old = tables.frozen.take();
        drop(tables);
        drop(old);
        true
    }

    fn freeze(&self) -> Option<Arc<super::table::Table>> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if tables.frozen.is_none() && !tables.active.rows.is_empty() {
            let position = tables.active.position;
            let full = std::mem::take(&mut tables.active);
            tables.active.position = position;
            tables.frozen = Some(Arc::new(full));
        }
        tables.frozen.clone()
    }
}

/// Whether an error is more than a full disk.
fn is_final(error: &heed::Error) -> bool {
    match error {
        heed::Error::Io(error) => !matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ),
        heed::Error::Mdb(error) => !matches!(error, heed::MdbError::MapFull),
        _ => true,
    }
}
