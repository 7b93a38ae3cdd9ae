//! Accounts come, change and go.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use engine::{Batch, Partition};
use futures_util::future::join_all;
use sasl::Secret;
use types::{AccountId, Address, Timestamp};

use crate::name::{Name, domain_hash, fold_domain};
use crate::row::{
    AccountRow, AppPasswordRow, DomainRow, ForeignRow, Leads, NameRow, Row, ScramRow, account_key,
    account_of, app_password_key, counters_key, domain_key, foreign_key, member_key, name_key, scram_key,
};
use crate::{Allowance, Directory, DirectoryError, Quota, Refusal, foreign};

/// An account, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its own address.
    pub address: Address,
    /// When it was added.
    pub added: Timestamp,
    /// Whether it can be used.
    pub access: Access,
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// It can.
    #[default]
    Enabled,
    /// Nobody logs in to it, and no mail comes in.
    Disabled,
}

/// An account that is to be added.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its own address.
    pub address: Address,
    /// Its password.
    pub password: Secret,
}

/// An account that comes from another program, with its hash.
#[derive(Clone)]
pub struct ImportedAccount {
    /// Its own address.
    pub address: Address,
    /// `{SHA512-CRYPT}`, `{BLF-CRYPT}`, or a PHC string of Argon2, PBKDF2 or scrypt.
    pub hash: Box<str>,
}

/// What is kept of a password, and of an account that comes back.
pub(crate) struct Hashed {
    pub(crate) hash: Box<str>,
    pub(crate) keys: Option<ScramRow>,
    pub(crate) rest: Rest,
}

/// What a new account has none of.
#[derive(Default)]
pub(crate) struct Rest {
    pub(crate) access: Access,
    pub(crate) allowance: Allowance,
    pub(crate) app_passwords: Vec<(u32, AppPasswordRow)>,
}

impl Directory {
    /// Adds an account, and its domain where that is not there yet.
    ///
    /// # Errors
    /// When the address is taken, the password cannot be one, or the engine fails.
    pub async fn add_account(&self, new: NewAccount) -> Result<AccountId, DirectoryError> {
        let mut outcomes = self.add_accounts(vec![new]).await;
        outcomes.pop().expect("one outcome for each account")
    }

    /// Adds accounts: hashed on all cores that may be used, stored in one transaction. One outcome for each, in order.
    pub async fn add_accounts(&self, new: Vec<NewAccount>) -> Vec<Result<AccountId, DirectoryError>> {
        let hashed = new.iter().map(|new| self.hash(&new.address, &new.password));
        let hashed = join_all(hashed).await;
        let addresses = new.into_iter().map(|new| new.address);
        self.add_hashed(addresses.zip(hashed).collect()).await
    }

    /// Adds accounts with hashes that another program has made; each is replaced at its first login. One outcome for
    /// each, in order.
    pub async fn import_accounts(&self, new: Vec<ImportedAccount>) -> Vec<Result<AccountId, DirectoryError>> {
        let check = |new: ImportedAccount| {
            let hash = foreign::check(&new.hash).map(|hash| Hashed {
                hash,
                keys: None,
                rest: Rest::default(),
            });
            (new.address, hash.map_err(DirectoryError::from))
        };
        let checked: Vec<_> = new.into_iter().map(check).collect();
        // Before the first of them can log in: see login::level.
        let mut batch = Batch::new(Partition::DIRECTORY);
        batch.put(&foreign_key(), &ForeignRow.print());
        if let Err(error) = self.shared.engine.commit(batch).await {
            return checked.iter().map(|_| Err(error.clone().into())).collect();
        }
        self.add_hashed(checked).await
    }

    async fn hash(&self, address: &Address, password: &Secret) -> Result<Hashed, DirectoryError> {
        Ok(Hashed {
            hash: self.shared.hasher.hash(password.clone()).await?,
            keys: self.own_keys(&Name::of(address), password).await?,
            rest: Rest::default(),
        })
    }

    pub(crate) async fn add_hashed(
        &self,
        new: Vec<(Address, Result<Hashed, DirectoryError>)>,
    ) -> Vec<Result<AccountId, DirectoryError>> {
        let _changing = self.shared.changing.lock().await;
        let mut draft = match self.draft().await {
            Ok(draft) => draft,
            Err(error) => return new.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut outcomes = Vec::with_capacity(new.len());
        for (address, hashed) in new {
            let added = match hashed {
                Ok(hashed) => draft.add(&address, hashed).await,
                Err(error) => Err(error),
            };
            outcomes.push(added);
        }
        if let Err(error) = draft.commit().await {
            return outcomes
                .into_iter()
                .map(|outcome| outcome.and(Err(error.clone())))
                .collect();
        }
        outcomes
    }

    /// Removes an account, also from the groups it is a member of. Its number is not used again; its mail is the store's
    /// matter. Its logins end.
    ///
    /// # Errors
    /// When there is none, or the engine fails.
    pub async fn remove_account(&self, address: &Address) -> Result<AccountId, DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        let (id, row) = self.account_at(address).await?;
        let name = Name::of(&row.address);
        // Whoever gets the address next is somebody else.
        self.leave_groups(&name).await?;
        let mut batch = Batch::new(Partition::DIRECTORY);
        batch.delete(&name_key(name.hash()));
        batch.delete(&account_key(id));
        batch.delete(&member_key(domain_hash(&fold_domain(&row.address.domain)), id));
        batch.delete(&scram_key(id));
        for (number, _) in self.app_password_rows(id).await? {
            batch.delete(&app_password_key(id, number));
        }
        self.shared.engine.commit(batch).await?;
        self.end_logins(id, &name);
        Ok(id)
    }

    /// Gives an account another password, and ends its logins. Its app passwords stay.
    ///
    /// # Errors
    /// When there is no such account, the password cannot be one, or the engine fails.
    pub async fn set_password(&self, address: &Address, password: Secret) -> Result<(), DirectoryError> {
        let hashed = self.hash(address, &password).await?;
        let _changing = self.shared.changing.lock().await;
        let (id, mut row) = self.account_at(address).await?;
        row.password = hashed.hash;
        let mut batch = Batch::new(Partition::DIRECTORY);
        batch.put(&account_key(id), &row.print());
        match hashed.keys {
            Some(keys) => batch.put(&scram_key(id), &keys.print()),
            // Those of the password before must not serve.
            None => batch.delete(&scram_key(id)),
        }
        self.shared.engine.commit(batch).await?;
        self.end_logins(id, &Name::of(&row.address));
        Ok(())
    }

    /// Lets an account be used, or not: nobody logs in to one that is disabled, and mail for it is refused. Its mail stays.
    ///
    /// # Errors
    /// When there is no such account, or the engine fails.
    pub async fn set_access(&self, address: &Address, access: Access) -> Result<(), DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        let (id, mut row) = self.account_at(address).await?;
        row.access = access;
        self.put(account_key(id), row.print()).await?;
        if access == Access::Disabled {
            self.end_logins(id, &Name::of(&row.address));
        }
        Ok(())
    }

    /// Whoever is logged in is so no longer, and has to show the password as it is now.
    pub(crate) fn end_logins(&self, id: AccountId, name: &Name) {
        self.shared.verified.forget(name.as_str());
        self.shared.standings.end(id);
    }

    /// Gives no new account a number up to this one: mail is kept under it, of an account that may not be known any more.
    ///
    /// # Errors
    /// When the engine fails or a row is unreadable.
    pub async fn skip_numbers(&self, last: AccountId) -> Result<(), DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        let next_account = AccountId(last.0.saturating_add(1));
        if self.counters().await?.next_account >= next_account {
            return Ok(());
        }
        let mut batch = Batch::new(Partition::DIRECTORY);
        batch.put(&counters_key(), &crate::row::Counters { next_account }.print());
        Ok(self.shared.engine.commit(batch).await?)
    }

    /// Accounts with higher numbers than `after`, in their order, at most `limit`.
    ///
    /// # Errors
    /// When the engine fails or a row is unreadable.
    pub async fn accounts(&self, after: AccountId, limit: usize) -> Result<Vec<Account>, DirectoryError> {
        let range = account_key(AccountId(after.0.saturating_add(1)))..account_key(AccountId(u64::MAX));
        let rows = self
            .shared
            .engine
            .scan(Partition::DIRECTORY, range, limit)
            .await?;
        let parse = |row: &engine::Row| {
            let id = account_of(&row.key).ok_or(DirectoryError::UnreadableRow {
                table: AccountRow::TABLE,
            })?;
            let AccountRow {
                address,
                added,
                access,
                ..
            } = AccountRow::parse(&row.value)?;
            Ok(Account {
                id,
                address,
                added,
                access,
            })
        };
        rows.iter().map(parse).collect()
    }

    /// Whether an account has this address as its own.
    ///
    /// # Errors
    /// When the engine fails or a row is unreadable.
    pub async fn has_account(&self, address: &Address) -> Result<bool, DirectoryError> {
        Ok(self.account_named(&Name::of(address)).await?.is_some())
    }

    /// The account that has this address as its own.
    ///
    /// # Errors
    /// When there is none, the engine fails or a row is unreadable.
    pub async fn account(&self, address: &Address) -> Result<AccountId, DirectoryError> {
        Ok(self.account_at(address).await?.0)
    }

    pub(crate) async fn account_at(
        &self,
        address: &Address,
    ) -> Result<(AccountId, AccountRow), DirectoryError> {
        let found = self.account_named(&Name::of(address)).await?;
        Ok(found.ok_or_else(|| Refusal::NoAccount(address.clone()))?)
    }

    pub(crate) async fn account_row(&self, id: AccountId) -> Result<Option<AccountRow>, DirectoryError> {
        self.read(account_key(id))
            .await?
            .map(|stored| AccountRow::parse(&stored))
            .transpose()
    }

    pub(crate) async fn name_row(&self, name: &Name) -> Result<Option<NameRow>, DirectoryError> {
        let stored = self.read(name_key(name.hash())).await?;
        let row = stored.map(|stored| NameRow::parse(&stored)).transpose()?;
        Ok(row.filter(|row| *row.name == *name.as_str()))
    }

    pub(crate) async fn read(&self, key: Bytes) -> Result<Option<Bytes>, DirectoryError> {
        Ok(self
            .shared
            .engine
            .get_many(Partition::DIRECTORY, &[key])
            .await?
            .pop()
            .flatten())
    }

    async fn draft(&self) -> Result<Draft<'_>, DirectoryError> {
        Ok(Draft {
            directory: self,
            batch: Batch::new(Partition::DIRECTORY),
            next: self.counters().await?.next_account,
            new_keys: HashSet::new(),
        })
    }
}

/// Accounts that are about to be added together.
struct Draft<'a> {
    directory: &'a Directory,
    batch: Batch,
    next: AccountId,
    /// Names and domains of the draft: not in the engine yet.
    new_keys: HashSet<Bytes>,
}

impl Draft<'_> {
    async fn add(&mut self, address: &Address, hashed: Hashed) -> Result<AccountId, DirectoryError> {
        let name = Name::of(address);
        let key = name_key(name.hash());
        if let Some(stored) = self.directory.read(key.clone()).await? {
            let taken = NameRow::parse(&stored)?;
            return Err(match *taken.name == *name.as_str() {
                true => Refusal::Exists(address.clone()).into(),
                false => Refusal::HashTaken(address.clone()).into(),
            });
        }
        if !self.new_keys.insert(key.clone()) {
            return Err(Refusal::Exists(address.clone()).into());
        }
        let id = self.next;
        let domain = domain_hash(&fold_domain(&address.domain));
        let domain_row = domain_key(domain);
        if !self.new_keys.contains(&domain_row) && self.directory.read(domain_row.clone()).await?.is_none() {
            let row = DomainRow {
                together: Quota::default(),
                domain: address.domain.clone(),
                catch_all: None,
                quota: Quota::default(),
            };
            self.batch.put(&domain_row, &row.print());
            self.new_keys.insert(domain_row);
        }
        let leads = Leads::Account(id);
        let name = name.as_str().into();
        self.batch.put(&key, &NameRow { name, leads }.print());
        let account = AccountRow {
            address: address.clone(),
            password: hashed.hash,
            added: now(),
            access: hashed.rest.access,
            allowance: hashed.rest.allowance,
        };
        self.batch.put(&account_key(id), &account.print());
        if let Some(keys) = hashed.keys {
            self.batch.put(&scram_key(id), &keys.print());
        }
        for (number, row) in hashed.rest.app_passwords {
            self.batch.put(&app_password_key(id, number), &row.print());
        }
        self.batch.put(&member_key(domain, id), b"");
        self.next = AccountId(id.0 + 1);
        Ok(id)
    }

    async fn commit(mut self) -> Result<(), DirectoryError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let counters = crate::row::Counters {
            next_account: self.next,
        };
        self.batch.put(&counters_key(), &counters.print());
        Ok(self.directory.shared.engine.commit(self.batch).await?)
    }
}

/// When a row is made: for people to read, nothing depends on it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
