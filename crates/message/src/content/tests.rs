//! Media types, dispositions, parameters and names of files, as the RFCs and as programs write them.

use super::*;
use crate::{Message, PartId};

fn parameters(value: &str) -> Vec<(String, String)> {
    let show = |bytes: &Cow<'_, [u8]>| String::from_utf8_lossy(bytes).into_owned();
    let parsed = ContentType::parse(value.as_bytes());
    parsed
        .parameters
        .pairs
        .iter()
        .map(|(name, value)| (show(name), show(value)))
        .collect()
}

fn check_type(value: &str, expected: &str, pairs: &[(&str, &str)]) {
    let parsed = ContentType::parse(value.as_bytes());
    let shown = [&parsed.media_type[..], b"/", &parsed.subtype[..]].concat();
    assert_eq!(String::from_utf8_lossy(&shown), expected, "{value:?}");
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    assert_eq!(parameters(value), pairs, "{value:?}");
}

#[test]
fn media_types_are_read() {
    check_type(
        "text/plain; charset=us-ascii",
        "text/plain",
        &[("charset", "us-ascii")],
    );
    // RFC 2045 §5.1: quotes and comments.
    check_type(
        "text/plain; charset=us-ascii (Plain text)",
        "text/plain",
        &[("charset", "us-ascii")],
    );
    check_type(
        " TEXT/Html ; Charset=\"utf-8\"",
        "TEXT/Html",
        &[("Charset", "utf-8")],
    );
    check_type("(a comment) text/plain", "text/plain", &[]);
    check_type(
        "multipart/mixed;\r\n\tboundary=\"a \\\"b\\\" c\"",
        "multipart/mixed",
        &[("boundary", "a \"b\" c")],
    );
    check_type("a/b; x=1;; ;y = 2 ; z", "a/b", &[("x", "1"), ("y", "2")]);
    check_type(
        "a/b; name=my file (1).txt; x=\"unclosed",
        "a/b",
        &[("name", "my file"), ("x", "unclosed")],
    );
    check_type("a/b; x=a(b).txt", "a/b", &[("x", "a(b).txt")]);
    check_type("a/b; =x; y=", "a/b", &[("y", "")]);
    // RFC 2045 §5.2: what cannot be read is text.
    check_type("text", "text/plain", &[]);
    check_type("", "text/plain", &[]);
    check_type("a b/c; charset=utf-8", "text/plain", &[("charset", "utf-8")]);
    check_type("text/", "text/plain", &[]);
}

#[test]
fn parameters_end_at_the_limit() {
    let many = format!("a/b{}", "; x=y".repeat(crate::MAX_PARAMETERS + 1));
    assert_eq!(parameters(&many).len(), crate::MAX_PARAMETERS);
    let allowed = format!("a/b{}", "; x=y".repeat(crate::MAX_PARAMETERS - 1));
    assert_eq!(parameters(&allowed).len(), crate::MAX_PARAMETERS - 1);
}

#[test]
fn transfer_encodings_are_read() {
    let cases = [
        ("base64", TransferEncoding::Base64),
        (" BASE64 (comment)\r\n", TransferEncoding::Base64),
        ("\"base64\"", TransferEncoding::Base64),
        ("Quoted-Printable", TransferEncoding::QuotedPrintable),
        ("8bit", TransferEncoding::Identity),
        ("x-unknown", TransferEncoding::Identity),
        ("", TransferEncoding::Identity),
    ];
    for (value, expected) in cases {
        assert_eq!(TransferEncoding::parse(value.as_bytes()), expected, "{value:?}");
    }
}

fn file_name(header: &[u8]) -> Option<String> {
    let message = [header, b"\r\n\r\n"].concat();
    Message::parse(&message).file_name(PartId::ROOT)
}

#[test]
fn file_names_are_found_in_every_form() {
    let cases: &[(&[u8], &str)] = &[
        (b"Content-Disposition: attachment; filename=a.txt", "a.txt"),
        (b"Content-Disposition: attachment; filename=\"a b.txt\"", "a b.txt"),
        (b"Content-Disposition: attachment; filename=a b.txt", "a b.txt"),
        (b"Content-Type: a/b; name=\"c.txt\"", "c.txt"),
        (b"Content-Type: a/b; name=\"c.txt\"\r\nContent-Disposition: attachment; filename=d.txt", "d.txt"),
        // RFC 2231 §3, §4, §4.1
        (b"Content-Disposition: attachment; filename*0=\"very \"; filename*1=long.txt", "very long.txt"),
        (b"Content-Disposition: attachment; filename*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "This is ***fun***"),
        (
            b"Content-Disposition: attachment;\r\n filename*0*=us-ascii'en'This%20is%20even%20more%20;\r\n filename*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n filename*2=\"isn't it!\"",
            "This is even more ***fun*** isn't it!",
        ),
        // Pieces in any order, a character cut in two, counting from 1, a gap.
        (b"Content-Disposition: attachment; filename*1*=%A0.txt; filename*0*=utf-8''%E4%BD", "\u{4f60}.txt"),
        (b"Content-Disposition: attachment; filename*1=a; filename*2=b", "ab"),
        (b"Content-Disposition: attachment; filename*0*=utf-8''a; filename*1*=b'c'd", "ab'c'd"),
        (b"Content-Disposition: attachment; filename*0=a; filename*2=c", "a"),
        // Both forms: the encoded one is meant.
        (b"Content-Disposition: attachment; filename=\"_.txt\"; filename*=UTF-8''%E2%82%AC.txt", "\u{20ac}.txt"),
        (b"Content-Disposition: attachment; filename*=gb18030''%C4%E3%BA%C3.txt", "\u{4f60}\u{597d}.txt"),
        // No charset named.
        (b"Content-Disposition: attachment; filename*=%E4%BD%A0.txt", "\u{4f60}.txt"),
        (b"Content-Disposition: attachment; filename*=UTF-8''100%.txt", "100%.txt"),
        // Encoded words where RFC 2047 §5 forbids them.
        (b"Content-Disposition: attachment; filename=\"=?UTF-8?B?5L2g5aW9LnR4dA==?=\"", "\u{4f60}\u{597d}.txt"),
        (b"Content-Disposition: attachment; filename==?gb2312?B?xOO6wy50eHQ=?=", "\u{4f60}\u{597d}.txt"),
        (b"Content-Type: a/b; name=\"=?gbk?Q?=C4=E3?=\r\n =?gbk?Q?=BA=C3.txt?=\"", "\u{4f60}\u{597d}.txt"),
        (b"Content-Disposition: attachment; filename*0=\"=?UTF-8?B?5L2g\"; filename*1=\"5aW9?=\"", "\u{4f60}\u{597d}"),
        // Raw bytes.
        (b"Content-Disposition: attachment; filename=\"\xb1\xa8\xb8\xe6.doc\"", "\u{62a5}\u{544a}.doc"),
        ("Content-Disposition: attachment; filename=\"报告.doc\"".as_bytes(), "\u{62a5}\u{544a}.doc"),
        (b"Content-Disposition: attachment; filename=\"caf\xe9.doc\"", "caf\u{e9}.doc"),
        // Folded within quotes, and never more than one line.
        (b"Content-Disposition: attachment; filename=\"a\r\n b.txt\"", "a b.txt"),
        (b"Content-Disposition: attachment; filename=\"=?utf-8?q?a=0D=0Ab?=\"", "a  b"),
    ];
    for (header, expected) in cases {
        assert_eq!(
            file_name(header).as_deref(),
            Some(*expected),
            "{}",
            String::from_utf8_lossy(header)
        );
    }
    for header in [
        b"A: b".as_slice(),
        b"Content-Disposition: inline",
        b"Content-Type: a/b; name=\"\"",
    ] {
        assert_eq!(file_name(header), None);
    }
}

#[test]
fn a_part_is_described_as_it_is_written() {
    let message = Message::parse(
        b"Content-Type: image/PNG; name=\"=?utf-8?q?x?=\"\r\nContent-ID: <a@b>\r\nContent-Description: a\r\n picture\r\n\
          Content-Transfer-Encoding: BASE64\r\nContent-MD5: Q2hlY2s=\r\nContent-Language: de, en-GB\r\n\
          Content-Location: http://x/y\r\nContent-Disposition: inline; filename=x.png\r\n\r\nAAAA\r\n",
    );
    let described = message.describe(PartId::ROOT);
    assert_eq!(
        described.content_type.parameters.raw("NAME"),
        Some(b"=?utf-8?q?x?=".as_slice())
    );
    assert_eq!(described.id.as_deref(), Some(b"<a@b>".as_slice()));
    assert_eq!(described.description.as_deref(), Some(b"a picture".as_slice()));
    assert_eq!(&described.encoding[..], b"BASE64");
    assert_eq!((described.octets, described.lines), (6, 1));
    assert_eq!(described.md5.as_deref(), Some(b"Q2hlY2s=".as_slice()));
    assert_eq!(described.languages, [b"de".as_slice(), b"en-GB"]);
    assert_eq!(described.location.as_deref(), Some(b"http://x/y".as_slice()));
    assert_eq!(
        described.disposition.map(|shown| shown.kind.to_vec()),
        Some(b"inline".to_vec())
    );
}

#[test]
fn languages_are_kept_up_to_the_limit() {
    let count = |tags: usize| {
        let message = format!("Content-Language: {}\r\n\r\n", "de,".repeat(tags));
        Message::parse(message.as_bytes())
            .describe(PartId::ROOT)
            .languages
            .len()
    };
    assert_eq!((count(99), count(100), count(101)), (99, 100, 100));
}

#[test]
fn what_is_not_said_is_the_default() {
    let described = Message::parse(b"A: b\r\n\r\nx").describe(PartId::ROOT);
    assert_eq!(described.content_type, ContentType::plain_text());
    assert_eq!(&described.encoding[..], b"7bit");
    assert_eq!(
        (described.id, described.disposition, described.languages.len()),
        (None, None, 0)
    );
}

/// A client that is told "multipart" expects parts.
#[test]
fn a_part_that_was_not_opened_is_not_called_multipart_or_message() {
    let unopened = Message::parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\nx");
    assert!(unopened.content_type(PartId::ROOT).is_exactly("text", "plain"));
    let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(crate::MAX_DEPTH + 1);
    let deep = Message::parse(deep.as_bytes());
    let last = deep.structure().ids().last().unwrap();
    assert!(deep.content_type(last).is_exactly("application", "octet-stream"));
}
