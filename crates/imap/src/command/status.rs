//! STATUS (RFC 3501 §6.3.10).

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
}

impl StatusItem {
    const ALL: [StatusItem; 5] = [
        StatusItem::Messages,
        StatusItem::Recent,
        StatusItem::UidNext,
        StatusItem::UidValidity,
        StatusItem::Unseen,
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
        }
    }
}

/// `status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Status, ParseError> {
    cursor.space()?;
    let mailbox = mailbox(cursor)?;
    cursor.space()?;
    let before = cursor.clone();
    let items = cursor.list(item)?;
    if items.is_empty() {
        return Err(before.wanted("one status item at least"));
    }
    Ok(Status { mailbox, items })
}

fn item(cursor: &mut Cursor<'_>) -> Result<StatusItem, ParseError> {
    const WANTED: &str = "MESSAGES, RECENT, UIDNEXT, UIDVALIDITY or UNSEEN";
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
