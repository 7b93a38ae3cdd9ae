//! Ids that copies have brought from elsewhere, by which clients know them there (RFC 1939 §7): a row for each such copy, and nothing for
//! all others, whose ids are their own.
//!
//! A row is found by its id, so that an id is given to one living copy of a mailbox only; it names the copy by its uid. It stays when the
//! copy is expunged, and goes when the undelete time is over, or when the id is given again.

use std::collections::{HashMap, HashSet};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use types::{EntryId, MailboxId, Timestamp, Uid, UniqueId};

use crate::account::scan_pieces;
use crate::sequencer::Draft;
use crate::{Account, StoreError, key};

/// The first octet of a row: the only form there is.
const VERSION: u8 = 1;

/// How far ahead of our clock another server's may be whose own ids are believed.
const AHEAD: i64 = 86_400;

/// An id and the copy that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownRow {
    pub(crate) uid: Uid,
    pub(crate) id: UniqueId,
}

impl KnownRow {
    pub(crate) fn print(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(5 + self.id.as_str().len());
        out.put_u8(VERSION);
        out.put_u32_le(self.uid.0);
        out.put_slice(self.id.as_str().as_bytes());
        out.freeze()
    }

    pub(crate) fn parse(mut value: &[u8]) -> Option<Self> {
        if value.len() < 6 || value.get_u8() != VERSION {
            return None;
        }
        let uid = Uid(value.get_u32_le());
        let id = UniqueId::check(std::str::from_utf8(value).ok()?).ok()?;
        Some(KnownRow { uid, id })
    }
}

impl Account {
    /// The ids that copies in a mailbox have brought from elsewhere. The others have their own.
    ///
    /// # Errors
    /// When the engine fails. A row that cannot be read is for a check to tell.
    pub async fn known_ids(&self, mailbox: MailboxId) -> Result<HashMap<Uid, UniqueId>, StoreError> {
        let mut known = HashMap::new();
        let (engine, partition) = (self.inner().engine(), self.inner().partition());
        scan_pieces(engine, partition, key::known_of(mailbox), &mut |row| {
            known.extend(KnownRow::parse(&row.value).map(|row| (row.uid, row.id)));
        })
        .await?;
        Ok(known)
    }
}

/// Ids that copies on their way into a mailbox may have.
pub(crate) struct FreeIds {
    /// For each copy its id, where it has brought one that no other has.
    pub(crate) ids: Vec<Option<UniqueId>>,
    /// The highest copy whose own id is among them, and which is not there yet.
    highest: Option<EntryId>,
}

impl FreeIds {
    /// Looks which of some ids can be given in a mailbox. Changes nothing.
    pub(crate) async fn find(
        draft: &Draft,
        mailbox: MailboxId,
        wanted: Vec<Option<UniqueId>>,
    ) -> Result<Self, StoreError> {
        let mut free = FreeIds {
            ids: wanted,
            highest: None,
        };
        if free.ids.iter().all(Option::is_none) {
            return Ok(free);
        }
        let taken = taken(draft, mailbox, free.ids.iter().flatten()).await?;
        let limit = last_own_id(draft.now());
        let next = draft.next_entry();
        let mut seen = HashSet::new();
        for wanted in &mut free.ids {
            let Some(id) = wanted else { continue };
            let own = id.own();
            let is_free = !taken.contains(id) && own.is_none_or(|own| own <= limit);
            if !is_free || !seen.insert(id.clone()) {
                *wanted = None;
                continue;
            }
            free.highest = free.highest.max(own.filter(|own| *own >= next));
        }
        Ok(free)
    }

    /// Gives none of the numbers out any more whose ids are taken now.
    pub(crate) fn take(&self, draft: &mut Draft) {
        if let Some(highest) = self.highest {
            let counters = draft.counters();
            counters.next_entry = counters.next_entry.max(highest.0 + 1);
        }
    }
}

/// The last copy that any server can have numbered by now: see [`crate::row::Counters::first`].
fn last_own_id(now: Timestamp) -> EntryId {
    let seconds = now.0.saturating_add(AHEAD).max(0);
    EntryId(u64::from(u32::try_from(seconds).unwrap_or(u32::MAX)) << 16)
}

/// Those of some ids that living copies in a mailbox have.
async fn taken(
    draft: &Draft,
    mailbox: MailboxId,
    ids: impl Iterator<Item = &UniqueId>,
) -> Result<HashSet<UniqueId>, StoreError> {
    let ids: Vec<&UniqueId> = ids.collect();
    let keys: Vec<Bytes> = ids.iter().map(|id| key::known(mailbox, id)).collect();
    let account = draft.account();
    let stored = account.engine().get_many(account.partition(), &keys).await?;
    let mut taken = HashSet::new();
    for ((id, key), stored) in ids.iter().zip(&keys).zip(stored) {
        // Another id may have the same hash: then this one is not given.
        let row = stored.as_deref().and_then(KnownRow::parse);
        let lives = match row {
            Some(row) => !draft.rows(mailbox, &[row.uid]).await?.is_empty(),
            None => false,
        };
        if lives || draft.has_known(key) {
            taken.insert((*id).clone());
        }
    }
    let next = draft.next_entry();
    let own: HashMap<EntryId, &UniqueId> = ids
        .iter()
        .filter_map(|id| Some((id.own()?, *id)))
        .filter(|(own, _)| *own < next)
        .collect();
    if !own.is_empty() {
        let living = draft.all_rows(mailbox).await?;
        taken.extend(
            living
                .iter()
                .filter_map(|row| own.get(&row.entry).map(|id| (*id).clone())),
        );
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_parse_back_and_what_is_cut_or_of_another_form_does_not() {
        let row = KnownRow {
            uid: Uid(0x0102_0304),
            id: UniqueId::check("x!~").unwrap(),
        };
        let printed = row.print();
        assert_eq!(KnownRow::parse(&printed), Some(row));
        assert_eq!(KnownRow::parse(&printed[..5]), None);
        let mut other = printed.to_vec();
        other[0] = 2;
        assert_eq!(KnownRow::parse(&other), None);
    }
}
