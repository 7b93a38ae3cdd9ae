//! The mechanisms, as a table.

/// A mechanism that both sides of this crate can carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 7677: a proof of the password that is bound to the TLS connection, which shows a man in the middle.
    ScramSha256Plus,
    /// RFC 7677: a proof of the password; the server never sees the password itself.
    ScramSha256,
    /// RFC 4422 Appendix A: what another layer has shown, here a client certificate.
    External,
    /// RFC 7628: a token of somebody whom the server trusts.
    OAuthBearer,
    /// The same in the form that was there before RFC 7628.
    XOAuth2,
    /// RFC 4616: name and password in one message.
    Plain,
    /// draft-murchison-sasl-login: name and password in two messages, as old mail programs do.
    Login,
}

impl Mechanism {
    /// Every mechanism, in the order in which servers offer and clients prefer them.
    pub const ALL: &[Mechanism] = &[
        Mechanism::ScramSha256Plus,
        Mechanism::ScramSha256,
        Mechanism::External,
        Mechanism::OAuthBearer,
        Mechanism::XOAuth2,
        Mechanism::Plain,
        Mechanism::Login,
    ];

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mechanism::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::External => "EXTERNAL",
            Mechanism::OAuthBearer => "OAUTHBEARER",
            Mechanism::XOAuth2 => "XOAUTH2",
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
        }
    }

    /// Finds a mechanism by its name, in any case.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }
}
