//! Which encoding a body gets.

use super::*;

#[test]
fn a_text_goes_in_the_lightest_encoding_that_its_way_takes() {
    let check = |text: &str, seven: &str, eight: &str| {
        assert_eq!(of_text(text, Room::SevenBit).0, seven, "{text:.40}");
        assert_eq!(of_text(text, Room::EightBit).0, eight, "{text:.40}");
    };
    check("", "7bit", "7bit");
    check("Hello\n", "7bit", "7bit");
    check("caf\u{e9}\n", "quoted-printable", "8bit");
    check("\u{4f60}\u{597d}\n", "base64", "8bit");
    // RFC 5322 §2.1.1
    check(&"x".repeat(998), "7bit", "7bit");
    check(&"x".repeat(999), "quoted-printable", "quoted-printable");
    check("a\0b", "quoted-printable", "quoted-printable");
    check("Yes\nFrom here\n", "quoted-printable", "quoted-printable");
    assert_eq!(of_text("a\0b", Room::Binary).0, "binary");
}

#[test]
fn a_message_within_is_never_encoded() {
    let check = |octets: &[u8], room: Room, wanted: Option<&str>| {
        let content = Content::from(octets.to_vec());
        assert_eq!(
            of_message(&content, room).map(|(name, _)| name),
            wanted,
            "{octets:?}"
        );
    };
    check(b"A: b\n\nc\n", Room::SevenBit, Some("7bit"));
    check(b"A: b\n\n\xe9\n", Room::SevenBit, None);
    check(b"A: b\n\n\xe9\n", Room::EightBit, Some("8bit"));
    check(b"A: b\n\n\0\n", Room::EightBit, None);
    check(b"A: b\n\n\0\n", Room::Binary, Some("binary"));
    let outside = Content::from(Source {
        id: super::super::SourceId(0),
        octets: None,
    });
    assert!(of_message(&outside, Room::SevenBit).is_none());
    assert!(of_message(&outside, Room::EightBit).is_some());
}
