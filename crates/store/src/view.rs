//! The view of a mailbox: its messages in uid order, shared by everybody who looks at it.
//!
//! A persistent sequence of chunks: a copy of a view is a copy of its spine, and a change copies one chunk.

use std::sync::Arc;

use types::{ChangeNumber, KeywordName, MailboxId, Uid, UidValidity};

use crate::MessageRow;
use crate::memory::Charge;

/// How many rows a chunk begins with; it splits when it has twice as many.
const CHUNK: usize = 512;

/// A mailbox as it was after a change. Positions count from 1 (RFC 3501 §2.3.1.2).
#[derive(Clone, Debug)]
pub struct View {
    mailbox: MailboxId,
    validity: UidValidity,
    next_uid: Uid,
    change: ChangeNumber,
    keywords: Arc<[KeywordName]>,
    chunks: Vec<Arc<Chunk>>,
    /// How many rows stand before each chunk; one more entry holds the number of all.
    before: Vec<usize>,
    /// The memory that it takes, shared with the views that it becomes.
    charge: Option<Arc<Charge>>,
}

#[derive(Clone, Debug, Default)]
struct Chunk {
    rows: Vec<MessageRow>,
    /// No row of the chunk changed later.
    last_change: ChangeNumber,
}

/// What a commit does to a view.
#[derive(Clone, Debug)]
pub(crate) enum ViewChange {
    /// A new message: its uid is higher than all.
    Push(MessageRow),
    /// Other keywords.
    Set(MessageRow),
    /// Gone.
    Remove(Uid),
}

/// Rows on their way into a view, in uid order: no more of them lie anywhere twice than a chunk.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    chunks: Vec<Arc<Chunk>>,
    last: Vec<MessageRow>,
}

impl Rows {
    pub(crate) fn push(&mut self, row: MessageRow) {
        if self.last.is_empty() {
            self.last.reserve_exact(CHUNK);
        }
        self.last.push(row);
        if self.last.len() == CHUNK {
            self.close();
        }
    }

    fn close(&mut self) {
        let rows = std::mem::take(&mut self.last);
        if !rows.is_empty() {
            self.chunks.push(Arc::new(Chunk::new(rows)));
        }
    }
}

impl View {
    pub(crate) fn new(mailbox: &crate::row::MailboxRow, mut rows: Rows, charge: Option<Charge>) -> Self {
        rows.close();
        let chunks = rows.chunks;
        let mut view = View {
            mailbox: mailbox.id,
            validity: mailbox.validity,
            next_uid: mailbox.next_uid,
            change: mailbox.change,
            keywords: mailbox.keywords.clone().into(),
            chunks,
            before: Vec::new(),
            charge: charge.map(Arc::new),
        };
        view.count();
        view
    }

    /// The view of a mailbox that is just being created.
    pub(crate) fn empty(mailbox: MailboxId) -> Self {
        View {
            mailbox,
            validity: UidValidity(0),
            next_uid: Uid::FIRST,
            change: ChangeNumber(0),
            keywords: Arc::new([]),
            chunks: Vec::new(),
            before: vec![0],
            charge: None,
        }
    }

    /// Of which mailbox.
    #[must_use]
    pub fn mailbox(&self) -> MailboxId {
        self.mailbox
    }

    /// The mailbox's uid validity.
    #[must_use]
    pub fn validity(&self) -> UidValidity {
        self.validity
    }

    /// The uid that the next message will get.
    #[must_use]
    pub fn next_uid(&self) -> Uid {
        self.next_uid
    }

    /// The last change that the view shows.
    #[must_use]
    pub fn change(&self) -> ChangeNumber {
        self.change
    }

    /// The mailbox's own keywords, in the order of their bits, of which the first is
    /// [`types::SystemKeyword::COUNT`].
    #[must_use]
    pub fn keywords(&self) -> &Arc<[KeywordName]> {
        &self.keywords
    }

    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.before.last().copied().unwrap_or(0)
    }

    /// Whether there is no message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The message at a position from 1 on.
    #[must_use]
    pub fn at(&self, position: usize) -> Option<&MessageRow> {
        let index = position.checked_sub(1)?;
        let chunk = self
            .before
            .partition_point(|before| *before <= index)
            .checked_sub(1)?;
        self.chunks.get(chunk)?.rows.get(index - self.before.get(chunk)?)
    }

    /// The message with a uid.
    #[must_use]
    pub fn find(&self, uid: Uid) -> Option<&MessageRow> {
        self.at(self.position(uid)?)
    }

    /// The position, from 1 on, of a uid.
    #[must_use]
    pub fn position(&self, uid: Uid) -> Option<usize> {
        let position = self.rank(uid) + 1;
        self.at(position).filter(|row| row.uid == uid).map(|_| position)
    }

    /// How many messages have a lower uid.
    #[must_use]
    pub fn rank(&self, uid: Uid) -> usize {
        let Some((index, chunk)) = self.chunk_of(uid) else {
            return self.len();
        };
        self.before.get(index).copied().unwrap_or(0) + chunk.rows.partition_point(|row| row.uid < uid)
    }

    /// All messages with their positions, in order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &MessageRow)> {
        self.chunks
            .iter()
            .flat_map(|chunk| &chunk.rows)
            .enumerate()
            .map(|(index, row)| (index + 1, row))
    }

    /// The messages at the positions `first..=last`, with their positions.
    pub fn positions(&self, first: usize, last: usize) -> impl Iterator<Item = (usize, &MessageRow)> {
        let skip = first.max(1) - 1;
        let chunk = self
            .before
            .partition_point(|before| *before <= skip)
            .saturating_sub(1);
        let before = self.before.get(chunk).copied().unwrap_or(0);
        let rows = self
            .chunks
            .get(chunk..)
            .unwrap_or_default()
            .iter()
            .flat_map(|chunk| &chunk.rows);
        let numbered = rows
            .enumerate()
            .map(move |(index, row)| (before + index + 1, row));
        numbered
            .skip(skip - before.min(skip))
            .take_while(move |(position, _)| *position <= last)
    }

    /// The messages with the uids `first..=last`, with their positions.
    pub fn uids(&self, first: Uid, last: Uid) -> impl Iterator<Item = (usize, &MessageRow)> {
        self.positions(self.rank(first) + 1, usize::MAX)
            .take_while(move |(_, row)| row.uid <= last)
    }

    /// The messages that arrived or changed after a change, with their positions.
    pub fn changed_since(&self, change: ChangeNumber) -> impl Iterator<Item = (usize, &MessageRow)> {
        let chunks = self
            .chunks
            .iter()
            .zip(&self.before)
            .filter(move |(c, _)| c.last_change > change);
        chunks
            .flat_map(|(chunk, before)| {
                chunk
                    .rows
                    .iter()
                    .enumerate()
                    .map(move |(index, row)| (before + index + 1, row))
            })
            .filter(move |(_, row)| row.change > change)
    }

    /// Whether it knows all that a mailbox's row says of it.
    pub(crate) fn shows(&self, mailbox: &crate::row::MailboxRow) -> bool {
        self.change == mailbox.change && self.keywords.len() == mailbox.keywords.len()
    }

    /// Makes it the view after a commit.
    pub(crate) fn apply(&mut self, mailbox: &crate::row::MailboxRow, changes: &[ViewChange]) {
        let (mut gone, mut new) = (Vec::new(), 0);
        for change in changes {
            match change {
                ViewChange::Push(row) => {
                    self.push(*row);
                    new += 1;
                }
                ViewChange::Set(row) => self.set(*row),
                ViewChange::Remove(uid) => gone.push(*uid),
            }
        }
        self.remove(&mut gone);
        if let Some(charge) = self.charge.as_ref().filter(|_| new > 0) {
            charge.grow(new);
        }
        self.next_uid = mailbox.next_uid;
        self.change = mailbox.change;
        if self.keywords.len() != mailbox.keywords.len() {
            self.keywords = mailbox.keywords.clone().into();
        }
        self.count();
    }

    fn push(&mut self, row: MessageRow) {
        match self.chunks.last_mut().filter(|chunk| chunk.rows.len() < CHUNK) {
            Some(last) => {
                let last = Arc::make_mut(last);
                last.last_change = last.last_change.max(row.change);
                last.rows.push(row);
            }
            None => self.chunks.push(Arc::new(Chunk::new(vec![row]))),
        }
    }

    fn set(&mut self, row: MessageRow) {
        let Some((index, _)) = self.chunk_of(row.uid) else {
            return;
        };
        let Some(chunk) = self.chunks.get_mut(index).map(Arc::make_mut) else {
            return;
        };
        let at = chunk.rows.partition_point(|other| other.uid < row.uid);
        if let Some(old) = chunk.rows.get_mut(at).filter(|old| old.uid == row.uid) {
            *old = row;
            chunk.last_change = chunk.last_change.max(row.change);
        }
    }

    fn remove(&mut self, gone: &mut [Uid]) {
        gone.sort_unstable();
        let mut rest = &*gone;
        while let Some((first, _)) = rest.split_first() {
            let Some((index, chunk)) = self.chunk_of(*first) else {
                return;
            };
            let last = chunk.rows.last().map_or(*first, |row| row.uid);
            let (here, later) = rest.split_at(rest.partition_point(|uid| *uid <= last));
            if let Some(chunk) = self.chunks.get_mut(index) {
                Arc::make_mut(chunk)
                    .rows
                    .retain(|row| here.binary_search(&row.uid).is_err());
            }
            if self.chunks.get(index).is_some_and(|chunk| chunk.rows.is_empty()) {
                self.chunks.remove(index);
            }
            rest = later;
        }
    }

    /// The first chunk whose last uid is not below `uid`.
    fn chunk_of(&self, uid: Uid) -> Option<(usize, &Chunk)> {
        let index = self
            .chunks
            .partition_point(|chunk| chunk.rows.last().is_none_or(|row| row.uid < uid));
        self.chunks.get(index).map(|chunk| (index, &**chunk))
    }

    fn count(&mut self) {
        let lengths = self.chunks.iter().scan(0, |sum, chunk| {
            *sum += chunk.rows.len();
            Some(*sum)
        });
        self.before = std::iter::once(0).chain(lengths).collect();
    }
}

impl Chunk {
    fn new(mut rows: Vec<MessageRow>) -> Self {
        let last_change = rows.iter().map(|row| row.change).max().unwrap_or_default();
        rows.shrink_to_fit();
        Chunk { rows, last_change }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::MailboxRow;
    use types::{BlobId, EntryId, MailboxName, Octets, Timestamp};

    fn rows_of(rows: impl IntoIterator<Item = MessageRow>) -> Rows {
        let mut into = Rows::default();
        rows.into_iter().for_each(|row| into.push(row));
        into
    }

    fn row(uid: u32, change: u64) -> MessageRow {
        MessageRow {
            uid: Uid(uid),
            size: 1,
            keywords: 0,
            change: ChangeNumber(change),
            received: Timestamp(0),
            entry: EntryId(uid.into()),
            blob: BlobId(1),
            saved: 0,
            form: crate::TextForm::Encoded,
        }
    }

    fn mailbox(next_uid: u32, change: u64) -> MailboxRow {
        MailboxRow {
            id: MailboxId(1),
            name: MailboxName::inbox(),
            role: None,
            validity: UidValidity(1),
            next_uid: Uid(next_uid),
            change: ChangeNumber(change),
            messages: 0,
            unseen: 0,
            deleted: 0,
            octets: Octets(0),
            recent: Uid(1),
            deleted_at: None,
            forgotten: ChangeNumber(0),
            keywords: Vec::new(),
        }
    }

    #[test]
    fn positions_follow_the_uids_over_many_chunks() {
        let rows: Vec<_> = (1..=2000).map(|n| row(n * 2, 1)).collect();
        let view = View::new(&mailbox(4001, 1), rows_of(rows), None);
        assert_eq!(view.len(), 2000);
        for position in [1, 512, 513, 1024, 1025, 2000] {
            let uid = view.at(position).unwrap().uid;
            assert_eq!(uid, Uid(u32::try_from(position).unwrap() * 2));
            assert_eq!(view.position(uid), Some(position));
            assert_eq!(view.position(Uid(uid.0 + 1)), None);
        }
        assert!(view.at(0).is_none() && view.at(2001).is_none());
        let some: Vec<_> = view.positions(511, 514).map(|(p, r)| (p, r.uid.0)).collect();
        assert_eq!(some, [(511, 1022), (512, 1024), (513, 1026), (514, 1028)]);
        let some: Vec<_> = view.uids(Uid(1023), Uid(1027)).map(|(p, _)| p).collect();
        assert_eq!(some, [512, 513]);
        assert_eq!(view.uids(Uid(5000), Uid(6000)).count(), 0);
    }

    #[test]
    fn an_old_view_stays_as_it_was() {
        let rows: Vec<_> = (1..=1500).map(|n| row(n, 1)).collect();
        let old = View::new(&mailbox(1501, 1), rows_of(rows), None);
        let mut new = old.clone();
        let changes = [
            ViewChange::Remove(Uid(1500)),
            ViewChange::Remove(Uid(1)),
            ViewChange::Remove(Uid(600)),
            ViewChange::Set(MessageRow {
                keywords: 1,
                ..row(700, 2)
            }),
            ViewChange::Push(row(1501, 2)),
        ];
        new.apply(&mailbox(1502, 2), &changes);
        assert_eq!((old.len(), new.len()), (1500, 1498));
        assert_eq!(old.find(Uid(700)).unwrap().keywords, 0);
        assert_eq!(new.find(Uid(700)).unwrap().keywords, 1);
        assert_eq!(new.position(Uid(700)), Some(698));
        let changed: Vec<_> = new
            .changed_since(ChangeNumber(1))
            .map(|(p, r)| (p, r.uid.0))
            .collect();
        assert_eq!(changed, [(698, 700), (1498, 1501)]);
    }

    #[test]
    fn a_view_may_become_empty_and_grow_again() {
        let mut view = View::new(&mailbox(2, 1), rows_of([row(1, 1)]), None);
        view.apply(&mailbox(2, 2), &[ViewChange::Remove(Uid(1))]);
        assert!(view.is_empty() && view.at(1).is_none() && view.rank(Uid(9)) == 0);
        view.apply(&mailbox(3, 3), &[ViewChange::Push(row(2, 3))]);
        assert_eq!(view.position(Uid(2)), Some(1));
    }
}
