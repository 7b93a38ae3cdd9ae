//! Verifying an account: that its counts, uids and blobs fit together.

use bytes::Bytes;
use engine::BlobNumber;
use types::{AccountId, MailboxId, SystemKeyword, Uid};

use crate::account::{Inner, scan_all, scan_pieces};
use crate::known::KnownRow;
use crate::row::{Counters, FactsRow, MailboxRow};
use crate::{MessageRow, Store, StoreError, key};

/// What a check of an account looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountReport {
    /// Mailboxes looked at.
    pub mailboxes: u64,
    /// Messages looked at.
    pub messages: u64,
    /// Blocks of search text looked at. What is wrong with one is no finding: searches do without it.
    pub text_blocks: u64,
    /// What is wrong.
    pub findings: Vec<CheckFinding>,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFinding {
    /// In which account.
    pub account: AccountId,
    /// In which mailbox, if it is known.
    pub mailbox: Option<MailboxId>,
    /// Of which message, if it is one.
    pub uid: Option<Uid>,
    /// What is wrong.
    pub what: CheckFault,
}

/// Kinds of damage that a check finds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckFault {
    /// A row cannot be read.
    #[error("a row of table {0} is unreadable")]
    Unreadable(&'static str),
    /// The mailbox says other counts than its messages add up to.
    #[error("the counts of the mailbox do not match its messages")]
    Counts,
    /// A uid that the mailbox has not given out yet.
    #[error("the uid is not below the next uid")]
    UidTooHigh,
    /// A number that the account has not given out yet.
    #[error("the entry or change number is higher than the account's")]
    NumberTooHigh,
    /// There are no facts.
    #[error("the facts of the message are missing")]
    NoFacts,
    /// The bytes cannot be read, or their length is another.
    #[error("the bytes of the message: {0}")]
    Bytes(String),
}

/// The rows of one account, as they were read without stopping its sequencer.
struct Check<'a> {
    inner: &'a Inner,
    report: AccountReport,
}

impl Store {
    /// Verifies an account; changes nothing. While verbs run beside it, a mailbox that changes meanwhile is not judged by its
    /// counts.
    ///
    /// # Errors
    /// When the engine fails in another way than by damage.
    pub async fn check_account(&self, id: AccountId) -> Result<AccountReport, StoreError> {
        let inner = self.look_at(id).await?;
        let rows = scan_all(inner.engine(), inner.partition(), key::mailboxes()).await?;
        let mut check = Check {
            inner: &inner,
            report: AccountReport::default(),
        };
        for row in rows {
            let id = row
                .key
                .last_chunk::<4>()
                .map(|octets| MailboxId(u32::from_be_bytes(*octets)));
            match id.and_then(|id| MailboxRow::parse(id, &row.value)) {
                Some(mailbox) => check.mailbox(&mailbox).await?,
                None => check.found(None, None, CheckFault::Unreadable("mailbox")),
            }
        }
        let unreadable = check.unreadable_ids().await?;
        for mailbox in unreadable {
            check.found(mailbox, None, CheckFault::Unreadable("known"));
        }
        let texts = scan_all(inner.engine(), inner.partition(), key::text_indexes()).await?;
        check.report.text_blocks = texts.len() as u64;
        Ok(check.report)
    }
}

impl Check<'_> {
    fn found(&mut self, mailbox: Option<MailboxId>, uid: Option<Uid>, what: CheckFault) {
        self.report.findings.push(CheckFinding {
            account: self.inner.id(),
            mailbox,
            uid,
            what,
        });
    }

    /// The mailboxes of rows with ids from elsewhere that cannot be read.
    async fn unreadable_ids(&self) -> Result<Vec<Option<MailboxId>>, StoreError> {
        let mut unreadable = Vec::new();
        let (engine, partition) = (self.inner.engine(), self.inner.partition());
        scan_pieces(engine, partition, key::all_known(), &mut |stored| {
            if KnownRow::parse(&stored.value).is_none() {
                unreadable.push(key::mailbox_of(&stored.key));
            }
        })
        .await?;
        Ok(unreadable)
    }

    async fn mailbox(&mut self, mailbox: &MailboxRow) -> Result<(), StoreError> {
        self.report.mailboxes += 1;
        let (engine, partition) = (self.inner.engine(), self.inner.partition());
        let stored = scan_all(engine, partition, key::messages_from(mailbox.id, Uid(0))).await?;
        // Read after the messages: a number that a message has was given out by a row that is there by now.
        let keys = [key::mailbox(mailbox.id), key::account()];
        let mut rows = engine.get_many(partition, &keys).await?.into_iter();
        let now = rows
            .next()
            .flatten()
            .and_then(|value| MailboxRow::parse(mailbox.id, &value));
        let counters = rows.next().flatten().and_then(|value| Counters::parse(&value));
        let mut sums = (0, 0, 0, 0);
        for row in stored {
            let uid = key::uid_of(&row.key).unwrap_or_default();
            let Some(message) = MessageRow::parse(uid, &row.value) else {
                self.found(Some(mailbox.id), Some(uid), CheckFault::Unreadable("message"));
                continue;
            };
            sums.0 += 1;
            sums.1 += u32::from(!message.has(SystemKeyword::Seen));
            sums.2 += u32::from(message.has(SystemKeyword::Deleted));
            sums.3 += u64::from(message.size);
            if now.as_ref().is_some_and(|row| uid >= row.next_uid) {
                self.found(Some(mailbox.id), Some(uid), CheckFault::UidTooHigh);
            }
            if counters.is_none_or(|now| message.entry.0 >= now.next_entry || message.change > now.change) {
                self.found(Some(mailbox.id), Some(uid), CheckFault::NumberTooHigh);
            }
            self.message(mailbox.id, &message).await?;
        }
        let said = (
            mailbox.messages,
            mailbox.unseen,
            mailbox.deleted,
            mailbox.octets.0,
        );
        // A delivery may have come in between: only a mailbox that stood still is judged. Of a deleted one, messages have been brought
        // back, or let go.
        if now.as_ref() == Some(mailbox) && mailbox.deleted_at.is_none() && said != sums {
            self.found(Some(mailbox.id), None, CheckFault::Counts);
        }
        Ok(())
    }

    async fn message(&mut self, mailbox: MailboxId, message: &MessageRow) -> Result<(), StoreError> {
        self.report.messages += 1;
        let (at, uid) = (Some(mailbox), Some(message.uid));
        let facts = self.facts(mailbox, message.uid).await?;
        if facts.is_none_or(|value| FactsRow::parse(&value).is_none()) {
            self.found(at, uid, CheckFault::NoFacts);
        }
        let size = u64::from(message.size);
        match self
            .inner
            .engine()
            .read_blob(BlobNumber(message.blob.0), 0..u64::MAX)
            .await
        {
            Ok(bytes) if bytes.len() as u64 == size => {}
            Ok(_) => self.found(
                at,
                uid,
                CheckFault::Bytes("another length than the row says".into()),
            ),
            Err(error) => self.found(at, uid, CheckFault::Bytes(error.to_string())),
        }
        Ok(())
    }

    async fn facts(&self, mailbox: MailboxId, uid: Uid) -> Result<Option<Bytes>, StoreError> {
        let keys = [key::facts(mailbox, uid)];
        Ok(self
            .inner
            .engine()
            .get_many(self.inner.partition(), &keys)
            .await?
            .pop()
            .flatten())
    }
}
