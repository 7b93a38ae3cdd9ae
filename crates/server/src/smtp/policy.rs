//! What a listener demands and permits.

use smtp::Refusal;

/// What a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Mail from other servers, port 25.
    Relay,
    /// Mail from users, ports 587 and 465 (RFC 6409, RFC 8314).
    Submission,
    /// Mail from another mail server on this machine (RFC 2033).
    Lmtp,
}

/// Where mail to other people's domains goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relay {
    /// Nowhere: it is refused, and passwords want TLS, and senders are checked.
    Refused,
    /// Into the sender's mailbox `World`: nothing leaves the machine, so everything may be tried, without TLS too.
    World,
}

/// What holds for a connection now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) port: Port,
    pub(crate) relay: Relay,
    pub(crate) tls: bool,
}

impl Policy {
    /// Whether a login is possible here and now (RFC 4954 §4: no password in the clear).
    pub(crate) fn check_login(self) -> Result<(), Refusal> {
        match (self.port, self.relay) {
            (Port::Lmtp, _) | (Port::Relay, Relay::Refused) => Err(Refusal::NotImplemented),
            (Port::Submission, Relay::Refused) if !self.tls => Err(Refusal::EncryptionRequired),
            (Port::Submission | Port::Relay, _) => Ok(()),
        }
    }

    /// Whether mail may be sent without a login (RFC 6409 §4.3).
    pub(crate) fn check_anonymous(self) -> Result<(), Refusal> {
        match (self.port, self.check_login()) {
            (Port::Submission, Err(Refusal::EncryptionRequired)) => Err(Refusal::TlsRequired),
            (Port::Submission, _) => Err(Refusal::LoginRequired),
            (Port::Relay | Port::Lmtp, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_log_in_and_who_must() {
        let check = |port, relay, tls| {
            let policy = Policy { port, relay, tls };
            (policy.check_login().err(), policy.check_anonymous().err())
        };
        let needs_tls = (Some(Refusal::EncryptionRequired), Some(Refusal::TlsRequired));
        let no_login = (Some(Refusal::NotImplemented), None);
        assert_eq!(check(Port::Submission, Relay::Refused, false), needs_tls);
        assert_eq!(
            check(Port::Submission, Relay::Refused, true),
            (None, Some(Refusal::LoginRequired))
        );
        assert_eq!(
            check(Port::Submission, Relay::World, false),
            (None, Some(Refusal::LoginRequired))
        );
        assert_eq!(check(Port::Relay, Relay::Refused, true), no_login);
        assert_eq!(check(Port::Relay, Relay::World, false), (None, None));
        assert_eq!(check(Port::Lmtp, Relay::World, false), no_login);
    }
}
