//! Status responses and their codes (RFC 9051 §7.1), with those of the extensions. A code that is not known is kept.

use bytes::Bytes;

use super::flag::{ServerFlag, flags};
use super::ranges::{Ranges, ranges};
use super::reader::{Reader, text};
use crate::grammar::cursor::ParseError;

/// The first word of a status response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Done, or for information.
    Ok,
    /// Refused, or a warning.
    No,
    /// Not understood.
    Bad,
    /// The greeting of a connection that is logged in already.
    PreAuth,
    /// The connection ends.
    Bye,
}

/// A status response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its first word.
    pub condition: Condition,
    /// What a program can understand of it.
    pub code: Option<Code>,
    /// What a person can.
    pub text: Box<str>,
}

/// `resp-text-code`. What has no argument is in [`Code::Other`] with its name in capital letters, as is what is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// Must be shown to the user.
    Alert,
    /// The capabilities.
    Capability(Vec<Box<str>>),
    /// Which flags can be kept.
    PermanentFlags(Vec<ServerFlag>),
    /// The mailbox can only be read.
    ReadOnly,
    /// The mailbox can be written.
    ReadWrite,
    /// The target could be created.
    TryCreate,
    /// The next uid, or a lower bound.
    UidNext(u32),
    /// The validity of the uids.
    UidValidity(u32),
    /// Uids do not last here (RFC 4315 §3).
    UidNotSticky,
    /// The position of the first message that is not seen (RFC 3501 §7.1).
    Unseen(u32),
    /// Where what was appended is (RFC 4315 §3).
    AppendUid {
        /// The validity of the uids.
        validity: u32,
        /// The uids.
        uids: Ranges,
    },
    /// Where what was copied is (RFC 4315 §3).
    CopyUid {
        /// The validity of the uids in the target.
        validity: u32,
        /// The uids of the originals.
        from: Ranges,
        /// The uids of the copies, in the same order.
        to: Ranges,
    },
    /// The highest mod-sequence (RFC 7162 §3.1.2.1).
    HighestModSeq(u64),
    /// The mailbox has no mod-sequences (RFC 7162 §3.1.2.2).
    NoModSeq,
    /// What was not stored, because it had changed (RFC 7162 §3.1.3).
    Modified(Ranges),
    /// What was open is closed (RFC 9051 §7.1).
    Closed,
    /// The charsets that are known.
    BadCharset(Vec<Bytes>),
    /// What the mailbox is called for ever (RFC 8474 §4.1).
    MailboxId(Box<str>),
    /// Another: its name in capital letters, and what stands behind it.
    Other(Box<str>, Bytes),
}

impl Code {
    /// The name of the code, as an error shows it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Code::Alert => "ALERT",
            Code::Capability(_) => "CAPABILITY",
            Code::PermanentFlags(_) => "PERMANENTFLAGS",
            Code::ReadOnly => "READ-ONLY",
            Code::ReadWrite => "READ-WRITE",
            Code::TryCreate => "TRYCREATE",
            Code::UidNext(_) => "UIDNEXT",
            Code::UidValidity(_) => "UIDVALIDITY",
            Code::UidNotSticky => "UIDNOTSTICKY",
            Code::Unseen(_) => "UNSEEN",
            Code::AppendUid { .. } => "APPENDUID",
            Code::CopyUid { .. } => "COPYUID",
            Code::HighestModSeq(_) => "HIGHESTMODSEQ",
            Code::NoModSeq => "NOMODSEQ",
            Code::Modified(_) => "MODIFIED",
            Code::Closed => "CLOSED",
            Code::BadCharset(_) => "BADCHARSET",
            Code::MailboxId(_) => "MAILBOXID",
            Code::Other(name, _) => name,
        }
    }

    /// Whether it is the one of this name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name)
    }
}

/// The condition that a word stands for.
pub(super) fn condition(word: &[u8]) -> Option<Condition> {
    Some(match word.to_ascii_uppercase().as_slice() {
        b"OK" => Condition::Ok,
        b"NO" => Condition::No,
        b"BAD" => Condition::Bad,
        b"PREAUTH" => Condition::PreAuth,
        b"BYE" => Condition::Bye,
        _ => return None,
    })
}

/// `resp-text`. A code that breaks its own syntax is part of the text.
pub(super) fn resp_text(condition: Condition, reader: &mut Reader<'_>) -> Status {
    reader.spaces();
    let mut ahead = reader.clone();
    let code = code(&mut ahead).ok().flatten();
    if code.is_some() {
        *reader = ahead;
    }
    reader.spaces();
    let text = text(&reader.rest());
    Status {
        condition,
        code,
        text,
    }
}

fn code(reader: &mut Reader<'_>) -> Result<Option<Code>, ParseError> {
    if !reader.take(b'[') {
        return Ok(None);
    }
    let is_name = |octet: u8| octet.is_ascii_graphic() && octet != b']';
    let name = reader
        .cursor
        .run(is_name, "the name of a code")?
        .to_ascii_uppercase();
    let code = match plain(&name) {
        Some(code) => code,
        None => with_argument(&name, reader)?,
    };
    reader.spaces();
    reader.cursor.run(|octet| octet != b']', "").ok();
    reader.cursor.expect(b']', "a closing bracket")?;
    Ok(Some(code))
}

fn plain(name: &[u8]) -> Option<Code> {
    Some(match name {
        b"ALERT" => Code::Alert,
        b"READ-ONLY" => Code::ReadOnly,
        b"READ-WRITE" => Code::ReadWrite,
        b"TRYCREATE" => Code::TryCreate,
        b"UIDNOTSTICKY" => Code::UidNotSticky,
        b"NOMODSEQ" => Code::NoModSeq,
        b"CLOSED" => Code::Closed,
        _ => return None,
    })
}

fn with_argument(name: &[u8], reader: &mut Reader<'_>) -> Result<Code, ParseError> {
    Ok(match name {
        b"CAPABILITY" => Code::Capability(words(reader)),
        b"PERMANENTFLAGS" => Code::PermanentFlags(flags(reader)?),
        b"UIDNEXT" => Code::UidNext(reader.number32()?),
        b"UIDVALIDITY" => Code::UidValidity(reader.number32()?),
        b"UNSEEN" => Code::Unseen(reader.number32()?),
        b"APPENDUID" => Code::AppendUid {
            validity: reader.number32()?,
            uids: ranges(reader)?,
        },
        b"COPYUID" => Code::CopyUid {
            validity: reader.number32()?,
            from: ranges(reader)?,
            to: ranges(reader)?,
        },
        b"HIGHESTMODSEQ" => Code::HighestModSeq(reader.number()?),
        b"MODIFIED" => Code::Modified(ranges(reader)?),
        b"BADCHARSET" if reader.has_more() && reader.peek() == Some(b'(') => {
            Code::BadCharset(reader.strings()?)
        }
        b"BADCHARSET" => Code::BadCharset(Vec::new()),
        b"MAILBOXID" => Code::MailboxId(text(reader.strings()?.first().map_or(b"", |id| id))),
        _ => {
            let argument = reader.cursor.run(|octet| octet != b']', "").unwrap_or_default();
            let argument = argument.slice_ref(argument.trim_ascii());
            Code::Other(text(name), argument)
        }
    })
}

/// Words up to the end, or to a closing bracket.
pub(super) fn words(reader: &mut Reader<'_>) -> Vec<Box<str>> {
    let mut words = Vec::new();
    loop {
        reader.spaces();
        match reader.cursor.run(|octet| octet > b' ' && octet != b']', "a word") {
            Ok(word) => words.push(text(&word)),
            Err(_) => return words,
        }
    }
}
