//! How much an account may hold. The limits are kept elsewhere: whoever keeps them is asked when an account is opened, and
//! says when they change, so that no way into an account goes past them.
//!
//! What an account holds already stays, however low its limit becomes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use types::AccountId;

use crate::sequencer::lock;
use crate::{Account, Quota, Store, StoreError, Usage};

/// The limits of an account, later.
pub type QuotaFuture<'a> = Pin<Box<dyn Future<Output = Result<Allowed, StoreError>> + Send + 'a>>;

/// Some of those who share a limit, later.
pub type SharingFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<AccountId>, StoreError>> + Send + 'a>>;

/// What limits an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// How much it may hold.
    pub quota: Quota,
    /// How much it may hold together with others, and what these are called.
    pub shared: Option<(Arc<str>, Quota)>,
}

impl From<Quota> for Allowed {
    fn from(quota: Quota) -> Self {
        Allowed { quota, shared: None }
    }
}

/// Knows how much accounts may hold.
pub trait Quotas: Send + Sync {
    /// The limits of an account as they are now.
    fn quota(&self, account: AccountId) -> QuotaFuture<'_>;

    /// Accounts that share a limit: some with higher numbers than `after`, in their order; none where there are no more.
    fn sharing<'a>(&'a self, name: &'a str, after: AccountId) -> SharingFuture<'a>;
}

/// Whether an account has room for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// It has.
    Enough,
    /// When some of what it holds has gone.
    Later,
    /// It is more than the account may hold at all.
    Never,
}

impl Store {
    /// Names who knows how much accounts may hold, before any is opened; it stays who is named first.
    pub fn keep_to(&self, quotas: Arc<dyn Quotas>) {
        let _ = self.quotas().set(quotas);
    }

    /// Learns anew how much an account may hold; when this has answered, everything keeps to it.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn quota_changed(&self, id: AccountId) -> Result<(), StoreError> {
        // In the order in which they are asked for: an answer that was overtaken must not come last.
        let _one_at_a_time = self.renewing().lock().await;
        let Some(account) = self.opened(id).await? else {
            return Ok(());
        };
        let Some(quotas) = self.quotas().get() else {
            return Ok(());
        };
        let Allowed { quota, shared } = quotas.quota(id).await?;
        account.set_quota(quota);
        self.attach(account.inner(), shared.as_ref());
        Ok(())
    }

    /// The same for all accounts that are open.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn quotas_changed(&self) -> Result<(), StoreError> {
        for id in self.open_accounts() {
            self.quota_changed(id).await?;
        }
        let _one_at_a_time = self.renewing().lock().await;
        self.count_pools().await
    }
}

impl Account {
    /// How much the account may hold; what it holds already stays. In memory only: see [`Store::keep_to`].
    pub fn set_quota(&self, quota: Quota) {
        self.inner().state().quota = quota;
    }

    /// How much the account may hold.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.inner().state().quota
    }

    /// How much the account holds.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage::of(self.inner().state().mailboxes.values())
    }

    /// Whether there is room for one message more. Others may take it meanwhile.
    #[must_use]
    pub fn room(&self, octets: u64) -> Room {
        let own = self.quota().room(self.usage(), Usage::of_one(octets));
        own.max(self.pool_room(octets))
    }
}

impl Store {
    /// What an account that is being opened may hold.
    pub(crate) async fn quota_of(&self, id: AccountId) -> Result<Allowed, StoreError> {
        match self.quotas().get() {
            Some(quotas) => quotas.quota(id).await,
            None => Ok(Allowed::default()),
        }
    }

    fn open_accounts(&self) -> Vec<AccountId> {
        lock(self.accounts()).keys().copied().collect()
    }
}
