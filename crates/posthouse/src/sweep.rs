//! What a running server does once an hour: lets go of what was deleted too long ago, and of bytes that no message has any more. The
//! engine then gives their room back. docs/decisions/0010 says why nothing else can go.

use std::sync::Arc;
use std::time::Duration;

use engine::{BlobNumber, LocalEngine};
use store::{Store, StoreError};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval_at};

/// How often. No delivery holds bytes so long before they have a row.
const EVERY: Duration = Duration::from_hours(1);
/// When first: a server that has just started has other work.
const FIRST: Duration = Duration::from_secs(10 * 60);

/// Works until it is dropped.
pub(crate) struct Sweeping(JoinHandle<()>);

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins; what an earlier run of the program held is held by nobody now.
pub(crate) fn begin(engine: Arc<LocalEngine>, store: Store, undelete: Duration) -> Sweeping {
    let mut before = engine.reached();
    Sweeping(tokio::spawn(async move {
        let mut ticks = interval_at(tokio::time::Instant::now() + FIRST, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let reached = engine.reached();
            if let Err(error) = sweep(&engine, &store, (undelete, before)).await {
                tracing::warn!("nothing deleted was let go: {error}");
            }
            before = reached;
        }
    }))
}

async fn sweep(
    engine: &LocalEngine,
    store: &Store,
    (undelete, before): (Duration, BlobNumber),
) -> Result<(), StoreError> {
    let expired = store.expire(engine, undelete).await?;
    let swept = store.release(engine, before).await?;
    tracing::debug!(
        messages = expired.messages,
        mailboxes = expired.mailboxes,
        living = swept.living,
        released = swept.released,
        "what was deleted too long ago was let go"
    );
    Ok(())
}
