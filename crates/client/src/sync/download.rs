//! Messages that come from the server: asked for ahead, and brought onto stable storage in batches, each before the state names it.

use std::collections::{BTreeMap, BTreeSet};

use super::local::{Incoming, Maildir, digest_of};
use super::mailbox::Work;
use super::state::Entry;
use super::summary::Trouble;
use super::{failed, identity, remote};
use crate::error::Error;
use crate::imap::{Fetched, Got, Item, Octets, Section};

/// A batch is brought onto stable storage when it has so many messages, or octets.
const BATCH: usize = 500;
const BATCH_OCTETS: u64 = 32 << 20;

impl Work<'_> {
    pub(super) async fn download(&mut self, uids: &BTreeSet<u32>) -> Result<(), Error> {
        let uids = remote::ranges(uids.iter().copied());
        let path = self.path.clone();
        let io = |error| failed(&path, error);
        let (mut batch, mut octets) = (Vec::new(), 0);
        let (mut incoming, mut refused) = (None, Vec::new());
        let digest = |uid| digest_of(&format!("{}/{}.{uid}", self.id, self.state.uid_validity));
        let digests: BTreeMap<u32, String> = uids.numbers().map(|uid| (uid, digest(uid))).collect();
        let mut fetch = self
            .client
            .fetch(&uids, &[Item::Flags, Item::InternalDate, Item::message()]);
        while let Some(got) = fetch.next().await? {
            match got {
                Got::Refused(said) => refused.push(said),
                Got::Body(_) => {
                    let mut writing = self.maildir.begin().map_err(io)?;
                    while let Some(piece) = fetch.piece().await? {
                        writing.write(&piece).map_err(io)?;
                        octets += piece.len() as u64;
                    }
                    incoming = Some(writing);
                }
                Got::Message(message) => {
                    let writing = incoming.take();
                    let ended = end(&mut self.maildir, &message, writing, &digests).map_err(io)?;
                    batch.extend(ended);
                }
            }
            if batch.len() >= BATCH || octets >= BATCH_OCTETS {
                self.maildir.commit().map_err(io)?;
                self.summary.downloaded += batch.len() as u64;
                batch
                    .drain(..)
                    .for_each(|(uid, entry)| self.state.set(uid, entry));
                self.state.commit().map_err(io)?;
                octets = 0;
            }
        }
        drop(fetch);
        self.maildir.commit().map_err(io)?;
        self.summary.downloaded += batch.len() as u64;
        batch
            .into_iter()
            .for_each(|(uid, entry)| self.state.set(uid, entry));
        refused
            .into_iter()
            .for_each(|said| self.note(Trouble::Refused(said)));
        self.commit()
    }
}

/// Ends a message, whose octets came before or are in it.
fn end(
    maildir: &mut Maildir,
    message: &Fetched,
    writing: Option<Incoming>,
    digests: &BTreeMap<u32, String>,
) -> std::io::Result<Option<(u32, Entry)>> {
    let digest = message
        .uid
        .and_then(|uid| digests.get(&uid.0).map(|digest| (uid.0, digest)));
    let part = message
        .parts
        .iter()
        .find(|part| part.section == Section::default());
    let (Some((uid, digest)), Some(part)) = (digest, part) else {
        return writing.map_or(Ok(()), Incoming::abandon).map(|()| None);
    };
    let received = message.received.map(|moment| moment.0);
    let unique = format!("{}.H{digest}.posthouse", received.unwrap_or_default());
    if maildir.files.contains_key(&*unique) {
        // The server says it twice.
        return writing.map_or(Ok(()), Incoming::abandon).map(|()| None);
    }
    let writing = match (&part.octets, writing) {
        (Octets::Streamed, Some(writing)) => writing,
        (Octets::Kept(octets), _) => {
            let mut writing = maildir.begin()?;
            writing.write(octets)?;
            writing
        }
        _ => return Ok(None),
    };
    let there = identity::flags(message.flags.as_deref().unwrap_or_default());
    let here = maildir.end(writing, &unique, received, &there)?;
    Ok(Some((
        uid,
        Entry {
            unique: unique.into(),
            there,
            here,
        },
    )))
}
