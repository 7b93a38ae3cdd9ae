//! Hashes of passwords: Argon2id (RFC 9106), on at most as many threads as there are cores.
//!
//! Passwords of new accounts wait in a row of their own, so that a login waits for one or two hashes of an import and
//! not for all.

use std::borrow::Cow;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use sasl::Secret;
use sasl::scram::Keys;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use unicode_normalization::UnicodeNormalization as _;

use crate::{DirectoryError, Refusal, foreign};

/// The longest password: as long as SASL brings one.
pub(crate) const MAX_PASSWORD: usize = 1024;

/// Octets of a salt (RFC 9106 §3.1).
const SALT: usize = 16;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB, at least 8.
    pub memory_kib: u32,
    /// Passes over it, at least 1.
    pub passes: u32,
}

impl Default for Cost {
    /// What OWASP recommends: 19 MiB, 2 passes.
    fn default() -> Self {
        Cost {
            memory_kib: Params::DEFAULT_M_COST,
            passes: Params::DEFAULT_T_COST,
        }
    }
}

impl Cost {
    /// The least that is possible: for tests.
    pub const LEAST: Cost = Cost {
        memory_kib: Params::MIN_M_COST,
        passes: Params::MIN_T_COST,
    };

    fn argon2(self) -> Result<Argon2<'static>, DirectoryError> {
        let params = Params::new(self.memory_kib, self.passes, 1, None);
        let params = params.map_err(|_| DirectoryError::Hash("the cost is out of range"))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    /// Whether a hash is one that this cost makes.
    fn is_of(self, hash: &str) -> bool {
        let beginning = format!("$argon2id$v=19$m={},t={},p=1$", self.memory_kib, self.passes);
        hash.starts_with(&beginning)
    }
}

/// How many cores may hash at a time: more hashes than cores would only take more memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cores {
    /// All, for a command that has the machine to itself.
    All,
    /// All but one, which is there for those who are logged in.
    #[default]
    AllButOne,
}

impl Cores {
    fn count(self) -> usize {
        let all = available_parallelism().map_or(1, NonZeroUsize::get);
        match self {
            Cores::All => all,
            Cores::AllButOne => (all - 1).max(1),
        }
    }
}

/// Logins that may wait for a seat: a second or two of work. Whoever comes then may come again.
const WAITING: usize = 100;

/// Hashes and verifies away from the threads that serve connections.
pub(crate) struct Hasher {
    cost: Cost,
    /// One for each core that may hash.
    seats: Arc<Semaphore>,
    /// As many, for those that set a password: held while they wait for a seat, so that logins find short rows.
    setting: Semaphore,
    /// Logins that wait for a seat or have one.
    logins: AtomicUsize,
}

/// A login that is counted, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a password is the one that was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    /// It is, and the hash is not one that we would make now.
    Outdated,
    Wrong,
}

impl Hasher {
    pub(crate) fn new(cost: Cost, cores: Cores) -> Self {
        Hasher {
            cost,
            seats: Arc::new(Semaphore::new(cores.count())),
            setting: Semaphore::new(cores.count()),
            logins: AtomicUsize::new(0),
        }
    }

    /// A new hash of a password, as a PHC string.
    pub(crate) async fn hash(&self, password: Secret) -> Result<Box<str>, DirectoryError> {
        check(&password)?;
        let _turn = self.setting.acquire().await.expect("it is never closed");
        let cost = self.cost;
        self.away(move || {
            let mut salt = [0; SALT];
            getrandom::fill(&mut salt).map_err(|_| DirectoryError::Hash("the system has no randomness"))?;
            let password = prepared(password.expose());
            let hash = cost.argon2()?.hash_password_with_salt(&password, &salt);
            let hash: PasswordHash = hash.map_err(|_| DirectoryError::Hash("out of memory"))?;
            Ok(hash.to_string().into())
        })
        .await
    }

    /// Compares a password with a hash. Without a hash it takes as long, and is wrong.
    pub(crate) async fn verify(
        &self,
        password: Secret,
        hash: Option<Box<str>>,
    ) -> Result<Verdict, DirectoryError> {
        let _waiting = self.enqueue()?;
        let cost = self.cost;
        self.away(move || {
            let argon2 = cost.argon2()?;
            let Some(hash) = hash else {
                let mut nothing = [0; Params::DEFAULT_OUTPUT_LEN];
                let hashed = argon2.hash_password_into(password.expose(), &[0; SALT], &mut nothing);
                std::hint::black_box(nothing);
                return hashed
                    .map(|()| Verdict::Wrong)
                    .map_err(|_| DirectoryError::Hash("out of memory"));
            };
            // Other programs have hashed the octets as they came.
            let prepared = match hash.starts_with("$argon2id$") {
                true => prepared(password.expose()),
                false => Cow::Borrowed(password.expose()),
            };
            let right = foreign::verify(&prepared, &hash);
            let right = right.ok_or(DirectoryError::UnreadableRow { table: "accounts" })?;
            Ok(match (right, cost.is_of(&hash)) {
                (false, _) => Verdict::Wrong,
                (true, true) => Verdict::Right,
                (true, false) => Verdict::Outdated,
            })
        })
        .await
    }

    /// Makes SCRAM keys of a password; none where it cannot have any.
    pub(crate) async fn keys(
        &self,
        password: Secret,
        salt: Vec<u8>,
        rounds: NonZeroU32,
    ) -> Result<Option<Keys>, DirectoryError> {
        self.away(move || Ok(Keys::derive(&password, &salt, rounds).ok()))
            .await
    }

    fn enqueue(&self) -> Result<Waiting<'_>, DirectoryError> {
        let waiting = Waiting(&self.logins);
        match self.logins.fetch_add(1, Ordering::Relaxed) < WAITING {
            true => Ok(waiting),
            false => Err(DirectoryError::Busy),
        }
    }

    async fn away<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, DirectoryError> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let seats = Arc::clone(&self.seats);
        let seat = seats.acquire_owned().await.expect("the seats are never closed");
        let done = spawn_blocking(move || {
            let _seat = seat;
            work()
        });
        done.await
            .unwrap_or(Err(DirectoryError::Hash("the server is stopping")))
    }
}

/// A password as it is hashed, however the keyboard of whoever types it writes it: RFC 8265 §4.2.1, `OpaqueString`, which is NFC
/// with one kind of space. What is not UTF-8 stays as it is.
fn prepared(password: &[u8]) -> Cow<'_, [u8]> {
    let Ok(text) = std::str::from_utf8(password) else {
        return Cow::Borrowed(password);
    };
    if text.is_ascii() {
        return Cow::Borrowed(password);
    }
    // The other separators of lines are no spaces (Zs).
    let is_space = |c: &char| c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
    let spaced = text.chars().map(|c| if is_space(&c) { ' ' } else { c });
    Cow::Owned(spaced.nfc().collect::<String>().into_bytes())
}

fn check(password: &Secret) -> Result<(), Refusal> {
    match password.expose().len() {
        0 => Err(Refusal::EmptyPassword),
        1..=MAX_PASSWORD => Ok(()),
        _ => Err(Refusal::LongPassword),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_sent_away() {
        let hasher = Hasher::new(Cost::LEAST, Cores::AllButOne);
        let verify = || hasher.verify(Secret::from("x"), None);
        let verdicts = join_all((0..WAITING + 10).map(|_| verify())).await;
        let busy = |verdict: &&Result<_, _>| matches!(verdict, Err(DirectoryError::Busy));
        assert_eq!(verdicts.iter().filter(busy).count(), 10);
        assert_eq!(verify().await.unwrap(), Verdict::Wrong);
    }

    /// RFC 8265 §4.2.1 and §4.3.
    #[tokio::test]
    async fn a_password_is_what_was_typed_however_it_is_written() {
        let hasher = Hasher::new(Cost::LEAST, Cores::AllButOne);
        let set = "caf\u{e9}\u{3000}密码";
        let hash = hasher.hash(Secret::from(set)).await.unwrap();
        let check = async |password: &str| {
            let verdict = hasher.verify(Secret::from(password), Some(hash.clone())).await;
            verdict.unwrap()
        };
        assert_eq!(check(set).await, Verdict::Right);
        assert_eq!(check("cafe\u{301} 密码").await, Verdict::Right);
        assert_eq!(check("cafe 密码").await, Verdict::Wrong);
        assert_eq!(check("Caf\u{e9} 密码").await, Verdict::Wrong);
        // Not a compatible form, which would make passwords weaker.
        assert_eq!(check("caf\u{e9} ㊙密码").await, Verdict::Wrong);
        let compatible = "\u{fb01}\u{e9}".as_bytes();
        assert_eq!(prepared(compatible), Cow::Borrowed(compatible));
        assert_eq!(prepared(b"\xff\xfe"), Cow::Borrowed(b"\xff\xfe"));
        assert_eq!(
            prepared("a\u{2028}é".as_bytes()),
            Cow::Borrowed("a\u{2028}é".as_bytes())
        );
    }

    #[tokio::test]
    async fn a_login_does_not_wait_for_a_whole_import() {
        let hasher = Hasher::new(Cost::LEAST, Cores::AllButOne);
        let done = AtomicUsize::new(0);
        let import = join_all((0..1000).map(|_| async {
            hasher.hash(Secret::from("x")).await.unwrap();
            done.fetch_add(1, Ordering::Relaxed);
        }));
        let login = async {
            hasher.verify(Secret::from("x"), None).await.unwrap();
            done.load(Ordering::Relaxed)
        };
        let (_, before) = tokio::join!(import, login);
        assert!(before < 500, "{before} of 1000 came first");
    }
}
