//! Canonical forms against the examples of RFC 6376 §3.4, in pieces of every size; and what a signature says.

use std::num::NonZeroU64;

use types::{Address, Domain};

use super::*;
use crate::compose::FieldName;

/// The canonical body, taken in pieces of a size.
fn body(form: Canonical, octets: &[u8], piece: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut canonicalizer = BodyCanonicalizer::new(form);
    for piece in octets.chunks(piece) {
        canonicalizer.push(piece, |octets| out.extend_from_slice(octets));
    }
    canonicalizer.finish(|octets| out.extend_from_slice(octets));
    out
}

#[test]
fn bodies_are_canonical_in_pieces_of_every_size() {
    let check = |octets: &[u8], simple: &[u8], relaxed: &[u8]| {
        for piece in 1..=octets.len().max(1) {
            let shown = |octets: &[u8]| octets.escape_ascii().to_string();
            assert_eq!(
                shown(&body(Canonical::Simple, octets, piece)),
                shown(simple),
                "simple, {piece}"
            );
            assert_eq!(
                shown(&body(Canonical::Relaxed, octets, piece)),
                shown(relaxed),
                "relaxed, {piece}"
            );
        }
    };
    // RFC 6376 §3.4.5
    check(
        b" C \r\nD \t E\r\n\r\n\r\n",
        b" C \r\nD \t E\r\n",
        b" C\r\nD E\r\n",
    );
    // §3.4.3: an empty body is a line end; §3.4.4: it is nothing.
    check(b"", b"\r\n", b"");
    check(b"\r\n", b"\r\n", b"");
    check(b"\r\n\r\n\r\n", b"\r\n", b"");
    check(b" \t\r\n\r\n", b" \t\r\n", b"");
    check(b"no end", b"no end\r\n", b"no end\r\n");
    check(b"blank \t", b"blank \t\r\n", b"blank\r\n");
    check(
        b"a\r\n\r\n\r\nb\r\n \r\n",
        b"a\r\n\r\n\r\nb\r\n \r\n",
        b"a\r\n\r\n\r\nb\r\n",
    );
    check(b"\r\n\r\na\r\n", b"\r\n\r\na\r\n", b"\r\n\r\na\r\n");
    // What is no line end is text.
    check(b"a\rb\nc\r\r\n", b"a\rb\nc\r\r\n", b"a\rb\nc\r\r\n");
    check(b"a \r", b"a \r\r\n", b"a \r\r\n");
    check(
        "你好 \t世界\r\n".as_bytes(),
        "你好 \t世界\r\n".as_bytes(),
        "你好 世界\r\n".as_bytes(),
    );
}

#[test]
fn fields_are_canonical() {
    let header = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n";
    let text = |form| {
        let text = signed_text(header, ["a", "b"], form, b"DKIM-Signature: v=1;\r\n b=");
        text.escape_ascii().to_string()
    };
    // RFC 6376 §3.4.5
    assert_eq!(
        text(Canonical::Relaxed),
        "a:X\\r\\nb:Y Z\\r\\ndkim-signature:v=1; b="
    );
    assert_eq!(
        text(Canonical::Simple),
        "A: X\\r\\nB : Y\\t\\r\\n\\tZ  \\r\\nDKIM-Signature: v=1;\\r\\n b="
    );
}

/// RFC 6376 §5.4.2: of several the last is signed first; §5.4: one that is not there is nothing.
#[test]
fn a_name_takes_the_last_field_that_is_left() {
    let header = b"Received: A\r\nReceived: B\r\nReceived: C\r\n\r\n";
    let text = signed_text(
        header,
        ["Received", "from", "received"],
        Canonical::Relaxed,
        b"x: y",
    );
    assert_eq!(text, b"received:C\r\nreceived:B\r\nx:y");
}

#[test]
fn the_header_ends_at_the_blank_line_wherever_it_is_cut() {
    let message = b"From: a\r\nTo: b\r\n\r\nHi. \r\n\r\n";
    for piece in 1..=message.len() {
        let mut body = Vec::new();
        let mut intake = Intake::new(Canonical::Relaxed);
        for piece in message.chunks(piece) {
            intake.push(piece, |octets| body.extend_from_slice(octets));
        }
        let header = intake.finish(|octets| body.extend_from_slice(octets));
        assert_eq!(
            (&*header, &*body),
            (&b"From: a\r\nTo: b\r\n\r\n"[..], &b"Hi.\r\n"[..]),
            "{piece}"
        );
    }
}

fn signature() -> Signature {
    Signature::new(
        &Domain::check("bücher.example").unwrap(),
        Selector::check("2026.mail").unwrap(),
    )
}

#[test]
fn a_signature_says_what_was_asked_and_no_line_is_long() {
    let signature = signature()
        .at(1_764_035_829)
        .lasts(NonZeroU64::new(86_400).unwrap())
        .canonical("relaxed/simple".parse().unwrap())
        .identity(&Address::parse("\"a;b\"@post.bücher.example").unwrap())
        .unwrap()
        .also(FieldName::check("X-Ticket").unwrap());
    let header = b"X-Ticket: 7\r\nfrom: a@example.org\r\nSubject: x\r\nX-Other: y\r\n\r\n";
    let unsigned = signature
        .unsigned(Algorithm::RsaSha256, header, &[7; 32])
        .unwrap();
    let field = unsigned.signed(&[1; 256]);
    let field = std::str::from_utf8(field.as_bytes()).unwrap();
    assert!(field.lines().all(|line| line.len() <= 78), "{field}");
    assert!(field.ends_with("==\r\n"), "{field}");
    let joined: String = field.split("\r\n ").collect::<Vec<_>>().join("");
    let told = joined.split_once("bh=").unwrap().0;
    assert_eq!(
        told.replace(' ', ""),
        "DKIM-Signature:v=1;a=rsa-sha256;c=relaxed/simple;d=xn--bcher-kva.example;s=2026.mail;\
         i=\"a=3Bb\"@post.xn--bcher-kva.example;t=1764035829;x=1764122229;\
         h=From:From:Reply-To:To:Cc:Subject:Subject:Date:Message-ID:MIME-Version:Content-Type:Content-Transfer-Encoding:X-Ticket;"
    );
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let unsigned = signature().unsigned(Algorithm::RsaSha256, b"To: b@example.org\r\n\r\n", &[0; 32]);
    assert_eq!(unsigned, Err(Refusal::NoFrom));
    for address in ["a@example.org", "a@notbücher.example"] {
        assert_eq!(
            signature().identity(&Address::parse(address).unwrap()),
            Err(Refusal::Identity)
        );
    }
    for selector in ["", ".", "a..b", "-a", "a b", "a;b", "ä"] {
        assert_eq!(Selector::check(selector), Err(Refusal::Selector), "{selector}");
    }
    assert!("strict/relaxed".parse::<Canonicalization>().is_err());
    let alone: Canonicalization = "relaxed".parse().unwrap();
    assert_eq!(alone.to_string(), "relaxed/simple");
}
