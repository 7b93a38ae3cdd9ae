//! Making an account whole again after a part of its history was lost: messages that no row names, then new numbers for all.
//!
//! Both verbs read rows from the engine and not from the account's state, and may be done again from anywhere: nobody has seen the
//! account in between. They leave messages where rows or expunged rows say they are.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use types::{
    BlobId, ChangeNumber, ContentId, EntryId, MailboxId, MailboxName, Octets, Role, SystemKeyword, ThreadId,
    Uid, UniqueId,
};

use super::mailbox::{FIRST, empty, next_validity};
use crate::account::{Inner, scan_all, scan_pieces};
use crate::kept::Gone;
use crate::known::KnownRow;
use crate::note::Note;
use crate::row::{FactsRow, MailboxRow};
use crate::sequencer::{Draft, Subscribed, Verb};
use crate::{MessageRow, StoreError, key};

/// Puts messages back of which there is nothing but their notes; answers with how many.
pub(crate) struct Adopt {
    pub(crate) notes: Vec<Note>,
}

/// A mailbox and the notes of messages that came into it.
struct Found {
    id: MailboxId,
    /// `None` where it is to be made again.
    row: Option<MailboxRow>,
    /// Copies of which rows tell, expunged ones too.
    entries: HashSet<EntryId>,
    /// Uids that are taken.
    uids: HashSet<Uid>,
    /// Ids that copies have from elsewhere, expunged ones too.
    known: HashSet<UniqueId>,
    notes: Vec<Note>,
}

impl Verb for Adopt {
    type Output = u64;

    async fn apply(self, draft: &mut Draft) -> Result<u64, StoreError> {
        let mut by_mailbox: BTreeMap<MailboxId, Vec<Note>> = BTreeMap::new();
        for note in self.notes {
            by_mailbox.entry(note.mailbox).or_default().push(note);
        }
        let mut found = Vec::new();
        for (id, notes) in by_mailbox {
            found.extend(Found::find(draft.account(), id, notes).await?);
        }
        Ok(found.into_iter().map(|found| found.adopt(draft)).sum())
    }
}

impl Found {
    /// What rows tell of a mailbox; `None` where nothing is to be done: it was deleted, or all its messages have rows.
    async fn find(account: &Inner, id: MailboxId, mut notes: Vec<Note>) -> Result<Option<Self>, StoreError> {
        let (engine, partition) = (account.engine(), account.partition());
        let stored = engine
            .get_many(partition, &[key::mailbox(id)])
            .await?
            .pop()
            .flatten();
        let row = stored.and_then(|stored| MailboxRow::parse(id, &stored));
        if row.as_ref().is_some_and(|row| row.deleted_at.is_some()) {
            return Ok(None);
        }
        let (mut entries, mut uids) = (HashSet::new(), HashSet::new());
        for range in [
            key::messages_from(id, Uid(0)),
            key::expunged_after(id, ChangeNumber(0)),
        ] {
            for stored in scan_all(engine, partition, range).await? {
                let Some(uid) = key::uid_of(&stored.key) else {
                    continue;
                };
                let row = MessageRow::parse(uid, &stored.value).map(|row| row.entry);
                let gone = || Some(Gone::parse(uid, &stored.value)?.entry());
                entries.extend(row.or_else(gone));
                uids.insert(uid);
            }
        }
        let forgotten = row.as_ref().map_or(ChangeNumber(0), |row| row.forgotten);
        let may_have_gone = |note: &&Note| note.row.change <= forgotten && !entries.contains(&note.row.entry);
        let blobs: HashSet<BlobId> = notes
            .iter()
            .filter(may_have_gone)
            .map(|note| note.row.blob)
            .collect();
        if !blobs.is_empty() {
            // Nobody remembers whether it was expunged here: its bytes live for another copy, to which it was moved, it may be.
            let named = named_of(account, &blobs).await?;
            notes.retain(|note| note.row.change > forgotten || !named.contains(&note.row.blob));
        }
        let mut known = HashSet::new();
        for stored in scan_all(engine, partition, key::known_of(id)).await? {
            known.extend(KnownRow::parse(&stored.value).map(|row| row.id));
        }
        notes.retain(|note| entries.insert(note.row.entry));
        Ok((!notes.is_empty()).then_some(Found {
            id,
            row,
            entries,
            uids,
            known,
            notes,
        }))
    }

    fn adopt(mut self, draft: &mut Draft) -> u64 {
        let counters = draft.counters();
        for note in &self.notes {
            counters.change = counters.change.max(note.row.change);
        }
        let highest = self.entries.iter().max().map_or(0, |entry| entry.0);
        counters.next_entry = counters.next_entry.max(highest + 1);
        let mut mailbox = match self.row.take() {
            Some(row) => row,
            None => remake(draft, self.id),
        };
        let change = draft.next_change();
        let count = self.notes.len() as u64;
        for note in self.notes {
            let free = self.uids.insert(note.row.uid);
            let uid = if free { note.row.uid } else { mailbox.next_uid };
            self.uids.insert(uid);
            mailbox.next_uid = mailbox.next_uid.max(uid.next());
            let keywords = note.keywords.bits_in(&mut mailbox);
            let row = MessageRow {
                uid,
                keywords,
                change,
                ..note.row
            };
            draft.push_row(&mut mailbox, row);
            let id = note.id.filter(|id| !draft.has_known(&key::known(mailbox.id, id)));
            if let Some(id) = id.filter(|id| !self.known.contains(id)) {
                draft.put_known(mailbox.id, uid, id);
            }
        }
        draft.set_mailbox(mailbox);
        count
    }
}

/// Those of some blobs that a row of the account names.
async fn named_of(account: &Inner, blobs: &HashSet<BlobId>) -> Result<HashSet<BlobId>, StoreError> {
    let (engine, partition) = (account.engine(), account.partition());
    let mut named = HashSet::new();
    for range in [key::all_messages(), key::all_expunged()] {
        scan_pieces(engine, partition, range, &mut |stored| {
            let gone = || match Gone::parse(Uid(0), &stored.value)? {
                Gone::Kept(kept) => Some(kept.row),
                Gone::Tombstone(_) => None,
            };
            let row = MessageRow::parse(Uid(0), &stored.value).or_else(gone);
            named.extend(row.map(|row| row.blob).filter(|blob| blobs.contains(blob)));
        })
        .await?;
    }
    Ok(named)
}

/// A mailbox of which only the number is known. The first ones of every account have numbers in their order.
fn remake(draft: &mut Draft, id: MailboxId) -> MailboxRow {
    let first = usize::try_from(id.0)
        .ok()
        .and_then(|id| FIRST.get(id.checked_sub(1)?));
    let (name, role) = first.copied().unwrap_or(("", None));
    let free = |draft: &Draft, name: &str| {
        let name = MailboxName::check(name).ok()?;
        draft.by_name(&name).is_none().then_some(name)
    };
    let (name, role): (MailboxName, Option<Role>) = match free(draft, name) {
        Some(name) => (name, role),
        None => {
            let names = (0_u64..).map(|n| match n {
                0 => format!("Salvaged-{id}"),
                n => format!("Salvaged-{id}-{n}"),
            });
            let mut names = names.filter_map(|name| free(draft, &name));
            (names.next().expect("some name is free"), None)
        }
    };
    let counters = draft.counters();
    counters.next_mailbox = counters.next_mailbox.max(id.0.saturating_add(1));
    draft.set_subscription(name.clone(), Subscribed::Yes);
    let row = empty(draft, id, name, role);
    draft.set_mailbox(row.clone());
    row
}

/// Gives every mailbox a new, higher validity, and counts that fit what is there.
pub(crate) struct Renew;

/// What an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Renewed {
    pub(crate) mailboxes: u64,
    pub(crate) messages: u64,
}

/// What the messages of a mailbox add up to.
#[derive(Clone, Copy, Default)]
struct Sums {
    messages: u32,
    unseen: u32,
    deleted: u32,
    octets: u64,
    highest: Uid,
}

impl Verb for Renew {
    type Output = Renewed;

    async fn apply(self, draft: &mut Draft) -> Result<Renewed, StoreError> {
        let (mut sums, mut without_facts) = (BTreeMap::<_, Sums>::new(), BTreeSet::new());
        let (mut change, mut entry) = (ChangeNumber(0), 0);
        let account = draft.account().clone();
        let (engine, partition) = (account.engine(), account.partition());
        scan_pieces(engine, partition, key::all_messages(), &mut |stored| {
            let (Some(mailbox), Some(uid)) = (key::mailbox_of(&stored.key), key::uid_of(&stored.key)) else {
                return;
            };
            // One that cannot be read is for a check to tell.
            let Some(row) = MessageRow::parse(uid, &stored.value) else {
                return;
            };
            sums.entry(mailbox).or_default().add(&row);
            without_facts.insert((mailbox, uid));
            change = change.max(row.change);
            entry = entry.max(row.entry.0);
        })
        .await?;
        scan_pieces(engine, partition, key::all_facts(), &mut |stored| {
            if let (Some(mailbox), Some(uid)) = (key::mailbox_of(&stored.key), key::uid_of(&stored.key)) {
                without_facts.remove(&(mailbox, uid));
            }
        })
        .await?;
        let mut mailboxes = BTreeMap::new();
        let mut last = (0, 0);
        for stored in scan_all(engine, partition, key::mailboxes()).await? {
            let Some(id) = key::mailbox_of(&stored.key) else {
                continue;
            };
            let row = MailboxRow::parse(id, &stored.value).ok_or(StoreError::UnreadableRow {
                account: account.id().0,
                table: "mailbox",
            })?;
            last = (last.0.max(id.0), last.1.max(row.validity.0));
            change = change.max(row.change);
            mailboxes.insert(id, row);
        }
        let counters = draft.counters();
        counters.change = counters.change.max(change);
        counters.next_entry = counters.next_entry.max(entry + 1);
        counters.next_mailbox = counters.next_mailbox.max(last.0.saturating_add(1));
        counters.last_validity.0 = counters.last_validity.0.max(last.1);
        let now = draft.now();
        draft.counters().leap(now);
        for id in sums.keys().filter(|id| !mailboxes.contains_key(id)) {
            remake(draft, *id);
        }
        give_facts(draft, without_facts);
        Ok(renew(draft, mailboxes, &sums))
    }
}

impl Sums {
    fn add(&mut self, row: &MessageRow) {
        self.messages += 1;
        self.unseen += u32::from(!row.has(SystemKeyword::Seen));
        self.deleted += u32::from(row.has(SystemKeyword::Deleted));
        self.octets += u64::from(row.size);
        self.highest = self.highest.max(row.uid);
    }
}

/// Messages without facts get some that say nothing: what is wanted of them is then computed from their bytes.
fn give_facts(draft: &mut Draft, messages: BTreeSet<(MailboxId, Uid)>) {
    for (mailbox, uid) in messages {
        let counters = draft.counters();
        let facts = FactsRow {
            content: ContentId(counters.next_content),
            thread: ThreadId(counters.next_thread),
            cards: Bytes::new(),
        };
        counters.next_content += 1;
        counters.next_thread += 1;
        draft.put_facts(mailbox, uid, facts);
    }
}

fn renew(
    draft: &mut Draft,
    stored: BTreeMap<MailboxId, MailboxRow>,
    sums: &BTreeMap<MailboxId, Sums>,
) -> Renewed {
    let mut renewed = Renewed::default();
    let ids: BTreeSet<_> = stored.keys().chain(sums.keys()).copied().collect();
    for id in ids {
        // Deleted ones stay as they are.
        let Ok(mut row) = draft.mailbox(id) else { continue };
        let sum = sums.get(&id).copied().unwrap_or_default();
        row.messages = sum.messages;
        row.unseen = sum.unseen;
        row.deleted = sum.deleted;
        row.octets = Octets(sum.octets);
        row.next_uid = row.next_uid.max(sum.highest.next());
        row.validity = next_validity(draft);
        row.change = draft.next_change();
        renewed.mailboxes += 1;
        renewed.messages += u64::from(sum.messages);
        draft.set_mailbox(row);
    }
    renewed
}
