//! Undelete: which copies are gone and kept, and bringing them back.
//!
//! What was moved is not among them, nor what stands in another mailbox of the account now: COPY and then EXPUNGE is how older
//! programs move. Of several expunged copies of the same bytes the one that went last comes back. A deleted mailbox comes back whole.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use types::{BlobId, ChangeNumber, MailboxId, MailboxName, Timestamp, Uid};

use crate::account::{scan_all, scan_pieces};
use crate::kept::{Fate, Gone, Kept};
use crate::row::MailboxRow;
use crate::sequencer::submit;
use crate::verb::{Lies, Restore};
use crate::{Account, MessageRow, StoreError, key};

/// Copies that one transaction brings back.
const AT_ONCE: usize = 256;

/// A copy that can be brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The mailbox it was in, by its name now or when it was deleted.
    pub mailbox: MailboxName,
    /// The uid that it had.
    pub uid: Uid,
    /// Its size in octets.
    pub size: u32,
    /// When it was received.
    pub received: Timestamp,
    /// When it, or its mailbox, was deleted.
    pub deleted: Timestamp,
    /// Its bytes.
    pub blob: BlobId,
}

/// What an undelete has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undeleted {
    /// Messages that are back.
    pub messages: u64,
    /// Messages for which the account has no room; they can still be brought back.
    pub left: u64,
}

/// A copy that is to come back.
struct Candidate {
    row: MessageRow,
    lies: Lies,
    at: Timestamp,
}

/// All that can come back, by the mailbox it was in, in the order of the uids.
type Candidates = BTreeMap<MailboxId, (MailboxRow, Vec<Candidate>)>;

impl Account {
    /// What [`Account::undelete`] would bring back: what was deleted at a time or later.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn deleted(&self, since: Timestamp) -> Result<Vec<Deleted>, StoreError> {
        let mut deleted = Vec::new();
        for (mailbox, copies) in self.candidates(since).await?.into_values() {
            deleted.extend(copies.into_iter().map(|copy| Deleted {
                mailbox: mailbox.name.clone(),
                uid: copy.row.uid,
                size: copy.row.size,
                received: copy.row.received,
                deleted: copy.at,
                blob: copy.row.blob,
            }));
        }
        Ok(deleted)
    }

    /// Brings back what was deleted at a time or later, each into the mailbox it was in, which is made again where it is gone. A second
    /// time brings nothing.
    ///
    /// # Errors
    /// When a limit of the store is reached, or the engine fails; what is back by then stays.
    pub async fn undelete(&self, since: Timestamp) -> Result<Undeleted, StoreError> {
        // One at a time: the next one reads what this one has made durable.
        let _alone = self.shared().undeleting.lock().await;
        let mut undeleted = Undeleted::default();
        for (mailbox, copies) in self.candidates(since).await?.into_values() {
            for some in copies.chunks(AT_ONCE) {
                let wanted = some.len() as u64;
                let restore = Restore {
                    mailbox: mailbox.clone(),
                    copies: some.iter().map(|copy| (copy.row.uid, copy.lies)).collect(),
                };
                let restored = submit(self.shared(), restore).await?;
                undeleted.messages += restored.messages;
                if restored.over_quota {
                    undeleted.left += wanted.saturating_sub(restored.messages);
                }
            }
        }
        Ok(undeleted)
    }

    async fn candidates(&self, since: Timestamp) -> Result<Candidates, StoreError> {
        let (engine, partition) = (self.inner().engine(), self.inner().partition());
        let mut mailboxes = BTreeMap::new();
        for stored in scan_all(engine, partition, key::mailboxes()).await? {
            let row = key::mailbox_of(&stored.key).and_then(|id| MailboxRow::parse(id, &stored.value));
            mailboxes.extend(row.map(|row| (row.id, row)));
        }
        let (mut found, mut living) = (Vec::new(), HashSet::new());
        scan_pieces(engine, partition, key::all_messages(), &mut |stored| {
            let id = key::mailbox_of(&stored.key);
            let (Some(mailbox), Some(uid)) = (id.and_then(|id| mailboxes.get(&id)), key::uid_of(&stored.key))
            else {
                return;
            };
            let Some(row) = MessageRow::parse(uid, &stored.value) else {
                return;
            };
            let lies = Lies::InDeleted;
            match mailbox.deleted_at {
                Some(at) if at < since => return,
                Some(at) => found.push((mailbox.id, Candidate { row, lies, at })),
                None => {}
            }
            living.insert(row.blob);
        })
        .await?;
        let mut last: HashMap<BlobId, (MailboxId, Candidate)> = HashMap::new();
        scan_pieces(engine, partition, key::all_expunged(), &mut |stored| {
            let id = key::mailbox_of(&stored.key).filter(|id| mailboxes.contains_key(id));
            let (Some(id), Some((change, uid))) = (id, key::change_and_uid_of(&stored.key)) else {
                return;
            };
            if let Some(candidate) = expunged(uid, change, &stored.value)
                && candidate.at >= since
                && !living.contains(&candidate.row.blob)
            {
                keep_last(&mut last, id, candidate);
            }
        })
        .await?;
        found.extend(last.into_values());
        Ok(by_mailbox(found, &mut mailboxes))
    }
}

/// The copy of a row of the expunged, if it can come back.
fn expunged(uid: Uid, change: ChangeNumber, value: &[u8]) -> Option<Candidate> {
    let Gone::Kept(Kept { row, at, fate }) = Gone::parse(uid, value)? else {
        return None;
    };
    let lies = Lies::Expunged(change);
    (fate == Fate::Expunged).then_some(Candidate { row, lies, at })
}

fn keep_last(last: &mut HashMap<BlobId, (MailboxId, Candidate)>, mailbox: MailboxId, candidate: Candidate) {
    match last.get(&candidate.row.blob) {
        // Changes grow over the whole account.
        Some((_, later)) if later.lies >= candidate.lies => {}
        _ => drop(last.insert(candidate.row.blob, (mailbox, candidate))),
    }
}

fn by_mailbox(
    found: Vec<(MailboxId, Candidate)>,
    mailboxes: &mut BTreeMap<MailboxId, MailboxRow>,
) -> Candidates {
    let mut candidates = Candidates::new();
    for (id, candidate) in found {
        match candidates.entry(id) {
            Entry::Occupied(mut known) => known.get_mut().1.push(candidate),
            Entry::Vacant(new) => {
                if let Some(row) = mailboxes.remove(&id) {
                    new.insert((row, vec![candidate]));
                }
            }
        }
    }
    for (_, copies) in candidates.values_mut() {
        copies.sort_unstable_by_key(|copy| copy.row.uid);
    }
    candidates
}
