//! Base64 and quoted-printable, whole and broken.

use super::*;

#[test]
fn base64_is_decoded() {
    let cases: &[(&str, &str)] = &[
        ("", ""),
        ("Zg==", "f"),
        ("Zm8=", "fo"),
        ("Zm9v", "foo"),
        ("Zm9v\r\nYmFy\r\n", "foobar"),
        ("Zm9vYg==\r\nYXI=", "foobar"),
        ("Z m\t9!v", "foo"),
        ("Zm9vYg", "foob"),
        ("Zm9vYmE", "fooba"),
        ("Zm9vY", "foo"),
        ("=====", ""),
    ];
    for (encoded, expected) in cases {
        assert_eq!(
            String::from_utf8_lossy(&base64(encoded.as_bytes())),
            *expected,
            "{encoded:?}"
        );
    }
    assert_eq!(base64(b"////"), [255, 255, 255]);
}

/// RFC 2045 §6.7
#[test]
fn quoted_printable_is_decoded() {
    let cases: &[(&str, &str)] = &[
        ("", ""),
        ("a=3Db", "a=b"),
        ("=e4=bd=A0", "\u{4f60}"),
        (
            "Now's the time =\r\nfor all folk to come=\r\n to the aid",
            "Now's the time for all folk to come to the aid",
        ),
        ("soft = \t\r\nbreak", "soft break"),
        ("blanks  \t\r\nvanish \n", "blanks\r\nvanish\n"),
        ("at the end  ", "at the end"),
        ("cut off=", "cut off"),
        ("=\n", ""),
        ("a=XYb", "a=XYb"),
        ("a==41", "a=A"),
        ("a=4", "a=4"),
        ("a=\r", "a=\r"),
        ("\r\n\r\n", "\r\n\r\n"),
    ];
    for (encoded, expected) in cases {
        let decoded = quoted_printable(encoded.as_bytes());
        assert_eq!(String::from_utf8_lossy(&decoded), *expected, "{encoded:?}");
    }
}

#[test]
fn what_a_mailing_list_puts_behind_base64_is_not_decoded() {
    let check = |body: &str, wanted: &str| {
        let decoded = decode(TransferEncoding::Base64, body.as_bytes());
        assert_eq!(decoded, wanted.as_bytes(), "{body:?}");
    };
    check("QUI=\r\n\r\n_______\r\nlist mailing list\r\n", "AB");
    check("QUI=\n--list footer\nQUI=\n", "AB");
    check("QUJD\r\n-- \r\nRobin\r\n", "ABC");
    check("QUJD\n_____\nlist\n", "ABC");
    // Base64 behind base64, and damage within it, are decoded as before.
    check("QUI=\r\nQUI=\r\n", "ABAB");
    check("QUI=QUI=\r\n", "ABAB");
    check("QUI=\r\n QU*\r\n", "AB");
    check("QUJD\r\nQ-UI=", "ABCAB");
}
