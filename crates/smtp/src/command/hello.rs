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
            Ok(text) if (1..=limits::CLIENT_NAME).contains(&name.len()) && name.iter().all(allowed) => {
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
