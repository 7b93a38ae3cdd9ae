//! What stands beside a message's bytes in the log, so that it can be found again without any index: the account, the mailbox,
//! the row, and the names of its keywords, which only the mailbox's row has otherwise.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use types::{AccountId, KeywordName, MailboxId, Uid, UniqueId};

use crate::row::{MailboxRow, put_text, take_text};
use crate::{Keywords, MessageRow};

/// A message as it was when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) account: AccountId,
    pub(crate) mailbox: MailboxId,
    pub(crate) row: MessageRow,
    pub(crate) keywords: Keywords,
    /// The id that it brought from elsewhere.
    pub(crate) id: Option<UniqueId>,
}

/// What an id begins with among the names of keywords, none of which begins so.
const ID: char = ' ';

/// The note of a message that comes into a mailbox.
pub(crate) fn print(
    account: AccountId,
    mailbox: &MailboxRow,
    (row, id): (&MessageRow, Option<&UniqueId>),
) -> Bytes {
    let mut note = BytesMut::with_capacity(64);
    note.put_u64_le(account.0);
    note.put_u32_le(mailbox.id.0);
    note.put_u32_le(row.uid.0);
    note.put_slice(&row.print());
    for name in Keywords::of_bits(row.keywords, mailbox).names {
        put_text(&mut note, name.as_str());
    }
    if let Some(id) = id {
        put_text(&mut note, &format!("{ID}{id}"));
    }
    note.freeze()
}

/// Reads a note; `None` when it is not one.
pub(crate) fn parse(mut note: &[u8]) -> Option<Note> {
    if note.len() < 16 + MessageRow::LENGTH {
        return None;
    }
    let account = AccountId(note.get_u64_le());
    let mailbox = MailboxId(note.get_u32_le());
    let uid = Uid(note.get_u32_le());
    let (row, mut rest) = note.split_at_checked(MessageRow::LENGTH)?;
    let row = MessageRow::parse(uid, row)?;
    let mut keywords = Keywords::system_of(row.keywords);
    let mut id = None;
    while !rest.is_empty() {
        let text = take_text(&mut rest)?;
        match text.strip_prefix(ID) {
            Some(text) => id = UniqueId::check(text).ok(),
            None => keywords.names.push(KeywordName::check(text).ok()?),
        }
    }
    Some(Note {
        account,
        mailbox,
        row,
        keywords,
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TextForm;
    use types::{BlobId, ChangeNumber, EntryId, MailboxName, Octets, SystemKeyword, Timestamp, UidValidity};

    #[test]
    fn a_note_parses_back_with_the_names_of_its_keywords_and_no_prefix_is_another_message() {
        let mailbox = MailboxRow {
            id: MailboxId(4),
            name: MailboxName::inbox(),
            role: None,
            validity: UidValidity(1),
            next_uid: Uid(9),
            change: ChangeNumber(1),
            messages: 0,
            unseen: 0,
            deleted: 0,
            octets: Octets(0),
            recent: Uid(1),
            deleted_at: None,
            forgotten: ChangeNumber(0),
            keywords: vec![
                KeywordName::check("other").unwrap(),
                KeywordName::check("work").unwrap(),
            ],
        };
        let row = MessageRow {
            uid: Uid(8),
            size: 77,
            keywords: SystemKeyword::Flagged.bit() | 1 << 6,
            change: ChangeNumber(2),
            received: Timestamp(3),
            entry: EntryId(4),
            blob: BlobId(5),
            saved: 6,
            form: TextForm::Ascii,
        };
        let id = UniqueId::check("0000000b4c5f6a2b").unwrap();
        let printed = print(AccountId(3), &mailbox, (&row, Some(&id)));
        let note = parse(&printed).unwrap();
        assert_eq!(note.id, Some(id));
        let without = parse(&print(AccountId(3), &mailbox, (&row, None))).unwrap();
        assert_eq!((without.row, without.id), (row, None));
        assert_eq!(
            (note.account, note.mailbox, note.row),
            (AccountId(3), MailboxId(4), row)
        );
        assert_eq!(note.keywords.system, SystemKeyword::Flagged.bit());
        assert_eq!(note.keywords.names, [KeywordName::check("work").unwrap()]);
        for length in 0..printed.len() {
            let cut = parse(&printed[..length]);
            assert!(cut.is_none_or(|cut| cut.row == row && cut.id.is_none()));
        }
    }
}
