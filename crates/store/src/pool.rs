//! Accounts that share a limit: how much all of them hold together is counted in memory, from what is committed.
//!
//! Room is reserved before a batch is committed and given back when it is not, so that accounts that grow at once do not go
//! past the limit together. What is in a batch when a limit is first set is not held up. The count is made from the mailboxes'
//! rows and not from the messages', when an account of the pool is first asked for; an account without a pool pays nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use types::{AccountId, Octets};

use crate::account::Inner;
use crate::sequencer::lock;
use crate::{Account, Quota, Refusal, Room, Store, StoreError, Usage};

/// Accounts that share a limit.
#[derive(Debug)]
pub(crate) struct Pool {
    name: Arc<str>,
    counts: Mutex<Counts>,
    counted: AtomicBool,
}

#[derive(Debug, Default)]
struct Counts {
    limit: Quota,
    /// What all accounts hold.
    held: Usage,
    /// What is being committed.
    reserved: Usage,
    /// What each account holds, so that none is counted twice however often it is opened.
    of_each: HashMap<AccountId, Usage>,
}

/// Room in a pool for what is being committed; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Reserved {
    pool: Arc<Pool>,
    usage: Usage,
}

/// A limit that an account shares with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedQuota {
    /// What those who share it are called.
    pub name: Arc<str>,
    /// The limit.
    pub quota: Quota,
    /// What all of them hold together.
    pub usage: Usage,
}

/// Room that one message needs for several accounts together, in what they share.
#[derive(Clone, Debug, Default)]
pub struct Together {
    needed: Vec<(Arc<Pool>, Usage)>,
}

/// The pools that are in use.
#[derive(Default)]
pub(crate) struct Pools {
    by_name: Mutex<HashMap<Arc<str>, Arc<Pool>>>,
    /// Whether some of them have not been counted: spares everybody else a lock.
    uncounted: AtomicBool,
}

impl Counts {
    fn replace(&mut self, account: AccountId, usage: Usage) {
        let old = match usage == Usage::default() {
            true => self.of_each.remove(&account),
            false => self.of_each.insert(account, usage),
        };
        self.held = self.held.less(old.unwrap_or_default()).and(usage);
    }
}

impl Pool {
    /// Takes what an account holds now, and gives free what was reserved for that.
    pub(crate) fn settle(&self, account: AccountId, usage: Usage, reserved: Option<Reserved>) {
        // What was reserved in a pool that the account has left since is free there.
        let mut reserved = reserved.filter(|reserved| std::ptr::eq(&*reserved.pool, self));
        let done = reserved
            .as_mut()
            .map(|reserved| std::mem::take(&mut reserved.usage));
        // Both at once: in between, it would be counted twice.
        let mut counts = lock(&self.counts);
        counts.replace(account, usage);
        counts.reserved = counts.reserved.less(done.unwrap_or_default());
    }

    /// Refuses where there is no room for so much more.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        reserved: &mut Option<Reserved>,
        needed: Usage,
    ) -> Result<(), Refusal> {
        let have = reserved.as_ref().filter(|have| Arc::ptr_eq(&have.pool, self));
        let more = needed.less(have.map_or(Usage::default(), |have| have.usage));
        if more == Usage::default() {
            return Ok(());
        }
        let mut counts = lock(&self.counts);
        let then = counts.held.and(counts.reserved).and(more);
        if !counts.limit.allows(then) {
            return Err(Refusal::OverQuota);
        }
        counts.reserved = counts.reserved.and(more);
        drop(counts);
        match reserved {
            Some(have) if Arc::ptr_eq(&have.pool, self) => have.usage = have.usage.and(more),
            other => {
                let (pool, usage) = (Arc::clone(self), more);
                *other = Some(Reserved { pool, usage });
            }
        }
        Ok(())
    }

    /// Whether there is room for so much more.
    fn room(&self, more: Usage) -> Room {
        let counts = lock(&self.counts);
        counts.limit.room(counts.held.and(counts.reserved), more)
    }

    fn is_counted(&self) -> bool {
        self.counted.load(Ordering::Acquire)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if self.usage != Usage::default() {
            let mut counts = lock(&self.pool.counts);
            counts.reserved = counts.reserved.less(self.usage);
        }
    }
}

impl Pools {
    fn named(&self, name: &Arc<str>, limit: Quota) -> Arc<Pool> {
        let mut pools = lock(&self.by_name);
        let pool = pools.entry(Arc::clone(name)).or_insert_with(|| {
            self.uncounted.store(true, Ordering::Release);
            Arc::new(Pool {
                name: Arc::clone(name),
                counts: Mutex::default(),
                counted: AtomicBool::new(false),
            })
        });
        lock(&pool.counts).limit = limit;
        Arc::clone(pool)
    }

    fn all(&self) -> Vec<Arc<Pool>> {
        lock(&self.by_name).values().cloned().collect()
    }

    /// An account is gone, with all that it held.
    pub(crate) fn forget(&self, account: AccountId) {
        for pool in self.all() {
            pool.settle(account, Usage::default(), None);
        }
    }

    /// Lets pools go that no open account is in: they are counted anew when one is opened.
    fn release(&self) {
        lock(&self.by_name).retain(|_, pool| Arc::strong_count(pool) > 1);
    }
}

impl Store {
    /// Puts an account that is open into the pool that it is in now, and out of the one that it was in.
    pub(crate) fn attach(&self, inner: &Inner, shared: Option<&(Arc<str>, Quota)>) {
        let pool = shared.map(|(name, limit)| self.pools().named(name, *limit));
        self.put_into(inner, pool);
    }

    fn put_into(&self, inner: &Inner, pool: Option<Arc<Pool>>) {
        let mut state = inner.state();
        let old = std::mem::replace(&mut state.pool, pool);
        let usage = Usage::of(state.mailboxes.values());
        let stays = |old: &Arc<Pool>| state.pool.as_ref().is_some_and(|pool| Arc::ptr_eq(pool, old));
        if let Some(old) = old.filter(|old| !stays(old)) {
            old.settle(inner.id(), Usage::default(), None);
            // From now on accounts change that it does not hear of.
            old.counted.store(false, Ordering::Release);
            self.pools().uncounted.store(true, Ordering::Release);
        }
        if let Some(pool) = &state.pool {
            pool.settle(inner.id(), usage, None);
        }
    }

    /// Waits until all that share a limit with an account have been counted.
    pub(crate) async fn counted(&self, account: &Inner) -> Result<(), StoreError> {
        if !self.pools().uncounted.load(Ordering::Acquire) {
            return Ok(());
        }
        let pool = account.state().pool.clone();
        let Some(pool) = pool.filter(|pool| !pool.is_counted()) else {
            return Ok(());
        };
        let _one_at_a_time = self.renewing().lock().await;
        self.count(&pool).await
    }

    /// Counts the pools that are in use, after limits have changed.
    pub(crate) async fn count_pools(&self) -> Result<(), StoreError> {
        self.pools().release();
        for pool in self.pools().all() {
            self.count(&pool).await?;
        }
        Ok(())
    }

    /// Opens every account of a pool, one after the other, which counts it. [`Store::renewing`] is held.
    async fn count(&self, pool: &Arc<Pool>) -> Result<(), StoreError> {
        let Some(quotas) = self.quotas().get().filter(|_| !pool.is_counted()) else {
            return Ok(());
        };
        let mut after = AccountId(0);
        loop {
            let some = quotas.sharing(&pool.name, after).await?;
            let Some(last) = some.last() else { break };
            after = *last;
            for id in some {
                self.count_account(pool, id).await?;
            }
        }
        pool.counted.store(true, Ordering::Release);
        let pools = lock(&self.pools().by_name);
        let uncounted = pools.values().any(|pool| !pool.is_counted());
        self.pools().uncounted.store(uncounted, Ordering::Release);
        Ok(())
    }

    async fn count_account(&self, pool: &Arc<Pool>, id: AccountId) -> Result<(), StoreError> {
        match self.open_for_now(id).await {
            Ok(inner) => self.put_into(&inner, Some(Arc::clone(pool))),
            // One that is damaged takes nothing in, and must not keep the others from theirs.
            Err(StoreError::Refused(_) | StoreError::UnreadableRow { .. }) => {}
            Err(error) => return Err(error),
        }
        self.close_unused(id);
        Ok(())
    }

    /// What those who share a limit of a name hold together; counted for this once where the limit is not in use.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn held_by(&self, name: &str) -> Result<Usage, StoreError> {
        let pool = lock(&self.pools().by_name).get(name).cloned();
        if let Some(pool) = pool.filter(|pool| pool.is_counted()) {
            return Ok(lock(&pool.counts).held);
        }
        let (mut held, mut after) = (Usage::default(), AccountId(0));
        let Some(quotas) = self.quotas().get() else {
            return Ok(held);
        };
        loop {
            let some = quotas.sharing(name, after).await?;
            let Some(last) = some.last() else {
                return Ok(held);
            };
            after = *last;
            for id in some {
                match self.look_at(id).await {
                    Ok(inner) => held = held.and(Usage::of(inner.state().mailboxes.values())),
                    Err(StoreError::Refused(_) | StoreError::UnreadableRow { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

impl Together {
    /// Asks for a copy in one account more; whether there is room for all copies so far. Others may take it meanwhile.
    pub fn add(&mut self, account: &Account, octets: u64) -> Room {
        let Some(pool) = account.inner().state().pool.clone() else {
            return Room::Enough;
        };
        let one = Usage::of_one(octets);
        let more = match self
            .needed
            .iter_mut()
            .find(|(known, _)| Arc::ptr_eq(known, &pool))
        {
            Some((_, more)) => {
                *more = more.and(one);
                *more
            }
            None => {
                self.needed.push((Arc::clone(&pool), one));
                one
            }
        };
        // More than fits in at all may fit in one at a time.
        pool.room(more).min(Room::Later)
    }
}

impl Account {
    /// The limit that the account shares with others, if there is one.
    #[must_use]
    pub fn shared_quota(&self) -> Option<SharedQuota> {
        let pool = self.inner().state().pool.clone()?;
        let counts = lock(&pool.counts);
        Some(SharedQuota {
            name: Arc::clone(&pool.name),
            quota: counts.limit,
            usage: counts.held,
        })
    }

    /// Whether there is room for one message more in what the account shares with others.
    pub(crate) fn pool_room(&self, octets: u64) -> Room {
        let pool = self.inner().state().pool.clone();
        pool.map_or(Room::Enough, |pool| pool.room(Usage::of_one(octets)))
    }
}

impl Usage {
    /// Of a message.
    pub(crate) fn of_one(octets: u64) -> Self {
        Usage {
            octets: Octets(octets),
            messages: 1,
        }
    }

    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Usage {
            octets: Octets(self.octets.0.saturating_add(other.octets.0)),
            messages: self.messages.saturating_add(other.messages),
        }
    }

    /// Without another, and not less than nothing.
    pub(crate) fn less(self, other: Self) -> Self {
        Usage {
            octets: Octets(self.octets.0.saturating_sub(other.octets.0)),
            messages: self.messages.saturating_sub(other.messages),
        }
    }
}

impl Quota {
    /// Whether so much more is within the limits.
    pub(crate) fn room(&self, usage: Usage, more: Usage) -> Room {
        match (self.allows(usage.and(more)), self.allows(more)) {
            (true, _) => Room::Enough,
            (false, true) => Room::Later,
            (false, false) => Room::Never,
        }
    }
}
