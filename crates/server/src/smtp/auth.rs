//! AUTH (RFC 4954): the exchange of lines around SASL.

use std::sync::Arc;

use bytes::BytesMut;
use sasl::encoding::{self, DecodeError};
use smtp::command::Auth;
use smtp::{Refusal, Reply, limits, reply};

use super::connection::{Connection, Failed};
use crate::authenticate::{self, Beginning, Conversation, Fault};
use crate::lines::Line;

impl Connection {
    /// May I — find — do — tell.
    pub(super) async fn auth(&mut self, auth: Auth) -> Result<Reply, Failed> {
        if self.login.is_some() {
            return Err(Refusal::NotNow.into());
        }
        self.policy.check_login()?;
        let initial = auth
            .initial
            .map(|text| encoding::decode_initial(&text))
            .transpose()
            .map_err(|_| Refusal::AuthMalformed)?;
        let authority = Arc::clone(&self.site.authority);
        let channel = self.lines.channel();
        let begin = Beginning {
            mechanism: auth.mechanism.as_bytes(),
            initial,
            channel: &channel,
        };
        let claim = authenticate::claim(&*authority, self, begin).await?;
        let outcome = authority.verify(&claim, &channel, self.peer).await;
        if outcome.is_err() {
            self.count_login_failure();
        }
        authenticate::conclude(self, &claim, &outcome).await?;
        let login = outcome?;
        self.tally.account(&login.address.to_string());
        self.login = Some(login.account);
        Ok(reply::AUTHENTICATED)
    }
}

impl Conversation for Connection {
    type Failure = Failed;

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
}

impl From<Fault<Failed>> for Failed {
    fn from(fault: Fault<Failed>) -> Self {
        match fault {
            Fault::Silent(failed) => failed,
            Fault::Mechanism => Refusal::UnknownMechanism.into(),
            Fault::Malformed => Refusal::AuthMalformed.into(),
            Fault::Unavailable => Refusal::AuthUnavailable.into(),
        }
    }
}

fn response(line: &BytesMut) -> Result<Vec<u8>, Refusal> {
    encoding::decode_response(line).map_err(|error| match error {
        DecodeError::Cancelled => Refusal::AuthCancelled,
        DecodeError::NotBase64 => Refusal::AuthMalformed,
    })
}
