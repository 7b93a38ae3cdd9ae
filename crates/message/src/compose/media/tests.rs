//! Media types that are guessed.

use super::*;

#[test]
fn the_table_is_sorted_and_every_type_is_one() {
    assert!(ENDINGS.is_sorted_by(|(one, _), (next, _)| one < next));
    let types = ENDINGS.iter().map(|(_, media_type)| media_type);
    for media_type in types.chain(BEGINNINGS.iter().map(|(_, _, media_type)| media_type)) {
        assert_eq!(MediaType::check(media_type).unwrap().as_str(), *media_type);
    }
}

#[test]
fn a_type_is_guessed_from_the_name_or_else_from_the_octets() {
    let check = |name: &str, octets: &[u8], wanted: &str| {
        assert_eq!(
            guess(name, &Content::from(octets.to_vec())).as_str(),
            wanted,
            "{name}"
        );
    };
    check("a.PDF", b"", "application/pdf");
    check(
        "\u{62a5}\u{544a}.docx",
        b"PK\x03\x04",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    );
    check("table.et", b"", "application/x-wps-et");
    check("invite.ics", b"", "text/calendar");
    check("picture", b"\x89PNG\r\n\x1a\n", "image/png");
    check("picture", b"RIFF....WEBPVP8", "image/webp");
    check("unknown.xyz1", b"%PDF-1.7", "application/pdf");
    check("unknown", b"?", "application/octet-stream");
    check(".pdf", b"", "application/octet-stream");
}
