//! The server's side: responses in, challenges out, and at the end a claim to verify.

use thiserror::Error;

use crate::{Claim, Credentials, Mechanism, Secret};

/// A login name or a password longer than this is nobody's (RFC 4616 §2 allows 255 characters of up to 4 octets).
pub const MAX_FIELD: usize = 1024;

/// Why an exchange ends without a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExchangeError {
    /// The message does not have the mechanism's form.
    #[error("the message does not have the form of {}", .0.name())]
    Malformed(Mechanism),
}

/// What comes after a response.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this, and give the answer to the exchange.
    Challenge(Exchange, Vec<u8>),
    /// Verify this, and tell the client what came of it.
    Verify(Claim),
}

/// An exchange that waits for the client.
#[derive(Debug, PartialEq, Eq)]
pub struct Exchange(State);

#[derive(Debug, PartialEq, Eq)]
enum State {
    Plain,
    LoginName,
    LoginPassword { login: String },
}

/// What the draft of LOGIN says to ask, and what old programs look for.
const ASK_NAME: &[u8] = b"Username:";
const ASK_PASSWORD: &[u8] = b"Password:";

impl Exchange {
    /// Begins an exchange, with the client's initial response where it sent one.
    ///
    /// # Errors
    /// When the initial response does not have the mechanism's form.
    pub fn begin(mechanism: Mechanism, initial: Option<&[u8]>) -> Result<Step, ExchangeError> {
        let (state, first) = match mechanism {
            // RFC 4616 §2: the client speaks first, so the challenge is empty.
            Mechanism::Plain => (State::Plain, Vec::new()),
            Mechanism::Login => (State::LoginName, ASK_NAME.to_vec()),
        };
        match initial {
            Some(response) => Exchange(state).respond(response),
            None => Ok(Step::Challenge(Exchange(state), first)),
        }
    }

    /// Takes the client's next response.
    ///
    /// # Errors
    /// When it does not have the mechanism's form.
    pub fn respond(self, response: &[u8]) -> Result<Step, ExchangeError> {
        match self.0 {
            State::Plain => plain(response).map(|c| Step::Verify(Claim::Password(c))),
            State::LoginName => {
                let login = text(response, Mechanism::Login)?;
                Ok(Step::Challenge(
                    Exchange(State::LoginPassword { login }),
                    ASK_PASSWORD.to_vec(),
                ))
            }
            State::LoginPassword { login } => {
                let password = secret(response, Mechanism::Login)?;
                let act_as = None;
                Ok(Step::Verify(Claim::Password(Credentials {
                    act_as,
                    login,
                    password,
                })))
            }
        }
    }
}

/// RFC 4616 §2: `message = [authzid] UTF8NUL authcid UTF8NUL passwd`.
fn plain(message: &[u8]) -> Result<Credentials, ExchangeError> {
    let mut fields = message.split(|octet| *octet == 0);
    let (Some(act_as), Some(login), Some(password), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(ExchangeError::Malformed(Mechanism::Plain));
    };
    let act_as = match act_as {
        [] => None,
        name => Some(text(name, Mechanism::Plain)?),
    };
    Ok(Credentials {
        act_as,
        login: text(login, Mechanism::Plain)?,
        password: secret(password, Mechanism::Plain)?,
    })
}

fn text(field: &[u8], mechanism: Mechanism) -> Result<String, ExchangeError> {
    match std::str::from_utf8(field) {
        Ok(text) if !text.is_empty() && text.len() <= MAX_FIELD => Ok(text.to_owned()),
        _ => Err(ExchangeError::Malformed(mechanism)),
    }
}

fn secret(field: &[u8], mechanism: Mechanism) -> Result<Secret, ExchangeError> {
    match field.len() {
        1..=MAX_FIELD => Ok(Secret::new(field)),
        _ => Err(ExchangeError::Malformed(mechanism)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(act_as: Option<&str>, login: &str, password: &str) -> Step {
        Step::Verify(Claim::Password(Credentials {
            act_as: act_as.map(str::to_owned),
            login: login.to_owned(),
            password: Secret::from(password),
        }))
    }

    #[test]
    fn plain_messages_are_read() {
        let check = |message: &[u8], wanted: Option<Step>| {
            let got = Exchange::begin(Mechanism::Plain, Some(message)).ok();
            assert_eq!(got, wanted, "{:?}", String::from_utf8_lossy(message));
        };
        check(
            b"\0tim\0tanstaaftanstaaf",
            Some(claim(None, "tim", "tanstaaftanstaaf")),
        );
        check(
            b"Ursel\0Kurt\0xipj3plmq",
            Some(claim(Some("Ursel"), "Kurt", "xipj3plmq")),
        );
        check("\0张三\0密码".as_bytes(), Some(claim(None, "张三", "密码")));
        check(b"", None);
        check(b"a\0b", None);
        check(b"\0a\0", None);
        check(b"\0\0a", None);
        check(b"\0a\0b\0", None);
        check(b"\0\xff\0b", None);
        let long = |n| [b"\0a\0".to_vec(), vec![b'x'; n]].concat();
        check(&long(MAX_FIELD), Some(claim(None, "a", &"x".repeat(MAX_FIELD))));
        check(&long(MAX_FIELD + 1), None);
    }

    #[test]
    fn plain_without_an_initial_response_asks_with_nothing() {
        let Ok(Step::Challenge(exchange, challenge)) = Exchange::begin(Mechanism::Plain, None) else {
            panic!("no challenge")
        };
        assert_eq!(challenge, b"");
        assert_eq!(exchange.respond(b"\0a\0b"), Ok(claim(None, "a", "b")));
    }

    #[test]
    fn login_asks_for_the_name_and_then_for_the_password() {
        for initial in [None, Some(&b"bob"[..])] {
            let mut step = Exchange::begin(Mechanism::Login, initial).unwrap();
            if initial.is_none() {
                let Step::Challenge(exchange, challenge) = step else {
                    panic!("no challenge")
                };
                assert_eq!(challenge, b"Username:");
                step = exchange.respond(b"bob").unwrap();
            }
            let Step::Challenge(exchange, challenge) = step else {
                panic!("no challenge")
            };
            assert_eq!(challenge, b"Password:");
            assert!(!format!("{exchange:?}").contains("secret"));
            assert_eq!(exchange.respond(b"secret"), Ok(claim(None, "bob", "secret")));
        }
    }

    #[test]
    fn what_a_client_says_is_what_a_server_reads() {
        for mechanism in Mechanism::ALL.iter().copied() {
            let credentials = Credentials {
                act_as: None,
                login: "bob".to_owned(),
                password: Secret::from("pw"),
            };
            let mut client = crate::client::Exchange::new(mechanism, credentials.clone());
            let initial = client.initial().unwrap();
            let mut step = Exchange::begin(mechanism, initial.as_deref()).unwrap();
            while let Step::Challenge(exchange, challenge) = step {
                step = exchange.respond(&client.respond(&challenge).unwrap()).unwrap();
            }
            assert_eq!(step, Step::Verify(Claim::Password(credentials)));
        }
    }
}
