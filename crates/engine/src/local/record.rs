//! The form of the log: a segment's first block, and records, which come in groups.
//!
//! Every number is little-endian. A group begins at a multiple of [`BLOCK`]; its records follow each other at multiples of 8.
//! Hashes of headers are seeded with the folder's own random number, so that no message can contain a record.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Groups begin at multiples of this: no block with acknowledged bytes is written again.
pub(crate) const BLOCK: u64 = 4096;

/// Octets of a record's header.
pub(crate) const HEADER: usize = 72;

/// Octets of a segment's own header.
pub(crate) const SEGMENT_HEADER: usize = 48;

const MAGIC: u32 = u32::from_le_bytes(*b"PhR1");
const SEGMENT_MAGIC: u64 = u64::from_le_bytes(*b"PhSegmt1");
const VERSION: u8 = 1;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A blob: its number, a note, its bytes.
    Blob,
    /// A partition's changes.
    Batch,
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) segment: u64,
    pub(crate) sequence: u64,
    /// The sequence number of the first record of the group.
    pub(crate) group: u64,
    /// Octets of the whole group.
    pub(crate) group_length: u64,
    /// The blob's number or the partition.
    pub(crate) id: u64,
    pub(crate) note_length: u32,
    pub(crate) length: u32,
    /// Of the payload alone.
    pub(crate) hash: u64,
}

impl Header {
    /// Prints the header and the note, whose hash is one.
    pub(crate) fn print(&self, note: &[u8], salt: u64, out: &mut Vec<u8>) {
        let start = out.len();
        let kind = match self.kind {
            Kind::Blob => 1,
            Kind::Batch => 2,
        };
        out.extend_from_slice(&MAGIC.to_le_bytes());
        out.extend_from_slice(&[VERSION, kind, 0, 0]);
        for number in [
            self.segment,
            self.sequence,
            self.group,
            self.group_length,
            self.id,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.note_length.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.hash.to_le_bytes());
        let fields = out.get(start..).unwrap_or_default();
        let hash = header_hash(fields, note, salt);
        out.extend_from_slice(&hash.to_le_bytes());
        out.extend_from_slice(note);
    }

    /// The header at the beginning of some bytes, when it and its note are whole and of this segment.
    pub(crate) fn parse(bytes: &[u8], segment: u64, salt: u64) -> Option<Header> {
        let fields = bytes.get(..HEADER - 8)?;
        if u32_at(bytes, 0)? != MAGIC || *bytes.get(4)? != VERSION || u64_at(bytes, 8)? != segment {
            return None;
        }
        let kind = match bytes.get(5)? {
            1 => Kind::Blob,
            2 => Kind::Batch,
            _ => return None,
        };
        let header = Header {
            kind,
            segment,
            sequence: u64_at(bytes, 16)?,
            group: u64_at(bytes, 24)?,
            group_length: u64_at(bytes, 32)?,
            id: u64_at(bytes, 40)?,
            note_length: u32_at(bytes, 48)?,
            length: u32_at(bytes, 52)?,
            hash: u64_at(bytes, 56)?,
        };
        let note = bytes.get(HEADER..HEADER + usize::try_from(header.note_length).ok()?)?;
        (header_hash(fields, note, salt) == u64_at(bytes, HEADER - 8)?).then_some(header)
    }

    /// Where the payload begins, from the record's start.
    pub(crate) fn payload_at(&self) -> u64 {
        HEADER as u64 + u64::from(self.note_length)
    }

    /// Octets of the record with its padding.
    pub(crate) fn record_length(&self) -> u64 {
        (self.payload_at() + u64::from(self.length)).next_multiple_of(8)
    }
}

fn header_hash(fields: &[u8], note: &[u8], salt: u64) -> u64 {
    let seed = if note.is_empty() {
        salt
    } else {
        salt ^ xxh3_64(note)
    };
    xxh3_64_with_seed(fields, seed)
}

/// The first block of a segment: printed twice into it, so that one flipped bit does not cost it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) segment: u64,
    /// The segment before; 0 if there is none.
    pub(crate) previous: u64,
    /// Where the groups of the one before end.
    pub(crate) previous_end: u64,
    /// The first sequence number that this segment may hold.
    pub(crate) sequence: u64,
}

impl SegmentHeader {
    pub(crate) fn print(&self, salt: u64) -> Vec<u8> {
        let mut one = Vec::with_capacity(SEGMENT_HEADER);
        for number in [
            SEGMENT_MAGIC,
            self.segment,
            self.previous,
            self.previous_end,
            self.sequence,
        ] {
            one.extend_from_slice(&number.to_le_bytes());
        }
        let hash = xxh3_64_with_seed(&one, salt);
        one.extend_from_slice(&hash.to_le_bytes());
        let mut block = one.clone();
        block.resize(BLOCK as usize / 2, 0);
        block.extend_from_slice(&one);
        block.resize(BLOCK as usize, 0);
        block
    }

    pub(crate) fn parse(block: &[u8], salt: u64) -> Option<SegmentHeader> {
        [0, BLOCK as usize / 2].iter().find_map(|at| {
            let one = block.get(*at..at + SEGMENT_HEADER)?;
            let hash = xxh3_64_with_seed(one.get(..SEGMENT_HEADER - 8)?, salt);
            (u64_at(one, 0)? == SEGMENT_MAGIC && hash == u64_at(one, 40)?).then_some(())?;
            Some(SegmentHeader {
                segment: u64_at(one, 8)?,
                previous: u64_at(one, 16)?,
                previous_end: u64_at(one, 24)?,
                sequence: u64_at(one, 32)?,
            })
        })
    }
}

/// A little-endian number somewhere in bytes.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
