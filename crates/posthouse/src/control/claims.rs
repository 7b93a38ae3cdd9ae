//! Who brings mail into an account: one connection at a time, until it ends.
//!
//! An import first asks what is there and then brings what is missing. The requests of one that was killed may still be waiting to be read, and
//! would be carried out between those two steps of the next.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;
use types::AccountId;

/// The accounts that somebody brings mail into.
#[derive(Debug, Default)]
pub(super) struct Claims {
    taken: Mutex<HashSet<AccountId>>,
    freed: Notify,
}

/// An account that nobody else brings mail into as long as this is there.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Arc<Claims>,
    pub(super) account: AccountId,
}

impl Claims {
    /// Waits until nobody else has the account; nothing when that takes longer than `patience`.
    pub(super) async fn claim(self: &Arc<Self>, account: AccountId, patience: Duration) -> Option<Claim> {
        let free = async {
            loop {
                // Before looking, so that nothing is freed unheard in between.
                let freed = self.freed.notified();
                if self.taken().insert(account) {
                    return;
                }
                freed.await;
            }
        };
        timeout(patience, free).await.ok()?;
        Some(Claim {
            claims: Arc::clone(self),
            account,
        })
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, HashSet<AccountId>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.taken().remove(&self.account);
        self.claims.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: AccountId = AccountId(1);
    const NO_TIME: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn an_account_is_one_connections_until_it_ends() {
        let claims = Arc::new(Claims::default());
        let first = claims.claim(ALICE, NO_TIME).await.expect("nobody has it");
        assert!(claims.claim(ALICE, NO_TIME).await.is_none());
        assert!(claims.claim(AccountId(2), NO_TIME).await.is_some());
        let others = Arc::clone(&claims);
        let second = tokio::spawn(async move { others.claim(ALICE, LONG).await.is_some() });
        tokio::task::yield_now().await;
        drop(first);
        assert!(second.await.expect("it waits to the end"));
        assert!(claims.claim(ALICE, NO_TIME).await.is_some());
    }
}
