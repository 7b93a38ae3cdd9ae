//! Who logs in, with what, and by which mechanism.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sasl::client::Exchange;
use sasl::scram::client::Binding;
use sasl::{Credentials, Mechanism, Secret, Token};

use crate::error::Cause;

/// A name and what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    name: String,
    act_as: Option<String>,
    proof: Proof,
    mechanism: Option<Mechanism>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Proof {
    Password(Secret),
    Token(Secret),
    Certificate,
}

/// What a connection gives to a login.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ground<'a> {
    /// What `tls-exporter` gives (RFC 9266), where the connection has it.
    pub exporter: Option<&'a [u8]>,
    /// Whether a client certificate was shown.
    pub certificate: bool,
}

impl Login {
    /// A name and a password.
    pub fn password(name: impl Into<String>, password: impl AsRef<str>) -> Self {
        Login::new(name.into(), Proof::Password(Secret::from(password.as_ref())))
    }

    /// A name and an OAuth 2 access token (RFC 7628; XOAUTH2 where the server has only that).
    pub fn token(name: impl Into<String>, token: impl AsRef<str>) -> Self {
        Login::new(name.into(), Proof::Token(Secret::from(token.as_ref())))
    }

    /// The connection's client certificate ([`crate::Server::identity`]) says who it is (RFC 4422 Appendix A). `name` is whom to act as,
    /// and may be empty.
    pub fn certificate(name: impl Into<String>) -> Self {
        Login::new(name.into(), Proof::Certificate)
    }

    fn new(name: String, proof: Proof) -> Self {
        Login {
            name,
            act_as: None,
            proof,
            mechanism: None,
        }
    }

    /// Acts as somebody else, where the server lets this login do so (RFC 4422 §3.4.1, `authzid`).
    #[must_use]
    pub fn act_as(mut self, name: impl Into<String>) -> Self {
        self.act_as = Some(name.into());
        self
    }

    /// Uses this mechanism and no other. Without it the best that both sides have is taken: what does not say the
    /// password comes first.
    #[must_use]
    pub fn mechanism(mut self, mechanism: Mechanism) -> Self {
        self.mechanism = Some(mechanism);
        self
    }

    /// The same name and mechanism with this password.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        self.proof = Proof::Password(password);
        self
    }

    /// Whether it has a password that is not empty.
    #[must_use]
    pub fn has_password(&self) -> bool {
        matches!(&self.proof, Proof::Password(password) if !password.expose().is_empty())
    }

    /// The login's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The password, for a protocol's own login command (POP3's USER, IMAP's LOGIN) where no mechanism was asked for.
    pub(crate) fn said_password(&self) -> Option<&Secret> {
        match (&self.proof, &self.act_as, self.mechanism) {
            (Proof::Password(password), None, None) => Some(password),
            _ => None,
        }
    }

    /// Begins the best exchange that the server offers, is possible, and was asked for.
    pub(crate) fn exchange(&self, offered: &[Mechanism], ground: Ground<'_>) -> Result<Exchange, Cause> {
        let possible = |mechanism: &Mechanism| self.is_possible(*mechanism, ground);
        let wanted = |mechanism: &Mechanism| self.mechanism.is_none_or(|wanted| wanted == *mechanism);
        let chosen = Mechanism::ALL
            .iter()
            .copied()
            .filter(|mechanism| offered.contains(mechanism))
            .find(|mechanism| wanted(mechanism) && possible(mechanism));
        match chosen {
            Some(mechanism) => Ok(self.begin(mechanism, offered, ground)),
            None => Err(Cause::NoMechanism {
                offered: offered.iter().map(|mechanism| mechanism.name()).collect(),
            }),
        }
    }

    fn is_possible(&self, mechanism: Mechanism, ground: Ground<'_>) -> bool {
        match (&self.proof, mechanism) {
            (Proof::Password(_), Mechanism::ScramSha256Plus) => ground.exporter.is_some(),
            (Proof::Password(_), Mechanism::ScramSha256 | Mechanism::Plain | Mechanism::Login)
            | (Proof::Token(_), Mechanism::OAuthBearer | Mechanism::XOAuth2) => true,
            (Proof::Certificate, Mechanism::External) => ground.certificate,
            _ => false,
        }
    }

    fn begin(&self, mechanism: Mechanism, offered: &[Mechanism], ground: Ground<'_>) -> Exchange {
        match (&self.proof, mechanism) {
            (Proof::Password(password), Mechanism::Plain | Mechanism::Login) => {
                Exchange::new(mechanism, self.credentials(password))
            }
            (Proof::Password(password), _) => {
                let binding = match ground.exporter {
                    Some(exporter) if mechanism == Mechanism::ScramSha256Plus => {
                        Binding::Exporter(exporter.to_vec())
                    }
                    // RFC 5802 §6: said only where the server was not seen to offer it, so that it notices who took it away.
                    Some(_) if !offered.contains(&Mechanism::ScramSha256Plus) => Binding::ServerCannot,
                    _ => Binding::Cannot,
                };
                Exchange::scram(self.credentials(password), &nonce(), binding)
            }
            (Proof::Token(token), _) => Exchange::token(Token {
                mechanism,
                act_as: Some(self.name.clone()),
                secret: token.clone(),
            }),
            (Proof::Certificate, _) => {
                Exchange::external(Some(self.name.clone()).filter(|name| !name.is_empty()))
            }
        }
    }

    fn credentials(&self, password: &Secret) -> Credentials {
        Credentials {
            act_as: self.act_as.clone(),
            login: self.name.clone(),
            password: password.clone(),
        }
    }
}

/// 18 random octets in base64.
fn nonce() -> String {
    let mut octets = [0; 18];
    getrandom::fill(&mut octets).expect("the system has random numbers");
    STANDARD.encode(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(login: &Login, offered: &[Mechanism], ground: Ground<'_>, chosen: Option<Mechanism>) {
        let exchange = login.exchange(offered, ground).ok();
        assert_eq!(exchange.map(|exchange| exchange.mechanism()), chosen);
    }

    #[test]
    fn the_best_mechanism_of_both_is_taken() {
        use Mechanism::{
            External, Login as LoginMechanism, OAuthBearer, Plain, ScramSha256, ScramSha256Plus, XOAuth2,
        };
        let password = Login::password("alice", "tin whistle");
        let bound = Ground {
            exporter: Some(&[7; 32]),
            certificate: true,
        };
        let bare = Ground::default();
        check(&password, &[Plain, LoginMechanism], bare, Some(Plain));
        check(&password, &[LoginMechanism], bare, Some(LoginMechanism));
        check(
            &password,
            &[Plain, ScramSha256, ScramSha256Plus],
            bare,
            Some(ScramSha256),
        );
        check(
            &password,
            &[Plain, ScramSha256, ScramSha256Plus],
            bound,
            Some(ScramSha256Plus),
        );
        check(&password, &[OAuthBearer, External], bound, None);
        check(
            &password.clone().mechanism(Plain),
            &[Plain, ScramSha256],
            bound,
            Some(Plain),
        );
        check(&password.mechanism(ScramSha256), &[Plain], bound, None);
        let token = Login::token("alice", "t");
        check(&token, &[Plain, XOAuth2, OAuthBearer], bare, Some(OAuthBearer));
        check(&token, &[Plain, XOAuth2], bare, Some(XOAuth2));
        check(&token, &[Plain], bare, None);
        let certificate = Login::certificate("");
        check(&certificate, &[Plain, External], bound, Some(External));
        check(&certificate, &[Plain, External], bare, None);
    }
}
