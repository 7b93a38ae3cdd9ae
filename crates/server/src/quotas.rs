//! How much accounts may hold: what the directory keeps, in the words of the store.

use std::sync::Arc;

use directory::{Directory, DirectoryError};
use store::{Quota, QuotaFuture, Quotas, Store, StoreError};
use types::{AccountId, Octets};

/// The directory, as the store asks it.
struct Kept(Directory);

/// Has a store keep to the limits of a directory.
pub fn keep_to_quotas(store: &Store, directory: &Directory) {
    store.keep_to(Arc::new(Kept(directory.clone())));
}

impl Quotas for Kept {
    fn quota(&self, account: AccountId) -> QuotaFuture<'_> {
        Box::pin(async move {
            let kept = self.0.quota_of(account).await;
            let kept = kept.map_err(|error| failed(account, error))?;
            Ok(Quota {
                octets: kept.octets.map(Octets),
                messages: kept.messages,
            })
        })
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
