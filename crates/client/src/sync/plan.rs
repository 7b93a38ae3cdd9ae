//! What is to be done for one mailbox: decided from what both sides had at the last sync and what they have now. Nothing is done here.
//!
//! The rules are in the documentation of [the module](super).

use std::collections::{BTreeMap, BTreeSet};

use super::state::{Entry, Flags};

/// Fewer messages may all be deleted: a person does that.
pub(super) const FEW: usize = 20;

/// Which way changes go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Both ways.
    #[default]
    Both,
    /// From the server into the Maildir: nothing is changed on the server.
    Pull,
    /// From the Maildir to the server: nothing is changed in the Maildir.
    Push,
}

/// What each side has of a mailbox.
#[derive(Debug, Default)]
pub(super) struct Sides {
    /// Uids with their flags.
    pub(super) there: BTreeMap<u32, Flags>,
    /// Unique names with their flags.
    pub(super) here: BTreeMap<Box<str>, Flags>,
}

/// Flags of one message that change on a side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) add: Flags,
    pub(super) remove: Flags,
}

impl Change {
    fn between(before: &Flags, now: &Flags) -> Self {
        Change {
            add: now.difference(before).cloned().collect(),
            remove: before.difference(now).cloned().collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// What of it is not so already, and what the other side has not decided otherwise.
    fn for_side(&self, now: &Flags, own: &Change) -> Self {
        let add = self.add.difference(now).cloned().collect();
        Change {
            add,
            remove: self
                .remove
                .intersection(now)
                .filter(|flag| !own.add.contains(*flag))
                .cloned()
                .collect(),
        }
    }

    pub(super) fn apply(&self, flags: &Flags) -> Flags {
        let left = flags.difference(&self.remove).cloned();
        left.chain(self.add.iter().cloned()).collect()
    }
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// New on the server.
    pub(super) download: BTreeSet<u32>,
    /// New in the Maildir.
    pub(super) upload: BTreeSet<Box<str>>,
    /// Vanished from the server: uids of entries.
    pub(super) delete_here: BTreeSet<u32>,
    /// Vanished from the Maildir.
    pub(super) delete_there: BTreeSet<u32>,
    /// Changes of flags, by uid.
    pub(super) flags_here: BTreeMap<u32, Change>,
    pub(super) flags_there: BTreeMap<u32, Change>,
    /// Entries that both sides have the same way, though the entry says otherwise.
    pub(super) settled: BTreeSet<u32>,
    /// Entries of which nothing is left.
    pub(super) forget: BTreeSet<u32>,
    /// Whether changes of a side were left because of the way.
    pub(super) left: u64,
}

impl Plan {
    /// Decides for every entry, and for what has none.
    pub(super) fn new(entries: &BTreeMap<u32, Entry>, sides: &Sides, way: Way) -> Self {
        let mut plan = Plan::default();
        for (uid, entry) in entries {
            match (sides.there.get(uid), sides.here.get(&entry.unique)) {
                (Some(there), Some(here)) => plan.flags(*uid, entry, (there, here), way),
                (Some(there), None) => plan.gone_here(*uid, entry, there, way),
                (None, Some(here)) => plan.gone_there(*uid, entry, here, way),
                (None, None) => drop(plan.forget.insert(*uid)),
            }
        }
        let new_there = sides.there.keys().filter(|uid| !entries.contains_key(uid));
        let known: BTreeSet<&str> = entries.values().map(|entry| &*entry.unique).collect();
        let new_here = sides.here.keys().filter(|unique| !known.contains(&***unique));
        match way {
            Way::Push => plan.left += new_there.count() as u64,
            Way::Both | Way::Pull => plan.download.extend(new_there),
        }
        match way {
            Way::Pull => plan.left += new_here.count() as u64,
            Way::Both | Way::Push => plan.upload.extend(new_here.cloned()),
        }
        plan
    }

    fn flags(&mut self, uid: u32, entry: &Entry, (there, here): (&Flags, &Flags), way: Way) {
        let by_server = Change::between(&entry.there, there);
        let by_user = Change::between(&entry.here, here);
        if by_server.is_empty() && by_user.is_empty() {
            return;
        }
        let to_server = by_user.for_side(there, &by_server);
        let to_user = by_server.for_side(here, &by_user);
        let mut is_left = false;
        match way {
            Way::Pull if !to_server.is_empty() => is_left = true,
            _ if !to_server.is_empty() => drop(self.flags_there.insert(uid, to_server)),
            _ => {}
        }
        match way {
            Way::Push if !to_user.is_empty() => is_left = true,
            _ if !to_user.is_empty() => drop(self.flags_here.insert(uid, to_user)),
            _ => {}
        }
        self.left += u64::from(is_left);
        if !is_left {
            self.settled.insert(uid);
        }
    }

    /// A message that was deleted in the Maildir goes from the server, unless it was flagged there since.
    fn gone_here(&mut self, uid: u32, entry: &Entry, there: &Flags, way: Way) {
        let is_kept = is_flagged_since(&entry.there, there);
        match (way, is_kept) {
            (Way::Pull, false) | (Way::Push, true) => self.left += 1,
            (_, false) => drop(self.delete_there.insert(uid)),
            (_, true) => {
                self.forget.insert(uid);
                self.download.insert(uid);
            }
        }
    }

    /// A message that was deleted on the server goes from the Maildir, unless it was flagged there since.
    fn gone_there(&mut self, uid: u32, entry: &Entry, here: &Flags, way: Way) {
        let is_kept = is_flagged_since(&entry.here, here);
        match (way, is_kept) {
            (Way::Push, false) | (Way::Pull, true) => self.left += 1,
            (_, false) => drop(self.delete_here.insert(uid)),
            (_, true) => {
                self.forget.insert(uid);
                self.upload.insert(entry.unique.clone());
            }
        }
    }

    /// Leaves deletions for another time. Whether there were any.
    pub(super) fn put_off_deletions(&mut self) -> bool {
        let count = self.delete_here.len() + self.delete_there.len();
        self.delete_here.clear();
        self.delete_there.clear();
        count > 0
    }

    /// Leaves everything else.
    pub(super) fn keep_deletions(&mut self) {
        *self = Plan {
            delete_here: std::mem::take(&mut self.delete_here),
            delete_there: std::mem::take(&mut self.delete_there),
            ..Plan::default()
        };
    }

    /// Whether so much would be deleted that it looks like a mistake: more than half of 20 messages or more. `moved` are in another mailbox now.
    pub(super) fn deletes_too_much(&self, known: usize, moved: usize) -> bool {
        let deleted = (self.delete_here.len() + self.delete_there.len()).saturating_sub(moved);
        known >= FEW && deleted * 2 > known
    }
}

fn is_flagged_since(before: &Flags, now: &Flags) -> bool {
    !before.contains("\\Flagged") && now.contains("\\Flagged")
}
