//! Dates of RFC 5322 and of the wild.

use super::*;

fn seconds(date: &str) -> Option<i64> {
    Date::parse(date.as_bytes()).map(Date::timestamp)
}

#[test]
fn dates_are_read() {
    let cases = [
        // RFC 5322 §A.1, §A.6.2
        ("Fri, 21 Nov 1997 09:55:06 -0600", 880_127_706),
        (
            "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)",
            -27_723_480,
        ),
        ("21 Nov 97 09:55:06 GMT", 880_106_106),
        ("Tue, 24 Nov 2026 10:20:17 +0000", 1_795_515_617),
        ("24 Nov 2026 10:20 Z", 1_795_515_600),
        ("Tue, 24 Nov 26 10:20:17 UT", 1_795_515_617),
        ("Tue, 24 Nov 126 10:20:17 UT", 1_795_515_617),
        ("Tue, 24 Nov 2026 18:20:17 +0800 (CST)", 1_795_515_617),
        ("Tue, 24 Nov 2026 02:20:17 PST", 1_795_515_617),
        ("Tue, 24 Nov 2026 06:20:17 EDT", 1_795_515_617),
        ("Tue Nov 24 10:20:17 2026", 1_795_515_617),
        ("Tue Nov 24 10:20:17 GMT 2026", 1_795_515_617),
        ("2026-11-24T10:20:17Z", 1_795_515_617),
        ("2026-11-24T11:20:17.123+01:00", 1_795_515_617),
        ("2026-11-24 10:20:17", 1_795_515_617),
        ("24-Nov-2026 10:20:17 +0000", 1_795_515_617),
        ("Tue, 24 November 2026 10:20:17 GMT+0000", 1_795_515_617),
        ("Tue, 24 Nov 2026 10:20:17 -0000", 1_795_515_617),
        ("Tue, 24 Nov 2026 10:20:17 XYZ", 1_795_515_617),
        ("Tue, 24 Nov 2026 10:20:17", 1_795_515_617),
        ("Tue, 24 Nov 2026 10:20:60 +0000", 1_795_515_660),
        ("Tue, 24 Nov 2026 10:20:17 PM -0000", 1_795_558_817),
        ("Tue, 24 Nov 2026 10:20:17pm", 1_795_558_817),
        ("Tue, 24 Nov 2026 12:20:17 PM +0200", 1_795_515_617),
        ("Tue, 24 Nov 2026 05:20:17 +-0500", 1_795_515_617),
        ("Tue, 24 Nov 2026 15:50:17 0530", 1_795_515_617),
        ("2026/11/24 Tue 10:20:17 GMT", 1_795_515_617),
        ("1 Jan 49 00:00:00 Z", 2_493_072_000),
        ("1 Jan 50 00:00:00 Z", -631_152_000),
        ("29 Feb 2024 00:00:00 +0000", 1_709_164_800),
        ("1 Jan 1970 00:00:00 +0000", 0),
        ("31 Dec 1969 23:59:59 +0000", -1),
    ];
    for (date, expected) in cases {
        assert_eq!(seconds(date), Some(expected), "{date}");
    }
}

#[test]
fn what_is_no_date_is_none() {
    for date in [
        "",
        "yesterday",
        "32 Jan 2026 00:00 Z",
        "29 Feb 2023 00:00 Z",
        "1 Jan 2026 24:00 Z",
        "1 Jan 2026 00:60 Z",
        "1 Jan 2026 00:00:61 Z",
        "1 Foo 2026 00:00 Z",
        "Jan 2026 00:00",
        "0 Jan 2026 00:00 Z",
        "\u{fffd}",
    ] {
        assert_eq!(seconds(date), None, "{date}");
    }
}

/// RFC 3501 §6.4.4: SENTON disregards time and zone.
#[test]
fn days_are_those_that_are_written() {
    let days = |date: &str| Date::parse(date.as_bytes()).map(Date::days);
    assert_eq!(days("2 Jan 1970 00:30:00 +1200"), Some(1));
    assert_eq!(days("2 Jan 1970 23:30:00 -1200"), Some(1));
    assert_eq!(days("1 Mar 2000 00:00:00 Z"), Some(11_017));
}

#[test]
fn dates_are_printed_as_they_are_read() {
    let check = |seconds: i64, offset: i16, wanted: &str| {
        let date = Date::of(seconds, offset);
        assert_eq!(date.to_string(), wanted);
        assert_eq!(Date::parse(wanted.as_bytes()), Some(date));
        assert_eq!(date.timestamp(), seconds);
    };
    check(0, 0, "Thu, 1 Jan 1970 00:00:00 +0000");
    check(0, -90, "Wed, 31 Dec 1969 22:30:00 -0130");
    check(1_764_035_829, 480, "Tue, 25 Nov 2025 09:57:09 +0800");
    check(951_782_400, 0, "Tue, 29 Feb 2000 00:00:00 +0000");
    check(4_107_542_399, 0, "Sun, 28 Feb 2100 23:59:59 +0000");
    check(LAST_SECOND, 0, "Fri, 31 Dec 9999 23:59:59 +0000");
    assert_eq!(
        Date::of(i64::MAX, 30_000).to_string(),
        "Fri, 31 Dec 9999 23:59:59 +2400"
    );
    assert_eq!(Date::of(i64::MIN, 0).year, 0);
}
