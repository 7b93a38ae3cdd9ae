//! The tree as it is printed, and its numbers, which must be those of IMAP.

use super::*;
use crate::structure::Section;

const NESTED: &[u8] = b"Subject: =?utf-8?q?caf=C3=A9?=\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n\
    --a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain; charset=gb2312\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nx\r\n\
    --b\r\nContent-Type: TEXT/HTML\r\n\r\ny\r\n--b--\r\n\
    --a\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n\
    --c\r\n\r\nz\r\n--c\r\nContent-Type: message/rfc822\r\n\r\nSubject: innermost\r\n\r\nw\r\n--c--\r\n\
    --a\r\nContent-Type: image/png; name=\"a\x1b.png\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: ATTACHMENT\r\n\r\nAAAA\r\n--a--\r\n";

#[test]
fn a_tree_is_listed_by_depth() {
    let listed = tree(&Message::parse(NESTED)).to_string();
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(
        lines,
        [
            "multipart/mixed, 500 octets: café",
            "  1 multipart/alternative, 137 octets",
            "    1.1 text/plain, gb2312, quoted-printable, 1 octets",
            "    1.2 text/html, 1 octets",
            "  2 message/rfc822, 138 octets",
            "    2 multipart/mixed, 77 octets: inner",
            "      2.1 text/plain, us-ascii, 1 octets",
            "      2.2 message/rfc822, 23 octets",
            "        2.2.1 text/plain, us-ascii, 1 octets: innermost",
            "  3 image/png, base64, 4 octets, attachment \"a.png\"",
        ]
    );
    assert_eq!(
        tree(&Message::parse(b"\r\nx")).to_string(),
        "1 text/plain, us-ascii, 1 octets\n"
    );
}

#[test]
fn numbers_name_the_parts_that_imap_calls_so() {
    let message = Message::parse(NESTED);
    for branch in tree(&message).0 {
        let path: Vec<u32> = branch
            .number
            .split('.')
            .filter_map(|number| number.parse().ok())
            .collect();
        let is_within = message
            .part(branch.part)
            .parent
            .is_some_and(|parent| message.part(parent).kind == Kind::Message);
        if path.is_empty() || (is_within && branch.kind == Kind::Multipart) {
            continue;
        }
        assert_eq!(
            message.section(&path, Section::Whole),
            Some(message.body(branch.part)),
            "{}",
            branch.number
        );
    }
}
