//! AUTH (RFC 5034): the exchange of lines around SASL.
//!
//! DEVIATION RFC 5034 §4: LOGIN takes the name as an initial response, which mail programs send, although its server
//! speaks first.

use bytes::BytesMut;
use pop3::command::Initial;
use pop3::{Refusal, reply};
use sasl::encoding::{self, DecodeError};
use sasl::server::{Exchange, Step};
use sasl::{Claim, Mechanism};

use super::connection::{COMMAND_TIME, Connection, Failed};
use crate::imap::Passwords;
use crate::lines::Line;

impl Connection {
    /// May I — find — do — tell.
    pub(super) async fn auth(&mut self, mechanism: &str, initial: Option<Initial>) -> Result<(), Failed> {
        self.check_passwords()?;
        let mechanism = Mechanism::find(mechanism).ok_or(Refusal::UnknownMechanism)?;
        let initial = initial
            .map(|text| encoding::decode_initial(&text.0))
            .transpose()
            .map_err(|_| Refusal::AuthMalformed)?;
        let mut step = Exchange::begin(mechanism, initial.as_deref()).map_err(|_| Refusal::AuthMalformed)?;
        let claim = loop {
            match step {
                Step::Verify(claim) => break claim,
                Step::Challenge(exchange, challenge) => {
                    let response = self.ask(&challenge).await?;
                    step = exchange.respond(&response).map_err(|_| Refusal::AuthMalformed)?;
                }
            }
        };
        let Claim::Password(credentials) = claim;
        self.log_in(credentials).await
    }

    /// Sends a challenge and waits for the response.
    async fn ask(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Failed> {
        reply::challenge(&encoding::encode(challenge), self.lines.output());
        self.lines.set_limit(pop3::AUTH_LINE);
        let line = self.lines.line(COMMAND_TIME).await;
        self.lines.set_limit(pop3::COMMAND_LINE);
        match line? {
            Line::TooLong => Err(Refusal::LineTooLong.into()),
            Line::Whole(line) => Ok(response(&line)?),
        }
    }

    /// The mechanisms that would be taken: all of them send passwords as they are (RFC 5034 §4).
    pub(super) fn mechanisms(&self) -> Vec<&'static str> {
        match self.door.passwords {
            Passwords::Allowed => Mechanism::ALL.iter().map(|mechanism| mechanism.name()).collect(),
            Passwords::Forbidden => Vec::new(),
        }
    }
}

fn response(line: &BytesMut) -> Result<Vec<u8>, Refusal> {
    encoding::decode_response(line).map_err(|error| match error {
        DecodeError::Cancelled => Refusal::AuthCancelled,
        DecodeError::NotBase64 => Refusal::AuthMalformed,
    })
}
