//! How long a login holds: sessions ask, and are told when it ends.
//!
//! **Invariant**: who was let in on the strength of what an account was before a change is told of the end. For that a
//! standing is taken before the account's row is read, and ended after the change is on stable storage.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use types::AccountId;

/// Entries that nobody looks at are dropped when there are twice as many as were in use before, and more than this.
const FEW: usize = 1024;

/// Whether a login still holds.
#[derive(Clone, Debug, Default)]
pub struct Standing(Option<watch::Receiver<bool>>);

impl Standing {
    /// One that holds to the end of the session.
    #[must_use]
    pub fn lasting() -> Self {
        Standing(None)
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.0.as_ref().is_some_and(|ended| *ended.borrow())
    }

    /// Waits for its end.
    pub async fn ended(&mut self) {
        let Some(ended) = &mut self.0 else {
            return pending().await;
        };
        // When nobody is left to end it, it lasts.
        if ended.wait_for(|ended| *ended).await.is_err() {
            pending().await
        }
    }
}

/// The standings of all accounts that somebody is logged in to.
#[derive(Default)]
pub(crate) struct Standings(Mutex<Table>);

#[derive(Default)]
struct Table {
    accounts: HashMap<AccountId, watch::Sender<bool>>,
    /// How many were in use when it was last looked.
    used: usize,
}

impl Standings {
    /// The standing of an account from now on.
    pub(crate) fn of(&self, account: AccountId) -> Standing {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.accounts.len() > (2 * table.used).max(FEW) {
            table.accounts.retain(|_, ended| ended.receiver_count() > 0);
            table.used = table.accounts.len();
        }
        let ended = table.accounts.entry(account);
        Standing(Some(
            ended.or_insert_with(|| watch::Sender::new(false)).subscribe(),
        ))
    }

    /// Ends all standings of an account; those that are taken from now on hold.
    pub(crate) fn end(&self, account: AccountId) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = table.accounts.remove(&account) {
            ended.send_replace(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_standings_of_an_account_end_together_and_new_ones_hold() {
        let standings = Standings::default();
        let mut both = [standings.of(AccountId(1)), standings.of(AccountId(1))];
        let other = standings.of(AccountId(2));
        standings.end(AccountId(1));
        for standing in &mut both {
            standing.ended().await;
            assert!(standing.has_ended());
        }
        assert!(!other.has_ended() && !standings.of(AccountId(1)).has_ended());
    }

    #[test]
    fn those_that_nobody_looks_at_are_forgotten() {
        let standings = Standings::default();
        let kept = standings.of(AccountId(0));
        for account in 0..10 * FEW as u64 {
            standings.of(AccountId(account));
        }
        assert!(standings.0.lock().unwrap().accounts.len() <= FEW + 1);
        standings.end(AccountId(0));
        assert!(kept.has_ended());
    }
}
