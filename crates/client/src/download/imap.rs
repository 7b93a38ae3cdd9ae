//! From a mailbox of an IMAP server into files.

use std::collections::HashSet;

use jiff::Timestamp;
use message::Marks;
use types::{KeywordName, Uid};

use super::summary::{Keep, Summary};
use super::target::{Arrival, Target};
use crate::error::{Error, Said};
use crate::imap::{Client, Fetched, Got, Item, Octets, Query, Ranges, ServerFlag, StoreWhat};

/// Fetches what is new in a mailbox, with flags and dates. `told` hears of every piece: messages so far, of how many, and octets so far.
///
/// A message is known by its uid and the mailbox's validity: where the server gives the mailbox another one, everything is fetched again,
/// as nothing tells what is the same (RFC 9051 §2.3.1.1).
///
/// # Errors
/// When the server refuses or is gone, or something cannot be written. What was committed stays, and is not fetched again.
pub async fn from_imap(
    client: &mut Client,
    mailbox: &str,
    mut target: Target,
    keep: Keep,
    mut told: impl FnMut(u64, u64, u64),
) -> Result<Summary, Error> {
    // Not EXAMINE: Courier keeps the validity and the uids that it gives only when the mailbox is selected, so that what was fetched
    // would come again, or hide what is new.
    let opened = client.select(mailbox).await?;
    let there = match opened.exists {
        0 => Ranges::default(),
        _ => client.search(Query::new()).await?,
    };
    let id_of = |uid: Uid| format!("{}.{}", opened.uid_validity, uid.0);
    let ids: Vec<String> = there.uids().map(id_of).collect();
    target.note_found(ids.iter().map(String::as_str))?;
    let new: Ranges = there.uids().filter(|uid| !target.has(&id_of(*uid))).collect();
    let mut summary = Summary {
        known: there.count() - new.count(),
        ..Summary::default()
    };
    let total = new.count();
    let mut taken = HashSet::new();
    // What is said of a message comes before its octets, so that a file can be given its name at once.
    let items = [Item::Flags, Item::InternalDate, Item::message()];
    let mut fetch = client.fetch(&new, &items);
    while let Some(got) = fetch.next().await? {
        match got {
            Got::Refused(said) => summary.refused.push((0, said)),
            Got::Body(body) => {
                target.begin(arrival(&body.so_far))?;
                while let Some(piece) = fetch.piece().await? {
                    target.write(&piece)?;
                    summary.octets += piece.len() as u64;
                    told(summary.fetched, total, summary.octets);
                }
            }
            Got::Message(message) => {
                let is_wanted = |uid: &Uid| new.contains(uid.0) && !taken.contains(&uid.0);
                let Some(uid) = message.uid.filter(is_wanted) else {
                    // Flags that changed meanwhile, or octets, of a message that was not asked for, or that came already.
                    target.abandon()?;
                    continue;
                };
                if end(&message, &id_of(uid), &mut target, &mut summary)? {
                    taken.insert(uid.0);
                    told(summary.fetched, total, summary.octets);
                }
                if target.is_full() {
                    target.commit()?;
                }
            }
        }
    }
    drop(fetch);
    target.commit()?;
    let gone: Ranges = there
        .uids()
        .filter(|uid| is_to_go(&target, &id_of(*uid), keep))
        .collect();
    summary.deleted = delete(client, &gone, &mut summary).await?;
    target.close()?;
    Ok(summary)
}

/// Ends a message, whose octets came before or are in it.
fn end(message: &Fetched, id: &str, target: &mut Target, summary: &mut Summary) -> Result<bool, Error> {
    let part = message
        .parts
        .iter()
        .find(|part| part.section == crate::imap::Section::default());
    let octets = match part.map(|part| &part.octets) {
        Some(Octets::Streamed) => None,
        Some(Octets::Kept(octets)) => Some(octets),
        // No octets: it was expunged meanwhile, or its flags have changed.
        Some(Octets::None) | None => {
            target.abandon()?;
            return Ok(false);
        }
    };
    if target.has(id) {
        target.abandon()?;
        return Ok(false);
    }
    if let Some(octets) = octets {
        target.begin(arrival(message))?;
        target.write(octets)?;
        summary.octets += octets.len() as u64;
    }
    target.arrived(arrival(message));
    target.end(id)?;
    summary.fetched += 1;
    Ok(true)
}

fn is_to_go(target: &Target, id: &str, keep: Keep) -> bool {
    let before = match keep {
        Keep::All => return false,
        Keep::Nothing => i64::MAX,
        Keep::Days(days) => Timestamp::now().as_second() - i64::from(days) * 86_400,
    };
    target.time_of(id).is_some_and(|time| time <= before)
}

/// Deletes messages; a server that cannot expunge them alone (RFC 4315) only marks them, and that is said.
async fn delete(client: &mut Client, gone: &Ranges, summary: &mut Summary) -> Result<u64, Error> {
    if gone.count() == 0 {
        return Ok(0);
    }
    client.store(gone, StoreWhat::Add, &["\\Deleted"], None).await?;
    if client.has("UIDPLUS") {
        client.expunge(gone).await?;
        return Ok(gone.count());
    }
    summary.refused.push((
        0,
        Said {
            code: None,
            detail: None,
            text: "no UIDPLUS: messages are marked as deleted, and stay until somebody expunges the mailbox"
                .into(),
        },
    ));
    Ok(0)
}

/// Flags as the marks that files keep.
#[must_use]
pub fn marks_of(flags: &[ServerFlag]) -> Marks {
    let mut marks = Marks::default();
    for flag in flags {
        match flag {
            ServerFlag::System(keyword) => marks.set(*keyword),
            ServerFlag::Other(name) => {
                if let Ok(name) = KeywordName::check(name) {
                    marks.name(name);
                }
            }
            ServerFlag::Recent | ServerFlag::NewKeywords => {}
        }
    }
    marks
}

/// What the server says of a message, for its file.
fn arrival(message: &Fetched) -> Arrival {
    let octets = message.parts.iter().find_map(|part| match &part.octets {
        Octets::Kept(octets) => Some(octets),
        Octets::Streamed | Octets::None => None,
    });
    let sender = octets.and_then(|octets| super::pop3::sender(octets));
    Arrival {
        received: message.received.map(|moment| moment.0),
        sender: sender.unwrap_or_default(),
        marks: marks_of(message.flags.as_deref().unwrap_or_default()),
    }
}
