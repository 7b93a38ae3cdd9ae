//! mbox: separators of many programs, quoting there and back, marks.

use types::{KeywordName, SystemKeyword};

use super::*;

fn scan(text: &[u8]) -> Vec<Found> {
    scan_within(text, 1 << 20)
}

fn scan_within(text: &[u8], limit: usize) -> Vec<Found> {
    let mut scanner = Scanner::new(limit);
    let mut found: Vec<Found> = Vec::new();
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        found.extend(scanner.push(line));
    }
    found.extend(scanner.finish());
    found
}

#[test]
fn separators_are_told_from_text() {
    let check = |line: &str, wanted: Option<i64>| {
        let got = Separator::parse(line.as_bytes()).map(|separator| separator.received.0);
        assert_eq!(got, wanted, "{line}");
    };
    let at = Some(1_795_557_600);
    check("From alice@example.org Tue Nov 24 22:00:00 2026", at);
    check("From alice@example.org Tue Nov 24 22:00:00 2026\r\n", at);
    check("From - Tue Nov 24 22:00:00 2026", at);
    check("From  Tue Nov 24 22:00:00 2026", at);
    check("From alice at example.org  Tue Nov 24 22:00 2026", at);
    check("From 17@xxx Tue Nov 24 22:00:00 +0000 2026", at);
    check("From 17@xxx Wed Nov 25 06:00:00 +0800 2026", at);
    check("From 17@xxx Wed Nov 25 06:00:00 2026 +0800", at);
    check("From a Thu Jan  1 00:00:00 1970", Some(0));
    check("From here to there", None);
    check("From Tue Nov 24 to Wed Nov 25", None);
    check("from alice@example.org Tue Nov 24 22:00:00 2026", None);
    check(">From alice@example.org Tue Nov 24 22:00:00 2026", None);
}

#[test]
fn dates_are_those_of_asctime() {
    let check = |at: i64, wanted: &str| assert_eq!(date(Timestamp(at)), wanted, "{at}");
    check(0, "Thu Jan  1 00:00:00 1970");
    check(-1, "Thu Jan  1 00:00:00 1970");
    check(951_782_399, "Mon Feb 28 23:59:59 2000");
    check(951_782_400, "Tue Feb 29 00:00:00 2000");
    check(1_795_557_600, "Tue Nov 24 22:00:00 2026");
    check(i64::MAX, "Fri Dec 31 23:59:59 9999");
}

#[test]
fn a_message_is_printed_with_its_marks() {
    let mut marks = Marks::default();
    marks.set(SystemKeyword::Seen);
    marks.set(SystemKeyword::Draft);
    marks.name(KeywordName::check("$Work").unwrap());
    let head = Head {
        sender: "a b\n@c".to_owned(),
        received: Timestamp(0),
        marks,
    };
    let mut out = Vec::new();
    print(&mut out, &head, b"A: b\n\nFrom x\n>From y\n> From\nend");
    let wanted = "From ab@c Thu Jan  1 00:00:00 1970\nStatus: RO\nX-Status: T\nX-Keywords: $Work\n\
                  A: b\n\n>From x\n>>From y\n> From\nend\n\n";
    assert_eq!(String::from_utf8_lossy(&out), wanted);
}

#[test]
fn files_of_other_programs_are_read() {
    let text = b"From a Tue Nov 24 22:00:00 2026\nSubject: one\nStatus: RO\nX-Status: AF\nX-Keywords: k1 k2,\n k3\nX-UID: 7\n\
                 Content-Length: 3\n\nhi\n\n\nFrom there on\n>From now\n\nFrom b Tue Nov 24 22:00:01 2026\nX-Mozilla-Status: 1003\n\
                 X-Mozilla-Keys: $label1      \nSubject: two\n\nbody\n";
    let found = scan(text);
    assert_eq!(found.len(), 2, "{found:?}");
    let (marks, message) = take_marks(&found[0].octets);
    assert_eq!(
        String::from_utf8_lossy(&message),
        "Subject: one\n\nhi\n\n\nFrom there on\nFrom now\n"
    );
    assert!(
        marks.has(SystemKeyword::Seen)
            && marks.has(SystemKeyword::Answered)
            && marks.has(SystemKeyword::Flagged)
    );
    assert_eq!(marks.names.len(), 2);
    let (marks, message) = take_marks(&found[1].octets);
    assert_eq!(String::from_utf8_lossy(&message), "Subject: two\n\nbody\n");
    assert!(
        marks.has(SystemKeyword::Answered) && marks.names.len() == 2,
        "{marks:?}"
    );
    assert_eq!(found[1].received, Some(Timestamp(1_795_557_601)));
    assert_eq!(
        found[1].offset,
        text.windows(7).rposition(|at| at == b"From b ").unwrap() as u64
    );
}

#[test]
fn windows_line_ends_and_no_end_at_all_are_read() {
    let found = scan(b"\r\nFrom a Tue Nov 24 22:00:00 2026\r\nA: b\r\n\r\nx\r\n\r\nFrom a Tue Nov 24 22:00:00 2026\r\nC: d");
    let octets: Vec<_> = found
        .iter()
        .map(|found| String::from_utf8_lossy(&found.octets))
        .collect();
    assert_eq!(octets, ["A: b\r\n\r\nx\r\n", "C: d"]);
    assert_eq!(scan(b"").len(), 0);
    assert_eq!(scan(b"\n\n").len(), 0);
}

#[test]
fn what_is_too_large_is_found_and_not_kept() {
    let text = b"From a Tue Nov 24 22:00:00 2026\n0123456789\n\nFrom a Tue Nov 24 22:00:00 2026\n0123\n";
    let found = scan_within(text, 8);
    assert_eq!(
        found
            .iter()
            .map(|found| (found.size, found.octets.len()))
            .collect::<Vec<_>>(),
        [(11, 0), (5, 5)]
    );
}

#[test]
fn what_c_client_keeps_is_known() {
    assert!(is_internal(
        b"From: x\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\nx"
    ));
    assert!(!is_internal(
        b"Subject: hi\n\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n"
    ));
}

#[test]
fn each_kind_gives_back_what_it_can() {
    let messages: [&[u8]; 6] = [
        b"A: b\n\nFrom x Tue Nov 24 22:00:00 2026\n\nFrom y Tue Nov 24 22:00:00 2026\nend\n",
        b"A: b\n\n>From x\n>>From y\n",
        b"A: b\n\n\n\n",
        b"A: b\n\n",
        b"A: b\nC: d\n",
        b"A: b\n\nlast\n\nFrom z Tue Nov 24 22:00:00 2026\n",
    ];
    for kind in [Kind::Mboxrd, Kind::Mboxo, Kind::Mboxcl2] {
        let mut text = Vec::new();
        for message in messages {
            print_as(kind, &mut text, &Head::default(), message);
        }
        let mut scanner = Scanner::new(1 << 20).of(kind);
        let mut found = Vec::new();
        for line in text.split_inclusive(|octet| *octet == b'\n') {
            found.extend(scanner.push(line));
        }
        found.extend(scanner.finish());
        assert_eq!(found.len(), messages.len(), "{kind:?}");
        for (found, message) in found.iter().zip(messages) {
            let (_, octets) = take_marks(&found.octets);
            let wanted = match kind {
                Kind::Mboxo => String::from_utf8_lossy(message).replace(">From x", "From x"),
                _ => String::from_utf8_lossy(message).into_owned(),
            };
            assert_eq!(String::from_utf8_lossy(&octets), wanted, "{kind:?}");
        }
    }
}

#[test]
fn what_each_kind_writes_is_as_others_write_it() {
    let check = |kind, wanted: &str| {
        let mut out = Vec::new();
        print_as(kind, &mut out, &Head::default(), b"A: b\n\nFrom x\n>From y\n");
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with(wanted), "{text}");
    };
    check(Kind::Mboxrd, "X-Keywords: \nA: b\n\n>From x\n>>From y\n\n");
    check(Kind::Mboxo, "X-Keywords: \nA: b\n\n>From x\n>From y\n\n");
    check(
        Kind::Mboxcl2,
        "Content-Length: 15\nStatus: O\nX-Status: \nX-Keywords: \nA: b\n\nFrom x\n>From y\n\n",
    );
}

#[test]
fn a_length_that_is_wrong_is_not_believed() {
    let text = b"From a Tue Nov 24 22:00:00 2026\nContent-Length: 5\n\nlonger than that\n\n\
                 From b Tue Nov 24 22:00:00 2026\nContent-Length: 99999\n\nshort\n";
    let mut scanner = Scanner::new(1 << 20).of(Kind::Mboxcl2);
    let mut found = Vec::new();
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        found.extend(scanner.push(line));
    }
    found.extend(scanner.finish());
    let ends: Vec<_> = found
        .iter()
        .map(|found| found.octets.ends_with(b"that\n") || found.octets.ends_with(b"short\n"))
        .collect();
    assert_eq!(ends, [true, true], "{found:?}");
}
