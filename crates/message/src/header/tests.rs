//! Fields, folds and the lines that are none.

use super::*;

fn names_and_values(header: &str) -> Vec<(String, String)> {
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Header::new(header.as_bytes())
        .fields()
        .map(|field| (show(field.name), show(&field.unfolded())))
        .collect()
}

fn check(header: &str, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    assert_eq!(names_and_values(header), expected, "{header:?}");
}

#[test]
fn fields_are_cut_and_unfolded() {
    check(
        "A: 1\r\nB:2\r\nC:\r\n\r\nD: no\r\n",
        &[("A", "1"), ("B", "2"), ("C", "")],
    );
    check("A: 1\nB: 2", &[("A", "1"), ("B", "2")]);
    // RFC 5322 §2.2.3: the line end goes, the blank stays.
    check(
        "Subject: This\r\n is a\r\n\ttest\r\n",
        &[("Subject", "This is a\ttest")],
    );
    // RFC 5322 §4.5.8: blanks before the colon.
    check("A : 1\r\n", &[("A", "1")]);
    check("A: b:c\r\n", &[("A", "b:c")]);
    // A line of blanks continues a field (RFC 5322 §4.2).
    check("A: 1\r\n \r\nB: 2\r\n", &[("A", "1"), ("B", "2")]);
    check("", &[]);
}

#[test]
fn lines_that_are_no_fields_are_stepped_over() {
    check("From a@b Mon Jan  1 00:00:00 2001\r\nA: 1\r\n", &[("A", "1")]);
    check(
        "A: 1\r\nno field\r\n continued: here\r\n: empty\r\nB: 2\r\n",
        &[("A", "1"), ("B", "2")],
    );
    check(" A: 1\r\nB: 2\r\n", &[("B", "2")]);
}

#[test]
fn an_unfolded_value_holds_no_cr_lf_or_nul() {
    check("A: a\rb\0c\r\n d\r\n", &[("A", "abc d")]);
}

#[test]
fn values_are_decoded_for_people() {
    let text = |value: &[u8]| {
        Field {
            name: b"",
            value,
            raw: b"",
            offset: 0,
        }
        .text()
    };
    assert_eq!(text(b" =?utf-8?b?5L2g?=\r\n =?utf-8?b?5aW9?= !"), "你好 !");
    assert_eq!(text(b" a \r\n\t b\r\n \r\n c  d"), "a b c  d");
    assert_eq!(text("你好".as_bytes()), "你好");
    assert_eq!(text(b"\xc4\xe3\xba\xc3\xca\xc0\xbd\xe7"), "你好世界");
}

/// RFC 3501 §6.4.5: the blank line is part of what is returned.
#[test]
fn fields_are_chosen_by_name() {
    let header = Header::new(b"From: a\r\nTo: b\r\n c\r\nX-From: d\r\nfrom: e\r\njunk\r\n\r\n");
    let only = |names: &[&str]| String::from_utf8(header.only(names)).unwrap();
    let without = |names: &[&str]| String::from_utf8(header.without(names)).unwrap();
    assert_eq!(only(&["FROM"]), "From: a\r\nfrom: e\r\n\r\n");
    assert_eq!(only(&["to", "x-from"]), "To: b\r\n c\r\nX-From: d\r\n\r\n");
    assert_eq!(only(&["Subject"]), "\r\n");
    assert_eq!(without(&["From", "TO"]), "X-From: d\r\n\r\n");
    assert_eq!(
        String::from_utf8(Header::new(b"A: 1").only(&["a"])).unwrap(),
        "A: 1\r\n\r\n"
    );
}

#[test]
fn fields_know_where_they_stand() {
    let header = Header::new(b"A: 1\r\njunk\r\nB: 2\r\n\r\n");
    let places: Vec<_> = header.fields().map(|field| (field.offset, field.raw)).collect();
    assert_eq!(places, [(0, b"A: 1\r\n".as_slice()), (12, b"B: 2\r\n")]);
    assert_eq!(header.first("b").map(|field| field.value), Some(b" 2".as_slice()));
    assert_eq!(header.all("a").count(), 1);
}
