//! Who has `\\Recent` (RFC 3501 §2.3.2): one session only. Where several are told of a message at once, it is one of them; which,
//! shows later.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Model, Order};
use crate::told::{Recent, View};

/// By mailbox and uid: the openings that were told of the message in a step, and whether they take `\Recent`. Under the uid
/// that is never given out: up to which uid, in the place of an opening, they were told.
pub type News = BTreeMap<(u32, u32), Vec<(u64, bool)>>;

/// A client has just been told of what is new in its view.
pub fn note_news(news: &mut News, view: &View, next_uid: u32) {
    let takes = !view.read_only;
    for entry in &view.entries {
        if let (Some(uid), Recent::New(_)) = (entry.uid, entry.recent) {
            let told = news.entry((view.mailbox, uid)).or_default();
            if !told.contains(&(view.opening, takes)) {
                told.push((view.opening, takes));
            }
        }
    }
    if takes {
        let told = news.entry((view.mailbox, u32::MAX)).or_default();
        told.push((next_uid.into(), true));
    }
}

impl Model {
    /// Who has `\Recent` (RFC 3501 §2.3.2: the first session that is told, if it can write, and no other).
    pub fn settle_recent(&mut self, steps: &Order) -> Result<(), String> {
        for session in &mut self.sessions {
            let Some(view) = &mut session.view else { continue };
            let mark = self.marks.get(&view.mailbox).copied().unwrap_or(1);
            for entry in &mut view.entries {
                let Some(uid) = entry.uid else { continue };
                if let Recent::New(seen) = entry.recent {
                    let told = steps
                        .news
                        .get(&(view.mailbox, uid))
                        .map_or(&[][..], Vec::as_slice);
                    let takers = told.iter().filter(|(_, takes)| *takes).count();
                    let settled = match (uid >= mark, view.read_only, takers) {
                        (false, ..) => Recent::No,
                        (true, true, 0) | (true, false, 1) => Recent::Yes,
                        _ => Recent::Maybe,
                    };
                    if settled == Recent::Maybe && !view.read_only {
                        let openings = told
                            .iter()
                            .filter(|(_, takes)| *takes)
                            .map(|(opening, _)| *opening);
                        self.claims
                            .entry((view.mailbox, uid))
                            .or_insert_with(|| openings.collect());
                    }
                    entry.recent = match (settled, seen) {
                        (Recent::Yes, Some(false)) => {
                            return Err(format!("uid {uid} is new and not \\Recent"));
                        }
                        (Recent::No, Some(true)) => {
                            return Err(format!("uid {uid} is \\Recent a second time"));
                        }
                        (Recent::Maybe, Some(true)) => Recent::Yes,
                        (Recent::Maybe, Some(false)) => Recent::No,
                        (settled, _) => settled,
                    };
                }
            }
        }
        for ((mailbox, uid), told) in &steps.news {
            if *uid == u32::MAX {
                let next = told
                    .iter()
                    .map(|(next, _)| u32::try_from(*next).unwrap_or(0))
                    .max();
                let mark = self.marks.entry(*mailbox).or_insert(1);
                *mark = next.unwrap_or(1).max(*mark);
            }
        }
        self.settle_claims()?;
        let last = steps.worlds.last().expect("there is the one before");
        self.sessions
            .iter()
            .filter_map(|s| s.view.as_ref())
            .try_for_each(|view| view.check_recent_count(last))
    }

    /// Of those who were told at once, exactly one has it.
    fn settle_claims(&mut self) -> Result<(), String> {
        for ((mailbox, uid), openings) in &mut self.claims {
            let mut owner = None;
            for view in self.sessions.iter().filter_map(|session| session.view.as_ref()) {
                if view.mailbox != *mailbox || !openings.contains(&view.opening) {
                    continue;
                }
                match view
                    .entries
                    .iter()
                    .find(|entry| entry.uid == Some(*uid))
                    .map(|entry| entry.recent)
                {
                    Some(Recent::Yes) if owner.is_some() => {
                        return Err(format!("uid {uid} is \\Recent in two sessions"));
                    }
                    Some(Recent::Yes) => owner = Some(view.opening),
                    Some(Recent::No) => _ = openings.remove(&view.opening),
                    _ => {}
                }
            }
            if openings.is_empty() {
                return Err(format!("uid {uid} was new and is \\Recent nowhere"));
            }
            if let Some(owner) = owner {
                *openings = BTreeSet::from([owner]);
            }
            let [one] = openings.iter().collect::<Vec<_>>()[..] else {
                continue;
            };
            for view in self
                .sessions
                .iter_mut()
                .filter_map(|session| session.view.as_mut())
            {
                if view.mailbox != *mailbox || view.read_only {
                    continue;
                }
                let is_owner = view.opening == *one;
                let maybe = view
                    .entries
                    .iter_mut()
                    .filter(|e| e.uid == Some(*uid) && e.recent == Recent::Maybe);
                maybe.for_each(|entry| entry.recent = if is_owner { Recent::Yes } else { Recent::No });
            }
        }
        self.claims.retain(|_, openings| openings.len() > 1);
        Ok(())
    }
}
