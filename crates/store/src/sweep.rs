//! What goes in the end: rows whose undelete time is over, and bytes that no row names. Mark and sweep; docs/decisions/0010 says why it
//! is safe beside verbs that run.
//!
//! **Invariant**: bytes are released only if no row named them at any time during the mark. In doubt nothing is released.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use engine::{BlobNumber, LocalEngine, Partition, Row};
use tokio::sync::watch;
use types::{AccountId, BlobId, MailboxId, Timestamp, Uid};

use crate::account::{scan_all, scan_pieces};
use crate::forget::{Limits, Remembered, Tally};
use crate::kept::{Gone, Kept};
use crate::known::KnownRow;
use crate::row::MailboxRow;
use crate::sequencer::{lock, submit};
use crate::verb::{Expire, Over, Purge};
use crate::{MessageRow, Refusal, Store, StoreError, key};

/// Rows that one transaction lets go.
const AT_ONCE: usize = 256;

/// Rows of a deleted mailbox that one transaction lets go.
const PURGED_AT_ONCE: usize = 1024;

/// Rows that were let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Messages that can no longer be brought back.
    pub messages: u64,
    /// Deleted mailboxes that are gone for good.
    pub mailboxes: u64,
}

/// What a sweep has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Blobs that lived.
    pub living: u64,
    /// Blobs that no row named: their bytes are garbage now.
    pub released: u64,
}

/// Blobs that batches name, while somebody wants to know.
#[derive(Default)]
pub(crate) struct Naming {
    current: Mutex<Epoch>,
    /// Held by a sweep: one at a time.
    sweeping: tokio::sync::Mutex<()>,
}

/// The batches that began between two moments.
#[derive(Default)]
struct Epoch {
    noted: Option<Arc<Mutex<Blobs>>>,
    alive: watch::Sender<()>,
}

/// What a batch holds from its beginning until its rows can be read.
pub(crate) struct Ticket {
    noted: Option<Arc<Mutex<Blobs>>>,
    _alive: watch::Receiver<()>,
}

impl Naming {
    /// For a batch that begins.
    pub(crate) fn ticket(&self) -> Ticket {
        let epoch = lock(&self.current);
        Ticket {
            noted: epoch.noted.clone(),
            _alive: epoch.alive.subscribe(),
        }
    }

    /// Has every batch noted that begins from now on, and waits for those that began before.
    async fn begin(&self) -> Arc<Mutex<Blobs>> {
        let noted = Arc::new(Mutex::new(Blobs::default()));
        let before = self.turn(Some(Arc::clone(&noted)));
        before.alive.closed().await;
        noted
    }

    /// Notes nothing any more.
    fn end(&self) {
        self.turn(None);
    }

    fn turn(&self, noted: Option<Arc<Mutex<Blobs>>>) -> Epoch {
        let new = Epoch {
            noted,
            alive: watch::Sender::default(),
        };
        std::mem::replace(&mut *lock(&self.current), new)
    }
}

impl Ticket {
    /// Notes blobs that rows of the batch name.
    pub(crate) fn note(&self, blobs: impl Iterator<Item = BlobId>) {
        if let Some(noted) = &self.noted {
            let mut noted = lock(noted);
            blobs.for_each(|blob| noted.insert(blob));
        }
    }
}

/// A set of blobs: a bit each, in pieces, since numbers are given out one after the other.
#[derive(Default)]
struct Blobs {
    pieces: HashMap<u64, Box<[u64; Self::WORDS]>>,
}

impl Blobs {
    const WORDS: usize = 128;

    fn insert(&mut self, blob: BlobId) {
        let (piece, word, bit) = Self::place(blob.0);
        let words = self
            .pieces
            .entry(piece)
            .or_insert_with(|| Box::new([0; Self::WORDS]));
        if let Some(word) = words.get_mut(word) {
            *word |= bit;
        }
    }

    fn contains(&self, blob: u64) -> bool {
        let (piece, word, bit) = Self::place(blob);
        let words = self.pieces.get(&piece);
        words
            .and_then(|words| words.get(word))
            .is_some_and(|word| word & bit != 0)
    }

    fn place(blob: u64) -> (u64, usize, u64) {
        let word = blob / 64;
        let within = usize::try_from(word % Self::WORDS as u64).unwrap_or(0);
        (word / Self::WORDS as u64, within, 1 << (blob % 64))
    }

    fn len(&self) -> u64 {
        let ones =
            |words: &[u64; Self::WORDS]| words.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        self.pieces.values().map(|words| ones(words)).sum()
    }
}

impl Store {
    /// Lets go, for good, of what was deleted longer ago than the undelete time, a few hundred rows at a time.
    ///
    /// # Errors
    /// When the engine fails; what has gone by then is gone.
    pub async fn expire(&self, engine: &LocalEngine, undelete: Duration) -> Result<Expired, StoreError> {
        self.expire_and_remember(engine, (undelete, Remembered::default()))
            .await
    }

    /// As [`Store::expire`], with what is to be remembered of what is gone.
    ///
    /// # Errors
    /// When the engine fails; what has gone by then is gone.
    pub async fn expire_and_remember(
        &self,
        engine: &LocalEngine,
        (undelete, remembered): (Duration, Remembered),
    ) -> Result<Expired, StoreError> {
        let ago = |time: Duration| {
            let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
            Timestamp(self.now().0.saturating_sub(seconds))
        };
        let limits = Limits {
            before: ago(undelete),
            forgotten: ago(undelete.saturating_add(remembered.time)),
            most: remembered.most,
        };
        let mut expired = Expired::default();
        for partition in engine.partitions()? {
            let Some(id) = Store::account_of(partition) else {
                continue;
            };
            match self.expire_account(id, &limits, &mut expired).await {
                // It is being deleted, and its rows with it.
                Ok(()) | Err(StoreError::Refused(Refusal::NoAccount)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(expired)
    }

    async fn expire_account(
        &self,
        id: AccountId,
        limits: &Limits,
        expired: &mut Expired,
    ) -> Result<(), StoreError> {
        let partition = Store::partition(id);
        let (mut over, mut tallies) = (Vec::new(), BTreeMap::<MailboxId, Tally>::new());
        scan_pieces(self.engine(), partition, key::all_expunged(), &mut |stored| {
            let (Some(mailbox), Some((change, uid))) =
                (key::mailbox_of(&stored.key), key::change_and_uid_of(&stored.key))
            else {
                return;
            };
            match Gone::parse(uid, &stored.value) {
                Some(Gone::Kept(Kept { row, at, .. })) if at < limits.before => over.push(Over {
                    mailbox,
                    change,
                    uid,
                    entry: row.entry,
                    at,
                }),
                Some(Gone::Tombstone(tombstone)) => {
                    let tally = tallies.entry(mailbox).or_default();
                    tally.count(change, &tombstone, limits.forgotten);
                }
                _ => {}
            }
        })
        .await?;
        let mut known = self.known_of_gone(partition, &over).await?;
        for some in over.chunks(AT_ONCE) {
            let gone = some.to_vec();
            let copies = gone.iter().map(|over: &Over| (over.mailbox, over.uid));
            let known = copies
                .filter_map(|copy| Some((known.remove(&copy)?, copy.1)))
                .collect();
            expired.messages += gone.len() as u64;
            submit(self.account(id).await?.shared(), Expire { gone, known }).await?;
        }
        for (mailbox, tally) in tallies {
            self.forget_tombstones(id, (mailbox, tally), limits.most).await?;
        }
        for stored in scan_all(self.engine(), partition, key::mailboxes()).await? {
            let row = key::mailbox_of(&stored.key).and_then(|id| MailboxRow::parse(id, &stored.value));
            let over = row.filter(|row| row.deleted_at.is_some_and(|at| at < limits.before));
            if let Some(mailbox) = over {
                self.purge(id, mailbox.id).await?;
                expired.mailboxes += 1;
            }
        }
        Ok(())
    }

    /// The keys of ids that expunged copies have from elsewhere.
    async fn known_of_gone(
        &self,
        partition: Partition,
        gone: &[Over],
    ) -> Result<HashMap<(MailboxId, Uid), Bytes>, StoreError> {
        let mut known = HashMap::new();
        if gone.is_empty() {
            return Ok(known);
        }
        scan_pieces(self.engine(), partition, key::all_known(), &mut |stored| {
            if let (Some(mailbox), Some(row)) = (key::mailbox_of(&stored.key), KnownRow::parse(&stored.value))
            {
                known.insert((mailbox, row.uid), stored.key);
            }
        })
        .await?;
        Ok(known)
    }

    /// Lets the rows of a deleted mailbox go. Its own goes last: until then it says what the others are.
    async fn purge(&self, id: AccountId, mailbox: MailboxId) -> Result<(), StoreError> {
        let account = self.account(id).await?;
        let none = Uid(0);
        let next = MailboxId(mailbox.0 + 1);
        let ranges = [
            key::messages_from(mailbox, none),
            key::facts(mailbox, none)..key::facts(next, none),
            key::expunged_of(mailbox),
            key::known_of(mailbox),
        ];
        for mut range in ranges {
            loop {
                let rows = self
                    .engine()
                    .scan(Store::partition(id), range.clone(), PURGED_AT_ONCE)
                    .await?;
                let Some(last) = rows.last() else { break };
                range.start = [&last.key[..], &[0]].concat().into();
                let keys = rows.into_iter().map(|row| row.key).collect();
                submit(account.shared(), Purge { mailbox, keys }).await?;
            }
        }
        let keys = vec![key::mailbox(mailbox)];
        submit(account.shared(), Purge { mailbox, keys }).await
    }

    /// Releases the bytes that no row names, if the store is sure of it: of blobs with numbers below `before`, which nobody may hold
    /// who has not given them a row yet.
    ///
    /// # Errors
    /// When the engine fails, or a row cannot be read: then nothing was released, or less than might have been.
    pub async fn release(&self, engine: &LocalEngine, before: BlobNumber) -> Result<Swept, StoreError> {
        let _alone = self.naming().sweeping.lock().await;
        let noted = self.naming().begin().await;
        let marked = self.mark(engine).await;
        let swept = match marked {
            Ok(living) => {
                let lives = |blob: BlobNumber| living.contains(blob.0) || lock(&noted).contains(blob.0);
                let released = engine.release(before, &lives).await;
                released.map(|released| Swept {
                    living: living.len(),
                    released,
                })
            }
            Err(error) => {
                self.naming().end();
                return Err(error);
            }
        };
        self.naming().end();
        Ok(swept?)
    }

    /// Every blob that a row names.
    async fn mark(&self, engine: &LocalEngine) -> Result<Blobs, StoreError> {
        let mut living = Blobs::default();
        for partition in engine.partitions()? {
            match Store::account_of(partition) {
                Some(id) => self.mark_account(id, &mut living).await?,
                None if partition == Partition::DIRECTORY => {}
                // Somebody else's rows, of whom we do not know whether they name blobs.
                None => {
                    return Err(StoreError::UnreadableRow {
                        account: partition.0,
                        table: "partition",
                    });
                }
            }
        }
        Ok(living)
    }

    async fn mark_account(&self, id: AccountId, living: &mut Blobs) -> Result<(), StoreError> {
        let partition = Store::partition(id);
        let mut unreadable = None;
        let mut look = |table: &'static str, row: Option<MessageRow>| match row {
            Some(row) => living.insert(row.blob),
            None => unreadable = Some(table),
        };
        scan_pieces(
            self.engine(),
            partition,
            key::all_messages(),
            &mut |stored: Row| {
                look("message", MessageRow::parse(Uid(0), &stored.value));
            },
        )
        .await?;
        scan_pieces(
            self.engine(),
            partition,
            key::all_expunged(),
            &mut |stored: Row| match Gone::parse(Uid(0), &stored.value) {
                Some(Gone::Kept(kept)) => look("expunged", Some(kept.row)),
                Some(Gone::Tombstone(_)) => {}
                None => look("expunged", None),
            },
        )
        .await?;
        match unreadable {
            None => Ok(()),
            Some(table) => Err(StoreError::UnreadableRow { account: id.0, table }),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_set_of_blobs_has_what_was_put_in_and_nothing_else() {
        let mut blobs = Blobs::default();
        let numbers = [0, 1, 63, 64, 8191, 8192, 1 << 40, u64::MAX];
        for number in numbers {
            assert!(!blobs.contains(number));
            blobs.insert(BlobId(number));
            blobs.insert(BlobId(number));
        }
        assert!(numbers.iter().all(|number| blobs.contains(*number)));
        assert!(
            [2, 62, 65, 8190, 8193, 1 << 39]
                .iter()
                .all(|number| !blobs.contains(*number))
        );
        assert_eq!(blobs.len(), numbers.len() as u64);
    }

    #[tokio::test]
    async fn a_sweep_waits_for_batches_that_began_before_it_and_hears_of_all_others() {
        let naming = Arc::new(Naming::default());
        let before = naming.ticket();
        let mut begin = Box::pin(naming.begin());
        assert!((&mut begin).now_or_never().is_none());
        let during = naming.ticket();
        assert!((&mut begin).now_or_never().is_none(), "one began before");
        before.note([BlobId(1)].into_iter());
        drop(before);
        let noted = begin.await;
        during.note([BlobId(2)].into_iter());
        naming.end();
        naming.ticket().note([BlobId(3)].into_iter());
        let has = |number| lock(&noted).contains(number);
        assert_eq!((has(1), has(2), has(3)), (false, true, false));
    }
}
