//! The end of the log in memory: groups are gathered here, leave it past the page cache, and are read from here for a while.
//!
//! Past the cache because a page of it that was never used costs more than the write (measured in a virtual machine: 15 µs each),
//! and the sync has to look for it. New mail is read soon after it has come, so the last octets stay here.
//!
//! **Invariant**: what lies here is what was written to the same place of the file; nothing names it before it is synced.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::{Mutex, PoisonError, RwLock};

use bytes::Bytes;

use super::record::BLOCK;
use crate::files::{Aligned, LogFile};

/// Octets of a half. A group that is larger goes through the page cache.
const HALF: usize = 8 << 20;

/// Two pieces of memory: one is filled, the other holds what came before it.
pub(crate) struct Tail {
    halves: [RwLock<Half>; 2],
    /// Which one is filled.
    turn: Mutex<usize>,
}

struct Half {
    memory: Aligned,
    segment: u64,
    /// Where in the segment it begins.
    start: u64,
    filled: usize,
}

impl Half {
    /// Where a group goes, if it follows what is here and there is room.
    fn place(&self, segment: u64, offset: u64, length: usize) -> Option<Range<usize>> {
        let follows = self.segment == segment && self.start + self.filled as u64 == offset;
        (follows && self.filled + length <= HALF).then(|| self.filled..self.filled + length)
    }
}

impl Tail {
    pub(crate) fn new() -> Self {
        let half = || {
            RwLock::new(Half {
                memory: Aligned::new(HALF),
                segment: 0,
                start: 0,
                filled: 0,
            })
        };
        Tail {
            halves: [half(), half()],
            turn: Mutex::new(0),
        }
    }

    fn half(&self, number: usize) -> &RwLock<Half> {
        let [one, other] = &self.halves;
        if number == 0 { one } else { other }
    }

    /// Writes the pieces of a group, whole blocks together, to a place in a segment. False: it is too large for here.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn write(
        &self,
        file: &dyn LogFile,
        (segment, offset): (u64, u64),
        pieces: &[IoSlice<'_>],
    ) -> io::Result<bool> {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        if length > HALF {
            return Ok(false);
        }
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut half = self.half(*turn).write().unwrap_or_else(PoisonError::into_inner);
        let place = match half.place(segment, offset, length) {
            Some(place) => place,
            None => {
                *turn = 1 - *turn;
                half = self.half(*turn).write().unwrap_or_else(PoisonError::into_inner);
                (half.segment, half.start) = (segment, offset);
                0..length
            }
        };
        half.filled = place.end;
        half.memory.fill(place.start, pieces);
        drop(half);
        // Only a committer writes here, and it has the turn: readers may look on.
        let half = self.half(*turn).read().unwrap_or_else(PoisonError::into_inner);
        let blocks = half.memory.octets().get(place).unwrap_or_default();
        debug_assert!(blocks.len().is_multiple_of(BLOCK as usize), "whole blocks");
        write_blocks(file, blocks, offset).map(|()| true)
    }

    /// What lies in a range of a segment, if all of it is here.
    pub(crate) fn read(&self, segment: u64, range: &Range<u64>) -> Option<Bytes> {
        self.find(segment, range, Bytes::copy_from_slice)
    }

    /// Copies what lies in a range of a segment, if all of it is here; says whether it was.
    pub(crate) fn read_into(&self, segment: u64, range: &Range<u64>, to: &mut [u8]) -> bool {
        self.find(segment, range, |octets| to.copy_from_slice(octets))
            .is_some()
    }

    fn find<T>(&self, segment: u64, range: &Range<u64>, mut take: impl FnMut(&[u8]) -> T) -> Option<T> {
        self.halves.iter().find_map(|half| {
            let half = half.read().unwrap_or_else(PoisonError::into_inner);
            let end = half.start + half.filled as u64;
            if half.segment != segment || range.start < half.start || range.end > end {
                return None;
            }
            let at = |offset: u64| usize::try_from(offset - half.start).ok();
            Some(take(half.memory.octets().get(at(range.start)?..at(range.end)?)?))
        })
    }
}

/// Writes whole blocks to a place of a file.
pub(super) fn write_blocks(file: &dyn LogFile, blocks: &[u8], offset: u64) -> io::Result<()> {
    let mut written = 0;
    while written < blocks.len() {
        match file.write_blocks(blocks.get(written..).unwrap_or_default(), offset + written as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Files as _, SystemFiles};

    #[test]
    fn what_was_written_is_read_from_memory_and_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = SystemFiles.create(&folder.path().join("log")).unwrap();
        let tail = Tail::new();
        let block = usize::try_from(BLOCK).unwrap();
        let mut groups = Vec::new();
        let mut offset = BLOCK;
        for n in 0..40_usize {
            let length = block * [1, 3, 200, 500][n % 4];
            let octets: Vec<u8> = (0..length).map(|i| (n * 7 + i / 64) as u8).collect();
            let (head, rest) = octets.split_at(100);
            let pieces = [IoSlice::new(head), IoSlice::new(&[]), IoSlice::new(rest)];
            assert!(tail.write(&*file, (5, offset), &pieces).unwrap());
            groups.push((offset, octets));
            offset += length as u64;
        }
        let mut here = 0;
        for (offset, octets) in &groups {
            let range = offset + 10..offset + octets.len() as u64;
            if let Some(read) = tail.read(5, &range) {
                assert_eq!(read, octets[10..], "at {offset}");
                here += octets.len();
            }
            assert!(tail.read(4, &range).is_none(), "another segment");
            assert_eq!(file.read_vec(octets.len(), *offset).unwrap(), *octets);
        }
        assert!(here >= HALF / 2, "{here} octets are here");
        assert!(tail.read(5, &(offset - 1..offset + 1)).is_none(), "after the end");
        let large = vec![1; HALF + block];
        assert!(!tail.write(&*file, (5, offset), &[IoSlice::new(&large)]).unwrap());
    }
}
