//! AUTH (RFC 4954): the exchange of lines around SASL.

use bytes::BytesMut;
use sasl::encoding::{self, DecodeError};
use sasl::server::{Exchange, Step};
use sasl::{Claim, Mechanism};
use smtp::command::Auth;
use smtp::{Refusal, Reply, limits, reply};

use super::connection::{Connection, Failed};
use crate::lines::Line;

impl Connection {
    /// May I — find — do — tell.
    pub(super) async fn auth(&mut self, auth: Auth) -> Result<Reply, Failed> {
        if self.login.is_some() {
            return Err(Refusal::NotNow.into());
        }
        self.policy.check_login()?;
        let mechanism = Mechanism::find(&auth.mechanism).ok_or(Refusal::UnknownMechanism)?;
        let initial = auth
            .initial
            .map(|text| encoding::decode_initial(&text))
            .transpose()
            .map_err(|_| Refusal::AuthMalformed)?;
        let mut step = begin(mechanism, initial.as_deref())?;
        let claim = loop {
            match step {
                Step::Verify(claim) => break claim,
                Step::Challenge(exchange, challenge) => {
                    let response = self.ask(&challenge).await?;
                    step = exchange.respond(&response).map_err(|_| Refusal::AuthMalformed)?;
                }
            }
        };
        self.verify(claim).await?;
        Ok(reply::AUTHENTICATED)
    }

    /// Sends a challenge and waits for the response.
    async fn ask(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Failed> {
        self.print(&reply::challenge(encoding::encode(challenge)));
        self.lines.set_limit(limits::AUTH_LINE);
        let line = self.lines.line(self.site.terms.times.smtp).await;
        self.lines.set_limit(limits::COMMAND_LINE);
        match line? {
            Line::TooLong => Err(Refusal::AuthLineTooLong.into()),
            Line::Whole(line) => Ok(response(&line)?),
        }
    }

    async fn verify(&mut self, claim: Claim) -> Result<(), Failed> {
        let Claim::Password(credentials) = claim;
        let login = self.site.authority.log_in(&credentials, self.peer).await;
        match login {
            Ok(account) => {
                self.login = Some(account);
                self.tally.account(&credentials.login);
                Ok(())
            }
            Err(refusal) => {
                self.count_login_failure();
                Err(refusal.into())
            }
        }
    }
}

fn begin(mechanism: Mechanism, initial: Option<&[u8]>) -> Result<Step, Refusal> {
    Exchange::begin(mechanism, initial).map_err(|_| Refusal::AuthMalformed)
}

fn response(line: &BytesMut) -> Result<Vec<u8>, Refusal> {
    encoding::decode_response(line).map_err(|error| match error {
        DecodeError::Cancelled => Refusal::AuthCancelled,
        DecodeError::NotBase64 => Refusal::AuthMalformed,
    })
}
