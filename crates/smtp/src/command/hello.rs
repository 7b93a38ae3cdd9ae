//! EHLO, HELO and LHLO (RFC 5321 §4.1.1.1, RFC 2033 §4.1).

use std::fmt;

use super::Command;
use crate::{Refusal, limits};

/// Which language a client begins to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// HELO: no extensions.
    Smtp,
    /// EHLO.
    Esmtp,
    /// LHLO.
    Lmtp,
}

/// The name that a client gives itself. Not to be believed, but safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName(Box<str>);

impl ClientName {
    /// Checks a name: a domain or an address literal, and what Windows machines and containers call themselves.
    ///
    /// # Errors
    /// When it is empty, too long, or has characters that neither form has.
    pub fn check(name: &[u8]) -> Result<Self, Refusal> {
        let allowed = |c: &u8| c.is_ascii_alphanumeric() || b"-._:[]".contains(c);
        match std::str::from_utf8(name) {
            Ok(text)
                if (1..=limits::CLIENT_NAME).contains(&name.len())
                    && name.iter().all(allowed)
                    && (is_domain(text) || is_literal(text)) =>
            {
                Ok(ClientName(text.into()))
            }
            _ => Err(Refusal::Syntax(
                "a domain name or an address literal is wanted after hello",
            )),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Labels with something in them; what else they are is not looked at too closely.
fn is_domain(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label =
        |label: &str| label.bytes().any(|c| c.is_ascii_alphanumeric()) && !label.contains(['[', ']', ':']);
    name.split('.').all(label)
}

/// An address in brackets (RFC 5321 §4.1.3), or without them, as some programs have it.
fn is_literal(name: &str) -> bool {
    let inside = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let address = inside.unwrap_or(name);
    let tag = address.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:"));
    let address = tag.map_or(address, |_| address.get(5..).unwrap_or_default());
    address.parse::<std::net::IpAddr>().is_ok()
}

/// A greeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The language.
    pub dialect: Dialect,
    /// The client's name.
    pub name: ClientName,
}

pub(super) fn ehlo(arguments: &[u8]) -> Result<Command, Refusal> {
    hello(Dialect::Esmtp, arguments)
}

pub(super) fn helo(arguments: &[u8]) -> Result<Command, Refusal> {
    hello(Dialect::Smtp, arguments)
}

pub(super) fn lhlo(arguments: &[u8]) -> Result<Command, Refusal> {
    hello(Dialect::Lmtp, arguments)
}

fn hello(dialect: Dialect, arguments: &[u8]) -> Result<Command, Refusal> {
    let name = ClientName::check(arguments)?;
    Ok(Command::Hello(Hello { dialect, name }))
}

impl fmt::Display for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.dialect {
            Dialect::Smtp => "HELO",
            Dialect::Esmtp => "EHLO",
            Dialect::Lmtp => "LHLO",
        };
        write!(f, "{verb} {}", self.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_named_as_domains_or_literals() {
        let names = [
            "mail.example.org",
            "localhost",
            "my_pc",
            "a.b.",
            "[192.0.2.1]",
            "[IPv6:::1]",
            "192.0.2.1",
            "-a",
        ];
        for name in names {
            assert!(ClientName::check(name.as_bytes()).is_ok(), "{name}");
        }
        for name in [
            "",
            "[",
            "::::",
            "..",
            "-",
            "a..b",
            "[192.0.2.1",
            "[a]",
            "a b",
            "\u{e9}",
        ] {
            assert!(ClientName::check(name.as_bytes()).is_err(), "{name}");
        }
    }
}
