//! `posthouse fetch`: what is new on a POP3 server, into a Maildir, an mbox or a folder of `.eml` files.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use client::Protocol;
use client::download::{Format, Keep, Summary, Target, from_pop3};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::connection::{Connection, Ready, Use};
use super::exit;
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
        Protocol::Imap | Protocol::Smtp | Protocol::Lmtp => {
            return Err(Exit::new(
                Code::Usage,
                language.pick(
                    "mail is fetched over pop3 or pop3s: say such a --server",
                    "收取邮件要用 pop3 或 pop3s 的 --server",
                ),
            ));
        }
    };
    say(&summary, arguments.json, language).map_err(|error| Exit::new(Code::Io, error.to_string()))?;
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
        let keep = match (self.delete, self.keep_days) {
            (true, _) => Keep::Nothing,
            (false, Some(days)) => Keep::Days(days),
            (false, None) => Keep::All,
        };
        let bar = progress();
        let done = from_pop3(client, target, keep, |messages, total, octets| {
            bar.set_length(total);
            bar.set_position(messages);
            bar.set_message(HumanBytes(octets).to_string());
        });
        let done = done.await;
        bar.finish_and_clear();
        done.map_err(failed)
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

fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg} {eta}");
    ProgressBar::new(0).with_style(style.expect("the template is fixed"))
}

fn say(summary: &Summary, json: bool, language: Language) -> io::Result<()> {
    if json {
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
