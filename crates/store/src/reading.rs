//! What an account gives of its messages beside their rows: facts, bytes, and what is gone.

use std::ops::Range;

use bytes::Bytes;
use engine::{BlobNumber, Row};
use types::{BlobId, ChangeNumber, KeywordName, MailboxId, SystemKeyword, Uid};

use crate::account::scan_all;
use crate::memory::Charge;
use crate::{Account, FactsRow, Mailbox, MessageRow, StoreError, key};

impl Account {
    /// The last change of anything in the account.
    #[must_use]
    pub fn change(&self) -> ChangeNumber {
        self.inner().state().counters.change
    }

    /// The mailbox's own keywords, in the order of their bits; none where there is no such mailbox.
    #[must_use]
    pub fn keywords(&self, mailbox: MailboxId) -> Vec<KeywordName> {
        let state = self.inner().state();
        let row = state.mailboxes.get(&mailbox);
        row.map_or_else(Vec::new, |row| row.keywords.clone())
    }

    /// What was expunged from a mailbox after a change, in the order of the changes: all of it, unless some is forgotten of changes after
    /// that one ([`Mailbox::forgotten`]).
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
        let parse = |row: &Row| key::change_and_uid_of(&row.key);
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

    /// How many messages have a uid from one on and below another. Those that nobody has looked at are counted where they lie: no
    /// view is made for it.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn count(&self, mailbox: MailboxId, uids: Range<Uid>) -> Result<usize, StoreError> {
        if let Some(view) = self.inner().kept_view(mailbox) {
            return Ok(view.rank(uids.end).saturating_sub(view.rank(uids.start)));
        }
        let range = key::message(mailbox, uids.start)..key::message(mailbox, uids.end);
        Ok(scan_all(self.inner().engine(), self.inner().partition(), range)
            .await?
            .len())
    }

    /// The position of the first message that has not been seen, if it is among the first `limit`, or known without looking.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn first_unseen(&self, mailbox: &Mailbox, limit: usize) -> Result<Option<usize>, StoreError> {
        if mailbox.unseen == 0 || mailbox.unseen == mailbox.messages {
            return Ok((mailbox.unseen > 0).then_some(1));
        }
        let unseen = |row: &MessageRow| !row.has(SystemKeyword::Seen);
        if let Some(view) = self.inner().kept_view(mailbox.id) {
            let first = view.iter().find(|(_, row)| unseen(row));
            return Ok(first.map(|(position, _)| position));
        }
        let range = key::messages_from(mailbox.id, Uid(0));
        let (engine, partition) = (self.inner().engine(), self.inner().partition());
        let rows = engine.scan(partition, range, limit).await?;
        let is_unseen = |row: &Row| {
            let parsed = key::uid_of(&row.key).and_then(|uid| MessageRow::parse(uid, &row.value));
            parsed.is_some_and(|row| unseen(&row))
        };
        let first = rows.iter().position(is_unseen).map(|before| before + 1);
        // What has changed meanwhile may have moved it.
        let now = self.mailbox_by_id(mailbox.id).map(|now| now.change);
        Ok(first.filter(|_| now == Some(mailbox.change)))
    }

    /// Takes so many octets of the memory for views: for a list of messages.
    ///
    /// # Errors
    /// `Refusal::NoMemory`: there is not so much now.
    pub fn take_memory(&self, octets: usize) -> Result<Charge, StoreError> {
        self.inner().memory.take(octets).map_err(StoreError::Refused)
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
