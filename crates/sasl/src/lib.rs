//! The mechanisms of SASL (RFC 4422) as state machines, for both sides; no I/O.
//!
//! Read first: [`server::Exchange`] takes what the client sends and ends with a [`Claim`], which somebody who knows
//! accounts then verifies; [`client::Exchange`] answers what a server asks. Both take a response and give a step, so a
//! mechanism with more rounds is one more enum variant and one more file. [`encoding`] is the base64 that all of
//! the text protocols put around it, with the cancel `*` and the empty `=`.
//!
//! **Invariant**: what is secret is a [`Secret`], and a [`Secret`] does not print.

pub mod client;
pub mod encoding;
pub mod server;

mod mechanism;
mod secret;

pub use mechanism::Mechanism;
pub use secret::Secret;

/// What a client claims to be, to be verified against what is known of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A name and a password.
    Password(Credentials),
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
