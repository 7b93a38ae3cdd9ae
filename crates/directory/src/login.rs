//! Logging in: a name and a password against what is kept.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sasl::Secret;
use thiserror::Error;
use tokio::time::sleep;
use types::{AccountId, Address};

use crate::name::{Name, login_address};
use crate::password::Verdict;
use crate::row::{AccountRow, Leads};
use crate::throttle::{Admission, Ticket, Try};
use crate::{Directory, DirectoryError};

/// How often a login that has to wait for others is tried.
const ADMISSIONS: u32 = 100;
/// How long it waits in between.
const ADMISSION_PAUSE: Duration = Duration::from_millis(100);

/// Somebody who has shown who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Their account.
    pub account: AccountId,
    /// The account's own address.
    pub address: Address,
}

/// Why somebody is not let in.
#[derive(Clone, Debug, Error)]
pub enum LoginRefusal {
    /// The name or the password is wrong: which of them, nobody is told.
    #[error("the name or the password is wrong")]
    Wrong,
    /// Too many wrong passwords: this one was not looked at.
    #[error("too many wrong passwords; try again later")]
    TooMany,
    /// It could not be found out.
    #[error(transparent)]
    Failed(#[from] DirectoryError),
}

impl Directory {
    /// Verifies a login name (an address, or its local part in the default domain) and a password.
    ///
    /// # Errors
    /// When they are wrong, were wrong too often, or the directory cannot be read.
    pub async fn login(
        &self,
        name: &str,
        password: &Secret,
        peer: Option<IpAddr>,
    ) -> Result<Arc<Login>, LoginRefusal> {
        let address = login_address(name, self.default_domain()).ok();
        // What is no address is nobody's name, and is as slow as one.
        let known = address.as_ref().map(Name::of);
        let attempt = Try::new(peer, known.as_ref().map_or(name, Name::as_str));
        let ticket = self.admit(attempt).await?;
        let verified = match &known {
            Some(name) => self.verify(name, password).await,
            None => self.verify_nobody(password).await,
        };
        match verified {
            Ok(Some(login)) => {
                ticket.right(Instant::now());
                Ok(login)
            }
            Ok(None) => {
                sleep(ticket.wrong(Instant::now())).await;
                Err(LoginRefusal::Wrong)
            }
            Err(error) => {
                ticket.unknown(Instant::now());
                Err(error.into())
            }
        }
    }

    /// Waits while as many passwords as may be wrong are being looked at: a program that connects ten times at once is
    /// no guesser.
    async fn admit(&self, attempt: Try<'_>) -> Result<Ticket<'_>, LoginRefusal> {
        for _ in 0..ADMISSIONS {
            match self.shared.throttle.admit(attempt, Instant::now()) {
                Admission::Now(ticket) => return Ok(ticket),
                Admission::Later => sleep(ADMISSION_PAUSE).await,
                Admission::Refused => break,
            }
        }
        Err(LoginRefusal::TooMany)
    }

    /// Whether a login name is that of an account.
    #[must_use]
    pub fn is_name_of(&self, name: &str, login: &Login) -> bool {
        let address = login_address(name, self.default_domain());
        address.is_ok_and(|address| Name::of(&address) == Name::of(&login.address))
    }

    async fn verify(&self, name: &Name, password: &Secret) -> Result<Option<Arc<Login>>, DirectoryError> {
        if let Some(login) = self.shared.verified.find(name.as_str(), password.expose()) {
            return Ok(Some(login));
        }
        let seen = self.shared.verified.generation();
        let Some((id, row)) = self.account_named(name).await? else {
            return self.verify_nobody(password).await;
        };
        let verdict = self
            .shared
            .hasher
            .verify(password.clone(), Some(row.password))
            .await?;
        if verdict == Verdict::Wrong {
            return Ok(None);
        }
        let login = Arc::new(Login {
            account: id,
            address: row.address,
        });
        self.shared
            .verified
            .remember(name.as_str(), password.expose(), Arc::clone(&login), seen);
        Ok(Some(login))
    }

    /// Takes as long as a verification.
    async fn verify_nobody(&self, password: &Secret) -> Result<Option<Arc<Login>>, DirectoryError> {
        self.shared.hasher.verify(password.clone(), None).await?;
        Ok(None)
    }

    /// The account whose own name this is.
    pub(crate) async fn account_named(
        &self,
        name: &Name,
    ) -> Result<Option<(AccountId, AccountRow)>, DirectoryError> {
        match self.name_row(name).await?.map(|row| row.leads) {
            Some(Leads::Account(id)) => Ok(self.account_row(id).await?.map(|row| (id, row))),
            Some(Leads::Alias(_)) | None => Ok(None),
        }
    }
}
