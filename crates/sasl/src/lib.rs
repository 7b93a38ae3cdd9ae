//! The mechanisms of SASL (RFC 4422) as state machines, for both sides; no I/O.
//!
//! Read first: [`server::Exchange`] takes what the client sends and ends with a [`Claim`], which somebody who knows
//! accounts then verifies; [`client::Exchange`] answers what a server asks. Both take a response and give a step, so a
//! mechanism with more rounds is one more enum variant and one more file. [`encoding`] is the base64 that all of
//! the text protocols put around it, with the cancel `*` and the empty `=`.
//!
//! **Invariant**: what is secret is a [`Secret`], and a [`Secret`] does not print. Random numbers are arguments.

pub mod client;
pub mod encoding;
pub mod scram;
pub mod server;

mod bearer;
mod gs2;
mod mechanism;
mod secret;

pub use bearer::{MAX_TOKEN, Token};
pub use mechanism::Mechanism;
pub use secret::Secret;

/// What a client claims to be, to be verified against what is known of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A name and a password.
    Password(Credentials),
    /// A proof of a password, which was looked at already.
    Proof(scram::server::Proof),
    /// The bearer of a token.
    Token(Token),
    /// What another layer has shown: the certificate of the connection's client (RFC 4422 Appendix A).
    Certificate {
        /// Whom to act as; nobody named is whoever the certificate says.
        act_as: Option<String>,
    },
}

impl Claim {
    /// What is to be sent as a challenge when the claim is true, and answered with nothing, before the client is told
    /// so: it shows that the server knew the password (RFC 5802 §5).
    #[must_use]
    pub fn confirmation(&self) -> Option<&[u8]> {
        match self {
            Claim::Proof(proof) => proof.confirmation(),
            Claim::Password(_) | Claim::Token(_) | Claim::Certificate { .. } => None,
        }
    }

    /// What is to be sent as a challenge when the claim is not true, and answered with anything, before the client is
    /// told so (RFC 7628 §3.2.3).
    #[must_use]
    pub fn rejection(&self) -> Option<&'static [u8]> {
        match self {
            Claim::Token(_) => Some(bearer::REJECTION),
            Claim::Password(_) | Claim::Proof(_) | Claim::Certificate { .. } => None,
        }
    }
}

/// A login name and its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Whom to act as, where that is not the login itself (RFC 4616 §2, `authzid`).
    pub act_as: Option<String>,
    /// Whose password it is (RFC 4616 §2, `authcid`).
    pub login: String,
    /// The password.
    pub password: Secret,
}
