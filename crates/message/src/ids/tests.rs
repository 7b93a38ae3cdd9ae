//! Message ids, alone and in lists.

use super::*;

#[test]
fn ids_are_found() {
    let cases: &[(&str, &[&str])] = &[
        ("<a@b>", &["a@b"]),
        (" <a@b>\r\n\t<c@d>", &["a@b", "c@d"]),
        ("<a@b><c@d>,<e@f>", &["a@b", "c@d", "e@f"]),
        ("Your message of Mon <a@b> (x)", &["a@b"]),
        ("<a @\r\n b>", &["a@b"]),
        ("a@b", &["a@b"]),
        ("none", &[]),
        ("<>", &[]),
        ("<<a@b>", &["a@b"]),
        ("<cut off <a@b>", &["a@b"]),
        ("<a@b", &["a@b"]),
        ("<no-at>", &["no-at"]),
        ("", &[]),
    ];
    for (value, expected) in cases {
        assert_eq!(parse(value.as_bytes()), *expected, "{value:?}");
    }
}

#[test]
fn the_newest_ids_are_kept() {
    let many: String = (0..=MAX_IDS).map(|number| format!("<{number}@x> ")).collect();
    let ids = parse(many.as_bytes());
    assert_eq!(ids.len(), MAX_IDS);
    assert_eq!(ids.first().map(String::as_str), Some("1@x"));
}

/// RFC 5256 §2.2
#[test]
fn references_come_before_in_reply_to() {
    let references = |header: &str| references(Header::new(header.as_bytes()));
    assert_eq!(
        references("References: <a@b> <c@d>\r\nIn-Reply-To: <e@f>\r\n"),
        ["a@b", "c@d"]
    );
    assert_eq!(references("In-Reply-To: <e@f> <g@h>\r\n"), ["e@f"]);
    assert!(references("Subject: x\r\n").is_empty());
}
