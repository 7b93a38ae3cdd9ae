//! Hashes of passwords: Argon2id (RFC 9106), on at most as many threads as there are cores.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use sasl::Secret;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::{DirectoryError, Refusal};

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
}

/// Hashes and verifies away from the threads that serve connections.
pub(crate) struct Hasher {
    cost: Cost,
    /// One for each core: more at a time would only take more memory.
    seats: Arc<Semaphore>,
}

/// Whether a password is the one that was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    Wrong,
}

impl Hasher {
    pub(crate) fn new(cost: Cost) -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Hasher {
            cost,
            seats: Arc::new(Semaphore::new(cores)),
        }
    }

    /// A new hash of a password, as a PHC string.
    pub(crate) async fn hash(&self, password: Secret) -> Result<Box<str>, DirectoryError> {
        check(&password)?;
        let cost = self.cost;
        self.away(move || {
            let mut salt = [0; SALT];
            getrandom::fill(&mut salt).map_err(|_| DirectoryError::Hash("the system has no randomness"))?;
            let hash = cost.argon2()?.hash_password_with_salt(password.expose(), &salt);
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
            let hash =
                PasswordHash::new(&hash).map_err(|_| DirectoryError::UnreadableRow { table: "accounts" })?;
            match argon2.verify_password(password.expose(), &hash) {
                Ok(()) => Ok(Verdict::Right),
                Err(_) => Ok(Verdict::Wrong),
            }
        })
        .await
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

fn check(password: &Secret) -> Result<(), Refusal> {
    match password.expose().len() {
        0 => Err(Refusal::EmptyPassword),
        1..=MAX_PASSWORD => Ok(()),
        _ => Err(Refusal::LongPassword),
    }
}
