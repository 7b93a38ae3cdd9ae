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
    ids.into_iter()
        .map(|id| {
            let depth =
                std::iter::successors(structure.part(id).parent, |id| structure.part(*id).parent).count();
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
        .into_iter()
        .filter(|id| !matches!(message.part(*id).kind, Kind::Multipart))
        .collect();
    assert_eq!(message.text(leaves[0]).replace("\r\n", "\n"), text);
    assert_eq!(
        message.file_name(leaves[1]).as_deref(),
        Some("年度报告（最终版）2026年第一季度财务数据汇总.xlsx")
    );
    assert_eq!(message.decoded_body(leaves[1]).as_ref(), b"PK\x03\x04");
}
