//! What is composed is read back as it was said, by our own parser and by Python's: names in any script, subjects, texts,
//! files.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use posthouse_message::compose::{
    Allowed, Attachment, FieldName, Form, Mail, Mailbox, MessageId, Next, Room, Source, SourceId, Stamp,
};
use posthouse_message::{AddressItem, Date, Kind, Message, PartId};
use proptest::prelude::*;
use types::Address;

mod python;

/// What is said of a message.
#[derive(Debug, Clone)]
struct Said {
    from: (String, String),
    to: Vec<(String, String)>,
    subject: String,
    text: String,
    html: Option<String>,
    flowed: Option<()>,
    files: Vec<(String, Vec<u8>)>,
    note: String,
}

/// Text of one line in many scripts, with everything that could end or begin something.
fn line() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9]{1,12}",
        4 => Just(" ".to_owned()),
        2 => "[\u{4e00}-\u{9fa5}]{1,30}",
        1 => "[а-яёà-üΑ-ω]{1,20}",
        1 => "[\u{1f600}-\u{1f640}]{1,4}",
        1 => "[!-/:-@\\[-`{-~]{1,4}",
        1 => Just("=?utf-8?q?=41?=".to_owned()),
        1 => Just("\u{feff}\u{200d}\u{3000}".to_owned()),
        1 => Just("\r\nBcc: x@y\r\n\r\n".to_owned()),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => line(),
        2 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        1 => Just("\nFrom \n.\n--=_\n".to_owned()),
        1 => Just("trailing \t\n".to_owned()),
        1 => "x{900,1100}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn address() -> impl Strategy<Value = String> {
    let domain = prop_oneof![Just("example.org"), Just("例子.中国"), Just("bücher.example")];
    ("[a-z]{1,4}(\\.[a-z0-9+]{1,4}){0,2}", domain).prop_map(|(local, domain)| format!("{local}@{domain}"))
}

fn said() -> impl Strategy<Value = Said> {
    let mailbox = || (line(), address());
    let file = (line(), prop::collection::vec(any::<u8>(), 0..300));
    (
        mailbox(),
        prop::collection::vec(mailbox(), 0..4),
        (line(), line()),
        text(),
        prop::option::of(text()),
        prop::option::of(Just(())),
        prop::collection::vec(file, 0..3),
    )
        .prop_map(|(from, to, (subject, note), text, html, flowed, files)| Said {
            from,
            to,
            subject,
            text,
            html,
            flowed,
            files,
            note,
        })
}

fn mailbox((name, address): &(String, String)) -> Mailbox {
    Mailbox::named(name, Address::parse(address).unwrap())
}

fn stamp() -> Stamp {
    Stamp {
        date: Date::of(1_764_035_829, 480),
        id: MessageId::check("1.x@example.org").unwrap(),
    }
}

fn compose(said: &Said) -> Mail<'_> {
    let mut mail = Mail::new(mailbox(&said.from), stamp()).subject(&said.subject);
    mail = match said.flowed {
        Some(()) => mail.flowed_text(said.text.as_str()),
        None => mail.text(said.text.as_str()),
    };
    for to in &said.to {
        mail = mail.to(mailbox(to));
    }
    if let Some(html) = &said.html {
        mail = mail.html(html.as_str());
    }
    for (name, octets) in &said.files {
        mail = mail.attach(Attachment::new(name, octets.as_slice()));
    }
    mail.header(FieldName::check("X-Note").unwrap(), &said.note)
}

/// A text on one line, as a builder takes it.
fn one_line(text: &str) -> String {
    let text = text.replace("\r\n", " ").replace('\u{feff}', "");
    let line = text.replace(char::is_control, " ");
    line.trim_matches(' ').to_owned()
}

fn words(text: &str) -> String {
    let line = one_line(text);
    line.split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn crlf(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    let text = text
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\n', "\r\n");
    match text.is_empty() || text.ends_with("\r\n") {
        true => text,
        false => text + "\r\n",
    }
}

fn file_name(name: &str) -> String {
    let line = one_line(name);
    let last = line
        .rsplit(['/', '\\'])
        .next()
        .unwrap()
        .trim_matches(' ')
        .to_owned();
    match last.as_str() {
        "" | "." | ".." => "attachment".to_owned(),
        _ => last,
    }
}

fn check_lines(written: &[u8], allowed: Allowed) {
    for line in written.split(|byte| *byte == b'\n') {
        assert!(
            allowed.room == Room::Binary || line.len() <= 999,
            "{}",
            String::from_utf8_lossy(line)
        );
    }
    if allowed.room == Room::SevenBit && allowed.form == Form::Ascii {
        assert!(written.is_ascii());
    }
    if allowed.room != Room::Binary {
        assert!(!posthouse_message::repair::has_bare_cr_or_lf(written));
    }
}

fn people(items: &[AddressItem]) -> Vec<(String, String)> {
    let read = items.iter().map(|item| {
        let mailbox = Mailbox::of(item).unwrap();
        (
            mailbox.name().unwrap_or_default().to_owned(),
            mailbox.address().to_string(),
        )
    });
    read.collect()
}

fn check(said: &Said, allowed: Allowed) {
    let mail = compose(said);
    let composed = mail.compose(allowed).unwrap();
    let written = composed.to_vec().unwrap();
    assert_eq!(composed.size(), Some(written.len() as u64));
    check_lines(&written, allowed);
    let message = Message::parse(&written);
    let shown = String::from_utf8_lossy(&written);
    let envelope = message.envelope();
    let named =
        |(name, address): &(String, String)| (words(name), Address::parse(address).unwrap().to_string());
    assert_eq!(people(&envelope.from), [named(&said.from)], "{shown}");
    assert_eq!(
        people(&envelope.to),
        said.to.iter().map(named).collect::<Vec<_>>(),
        "{shown}"
    );
    assert_eq!(message.subject(), one_line(&said.subject), "{shown}");
    let header = message.header(PartId::ROOT);
    assert_eq!(
        header.first("X-Note").unwrap().text(),
        one_line(&said.note),
        "{shown}"
    );
    assert_eq!(header.all("Bcc").count(), 0);
    let leaves = message.structure().ids();
    let mut leaves = leaves.filter(|id| message.part(*id).kind != Kind::Multipart);
    let text = message.text(leaves.next().unwrap());
    if said.flowed.is_none() {
        assert_eq!(text, crlf(&said.text), "{shown}");
    }
    if let Some(html) = &said.html {
        assert_eq!(message.text(leaves.next().unwrap()), crlf(html), "{shown}");
    }
    for (name, octets) in &said.files {
        let id = leaves.next().unwrap();
        assert_eq!(message.file_name(id), Some(file_name(name)), "{shown}");
        assert_eq!(message.decoded_body(id).as_ref(), octets, "{shown}");
    }
    assert_eq!(leaves.count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_composed_is_read_as_it_was_said(said in said()) {
        check(&said, Allowed::default());
        check(&said, Allowed { form: Form::Utf8, room: Room::EightBit });
        check(&said, Allowed { form: Form::Ascii, room: Room::Binary });
    }
}

#[test]
fn what_is_read_later_is_written_in_its_place() {
    let octets: Vec<u8> = (0..200_000_u32).map(|number| (number % 253) as u8).collect();
    let name = "sound.mp3";
    let there = Mail::new(Mailbox::parse("a@b.example").unwrap(), stamp())
        .text("x")
        .attach(Attachment::new(name, octets.as_slice()));
    let source = Source {
        id: SourceId(7),
        octets: Some(200_000),
    };
    let elsewhere = Mail::new(Mailbox::parse("a@b.example").unwrap(), stamp())
        .text("x")
        .attach(Attachment::new(name, source));
    let wanted = there.compose(Allowed::default()).unwrap().to_vec().unwrap();
    let composed = elsewhere.compose(Allowed::default()).unwrap();
    assert_eq!(composed.size(), Some(wanted.len() as u64));
    assert_eq!(composed.sources().collect::<Vec<_>>(), [source]);
    assert_eq!(composed.to_vec(), None);
    for piece in [1, 1000, 57 * 1024, 300_000] {
        let mut written = Vec::new();
        let mut rest = octets.chunks(piece);
        let mut writing = composed.writing();
        loop {
            match writing.next() {
                Next::Write(octets) => written.extend_from_slice(octets),
                Next::Read(id) => {
                    assert_eq!(id, SourceId(7));
                    writing.feed(rest.next().unwrap_or_default());
                }
                Next::End => break,
            }
        }
        assert!(written == wanted, "in pieces of {piece}");
    }
    let mut written = Vec::new();
    composed
        .write_to(&mut written, |_| Ok(octets.as_slice()))
        .unwrap();
    assert!(written == wanted);
    let failed = composed.write_to(&mut Vec::new(), |_| {
        Err::<&[u8], _>(std::io::ErrorKind::NotFound.into())
    });
    assert_eq!(failed.unwrap_err().kind(), std::io::ErrorKind::NotFound);
}
