//! What a server writes above a message: `Return-Path` and `Received` (RFC 5321 §4.4), and dates.

use std::fmt;
use std::net::IpAddr;

use types::{Address, Domain, Timestamp};

use crate::command::{Dialect, Hello, Letters, ReversePath, Written};

/// How a message came, for the `with` clause (RFC 3848 §1, RFC 6531 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct With {
    /// The language.
    pub dialect: Dialect,
    /// Whether TLS was on.
    pub tls: bool,
    /// Whether the client had logged in.
    pub login: bool,
    /// Whether SMTPUTF8 was used.
    pub letters: Letters,
}

impl fmt::Display for With {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.letters, self.dialect) {
            // RFC 3848 §1 has no SMTPS: a client that says HELO has neither TLS nor a login.
            (Letters::Ascii, Dialect::Smtp) => return f.write_str("SMTP"),
            (Letters::Ascii, Dialect::Esmtp) => "ESMTP",
            (Letters::Ascii, Dialect::Lmtp) => "LMTP",
            (Letters::Utf8, Dialect::Smtp | Dialect::Esmtp) => "UTF8SMTP",
            (Letters::Utf8, Dialect::Lmtp) => "UTF8LMTP",
        })?;
        f.write_str(if self.tls { "S" } else { "" })?;
        f.write_str(if self.login { "A" } else { "" })
    }
}

/// A `Received` field. It prints with its line end.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// What the client called itself.
    pub hello: &'a Hello,
    /// Where it connected from; none for a Unix socket.
    pub peer: Option<IpAddr>,
    /// Our name.
    pub by: &'a Domain,
    /// How it came.
    pub with: With,
    /// Our name for the message.
    pub id: &'a str,
    /// The recipient, only if there is one (RFC 5321 §7.6: several would tell each other).
    pub only_recipient: Option<&'a Address>,
    /// When.
    pub at: Timestamp,
}

impl fmt::Display for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Received: from {}", self.hello.name.as_str())?;
        match self.peer.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => write!(f, " ([{ip}])")?,
            Some(IpAddr::V6(ip)) => write!(f, " ([IPv6:{ip}])")?,
            None => {}
        }
        // RFC 6531 §3.7.3: U-labels where SMTPUTF8 is used, and only there.
        let letters = self.with.letters;
        let by = match letters {
            Letters::Ascii => self.by.to_ascii(),
            Letters::Utf8 => self.by.as_str().into(),
        };
        write!(f, "\r\n\tby {by} with {} id {}", self.with, self.id)?;
        if let Some(address) = self.only_recipient {
            write!(f, "\r\n\tfor {}", Written(address, letters))?;
        }
        write!(f, ";\r\n\t{}\r\n", Date(self.at))
    }
}

/// A `Return-Path` field. It prints with its line end (RFC 5321 §4.4: once, at final delivery).
#[derive(Clone, Copy, Debug)]
pub struct ReturnPath<'a>(pub &'a ReversePath, pub Letters);

impl fmt::Display for ReturnPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Return-Path: {}\r\n", Written(self.0, self.1))
    }
}

/// A moment in the form of RFC 5322 §3.3, in UTC.
#[derive(Clone, Copy, Debug)]
pub struct Date(pub Timestamp);

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb",
];

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.0.div_euclid(86_400);
        let second = self.0.0.rem_euclid(86_400);
        // Days from 0000-03-01 on: the leap day is then the last of its year, and a month's first day is linear.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let year = year_of_era + era * 400 + i64::from(month >= 10);
        write!(
            f,
            "{}, {day} {} {year:04} {:02}:{:02}:{:02} +0000",
            name(&DAYS, days.rem_euclid(7)),
            name(&MONTHS, month),
            second / 3600,
            second / 60 % 60,
            second % 60,
        )
    }
}

fn name(names: &[&'static str], at: i64) -> &'static str {
    usize::try_from(at)
        .ok()
        .and_then(|at| names.get(at).copied())
        .expect("days and months are counted within their week and year")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::ClientName;

    #[test]
    fn dates_print() {
        let check = |seconds, wanted: &str| assert_eq!(Date(Timestamp(seconds)).to_string(), wanted);
        check(0, "Thu, 1 Jan 1970 00:00:00 +0000");
        check(951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000");
        check(951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000");
        check(951_868_800, "Wed, 1 Mar 2000 00:00:00 +0000");
        check(1_000_000_000, "Sun, 9 Sep 2001 01:46:40 +0000");
        check(1_795_478_399, "Mon, 23 Nov 2026 23:59:59 +0000");
        check(4_107_542_400, "Mon, 1 Mar 2100 00:00:00 +0000");
        check(-1, "Wed, 31 Dec 1969 23:59:59 +0000");
    }

    #[test]
    fn received_fields_print() {
        let hello = Hello {
            dialect: Dialect::Esmtp,
            name: ClientName::check(b"client.example").unwrap(),
        };
        let address = Address::parse("alice@example.org").unwrap();
        let host = Domain::check("mx.example.org").unwrap();
        let mut received = Received {
            hello: &hello,
            peer: Some("192.0.2.1".parse().unwrap()),
            by: &host,
            with: With {
                dialect: Dialect::Esmtp,
                tls: true,
                login: true,
                letters: Letters::Ascii,
            },
            id: "x1",
            only_recipient: Some(&address),
            at: Timestamp(0),
        };
        assert_eq!(
            received.to_string(),
            "Received: from client.example ([192.0.2.1])\r\n\tby mx.example.org with ESMTPSA id x1\r\n\
             \tfor <alice@example.org>;\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n"
        );
        received.only_recipient = None;
        received.peer = Some("2001:db8::1".parse().unwrap());
        received.with = With {
            dialect: Dialect::Lmtp,
            tls: false,
            login: false,
            letters: Letters::Ascii,
        };
        assert_eq!(
            received.to_string(),
            "Received: from client.example ([IPv6:2001:db8::1])\r\n\tby mx.example.org with LMTP id x1;\r\n\
             \tThu, 1 Jan 1970 00:00:00 +0000\r\n"
        );
        let null = ReturnPath(&ReversePath::Null, Letters::Ascii);
        assert_eq!(null.to_string(), "Return-Path: <>\r\n");
    }

    /// RFC 6531 §3.7.3 and §4.3.
    #[test]
    fn trace_fields_have_u_labels_with_smtputf8_and_only_then() {
        let hello = Hello {
            dialect: Dialect::Esmtp,
            name: ClientName::check(b"c").unwrap(),
        };
        let address = Address::parse("alice@xn--fsqu00a.xn--fiqs8s").unwrap();
        let host = Domain::check("mx.例子.中国").unwrap();
        let printed = |letters| {
            let received = Received {
                hello: &hello,
                peer: None,
                by: &host,
                with: With {
                    dialect: Dialect::Esmtp,
                    tls: true,
                    login: false,
                    letters,
                },
                id: "x1",
                only_recipient: Some(&address),
                at: Timestamp(0),
            };
            let path = ReversePath::Address(address.clone());
            format!("{}{received}", ReturnPath(&path, letters))
        };
        let date = "Thu, 1 Jan 1970 00:00:00 +0000";
        let ascii = "xn--fsqu00a.xn--fiqs8s";
        assert_eq!(
            printed(Letters::Ascii),
            format!(
                "Return-Path: <alice@{ascii}>\r\nReceived: from c\r\n\tby mx.{ascii} with ESMTPS id x1\r\n\
                 \tfor <alice@{ascii}>;\r\n\t{date}\r\n"
            )
        );
        assert_eq!(
            printed(Letters::Utf8),
            format!(
                "Return-Path: <alice@例子.中国>\r\nReceived: from c\r\n\tby mx.例子.中国 with UTF8SMTPS id x1\r\n\
                 \tfor <alice@例子.中国>;\r\n\t{date}\r\n"
            )
        );
    }

    #[test]
    fn the_with_clause_says_how_a_message_came() {
        let check = |dialect, (tls, login), letters, wanted: &str| {
            let with = With {
                dialect,
                tls,
                login,
                letters,
            };
            assert_eq!(with.to_string(), wanted);
        };
        let (no, tls, login, both) = ((false, false), (true, false), (false, true), (true, true));
        check(Dialect::Smtp, no, Letters::Ascii, "SMTP");
        check(Dialect::Lmtp, both, Letters::Ascii, "LMTPSA");
        check(Dialect::Esmtp, no, Letters::Utf8, "UTF8SMTP");
        check(Dialect::Esmtp, login, Letters::Utf8, "UTF8SMTPA");
        check(Dialect::Esmtp, tls, Letters::Utf8, "UTF8SMTPS");
        check(Dialect::Esmtp, both, Letters::Utf8, "UTF8SMTPSA");
        check(Dialect::Lmtp, no, Letters::Utf8, "UTF8LMTP");
        check(Dialect::Lmtp, tls, Letters::Utf8, "UTF8LMTPS");
    }
}
