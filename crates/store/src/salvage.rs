//! A salvage: what the engine's log still has of mail whose rows are lost, made into mailboxes and messages again.
//!
//! It is for an engine whose [`History`](engine::History) is not whole, before anybody is served. Cut off anywhere, it is done again
//! from its beginning; only then the engine is told that it is settled, which is the caller's business.

use std::collections::{BTreeMap, BTreeSet};

use engine::{LocalEngine, Partition};
use types::{AccountId, BlobId, MailboxName};

use crate::note::{self, Note};
use crate::sequencer::submit;
use crate::verb::{Adopt, FirstMailboxes, Renew, Renewed};
use crate::{Refusal, Store, StoreError, key};

/// What a salvage did.
#[derive(Clone, Debug, Default)]
pub struct Salvage {
    /// The accounts that have mail now, in order.
    pub accounts: Vec<AccountId>,
    /// Mailboxes that got a new validity.
    pub mailboxes: u64,
    /// Messages in them.
    pub messages: u64,
    /// How many of these nothing was known of but what stands beside their bytes.
    pub found: u64,
    /// Accounts that could not be made whole, and why.
    pub failed: Vec<(AccountId, StoreError)>,
}

impl Store {
    /// Makes messages again that only the log knows of, and gives every mailbox of every account a new, higher validity: of these
    /// accounts, and of all that have rows.
    ///
    /// # Errors
    /// When the engine fails. Nothing is lost then, and it is to be done again.
    pub async fn salvage(&self, engine: &LocalEngine, named: &[AccountId]) -> Result<Salvage, StoreError> {
        let mut salvage = Salvage::default();
        let mut left = engine.left_blobs()?;
        while let Some(blobs) = left.next().await? {
            let mut by_account: BTreeMap<AccountId, Vec<Note>> = BTreeMap::new();
            for left in blobs {
                let Some(mut note) = note::parse(&left.note) else {
                    continue;
                };
                note.row.blob = BlobId(left.blob.0);
                by_account.entry(note.account).or_default().push(note);
            }
            for (id, notes) in by_account {
                salvage.found += self.adopt(id, notes).await?;
            }
        }
        self.renew_all(engine, named, &mut salvage).await?;
        Ok(salvage)
    }

    /// Gives every mailbox of every account a new, higher validity, and lets every number of an account leap above all that can have
    /// been given out: of a folder that was restored, whose mail has gone on elsewhere since it was backed up.
    ///
    /// # Errors
    /// When the engine fails. Nothing is lost then, and it is to be done again.
    pub async fn renew_accounts(
        &self,
        engine: &LocalEngine,
        named: &[AccountId],
    ) -> Result<Salvage, StoreError> {
        let mut salvage = Salvage::default();
        self.renew_all(engine, named, &mut salvage).await?;
        Ok(salvage)
    }

    /// The same for one account, whose counts or numbers do not fit its messages. Facts that are missing are made up for.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn renew_account(&self, id: AccountId) -> Result<Salvage, StoreError> {
        let mut salvage = Salvage::default();
        self.renew(id, &mut salvage).await?;
        Ok(salvage)
    }

    async fn renew_all(
        &self,
        engine: &LocalEngine,
        named: &[AccountId],
        salvage: &mut Salvage,
    ) -> Result<(), StoreError> {
        let kept = self.kept(&engine.partitions()?).await?;
        let all: BTreeSet<_> = kept.iter().chain(named).copied().collect();
        for id in all {
            self.renew(id, salvage).await?;
        }
        salvage.accounts = kept;
        Ok(())
    }

    /// The accounts that have rows, among partitions that may have; those that were deleted are not among them.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn kept(&self, partitions: &[Partition]) -> Result<Vec<AccountId>, StoreError> {
        let mut kept = Vec::new();
        for partition in partitions {
            let Some(id) = Store::account_of(*partition) else {
                continue;
            };
            if !self.engine().scan(*partition, key::all(), 1).await?.is_empty() {
                kept.push(id);
            }
        }
        Ok(kept)
    }

    /// Puts messages back that no row names; how many.
    async fn adopt(&self, id: AccountId, notes: Vec<Note>) -> Result<u64, StoreError> {
        match self.load(id).await {
            Ok(inner) => submit(&inner, Adopt { notes }).await,
            // Its mail was meant to go.
            Err(StoreError::Refused(Refusal::NoAccount)) => Ok(0),
            // It is told when its numbers cannot be renewed.
            Err(StoreError::UnreadableRow { .. }) => Ok(0),
            Err(error) => Err(error),
        }
    }

    async fn renew(&self, id: AccountId, salvage: &mut Salvage) -> Result<(), StoreError> {
        match self.renewed(id).await {
            Ok(renewed) => {
                salvage.mailboxes += renewed.mailboxes;
                salvage.messages += renewed.messages;
            }
            Err(StoreError::Failed(error)) => return Err(error.into()),
            Err(error) => salvage.failed.push((id, error)),
        }
        Ok(())
    }

    async fn renewed(&self, id: AccountId) -> Result<Renewed, StoreError> {
        let inner = self.load(id).await?;
        let renewed = submit(&inner, Renew).await?;
        if !inner.state().names.contains_key(&MailboxName::inbox()) {
            submit(&inner, FirstMailboxes).await?;
        }
        // Whoever has it in memory has it as it was.
        self.forget(id);
        Ok(renewed)
    }
}
