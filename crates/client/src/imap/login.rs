//! Logging in: AUTHENTICATE (RFC 9051 §6.2.2, RFC 4959), or LOGIN where the server has no mechanism that can be used.

use ::imap::client::{Line, Response, Segment};
use sasl::client::{ClientError, Exchange};
use sasl::{Mechanism, Secret, encoding};

use super::client::{Client, refused};
use crate::error::{Cause, Failure, Step};

/// Challenges of one exchange: SCRAM has two.
const MAX_CHALLENGES: usize = 20;

impl Client {
    /// Logs in, where the server's settings say who.
    pub(super) async fn log_in(&mut self) -> Result<(), Failure> {
        let Some(login) = self.channel.server().login.clone() else {
            return Ok(());
        };
        let offered: Vec<Mechanism> = self
            .capabilities()
            .filter(|word| {
                word.get(..5)
                    .is_some_and(|begin| begin.eq_ignore_ascii_case("AUTH="))
            })
            .filter_map(|word| Mechanism::find(word.get(5..)?))
            .collect();
        let before = self.capabilities().map(Box::from).collect::<Vec<Box<str>>>();
        let done = match login.exchange(&offered, self.channel.ground()) {
            Ok(exchange) => self.authenticate(exchange).await,
            // RFC 9051 §6.2.3: where LOGINDISABLED is said, LOGIN must not be.
            Err(cause) => match login.said_password().filter(|_| !self.has("LOGINDISABLED")) {
                Some(password) => self.plain_login(login.name(), password).await,
                None => Err(cause),
            },
        };
        done.map_err(|cause| (Step::Login, cause))?;
        // RFC 9051 §6.2.2: a server that has not said them with its OK is asked.
        if self.capabilities().eq(before.iter().map(AsRef::as_ref)) {
            self.ask_capabilities().await?;
        }
        Ok(())
    }

    async fn plain_login(&mut self, name: &str, password: &Secret) -> Result<(), Cause> {
        if name.contains('\0') || password.expose().contains(&0) {
            return Err(Cause::Exchange(ClientError::Nul));
        }
        let line = self
            .line("LOGIN")
            .string(name.as_bytes())
            .string(password.expose());
        self.say_login(line).await?;
        self.until_done(Some).await.map(drop)
    }

    /// A login's words are not logged, wherever a literal cuts them.
    async fn say_login(&mut self, line: Line) -> Result<(), Cause> {
        self.open += 1;
        let segments = line.end(self.literals);
        let last = segments.len().saturating_sub(1);
        for (n, Segment(octets)) in segments.into_iter().enumerate() {
            let text = octets.strip_suffix(b"\r\n").unwrap_or(&octets);
            self.channel.say_secretly(text, "LOGIN …");
            if n < last {
                self.wait_for_go_ahead().await?;
            }
        }
        Ok(())
    }

    async fn authenticate(&mut self, mut exchange: Exchange) -> Result<(), Cause> {
        let name = exchange.mechanism().name();
        let mut initial = exchange.initial().map_err(Cause::Exchange)?;
        let tag = self.tag();
        self.open += 1;
        match initial.take_if(|_| self.has("SASL-IR")) {
            Some(initial) => {
                let line = format!("{tag} AUTHENTICATE {name} {}", encoding::encode_initial(&initial));
                let shown = format!("{tag} AUTHENTICATE {name} …");
                self.channel.say_secretly(line.as_bytes(), &shown);
            }
            None => self.channel.say(&format!("{tag} AUTHENTICATE {name}")),
        }
        for _ in 0..MAX_CHALLENGES {
            let Some(challenge) = self.challenge(&exchange).await? else {
                return Ok(());
            };
            let answered = match initial.take() {
                Some(initial) => {
                    self.channel
                        .say_secretly(encoding::encode(&initial).as_bytes(), "…");
                    Ok(())
                }
                None => self.channel.answer(&mut exchange, challenge.trim_ascii()),
            };
            if let Err(error) = answered {
                // RFC 9051 §6.2.2: the exchange is called off.
                self.channel.say("*");
                self.until_done(Some).await.ok();
                return Err(Cause::Exchange(error));
            }
        }
        Err(Cause::TooLong(MAX_CHALLENGES))
    }

    /// The next challenge, or nothing where the login has succeeded.
    async fn challenge(&mut self, exchange: &Exchange) -> Result<Option<bytes::Bytes>, Cause> {
        loop {
            match self.response().await? {
                Response::Continue(challenge) => return Ok(Some(challenge)),
                Response::Done { tag, status } if self.is_last(&tag) => {
                    self.open = 0;
                    if status.condition != ::imap::client::Condition::Ok {
                        return Err(refused(status));
                    }
                    if !exchange.may_succeed() {
                        return Err(Cause::Exchange(ClientError::NotTheServer));
                    }
                    self.take_in(Response::Done { tag, status });
                    return Ok(None);
                }
                other => self.pass(other)?,
            }
        }
    }
}
