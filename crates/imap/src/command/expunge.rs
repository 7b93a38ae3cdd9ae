//! EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1).

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::set::{SequenceSet, print_sequence_set, sequence_set};

/// Which of the messages with `\Deleted` go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expunge {
    /// All of them.
    All,
    /// Those with these uids.
    Uids(SequenceSet),
}

/// `uid-expunge = "UID" SP "EXPUNGE" SP sequence-set`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Expunge, ParseError> {
    cursor.space()?;
    sequence_set(cursor).map(Expunge::Uids)
}

pub(super) fn print(out: &mut Vec<u8>, expunge: &Expunge) {
    match expunge {
        Expunge::All => out.extend_from_slice(b"EXPUNGE"),
        Expunge::Uids(uids) => {
            out.extend_from_slice(b"UID EXPUNGE ");
            print_sequence_set(out, uids);
        }
    }
}
