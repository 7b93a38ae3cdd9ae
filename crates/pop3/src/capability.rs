//! What CAPA announces, as a table (RFC 2449 §5 and §6).

use bytes::{BufMut, BytesMut};

use crate::Language;
use crate::reply::Words;

/// When a capability is announced, and what is announced with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    /// TLS can be had, is not on yet, and nobody has logged in (RFC 2595 §4).
    TlsCanStart,
    /// USER and PASS would be taken: RFC 2595 §2.1 forbids to announce what would not be.
    PasswordsTaken,
    /// There is a mechanism that would be taken; with their names (RFC 5034 §3).
    Mechanisms,
    /// There is a delay; with its seconds (RFC 2449 §6.5).
    Delay,
}

/// A capability.
#[derive(Clone, Copy, Debug)]
pub struct Capability {
    /// Its line, with parameters.
    pub line: &'static str,
    /// Where it is defined.
    pub defined: &'static str,
    when: When,
}

const fn capability(line: &'static str, when: When, defined: &'static str) -> Capability {
    Capability { line, defined, when }
}

/// Every capability, in the order in which they are announced.
pub const CAPABILITIES: &[Capability] = &[
    capability("TOP", When::Always, "RFC 2449 §6.1"),
    capability("UIDL", When::Always, "RFC 2449 §6.8"),
    capability("RESP-CODES", When::Always, "RFC 2449 §6.4"),
    capability("AUTH-RESP-CODE", When::Always, "RFC 3206 §6"),
    capability("PIPELINING", When::Always, "RFC 2449 §6.6"),
    // No setting makes the server delete what nobody has deleted.
    capability("EXPIRE NEVER", When::Always, "RFC 2449 §6.7"),
    capability("LOGIN-DELAY", When::Delay, "RFC 2449 §6.5"),
    capability("USER", When::PasswordsTaken, "RFC 2449 §6.2"),
    capability("SASL", When::Mechanisms, "RFC 5034 §3"),
    capability("STLS", When::TlsCanStart, "RFC 2595 §4"),
    capability("UTF8 USER", When::Always, "RFC 6856 §2"),
    capability("LANG", When::Always, "RFC 6856 §3"),
    capability("IMPLEMENTATION Posthouse", When::Always, "RFC 2449 §6.9"),
];

/// What holds for a connection in the state that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    /// Whether STLS would succeed.
    pub stls: bool,
    /// Whether USER and PASS would be taken, or were.
    pub passwords: bool,
    /// The mechanisms that AUTH would take, or would have taken.
    pub mechanisms: &'a [&'a str],
    /// Between two logins, where there is such a setting.
    pub delay: Option<Delay>,
}

/// The seconds after a login in which another is refused (RFC 2449 §6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// The same for everybody, or for the one who has logged in.
    Of(u32),
    /// The largest of anybody, said to nobody in particular.
    AtMost(u32),
}

/// Prints the answer to CAPA.
pub fn announce(offer: Offer<'_>, language: Language, out: &mut BytesMut) {
    Words::Capabilities.print(language, out);
    for Capability { line, when, .. } in CAPABILITIES {
        let line = match (when, offer.delay) {
            (When::Always, _) => Some((*line).to_owned()),
            (When::TlsCanStart, _) => offer.stls.then(|| (*line).to_owned()),
            (When::PasswordsTaken, _) => offer.passwords.then(|| (*line).to_owned()),
            (When::Mechanisms, _) => {
                let names = offer.mechanisms.join(" ");
                (!names.is_empty()).then(|| format!("{line} {names}"))
            }
            (When::Delay, None) => None,
            (When::Delay, Some(Delay::Of(seconds))) => Some(format!("{line} {seconds}")),
            (When::Delay, Some(Delay::AtMost(seconds))) => Some(format!("{line} {seconds} USER")),
        };
        if let Some(line) = line {
            out.put_slice(line.as_bytes());
            out.put_slice(b"\r\n");
        }
    }
    out.put_slice(b".\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::COMMANDS;

    #[test]
    fn what_is_announced_depends_on_the_offer() {
        let announced = |offer| {
            let mut out = BytesMut::new();
            announce(offer, Language::Default, &mut out);
            String::from_utf8(out.to_vec()).unwrap()
        };
        let before = announced(Offer {
            stls: true,
            passwords: false,
            mechanisms: &[],
            delay: None,
        });
        assert!(before.contains("\r\nSTLS\r\n") && !before.contains("\r\nUSER\r\n"));
        assert!(!before.contains("SASL") && !before.contains("LOGIN-DELAY"));
        let after = announced(Offer {
            stls: false,
            passwords: true,
            mechanisms: &["PLAIN", "LOGIN"],
            delay: Some(Delay::AtMost(30)),
        });
        assert!(!after.contains("STLS") && after.contains("\r\nUSER\r\n"));
        assert!(after.contains("\r\nSASL PLAIN LOGIN\r\n"));
        assert!(after.contains("\r\nLOGIN-DELAY 30 USER\r\n"));
        assert!(after.ends_with("\r\n.\r\n"));
    }

    #[test]
    fn every_optional_command_is_announced() {
        for name in COMMANDS.iter().filter_map(|entry| entry.capability) {
            assert!(
                CAPABILITIES
                    .iter()
                    .any(|capability| capability.line.split(' ').next() == Some(name)),
                "{name}"
            );
        }
    }
}
