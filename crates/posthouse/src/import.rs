//! `posthouse import`: mail from files into an account: what `posthouse export` wrote, and the Maildir and mbox of others.
//!
//! **Invariant**: a message that the mailbox has as often as the files have it is not brought again, so an import may be
//! repeated, and one that was killed goes on where it stopped.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::PathBuf;

use indicatif::ProgressBar;
use serde::Serialize;
use types::MailboxName;

use crate::account::{Data, print_json};
use crate::admin::{Admin, unexpected};
use crate::archive::{Folder, Format, Item, Letter, Problem, Source, Trouble, hash};
use crate::control::mail::{Answer, Arriving, Ask, BATCH, BATCH_OCTETS, Coming, IdOutcome, Kept, Wanted};
use crate::exit::{Code, Exit};
use crate::export::{ask, print_problems, read};
use crate::language::Language;
use crate::words;

/// Problems that are told one by one; more are counted.
const MAX_TOLD: usize = 10_000;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The account's address.
    address: String,
    /// An export, a Maildir, an mbox, a folder of these or of .eml files, a zip of .eml files, or one message.
    #[arg(value_name = "DIR|FILE")]
    source: PathBuf,
    /// Takes it for this, and reads it as if it had no manifest.
    #[arg(long)]
    format: Option<Format>,
    /// The folder to put it into; the inbox becomes this folder, others go below it.
    #[arg(long, value_name = "FOLDER")]
    into: Option<String>,
    /// As JSON: one object with imported, skipped, failed, octets, mailboxes, uidls, uidls_lost and problems.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Summary {
    /// Messages that are new in the account.
    imported: u64,
    /// Messages that were there already.
    skipped: u64,
    /// Messages and folders that could not be imported.
    failed: u64,
    /// Of the messages that are new.
    octets: u64,
    /// Mailboxes that were created.
    mailboxes: u64,
    /// Messages that POP3 clients know as they did where these come from.
    uidls: u64,
    /// Messages that they will download again: what they were called is no id, or another message is called so.
    uidls_lost: u64,
    problems: Vec<Problem>,
}

pub(crate) async fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    let mut source = Source::open(&arguments.source, arguments.format, language)?;
    let mut admin = Admin::of(arguments.data.path(), language).await?;
    let mut run = Run {
        admin: &mut admin,
        arguments,
        language,
        summary: Summary::default(),
        mailboxes: HashMap::new(),
        progress: ProgressBar::new_spinner(),
    };
    let done = run.all(&mut source).await;
    run.progress.finish_and_clear();
    let summary = run.summary;
    admin.end().await?;
    // What was done is told whether or not it was all.
    say(&summary, arguments, language).map_err(|error| Exit::new(Code::Io, error.to_string()))?;
    done?;
    match summary.failed {
        0 => Ok(()),
        count => Err(Exit::new(
            Code::Data,
            language.pick(
                format!("{count} could not be imported"),
                format!("有 {count} 项无法导入"),
            ),
        )),
    }
}

/// An import on its way.
struct Run<'r> {
    admin: &'r mut Admin,
    arguments: &'r Arguments,
    language: Language,
    summary: Summary,
    /// The mailboxes that something went into, by their names.
    mailboxes: HashMap<String, Target>,
    progress: ProgressBar,
}

/// A mailbox of the account.
struct Target {
    account: u64,
    mailbox: u32,
    /// What it had before, by size: each is matched once.
    before: HashMap<u64, Vec<Known>>,
    waiting: Vec<(String, Arriving)>,
    octets: Vec<u8>,
}

/// A message that was there before.
struct Known {
    kept: Kept,
    /// Its hash, once somebody has asked.
    hash: Option<String>,
}

impl Run<'_> {
    async fn all(&mut self, source: &mut Source) -> Result<(), Exit> {
        let mut account = None;
        let names: Vec<String> = source
            .folders
            .iter()
            .map(|folder| self.target_of(folder, source))
            .collect();
        for (mut folder, name) in std::mem::take(&mut source.folders).into_iter().zip(names) {
            let name = match MailboxName::check(&clean(&name)) {
                Ok(name) => name.to_string(),
                Err(error) => {
                    let why = self
                        .language
                        .pick(error.to_string(), words::mailbox_name_chinese(error));
                    self.failed(folder.place, why);
                    continue;
                }
            };
            let mut target = match self.mailboxes.remove(&name) {
                Some(target) => target,
                None => self.open(&folder, &name).await?,
            };
            account = Some(target.account);
            self.folder(source, &mut folder, &mut target).await?;
            self.mailboxes.insert(name, target);
        }
        if let (Some(account), None) = (account, &self.arguments.into) {
            for name in std::mem::take(&mut source.subscriptions) {
                ask(self.admin, Ask::Subscribe { account, name }).await?;
            }
        }
        Ok(())
    }

    /// The mailbox that a folder goes into.
    fn target_of(&self, folder: &Folder, source: &Source) -> String {
        match &self.arguments.into {
            None => folder.name.clone(),
            Some(into) if source.is_single() || folder.name.eq_ignore_ascii_case("INBOX") => into.clone(),
            Some(into) => format!("{}/{}", into.trim_end_matches('/'), folder.name),
        }
    }

    async fn open(&mut self, folder: &Folder, name: &str) -> Result<Target, Exit> {
        let wanted = Wanted {
            address: self.arguments.address.clone(),
            name: name.to_owned(),
            // Below another folder, none is the account's own for sent mail.
            role: folder.role.clone().filter(|_| self.arguments.into.is_none()),
            subscribed: folder.subscribed,
        };
        let opened = ask(self.admin, Ask::Open(wanted)).await?;
        let Answer::Opened {
            account,
            mailbox,
            created,
        } = opened
        else {
            return Err(unexpected());
        };
        self.summary.mailboxes += u64::from(created);
        let mut before: HashMap<u64, Vec<Known>> = HashMap::new();
        let mut after = 0;
        loop {
            let page = Ask::Messages {
                account,
                mailbox,
                after,
            };
            let Answer::Messages(page) = ask(self.admin, page).await? else {
                return Err(unexpected());
            };
            let Some(last) = page.last() else { break };
            after = last.uid;
            for kept in page {
                let known = before.entry(kept.size.into()).or_default();
                known.push(Known { kept, hash: None });
            }
        }
        Ok(Target {
            account,
            mailbox,
            before,
            waiting: Vec::new(),
            octets: Vec::new(),
        })
    }

    async fn folder(
        &mut self,
        source: &mut Source,
        folder: &mut Folder,
        target: &mut Target,
    ) -> Result<(), Exit> {
        let mut letters = match source.letters(folder) {
            Ok(letters) => letters,
            Err(trouble) => {
                self.trouble(folder.place.clone(), &trouble);
                return Ok(());
            }
        };
        while let Some(item) = source.next(&mut letters) {
            self.progress.inc(1);
            match item {
                Item::Trouble(place, trouble) => self.trouble(place, &trouble),
                Item::Letter(letter) if letter.octets.is_empty() => {
                    self.trouble(letter.place, &Trouble::Empty);
                }
                Item::Letter(letter) if letter.octets.contains(&0) => {
                    self.trouble(letter.place, &Trouble::Nul);
                }
                Item::Letter(letter) if self.is_there(target, &letter).await? => self.summary.skipped += 1,
                Item::Letter(letter) => self.bring(target, letter).await?,
            }
        }
        self.flush(target).await
    }

    /// Whether the mailbox had this message before; it is then not matched again.
    async fn is_there(&mut self, target: &mut Target, letter: &Letter) -> Result<bool, Exit> {
        let Some(same_size) = target.before.get_mut(&(letter.octets.len() as u64)) else {
            return Ok(false);
        };
        let wanted = hash(&letter.octets);
        for known in same_size.iter_mut().filter(|known| known.hash.is_none()) {
            known.hash = Some(hash(&read(self.admin, target.account, &known.kept).await?));
        }
        let at = same_size
            .iter()
            .position(|known| known.hash.as_ref() == Some(&wanted));
        Ok(at.map(|at| same_size.swap_remove(at)).is_some())
    }

    async fn bring(&mut self, target: &mut Target, letter: Letter) -> Result<(), Exit> {
        let is_full = target.octets.len() + letter.octets.len() > BATCH_OCTETS;
        if is_full || target.waiting.len() == BATCH {
            self.flush(target).await?;
        }
        let arriving = Arriving {
            size: letter.octets.len() as u64,
            received: letter.received,
            system: letter.marks.system,
            names: letter.marks.names.iter().map(ToString::to_string).collect(),
            id: letter.id,
        };
        target.waiting.push((letter.place, arriving));
        target.octets.extend_from_slice(&letter.octets);
        Ok(())
    }

    /// Brings what waits; where it is not taken together, one by one, so that what there is room for comes in.
    async fn flush(&mut self, target: &mut Target) -> Result<(), Exit> {
        let waiting = std::mem::take(&mut target.waiting);
        let octets = bytes::Bytes::from(std::mem::take(&mut target.octets));
        if waiting.is_empty() {
            return Ok(());
        }
        let together = self.append(target, &waiting, octets.clone()).await;
        if together.is_ok() || waiting.len() == 1 {
            return together;
        }
        let mut rest = octets;
        for one in waiting {
            let size = usize::try_from(one.1.size).unwrap_or(usize::MAX);
            let octets = rest.split_to(size.min(rest.len()));
            if let Err(exit) = self.append(target, std::slice::from_ref(&one), octets).await {
                self.trouble(one.0, &Trouble::Refused(exit.clone()));
                return Err(exit);
            }
        }
        Ok(())
    }

    async fn append(
        &mut self,
        target: &Target,
        arriving: &[(String, Arriving)],
        octets: bytes::Bytes,
    ) -> Result<(), Exit> {
        let (count, size) = (arriving.len() as u64, octets.len() as u64);
        let coming = Coming {
            account: target.account,
            mailbox: target.mailbox,
            messages: arriving.iter().map(|(_, arriving)| arriving.clone()).collect(),
            octets,
        };
        let Answer::Brought(ids) = ask(self.admin, Ask::Append(coming)).await? else {
            return Err(unexpected());
        };
        self.summary.imported += count;
        self.summary.octets += size;
        for ((place, arriving), outcome) in arriving.iter().zip(ids) {
            self.id(place, arriving.id.as_deref().unwrap_or_default(), outcome);
        }
        Ok(())
    }

    /// Counts what has become of an id, and tells when it was not kept. The message is there all the same.
    fn id(&mut self, place: &str, id: &str, outcome: IdOutcome) {
        let shown = id.escape_debug();
        let why = match outcome {
            IdOutcome::None => return,
            IdOutcome::Kept => {
                self.summary.uidls += 1;
                return;
            }
            IdOutcome::Bad => self.language.pick(
                format!("POP3 called it {shown}, which is no unique-id (RFC 1939); it has a new one"),
                format!("POP3 称它为 {shown}，不是有效的唯一标识（RFC 1939）；已改用新的"),
            ),
            IdOutcome::Taken => self.language.pick(
                format!("POP3 called it {shown}, as it calls another message; it has a new unique-id"),
                format!("POP3 称它为 {shown}，但另一封邮件已用此标识；已改用新的"),
            ),
        };
        self.summary.uidls_lost += 1;
        self.tell(place.to_owned(), why);
    }

    fn tell(&mut self, place: String, why: String) {
        if self.summary.problems.len() < MAX_TOLD {
            self.summary.problems.push(Problem { place, why });
        }
    }

    fn trouble(&mut self, place: String, trouble: &Trouble) {
        let why = trouble.words(self.language);
        self.failed(place, why);
    }

    fn failed(&mut self, place: String, why: String) {
        self.summary.failed += 1;
        self.tell(place, why);
    }
}

/// A name with what no mailbox name may have replaced.
pub(crate) fn clean(name: &str) -> String {
    let clean = |c: char| match c {
        '*' | '%' => '_',
        c if c.is_control() => '_',
        c => c,
    };
    name.chars().map(clean).collect()
}

fn say(summary: &Summary, arguments: &Arguments, language: Language) -> io::Result<()> {
    if arguments.json {
        return print_json(summary);
    }
    print_problems(&summary.problems)?;
    let Summary {
        imported,
        skipped,
        failed,
        mailboxes,
        ..
    } = summary;
    let address = &arguments.address;
    let words = language.pick(
        format!(
            "{address}: {} imported, {skipped} there already, {failed} could not be imported; {} created",
            words::messages(imported),
            words::mailboxes(mailboxes)
        ),
        format!(
            "{address}：导入了 {imported} 封邮件，{skipped} 封原已存在，{failed} 项无法导入；新建了 {mailboxes} 个邮箱"
        ),
    );
    writeln!(io::stdout(), "{words}")
}
