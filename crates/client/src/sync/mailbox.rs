//! One mailbox: looks at both sides, plans, and does it in an order in which an end at any moment loses nothing and doubles nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::identity::Local;
use super::local::{Found, Maildir, digest_in, digest_of};
use super::plan::{Change, Plan, Sides, Way};
use super::state::{Entry, Flags, State};
use super::summary::{Note, Summary, Trouble};
use super::upload::Sent;
use super::{Options, failed, identity, remote};
use crate::error::Error;
use crate::imap::{Client, Opened, Query, StoreWhat};

/// A mailbox at work.
pub(super) struct Work<'a> {
    pub(super) client: &'a mut Client,
    /// As the server calls it.
    pub(super) name: &'a str,
    /// What its messages are told by, with the account.
    pub(super) id: String,
    pub(super) state: State,
    pub(super) maildir: Maildir,
    pub(super) path: PathBuf,
    pub(super) summary: &'a mut Summary,
    pub(super) turn: Turn,
    /// Flags that the server keeps; all where it does not say.
    pub(super) kept: Option<BTreeSet<String>>,
    /// The uids that were there, and those of what went there since.
    pub(super) seen: BTreeSet<u32>,
    /// What went to the server, which has not said where it is.
    pub(super) unplaced: Vec<Sent>,
    /// Commands that brought messages to the server.
    pub(super) sent: usize,
}

/// Every mailbox gets what is new before anything is deleted in any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// All but deletions.
    First,
    /// Deletions, and what is new since.
    Deletions,
}

impl Work<'_> {
    /// Brings both sides together. `others` are the other folders. Gives whether there is something to delete that was not.
    pub(super) async fn run(&mut self, options: &Options, others: &[PathBuf]) -> Result<bool, Error> {
        let done = self.bring_together(options, others).await;
        if done.is_err() && !options.dry_run {
            // On a disk that is full what is half written takes room.
            let _ = self.maildir.clean();
        }
        done
    }

    async fn bring_together(&mut self, options: &Options, others: &[PathBuf]) -> Result<bool, Error> {
        let (opened, there) = remote::look(self.client, self.name, &self.state).await?;
        let way = self.way(&opened, options);
        self.learn_kept(&opened);
        self.seen = there.keys().copied().collect();
        let old = self.begin(&opened);
        let sides = self.sides(there, options)?;
        let matched = self.match_new(&sides, old).await?;
        let is_again = options.dry_run && self.turn == Turn::Deletions;
        let mut plan = Plan::new(&self.state.entries, &sides, way);
        if !is_again {
            self.summary.matched += matched;
        }
        if self.turn == Turn::First {
            self.summary.left += plan.left;
        }
        let is_left = match self.turn {
            Turn::First => plan.put_off_deletions(),
            Turn::Deletions => !self.may_delete(&mut plan, options, others).await?,
        };
        if options.dry_run {
            if is_again {
                plan.keep_deletions();
            }
            self.count(&plan);
            return Ok(is_left);
        }
        let notes = self.summary.notes.len();
        self.carry_out(&plan, &sides, way, opened.highest_mod_sequence)
            .await?;
        let is_whole = !is_left && notes == self.summary.notes.len() && self.has_seen(&sides, &plan);
        // What happens from now on has a higher one.
        let seen = opened.highest_mod_sequence.filter(|_| is_whole);
        if is_whole && way == Way::Both {
            self.state.going.clear();
        }
        self.state
            .finish(seen)
            .map_err(|error| failed(&self.path, error))?;
        Ok(is_left)
    }

    fn sides(&mut self, there: BTreeMap<u32, Flags>, options: &Options) -> Result<Sides, Error> {
        let failed = |error| failed(&self.path, error);
        if !options.dry_run {
            self.maildir.clean().map_err(failed)?;
        }
        let mut entries = self.state.entries.values();
        if entries.any(|entry| !self.maildir.files.contains_key(&entry.unique)) {
            self.maildir.look_again().map_err(failed)?;
        }
        if self.maildir.unreadable > 0 && self.turn == Turn::First {
            let files = self.maildir.unreadable;
            self.note(Trouble::Unreadable { files });
        }
        let here = self.maildir.files.iter();
        let here = here
            .map(|(unique, Found { flags, .. })| (unique.clone(), flags.clone()))
            .collect();
        Ok(Sides { there, here })
    }

    /// Whether deletions are such as a person makes; otherwise there are none any more.
    async fn may_delete(
        &mut self,
        plan: &mut Plan,
        options: &Options,
        others: &[PathBuf],
    ) -> Result<bool, Error> {
        let known = self.state.entries.len();
        if options.force || !plan.deletes_too_much(known, 0) {
            return Ok(true);
        }
        let moved = self.moved(plan, others).await?;
        if !plan.deletes_too_much(known, moved) {
            return Ok(true);
        }
        let deletions = plan.delete_here.len() + plan.delete_there.len();
        self.note(Trouble::TooManyDeletions { deletions, known });
        plan.put_off_deletions();
        Ok(false)
    }

    /// Whether the state has everything that the server has said, but for what was changed there since.
    fn has_seen(&self, sides: &Sides, plan: &Plan) -> bool {
        let entries = &self.state.entries;
        let there = sides
            .there
            .iter()
            .filter(|(uid, _)| !plan.delete_there.contains(uid));
        there.into_iter().all(|(uid, flags)| {
            let entry = entries.get(uid);
            entry.is_some_and(|entry| entry.there == *flags || plan.flags_there.contains_key(uid))
        }) && entries.keys().all(|uid| self.seen.contains(uid))
    }

    fn way(&mut self, opened: &Opened, options: &Options) -> Way {
        if opened.read_only && options.way != Way::Pull {
            self.note(Trouble::ReadOnly);
            return Way::Pull;
        }
        options.way
    }

    fn learn_kept(&mut self, opened: &Opened) {
        let names: BTreeSet<String> = opened
            .permanent_flags
            .iter()
            .map(|flag| flag.name().to_ascii_lowercase())
            .collect();
        self.kept = Some(names).filter(|names| !names.is_empty() && !names.contains("\\*"));
    }

    /// With other uids everything is new, and matched again; what is given back are the flags of before, by unique name.
    fn begin(&mut self, opened: &Opened) -> BTreeMap<Box<str>, Entry> {
        if opened.uid_validity == self.state.uid_validity && opened.uid_validity > 0 {
            return BTreeMap::new();
        }
        let before = std::mem::take(&mut self.state.entries).into_values();
        let before = before.map(|entry| (entry.unique.clone(), entry)).collect();
        self.state.begin(opened.uid_validity);
        before
    }

    /// Notes messages that are new on both sides and the same: a first sync, uids that have changed, a run that was ended.
    async fn match_new(&mut self, sides: &Sides, old: BTreeMap<Box<str>, Entry>) -> Result<u64, Error> {
        let entries = &self.state.entries;
        let known: BTreeSet<&str> = entries.values().map(|entry| &*entry.unique).collect();
        let mut uids: BTreeSet<u32> = sides
            .there
            .keys()
            .copied()
            .filter(|uid| !entries.contains_key(uid))
            .collect();
        let mut here: BTreeSet<Box<str>> = sides
            .here
            .keys()
            .filter(|unique| !known.contains(&***unique))
            .cloned()
            .collect();
        if uids.is_empty() || here.is_empty() {
            return Ok(0);
        }
        let digests: BTreeMap<String, u32> = uids.iter().map(|uid| (self.digest(*uid), *uid)).collect();
        let by_name = here
            .iter()
            .filter_map(|unique| Some((unique.clone(), *digests.get(digest_in(unique)?)?)));
        let mut found: BTreeMap<Box<str>, u32> = by_name.collect();
        for (unique, uid) in &found {
            here.remove(unique);
            uids.remove(uid);
        }
        if !uids.is_empty() && !here.is_empty() {
            let here = self.identities(&here)?;
            found.extend(identity::find(self.client, &uids, here).await?);
        }
        let count = found.len() as u64;
        for (unique, uid) in found {
            let before = old.get(&unique).cloned().unwrap_or_default();
            self.state.set(uid, Entry { unique, ..before });
        }
        Ok(count)
    }

    fn digest(&self, uid: u32) -> String {
        digest_of(&format!("{}/{}.{uid}", self.id, self.state.uid_validity))
    }

    fn identities(&self, here: &BTreeSet<Box<str>>) -> Result<BTreeMap<Box<str>, Local>, Error> {
        let mut identities = BTreeMap::new();
        for unique in here {
            let Some(found) = self.maildir.files.get(unique) else {
                continue;
            };
            let octets = match identity::read(&found.path) {
                // It has another name now, and its turn the next time.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                octets => octets.map_err(|error| failed(&found.path, error))?,
            };
            let local = match self.state.going.contains(unique) {
                true => Local::new(&octets).going(),
                false => Local::new(&octets),
            };
            identities.insert(unique.clone(), local);
        }
        Ok(identities)
    }

    fn count(&mut self, plan: &Plan) {
        let summary = &mut *self.summary;
        summary.downloaded += plan.download.len() as u64;
        summary.uploaded += plan.upload.len() as u64;
        summary.deleted_here += plan.delete_here.len() as u64;
        summary.deleted_there += plan.delete_there.len() as u64;
        summary.flags_here += plan.flags_here.len() as u64;
        summary.flags_there += plan.flags_there.len() as u64;
    }

    /// What is new first, deletions last: whoever moves a message has it twice for a moment, and never not at all.
    async fn carry_out(
        &mut self,
        plan: &Plan,
        sides: &Sides,
        way: Way,
        since: Option<u64>,
    ) -> Result<(), Error> {
        for uid in &plan.forget {
            self.state.remove(*uid);
        }
        self.commit()?;
        self.upload(&plan.upload).await?;
        self.download(&plan.download).await?;
        self.change_there(plan).await?;
        for uid in plan
            .settled
            .iter()
            .chain(plan.flags_here.keys())
            .chain(plan.flags_there.keys())
            .collect::<BTreeSet<_>>()
        {
            self.settle(*uid, plan, sides, way)?;
        }
        self.commit()?;
        self.delete_there(&plan.delete_there, since).await?;
        self.delete_here(&plan.delete_here)?;
        self.commit()
    }

    fn delete_here(&mut self, uids: &BTreeSet<u32>) -> Result<(), Error> {
        for uid in uids {
            let Some(entry) = self.state.entries.get(uid) else {
                continue;
            };
            let unique = entry.unique.clone();
            match self
                .maildir
                .delete(&unique)
                .map_err(|error| failed(&self.path, error))?
            {
                true => {
                    self.state.remove(*uid);
                    self.summary.deleted_here += 1;
                }
                false => self.note(Trouble::Busy),
            }
        }
        Ok(())
    }

    /// The Maildir first: the state says nothing that is not so.
    pub(super) fn commit(&mut self) -> Result<(), Error> {
        let done = self.maildir.commit().and_then(|()| self.state.commit());
        done.map_err(|error| failed(&self.path, error))
    }

    pub(super) fn note(&mut self, trouble: Trouble) {
        let note = Note {
            mailbox: self.name.to_owned(),
            trouble,
        };
        if !self.summary.notes.contains(&note) {
            self.summary.notes.push(note);
        }
    }

    /// Changes flags on the server, all messages with the same change in one command.
    async fn change_there(&mut self, plan: &Plan) -> Result<(), Error> {
        let mut alike: BTreeMap<(Vec<&str>, Vec<&str>), Vec<u32>> = BTreeMap::new();
        for (uid, change) in &plan.flags_there {
            let named = |flags: &'_ Flags| flags.iter().filter(|flag| self.keeps(flag)).count();
            if named(&change.add) + named(&change.remove) > 0 {
                let add = change
                    .add
                    .iter()
                    .map(AsRef::as_ref)
                    .filter(|flag| self.keeps(flag));
                let remove = change
                    .remove
                    .iter()
                    .map(AsRef::as_ref)
                    .filter(|flag| self.keeps(flag));
                alike
                    .entry((add.collect(), remove.collect()))
                    .or_default()
                    .push(*uid);
            }
        }
        for ((add, remove), uids) in alike {
            let count = uids.len() as u64;
            let uids = remote::ranges(uids);
            if !add.is_empty() {
                self.client.store(&uids, StoreWhat::Add, &add, None).await?;
            }
            if !remove.is_empty() {
                self.client.store(&uids, StoreWhat::Remove, &remove, None).await?;
            }
            self.summary.flags_there += count;
        }
        self.client.news();
        Ok(())
    }

    /// Changes the flags of a file, and notes what both sides have now. What a one-way run leaves stays a change.
    fn settle(&mut self, uid: u32, plan: &Plan, sides: &Sides, way: Way) -> Result<(), Error> {
        let Some(entry) = self.state.entries.get(&uid).cloned() else {
            return Ok(());
        };
        let (Some(there), Some(here)) = (sides.there.get(&uid), sides.here.get(&entry.unique)) else {
            return Ok(());
        };
        let nothing = Change::default();
        let mut held = here.clone();
        let to_user = plan.flags_here.get(&uid).unwrap_or(&nothing);
        if !to_user.is_empty() {
            let changed = self.maildir.change(&entry.unique, to_user);
            match changed.map_err(|error| failed(&self.path, error))? {
                Some(flags) => held = flags,
                None => {
                    self.note(Trouble::Busy);
                    return Ok(());
                }
            }
            self.summary.flags_here += 1;
        }
        let mut to_server = plan.flags_there.get(&uid).cloned().unwrap_or_default();
        to_server.add.retain(|flag| self.keeps(flag));
        let there = match way {
            Way::Both => to_server.apply(there),
            Way::Pull => there.clone(),
            Way::Push => to_server.apply(&entry.there),
        };
        let here = match way {
            Way::Both => held,
            Way::Push => here.clone(),
            Way::Pull => {
                let mut change = to_user.clone();
                change.add.retain(|flag| held.contains(flag));
                change.apply(&entry.here)
            }
        };
        self.state.set(
            uid,
            Entry {
                unique: entry.unique,
                there,
                here,
            },
        );
        Ok(())
    }

    /// Deletes on the server what nobody has changed there since it was looked at. `since`: what was the highest mod-sequence then.
    async fn delete_there(&mut self, uids: &BTreeSet<u32>, since: Option<u64>) -> Result<(), Error> {
        if uids.is_empty() {
            return Ok(());
        }
        let has_uidplus = self.client.has("UIDPLUS");
        let others = match has_uidplus {
            true => false,
            // EXPUNGE takes what others have marked with them.
            false => self.deleted_there().await?.iter().any(|uid| !uids.contains(uid)),
        };
        let since = since.filter(|_| self.client.has("CONDSTORE") || self.client.has("QRESYNC"));
        let gone = remote::ranges(uids.iter().copied());
        let changed = self
            .client
            .store(&gone, StoreWhat::Add, &["\\Deleted"], since)
            .await?;
        let changed: BTreeSet<u32> = changed.numbers().collect();
        let uids: BTreeSet<u32> = uids.difference(&changed).copied().collect();
        if !changed.is_empty() {
            self.note(Trouble::ChangedThere);
        }
        if has_uidplus {
            self.client.expunge(&remote::ranges(uids.iter().copied())).await?;
        } else if others || self.deleted_there().await?.iter().any(|uid| !uids.contains(uid)) {
            self.note(Trouble::NotExpunged);
            return Ok(());
        } else {
            self.client.expunge_all().await?;
        }
        self.client.news();
        self.summary.deleted_there += uids.len() as u64;
        uids.iter().for_each(|uid| drop(self.state.remove(*uid)));
        Ok(())
    }

    /// What is marked as deleted on the server.
    async fn deleted_there(&mut self) -> Result<BTreeSet<u32>, Error> {
        let marked = self.client.search(Query::new().deleted()).await?;
        Ok(marked.numbers().collect())
    }
}

/// The names of the files of a Maildir, without what changes in them.
pub(super) fn uniques(path: &Path) -> std::io::Result<Vec<Box<str>>> {
    Ok(Maildir::read(path.to_owned(), "")?.files.into_keys().collect())
}
