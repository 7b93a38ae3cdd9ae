//! Groups: an address and its members, who are accounts, aliases and other groups of this server, or addresses elsewhere.
//!
//! Each person gets one copy, however many ways lead there. A group that would be its own member is refused when the
//! member is added; where aliases that were changed later make a loop, resolving goes through each address once.
//! A member of a domain of ours that mail does not reach is refused too.

use std::collections::HashSet;

use bytes::Bytes;
use engine::{Batch, Partition};
use types::Address;

use crate::domain::{ROWS_A_READ, after};
use crate::name::Name;
use crate::resolve::{MAX_LOOKUPS, Step};
use crate::row::{Leads, NameRow, Row, name_key};
use crate::{Directory, DirectoryError, Refusal};

/// The most members of one group: what one transaction delivers to before it answers; more is a mailing list.
pub(crate) const MAX_MEMBERS: usize = 1000;

/// Where the next page of a list begins.
pub type Cursor = [u8; 16];

/// A part of a list, in the order of the rows, which is none that a person could see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What it holds.
    pub entries: Vec<Listed>,
    /// Where the next one begins; nothing at the end.
    pub next: Option<Cursor>,
}

/// An alias or a group, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its address, in lower case.
    pub address: Box<str>,
    /// Where its mail goes, as it was written.
    pub leads_to: Vec<Address>,
}

impl Directory {
    /// Makes a group.
    ///
    /// # Errors
    /// When somebody has the address, its domain is not ours, a member cannot be one, there are too many, or the engine
    /// fails.
    pub async fn add_group(&self, address: &Address, members: Vec<Address>) -> Result<(), DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        self.our_domain(&address.domain).await?;
        let name = Name::of(address);
        if let Some(stored) = self.read(name_key(name.hash())).await? {
            return Err(match *NameRow::parse(&stored)?.name == *name.as_str() {
                true => Refusal::Exists(address.clone()).into(),
                false => Refusal::HashTaken(address.clone()).into(),
            });
        }
        self.put_group(&name, Vec::new(), members).await
    }

    /// Removes a group. Who was in it stays.
    ///
    /// # Errors
    /// When there is none, or the engine fails.
    pub async fn remove_group(&self, address: &Address) -> Result<(), DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        self.members_of(address).await?;
        let mut batch = Batch::new(Partition::DIRECTORY);
        batch.delete(&name_key(Name::of(address).hash()));
        Ok(self.shared.engine.commit(batch).await?)
    }

    /// Adds members to a group; those that are in it stay as they are.
    ///
    /// # Errors
    /// When there is no such group, a member cannot be one, there are too many, or the engine fails.
    pub async fn add_members(&self, group: &Address, new: Vec<Address>) -> Result<(), DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        let members = self.members_of(group).await?;
        self.put_group(&Name::of(group), members, new).await
    }

    /// Removes members from a group: all of these, or none.
    ///
    /// # Errors
    /// When there is no such group, it does not have one of them, or the engine fails.
    pub async fn remove_members(&self, group: &Address, gone: &[Address]) -> Result<(), DirectoryError> {
        let _changing = self.shared.changing.lock().await;
        let mut members = self.members_of(group).await?;
        for address in gone {
            let name = Name::of(address);
            let before = members.len();
            members.retain(|member| Name::of(member) != name);
            if members.len() == before {
                return Err(Refusal::NoMember(address.clone()).into());
            }
        }
        self.put_group(&Name::of(group), members, Vec::new()).await
    }

    /// The members of a group, as they were added.
    ///
    /// # Errors
    /// When there is no such group, or the engine fails.
    pub async fn members_of(&self, group: &Address) -> Result<Vec<Address>, DirectoryError> {
        match self.name_row(&Name::of(group)).await?.map(|row| row.leads) {
            Some(Leads::Group(members)) => Ok(members),
            Some(Leads::Account(_) | Leads::Alias(_)) | None => Err(Refusal::NoGroup(group.clone()).into()),
        }
    }

    /// Some of the groups, from a place in the list on.
    ///
    /// # Errors
    /// When the engine fails or a row is unreadable.
    pub async fn groups(&self, from: Option<Cursor>) -> Result<Page, DirectoryError> {
        self.page(from, |leads| match leads {
            Leads::Group(members) => Some(members),
            Leads::Account(_) | Leads::Alias(_) => None,
        })
        .await
    }

    /// Some of the aliases, from a place in the list on.
    ///
    /// # Errors
    /// When the engine fails or a row is unreadable.
    pub async fn aliases(&self, from: Option<Cursor>) -> Result<Page, DirectoryError> {
        self.page(from, |leads| match leads {
            Leads::Alias(targets) => Some(targets),
            Leads::Account(_) | Leads::Group(_) => None,
        })
        .await
    }

    async fn page(
        &self,
        from: Option<Cursor>,
        wanted: impl Fn(Leads) -> Option<Vec<Address>>,
    ) -> Result<Page, DirectoryError> {
        let start = name_key(from.unwrap_or_default());
        let rows = self.name_rows(start).await?;
        let mut entries = Vec::new();
        for row in &rows {
            let NameRow { name, leads } = NameRow::parse(&row.value)?;
            entries.extend(wanted(leads).map(|leads_to| Listed {
                address: name,
                leads_to,
            }));
        }
        let last = rows.last().filter(|_| rows.len() == ROWS_A_READ);
        let next = last.and_then(|row| row.key.last_chunk::<16>());
        // The key after this one: a hash is a number.
        let next = next.and_then(|hash| u128::from_be_bytes(*hash).checked_add(1));
        Ok(Page {
            entries,
            next: next.map(u128::to_be_bytes),
        })
    }

    async fn name_rows(&self, start: Bytes) -> Result<Vec<engine::Row>, DirectoryError> {
        let range = start..Bytes::from_static(b"o");
        let scanned = self.shared.engine.scan(Partition::DIRECTORY, range, ROWS_A_READ);
        Ok(scanned.await?)
    }

    /// Takes a name out of all groups. Reads all names: they are found by hash, and accounts are removed rarely.
    pub(crate) async fn leave_groups(&self, gone: &Name) -> Result<(), DirectoryError> {
        let mut start = Bytes::from_static(b"n");
        loop {
            let rows = self.name_rows(start).await?;
            for row in &rows {
                let NameRow { name, leads } = NameRow::parse(&row.value)?;
                let Leads::Group(mut members) = leads else {
                    continue;
                };
                let before = members.len();
                members.retain(|member| Name::of(member) != *gone);
                if members.len() < before {
                    let leads = Leads::Group(members);
                    self.put(row.key.clone(), NameRow { name, leads }.print()).await?;
                }
            }
            match rows.last().filter(|_| rows.len() == ROWS_A_READ) {
                Some(last) => start = after(last),
                None => return Ok(()),
            }
        }
    }

    /// Writes a group with new members that are found to be such. `changing` is held.
    async fn put_group(
        &self,
        group: &Name,
        mut members: Vec<Address>,
        new: Vec<Address>,
    ) -> Result<(), DirectoryError> {
        let mut names: HashSet<Name> = members.iter().map(Name::of).collect();
        for member in new {
            if names.insert(Name::of(&member)) {
                self.check_member(group, &member).await?;
                members.push(member);
            }
        }
        if members.len() > MAX_MEMBERS {
            return Err(Refusal::Members.into());
        }
        let row = NameRow {
            name: group.as_str().into(),
            leads: Leads::Group(members),
        };
        self.put(name_key(group.hash()), row.print()).await
    }

    /// Whether an address can become a member of a group: it leads somewhere, and not back.
    async fn check_member(&self, group: &Name, member: &Address) -> Result<(), DirectoryError> {
        let mut waiting = vec![member.clone()];
        let mut seen = HashSet::new();
        while let Some(address) = waiting.pop() {
            let name = Name::of(&address);
            if name == *group || Name::without_tag(&address).as_ref() == Some(group) {
                return Err(Refusal::Loop(member.clone()).into());
            }
            if !seen.insert(name) {
                continue;
            }
            if seen.len() > MAX_LOOKUPS {
                return Err(Refusal::Members.into());
            }
            match self.step(&address).await? {
                Step::Nobody if address == *member => return Err(Refusal::Nobody(address).into()),
                Step::Alias(more) | Step::Group(more) => waiting.extend(more),
                Step::Account(_) | Step::Nobody | Step::NotLocal => {}
            }
        }
        Ok(())
    }
}
