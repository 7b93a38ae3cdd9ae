//! LOGIN, AUTHENTICATE and STARTTLS (RFC 3501 §6.2).

use std::sync::Arc;

use bytes::Bytes;
use imap::Refusal;
use imap::command::{Authenticate, Login};
use sasl::{Credentials, Secret};

use super::door::{Door, Passwords};
use super::session::Session;
use super::stop::Stop;
use crate::authenticate::{self, Beginning, Conversation, Entered, Fault};

impl Door {
    fn check_passwords(&self) -> Result<(), Refusal> {
        match self.passwords {
            Passwords::Allowed => Ok(()),
            Passwords::Forbidden => Err(Refusal::NeedsTls),
        }
    }
}

/// LOGIN: name and password in the command.
pub(super) async fn login(door: &Door, login: Login) -> Result<Entered, Stop> {
    door.check_passwords()?;
    let user = std::str::from_utf8(&login.user).map_err(|_| Refusal::Credentials)?;
    let credentials = Credentials {
        act_as: None,
        login: user.to_owned(),
        password: Secret::new(login.password.to_vec()),
    };
    Ok(door.authority.log_in(&credentials).await?)
}

/// AUTHENTICATE: an exchange of lines.
pub(super) async fn authenticate(session: &mut Session, command: Authenticate) -> Result<Entered, Stop> {
    session.door().check_passwords()?;
    let authority = Arc::clone(&session.door().authority);
    let channel = session.connection.channel();
    let begin = Beginning {
        mechanism: &command.mechanism,
        initial: command.initial.as_deref(),
        channel: &channel,
    };
    let claim = authenticate::claim(&*authority, session, begin).await?;
    let outcome = authority.verify(&claim, &channel).await;
    authenticate::conclude(session, &claim, &outcome).await?;
    Ok(outcome?)
}

impl Conversation for Session {
    type Failure = Stop;

    async fn ask(&mut self, challenge: &str) -> Result<Bytes, Stop> {
        Session::ask(self, challenge).await
    }
}

impl From<Fault<Stop>> for Stop {
    fn from(fault: Fault<Stop>) -> Self {
        match fault {
            Fault::Silent(stop) => stop,
            // LOGIN, the mechanism, is not announced but costs nothing to have.
            Fault::Mechanism => Refusal::Mechanism.into(),
            Fault::Cancelled => Refusal::Cancelled.into(),
            Fault::Malformed => Refusal::Exchange.into(),
            Fault::Unavailable => Refusal::Unavailable.into(),
        }
    }
}
