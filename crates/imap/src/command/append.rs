//! APPEND (RFC 3501 §6.3.11).

use bytes::Bytes;
use types::Timestamp;

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::date::{date_time, print_date_time};
use crate::grammar::flag::{Flag, flag, print_flags};
use crate::grammar::mailbox::{MailboxArgument, mailbox, print_argument};
use crate::grammar::print;

/// `APPEND mailbox [flags] [date] message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Where the message goes.
    pub mailbox: MailboxArgument,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Its internal date, if the client sets one.
    pub received: Option<Timestamp>,
    /// The message.
    pub message: Bytes,
}

/// `append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Append, ParseError> {
    cursor.space()?;
    let mailbox = mailbox(cursor)?;
    cursor.space()?;
    let mut flags = Vec::new();
    if cursor.peek() == Some(b'(') {
        flags = cursor.list(flag)?;
        cursor.space()?;
    }
    let mut received = None;
    if cursor.peek() == Some(b'"') {
        received = Some(date_time(cursor)?);
        cursor.space()?;
    }
    if cursor.peek() != Some(b'{') {
        return Err(cursor.wanted("the message as a literal"));
    }
    let message = cursor.string("the message as a literal")?;
    Ok(Append {
        mailbox,
        flags,
        received,
        message,
    })
}

pub(super) fn print(out: &mut Vec<u8>, append: &Append) {
    out.extend_from_slice(b"APPEND ");
    print_argument(out, &append.mailbox);
    if !append.flags.is_empty() {
        out.push(b' ');
        print_flags(out, &append.flags);
    }
    if let Some(received) = append.received {
        out.push(b' ');
        print_date_time(out, received);
    }
    out.push(b' ');
    print::literal_head(out, append.message.len() as u64);
    out.extend_from_slice(&append.message);
}
