//! `posthouse check`: verifies a data folder. Success means that nothing is wrong.

use std::io::{self, Write as _};
use std::path::PathBuf;

use crate::account::{list, print_json};
use crate::admin::{Admin, unexpected};
use crate::control::{Checked, Reply, Request};
use crate::exit::{Code, Exit};
use crate::language::Language;

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
    print(&total, arguments, language).map_err(|error| Exit::new(Code::Io, error.to_string()))?;
    match total.findings.len() {
        0 => Ok(()),
        count => Err(Exit::new(
            Code::Data,
            language.pick(format!("{count} findings"), format!("发现 {count} 个问题")),
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
    let words = language.pick(
        format!("{data}: {messages} messages in {mailboxes} mailboxes looked at"),
        format!("{data}：检查了 {mailboxes} 个邮箱中的 {messages} 封邮件"),
    );
    writeln!(out, "{words}")
}
