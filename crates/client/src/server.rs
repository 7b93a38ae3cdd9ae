//! Which server, and how to speak with it: built step by step, or read from a URL.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::{Host, Url};

use crate::connect::{Identity, Proxy, Settings as TlsSettings, Trust};
use crate::error::{Cause, Failure, Step};
use crate::{Login, Mechanism, WireLog};

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// SMTP (RFC 5321), or submission (RFC 6409).
    Smtp,
    /// LMTP (RFC 2033).
    Lmtp,
    /// POP3 (RFC 1939).
    Pop3,
    /// IMAP (RFC 3501, RFC 9051).
    Imap,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// With the first octet (RFC 8314 §3).
    Tls,
    /// With STARTTLS or STLS, and a server without it is not spoken with.
    StartTls,
    /// With STARTTLS if the server offers it; otherwise, or where somebody in between takes the offer away, everything goes
    /// in the clear.
    StartTlsIfOffered,
    /// Never.
    None,
}

impl Security {
    /// The command that is to be said now, given the one that the server offers, such as `STARTTLS`; none where TLS is not to begin.
    pub(crate) fn upgrade(self, offered: Option<&'static str>) -> Result<Option<&'static str>, Failure> {
        match self {
            Security::Tls | Security::None => Ok(None),
            Security::StartTlsIfOffered => Ok(offered),
            Security::StartTls => offered.map(Some).ok_or((Step::Tls, Cause::NoTls)),
        }
    }
}

/// How long to wait. RFC 5321 §4.5.3.2 says the least for SMTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOuts {
    /// For the connection, TLS included.
    pub connect: Duration,
    /// For the greeting, and for each reply: RFC 5321 §4.5.3.2.1 to 2.3 say 5 minutes.
    pub reply: Duration,
    /// For the reply to DATA: RFC 5321 §4.5.3.2.4 says 2 minutes.
    pub data: Duration,
    /// For a piece of a message to be taken: RFC 5321 §4.5.3.2.5 says 3 minutes.
    pub piece: Duration,
    /// For the reply to a whole message: RFC 5321 §4.5.3.2.6 says 10 minutes.
    pub message: Duration,
}

impl Default for TimeOuts {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        TimeOuts {
            connect: Duration::from_secs(30),
            reply: minutes(5),
            data: minutes(2),
            piece: minutes(3),
            message: minutes(10),
        }
    }
}

impl TimeOuts {
    /// The same for every wait.
    #[must_use]
    pub fn all(time: Duration) -> Self {
        TimeOuts {
            connect: time,
            reply: time,
            data: time,
            piece: time,
            message: time,
        }
    }
}

/// A server and how to speak with it.
#[derive(Clone, Debug)]
pub struct Server {
    pub(crate) protocol: Protocol,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) login: Option<Login>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) time_outs: TimeOuts,
    pub(crate) log: Option<WireLog>,
    pub(crate) client_name: Option<String>,
    pub(crate) tls: TlsSettings,
}

/// What is wrong with a server's URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// It is not a URL.
    #[error("{0} is not a URL: write it as smtps://NAME@HOST, imaps://NAME@HOST:PORT")]
    NotUrl(Box<str>),
    /// Its scheme is none of a mail protocol.
    #[error(
        "{0}:// is not known here: smtp, smtps, submission, submissions, lmtp, pop3, pop3s, imap, imaps are"
    )]
    Scheme(Box<str>),
    /// It names no host.
    #[error("the URL names no server")]
    NoHost,
    /// A parameter is not known.
    #[error("{0} is no parameter of a server's URL: tls, auth, pin, ca, proxy and name are")]
    Parameter(Box<str>),
    /// A parameter has a value that it cannot have.
    #[error("{name}={value}: it must be {wanted}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: Box<str>,
        /// What it can be.
        wanted: &'static str,
    },
}

impl Server {
    /// A server of a protocol, on the port that goes with the protocol and the security: submission (587, 465) for SMTP.
    /// The system's roots are trusted, nobody logs in, the time-outs are those of RFC 5321.
    pub fn new(protocol: Protocol, host: impl Into<String>, security: Security) -> Self {
        Server {
            protocol,
            host: host.into(),
            port: port(protocol, security),
            security,
            login: None,
            proxy: None,
            time_outs: TimeOuts::default(),
            log: None,
            client_name: None,
            tls: TlsSettings::default(),
        }
    }

    /// Reads a URL: `smtps://alice:secret@mail.example.org:465?auth=plain`.
    ///
    /// | Scheme | Is |
    /// | --- | --- |
    /// | `smtp`, `submission` | STARTTLS, port 587; port 25 for `smtp` where the URL has no name in it |
    /// | `smtps`, `submissions` | TLS, port 465 |
    /// | `lmtp` | without TLS, port 24 |
    /// | `pop3`, `imap` | STLS or STARTTLS, ports 110 and 143 |
    /// | `pop3s`, `imaps` | TLS, ports 995 and 993 |
    ///
    /// Parameters: `tls` is `tls`, `starttls`, `maybe` or `none`; `auth` a mechanism; `pin` is `sha256:` and the
    /// certificate's SHA-256 in hexadecimal digits; `ca` a file with roots in PEM; `proxy` is `socks5://HOST:PORT`; `name` is what this client
    /// calls itself. Letters outside of ASCII, and `@`, `:`, `/` in a name or password, are percent-encoded.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::NotUrl(hidden(text)))?;
        let (protocol, security) = scheme(url.scheme())?;
        let host = match url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => decoded(&host.to_string()),
            None => return Err(AddressError::NoHost),
        };
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        let mut server = Server::new(protocol, host, security);
        if url.scheme() == "smtp" && url.username().is_empty() {
            server.port = 25;
        }
        if !url.username().is_empty() {
            let password = decoded(url.password().unwrap_or_default());
            server.login = Some(Login::password(decoded(url.username()), password));
        }
        for (name, value) in url.query_pairs() {
            server.set(&name, &value)?;
        }
        if let Some(port) = url.port() {
            server.port = port;
        }
        Ok(server)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), AddressError> {
        let wrong = |name, wanted| AddressError::Value {
            name,
            value: value.into(),
            wanted,
        };
        match name {
            "tls" => {
                let security = security(value).ok_or(wrong("tls", "tls, starttls, maybe or none"))?;
                *self = self.clone().security_and_port(security);
            }
            "auth" => {
                let mechanism = Mechanism::find(value).ok_or(wrong("auth", "a mechanism of SASL"))?;
                self.login = self.login.take().map(|login| login.mechanism(mechanism));
            }
            "pin" => {
                let pin = parse_pin(value).ok_or(wrong("pin", "sha256: and 64 hexadecimal digits"))?;
                self.tls.set_trust(Trust::Pins(vec![pin]));
            }
            "ca" => self.tls.set_trust(Trust::File(PathBuf::from(value))),
            "proxy" => {
                let proxy =
                    Proxy::parse(value).ok_or(wrong("proxy", "socks5://[NAME:PASSWORD@]HOST[:PORT]"))?;
                self.proxy = Some(proxy);
            }
            "name" => self.client_name = Some(value.to_owned()),
            _ => return Err(AddressError::Parameter(name.into())),
        }
        Ok(())
    }

    /// Logs in.
    #[must_use]
    pub fn login(mut self, login: Login) -> Self {
        self.login = Some(login);
        self
    }

    /// Another port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Another security. The port stays.
    #[must_use]
    pub fn security(mut self, security: Security) -> Self {
        self.security = security;
        self
    }

    /// Another security, and the port that goes with it, where the port was the one that goes with the security before.
    #[must_use]
    pub fn security_and_port(mut self, security: Security) -> Self {
        if self.port == port(self.protocol, self.security) {
            self.port = port(self.protocol, security);
        }
        self.security = security;
        self
    }

    /// Which certificates are trusted.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.tls.set_trust(trust);
        self
    }

    /// Shows a client certificate.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.tls.set_identity(identity);
        self
    }

    /// Goes through a proxy.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Other time-outs.
    #[must_use]
    pub fn time_outs(mut self, time_outs: TimeOuts) -> Self {
        self.time_outs = time_outs;
        self
    }

    /// Tells what goes over the wire.
    #[must_use]
    pub fn log(mut self, log: WireLog) -> Self {
        self.log = Some(log);
        self
    }

    /// What this client calls itself in EHLO. Without it, it says its address (RFC 5321 §4.1.3).
    #[must_use]
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    /// The protocol.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The server's name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Who logs in.
    #[must_use]
    pub fn who(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// `host:port`, for people.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]:{}", self.port),
            Err(_) => format!("{}:{}", self.host, self.port),
        }
    }

    /// Whether mail and password may go there without TLS.
    #[must_use]
    pub fn is_in_clear(&self) -> bool {
        matches!(self.security, Security::StartTlsIfOffered | Security::None)
    }

    /// Whether it is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Server {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Server::parse(text)
    }
}

fn scheme(scheme: &str) -> Result<(Protocol, Security), AddressError> {
    Ok(match scheme {
        "smtp" | "submission" => (Protocol::Smtp, Security::StartTls),
        "smtps" | "submissions" => (Protocol::Smtp, Security::Tls),
        "lmtp" => (Protocol::Lmtp, Security::None),
        "pop3" | "pop" => (Protocol::Pop3, Security::StartTls),
        "pop3s" | "pops" => (Protocol::Pop3, Security::Tls),
        "imap" => (Protocol::Imap, Security::StartTls),
        "imaps" => (Protocol::Imap, Security::Tls),
        other => return Err(AddressError::Scheme(other.into())),
    })
}

fn security(word: &str) -> Option<Security> {
    Some(match word {
        "tls" => Security::Tls,
        "starttls" => Security::StartTls,
        "maybe" => Security::StartTlsIfOffered,
        "none" => Security::None,
        _ => return None,
    })
}

/// RFC 8314 §3 and §4.1; RFC 6409 §3.1; RFC 2033 §5 leaves LMTP's to the site, and 24 is what sites take.
pub(crate) fn port(protocol: Protocol, security: Security) -> u16 {
    match (protocol, security) {
        (Protocol::Smtp, Security::Tls) => 465,
        (Protocol::Smtp, _) => 587,
        (Protocol::Lmtp, _) => 24,
        (Protocol::Pop3, Security::Tls) => 995,
        (Protocol::Pop3, _) => 110,
        (Protocol::Imap, Security::Tls) => 993,
        (Protocol::Imap, _) => 143,
    }
}

/// Reads the digest of a certificate: `sha256:` and 64 hexadecimal digits, colons between them or not, as `openssl x509 -fingerprint -sha256`
/// prints them.
#[must_use]
pub fn parse_pin(text: &str) -> Option<[u8; 32]> {
    let digits: String = text
        .strip_prefix("sha256:")?
        .chars()
        .filter(|c| *c != ':')
        .collect();
    let mut octets = Vec::new();
    for at in (0..digits.len()).step_by(2) {
        octets.push(u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?);
    }
    octets.try_into().ok()
}

/// Takes percent-encoding away.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A text that may have a password in it, without what stands before the `@`.
fn hidden(text: &str) -> Box<str> {
    match text.rsplit_once('@') {
        Some((_, after)) => format!("…@{after}").into(),
        None => text.into(),
    }
}
