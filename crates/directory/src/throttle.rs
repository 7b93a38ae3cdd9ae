//! Guessing is made slow: answers to wrong passwords come later and later, and then no password is looked at for a while.
//!
//! Counted are an address with a name, an address alone, and a name alone: one account may be guessed from many addresses. A
//! network of IPv6 (/64) is one address. Loopback is exempt. A password is counted before it is looked at, and taken back
//! when it was right.
//!
//! Who guesses a name from everywhere must not lock its owner out: an address from which somebody has logged in under the
//! name is not asked how often others were wrong. Names are counted as they are said, whether or not anybody has them.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quick_cache::unsync::Cache;
use types::Network;

/// Sources that are remembered: some 60 octets each, the least used go first.
const REMEMBERED: usize = 65_536;
/// Names at addresses that are remembered for a login that went well, in the same way.
const WELL_KNOWN: usize = 65_536;
/// How long: somebody who is away for a month is not locked out of what they come back to.
const KNOWN_FOR: Duration = Duration::from_secs(35 * 24 * 60 * 60);
/// Wrong passwords that are answered at once: everybody mistypes.
const FREE_TRIES: u32 = 2;
/// The same for a name from anywhere: its owner may have a few devices with an old password.
const FREE_TRIES_ANYWHERE: u32 = 20;
/// The first delay; it doubles with each try.
const FIRST_DELAY: Duration = Duration::from_millis(250);

/// How guessing is slowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guessing {
    /// Wrong passwords for one name from one address before it is not listened to.
    pub tries_per_name: u32,
    /// Wrong passwords from one address, whatever the name.
    pub tries_per_address: u32,
    /// Wrong passwords for one name from all addresses together, but for those where its owner has logged in.
    pub tries_per_account: u32,
    /// The longest delay of an answer.
    pub longest_delay: Duration,
    /// A source that was quiet so long is new again.
    pub forget: Duration,
}

impl Default for Guessing {
    fn default() -> Self {
        Guessing {
            tries_per_name: 10,
            tries_per_address: 100,
            tries_per_account: 100,
            longest_delay: Duration::from_secs(8),
            forget: Duration::from_secs(15 * 60),
        }
    }
}

/// Where a login comes from, as far as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Source {
    /// A name, by its hash under a key of this process: it may be long, and is the guesser's choice.
    Name(Network, u64),
    Address(Network),
    /// A name from anywhere.
    Anywhere(u64),
}

#[derive(Clone, Copy)]
struct Count {
    failures: u32,
    /// Passwords that are being looked at: each is a failure until it is known to be none.
    open: u32,
    last: Instant,
}

struct Counts {
    sources: Cache<Source, Count>,
    /// When somebody last logged in under a name at an address.
    known: Cache<(Network, u64), Instant>,
}

pub(crate) struct Throttle {
    counts: Mutex<Counts>,
    guessing: Guessing,
    key: RandomState,
}

/// Who tries to log in.
#[derive(Clone, Copy)]
pub(crate) struct Try<'a> {
    peer: Option<IpAddr>,
    name: &'a str,
}

/// Whether a password may be looked at.
pub(crate) enum Admission<'a> {
    /// It may.
    Now(Ticket<'a>),
    /// Too many others are being looked at, and may all be wrong.
    Later,
    /// Too many were wrong.
    Refused,
}

/// A password that is being looked at; one that nothing is said of was wrong.
pub(crate) struct Ticket<'a> {
    throttle: &'a Throttle,
    /// The name at the address, the address, and perhaps the name; none where nothing is counted.
    sources: Option<[Option<Source>; 3]>,
}

impl<'a> Try<'a> {
    pub(crate) fn new(peer: Option<IpAddr>, name: &'a str) -> Self {
        Try { peer, name }
    }
}

impl Throttle {
    pub(crate) fn new(guessing: Guessing) -> Self {
        Throttle {
            guessing,
            counts: Mutex::new(Counts {
                sources: Cache::new(REMEMBERED),
                known: Cache::new(WELL_KNOWN),
            }),
            key: RandomState::new(),
        }
    }

    /// Counts a password before it is looked at, so that no number of connections looks at more than are allowed.
    pub(crate) fn admit(&self, attempt: Try<'_>, now: Instant) -> Admission<'_> {
        let Some(network) = attempt.peer.and_then(Network::of) else {
            return Admission::Now(Ticket {
                throttle: self,
                sources: None,
            });
        };
        let name = self.key.hash_one(attempt.name);
        let mut counts = self.counts();
        let known = counts.known.get(&(network, name));
        let known = known.is_some_and(|last| now.saturating_duration_since(*last) < KNOWN_FOR);
        let sources = [
            Some(Source::Name(network, name)),
            Some(Source::Address(network)),
            Some(Source::Anywhere(name)).filter(|_| !known),
        ];
        let found = sources.map(|source| source.map(|source| counts.count(source, now, &self.guessing)));
        let over = |open: fn(&Count) -> u32| {
            let mut sources = sources.iter().flatten().zip(found.iter().flatten());
            sources.any(|(source, count)| count.failures + open(count) >= self.guessing.tries(*source))
        };
        if over(|_| 0) {
            return Admission::Refused;
        }
        if over(|count| count.open) {
            return Admission::Later;
        }
        for (source, count) in sources.into_iter().flatten().zip(found.into_iter().flatten()) {
            let open = count.open + 1;
            counts.sources.insert(source, Count { open, ..count });
        }
        Admission::Now(Ticket {
            throttle: self,
            sources: Some(sources),
        })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guessing {
    fn tries(&self, source: Source) -> u32 {
        match source {
            Source::Name(..) => self.tries_per_name,
            Source::Address(_) => self.tries_per_address,
            Source::Anywhere(_) => self.tries_per_account,
        }
    }

    /// How long the answer to a wrong password waits.
    fn delay(&self, source: Source, failures: u32) -> Duration {
        let free = match source {
            Source::Name(..) => FREE_TRIES,
            Source::Anywhere(_) => FREE_TRIES_ANYWHERE,
            // One address may be many people.
            Source::Address(_) => return Duration::ZERO,
        };
        match failures.saturating_sub(free) {
            0 => Duration::ZERO,
            n => FIRST_DELAY
                .saturating_mul(1 << (n - 1).min(16))
                .min(self.longest_delay),
        }
    }
}

impl Counts {
    /// The count of a source as it is now.
    fn count(&self, source: Source, now: Instant, guessing: &Guessing) -> Count {
        match self.sources.get(&source).copied() {
            Some(count) if now.saturating_duration_since(count.last) < guessing.forget => count,
            stored => Count {
                failures: 0,
                open: stored.map_or(0, |count| count.open),
                last: now,
            },
        }
    }
}

impl Ticket<'_> {
    /// The password was right: the name is in order again at this address, which is known from now on.
    pub(crate) fn right(mut self, now: Instant) {
        if let Some([Some(Source::Name(network, name)), ..]) = self.sources {
            self.throttle.counts().known.insert((network, name), now);
        }
        self.close(now, |source, failures| match source {
            Source::Name(..) => 0,
            // Others may be guessing still.
            Source::Address(_) | Source::Anywhere(_) => failures,
        });
    }

    /// Nobody knows whether it was right.
    pub(crate) fn unknown(mut self, now: Instant) {
        self.close(now, |_, failures| failures);
    }

    /// It was wrong; gives how long the answer has to wait.
    pub(crate) fn wrong(mut self, now: Instant) -> Duration {
        self.fail(now)
    }

    fn fail(&mut self, now: Instant) -> Duration {
        self.close(now, |_, failures| failures.saturating_add(1))
    }

    /// Counts it no longer as open; gives how long the answer to a wrong one has to wait.
    fn close(&mut self, now: Instant, failures: impl Fn(Source, u32) -> u32) -> Duration {
        let Some(sources) = self.sources.take() else {
            return Duration::ZERO;
        };
        let guessing = &self.throttle.guessing;
        let mut counts = self.throttle.counts();
        let delays = sources.into_iter().flatten().map(|source| {
            let before = counts.count(source, now, guessing);
            let after = Count {
                failures: failures(source, before.failures),
                open: before.open.saturating_sub(1),
                last: match failures(source, before.failures) > before.failures {
                    true => now,
                    false => before.last,
                },
            };
            counts.sources.insert(source, after);
            guessing.delay(source, after.failures)
        });
        delays.max().unwrap_or_default()
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.fail(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit<'a>(throttle: &'a Throttle, attempt: Try<'_>, now: Instant) -> Option<Ticket<'a>> {
        match throttle.admit(attempt, now) {
            Admission::Now(ticket) => Some(ticket),
            Admission::Later | Admission::Refused => None,
        }
    }

    fn fail(throttle: &Throttle, attempt: Try<'_>, now: Instant) -> Duration {
        admit(throttle, attempt, now).expect("it is allowed").wrong(now)
    }

    #[test]
    fn guesses_are_slowed_then_refused_then_forgotten() {
        let throttle = Throttle::new(Guessing::default());
        let start = Instant::now();
        let peer = Some("192.0.2.1".parse().unwrap());
        let guess = Try::new(peer, "alice");
        let allows = |attempt, now| {
            admit(&throttle, attempt, now)
                .map(|ticket| ticket.unknown(now))
                .is_some()
        };
        let delays: Vec<_> = (0..Guessing::default().tries_per_name)
            .map(|_| fail(&throttle, guess, start).as_millis())
            .collect();
        assert_eq!(delays, [0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert!(matches!(throttle.admit(guess, start), Admission::Refused));
        assert!(allows(Try::new(peer, "bob"), start));
        assert!(allows(
            Try::new(Some("192.0.2.2".parse().unwrap()), "alice"),
            start
        ));
        assert!(!allows(
            guess,
            start + Guessing::default().forget - Duration::from_secs(1)
        ));
        assert!(allows(guess, start + Guessing::default().forget));
    }

    #[test]
    fn an_address_that_tries_many_names_is_refused() {
        let throttle = Throttle::new(Guessing::default());
        let now = Instant::now();
        for number in 0..Guessing::default().tries_per_address {
            // One network, whatever the address in it.
            let peer = format!("2001:db8::{number:x}").parse().unwrap();
            fail(&throttle, Try::new(Some(peer), &number.to_string()), now);
        }
        let at = |peer: &str| Try::new(Some(peer.parse().unwrap()), "x");
        assert!(admit(&throttle, at("2001:db8::ffff"), now).is_none());
        assert!(admit(&throttle, at("2001:db8:0:1::1"), now).is_some());
    }

    #[test]
    fn loopback_is_never_slowed() {
        let throttle = Throttle::new(Guessing::default());
        let now = Instant::now();
        for peer in [
            Some("127.0.0.1".parse().unwrap()),
            Some("::ffff:127.0.0.1".parse().unwrap()),
            None,
        ] {
            for _ in 0..1000 {
                assert_eq!(fail(&throttle, Try::new(peer, "alice"), now), Duration::ZERO);
            }
        }
    }

    #[test]
    fn a_right_password_clears_the_name() {
        let throttle = Throttle::new(Guessing::default());
        let now = Instant::now();
        let guess = Try::new(Some("192.0.2.1".parse().unwrap()), "alice");
        for _ in 0..5 {
            fail(&throttle, guess, now);
        }
        admit(&throttle, guess, now).unwrap().right(now);
        assert_eq!(fail(&throttle, guess, now), Duration::ZERO);
    }

    #[test]
    fn many_connections_look_at_no_more_passwords_than_one() {
        let throttle = Throttle::new(Guessing::default());
        let now = Instant::now();
        let guess = Try::new(Some("192.0.2.1".parse().unwrap()), "alice");
        let mut open: Vec<_> = (0..Guessing::default().tries_per_name)
            .map(|_| admit(&throttle, guess, now).unwrap())
            .collect();
        assert!(matches!(throttle.admit(guess, now), Admission::Later));
        open.pop().unwrap().unknown(now);
        open.push(admit(&throttle, guess, now).unwrap());
        // Connections that break off have guessed as well.
        drop(open);
        assert!(matches!(throttle.admit(guess, now), Admission::Refused));
    }

    #[test]
    fn the_limits_can_be_others() {
        let guessing = Guessing {
            tries_per_name: 4,
            longest_delay: Duration::from_secs(0),
            ..Guessing::default()
        };
        let throttle = Throttle::new(guessing);
        let now = Instant::now();
        let guess = Try::new(Some("192.0.2.1".parse().unwrap()), "alice");
        for _ in 0..4 {
            assert_eq!(fail(&throttle, guess, now), Duration::ZERO);
        }
        assert!(matches!(throttle.admit(guess, now), Admission::Refused));
    }

    fn at(number: u32, name: &str) -> Try<'_> {
        let peer = format!("198.51.{}.{}", number / 256, number % 256);
        Try::new(Some(peer.parse().unwrap()), name)
    }

    #[test]
    fn a_name_that_is_guessed_from_many_addresses_is_slowed_then_refused_everywhere() {
        let throttle = Throttle::new(Guessing::default());
        let now = Instant::now();
        let tries = Guessing::default().tries_per_account;
        let delays: Vec<_> = (0..tries)
            .map(|number| fail(&throttle, at(number, "alice"), now).as_millis())
            .collect();
        assert!(delays[..20].iter().all(|delay| *delay == 0), "{delays:?}");
        assert_eq!(delays[20..27], [250, 500, 1000, 2000, 4000, 8000, 8000]);
        assert!(matches!(
            throttle.admit(at(9999, "alice"), now),
            Admission::Refused
        ));
        assert!(admit(&throttle, at(9999, "bob"), now).is_some());
        let later = now + Guessing::default().forget;
        assert!(admit(&throttle, at(9999, "alice"), later).is_some());
    }

    #[test]
    fn the_owner_is_not_locked_out_where_they_have_logged_in() {
        let throttle = Throttle::new(Guessing::default());
        let start = Instant::now();
        admit(&throttle, at(7000, "alice"), start).unwrap().right(start);
        let now = start + Duration::from_secs(30 * 24 * 60 * 60);
        for number in 0..Guessing::default().tries_per_account {
            fail(&throttle, at(number, "alice"), now);
        }
        assert!(admit(&throttle, at(7001, "alice"), now).is_none());
        admit(&throttle, at(7000, "alice"), now).unwrap().right(now);
        // Nor do their own mistakes wait for what others did, and they count there as everywhere.
        assert_eq!(fail(&throttle, at(7000, "alice"), now), Duration::ZERO);
        for _ in 1..Guessing::default().tries_per_name {
            fail(&throttle, at(7000, "alice"), now);
        }
        assert!(admit(&throttle, at(7000, "alice"), now).is_none());
    }

    #[test]
    fn so_many_connections_from_many_addresses_look_at_no_more_passwords() {
        let throttle = Throttle::new(Guessing::default());
        let now = Instant::now();
        let open: Vec<_> = (0..Guessing::default().tries_per_account)
            .map(|number| admit(&throttle, at(number, "alice"), now).unwrap())
            .collect();
        assert!(matches!(throttle.admit(at(9999, "alice"), now), Admission::Later));
        drop(open);
        assert!(matches!(
            throttle.admit(at(9999, "alice"), now),
            Admission::Refused
        ));
    }
}
