//! Copying and moving messages between mailboxes of one account.

use types::{ChangeNumber, ContentId, EntryId, MailboxId, ThreadId, Uid, UidValidity};

use super::append::{check_room, saved_at};
use crate::kept::Fate;
use crate::row::{FactsRow, MailboxRow};
use crate::sequencer::{Draft, Verb};
use crate::{Keywords, MessageRow, Refusal, StoreError};

/// Messages that one copy takes: it is one transaction, and memory holds all of it.
const MAX_COPIED: usize = 100_000;

/// Messages that are to be copied or moved, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// All of these, or none.
    All(Vec<Uid>),
    /// Those of these that are there.
    IfThere(Vec<Uid>),
}

impl Named {
    /// The uids.
    #[must_use]
    pub fn uids(&self) -> &[Uid] {
        match self {
            Named::All(uids) | Named::IfThere(uids) => uids,
        }
    }
}

/// Messages that were copied: `from` and `to` run side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The target's uid validity.
    pub validity: UidValidity,
    /// The uids in the source.
    pub from: Vec<Uid>,
    /// The uids in the target.
    pub to: Vec<Uid>,
}

/// Messages that were moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Where they came from and went to.
    pub copied: Copied,
    /// The change that removed them from the source.
    pub change: ChangeNumber,
}

/// A copy within the account.
pub(crate) struct CopyMessages {
    pub(crate) source: MailboxId,
    pub(crate) named: Named,
    pub(crate) target: MailboxId,
}

impl Verb for CopyMessages {
    type Output = Copied;

    async fn apply(self, draft: &mut Draft) -> Result<Copied, StoreError> {
        let copy = Copy::find(draft, &self).await?;
        let octets = copy.rows.iter().map(|(row, ..)| u64::from(row.size)).sum();
        draft.check_quota(copy.rows.len(), octets)?;
        Ok(copy.make(draft))
    }
}

/// A copy and the removal of the originals, as one.
pub(crate) struct MoveMessages {
    pub(crate) source: MailboxId,
    pub(crate) named: Named,
    pub(crate) target: MailboxId,
}

impl Verb for MoveMessages {
    type Output = Moved;

    async fn apply(self, draft: &mut Draft) -> Result<Moved, StoreError> {
        let MoveMessages {
            source,
            named,
            target,
        } = self;
        let copy = Copy::find(
            draft,
            &CopyMessages {
                source,
                named,
                target,
            },
        )
        .await?;
        Ok(copy.make_and_remove(draft))
    }
}

/// All that a copy needs, found before anything is changed.
pub(super) struct Copy {
    source: MailboxRow,
    target: MailboxRow,
    rows: Vec<(MessageRow, FactsRow, u64)>,
}

impl Copy {
    async fn find(draft: &mut Draft, asked: &CopyMessages) -> Result<Self, StoreError> {
        let source = draft.mailbox(asked.source)?;
        let target = draft.mailbox(asked.target)?;
        let rows = draft.rows(asked.source, asked.named.uids()).await?;
        if matches!(&asked.named, Named::All(uids) if rows.len() < uids.len()) {
            return Err(Refusal::MessagesGone.into());
        }
        let found = Self::find_facts(draft, &source, rows).await?;
        Ok(Self::check(source, target, found)?)
    }

    /// Rows with their facts.
    pub(super) async fn find_facts(
        draft: &Draft,
        source: &MailboxRow,
        rows: Vec<MessageRow>,
    ) -> Result<Vec<(MessageRow, FactsRow)>, StoreError> {
        if rows.len() > MAX_COPIED {
            return Err(Refusal::TooManyMessages.into());
        }
        let facts = draft.facts(source.id, &rows).await?;
        let none = || FactsRow {
            content: ContentId(0),
            thread: ThreadId(0),
            cards: bytes::Bytes::new(),
        };
        let facts = facts.into_iter().map(|facts| facts.unwrap_or_else(none));
        Ok(rows.into_iter().zip(facts).collect())
    }

    /// A copy of what was found, if the target has room for it.
    pub(super) fn check(
        source: MailboxRow,
        mut target: MailboxRow,
        found: Vec<(MessageRow, FactsRow)>,
    ) -> Result<Self, Refusal> {
        check_room(&target, found.len())?;
        let mut rows = Vec::with_capacity(found.len());
        for (row, facts) in found {
            let keywords = Keywords::of_bits(row.keywords, &source).bits_in(&mut target);
            rows.push((row, facts, keywords));
        }
        Ok(Copy { source, target, rows })
    }

    fn make(self, draft: &mut Draft) -> Copied {
        let change = draft.next_change();
        let now = saved_at(draft.now());
        let mut target = self.target;
        let mut copied = Copied {
            validity: target.validity,
            from: Vec::new(),
            to: Vec::new(),
        };
        for (row, mut facts, keywords) in self.rows {
            let counters = draft.counters();
            let entry = EntryId(counters.next_entry);
            counters.next_entry += 1;
            if facts.content == ContentId(0) {
                facts.content = ContentId(counters.next_content);
                counters.next_content += 1;
            }
            let uid = target.next_uid;
            target.next_uid = uid.next();
            draft.put_facts(target.id, uid, facts);
            draft.push_row(
                &mut target,
                MessageRow {
                    uid,
                    keywords,
                    change,
                    entry,
                    saved: now,
                    ..row
                },
            );
            copied.from.push(row.uid);
            copied.to.push(uid);
        }
        draft.set_mailbox(target);
        copied
    }

    pub(super) fn make_and_remove(self, draft: &mut Draft) -> Moved {
        let source = self.source.id;
        let old: Vec<_> = self.rows.iter().map(|(row, ..)| *row).collect();
        let copied = self.make(draft);
        let change = draft.next_change();
        // Read again: source and target may be one mailbox.
        let mut source = draft.mailbox(source).expect("found when the move was checked");
        for row in &old {
            draft.remove_row(&mut source, row, (change, Fate::Moved));
        }
        draft.set_mailbox(source);
        Moved { copied, change }
    }
}
