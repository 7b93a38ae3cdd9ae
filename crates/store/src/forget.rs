//! Tombstones that go: those of messages that were expunged long ago, and the first of too many. The mailbox's row says up to which
//! change they are forgotten.
//!
//! **Invariant**: they go in the order of the changes, those of one change all together or the row says that they may be missing.

use std::time::Duration;

use types::{AccountId, ChangeNumber, MailboxId, Timestamp};

use crate::kept::{Gone, Tombstone};
use crate::sequencer::submit;
use crate::verb::Forget;
use crate::{Refusal, Store, StoreError, key};

/// Rows looked at, and tombstones that one transaction lets go.
const AT_ONCE: usize = 1024;

/// How much is remembered of messages that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// How long, after they could be brought back: a mail program that was away for a month is told what has gone (RFC 7162 §3.2.7).
    pub time: Duration,
    /// Of how many in a mailbox: some 60 octets each. Who missed more does as well to list the mailbox again.
    pub most: u64,
}

impl Default for Remembered {
    fn default() -> Self {
        Remembered {
            time: Duration::from_hours(30 * 24),
            most: 100_000,
        }
    }
}

/// What a sweep lets go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// What went before can no longer be brought back.
    pub(crate) before: Timestamp,
    /// Tombstones of what went before are forgotten.
    pub(crate) forgotten: Timestamp,
    /// Tombstones of a mailbox.
    pub(crate) most: u64,
}

/// The tombstones of a mailbox.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    count: u64,
    /// The last change whose time is over: what went by those before it is as old, also where no tombstone says when.
    aged: Option<ChangeNumber>,
}

impl Tally {
    pub(crate) fn count(&mut self, change: ChangeNumber, tombstone: &Tombstone, before: Timestamp) {
        self.count += 1;
        if tombstone.at.is_some_and(|at| at < before) {
            self.aged = self.aged.max(Some(change));
        }
    }
}

impl Store {
    /// Lets the tombstones of a mailbox go whose time is over, and the first of more than `most`.
    pub(crate) async fn forget_tombstones(
        &self,
        id: AccountId,
        (mailbox, tally): (MailboxId, Tally),
        most: u64,
    ) -> Result<(), StoreError> {
        let (mut left, mut until) = (tally.count.saturating_sub(most), None);
        if left == 0 && tally.aged.is_none() {
            return Ok(());
        }
        let mut range = key::expunged_of(mailbox);
        loop {
            let rows = self
                .engine()
                .scan(Store::partition(id), range.clone(), AT_ONCE)
                .await?;
            let Some(last) = rows.last() else { return Ok(()) };
            range.start = [&last.key[..], &[0]].concat().into();
            let (mut keys, mut goes_on) = (Vec::new(), true);
            for stored in &rows {
                let Some((change, uid)) = key::change_and_uid_of(&stored.key) else {
                    continue;
                };
                let Some(Gone::Tombstone(_)) = Gone::parse(uid, &stored.value) else {
                    continue;
                };
                goes_on = Some(change) <= tally.aged || left > 0 || Some(change) == until;
                if !goes_on {
                    break;
                }
                left = left.saturating_sub(1);
                until = Some(change);
                keys.push(stored.key.clone());
            }
            if let Some(until) = until.filter(|_| !keys.is_empty()) {
                let forget = Forget { mailbox, until, keys };
                match submit(self.account(id).await?.shared(), forget).await {
                    // All its rows go soon.
                    Err(StoreError::Refused(Refusal::NoMailbox)) => return Ok(()),
                    other => other?,
                }
            }
            if !goes_on {
                return Ok(());
            }
        }
    }
}
