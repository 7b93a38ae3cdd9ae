//! Trees of good, odd and hostile messages.

use super::*;

/// The tree, one part a line: its level, kind, lines and body.
fn show(bytes: &[u8]) -> Vec<String> {
    let structure = Structure::parse(bytes);
    check_invariants(&structure, bytes);
    let ids = structure.ids();
    ids.map(|id| {
        let part = structure.part(id);
        let level = std::iter::successors(part.parent, |id| structure.part(*id).parent).count();
        let kind = match part.kind {
            Kind::Text => "text",
            Kind::Other => "other",
            Kind::Multipart => "multipart",
            Kind::Message => "message",
        };
        let shown = match part.kind {
            Kind::Text | Kind::Other => String::from_utf8_lossy(&bytes[part.body.clone()])
                .escape_debug()
                .to_string(),
            Kind::Multipart | Kind::Message => String::new(),
        };
        format!("{level} {kind} {} {shown}", part.lines)
            .trim_end()
            .to_owned()
    })
    .collect()
}

/// What must hold of any structure.
fn check_invariants(structure: &Structure, bytes: &[u8]) {
    assert_eq!(structure.part(PartId::ROOT).whole(), 0..bytes.len());
    for id in structure.ids() {
        let part = structure.part(id);
        assert_eq!(part.header.end, part.body.start);
        assert!(part.header.start <= part.header.end && part.body.start <= part.body.end);
        assert_eq!(
            part.lines,
            bytes[part.body.clone()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
        );
        let mut from = part.body.start;
        for child in structure.children(id) {
            let child = structure.part(child);
            assert_eq!(child.parent, Some(id));
            assert!(child.header.start >= from && child.body.end <= part.body.end);
            from = child.body.end;
        }
        let children = structure.children(id).count();
        match part.kind {
            Kind::Text | Kind::Other => assert_eq!(children, 0),
            Kind::Multipart => assert_ne!(children, 0),
            Kind::Message => assert_eq!(children, 1),
        }
    }
}

fn check(message: &str, expected: &[&str]) {
    assert_eq!(show(message.as_bytes()), expected, "{message:?}");
    // Bare line ends change nothing but the line ends.
    let bare = message.replace("\r\n", "\n");
    let expected: Vec<String> = expected
        .iter()
        .map(|line| line.replace("\\r\\n", "\\n"))
        .collect();
    assert_eq!(show(bare.as_bytes()), expected, "bare {message:?}");
}

const MIXED: &str = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";

#[test]
fn a_message_without_a_type_is_one_text() {
    check(
        "Subject: x\r\n\r\nhello\r\nyou\r\n",
        &["0 text 2 hello\\r\\nyou\\r\\n"],
    );
    check("Subject: x\r\n\r\n", &["0 text 0"]);
    check("Subject: x\r\n", &["0 text 0"]);
    check("Subject: x", &["0 text 0"]);
    check("", &["0 text 0"]);
}

#[test]
fn a_message_that_does_not_begin_with_a_field_has_no_header() {
    check("hello\r\n\r\nyou", &["0 text 2 hello\\r\\n\\r\\nyou"]);
    check(
        "hello you: fine\r\n\r\nx",
        &["0 text 2 hello you: fine\\r\\n\\r\\nx"],
    );
    check("\r\nhello: you\r\n", &["0 text 1 hello: you\\r\\n"]);
    check(
        "From a@b Mon Jan 1 00:00:00 2001\r\nSubject: x\r\n\r\nbody",
        &["0 text 0 body"],
    );
}

#[test]
fn a_line_without_a_colon_within_the_header_is_stepped_over() {
    check(
        "A: 1\r\nbroken line\r\nContent-Type: image/png\r\n\r\nbody",
        &["0 other 0 body"],
    );
}

/// RFC 2046 §5.1.1: the example of the RFC, whose line ends before the boundaries belong to them.
#[test]
fn the_line_end_before_a_boundary_belongs_to_it() {
    let message = "From: Nathaniel Borenstein <nsb@bellcore.com>\r\nMIME-Version: 1.0\r\n\
        Content-type: multipart/mixed; boundary=\"simple boundary\"\r\n\r\n\
        This is the preamble.  It is to be ignored.\r\n\r\n--simple boundary\r\n\r\n\
        This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.\r\n\
        --simple boundary\r\nContent-type: text/plain; charset=us-ascii\r\n\r\n\
        This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n\r\n\
        --simple boundary--\r\n\r\nThis is the epilogue.  It is also to be ignored.\r\n";
    check(
        message,
        &[
            "0 multipart 15",
            "1 text 1 This is implicitly typed plain US-ASCII text.\\r\\nIt does NOT end with a linebreak.",
            "1 text 2 This is explicitly typed plain US-ASCII text.\\r\\nIt DOES end with a linebreak.\\r\\n",
        ],
    );
}

#[test]
fn boundaries_are_found_where_a_line_begins_and_nowhere_else() {
    let cases: &[(&str, &[&str])] = &[
        ("--b\r\n\r\none --b two\r\n--b--", &["1 text 0 one --b two"]),
        (
            "--b\r\n\r\nx\r\n --b\r\ny\r\n--b--",
            &["1 text 2 x\\r\\n --b\\r\\ny"],
        ),
        // Blanks may follow (transport padding).
        (
            "--b \t\r\n\r\nx\r\n--b--  \r\nepilogue\r\n--b\r\n\r\nnot a part",
            &["1 text 0 x"],
        ),
        // The beginning of the line is enough.
        (
            "--b\r\n\r\nx\r\n--boo\r\n\r\ny\r\n--b--",
            &["1 text 0 x", "1 text 0 y"],
        ),
        // No closing delimiter.
        ("--b\r\n\r\nx\r\n", &["1 text 1 x\\r\\n"]),
        ("--b\r\n\r\nx", &["1 text 0 x"]),
        // A last delimiter that does not close.
        ("--b\r\n\r\nx\r\n--b\r\n", &["1 text 0 x"]),
        ("--b\r\n\r\nx\r\n--b", &["1 text 0 x"]),
        // A boundary at once, empty parts.
        (
            "--b\r\n--b\r\n\r\n--b\r\nA: x\r\n--b--",
            &["1 text 0", "1 text 0", "1 text 0"],
        ),
        // A header that a delimiter ends.
        (
            "--b\r\nContent-Type: image/png\r\n--b\r\n\r\nx\r\n--b--",
            &["1 other 0", "1 text 0 x"],
        ),
        // A part without a header and without a blank line.
        (
            "--b\r\nhello\r\n\r\nyou\r\n--b--",
            &["1 text 2 hello\\r\\n\\r\\nyou"],
        ),
    ];
    for (body, expected) in cases {
        let mut parts = show(format!("{MIXED}{body}").as_bytes());
        assert!(parts.remove(0).starts_with("0 multipart"), "{body:?}");
        assert_eq!(&parts, expected, "{body:?}");
    }
}

#[test]
fn a_multipart_without_parts_is_text() {
    check(&format!("{MIXED}hello\r\n"), &["0 text 1 hello\\r\\n"]);
    check(
        "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx\r\n--b--",
        &["0 text 3 --b\\r\\n\\r\\nx\\r\\n--b--"],
    );
    check(
        "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx",
        &["0 text 2 --\\r\\n\\r\\nx"],
    );
    check(&format!("{MIXED}--b--\r\n"), &["0 text 1 --b--\\r\\n"]);
}

#[test]
fn an_outer_boundary_ends_inner_parts() {
    check(
        "Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n\
         Content-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n\r\nx\r\n--out\r\n\r\ny\r\n--in\r\n--out--\r\n",
        &[
            "0 multipart 11",
            "1 multipart 2",
            "2 text 0 x",
            "1 text 1 y\\r\\n--in",
        ],
    );
}

#[test]
fn what_follows_the_end_of_a_multipart_is_no_part_of_it() {
    check(
        "Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n\
         Content-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\nx\r\n--in--\r\n--in\r\n\r\nno part\r\n--out\r\n\r\ny",
        &["0 multipart 12", "1 multipart 6", "2 text 0 x", "1 text 0 y"],
    );
}

#[test]
fn a_line_that_begins_with_an_outer_boundary_need_not_begin_with_the_inner_one() {
    check(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: multipart/mixed; boundary=baz\r\n\r\n--baz\r\n\r\nx\r\n--bb\r\n\r\ny",
        &["0 multipart 8", "1 multipart 2", "2 text 0 x", "1 text 0 y"],
    );
}

#[test]
fn of_two_boundaries_that_match_the_longer_is_meant() {
    check(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\n\r\nx\r\n--b1\r\n\r\ny\r\n--b1--\r\n--b\r\n\r\nz\r\n--b--",
        &[
            "0 multipart 13",
            "1 multipart 6",
            "2 text 0 x",
            "2 text 0 y",
            "1 text 0 z",
        ],
    );
    // The same boundary twice: the inner one takes them all, up to its end.
    check(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
        &["0 multipart 7", "1 multipart 4", "2 text 0 x"],
    );
}

#[test]
fn a_message_within_is_a_part_of_its_own() {
    check(
        "Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
        &["0 message 6", "1 multipart 4", "2 text 0 x"],
    );
    check(
        "Content-Type: MESSAGE/Global\r\n\r\nSubject: x\r\n\r\ny",
        &["0 message 2", "1 text 0 y"],
    );
    check(
        "Content-Type: message/delivery-status\r\n\r\nA: b\r\n",
        &["0 other 1 A: b\\r\\n"],
    );
    check(
        "Content-Type: message/rfc822\r\n\r\n",
        &["0 message 0", "1 text 0"],
    );
}

/// RFC 2046 §5.1.5
#[test]
fn a_part_of_a_digest_is_a_message_unless_it_says_otherwise() {
    check(
        "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\nhello\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nyou\r\n--b--\r\n",
        &["0 multipart 10", "1 message 2", "2 text 0 hello", "1 text 0 you"],
    );
}

#[test]
fn bare_cr_ends_no_line() {
    assert_eq!(show(b"A: x\rB: y\r\r\nbody"), ["0 text 0"]);
    let parts = show(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\r--b--\ry\n--b--");
    assert_eq!(parts, ["0 multipart 3", "1 text 0 x\\r--b--\\ry"]);
}

#[test]
fn a_boundary_may_come_in_pieces() {
    check(
        "Content-Type: multipart/mixed; boundary*0=ab; boundary*1=\"c d\"\r\n\r\n--abc d\r\n\r\nx\r\n--abc d--",
        &["0 multipart 3", "1 text 0 x"],
    );
}

#[test]
fn nuls_and_eight_bits_are_bytes_like_others() {
    let parts = show(b"\xe4\xbd\xa0: \xff\0\r\nContent-Type: multipart/mixed; boundary=\"\xe9\"\r\n\r\n--\xe9\r\n\r\n\0\r\n--\xe9--");
    assert_eq!(parts, ["0 multipart 3", "1 text 0 \\0"]);
}

/// RFC 3501 §6.4.5: the example of the RFC.
fn example() -> String {
    let leaf = |kind: &str, text: &str| format!("Content-Type: {kind}\r\n\r\n{text}");
    let join = |boundary: &str, parts: &[String]| {
        let mut text = format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n");
        for part in parts {
            text += &format!("--{boundary}\r\n{part}\r\n");
        }
        text + &format!("--{boundary}--")
    };
    let third = join(
        "m3",
        &[leaf("text/plain", "3.1"), leaf("application/octet-stream", "3.2")],
    );
    let inner = join(
        "m42",
        &[leaf("text/plain", "4.2.2.1"), leaf("text/richtext", "4.2.2.2")],
    );
    let mixed = join("m4", &[leaf("text/plain", "4.2.1"), inner]);
    let fourth = join(
        "m4o",
        &[
            leaf("image/gif", "4.1"),
            format!("Content-Type: message/rfc822\r\n\r\n{mixed}"),
        ],
    );
    join(
        "m0",
        &[
            leaf("text/plain", "1"),
            leaf("application/octet-stream", "2"),
            format!("Content-Type: message/rfc822\r\n\r\n{third}"),
            fourth,
        ],
    )
}

#[test]
fn part_numbers_name_the_parts_of_the_example() {
    let message = example();
    let structure = Structure::parse(message.as_bytes());
    let text = |path: &[u32]| {
        let range = structure.section(path, Section::Whole);
        range.map(|range| &message[range])
    };
    let named: &[(&[u32], Option<&str>)] = &[
        (&[1], Some("1")),
        (&[2], Some("2")),
        (&[3, 1], Some("3.1")),
        (&[3, 2], Some("3.2")),
        (&[4, 1], Some("4.1")),
        (&[4, 2, 1], Some("4.2.1")),
        (&[4, 2, 2, 1], Some("4.2.2.1")),
        (&[4, 2, 2, 2], Some("4.2.2.2")),
        (&[0], None),
        (&[5], None),
        (&[1, 1], None),
        (&[3, 3], None),
        (&[4, 2, 2, 3], None),
        (&[], Some(message.as_str())),
    ];
    for (path, expected) in named {
        assert_eq!(text(path), *expected, "{path:?}");
    }
}

#[test]
fn sections_name_headers_and_texts() {
    let message = example();
    let structure = Structure::parse(message.as_bytes());
    let text = |path: &[u32], section| structure.section(path, section).map(|range| &message[range]);
    assert_eq!(
        text(&[], Section::Header),
        Some("Content-Type: multipart/mixed; boundary=m0\r\n\r\n")
    );
    assert_eq!(
        text(&[3], Section::Header),
        Some("Content-Type: multipart/mixed; boundary=m3\r\n\r\n")
    );
    assert_eq!(
        text(&[3], Section::Mime),
        Some("Content-Type: message/rfc822\r\n\r\n")
    );
    assert!(
        text(&[3], Section::Text).is_some_and(|text| text.starts_with("--m3") && text.ends_with("--m3--"))
    );
    assert!(text(&[4, 2], Section::Text).is_some_and(|text| text.starts_with("--m4\r\n")));
    assert_eq!(
        text(&[4, 2, 2], Section::Mime),
        Some("Content-Type: multipart/mixed; boundary=m42\r\n\r\n")
    );
    assert_eq!(
        text(&[1], Section::Mime),
        Some("Content-Type: text/plain\r\n\r\n")
    );
    // Only messages have a header and a text, and only parts a MIME header.
    for (path, section) in [
        (&[1][..], Section::Header),
        (&[4], Section::Header),
        (&[1], Section::Text),
        (&[], Section::Mime),
    ] {
        assert_eq!(text(path, section), None, "{path:?} {section:?}");
    }
}

#[test]
fn a_message_that_is_no_multipart_has_one_part() {
    let plain = Structure::parse(b"A: b\r\n\r\nhello");
    assert_eq!(plain.section(&[1], Section::Whole), Some(8..13));
    assert_eq!(plain.section(&[1], Section::Mime), Some(0..8));
    assert_eq!(plain.section(&[2], Section::Whole), None);
    assert_eq!(plain.section(&[1, 1], Section::Whole), None);
    let forwarded = Structure::parse(b"Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nhello");
    assert_eq!(forwarded.section(&[1], Section::Header), Some(32..40));
    assert_eq!(forwarded.section(&[1, 1], Section::Whole), Some(40..45));
    assert_eq!(forwarded.section(&[1, 1], Section::Mime), Some(32..40));
    assert_eq!(forwarded.section(&[1, 2], Section::Whole), None);
}

fn nested(levels: usize) -> String {
    (0..levels)
        .map(|level| format!("Content-Type: multipart/mixed; boundary=b{level}x\r\n\r\n--b{level}x\r\n"))
        .collect()
}

#[test]
fn parts_are_opened_down_to_the_depth_limit() {
    let depth = |levels: usize| {
        let structure = Structure::parse(format!("{}\r\nx", nested(levels)).as_bytes());
        (
            structure.parts().len(),
            structure.parts().last().map(|part| part.kind),
        )
    };
    assert_eq!(depth(MAX_DEPTH - 1), (MAX_DEPTH, Some(Kind::Text)));
    assert_eq!(depth(MAX_DEPTH), (MAX_DEPTH + 1, Some(Kind::Text)));
    assert_eq!(depth(MAX_DEPTH + 1), (MAX_DEPTH + 1, Some(Kind::Other)));
}

#[test]
fn a_hundred_thousand_nested_parts_are_read_in_linear_time() {
    let hostile = nested(100_000);
    check_invariants(&Structure::parse(hostile.as_bytes()), hostile.as_bytes());
    let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    let structure = Structure::parse(messages.as_bytes());
    assert_eq!(structure.parts().len(), MAX_DEPTH + 1);
    check_invariants(&structure, messages.as_bytes());
}

#[test]
fn parts_are_told_apart_up_to_the_limit() {
    let count = |parts: usize| {
        let body = format!("{MIXED}{}--b--", "--b\r\n\r\nx\r\n".repeat(parts));
        let structure = Structure::parse(body.as_bytes());
        check_invariants(&structure, body.as_bytes());
        structure.parts().len()
    };
    assert_eq!(count(MAX_PARTS - 2), MAX_PARTS - 1);
    assert_eq!(count(MAX_PARTS - 1), MAX_PARTS);
    assert_eq!(count(MAX_PARTS), MAX_PARTS);
    assert_eq!(count(100_000), MAX_PARTS);
}
