//! The server's side of one mailbox: which messages it has, with their flags, asked in the shortest way that it knows.

use std::collections::BTreeMap;

use types::Uid;

use super::identity::flags;
use super::state::{Flags, State};
use crate::error::Error;
use crate::imap::{Client, Fetched, Item, Known, Opened, Query, Ranges};

/// A response that has flags only is short.
const MAX_ITEM: usize = 1 << 20;

/// Opens the mailbox and says what it has. QRESYNC (RFC 7162 §3.2.5) says only what has changed, CONDSTORE (RFC 7162 §3.1.4.1) all uids
/// and the flags that have changed, and other servers all flags.
pub(super) async fn look(
    client: &mut Client,
    name: &str,
    state: &State,
) -> Result<(Opened, BTreeMap<u32, Flags>), Error> {
    let known = Known {
        uid_validity: state.uid_validity,
        mod_sequence: state.mod_sequence.unwrap_or_default(),
        uids: None,
    };
    let mut opened = client.resynchronize(name, &known).await?;
    // What was said of the mailbox that was open before is of no use.
    client.news();
    let changed = std::mem::take(&mut opened.changed);
    if opened.resynchronized && changed.iter().all(|message| message.uid.is_some()) {
        let mut there = before(state);
        for (first, last) in opened.vanished.0.iter().copied() {
            let gone: Vec<u32> = there
                .range(first.min(last)..=first.max(last))
                .map(|(uid, _)| *uid)
                .collect();
            gone.iter().for_each(|uid| drop(there.remove(uid)));
        }
        changed.iter().for_each(|message| take(&mut there, message));
        // A count that is not right says that something was missed.
        if there.len() as u64 == u64::from(opened.exists) {
            return Ok((opened, there));
        }
    }
    if opened.exists == 0 {
        return Ok((opened, BTreeMap::new()));
    }
    let is_same = state.uid_validity == opened.uid_validity && opened.uid_validity > 0;
    let since = state
        .mod_sequence
        .filter(|_| is_same && opened.highest_mod_sequence.is_some() && client.has("CONDSTORE"));
    let there = match since {
        Some(since) => changed_since(client, state, since).await?,
        None => all(client, state).await?,
    };
    Ok((opened, there))
}

fn before(state: &State) -> BTreeMap<u32, Flags> {
    let entries = state.entries.iter();
    entries.map(|(uid, entry)| (*uid, entry.there.clone())).collect()
}

fn take(there: &mut BTreeMap<u32, Flags>, message: &Fetched) {
    if let (Some(uid), Some(list)) = (message.uid, &message.flags) {
        there.insert(uid.0, flags(list));
    }
}

async fn changed_since(
    client: &mut Client,
    state: &State,
    since: u64,
) -> Result<BTreeMap<u32, Flags>, Error> {
    let uids = client.search(Query::new()).await?;
    let mut known = before(state);
    let mut there: BTreeMap<u32, Flags> = uids
        .numbers()
        .map(|uid| (uid, known.remove(&uid).unwrap_or_default()))
        .collect();
    let mut fetch = client.fetch_changed(&whole(&uids), &[Item::Flags], Some(since));
    while let Some(message) = fetch.whole(MAX_ITEM).await? {
        if message.uid.is_some_and(|uid| there.contains_key(&uid.0)) {
            take(&mut there, &message);
        }
    }
    Ok(there)
}

/// What is there is what SEARCH names: a flag that does not come deletes nothing.
async fn all(client: &mut Client, state: &State) -> Result<BTreeMap<u32, Flags>, Error> {
    let uids = client.search(Query::new()).await?;
    let mut there: BTreeMap<u32, Flags> = BTreeMap::new();
    let mut fetch = client.fetch(&whole(&uids), &[Item::Flags]);
    while let Some(message) = fetch.whole(MAX_ITEM).await? {
        take(&mut there, &message);
    }
    drop(fetch);
    if (there.len() as u64) < uids.count() {
        let again = client.search(Query::new()).await?;
        let mut known = before(state);
        for uid in again.numbers() {
            let flags = known.remove(&uid).unwrap_or_default();
            there.entry(uid).or_insert(flags);
        }
    }
    Ok(there)
}

/// One range from the first to the last is a shorter line than many with holes.
fn whole(uids: &Ranges) -> Ranges {
    let first = uids.numbers().min();
    match (first, uids.numbers().max()) {
        (Some(first), Some(last)) => Ranges(vec![(first, last)]),
        _ => Ranges::default(),
    }
}

/// Uids in ranges.
pub(super) fn ranges(uids: impl IntoIterator<Item = u32>) -> Ranges {
    uids.into_iter().map(Uid).collect()
}
