//! The control socket of a running server: lines of JSON in its data folder, for the owner of the folder only.
//!
//! A command asks with one [`Request`] a line and gets one [`Reply`] a line; the bytes of messages follow the line that says how
//! many they are. A stopped server's folder is asked the same questions by the command itself: see [`State::answer`].

pub(crate) mod bring_back;
mod claims;
mod client;
mod listen;
pub(crate) mod mail;
pub(crate) mod people;
mod undelete;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use directory::{Access, Directory, DirectoryError, ImportedAccount, NewAccount};
use sasl::Secret;
use serde::{Deserialize, Serialize};
use store::Store;
use types::{AccountId, Address, Domain};

use crate::backup::plan::Plan;
use crate::exit::{Code, Exit};
use crate::folder::Integrity;
use crate::words;
use bring_back::{BringBack, BroughtBack, Returned};

pub(crate) use client::Client;
pub(crate) use listen::{listen, short_path};
use people::{About, Change, Cursor, Groups, Member, Page, Quota};
pub(crate) use undelete::{Deleted, Since, Undeleted};

/// The socket's name in the data folder.
const SOCKET: &str = "control.sock";
/// Accounts of one [`Request::List`].
pub(crate) const PAGE: usize = 500;

/// What a command asks for. It has no `Debug`: passwords do not print.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Adds accounts; answered with [`Reply::Outcomes`].
    Add(Vec<Entry>),
    /// Adds accounts with hashes of another program in place of passwords; answered with [`Reply::Outcomes`].
    Import(Vec<Entry>),
    /// Makes an app password; answered with [`Reply::Shown`].
    AddAppPassword(Named),
    /// Lists the app passwords of an account; answered with [`Reply::AppPasswords`].
    ListAppPasswords(String),
    /// Revokes an app password.
    RevokeAppPassword(Named),
    /// Lists accounts with higher numbers than this; answered with [`Reply::Accounts`].
    List(u64),
    /// Removes an account with its mail.
    Remove(String),
    /// Gives an account another password.
    Password(Entry),
    /// Lets nobody use an account.
    Disable(String),
    /// Lets it be used again.
    Enable(String),
    /// Changes a quota, or only asks for it; answered with [`Reply::Quota`].
    Quota { about: About, change: Change },
    /// About groups.
    Groups(Groups),
    /// Lists aliases; answered with [`Reply::Leading`].
    ListAliases(Cursor),
    /// Makes an address lead to others.
    SetAlias { address: String, targets: Vec<String> },
    /// Removes an alias.
    RemoveAlias(String),
    /// Makes a domain the server's.
    AddDomain(String),
    /// Gives a domain up.
    RemoveDomain(String),
    /// Says who gets mail to names that nobody has.
    CatchAll { domain: String, address: Option<String> },
    /// Lists the domains; answered with [`Reply::Names`].
    ListDomains,
    /// Brings deleted messages back; answered with [`Reply::Undeleted`].
    Undelete(Since),
    /// Lists what would be brought back; answered with [`Reply::Deleted`].
    ListDeleted(Since),
    /// Verifies the folder itself; answered with [`Reply::Checked`].
    CheckFolder,
    /// Verifies the mail of an account; answered with [`Reply::Checked`].
    CheckAccount(u64),
    /// Holds the folder still as long as the connection lives; answered with [`Reply::Backup`].
    BeginBackup,
    /// Adds an account with the hash of its password, unless it is there; answered with [`Reply::Returned`].
    ReturnAccount(bring_back::Returning),
    /// Asks what numbers of a backup mean the same here; answered with [`Reply::Numbered`].
    Numbers(bring_back::Numbers),
    /// Brings messages back that are missing, whose octets follow; answered with [`Reply::BroughtBack`].
    BringBack(BringBack),
    /// Asks for mail, or brings it; answered with [`Reply::Mail`].
    Mail(mail::Ask),
}

/// An address and a password.
#[derive(Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) address: String,
    pub(crate) password: String,
}

/// An account's address and the name of one of its app passwords.
#[derive(Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) address: String,
    pub(crate) name: String,
}

/// An app password, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppPassword {
    pub(crate) name: String,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) last_used: Option<i64>,
}

/// A secret on its way to the one who asked for it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Shown(pub(crate) String);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown(…)")
    }
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Done,
    /// For each account nothing, or why it was not added.
    Outcomes(Vec<Option<Refused>>),
    Accounts(Vec<Listed>),
    AppPasswords(Vec<AppPassword>),
    Shown(Shown),
    Names(Vec<String>),
    Leading(Page),
    Members(Vec<Member>),
    Quota(Quota),
    Checked(Checked),
    Backup(Plan),
    Returned(Returned),
    Numbered(bring_back::Numbered),
    BroughtBack(BroughtBack),
    Mail(mail::Answer),
    Deleted(Vec<Deleted>),
    Undeleted(Undeleted),
    Refused(Refused),
}

/// Why something was not done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refused {
    code: u8,
    pub(crate) words: String,
    #[serde(default)]
    chinese: Option<String>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) id: u64,
    pub(crate) address: String,
    /// Seconds since 1970.
    pub(crate) added: i64,
    /// Nobody can use it.
    #[serde(default)]
    pub(crate) disabled: bool,
}

/// What a check has looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checked {
    pub(crate) mailboxes: u64,
    pub(crate) messages: u64,
    pub(crate) findings: Vec<String>,
    /// The newest copy of the index, if there is one that is whole.
    #[serde(default)]
    pub(crate) copy: Option<IndexCopy>,
    /// When mail was last salvaged from what was left of the log, in seconds since 1970.
    #[serde(default)]
    pub(crate) salvaged: Option<u64>,
    /// Accounts that have mail and no name any more.
    #[serde(default)]
    pub(crate) nameless: Vec<u64>,
}

/// A copy of the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexCopy {
    pub(crate) path: String,
    pub(crate) rows: u64,
    /// Seconds since 1970.
    pub(crate) taken: u64,
}

impl From<Exit> for Refused {
    fn from(exit: Exit) -> Self {
        Refused {
            code: exit.code as u8,
            words: exit.words,
            chinese: exit.chinese,
        }
    }
}

impl From<Refused> for Exit {
    fn from(refused: Refused) -> Self {
        let codes = [
            Code::Data,
            Code::NoUser,
            Code::CannotCreate,
            Code::Io,
            Code::Temporary,
        ];
        let code = codes.into_iter().find(|code| *code as u8 == refused.code);
        Exit {
            chinese: refused.chinese,
            ..Exit::new(code.unwrap_or(Code::Unavailable), refused.words)
        }
    }
}

/// What questions are answered from.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) directory: Directory,
    pub(crate) store: Store,
    pub(crate) integrity: Arc<dyn Integrity>,
}

impl State {
    /// Answers a request; with the octets that follow it.
    pub(crate) async fn answer(&self, request: Request, body: Bytes) -> Reply {
        let carried_out = match request {
            Request::BringBack(request) => self.bring_back(request, body).await,
            Request::ReturnAccount(entry) => self.return_account(entry).await,
            Request::Numbers(numbers) => self.numbers(numbers).await.map(Reply::Numbered),
            request => self.carry_out(request).await,
        };
        carried_out.unwrap_or_else(|exit| Reply::Refused(exit.into()))
    }

    async fn carry_out(&self, request: Request) -> Result<Reply, Exit> {
        match request {
            Request::Add(entries) => Ok(Reply::Outcomes(self.add(entries).await)),
            Request::List(after) => {
                let accounts = self.directory.accounts(AccountId(after), PAGE).await?;
                let listed = accounts.into_iter().map(|account| Listed {
                    id: account.id.0,
                    address: account.address.to_string(),
                    added: account.added.0,
                    disabled: account.access == Access::Disabled,
                });
                Ok(Reply::Accounts(listed.collect()))
            }
            Request::Remove(address) => {
                let id = self.directory.remove_account(&parse(&address)?).await?;
                let deleted = self.store.delete_account(id).await;
                deleted.map_err(|error| Exit::new(Code::Io, format!("the mail of {address}: {error}")))?;
                Ok(Reply::Done)
            }
            Request::Password(entry) => {
                let password = Secret::new(entry.password.into_bytes());
                self.directory
                    .set_password(&parse(&entry.address)?, password)
                    .await?;
                Ok(Reply::Done)
            }
            Request::SetAlias { address, targets } => {
                let targets = targets
                    .iter()
                    .map(|target| parse(target))
                    .collect::<Result<_, _>>()?;
                self.directory.set_alias(&parse(&address)?, targets).await?;
                Ok(Reply::Done)
            }
            Request::RemoveAlias(address) => {
                self.directory.remove_alias(&parse(&address)?).await?;
                Ok(Reply::Done)
            }
            request => self.about_app_passwords(request).await,
        }
    }

    async fn about_app_passwords(&self, request: Request) -> Result<Reply, Exit> {
        match request {
            Request::AddAppPassword(Named { address, name }) => {
                let secret = self.directory.add_app_password(&parse(&address)?, &name).await?;
                let shown = String::from_utf8_lossy(secret.expose()).into_owned();
                Ok(Reply::Shown(Shown(shown)))
            }
            Request::ListAppPasswords(address) => {
                let all = self.directory.app_passwords(&parse(&address)?).await?;
                let listed = all.into_iter().map(|one| AppPassword {
                    name: one.name.into(),
                    created: one.created.0,
                    last_used: one.last_used.map(|time| time.0),
                });
                Ok(Reply::AppPasswords(listed.collect()))
            }
            Request::RevokeAppPassword(Named { address, name }) => {
                self.directory
                    .revoke_app_password(&parse(&address)?, &name)
                    .await?;
                Ok(Reply::Done)
            }
            Request::Import(entries) => Ok(Reply::Outcomes(self.import(entries).await)),
            request => self.about_people(request).await,
        }
    }

    async fn about_domains(&self, request: Request) -> Result<Reply, Exit> {
        match request {
            Request::AddDomain(domain) => self.directory.add_domain(&parse_domain(&domain)?).await?,
            Request::RemoveDomain(domain) => self.directory.remove_domain(&parse_domain(&domain)?).await?,
            Request::CatchAll { domain, address } => {
                let address = address.map(|address| parse(&address)).transpose()?;
                self.directory
                    .set_catch_all(&parse_domain(&domain)?, address)
                    .await?;
            }
            Request::ListDomains => {
                let domains = self.directory.domains().await?;
                return Ok(Reply::Names(domains.iter().map(ToString::to_string).collect()));
            }
            request @ (Request::Undelete(_) | Request::ListDeleted(_)) => {
                return self.undelete(request).await;
            }
            request => return self.check(request).await,
        }
        Ok(Reply::Done)
    }

    async fn check(&self, request: Request) -> Result<Reply, Exit> {
        match request {
            Request::CheckFolder => {
                let mut checked = self.integrity.check().await?;
                // Before the names: an account is named before it has mail.
                let kept = self.store.kept(&self.integrity.partitions()?).await;
                let kept = kept.map_err(|error| Exit::new(Code::Io, error.to_string()))?;
                checked.nameless = self.without_name(kept).await?;
                Ok(Reply::Checked(checked))
            }
            Request::CheckAccount(id) => self.check_account(AccountId(id)).await.map(Reply::Checked),
            Request::Mail(ask) => Box::pin(mail::answer(self, ask)).await,
            _ => Err(crate::admin::unexpected()),
        }
    }

    /// Those of some accounts that the directory does not know.
    pub(crate) async fn without_name(&self, mut accounts: Vec<AccountId>) -> Result<Vec<u64>, Exit> {
        let named = self.named().await?;
        accounts.retain(|id| named.binary_search(id).is_err());
        Ok(accounts.into_iter().map(|id| id.0).collect())
    }

    /// All accounts of the directory, in order.
    pub(crate) async fn named(&self) -> Result<Vec<AccountId>, Exit> {
        let mut named: Vec<AccountId> = Vec::new();
        loop {
            let after = named.last().copied().unwrap_or(AccountId(0));
            let some = self.directory.accounts(after, PAGE).await?;
            if some.is_empty() {
                return Ok(named);
            }
            named.extend(some.into_iter().map(|account| account.id));
        }
    }

    async fn add(&self, entries: Vec<Entry>) -> Vec<Option<Refused>> {
        let (outcomes, entries) = with_addresses(entries);
        let new = entries.into_iter().map(|(address, password)| NewAccount {
            address,
            password: Secret::new(password.into_bytes()),
        });
        merge(outcomes, self.directory.add_accounts(new.collect()).await)
    }

    async fn import(&self, entries: Vec<Entry>) -> Vec<Option<Refused>> {
        let (outcomes, entries) = with_addresses(entries);
        let new = entries.into_iter().map(|(address, hash)| ImportedAccount {
            address,
            hash: hash.into(),
        });
        merge(outcomes, self.directory.import_accounts(new.collect()).await)
    }

    async fn check_account(&self, id: AccountId) -> Result<Checked, Exit> {
        let report = self.store.check_account(id).await;
        let report = report.map_err(|error| Exit::new(Code::Io, format!("account {id}: {error}")))?;
        let words = |finding: store::CheckFinding| {
            let mailbox = finding
                .mailbox
                .map(|mailbox| format!(", mailbox {mailbox}"))
                .unwrap_or_default();
            let uid = finding.uid.map(|uid| format!(", uid {uid}")).unwrap_or_default();
            format!("account {}{mailbox}{uid}: {}", finding.account, finding.what)
        };
        Ok(Checked {
            mailboxes: report.mailboxes,
            messages: report.messages,
            findings: report.findings.into_iter().map(words).collect(),
            ..Checked::default()
        })
    }
}

/// Entries whose addresses are such, and for each of all nothing or why it is not one of these.
fn with_addresses(entries: Vec<Entry>) -> (Vec<Option<Refused>>, Vec<(Address, String)>) {
    let mut outcomes = Vec::with_capacity(entries.len());
    let mut good = Vec::with_capacity(entries.len());
    for entry in entries {
        let address = parse(&entry.address);
        outcomes.push(address.as_ref().err().cloned().map(Refused::from));
        good.extend(address.ok().map(|address| (address, entry.password)));
    }
    (outcomes, good)
}

/// Puts what came of the good ones between the others.
fn merge(
    mut outcomes: Vec<Option<Refused>>,
    added: Vec<Result<AccountId, DirectoryError>>,
) -> Vec<Option<Refused>> {
    let mut added = added.into_iter();
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_none()) {
        let error = added.next().and_then(Result::err);
        *outcome = error.map(|error| Exit::from(error).into());
    }
    outcomes
}

fn parse(address: &str) -> Result<Address, Exit> {
    let parsed = Address::parse(address);
    let shown = address.escape_debug();
    parsed.map_err(|error| {
        let chinese = format!("{shown} 不是邮件地址：{}", words::address_chinese(error));
        Exit::in_both(Code::Data, format!("{shown}: {error}"), chinese)
    })
}

fn parse_domain(domain: &str) -> Result<Domain, Exit> {
    let parsed = Domain::check(domain);
    let shown = domain.escape_debug();
    parsed.map_err(|error| {
        let chinese = format!("{shown} 不是域名：{}", words::address_chinese(error));
        Exit::in_both(Code::Data, format!("{shown}: {error}"), chinese)
    })
}

fn print(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("texts and numbers always print");
    line.push(b'\n');
    line
}
