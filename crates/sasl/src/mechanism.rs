//! The mechanisms, as a table.

/// A mechanism that both sides of this crate can carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616: name and password in one message.
    Plain,
    /// draft-murchison-sasl-login: name and password in two messages, as old mail programs do.
    Login,
}

impl Mechanism {
    /// Every mechanism, in the order in which servers offer and clients prefer them.
    pub const ALL: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
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
