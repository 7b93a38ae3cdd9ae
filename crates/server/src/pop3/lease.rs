//! Who has which maildrop (RFC 1939 §4: an exclusive-access lock). A lease ends with its connection, which ends by itself
//! after ten minutes of silence; no other protocol asks for one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use types::AccountId;

/// The maildrops that are open, of all connections.
#[derive(Debug, Default)]
pub struct Leases {
    taken: Mutex<HashSet<AccountId>>,
}

/// A maildrop that is open; dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Lease {
    leases: Arc<Leases>,
    account: AccountId,
}

impl Leases {
    /// Takes a maildrop, if nobody has it.
    pub(crate) fn take(self: &Arc<Self>, account: AccountId) -> Option<Lease> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.insert(account).then(|| Lease {
            leases: Arc::clone(self),
            account,
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut taken = self.leases.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.remove(&self.account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maildrop_has_one_session_at_a_time() {
        let leases = Arc::new(Leases::default());
        let first = leases.take(AccountId(1));
        assert!(first.is_some() && leases.take(AccountId(2)).is_some());
        assert!(leases.take(AccountId(1)).is_none());
        drop(first);
        assert!(leases.take(AccountId(1)).is_some());
    }
}
