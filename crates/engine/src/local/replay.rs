//! Reading a segment's bytes: whole groups, what is damaged, and where it ends.
//!
//! Only one group is outstanding at a time. So a group that is not whole was never acknowledged if nothing follows it,
//! and is damage if something does, or if it is known from elsewhere that the segment went on.

use xxhash_rust::xxh3::xxh3_64;

use super::record::{BLOCK, Header};

/// The bytes of a segment, from some block on.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where in the file they begin: a multiple of [`BLOCK`].
    pub(crate) offset: u64,
    pub(crate) segment: u64,
    pub(crate) salt: u64,
    /// Up to where it is known that groups were synced; 0 if it is not known.
    pub(crate) known_end: u64,
}

/// What a segment says.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// A whole record.
    Record {
        header: Header,
        offset: u64,
        payload: &'a [u8],
    },
    /// A record whose payload is not what was written.
    Spoilt { header: Header, offset: u64 },
    /// Something that was synced cannot be read.
    Damage { offset: u64 },
}

/// Reads it all; where the groups end, in the file.
pub(crate) fn replay<'a>(source: Source<'a>, tell: &mut dyn FnMut(Event<'a>)) -> u64 {
    let mut at = 0;
    while let Some(rest) = tail(source.bytes, at).filter(|rest| !rest.is_empty()) {
        if let Some(length) = whole_group(source, rest) {
            records(source, at, length, tell);
            at = (at + length).next_multiple_of(BLOCK);
            continue;
        }
        let next = next_group(source, at + BLOCK);
        if next.is_none() && source.offset + at >= source.known_end {
            break;
        }
        tell(Event::Damage {
            offset: source.offset + at,
        });
        let end = next.unwrap_or(source.known_end.saturating_sub(source.offset));
        salvage(source, at..end, tell);
        at = end.next_multiple_of(BLOCK);
    }
    source.offset + at
}

fn tail(bytes: &[u8], at: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(at).ok()?..)
}

fn part(bytes: &[u8], at: u64, length: u64) -> Option<&[u8]> {
    tail(bytes, at)?.get(..usize::try_from(length).ok()?)
}

/// The length of the group at the beginning of some bytes, when every record in it is whole.
fn whole_group(source: Source<'_>, bytes: &[u8]) -> Option<u64> {
    let first = Header::parse(bytes, source.segment, source.salt)?;
    if first.sequence != first.group || first.group_length == 0 {
        return None;
    }
    let group = part(bytes, 0, first.group_length)?;
    let mut at = 0;
    let mut sequence = first.sequence;
    while at < first.group_length {
        let (header, payload) = record(source, group, at)?;
        if header.group != first.group || header.sequence != sequence || xxh3_64(payload) != header.hash {
            return None;
        }
        sequence += 1;
        at += header.record_length();
    }
    (at == first.group_length).then_some(at)
}

fn record<'a>(source: Source<'_>, bytes: &'a [u8], at: u64) -> Option<(Header, &'a [u8])> {
    let header = Header::parse(tail(bytes, at)?, source.segment, source.salt)?;
    let payload = part(bytes, at + header.payload_at(), header.length.into())?;
    Some((header, payload))
}

fn records<'a>(source: Source<'a>, start: u64, length: u64, tell: &mut dyn FnMut(Event<'a>)) {
    let mut at = start;
    while at < start + length
        && let Some((header, payload)) = record(source, source.bytes, at)
    {
        tell(Event::Record {
            header,
            offset: source.offset + at,
            payload,
        });
        at += header.record_length();
    }
}

/// Where the next group begins. The first record of a whole header is enough: its payload may be damaged too.
fn next_group(source: Source<'_>, from: u64) -> Option<u64> {
    let mut at = from;
    loop {
        let bytes = tail(source.bytes, at).filter(|bytes| !bytes.is_empty())?;
        if Header::parse(bytes, source.segment, source.salt).is_some_and(|h| h.sequence == h.group) {
            return Some(at);
        }
        at += BLOCK;
    }
}

/// The records in a damaged stretch that can still be read.
fn salvage<'a>(source: Source<'a>, range: std::ops::Range<u64>, tell: &mut dyn FnMut(Event<'a>)) {
    let mut at = range.start;
    while at < range.end {
        let Some(bytes) = tail(source.bytes, at).filter(|bytes| !bytes.is_empty()) else {
            return;
        };
        let Some(header) = Header::parse(bytes, source.segment, source.salt) else {
            at += 8;
            continue;
        };
        let offset = source.offset + at;
        match part(source.bytes, at + header.payload_at(), header.length.into()) {
            Some(payload) if xxh3_64(payload) == header.hash => {
                tell(Event::Record {
                    header,
                    offset,
                    payload,
                });
            }
            _ => tell(Event::Spoilt { header, offset }),
        }
        at += header.record_length();
    }
}

/// Reads any bytes as a segment, for fuzzing: it must neither panic nor run away.
pub fn fuzz_replay(bytes: &[u8]) -> u64 {
    let source = Source {
        bytes,
        offset: 0,
        segment: 1,
        salt: 0,
        known_end: bytes.len() as u64 / 2,
    };
    let mut events = 0;
    replay(source, &mut |_| events += 1);
    events
}
