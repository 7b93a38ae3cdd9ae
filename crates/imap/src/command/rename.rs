//! RENAME (RFC 3501 §6.3.5).

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::mailbox::{MailboxArgument, mailbox, print_argument};

/// `RENAME from to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The name that there is.
    pub from: MailboxArgument,
    /// The name that there shall be.
    pub to: MailboxArgument,
}

/// `rename = "RENAME" SP mailbox SP mailbox`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Rename, ParseError> {
    cursor.space()?;
    let from = mailbox(cursor)?;
    cursor.space()?;
    let to = mailbox(cursor)?;
    Ok(Rename { from, to })
}

pub(super) fn print(out: &mut Vec<u8>, rename: &Rename) {
    out.extend_from_slice(b"RENAME ");
    print_argument(out, &rename.from);
    out.push(b' ');
    print_argument(out, &rename.to);
}
