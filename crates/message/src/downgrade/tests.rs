//! RFC 6857 field by field, and what every surrogate must be.

use proptest::prelude::*;

use super::*;
use crate::{AddressItem, PartId, parse_addresses};

fn check(field: &str, wanted: &str) {
    let source = format!("{field}\r\n\r\nkörper\r\n");
    let wanted = format!("{wanted}\r\n\r\nkörper\r\n");
    let got = message(source.as_bytes());
    assert_eq!(String::from_utf8_lossy(&got), wanted, "{field}");
}

/// RFC 6857 §3.1.1, §3.2.6, §3.2.8.
#[test]
fn text_becomes_encoded_words() {
    check("Subject: 你好", "Subject: =?UTF-8?B?5L2g5aW9?=");
    check("Subject: Prüfung", "Subject: =?UTF-8?Q?Pr=C3=BCfung?=");
    check(
        "Subject: Re: grüße und küsse, alle",
        "Subject: Re: =?UTF-8?B?Z3LDvMOfZQ==?= und =?UTF-8?B?a8O8c3NlLA==?= alle",
    );
    check("Subject: über  öl", "Subject: =?UTF-8?B?w7xiZXIgIMO2bA==?=");
    check("X-Unknown:\r\n é", "X-Unknown: =?UTF-8?B?w6k=?=");
    // The blank between two encoded words is not shown (RFC 2047 §6.2), so it is in one of them.
    check(
        "Subject: =?UTF-8?Q?a?= é",
        "Subject: =?UTF-8?Q?a?= =?UTF-8?B?IMOp?=",
    );
    check(
        "Subject: é =?UTF-8?Q?a?=",
        "Subject: =?UTF-8?B?w6kg?= =?UTF-8?Q?a?=",
    );
    check(
        "Keywords: één, two (2), drei",
        "Keywords: =?UTF-8?B?w6nDqW4=?=, \"two (2)\", drei",
    );
}

#[test]
fn long_text_is_cut_between_characters_and_folded() {
    let got = message("Subject: 好好好好好好好好好好好好好好好好好好好好\r\n\r\n".as_bytes()).into_owned();
    let got = String::from_utf8(got).unwrap();
    assert!(got.lines().all(|line| line.len() <= 78), "{got}");
    assert!(got.contains("?=\r\n =?UTF-8?B?"), "{got}");
    assert_eq!(Message::parse(got.as_bytes()).subject(), "好".repeat(20));
}

/// RFC 6857 §3.1.5 to §3.1.8, RFC 6858 §2.1.
#[test]
fn addresses_keep_what_ascii_can_say() {
    check(
        "From: José <jose@example.org>",
        "From: =?UTF-8?B?Sm9zw6k=?= <jose@example.org>",
    );
    check("To: jose@例子.中国", "To: jose@xn--fsqu00a.xn--fiqs8s");
    check(
        "To: josé@example.org",
        "To: =?UTF-8?B?am9zw6lAZXhhbXBsZS5vcmc=?= :;",
    );
    check(
        "To: Pepe <josé@example.org>, Bob <bob@example.org>",
        "To: =?UTF-8?Q?Pepe_jos=C3=A9=40example=2Eorg?= :;, Bob <bob@example.org>",
    );
    check(
        "To: 小组: a@例子.中国, b@example.org;",
        "To: =?UTF-8?B?5bCP57uE?= : a@xn--fsqu00a.xn--fiqs8s, b@example.org ;",
    );
    check(
        "Cc: team: é@example.org;",
        "Cc: =?UTF-8?Q?team_=C3=A9=40example=2Eorg?= :;",
    );
    check(
        "Return-Path: <é@example.org>",
        "Return-Path: =?UTF-8?B?w6lAZXhhbXBsZS5vcmc=?= :;",
    );
    check(
        "From: =?UTF-8?Q?=C3=A9?= <é@x.org>",
        "From: =?UTF-8?B?w6kgw6lAeC5vcmc=?= :;",
    );
    check(
        "To: \"a, b\" <a@x.org>, ü <u@x.org>",
        "To: \"a, b\" <a@x.org>, =?UTF-8?B?w7w=?= <u@x.org>",
    );
}

/// RFC 6857 §3.1.4, RFC 6858 §2.2.
#[test]
fn parameters_take_the_form_of_rfc_2231() {
    check(
        "Content-Disposition: attachment; filename=\"报告.pdf\"; size=3",
        "Content-Disposition: attachment; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf;\r\n size=3",
    );
    check(
        "Content-Type: text/plain; charset=\"utf-8\"; ñ=1; name=\"a b é\"",
        "Content-Type: text/plain; charset=utf-8; name*=UTF-8''a%20b%20%C3%A9",
    );
    check(
        "Content-Disposition: inline; filename=é; filename*=UTF-8''%C3%A9",
        "Content-Disposition: inline; filename*=UTF-8''%C3%A9",
    );
    check("Content-Type: multipart/mïxed", "Content-Type: multipart/mXxed");
}

#[test]
fn a_long_file_name_is_continued_and_reads_back() {
    let name = "好".repeat(30);
    let source = format!("Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n");
    let got = message(source.as_bytes()).into_owned();
    assert!(got.split(|b| *b == b'\n').all(|line| line.len() <= 79));
    assert_eq!(Message::parse(&got).file_name(PartId::ROOT), Some(name));
}

/// RFC 6857 §3.2.2 to §3.2.4, §3.1.9, §3.1.10.
#[test]
fn other_fields_are_written_as_their_grammar_wants() {
    check(
        "Date: Mon, 7 Feb 1994 21:52:25 -0800 (día)",
        "Date: Mon, 7 Feb 1994 21:52:25 -0800 (=?UTF-8?Q?d=C3=ADa?=)",
    );
    check("Message-ID: <é@x>", "Downgraded-Message-ID: =?UTF-8?B?PMOpQHg+?=");
    check("Message-ID: <a@x> (é)", "Message-ID: <a@x> (=?UTF-8?B?w6k=?=)");
    check(
        "References: <a@x> <é@x>",
        "Downgraded-References: <a@x> =?UTF-8?B?PMOpQHg+?=",
    );
    check(
        "Received: from 例子.中国 (é) by x.org id é for <é@x.org>; Mon, 7 Feb 1994 21:52:25 -0800",
        "Received: from xn--fsqu00a.xn--fiqs8s (=?UTF-8?B?w6k=?=) by x.org; Mon, 7 Feb\r\n 1994 21:52:25 -0800",
    );
    check(
        "Received: by x.org for <a@例子.中国>; x",
        "Received: by x.org for <a@xn--fsqu00a.xn--fiqs8s>; x",
    );
    check(
        "Final-Recipient: utf-8; é@x.org",
        r"Final-Recipient: utf-8;\x{E9}@x.org",
    );
    check(
        "Content-Transfer-Encoding: base64é",
        "Content-Transfer-Encoding: base64X",
    );
}

#[test]
fn an_x_stands_for_what_has_no_form_in_ascii() {
    check("Sübject: x", "SXbject: x");
    check(
        "A: b\r\nno field é\r\n continued\r\nC: d",
        "A: b\r\nno field X\r\n continued\r\nC: d",
    );
}

#[test]
fn other_charsets_are_taken_for_what_they_are() {
    let source = b"Subject: \xc4\xe3\xba\xc3\xca\xc0\xbd\xe7\xa3\xac\xbb\xb6\xd3\xad\xca\xb9\xd3\xc3\r\n\r\n";
    let got = message(source);
    assert!(got.is_ascii());
    assert_eq!(Message::parse(&got).subject(), "你好世界，欢迎使用");
}

#[test]
fn headers_of_parts_and_of_messages_within_are_written_anew() {
    let source = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Description: é\r\n\r\nué\r\n--b\r\n\
                  Content-Type: message/rfc822\r\n\r\nSubject: ü\r\n\r\nö\r\n--b--\r\n";
    let wanted = source
        .replace("Description: é", "Description: =?UTF-8?B?w6k=?=")
        .replace("Subject: ü", "Subject: =?UTF-8?B?w7w=?=");
    assert_eq!(String::from_utf8_lossy(&message(source.as_bytes())), wanted);
}

#[test]
fn a_header_alone_is_written_anew() {
    let got = header("Subject: é\r\nTo: a@b\r\n\r\n".as_bytes());
    assert_eq!(got, &b"Subject: =?UTF-8?B?w6k=?=\r\nTo: a@b\r\n\r\n"[..]);
    assert!(matches!(header(b"To: a@b\r\n\r\n"), Cow::Borrowed(_)));
}

/// What must hold of every message.
fn holds(source: &[u8]) {
    let before = Message::parse(source);
    let got = message(source);
    let surrogate = Surrogate::of(&before);
    assert_eq!(surrogate.is_some(), is_needed(&before));
    assert_eq!(
        surrogate.map_or(source.len(), |s| s.octets(source.len())),
        got.len()
    );
    let after = Message::parse(&got);
    assert!(!is_needed(&after), "{:?}", String::from_utf8_lossy(&got));
    assert!(matches!(message(&got), Cow::Borrowed(_)));
    let ids: Vec<_> = before.structure().ids().collect();
    assert_eq!(
        ids.len(),
        after.structure().parts().len(),
        "{:?}",
        String::from_utf8_lossy(&got)
    );
    for id in ids {
        assert_eq!(before.part(id).kind, after.part(id).kind);
        if matches!(before.part(id).kind, crate::Kind::Text | crate::Kind::Other) {
            assert_eq!(before.body(id), after.body(id));
            assert_eq!(before.encoding(id), after.encoding(id));
        }
    }
}

const PIECES: &[&str] = &[
    "Subject: ",
    "To: ",
    "Content-Type: ",
    "multipart/mixed; boundary=é\r\n",
    "multipart/mixed; boundary=\"b\"\r\n",
    "message/rfc822\r\n",
    "\r\n",
    "\r\n\r\n",
    "--b\r\n",
    "--é\r\n",
    "--b--\r\n",
    "é",
    "好",
    "a@b",
    "<",
    ">",
    ",",
    ";",
    ":",
    "\"",
    "(",
    ")",
    "=?UTF-8?Q?a?=",
    " ",
    "\t",
    "\\",
    "Content-Transfer-Encoding: base64 é\r\n",
    "Received: from é (é) for <é@x> id é; x\r\n",
    "Message-ID: <é>(é)\r\n",
    "Keywords: é, (é, \"\r\n",
    "name*0=é; name*=é; name=\"é\\\"\r\n",
    "\n",
    "\0",
    "\u{85}",
    "x\r\n y",
];

proptest! {
    #[test]
    fn surrogates_have_only_ascii_in_headers_and_the_bodies_of_the_message(
        picks in proptest::collection::vec(0..PIECES.len(), 0..40),
        raw in proptest::collection::vec(any::<u8>(), 0..20),
        at in 0..40_usize,
    ) {
        let mut source = Vec::new();
        for (position, pick) in picks.iter().enumerate() {
            if position == at {
                source.extend_from_slice(&raw);
            }
            source.extend_from_slice(PIECES[*pick].as_bytes());
        }
        holds(&source);
    }

    #[test]
    fn subjects_read_as_before(text in "[a-zé好 ,ß]{0,120}") {
        let source = format!("Subject: {text}\r\n\r\n");
        let got = message(source.as_bytes());
        // Where a line is folded, one blank is read for all that stand there.
        let words = |bytes: &[u8]| Message::parse(bytes).subject().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(words(&got), words(source.as_bytes()));
    }

    #[test]
    fn addresses_in_ascii_are_the_same_addresses(name in "[a-zé好,.\"()<>@ ]{0,40}", local in "[a-z.+\" ]{1,10}") {
        let item = |source: &str| {
            let got = header(source.as_bytes()).into_owned();
            let header = Header::new(&got);
            parse_addresses(header.first("From").unwrap().value)
        };
        let quoted = name.replace('"', "\\\"");
        let local = local.replace('"', "\\\"");
        let items = item(&format!("From: \"é{quoted}\" <\"{local}\"@x.org>\r\n"));
        let [AddressItem::Address { mailbox, host, .. }] = items.as_slice() else { panic!("{items:?}") };
        prop_assert_eq!(String::from_utf8_lossy(mailbox), local.replace("\\\"", "\""));
        prop_assert_eq!(&host[..], b"x.org");
        let shown = items[0].display_name().unwrap();
        prop_assert_eq!(shown, format!("é{name}"));
    }
}
