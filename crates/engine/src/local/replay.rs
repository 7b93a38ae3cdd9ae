//! Reading a segment's bytes: whole groups, what is damaged, and where it ends.
//!
//! Only one group is outstanding at a time. So a group that is not whole was never acknowledged if nothing follows it,
//! and is damage if something does, or if it is known from elsewhere that the segment went on.

use std::collections::BTreeMap;
use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use super::record::{BLOCK, HEADER, Header, Kind};

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
    /// In the damage just told there were records of which not even the headers can be read.
    Lost,
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
        if !salvage(source, at..end, tell) {
            tell(Event::Lost);
        }
        at = end.next_multiple_of(BLOCK);
    }
    source.offset + at
}

/// Where the last whole group lies, in the bytes.
pub(crate) fn last_group(source: Source<'_>) -> Option<Range<u64>> {
    let (mut at, mut last) = (0, None);
    while let Some(rest) = tail(source.bytes, at).filter(|rest| !rest.is_empty()) {
        if let Some(length) = whole_group(source, rest) {
            last = Some(at..at + length);
            at = (at + length).next_multiple_of(BLOCK);
        } else {
            match next_group(source, at + BLOCK) {
                Some(next) => at = next,
                None => break,
            }
        }
    }
    last
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

/// The records in a damaged stretch that can still be read; whether their headers account for all of it.
fn salvage<'a>(source: Source<'a>, range: Range<u64>, tell: &mut dyn FnMut(Event<'a>)) -> bool {
    let (mut at, mut covered) = (range.start, 0);
    let mut groups = BTreeMap::new();
    while at < range.end {
        let Some(bytes) = tail(source.bytes, at).filter(|bytes| !bytes.is_empty()) else {
            return false;
        };
        let Some(header) = Header::parse(bytes, source.segment, source.salt) else {
            at += 8;
            continue;
        };
        groups.insert(header.group, header.group_length);
        covered += header.record_length();
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
    let blocks: u64 = groups.values().map(|length| length.next_multiple_of(BLOCK)).sum();
    covered == groups.values().sum::<u64>() && blocks == range.end.next_multiple_of(BLOCK) - range.start
}

/// Reads any bytes as a segment, and as the recipe of one that is then damaged, for fuzzing: it must neither panic nor run
/// away, and what lies before the damage must come out. Gives the number of events.
///
/// # Panics
/// When a record before the damage is lost: our own bug.
#[must_use]
pub fn fuzz_replay(bytes: &[u8]) -> u64 {
    let (segment, groups, damaged) = cook(bytes);
    let mut whole = 0;
    let events = count(&segment, &mut |event| {
        whole += u64::from(matches!(event, Event::Record { .. }));
    });
    let safe = groups.iter().filter(|(end, _)| *end <= damaged);
    assert!(
        whole >= safe.map(|(_, records)| records).sum::<u64>(),
        "a whole group is lost"
    );
    events + count(bytes, &mut |_| {})
}

fn count(bytes: &[u8], look: &mut dyn FnMut(&Event<'_>)) -> u64 {
    let source = Source {
        bytes,
        offset: 0,
        segment: 1,
        salt: 0,
        known_end: bytes.len() as u64 / 2,
    };
    let mut events = 0;
    replay(source, &mut |event| {
        look(&event);
        events += 1;
    });
    events
}

/// A segment from a recipe: its octets, the end and the number of records of each group, and where damage begins.
fn cook(recipe: &[u8]) -> (Vec<u8>, Vec<(u64, u64)>, u64) {
    let mut rest = recipe.iter().copied();
    let mut next = || rest.next().unwrap_or(0);
    let (mut segment, mut groups, mut sequence) = (Vec::new(), Vec::new(), 1);
    for _ in 0..next() % 6 {
        let sizes: Vec<u32> = (0..=next() % 4)
            .map(|_| u32::from(next()) * u32::from(next() % 32))
            .collect();
        segment.resize(segment.len().next_multiple_of(BLOCK as usize), 0);
        cook_group(&mut segment, sequence, &sizes);
        sequence += sizes.len() as u64;
        groups.push((segment.len() as u64, sizes.len() as u64));
    }
    let mut damaged = u64::MAX;
    for _ in 0..next() % 8 {
        let at = usize::from(next()) << 8 | usize::from(next());
        if let Some(octet) = segment.get_mut(at) {
            *octet ^= next().max(1);
            damaged = damaged.min(at as u64);
        }
    }
    if next() % 4 == 0 {
        segment.truncate(usize::from(next()) << 8);
        damaged = damaged.min(segment.len() as u64);
    }
    (segment, groups, damaged)
}

fn cook_group(segment: &mut Vec<u8>, first: u64, sizes: &[u32]) {
    let payloads: Vec<Vec<u8>> = sizes.iter().map(|size| vec![b'x'; *size as usize]).collect();
    let mut header = Header {
        kind: Kind::Blob,
        segment: 1,
        sequence: first,
        group: first,
        group_length: 0,
        id: first,
        note_length: 3,
        length: 0,
        hash: 0,
    };
    let length = |payload: &Vec<u8>| (HEADER as u64 + 3 + payload.len() as u64).next_multiple_of(8);
    header.group_length = payloads.iter().map(length).sum();
    for (payload, size) in payloads.iter().zip(sizes) {
        (header.length, header.hash) = (*size, xxh3_64(payload));
        header.print(b"abc", 0, segment);
        segment.extend_from_slice(payload);
        segment.resize(segment.len().next_multiple_of(8), 0);
        header.sequence += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cooked_segments_replay_and_damaged_ones_keep_what_is_before_the_damage() {
        let mut seed = 3_u64;
        for _ in 0..2_000 {
            let recipe: Vec<u8> = (0..40)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (seed >> 56) as u8
                })
                .collect();
            let _ = fuzz_replay(&recipe);
        }
        let (segment, groups, damaged) = cook(&[2, 0, 9, 9, 1, 3, 3, 0, 0, 0, 1]);
        assert_eq!((groups.len(), damaged), (2, u64::MAX));
        assert_eq!(
            count(&segment, &mut |event| assert!(matches!(
                event,
                Event::Record { .. }
            ))),
            3
        );
    }
}
