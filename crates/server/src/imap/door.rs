//! What a connection needs from outside: who verifies logins, whether passwords may be sent, how TLS begins.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use imap::Refusal;
use sasl::{Claim, Credentials};
use store::Now;
use tokio::sync::watch;

use super::connection::Stream;
use crate::authenticate::{Entered, Sasl};
use crate::channel::Channel;
use crate::smtp::Intake;
use crate::{Tally, Terms};

/// The outcome of a login, later.
pub type LoginFuture<'a> = Pin<Box<dyn Future<Output = Result<Entered, Refusal>> + Send + 'a>>;

/// The stream after the TLS handshake, later.
pub type UpgradeFuture = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;

/// Begins TLS on a stream.
pub type Upgrade = Box<dyn FnOnce(Box<dyn Stream>) -> UpgradeFuture + Send + Sync>;

/// Knows who may log in, and gives them their account.
pub trait Authority: Sasl {
    /// Verifies a login name and a password. What it delays, counts and logs is its own matter.
    fn log_in<'a>(&'a self, credentials: &'a Credentials) -> LoginFuture<'a>;

    /// Verifies what was claimed in an exchange.
    fn verify<'a>(&'a self, claim: &'a Claim, _channel: &'a Channel) -> LoginFuture<'a> {
        match claim {
            Claim::Password(credentials) => self.log_in(credentials),
            // Nobody has announced the mechanism.
            _ => Box::pin(async { Err(Refusal::Mechanism) }),
        }
    }
}

/// Whether passwords may be sent over the connection as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passwords {
    /// It is encrypted, or does not leave the machine.
    Allowed,
    /// Anybody could read them (RFC 3501 §6.2.3, LOGINDISABLED).
    Forbidden,
}

/// The way a connection came in by.
pub struct Door {
    /// Who verifies logins.
    pub authority: Arc<dyn Authority>,
    /// Whether passwords may be sent before TLS.
    pub passwords: Passwords,
    /// How TLS begins; `None` where it has begun or is not available.
    pub upgrade: Option<Upgrade>,
    /// The largest message that can be appended, in octets.
    pub message_limit: usize,
    /// Tells the time.
    pub now: Now,
    /// The memory for messages on their way in.
    pub intake: Arc<Intake>,
    /// What clients have to keep to.
    pub terms: Arc<Terms>,
    /// What is counted of the session.
    pub tally: Arc<Tally>,
    /// Says when the server stops.
    pub stop: watch::Receiver<bool>,
}
