//! One account of a backup comes back into a data folder that is in use: what is missing there, and nothing that is there changes.
//! Clients know it again, as far as they can.
//!
//! The backup itself is only read. Its index is made from its copy in a folder of its own, for as long as the command runs
//! (`TMPDIR` says where).

use std::path::Path;

use bytes::BytesMut;
use directory::Directory;
use store::{Account, FactsRow, Keywords, Mailbox, MessageRow, Store};
use types::{Address, MailboxName, OwnId, Uid, UniqueId};

use super::Backup;
use crate::admin::{Admin, unexpected};
use crate::backup::{print, time};
use crate::control::bring_back::{BringBack, Brought, BroughtBack, Numbered, Numbers, Returned, Returning};
use crate::control::{Reply, Request};
use crate::disk::Disk;
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::scratch::Scratch;
use crate::words;

/// Messages of one request, and their octets together unless it is one.
const MESSAGES: usize = 64;
const OCTETS: u64 = 8 << 20;

/// Where an account comes back to.
pub(super) struct Target<'t> {
    pub(super) data: &'t Path,
    pub(super) address: &'t str,
    /// The mailbox below which everything is put.
    pub(super) into: Option<&'t str>,
}

/// Restores an account.
pub(super) async fn restore(
    backup: &Backup<'_>,
    target: &Target<'_>,
    language: Language,
) -> Result<(), Exit> {
    let scratch = Scratch::of_backup(backup.folder, &backup.manifest);
    let scratch = scratch.map_err(|error| Exit::file(&std::env::temp_dir(), &error, language))?;
    let disk = Disk::open_read_only(scratch.path())?;
    let (mut total, mut damaged) = (Total::default(), Vec::new());
    let outcome = bring(&disk, backup, target, (&mut total, &mut damaged, language)).await;
    let closed = disk.close().await;
    outcome?;
    closed?;
    report(target, (&total, damaged), language)
}

#[derive(Default)]
struct Total {
    added: bool,
    mailboxes: u64,
    brought: BroughtBack,
}

async fn bring(
    disk: &Disk,
    backup: &Backup<'_>,
    target: &Target<'_>,
    (total, damaged, language): (&mut Total, &mut Vec<String>, Language),
) -> Result<(), Exit> {
    let address = Address::parse(target.address).map_err(|error| {
        let shown = target.address;
        let chinese = format!("{shown} 不是邮件地址：{}", words::address_chinese(error));
        Exit::in_both(Code::Data, format!("{shown}: {error}"), chinese)
    })?;
    let settings = crate::local::settings();
    let engine = std::sync::Arc::clone(&disk.engine);
    let cost = directory::Cost::default();
    let known = Directory::new(std::sync::Arc::clone(&engine), settings.domain, cost);
    let Some(kept) = known.kept_account(&address).await? else {
        let at = time(backup.manifest.begun);
        let words = language.pick(
            format!("the backup of {at} has no account {address}"),
            format!("{at} 的备份中没有账户 {address}"),
        );
        return Err(Exit::new(Code::NoUser, words));
    };
    // Not who can log in: one that was disabled has mail, too.
    let id = known.account(&address).await?;
    let store = Store::new(engine, server::system_clock());
    let failed = |error: store::StoreError| Exit::new(Code::Io, format!("{address}: {error}"));
    let account = store.account(id).await.map_err(failed)?;
    let mut admin = Admin::of(target.data, language).await?;
    let returning = Returning::new(target.address.to_owned(), kept);
    match admin.ask(Request::ReturnAccount(returning)).await? {
        Reply::Returned(returned) => total.added = returned == Returned::Added,
        _ => return Err(unexpected()),
    }
    let numbered = numbered(&mut admin, backup, (&account, target.address)).await?;
    let mut subscribe: Vec<String> = Vec::new();
    for name in account.subscriptions() {
        subscribe.push(target.name(&name, language)?);
    }
    for mailbox in account.mailboxes() {
        let mut bringing = Bringing {
            account: &account,
            mailbox: &mailbox,
            name: target.name(&mailbox.name, language)?,
            target,
            numbered,
            admin: &mut admin,
        };
        let subscribe = std::mem::take(&mut subscribe);
        let brought = bringing.all(subscribe, damaged, language).await?;
        total.mailboxes += 1;
        total.brought.brought += brought.brought;
        total.brought.there += brought.there;
        total.brought.renamed += brought.renamed;
    }
    admin.end().await
}

/// From which numbers on what is brought can be called what it is called in the backup.
async fn numbered(
    admin: &mut Admin,
    backup: &Backup<'_>,
    (account, address): (&Account, &str),
) -> Result<Numbered, Exit> {
    let identity = backup.manifest.identity().ok_or_else(unexpected)?;
    let (content, thread) = account.next_numbers();
    let numbers = Numbers {
        address: address.to_owned(),
        account: account.id().0,
        salt: identity.salt,
        life: identity.life,
        content: content.0,
        thread: thread.0,
    };
    match admin.ask(Request::Numbers(numbers)).await? {
        Reply::Numbered(numbered) => Ok(numbered),
        _ => Err(unexpected()),
    }
}

impl Target<'_> {
    /// What a mailbox of the backup is called here.
    fn name(&self, name: &MailboxName, language: Language) -> Result<String, Exit> {
        let Some(into) = self.into else {
            return Ok(name.as_str().to_owned());
        };
        let below = format!("{into}{}{name}", types::SEPARATOR);
        match MailboxName::check(&below) {
            Ok(name) => Ok(name.as_str().to_owned()),
            Err(error) => {
                let words = language.pick(
                    format!("{below} is no name of a mailbox: {error}"),
                    format!("{below} 不是邮箱名：{}", words::mailbox_name_chinese(error)),
                );
                Err(Exit::new(Code::Data, words))
            }
        }
    }
}

/// A mailbox on its way.
struct Bringing<'b> {
    account: &'b Account,
    mailbox: &'b Mailbox,
    name: String,
    target: &'b Target<'b>,
    numbered: Numbered,
    admin: &'b mut Admin,
}

impl Bringing<'_> {
    async fn all(
        &mut self,
        subscribe: Vec<String>,
        damaged: &mut Vec<String>,
        language: Language,
    ) -> Result<BroughtBack, Exit> {
        let failed = |name: &str, error| Exit::new(Code::Io, format!("{name}: {error}"));
        // The mailbox itself, even when nothing is in it.
        let mut total = self.send(subscribe, Vec::new(), BytesMut::new()).await?;
        let view = self.account.view(self.mailbox.id).await;
        let view = view.map_err(|error| failed(&self.name, error))?;
        let rows: Vec<MessageRow> = view.iter().map(|(_, row)| *row).collect();
        let known = self.account.known_ids(self.mailbox.id).await;
        let known = known.map_err(|error| failed(&self.name, error))?;
        let mut rest = rows.as_slice();
        while !rest.is_empty() {
            let some;
            (some, rest) = rest.split_at(batch(rest));
            let blobs = self.account.read_blobs(some.iter().map(|row| row.blob)).await;
            let blobs = blobs.map_err(|error| failed(&self.name, error))?;
            let uids: Vec<Uid> = some.iter().map(|row| row.uid).collect();
            let facts = self.account.facts_of(self.mailbox.id, &uids).await;
            let facts = facts.map_err(|error| failed(&self.name, error))?;
            let (mut messages, mut octets) = (Vec::new(), BytesMut::new());
            for ((row, blob), facts) in some.iter().zip(blobs).zip(facts) {
                match blob {
                    Ok(blob) => {
                        let mut message = brought(row, &blob, view.keywords());
                        self.call(&mut message, known.get(&row.uid), facts);
                        messages.push(message);
                        octets.extend_from_slice(&blob);
                    }
                    Err(error) => damaged.push(language.pick(
                        format!("{}, uid {}: {error}", self.mailbox.name, row.uid),
                        format!("{}，uid {}：{error}", self.mailbox.name, row.uid),
                    )),
                }
            }
            let outcome = self.send(Vec::new(), messages, octets).await?;
            total.brought += outcome.brought;
            total.there += outcome.there;
            total.renamed += outcome.renamed;
        }
        Ok(total)
    }

    /// Says what a message is called in the backup, as far as that can be kept.
    fn call(&self, message: &mut Brought, known: Option<&UniqueId>, facts: Option<FactsRow>) {
        if let Some(known) = known {
            message.id = Some(known.to_string());
        }
        let (content, thread) = facts.map_or((0, 0), |facts| (facts.content.0, facts.thread.0));
        message.content = Some(content).filter(|id| *id >= self.numbered.content);
        message.thread = Some(thread).filter(|id| *id >= self.numbered.thread);
    }

    async fn send(
        &mut self,
        subscribe: Vec<String>,
        messages: Vec<Brought>,
        octets: BytesMut,
    ) -> Result<BroughtBack, Exit> {
        let role = self.mailbox.role.filter(|_| self.target.into.is_none());
        let request = BringBack {
            address: self.target.address.to_owned(),
            mailbox: self.name.clone(),
            role: role.map(|role| role as u8),
            subscribe,
            messages,
        };
        match self
            .admin
            .ask_with(Request::BringBack(request), octets.freeze())
            .await?
        {
            Reply::BroughtBack(brought) => Ok(brought),
            _ => Err(unexpected()),
        }
    }
}

/// How many of some messages go into one request: at least one.
fn batch(rows: &[MessageRow]) -> usize {
    let mut octets = 0;
    let fits = |row: &&MessageRow| {
        octets += u64::from(row.size);
        octets <= OCTETS
    };
    rows.iter().take(MESSAGES).take_while(fits).count().max(1)
}

fn brought(row: &MessageRow, octets: &[u8], keywords: &[types::KeywordName]) -> Brought {
    let Keywords { system, names } = Keywords::named(row.keywords, keywords);
    Brought {
        octets: u32::try_from(octets.len()).unwrap_or(u32::MAX),
        received: row.received.0,
        system,
        keywords: names.iter().map(|name| name.as_str().to_owned()).collect(),
        id: Some(OwnId(row.entry).to_string()),
        content: None,
        thread: None,
    }
}

fn report(
    target: &Target<'_>,
    (total, damaged): (&Total, Vec<String>),
    language: Language,
) -> Result<(), Exit> {
    let address = target.address;
    let BroughtBack {
        brought,
        there,
        renamed,
    } = total.brought;
    let mailboxes = total.mailboxes;
    let mut lines = Vec::new();
    if total.added {
        lines.push(language.pick(
            format!("{address}: the account was gone; it is there again, with its password"),
            format!("{address}：账户已不存在，现已连同密码一起恢复"),
        ));
    }
    lines.push(language.pick(
        format!(
            "{address}: {} brought back in {}; {there} there already",
            words::messages(brought),
            words::mailboxes(mailboxes)
        ),
        format!("{address}：在 {mailboxes} 个邮箱中恢复了 {brought} 封邮件；{there} 封原本就在"),
    ));
    if renamed > 0 {
        lines.push(language.pick(
            format!(
                "{address}: {renamed} of them have new ids for POP3: other messages are called as they were"
            ),
            format!("{address}：其中 {renamed} 封在 POP3 中使用新的标识，原标识已被其他邮件使用"),
        ));
    }
    let count = damaged.len();
    lines.extend(damaged);
    print(&lines)?;
    match count {
        0 => Ok(()),
        _ => Err(Exit::new(
            Code::Data,
            language.pick(
                format!("{} cannot be read in the backup", words::messages(count)),
                format!("备份中有 {count} 封邮件无法读取"),
            ),
        )),
    }
}
