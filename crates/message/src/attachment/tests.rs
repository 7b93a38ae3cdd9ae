//! Names in every form that mail has, and the octets behind them.

use super::*;
use crate::safe_file_name;

fn one(header: &[u8], body: &str) -> Attachment {
    let text = [
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n",
        header,
        b"\r\n\r\n",
        body.as_bytes(),
        b"\r\n--b--\r\n",
    ]
    .concat();
    let message = Message::parse(&text);
    let mut found = attachments(&message);
    assert_eq!(found.len(), 1, "{}", String::from_utf8_lossy(header));
    found.remove(0)
}

#[test]
fn names_are_read_in_every_form() {
    let check = |header: &[u8], wanted: &str| {
        assert_eq!(
            one(header, "x").name,
            wanted,
            "{}",
            String::from_utf8_lossy(header)
        )
    };
    let gbk = |text: &str| encoding_rs::GB18030.encode(text).0.into_owned();
    let jis = |text: &str| encoding_rs::SHIFT_JIS.encode(text).0.into_owned();
    let raw = |name: &[u8]| [b"Content-Disposition: attachment; filename=\"", name, b"\""].concat();
    check(b"Content-Disposition: attachment; filename=a.txt", "a.txt");
    // RFC 2231 §3, §4: continued, with a charset.
    check(
        b"Content-Disposition: attachment; filename*=UTF-8''%E6%8A%A5%E4%BB%B7.xlsx",
        "报价.xlsx",
    );
    check(
        b"Content-Disposition: attachment; filename*=gbk''%B1%A8%BC%DB.xlsx",
        "报价.xlsx",
    );
    check(b"Content-Disposition: attachment;\r\n filename*0*=UTF-8'zh'%E6%8A;\r\n filename*1*=%A5%E4%BB%B7;\r\n filename*2=.xlsx", "报价.xlsx");
    check(
        b"Content-Disposition: attachment; filename*1=b.txt; filename*0=a",
        "ab.txt",
    );
    // The encoded form counts where both are there.
    check(
        b"Content-Disposition: attachment; filename=\"plain.txt\"; filename*=utf-8''%C3%A9.txt",
        "é.txt",
    );
    // Encoded words, which RFC 2047 §5 forbids here, in `filename` and in `name`.
    check(
        b"Content-Disposition: attachment; filename=\"=?utf-8?B?5oql5Lu3Lnhsc3g=?=\"",
        "报价.xlsx",
    );
    check(
        b"Content-Type: application/x; name==?gb2312?B?sai82y54bHN4?=",
        "报价.xlsx",
    );
    check(
        b"Content-Type: application/x;\r\n name=\"=?gb2312?B?sag=?=\r\n =?gb2312?B?vNsueGxzeA==?=\"",
        "报价.xlsx",
    );
    // Raw octets.
    check(&raw("报价.xlsx".as_bytes()), "报价.xlsx");
    check(&raw(&gbk("报价单.xlsx")), "报价单.xlsx");
    check(&raw(&gbk("二〇二六年度财务报告.pdf")), "二〇二六年度财务报告.pdf");
    check(&raw(&jis("日本語のファイル.txt")), "日本語のファイル.txt");
    // None.
    check(b"Content-Type: application/pdf", "part-1.pdf");
    check(
        b"Content-Type: application/x-unheard-of\r\nContent-Disposition: attachment; filename=\"\"",
        "part-1.bin",
    );
    check(
        b"Content-Type: text/plain\r\nContent-Disposition: attachment",
        "part-1.txt",
    );
    check(
        b"Content-Disposition: attachment; filename=\"a\x1b[2J\xe2\x80\xae.txt\"",
        "a[2J.txt",
    );
    assert_eq!(
        safe_file_name(
            &one(b"Content-Disposition: attachment; filename=\"../../x\"", "x").name,
            &mut Default::default()
        ),
        "x"
    );
}

#[test]
fn what_is_listed_and_what_for() {
    let text = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n\
        --a\r\nContent-Type: multipart/signed; boundary=s; protocol=\"application/pgp-signature\"\r\n\r\n\
        --s\r\nContent-Type: multipart/related; boundary=r\r\n\r\n\
        --r\r\nContent-Type: text/html\r\n\r\n<img src=cid:1@x>\r\n\
        --r\r\nContent-Type: image/png\r\nContent-ID: <1@x>\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--r--\r\n\
        --s\r\nContent-Type: application/pgp-signature\r\n\r\nsig\r\n--s--\r\n\
        --a\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: application/pdf; name=in.pdf\r\n\r\npdf\r\n\
        --a\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\n\
        --a\r\nContent-Type: text/x-patch; name=a.diff\r\nContent-Disposition: inline\r\n\r\n+a\r\n--a--\r\n";
    let message = Message::parse(text);
    let listed: Vec<_> = attachments(&message)
        .into_iter()
        .map(|found| {
            (
                found.name,
                found.media_type,
                found.size,
                found.content_id,
                found.role,
            )
        })
        .collect();
    let row =
        |name: &str, kind: &str, size: u64, role: Role| (name.to_owned(), kind.to_owned(), size, None, role);
    let mut image = row("part-1.png", "image/png", 3, Role::Inline);
    image.3 = Some("1@x".to_owned());
    assert_eq!(
        listed,
        [
            image,
            row("part-2.asc", "application/pgp-signature", 3, Role::Signature),
            row("part-3.eml", "message/rfc822", 62, Role::Message),
            row("in.pdf", "application/pdf", 3, Role::Attached),
            row("part-5.ics", "text/calendar", 15, Role::Attached),
            row("a.diff", "text/x-patch", 2, Role::Inline),
        ]
    );
}

/// However the pieces fall, together they are what is decoded at once.
#[test]
fn pieces_are_the_whole() {
    let broken = "QUJD\r\nREVG=\r\n R0hJ*SktM\r\nTQ==QUI=\r\n\r\n";
    let quoted = "caf=C3=A9 =\r\nsoft  \r\n=\r\n=zz =4\r\n";
    for (encoding, body) in [
        ("base64", broken),
        ("base64", "====\r\n"),
        ("quoted-printable", quoted),
        ("8bit", quoted),
    ] {
        for times in [1, 1_500, 1_501, 1_502, 1_503, 9_001] {
            let header =
                format!("Content-Type: application/x\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
            let text = [header.as_bytes(), body.repeat(times).as_bytes()].concat();
            let message = Message::parse(&text);
            let whole = message.decoded_body(PartId::ROOT);
            let pieces: Vec<_> = octets(&message, Source::Part(PartId::ROOT)).collect();
            assert!(
                pieces.iter().all(|piece| piece.len() <= PIECE + 64),
                "{encoding} {times}"
            );
            assert_eq!(pieces.concat(), whole.as_ref(), "{encoding} {times}");
            assert_eq!(
                attachments(&message).first().map(|found| found.size),
                Some(whole.len() as u64)
            );
        }
    }
}
