//! The rows of an account's partition and their form on the disk. Each begins with the version of its form.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use types::{
    BlobId, ChangeNumber, ContentId, EntryId, KeywordName, MailboxId, MailboxName, Octets, Role,
    SystemKeyword, ThreadId, Timestamp, Uid, UidValidity,
};

const VERSION: u8 = 1;

/// The version of a mailbox's row that says what was forgotten. One of which nothing was is printed in the first.
const FORGETFUL: u8 = 2;

/// Cards larger than this are not kept: they are computed when asked for.
pub(crate) const MAX_CARDS: usize = 16 << 10;

/// Mailboxes that may have been created without a trace: as many as an account may have (`state::MAX_MAILBOXES`).
const LEAP_MAILBOXES: u32 = 10_000;

/// One copy of a message in a mailbox: what lists and marks need. At most 48 octets on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// Its number in the mailbox.
    pub uid: Uid,
    /// Its size in octets.
    pub size: u32,
    /// Its marks: [`SystemKeyword`]'s bits, then the mailbox's own keywords in their order.
    pub keywords: u64,
    /// When it last changed.
    pub change: ChangeNumber,
    /// When it was received: what mail programs show as the internal date.
    pub received: Timestamp,
    /// This copy, for ever.
    pub entry: EntryId,
    /// Its bytes.
    pub blob: BlobId,
    /// When it was put into this mailbox, in seconds since 1970.
    pub saved: u32,
    /// Whether its bytes are its text.
    pub form: TextForm,
}

/// Whether the bytes of a message can be searched as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum TextForm {
    /// They must be decoded first, or nobody knows.
    #[default]
    Encoded = 0,
    /// They are ASCII, and so is everything that can be read in the message, word for word.
    Ascii = 1,
    /// They must be decoded first, but every header field is ASCII, those of its parts too.
    AsciiHeaders = 2,
}

impl MessageRow {
    /// Octets on the disk.
    pub(crate) const LENGTH: usize = 41;

    /// Whether it carries a system keyword.
    #[must_use]
    pub fn has(&self, keyword: SystemKeyword) -> bool {
        self.keywords & keyword.bit() != 0
    }

    pub(crate) fn print(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(48);
        out.put_u8(VERSION);
        out.put_u32_le(self.size);
        out.put_u64_le(self.keywords);
        out.put_uint_le(self.change.0, 6);
        out.put_int_le(self.received.0, 5);
        out.put_uint_le(self.entry.0, 6);
        out.put_uint_le(self.blob.0, 6);
        out.put_u32_le(self.saved);
        out.put_u8(self.form as u8);
        out.freeze()
    }

    pub(crate) fn parse(uid: Uid, mut value: &[u8]) -> Option<Self> {
        if value.len() != Self::LENGTH || value.get_u8() != VERSION {
            return None;
        }
        Some(MessageRow {
            uid,
            size: value.get_u32_le(),
            keywords: value.get_u64_le(),
            change: ChangeNumber(value.get_uint_le(6)),
            received: Timestamp(value.get_int_le(5)),
            entry: EntryId(value.get_uint_le(6)),
            blob: BlobId(value.get_uint_le(6)),
            saved: value.get_u32_le(),
            form: match value.get_u8() {
                1 => TextForm::Ascii,
                2 => TextForm::AsciiHeaders,
                _ => TextForm::Encoded,
            },
        })
    }
}

/// What was found out about a message when it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactsRow {
    /// The content, the same for all copies.
    pub content: ContentId,
    /// The conversation.
    pub thread: ThreadId,
    /// What the caller of `append` wants to find again: envelope, structure and preview, ready to print. Empty
    /// when they were too large to keep.
    pub cards: Bytes,
}

impl FactsRow {
    pub(crate) fn print(&self) -> Bytes {
        let kept = if self.cards.len() > MAX_CARDS {
            &[][..]
        } else {
            &self.cards
        };
        let mut out = BytesMut::with_capacity(17 + kept.len());
        out.put_u8(VERSION);
        out.put_u64_le(self.content.0);
        out.put_u64_le(self.thread.0);
        out.put_slice(kept);
        out.freeze()
    }

    pub(crate) fn parse(value: &Bytes) -> Option<Self> {
        let mut head = value.get(..17)?;
        if head.get_u8() != VERSION {
            return None;
        }
        Some(FactsRow {
            content: ContentId(head.get_u64_le()),
            thread: ThreadId(head.get_u64_le()),
            cards: value.slice(17..),
        })
    }
}

/// The counters of an account: the next of each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) change: ChangeNumber,
    pub(crate) next_entry: u64,
    pub(crate) next_content: u64,
    pub(crate) next_thread: u64,
    pub(crate) next_mailbox: u32,
    pub(crate) last_validity: UidValidity,
}

impl Counters {
    /// The counters of a new account. Copies are numbered from the clock on, 65,536 a second: whoever gets the name of an account
    /// that was removed must not get its numbers too (RFC 1939 §7: a unique-id is never used again).
    pub(crate) fn first(now: Timestamp) -> Self {
        let seconds = u32::try_from(now.0.max(0)).unwrap_or(u32::MAX);
        Counters {
            change: ChangeNumber(1),
            next_entry: (u64::from(seconds) << 16) + 1,
            next_content: 1,
            next_thread: 1,
            next_mailbox: 1,
            last_validity: UidValidity(0),
        }
    }

    /// Raises every number above all that can have been given out by now, where rows are lost that would say so. Nobody gives out
    /// 4,096 changes or 65,536 copies a second for years, and both counters began at or below the clock.
    pub(crate) fn leap(&mut self, now: Timestamp) {
        // The second after this one: an account may have begun in this one, and have given out some since.
        let next = now.0.max(0).saturating_add(1);
        let seconds = u64::from(u32::try_from(next).unwrap_or(u32::MAX));
        self.change = ChangeNumber((self.change.0 + 1).max(seconds << 12));
        for counter in [
            &mut self.next_entry,
            &mut self.next_content,
            &mut self.next_thread,
        ] {
            *counter = (*counter + 1).max(seconds << 16);
        }
        self.next_mailbox = self.next_mailbox.saturating_add(LEAP_MAILBOXES);
        // Several mailboxes of one second are numbered ahead of the clock, by as many as an account may have.
        let least = u32::try_from(seconds)
            .unwrap_or(u32::MAX)
            .saturating_add(LEAP_MAILBOXES);
        self.last_validity = UidValidity(self.last_validity.0.max(least));
    }

    pub(crate) fn print(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(48);
        out.put_u8(VERSION);
        out.put_u64_le(self.change.0);
        out.put_u64_le(self.next_entry);
        out.put_u64_le(self.next_content);
        out.put_u64_le(self.next_thread);
        out.put_u32_le(self.next_mailbox);
        out.put_u32_le(self.last_validity.0);
        out.freeze()
    }

    pub(crate) fn parse(mut value: &[u8]) -> Option<Self> {
        if value.len() != 41 || value.get_u8() != VERSION {
            return None;
        }
        Some(Counters {
            change: ChangeNumber(value.get_u64_le()),
            next_entry: value.get_u64_le(),
            next_content: value.get_u64_le(),
            next_thread: value.get_u64_le(),
            next_mailbox: value.get_u32_le(),
            last_validity: UidValidity(value.get_u32_le()),
        })
    }
}

/// A mailbox with its counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailboxRow {
    pub(crate) id: MailboxId,
    pub(crate) name: MailboxName,
    pub(crate) role: Option<Role>,
    pub(crate) validity: UidValidity,
    pub(crate) next_uid: Uid,
    /// The last change of anything in it.
    pub(crate) change: ChangeNumber,
    pub(crate) messages: u32,
    pub(crate) unseen: u32,
    /// How many carry the deleted mark.
    pub(crate) deleted: u32,
    pub(crate) octets: Octets,
    /// Uids from here on are recent to the next session.
    pub(crate) recent: Uid,
    /// When the mailbox was deleted; its rows stay until the undelete time has passed.
    pub(crate) deleted_at: Option<Timestamp>,
    /// Of what was expunged by changes up to this one, some is forgotten.
    pub(crate) forgotten: ChangeNumber,
    pub(crate) keywords: Vec<KeywordName>,
}

impl MailboxRow {
    pub(crate) fn print(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(96);
        let forgetful = self.forgotten > ChangeNumber(0);
        out.put_u8(if forgetful { FORGETFUL } else { VERSION });
        out.put_u8(self.role.map_or(0, |role| role as u8));
        out.put_u32_le(self.validity.0);
        out.put_u32_le(self.next_uid.0);
        out.put_u64_le(self.change.0);
        out.put_u32_le(self.messages);
        out.put_u32_le(self.unseen);
        out.put_u32_le(self.deleted);
        out.put_u64_le(self.octets.0);
        out.put_u32_le(self.recent.0);
        out.put_i64_le(self.deleted_at.map_or(i64::MIN, |at| at.0));
        if forgetful {
            out.put_u64_le(self.forgotten.0);
        }
        put_text(&mut out, self.name.as_str());
        for keyword in &self.keywords {
            put_text(&mut out, keyword.as_str());
        }
        out.freeze()
    }

    pub(crate) fn parse(id: MailboxId, value: &[u8]) -> Option<Self> {
        let (mut head, mut tail) = value.split_at_checked(50)?;
        let version = head.get_u8();
        let role = head.get_u8();
        let mut row = MailboxRow {
            id,
            name: MailboxName::inbox(),
            role: Role::ALL.into_iter().find(|r| *r as u8 == role),
            validity: UidValidity(head.get_u32_le()),
            next_uid: Uid(head.get_u32_le()),
            change: ChangeNumber(head.get_u64_le()),
            messages: head.get_u32_le(),
            unseen: head.get_u32_le(),
            deleted: head.get_u32_le(),
            octets: Octets(head.get_u64_le()),
            recent: Uid(head.get_u32_le()),
            deleted_at: Some(head.get_i64_le())
                .filter(|at| *at != i64::MIN)
                .map(Timestamp),
            forgotten: ChangeNumber(0),
            keywords: Vec::new(),
        };
        match version {
            VERSION => {}
            FORGETFUL => {
                let (forgotten, rest) = tail.split_first_chunk::<8>()?;
                row.forgotten = ChangeNumber(u64::from_le_bytes(*forgotten));
                tail = rest;
            }
            _ => return None,
        }
        row.name = MailboxName::check(take_text(&mut tail)?).ok()?;
        while !tail.is_empty() {
            row.keywords.push(KeywordName::check(take_text(&mut tail)?).ok()?);
        }
        Some(row)
    }
}

pub(crate) fn put_text(out: &mut BytesMut, text: &str) {
    out.put_u16_le(u16::try_from(text.len()).expect("names are limited to 1000 octets"));
    out.put_slice(text.as_bytes());
}

pub(crate) fn take_text<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    let (length, rest) = from.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    *from = rest;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_parse_back_and_no_prefix_does() {
        let message = MessageRow {
            uid: Uid(7),
            size: 10_000,
            keywords: u64::MAX,
            change: ChangeNumber((1 << 48) - 1),
            received: Timestamp(-86_400),
            entry: EntryId(3),
            blob: BlobId(9),
            saved: u32::MAX,
            form: TextForm::Ascii,
        };
        let printed = message.print();
        assert!(printed.len() + 4 <= 48, "with the engine's checksum");
        assert_eq!(MessageRow::parse(Uid(7), &printed), Some(message));
        assert_eq!(MessageRow::parse(Uid(7), &printed[..40]), None);

        let counters = Counters {
            next_mailbox: 5,
            ..Counters::first(Timestamp(1))
        };
        assert_eq!(Counters::parse(&counters.print()), Some(counters));

        let facts = FactsRow {
            content: ContentId(1),
            thread: ThreadId(2),
            cards: Bytes::from_static(b"cards"),
        };
        assert_eq!(FactsRow::parse(&facts.print()), Some(facts));

        let mailbox = MailboxRow {
            id: MailboxId(4),
            name: MailboxName::check("工作/项目").unwrap(),
            role: Some(Role::Sent),
            validity: UidValidity(77),
            next_uid: Uid(5),
            change: ChangeNumber(8),
            messages: 4,
            unseen: 3,
            deleted: 2,
            octets: Octets(12345),
            recent: Uid(4),
            deleted_at: None,
            forgotten: ChangeNumber(0),
            keywords: vec![
                KeywordName::check("$Junk").unwrap(),
                KeywordName::check("work").unwrap(),
            ],
        };
        let first_form = mailbox.print();
        assert_eq!(first_form[0], 1, "an older program can read it");
        assert_eq!(
            MailboxRow::parse(MailboxId(4), &first_form),
            Some(mailbox.clone())
        );
        let forgotten = ChangeNumber(1 << 33);
        let mailbox = MailboxRow { forgotten, ..mailbox };
        let printed = mailbox.print();
        assert_eq!(MailboxRow::parse(MailboxId(4), &printed), Some(mailbox));
        let name_ends = 58 + 2 + "工作/项目".len();
        assert!((0..name_ends).all(|length| MailboxRow::parse(MailboxId(4), &printed[..length]).is_none()));
    }

    #[test]
    fn a_leap_is_above_what_an_account_of_the_same_second_has_given_out() {
        let now = Timestamp(1_800_000_000);
        let copy = Counters::first(now);
        let mut gone_on = copy;
        gone_on.next_entry += 40_000;
        gone_on.change.0 += 2_000;
        let mut restored = copy;
        restored.leap(now);
        assert!(restored.next_entry > gone_on.next_entry);
        assert!(restored.change > gone_on.change);
    }

    #[test]
    fn cards_over_the_limit_are_left_out() {
        let cards = Bytes::from(vec![1; MAX_CARDS + 1]);
        let facts = FactsRow {
            content: ContentId(1),
            thread: ThreadId(2),
            cards,
        };
        assert_eq!(FactsRow::parse(&facts.print()).map(|f| f.cards.len()), Some(0));
    }
}
