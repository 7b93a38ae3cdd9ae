//! The envelope of a message (RFC 3501 §7.4.2): the fields that a list of messages shows, as they are written.
//!
//! Encoded words are left as they are, because the client decodes them; for people there is [`AddressItem::display_name`]
//! and [`crate::decode_words`]. No string here holds CR, LF or NUL.

use std::borrow::Cow;

use crate::address::{AddressItem, MAX_ADDRESSES, parse_addresses};
use crate::header::{Field, Header};

/// What the header of a message says of it. A field that is absent is `None` or an empty list; of several of the same
/// name the first counts, but lists of addresses are joined.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope<'a> {
    /// `Date` as it is written.
    pub date: Option<Cow<'a, [u8]>>,
    /// `Subject` as it is written.
    pub subject: Option<Cow<'a, [u8]>>,
    /// `From`
    pub from: Vec<AddressItem>,
    /// `Sender`
    pub sender: Vec<AddressItem>,
    /// `Reply-To`
    pub reply_to: Vec<AddressItem>,
    /// `To`
    pub to: Vec<AddressItem>,
    /// `Cc`
    pub cc: Vec<AddressItem>,
    /// `Bcc`
    pub bcc: Vec<AddressItem>,
    /// `In-Reply-To` as it is written.
    pub in_reply_to: Option<Cow<'a, [u8]>>,
    /// `Message-ID` as it is written, with its angle brackets.
    pub message_id: Option<Cow<'a, [u8]>>,
}

impl<'a> Envelope<'a> {
    /// Reads the fields of a header, in one pass.
    pub fn parse(header: Header<'a>) -> Self {
        let mut envelope = Envelope::default();
        for field in header.fields() {
            envelope.take(&field);
        }
        envelope
    }

    fn take(&mut self, field: &Field<'a>) {
        let text = |slot: &mut Option<Cow<'a, [u8]>>| {
            slot.get_or_insert_with(|| field.unfolded());
        };
        match () {
            () if field.is("Date") => text(&mut self.date),
            () if field.is("Subject") => text(&mut self.subject),
            () if field.is("In-Reply-To") => text(&mut self.in_reply_to),
            () if field.is("Message-ID") => text(&mut self.message_id),
            () if field.is("From") => add(&mut self.from, field.value),
            () if field.is("Sender") => add(&mut self.sender, field.value),
            () if field.is("Reply-To") => add(&mut self.reply_to, field.value),
            () if field.is("To") => add(&mut self.to, field.value),
            () if field.is("Cc") => add(&mut self.cc, field.value),
            () if field.is("Bcc") => add(&mut self.bcc, field.value),
            () => {}
        }
    }

    /// The sender; where none is named, the authors (RFC 3501 §7.4.2).
    pub fn sender_or_from(&self) -> &[AddressItem] {
        if self.sender.is_empty() {
            &self.from
        } else {
            &self.sender
        }
    }

    /// Where replies go; where nothing is said, to the authors (RFC 3501 §7.4.2).
    pub fn reply_to_or_from(&self) -> &[AddressItem] {
        if self.reply_to.is_empty() {
            &self.from
        } else {
            &self.reply_to
        }
    }
}

/// Adds the addresses of one more field, as far as there is room.
fn add(list: &mut Vec<AddressItem>, value: &[u8]) {
    if list.len() < MAX_ADDRESSES {
        list.extend(parse_addresses(value));
    }
}

#[cfg(test)]
mod tests;
