//! ENVELOPE (RFC 3501 §7.4.2): the fields of a header that a list of messages shows.

use message::{AddressItem, Envelope};

use crate::grammar::print;

/// `envelope`, in parentheses, from the fields as they are written.
#[must_use]
pub fn envelope_text(envelope: &Envelope<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    print_envelope(&mut out, envelope);
    out
}

/// `"(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP env-bcc SP
/// env-in-reply-to SP env-message-id ")"`.
pub(super) fn print_envelope(out: &mut Vec<u8>, envelope: &Envelope<'_>) {
    out.push(b'(');
    print::nstring(out, envelope.date.as_deref());
    out.push(b' ');
    print::nstring(out, envelope.subject.as_deref());
    let lists = [
        envelope.from.as_slice(),
        envelope.sender_or_from(),
        envelope.reply_to_or_from(),
        &envelope.to,
        &envelope.cc,
        &envelope.bcc,
    ];
    for list in lists {
        out.push(b' ');
        print_addresses(out, list);
    }
    out.push(b' ');
    print::nstring(out, envelope.in_reply_to.as_deref());
    out.push(b' ');
    print::nstring(out, envelope.message_id.as_deref());
    out.push(b')');
}

/// `"(" 1*address ")" / nil`.
fn print_addresses(out: &mut Vec<u8>, items: &[AddressItem]) {
    if items.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for item in items {
        print_address(out, item);
    }
    out.push(b')');
}

/// `"(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"`; without a host it is the end of a group, or with a
/// mailbox its beginning.
fn print_address(out: &mut Vec<u8>, item: &AddressItem) {
    match item {
        AddressItem::Address {
            name,
            route,
            mailbox,
            host,
        } => {
            out.push(b'(');
            print::nstring(out, name.as_deref());
            out.push(b' ');
            print::nstring(out, route.as_deref());
            out.push(b' ');
            print::string(out, mailbox);
            out.push(b' ');
            print::string(out, host);
            out.push(b')');
        }
        AddressItem::GroupStart(name) => {
            out.extend_from_slice(b"(NIL NIL ");
            print::string(out, name);
            out.extend_from_slice(b" NIL)");
        }
        AddressItem::GroupEnd => out.extend_from_slice(b"(NIL NIL NIL NIL)"),
    }
}
