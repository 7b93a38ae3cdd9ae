//! Encoded words: the table of RFC 2047 §8, and what is found in the wild.

use super::decode;

fn check(value: &[u8], expected: &str) {
    assert_eq!(decode(value), expected, "{}", String::from_utf8_lossy(value));
}

/// RFC 2047 §8
#[test]
fn the_examples_of_the_rfc_are_decoded() {
    check(b"=?ISO-8859-1?Q?a?=", "a");
    check(b"=?ISO-8859-1?Q?a?= b", "a b");
    check(b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab");
    check(b"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab");
    check(b"=?ISO-8859-1?Q?a?= \t =?ISO-8859-1?Q?b?=", "ab");
    check(b"=?ISO-8859-1?Q?a_b?=", "a b");
    check(b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b");
    check(
        b"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>",
        "Keith Moore <moore@cs.utk.edu>",
    );
    check(
        b"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=",
        "Keld J\u{f8}rn Simonsen",
    );
    check(b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
        "If you can read this you understand the example.");
    check(
        b"=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=",
        "\u{5dd}\u{5d5}\u{5dc}\u{5e9} \u{5df}\u{5d1} \u{5d9}\u{5dc}\u{5d8}\u{5e4}\u{5e0}",
    );
}

#[test]
fn characters_may_be_cut_in_two() {
    check(b"=?utf-8?B?5L0=?= =?utf-8?B?oA==?=", "\u{4f60}");
    check(b"=?UTF-8?Q?=E4=BD?= =?utf-8?B?oA==?=", "\u{4f60}");
    check(b"=?gb2312?B?xA==?= =?GB2312?B?47rD?=", "\u{4f60}\u{597d}");
    check(
        b"=?iso-2022-jp?B?GyRCRnxLXA==?= =?iso-2022-jp?B?OGwbKEI=?=",
        "\u{65e5}\u{672c}\u{8a9e}",
    );
}

#[test]
fn words_of_every_charset_of_mail_are_decoded() {
    check(b"=?gb18030?B?xOO6ww==?=", "\u{4f60}\u{597d}");
    check(b"=?big5?B?p0GmbqFB?=", "\u{4f60}\u{597d}\u{ff0c}");
    check(b"=?iso-2022-jp?B?GyRCRnxLXDhsGyhC?=", "\u{65e5}\u{672c}\u{8a9e}");
    check(b"=?euc-kr?B?x9GxvA==?=", "\u{d55c}\u{ad74}");
    check(
        b"=?windows-1251?Q?=CF=F0=E8=E2=E5=F2?=",
        "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}",
    );
    check(
        b"=?koi8-r?B?8NLJ18XU?=",
        "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}",
    );
    check(b"=?hz-gb-2312?Q?=7E{<:Ky2;=7E}?=", "己所不");
    check(b"=?utf-7?Q?A+ImIDkQ-?=", "A\u{2262}\u{391}");
    check(b"=?koi8-r*ru?Q?=F0?=", "П");
    check(b"=?x-unknown?Q?=C3=A9?=", "\u{e9}");
}

#[test]
fn broken_words_are_decoded_as_far_as_possible() {
    check(b"a=?utf-8?q?=C3=A9?=b", "a\u{e9}b");
    check(b"\"=?utf-8?q?x?=\"", "\"x\"");
    check(b"=?utf-8?q?a b?=", "a b");
    check(b"=?utf-8?q?what?now?=", "what?now");
    check(b"=?utf-8?b?5L2g", "=?utf-8?b?5L2g");
    check(b"=?utf-8?x?abc?=", "=?utf-8?x?abc?=");
    check(b"=?utf-8?q??=", "");
    check(b"=??q?x?=", "x");
    check(b"=?utf-8?b?5L2g5aW9!?=", "\u{4f60}\u{597d}");
    check(b"=?=?utf-8?q?x?=", "=?x");
    check(b"=?utf-8?q?=C3?=", "\u{fffd}");
    check(b"=?", "=?");
    check(b"=?utf-8?Q?a?==?utf-8?Q?b?=", "ab");
}

#[test]
fn a_decoded_value_stays_on_one_line() {
    check(b"=?utf-8?q?a=0D=0Ab=00c?=", "a  b c");
}

#[test]
fn headers_full_of_beginnings_are_read_in_linear_time() {
    for piece in ["=?utf-8?q?", "=?", "=?a?q?x", "=?a?q?x ", "=?a?b?,", "=?a?q??="] {
        let hostile = piece.repeat(300_000);
        decode(hostile.as_bytes());
        crate::parse_addresses(hostile.as_bytes());
    }
}

#[test]
fn a_word_may_be_as_long_as_the_limit() {
    let long = |length: usize| format!("=?utf-8?q?{}?= =?utf-8?q?b?=", "a".repeat(length));
    let decoded = |length: usize| decode(long(length).as_bytes());
    assert_eq!(decoded(super::MAX_WORD - 2).len(), super::MAX_WORD - 1);
    assert!(decoded(super::MAX_WORD - 1).starts_with("=?utf-8?q?aa"));
    assert!(decoded(super::MAX_WORD - 1).ends_with("?= b"));
    assert!(decoded(super::MAX_WORD * 3).ends_with("?= b"));
}
