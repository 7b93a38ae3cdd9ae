//! LOGIN-DELAY (RFC 2449 §6.5): how long after a login the same account may not log in again. In memory: after a restart
//! everybody may.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use directory::{Directory, Resolution};
use pop3::Refusal;
use pop3::capability::Delay;
use store::Now;
use types::{AccountId, Address, Timestamp};

/// Logins that are remembered before those of accounts whose delay is over are forgotten.
const MANY: usize = 10_000;

/// The account of an address, later.
pub type OwnerFuture<'a> = Pin<Box<dyn Future<Output = Option<AccountId>> + Send + 'a>>;

/// Knows whose address an address is.
pub trait Owners: Send + Sync {
    /// The account that an address belongs to, if it belongs to one.
    fn owner<'a>(&'a self, address: &'a Address) -> OwnerFuture<'a>;
}

impl Owners for Directory {
    fn owner<'a>(&'a self, address: &'a Address) -> OwnerFuture<'a> {
        Box::pin(async move {
            match self.resolve(address).await {
                Ok(Resolution::Accounts(accounts)) => accounts.first().copied(),
                Ok(_) => None,
                Err(error) => {
                    tracing::error!(%error, "the account of a login delay could not be looked up");
                    None
                }
            }
        })
    }
}

/// The delays, and who has logged in when.
pub struct Delays {
    seconds: u32,
    /// Of some accounts.
    other: Vec<(Address, u32)>,
    owners: Arc<dyn Owners>,
    now: Now,
    last: Mutex<HashMap<AccountId, Timestamp>>,
}

impl Delays {
    /// The delays that are set; those of some accounts by their addresses.
    #[must_use]
    pub fn new(seconds: u32, other: Vec<(Address, u32)>, owners: Arc<dyn Owners>, now: Now) -> Self {
        Delays {
            seconds,
            other,
            owners,
            now,
            last: Mutex::default(),
        }
    }

    /// The largest delay that anybody has.
    fn most(&self) -> u32 {
        let other = self.other.iter().map(|(_, seconds)| *seconds);
        other.fold(self.seconds, u32::max)
    }

    /// What is announced to whom nobody knows yet; nothing where there is no delay.
    pub(super) fn before_login(&self) -> Option<Delay> {
        match (self.most(), self.other.is_empty()) {
            (0, _) => None,
            (most, true) => Some(Delay::Of(most)),
            (most, false) => Some(Delay::AtMost(most)),
        }
    }

    /// What is announced to an account.
    pub(super) async fn of(&self, account: AccountId) -> Option<Delay> {
        if self.most() == 0 {
            return None;
        }
        for (address, seconds) in &self.other {
            if self.owners.owner(address).await == Some(account) {
                return Some(Delay::Of(*seconds));
            }
        }
        Some(Delay::Of(self.seconds))
    }

    /// Whether an account with this delay may log in now.
    pub(super) fn check(&self, account: AccountId, delay: Option<Delay>) -> Result<(), Refusal> {
        let Some(Delay::Of(seconds) | Delay::AtMost(seconds)) = delay else {
            return Ok(());
        };
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last.get(&account) {
            Some(last) if (self.now)().0 < last.0 + i64::from(seconds) => Err(Refusal::LoginDelay),
            _ => Ok(()),
        }
    }

    /// Remembers a login that was granted.
    pub(super) fn granted(&self, account: AccountId, delay: Option<Delay>) {
        if delay.is_none() {
            return;
        }
        let now = (self.now)();
        let over = now.0 - i64::from(self.most());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= MANY {
            last.retain(|_, last| last.0 > over);
        }
        last.insert(account, now);
    }
}
