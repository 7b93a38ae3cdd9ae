//! The store: accounts by their number, over one engine.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use engine::{BlobNumber, Engine, Partition};
use futures_util::future::join_all;
use tokio::sync::OnceCell;
use types::{AccountId, BlobId, MailboxName, Timestamp};

use crate::account::Inner;
use crate::memory::Memory;
use crate::pool::Pools;
use crate::quota::Allowed;
use crate::sequencer::lock;
use crate::sweep::Naming;
use crate::{Account, Appended, BlobSource, NewMessage, Quotas, Refusal, StoreError, key};

/// Tells the time; tests move it.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Accounts kept in memory although nobody uses them: about 2 KiB each.
const MAX_UNUSED_ACCOUNTS: usize = 16_384;

/// Sweeps after which a view that nobody reads is dropped.
const SWEEPS_TO_KEEP: u32 = 2;

/// Partition numbers below this are not accounts'.
const FIRST_ACCOUNT_PARTITION: u64 = 1 << 32;

/// All accounts of a data folder. A clone is another handle to the same store.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<dyn Engine>,
    now: Now,
    memory: Arc<Memory>,
    naming: Arc<Naming>,
    accounts: Mutex<HashMap<AccountId, Arc<OnceCell<Arc<Inner>>>>>,
    /// Accounts that were deleted while the store was open: who still holds their numbers must not bring them back.
    deleted: Mutex<HashSet<AccountId>>,
    /// Who knows how much accounts may hold.
    quotas: OnceLock<Arc<dyn Quotas>>,
    /// Held while an account learns anew how much it may hold.
    renewing: tokio::sync::Mutex<()>,
    pools: Pools,
}

/// Where one copy of a message is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Whose mail.
    pub account: AccountId,
    /// The mailbox; where it is not there, it is created.
    pub mailbox: MailboxName,
}

impl Store {
    /// A store over an engine.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, now: Now) -> Self {
        Self::with_memory(engine, now, usize::MAX)
    }

    /// The same, with so many octets for views of mailboxes: one that needs more is refused until others are no longer
    /// read.
    #[must_use]
    pub fn with_memory(engine: Arc<dyn Engine>, now: Now, octets: usize) -> Self {
        Store {
            shared: Arc::new(Shared {
                engine,
                now,
                memory: Memory::new(octets),
                naming: Arc::default(),
                accounts: Mutex::new(HashMap::new()),
                deleted: Mutex::default(),
                quotas: OnceLock::new(),
                renewing: tokio::sync::Mutex::default(),
                pools: Pools::default(),
            }),
        }
    }

    /// The partition in which an account's rows lie.
    #[must_use]
    pub fn partition(account: AccountId) -> Partition {
        Partition(FIRST_ACCOUNT_PARTITION + account.0)
    }

    /// An account, with the mailboxes that every account has; they are created when it is first asked for.
    /// Who may open it is the directory's matter.
    ///
    /// # Errors
    /// When the account was deleted, or the engine fails.
    pub async fn account(&self, id: AccountId) -> Result<Account, StoreError> {
        let cell = {
            let mut accounts = lock(&self.shared.accounts);
            if lock(&self.shared.deleted).contains(&id) {
                return Err(Refusal::NoAccount.into());
            }
            Arc::clone(accounts.entry(id).or_default())
        };
        let inner = cell.get_or_try_init(|| self.open(id)).await?;
        self.counted(inner).await?;
        let account = Account::new(Arc::clone(inner));
        account.create_first_mailboxes().await?;
        Ok(account)
    }

    /// Loads an account, and learns how much it may hold.
    async fn open(&self, id: AccountId) -> Result<Arc<Inner>, StoreError> {
        let inner = self.load(id).await?;
        let Allowed { quota, shared } = self.quota_of(id).await?;
        inner.state().quota = quota;
        self.attach(&inner, shared.as_ref());
        Ok(inner)
    }

    /// An account if it is open, or being opened.
    pub(crate) async fn opened(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let cell = lock(&self.shared.accounts).get(&id).cloned();
        let Some(cell) = cell else { return Ok(None) };
        let inner = cell.get_or_try_init(|| self.open(id)).await?;
        Ok(Some(Account::new(Arc::clone(inner))))
    }

    /// An account, for as long as it takes to look at it: [`Store::close_unused`] closes it again.
    pub(crate) async fn open_for_now(&self, id: AccountId) -> Result<Arc<Inner>, StoreError> {
        let cell = {
            let mut accounts = lock(&self.shared.accounts);
            if lock(&self.shared.deleted).contains(&id) {
                return Err(Refusal::NoAccount.into());
            }
            Arc::clone(accounts.entry(id).or_default())
        };
        Ok(Arc::clone(cell.get_or_try_init(|| self.open(id)).await?))
    }

    /// Closes an account that nobody uses, where more than enough are open.
    pub(crate) fn close_unused(&self, id: AccountId) {
        let mut accounts = lock(&self.shared.accounts);
        let unused = |cell: &Arc<OnceCell<Arc<Inner>>>| {
            Arc::strong_count(cell) == 1 && cell.get().is_none_or(|inner| Arc::strong_count(inner) == 1)
        };
        if accounts.len() > MAX_UNUSED_ACCOUNTS / 2 && accounts.get(&id).is_some_and(unused) {
            accounts.remove(&id);
        }
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.shared.pools
    }

    pub(crate) fn accounts(&self) -> &Mutex<HashMap<AccountId, Arc<OnceCell<Arc<Inner>>>>> {
        &self.shared.accounts
    }

    pub(crate) fn quotas(&self) -> &OnceLock<Arc<dyn Quotas>> {
        &self.shared.quotas
    }

    pub(crate) fn renewing(&self) -> &tokio::sync::Mutex<()> {
        &self.shared.renewing
    }

    pub(crate) async fn load(&self, id: AccountId) -> Result<Arc<Inner>, StoreError> {
        let Shared {
            engine, now, memory, ..
        } = &*self.shared;
        let shared = (Arc::clone(memory), Arc::clone(&self.shared.naming));
        Inner::load(id, Arc::clone(engine), Arc::clone(now), shared).await
    }

    pub(crate) fn naming(&self) -> &Naming {
        &self.shared.naming
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.shared.now)()
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.shared.engine
    }

    /// Has an account read anew when it is next asked for.
    pub(crate) fn forget(&self, id: AccountId) {
        lock(&self.shared.accounts).remove(&id);
    }

    /// The account whose rows a partition has.
    pub(crate) fn account_of(partition: Partition) -> Option<AccountId> {
        partition
            .0
            .checked_sub(FIRST_ACCOUNT_PARTITION)
            .filter(|_| partition != Partition::ENGINE)
            .map(AccountId)
    }

    /// An account to look at: as it is in memory, or read for this once. Nothing is created.
    pub(crate) async fn look_at(&self, id: AccountId) -> Result<Arc<Inner>, StoreError> {
        let loaded = lock(&self.shared.accounts)
            .get(&id)
            .and_then(|cell| cell.get().cloned());
        match loaded {
            Some(inner) => Ok(inner),
            None => self.load(id).await,
        }
    }

    /// Delivers one message to several accounts; its bytes are kept once. One outcome for each delivery, in order.
    pub async fn deliver(
        &self,
        deliveries: &[Delivery],
        mut message: NewMessage,
    ) -> Vec<Result<Appended, StoreError>> {
        if deliveries.len() > 1
            && let BlobSource::Bytes(bytes) = &message.source
        {
            match self.put_blob(bytes.clone()).await {
                Ok(stored) => message.source = stored,
                Err(error) => return deliveries.iter().map(|_| Err(error.clone())).collect(),
            }
        }
        if let [one] = deliveries {
            return vec![self.deliver_one(one, message).await];
        }
        join_all(
            deliveries
                .iter()
                .map(|delivery| self.deliver_one(delivery, message.clone())),
        )
        .await
    }

    async fn deliver_one(&self, delivery: &Delivery, message: NewMessage) -> Result<Appended, StoreError> {
        self.account(delivery.account)
            .await?
            .deliver(&delivery.mailbox, message)
            .await
    }

    /// Makes bytes durable, to be named by several messages.
    ///
    /// # Errors
    /// When the engine fails, or the bytes are 4 GiB or more.
    pub async fn put_blob(&self, bytes: Bytes) -> Result<BlobSource, StoreError> {
        let size = u32::try_from(bytes.len()).map_err(|_| Refusal::MessageTooLarge)?;
        let blob = self.shared.engine.put_blob(bytes).await?;
        Ok(BlobSource::Stored {
            blob: BlobId(blob.0),
            size,
        })
    }

    /// Bytes of a message; a range past its end is cut there.
    ///
    /// # Errors
    /// When the engine fails or the bytes are damaged.
    pub async fn read_blob(&self, blob: BlobId, range: Range<u64>) -> Result<Bytes, StoreError> {
        Ok(self.shared.engine.read_blob(BlobNumber(blob.0), range).await?)
    }

    /// Deletes all rows of an account, but for one that says so. What sessions and deliveries ask of it from now on is refused; its number is not used
    /// again.
    ///
    /// # Errors
    /// When the engine fails; what is deleted by then stays deleted.
    pub async fn delete_account(&self, id: AccountId) -> Result<(), StoreError> {
        let cell = {
            let mut accounts = lock(&self.shared.accounts);
            lock(&self.shared.deleted).insert(id);
            accounts.remove(&id)
        };
        self.shared.pools.forget(id);
        if let Some(cell) = cell {
            // Whoever is loading it is waited for: after this, no verb changes a row.
            match cell.get_or_try_init(|| self.load(id)).await {
                Ok(inner) => inner.delete().await?,
                // It was being deleted when everything ended.
                Err(StoreError::Refused(Refusal::NoAccount)) => {}
                Err(error) => return Err(error),
            }
        }
        let partition = Self::partition(id);
        let mut end = engine::Batch::new(partition);
        end.put(&key::ended(), b"");
        self.shared.engine.commit(end).await?;
        let mut range = key::all();
        loop {
            let rows = self.shared.engine.scan(partition, range.clone(), 4096).await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            range.start = [&last.key[..], &[0]].concat().into();
            let mut batch = engine::Batch::new(partition);
            rows.iter().for_each(|row| batch.delete(&row.key));
            self.shared.engine.commit(batch).await?;
        }
    }

    /// Drops views that nobody reads and accounts that nobody uses. To be called every few seconds.
    pub fn sweep(&self) {
        let mut accounts = lock(&self.shared.accounts);
        let too_many = accounts.len() > MAX_UNUSED_ACCOUNTS;
        let keep = match self.shared.memory.is_scarce() {
            true => 0,
            false => SWEEPS_TO_KEEP,
        };
        accounts.retain(|_, cell| {
            let Some(inner) = cell.get() else {
                return Arc::strong_count(cell) > 1;
            };
            inner.store_recent();
            let unread = inner.state().sweep(keep);
            let unused = unread && Arc::strong_count(inner) == 1 && Arc::strong_count(cell) == 1;
            !(too_many && unused)
        });
    }
}
