//! From the text of a file to settings.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};
use types::{Address, Domain};

use crate::section::{Report, Section, list, number, text};
use crate::{Language, Limits, Listen, Passwords, Pop3, Problems, Settings, Tls};

impl Settings {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(file: &str) -> Result<Self, Problems> {
        let report = Report {
            text: file,
            problems: Vec::new().into(),
        };
        let (table, errors) = DeTable::parse_recoverable(file);
        for error in errors {
            report.at(error.span().unwrap_or_default(), error.message());
        }
        let settings = read(Section::new("", Some(table.get_ref()), &report));
        let mut problems = report.problems.into_inner();
        problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        match settings {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(Problems(problems)),
        }
    }
}

fn read(mut file: Section<'_>) -> Option<Settings> {
    let hostname = file.take("hostname", domain);
    file.require("hostname");
    let home = file.take("domain", domain);
    let listen = listen(file.section("listen"));
    let tls = tls(file.section("tls"));
    let limits = limits(file.section("limits"));
    let passwords = passwords(file.section("passwords"));
    let pop3 = pop3(file.section("pop3"));
    let auth = crate::auth::read(file.section("auth"));
    file.end();
    let hostname = hostname?;
    Some(Settings {
        domain: home.unwrap_or_else(|| hostname.clone()),
        hostname,
        listen,
        tls,
        limits,
        passwords,
        pop3,
        auth,
    })
}

fn listen(mut section: Section<'_>) -> Listen {
    let mut at = |key, port: u16| {
        let everywhere = || {
            vec![
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
            ]
        };
        section.take(key, list(socket)).unwrap_or_else(everywhere)
    };
    let mut listen = Listen {
        smtp: at("smtp", 25),
        submission: at("submission", 587),
        submissions: at("submissions", 465),
        imap: at("imap", 143),
        imaps: at("imaps", 993),
        pop3: at("pop3", 110),
        pop3s: at("pop3s", 995),
        ..Listen::default()
    };
    listen.lmtp = section.take("lmtp", list(socket)).unwrap_or_default();
    listen.lmtp_socket = section.take("lmtp_socket", path);
    section.end();
    listen
}

fn tls(mut section: Section<'_>) -> Option<Tls> {
    if section.is_empty() {
        return None;
    }
    let certificate = section.take("certificate", path);
    let key = section.take("key", path);
    section.require("certificate");
    section.require("key");
    section.end();
    Some(Tls {
        certificate: certificate?,
        key: key?,
    })
}

fn limits(mut section: Section<'_>) -> Limits {
    let given = Limits::default();
    let mut count = |key, default: usize, least| {
        let count = section.take(key, number(least..1 << 40));
        count
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(default)
    };
    let limits = Limits {
        messages_memory: count("messages_memory", given.messages_memory, 1_000_000),
        connections: count("connections", given.connections, 1),
        connections_per_address: count("connections_per_address", given.connections_per_address, 1),
        // RFC 5321 §4.5.3.1.7: at least 64 KiB. A message is under 4 GiB.
        message: section
            .take("message", number(64 * 1024..1 << 32))
            .unwrap_or(given.message),
    };
    section.end();
    limits
}

fn passwords(mut section: Section<'_>) -> Passwords {
    let given = Passwords::default();
    let mut cost = |key, default, range| {
        let cost = section.take(key, number(range));
        cost.and_then(|cost| u32::try_from(cost).ok()).unwrap_or(default)
    };
    let passwords = Passwords {
        memory_kib: cost("memory_kib", given.memory_kib, 8..1 << 22),
        passes: cost("passes", given.passes, 1..1000),
    };
    section.end();
    passwords
}

/// The longest delay between two logins: a day.
const MAX_DELAY: u64 = 24 * 60 * 60;

fn pop3(mut section: Section<'_>) -> Pop3 {
    let pop3 = Pop3 {
        login_delay: section.take("login_delay", delay).unwrap_or_default(),
        login_delays: section.take("login_delays", delays).unwrap_or_default(),
        language: section.take("language", language).unwrap_or_default(),
    };
    section.end();
    pop3
}

fn delay(value: &DeValue<'_>) -> Result<u32, String> {
    let seconds = number(0..MAX_DELAY + 1)(value)?;
    u32::try_from(seconds).map_err(|error| error.to_string())
}

fn delays(value: &DeValue<'_>) -> Result<Vec<(Address, u32)>, String> {
    let table = value
        .as_table()
        .ok_or("must be a table of addresses and seconds")?;
    let read = |address: &str, value: &DeValue<'_>| {
        let parsed = Address::parse(address).map_err(|error| error.to_string())?;
        Ok::<_, String>((parsed, delay(value)?))
    };
    let pairs = table.iter().map(|(address, value)| {
        let address = address.get_ref();
        read(address, value.get_ref()).map_err(|what| format!("{address}: {what}"))
    });
    pairs.collect()
}

fn language(value: &DeValue<'_>) -> Result<Language, String> {
    match text(value)? {
        "en" => Ok(Language::English),
        "zh" => Ok(Language::Chinese),
        _ => Err("must be \"en\" or \"zh\"".to_owned()),
    }
}

fn domain(value: &DeValue<'_>) -> Result<Domain, String> {
    Domain::check(text(value)?).map_err(|error| error.to_string())
}

pub(crate) fn path(value: &DeValue<'_>) -> Result<PathBuf, String> {
    match text(value)? {
        "" => Err("must not be empty".to_owned()),
        path => Ok(path.into()),
    }
}

fn socket(value: &DeValue<'_>) -> Result<SocketAddr, String> {
    let wanted = "must be addresses with ports, such as \"0.0.0.0:25\" or \"[::]:25\"";
    text(value)?.parse().map_err(|_| wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, wanted: &[&str]) {
        let problems = Settings::parse(file).map_or_else(|problems| problems.to_string(), |_| String::new());
        let lines: Vec<_> = problems.lines().collect();
        assert_eq!(lines, wanted, "{file}");
    }

    #[test]
    fn a_hostname_is_enough() {
        let settings = Settings::parse("hostname = 'mail.example.org'").unwrap();
        assert_eq!(settings.domain, settings.hostname);
        assert_eq!(
            settings.listen.smtp,
            ["[::]:25", "0.0.0.0:25"].map(|a| a.parse().unwrap())
        );
        assert_eq!(settings.limits, Limits::default());
        assert_eq!(settings.tls, None);
    }

    #[test]
    fn everything_can_be_given() {
        let file = r#"
            hostname = "mail.example.org"
            domain = "Example.org"
            [listen]
            smtp = ["127.0.0.1:2025"]
            imap = []
            lmtp_socket = "/run/posthouse/lmtp"
            [tls]
            certificate = "cert.pem"
            key = "key.pem"
            [limits]
            message = 65_536
            connections = 10
            [passwords]
            memory_kib = 8
            passes = 0x1
            [pop3]
            login_delay = 60
            login_delays = { "alice@example.org" = 600 }
            language = "zh"
        "#;
        let settings = Settings::parse(file).unwrap();
        assert_eq!(settings.domain.as_str(), "example.org");
        assert_eq!(settings.listen.smtp, ["127.0.0.1:2025".parse().unwrap()]);
        assert_eq!(settings.listen.imap, []);
        assert_eq!(settings.limits.message, 65_536);
        let alice = Address::parse("alice@example.org").unwrap();
        assert_eq!(
            settings.pop3,
            Pop3 {
                login_delay: 60,
                login_delays: vec![(alice, 600)],
                language: Language::Chinese,
            }
        );
        assert_eq!(
            settings.passwords,
            Passwords {
                memory_kib: 8,
                passes: 1
            }
        );
    }

    #[test]
    fn all_problems_are_reported_at_once_with_their_lines() {
        check("", &["hostname must be given"]);
        check(
            "hostname = 'a b'\nsize = 1\n[listen]\nsmtp = ['25']\npop = []\n[tls]\nkey = 1\n[limits]\nmessage = 65535\n",
            &[
                "line 1: hostname: a domain may not hold ' ' there",
                "line 2: there is no setting size",
                "line 4: smtp: must be addresses with ports, such as \"0.0.0.0:25\" or \"[::]:25\"",
                "line 5: there is no setting pop in [listen]",
                "line 7: key: must be a text in quotes",
                "line 9: message: must be a whole number from 65536 to 4294967295",
                "[tls] certificate must be given",
            ],
        );
        check(
            "hostname = 'a'\n[pop3]\nlogin_delay = 86401\nlanguage = 'fr'\nlogin_delays = { 'x' = 1 }\n",
            &[
                "line 3: login_delay: must be a whole number from 0 to 86400",
                "line 4: language: must be \"en\" or \"zh\"",
                "line 5: login_delays: x: an address has the form name@domain",
            ],
        );
        check(
            "hostname = 'a'\ntls = 1\n",
            &["line 2: tls: [tls] must be a table"],
        );
        check(
            "hostname = 'a'\nx = [\n",
            &[
                "line 2: unclosed array, expected `]`",
                "line 2: there is no setting x",
            ],
        );
    }
}
