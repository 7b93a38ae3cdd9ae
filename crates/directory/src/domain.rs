//! Domains, aliases and catch-alls.

use bytes::Bytes;
use engine::{Batch, Partition};
use types::{Address, Domain};

use crate::name::{Name, domain_hash, fold_domain};
use crate::row::{DomainRow, Leads, NameRow, Row, domain_key, name_key};
use crate::{Directory, DirectoryError, Quota, Refusal};

/// The most addresses that one alias names: more is a mailing list.
pub(crate) const MAX_TARGETS: usize = 100;

/// Domains or names in one read.
pub(crate) const ROWS_A_READ: usize = 256;

impl Directory {
    /// Makes a domain ours; one that is stays as it is.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn add_domain(&self, domain: &Domain) -> Result<(), DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        if self.domain_row(domain).await?.is_some() {
            return Ok(());
        }
        let row = DomainRow {
            domain: domain.clone(),
            catch_all: None,
            quota: Quota::default(),
            together: Quota::default(),
        };
        self.put(key_of(domain), row.print()).await
    }

    /// Gives a domain up, with its aliases and groups: they would lead somewhere again if it came back.
    ///
    /// # Errors
    /// When it has accounts, is not ours, or the engine fails.
    pub async fn remove_domain(&self, domain: &Domain) -> Result<(), DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        self.our_domain(domain).await?;
        if self
            .first_member(domain_hash(&fold_domain(domain)))
            .await?
            .is_some()
        {
            return Err(Refusal::DomainInUse(domain.clone()).into());
        }
        self.remove_names_of(domain).await?;
        // Last, so that what is left of a removal that failed can be removed.
        let mut batch = Batch::new(Partition::DIRECTORY);
        batch.delete(&key_of(domain));
        Ok(self.shared.engine.commit(batch).await?)
    }

    /// Reads all names: they are found by hash, and domains are given up rarely.
    async fn remove_names_of(&self, domain: &Domain) -> Result<(), DirectoryError> {
        let ending = format!("@{}", fold_domain(domain));
        let mut start = Bytes::from_static(b"n");
        loop {
            let range = start..Bytes::from_static(b"o");
            let rows = self
                .shared
                .engine
                .scan(Partition::DIRECTORY, range, ROWS_A_READ)
                .await?;
            let mut batch = Batch::new(Partition::DIRECTORY);
            for row in &rows {
                let NameRow { name, leads } = NameRow::parse(&row.value)?;
                if name.ends_with(&ending) && matches!(leads, Leads::Alias(_) | Leads::Group(_)) {
                    batch.delete(&row.key);
                }
            }
            if !batch.is_empty() {
                self.shared.engine.commit(batch).await?;
            }
            match rows.last().filter(|_| rows.len() == ROWS_A_READ) {
                Some(last) => start = after(last),
                None => return Ok(()),
            }
        }
    }

    /// All domains that are ours.
    ///
    /// # Errors
    /// When the engine fails or a row is unreadable.
    pub async fn domains(&self) -> Result<Vec<Domain>, DirectoryError> {
        let mut domains = Vec::new();
        let mut start = Bytes::from_static(b"d");
        loop {
            let range = start..Bytes::from_static(b"e");
            let rows = self
                .shared
                .engine
                .scan(Partition::DIRECTORY, range, ROWS_A_READ)
                .await?;
            for row in &rows {
                domains.push(DomainRow::parse(&row.value)?.domain);
            }
            match rows.last().filter(|_| rows.len() == ROWS_A_READ) {
                Some(last) => start = after(last),
                None => return Ok(domains),
            }
        }
    }

    /// Says who gets the mail to names of a domain that nobody has; nobody, with `None`.
    ///
    /// # Errors
    /// When the domain is not ours, or the engine fails.
    pub async fn set_catch_all(&self, domain: &Domain, to: Option<Address>) -> Result<(), DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        let mut row = self.our_domain(domain).await?;
        row.catch_all = to;
        self.put(key_of(domain), row.print()).await
    }

    /// Makes an address lead to others. An alias of that name is replaced.
    ///
    /// # Errors
    /// When an account or a group has the address, the domain is not ours, there are no targets or too many, or the engine fails.
    pub async fn set_alias(&self, address: &Address, targets: Vec<Address>) -> Result<(), DirectoryError> {
        if targets.is_empty() || targets.len() > MAX_TARGETS {
            return Err(Refusal::Targets.into());
        }
        let _changing = self.shared.changing.lock().await;
        self.our_domain(&address.domain).await?;
        let name = Name::of(address);
        let stored = self.read(name_key(name.hash())).await?;
        if let Some(taken) = stored.map(|stored| NameRow::parse(&stored)).transpose()? {
            match taken.leads {
                Leads::Account(_) | Leads::Group(_) => {
                    return Err(Refusal::Exists(address.clone()).into());
                }
                Leads::Alias(_) if *taken.name != *name.as_str() => {
                    return Err(Refusal::HashTaken(address.clone()).into());
                }
                Leads::Alias(_) => {}
            }
        }
        let row = NameRow {
            name: name.as_str().into(),
            leads: Leads::Alias(targets),
        };
        self.put(name_key(name.hash()), row.print()).await
    }

    /// Removes an alias.
    ///
    /// # Errors
    /// When there is none, or the engine fails.
    pub async fn remove_alias(&self, address: &Address) -> Result<(), DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        let name = Name::of(address);
        match self.name_row(&name).await?.map(|row| row.leads) {
            Some(Leads::Alias(_)) => {}
            Some(Leads::Account(_) | Leads::Group(_)) | None => {
                return Err(Refusal::NoAlias(address.clone()).into());
            }
        }
        let mut batch = Batch::new(Partition::DIRECTORY);
        batch.delete(&name_key(name.hash()));
        Ok(self.shared.engine.commit(batch).await?)
    }

    pub(crate) async fn our_domain(&self, domain: &Domain) -> Result<DomainRow, DirectoryError> {
        let row = self.domain_row(domain).await?;
        Ok(row.ok_or_else(|| Refusal::NoDomain(domain.clone()))?)
    }

    pub(crate) async fn domain_row(&self, domain: &Domain) -> Result<Option<DomainRow>, DirectoryError> {
        self.read(key_of(domain))
            .await?
            .map(|stored| DomainRow::parse(&stored))
            .transpose()
    }

    pub(crate) async fn put(&self, key: Bytes, value: Vec<u8>) -> Result<(), DirectoryError> {
        let mut batch = Batch::new(Partition::DIRECTORY);
        batch.put(&key, &value);
        Ok(self.shared.engine.commit(batch).await?)
    }
}

pub(crate) fn key_of(domain: &Domain) -> Bytes {
    domain_key(domain_hash(&fold_domain(domain)))
}

/// Where the rows after one begin.
pub(crate) fn after(row: &engine::Row) -> Bytes {
    [&row.key[..], &[0]].concat().into()
}
