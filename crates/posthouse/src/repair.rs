//! `posthouse repair`: mends what can be mended of a data folder that is damaged, keeps what was damaged, and lists what is lost.
//!
//! Opening a folder mends already: an index that is lost is made again from its copy and the log, and where a part of the log is
//! missing mail is salvaged. This does the rest: rows of the index whose checksums do not match, counts and numbers that do not fit.
//! With `--dry-run` the same is done to a folder that goes with the command, and the data folder is only read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use directory::Cores;
use engine::Finding;
use server::facts::StoredCards;
use store::{CheckFault, CheckFinding, Store};
use types::{AccountId, Uid};

use crate::backup::{print, time};
use crate::control::{Client, State};
use crate::exit::{Code, Exit};
use crate::folder::{Folder, Open};
use crate::language::Language;
use crate::salvage::has_no_name;
use crate::scratch::Scratch;
use crate::words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = crate::local::DATA)]
    data: PathBuf,
    /// Changes nothing, and says what would be done.
    #[arg(long)]
    dry_run: bool,
}

/// What was done, and what could not be.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    mended: Vec<String>,
    /// Messages of which nothing can be read any more.
    lost: Vec<String>,
    /// What stays as it is.
    left: Vec<String>,
}

pub(crate) async fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    let data = arguments.data.as_path();
    let live = Client::connect(data).await;
    if live
        .map_err(|error| Exit::file(data, &error, language))?
        .is_some()
    {
        let data = data.display();
        let words = language.pick(
            format!("a server runs on {data}; stop it, and repair the folder then"),
            format!("服务器正在使用 {data}；请先停止服务器，再修复文件夹"),
        );
        return Err(Exit::new(Code::Unavailable, words));
    }
    let report = match arguments.dry_run {
        false => mend(data, language).await?,
        true => {
            let _lock = Folder::keep(data, language)?;
            let scratch = Scratch::of_data(data);
            let scratch = scratch.map_err(|error| Exit::file(&std::env::temp_dir(), &error, language))?;
            let report = mend(scratch.path(), language).await?;
            report.moved(scratch.path(), data)
        }
    };
    report.print(arguments, language)
}

/// Mends a folder.
async fn mend(path: &Path, language: Language) -> Result<Report, Exit> {
    let mut report = Report::default();
    let mut folder = open(path, &mut report, language)?;
    let mut found = folder.disk().verify()?;
    let index = path.join("index");
    let of_index = |finding: &Finding| finding.path.starts_with(&index);
    if found.iter().any(of_index) {
        let damaged = found.iter().filter(|finding| of_index(finding));
        report.mended.extend(damaged.map(ToString::to_string));
        folder.close().await?;
        report.mended.push(put_aside(path, language)?);
        folder = open(path, &mut report, language)?;
        found = folder.disk().verify()?;
    }
    let state = folder.state(&crate::local::settings(), Cores::All);
    let mended = mend_mail(&folder, &state, (&mut report, language)).await;
    drop(state);
    folder.close().await?;
    mended?;
    // Opening has told some of it.
    let found = found.iter().map(ToString::to_string);
    let mended = report.mended.clone();
    report.left.extend(found.filter(|words| !mended.contains(words)));
    Ok(report)
}

/// Opens a folder, which mends some of it.
fn open(path: &Path, report: &mut Report, language: Language) -> Result<Folder, Exit> {
    let folder = Folder::open(path, Open::Existing, language)?;
    for damage in &folder.disk().damage {
        if !report.mended.contains(damage) {
            report.mended.push(damage.clone());
        }
    }
    Ok(folder)
}

/// Puts an index aside that has damaged rows, so that opening makes it again.
fn put_aside(path: &Path, language: Language) -> Result<String, Exit> {
    let index = path.join("index");
    let asides = (1..).map(|number: u64| path.join(format!("index.damaged-{number}")));
    let aside = asides
        .into_iter()
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| path.join("index.damaged"));
    let moved = fs::rename(&index, &aside).and_then(|()| fs::File::open(path)?.sync_all());
    moved.map_err(|error| Exit::file(&index, &error, language))?;
    let (index, aside) = (index.display(), aside.display());
    Ok(language.pick(
        format!("{index}: has rows that are damaged; it is kept as {aside}"),
        format!("{index}：有损坏的行；已保留为 {aside}"),
    ))
}

async fn mend_mail(
    folder: &Folder,
    state: &State,
    (report, language): (&mut Report, Language),
) -> Result<(), Exit> {
    let mut names = names(state).await?;
    let known: Vec<AccountId> = names.keys().copied().collect();
    if folder.disk().must_salvage() {
        let salvage = folder.disk().salvage(&state.store, &known).await?;
        if let Some(last) = salvage.accounts.last() {
            state.directory.skip_numbers(*last).await?;
        }
        let now = u64::try_from(server::system_clock()().0).unwrap_or(0);
        folder.disk().settle(now).await?;
        let (mailboxes, messages, found) = (salvage.mailboxes, salvage.messages, salvage.found);
        report.mended.push(language.pick(
            format!(
                "a part of the log is missing: mail salvaged from what is left, {} in {}, \
                 {found} of them from their records alone; every mailbox has a new UIDVALIDITY",
                words::messages(messages),
                words::mailboxes(mailboxes)
            ),
            format!(
                "日志缺少一部分：已从残存的部分抢救邮件，{mailboxes} 个邮箱中的 {messages} 封，其中 {found} 封仅凭其记录找回；\
                 每个邮箱都有新的 UIDVALIDITY"
            ),
        ));
    }
    let failed = |error: store::StoreError| Exit::new(Code::Io, error.to_string());
    let kept = state
        .store
        .kept(&folder.integrity().partitions()?)
        .await
        .map_err(failed)?;
    for id in kept {
        names.entry(id).or_insert_with(|| {
            report.left.push(has_no_name(id.0, language));
            format!("account {id}")
        });
    }
    for (id, name) in &names {
        let account = Mending {
            store: &state.store,
            id: *id,
            name,
            language,
        };
        account.mend(report).await;
    }
    Ok(())
}

/// The addresses of all accounts.
async fn names(state: &State) -> Result<BTreeMap<AccountId, String>, Exit> {
    let mut names = BTreeMap::new();
    loop {
        let after = names.last_key_value().map_or(AccountId(0), |(id, _)| *id);
        let some = state.directory.accounts(after, crate::control::PAGE).await?;
        if some.is_empty() {
            return Ok(names);
        }
        names.extend(
            some.into_iter()
                .map(|account| (account.id, account.address.to_string())),
        );
    }
}

/// An account that is being looked at.
struct Mending<'m> {
    store: &'m Store,
    id: AccountId,
    name: &'m str,
    language: Language,
}

impl Mending<'_> {
    /// Mends the account, or says why it cannot be.
    async fn mend(&self, report: &mut Report) {
        let name = self.name;
        let mut findings = match self.store.check_account(self.id).await {
            Ok(checked) => checked.findings,
            Err(error) => return report.left.push(format!("{name}: {error}")),
        };
        let mends = |finding: &CheckFinding| {
            !matches!(finding.what, CheckFault::Bytes(_) | CheckFault::Unreadable(_))
        };
        if findings.iter().any(mends) {
            let wrong = findings
                .iter()
                .filter(|finding| mends(finding))
                .map(|finding| self.said(finding));
            report.mended.extend(wrong);
            match self.store.renew_account(self.id).await {
                Ok(renewed) if renewed.failed.is_empty() => report.mended.push(self.language.pick(
                    format!("{name}: counted anew; every mailbox of the account has a new UIDVALIDITY"),
                    format!("{name}：已重新计数；此账户的每个邮箱都有新的 UIDVALIDITY"),
                )),
                Ok(renewed) => {
                    let why = renewed.failed.iter().map(|(_, error)| format!("{name}: {error}"));
                    report.left.extend(why);
                }
                Err(error) => report.left.push(format!("{name}: {error}")),
            }
            findings = match self.store.check_account(self.id).await {
                Ok(checked) => checked.findings,
                Err(error) => return report.left.push(format!("{name}: {error}")),
            };
        }
        for finding in &findings {
            match &finding.what {
                CheckFault::Bytes(why) => report.lost.push(self.lost(finding, why).await),
                _ => report.left.push(self.said(finding)),
            }
        }
    }

    fn said(&self, finding: &CheckFinding) -> String {
        let mailbox = finding.mailbox.map(|mailbox| format!(", mailbox {mailbox}"));
        let uid = finding.uid.map(|uid| format!(", uid {uid}"));
        let (mailbox, uid) = (mailbox.unwrap_or_default(), uid.unwrap_or_default());
        format!("{}{mailbox}{uid}: {}", self.name, finding.what)
    }

    /// A message whose bytes are lost, as people know it.
    async fn lost(&self, finding: &CheckFinding, why: &str) -> String {
        let known = match (finding.mailbox, finding.uid) {
            (Some(mailbox), Some(uid)) => self.known(mailbox, uid).await,
            _ => None,
        };
        match known {
            Some(known) => format!("{}, {known}: {why}", self.name),
            None => self.said(finding),
        }
    }

    async fn known(&self, mailbox: types::MailboxId, uid: Uid) -> Option<String> {
        let account = self.store.account(self.id).await.ok()?;
        let name = account.mailbox_by_id(mailbox)?.name;
        let view = account.view(mailbox).await.ok()?;
        let received = u64::try_from(view.find(uid)?.received.0).unwrap_or(0);
        let facts = account.facts_of(mailbox, &[uid]).await.ok()?.pop().flatten();
        let subject = facts.and_then(|facts| StoredCards::parse(&facts.cards)?.subject());
        let subject = subject
            .map(|subject| format!(", {subject:?}"))
            .unwrap_or_default();
        Some(format!("{name}, uid {uid}, {}{subject}", time(received)))
    }
}

impl Report {
    /// The same of a folder that lies elsewhere.
    fn moved(self, from: &Path, to: &Path) -> Self {
        let (from, to) = (from.display().to_string(), to.display().to_string());
        let moved = |lines: Vec<String>| lines.into_iter().map(|line| line.replace(&from, &to)).collect();
        Report {
            mended: moved(self.mended),
            lost: moved(self.lost),
            left: moved(self.left),
        }
    }

    fn print(&self, arguments: &Arguments, language: Language) -> Result<(), Exit> {
        let data = arguments.data.display();
        let heads = match arguments.dry_run {
            true => [
                language.pick("Would be mended:", "可以修复："),
                language.pick("Lost, and would stay lost:", "已丢失，修复后仍然丢失："),
                language.pick("Would stay as it is:", "修复后仍保持原样："),
            ],
            false => [
                language.pick("Mended:", "已修复："),
                language.pick("Lost:", "已丢失："),
                language.pick("Stays as it is:", "保持原样："),
            ],
        };
        let mut lines = Vec::new();
        for (head, part) in heads.into_iter().zip([&self.mended, &self.lost, &self.left]) {
            if !part.is_empty() {
                lines.push(head.to_owned());
                lines.extend(part.iter().map(|line| format!("  {line}")));
            }
        }
        if lines.is_empty() {
            lines.push(language.pick(format!("{data}: nothing is damaged"), format!("{data}：没有损坏")));
        }
        print(&lines)?;
        match self.lost.len() + self.left.len() {
            0 => Ok(()),
            count => Err(Exit::new(
                Code::Data,
                language.pick(
                    format!(
                        "{count} things cannot be mended; what is lost may be in a backup: posthouse restore DIR --account ADDRESS"
                    ),
                    format!("有 {count} 处无法修复；丢失的内容可能在备份中：posthouse restore DIR --account ADDRESS"),
                ),
            )),
        }
    }
}
