//! An account: what it holds now, and the verbs that change it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use engine::{Engine, Partition, Row};
use tokio::sync::watch;
use types::{AccountId, ChangeNumber, MailboxId, MailboxName, Role, Timestamp, Uid};

use crate::memory::Memory;
use crate::row::{Counters, MailboxRow};
use crate::sequencer::{Queue, Subscribed, lock, submit};
use crate::state::{KeptView, State};
use crate::sweep::Naming;
use crate::verb::{
    Append, CopyMessages, CreateMailbox, DeleteAccount, DeleteMailbox, Deliver, Expunge, FirstMailboxes,
    LoadView, MoveMessages, RenameMailbox, SetKeywords, StoreRecent, Subscribe, Which,
};
use crate::view::Rows;
use crate::{
    Appended, Copied, Expunged, KeywordChange, Mailbox, MessageRow, Moved, Named, NewMessage, Now, Refusal,
    Store, StoreError, View, key,
};

/// How many rows one read of the engine brings.
const ROWS_A_READ: usize = 4096;

/// Somebody's mailboxes and messages. A clone is another handle to the same account.
#[derive(Clone)]
pub struct Account {
    inner: Arc<Inner>,
}

/// What all handles of an account share.
pub(crate) struct Inner {
    id: AccountId,
    engine: Arc<dyn Engine>,
    now: Now,
    pub(crate) memory: Arc<Memory>,
    pub(crate) naming: Arc<Naming>,
    state: Mutex<State>,
    queue: Mutex<Queue>,
    /// Held while messages are being brought back.
    pub(crate) undeleting: tokio::sync::Mutex<()>,
}

impl Inner {
    pub(crate) async fn load(
        id: AccountId,
        engine: Arc<dyn Engine>,
        now: Now,
        (memory, naming): (Arc<Memory>, Arc<Naming>),
    ) -> Result<Arc<Self>, StoreError> {
        let partition = Store::partition(id);
        let unreadable = |table| StoreError::UnreadableRow { account: id.0, table };
        let keys = [key::ended(), key::account()];
        let mut rows = engine.get_many(partition, &keys).await?.into_iter();
        if rows.next().flatten().is_some() {
            return Err(Refusal::NoAccount.into());
        }
        let counters = match rows.next().flatten() {
            Some(value) => Counters::parse(&value).ok_or(unreadable("account"))?,
            None => Counters::first(now()),
        };
        let mut mailboxes = Vec::new();
        for row in scan_all(&*engine, partition, key::mailboxes()).await? {
            let id = row
                .key
                .last_chunk::<4>()
                .map(|octets| MailboxId(u32::from_be_bytes(*octets)));
            let mailbox = id.and_then(|id| MailboxRow::parse(id, &row.value));
            mailboxes.push(mailbox.ok_or(unreadable("mailbox"))?);
        }
        mailboxes.retain(|row| row.deleted_at.is_none());
        let mut subscriptions = BTreeSet::new();
        for row in scan_all(&*engine, partition, key::subscriptions()).await? {
            let name = std::str::from_utf8(&row.value)
                .ok()
                .and_then(|name| MailboxName::check(name).ok());
            subscriptions.insert(name.ok_or(unreadable("subscription"))?);
        }
        let state = Mutex::new(State::new(counters, mailboxes, subscriptions));
        Ok(Arc::new(Inner {
            id,
            engine,
            now,
            memory,
            naming,
            state,
            queue: Mutex::default(),
            undeleting: tokio::sync::Mutex::default(),
        }))
    }

    pub(crate) fn partition(&self) -> Partition {
        Store::partition(self.id)
    }

    /// Stores the recent marks that have moved in memory.
    pub(crate) fn store_recent(self: &Arc<Self>) {
        for mailbox in self.state().take_marked() {
            let inner = Arc::clone(self);
            tokio::spawn(async move { submit(&inner, StoreRecent { mailbox }).await });
        }
    }

    /// Ends the account, after what is on its way.
    pub(crate) async fn delete(self: &Arc<Self>) -> Result<(), StoreError> {
        submit(self, DeleteAccount).await
    }

    pub(crate) fn id(&self) -> AccountId {
        self.id
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.now)()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    /// The view that is kept, if one is.
    pub(crate) fn kept_view(&self, mailbox: MailboxId) -> Option<Arc<View>> {
        let mut state = self.state();
        let kept = state.views.get_mut(&mailbox)?;
        kept.unused = 0;
        Some(Arc::clone(&kept.view))
    }

    /// The view as of the last commit. Only the sequencer may call it: no commit may come in between.
    pub(crate) async fn load_view(&self, mailbox: MailboxId) -> Result<Arc<View>, StoreError> {
        if let Some(view) = self.kept_view(mailbox) {
            return Ok(view);
        }
        let row = self.state().mailboxes.get(&mailbox).cloned();
        // A mailbox that the same batch has created has no rows yet.
        let Some(row) = row else {
            return Ok(Arc::new(View::empty(mailbox)));
        };
        let charge = self.memory.load(row.messages.into())?;
        let (mut rows, mut unreadable) = (Rows::default(), false);
        let range = key::messages_from(mailbox, Uid(0));
        let look = &mut |stored: Row| match key::uid_of(&stored.key)
            .and_then(|uid| MessageRow::parse(uid, &stored.value))
        {
            Some(row) => rows.push(row),
            None => unreadable = true,
        };
        scan_pieces(&*self.engine, self.partition(), range, look).await?;
        if unreadable {
            return Err(StoreError::UnreadableRow {
                account: self.id.0,
                table: "message",
            });
        }
        let view = Arc::new(View::new(&row, rows, Some(charge)));
        self.state().views.insert(
            mailbox,
            KeptView {
                view: Arc::clone(&view),
                unused: 0,
            },
        );
        Ok(view)
    }
}

/// All rows of a range, read piece by piece.
pub(crate) async fn scan_all(
    engine: &dyn Engine,
    partition: Partition,
    range: Range<Bytes>,
) -> Result<Vec<Row>, StoreError> {
    let mut all = Vec::new();
    scan_pieces(engine, partition, range, &mut |row| all.push(row)).await?;
    Ok(all)
}

/// Looks at all rows of a range, and holds only a piece of them.
pub(crate) async fn scan_pieces(
    engine: &dyn Engine,
    partition: Partition,
    mut range: Range<Bytes>,
    look: &mut (dyn FnMut(Row) + Send),
) -> Result<(), StoreError> {
    loop {
        let rows = engine.scan(partition, range.clone(), ROWS_A_READ).await?;
        let last = rows.last().map(|row| row.key.clone());
        let more = rows.len() == ROWS_A_READ;
        rows.into_iter().for_each(&mut *look);
        let Some(last) = last.filter(|_| more) else {
            return Ok(());
        };
        range.start = [&last[..], &[0]].concat().into();
    }
}

impl Account {
    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn shared(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Account { inner }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> AccountId {
        self.inner.id
    }

    /// All mailboxes in the order of their names.
    #[must_use]
    pub fn mailboxes(&self) -> Vec<Mailbox> {
        let state = self.inner.state();
        state
            .names
            .values()
            .filter_map(|id| state.mailboxes.get(id))
            .map(Mailbox::from)
            .collect()
    }

    /// The mailbox of a name.
    #[must_use]
    pub fn mailbox(&self, name: &MailboxName) -> Option<Mailbox> {
        let state = self.inner.state();
        state
            .names
            .get(name)
            .and_then(|id| state.mailboxes.get(id))
            .map(Mailbox::from)
    }

    /// The mailbox of a number.
    #[must_use]
    pub fn mailbox_by_id(&self, id: MailboxId) -> Option<Mailbox> {
        self.inner.state().mailboxes.get(&id).map(Mailbox::from)
    }

    /// The names subscribed to, whether or not there is such a mailbox (RFC 3501 §6.3.6).
    #[must_use]
    pub fn subscriptions(&self) -> BTreeSet<MailboxName> {
        self.inner.state().subscriptions.clone()
    }

    /// A mailbox as it is now, if new messages are all that came to it after a change: that can be told without a view. Known
    /// only while it is watched.
    #[must_use]
    pub fn grown(&self, mailbox: MailboxId, since: ChangeNumber) -> Option<Mailbox> {
        self.inner.state().grown(mailbox, since).map(Mailbox::from)
    }

    /// Wakes with every change of a mailbox; ends never. `None` where there is no such mailbox.
    #[must_use]
    pub fn watch(&self, mailbox: MailboxId) -> Option<watch::Receiver<ChangeNumber>> {
        self.inner.state().watch(mailbox)
    }

    /// A mailbox's messages as they are now.
    ///
    /// # Errors
    /// When there is no such mailbox, or the engine fails.
    pub async fn view(&self, mailbox: MailboxId) -> Result<Arc<View>, StoreError> {
        if let Some(view) = self.inner.kept_view(mailbox) {
            return Ok(view);
        }
        submit(&self.inner, LoadView { mailbox }).await
    }

    /// Takes the recent mark up to a uid: the messages from the uid on that comes back, and below `before`, are recent
    /// to the caller alone (RFC 3501 §2.3.2). It moves in memory and is stored lazily. `None` where there is no such
    /// mailbox.
    #[must_use]
    pub fn take_recent(&self, mailbox: MailboxId, before: Uid) -> Option<Uid> {
        self.inner.state().take_recent(mailbox, before)
    }

    pub(crate) async fn create_first_mailboxes(&self) -> Result<(), StoreError> {
        if self.inner.state().names.contains_key(&MailboxName::inbox()) {
            return Ok(());
        }
        submit(&self.inner, FirstMailboxes).await
    }

    pub(crate) async fn deliver(
        &self,
        mailbox: &MailboxName,
        message: NewMessage,
    ) -> Result<Appended, StoreError> {
        submit(
            &self.inner,
            Deliver {
                mailbox: mailbox.clone(),
                message,
            },
        )
        .await
    }

    /// Puts messages into a mailbox, all or none.
    ///
    /// # Errors
    /// When there is no such mailbox, a limit is reached, or the engine fails.
    pub async fn append(
        &self,
        mailbox: MailboxId,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Appended>, StoreError> {
        submit(&self.inner, Append { mailbox, messages }).await
    }

    /// Changes keywords of those messages that are there, and answers with their rows, changed or not.
    ///
    /// # Errors
    /// When there is no such mailbox, it has too many keywords, or the engine fails.
    pub async fn set_keywords(
        &self,
        mailbox: MailboxId,
        uids: Vec<Uid>,
        change: KeywordChange,
    ) -> Result<Vec<MessageRow>, StoreError> {
        submit(
            &self.inner,
            SetKeywords {
                mailbox,
                uids,
                change,
            },
        )
        .await
    }

    /// Copies messages, in uid order, all that were found or none.
    ///
    /// # Errors
    /// When a mailbox or a message is not there, a limit is reached, or the engine fails.
    pub async fn copy_messages(
        &self,
        source: MailboxId,
        named: Named,
        target: MailboxId,
    ) -> Result<Copied, StoreError> {
        submit(
            &self.inner,
            CopyMessages {
                source,
                named,
                target,
            },
        )
        .await
    }

    /// Moves messages, in uid order, all that were found or none.
    ///
    /// # Errors
    /// When a mailbox or a message is not there, a limit is reached, or the engine fails.
    pub async fn move_messages(
        &self,
        source: MailboxId,
        named: Named,
        target: MailboxId,
    ) -> Result<Moved, StoreError> {
        submit(
            &self.inner,
            MoveMessages {
                source,
                named,
                target,
            },
        )
        .await
    }

    /// Removes those messages that are there.
    ///
    /// # Errors
    /// When the mailbox is not there, or the engine fails.
    pub async fn expunge(&self, mailbox: MailboxId, uids: Vec<Uid>) -> Result<Expunged, StoreError> {
        submit(
            &self.inner,
            Expunge {
                mailbox,
                which: Which::These(uids),
            },
        )
        .await
    }

    /// Removes the messages that carry the deleted mark: all, or those among some.
    ///
    /// # Errors
    /// When the mailbox is not there, or the engine fails.
    pub async fn expunge_deleted(
        &self,
        mailbox: MailboxId,
        among: Option<Vec<Uid>>,
    ) -> Result<Expunged, StoreError> {
        let which = among.map_or(Which::Deleted, Which::DeletedAmong);
        submit(&self.inner, Expunge { mailbox, which }).await
    }

    /// Creates a mailbox, and the mailboxes above it that are missing.
    ///
    /// # Errors
    /// When the name is taken, there are too many mailboxes, or the engine fails.
    pub async fn create_mailbox(&self, name: MailboxName, role: Option<Role>) -> Result<Mailbox, StoreError> {
        submit(&self.inner, CreateMailbox { name, role }).await
    }

    /// Deletes the mailbox of a name and its messages; says which it was. Mailboxes below it stay. By its name: one that
    /// somebody renames at the same moment is not deleted.
    ///
    /// # Errors
    /// When it is the inbox or not there, or the engine fails.
    pub async fn delete_mailbox(&self, name: MailboxName) -> Result<MailboxId, StoreError> {
        submit(&self.inner, DeleteMailbox { name }).await
    }

    /// Renames a mailbox and all below it. Of the inbox, the messages go to a new mailbox of the new name and the
    /// inbox stays, empty (RFC 3501 §6.3.5).
    ///
    /// # Errors
    /// When a name is taken, the target lies below the source, or the engine fails.
    pub async fn rename_mailbox(&self, from: MailboxName, to: MailboxName) -> Result<(), StoreError> {
        submit(&self.inner, RenameMailbox { from, to }).await
    }

    /// Adds a name to the subscriptions; there need not be such a mailbox.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn subscribe(&self, name: MailboxName) -> Result<(), StoreError> {
        submit(
            &self.inner,
            Subscribe {
                name,
                subscribed: Subscribed::Yes,
            },
        )
        .await
    }

    /// Removes a name from the subscriptions; it need not be among them.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn unsubscribe(&self, name: MailboxName) -> Result<(), StoreError> {
        submit(
            &self.inner,
            Subscribe {
                name,
                subscribed: Subscribed::No,
            },
        )
        .await
    }
}
