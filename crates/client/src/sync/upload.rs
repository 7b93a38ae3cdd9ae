//! Messages that go to the server: in groups, with their uids noted, or found again where the server does not say them.

use std::collections::BTreeSet;

use super::mailbox::Work;
use super::state::{Entry, Flags};
use super::summary::Trouble;
use super::{failed, identity};
use crate::error::Error;
use crate::imap::NewMessage;

/// Messages that go to the server in one command, and their octets, which are in memory.
const TOGETHER: usize = 50;
const TOGETHER_OCTETS: usize = 8 << 20;

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
        }
        self.append(group).await
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
        while let Some(mut group) = groups.pop().filter(|group| !group.is_empty()) {
            let messages = group
                .iter()
                .map(|(_, message, octets)| (message.clone(), octets.as_slice()));
            match self.client.append_all(self.name, messages.collect()).await {
                Ok(appended) => {
                    let is_here = appended.uid_validity == Some(self.state.uid_validity);
                    let uids: Vec<u32> = appended.uids.numbers().collect();
                    self.summary.uploaded += group.len() as u64;
                    if is_here && uids.len() == group.len() {
                        self.note_appended(uids, &group);
                    } else {
                        self.find_appended(group).await?;
                    }
                    self.state.commit().map_err(|error| failed(&self.path, error))?;
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

    fn note_appended(&mut self, uids: Vec<u32>, group: &[Outgoing]) {
        for (uid, (unique, message, _)) in uids.into_iter().zip(group) {
            let here = self.maildir.files.get(unique).map(|found| found.flags.clone());
            let there: Flags = message.flags.iter().map(|flag| flag.as_str().into()).collect();
            let entry = Entry {
                unique: unique.clone(),
                there,
                here: here.unwrap_or_default(),
            };
            self.state.set(uid, entry);
        }
    }

    /// A server without UIDPLUS does not say where they are.
    async fn find_appended(&mut self, group: Vec<Outgoing>) -> Result<(), Error> {
        self.client.noop().await?;
        let there = self.client.search(crate::imap::Query::new()).await?;
        let uids: BTreeSet<u32> = there
            .numbers()
            .filter(|uid| !self.state.entries.contains_key(uid))
            .collect();
        let here = group
            .iter()
            .map(|(unique, message, octets)| (unique.clone(), identity::of(octets, message.size)));
        let found = identity::find(self.client, &uids, here.collect()).await?;
        for one in group {
            if let Some(uid) = found.get(&one.0) {
                self.note_appended(vec![*uid], &[one]);
            }
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
