//! Messages that go to the server: in groups, with their uids noted, or found again where the server does not say them.

use std::collections::BTreeSet;

use super::identity::Local;
use super::mailbox::Work;
use super::state::{Entry, Flags};
use super::summary::Trouble;
use super::{failed, identity};
use crate::error::Error;
use crate::imap::NewMessage;

/// Messages that go to the server in one command, and their octets, which are in memory.
const TOGETHER: usize = 50;
const TOGETHER_OCTETS: usize = 8 << 20;

/// A message that the server has.
#[derive(Debug)]
pub(super) struct Sent {
    unique: Box<str>,
    local: Local,
    /// The flags that it has there.
    flags: Flags,
}

/// The unique name of a message, what the server is told of it, and its octets.
type Outgoing = (Box<str>, NewMessage, Vec<u8>);

impl Work<'_> {
    pub(super) async fn upload(&mut self, uniques: &BTreeSet<Box<str>>) -> Result<(), Error> {
        // Without MULTIAPPEND the uids of a group that is refused in its middle would not be known.
        let together = if self.client.has("MULTIAPPEND") {
            TOGETHER
        } else {
            1
        };
        uniques.iter().for_each(|unique| self.state.set_going(unique));
        self.commit()?;
        let mut group: Vec<Outgoing> = Vec::new();
        let mut octets = 0;
        for unique in uniques {
            let Some(outgoing) = self.outgoing(unique)? else {
                continue;
            };
            octets += outgoing.2.len();
            group.push(outgoing);
            if group.len() >= together || octets >= TOGETHER_OCTETS {
                self.append(std::mem::take(&mut group)).await?;
                octets = 0;
            }
            if self.unplaced.len() >= TOGETHER {
                self.place().await?;
            }
        }
        self.append(group).await?;
        self.place().await?;
        self.commit()
    }

    /// A message on its way to the server; nothing where its file has another name now.
    fn outgoing(&mut self, unique: &str) -> Result<Option<Outgoing>, Error> {
        let Some(found) = self.maildir.files.get(unique).cloned() else {
            return Ok(None);
        };
        let read =
            identity::read(&found.path).and_then(|octets| Ok((octets, std::fs::metadata(&found.path)?)));
        let (octets, about) = match read {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.note(Trouble::Busy);
                return Ok(None);
            }
            Err(error) => return Err(failed(&found.path, error)),
        };
        let flags = found
            .flags
            .into_iter()
            .filter(|flag| self.keeps(flag))
            .map(String::from);
        let received = about
            .modified()
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let received = received.and_then(|since| i64::try_from(since.as_secs()).ok());
        let header = match octets.is_ascii() {
            true => crate::imap::Mode::Ascii,
            false => mode_of(&octets),
        };
        let message = NewMessage {
            size: octets.len() as u64,
            flags: flags.collect(),
            received: received.map(types::Timestamp),
            header,
        };
        Ok(Some((unique.into(), message, octets)))
    }

    pub(super) fn keeps(&self, flag: &str) -> bool {
        self.kept
            .as_ref()
            .is_none_or(|kept| kept.contains(&flag.to_ascii_lowercase()))
    }

    /// Adds a group, or each of it where the server refuses it as a whole.
    async fn append(&mut self, group: Vec<Outgoing>) -> Result<(), Error> {
        let mut groups = vec![group];
        let together = groups.iter().map(Vec::len).max().unwrap_or_default();
        while let Some(mut group) = groups.pop().filter(|group| !group.is_empty()) {
            let messages = group
                .iter()
                .map(|(_, message, octets)| (message.clone(), octets.as_slice()));
            match self.client.append_all(self.name, messages.collect()).await {
                Ok(appended) => {
                    let is_here = appended.uid_validity == Some(self.state.uid_validity);
                    let uids: Vec<u32> = appended.uids.numbers().collect();
                    self.summary.uploaded += group.len() as u64;
                    let group = group.into_iter().map(|(unique, message, octets)| Sent {
                        local: Local::new(&octets).going(),
                        flags: message.flags.iter().map(|flag| flag.as_str().into()).collect(),
                        unique,
                    });
                    match is_here && uids.len() == group.len() {
                        true => uids
                            .into_iter()
                            .zip(group)
                            .for_each(|(uid, sent)| self.note_sent(uid, sent)),
                        false => self.unplaced.extend(group),
                    }
                    self.sent += 1;
                    // One that is not noted is found again by its identity.
                    if together > 1 || self.sent.is_multiple_of(TOGETHER) {
                        self.commit()?;
                    }
                }
                Err(error) => match (error.said(), group.len()) {
                    (None, _) => return Err(error),
                    (Some(said), 1) => self.note(Trouble::Refused(said.clone())),
                    (Some(_), _) => groups.extend(group.drain(..).map(|one| vec![one])),
                },
            }
        }
        Ok(())
    }

    fn note_sent(&mut self, uid: u32, sent: Sent) {
        let here = self.maildir.files.get(&sent.unique);
        let here = here.map(|found| found.flags.clone()).unwrap_or_default();
        self.seen.insert(uid);
        let (unique, there) = (sent.unique, sent.flags);
        self.state.set(uid, Entry { unique, there, here });
    }

    /// A server without UIDPLUS does not say where they are: they are among the uids that nobody has seen.
    async fn place(&mut self) -> Result<(), Error> {
        if self.unplaced.is_empty() {
            return Ok(());
        }
        self.client.noop().await?;
        let there = self.client.search(crate::imap::Query::new()).await?;
        let mut uids: BTreeSet<u32> = there.numbers().filter(|uid| !self.seen.contains(uid)).collect();
        let sent = std::mem::take(&mut self.unplaced);
        let here = sent.iter().map(|sent| (sent.unique.clone(), sent.local));
        let found = identity::find(self.client, &uids, here.collect()).await?;
        uids.retain(|uid| !found.values().any(|found| found == uid));
        let (placed, left): (Vec<Sent>, Vec<Sent>) = sent
            .into_iter()
            .partition(|sent| found.contains_key(&sent.unique));
        for sent in placed {
            if let Some(uid) = found.get(&sent.unique) {
                self.note_sent(*uid, sent);
            }
        }
        // One that the server has altered beyond recognition is the only one that is left.
        let mut left = left.into_iter();
        if let (Some(sent), None, Some(uid), 1) = (left.next(), left.next(), uids.first(), uids.len()) {
            self.note_sent(*uid, sent);
        }
        Ok(())
    }
}

fn mode_of(octets: &[u8]) -> crate::imap::Mode {
    let end = octets
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or(octets.len());
    let header = octets.get(..end).unwrap_or_default();
    match !header.is_ascii() && std::str::from_utf8(header).is_ok() {
        true => crate::imap::Mode::Utf8,
        false => crate::imap::Mode::Ascii,
    }
}
