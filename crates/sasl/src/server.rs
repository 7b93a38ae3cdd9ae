//! The server's side: responses in, challenges out, and at the end a claim to verify.

use thiserror::Error;

use crate::scram::server::{Final, First};
use crate::{Claim, Credentials, Mechanism, Secret, Token};

/// A login name or a password longer than this is nobody's (RFC 4616 §2 allows 255 characters of up to 4 octets).
pub const MAX_FIELD: usize = 1024;

/// Why an exchange ends without a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExchangeError {
    /// The message does not have the mechanism's form.
    #[error("the message does not have the form of {}", .0.name())]
    Malformed(Mechanism),
    /// The client and we do not speak of the same TLS connection, or somebody between us hides what we can
    /// (RFC 5802 §6).
    #[error("the exchange is not bound to the connection as it must be")]
    ChannelBinding,
}

/// What comes after a response.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this, and give the answer to the exchange.
    Challenge(Exchange, Vec<u8>),
    /// Find what is kept of the login name, and go on with [`First::answer`].
    Keys(First),
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
    External,
    Bearer(Mechanism),
    ScramFirst(Mechanism),
    ScramFinal(Box<Final>),
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
            // RFC 4422 Appendix A.1, RFC 7628 §3, RFC 5802 §5: so here.
            Mechanism::External => (State::External, Vec::new()),
            Mechanism::OAuthBearer | Mechanism::XOAuth2 => (State::Bearer(mechanism), Vec::new()),
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => (State::ScramFirst(mechanism), Vec::new()),
        };
        match initial {
            Some(response) => Exchange(state).respond(response),
            None => Ok(Step::Challenge(Exchange(state), first)),
        }
    }

    pub(crate) fn scram(waiting: Final) -> Self {
        Exchange(State::ScramFinal(Box::new(waiting)))
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
            State::External => external(response).map(Step::Verify),
            State::Bearer(mechanism) => Token::parse(mechanism, response)
                .map(|token| Step::Verify(Claim::Token(token)))
                .ok_or(ExchangeError::Malformed(mechanism)),
            State::ScramFirst(mechanism) => First::parse(mechanism, response).map(Step::Keys),
            State::ScramFinal(waiting) => waiting.respond(response),
        }
    }
}

/// RFC 4422 Appendix A.2: `initial-response = *( UTF8-char-no-nul )`.
fn external(message: &[u8]) -> Result<Claim, ExchangeError> {
    let act_as = match message {
        [] => None,
        name if name.contains(&0) => return Err(ExchangeError::Malformed(Mechanism::External)),
        name => Some(text(name, Mechanism::External)?),
    };
    Ok(Claim::Certificate { act_as })
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
    fn external_names_somebody_or_nobody() {
        let check = |message: &[u8], wanted: Option<Option<&str>>| {
            let got = Exchange::begin(Mechanism::External, Some(message)).ok();
            let claim = |act_as: Option<&str>| {
                Step::Verify(Claim::Certificate {
                    act_as: act_as.map(str::to_owned),
                })
            };
            assert_eq!(got, wanted.map(claim), "{:?}", String::from_utf8_lossy(message));
        };
        check(b"", Some(None));
        check(b"fred@example.com", Some(Some("fred@example.com")));
        check("张三".as_bytes(), Some(Some("张三")));
        check(b"a\0b", None);
        check(b"\xff", None);
        check(&[b'x'; MAX_FIELD], Some(Some(&"x".repeat(MAX_FIELD))));
        check(&[b'x'; MAX_FIELD + 1], None);
    }

    #[test]
    fn what_a_client_says_is_what_a_server_reads() {
        let credentials = Credentials {
            act_as: None,
            login: "bob".to_owned(),
            password: Secret::from("pw"),
        };
        let token = |mechanism| Token {
            mechanism,
            act_as: Some("a,b=c@example.org".to_owned()),
            secret: Secret::from("t.o.k=="),
        };
        let password = || Claim::Password(credentials.clone());
        let act_as = Some("fred".to_owned());
        use crate::client::Exchange as Client;
        let all = [
            (Client::new(Mechanism::Plain, credentials.clone()), password()),
            (Client::new(Mechanism::Login, credentials.clone()), password()),
            (Client::external(act_as.clone()), Claim::Certificate { act_as }),
            (Client::external(None), Claim::Certificate { act_as: None }),
            (
                Client::token(token(Mechanism::OAuthBearer)),
                Claim::Token(token(Mechanism::OAuthBearer)),
            ),
            (
                Client::token(token(Mechanism::XOAuth2)),
                Claim::Token(token(Mechanism::XOAuth2)),
            ),
        ];
        for (mut client, wanted) in all {
            let mechanism = client.mechanism();
            let initial = client.initial().unwrap();
            let mut step = Exchange::begin(mechanism, initial.as_deref()).unwrap();
            while let Step::Challenge(exchange, challenge) = step {
                step = exchange.respond(&client.respond(&challenge).unwrap()).unwrap();
            }
            assert_eq!(step, Step::Verify(wanted), "{mechanism:?}");
            assert!(client.may_succeed());
        }
    }

    /// RFC 7628 §3.2.3: the client sends a %x01 after the error.
    #[test]
    fn a_client_whose_token_is_not_taken_lets_the_exchange_end() {
        for (mechanism, answer) in [(Mechanism::OAuthBearer, &b"\x01"[..]), (Mechanism::XOAuth2, b"")] {
            let token = Token {
                mechanism,
                act_as: Some("a".to_owned()),
                secret: Secret::from("t"),
            };
            let mut client = crate::client::Exchange::token(token.clone());
            client.initial().unwrap();
            let rejection = Claim::Token(token).rejection().unwrap();
            assert_eq!(client.respond(rejection).unwrap(), answer);
            assert!(!client.may_succeed());
            assert!(client.respond(rejection).is_err());
        }
    }
}
