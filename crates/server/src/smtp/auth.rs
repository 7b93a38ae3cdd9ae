//! AUTH (RFC 4954): the exchange of lines around SASL.

use std::sync::Arc;

use bytes::Bytes;
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
        let authority = Arc::clone(&self.site.authority);
        let channel = self.lines.channel();
        let begin = Beginning {
            mechanism: auth.mechanism.as_bytes(),
            initial: auth.initial.as_deref(),
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
        self.lines.hold_while(login.standing.clone());
        Ok(reply::AUTHENTICATED)
    }
}

impl Conversation for Connection {
    type Failure = Failed;

    async fn ask(&mut self, challenge: &str) -> Result<Bytes, Failed> {
        self.print(&reply::challenge(challenge.to_owned()));
        self.lines.set_limit(limits::AUTH_LINE);
        let line = self.lines.line(self.site.terms.times.smtp).await;
        self.lines.set_limit(limits::COMMAND_LINE);
        match line? {
            Line::TooLong => Err(Refusal::AuthLineTooLong.into()),
            Line::Whole(line) => Ok(line.freeze()),
        }
    }
}

impl From<Fault<Failed>> for Failed {
    fn from(fault: Fault<Failed>) -> Self {
        match fault {
            Fault::Silent(failed) => failed,
            Fault::Mechanism => Refusal::UnknownMechanism.into(),
            Fault::Cancelled => Refusal::AuthCancelled.into(),
            Fault::Malformed => Refusal::AuthMalformed.into(),
            Fault::Unavailable => Refusal::AuthUnavailable.into(),
        }
    }
}
