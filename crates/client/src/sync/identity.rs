//! Which message of one side is which of the other, where no uid says it: the same size, Message-ID, date, sender and subject; without a
//! Message-ID the same octets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256, digest};
use types::Uid;

use super::state::Flags;
use crate::error::Error;
use crate::imap::{Client, Got, Item, Octets, Ranges};

/// A message that is larger is not taken by any server that is known.
const MAX_MESSAGE: u64 = 1 << 30;

/// Fields of a header that are longer have no end.
const MAX_HEADER: usize = 1 << 20;

/// What tells messages apart.
const FIELDS: [&str; 4] = ["Message-ID", "Date", "From", "Subject"];

/// What a message is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    /// With CRLF at the ends of lines.
    pub(super) size: u64,
    fields: [u8; 32],
    /// Without a Message-ID others may have the same.
    has_id: bool,
}

/// A message of the Maildir.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    identity: Identity,
    contents: [u8; 32],
    /// Whether a sync that did not end may have brought it to the server, which may have changed its size: then Message-ID and the other
    /// fields are enough.
    is_going: bool,
}

impl Local {
    pub(super) fn new(octets: &[u8]) -> Self {
        Local {
            identity: of(octets, octets.len() as u64),
            contents: sha256(octets),
            is_going: false,
        }
    }

    /// One that may be on the server, with another size.
    pub(super) fn going(self) -> Self {
        Local {
            is_going: true,
            ..self
        }
    }
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    let digest = digest(&SHA256, octets);
    digest.as_ref().try_into().expect("SHA-256 has 32 octets")
}

/// A message of a file as it goes over the wire: lines end in CRLF.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    File::open(path)?.take(MAX_MESSAGE).read_to_end(&mut octets)?;
    let mut message = Vec::with_capacity(octets.len() + octets.len() / 32);
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                message.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
                message.extend_from_slice(b"\r\n");
            }
            None => message.extend_from_slice(line),
        }
    }
    Ok(message)
}

/// The identity of a message, by its header or the fields that count.
pub(super) fn of(header: &[u8], size: u64) -> Identity {
    let mut fields: Vec<Vec<u8>> = Vec::new();
    let (mut counts, mut has_id) = (false, false);
    for line in header.split(|octet| *octet == b'\n') {
        if line.trim_ascii().is_empty() {
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|octet| *octet == b':').next().unwrap_or_default();
            let is = |field: &str| field.as_bytes().eq_ignore_ascii_case(name.trim_ascii());
            counts = FIELDS.iter().any(|field| is(field));
            has_id |= is("Message-ID");
            if counts {
                fields.push(Vec::new());
            }
        }
        if let Some(field) = fields.last_mut().filter(|_| counts) {
            let seen = line.iter().filter(|octet| !octet.is_ascii_whitespace());
            field.extend(seen.map(u8::to_ascii_lowercase));
        }
    }
    fields.sort_unstable();
    Identity {
        size,
        fields: sha256(&fields.join(&b'\n')),
        has_id,
    }
}

/// Finds messages of the server among those of the Maildir: the uid of each unique name.
pub(super) async fn find(
    client: &mut Client,
    uids: &BTreeSet<u32>,
    here: BTreeMap<Box<str>, Local>,
) -> Result<BTreeMap<Box<str>, u32>, Error> {
    let sizes: BTreeSet<u64> = here.values().map(|local| local.identity.size).collect();
    let is_exact = here.values().all(|local| !local.is_going);
    let there = of_server(client, uids, |size| !is_exact || sizes.contains(&size)).await?;
    let mut same: BTreeMap<Identity, Vec<u32>> = BTreeMap::new();
    for (uid, identity) in there.into_iter().rev() {
        same.entry(identity).or_default().push(uid);
    }
    let mut found = BTreeMap::new();
    let mut left = Vec::new();
    for (unique, local) in here {
        let uids = same.entry(local.identity).or_default();
        let uid = match local.identity.has_id {
            true => uids.pop(),
            false => with_contents(client, uids, local.contents).await?,
        };
        match uid {
            Some(uid) => drop(found.insert(unique, uid)),
            None if local.is_going && local.identity.has_id => left.push((unique, local)),
            None => {}
        }
    }
    for (unique, local) in left {
        let alike = same
            .iter_mut()
            .find(|(identity, uids)| identity.fields == local.identity.fields && !uids.is_empty());
        if let Some(uid) = alike.and_then(|(_, uids)| uids.pop()) {
            found.insert(unique, uid);
        }
    }
    Ok(found)
}

/// The identities of messages of the server whose sizes are wanted.
pub(super) async fn of_server(
    client: &mut Client,
    uids: &BTreeSet<u32>,
    is_wanted: impl Fn(u64) -> bool,
) -> Result<BTreeMap<u32, Identity>, Error> {
    let uids: Ranges = uids.iter().copied().map(Uid).collect();
    let mut sizes = BTreeMap::new();
    let mut fetch = client.fetch(&uids, &[Item::Size]);
    while let Some(message) = fetch.whole(MAX_HEADER).await? {
        if let (Some(uid), Some(size)) = (message.uid, message.size.filter(|size| is_wanted(*size))) {
            sizes.insert(uid.0, size);
        }
    }
    let mut found = BTreeMap::new();
    let uids: Ranges = sizes.keys().copied().map(Uid).collect();
    let mut fetch = client.fetch(&uids, &[Item::header_fields(&FIELDS)]);
    while let Some(message) = fetch.whole(MAX_HEADER).await? {
        let header = message.parts.iter().find_map(|part| match &part.octets {
            Octets::Kept(octets) => Some(octets),
            Octets::Streamed | Octets::None => None,
        });
        if let (Some(uid), Some(header)) = (message.uid, header)
            && let Some(size) = sizes.get(&uid.0)
        {
            found.insert(uid.0, of(header, *size));
        }
    }
    Ok(found)
}

/// Takes the message out that has these octets: without a Message-ID nothing less tells messages apart.
async fn with_contents(
    client: &mut Client,
    uids: &mut Vec<u32>,
    wanted: [u8; 32],
) -> Result<Option<u32>, Error> {
    let ranges: Ranges = uids.iter().copied().map(Uid).collect();
    let mut found = None;
    let mut streamed = Context::new(&SHA256);
    let mut fetch = client.fetch(&ranges, &[Item::message()]);
    while let Some(got) = fetch.next().await? {
        match got {
            Got::Refused(_) => {}
            Got::Body(_) => {
                streamed = Context::new(&SHA256);
                while let Some(piece) = fetch.piece().await? {
                    streamed.update(&piece);
                }
            }
            Got::Message(message) => {
                let digest = match message.parts.first().map(|part| &part.octets) {
                    Some(Octets::Kept(octets)) => digest(&SHA256, octets),
                    Some(Octets::Streamed) => streamed.clone().finish(),
                    _ => continue,
                };
                found = message
                    .uid
                    .filter(|_| digest.as_ref() == wanted)
                    .map(|uid| uid.0)
                    .or(found);
            }
        }
    }
    uids.retain(|uid| Some(*uid) != found);
    Ok(found)
}

/// Flags as the server has them, without those that are of a session.
pub(super) fn flags(flags: &[crate::imap::ServerFlag]) -> Flags {
    use crate::imap::ServerFlag::{NewKeywords, Recent};
    let lasting = flags.iter().filter(|flag| !matches!(flag, Recent | NewKeywords));
    lasting.map(|flag| flag.name().into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_count_and_not_how_they_are_folded() {
        let one = of(
            b"Received: x\r\nSubject: a\r\n b\r\nmessage-id: <1@x>\r\n\r\nDate: no\r\n",
            9,
        );
        assert_eq!(one, of(b"Message-ID:  <1@x>\nSUBJECT: ab\n\n", 9));
        assert_ne!(one, of(b"Message-ID:  <2@x>\nSUBJECT: ab\n\n", 9));
        assert_ne!(one, of(b"Message-ID:  <1@x>\nSUBJECT: ab\n\n", 8));
    }
}
