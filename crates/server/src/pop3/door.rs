//! What a connection needs from outside: who verifies logins, whether passwords may be sent, how TLS begins.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use pop3::{Language, Refusal};
use sasl::{Claim, Credentials};
use tokio::sync::watch;

use super::delay::Delays;
use super::lease::Leases;
use super::surrogate::Sizes;
use crate::authenticate::{Entered, Sasl};
use crate::channel::Channel;
use crate::imap::{Passwords, Upgrade};
use crate::{Tally, Terms};

/// The outcome of a login, later.
pub type LoginFuture<'a> = Pin<Box<dyn Future<Output = Result<Entered, Refusal>> + Send + 'a>>;

/// Knows who may log in, and gives them their account. What it delays, counts and logs is its own matter.
pub trait Authority: Sasl {
    /// Verifies a login name and a password.
    fn log_in<'a>(&'a self, credentials: &'a Credentials, peer: Option<IpAddr>) -> LoginFuture<'a>;

    /// Verifies what was claimed in an exchange.
    fn verify<'a>(
        &'a self,
        claim: &'a Claim,
        _channel: &'a Channel,
        peer: Option<IpAddr>,
    ) -> LoginFuture<'a> {
        match claim {
            Claim::Password(credentials) => self.log_in(credentials, peer),
            // Nobody has announced the mechanism.
            _ => Box::pin(async { Err(Refusal::UnknownMechanism) }),
        }
    }
}

/// What the connections of a server share.
pub struct Site {
    /// Who has which maildrop.
    pub leases: Arc<Leases>,
    /// Who may log in again when.
    pub delays: Delays,
    /// How large surrogates are.
    pub sizes: Sizes,
    /// The language that `LANG *` asks for.
    pub preferred: Language,
}

/// The way a connection came in by.
pub struct Door {
    /// Who verifies logins.
    pub authority: Arc<dyn Authority>,
    /// What all connections share.
    pub site: Arc<Site>,
    /// What the server calls itself.
    pub host: Arc<str>,
    /// Where the client connected from.
    pub peer: Option<IpAddr>,
    /// Whether passwords may be sent before TLS.
    pub passwords: Passwords,
    /// How TLS begins; `None` where it has begun or is not available.
    pub upgrade: Option<Upgrade>,
    /// What clients have to keep to.
    pub terms: Arc<Terms>,
    /// What is counted of the session.
    pub tally: Arc<Tally>,
    /// Says when the server stops.
    pub stop: watch::Receiver<bool>,
}
