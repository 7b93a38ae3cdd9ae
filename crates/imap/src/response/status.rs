//! Status responses: OK, NO, BAD, PREAUTH, BYE with their codes; continuation requests (RFC 3501 §7.1 and §7.5).

use types::{MailboxId, Uid, UidValidity};

use crate::command::BadCommand;
use crate::framing::FramingError;
use crate::grammar::flag::{Flag, print_flag};
use crate::grammar::object_id;
use crate::grammar::print;
use crate::grammar::set::print_uids;
use crate::refusal::Refusal;

/// The first word of a status response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Done.
    Ok,
    /// Not done.
    No,
    /// Not a command, or never allowed so.
    Bad,
    /// The connection ends.
    Bye,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Kind::Ok => "OK",
            Kind::No => "NO",
            Kind::Bad => "BAD",
            Kind::Bye => "BYE",
        }
    }
}

/// `resp-text-code`: what a program can understand of a status response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code<'a> {
    /// The capabilities, as `command::capability` prints them.
    Capability(&'a [u8]),
    /// Which flags can be kept, and whether new keywords can be made.
    PermanentFlags(&'a [Flag], NewKeywords),
    /// The mailbox is open to read only.
    ReadOnly,
    /// The mailbox is open to read and write.
    ReadWrite,
    /// The target could be created.
    TryCreate,
    /// The next uid.
    UidNext(Uid),
    /// The validity of the uids.
    UidValidity(UidValidity),
    /// The position of the first message without `\Seen`.
    Unseen(u32),
    /// The charset is not known; UTF-8 and US-ASCII always are.
    BadCharset,
    /// Where appended messages are (RFC 4315 §3, RFC 3502).
    AppendUid(UidValidity, &'a [Uid]),
    /// Where copied messages are (RFC 4315 §3).
    CopyUid(UidValidity, &'a [Uid], &'a [Uid]),
    /// Messages of which a surrogate was shown (RFC 6858 §3).
    Downgraded(&'a [Uid]),
    /// What a mailbox is called for ever (RFC 8474 §4.1, §4.2).
    MailboxId(MailboxId),
    /// Over the quota (RFC 9208 §4.3.1).
    OverQuota,
    /// Too big (RFC 7889 §4, RFC 4469 §4.2).
    TooBig,
    /// The name exists already (RFC 5530 §3).
    AlreadyExists,
    /// The name does not exist (RFC 5530 §3).
    NonExistent,
    /// It can never be done (RFC 5530 §3).
    Cannot,
    /// A limit (RFC 5530 §3).
    Limit,
    /// A part of the server is down (RFC 5530 §3).
    Unavailable,
    /// Not before TLS (RFC 5530 §3).
    PrivacyRequired,
    /// Name or password wrong (RFC 5530 §3).
    AuthenticationFailed,
    /// Somebody else has expunged (RFC 5530 §3).
    ExpungeIssued,
}

/// Whether a client can make new keywords in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewKeywords {
    /// `\*`.
    Allowed,
    /// None.
    Forbidden,
}

fn print_code(out: &mut Vec<u8>, code: Code<'_>) {
    out.push(b'[');
    match code {
        Code::Capability(words) => {
            word(out, "CAPABILITY");
            out.extend_from_slice(words);
        }
        Code::PermanentFlags(flags, new) => permanent_flags(out, flags, new),
        Code::UidNext(uid) => numbered(out, "UIDNEXT ", uid.0),
        Code::UidValidity(validity) => numbered(out, "UIDVALIDITY ", validity.0),
        Code::Unseen(position) => numbered(out, "UNSEEN ", position),
        Code::AppendUid(validity, uids) => {
            numbered(out, "APPENDUID ", validity.0);
            out.push(b' ');
            print_uids(out, uids);
        }
        Code::Downgraded(uids) => {
            word(out, "DOWNGRADED ");
            print_uids(out, uids);
        }
        Code::MailboxId(mailbox) => {
            word(out, "MAILBOXID ");
            object_id::print_mailbox(out, mailbox.0.into());
        }
        Code::CopyUid(validity, from, to) => {
            numbered(out, "COPYUID ", validity.0);
            out.push(b' ');
            print_uids(out, from);
            out.push(b' ');
            print_uids(out, to);
        }
        Code::BadCharset => word(out, CHARSETS),
        plain => word(out, plain_word(plain)),
    }
    out.extend_from_slice(b"] ");
}

/// What SEARCH reads, as far as anybody might ask for it: all that the WHATWG Encoding Standard names is read.
const CHARSETS: &str = "BADCHARSET (US-ASCII UTF-8 GB18030 GBK GB2312 BIG5 ISO-2022-JP SHIFT_JIS EUC-JP EUC-KR \
                        ISO-8859-1 ISO-8859-15 WINDOWS-1251 WINDOWS-1252 KOI8-R)";

fn plain_word(code: Code<'_>) -> &'static str {
    match code {
        Code::ReadOnly => "READ-ONLY",
        Code::ReadWrite => "READ-WRITE",
        Code::TryCreate => "TRYCREATE",
        Code::TooBig => "TOOBIG",
        Code::OverQuota => "OVERQUOTA",
        Code::AlreadyExists => "ALREADYEXISTS",
        Code::NonExistent => "NONEXISTENT",
        Code::Cannot => "CANNOT",
        Code::Limit => "LIMIT",
        Code::Unavailable => "UNAVAILABLE",
        Code::PrivacyRequired => "PRIVACYREQUIRED",
        Code::AuthenticationFailed => "AUTHENTICATIONFAILED",
        Code::ExpungeIssued => "EXPUNGEISSUED",
        _ => "ALERT",
    }
}

fn permanent_flags(out: &mut Vec<u8>, flags: &[Flag], new: NewKeywords) {
    word(out, "PERMANENTFLAGS (");
    print::spaced(out, flags, print_flag);
    if new == NewKeywords::Allowed {
        word(out, if flags.is_empty() { "\\*" } else { " \\*" });
    }
    out.push(b')');
}

fn numbered(out: &mut Vec<u8>, name: &str, number: u32) {
    word(out, name);
    print::number(out, u64::from(number));
}

fn word(out: &mut Vec<u8>, word: &str) {
    out.extend_from_slice(word.as_bytes());
}

/// A tagged or, with the tag `*`, untagged status response.
pub fn status(out: &mut Vec<u8>, tag: &[u8], kind: Kind, code: Option<Code<'_>>, text: &str) {
    out.extend_from_slice(tag);
    out.push(b' ');
    word(out, kind.word());
    out.push(b' ');
    if let Some(code) = code {
        print_code(out, code);
    }
    word(out, text);
    out.extend_from_slice(b"\r\n");
}

/// `* OK [code] text`.
pub fn untagged_ok(out: &mut Vec<u8>, code: Code<'_>, text: &str) {
    status(out, b"*", Kind::Ok, Some(code), text);
}

/// `tag OK text`.
pub fn done(out: &mut Vec<u8>, tag: &[u8], text: &str) {
    status(out, tag, Kind::Ok, None, text);
}

/// `* BYE text`.
pub fn bye(out: &mut Vec<u8>, text: &str) {
    status(out, b"*", Kind::Bye, None, text);
}

/// `tag NO [code] text`, or BAD.
pub fn refuse(out: &mut Vec<u8>, tag: &[u8], refusal: Refusal) {
    status(out, tag, refusal.kind(), refusal.code(), &refusal.to_string());
}

/// `tag BAD text`; untagged where there is no tag (RFC 3501 §7.1.3).
pub fn bad_command(out: &mut Vec<u8>, bad: &BadCommand) {
    let tag = bad.tag.as_deref().unwrap_or(b"*");
    status(out, tag, Kind::Bad, None, &bad.to_string());
}

/// `tag NO [TOOBIG] text` for a literal, `tag BAD text` for a line.
pub fn refuse_frame(out: &mut Vec<u8>, tag: Option<&[u8]>, why: FramingError) {
    let (kind, code) = match why {
        FramingError::LiteralTooBig { .. } => (Kind::No, Some(Code::TooBig)),
        FramingError::NoRoom => (Kind::No, Some(Code::Unavailable)),
        FramingError::LineTooLong | FramingError::TooManyLiterals => (Kind::Bad, None),
    };
    let (tag, kind) = match tag {
        Some(tag) => (tag, kind),
        None => (b"*".as_slice(), Kind::Bad),
    };
    status(out, tag, kind, code, &why.to_string());
}

/// `+ text`.
pub fn continuation(out: &mut Vec<u8>, text: &str) {
    word(out, "+ ");
    word(out, text);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use types::SystemKeyword;

    use super::*;

    #[test]
    fn status_responses_print() {
        let check = |code, wanted: &str| {
            let mut out = Vec::new();
            status(&mut out, b"a", Kind::Ok, code, "x");
            assert_eq!(String::from_utf8(out).unwrap(), format!("a OK {wanted}x\r\n"));
        };
        let flags = [Flag::System(SystemKeyword::Seen)];
        let uids = [Uid(1), Uid(2)];
        check(None, "");
        check(Some(Code::ReadOnly), "[READ-ONLY] ");
        check(Some(Code::Unseen(3)), "[UNSEEN 3] ");
        check(
            Some(Code::PermanentFlags(&flags, NewKeywords::Allowed)),
            "[PERMANENTFLAGS (\\Seen \\*)] ",
        );
        check(
            Some(Code::PermanentFlags(&[], NewKeywords::Forbidden)),
            "[PERMANENTFLAGS ()] ",
        );
        check(
            Some(Code::CopyUid(UidValidity(7), &uids, &[Uid(9), Uid(11)])),
            "[COPYUID 7 1:2 9,11] ",
        );
        check(
            Some(Code::AppendUid(UidValidity(7), &[Uid(4)])),
            "[APPENDUID 7 4] ",
        );
        check(
            Some(Code::Downgraded(&[Uid(70), Uid(105), Uid(108), Uid(109)])),
            "[DOWNGRADED 70,105,108:109] ",
        );
        check(Some(Code::MailboxId(MailboxId(16))), "[MAILBOXID (F10)] ");
    }
}
