//! Responses as a whole (RFC 9051 §7, §9 `response`).

use bytes::Bytes;

use super::fetch::{Fetched, fetched};
use super::flag::{ServerFlag, flags};
use super::mailbox::{
    Listed, ListedName, MailboxStatus, Namespaces, Quota, QuotaRoot, id, listed, namespaces, quota,
    quota_root, status,
};
use super::ranges::{Ranges, ranges};
use super::reader::{Reader, text};
use super::search::{ESearch, esearch, search};
use super::status::{Status, condition, resp_text, words};
use crate::Mode;
use crate::framing::Frame;
use crate::grammar::cursor::ParseError;

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// `+`: it waits for more; a challenge of a login is in the text.
    Continue(Bytes),
    /// A command has ended.
    Done {
        /// Which.
        tag: Bytes,
        /// How.
        status: Status,
    },
    /// A status without a tag: the greeting, a warning, BYE.
    Status(Status),
    /// Something about mailboxes or messages.
    Data(Data),
}

/// What a server says of mailboxes and messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// What it can do.
    Capability(Vec<Box<str>>),
    /// What is enabled now.
    Enabled(Vec<Box<str>>),
    /// The flags of the mailbox.
    Flags(Vec<ServerFlag>),
    /// A mailbox.
    List(Listed),
    /// A subscription.
    Lsub(Listed),
    /// What was asked about a mailbox.
    Status(ListedName, MailboxStatus),
    /// What was found, and the highest mod-sequence of it.
    Search(Ranges, Option<u64>),
    /// What was found.
    ESearch(ESearch),
    /// How many messages there are.
    Exists(u32),
    /// How many have `\Recent`.
    Recent(u32),
    /// The message at this position is gone, and those behind it have moved up.
    Expunge(u32),
    /// The messages with these uids are gone (RFC 7162 §3.2.10).
    Vanished(Vanished, Ranges),
    /// Of a message.
    Fetch(Box<Fetched>),
    /// The namespaces.
    Namespace(Namespaces),
    /// What the server calls itself.
    Id(Vec<(Box<str>, Option<Box<str>>)>),
    /// A quota.
    Quota(Quota),
    /// The quota roots of a mailbox.
    QuotaRoot(QuotaRoot),
    /// Another, by its name in capital letters.
    Other(Box<str>),
}

/// Whether what vanished counted in the positions until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vanished {
    /// It did.
    Now,
    /// It had gone before the mailbox was opened, or was asked for.
    Earlier,
}

/// Reads a response of a server that is spoken to in this way. A response whose body is about to be streamed is read as far as it goes.
///
/// # Errors
/// Says where it stops being a response.
pub fn parse(frame: &Frame, mode: Mode) -> Result<Response, ParseError> {
    let mut reader = Reader::new(frame, mode);
    // Some servers begin with an empty line or a space.
    reader.spaces();
    if reader.take(b'+') {
        reader.take(b' ');
        return Ok(Response::Continue(reader.rest()));
    }
    let tag = reader.word("a tag")?;
    reader.spaces();
    if reader.peek().is_some_and(|octet| octet.is_ascii_digit()) && tag.as_ref() == b"*" {
        return numbered(&mut reader).map(Response::Data);
    }
    let name = reader.word("the name of a response")?;
    if let Some(condition) = condition(&name) {
        let status = resp_text(condition, &mut reader);
        return Ok(match tag.as_ref() {
            b"*" => Response::Status(status),
            _ => Response::Done { tag, status },
        });
    }
    match tag.as_ref() {
        b"*" => data(&name, &mut reader).map(Response::Data),
        _ => Err(reader.wanted("OK, NO or BAD after a tag")),
    }
}

/// `* 12 EXISTS` and its like. 0 is no message, and is taken all the same.
fn numbered(reader: &mut Reader<'_>) -> Result<Data, ParseError> {
    let number = reader.number32()?;
    reader.spaces();
    let name = reader
        .word("EXISTS, RECENT, EXPUNGE or FETCH")?
        .to_ascii_uppercase();
    Ok(match name.as_slice() {
        b"EXISTS" => Data::Exists(number),
        b"RECENT" => Data::Recent(number),
        b"EXPUNGE" => Data::Expunge(number),
        b"FETCH" => Data::Fetch(Box::new(fetched(number, reader)?)),
        _ => Data::Other(text(&name)),
    })
}

fn data(name: &[u8], reader: &mut Reader<'_>) -> Result<Data, ParseError> {
    let name = name.to_ascii_uppercase();
    reader.spaces();
    Ok(match name.as_slice() {
        b"CAPABILITY" => Data::Capability(words(reader)),
        b"ENABLED" => Data::Enabled(words(reader)),
        b"FLAGS" => Data::Flags(flags(reader)?),
        // Cyrus and Gmail have said XLIST before LIST could say what a mailbox is for.
        b"LIST" | b"XLIST" => Data::List(listed(reader)?),
        b"LSUB" => Data::Lsub(listed(reader)?),
        b"STATUS" => {
            let (name, status) = status(reader)?;
            Data::Status(name, status)
        }
        b"SEARCH" | b"SORT" => {
            let (found, mod_sequence) = search(reader)?;
            Data::Search(found, mod_sequence)
        }
        b"ESEARCH" => Data::ESearch(esearch(reader)?),
        b"VANISHED" => vanished(reader)?,
        b"NAMESPACE" => Data::Namespace(namespaces(reader)?),
        b"ID" => Data::Id(id(reader)?),
        b"QUOTA" => Data::Quota(quota(reader)?),
        b"QUOTAROOT" => Data::QuotaRoot(quota_root(reader)?),
        _ => Data::Other(text(&name)),
    })
}

/// `["(EARLIER)" SP] known-uids`.
fn vanished(reader: &mut Reader<'_>) -> Result<Data, ParseError> {
    let when = match reader.take(b'(') {
        true => {
            reader.close()?;
            Vanished::Earlier
        }
        false => Vanished::Now,
    };
    Ok(Data::Vanished(when, ranges(reader)?))
}
