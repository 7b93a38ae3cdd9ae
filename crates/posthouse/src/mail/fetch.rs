//! `posthouse fetch`: what is new on a POP3 or IMAP server, into a Maildir, an mbox or a folder of `.eml` files.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use client::download::{Format, Keep, Summary, Target, from_imap, from_pop3};
use client::{Protocol, names};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::connection::{Connection, Ready, Use};
use super::source::not_for_reading;
use super::{Output, exit};
use crate::account::print_json;
use crate::exit::{Code, Exit};
use crate::language::Language;

/// How mail lies in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Maildir,
    Mbox,
    Eml,
}

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// Where the mail goes: a folder, or the file of an mbox.
    #[arg(value_name = "DIR|FILE")]
    target: PathBuf,
    /// How: an mbox where the target ends in .mbox or is a file, otherwise a Maildir unless given.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Kind>,
    /// The mailbox of an IMAP server; may be given several times. INBOX unless given.
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    mailbox: Vec<String>,
    /// Fetches every mailbox of an IMAP server.
    #[arg(long)]
    all: bool,
    /// Deletes from the server what is safe here.
    #[arg(long, conflicts_with = "keep_days")]
    delete: bool,
    /// Deletes from the server what was fetched so many days ago.
    #[arg(long, value_name = "DAYS")]
    keep_days: Option<u32>,
    /// As JSON: one object with fetched, octets, known, deleted and refused.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Printed {
    fetched: u64,
    octets: u64,
    known: u64,
    deleted: u64,
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct Refused {
    number: u32,
    text: String,
}

pub(crate) async fn run(arguments: Arguments, language: Language) -> Result<(), Exit> {
    let ready = arguments.connection.server(Use::Read, language).await?;
    let summary = match ready.server.protocol() {
        Protocol::Pop3 => arguments.over_pop3(&ready, language).await?,
        Protocol::Imap => arguments.over_imap(&ready, language).await?,
        Protocol::Smtp | Protocol::Lmtp => return Err(not_for_reading(language)),
    };
    say(&summary, arguments.json.into(), language).map_err(|error| Exit::new(Code::Io, error.to_string()))?;
    match summary.refused.len() {
        0 => Ok(()),
        count => Err(Exit::new(
            Code::Unavailable,
            language.pick(
                format!("messages that the server did not give: {count}"),
                format!("服务器未给出的邮件：{count} 封"),
            ),
        )),
    }
}

impl Arguments {
    async fn over_pop3(&self, ready: &Ready, language: Language) -> Result<Summary, Exit> {
        let server = &ready.server;
        let failed = |error: client::Error| exit(&error, language);
        let name = server
            .who()
            .map(|login| login.name().to_owned())
            .unwrap_or_default();
        // The target first: what cannot be kept is not fetched.
        let account = format!("pop3://{name}@{}", server.host());
        let target = Target::open(&self.target, self.format(), &account).map_err(failed)?;
        let client = ready.connect(client::pop3::Client::connect, language).await?;
        let bar = progress();
        let done = from_pop3(client, target, self.keep(), |messages, total, octets| {
            bar.set_length(total);
            bar.set_position(messages);
            bar.set_message(HumanBytes(octets).to_string());
        });
        let done = done.await;
        bar.finish_and_clear();
        done.map_err(failed)
    }

    /// One mailbox goes into the target itself, several into folders of their names.
    async fn over_imap(&self, ready: &Ready, language: Language) -> Result<Summary, Exit> {
        let server = &ready.server;
        let failed = |error: client::Error| exit(&error, language);
        let name = server
            .who()
            .map(|login| login.name().to_owned())
            .unwrap_or_default();
        let mut client = ready.connect(client::imap::Client::connect, language).await?;
        let names: Vec<(String, String)> = match (self.all, self.mailbox.as_slice()) {
            (false, []) => vec![("INBOX".to_owned(), "INBOX".to_owned())],
            (false, names) => names.iter().map(|name| (name.clone(), name.clone())).collect(),
            (true, _) => {
                let listed = client.list("*").await.map_err(failed)?;
                let there = listed.into_iter().filter(client::imap::Listed::is_selectable);
                there.map(|listed| in_levels(&listed)).collect()
            }
        };
        let several = self.all || names.len() > 1;
        let mut sum = Summary::default();
        for (wire, mailbox) in &names {
            let account = format!("imap://{name}@{}/{mailbox}", server.host());
            let path = if several {
                self.path_of(mailbox)
            } else {
                self.target.clone()
            };
            let target = Target::open(path, self.format(), &account).map_err(failed)?;
            let bar = progress();
            let done = from_imap(
                &mut client,
                wire,
                target,
                self.keep(),
                |messages, total, octets| {
                    bar.set_length(total);
                    bar.set_position(messages);
                    bar.set_message(format!("{mailbox} {}", HumanBytes(octets)));
                },
            );
            let done = done.await;
            bar.finish_and_clear();
            let done = done.map_err(failed)?;
            sum.fetched += done.fetched;
            sum.octets += done.octets;
            sum.known += done.known;
            sum.deleted += done.deleted;
            sum.refused.extend(done.refused);
        }
        // Nothing is lost by how the server says goodbye.
        let _ = client.logout().await;
        Ok(sum)
    }

    /// Where a mailbox goes, its levels between slashes.
    fn path_of(&self, mailbox: &str) -> PathBuf {
        match self.format() {
            Format::Maildir => self.target.join(names::maildir(mailbox)),
            Format::Eml => self.target.join(names::path(mailbox)),
            Format::Mbox => self.target.join(format!("{}.mbox", names::path(mailbox))),
        }
    }

    fn keep(&self) -> Keep {
        match (self.delete, self.keep_days) {
            (true, _) => Keep::Nothing,
            (false, Some(days)) => Keep::Days(days),
            (false, None) => Keep::All,
        }
    }

    fn format(&self) -> Format {
        let is_mbox = self.target.extension().is_some_and(|ending| ending == "mbox") || self.target.is_file();
        match self.format {
            Some(Kind::Maildir) => Format::Maildir,
            Some(Kind::Mbox) => Format::Mbox,
            Some(Kind::Eml) => Format::Eml,
            None if is_mbox => Format::Mbox,
            None => Format::Maildir,
        }
    }
}

/// A mailbox's name as the server has it, and with a slash between its levels.
fn in_levels(listed: &client::imap::Listed) -> (String, String) {
    let name = listed.name.text.to_string();
    let levels = match listed.separator {
        None | Some('/') => name.clone(),
        Some(separator) => name.replace('/', "_").replace(separator, "/"),
    };
    (name, levels)
}

fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg} {eta}");
    ProgressBar::new(0).with_style(style.expect("the template is fixed"))
}

fn say(summary: &Summary, output: Output, language: Language) -> io::Result<()> {
    if output == Output::Json {
        let refused = summary.refused.iter().map(|(number, said)| Refused {
            number: *number,
            text: said.to_string(),
        });
        return print_json(&Printed {
            fetched: summary.fetched,
            octets: summary.octets,
            known: summary.known,
            deleted: summary.deleted,
            refused: refused.collect(),
        });
    }
    let mut out = io::stdout().lock();
    let (fetched, known, deleted) = (summary.fetched, summary.known, summary.deleted);
    let size = HumanBytes(summary.octets);
    writeln!(
        out,
        "{}",
        language.pick(
            format!("New: {fetched} ({size}). Here before: {known}. Deleted from the server: {deleted}."),
            format!("新邮件：{fetched} 封（{size}）。已有：{known} 封。从服务器删除：{deleted} 封。"),
        )
    )?;
    for (number, said) in &summary.refused {
        writeln!(
            out,
            "{}",
            language.pick(
                format!("Not given: message {number}: {said}"),
                format!("未给出：第 {number} 封：{said}")
            )
        )?;
    }
    Ok(())
}
