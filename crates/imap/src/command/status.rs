//! STATUS (RFC 3501 §6.3.10), with the items of RFC 7889, RFC 8438, RFC 8474 and RFC 9208.

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::mailbox::{MailboxArgument, mailbox, print_argument};
use crate::grammar::print;

/// `STATUS mailbox (items)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// About which mailbox.
    pub mailbox: MailboxArgument,
    /// What about it.
    pub items: Vec<StatusItem>,
}

/// What STATUS can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// How many messages there are.
    Messages,
    /// How many of them have `\Recent`.
    Recent,
    /// The uid that the next message will get, or a lower bound of it.
    UidNext,
    /// The validity of the uids.
    UidValidity,
    /// How many messages do not have `\Seen`.
    Unseen,
    /// The octets of all messages (RFC 8438 §3).
    Size,
    /// How many messages have `\Deleted` (RFC 9208 §4.1.4).
    Deleted,
    /// The octets of those (RFC 9208 §4.1.4).
    DeletedStorage,
    /// How large a message can be (RFC 7889 §3.1).
    AppendLimit,
    /// What the mailbox is called for ever (RFC 8474 §4.3).
    MailboxId,
}

impl StatusItem {
    const ALL: [StatusItem; 10] = [
        StatusItem::Messages,
        StatusItem::Recent,
        StatusItem::UidNext,
        StatusItem::UidValidity,
        StatusItem::Unseen,
        StatusItem::Size,
        StatusItem::Deleted,
        StatusItem::DeletedStorage,
        StatusItem::AppendLimit,
        StatusItem::MailboxId,
    ];

    /// `status-att`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            StatusItem::Messages => "MESSAGES",
            StatusItem::Recent => "RECENT",
            StatusItem::UidNext => "UIDNEXT",
            StatusItem::UidValidity => "UIDVALIDITY",
            StatusItem::Unseen => "UNSEEN",
            StatusItem::Size => "SIZE",
            StatusItem::Deleted => "DELETED",
            StatusItem::DeletedStorage => "DELETED-STORAGE",
            StatusItem::AppendLimit => "APPENDLIMIT",
            StatusItem::MailboxId => "MAILBOXID",
        }
    }
}

/// `status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"`. An item named twice is answered once.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Status, ParseError> {
    cursor.space()?;
    let mailbox = mailbox(cursor)?;
    cursor.space()?;
    let before = cursor.clone();
    let named = cursor.list(item)?;
    let mut items = Vec::with_capacity(StatusItem::ALL.len());
    for item in named {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    if items.is_empty() {
        return Err(before.wanted("one status item at least"));
    }
    Ok(Status { mailbox, items })
}

fn item(cursor: &mut Cursor<'_>) -> Result<StatusItem, ParseError> {
    const WANTED: &str = "a status item, like MESSAGES or UIDNEXT";
    let before = cursor.clone();
    let word = cursor.atom(WANTED)?;
    StatusItem::ALL
        .into_iter()
        .find(|item| item.name().as_bytes().eq_ignore_ascii_case(&word))
        .ok_or_else(|| before.wanted(WANTED))
}

pub(super) fn print(out: &mut Vec<u8>, status: &Status) {
    out.extend_from_slice(b"STATUS ");
    print_argument(out, &status.mailbox);
    out.push(b' ');
    print::list(out, &status.items, |out, item| {
        out.extend_from_slice(item.name().as_bytes());
    });
}
