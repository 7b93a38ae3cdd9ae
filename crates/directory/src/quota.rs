//! How much accounts may hold: limits of an account's own, those of its domain where it has none, and those of all accounts of a
//! domain together. The store keeps to them; here they are set and kept.

use types::{AccountId, Address, Domain};

use crate::domain::key_of;
use crate::name::{domain_hash, fold_domain};
use crate::row::{Row, account_key};
use crate::{Directory, DirectoryError, Refusal};

/// One limit of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// That of the domain.
    #[default]
    Default,
    /// No limit, whatever the domain's is.
    None,
    /// This many.
    Of(u64),
}

/// An account's own limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Octets of messages.
    pub octets: Limit,
    /// Messages, each copy counted.
    pub messages: Limit,
}

/// Limits that hold; nothing is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Octets of messages.
    pub octets: Option<u64>,
    /// Messages, each copy counted.
    pub messages: Option<u64>,
}

/// All limits that hold for an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// For what it holds.
    pub account: Quota,
    /// For what all accounts of its domain hold together, where there are any.
    pub domain: Option<(Domain, Quota)>,
}

/// Which of a domain's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// What each account may hold that has no limit of its own.
    Each,
    /// What all accounts may hold together.
    All,
}

/// Limits that are to be others; nothing stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaChange {
    /// Octets of messages.
    pub octets: Option<Limit>,
    /// Messages, each copy counted.
    pub messages: Option<Limit>,
}

impl Limit {
    fn within(self, default: Option<u64>) -> Option<u64> {
        match self {
            Limit::Default => default,
            Limit::None => None,
            Limit::Of(limit) => Some(limit),
        }
    }
}

impl Allowance {
    /// What holds for an account in a domain.
    #[must_use]
    pub fn within(self, domain: Quota) -> Quota {
        Quota {
            octets: self.octets.within(domain.octets),
            messages: self.messages.within(domain.messages),
        }
    }

    fn change(&mut self, change: QuotaChange) {
        self.octets = change.octets.unwrap_or(self.octets);
        self.messages = change.messages.unwrap_or(self.messages);
    }
}

impl From<Quota> for Allowance {
    fn from(quota: Quota) -> Self {
        let limit = |limit: Option<u64>| limit.map_or(Limit::None, Limit::Of);
        Allowance {
            octets: limit(quota.octets),
            messages: limit(quota.messages),
        }
    }
}

impl Directory {
    /// Changes the limits of an account; says whose number that is.
    ///
    /// # Errors
    /// When there is no such account, or the engine fails.
    pub async fn set_quota(
        &self,
        address: &Address,
        change: QuotaChange,
    ) -> Result<AccountId, DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        let (id, mut row) = self.account_at(address).await?;
        row.allowance.change(change);
        self.put(account_key(id), row.print()).await?;
        Ok(id)
    }

    /// An account's number, its own limits, and those that hold.
    ///
    /// # Errors
    /// When there is no such account, or the engine fails.
    pub async fn quota(&self, address: &Address) -> Result<(AccountId, Allowance, Quota), DirectoryError> {
        let (id, row) = self.account_at(address).await?;
        let domain = self.default_quota(&row.address.domain).await?;
        Ok((id, row.allowance, row.allowance.within(domain)))
    }

    /// The limits that hold for an account; none for one that is not there.
    ///
    /// # Errors
    /// When the engine fails or a row is unreadable.
    pub async fn limits_of(&self, id: AccountId) -> Result<Limits, DirectoryError> {
        let Some(row) = self.account_row(id).await? else {
            return Ok(Limits::default());
        };
        let Some(domain) = self.domain_row(&row.address.domain).await? else {
            let account = row.allowance.within(Quota::default());
            return Ok(Limits {
                account,
                domain: None,
            });
        };
        let shared = domain.together != Quota::default();
        Ok(Limits {
            account: row.allowance.within(domain.quota),
            domain: shared.then_some((domain.domain, domain.together)),
        })
    }

    /// Changes what each account of a domain may hold that has no limit of its own, or all of them together.
    ///
    /// # Errors
    /// When the domain is not ours, or the engine fails.
    pub async fn set_domain_quota(
        &self,
        domain: &Domain,
        of: Of,
        change: QuotaChange,
    ) -> Result<(), DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        let mut row = self.our_domain(domain).await?;
        let quota = match of {
            Of::Each => &mut row.quota,
            Of::All => &mut row.together,
        };
        let mut allowance = Allowance::from(*quota);
        allowance.change(change);
        *quota = allowance.within(Quota::default());
        self.put(key_of(domain), row.print()).await
    }

    /// The limits of a domain.
    ///
    /// # Errors
    /// When it is not ours, or the engine fails.
    pub async fn domain_quota(&self, domain: &Domain, of: Of) -> Result<Quota, DirectoryError> {
        let row = self.domain_row(domain).await?;
        let row = row.ok_or_else(|| Refusal::NoDomain(domain.clone()))?;
        Ok(match of {
            Of::Each => row.quota,
            Of::All => row.together,
        })
    }

    /// Accounts of a domain with higher numbers than `after`, in their order, at most `limit`.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn accounts_of(
        &self,
        domain: &Domain,
        after: AccountId,
        limit: usize,
    ) -> Result<Vec<AccountId>, DirectoryError> {
        let from = AccountId(after.0.saturating_add(1));
        self.members(domain_hash(&fold_domain(domain)), from, limit).await
    }

    async fn default_quota(&self, domain: &Domain) -> Result<Quota, DirectoryError> {
        let row = self.domain_row(domain).await?;
        Ok(row.map_or_else(Quota::default, |row| row.quota))
    }
}
