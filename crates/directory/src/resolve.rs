//! Where mail to an address goes: sub-addresses, aliases, catch-alls, postmaster.

use std::collections::HashSet;

use engine::Partition;
use types::{AccountId, Address};

use crate::name::{Name, NameHash, domain_hash, fold_domain};
use crate::row::{
    Counters, DomainRow, Leads, NameRow, Row, account_of, counters_key, domain_key, member_key, name_key,
};
use crate::{Directory, DirectoryError};

/// How many addresses are looked up for one: what an alias of aliases may cost.
const MAX_LOOKUPS: usize = 1000;

/// The name that every domain has (RFC 5321 §4.5.1).
const POSTMASTER: &str = "postmaster";

/// What an address is to this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Mail to it goes to these, in the order in which the aliases name them, each once.
    Accounts(Vec<AccountId>),
    /// The domain is ours, and nobody has the name.
    NoSuchUser,
    /// The domain is somebody else's.
    NotLocal,
}

/// What one address leads to, before aliases are followed.
enum Step {
    Account(AccountId),
    Addresses(Vec<Address>),
    Nobody,
    NotLocal,
}

impl Directory {
    /// Follows an address to accounts. `postmaster` at a domain of ours always leads somewhere, in any case
    /// (RFC 5321 §4.5.1): to an address of that name, or to the first account of the domain, or of the server; where
    /// there is none yet, to the account that will be added first.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn resolve(&self, address: &Address) -> Result<Resolution, DirectoryError> {
        let mut accounts = Vec::new();
        match self.step(address).await? {
            Step::NotLocal => return Ok(Resolution::NotLocal),
            Step::Nobody => return Ok(Resolution::NoSuchUser),
            Step::Account(id) => accounts.push(id),
            Step::Addresses(targets) => self.follow(targets, &mut accounts).await?,
        }
        if accounts.is_empty() && is_postmaster(address) {
            accounts.push(self.postmaster(address).await?);
        }
        match accounts.is_empty() {
            true => Ok(Resolution::NoSuchUser),
            false => Ok(Resolution::Accounts(accounts)),
        }
    }

    /// Whether mail to an address reaches an account, so that it may send under it.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn owns(&self, account: AccountId, address: &Address) -> Result<bool, DirectoryError> {
        match self.resolve(address).await? {
            Resolution::Accounts(accounts) => Ok(accounts.contains(&account)),
            Resolution::NoSuchUser | Resolution::NotLocal => Ok(false),
        }
    }

    /// Follows aliases of aliases. Targets that are gone are passed over.
    async fn follow(
        &self,
        targets: Vec<Address>,
        accounts: &mut Vec<AccountId>,
    ) -> Result<(), DirectoryError> {
        let mut waiting = targets;
        waiting.reverse();
        let mut seen = HashSet::new();
        while let Some(address) = waiting.pop() {
            if seen.len() >= MAX_LOOKUPS || !seen.insert(Name::of(&address)) {
                continue;
            }
            match self.step(&address).await? {
                Step::Account(id) if !accounts.contains(&id) => accounts.push(id),
                Step::Addresses(more) => waiting.extend(more.into_iter().rev()),
                Step::Account(_) | Step::Nobody | Step::NotLocal => {}
            }
        }
        Ok(())
    }

    /// One read: the name as it is, without its tag, and the domain.
    async fn step(&self, address: &Address) -> Result<Step, DirectoryError> {
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
                Leads::Alias(targets) => Step::Addresses(targets),
            });
        }
        if is_postmaster(address) {
            return Ok(Step::Account(self.postmaster(address).await?));
        }
        Ok(match domain.catch_all {
            Some(catch_all) => Step::Addresses(vec![catch_all]),
            None => Step::Nobody,
        })
    }

    /// Who gets the postmaster's mail where nobody has that name.
    async fn postmaster(&self, address: &Address) -> Result<AccountId, DirectoryError> {
        let hash = domain_hash(&fold_domain(&address.domain));
        if let Some(first) = self.first_member(hash).await? {
            return Ok(first);
        }
        if let Some(first) = self.accounts(AccountId(0), 1).await?.first() {
            return Ok(first.id);
        }
        Ok(self.counters().await?.next_account)
    }

    /// The first account of a domain.
    pub(crate) async fn first_member(&self, domain: NameHash) -> Result<Option<AccountId>, DirectoryError> {
        let range = member_key(domain, AccountId(0))..member_key(domain, AccountId(u64::MAX));
        let rows = self.shared.engine.scan(Partition::DIRECTORY, range, 1).await?;
        Ok(rows.first().and_then(|row| account_of(&row.key)))
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
