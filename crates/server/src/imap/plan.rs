//! What a FETCH wants of each message, and what has to be read for it.
//!
//! Whether a message may need a surrogate was found out when it arrived and stands in its row: of the others nothing more is
//! read, and nothing parsed.

use imap::Mode;
use imap::command::Fetch;
use imap::command::fetch::{FetchItem, Seen};
use imap::grammar::set::Numbering;
use store::{MessageRow, TextForm};

use super::body::Shown;
use super::selected::Access;

/// What is wanted of each message, and what has to be read for it.
pub(super) struct Plan {
    pub(super) items: Vec<FetchItem>,
    pub(super) marks_seen: Seen,
    pub(super) facts: Reads,
    pub(super) bytes: Reads,
    /// What is shown of messages that may need a surrogate, and whether it makes a difference to what is wanted.
    pub(super) surrogates: Surrogates,
}

/// What surrogates are shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Surrogates {
    /// The client has enabled UTF-8, or wants nothing of what the message says.
    Nothing,
    /// How large they are.
    Size,
    /// What they say.
    Content,
}

/// Whether something has to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    Needed,
    NotNeeded,
}

impl Plan {
    pub(super) fn new(fetch: Fetch, access: Access, mode: Mode) -> Self {
        let numbering = fetch.messages.numbering();
        let mut items = fetch.items;
        // RFC 3501 §6.4.8: UID FETCH answers with the uid whether or not it was asked for.
        if numbering == Numbering::Uids && !items.contains(&FetchItem::Uid) {
            items.insert(0, FetchItem::Uid);
        }
        let sets = items.iter().any(|item| item.seen() == Seen::Set);
        let reads = |of: fn(&FetchItem) -> bool| match items.iter().any(of) {
            true => Reads::Needed,
            false => Reads::NotNeeded,
        };
        Plan {
            marks_seen: if sets && access == Access::ReadWrite {
                Seen::Set
            } else {
                Seen::Stays
            },
            facts: reads(is_of_facts),
            bytes: reads(is_of_bytes),
            surrogates: match mode {
                Mode::Ascii => items.iter().map(Surrogates::of).max(),
                Mode::Utf8 => None,
            }
            .unwrap_or(Surrogates::Nothing),
            items,
        }
    }

    /// What is shown of a message. What was found out when it arrived says that nearly none needs anything.
    pub(super) fn shown(&self, row: &MessageRow) -> Shown {
        match row.form {
            TextForm::Encoded if self.surrogates != Surrogates::Nothing => Shown::Surrogate,
            _ => Shown::AsIs,
        }
    }
}

impl Surrogates {
    fn of(item: &FetchItem) -> Self {
        match item {
            FetchItem::Rfc822Size => Surrogates::Size,
            item if is_of_cards(item) || is_of_bytes(item) => Surrogates::Content,
            _ => Surrogates::Nothing,
        }
    }
}

pub(super) fn is_of_cards(item: &FetchItem) -> bool {
    matches!(
        item,
        FetchItem::Envelope | FetchItem::Body | FetchItem::BodyStructure
    )
}

fn is_of_facts(item: &FetchItem) -> bool {
    is_of_cards(item) || matches!(item, FetchItem::EmailId | FetchItem::ThreadId)
}

fn is_of_bytes(item: &FetchItem) -> bool {
    matches!(
        item,
        FetchItem::BodySection(_) | FetchItem::Rfc822 | FetchItem::Rfc822Header | FetchItem::Rfc822Text
    )
}
