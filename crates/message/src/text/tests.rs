//! Texts, previews and what is searched.

use crate::{MAX_PREVIEW, Message, PartId};

fn text(message: &[u8]) -> String {
    Message::parse(message).text(PartId::ROOT)
}

#[test]
fn text_is_decoded_from_its_charset_and_encoding() {
    let cases: &[(&[u8], &str)] = &[
        (b"\r\nplain", "plain"),
        (b"Content-Type: text/plain; charset=gb2312\r\nContent-Transfer-Encoding: base64\r\n\r\nxOO6\r\nww==\r\n", "你好"),
        (b"Content-Type: text/plain; charset=\"BIG5\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=A7A=A6n", "你好"),
        (b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$BF|K\\8l\x1b(B\r\n", "日本語\r\n"),
        (b"Content-Type: text/plain; charset=hz-gb-2312\r\n\r\n~{VPND~}", "中文"),
        (b"Content-Type: text/plain; charset=iso-2022-kr\r\n\r\n\x1b$)C\x0eGQ1[\x0f", "한글"),
        (b"Content-Type: text/plain; charset=koi8-r\r\n\r\n\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
        (b"Content-Type: text/plain; charset=windows-1252\r\n\r\n\x80", "€"),
        (b"Content-Type: text/plain; charset=utf-7\r\n\r\n+ZeVnLIqe-", "日本語"),
        // No label, or one that says nothing.
        ("\r\n你好".as_bytes(), "你好"),
        (b"Content-Type: text/plain\r\n\r\n\xd6\xd0\xce\xc4\xd3\xca\xbc\xfe", "中文邮件"),
        (b"Content-Type: text/plain; charset=x-unknown\r\n\r\ncaf\xe9", "café"),
        // The page knows it better than nobody.
        (b"Content-Type: text/html\r\n\r\n<META content='text/html; charset=GBK'>\xc4\xe3", "<META content='text/html; charset=GBK'>你"),
        (b"Content-Type: text/html; charset=koi8-r\r\n\r\n<meta charset=gbk>\xf0", "<meta charset=gbk>П"),
        (b"Content-Type: text/plain; charset*=us-ascii'en'gbk\r\n\r\n\xc4\xe3", "你"),
    ];
    for (message, expected) in cases {
        assert_eq!(text(message), *expected, "{}", String::from_utf8_lossy(message));
    }
}

fn preview(message: &str) -> String {
    Message::parse(message.as_bytes()).preview()
}

#[test]
fn a_preview_is_what_a_person_would_read_first() {
    assert_eq!(preview("\r\n  hello\r\n\r\n\t you\x01 "), "hello you");
    assert_eq!(
        preview("Content-Type: text/html\r\n\r\n<style>x</style><p>hello<p>you"),
        "hello you"
    );
    let two = |first: &str, second: &str| {
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{first}\r\n--b\r\n{second}\r\n--b--")
    };
    let page = "Content-Type: text/html\r\n\r\n<p>page";
    assert_eq!(preview(&two(page, "\r\nplain")), "plain");
    assert_eq!(preview(&two(page, "\r\n \r\n")), "page");
    let attached = "Content-Disposition: attachment\r\n\r\nattached";
    assert_eq!(preview(&two(attached, page)), "page");
    assert_eq!(preview(&two(attached, attached)), "");
    assert_eq!(preview("Content-Type: image/png\r\n\r\nx"), "");
}

#[test]
fn a_preview_ends_at_the_limit() {
    let long = |letters: usize| preview(&format!("\r\n{}", "好".repeat(letters))).chars().count();
    assert_eq!(long(MAX_PREVIEW - 1), MAX_PREVIEW - 1);
    assert_eq!(long(MAX_PREVIEW), MAX_PREVIEW);
    assert_eq!(long(MAX_PREVIEW * 100), MAX_PREVIEW);
}

#[test]
fn a_preview_shows_no_piece_of_a_tag() {
    for length in 900..1100 {
        let page = format!(
            "<p class=\"{}\">hello<b style='x'>you</b> {}",
            "x".repeat(length),
            "there ".repeat(100)
        );
        let shown = preview(&format!("Content-Type: text/html\r\n\r\n{page}"));
        assert!(shown.starts_with("helloyou there there"), "{shown}");
        assert_eq!(shown.chars().count(), MAX_PREVIEW);
    }
}

#[test]
fn everything_that_can_be_read_can_be_searched() {
    let message = Message::parse(
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nFrom: =?gbk?B?xOO6ww==?= <a@b>\r\n\
          Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n\
          --b\r\nContent-Type: text/html\r\n\r\none <b>two</b> three\r\n\
          --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?inn=C3=A9r?=\r\n\r\ndeep\r\n\
          --b\r\nContent-Type: image/png; name=\"=?utf-8?q?p=C3=AFc?=.png\"\r\n\r\nbinary\r\n--b--\r\n",
    );
    assert_eq!(
        message.header_text(),
        "Subject: Grüße\r\nFrom: 你好 <a@b>\r\nContent-Type: multipart/mixed; boundary=b\r\n"
    );
    let texts: Vec<String> = message.body_texts().collect();
    let found = |text: &str| texts.iter().any(|piece| piece.contains(text));
    for text in ["hello", "one two three", "<b>two", "innér", "deep", "pïc.png"] {
        assert!(found(text), "{text} in {texts:?}");
    }
    for text in ["aGVsbG8", "binary", "Grüße"] {
        assert!(!found(text), "{text} in {texts:?}");
    }
}
