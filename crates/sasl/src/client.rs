//! The client's side: challenges in, responses out.

use thiserror::Error;

use crate::{Credentials, Mechanism};

/// Why a client cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The server asks for more than the mechanism has.
    #[error("the server asks for more than {} has", .0.name())]
    NothingLeft(Mechanism),
    /// A name or a password with a NUL in it cannot be said in PLAIN.
    #[error("a login or a password cannot hold a NUL")]
    Nul,
}

/// An exchange that waits for the server.
#[derive(Debug)]
pub struct Exchange {
    mechanism: Mechanism,
    credentials: Credentials,
    next: Next,
}

#[derive(Debug)]
enum Next {
    /// The only message of PLAIN, or the name of LOGIN.
    First,
    Password,
    Nothing,
}

impl Exchange {
    /// Begins an exchange.
    #[must_use]
    pub fn new(mechanism: Mechanism, credentials: Credentials) -> Self {
        Exchange {
            mechanism,
            credentials,
            next: Next::First,
        }
    }

    /// The mechanism that goes into the command.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// What may be sent together with the command. LOGIN waits: not every server takes its name there.
    ///
    /// # Errors
    /// When the credentials cannot be said in the mechanism.
    pub fn initial(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        match self.mechanism {
            Mechanism::Plain => self.respond(&[]).map(Some),
            Mechanism::Login => Ok(None),
        }
    }

    /// Answers a challenge. What LOGIN's prompts say differs between servers, so their order counts.
    ///
    /// # Errors
    /// When the server asks for more than there is, or the credentials cannot be said in the mechanism.
    pub fn respond(&mut self, _challenge: &[u8]) -> Result<Vec<u8>, ClientError> {
        match (self.mechanism, &self.next) {
            (Mechanism::Plain, Next::First) => {
                self.next = Next::Nothing;
                self.plain()
            }
            (Mechanism::Login, Next::First) => {
                self.next = Next::Password;
                Ok(self.credentials.login.clone().into_bytes())
            }
            (Mechanism::Login, Next::Password) => {
                self.next = Next::Nothing;
                Ok(self.credentials.password.expose().to_vec())
            }
            (mechanism, _) => Err(ClientError::NothingLeft(mechanism)),
        }
    }

    fn plain(&self) -> Result<Vec<u8>, ClientError> {
        let fields = [
            self.credentials.act_as.as_deref().unwrap_or_default().as_bytes(),
            self.credentials.login.as_bytes(),
            self.credentials.password.expose(),
        ];
        if fields.iter().any(|field| field.contains(&0)) {
            return Err(ClientError::Nul);
        }
        Ok(fields.join(&0))
    }
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
