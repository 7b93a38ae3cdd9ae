//! What must hold of any message, tried on many made-up ones: what is composed is found again byte for byte.

#![allow(clippy::indexing_slicing, reason = "a test")]

use std::fmt::Write as _;

use posthouse_message::{Date, Kind, MAX_PARTS, Marks, Message, PartId, decode_words, mbox, repair};
use proptest::prelude::*;
use types::Timestamp;

/// A message to compose.
#[derive(Debug, Clone)]
enum Tree {
    Leaf(Vec<u8>),
    Multipart(Vec<Tree>),
    Message(Box<Tree>),
}

/// Lines with everything that could be mistaken for a boundary or a header, but for the boundaries of `compose`.
fn leaf() -> impl Strategy<Value = Tree> {
    let piece = prop_oneof![
        "[a-z: ]{0,12}",
        Just("\r\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("--".to_owned()),
        Just("\r\n--".to_owned()),
        Just("--=x".to_owned()),
        Just("\0é".to_owned()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| Tree::Leaf(pieces.concat().into_bytes()))
}

fn tree() -> impl Strategy<Value = Tree> {
    leaf().prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..4).prop_map(Tree::Multipart),
            1 => inner.prop_map(|inner| Tree::Message(Box::new(inner))),
        ]
    })
}

/// Writes a part, and lists the kinds and leaves in the order in which they begin.
fn compose(tree: &Tree, number: &mut u32, to: &mut Vec<u8>, found: &mut Vec<(Kind, Vec<u8>)>) {
    match tree {
        Tree::Leaf(content) => {
            to.extend_from_slice(b"Content-Type: text/plain\r\n\r\n");
            to.extend_from_slice(content);
            found.push((Kind::Text, content.clone()));
        }
        Tree::Message(inner) => {
            to.extend_from_slice(b"Content-Type: message/rfc822\r\n\r\n");
            found.push((Kind::Message, Vec::new()));
            compose(inner, number, to, found);
        }
        Tree::Multipart(children) => {
            *number += 1;
            // Some boundaries begin with others.
            let boundary = format!("=_{number}{}", "_".repeat(*number as usize % 3));
            to.extend_from_slice(
                format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\npreamble").as_bytes(),
            );
            found.push((Kind::Multipart, Vec::new()));
            for child in children {
                to.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
                compose(child, number, to, found);
            }
            to.extend_from_slice(format!("\r\n--{boundary}--\r\nepilogue").as_bytes());
        }
    }
}

fn check_ranges(bytes: &[u8]) -> Result<(), TestCaseError> {
    let message = Message::parse(bytes);
    let structure = message.structure();
    prop_assert!(structure.parts().len() <= MAX_PARTS);
    prop_assert_eq!(structure.part(PartId::ROOT).whole(), 0..bytes.len());
    for id in structure.ids() {
        let part = structure.part(id);
        prop_assert_eq!(part.header.end, part.body.start);
        prop_assert_eq!(
            part.lines,
            message.body(id).iter().filter(|byte| **byte == b'\n').count()
        );
        let mut from = part.body.start;
        for child in structure.children(id) {
            let child = structure.part(child);
            prop_assert!(child.header.start >= from && child.body.end <= part.body.end);
            from = child.body.end;
        }
    }
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number =
            group.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let six = (number >> (18 - 6 * place)) & 63;
            text.push(if place <= group.len() {
                char::from(letters[six as usize])
            } else {
                '='
            });
        }
    }
    text
}

/// Cuts bytes at places that know nothing of characters.
fn cut(bytes: &[u8], size: usize) -> Vec<&[u8]> {
    bytes.chunks(size).collect()
}

proptest! {
    #[test]
    fn what_is_composed_is_found_again(tree in tree()) {
        let (mut bytes, mut expected, mut number) = (Vec::new(), Vec::new(), 0);
        compose(&tree, &mut number, &mut bytes, &mut expected);
        let message = Message::parse(&bytes);
        let found: Vec<(Kind, Vec<u8>)> = message.structure().ids().map(|id| {
            let kind = message.part(id).kind;
            (kind, if kind == Kind::Text { message.body(id).to_vec() } else { Vec::new() })
        }).collect();
        prop_assert_eq!(found, expected);
        check_ranges(&bytes)?;
    }

    #[test]
    fn damaged_messages_have_parts_in_order(tree in tree(), cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40), 0..6)) {
        let (mut bytes, mut expected, mut number) = (Vec::new(), Vec::new(), 0);
        compose(&tree, &mut number, &mut bytes, &mut expected);
        for (place, length) in cuts {
            let place = place.index(bytes.len().max(1));
            let end = bytes.len().min(place + length);
            bytes.drain(place.min(end)..end);
        }
        check_ranges(&bytes)?;
    }

    #[test]
    fn any_bytes_are_a_message(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check_ranges(&bytes)?;
        let message = Message::parse(&bytes);
        let _ = (message.envelope(), message.preview(), message.base_subject(), message.body_texts().count());
    }

    #[test]
    fn repaired_line_ends_are_whole_and_stay(text in "[a\r\n]{0,40}") {
        let once = repair::crlf(text.as_bytes()).into_owned();
        prop_assert!(!repair::has_bare_cr_or_lf(&once));
        prop_assert_eq!(repair::crlf(&once), once.clone());
        let bare = text.replace("\r\n", "");
        prop_assert_eq!(repair::has_bare_cr_or_lf(text.as_bytes()), bare.contains(['\r', '\n']));
    }

    #[test]
    fn base64_is_decoded_whatever_its_lines(bytes in prop::collection::vec(any::<u8>(), 0..200), width in 1_usize..90) {
        let encoded = base64(&bytes);
        let lines: Vec<&str> = encoded.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let message = format!("Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n", lines.join("\r\n"));
        prop_assert_eq!(Message::parse(message.as_bytes()).decoded_body(PartId::ROOT).into_owned(), bytes);
    }

    #[test]
    fn quoted_printable_is_decoded(bytes in prop::collection::vec(any::<u8>(), 0..200), width in 1_usize..25) {
        let mut encoded = String::new();
        for (place, byte) in bytes.iter().enumerate() {
            if byte.is_ascii_alphanumeric() { encoded.push(char::from(*byte)) } else { write!(encoded, "={byte:02X}").unwrap() }
            if place % width == 0 { encoded += "=\r\n" }
        }
        let message = format!("Content-Type: a/b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{encoded}");
        prop_assert_eq!(Message::parse(message.as_bytes()).decoded_body(PartId::ROOT).into_owned(), bytes);
    }

    #[test]
    fn encoded_words_are_joined_wherever_they_are_cut(text in "[a-z é你😀]{1,30}", size in 1_usize..12) {
        let words: Vec<String> = cut(text.as_bytes(), size).iter().map(|piece| format!("=?UTF-8?B?{}?=", base64(piece))).collect();
        prop_assert_eq!(decode_words(words.join("\r\n ").replace("\r\n", "").as_bytes()), text);
    }

    #[test]
    fn file_names_are_joined_wherever_they_are_cut(name in "[a-z é你😀.%'*]{1,30}", size in 1_usize..12) {
        let mut header = "Content-Disposition: attachment".to_owned();
        for (number, piece) in cut(name.as_bytes(), size).iter().enumerate() {
            let charset = if number == 0 { "utf-8''" } else { "" };
            let percent: String = piece.iter().map(|byte| format!("%{byte:02x}")).collect();
            write!(header, ";\r\n filename*{number}*={charset}{percent}").unwrap();
        }
        let message = format!("{header}\r\n\r\n");
        prop_assert_eq!(Message::parse(message.as_bytes()).file_name(PartId::ROOT), Some(name));
    }

    #[test]
    fn dates_are_what_they_say(days in 0_i64..60_000, second in 0_i64..86_400, zone in -840_i64..840) {
        let jan_1 = Date::parse(b"1 Jan 1970 00:00:00 +0000").unwrap();
        prop_assert_eq!(jan_1.timestamp(), 0);
        // Civil from days, the other way round, by counting years and months.
        let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let (mut year, mut rest) = (1970, days);
        while rest >= 365 + i64::from(leap(year)) { rest -= 365 + i64::from(leap(year)); year += 1; }
        let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let mut month = 0;
        while rest >= lengths[month] { rest -= lengths[month]; month += 1; }
        let sign = if zone < 0 { '-' } else { '+' };
        let text = format!("{} {} {year} {:02}:{:02}:{:02} {sign}{:02}{:02}", rest + 1, names[month],
            second / 3600, second / 60 % 60, second % 60, zone.abs() / 60, zone.abs() % 60);
        let date = Date::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(date.days(), days);
        prop_assert_eq!(date.timestamp(), days * 86_400 + second - zone * 60);
    }
}

/// Lines with everything that could be mistaken for a separator, for a quoted one, or for a field with marks.
fn mbox_message() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[a-z: ]{0,9}",
        Just("\n".to_owned()),
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("From ".to_owned()),
        Just("\n\nFrom a Tue Nov 24 22:00:00 2026\n".to_owned()),
        Just(">".to_owned()),
        Just("Status: RO\n".to_owned()),
        Just("X-Status: A\n".to_owned()),
        Just("X-Keywords: k\n".to_owned()),
        Just("\r".to_owned()),
        Just("é".to_owned()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_mbox_gives_back_what_was_written(messages in prop::collection::vec(mbox_message(), 0..4), cut in 1_usize..40) {
        let mut text = Vec::new();
        for (number, message) in messages.iter().enumerate() {
            let marks = Marks { system: number as u64 & 0x1f, ..Marks::default() };
            let head = mbox::Head { sender: "a@b".to_owned(), received: Timestamp(number as i64), marks };
            mbox::print(&mut text, &head, message);
        }
        let mut scanner = mbox::Scanner::new(1 << 20);
        let mut found = Vec::new();
        for line in text.split_inclusive(|octet| *octet == b'\n') {
            // A long line comes in pieces; a separator never does.
            let size = if line.starts_with(b"From ") || line.starts_with(b">") { line.len() } else { cut };
            line.chunks(size).for_each(|piece| found.extend(scanner.push(piece)));
        }
        found.extend(scanner.finish());
        prop_assert_eq!(found.len(), messages.len());
        for (number, (found, message)) in found.iter().zip(&messages).enumerate() {
            let (marks, octets) = mbox::take_marks(&found.octets);
            let mut wanted = message.clone();
            if !wanted.is_empty() && !wanted.ends_with(b"\n") {
                wanted.push(b'\n');
            }
            prop_assert_eq!(octets, wanted);
            prop_assert_eq!(marks.system, number as u64 & 0x1f);
            prop_assert_eq!(found.received, Some(Timestamp(number as i64)));
        }
    }

    #[test]
    fn no_text_is_too_strange_for_an_mbox(text in prop::collection::vec(any::<u8>(), 0..200), cut in 1_usize..20) {
        let mut scanner = mbox::Scanner::new(64);
        let mut found: Vec<_> = text.chunks(cut).filter_map(|piece| scanner.push(piece)).collect();
        found.extend(scanner.finish());
        for found in found {
            prop_assert!(found.octets.len() <= 64);
            let (_, message) = mbox::take_marks(&found.octets);
            prop_assert!(message.len() <= found.octets.len());
        }
    }
}
