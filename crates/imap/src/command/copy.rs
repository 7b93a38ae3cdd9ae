//! COPY (RFC 3501 §6.4.7).

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::mailbox::{MailboxArgument, mailbox, print_argument};
use crate::grammar::set::{MessageSet, Numbering, print_sequence_set, sequence_set};

/// `COPY messages target`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Which messages.
    pub messages: MessageSet,
    /// Where they go.
    pub target: MailboxArgument,
}

/// `copy = "COPY" SP sequence-set SP mailbox`.
pub(super) fn parse(cursor: &mut Cursor<'_>, numbering: Numbering) -> Result<Copy, ParseError> {
    cursor.space()?;
    let messages = numbering.of(sequence_set(cursor)?);
    cursor.space()?;
    let target = mailbox(cursor)?;
    Ok(Copy { messages, target })
}

pub(super) fn print(out: &mut Vec<u8>, copy: &Copy) {
    out.extend_from_slice(copy.messages.numbering().prefix().as_bytes());
    out.extend_from_slice(b"COPY ");
    print_sequence_set(out, copy.messages.set());
    out.push(b' ');
    print_argument(out, &copy.target);
}
