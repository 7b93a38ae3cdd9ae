//! What stays of a message that is gone: its row with the time, for undelete, and later a tombstone, which says only that it was there.
//!
//! Whoever asks for what was expunged after a change is told all of it, as long as there are tombstones, and a salvage brings none of it
//! back. They go as well one day (`forget`): the mailbox's row says then up to which change.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use types::{EntryId, Timestamp, Uid};

use crate::MessageRow;

/// What a row begins with that is only a tombstone: no version of a message's row.
const TOMBSTONE: u8 = 0;

/// How a message went, and what has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fate {
    /// Somebody expunged it.
    Expunged = 0,
    /// It went to another mailbox, where it is another copy.
    Moved = 1,
    /// It was expunged and has been brought back as another copy.
    Restored = 2,
}

/// A row of the table of expunged messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It may still be brought back.
    Kept(Kept),
    /// It may not.
    Tombstone(Tombstone),
}

/// What is left of a message that cannot be brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tombstone {
    pub(crate) entry: EntryId,
    /// When it went; the first form said nothing of it.
    pub(crate) at: Option<Timestamp>,
}

/// A message as it was when it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) row: MessageRow,
    pub(crate) at: Timestamp,
    pub(crate) fate: Fate,
}

impl Kept {
    pub(crate) fn print(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(MessageRow::LENGTH + 9);
        out.put_slice(&self.row.print());
        out.put_i64_le(self.at.0);
        out.put_u8(self.fate as u8);
        out.freeze()
    }
}

impl Gone {
    /// The tombstone of a copy that went at some time.
    pub(crate) fn tombstone(entry: EntryId, at: Timestamp) -> Bytes {
        let mut out = BytesMut::with_capacity(17);
        out.put_u8(TOMBSTONE);
        out.put_u64_le(entry.0);
        out.put_i64_le(at.0);
        out.freeze()
    }

    /// The copy that is gone.
    pub(crate) fn entry(&self) -> EntryId {
        match self {
            Gone::Kept(kept) => kept.row.entry,
            Gone::Tombstone(tombstone) => tombstone.entry,
        }
    }

    pub(crate) fn parse(uid: Uid, value: &[u8]) -> Option<Self> {
        if let Some(mut rest) = value.strip_prefix(&[TOMBSTONE]) {
            let (8 | 16) = rest.len() else { return None };
            let entry = EntryId(rest.get_u64_le());
            let at = (!rest.is_empty()).then(|| Timestamp(rest.get_i64_le()));
            return Some(Gone::Tombstone(Tombstone { entry, at }));
        }
        let (row, rest) = value.split_at_checked(MessageRow::LENGTH)?;
        let (at, fate) = rest.split_first_chunk::<8>()?;
        let fate = match fate {
            // The first form said nothing of it.
            [] | [0] => Fate::Expunged,
            [1] => Fate::Moved,
            [2] => Fate::Restored,
            _ => return None,
        };
        Some(Gone::Kept(Kept {
            row: MessageRow::parse(uid, row)?,
            at: Timestamp(i64::from_le_bytes(*at)),
            fate,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TextForm;
    use types::{BlobId, ChangeNumber};

    #[test]
    fn rows_of_what_is_gone_parse_back_and_no_prefix_does_but_the_first_form() {
        let row = MessageRow {
            uid: Uid(8),
            size: 77,
            keywords: 3,
            change: ChangeNumber(2),
            received: Timestamp(3),
            entry: EntryId(4),
            blob: BlobId(5),
            saved: 6,
            form: TextForm::Ascii,
        };
        for fate in [Fate::Expunged, Fate::Moved, Fate::Restored] {
            let at = Timestamp(-9);
            let kept = Kept { row, at, fate };
            let printed = kept.print();
            assert_eq!(Gone::parse(Uid(8), &printed), Some(Gone::Kept(kept)));
            for length in (0..printed.len() - 1).filter(|length| *length != 9) {
                assert_eq!(Gone::parse(Uid(8), &printed[..length]), None, "{length}");
            }
            let first = Gone::parse(Uid(8), &printed[..printed.len() - 1]);
            let fate = Fate::Expunged;
            assert_eq!(first, Some(Gone::Kept(Kept { fate, ..kept })));
        }
        let (entry, at) = (EntryId(1 << 40), Timestamp(-3));
        let printed = Gone::tombstone(entry, at);
        let parsed = |length: usize| Gone::parse(Uid(8), &printed[..length]);
        let tombstone = |at| Some(Gone::Tombstone(Tombstone { entry, at }));
        assert_eq!(parsed(17), tombstone(Some(at)));
        assert_eq!(parsed(9), tombstone(None), "the first form");
        assert!(
            (0..17)
                .filter(|length| *length != 9)
                .all(|length| parsed(length).is_none())
        );
    }
}
