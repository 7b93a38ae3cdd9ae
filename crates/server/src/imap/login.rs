//! LOGIN, AUTHENTICATE and STARTTLS (RFC 3501 §6.2).

use imap::Refusal;
use imap::command::{Authenticate, Login};
use sasl::encoding::{self, DecodeError};
use sasl::server::{Exchange, Step};
use sasl::{Claim, Credentials, Mechanism, Secret};
use store::Account;

use super::door::{Door, Passwords};
use super::session::Session;
use super::stop::Stop;

impl Door {
    fn check_passwords(&self) -> Result<(), Refusal> {
        match self.passwords {
            Passwords::Allowed => Ok(()),
            Passwords::Forbidden => Err(Refusal::NeedsTls),
        }
    }
}

/// LOGIN: name and password in the command.
pub(super) async fn login(door: &Door, login: Login) -> Result<Account, Stop> {
    door.check_passwords()?;
    let user = std::str::from_utf8(&login.user).map_err(|_| Refusal::Credentials)?;
    let credentials = Credentials {
        act_as: None,
        login: user.to_owned(),
        password: Secret::new(login.password.to_vec()),
    };
    Ok(door.authority.log_in(&credentials).await?)
}

/// AUTHENTICATE: name and password in an exchange of lines.
pub(super) async fn authenticate(session: &mut Session, command: Authenticate) -> Result<Account, Stop> {
    session.door().check_passwords()?;
    // LOGIN, the mechanism, is not announced but costs nothing to have.
    let mechanism = std::str::from_utf8(&command.mechanism)
        .ok()
        .and_then(Mechanism::find);
    let mechanism = mechanism.ok_or(Refusal::Mechanism)?;
    let initial = command
        .initial
        .map(|text| encoding::decode_initial(&text))
        .transpose();
    let initial = initial.map_err(|_| Refusal::Exchange)?;
    let mut step = Exchange::begin(mechanism, initial.as_deref()).map_err(|_| Refusal::Exchange)?;
    loop {
        match step {
            Step::Verify(Claim::Password(credentials)) => {
                return Ok(session.door().authority.log_in(&credentials).await?);
            }
            Step::Verify(_) | Step::Keys(_) => return Err(Refusal::Mechanism.into()),
            Step::Challenge(exchange, challenge) => {
                let line = session.ask(&encoding::encode(&challenge)).await?;
                let response = encoding::decode_response(&line).map_err(|error| match error {
                    DecodeError::Cancelled => Refusal::Cancelled,
                    DecodeError::NotBase64 => Refusal::Exchange,
                })?;
                step = exchange.respond(&response).map_err(|_| Refusal::Exchange)?;
            }
        }
    }
}
