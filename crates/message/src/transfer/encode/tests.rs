//! Transfer encodings, in pieces and whole.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// Encodes octets that come in pieces of this many.
fn encoded(encoding: Encoding, octets: &[u8], piece: usize) -> Vec<u8> {
    let mut encoder = Encoder::new(encoding);
    let mut written = Vec::new();
    for piece in octets.chunks(piece) {
        encoder.push(piece, &mut written);
    }
    encoder.finish(&mut written);
    written
}

#[test]
fn base64_is_the_same_however_it_is_cut() {
    let octets: Vec<u8> = (0..20_000_u32).map(|number| (number * 7 % 251) as u8).collect();
    for length in [
        0,
        1,
        2,
        3,
        56,
        57,
        58,
        113,
        114,
        115,
        57 * 64,
        57 * 64 + 1,
        20_000,
    ] {
        let octets = &octets[..length];
        let letters = STANDARD.encode(octets);
        // RFC 2045 §6.8: lines of no more than 76 characters.
        let lines: Vec<&[u8]> = letters.as_bytes().chunks(76).collect();
        let wanted = lines.join(&b"\r\n"[..]);
        for piece in [1, 2, 56, 57, 58, 1000, 57 * 64, 20_000] {
            assert!(
                encoded(Encoding::Base64, octets, piece) == wanted,
                "{length} by {piece}"
            );
        }
        assert_eq!(
            Base64Encoder::written(length as u64),
            wanted.len() as u64,
            "{length}"
        );
    }
}

#[test]
fn lines_end_in_crlf_however_they_are_cut() {
    let check = |octets: &[u8], wanted: &[u8]| {
        for piece in 1..=octets.len().max(1) {
            let got = encoded(Encoding::Lines, octets, piece);
            assert_eq!(
                String::from_utf8_lossy(&got),
                String::from_utf8_lossy(wanted),
                "{piece}"
            );
        }
    };
    check(b"", b"");
    check(b"a\nb\r\nc\rd", b"a\r\nb\r\nc\r\nd");
    check(b"\r\r\n\n\r", b"\r\n\r\n\r\n\r\n");
    check(b"\n\n", b"\r\n\r\n");
    assert_eq!(encoded(Encoding::Binary, b"a\nb\0", 2), b"a\nb\0");
}

#[test]
fn quoted_printable_is_that_of_the_rfc() {
    let check = |text: &str, wanted: &str| {
        let written = quoted_printable(text);
        assert_eq!(String::from_utf8_lossy(&written), wanted);
        assert_eq!(super::super::quoted_printable(&written), text.as_bytes());
    };
    check("plain", "plain");
    check("a = b", "a =3D b");
    check("caf\u{e9}", "caf=C3=A9");
    // RFC 2045 §6.7, rule 3: no blank at the end of a line.
    check("blank \r\ntab\t\r\n", "blank=20\r\ntab=09\r\n");
    // RFC 2049 §3 (7), (8).
    check(
        "From here\r\n.\r\n..\r\nSo From",
        "=46rom here\r\n=2E\r\n..\r\nSo From",
    );
    check("\0\u{1b}\u{7f}", "=00=1B=7F");
    // Rule 5: 76 characters, the sign of a soft break among them.
    let long = "x".repeat(77);
    check(&long[..76], &long[..76]);
    check(&long, &format!("{}=\r\nxx", "x".repeat(75)));
    let chinese = "\u{4f60}".repeat(10);
    check(
        &chinese,
        &format!("{}=\r\n{}", "=E4=BD=A0".repeat(8), "=E4=BD=A0".repeat(2)),
    );
    // A soft break makes no line that looks like something else.
    check(
        &format!("{}From here", "x".repeat(75)),
        &format!("{}=\r\n=46rom here", "x".repeat(75)),
    );
    check(
        &format!("{}.", "x".repeat(76)),
        &format!("{}=\r\nx.", "x".repeat(75)),
    );
}
