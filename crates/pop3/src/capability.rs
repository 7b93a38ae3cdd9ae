//! What CAPA announces, as a table (RFC 2449 §5 and §6).

use bytes::{BufMut, BytesMut};

/// When a capability is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    /// TLS can be had, is not on yet, and nobody has logged in (RFC 2595 §4).
    TlsCanStart,
    /// USER and PASS would be taken: RFC 2595 §2.1 forbids to announce what would not be.
    PasswordsTaken,
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
    capability("EXPIRE NEVER", When::Always, "RFC 2449 §6.7"),
    capability("USER", When::PasswordsTaken, "RFC 2449 §6.2"),
    capability("STLS", When::TlsCanStart, "RFC 2595 §4"),
    capability("IMPLEMENTATION Posthouse", When::Always, "RFC 2449 §6.9"),
];

/// What holds for a connection in the state that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Whether STLS would succeed.
    pub stls: bool,
    /// Whether USER and PASS would be taken, or were.
    pub passwords: bool,
}

/// Prints the answer to CAPA.
pub fn announce(offer: Offer, out: &mut BytesMut) {
    out.put_slice(b"+OK Capabilities follow\r\n");
    for capability in CAPABILITIES {
        let holds = match capability.when {
            When::Always => true,
            When::TlsCanStart => offer.stls,
            When::PasswordsTaken => offer.passwords,
        };
        if holds {
            out.put_slice(capability.line.as_bytes());
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
            announce(offer, &mut out);
            String::from_utf8(out.to_vec()).unwrap()
        };
        let before = announced(Offer {
            stls: true,
            passwords: false,
        });
        assert!(before.contains("\r\nSTLS\r\n") && !before.contains("\r\nUSER\r\n"));
        let after = announced(Offer {
            stls: false,
            passwords: true,
        });
        assert!(!after.contains("STLS") && after.contains("\r\nUSER\r\n"));
        assert!(after.ends_with("\r\n.\r\n"));
    }

    #[test]
    fn every_optional_command_is_announced() {
        for name in COMMANDS.iter().filter_map(|entry| entry.capability) {
            assert!(
                CAPABILITIES.iter().any(|capability| capability.line == name),
                "{name}"
            );
        }
    }
}
