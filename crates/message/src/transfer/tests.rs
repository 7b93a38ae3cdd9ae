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
