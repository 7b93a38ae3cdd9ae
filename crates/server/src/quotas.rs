//! How much accounts may hold: what the directory keeps, in the words of the store.

use std::sync::Arc;

use directory::{Directory, DirectoryError};
use store::{Allowed, Quota, QuotaFuture, Quotas, SharingFuture, Store, StoreError};
use types::{AccountId, Domain, Octets};

/// Accounts of a domain that one read brings.
const ACCOUNTS_A_READ: usize = 256;

/// The directory, as the store asks it.
struct Kept(Directory);

/// Has a store keep to the limits of a directory.
pub fn keep_to_quotas(store: &Store, directory: &Directory) {
    store.keep_to(Arc::new(Kept(directory.clone())));
}

impl Quotas for Kept {
    fn quota(&self, account: AccountId) -> QuotaFuture<'_> {
        Box::pin(async move {
            let kept = self.0.limits_of(account).await;
            let kept = kept.map_err(|error| failed(account, error))?;
            let shared = kept
                .domain
                .map(|(name, limit)| (name.as_str().into(), quota(limit)));
            Ok(Allowed {
                quota: quota(kept.account),
                shared,
            })
        })
    }

    fn sharing<'a>(&'a self, name: &'a str, after: AccountId) -> SharingFuture<'a> {
        Box::pin(async move {
            let Ok(domain) = Domain::check(name) else {
                return Ok(Vec::new());
            };
            let accounts = self.0.accounts_of(&domain, after, ACCOUNTS_A_READ).await;
            accounts.map_err(|error| failed(after, error))
        })
    }
}

fn quota(kept: directory::Quota) -> Quota {
    Quota {
        octets: kept.octets.map(Octets),
        messages: kept.messages,
    }
}

/// The store's word for what went wrong. That the directory refuses to say it does not happen.
fn failed(account: AccountId, error: DirectoryError) -> StoreError {
    match error {
        DirectoryError::Failed(error) => error.into(),
        _ => StoreError::UnreadableRow {
            account: account.0,
            table: "accounts of the directory",
        },
    }
}
