//! A server that somebody named, who it was, and whether it may be believed.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Host;

use crate::{Language, Protocol, Security};

/// What needs no encoding in a name (RFC 3986 §2.3).
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Who named a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The table of large providers in this library.
    Known,
    /// SRV records of the domain (RFC 6186, RFC 8314 §5.1).
    Srv,
    /// `autoconfig.DOMAIN`, over https, or the URL that the caller gave.
    Autoconfig,
    /// `DOMAIN/.well-known/autoconfig`, over https.
    WellKnown,
    /// Mozilla's database.
    Ispdb,
}

impl Source {
    /// Its name for people.
    #[must_use]
    pub fn words(self, language: Language) -> &'static str {
        let (english, chinese) = match self {
            Source::Known => ("known provider", "内置的服务商"),
            Source::Srv => ("SRV records", "SRV 记录"),
            Source::Autoconfig => ("autoconfig", "autoconfig 自动配置"),
            Source::WellKnown => ("well-known autoconfig", "well-known 自动配置"),
            Source::Ispdb => ("Mozilla's database", "Mozilla 的数据库"),
        };
        language.pick(english, chinese)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words(Language::English))
    }
}

/// Whether it may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The host is of the address' domain, or was named over https: its certificate says the rest.
    Vouched,
    /// DNS alone named a host of another domain: a person has to say that it is the right one, before any connection (RFC 8314 §5.1).
    Unconfirmed,
}

/// A server, and how to log in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// SMTP, IMAP or POP3.
    pub protocol: Protocol,
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// When TLS begins.
    pub security: Security,
    /// The name to log in with.
    pub login: String,
    /// Who named it.
    pub source: Source,
    /// Whether it may be connected to.
    pub standing: Standing,
}

impl Candidate {
    /// The server as [`crate::Server::parse`] reads it: `imaps://alice%40example.org@imap.example.org:993`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = match (self.protocol, self.security) {
            (Protocol::Smtp | Protocol::Lmtp, Security::Tls) => "smtps",
            (Protocol::Smtp | Protocol::Lmtp, _) => "smtp",
            (Protocol::Pop3, Security::Tls) => "pop3s",
            (Protocol::Pop3, _) => "pop3",
            (Protocol::Imap, Security::Tls) => "imaps",
            (Protocol::Imap, _) => "imap",
        };
        let tls = match self.security {
            Security::None => "?tls=none",
            Security::StartTlsIfOffered => "?tls=maybe",
            Security::Tls | Security::StartTls => "",
        };
        let login = utf8_percent_encode(&self.login, NAME);
        format!("{scheme}://{login}@{}:{}{tls}", self.host, self.port)
    }

    /// The same with another name to log in with.
    #[must_use]
    pub fn with_login(mut self, login: impl Into<String>) -> Self {
        self.login = login.into();
        self
    }

    /// What comes first: who may be believed, then TLS from the first octet (RFC 8314 §3), then who knows best.
    pub(super) fn rank(&self) -> (Standing, u8, Source) {
        (
            self.standing,
            u8::from(self.security != Security::Tls),
            self.source,
        )
    }
}

/// A host's name as DNS and certificates have it; none for an IP address, for which no certificate speaks, and for nonsense.
pub(super) fn host_name(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('.');
    match Host::parse(text).ok()? {
        Host::Domain(name) if name.len() <= 253 && !name.is_empty() => Some(name),
        _ => None,
    }
}

/// Whether a host is of a domain: the domain itself, or below it.
pub(super) fn is_within(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.to_ascii_lowercase(), domain.to_ascii_lowercase());
    match host.strip_suffix(domain.as_str()) {
        Some(before) => before.is_empty() || before.ends_with('.'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Server;

    #[test]
    fn a_candidate_is_a_url_that_reads_back() {
        let check = |protocol, security, port, wanted: &str| {
            let candidate = Candidate {
                protocol,
                host: "mail.example.org".to_owned(),
                port,
                security,
                login: "a b@例.org".to_owned(),
                source: Source::Srv,
                standing: Standing::Vouched,
            };
            let url = candidate.url();
            assert_eq!(url, wanted);
            let server = Server::parse(&url).unwrap();
            assert_eq!(server.protocol(), protocol);
            assert_eq!(server.authority(), format!("mail.example.org:{port}"));
            assert_eq!(server.who().unwrap().name(), "a b@例.org");
            assert_eq!(server.security, security);
        };
        let who = "a%20b%40%E4%BE%8B.org@mail.example.org";
        check(Protocol::Smtp, Security::Tls, 465, &format!("smtps://{who}:465"));
        check(
            Protocol::Smtp,
            Security::StartTls,
            25,
            &format!("smtp://{who}:25"),
        );
        check(
            Protocol::Imap,
            Security::None,
            143,
            &format!("imap://{who}:143?tls=none"),
        );
        check(
            Protocol::Pop3,
            Security::Tls,
            2995,
            &format!("pop3s://{who}:2995"),
        );
    }

    #[test]
    fn a_host_is_of_a_domain_or_is_not() {
        assert!(is_within("example.org", "example.org"));
        assert!(is_within("IMAP.Example.ORG", "example.org"));
        assert!(!is_within("example.org.evil.net", "example.org"));
        assert!(!is_within("notexample.org", "example.org"));
    }

    #[test]
    fn a_host_is_a_name() {
        assert_eq!(
            host_name("Imap.Example.org.").as_deref(),
            Some("imap.example.org")
        );
        assert_eq!(host_name("127.0.0.1"), None);
        assert_eq!(host_name("evil/../x"), None);
        assert_eq!(host_name("user@host"), None);
        assert_eq!(host_name(""), None);
        assert_eq!(host_name("."), None);
    }
}
