//! Any bytes as a message: every part, its header, its text; no panic, ranges nested and in order, nothing that grows
//! out of proportion.

#![no_main]

use libfuzzer_sys::fuzz_target;
use message::{Kind, MAX_DEPTH, MAX_PARTS, MAX_PREVIEW, Message, PartId, Section, repair};

/// How much longer decoded text may be than the bytes it is made of: a byte of a Chinese charset is at most two bytes of
/// UTF-8, a damaged one three, and a header is read with its names and blanks.
const GROWTH: usize = 8;

fuzz_target!(|bytes: &[u8]| {
    let message = Message::parse(bytes);
    check_structure(&message);
    for id in message.structure().ids() {
        check_part(&message, id);
    }
    check_whole(&message);
    check_repair(bytes);
    check_surrogate(bytes);
});

/// A surrogate has only ASCII in its header fields, needs none itself, and does not grow out of proportion.
fn check_surrogate(bytes: &[u8]) {
    let surrogate = message::downgrade::message(bytes);
    assert!(!message::downgrade::is_needed(&Message::parse(&surrogate)));
    assert!(surrogate.len() <= bytes.len() * 40 + 40);
}

fn check_structure(message: &Message<'_>) {
    let structure = message.structure();
    assert!(structure.parts().len() <= MAX_PARTS);
    assert_eq!(structure.part(PartId::ROOT).whole(), 0..message.bytes().len());
    for id in structure.ids() {
        let part = structure.part(id);
        assert_eq!(part.header.end, part.body.start);
        assert!(part.header.start <= part.header.end && part.body.start <= part.body.end);
        let depth = std::iter::successors(part.parent, |id| structure.part(*id).parent).count();
        assert!(depth <= MAX_DEPTH);
        let mut from = part.body.start;
        let mut children = 0;
        for child in structure.children(id) {
            let child = structure.part(child);
            assert_eq!(child.parent, Some(id));
            assert!(child.header.start >= from && child.body.end <= part.body.end);
            from = child.body.end;
            children += 1;
        }
        match part.kind {
            Kind::Text | Kind::Other => assert_eq!(children, 0),
            Kind::Multipart => assert_ne!(children, 0),
            Kind::Message => assert_eq!(children, 1),
        }
    }
}

fn check_part(message: &Message<'_>, id: PartId) {
    let body = message.body(id).len();
    let header = message.header(id);
    assert!(message.decoded_body(id).len() <= body);
    assert!(message.text(id).len() <= body * GROWTH + GROWTH);
    assert!(message.plain_text(id).len() <= body * GROWTH + GROWTH);
    let described = message.describe(id);
    assert_eq!(described.octets, body);
    let strings = [&described.id, &described.description, &described.md5, &described.location];
    for string in strings.into_iter().flatten().chain([&described.encoding]) {
        assert_one_line(string);
    }
    for (name, value) in &described.content_type.parameters.pairs {
        assert_one_line(name);
        assert_one_line(value);
    }
    let _ = message.file_name(id);
    let mut end = 0;
    for field in header.fields() {
        assert!(field.offset >= end);
        end = field.offset + field.raw.len();
        assert_one_line(&field.unfolded());
        assert!(field.text().len() <= field.raw.len() * GROWTH);
    }
    assert!(end <= header.bytes().len());
    let chosen = header.only(&["subject", "content-type"]).len() + header.without(&["subject", "content-type"]).len();
    assert!(chosen <= header.bytes().len() + 8);
}

fn assert_one_line(string: &[u8]) {
    assert!(!string.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
}

fn check_whole(message: &Message<'_>) {
    let envelope = message.envelope();
    for item in envelope.from.iter().chain(&envelope.to).chain(&envelope.reply_to) {
        let _ = (item.display_name(), item.address());
        if let message::AddressItem::Address { name, route, mailbox, host } = item {
            [name.as_deref(), route.as_deref(), Some(mailbox), Some(host)].into_iter().flatten().for_each(assert_one_line);
        }
    }
    assert!(message.preview().chars().count() <= MAX_PREVIEW);
    let base = message.base_subject();
    assert_eq!(message::base_subject(&base), base);
    let _ = message.date().map(|date| (date.timestamp(), date.days()));
    let _ = (message.message_id(), message.references());
    let texts: usize = message.body_texts().map(|text| text.len()).sum();
    // A text within a message within a message is told once, its header too; HTML twice.
    assert!(texts <= message.bytes().len() * GROWTH * 2 + GROWTH * 2 * message.structure().parts().len());
    let _ = message.header_text();
    for path in [&[1][..], &[1, 1], &[2], &[1, 2, 1]] {
        for section in [Section::Whole, Section::Header, Section::Text, Section::Mime] {
            let _ = message.section(path, section);
        }
    }
}

fn check_repair(bytes: &[u8]) {
    let repaired = repair::crlf(bytes);
    assert!(!repair::has_bare_cr_or_lf(&repaired));
    assert_eq!(repair::has_bare_cr_or_lf(bytes), repaired.as_ref() != bytes);
}
