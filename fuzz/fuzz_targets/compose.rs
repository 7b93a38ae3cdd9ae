//! Any octets as what a person says of a message: it is composed without a panic, nothing said ends a field or a part, and
//! what is read is what was said.

#![no_main]

use libfuzzer_sys::fuzz_target;
use message::compose::{
    Allowed, Answer, Attachment, FieldName, Form, Language, Mail, Mailbox, MessageId, Reference, Room, Stamp, Whom,
};
use message::{Date, Kind, Message, PartId, repair};

fuzz_target!(|bytes: &[u8]| {
    let mut said = bytes.split(|byte| *byte == 0xff);
    let mut octets = || said.next().unwrap_or_default();
    let name = String::from_utf8_lossy(octets());
    let subject = String::from_utf8_lossy(octets());
    let text = String::from_utf8_lossy(octets());
    let html = String::from_utf8_lossy(octets());
    let file_name = String::from_utf8_lossy(octets());
    let file = octets();
    let stamp = Stamp {
        date: Date::of(i64::try_from(bytes.len()).unwrap_or(0) * 40_000_000, 480),
        id: MessageId::check("fuzz@example.org").expect("it has the form"),
    };
    let Ok(from) = Mailbox::parse("a@example.org") else { return };
    let to = Mailbox::named(&name, from.address().clone());
    let mut mail = Mail::new(from.clone(), stamp.clone())
        .to(to.clone())
        .bcc(to.clone())
        .subject(&subject)
        .text(text.as_ref())
        .html(html.as_ref())
        .attach(Attachment::new(&file_name, file));
    if let Ok(id) = MessageId::check(&name) {
        mail = mail.inline(id, Attachment::new(&subject, file));
    }
    if let Ok(id) = Reference::check(&subject) {
        mail = mail.in_reply_to(id.clone()).reference(id);
    }
    if let Ok(field) = FieldName::check(&name) {
        mail = mail.header(field, &text);
    }
    for (form, room) in [
        (Form::Ascii, Room::SevenBit),
        (Form::Utf8, Room::EightBit),
        (Form::Ascii, Room::Binary),
    ] {
        check(&mail, &to, file, Allowed { form, room });
    }
    // Whatever was read can be answered and forwarded.
    let answer = || Answer {
        from: from.clone(),
        own: Vec::new(),
        stamp: stamp.clone(),
        language: Language::Chinese,
    };
    let read = Message::parse(bytes);
    for mail in [
        answer().reply(&read, Whom::All, "x"),
        answer().forward(&read, "x"),
        answer().forward_whole(&read, "x"),
    ] {
        // A recipient may need SMTPUTF8.
        let form = Form::Utf8;
        if let Ok(composed) = mail.compose(Allowed { form, room: Room::EightBit }) {
            let written = composed.to_vec().expect("everything is here");
            assert!(!repair::has_bare_cr_or_lf(&written));
        }
    }
});

fn check(mail: &Mail<'_>, to: &Mailbox, file: &[u8], allowed: Allowed) {
    let composed = mail.compose(allowed).expect("its addresses are ASCII, its parts few");
    let written = composed.to_vec().expect("everything is here");
    assert_eq!(composed.size(), u64::try_from(written.len()).ok());
    if allowed.room != Room::Binary {
        assert!(!repair::has_bare_cr_or_lf(&written));
        assert!(written.split(|byte| *byte == b'\n').all(|line| line.len() <= 999));
    }
    let message = Message::parse(&written);
    let header = message.header(PartId::ROOT);
    for name in ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"] {
        assert_eq!(header.all(name).count(), 1, "{name}");
    }
    assert_eq!(header.all("Bcc").count(), 0);
    let envelope = message.envelope();
    assert_eq!(envelope.to.len(), 1);
    let read = envelope.to.first().map(Mailbox::of);
    assert_eq!(read.and_then(Result::ok).as_ref(), Some(to));
    let ids = message.structure().ids();
    let whole = |id: &PartId| message.part(*id).kind != Kind::Multipart;
    assert!(ids.filter(whole).any(|id| {
        message.decoded_body(id).as_ref() == file || message.part(id).kind == Kind::Message
    }));
}
