//! `posthouse check`: verifies a data folder: log, index, the copy of the index, every account's mail. Success means that nothing is
//! wrong; what was damaged and has been mended when the folder was opened is wrong until the next start.

use std::io::{self, Write as _};
use std::path::PathBuf;

use crate::account::{list, print_json};
use crate::admin::{Admin, unexpected};
use crate::control::{Checked, IndexCopy, Reply, Request};
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::salvage;
use crate::words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = crate::local::DATA)]
    data: PathBuf,
    /// As JSON: one object with mailboxes, messages and findings.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    let mut admin = Admin::of(&arguments.data, language).await?;
    let mut total = ask(&mut admin, Request::CheckFolder).await?;
    for account in list(&mut admin).await? {
        match ask(&mut admin, Request::CheckAccount(account.id)).await {
            Ok(checked) => {
                total.mailboxes += checked.mailboxes;
                total.messages += checked.messages;
                total.findings.extend(checked.findings);
            }
            // What cannot be read is a finding too, and the other accounts are looked at.
            Err(exit) => total.findings.push(exit.said(language).to_owned()),
        }
    }
    admin.end().await?;
    let nameless = total.nameless.clone();
    total
        .findings
        .extend(nameless.into_iter().map(|id| salvage::has_no_name(id, language)));
    print(&total, arguments, language).map_err(|error| Exit::new(Code::Io, error.to_string()))?;
    match total.findings.len() {
        0 => Ok(()),
        count => Err(Exit::new(
            Code::Data,
            language.pick(words::findings(count), format!("发现 {count} 个问题")),
        )),
    }
}

async fn ask(admin: &mut Admin, request: Request) -> Result<Checked, Exit> {
    match admin.ask(request).await? {
        Reply::Checked(checked) => Ok(checked),
        _ => Err(unexpected()),
    }
}

fn print(total: &Checked, arguments: &Arguments, language: Language) -> io::Result<()> {
    if arguments.json {
        return print_json(total);
    }
    let mut out = io::stdout().lock();
    for finding in &total.findings {
        writeln!(out, "{finding}")?;
    }
    let Checked {
        mailboxes, messages, ..
    } = total;
    let data = arguments.data.display();
    for words in about_index(total, language) {
        writeln!(out, "{words}")?;
    }
    let words = language.pick(
        format!(
            "{data}: {} in {} looked at",
            words::messages(messages),
            words::mailboxes(mailboxes)
        ),
        format!("{data}：检查了 {mailboxes} 个邮箱中的 {messages} 封邮件"),
    );
    writeln!(out, "{words}")
}

/// What is known of the copy of the index, and of a salvage.
fn about_index(total: &Checked, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    match &total.copy {
        Some(IndexCopy { path, rows, taken }) => {
            let taken = time(*taken);
            lines.push(language.pick(
                format!("{path}: a copy of the index of {taken}, whole, {rows} rows"),
                format!("{path}：索引的副本，{taken} 制作，完好，{rows} 行"),
            ));
        }
        None => lines.push(language.pick(
            "there is no copy of the index that can be used; one is made every day".to_owned(),
            "没有可用的索引副本；每天会制作一份".to_owned(),
        )),
    }
    if let Some(at) = total.salvaged {
        let at = time(at);
        lines.push(language.pick(
            format!(
                "mail was salvaged on {at} from what was left of the log; every mailbox got a new UIDVALIDITY"
            ),
            format!("{at} 曾从残存的日志中抢救邮件；每个邮箱都有了新的 UIDVALIDITY"),
        ));
    }
    lines
}

/// A moment, for people: UTC.
fn time(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| seconds.to_string(), |at| at.to_string())
}
