//! Bringing copies back that were expunged, or went with their mailbox; and letting them go when their time is over.
//!
//! They read rows from the engine. What a verb before them in the same draft has changed they do not see: see
//! [`crate::Account::undelete`] for why nothing comes back twice.

use bytes::Bytes;
use types::{ChangeNumber, EntryId, MailboxId, SystemKeyword, Timestamp, Uid};

use super::append::{check_room, saved_at};
use super::mailbox::create;
use crate::kept::{Fate, Gone, Kept};
use crate::known::KnownRow;
use crate::row::MailboxRow;
use crate::sequencer::{Draft, Subscribed, Verb};
use crate::{Keywords, MessageRow, Refusal, StoreError, key};

/// Where the row of a copy lies that is to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lies {
    /// It was expunged by a change.
    Expunged(ChangeNumber),
    /// Its mailbox is deleted.
    InDeleted,
}

/// Brings copies of one mailbox back, as many as there is room for; answers with how many.
pub(crate) struct Restore {
    /// Where they were.
    pub(crate) mailbox: MailboxRow,
    pub(crate) copies: Vec<(Uid, Lies)>,
}

/// What a restore has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restored {
    pub(crate) messages: u64,
    /// The others had no room.
    pub(crate) over_quota: bool,
}

impl Restore {
    fn key(&self, uid: Uid, lies: Lies) -> Bytes {
        match lies {
            Lies::Expunged(change) => key::expunged(self.mailbox.id, change, uid),
            Lies::InDeleted => key::message(self.mailbox.id, uid),
        }
    }

    /// The rows that are still there to be brought back.
    async fn find(&self, draft: &Draft) -> Result<Vec<(MessageRow, Lies)>, StoreError> {
        let keys: Vec<_> = self
            .copies
            .iter()
            .map(|(uid, lies)| self.key(*uid, *lies))
            .collect();
        let account = draft.account();
        let stored = account.engine().get_many(account.partition(), &keys).await?;
        let row = |((uid, lies), value): (&(Uid, Lies), Option<Bytes>)| {
            let row = match (lies, value?) {
                (Lies::InDeleted, value) => MessageRow::parse(*uid, &value)?,
                (Lies::Expunged(_), value) => match Gone::parse(*uid, &value)? {
                    Gone::Kept(Kept {
                        row,
                        fate: Fate::Expunged,
                        ..
                    }) => row,
                    _ => return None,
                },
            };
            Some((row, *lies))
        };
        Ok(self.copies.iter().zip(stored).filter_map(row).collect())
    }

    /// The mailbox they come back into: their own, the one that has its name now, or a new one.
    fn target(&self, draft: &mut Draft) -> Result<MailboxRow, StoreError> {
        if let Ok(mailbox) = draft.mailbox(self.mailbox.id) {
            return Ok(mailbox);
        }
        let name = &self.mailbox.name;
        if let Some(mailbox) = draft.by_name(name) {
            return Ok(mailbox);
        }
        let role = self.mailbox.role;
        let free = |role| !draft.all_mailboxes().iter().any(|row| row.role == Some(role));
        let role = role.filter(|role| free(*role));
        let mailbox = create(draft, name, role)?;
        draft.set_subscription(name.clone(), Subscribed::Yes);
        Ok(mailbox)
    }

    fn make(&self, draft: &mut Draft, target: &mut MailboxRow, copy: Copy) {
        let Copy {
            old,
            lies,
            facts,
            change,
        } = copy;
        let mut keywords = Keywords::of_bits(old.keywords, &self.mailbox);
        keywords.system &= !SystemKeyword::Deleted.bit();
        let (now, saved) = (draft.now(), saved_at(draft.now()));
        let counters = draft.counters();
        let entry = EntryId(counters.next_entry);
        counters.next_entry += 1;
        let uid = target.next_uid;
        target.next_uid = uid.next();
        let row = MessageRow {
            uid,
            keywords: keywords.bits_in(target),
            change,
            entry,
            saved,
            ..old
        };
        draft.put_facts(target.id, uid, facts);
        draft.push_row(target, row);
        let id = self.mailbox.id;
        match lies {
            Lies::Expunged(change) => {
                let kept = Kept {
                    row: old,
                    at: now,
                    fate: Fate::Restored,
                };
                draft
                    .batch()
                    .put(&key::expunged(id, change, old.uid), &kept.print());
            }
            Lies::InDeleted => {
                draft.batch().delete(&key::message(id, old.uid));
                draft.batch().delete(&key::facts(id, old.uid));
            }
        }
    }
}

/// A copy on its way back.
struct Copy {
    old: MessageRow,
    lies: Lies,
    facts: crate::FactsRow,
    change: ChangeNumber,
}

impl Verb for Restore {
    type Output = Restored;

    async fn apply(self, draft: &mut Draft) -> Result<Restored, StoreError> {
        let mut found = self.find(draft).await?;
        let fits = room_for(draft, &found);
        let over_quota = fits < found.len();
        found.truncate(fits);
        if found.is_empty() {
            return Ok(Restored {
                messages: 0,
                over_quota,
            });
        }
        let rows = found.iter().map(|(row, _)| *row).collect();
        let with_facts = super::copy::Copy::find_facts(draft, &self.mailbox, rows).await?;
        let mut target = self.target(draft)?;
        check_room(&target, found.len())?;
        let change = draft.next_change();
        for ((old, lies), (_, mut facts)) in found.into_iter().zip(with_facts) {
            let counters = draft.counters();
            if facts.content.0 == 0 {
                facts.content.0 = counters.next_content;
                counters.next_content += 1;
            }
            let copy = Copy {
                old,
                lies,
                facts,
                change,
            };
            self.make(draft, &mut target, copy);
        }
        let messages = fits as u64;
        draft.set_mailbox(target);
        Ok(Restored { messages, over_quota })
    }
}

/// How many of some messages the account has room for, the first ones first.
fn room_for(draft: &mut Draft, found: &[(MessageRow, Lies)]) -> usize {
    let octets = |some: &[(MessageRow, Lies)]| some.iter().map(|(row, _)| u64::from(row.size)).sum();
    let mut allowed = |count: usize| {
        let some = found.get(..count).unwrap_or_default();
        draft.check_quota(count, octets(some)).is_ok()
    };
    if allowed(found.len()) {
        return found.len();
    }
    (1..found.len()).take_while(|count| allowed(*count)).count()
}

/// A message that was expunged, by a change, and what is to be its tombstone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over {
    pub(crate) mailbox: MailboxId,
    pub(crate) change: ChangeNumber,
    pub(crate) uid: Uid,
    pub(crate) entry: EntryId,
    pub(crate) at: Timestamp,
}

/// Lets expunged messages go: tombstones stay.
pub(crate) struct Expire {
    pub(crate) gone: Vec<Over>,
    /// The keys of ids that they have from elsewhere.
    pub(crate) known: Vec<(Bytes, Uid)>,
}

impl Verb for Expire {
    type Output = ();

    async fn apply(self, draft: &mut Draft) -> Result<(), StoreError> {
        for over in self.gone {
            let key = key::expunged(over.mailbox, over.change, over.uid);
            draft.batch().put(&key, &Gone::tombstone(over.entry, over.at));
            draft.batch().delete(&key::facts(over.mailbox, over.uid));
        }
        if self.known.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = self.known.iter().map(|(key, _)| key.clone()).collect();
        let account = draft.account();
        let stored = account.engine().get_many(account.partition(), &keys).await?;
        for ((key, uid), stored) in self.known.iter().zip(stored) {
            // Another copy may have been given the id since.
            let row = stored.as_deref().and_then(KnownRow::parse);
            if row.is_some_and(|row| row.uid == *uid) && !draft.has_known(key) {
                draft.batch().delete(key);
            }
        }
        Ok(())
    }
}

/// Lets tombstones of a mailbox go, those of the first changes; its row says so.
pub(crate) struct Forget {
    pub(crate) mailbox: MailboxId,
    pub(crate) until: ChangeNumber,
    pub(crate) keys: Vec<Bytes>,
}

impl Verb for Forget {
    type Output = ();

    async fn apply(self, draft: &mut Draft) -> Result<(), StoreError> {
        let mut row = draft.mailbox(self.mailbox)?;
        row.forgotten = row.forgotten.max(self.until);
        draft.set_mailbox(row);
        for key in self.keys {
            draft.batch().delete(&key);
        }
        Ok(())
    }
}

/// Lets rows of a deleted mailbox go, its own last.
pub(crate) struct Purge {
    pub(crate) mailbox: MailboxId,
    pub(crate) keys: Vec<Bytes>,
}

impl Verb for Purge {
    type Output = ();

    async fn apply(self, draft: &mut Draft) -> Result<(), StoreError> {
        if draft.mailbox(self.mailbox).is_ok() {
            return Err(Refusal::MailboxExists.into());
        }
        for key in self.keys {
            draft.batch().delete(&key);
        }
        Ok(())
    }
}
