//! Logging in: a name and a password against what is kept.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sasl::Secret;
use thiserror::Error;
use tokio::time::{sleep, sleep_until};
use types::{AccountId, Address};

use crate::name::{Name, login_address};
use crate::password::Verdict;
use crate::row::{AccountRow, Leads, foreign_key};
use crate::throttle::{Admission, Ticket, Try};
use crate::{Access, Directory, DirectoryError, Standing};

/// How often a login that has to wait for others is tried.
const ADMISSIONS: u32 = 100;
/// How long it waits in between.
const ADMISSION_PAUSE: Duration = Duration::from_millis(100);
/// See [`Directory::level`]: longer than the dearest hash that can be imported, on a machine that is not overloaded.
const LEVEL: Duration = Duration::from_secs(1);

/// Somebody who has shown who they are.
#[derive(Clone, Debug)]
pub struct Login {
    /// Their account.
    pub account: AccountId,
    /// The account's own address.
    pub address: Address,
    /// How long it holds.
    pub standing: Standing,
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
        let begin = tokio::time::Instant::now();
        let verified = match &known {
            Some(name) => self.verify(name, password).await,
            None => self.verify_nobody(password).await,
        };
        if let Ok(None) = verified {
            self.level(begin).await;
        }
        Self::settle(ticket, verified, Instant::now).await
    }

    /// Counts what came of a try, and waits after a wrong one.
    pub(crate) async fn settle(
        ticket: Ticket<'_>,
        verified: Result<Option<Arc<Login>>, DirectoryError>,
        now: impl Fn() -> Instant,
    ) -> Result<Arc<Login>, LoginRefusal> {
        match verified {
            Ok(Some(login)) => {
                ticket.right(now());
                Ok(login)
            }
            Ok(None) => {
                sleep(ticket.wrong(now())).await;
                Err(LoginRefusal::Wrong)
            }
            Err(error) => {
                ticket.unknown(now());
                Err(error.into())
            }
        }
    }

    /// Hashes of other programs take their own time, which would tell them from names that nobody has: where any were
    /// ever imported, all wrong passwords take whole seconds.
    async fn level(&self, begin: tokio::time::Instant) {
        // Unreadable, it is taken for there.
        if let Ok(None) = self.read(foreign_key()).await {
            return;
        }
        let steps = begin.elapsed().as_secs() / LEVEL.as_secs() + 1;
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        sleep_until(begin + LEVEL.saturating_mul(steps)).await;
    }

    /// The account of a login name: for somebody who has shown in another way who they are.
    ///
    /// # Errors
    /// When the engine fails or a row is unreadable.
    pub async fn login_of(&self, name: &str) -> Result<Option<Arc<Login>>, DirectoryError> {
        let Ok(address) = login_address(name, self.default_domain()) else {
            return Ok(None);
        };
        let found = self.entrant(&Name::of(&address)).await?;
        Ok(found
            .filter(|(_, row)| row.access == Access::Enabled)
            .map(|(login, _)| login))
    }

    /// Waits while as many passwords as may be wrong are being looked at: a program that connects ten times at once is
    /// no guesser.
    pub(crate) async fn admit(&self, attempt: Try<'_>) -> Result<Ticket<'_>, LoginRefusal> {
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
        let Some((login, row)) = self.entrant(name).await? else {
            return self.verify_nobody(password).await;
        };
        let id = login.account;
        // Not remembered: it costs no slow hash, and its last use is to be known.
        if row.access == Access::Enabled && self.is_app_password(id, password).await? {
            return Ok(Some(login));
        }
        let hasher = &self.shared.hasher;
        let verdict = hasher
            .verify(password.clone(), Some(row.password.clone()))
            .await?;
        let hash = match (verdict, row.access) {
            // As if it were wrong, and as slow.
            (Verdict::Wrong, _) | (_, Access::Disabled) => return Ok(None),
            (Verdict::Right, Access::Enabled) => None,
            (Verdict::Outdated, Access::Enabled) => hasher.hash(password.clone()).await.ok(),
        };
        // What cannot be written now is made at another login; this one is right.
        let _ = self.renew((id, &row), password, hash).await;
        self.shared
            .verified
            .remember(name.as_str(), password.expose(), Arc::clone(&login), seen);
        Ok(Some(login))
    }

    /// Whoever logs in under an account's own name, and what their row was after their standing began.
    pub(crate) async fn entrant(
        &self,
        name: &Name,
    ) -> Result<Option<(Arc<Login>, AccountRow)>, DirectoryError> {
        let Some(Leads::Account(account)) = self.name_row(name).await?.map(|row| row.leads) else {
            return Ok(None);
        };
        let standing = self.shared.standings.of(account);
        Ok(self.account_row(account).await?.map(|row| {
            let address = row.address.clone();
            let login = Login {
                account,
                address,
                standing,
            };
            (Arc::new(login), row)
        }))
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
            Some(Leads::Alias(_) | Leads::Group(_)) | None => Ok(None),
        }
    }
}
