//! How fast a message must come: so that nobody holds memory with an octet a minute.

use std::time::Duration;

use tokio::time::Instant;

/// How long a client may be silent inside of a message (RFC 5321 §4.5.3.2.5: at least 3 minutes).
const SILENCE: Duration = Duration::from_secs(300);
/// Octets that earn a second: 1 KiB/s on average, far below any modem.
const OCTETS_A_SECOND: u32 = 1024;
/// How long a message may take in all: 50 MB on a slow line.
const MESSAGE_TIME: Duration = Duration::from_secs(3600);

/// When the next octets of a message must have come. What comes puts it off, by what it is worth and at most to
/// [`SILENCE`] from then on: the average is over the last minutes, and nothing fast makes up for an hour of nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    deadline: Instant,
    end: Instant,
}

impl Pace {
    /// That of a message which begins now.
    pub(super) fn begin(now: Instant) -> Self {
        Pace {
            deadline: now + SILENCE,
            end: now + MESSAGE_TIME,
        }
    }

    /// When the client has been too slow.
    pub(super) fn deadline(self) -> Instant {
        self.deadline.min(self.end)
    }

    /// Octets have come.
    pub(super) fn came(&mut self, octets: usize, now: Instant) {
        let earned = Duration::from_secs(1) / OCTETS_A_SECOND;
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        self.deadline = (self.deadline + earned.saturating_mul(octets)).min(now + SILENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_little_is_waited_for_less() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::begin(start);
        assert_eq!(pace.deadline(), after(300));
        pace.came(1, after(200));
        assert!(pace.deadline() < after(301), "an octet earns no minutes");
        pace.came(1 << 20, after(200));
        assert_eq!(pace.deadline(), after(500), "a lot earns no hour");
        for second in (400..=3500).step_by(100) {
            pace.came(1 << 20, after(second));
        }
        assert_eq!(pace.deadline(), after(3600));
    }

    #[test]
    fn a_slow_line_is_fast_enough() {
        let start = Instant::now();
        let mut pace = Pace::begin(start);
        for second in 1..3600 {
            let now = start + Duration::from_secs(second);
            assert!(now < pace.deadline());
            pace.came(1100, now);
        }
    }
}
