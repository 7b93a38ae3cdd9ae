//! What time it is. Everything that wants to know is given a [`Now`], which tests move.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use store::Now;
use types::Timestamp;

/// The machine's clock.
#[must_use]
pub fn system_clock() -> Now {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    })
}
