//! What is asked about people beside their accounts: groups, aliases, quotas, and whether an account can be used.

use directory::{Access, Allowance, Directory, Of, QuotaChange, Resolution};
use serde::{Deserialize, Serialize};
use types::{AccountId, Address, Domain};

use super::{Reply, Request, State, parse, parse_domain};
use crate::exit::{Code, Exit};

/// A place in a list.
pub(crate) type Cursor = Option<directory::Cursor>;

/// Whose quota.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum About {
    Account(String),
    /// What each account of it may hold, and what all may hold together.
    Domain {
        domain: String,
        together: Change,
    },
}

/// A limit, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    Default,
    None,
    Of(u64),
}

/// Limits that are to be others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) storage: Option<Limit>,
    pub(crate) messages: Option<Limit>,
}

/// Where a limit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    Own,
    Domain,
}

/// Something that is limited, or could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resource {
    /// Not told of what each account of a domain may hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) used: Option<u64>,
    pub(crate) limit: Option<u64>,
    pub(crate) source: Source,
}

/// What an account holds and may hold, or each account of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Quota {
    pub(crate) storage: Resource,
    pub(crate) messages: Resource,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) together: Option<Together>,
}

/// What all accounts of a domain hold and may hold together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Together {
    pub(crate) domain: String,
    pub(crate) storage: Resource,
    pub(crate) messages: Resource,
}

/// What is asked about groups.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Groups {
    /// Makes one.
    Add { group: String, members: Vec<String> },
    /// Removes one.
    Remove(String),
    /// Adds members.
    AddMembers { group: String, members: Vec<String> },
    /// Removes members.
    RemoveMembers { group: String, members: Vec<String> },
    /// Lists groups; answered with [`Reply::Leading`].
    List(Cursor),
    /// Lists the members of one; answered with [`Reply::Members`].
    Members(String),
}

/// An alias or a group, and where its mail goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Leading {
    pub(crate) address: String,
    pub(crate) leads_to: Vec<String>,
}

/// A part of a list.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Leading>,
    pub(crate) next: Cursor,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) address: String,
    pub(crate) reached: Reached,
}

/// Whether mail reaches a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reached {
    /// It does.
    Here,
    /// It leads to other servers, at least in part.
    Elsewhere,
    /// Its account is disabled.
    Disabled,
    /// Nobody has the address any more.
    Nobody,
}

impl From<Limit> for directory::Limit {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Default => directory::Limit::Default,
            Limit::None => directory::Limit::None,
            Limit::Of(limit) => directory::Limit::Of(limit),
        }
    }
}

impl From<directory::Limit> for Limit {
    fn from(limit: directory::Limit) -> Self {
        match limit {
            directory::Limit::Default => Limit::Default,
            directory::Limit::None => Limit::None,
            directory::Limit::Of(limit) => Limit::Of(limit),
        }
    }
}

impl From<Change> for QuotaChange {
    fn from(change: Change) -> Self {
        QuotaChange {
            octets: change.storage.map(Into::into),
            messages: change.messages.map(Into::into),
        }
    }
}

impl State {
    pub(super) async fn about_people(&self, request: Request) -> Result<Reply, Exit> {
        match request {
            Request::Disable(address) => {
                let address = parse(&address)?;
                self.directory.set_access(&address, Access::Disabled).await?;
                Ok(Reply::Done)
            }
            Request::Enable(address) => {
                let address = parse(&address)?;
                self.directory.set_access(&address, Access::Enabled).await?;
                Ok(Reply::Done)
            }
            Request::ListAliases(from) => Ok(leading(self.directory.aliases(from).await?)),
            Request::Groups(request) => self.about_groups(request).await,
            Request::Quota { about, change } => self.about_quota(about, change).await,
            request => self.about_domains(request).await,
        }
    }

    async fn about_groups(&self, request: Groups) -> Result<Reply, Exit> {
        let directory = &self.directory;
        match request {
            Groups::Add { group, members } => {
                directory.add_group(&parse(&group)?, parse_all(&members)?).await?;
            }
            Groups::Remove(group) => directory.remove_group(&parse(&group)?).await?,
            Groups::AddMembers { group, members } => {
                directory
                    .add_members(&parse(&group)?, parse_all(&members)?)
                    .await?;
            }
            Groups::RemoveMembers { group, members } => {
                let members = parse_all(&members)?;
                directory.remove_members(&parse(&group)?, &members).await?;
            }
            Groups::List(from) => return Ok(leading(directory.groups(from).await?)),
            Groups::Members(group) => {
                let members = directory.members_of(&parse(&group)?).await?;
                return Ok(Reply::Members(reached(directory, members).await?));
            }
        }
        Ok(Reply::Done)
    }

    async fn about_quota(&self, about: About, change: Change) -> Result<Reply, Exit> {
        match about {
            About::Account(address) => {
                let address = parse(&address)?;
                if change != Change::default() {
                    let id = self.directory.set_quota(&address, change.into()).await?;
                    self.store.quota_changed(id).await.map_err(failed)?;
                }
                self.account_quota(&address).await
            }
            About::Domain { domain, together } => {
                let domain = parse_domain(&domain)?;
                let changes = [(Of::Each, change), (Of::All, together)];
                let changes = changes
                    .into_iter()
                    .filter(|(_, change)| *change != Change::default());
                for (of, change) in changes {
                    self.directory
                        .set_domain_quota(&domain, of, change.into())
                        .await?;
                    self.store.quotas_changed().await.map_err(failed)?;
                }
                self.domain_quota(&domain).await
            }
        }
    }

    async fn domain_quota(&self, domain: &Domain) -> Result<Reply, Exit> {
        let each = self.directory.domain_quota(domain, Of::Each).await?;
        let all = self.directory.domain_quota(domain, Of::All).await?;
        let held = self.store.held_by(domain.as_str()).await.map_err(failed)?;
        let resource = |used, limit| Resource {
            used,
            limit,
            source: Source::Own,
        };
        Ok(Reply::Quota(Quota {
            storage: resource(None, each.octets),
            messages: resource(None, each.messages),
            together: Some(Together {
                domain: domain.to_string(),
                storage: resource(Some(held.octets.0), all.octets),
                messages: resource(Some(held.messages), all.messages),
            }),
        }))
    }

    async fn account_quota(&self, address: &Address) -> Result<Reply, Exit> {
        let (id, own, quota): (AccountId, Allowance, directory::Quota) =
            self.directory.quota(address).await?;
        let account = self.store.account(id).await;
        let account =
            account.map_err(|error| Exit::new(Code::Io, format!("the mail of {address}: {error}")))?;
        let usage = account.usage();
        let resource = |used, limit, own| Resource {
            used: Some(used),
            limit,
            source: match own {
                directory::Limit::Default => Source::Domain,
                directory::Limit::None | directory::Limit::Of(_) => Source::Own,
            },
        };
        let of_all = |used, limit| Resource {
            used: Some(used),
            limit,
            source: Source::Domain,
        };
        let together = account.shared_quota().map(|shared| Together {
            storage: of_all(shared.usage.octets.0, shared.quota.octets.map(|limit| limit.0)),
            messages: of_all(shared.usage.messages, shared.quota.messages),
            domain: shared.name.to_string(),
        });
        Ok(Reply::Quota(Quota {
            storage: resource(usage.octets.0, quota.octets, own.octets),
            messages: resource(usage.messages, quota.messages, own.messages),
            together,
        }))
    }
}

fn failed(error: store::StoreError) -> Exit {
    Exit::new(Code::Io, error.to_string())
}

fn parse_all(addresses: &[String]) -> Result<Vec<Address>, Exit> {
    addresses.iter().map(|address| parse(address)).collect()
}

fn leading(page: directory::Page) -> Reply {
    let entries = page.entries.into_iter().map(|listed| Leading {
        address: listed.address.into(),
        leads_to: listed.leads_to.iter().map(ToString::to_string).collect(),
    });
    Reply::Leading(Page {
        entries: entries.collect(),
        next: page.next,
    })
}

async fn reached(directory: &Directory, members: Vec<Address>) -> Result<Vec<Member>, Exit> {
    let mut told = Vec::with_capacity(members.len());
    for member in members {
        let reached = match directory.resolve(&member).await? {
            Resolution::Accounts(_) => Reached::Here,
            // What leads to too many leads to some of them elsewhere for all that is known.
            Resolution::Beyond { .. } | Resolution::NotLocal | Resolution::TooMany => Reached::Elsewhere,
            Resolution::Disabled => Reached::Disabled,
            Resolution::NoSuchUser => Reached::Nobody,
        };
        let address = member.to_string();
        told.push(Member { address, reached });
    }
    Ok(told)
}
