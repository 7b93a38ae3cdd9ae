//! Guessing is made slow: answers to wrong passwords come later and later, and then no password is looked at for a while.
//!
//! Counted are an address with a name, and an address alone. A network of IPv6 (/64) is one address. Loopback is exempt.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;
use types::Network;

/// Sources that are remembered: 32 octets each, the least used go first.
const REMEMBERED: usize = 65_536;
/// Wrong passwords for one name from one address before it is not listened to.
const NAME_TRIES: u32 = 10;
/// Wrong passwords from one address, whatever the name.
const ADDRESS_TRIES: u32 = 100;
/// A source that was quiet so long is new again.
const FORGET: Duration = Duration::from_secs(15 * 60);
/// Wrong passwords that are answered at once: everybody mistypes.
const FREE_TRIES: u32 = 2;
/// The first delay; it doubles with each try.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// The longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(8);

/// Where a login comes from, as far as it is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Source {
    Name(Network, Box<str>),
    Address(Network),
}

#[derive(Clone, Copy)]
struct Count {
    failures: u32,
    last: Instant,
}

pub(crate) struct Throttle {
    counts: Cache<Source, Count>,
}

/// Who tries to log in.
pub(crate) struct Try<'a> {
    network: Option<Network>,
    name: &'a str,
}

impl<'a> Try<'a> {
    pub(crate) fn new(peer: Option<IpAddr>, name: &'a str) -> Self {
        let network = peer.and_then(Network::of);
        Try { network, name }
    }

    fn sources(&self) -> Option<[(Source, u32); 2]> {
        let network = self.network?;
        let name = Source::Name(network, self.name.into());
        Some([(name, NAME_TRIES), (Source::Address(network), ADDRESS_TRIES)])
    }
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Throttle {
            counts: Cache::new(REMEMBERED),
        }
    }

    /// Whether a password may be looked at now.
    pub(crate) fn allows(&self, attempt: &Try<'_>, now: Instant) -> bool {
        let sources = attempt.sources().into_iter().flatten();
        sources
            .into_iter()
            .all(|(source, tries)| self.failures(&source, now) < tries)
    }

    /// Counts a wrong password; gives how long the answer has to wait.
    pub(crate) fn failed(&self, attempt: &Try<'_>, now: Instant) -> Duration {
        let mut most = 0;
        for (source, _) in attempt.sources().into_iter().flatten() {
            let failures = self.failures(&source, now).saturating_add(1);
            if matches!(source, Source::Name(..)) {
                most = failures;
            }
            self.counts.insert(source, Count { failures, last: now });
        }
        match most.saturating_sub(FREE_TRIES) {
            0 => Duration::ZERO,
            n => FIRST_DELAY
                .saturating_mul(1 << (n - 1).min(16))
                .min(LONGEST_DELAY),
        }
    }

    /// The name is in order again.
    pub(crate) fn succeeded(&self, attempt: &Try<'_>) {
        if let Some([(name, _), _]) = attempt.sources() {
            self.counts.remove(&name);
        }
    }

    fn failures(&self, source: &Source, now: Instant) -> u32 {
        let count = self.counts.get(source);
        count
            .filter(|count| now.saturating_duration_since(count.last) < FORGET)
            .map_or(0, |count| count.failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_slowed_then_refused_then_forgotten() {
        let throttle = Throttle::new();
        let start = Instant::now();
        let peer = Some("192.0.2.1".parse().unwrap());
        let guess = Try::new(peer, "alice");
        let delays: Vec<_> = (0..NAME_TRIES)
            .map(|_| {
                assert!(throttle.allows(&guess, start));
                throttle.failed(&guess, start).as_millis()
            })
            .collect();
        assert_eq!(delays, [0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert!(!throttle.allows(&guess, start));
        assert!(throttle.allows(&Try::new(peer, "bob"), start));
        assert!(throttle.allows(&Try::new(Some("192.0.2.2".parse().unwrap()), "alice"), start));
        assert!(!throttle.allows(&guess, start + FORGET - Duration::from_secs(1)));
        assert!(throttle.allows(&guess, start + FORGET));
    }

    #[test]
    fn an_address_that_tries_many_names_is_refused() {
        let throttle = Throttle::new();
        let now = Instant::now();
        for number in 0..ADDRESS_TRIES {
            // One network, whatever the address in it.
            let peer = format!("2001:db8::{number:x}").parse().unwrap();
            throttle.failed(&Try::new(Some(peer), &number.to_string()), now);
        }
        assert!(!throttle.allows(&Try::new(Some("2001:db8::ffff".parse().unwrap()), "x"), now));
        assert!(throttle.allows(&Try::new(Some("2001:db8:0:1::1".parse().unwrap()), "x"), now));
    }

    #[test]
    fn loopback_is_never_slowed() {
        let throttle = Throttle::new();
        let now = Instant::now();
        for peer in [
            Some("127.0.0.1".parse().unwrap()),
            Some("::ffff:127.0.0.1".parse().unwrap()),
            None,
        ] {
            let guess = Try::new(peer, "alice");
            for _ in 0..1000 {
                assert_eq!(throttle.failed(&guess, now), Duration::ZERO);
            }
            assert!(throttle.allows(&guess, now));
        }
    }

    #[test]
    fn a_right_password_clears_the_name() {
        let throttle = Throttle::new();
        let now = Instant::now();
        let guess = Try::new(Some("192.0.2.1".parse().unwrap()), "alice");
        for _ in 0..5 {
            throttle.failed(&guess, now);
        }
        throttle.succeeded(&guess);
        assert_eq!(throttle.failed(&guess, now), Duration::ZERO);
    }
}
