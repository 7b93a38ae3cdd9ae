//! Charsets by label and by guess.

use super::*;

#[test]
fn labels_are_known() {
    let cases: &[(&str, &[u8], &str)] = &[
        ("utf-8", "\u{feff}é".as_bytes(), "é"),
        ("\"UTF-8\"", "é".as_bytes(), "é"),
        ("utf8", "é".as_bytes(), "é"),
        ("gb2312", b"\xc4\xe3\x81\x30\x89\x38", "你ß"),
        ("GBK", b"\xc4\xe3", "你"),
        ("cp936", b"\xc4\xe3", "你"),
        ("gb18030", b"\x95\x32\x82\x36", "𠀀"),
        ("big5", b"\xa7\x41", "你"),
        ("cp950", b"\xa7\x41", "你"),
        ("ks_c_5601-1987", b"\xc7\xd1", "한"),
        ("cp949", b"\xc7\xd1", "한"),
        ("shift_jis", b"\x93\xfa", "日"),
        ("cp932", b"\x93\xfa", "日"),
        ("euc-jp", b"\xc6\xfc", "日"),
        ("iso-2022-jp", b"\x1b$BF|\x1b(B!", "日!"),
        ("iso-2022-jp", b"\x1b$BF|\x1b(B\x1b$BK\\\x1b(B\x1b(B!", "日本!"),
        ("cp-1251", b"\xcf", "П"),
        ("windows1251", b"\xcf", "П"),
        ("win-1251", b"\xcf", "П"),
        ("koi8-u", b"\xa4", "є"),
        ("iso-8859-15", b"\xa4", "€"),
        ("windows-1252", b"\x80", "€"),
        ("utf-16", b"\x4f\x60", "你"),
        ("utf-16", b"\xff\xfe\x60\x4f", "你"),
        ("utf-16le", b"\x60\x4f", "你"),
        ("us-ascii", "é".as_bytes(), "é"),
        ("x-unknown", "é".as_bytes(), "é"),
        ("", "é".as_bytes(), "é"),
    ];
    for (label, bytes, expected) in cases {
        assert_eq!(decode(label.as_bytes(), bytes), *expected, "{label}");
    }
}

/// RFC 1843 §3
#[test]
fn hz_is_decoded() {
    let text = b"This sentence is in ASCII.\nThe next sentence is in GB.~{<:Ky2;S{#,NpJ)l6HK!#~}Bye.";
    assert_eq!(
        decode(b"HZ-GB-2312", text),
        "This sentence is in ASCII.\nThe next sentence is in GB.己所不欲，勿施於人。Bye."
    );
    assert_eq!(decode(b"hz", b"a~~b~\nc~{VPND\nVP"), "a~bc中文\nVP");
    assert_eq!(decode(b"hz", b"~{VP"), "中");
    assert_eq!(decode(b"hz", b"~{V"), "V");
}

/// RFC 1557, RFC 1922
#[test]
fn iso_2022_kr_and_cn_are_decoded() {
    assert_eq!(decode(b"iso-2022-kr", b"\x1b$)C\x0eGQ1[\x0f abc"), "한글 abc");
    assert_eq!(decode(b"iso-2022-kr", b"\x1b$)C\x0eGQ\nGQ"), "한\nGQ");
    assert_eq!(decode(b"iso-2022-cn", b"\x1b$)A\x0e=;;;\x0f."), "交换.");
}

/// RFC 2152
#[test]
fn utf_7_is_decoded() {
    let cases: &[(&str, &str)] = &[
        ("A+ImIDkQ.", "A\u{2262}\u{391}."),
        ("Hi Mom -+Jjo--!", "Hi Mom -\u{263a}-!"),
        ("+ZeVnLIqe-", "日本語"),
        ("1 +- 1", "1 + 1"),
        ("+2D3eCg-", "😊"),
        ("+2D0-", "\u{fffd}"),
        ("+", "+"),
        ("+A", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(decode(b"utf-7", text.as_bytes()), *expected, "{text:?}");
    }
}

#[test]
fn text_that_cannot_be_utf_8_is_guessed_whatever_its_label() {
    assert_eq!(
        decode(b"utf-8", b"\xd6\xd0\xce\xc4\xd3\xca\xbc\xfe\xb2\xe2\xca\xd4"),
        "中文邮件测试"
    );
    assert_eq!(
        decode(b"utf-8", "中文邮件测\u{8bd5}".as_bytes().split_last().unwrap().1),
        "中文邮件测\u{fffd}"
    );
    assert_eq!(decode(b"utf-8", b"\xff\xff ok"), "\u{fffd}\u{fffd} ok");
}

#[test]
fn unlabelled_text_is_guessed() {
    let cases: &[(&[u8], &str)] = &[
        (b"plain", "plain"),
        ("你好".as_bytes(), "你好"),
        (b"caf\xe9", "café"),
        (b"\xb1\xa8\xb8\xe6", "报告"),
        (
            b"2008\xc4\xea\xb9\xa4\xd7\xf7\xd7\xdc\xbd\xe1.xls",
            "2008年工作总结.xls",
        ),
        (
            b"\xd6\xd0\xce\xc4\xd3\xca\xbc\xfe\xb2\xe2\xca\xd4\xa3\xac\xc7\xeb\xb2\xe9\xca\xd5\xa1\xa3",
            "中文邮件测试，请查收。",
        ),
        (
            b"\xcf\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0?",
            "Привет, как дела?",
        ),
        (b"\x1b$BF|K\\\x1b(B", "日本"),
        (b"\xbb\xe7\xc1\xf8.jpg", "사진.jpg"),
        (b"\xb0\xe8\xbe\xe0\xbc\xad.hwp", "계약서.hwp"),
        (
            b"[\xb1\xa4\xb0\xed] \xbf\xe4\xc1\xf2 \xb6\xdf\xb4\xc2 \xc1\xf7\xc1\xbe",
            "[광고] 요즘 뜨는 직종",
        ),
        // Common syllables, but also a character that no Korean text has.
        (b"\xb0\xa1\xb0\xa1\xd6\xd0", "啊啊中"),
        (b"M\xfcller", "Müller"),
        (b"it costs \xa37,000", "it costs £7,000"),
        (b"<P>\xa1\xa1<B>", "<P>\u{3000}<B>"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(guess(bytes), *expected);
    }
    let damaged = ["你好世界你好世界你好世界".as_bytes(), b"\xff"].concat();
    assert_eq!(guess(&damaged), "你好世界你好世界你好世界\u{fffd}");
}
