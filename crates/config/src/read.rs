//! From the text of a file to settings.

use toml::de::DeTable;

use crate::section::{Report, Section};
use crate::sections::server::Server;
use crate::sections::{auth, tls};
use crate::{
    Auth, Limits, Listen, Log, Logins, Passwords, Pop3, Problems, Process, Settings, Timeouts, Tls, Words,
};

/// Takes a whole section.
macro_rules! whole {
    ($file:expr, $name:literal, $section:ident) => {{
        let mut section = $file.section($name);
        let read = $section::take(&mut section);
        section.end();
        read
    }};
}

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
            let message = error.message();
            let words = Words::new(message, format!("不是正确的 TOML：{message}"));
            report.at(error.span().unwrap_or_default(), words);
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
    let server = Server::take(&mut file);
    file.require("hostname");
    let mut tls = file.section("tls");
    let (main, certificates) = (Tls::take(&mut tls), tls::names(&mut tls));
    tls::check(&tls);
    tls.end();
    let listen = whole!(file, "listen", Listen);
    let limits = whole!(file, "limits", Limits);
    let timeouts = whole!(file, "timeouts", Timeouts);
    let logins = whole!(file, "logins", Logins);
    let passwords = whole!(file, "passwords", Passwords);
    let log = whole!(file, "log", Log);
    let process = whole!(file, "process", Process);
    let pop3 = whole!(file, "pop3", Pop3);
    let mut section = file.section("auth");
    let (auth, oidc) = (Auth::take(&mut section), auth::oidc(section.section("oidc")));
    section.end();
    file.end();
    let hostname = server.hostname?;
    Some(Settings {
        domain: server.domain.unwrap_or_else(|| hostname.clone()),
        hostname,
        domains: server.domains,
        data: server.data,
        undelete: server.undelete,
        listen,
        tls: main,
        certificates,
        limits,
        timeouts,
        logins,
        passwords,
        log,
        process,
        pop3,
        auth,
        oidc,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use types::Address;

    use super::*;
    use crate::Language;

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
        assert_eq!(settings.tls.certificate, None);
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
            names."*.Example.net" = { certificate = "a.pem", key = "b.pem" }
            [limits]
            message = 65_536
            memory = "1 GiB"
            connections = 10
            [timeouts]
            smtp = "30s"
            imap = 1800
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
        assert_eq!(settings.certificates.len(), 1);
        assert_eq!(settings.certificates[0].name, "*.example.net");
        assert_eq!(settings.limits.message, 65_536);
        assert_eq!(settings.limits.memory, 1 << 30);
        assert_eq!(
            (settings.timeouts.smtp.as_secs(), settings.timeouts.imap.as_secs()),
            (30, 1800)
        );
        let alice = Address::parse("alice@example.org").unwrap();
        assert_eq!(
            settings.pop3,
            Pop3 {
                login_delay: Duration::from_secs(60),
                login_delays: vec![(alice, Duration::from_secs(600))],
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
                "line 4: smtp: must be an address with a port, such as \"0.0.0.0:25\" or \"[::]:25\"",
                "line 5: there is no setting pop in [listen]",
                "line 7: key: must be a path in quotes",
                "line 9: message: must be a size from 64 KiB to 4294967295 B, such as \"50 MB\", or a number of octets",
                "[tls] certificate must be given",
            ],
        );
        check("hostname = 'a'\ntls = 1\n", &["line 2: [tls] must be a table"]);
        check(
            "hostname = 'a'\n[pop3]\nlogin_delay = 86401\nlanguage = 'fr'\nlogin_delays = { 'x' = 1 }\n",
            &[
                "line 3: login_delay: must be a time from 0s to 1d, such as \"5m\" (s, m, h, d), or a number of seconds",
                "line 4: language: must be \"en\" or \"zh\"",
                "line 5: login_delays: x: an address has the form name@domain",
            ],
        );
        check(
            "hostname = 'a'\nx = [\n",
            &[
                "line 2: unclosed array, expected `]`",
                "line 2: there is no setting x",
            ],
        );
    }

    #[test]
    fn a_certificate_needs_its_key_and_a_name_both() {
        check(
            "hostname = 'a'\n[tls]\ncertificate = 'c'\n[tls.names.'b c']\nkey = 'k'\n",
            &[
                "line 4: \"b c\" must be a domain, or *. and a domain",
                "[tls.names.\"b c\"] certificate must be given",
                "[tls] key must be given",
            ],
        );
    }

    #[test]
    fn limits_hold_at_both_edges() {
        let imap =
            |time: &str| Settings::parse(&format!("hostname = 'a'\n[timeouts]\nimap = {time}\n")).is_ok();
        assert!(!imap("\"29m\"") && imap("\"30m\"") && imap("\"1d\"") && !imap("86401") && !imap("\"30\""));
        let memory =
            |size: &str| Settings::parse(&format!("hostname = 'a'\n[limits]\nmemory = {size}\n")).is_ok();
        assert!(!memory("\"255 MiB\"") && memory("\"256 MiB\"") && !memory("-1") && !memory("1.5"));
    }

    #[test]
    fn problems_are_said_in_chinese_as_well() {
        let problems = Settings::parse("size = 1\n[log]\nlevel = 'loud'\n").unwrap_err();
        assert_eq!(
            problems.chinese(),
            "第 1 行：没有 size 这个设置\n第 3 行：level：必须是 \"error\" 或 \"warn\" 或 \"info\" 或 \"debug\"\n缺少 hostname"
        );
    }
}
