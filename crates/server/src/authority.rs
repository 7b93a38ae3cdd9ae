//! Who may log in and where mail goes: the directory's answers, in the words of each protocol.

use std::net::IpAddr;
use std::sync::Arc;

use config::Oidc;
use directory::{Directory, DirectoryError, Login, LoginRefusal, Resolution};
use sasl::{Claim, Credentials, Mechanism, Token};
use store::{Account, Delivery, Store, StoreError};
use tokio::task::spawn_blocking;
use types::{AccountId, Address, MailboxName};

use crate::authenticate::{Entered, KeptFuture, Sasl};
use crate::channel::Channel;
use crate::introspection::Inquirer;
use crate::{Metrics, Mode, Tally, imap, oidc, pop3, smtp};

/// The accounts of a server.
pub(crate) struct Accounts {
    pub(crate) directory: Directory,
    pub(crate) store: Store,
    pub(crate) mode: Mode,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ways: Ways,
}

/// The ways to log in beside a password.
pub(crate) struct Ways {
    /// Whether SCRAM is announced.
    pub(crate) scram: bool,
    /// Whose tokens are taken.
    pub(crate) oidc: Option<Arc<Oidc>>,
    /// Asks the issuer about them.
    pub(crate) inquirer: Option<Inquirer>,
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
        let outcome = self
            .directory
            .login(&credentials.login, &credentials.password, peer)
            .await;
        self.admit(outcome, (&credentials.login, credentials.act_as.as_deref()), peer)
    }

    /// Verifies what was claimed in an exchange.
    async fn verify(
        &self,
        claim: &Claim,
        channel: &Channel,
        peer: Option<IpAddr>,
    ) -> Result<Arc<Login>, LoginRefusal> {
        match claim {
            Claim::Password(credentials) => self.log_in(credentials, peer).await,
            Claim::Proof(proof) => {
                let outcome = self.directory.login_by_proof(proof, peer).await;
                self.admit(outcome, (&proof.login, proof.act_as.as_deref()), peer)
            }
            Claim::Certificate { act_as } => {
                let name = act_as.as_deref();
                let outcome = self.certified(name, channel).await;
                self.admit(outcome, (name.unwrap_or("a certificate"), None), peer)
            }
            Claim::Token(token) => {
                let outcome = self.bearer(token).await;
                let name = token.act_as.as_deref();
                self.admit(outcome, (name.unwrap_or("a token"), name), peer)
            }
        }
    }

    /// The account that a certificate is for: the one that is named, or the first that there is.
    async fn certified(&self, name: Option<&str>, channel: &Channel) -> Result<Arc<Login>, LoginRefusal> {
        for address in &channel.addresses {
            let found = self.directory.login_of(address).await?;
            match found {
                Some(login) if name.is_none_or(|name| self.directory.is_name_of(name, &login)) => {
                    return Ok(login);
                }
                _ => {}
            }
        }
        Err(LoginRefusal::Wrong)
    }

    /// The account that a token is for.
    async fn bearer(&self, token: &Token) -> Result<Arc<Login>, LoginRefusal> {
        let Some(oidc) = self.ways.oidc.clone() else {
            return Err(LoginRefusal::Wrong);
        };
        let (settings, secret) = (Arc::clone(&oidc), token.secret.clone());
        let verified = spawn_blocking(move || oidc::login_of(&settings, &secret)).await;
        let name = match verified {
            Ok(Ok(Some(name))) => name,
            Ok(Ok(None)) => self.ask_issuer(&oidc, token).await?,
            Ok(Err(error)) => {
                tracing::error!(%error, "a token could not be verified");
                return Err(DirectoryError::Busy.into());
            }
            Err(_) => return Err(DirectoryError::Busy.into()),
        };
        self.directory.login_of(&name).await?.ok_or(LoginRefusal::Wrong)
    }

    async fn ask_issuer(&self, oidc: &Oidc, token: &Token) -> Result<String, LoginRefusal> {
        let (Some(endpoint), Some(inquirer)) = (&oidc.introspection, &self.ways.inquirer) else {
            return Err(LoginRefusal::Wrong);
        };
        match inquirer.login_of(oidc, endpoint, &token.secret).await {
            Ok(name) => name.ok_or(LoginRefusal::Wrong),
            Err(error) => {
                tracing::error!(%error, "a token could not be verified");
                Err(DirectoryError::Busy.into())
            }
        }
    }

    /// Whoever was verified may act as nobody else (RFC 4616 §2, RFC 4422 §3.4.1); the log says who was refused.
    fn admit(
        &self,
        outcome: Result<Arc<Login>, LoginRefusal>,
        (login, act_as): (&str, Option<&str>),
        peer: Option<IpAddr>,
    ) -> Result<Arc<Login>, LoginRefusal> {
        let refused = match outcome {
            Ok(login) if act_as.is_none_or(|name| self.directory.is_name_of(name, &login)) => {
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
                tracing::info!(login = %login.escape_debug(), peer = peer.map(display), %refusal, "a login was refused")
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
            Resolution::Beyond {
                accounts,
                elsewhere: _,
            } => self.beyond(accounts).await?,
            Resolution::Disabled => smtp::Found::Disabled,
            Resolution::TooMany => smtp::Found::TooMany,
            Resolution::NoSuchUser => smtp::Found::Nobody,
            Resolution::NotLocal => smtp::Found::Elsewhere,
        })
    }
}

impl Accounts {
    /// Where mail to some of ours and to others elsewhere goes: what `--catch` catches of it stays here, too.
    async fn beyond(&self, mut accounts: Vec<AccountId>) -> Result<smtp::Found, DirectoryError> {
        let inboxes = |accounts: Vec<AccountId>| accounts.into_iter().map(inbox).collect();
        let Mode::Local { catch: Some(catch) } = &self.mode else {
            return Ok(smtp::Found::Beyond(inboxes(accounts)));
        };
        Ok(match self.directory.resolve(catch).await? {
            Resolution::Accounts(caught) => {
                accounts.extend(caught);
                smtp::Found::Here(inboxes(accounts))
            }
            _ => smtp::Found::Beyond(inboxes(accounts)),
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

fn smtp_refusal(refusal: LoginRefusal) -> ::smtp::Refusal {
    match refusal {
        LoginRefusal::Wrong => ::smtp::Refusal::AuthFailed,
        LoginRefusal::TooMany | LoginRefusal::Failed(_) => ::smtp::Refusal::AuthUnavailable,
    }
}

fn imap_refusal(refusal: LoginRefusal) -> ::imap::Refusal {
    match refusal {
        LoginRefusal::Wrong => ::imap::Refusal::Credentials,
        LoginRefusal::TooMany => ::imap::Refusal::TooManyTries,
        LoginRefusal::Failed(_) => ::imap::Refusal::Unavailable,
    }
}

impl Sasl for Accounts {
    fn mechanisms(&self, channel: &Channel) -> Vec<Mechanism> {
        let mut mechanisms = Vec::new();
        if self.ways.scram {
            mechanisms.extend(channel.exporter.map(|_| Mechanism::ScramSha256Plus));
            mechanisms.push(Mechanism::ScramSha256);
        }
        if !channel.addresses.is_empty() {
            mechanisms.push(Mechanism::External);
        }
        if self.ways.oidc.is_some() {
            mechanisms.extend([Mechanism::OAuthBearer, Mechanism::XOAuth2]);
        }
        mechanisms.extend([Mechanism::Plain, Mechanism::Login]);
        mechanisms
    }

    fn kept<'a>(&'a self, login: &'a str) -> KeptFuture<'a> {
        Box::pin(self.directory.scram(login))
    }
}

impl Sasl for Visitor {
    fn mechanisms(&self, channel: &Channel) -> Vec<Mechanism> {
        self.accounts.mechanisms(channel)
    }

    fn kept<'a>(&'a self, login: &'a str) -> KeptFuture<'a> {
        self.accounts.kept(login)
    }
}

impl smtp::Authority for Accounts {
    fn log_in<'a>(
        &'a self,
        credentials: &'a Credentials,
        peer: Option<IpAddr>,
    ) -> smtp::Answer<'a, Arc<Login>> {
        Box::pin(async move {
            let login = self.log_in(credentials, peer).await;
            login.map_err(smtp_refusal)
        })
    }

    fn verify<'a>(
        &'a self,
        claim: &'a Claim,
        channel: &'a Channel,
        peer: Option<IpAddr>,
    ) -> smtp::Answer<'a, Arc<Login>> {
        Box::pin(async move {
            let login = self.verify(claim, channel, peer).await;
            login.map_err(smtp_refusal)
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
            let login = self.accounts.log_in(credentials, peer).await;
            self.open_maildrop(login).await
        })
    }

    fn verify<'a>(
        &'a self,
        claim: &'a Claim,
        channel: &'a Channel,
        peer: Option<IpAddr>,
    ) -> pop3::LoginFuture<'a> {
        Box::pin(async move {
            let login = self.accounts.verify(claim, channel, peer).await;
            self.open_maildrop(login).await
        })
    }
}

impl imap::Authority for Visitor {
    fn log_in<'a>(&'a self, credentials: &'a Credentials) -> imap::LoginFuture<'a> {
        Box::pin(async move {
            let login = self.accounts.log_in(credentials, self.peer).await;
            self.open(login).await
        })
    }

    fn verify<'a>(&'a self, claim: &'a Claim, channel: &'a Channel) -> imap::LoginFuture<'a> {
        Box::pin(async move {
            let login = self.accounts.verify(claim, channel, self.peer).await;
            self.open(login).await
        })
    }
}

impl Visitor {
    async fn open_maildrop(
        &self,
        login: Result<Arc<Login>, LoginRefusal>,
    ) -> Result<Entered, ::pop3::Refusal> {
        let login = login.map_err(|refusal| match refusal {
            LoginRefusal::Wrong => ::pop3::Refusal::WrongPassword,
            LoginRefusal::TooMany | LoginRefusal::Failed(_) => ::pop3::Refusal::LoginUnavailable,
        })?;
        self.tally.account(&login.address.to_string());
        let opened = self.accounts.open(login.account).await;
        let account = opened.map_err(|_| ::pop3::Refusal::StoreFailed)?;
        let standing = login.standing.clone();
        Ok(Entered { account, standing })
    }

    async fn open(&self, login: Result<Arc<Login>, LoginRefusal>) -> Result<Entered, ::imap::Refusal> {
        let login = login.map_err(imap_refusal)?;
        self.tally.account(&login.address.to_string());
        let opened = self.accounts.open(login.account).await;
        let account = opened.map_err(|_| ::imap::Refusal::Unavailable)?;
        let standing = login.standing.clone();
        Ok(Entered { account, standing })
    }
}
