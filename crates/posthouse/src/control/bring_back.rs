//! An account's mail out of a backup, brought back into what is there: mailboxes and messages that are missing come again, and
//! nothing that is there changes.
//!
//! A message is there when the mailbox has one of the same octets that was received at the same time. So a command that was
//! interrupted is given again, and doubles nothing.

use std::collections::HashMap;

use bytes::Bytes;
use directory::{Access, Allowance, KeptAccount};
use serde::{Deserialize, Serialize};
use server::facts::facts_of;
use store::{Account, BlobSource, Keywords, Mailbox, NewMessage, StoreError};
use types::{KeywordName, MailboxName, Octets, Role, Timestamp};

use super::people::Limit;
use super::{Reply, State, parse};
use crate::exit::{Code, Exit};

/// The messages of one request together: more than the largest message, and little enough to be held.
const MAX_BODY: u64 = 512 << 20;

/// A mailbox of a backup, and some of its messages. Their octets follow the line of the request, one after the other.
#[derive(Serialize, Deserialize)]
pub(crate) struct BringBack {
    /// The account's address.
    pub(crate) address: String,
    pub(crate) mailbox: String,
    /// The role that the mailbox gets where no other has it.
    pub(crate) role: Option<u8>,
    /// Names to subscribe to.
    pub(crate) subscribe: Vec<String>,
    pub(crate) messages: Vec<Brought>,
}

/// A message of a backup.
#[derive(Serialize, Deserialize)]
pub(crate) struct Brought {
    pub(crate) octets: u32,
    /// Seconds since 1970.
    pub(crate) received: i64,
    /// The bits of system keywords, and the names of others.
    pub(crate) system: u64,
    pub(crate) keywords: Vec<String>,
}

/// An account of a backup, with all that is kept of it. It has secrets, and is not printed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Returning {
    pub(crate) address: String,
    hash: String,
    disabled: bool,
    storage: Limit,
    messages: Limit,
    app_passwords: Vec<Vec<u8>>,
    secret: [u8; 32],
}

impl Returning {
    /// As it is asked for.
    pub(crate) fn new(address: String, kept: KeptAccount) -> Self {
        Returning {
            address,
            hash: kept.hash.into(),
            disabled: kept.access == Access::Disabled,
            storage: kept.allowance.octets.into(),
            messages: kept.allowance.messages.into(),
            app_passwords: kept.app_passwords,
            secret: kept.secret,
        }
    }
}

impl From<Returning> for KeptAccount {
    fn from(returning: Returning) -> Self {
        KeptAccount {
            hash: returning.hash.into(),
            access: match returning.disabled {
                true => Access::Disabled,
                false => Access::Enabled,
            },
            allowance: Allowance {
                octets: returning.storage.into(),
                messages: returning.messages.into(),
            },
            app_passwords: returning.app_passwords,
            secret: returning.secret,
        }
    }
}

/// What came of messages of a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BroughtBack {
    /// They were missing.
    pub(crate) brought: u64,
    /// They were there.
    pub(crate) there: u64,
}

/// What came of an account of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Returned {
    Added,
    There,
}

impl BringBack {
    /// How many octets follow the request; `None` where it is more than one may bring.
    pub(crate) fn body(&self) -> Option<usize> {
        let octets: u64 = self
            .messages
            .iter()
            .map(|message| u64::from(message.octets))
            .sum();
        (octets <= MAX_BODY).then(|| usize::try_from(octets).ok())?
    }
}

impl State {
    /// Adds an account again under its address, with all that was kept of it, unless it is there.
    pub(super) async fn return_account(&self, returning: Returning) -> Result<Reply, Exit> {
        let address = parse(&returning.address)?;
        if self.directory.has_account(&address).await? {
            return Ok(Reply::Returned(Returned::There));
        }
        self.directory.return_account(&address, returning.into()).await?;
        Ok(Reply::Returned(Returned::Added))
    }

    /// Brings messages back that are missing.
    pub(super) async fn bring_back(&self, request: BringBack, body: Bytes) -> Result<Reply, Exit> {
        let login = self.directory.login_of(&request.address).await?;
        let login = login.ok_or_else(|| {
            let address = &request.address;
            Exit::in_both(
                Code::NoUser,
                format!("there is no account {address}"),
                format!("没有账户 {address}"),
            )
        })?;
        let failed = |error: StoreError| {
            let at = format!("{}, {}", request.address, request.mailbox);
            Exit::in_both(Code::Io, format!("{at}: {error}"), format!("{at}：{error}"))
        };
        let account = self.store.account(login.account).await.map_err(failed)?;
        let mailbox = find_or_create(&account, &request).await.map_err(failed)?;
        let known = account.subscriptions();
        for name in request
            .subscribe
            .iter()
            .filter_map(|name| MailboxName::check(name).ok())
        {
            if !known.contains(&name) {
                account.subscribe(name).await.map_err(failed)?;
            }
        }
        let messages = with_octets(&request.messages, body)?;
        let total = messages.len() as u64;
        let missing = missing(&account, &mailbox, messages).await.map_err(failed)?;
        let brought = missing.len() as u64;
        if !missing.is_empty() {
            account.append(mailbox.id, missing).await.map_err(failed)?;
        }
        let there = total - brought;
        Ok(Reply::BroughtBack(BroughtBack { brought, there }))
    }
}

async fn find_or_create(account: &Account, request: &BringBack) -> Result<Mailbox, StoreError> {
    let name = MailboxName::check(&request.mailbox).map_err(|_| store::Refusal::NoMailbox)?;
    if let Some(mailbox) = account.mailbox(&name) {
        return Ok(mailbox);
    }
    let role = Role::ALL
        .into_iter()
        .find(|role| Some(*role as u8) == request.role);
    let taken = account.mailboxes().iter().any(|mailbox| mailbox.role == role);
    account.create_mailbox(name, role.filter(|_| !taken)).await
}

/// The messages with their octets.
fn with_octets(messages: &[Brought], mut body: Bytes) -> Result<Vec<(&Brought, Bytes)>, Exit> {
    let mut all = Vec::with_capacity(messages.len());
    for message in messages {
        let octets = usize::try_from(message.octets).unwrap_or(usize::MAX);
        if octets > body.len() {
            return Err(crate::admin::unexpected());
        }
        all.push((message, body.split_to(octets)));
    }
    Ok(all)
}

/// Those of some messages that a mailbox does not have.
async fn missing(
    account: &Account,
    mailbox: &Mailbox,
    messages: Vec<(&Brought, Bytes)>,
) -> Result<Vec<NewMessage>, StoreError> {
    let view = account.view(mailbox.id).await?;
    let mut alike: HashMap<(u32, Timestamp), Vec<_>> = messages
        .iter()
        .map(|(message, _)| ((message.octets, Timestamp(message.received)), Vec::new()))
        .collect();
    for (_, row) in view.iter() {
        if let Some(blobs) = alike.get_mut(&(row.size, row.received)) {
            blobs.push(row.blob);
        }
    }
    let mut missing = Vec::new();
    for (message, octets) in messages {
        let key = (message.octets, Timestamp(message.received));
        let blobs = alike.get(&key).cloned().unwrap_or_default();
        let mut there = false;
        for blob in blobs {
            // One whose bytes cannot be read is as good as missing.
            let bytes = account
                .read_blob(blob, 0..Octets(u64::from(message.octets)).0)
                .await;
            there |= bytes.is_ok_and(|bytes| bytes == octets);
        }
        if !there {
            missing.push(new_message(message, octets));
        }
    }
    Ok(missing)
}

fn new_message(message: &Brought, octets: Bytes) -> NewMessage {
    let names = message.keywords.iter();
    let names = names.filter_map(|name| KeywordName::check(name).ok());
    NewMessage {
        facts: facts_of(&octets),
        source: BlobSource::Bytes(octets),
        keywords: Keywords {
            system: message.system,
            names: names.collect(),
        },
        received: Timestamp(message.received),
    }
}
