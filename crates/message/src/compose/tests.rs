//! Whole messages, as they are sent and as they are read.

use super::*;
use types::Address;

use crate::{Date, Kind, Message, PartId};

pub(super) fn mailbox(text: &str) -> Mailbox {
    Mailbox::parse(text).unwrap()
}

pub(super) fn stamp() -> Stamp {
    Stamp {
        date: Date::of(1_764_035_829, 480),
        id: MessageId::check("20251125.a1b2c3@example.org").unwrap(),
    }
}

pub(super) fn mail<'a>() -> Mail<'a> {
    Mail::new(mailbox("Alice <alice@example.org>"), stamp()).to(mailbox("bob@example.com"))
}

pub(super) fn written(mail: &Mail<'_>) -> String {
    written_as(mail, Allowed::default())
}

pub(super) fn written_as(mail: &Mail<'_>, allowed: Allowed) -> String {
    let composed = mail.compose(allowed).unwrap();
    let octets = composed.to_vec().unwrap();
    assert_eq!(composed.size(), u64::try_from(octets.len()).ok());
    String::from_utf8(octets).unwrap()
}

/// The media types of the parts in their order, with how deep they are.
fn tree(message: &Message<'_>) -> Vec<String> {
    let structure = message.structure();
    let ids = structure.ids();
    ids.map(|id| {
        let depth = std::iter::successors(structure.part(id).parent, |id| structure.part(*id).parent).count();
        let content = message.content_type(id);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!(
            "{}{}/{}",
            " ".repeat(depth),
            text(&content.media_type),
            text(&content.subtype)
        )
    })
    .collect()
}

#[test]
fn a_plain_message_is_as_plain_as_it_can_be() {
    let mail = mail().subject("Hello").text("Hi Bob,\n\nall is well.\n");
    assert_eq!(
        written(&mail),
        "Date: Tue, 25 Nov 2025 09:57:09 +0800\r\n\
         From: Alice <alice@example.org>\r\n\
         To: bob@example.com\r\n\
         Subject: Hello\r\n\
         Message-ID: <20251125.a1b2c3@example.org>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         Hi Bob,\r\n\
         \r\n\
         all is well.\r\n"
    );
}

#[test]
fn parts_are_nested_no_deeper_than_needed() {
    let check = |mail: Mail<'_>, wanted: &[&str]| {
        let written = written(&mail);
        assert_eq!(tree(&Message::parse(written.as_bytes())), wanted, "{written}");
    };
    let logo = MessageId::check("logo@example.org").unwrap();
    let picture = || Attachment::new("logo.png", &b"\x89PNG\r\n\x1a\n"[..]);
    let page = "<p>Hi <img src=\"cid:logo@example.org\"></p>";
    check(mail(), &["text/plain"]);
    check(mail().html(page), &["text/html"]);
    check(
        mail().text("Hi").html(page),
        &["multipart/alternative", " text/plain", " text/html"],
    );
    check(
        mail().html(page).inline(logo.clone(), picture()),
        &["multipart/related", " text/html", " image/png"],
    );
    check(
        mail()
            .html(page)
            .text_from_html()
            .inline(logo.clone(), picture())
            .attach(Attachment::new("a.pdf", &b"%PDF-"[..])),
        &[
            "multipart/mixed",
            " multipart/alternative",
            "  text/plain",
            "  multipart/related",
            "   text/html",
            "   image/png",
            " application/pdf",
        ],
    );
    // Nothing that was given is lost.
    check(
        mail().html("<p>Hi</p>").inline(logo, picture()),
        &["multipart/mixed", " text/html", " image/png"],
    );
    check(mail().attach(picture()), &["multipart/mixed", " image/png"]);
    check(
        mail()
            .text("See below")
            .attach(Attachment::message("fwd.eml", &b"Subject: x\n\nhello\n"[..])),
        &[
            "multipart/mixed",
            " text/plain",
            " message/rfc822",
            "  text/plain",
        ],
    );
}

#[test]
fn what_is_read_is_what_was_said() {
    let text = "你好，\n\n请看附件。\nFrom here\n.\n";
    let mail = Mail::new(mailbox("\"张三, 经理\" <zhang@例子.中国>"), stamp())
        .to(Mailbox::named(
            "Rémi \"R\" O. Neil",
            Address::parse("remi@example.org").unwrap(),
        ))
        .cc(mailbox("Ann O. Nym <ann@example.org>"))
        .bcc(mailbox("secret@example.org"))
        .subject("关于  下周一的会议安排，请务必准时参加并提前准备好相关材料 =?utf-8?q?x?= and a tail")
        .text(text)
        .attach(Attachment::new(
            "/tmp/年度报告（最终版）2026年第一季度财务数据汇总.xlsx",
            &b"PK\x03\x04"[..],
        ));
    let written = written(&mail);
    assert!(written.is_ascii());
    assert!(!written.contains("secret"));
    assert!(written.lines().all(|line| line.len() <= 80), "{written}");
    let message = Message::parse(written.as_bytes());
    let envelope = message.envelope();
    let show = |items: &[crate::AddressItem]| {
        items
            .iter()
            .map(|item| format!("{:?} {:?}", item.display_name(), item.address()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(
        show(&envelope.from),
        "Some(\"张三, 经理\") Some(\"zhang@xn--fsqu00a.xn--fiqs8s\")"
    );
    assert_eq!(
        show(&envelope.to),
        "Some(\"Rémi \\\"R\\\" O. Neil\") Some(\"remi@example.org\")"
    );
    assert_eq!(
        show(&envelope.cc),
        "Some(\"Ann O. Nym\") Some(\"ann@example.org\")"
    );
    assert_eq!(
        message.subject(),
        "关于  下周一的会议安排，请务必准时参加并提前准备好相关材料 =?utf-8?q?x?= and a tail"
    );
    let leaves: Vec<PartId> = message
        .structure()
        .ids()
        .filter(|id| !matches!(message.part(*id).kind, Kind::Multipart))
        .collect();
    assert_eq!(message.text(leaves[0]).replace("\r\n", "\n"), text);
    assert_eq!(
        message.file_name(leaves[1]).as_deref(),
        Some("年度报告（最终版）2026年第一季度财务数据汇总.xlsx")
    );
    assert_eq!(message.decoded_body(leaves[1]).as_ref(), b"PK\x03\x04");
}

#[test]
fn nobody_learns_of_bcc_and_everybody_gets_one_copy() {
    let mail = mail()
        .to(mailbox("carol@example.com"))
        .cc(mailbox("Bob <bob@example.com>"))
        .bcc(mailbox("Hidden Name <secret@example.net>"))
        .bcc(mailbox("carol@example.com"));
    let recipients: Vec<String> = mail.recipients().into_iter().map(Address::to_string).collect();
    assert_eq!(
        recipients,
        ["bob@example.com", "carol@example.com", "secret@example.net"]
    );
    for form in [Form::Ascii, Form::Utf8] {
        let written = written_as(
            &mail,
            Allowed {
                form,
                room: Room::EightBit,
            },
        );
        assert!(
            !written.to_lowercase().contains("bcc")
                && !written.contains("secret")
                && !written.contains("Hidden")
        );
    }
    let hidden = Mail::new(mailbox("a@b.example"), stamp()).bcc(mailbox("secret@example.net"));
    let written = written(&hidden);
    assert!(written.contains("\r\nTo: undisclosed-recipients:;\r\n") && !written.contains("secret"));
}

/// A field as it is written, without its name.
fn field(written: &str, name: &str) -> Option<String> {
    let message = Message::parse(written.as_bytes());
    let field = message.header(PartId::ROOT).first(name)?;
    Some(String::from_utf8_lossy(&field.unfolded()).into_owned())
}

#[test]
fn several_authors_have_a_sender() {
    // RFC 5322 §3.6.2
    let check = |mail: Mail<'_>, wanted: Option<&str>, envelope: &str| {
        assert_eq!(field(&written(&mail), "Sender").as_deref(), wanted);
        assert_eq!(mail.envelope_sender().to_string(), envelope);
    };
    check(mail(), None, "alice@example.org");
    check(
        mail().sender(mailbox("Alice <alice@example.org>")),
        None,
        "alice@example.org",
    );
    check(
        mail().sender(mailbox("office@example.org")),
        Some("office@example.org"),
        "office@example.org",
    );
    check(
        mail().and_from(mailbox("dan@example.org")),
        Some("Alice <alice@example.org>"),
        "alice@example.org",
    );
}

#[test]
fn what_is_said_beside_the_text_has_its_field() {
    let mail = mail()
        .reply_to(mailbox("list@example.org"))
        .in_reply_to(MessageId::check("1@x").unwrap())
        .reference(Reference::check("0@x").unwrap())
        .reference(MessageId::check("1@x").unwrap())
        .read_receipt(mailbox("alice@example.org"))
        .list_unsubscribe(
            Unsubscribe::one_click("https://example.org/u?id=1")
                .unwrap()
                .or("mailto:leave@example.org")
                .unwrap(),
        )
        .header(
            FieldName::check("X-Note").unwrap(),
            "one\r\nBcc: secret@example.org\r\n\r\ntwo",
        );
    let written = written(&mail);
    let check = |name: &str, wanted: &str| assert_eq!(field(&written, name).as_deref(), Some(wanted));
    check("Reply-To", "list@example.org");
    check("In-Reply-To", "<1@x>");
    check("References", "<0@x> <1@x>");
    // RFC 8098 §2.1
    check("Disposition-Notification-To", "alice@example.org");
    // RFC 8058 §3.1
    check(
        "List-Unsubscribe",
        "<https://example.org/u?id=1>, <mailto:leave@example.org>",
    );
    check("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
    check("X-Note", "one Bcc: =?UTF-8?Q?secret=40example=2Eorg__two?=");
    assert_eq!(field(&written, "Bcc"), None);
}

#[test]
fn an_address_beyond_ascii_needs_a_server_that_takes_it() {
    let foreign = mailbox("张三@例子.中国");
    let utf8 = Allowed {
        form: Form::Utf8,
        room: Room::EightBit,
    };
    for mail in [mail().to(foreign.clone()), mail().bcc(foreign.clone())] {
        assert!(mail.needs_utf8());
        let refused = mail.compose(Allowed::default()).err();
        assert_eq!(refused, Some(Refusal::NeedsUtf8(foreign.address().clone())));
        written_as(&mail, utf8);
    }
    // A domain has a form in ASCII: RFC 5891.
    let domain = mail().to(mailbox("zhang@例子.中国"));
    assert!(!domain.needs_utf8());
    assert!(written(&domain).contains("zhang@xn--fsqu00a.xn--fiqs8s"));
    // RFC 6532 §3: everything as it is.
    let mail = mail()
        .to(foreign)
        .subject("你好")
        .text("你好\n")
        .attach(Attachment::new("年度报告.pdf", &b"%PDF-"[..]));
    let written = written_as(&mail, utf8);
    assert!(written.contains("To: bob@example.com, 张三@例子.中国\r\nSubject: 你好\r\n"));
    assert!(written.contains("filename=\"年度报告.pdf\""));
    assert!(written.contains("Content-Transfer-Encoding: 8bit\r\n\r\n你好\r\n"));
}

#[test]
fn no_part_holds_the_boundary_that_ends_it() {
    let boundary = |mail: &Mail<'_>| {
        let written = written(mail);
        let (_, rest) = written.split_once("boundary=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let first = boundary(&mail().text("x").html("y"));
    let evil = format!("x\n--{first}\nBcc: a@b\n--{first}--\n");
    let second = boundary(&mail().text(evil.as_str()).html("y"));
    assert_ne!(first, second);
    let nested = format!("Subject: x\r\n\r\n--{first}\r\n");
    let third = boundary(
        &mail()
            .text("x")
            .attach(Attachment::message("a.eml", nested.as_bytes())),
    );
    assert_ne!(first, third);
    let written = written(&mail().text(evil.as_str()).html("y"));
    assert_eq!(
        tree(&Message::parse(written.as_bytes())),
        ["multipart/alternative", " text/plain", " text/html"]
    );
}

#[test]
fn related_parts_name_the_type_of_their_root() {
    let logo = MessageId::check("logo@example.org").unwrap();
    let mail = mail()
        .html("<img src='CID:logo%40example.org'>")
        .inline(logo, Attachment::new("logo.gif", &b"GIF89a"[..]));
    let written = written(&mail);
    // RFC 2387 §3.1
    assert!(written.contains("Content-Type: multipart/related; type=\"text/html\";\r\n boundary="));
    assert!(written.contains("Content-ID: <logo@example.org>\r\n"));
    assert!(written.contains("Content-Disposition: inline; filename=logo.gif\r\n"));
}

#[test]
fn a_flowed_text_says_so() {
    let written = written(&mail().flowed_text("Hello there\n> quoted\n"));
    assert_eq!(
        field(&written, "Content-Type").as_deref(),
        Some("text/plain; charset=utf-8; format=flowed; delsp=no")
    );
}

#[test]
fn a_message_that_cannot_stand_within_another_goes_as_a_file() {
    let eight = "Subject: x\n\ncafé\n".as_bytes();
    let mail = mail().attach(Attachment::new("old.eml", eight));
    let read = |room: Room| {
        let allowed = Allowed {
            form: Form::Ascii,
            room,
        };
        let octets = mail.compose(allowed).unwrap().to_vec().unwrap();
        tree(&Message::parse(&octets))
    };
    assert_eq!(
        read(Room::SevenBit),
        ["multipart/mixed", " application/octet-stream"]
    );
    assert_eq!(
        read(Room::EightBit),
        ["multipart/mixed", " message/rfc822", "  text/plain"]
    );
    // RFC 6532 §3.7
    let global = Mail::new(mailbox("a@b.example"), stamp())
        .attach(Attachment::message("x.eml", "Subject: 你好\r\n\r\nx".as_bytes()));
    let allowed = Allowed {
        form: Form::Ascii,
        room: Room::EightBit,
    };
    assert!(written_as(&global, allowed).contains("Content-Type: message/global;"));
}

#[test]
fn there_are_no_more_parts_than_are_read() {
    let many = |count: usize| (0..count).fold(mail(), |mail, _| mail.attach(Attachment::new("a", &b""[..])));
    assert!(many(crate::MAX_PARTS - 5).compose(Allowed::default()).is_ok());
    let refused = many(crate::MAX_PARTS - 4).compose(Allowed::default()).err();
    assert_eq!(refused, Some(Refusal::TooManyParts));
}

#[test]
fn names_lead_nowhere() {
    let check = |name: &str, wanted: &str| {
        assert_eq!(Attachment::new(name, &b""[..]).name(), wanted);
    };
    check("../../etc/passwd", "passwd");
    check("C:\\temp\\a.txt", "a.txt");
    check("a\r\nb.txt", "a b.txt");
    check("..", "attachment");
    check("", "attachment");
    check("a/", "attachment");
}
