//! MOVE (RFC 6851 §3.1).

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::mailbox::{MailboxArgument, mailbox, print_argument};
use crate::grammar::set::{MessageSet, Numbering, print_sequence_set, sequence_set};

/// `MOVE messages target`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which messages.
    pub messages: MessageSet,
    /// Where they go.
    pub target: MailboxArgument,
}

/// `move = "MOVE" SP sequence-set SP mailbox`.
pub(super) fn parse(cursor: &mut Cursor<'_>, numbering: Numbering) -> Result<Move, ParseError> {
    cursor.space()?;
    let messages = numbering.of(sequence_set(cursor)?);
    cursor.space()?;
    let target = mailbox(cursor)?;
    Ok(Move { messages, target })
}

pub(super) fn print(out: &mut Vec<u8>, r#move: &Move) {
    out.extend_from_slice(r#move.messages.numbering().prefix().as_bytes());
    out.extend_from_slice(b"MOVE ");
    print_sequence_set(out, r#move.messages.set());
    out.push(b' ');
    print_argument(out, &r#move.target);
}
