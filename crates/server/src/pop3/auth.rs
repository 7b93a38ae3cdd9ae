//! AUTH (RFC 5034): the exchange of lines around SASL.
//!
//! DEVIATION RFC 5034 §4: LOGIN takes the name as an initial response, which mail programs send, although its server
//! speaks first.

use std::sync::Arc;

use bytes::BytesMut;
use pop3::command::Initial;
use pop3::{Refusal, reply};
use sasl::encoding::{self, DecodeError};

use super::connection::{Connection, Failed};
use crate::authenticate::{self, Beginning, Conversation, Fault};
use crate::imap::Passwords;
use crate::lines::Line;

impl Connection {
    /// May I — find — do — tell.
    pub(super) async fn auth(&mut self, mechanism: &str, initial: Option<Initial>) -> Result<(), Failed> {
        self.check_passwords()?;
        let initial = initial
            .map(|text| encoding::decode_initial(&text.0))
            .transpose()
            .map_err(|_| Refusal::AuthMalformed)?;
        let authority = Arc::clone(&self.door.authority);
        let channel = self.lines.channel();
        let begin = Beginning {
            mechanism: mechanism.as_bytes(),
            initial,
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

    async fn ask(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Failed> {
        reply::challenge(&encoding::encode(challenge), self.lines.output());
        self.lines.set_limit(pop3::AUTH_LINE);
        let line = self.lines.line(self.door.terms.times.pop3).await;
        self.lines.set_limit(pop3::COMMAND_LINE);
        match line? {
            Line::TooLong => Err(Refusal::LineTooLong.into()),
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
            Fault::Unavailable => Refusal::LoginUnavailable.into(),
        }
    }
}

fn response(line: &BytesMut) -> Result<Vec<u8>, Refusal> {
    encoding::decode_response(line).map_err(|error| match error {
        DecodeError::Cancelled => Refusal::AuthCancelled,
        DecodeError::NotBase64 => Refusal::AuthMalformed,
    })
}
