//! Line ends, good and bare.

use super::*;

#[test]
fn bare_line_ends_are_found_and_repaired() {
    let cases: &[(&str, &str)] = &[
        ("", ""),
        ("a", "a"),
        ("a\r\nb\r\n", "a\r\nb\r\n"),
        ("a\nb", "a\r\nb"),
        ("a\rb", "a\r\nb"),
        ("a\r", "a\r\n"),
        ("\n", "\r\n"),
        ("a\n\rb", "a\r\n\r\nb"),
        ("a\r\r\nb", "a\r\n\r\nb"),
        ("a\r\n\nb\r\n", "a\r\n\r\nb\r\n"),
        ("\r\n\r", "\r\n\r\n"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(
            has_bare_cr_or_lf(bytes.as_bytes()),
            bytes != expected,
            "{bytes:?}"
        );
        assert_eq!(crlf(bytes.as_bytes()).as_ref(), expected.as_bytes(), "{bytes:?}");
        assert!(!has_bare_cr_or_lf(expected.as_bytes()));
    }
}

#[test]
fn good_bytes_are_not_copied() {
    assert!(matches!(crlf(b"a\r\n"), Cow::Borrowed(_)));
}
