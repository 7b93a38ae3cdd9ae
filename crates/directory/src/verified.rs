//! Logins that were verified a short time ago: so that a program that connects every minute costs one hash a day.
//!
//! A password is kept as a tag under a key that this process drew and nobody else knows, and is compared in constant
//! time. A change of an account drops its entry.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;
use subtle::ConstantTimeEq;

use crate::Login;

/// Logins that are remembered: some 200 octets each.
const REMEMBERED: usize = 65_536;

/// The generation of the directory that a verification saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

pub(crate) struct Verified {
    logins: Cache<Box<str>, Entry>,
    /// Two keys of SipHash, drawn by the process: 128 bits that cannot be computed or tried from outside.
    keys: [RandomState; 2],
    generation: AtomicU64,
}

#[derive(Clone)]
struct Entry {
    tag: [u8; 16],
    login: Arc<Login>,
}

impl Verified {
    pub(crate) fn new() -> Self {
        Verified {
            logins: Cache::new(REMEMBERED),
            keys: [RandomState::new(), RandomState::new()],
            generation: AtomicU64::new(0),
        }
    }

    /// The login, if this name was verified with this password.
    pub(crate) fn find(&self, name: &str, password: &[u8]) -> Option<Arc<Login>> {
        let entry = self.logins.get(name)?;
        let same = bool::from(entry.tag.ct_eq(&self.tag(name, password)));
        same.then_some(entry.login)
    }

    /// To be asked before the rows are read, and given to [`Verified::remember`].
    pub(crate) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::SeqCst))
    }

    /// Remembers a verification, unless an account changed since the generation it saw.
    pub(crate) fn remember(&self, name: &str, password: &[u8], login: Arc<Login>, seen: Generation) {
        let tag = self.tag(name, password);
        self.logins.insert(name.into(), Entry { tag, login });
        // A change that came before this look is seen by it; one that comes after finds the entry to drop.
        if self.generation() != seen {
            self.logins.remove(name);
        }
    }

    /// Forgets a name, whose account has changed or gone.
    pub(crate) fn forget(&self, name: &str) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.logins.remove(name);
    }

    fn tag(&self, name: &str, password: &[u8]) -> [u8; 16] {
        let [first, second] = self.keys.each_ref().map(|key| {
            let mut hasher = key.build_hasher();
            hasher.write_usize(name.len());
            hasher.write(name.as_bytes());
            hasher.write(password);
            hasher.finish()
        });
        (u128::from(first) << 64 | u128::from(second)).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Standing;
    use types::{AccountId, Address};

    #[test]
    fn only_the_same_password_is_remembered_and_a_change_forgets() {
        let verified = Verified::new();
        let login = Arc::new(Login {
            account: AccountId(1),
            address: Address::parse("a@example.org").unwrap(),
            standing: Standing::lasting(),
        });
        let seen = verified.generation();
        verified.remember("a", b"pw", Arc::clone(&login), seen);
        assert!(verified.find("a", b"pw").is_some());
        assert!(verified.find("a", b"pv").is_none());
        assert!(verified.find("b", b"pw").is_none());
        verified.forget("a");
        assert!(verified.find("a", b"pw").is_none());
        // A verification that began before the change.
        verified.remember("a", b"pw", login, seen);
        assert!(verified.find("a", b"pw").is_none());
    }
}
