//! What an account looks like now: its counters, mailboxes and the views that somebody reads.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::watch;
use types::{ChangeNumber, MailboxId, MailboxName, Octets, Role, SystemKeyword, Uid, UidValidity};

use crate::View;
use crate::encoded::Encoded;
use crate::pool::Pool;
use crate::row::{Counters, MailboxRow};
use crate::view::ViewChange;

/// Mailboxes of one account: more than any person has, and few enough to keep their rows in memory.
pub(crate) const MAX_MAILBOXES: usize = 10_000;

/// Keywords a mailbox may define: what the word of bits leaves.
pub(crate) const MAX_KEYWORDS: usize = 64 - SystemKeyword::COUNT as usize;

/// A mailbox as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Stays over renames.
    pub id: MailboxId,
    /// Where it stands in the hierarchy.
    pub name: MailboxName,
    /// What it is for.
    pub role: Option<Role>,
    /// Tells lives of the name apart.
    pub validity: UidValidity,
    /// What the next message gets.
    pub next_uid: Uid,
    /// The last change of anything in it.
    pub change: ChangeNumber,
    /// How many messages it has.
    pub messages: u32,
    /// How many of them have not been seen.
    pub unseen: u32,
    /// How many carry the deleted mark.
    pub deleted: u32,
    /// The sum of their sizes.
    pub octets: Octets,
    /// Uids from here on have been announced to no session yet.
    pub recent: Uid,
    /// Of what was expunged by changes up to this one, some is forgotten: who knows of no later change has to look at everything again.
    pub forgotten: ChangeNumber,
}

impl From<&MailboxRow> for Mailbox {
    fn from(row: &MailboxRow) -> Self {
        Mailbox {
            id: row.id,
            name: row.name.clone(),
            role: row.role,
            validity: row.validity,
            next_uid: row.next_uid,
            change: row.change,
            messages: row.messages,
            unseen: row.unseen,
            deleted: row.deleted,
            octets: row.octets,
            recent: row.recent,
            forgotten: row.forgotten,
        }
    }
}

/// A view that is kept while somebody reads it, and a little longer.
#[derive(Debug)]
pub(crate) struct KeptView {
    pub(crate) view: Arc<View>,
    /// Sweeps since somebody asked for it.
    pub(crate) unused: u32,
}

/// The account in memory. Deleted mailboxes are not in it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) counters: Counters,
    pub(crate) mailboxes: BTreeMap<MailboxId, MailboxRow>,
    pub(crate) names: BTreeMap<MailboxName, MailboxId>,
    pub(crate) subscriptions: BTreeSet<MailboxName>,
    pub(crate) views: HashMap<MailboxId, KeptView>,
    /// What is known of messages that must be decoded.
    pub(crate) encoded: HashMap<MailboxId, Encoded>,
    watches: HashMap<MailboxId, Watched>,
    /// Mailboxes whose recent mark has moved since it was stored.
    marked: BTreeSet<MailboxId>,
    life: Life,
    pub(crate) quota: Quota,
    /// Those with whom it shares a limit.
    pub(crate) pool: Option<Arc<Pool>>,
}

/// A mailbox that sessions wait for.
#[derive(Debug)]
struct Watched {
    sender: watch::Sender<ChangeNumber>,
    /// Every later change brought new messages and did nothing else.
    mixed: ChangeNumber,
}

/// How much an account may hold; nothing is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Octets of messages.
    pub octets: Option<Octets>,
    /// Messages, each copy counted.
    pub messages: Option<u64>,
}

impl Quota {
    /// Whether so much is within the limits.
    #[must_use]
    pub fn allows(&self, usage: Usage) -> bool {
        self.octets.is_none_or(|limit| usage.octets <= limit)
            && self.messages.is_none_or(|limit| usage.messages <= limit)
    }
}

/// How much an account holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Octets of messages.
    pub octets: Octets,
    /// Messages, each copy counted.
    pub messages: u64,
}

impl Usage {
    /// With some mailboxes' messages.
    pub(crate) fn of<'r>(rows: impl Iterator<Item = &'r MailboxRow>) -> Self {
        rows.fold(Usage::default(), |sum, row| Usage {
            octets: Octets(sum.octets.0.saturating_add(row.octets.0)),
            messages: sum.messages + u64::from(row.messages),
        })
    }
}

/// Whether the account may still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Living,
    Deleted,
}

impl State {
    pub(crate) fn new(
        counters: Counters,
        mailboxes: Vec<MailboxRow>,
        subscriptions: BTreeSet<MailboxName>,
    ) -> Self {
        let mut state = State {
            counters,
            mailboxes: BTreeMap::new(),
            names: BTreeMap::new(),
            subscriptions,
            views: HashMap::new(),
            encoded: HashMap::new(),
            watches: HashMap::new(),
            marked: BTreeSet::new(),
            life: Life::Living,
            quota: Quota::default(),
            pool: None,
        };
        for row in mailboxes {
            state.set_mailbox(row);
        }
        state
    }

    /// Ends the account: no verb changes it any more, and whoever waits for a change is told that none will come.
    pub(crate) fn delete(&mut self) {
        self.life = Life::Deleted;
        self.mailboxes.clear();
        self.names.clear();
        self.views.clear();
        self.watches.clear();
    }

    /// # Errors
    /// When the account has been deleted.
    pub(crate) fn living(&self) -> Result<(), crate::Refusal> {
        match self.life {
            Life::Living => Ok(()),
            Life::Deleted => Err(crate::Refusal::NoAccount),
        }
    }

    /// Moves the recent mark up to a uid in memory; the uid where it was.
    pub(crate) fn take_recent(&mut self, mailbox: MailboxId, before: Uid) -> Option<Uid> {
        let row = self.mailboxes.get_mut(&mailbox)?;
        let mark = row.recent;
        row.recent = mark.max(before.min(row.next_uid));
        if mark != row.recent {
            self.marked.insert(mailbox);
        }
        Some(mark)
    }

    /// The mailboxes whose recent mark is to be stored.
    pub(crate) fn take_marked(&mut self) -> BTreeSet<MailboxId> {
        std::mem::take(&mut self.marked)
    }

    /// Takes a mailbox's new row, under a new name or none.
    pub(crate) fn set_mailbox(&mut self, mut row: MailboxRow) {
        let mut same_keywords = false;
        if let Some(old) = self.mailboxes.remove(&row.id) {
            same_keywords = old.keywords.len() == row.keywords.len();
            if self.names.get(&old.name) == Some(&row.id) {
                self.names.remove(&old.name);
            }
            row.recent = row.recent.max(old.recent);
        }
        let (id, change) = (row.id, row.change);
        if row.deleted_at.is_none() {
            self.names.insert(row.name.clone(), id);
            self.mailboxes.insert(id, row);
        } else {
            self.views.remove(&id);
        }
        if let Some(watched) = self.watches.get_mut(&id) {
            if !same_keywords {
                watched.mixed = change;
            }
            watched
                .sender
                .send_if_modified(|last| std::mem::replace(last, change) != change);
        }
    }

    /// Brings a kept view up to date.
    pub(crate) fn change_view(&mut self, mailbox: MailboxId, changes: &[ViewChange]) {
        let Some(row) = self.mailboxes.get(&mailbox) else {
            return;
        };
        let is_arrival = |change: &ViewChange| matches!(change, ViewChange::Push(_));
        if let Some(watched) = self.watches.get_mut(&mailbox)
            && (changes.is_empty() || !changes.iter().all(is_arrival))
        {
            watched.mixed = row.change;
        }
        if let Some(kept) = self.views.get_mut(&mailbox)
            && !(changes.is_empty() && kept.view.shows(row))
        {
            Arc::make_mut(&mut kept.view).apply(row, changes);
        }
    }

    pub(crate) fn watch(&mut self, mailbox: MailboxId) -> Option<watch::Receiver<ChangeNumber>> {
        let change = self.mailboxes.get(&mailbox)?.change;
        let watched = self.watches.entry(mailbox).or_insert_with(|| Watched {
            sender: watch::channel(change).0,
            mixed: change,
        });
        Some(watched.sender.subscribe())
    }

    /// A mailbox, if new messages are all that came to it after a change. Only known while somebody watches it.
    pub(crate) fn grown(&self, mailbox: MailboxId, since: ChangeNumber) -> Option<&MailboxRow> {
        let watched = self.watches.get(&mailbox)?;
        let row = self.mailboxes.get(&mailbox)?;
        (watched.mixed <= since).then_some(row)
    }

    /// Drops what nobody has read for `sweeps` sweeps; says whether nothing is left that needs this state.
    pub(crate) fn sweep(&mut self, sweeps: u32) -> bool {
        for kept in self.views.values_mut() {
            kept.unused = if Arc::strong_count(&kept.view) == 1 {
                kept.unused + 1
            } else {
                0
            };
        }
        self.views.retain(|_, kept| kept.unused <= sweeps);
        self.watches
            .retain(|_, watched| watched.sender.receiver_count() > 0);
        self.views.is_empty() && self.watches.is_empty()
    }
}
