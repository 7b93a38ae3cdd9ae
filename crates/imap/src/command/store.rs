//! STORE (RFC 3501 §6.4.6).

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::flag::{Flag, flag, print_flags};
use crate::grammar::set::{MessageSet, Numbering, print_sequence_set, sequence_set};

/// `STORE messages action flags`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Of which messages.
    pub messages: MessageSet,
    /// What is done with the flags.
    pub action: StoreAction,
    /// What is told about it.
    pub answer: Answer,
    /// The flags.
    pub flags: Vec<Flag>,
}

/// What STORE does with flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreAction {
    /// `FLAGS`: the message has these and no others.
    Replace,
    /// `+FLAGS`: these as well.
    Add,
    /// `-FLAGS`: these no longer.
    Remove,
}

/// Whether the new flags are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// They are.
    Told,
    /// `.SILENT`: the client knows them.
    Silent,
}

/// `store = "STORE" SP sequence-set SP ["+" / "-"] "FLAGS" [".SILENT"] SP (flag-list / (flag *(SP flag)))`.
pub(super) fn parse(cursor: &mut Cursor<'_>, numbering: Numbering) -> Result<Store, ParseError> {
    cursor.space()?;
    let messages = numbering.of(sequence_set(cursor)?);
    cursor.space()?;
    let action = if cursor.take(b'+') {
        StoreAction::Add
    } else if cursor.take(b'-') {
        StoreAction::Remove
    } else {
        StoreAction::Replace
    };
    if !cursor.take_word("FLAGS") {
        return Err(cursor.wanted("FLAGS, +FLAGS or -FLAGS"));
    }
    let answer = if cursor.take_word(".SILENT") {
        Answer::Silent
    } else {
        Answer::Told
    };
    cursor.space()?;
    let flags = if cursor.peek() == Some(b'(') {
        cursor.list(flag)?
    } else {
        cursor.items(flag)?
    };
    Ok(Store {
        messages,
        action,
        answer,
        flags,
    })
}

pub(super) fn print(out: &mut Vec<u8>, store: &Store) {
    out.extend_from_slice(store.messages.numbering().prefix().as_bytes());
    out.extend_from_slice(b"STORE ");
    print_sequence_set(out, store.messages.set());
    out.extend_from_slice(match store.action {
        StoreAction::Replace => b" FLAGS",
        StoreAction::Add => b" +FLAGS",
        StoreAction::Remove => b" -FLAGS",
    });
    if store.answer == Answer::Silent {
        out.extend_from_slice(b".SILENT");
    }
    out.push(b' ');
    print_flags(out, &store.flags);
}
