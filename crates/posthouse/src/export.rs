//! `posthouse export`: an account's mail into files, with marks, dates and a manifest; `--verify` checks such files.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use message::{Marks, uidlist};
use serde::Serialize;
use types::{EntryId, KeywordName, MailboxName, OwnId};

use crate::account::{Data, print_json};
use crate::admin::{Admin, unexpected};
use crate::archive::{
    Format, MANIFEST, ManifestWriter, Outgoing, Problem, Writing, hash, manifest, verify, words_of,
};
use crate::control::mail::{Answer, Ask, Kept, Mailboxes, Shown};
use crate::control::{Reply, Request};
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::words;

/// What is wrong that is printed for people.
pub(crate) const MAX_PRINTED: usize = 20;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The account's address.
    #[arg(required_unless_present = "verify")]
    address: Option<String>,
    /// Where the mail goes: a new or empty folder, or a new file ending in .zip.
    #[arg(required_unless_present = "verify", value_name = "DIR|FILE.zip")]
    target: Option<PathBuf>,
    /// How: zip for a file ending in .zip, otherwise maildir unless given.
    #[arg(long)]
    format: Option<Format>,
    /// Checks an export instead: every message that its manifest names is there and unchanged, and nothing else is.
    #[arg(long, value_name = "DIR|FILE.zip", conflicts_with_all = ["address", "target", "format"])]
    verify: Option<PathBuf>,
    /// As JSON: one object with mailboxes, messages, octets and problems (of --verify: findings).
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Summary {
    mailboxes: u64,
    messages: u64,
    octets: u64,
    problems: Vec<Problem>,
}

pub(crate) async fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    if let Some(target) = &arguments.verify {
        return check(target, arguments, language);
    }
    let (Some(address), Some(target)) = (&arguments.address, &arguments.target) else {
        return Err(Exit::new(Code::Usage, "ADDRESS and DIR|FILE.zip are needed"));
    };
    let is_zip = target
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
    let format = arguments.format.unwrap_or(match is_zip {
        true => Format::Zip,
        false => Format::Maildir,
    });
    must_be_new(target, format, language)?;
    let mut admin = Admin::of(arguments.data.path(), language).await?;
    let exported = export(&mut admin, address, (target, format), language).await;
    admin.end().await?;
    let summary = exported?;
    say(&summary, target, arguments, language).map_err(|error| Exit::new(Code::Io, error.to_string()))?;
    match summary.problems.len() {
        0 => Ok(()),
        count => Err(Exit::new(
            Code::Data,
            language.pick(
                match count {
                    1 => "1 message was not exported".to_owned(),
                    count => format!("{count} messages were not exported"),
                },
                format!("有 {count} 封邮件没有导出"),
            ),
        )),
    }
}

/// Nothing that is there is written over.
pub(crate) fn must_be_new(target: &Path, format: Format, language: Language) -> Result<(), Exit> {
    let is_empty = match (fs::read_dir(target), format) {
        (Ok(mut entries), Format::Maildir | Format::Mbox | Format::Eml) => entries.next().is_none(),
        (Ok(_), Format::Zip) => false,
        (Err(error), _) => error.kind() == io::ErrorKind::NotFound,
    };
    if is_empty {
        return Ok(());
    }
    let target = target.display();
    let words = language.pick(
        format!("{target} is there already; an export wants a new or empty folder, or a new file"),
        format!("{target} 已存在；导出需要新的或空的文件夹，或者新的文件"),
    );
    Err(Exit::new(Code::CannotCreate, words))
}

async fn export(
    admin: &mut Admin,
    address: &str,
    (target, format): (&Path, Format),
    language: Language,
) -> Result<Summary, Exit> {
    let Answer::Mailboxes(listed) = ask(admin, Ask::Mailboxes(address.to_owned())).await? else {
        return Err(unexpected());
    };
    let failed = |error: io::Error| cannot_write(target, &error, language);
    let writing = Writing::begin(target, format).map_err(failed)?;
    let manifest = ManifestWriter::begin(&writing.manifest(), &listed.address, format).map_err(failed)?;
    let total = listed.mailboxes.iter().map(|mailbox| mailbox.messages).sum();
    let mut run = Run {
        admin,
        account: listed.account,
        target,
        writing,
        manifest,
        summary: Summary::default(),
        progress: progress(total),
        known: None,
        language,
    };
    for mailbox in &listed.mailboxes {
        run.mailbox(mailbox).await?;
    }
    run.end(&listed)
}

pub(crate) async fn ask(admin: &mut Admin, ask: Ask) -> Result<Answer, Exit> {
    match admin.ask(Request::Mail(ask)).await? {
        Reply::Mail(answer) => Ok(answer),
        _ => Err(unexpected()),
    }
}

pub(crate) fn progress(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len}  {per_sec}  {eta}");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

pub(crate) fn cannot_write(target: &Path, error: &io::Error, language: Language) -> Exit {
    let target = target.display();
    let words = language.pick(
        format!("{target} cannot be written: {error}"),
        format!("无法写入 {target}：{error}"),
    );
    Exit::new(Code::CannotCreate, words)
}

/// An export on its way.
struct Run<'r> {
    admin: &'r mut Admin,
    account: u64,
    target: &'r Path,
    writing: Writing,
    manifest: ManifestWriter,
    summary: Summary,
    progress: ProgressBar,
    /// What POP3 calls messages of the mailbox, if it is the inbox.
    known: Option<HashMap<u32, String>>,
    language: Language,
}

impl Run<'_> {
    fn failed(&self, error: &io::Error) -> Exit {
        cannot_write(self.target, error, self.language)
    }

    async fn mailbox(&mut self, mailbox: &Shown) -> Result<(), Exit> {
        let path = self.writing.mailbox(&mailbox.name);
        let path = path.map_err(|error| self.failed(&error))?;
        let head = manifest::Head {
            name: &mailbox.name,
            role: mailbox.role.as_deref(),
            subscribed: mailbox.subscribed,
            path: &path,
        };
        let begun = self.manifest.mailbox(&head);
        begun.map_err(|error| self.failed(&error))?;
        self.summary.mailboxes += 1;
        self.known = self.known(mailbox).await?;
        let mut after = 0;
        loop {
            let page = Ask::Messages {
                account: self.account,
                mailbox: mailbox.id,
                after,
            };
            let Answer::Messages(page) = ask(self.admin, page).await? else {
                return Err(unexpected());
            };
            let Some(last) = page.last() else { break };
            after = last.uid;
            for kept in &page {
                self.message(mailbox, kept).await?;
            }
        }
        let ended = self.writing.end_mailbox(mailbox.validity);
        ended.map_err(|error| self.failed(&error))
    }

    /// The ids from elsewhere of the inbox, the only mailbox that POP3 knows. The others have their own.
    async fn known(&mut self, mailbox: &Shown) -> Result<Option<HashMap<u32, String>>, Exit> {
        if mailbox.name != MailboxName::inbox().as_str() {
            return Ok(None);
        }
        let mut known = HashMap::new();
        let mut after = 0;
        loop {
            let page = Ask::Ids {
                account: self.account,
                mailbox: mailbox.id,
                after,
            };
            let Answer::Ids(page) = ask(self.admin, page).await? else {
                return Err(unexpected());
            };
            let Some((last, _)) = page.last() else {
                return Ok(Some(known));
            };
            after = *last;
            known.extend(page);
        }
    }

    async fn message(&mut self, mailbox: &Shown, kept: &Kept) -> Result<(), Exit> {
        self.progress.inc(1);
        let octets = match read(self.admin, self.account, kept).await {
            Ok(octets) => octets,
            // A server that has gone answers nothing more; one message that cannot be read keeps no other one back.
            Err(exit) if exit.code == Code::Temporary => return Err(exit),
            Err(exit) => {
                let place = format!("{}, uid {}", mailbox.name, kept.uid);
                let why = exit.said(self.language).to_owned();
                self.summary.problems.push(Problem { place, why });
                return Ok(());
            }
        };
        let written = self.write(kept, &octets);
        written.map_err(|error| self.failed(&error))
    }

    fn write(&mut self, kept: &Kept, octets: &[u8]) -> io::Result<()> {
        let names = kept.names.iter();
        let marks = Marks {
            system: kept.system,
            names: names.filter_map(|name| KeywordName::check(name).ok()).collect(),
        };
        let known = self.known.as_ref().map(|known| uidlist::Entry {
            uid: kept.uid,
            id: match known.get(&kept.uid) {
                Some(id) => id.clone(),
                None => OwnId(EntryId(kept.entry)).to_string(),
            },
        });
        let outgoing = Outgoing {
            entry: kept.entry,
            received: kept.received,
            marks: &marks,
            octets,
            known: known.as_ref(),
        };
        let place = self.writing.message(&outgoing)?;
        self.manifest.message(&manifest::Message {
            path: place.path.map(String::into_boxed_str),
            offset: place.offset,
            size: octets.len() as u64,
            sha256: hash(octets).into(),
            keywords: words_of(&marks),
            received: kept.received,
            entry: kept.entry,
            as_is: !outgoing.is_regular(),
            uidl: known.map(|known| known.id.into()),
        })?;
        self.summary.messages += 1;
        self.summary.octets += octets.len() as u64;
        Ok(())
    }

    fn end(self, listed: &Mailboxes) -> Result<Summary, Exit> {
        self.progress.finish_and_clear();
        let failed = |error: io::Error| cannot_write(self.target, &error, self.language);
        self.manifest.end(&listed.subscriptions).map_err(failed)?;
        self.writing.finish().map_err(failed)?;
        Ok(self.summary)
    }
}

/// A message's octets, piece by piece.
pub(crate) async fn read(admin: &mut Admin, account: u64, kept: &Kept) -> Result<Bytes, Exit> {
    let size = usize::try_from(kept.size).unwrap_or(usize::MAX);
    let mut all = Vec::new();
    loop {
        let piece = Ask::Read {
            account,
            blob: kept.blob,
            from: all.len() as u64,
        };
        let Answer::Octets { octets, .. } = ask(admin, piece).await? else {
            return Err(unexpected());
        };
        // Most messages are one piece.
        if all.is_empty() && octets.len() >= size {
            return Ok(octets);
        }
        all.extend_from_slice(&octets);
        if octets.is_empty() || all.len() >= size {
            return Ok(all.into());
        }
    }
}

fn say(summary: &Summary, target: &Path, arguments: &Arguments, language: Language) -> io::Result<()> {
    if arguments.json {
        return print_json(summary);
    }
    print_problems(&summary.problems)?;
    let Summary {
        mailboxes,
        messages,
        octets,
        ..
    } = summary;
    let target = target.display();
    let words = language.pick(
        format!(
            "{target}: {} of {} exported, {}",
            words::messages(messages),
            words::mailboxes(mailboxes),
            words::octets(octets)
        ),
        format!("{target}：导出了 {mailboxes} 个邮箱中的 {messages} 封邮件，共 {octets} 字节"),
    );
    writeln!(io::stdout(), "{words}")
}

/// The first of what is wrong.
pub(crate) fn print_problems(problems: &[Problem]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let more = problems.len() > MAX_PRINTED;
    for Problem { place, why } in problems.iter().take(MAX_PRINTED) {
        writeln!(out, "{}: {why}", place.escape_debug())?;
    }
    match more {
        true => writeln!(out, "…"),
        false => Ok(()),
    }
}

fn check(target: &Path, arguments: &Arguments, language: Language) -> Result<(), Exit> {
    let verified = verify(target, language)?;
    let said = match arguments.json {
        true => print_json(&verified),
        false => {
            let words = language.pick(
                format!(
                    "{}: as {MANIFEST} says: {} in {}",
                    target.display(),
                    words::messages(verified.messages),
                    words::mailboxes(verified.mailboxes)
                ),
                format!(
                    "{}：{} 个邮箱中有 {} 封邮件与 {MANIFEST} 相符",
                    target.display(),
                    verified.mailboxes,
                    verified.messages
                ),
            );
            print_problems(&verified.findings).and_then(|()| writeln!(io::stdout(), "{words}"))
        }
    };
    said.map_err(|error| Exit::new(Code::Io, error.to_string()))?;
    match verified.findings.len() {
        0 => Ok(()),
        count => Err(Exit::new(
            Code::Data,
            language.pick(words::findings(count), format!("发现 {count} 个问题")),
        )),
    }
}
