//! What a connection needs from outside: who knows accounts and addresses, what the listener is for, how TLS begins.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use directory::Login;
use sasl::{Claim, Credentials};
use smtp::Refusal;
use store::{Delivery, Now, Store};
use tokio::sync::watch;
use types::{AccountId, Address, Domain};

use super::intake::Intake;
use super::policy::{Port, Relay};
use crate::authenticate::Sasl;
use crate::channel::Channel;
use crate::imap::Upgrade;
use crate::{Tally, Terms};

/// An answer, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// What an address is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is delivered here: into these mailboxes, several for an alias.
    Here(Vec<Delivery>),
    /// The same, and to others elsewhere.
    Beyond(Vec<Delivery>),
    /// Nobody may use the account at the moment.
    Disabled,
    /// It leads to more addresses than are followed.
    TooMany,
    /// The domain is ours, and nobody has the name.
    Nobody,
    /// The domain is somebody else's.
    Elsewhere,
}

/// Knows accounts and addresses. What it delays, counts and logs is its own matter.
pub trait Authority: Sasl {
    /// Verifies a login name and a password; gives whose they are.
    fn log_in<'a>(&'a self, credentials: &'a Credentials, peer: Option<IpAddr>) -> Answer<'a, Arc<Login>>;

    /// Verifies what was claimed in an exchange.
    fn verify<'a>(
        &'a self,
        claim: &'a Claim,
        _channel: &'a Channel,
        peer: Option<IpAddr>,
    ) -> Answer<'a, Arc<Login>> {
        match claim {
            Claim::Password(credentials) => self.log_in(credentials, peer),
            // Nobody has announced the mechanism.
            _ => Box::pin(async { Err(Refusal::UnknownMechanism) }),
        }
    }

    /// Where mail to an address goes: sub-addresses, aliases, groups and catch-alls followed, `postmaster` always found.
    fn resolve<'a>(&'a self, address: &'a Address) -> Answer<'a, Found>;

    /// Whether an account may send under an address.
    fn may_send_as<'a>(&'a self, account: AccountId, address: &'a Address) -> Answer<'a, Owns>;
}

/// Whether somebody may send under an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owns {
    /// It is theirs.
    Yes,
    /// It is not.
    No,
}

/// What all SMTP listeners of a server share.
pub struct Site {
    /// Who knows accounts and addresses.
    pub authority: Arc<dyn Authority>,
    /// Where mail is stored.
    pub store: Store,
    /// Memory and names for messages in the making.
    pub intake: Arc<Intake>,
    /// Tells the time.
    pub now: Now,
    /// What the server calls itself.
    pub host: Domain,
    /// The domain of `<postmaster>`.
    pub domain: Domain,
    /// What clients have to keep to.
    pub terms: Arc<Terms>,
    /// The largest message, in octets.
    pub message_limit: u64,
    /// What happens to mail for other people's domains.
    pub relay: Relay,
}

/// The way a connection came in by.
pub struct Door {
    /// What it shares with all others.
    pub site: Arc<Site>,
    /// What the listener is for.
    pub port: Port,
    /// Where the client connected from; none on a Unix socket.
    pub peer: Option<IpAddr>,
    /// Whether TLS is on, can begin, or neither.
    pub tls: Tls,
    /// What is counted of the session.
    pub tally: Arc<Tally>,
    /// Says when the server stops.
    pub stop: watch::Receiver<bool>,
}

/// The encryption of a connection.
pub enum Tls {
    /// It is on.
    On,
    /// STARTTLS begins it.
    CanStart(Upgrade),
    /// There is none.
    Unavailable,
}
