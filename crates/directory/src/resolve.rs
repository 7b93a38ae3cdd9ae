//! Where mail to an address goes: sub-addresses, aliases, groups, catch-alls, postmaster.

use std::collections::HashSet;

use engine::Partition;
use types::{AccountId, Address};

use crate::name::{Name, NameHash, domain_hash, fold_domain};
use crate::row::{
    AccountRow, Counters, DomainRow, Leads, NameRow, Row, account_key, account_of, counters_key, domain_key,
    member_key, name_key,
};
use crate::{Access, Directory, DirectoryError};

/// How many addresses are looked up for one: what an alias of aliases or a group of groups may cost.
pub(crate) const MAX_LOOKUPS: usize = 1000;

/// Accounts of a domain that are looked at together for one that is not disabled.
const MEMBERS_A_READ: usize = 100;

/// The name that every domain has (RFC 5321 §4.5.1).
const POSTMASTER: &str = "postmaster";

/// What an address is to this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Mail to it goes to these, in the order in which aliases and groups name them, each once.
    Accounts(Vec<AccountId>),
    /// The same, and also to addresses of other servers, each once.
    Beyond {
        /// Who is here; may be nobody.
        accounts: Vec<AccountId>,
        /// Who is elsewhere.
        elsewhere: Vec<Address>,
    },
    /// All that it leads to is disabled.
    Disabled,
    /// It leads to more addresses than are followed.
    TooMany,
    /// The domain is ours, and nobody has the name.
    NoSuchUser,
    /// The domain is somebody else's.
    NotLocal,
}

/// What one address leads to, before it is followed.
pub(crate) enum Step {
    Account(AccountId),
    /// An alias, or the catch-all of the domain.
    Alias(Vec<Address>),
    Group(Vec<Address>),
    Nobody,
    NotLocal,
}

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Through {
    Everything,
    /// Not groups.
    Aliases,
}

/// What following came to.
#[derive(Default)]
struct Reached {
    accounts: Vec<AccountId>,
    elsewhere: Vec<Address>,
    cut: Cut,
}

/// Whether there was more than is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cut {
    #[default]
    No,
    Yes,
}

impl Directory {
    /// Follows an address to accounts. `postmaster` at a domain of ours always leads somewhere, in any case
    /// (RFC 5321 §4.5.1): to an address of that name, or to the first account of the domain, or of the server; where
    /// there is none yet, to the account that will be added first. Disabled accounts are passed over where others are
    /// reached.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn resolve(&self, address: &Address) -> Result<Resolution, DirectoryError> {
        self.resolve_through(address, Through::Everything).await
    }

    async fn resolve_through(
        &self,
        address: &Address,
        through: Through,
    ) -> Result<Resolution, DirectoryError> {
        let reached = match self.step(address).await? {
            Step::NotLocal => return Ok(Resolution::NotLocal),
            Step::Nobody => Reached::default(),
            Step::Account(id) => Reached {
                accounts: vec![id],
                ..Reached::default()
            },
            Step::Group(_) if through == Through::Aliases => Reached::default(),
            Step::Alias(targets) | Step::Group(targets) => self.follow(targets, through).await?,
        };
        let Reached {
            accounts,
            elsewhere,
            cut,
        } = reached;
        let enabled = self.enabled(&accounts).await?;
        Ok(match (enabled.is_empty(), elsewhere.is_empty(), cut) {
            (_, _, Cut::Yes) => Resolution::TooMany,
            (_, false, Cut::No) => Resolution::Beyond {
                accounts: enabled,
                elsewhere,
            },
            (false, true, Cut::No) => Resolution::Accounts(enabled),
            (true, true, Cut::No) if is_postmaster(address) => {
                Resolution::Accounts(vec![self.postmaster(address).await?])
            }
            (true, true, Cut::No) if accounts.is_empty() => Resolution::NoSuchUser,
            (true, true, Cut::No) => Resolution::Disabled,
        })
    }

    /// Whether an address is an account's own, or an alias that leads there, so that it may send under it. Not those of
    /// groups: who is in one does not speak for it.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn owns(&self, account: AccountId, address: &Address) -> Result<bool, DirectoryError> {
        match self.resolve_through(address, Through::Aliases).await? {
            Resolution::Accounts(accounts) | Resolution::Beyond { accounts, .. } => {
                Ok(accounts.contains(&account))
            }
            _ => Ok(false),
        }
    }

    /// Follows aliases and groups, each once. Targets that are gone are passed over.
    async fn follow(&self, targets: Vec<Address>, through: Through) -> Result<Reached, DirectoryError> {
        let mut waiting = targets;
        waiting.reverse();
        let mut seen = HashSet::new();
        let mut reached = Reached::default();
        while let Some(address) = waiting.pop() {
            if !seen.insert(Name::of(&address)) {
                continue;
            }
            if seen.len() > MAX_LOOKUPS {
                reached.cut = Cut::Yes;
                break;
            }
            match self.step(&address).await? {
                Step::Account(id) if !reached.accounts.contains(&id) => reached.accounts.push(id),
                Step::Group(_) if through == Through::Aliases => {}
                Step::Alias(more) | Step::Group(more) => waiting.extend(more.into_iter().rev()),
                Step::NotLocal => reached.elsewhere.push(address),
                Step::Account(_) | Step::Nobody => {}
            }
        }
        Ok(reached)
    }

    /// Those of some accounts that are there and not disabled, in their order.
    async fn enabled(&self, accounts: &[AccountId]) -> Result<Vec<AccountId>, DirectoryError> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<_> = accounts.iter().copied().map(account_key).collect();
        let rows = self.shared.engine.get_many(Partition::DIRECTORY, &keys).await?;
        let mut enabled = Vec::with_capacity(accounts.len());
        for (id, row) in accounts.iter().zip(rows) {
            let Some(row) = row else { continue };
            if AccountRow::parse(&row)?.access == Access::Enabled {
                enabled.push(*id);
            }
        }
        Ok(enabled)
    }

    /// One read: the name as it is, without its tag, and the domain.
    pub(crate) async fn step(&self, address: &Address) -> Result<Step, DirectoryError> {
        let folded = fold_domain(&address.domain);
        let names = [Some(Name::of(address)), Name::without_tag(address)];
        let mut keys = vec![domain_key(domain_hash(&folded))];
        keys.extend(names.iter().flatten().map(|name| name_key(name.hash())));
        let rows = self.shared.engine.get_many(Partition::DIRECTORY, &keys).await?;
        let mut rows = rows.into_iter();
        let Some(domain) = rows.next().flatten() else {
            return Ok(Step::NotLocal);
        };
        let domain = DomainRow::parse(&domain)?;
        if fold_domain(&domain.domain) != folded {
            return Ok(Step::NotLocal);
        }
        for (name, stored) in names.iter().flatten().zip(rows) {
            let Some(stored) = stored else { continue };
            let row = NameRow::parse(&stored)?;
            if *row.name != *name.as_str() {
                continue;
            }
            return Ok(match row.leads {
                Leads::Account(id) => Step::Account(id),
                Leads::Alias(targets) => Step::Alias(targets),
                Leads::Group(members) => Step::Group(members),
            });
        }
        if is_postmaster(address) {
            return Ok(Step::Account(self.postmaster(address).await?));
        }
        Ok(match domain.catch_all {
            Some(catch_all) => Step::Alias(vec![catch_all]),
            None => Step::Nobody,
        })
    }

    /// Who gets the postmaster's mail where nobody has that name.
    async fn postmaster(&self, address: &Address) -> Result<AccountId, DirectoryError> {
        let hash = domain_hash(&fold_domain(&address.domain));
        let mut from = AccountId(0);
        loop {
            let members = self.members(hash, from, MEMBERS_A_READ).await?;
            if let Some(first) = self.enabled(&members).await?.first() {
                return Ok(*first);
            }
            match members.last().filter(|_| members.len() == MEMBERS_A_READ) {
                Some(last) => from = AccountId(last.0 + 1),
                None => break,
            }
        }
        let mut after = AccountId(0);
        loop {
            let accounts = self.accounts(after, MEMBERS_A_READ).await?;
            if let Some(first) = accounts.iter().find(|one| one.access == Access::Enabled) {
                return Ok(first.id);
            }
            match accounts.last() {
                Some(last) => after = last.id,
                None => return Ok(self.counters().await?.next_account),
            }
        }
    }

    /// The first account of a domain.
    pub(crate) async fn first_member(&self, domain: NameHash) -> Result<Option<AccountId>, DirectoryError> {
        Ok(self.members(domain, AccountId(0), 1).await?.first().copied())
    }

    /// Accounts of a domain, from a number on.
    pub(crate) async fn members(
        &self,
        domain: NameHash,
        from: AccountId,
        limit: usize,
    ) -> Result<Vec<AccountId>, DirectoryError> {
        let range = member_key(domain, from)..member_key(domain, AccountId(u64::MAX));
        let rows = self
            .shared
            .engine
            .scan(Partition::DIRECTORY, range, limit)
            .await?;
        Ok(rows.iter().filter_map(|row| account_of(&row.key)).collect())
    }

    pub(crate) async fn counters(&self) -> Result<Counters, DirectoryError> {
        match self.read(counters_key()).await? {
            Some(stored) => Counters::parse(&stored),
            None => Ok(Counters {
                next_account: AccountId(1),
            }),
        }
    }
}

/// RFC 5321 §4.5.1: in any case; and with a tag it is still the postmaster.
fn is_postmaster(address: &Address) -> bool {
    address.local.without_tag().eq_ignore_ascii_case(POSTMASTER)
}
