//! AUTH (RFC 5034): the exchange of lines around SASL.
//!
//! DEVIATION RFC 5034 §4: LOGIN takes the name as an initial response, which mail programs send, although its server
//! speaks first.

use std::sync::Arc;

use bytes::Bytes;
use pop3::command::Initial;
use pop3::{Refusal, reply};

use super::connection::{Connection, Failed};
use crate::authenticate::{self, Beginning, Conversation, Fault};
use crate::imap::Passwords;
use crate::lines::Line;

impl Connection {
    /// May I — find — do — tell.
    pub(super) async fn auth(&mut self, mechanism: &str, initial: Option<Initial>) -> Result<(), Failed> {
        self.check_passwords()?;
        let authority = Arc::clone(&self.door.authority);
        let channel = self.lines.channel();
        let begin = Beginning {
            mechanism: mechanism.as_bytes(),
            initial: initial.as_ref().map(|text| &text.0[..]),
            channel: &channel,
        };
        let claim = authenticate::claim(&*authority, self, begin).await?;
        let outcome = authority.verify(&claim, &channel, self.door.peer).await;
        authenticate::conclude(self, &claim, &outcome).await?;
        self.admit(outcome).await
    }

    /// The mechanisms that would be taken: most of them send passwords as they are, so none before TLS (RFC 5034 §4).
    pub(super) fn mechanisms(&self) -> Vec<&'static str> {
        match self.door.passwords {
            Passwords::Allowed => {
                let mechanisms = self.door.authority.mechanisms(&self.lines.channel());
                mechanisms.iter().map(|mechanism| mechanism.name()).collect()
            }
            Passwords::Forbidden => Vec::new(),
        }
    }
}

impl Conversation for Connection {
    type Failure = Failed;

    async fn ask(&mut self, challenge: &str) -> Result<Bytes, Failed> {
        reply::challenge(challenge, self.lines.output());
        self.lines.set_limit(pop3::AUTH_LINE);
        let line = self.lines.line(self.door.terms.times.pop3).await;
        self.lines.set_limit(pop3::COMMAND_LINE);
        match line? {
            Line::TooLong => Err(Refusal::LineTooLong.into()),
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
            Fault::Unavailable => Refusal::LoginUnavailable.into(),
        }
    }
}
