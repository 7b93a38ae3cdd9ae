//! Which message of one side is which of the other, where no uid says it: the same size, Message-ID, date, sender and subject.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use types::Uid;

use super::state::Flags;
use crate::error::Error;
use crate::imap::{Client, Item, Octets, Ranges};

/// A message that is larger is not taken by any server that is known.
const MAX_MESSAGE: u64 = 1 << 30;

/// Fields of a header that are longer have no end.
const MAX_HEADER: usize = 1 << 20;

/// What tells messages apart.
const FIELDS: [&str; 4] = ["Message-ID", "Date", "From", "Subject"];

/// A size with CRLF at the ends of lines, and a digest of the fields.
pub(super) type Identity = (u64, [u8; 32]);

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
    let mut counts = false;
    for line in header.split(|octet| *octet == b'\n') {
        if line.trim_ascii().is_empty() {
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|octet| *octet == b':').next().unwrap_or_default();
            let is = |field: &str| field.as_bytes().eq_ignore_ascii_case(name.trim_ascii());
            counts = FIELDS.iter().any(|field| is(field));
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
    let digest = digest(&SHA256, &fields.join(&b'\n'));
    (size, digest.as_ref().try_into().expect("SHA-256 has 32 octets"))
}

/// Finds messages of the server among those of the Maildir: the uid of each unique name.
pub(super) async fn find(
    client: &mut Client,
    uids: &BTreeSet<u32>,
    here: BTreeMap<Box<str>, Identity>,
) -> Result<BTreeMap<Box<str>, u32>, Error> {
    let sizes: BTreeSet<u64> = here.values().map(|identity| identity.0).collect();
    let uids: Ranges = uids.iter().copied().map(Uid).collect();
    let mut alike = BTreeMap::new();
    let mut fetch = client.fetch(&uids, &[Item::Size]);
    while let Some(message) = fetch.whole(MAX_HEADER).await? {
        if let (Some(uid), Some(size)) = (message.uid, message.size.filter(|size| sizes.contains(size))) {
            alike.insert(uid.0, size);
        }
    }
    let mut waiting: BTreeMap<Identity, Vec<Box<str>>> = BTreeMap::new();
    for (unique, identity) in here {
        waiting.entry(identity).or_default().push(unique);
    }
    let mut found = BTreeMap::new();
    let uids: Ranges = alike.keys().copied().map(Uid).collect();
    let mut fetch = client.fetch(&uids, &[Item::header_fields(&FIELDS)]);
    while let Some(message) = fetch.whole(MAX_HEADER).await? {
        let header = message.parts.iter().find_map(|part| match &part.octets {
            Octets::Kept(octets) => Some(octets),
            Octets::Streamed | Octets::None => None,
        });
        let (Some(uid), Some(header)) = (message.uid, header) else {
            continue;
        };
        let Some(size) = alike.remove(&uid.0) else {
            continue;
        };
        let same = waiting.get_mut(&of(header, size));
        if let Some(unique) = same.and_then(Vec::pop) {
            found.insert(unique, uid.0);
        }
    }
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
