//! What is in a mailbox, and which messages of two mailboxes are the same: those with the same fields and the same size; where a server says
//! other sizes than messages have, those with the same fields and the same octets.

use std::collections::{HashMap, VecDeque};

use ::aws_lc_rs::digest::{Context, SHA256};
use types::{Timestamp, Uid};

use crate::error::Error;
use crate::imap::{Client, Got, Item, Octets, Query, Ranges, ServerFlag};
use message::Message;

/// Fields that tell messages apart: Message-ID, and others for those that have none.
const FIELDS: [&str; 4] = ["Message-ID", "Date", "From", "Subject"];

/// Messages that are read back in one step.
pub(super) const STEP: usize = 200;

/// Some megabytes of these fields are no message.
const MAX_FIELDS: usize = 16 << 20;

/// Enough of a subject to tell a person which message it is.
const MAX_SUBJECT: usize = 400;

/// What is the same for the same message: a hash of its fields and its size.
pub(super) type Key = [u8; 32];

/// A message of a mailbox, before its octets.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) uid: u32,
    pub(super) size: u64,
    pub(super) received: Option<Timestamp>,
    pub(super) flags: Vec<ServerFlag>,
    pub(super) key: Key,
    /// The same without the size.
    pub(super) fields: Key,
    /// The field, as much of it as tells a person which message it is.
    subject: Box<[u8]>,
}

impl Seen {
    /// For people.
    pub(super) fn subject(&self) -> String {
        Message::parse(&self.subject).subject()
    }
}

/// The messages of the mailbox that is open, by uid.
pub(super) async fn look(client: &mut Client, exists: u32) -> Result<Vec<Seen>, Error> {
    if exists == 0 {
        return Ok(Vec::new());
    }
    let all = client.search(Query::new()).await?;
    let items = [
        Item::Flags,
        Item::InternalDate,
        Item::Size,
        Item::header_fields(&FIELDS),
    ];
    let mut fetch = client.fetch(&all, &items);
    let mut seen = Vec::new();
    while let Some(message) = fetch.whole(MAX_FIELDS).await? {
        let Some(uid) = message.uid else { continue };
        let size = message.size.unwrap_or_default();
        let fields = message.parts.iter().find_map(|part| match &part.octets {
            Octets::Kept(octets) => Some(octets.as_ref()),
            Octets::Streamed | Octets::None => None,
        });
        let fields = fields.unwrap_or_default();
        seen.push(Seen {
            uid: uid.0,
            size,
            received: message.received,
            flags: message.flags.unwrap_or_default(),
            key: key(fields, Some(size)),
            fields: key(fields, None),
            subject: subject(fields),
        });
    }
    seen.sort_by_key(|seen| seen.uid);
    seen.dedup_by_key(|seen| seen.uid);
    Ok(seen)
}

/// Servers fold lines anew, and put fields into another order.
pub(super) fn key(fields: &[u8], size: Option<u64>) -> Key {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in fields.split(|octet| *octet == b'\n') {
        let text = line.iter().copied().filter(|octet| !octet.is_ascii_whitespace());
        match (line.first(), lines.last_mut()) {
            (Some(b' ' | b'\t'), Some(last)) => last.extend(text),
            _ => lines.push(text.collect()),
        }
    }
    for line in &mut lines {
        let name = line.iter().position(|octet| *octet == b':').unwrap_or_default();
        line.iter_mut()
            .take(name)
            .for_each(|octet| octet.make_ascii_lowercase());
    }
    lines.retain(|line| !line.is_empty());
    lines.sort();
    let mut hash = Context::new(&SHA256);
    hash.update(&size.map_or([0xff; 8], u64::to_be_bytes));
    for line in lines {
        hash.update(&line);
        hash.update(b"\n");
    }
    digest(hash)
}

/// The field with its name, in a header of its own.
fn subject(fields: &[u8]) -> Box<[u8]> {
    const NAME: &[u8] = b"subject:";
    let mut lines = fields
        .split_inclusive(|octet| *octet == b'\n')
        .skip_while(|line| {
            let name = line.get(..NAME.len());
            !name.is_some_and(|name| name.eq_ignore_ascii_case(NAME))
        });
    let mut kept: Vec<u8> = lines.next().unwrap_or_default().to_vec();
    for line in lines.take_while(|line| line.starts_with(b" ") || line.starts_with(b"\t")) {
        kept.extend_from_slice(line);
    }
    kept.truncate(MAX_SUBJECT);
    kept.into()
}

/// The fields of a message that tell it apart, as a server would give them.
pub(super) fn fields_of(message: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut takes = false;
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        if line.trim_ascii().is_empty() {
            break;
        }
        if !(line.starts_with(b" ") || line.starts_with(b"\t")) {
            let name = line.split(|octet| *octet == b':').next().unwrap_or_default();
            let name = name.trim_ascii_end();
            takes = FIELDS
                .iter()
                .any(|field| field.as_bytes().eq_ignore_ascii_case(name));
        }
        if takes {
            kept.extend_from_slice(line);
        }
    }
    kept
}

/// The SHA-256 of octets.
pub(super) fn hash(octets: &[u8]) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    hash.update(octets);
    digest(hash)
}

fn digest(hash: Context) -> [u8; 32] {
    let digest = hash.finish();
    digest.as_ref().try_into().expect("SHA-256 has 32 octets")
}

/// For each message the place of the same one among others, each of which counts once: two equal messages need two.
pub(super) fn pair(messages: &[Seen], others: &[Seen]) -> Vec<Option<usize>> {
    let mut by_key: HashMap<Key, VecDeque<usize>> = HashMap::new();
    for (at, other) in others.iter().enumerate() {
        by_key.entry(other.key).or_default().push_back(at);
    }
    let same = |message: &Seen| by_key.get_mut(&message.key).and_then(VecDeque::pop_front);
    messages.iter().map(same).collect()
}

/// The same, where the source may say other sizes than its messages have: what is left over on both sides and has the same fields is compared
/// octet for octet, so that it is not copied again by every run.
pub(super) async fn pair_all(
    (source, target): (&mut Client, &mut Client),
    messages: &[Seen],
    others: &[Seen],
) -> Result<Vec<Option<usize>>, Error> {
    let mut pairs = pair(messages, others);
    let mut is_free = vec![true; others.len()];
    for at in pairs.iter().flatten() {
        is_free
            .iter_mut()
            .skip(*at)
            .take(1)
            .for_each(|free| *free = false);
    }
    let mut left: HashMap<Key, Vec<usize>> = HashMap::new();
    for (at, other) in others.iter().enumerate() {
        if is_free.get(at) == Some(&true) {
            left.entry(other.fields).or_default().push(at);
        }
    }
    let doubtful: Vec<(usize, &Seen)> = messages
        .iter()
        .enumerate()
        .filter(|(at, message)| pairs.get(*at) == Some(&None) && left.contains_key(&message.fields))
        .collect();
    for some in doubtful.chunks(STEP) {
        let ours: Vec<u32> = some.iter().map(|(_, message)| message.uid).collect();
        let candidates = some
            .iter()
            .filter_map(|(_, message)| left.get(&message.fields))
            .flatten();
        let mut theirs: Vec<u32> = candidates
            .filter_map(|at| others.get(*at))
            .map(|other| other.uid)
            .collect();
        theirs.sort_unstable();
        theirs.dedup();
        let (ours, theirs) = tokio::join!(hashes(source, &ours), hashes(target, &theirs));
        let (ours, theirs) = (ours?, theirs?);
        for (at, message) in some {
            let (Some(hash), Some(free)) = (ours.get(&message.uid), left.get_mut(&message.fields)) else {
                continue;
            };
            let is_same = |at: &usize| {
                others
                    .get(*at)
                    .is_some_and(|other| theirs.get(&other.uid) == Some(hash))
            };
            let Some(found) = free.iter().position(is_same) else {
                continue;
            };
            let same = free.remove(found);
            pairs
                .iter_mut()
                .skip(*at)
                .take(1)
                .for_each(|pair| *pair = Some(same));
        }
    }
    Ok(pairs)
}

/// The SHA-256 of messages of the mailbox that is open, by uid.
pub(super) async fn hashes(client: &mut Client, uids: &[u32]) -> Result<HashMap<u32, [u8; 32]>, Error> {
    let wanted: Ranges = uids.iter().copied().map(Uid).collect();
    let mut found = HashMap::new();
    let mut fetch = client.fetch(&wanted, &[Item::message()]);
    let mut streamed = None;
    while let Some(got) = fetch.next().await? {
        match got {
            // It is missing in what is found, and that is told.
            Got::Refused(_) => {}
            Got::Body(_) => {
                let mut hash = Context::new(&SHA256);
                while let Some(piece) = fetch.piece().await? {
                    hash.update(&piece);
                }
                streamed = Some(digest(hash));
            }
            Got::Message(message) => {
                let kept = message.parts.iter().find_map(|part| match &part.octets {
                    Octets::Kept(octets) => {
                        let mut hash = Context::new(&SHA256);
                        hash.update(octets);
                        Some(digest(hash))
                    }
                    Octets::Streamed | Octets::None => None,
                });
                if let (Some(uid), Some(hash)) = (message.uid, kept.or(streamed.take())) {
                    found.insert(uid.0, hash);
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(uid: u32, fields: &[u8], size: u64) -> Seen {
        Seen {
            uid,
            size,
            received: None,
            flags: Vec::new(),
            key: key(fields, Some(size)),
            fields: key(fields, None),
            subject: Box::default(),
        }
    }

    #[test]
    fn fields_are_the_same_however_they_are_folded_and_ordered() {
        let one = key(b"Message-ID: <1@x>\r\nSubject: a b\r\n\r\n", Some(5));
        assert_eq!(
            one,
            key(b"Subject: a\r\n b\r\nMESSAGE-ID:\r\n <1@x>\r\n\r\n", Some(5))
        );
        assert_ne!(one, key(b"Message-ID: <1@x>\r\nSubject: a b\r\n\r\n", Some(6)));
        assert_ne!(one, key(b"Message-ID: <2@x>\r\nSubject: a b\r\n\r\n", Some(5)));
    }

    #[test]
    fn equal_messages_count_once_each() {
        let messages = [seen(1, b"a: 1", 1), seen(2, b"a: 1", 1), seen(3, b"a: 2", 1)];
        let there = [seen(9, b"a: 2", 1), seen(10, b"a: 1", 1)];
        assert_eq!(pair(&messages, &there), [Some(1), None, Some(0)]);
    }
}
