//! Who may log in and where mail goes: the directory's answers, in the words of each protocol.

use std::net::IpAddr;
use std::sync::Arc;

use directory::{Directory, DirectoryError, Login, LoginRefusal, Resolution};
use sasl::Credentials;
use store::{Account, Delivery, Store, StoreError};
use types::{AccountId, Address, MailboxName};

use crate::{Metrics, Mode, Tally, imap, pop3, smtp};

/// The accounts of a server.
pub(crate) struct Accounts {
    pub(crate) directory: Directory,
    pub(crate) store: Store,
    pub(crate) mode: Mode,
    pub(crate) metrics: Arc<Metrics>,
}

/// The accounts, and who asks for them.
pub(crate) struct Visitor {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) tally: Arc<Tally>,
}

impl Accounts {
    async fn log_in(
        &self,
        credentials: &Credentials,
        peer: Option<IpAddr>,
    ) -> Result<Arc<Login>, LoginRefusal> {
        let refused = match self
            .directory
            .login(&credentials.login, &credentials.password, peer)
            .await
        {
            // Nobody may act as somebody else yet (RFC 4616 §2).
            Ok(login)
                if credentials
                    .act_as
                    .as_ref()
                    .is_none_or(|name| self.directory.is_name_of(name, &login)) =>
            {
                self.metrics.logged_in();
                return Ok(login);
            }
            Ok(_) => LoginRefusal::Wrong,
            Err(refusal) => refusal,
        };
        self.metrics.login_refused();
        match &refused {
            // Whoever floods us must not flood the log as well, at a level that wakes people.
            LoginRefusal::Failed(DirectoryError::Busy) => tracing::warn!("a login was put off"),
            LoginRefusal::Failed(error) => tracing::error!(%error, "a login could not be verified"),
            refusal => {
                tracing::info!(login = %credentials.login.escape_debug(), peer = peer.map(display), %refusal, "a login was refused")
            }
        }
        Err(refused)
    }

    async fn open(&self, account: AccountId) -> Result<Account, StoreError> {
        let opened = self.store.account(account).await;
        opened.inspect_err(
            |error| tracing::error!(account = account.0, %error, "an account could not be opened"),
        )
    }

    /// Where mail to an address goes.
    async fn find(&self, address: &Address) -> Result<smtp::Found, DirectoryError> {
        let resolution = match (self.directory.resolve(address).await?, &self.mode) {
            (Resolution::NotLocal, Mode::Local { catch: Some(catch) }) => {
                self.directory.resolve(catch).await?
            }
            (resolution, _) => resolution,
        };
        Ok(match resolution {
            Resolution::Accounts(accounts) => smtp::Found::Here(accounts.into_iter().map(inbox).collect()),
            Resolution::NoSuchUser => smtp::Found::Nobody,
            Resolution::NotLocal => smtp::Found::Elsewhere,
        })
    }
}

fn inbox(account: AccountId) -> Delivery {
    Delivery {
        account,
        mailbox: MailboxName::inbox(),
    }
}

fn smtp_failed(error: &DirectoryError) -> ::smtp::Refusal {
    tracing::error!(%error, "an address could not be looked up");
    ::smtp::Refusal::StoreFailed
}

impl smtp::Authority for Accounts {
    fn log_in<'a>(
        &'a self,
        credentials: &'a Credentials,
        peer: Option<IpAddr>,
    ) -> smtp::Answer<'a, AccountId> {
        Box::pin(async move {
            match self.log_in(credentials, peer).await {
                Ok(login) => Ok(login.account),
                Err(LoginRefusal::Wrong) => Err(::smtp::Refusal::AuthFailed),
                Err(LoginRefusal::TooMany | LoginRefusal::Failed(_)) => Err(::smtp::Refusal::AuthUnavailable),
            }
        })
    }

    fn resolve<'a>(&'a self, address: &'a Address) -> smtp::Answer<'a, smtp::Found> {
        Box::pin(async move { self.find(address).await.map_err(|error| smtp_failed(&error)) })
    }

    fn may_send_as<'a>(&'a self, account: AccountId, address: &'a Address) -> smtp::Answer<'a, smtp::Owns> {
        Box::pin(async move {
            match self.directory.owns(account, address).await {
                Ok(true) => Ok(smtp::Owns::Yes),
                Ok(false) => Ok(smtp::Owns::No),
                Err(error) => Err(smtp_failed(&error)),
            }
        })
    }
}

impl pop3::Authority for Visitor {
    fn log_in<'a>(&'a self, credentials: &'a Credentials, peer: Option<IpAddr>) -> pop3::LoginFuture<'a> {
        Box::pin(async move {
            let login = self
                .accounts
                .log_in(credentials, peer)
                .await
                .map_err(|refusal| match refusal {
                    LoginRefusal::Wrong => ::pop3::Refusal::WrongPassword,
                    LoginRefusal::TooMany | LoginRefusal::Failed(_) => ::pop3::Refusal::LoginUnavailable,
                })?;
            self.tally.account(&login.address.to_string());
            self.accounts
                .open(login.account)
                .await
                .map_err(|_| ::pop3::Refusal::StoreFailed)
        })
    }
}

impl imap::Authority for Visitor {
    fn log_in<'a>(&'a self, credentials: &'a Credentials) -> imap::LoginFuture<'a> {
        Box::pin(async move {
            let login =
                self.accounts
                    .log_in(credentials, self.peer)
                    .await
                    .map_err(|refusal| match refusal {
                        LoginRefusal::Wrong => ::imap::Refusal::Credentials,
                        LoginRefusal::TooMany => ::imap::Refusal::TooManyTries,
                        LoginRefusal::Failed(_) => ::imap::Refusal::Unavailable,
                    })?;
            self.tally.account(&login.address.to_string());
            self.accounts
                .open(login.account)
                .await
                .map_err(|_| ::imap::Refusal::Unavailable)
        })
    }
}
