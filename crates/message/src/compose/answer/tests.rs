//! Replies and forwards: who gets them, what they quote.

use super::super::tests::{mailbox, stamp, written};
use super::*;

fn answer(language: Language) -> Answer {
    Answer {
        from: mailbox("Me <me@example.org>"),
        own: vec![Address::parse("me@work.example").unwrap()],
        stamp: stamp(),
        language,
    }
}

fn reply(header: &str, whom: Whom) -> String {
    let read = format!("{header}\r\n\r\nHi,\r\n> old\r\n\r\nbye\r\n-- \r\nLi\r\n");
    let mail = answer(Language::English).reply(&Message::parse(read.as_bytes()), whom, "Yes.\n");
    written(&mail)
}

/// The values of a field that was written.
fn field(written: &str, name: &str) -> String {
    let message = Message::parse(written.as_bytes());
    message
        .header(PartId::ROOT)
        .first(name)
        .map(|field| field.text())
        .unwrap_or_default()
}

#[test]
fn a_reply_goes_to_whom_it_should() {
    let check = |header: &str, whom: Whom, to: &str, cc: &str| {
        let written = reply(header, whom);
        assert_eq!(
            (field(&written, "To").as_str(), field(&written, "Cc").as_str()),
            (to, cc),
            "{header}"
        );
    };
    let header = "From: Li <li@x.example>\r\nTo: me@example.org, ann@x.example\r\nCc: Li <LI@x.example>, ME@work.example, bob@x.example";
    check(header, Whom::Sender, "Li <li@x.example>", "");
    check(
        header,
        Whom::All,
        "Li <li@x.example>",
        "ann@x.example, bob@x.example",
    );
    // RFC 5322 §3.6.3
    check(
        "From: a@x.example\r\nReply-To: b@x.example",
        Whom::Sender,
        "b@x.example",
        "",
    );
    check(
        "From: a@x.example\r\nMail-Followup-To: list@x.example\r\nTo: c@x.example",
        Whom::All,
        "list@x.example",
        "",
    );
    check(
        "From: a@x.example\r\nMail-Followup-To: list@x.example",
        Whom::Sender,
        "a@x.example",
        "",
    );
    // To what one wrote oneself.
    check(
        "From: me@work.example\r\nTo: c@x.example",
        Whom::Sender,
        "c@x.example",
        "",
    );
    check("From: nobody\r\nTo: c@x.example", Whom::All, "c@x.example", "");
}

#[test]
fn a_reply_names_the_thread() {
    let check = |header: &str, parent: &str, references: &str| {
        let written = reply(header, Whom::Sender);
        assert_eq!(field(&written, "In-Reply-To"), parent, "{header}");
        assert_eq!(field(&written, "References"), references, "{header}");
    };
    // RFC 5322 §3.6.4, its four cases.
    check(
        "Message-ID: <3@x>\r\nReferences: <1@x>\r\n <2@x>",
        "<3@x>",
        "<1@x> <2@x> <3@x>",
    );
    check("Message-ID: <3@x>\r\nIn-Reply-To: <2@x>", "<3@x>", "<2@x> <3@x>");
    check("Message-ID: <3@x>\r\nIn-Reply-To: <1@x> <2@x>", "<3@x>", "<3@x>");
    check("Message-ID: <3@x>", "<3@x>", "<3@x>");
    check("Subject: x", "", "");
    let many: Vec<String> = (0..100).map(|number| format!("<{number}@x>")).collect();
    let written = reply(
        &format!("Message-ID: <100@x>\r\nReferences: {}", many.join("\r\n ")),
        Whom::Sender,
    );
    let references = field(&written, "References");
    assert_eq!(references.split(' ').count(), MAX_REFERENCES);
    assert!(
        references.starts_with("<0@x> <62@x>") && references.ends_with("<100@x>"),
        "{references}"
    );
}

#[test]
fn a_subject_says_re_once() {
    let check = |subject: &str, wanted: &str| {
        assert_eq!(
            field(&reply(&format!("Subject: {subject}"), Whom::Sender), "Subject"),
            wanted
        );
    };
    check("Lunch", "Re: Lunch");
    check("Re: Lunch", "Re: Lunch");
    check(
        "RE: re[2]: \u{56de}\u{590d}\u{ff1a}\u{7b54}\u{590d}: Lunch",
        "Re: Lunch",
    );
    check("Re: [list] Lunch: when?", "Re: [list] Lunch: when?");
    check("Record: x", "Re: Record: x");
    check("Fwd: x", "Re: Fwd: x");
}

#[test]
fn what_is_replied_to_is_quoted_without_its_signature() {
    let written = reply(
        "From: Li <li@x.example>\r\nDate: Wed, 25 Nov 2026 09:57:09 +0800",
        Whom::Sender,
    );
    let body = written.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(
        body,
        "Yes.\r\n\r\nOn Wed, 25 Nov 2026 09:57:09 +0800, Li wrote:\r\n> Hi,\r\n>> old\r\n>\r\n> bye\r\n"
    );
    let read =
        "From: =?utf-8?b?5byg5LiJ?= <z@x.example>\r\nDate: Wed, 25 Nov 2026 09:57:09 +0800\r\n\r\nx\r\n";
    let mail = answer(Language::Chinese).reply(&Message::parse(read.as_bytes()), Whom::Sender, "");
    let written = super::super::tests::written(&mail);
    let message = Message::parse(written.as_bytes());
    assert_eq!(
        message.text(PartId::ROOT),
        "\u{5f20}\u{4e09} \u{4e8e} 2026\u{5e74}11\u{6708}25\u{65e5} 09:57 \u{5199}\u{9053}\u{ff1a}\r\n> x\r\n"
    );
}

const READ: &str = "From: Li <li@x.example>\r\nTo: me@example.org\r\nSubject: a/b\r\nMessage-ID: <1@x>\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\n\r\nhello\r\n--b\r\nContent-Type: image/png; name=p.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninside\r\n--b--\r\n";

#[test]
fn a_forward_takes_the_files_along() {
    let read = Message::parse(READ.as_bytes());
    let written = written(&answer(Language::English).forward(&read, "See:"));
    let message = Message::parse(written.as_bytes());
    assert_eq!(message.subject(), "Fwd: a/b");
    assert_eq!(message.references(), ["1@x"]);
    let ids: Vec<PartId> = message.structure().ids().collect();
    assert_eq!(
        message.text(ids[1]),
        "See:\r\n\r\n---------- Forwarded message ----------\r\nFrom: Li <li@x.example>\r\nSubject: a/b\r\nTo: me@example.org\r\n\r\nhello\r\n"
    );
    assert_eq!(message.file_name(ids[2]).as_deref(), Some("p.png"));
    assert_eq!(message.decoded_body(ids[2]).as_ref(), [0, 1, 2]);
    assert_eq!(message.text(ids[4]), "inside");
    assert_eq!(ids.len(), 5);
}

#[test]
fn a_whole_forward_is_the_message_octet_for_octet() {
    let read = Message::parse(READ.as_bytes());
    let mail = answer(Language::Chinese).forward_whole(&read, "");
    let written = written(&mail);
    let message = Message::parse(written.as_bytes());
    let id = message
        .structure()
        .ids()
        .find(|id| message.part(*id).kind == Kind::Message)
        .unwrap();
    assert_eq!(message.body(id), READ.as_bytes());
    assert_eq!(message.file_name(id).as_deref(), Some("a_b.eml"));
}
