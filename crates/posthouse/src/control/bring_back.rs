//! An account's mail out of a backup, brought back into what is there: mailboxes and messages that are missing come again, and
//! nothing that is there changes.
//!
//! What comes again keeps what clients know it by: its unique-id, and the numbers of its content and conversation where these can mean
//! nothing else here ([`State::numbers`]).
//!
//! A message is there when the mailbox has one of the same octets that was received at the same time. So a command that was
//! interrupted is given again, and doubles nothing.

use std::collections::HashMap;

use bytes::Bytes;
use directory::{Access, Allowance, KeptAccount};
use serde::{Deserialize, Serialize};
use server::facts::facts_of;
use store::{Account, BlobSource, BroughtId, Keywords, Mailbox, NewMessage, Origin, StoreError};
use types::{ContentId, KeywordName, MailboxName, Octets, Role, ThreadId, Timestamp, UniqueId};

use super::people::Limit;
use super::{Reply, State, parse};
use crate::exit::{Code, Exit};

/// The messages of one request together: more than the largest message, and little enough to be held.
const MAX_BODY: u64 = 512 << 20;

/// Numbers below were never leapt to: a leap is to the clock's seconds, shifted by 16.
const FIRST_LEAP: u64 = 1 << 32;

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
    /// What POP3 called it.
    pub(crate) id: Option<String>,
    /// The numbers of its content and its conversation, where they can be used here.
    pub(crate) content: Option<u64>,
    pub(crate) thread: Option<u64>,
}

/// The numbers that an account of a backup has given out.
#[derive(Serialize, Deserialize)]
pub(crate) struct Numbers {
    /// The account's address here, and its number there.
    pub(crate) address: String,
    pub(crate) account: u64,
    /// Of which folder the backup is.
    pub(crate) salt: u64,
    pub(crate) life: u64,
    /// The next content, and the next conversation.
    pub(crate) content: u64,
    pub(crate) thread: u64,
}

/// From which number on contents and conversations of a backup can be called here what they are called there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbered {
    pub(crate) content: u64,
    pub(crate) thread: u64,
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
    /// Of those that were missing: another message is called as they were, and they have new ids.
    pub(crate) renamed: u64,
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

    /// Says which numbers of a backup mean the same here, and gives none of the others out any more.
    pub(super) async fn numbers(&self, numbers: Numbers) -> Result<Numbered, Exit> {
        let account = self.account_at(&numbers.address).await?;
        let failed = |error: StoreError| Exit::new(Code::Io, format!("{}: {error}", numbers.address));
        let account = account.map_err(failed)?;
        if self.goes_on(&numbers, &account) {
            return Ok(Numbered::default());
        }
        let (content, thread) = (ContentId(numbers.content), ThreadId(numbers.thread));
        let (content, thread) = account.reserve(content, thread).await.map_err(failed)?;
        Ok(Numbered {
            content: content.0,
            thread: thread.0,
        })
    }

    /// Whether an account is that of the backup, and has only gone on since: then its numbers mean what they meant.
    fn goes_on(&self, there: &Numbers, here: &Account) -> bool {
        let Some(folder) = self.integrity.identity() else {
            return false;
        };
        if folder.salt != there.salt || here.id().0 != there.account {
            return false;
        }
        let (content, thread) = here.next_numbers();
        // A folder that was restored has leapt, and what had not leapt when it was backed up was numbered before, or in the folder that
        // went on as the first.
        let of_the_first = |number: u64| number < FIRST_LEAP;
        let has_leapt = content.0 >= FIRST_LEAP && thread.0 >= FIRST_LEAP;
        folder.life == there.life || (has_leapt && of_the_first(there.content) && of_the_first(there.thread))
    }

    /// Also one that is disabled: nobody logs in to it, and its mail can come back.
    async fn account_at(&self, address: &str) -> Result<Result<Account, StoreError>, Exit> {
        let id = self.directory.account(&parse(address)?).await?;
        Ok(self.store.account(id).await)
    }

    /// Brings messages back that are missing.
    pub(super) async fn bring_back(&self, request: BringBack, body: Bytes) -> Result<Reply, Exit> {
        let account = self.account_at(&request.address).await?;
        let failed = |error: StoreError| {
            let at = format!("{}, {}", request.address, request.mailbox);
            Exit::in_both(Code::Io, format!("{at}: {error}"), format!("{at}：{error}"))
        };
        let account = account.map_err(failed)?;
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
        let mut renamed = 0;
        if !missing.is_empty() {
            let outcomes = account.bring(mailbox.id, missing).await.map_err(failed)?;
            let taken = outcomes.iter().filter(|brought| brought.id == BroughtId::Taken);
            renamed = taken.count() as u64;
        }
        let there = total - brought;
        Ok(Reply::BroughtBack(BroughtBack {
            brought,
            there,
            renamed,
        }))
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
) -> Result<Vec<(NewMessage, Origin)>, StoreError> {
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
            missing.push((new_message(message, octets), origin(message, mailbox)));
        }
    }
    Ok(missing)
}

/// What a message is called: POP3 knows the inbox only.
fn origin(message: &Brought, mailbox: &Mailbox) -> Origin {
    let id = message
        .id
        .as_ref()
        .filter(|_| mailbox.name == MailboxName::inbox());
    Origin {
        content: message.content.map(ContentId),
        thread: message.thread.map(ThreadId),
        id: id.and_then(|id| UniqueId::check(id).ok()),
    }
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
