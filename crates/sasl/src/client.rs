//! The client's side: challenges in, responses out.

use thiserror::Error;

use crate::scram::client::{Binding, Scram};
use crate::scram::{LEAST_ROUNDS, MOST_ROUNDS};
use crate::{Credentials, Mechanism, Token};

/// Why a client cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The server asks for more than the mechanism has.
    #[error("the server asks for more than {} has", .0.name())]
    NothingLeft(Mechanism),
    /// A name or a password with a NUL in it cannot be said in PLAIN.
    #[error("a login or a password cannot hold a NUL")]
    Nul,
    /// The server's message does not have the mechanism's form.
    #[error("the server's message does not have the form of {}", .0.name())]
    Malformed(Mechanism),
    /// Too few rounds make guessing cheap, too many are an attack on the client.
    #[error("the server asks for {0} rounds, and {LEAST_ROUNDS} to {MOST_ROUNDS} are taken")]
    Rounds(u32),
    /// The login or the password cannot be prepared as RFC 4013 says.
    #[error("the login or the password has characters that SCRAM cannot have")]
    Unprepared,
    /// Whoever answers does not know the password.
    #[error("the server could not show that it knows the password: it is not the one it should be")]
    NotTheServer,
}

/// An exchange that waits for the server.
#[derive(Debug)]
pub struct Exchange(State);

#[derive(Debug)]
enum State {
    Password {
        mechanism: Mechanism,
        credentials: Credentials,
        next: Next,
    },
    Scram(Scram, Credentials),
    External {
        act_as: Option<String>,
        next: Next,
    },
    Token(Token, Next),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The only message, or the name of LOGIN.
    First,
    /// The password of LOGIN, or what follows a token that was not taken.
    Second,
    Nothing,
}

impl Exchange {
    /// Begins an exchange that says the password: PLAIN, or LOGIN.
    ///
    /// # Panics
    /// With another mechanism: those have constructors of their own.
    #[must_use]
    pub fn new(mechanism: Mechanism, credentials: Credentials) -> Self {
        assert!(
            matches!(mechanism, Mechanism::Plain | Mechanism::Login),
            "{} says no password",
            mechanism.name()
        );
        Exchange(State::Password {
            mechanism,
            credentials,
            next: Next::First,
        })
    }

    /// Begins SCRAM-SHA-256, or SCRAM-SHA-256-PLUS where the connection is bound. `nonce` is random: 18 octets in
    /// base64, or more.
    ///
    /// # Panics
    /// When the nonce is not printable.
    #[must_use]
    pub fn scram(credentials: Credentials, nonce: &str, binding: Binding) -> Self {
        let scram = Scram::new(credentials.act_as.clone(), nonce, binding);
        Exchange(State::Scram(scram, credentials))
    }

    /// Begins EXTERNAL: the connection itself says who is there.
    #[must_use]
    pub fn external(act_as: Option<String>) -> Self {
        let next = Next::First;
        Exchange(State::External { act_as, next })
    }

    /// Begins OAUTHBEARER or XOAUTH2. XOAUTH2 wants a login in the token's `act_as`.
    #[must_use]
    pub fn token(token: Token) -> Self {
        Exchange(State::Token(token, Next::First))
    }

    /// The mechanism that goes into the command.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        match &self.0 {
            State::Password { mechanism, .. } => *mechanism,
            State::Scram(scram, _) => scram.mechanism(),
            State::External { .. } => Mechanism::External,
            State::Token(token, _) => token.mechanism,
        }
    }

    /// What may be sent together with the command. LOGIN waits: not every server takes its name there.
    ///
    /// # Errors
    /// When the credentials cannot be said in the mechanism.
    pub fn initial(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        match self.mechanism() {
            Mechanism::Login => Ok(None),
            _ => self.respond(&[]).map(Some),
        }
    }

    /// Answers a challenge. What LOGIN's prompts say differs between servers, so their order counts.
    ///
    /// # Errors
    /// When the server asks for more than there is, shows that it is not the right one, or the credentials cannot be
    /// said in the mechanism.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ClientError> {
        match &mut self.0 {
            State::Password {
                mechanism,
                credentials,
                next,
            } => password(*mechanism, credentials, next),
            State::Scram(scram, credentials) => scram.respond(credentials, challenge),
            State::External {
                act_as,
                next: next @ Next::First,
            } => {
                *next = Next::Nothing;
                Ok(act_as.clone().unwrap_or_default().into_bytes())
            }
            State::Token(token, next @ Next::First) => {
                *next = Next::Second;
                Ok(token.print())
            }
            State::Token(token, next @ Next::Second) => {
                *next = Next::Nothing;
                Ok(match token.mechanism {
                    Mechanism::XOAuth2 => Vec::new(),
                    _ => b"\x01".to_vec(),
                })
            }
            State::External { .. } => Err(ClientError::NothingLeft(Mechanism::External)),
            State::Token(token, Next::Nothing) => Err(ClientError::NothingLeft(token.mechanism)),
        }
    }

    /// Whether a success may be believed now: SCRAM wants to have seen first that the server knows the password.
    #[must_use]
    pub fn may_succeed(&self) -> bool {
        match &self.0 {
            State::Password { next, .. } | State::External { next, .. } => *next == Next::Nothing,
            State::Token(_, next) => *next == Next::Second,
            State::Scram(scram, _) => scram.is_over(),
        }
    }
}

fn password(
    mechanism: Mechanism,
    credentials: &Credentials,
    next: &mut Next,
) -> Result<Vec<u8>, ClientError> {
    match (mechanism, *next) {
        (Mechanism::Plain, Next::First) => {
            *next = Next::Nothing;
            plain(credentials)
        }
        (Mechanism::Login, Next::First) => {
            *next = Next::Second;
            Ok(credentials.login.clone().into_bytes())
        }
        (Mechanism::Login, Next::Second) => {
            *next = Next::Nothing;
            Ok(credentials.password.expose().to_vec())
        }
        (mechanism, _) => Err(ClientError::NothingLeft(mechanism)),
    }
}

fn plain(credentials: &Credentials) -> Result<Vec<u8>, ClientError> {
    let fields = [
        credentials.act_as.as_deref().unwrap_or_default().as_bytes(),
        credentials.login.as_bytes(),
        credentials.password.expose(),
    ];
    if fields.iter().any(|field| field.contains(&0)) {
        return Err(ClientError::Nul);
    }
    Ok(fields.join(&0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    #[test]
    fn a_nul_is_not_sent_and_nothing_is_sent_twice() {
        let credentials = |login: &str| Credentials {
            act_as: None,
            login: login.to_owned(),
            password: Secret::from("p"),
        };
        let mut exchange = Exchange::new(Mechanism::Plain, credentials("a\0b"));
        assert_eq!(exchange.initial(), Err(ClientError::Nul));
        let mut exchange = Exchange::new(Mechanism::Plain, credentials("a"));
        assert_eq!(exchange.initial(), Ok(Some(b"\0a\0p".to_vec())));
        assert_eq!(
            exchange.respond(b""),
            Err(ClientError::NothingLeft(Mechanism::Plain))
        );
    }
}
