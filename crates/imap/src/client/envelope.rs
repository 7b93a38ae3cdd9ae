//! ENVELOPE as servers write it (RFC 9051 §7.5.2). A field that is missing at the end is none.

use bytes::Bytes;

use super::reader::Reader;
use crate::grammar::cursor::ParseError;

/// The fields of a header that a list of messages shows, as they are written: encoded words are not decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `Date`.
    pub date: Option<Bytes>,
    /// `Subject`.
    pub subject: Option<Bytes>,
    /// `From`.
    pub from: Vec<Mailbox>,
    /// `Sender`, or `From`.
    pub sender: Vec<Mailbox>,
    /// `Reply-To`, or `From`.
    pub reply_to: Vec<Mailbox>,
    /// `To`.
    pub to: Vec<Mailbox>,
    /// `Cc`.
    pub cc: Vec<Mailbox>,
    /// `Bcc`.
    pub bcc: Vec<Mailbox>,
    /// `In-Reply-To`.
    pub in_reply_to: Option<Bytes>,
    /// `Message-ID`.
    pub message_id: Option<Bytes>,
}

/// `address`. Without a host it begins a group of the name in `mailbox`, or without both it ends one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name.
    pub name: Option<Bytes>,
    /// What stands before the `@`.
    pub mailbox: Option<Bytes>,
    /// What stands behind it.
    pub host: Option<Bytes>,
}

/// `envelope`.
pub(super) fn envelope(reader: &mut Reader<'_>) -> Result<Envelope, ParseError> {
    let mut envelope = Envelope::default();
    if !reader.opens()? {
        return Ok(envelope);
    }
    envelope.date = reader.nstring()?;
    envelope.subject = reader.nstring()?;
    for list in [
        &mut envelope.from,
        &mut envelope.sender,
        &mut envelope.reply_to,
        &mut envelope.to,
        &mut envelope.cc,
        &mut envelope.bcc,
    ] {
        *list = addresses(reader)?;
    }
    envelope.in_reply_to = reader.nstring()?;
    envelope.message_id = reader.nstring()?;
    reader.close()?;
    Ok(envelope)
}

/// `"(" 1*address ")" / nil`, with spaces between or not.
fn addresses(reader: &mut Reader<'_>) -> Result<Vec<Mailbox>, ParseError> {
    let mut addresses = Vec::new();
    if !reader.is_more() {
        return Ok(addresses);
    }
    if reader.peek() != Some(b'(') {
        reader.skip()?;
        return Ok(addresses);
    }
    reader.take(b'(');
    while reader.next_item()? {
        if !reader.take(b'(') {
            reader.skip()?;
            continue;
        }
        let name = reader.nstring()?;
        let _route = reader.nstring()?;
        let mailbox = reader.nstring()?;
        let host = reader.nstring()?;
        reader.close()?;
        addresses.push(Mailbox { name, mailbox, host });
    }
    Ok(addresses)
}
