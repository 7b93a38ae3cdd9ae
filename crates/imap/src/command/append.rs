//! APPEND (RFC 3501 §6.3.11), of one message or of several (RFC 3502), with UTF-8 in their header fields or without
//! (RFC 6855 §4).

use bytes::Bytes;
use types::Timestamp;

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::date::{date_time, print_date_time};
use crate::grammar::flag::{Flag, flag, print_flags};
use crate::grammar::mailbox::{MailboxArgument, mailbox, print_argument};
use crate::grammar::mode::Mode;
use crate::grammar::print;

/// Messages of one command: what comes with one is one transaction.
const MAX_MESSAGES: usize = 500;

/// `APPEND mailbox message …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Where the messages go.
    pub mailbox: MailboxArgument,
    /// The messages, all or none of which are appended; one at least.
    pub messages: Vec<AppendMessage>,
}

/// `[flags] [date] message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendMessage {
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Its internal date, if the client sets one.
    pub received: Option<Timestamp>,
    /// The message.
    pub message: Bytes,
    /// Whether it came as one with UTF-8 in its header fields.
    pub mode: Mode,
}

/// `append = "APPEND" SP mailbox 1*append-message`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Append, ParseError> {
    cursor.space()?;
    let mailbox = mailbox(cursor)?;
    cursor.space()?;
    let before = cursor.clone();
    let messages = cursor.items(message)?;
    if messages.len() > MAX_MESSAGES {
        return Err(before.wanted("at most 500 messages"));
    }
    Ok(Append { mailbox, messages })
}

/// `append-message = [SP flag-list] [SP date-time] SP append-data`, after the first space.
fn message(cursor: &mut Cursor<'_>) -> Result<AppendMessage, ParseError> {
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
    let (message, mode) = data(cursor)?;
    Ok(AppendMessage {
        flags,
        received,
        message,
        mode,
    })
}

/// `append-data = literal / "UTF8" SP "(" literal8 ")"` (RFC 6855 §4).
fn data(cursor: &mut Cursor<'_>) -> Result<(Bytes, Mode), ParseError> {
    const WANTED: &str = "the message as a literal";
    if cursor.take_word("UTF8 (") {
        let message = cursor.literal8()?;
        cursor.expect(b')', "a closing parenthesis")?;
        return Ok((message, Mode::Utf8));
    }
    if cursor.peek() != Some(b'{') {
        return Err(cursor.wanted(WANTED));
    }
    let message = cursor.string(WANTED)?;
    Ok(match (cursor.mode(), unwrapped(&message)) {
        (Mode::Utf8, Some(message)) => (message, Mode::Utf8),
        _ => (message, Mode::Ascii),
    })
}

/// Python's `imaplib` puts `UTF8 (` and `)` into the literal and not around it. No header begins so.
fn unwrapped(message: &Bytes) -> Option<Bytes> {
    let inner = message.strip_prefix(b"UTF8 (")?.strip_suffix(b")")?;
    Some(message.slice_ref(inner))
}

pub(super) fn print(out: &mut Vec<u8>, append: &Append) {
    out.extend_from_slice(b"APPEND ");
    print_argument(out, &append.mailbox);
    for message in &append.messages {
        print_message(out, message);
    }
}

fn print_message(out: &mut Vec<u8>, message: &AppendMessage) {
    if !message.flags.is_empty() {
        out.push(b' ');
        print_flags(out, &message.flags);
    }
    if let Some(received) = message.received {
        out.push(b' ');
        print_date_time(out, received);
    }
    let (before, after) = match message.mode {
        Mode::Ascii => (" ", ""),
        Mode::Utf8 => (" UTF8 (~", ")"),
    };
    out.extend_from_slice(before.as_bytes());
    print::literal_head(out, message.message.len() as u64);
    out.extend_from_slice(&message.message);
    out.extend_from_slice(after.as_bytes());
}
