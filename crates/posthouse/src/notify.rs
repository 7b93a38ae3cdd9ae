//! What systemd is told (sd_notify(3)): so that a start is over when mail can be taken in, and not before.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use sd_notify::NotifyState;

/// Ready, for the first time or again.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Settings are read again.
pub(crate) fn reloading() {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = Duration::from_secs(u64::try_from(now.tv_sec).unwrap_or(0));
    let now = seconds + Duration::from_nanos(u64::try_from(now.tv_nsec).unwrap_or(0));
    tell(&[
        NotifyState::Reloading,
        NotifyState::MonotonicUsec(now.as_micros().try_into().unwrap_or(i128::MAX)),
    ]);
}

/// The end has begun.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
