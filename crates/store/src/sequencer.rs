//! One sequencer an account: it turns all the verbs that wait into one batch, in order.
//!
//! A verb first finds what it needs and may then refuse; only after that does it change the draft, so a
//! refused verb leaves nothing behind. A batch that the engine does not take changes nothing in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, MutexGuard, PoisonError};

use bytes::Bytes;
use engine::{Batch, EngineError};
use tokio::sync::oneshot;
use types::{
    ChangeNumber, EntryId, MailboxId, MailboxName, Octets, SystemKeyword, ThreadId, Timestamp, Uid, UniqueId,
};

use crate::account::Inner;
use crate::kept::{Fate, Kept};
use crate::known::KnownRow;
use crate::pool::Reserved;
use crate::row::{Counters, FactsRow, MailboxRow};
use crate::state::{Quota, Usage};
use crate::sweep::Ticket;
use crate::view::ViewChange;
use crate::{MessageRow, Refusal, StoreError, key};

/// How many verbs one batch takes at most: bounds how long the first waits for the last.
const MAX_VERBS: usize = 256;

/// How many rows are asked of the engine at once.
const ROWS_AT_ONCE: usize = 256;

/// One change of an account, as one transaction.
pub(crate) trait Verb: Send + 'static {
    /// What the caller learns when it is durable.
    type Output: Send + 'static;

    /// Finds, checks, then changes the draft.
    fn apply(self, draft: &mut Draft) -> impl Future<Output = Result<Self::Output, StoreError>> + Send;
}

type Settle = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A verb that waits, whatever its type.
trait Waiting: Send {
    fn run<'a>(self: Box<Self>, draft: &'a mut Draft) -> Pin<Box<dyn Future<Output = Settle> + Send + 'a>>;
}

struct Asked<V: Verb> {
    verb: V,
    reply: oneshot::Sender<Result<V::Output, StoreError>>,
}

impl<V: Verb> Waiting for Asked<V> {
    fn run<'a>(self: Box<Self>, draft: &'a mut Draft) -> Pin<Box<dyn Future<Output = Settle> + Send + 'a>> {
        Box::pin(async move {
            let before = draft.extent();
            let outcome = match draft.living() {
                Ok(()) => self.verb.apply(draft).await,
                Err(refusal) => Err(refusal.into()),
            };
            let reply = self.reply;
            // Who only read, or was refused, does not care whether the others' changes could be written.
            let changed = outcome.is_ok() && before != draft.extent();
            let settle: Settle = Box::new(move |committed| {
                // Whoever asked may have gone; the change stands all the same.
                let _ = reply.send(if changed { committed.and(outcome) } else { outcome });
            });
            settle
        })
    }
}

/// The verbs that wait for the sequencer of an account.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Vec<Box<dyn Waiting>>,
    running: bool,
}

/// Hands a verb to the account's sequencer and waits until it is durable or refused.
pub(crate) async fn submit<V: Verb>(account: &Arc<Inner>, verb: V) -> Result<V::Output, StoreError> {
    let (reply, answer) = oneshot::channel();
    let start = {
        let mut queue = account.queue();
        queue.waiting.push(Box::new(Asked { verb, reply }));
        !std::mem::replace(&mut queue.running, true)
    };
    if start {
        tokio::spawn(drive(Arc::clone(account)));
    }
    answer
        .await
        .unwrap_or(Err(StoreError::Failed(EngineError::Closed)))
}

/// Lets the next verb start a new driver when this one has panicked.
struct Driving(Arc<Inner>);

impl Drop for Driving {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut queue = self.0.queue();
            queue.running = false;
            queue.waiting.clear();
        }
    }
}

async fn drive(account: Arc<Inner>) {
    let driving = Driving(account);
    while let Some(verbs) = take(&driving.0) {
        let mut draft = Draft::new(Arc::clone(&driving.0));
        let mut settles = Vec::with_capacity(verbs.len());
        for verb in verbs {
            settles.push(verb.run(&mut draft).await);
        }
        let committed = draft.commit().await.map_err(StoreError::Failed);
        for settle in settles {
            settle(committed.clone());
        }
    }
}

fn take(account: &Inner) -> Option<Vec<Box<dyn Waiting>>> {
    let mut queue = account.queue();
    if queue.waiting.is_empty() {
        queue.running = false;
        return None;
    }
    let some = queue.waiting.len().min(MAX_VERBS);
    Some(queue.waiting.drain(..some).collect())
}

/// The account as it will be when the batch is durable.
pub(crate) struct Draft {
    account: Arc<Inner>,
    batch: Batch,
    counters: Counters,
    mailboxes: BTreeMap<MailboxId, MailboxRow>,
    rows: HashMap<(MailboxId, Uid), Option<MessageRow>>,
    facts: HashMap<(MailboxId, Uid), FactsRow>,
    threads: HashMap<u64, ThreadId>,
    views: BTreeMap<MailboxId, Vec<ViewChange>>,
    subscriptions: Vec<(MailboxName, Subscribed)>,
    /// Keys of ids that copies have brought from elsewhere.
    known: HashSet<Bytes>,
    /// How often a mailbox's row was set.
    settings: usize,
    /// Room for what it adds, in what the account shares with others.
    reserved: Option<Reserved>,
    /// The account ends with this draft.
    ends: bool,
    /// Held until the batch's rows can be read.
    ticket: Ticket,
}

/// Whether a name is in the list of subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscribed {
    Yes,
    No,
}

impl Draft {
    fn new(account: Arc<Inner>) -> Self {
        let counters = account.state().counters;
        Draft {
            batch: Batch::new(account.partition()),
            counters,
            mailboxes: BTreeMap::new(),
            rows: HashMap::new(),
            facts: HashMap::new(),
            threads: HashMap::new(),
            views: BTreeMap::new(),
            subscriptions: Vec::new(),
            known: HashSet::new(),
            settings: 0,
            reserved: None,
            ends: false,
            ticket: account.naming.ticket(),
            account,
        }
    }

    pub(crate) fn account(&self) -> &Arc<Inner> {
        &self.account
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.account.now()
    }

    pub(crate) fn counters(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// The number of the next copy.
    pub(crate) fn next_entry(&self) -> EntryId {
        EntryId(self.counters.next_entry)
    }

    pub(crate) fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Refuses when the account has ended, or will with this draft.
    fn living(&self) -> Result<(), Refusal> {
        match self.ends {
            true => Err(Refusal::NoAccount),
            false => self.account.state().living(),
        }
    }

    /// Ends the account when this draft is durable.
    pub(crate) fn end(&mut self) {
        self.ends = true;
    }

    /// Grows with everything that a verb changes.
    fn extent(&self) -> (usize, Counters, usize) {
        (self.batch.octets(), self.counters, self.settings)
    }

    /// The number of the change that a verb makes.
    pub(crate) fn next_change(&mut self) -> ChangeNumber {
        self.counters.change.0 += 1;
        self.counters.change
    }

    /// A mailbox that is there.
    pub(crate) fn mailbox(&self, id: MailboxId) -> Result<MailboxRow, Refusal> {
        let here = self.mailboxes.get(&id).cloned();
        let row = here.or_else(|| self.account.state().mailboxes.get(&id).cloned());
        row.filter(|row| row.deleted_at.is_none())
            .ok_or(Refusal::NoMailbox)
    }

    /// The mailboxes that are there, in no order.
    pub(crate) fn all_mailboxes(&self) -> Vec<MailboxRow> {
        let state = self.account.state();
        let old = state
            .mailboxes
            .values()
            .filter(|row| !self.mailboxes.contains_key(&row.id));
        old.chain(self.mailboxes.values().filter(|row| row.deleted_at.is_none()))
            .cloned()
            .collect()
    }

    /// Refuses when so many messages more, of so many octets together, are more than the account may hold.
    /// There may be room for it alone, and not in what the account shares with others; there it is kept free until the draft ends.
    pub(crate) fn check_quota(&mut self, messages: usize, octets: u64) -> Result<(), Refusal> {
        let (quota, pool) = {
            let state = self.account.state();
            (state.quota, state.pool.clone())
        };
        if quota == Quota::default() && pool.is_none() {
            return Ok(());
        }
        let more = Usage {
            octets: Octets(octets),
            messages: messages as u64,
        };
        let usage = Usage::of(self.all_mailboxes().iter()).and(more);
        if !quota.allows(usage) {
            return Err(Refusal::OverQuota);
        }
        let Some(pool) = pool else { return Ok(()) };
        // What verbs before this one have freed is not free before it is committed, but may be filled by the same commit.
        let held = Usage::of(self.account.state().mailboxes.values());
        pool.reserve(&mut self.reserved, usage.less(held))
    }

    pub(crate) fn by_name(&self, name: &MailboxName) -> Option<MailboxRow> {
        let here = self
            .mailboxes
            .values()
            .find(|row| row.deleted_at.is_none() && row.name == *name);
        if let Some(row) = here {
            return Some(row.clone());
        }
        let state = self.account.state();
        let id = state
            .names
            .get(name)
            .filter(|id| !self.mailboxes.contains_key(id))?;
        state.mailboxes.get(id).cloned()
    }

    /// Puts a mailbox's changed row into the draft.
    pub(crate) fn set_mailbox(&mut self, row: MailboxRow) {
        self.settings += 1;
        self.mailboxes.insert(row.id, row);
    }

    pub(crate) fn set_subscription(&mut self, name: MailboxName, subscribed: Subscribed) {
        let key = key::subscription(&name);
        match subscribed {
            Subscribed::Yes => self.batch.put(&key, name.as_str().as_bytes()),
            Subscribed::No => self.batch.delete(&key),
        }
        self.subscriptions.push((name, subscribed));
    }

    /// The rows of those uids that are there, in order.
    pub(crate) async fn rows(&self, mailbox: MailboxId, uids: &[Uid]) -> Result<Vec<MessageRow>, StoreError> {
        let view = self.account.load_view(mailbox).await?;
        let find = |uid: &Uid| match self.rows.get(&(mailbox, *uid)) {
            Some(row) => *row,
            None => view.find(*uid).copied(),
        };
        Ok(uids.iter().filter_map(find).collect())
    }

    /// All rows with the deleted mark.
    pub(crate) async fn deleted_rows(&self, mailbox: MailboxId) -> Result<Vec<MessageRow>, StoreError> {
        let rows = self.all_rows(mailbox).await?;
        Ok(rows
            .into_iter()
            .filter(|row| row.has(SystemKeyword::Deleted))
            .collect())
    }

    /// All rows of a mailbox in order, those of this draft included.
    pub(crate) async fn all_rows(&self, mailbox: MailboxId) -> Result<Vec<MessageRow>, StoreError> {
        let view = self.account.load_view(mailbox).await?;
        let now = |row: &MessageRow| match self.rows.get(&(mailbox, row.uid)) {
            Some(changed) => *changed,
            None => Some(*row),
        };
        let mut rows: Vec<_> = view.iter().filter_map(|(_, row)| now(row)).collect();
        let new = self
            .rows
            .iter()
            .filter(|((id, uid), _)| *id == mailbox && *uid >= view.next_uid());
        let before = rows.len();
        rows.extend(new.filter_map(|(_, row)| *row));
        rows.get_mut(before..)
            .unwrap_or_default()
            .sort_unstable_by_key(|row| row.uid);
        Ok(rows)
    }

    /// Adds a message to a mailbox.
    pub(crate) fn push_row(&mut self, mailbox: &mut MailboxRow, row: MessageRow) {
        mailbox.messages += 1;
        mailbox.octets.0 += u64::from(row.size);
        mailbox.unseen += u32::from(!row.has(SystemKeyword::Seen));
        mailbox.deleted += u32::from(row.has(SystemKeyword::Deleted));
        mailbox.change = row.change;
        self.put_row(mailbox.id, row);
        self.views
            .entry(mailbox.id)
            .or_default()
            .push(ViewChange::Push(row));
    }

    /// Gives a message other keywords.
    pub(crate) fn replace_row(&mut self, mailbox: &mut MailboxRow, old: &MessageRow, new: MessageRow) {
        let moved =
            |count: u32, before: bool, after: bool| count.saturating_sub(before.into()) + u32::from(after);
        let (seen, deleted) = (SystemKeyword::Seen, SystemKeyword::Deleted);
        mailbox.unseen = moved(mailbox.unseen, !old.has(seen), !new.has(seen));
        mailbox.deleted = moved(mailbox.deleted, old.has(deleted), new.has(deleted));
        mailbox.change = new.change;
        self.put_row(mailbox.id, new);
        self.views
            .entry(mailbox.id)
            .or_default()
            .push(ViewChange::Set(new));
    }

    /// Hides a message from the change on. Its facts and its old row stay for undelete.
    pub(crate) fn remove_row(
        &mut self,
        mailbox: &mut MailboxRow,
        row: &MessageRow,
        (change, fate): (ChangeNumber, Fate),
    ) {
        // Saturating: a count that damage has made wrong must not become four thousand million.
        let less = |count: u32, by: bool| count.saturating_sub(by.into());
        mailbox.messages = less(mailbox.messages, true);
        mailbox.octets.0 = mailbox.octets.0.saturating_sub(row.size.into());
        mailbox.unseen = less(mailbox.unseen, !row.has(SystemKeyword::Seen));
        mailbox.deleted = less(mailbox.deleted, row.has(SystemKeyword::Deleted));
        mailbox.change = change;
        self.rows.insert((mailbox.id, row.uid), None);
        self.batch.delete(&key::message(mailbox.id, row.uid));
        let (row, at) = (*row, self.now());
        let kept = Kept { row, at, fate };
        self.batch
            .put(&key::expunged(mailbox.id, change, row.uid), &kept.print());
        self.views
            .entry(mailbox.id)
            .or_default()
            .push(ViewChange::Remove(row.uid));
    }

    pub(crate) fn put_facts(&mut self, mailbox: MailboxId, uid: Uid, facts: FactsRow) {
        self.batch.put(&key::facts(mailbox, uid), &facts.print());
        self.facts.insert((mailbox, uid), facts);
    }

    /// The facts of messages, those of this draft included; `None` where there are none.
    pub(crate) async fn facts(
        &self,
        mailbox: MailboxId,
        rows: &[MessageRow],
    ) -> Result<Vec<Option<FactsRow>>, StoreError> {
        let mut found = Vec::with_capacity(rows.len());
        for some in rows.chunks(ROWS_AT_ONCE) {
            let keys: Vec<_> = some.iter().map(|row| key::facts(mailbox, row.uid)).collect();
            let stored = self
                .account
                .engine()
                .get_many(self.account.partition(), &keys)
                .await?;
            for (row, stored) in some.iter().zip(stored) {
                let new = self.facts.get(&(mailbox, row.uid)).cloned();
                found.push(new.or_else(|| FactsRow::parse(&stored?)));
            }
        }
        Ok(found)
    }

    /// Gives a copy the id that it has brought from elsewhere.
    pub(crate) fn put_known(&mut self, mailbox: MailboxId, uid: Uid, id: UniqueId) {
        let key = key::known(mailbox, &id);
        self.batch.put(&key, &KnownRow { uid, id }.print());
        self.known.insert(key);
    }

    /// Whether this draft gives an id, by its key.
    pub(crate) fn has_known(&self, key: &Bytes) -> bool {
        self.known.contains(key)
    }

    /// Notes that a message id belongs to a thread.
    pub(crate) fn put_thread(&mut self, message_id: u64, thread: ThreadId) {
        self.batch.put(&key::thread(message_id), &thread.0.to_le_bytes());
        self.threads.insert(message_id, thread);
    }

    /// The thread that this draft has given a message id.
    pub(crate) fn new_thread_of(&self, message_id: u64) -> Option<ThreadId> {
        self.threads.get(&message_id).copied()
    }

    fn put_row(&mut self, mailbox: MailboxId, row: MessageRow) {
        self.batch.put(&key::message(mailbox, row.uid), &row.print());
        self.rows.insert((mailbox, row.uid), Some(row));
    }

    /// Makes the draft durable, then the account's state.
    async fn commit(mut self) -> Result<(), EngineError> {
        for row in self.mailboxes.values() {
            self.batch.put(&key::mailbox(row.id), &row.print());
        }
        if self.counters != self.account.state().counters {
            self.batch.put(&key::account(), &self.counters.print());
        }
        let rows = self.rows.values().flatten();
        self.ticket.note(rows.map(|row| row.blob));
        if !self.batch.is_empty() {
            self.account.engine().commit(self.batch).await?;
        }
        let mut state = self.account.state();
        state.counters = self.counters;
        let changed: Vec<MailboxId> = self.mailboxes.keys().copied().collect();
        for (_, row) in self.mailboxes {
            state.set_mailbox(row);
        }
        // Also where no message changed: a view knows the mailbox's last change, and whoever waits for it must find it.
        for mailbox in changed {
            let changes = self.views.get(&mailbox).map_or(&[][..], Vec::as_slice);
            state.change_view(mailbox, changes);
        }
        for (name, subscribed) in self.subscriptions {
            match subscribed {
                Subscribed::Yes => state.subscriptions.insert(name),
                Subscribed::No => state.subscriptions.remove(&name),
            };
        }
        if self.ends {
            state.delete();
        }
        if let Some(pool) = &state.pool {
            let usage = Usage::of(state.mailboxes.values());
            pool.settle(self.account.id(), usage, self.reserved.take());
        }
        Ok(())
    }
}

/// The lock of a plain value: a panic elsewhere does not make it wrong.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
