//! What an account gives of its messages beside their rows: facts, bytes, and what is gone.

use std::ops::Range;

use bytes::Bytes;
use engine::{BlobNumber, Row};
use types::{BlobId, ChangeNumber, MailboxId, Uid};

use crate::account::scan_all;
use crate::{Account, FactsRow, StoreError, key};

impl Account {
    /// What was expunged from a mailbox after a change, in the order of the changes.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn expunged_since(
        &self,
        mailbox: MailboxId,
        change: ChangeNumber,
    ) -> Result<Vec<(ChangeNumber, Uid)>, StoreError> {
        let range = key::expunged_after(mailbox, change);
        let rows = scan_all(self.inner().engine(), self.inner().partition(), range).await?;
        let parse = |row: &Row| {
            let (_, numbers) = row.key.split_first_chunk::<5>()?;
            let (change, uid) = numbers.split_first_chunk::<8>()?;
            Some((ChangeNumber(u64::from_be_bytes(*change)), key::uid_of(uid)?))
        };
        Ok(rows.iter().filter_map(parse).collect())
    }

    /// The facts of the messages with uids `first..=last`, at most `limit` of them, in order. Those of messages
    /// expunged in between may be among them.
    ///
    /// # Errors
    /// When the engine fails, or a row is unreadable.
    pub async fn facts(
        &self,
        mailbox: MailboxId,
        uids: (Uid, Uid),
        limit: usize,
    ) -> Result<Vec<(Uid, FactsRow)>, StoreError> {
        let range = key::facts_between(mailbox, uids.0, uids.1);
        let rows = self
            .inner()
            .engine()
            .scan(self.inner().partition(), range, limit)
            .await?;
        let parse = |row: &Row| Some((key::uid_of(&row.key)?, FactsRow::parse(&row.value)?));
        let unreadable = StoreError::UnreadableRow {
            account: self.id().0,
            table: "facts",
        };
        rows.iter()
            .map(|row| parse(row).ok_or(unreadable.clone()))
            .collect()
    }

    /// The facts of some messages, in the order asked for; `None` where there are none.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn facts_of(
        &self,
        mailbox: MailboxId,
        uids: &[Uid],
    ) -> Result<Vec<Option<FactsRow>>, StoreError> {
        let keys: Vec<_> = uids.iter().map(|uid| key::facts(mailbox, *uid)).collect();
        let values = self
            .inner()
            .engine()
            .get_many(self.inner().partition(), &keys)
            .await?;
        Ok(values.into_iter().map(|value| FactsRow::parse(&value?)).collect())
    }

    /// Bytes of a message; a range past its end is cut there.
    ///
    /// # Errors
    /// When the engine fails or the bytes are damaged.
    pub async fn read_blob(&self, blob: BlobId, range: Range<u64>) -> Result<Bytes, StoreError> {
        Ok(self.inner().engine().read_blob(BlobNumber(blob.0), range).await?)
    }

    /// Several whole messages, in the order asked for. The caller bounds how much that is; what fails is one message's own.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn read_blobs(
        &self,
        blobs: impl IntoIterator<Item = BlobId>,
    ) -> Result<Vec<Result<Bytes, StoreError>>, StoreError> {
        let numbers = blobs.into_iter().map(|blob| BlobNumber(blob.0)).collect();
        let read = self.inner().engine().read_blobs(numbers).await?;
        Ok(read
            .into_iter()
            .map(|outcome| outcome.map_err(StoreError::Failed))
            .collect())
    }

    /// What a test says of several whole messages, in the order asked for. The caller bounds how much that is; what fails is one
    /// message's own.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn test_blobs(
        &self,
        blobs: impl IntoIterator<Item = BlobId>,
        test: impl FnMut(&[u8]) -> bool + Send + 'static,
    ) -> Result<Vec<Result<bool, StoreError>>, StoreError> {
        let numbers = blobs.into_iter().map(|blob| BlobNumber(blob.0)).collect();
        let said = self.inner().engine().test_blobs(numbers, Box::new(test)).await?;
        Ok(said
            .into_iter()
            .map(|outcome| outcome.map_err(StoreError::Failed))
            .collect())
    }
}
