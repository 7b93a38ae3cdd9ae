//! `posthouse account app-password`: one password for each program or device.

use std::io::{self, Write as _};

use clap::Subcommand;

use crate::account::{Data, ask, print_json, written};
use crate::admin::{Admin, unexpected};
use crate::control::{AppPassword, Named, Reply, Request};
use crate::exit::Exit;
use crate::language::Language;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes one and prints it, now and never again. Example: posthouse account app-password carol@example.org add phone
    Add {
        /// What it is called, such as the device it is for.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Lists them: name, when it was made, when it was last used (to the hour).
    List {
        /// As JSON: one array of objects with name, created and last_used (seconds since 1970, or null).
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Revokes one: nobody logs in with it from then on.
    Revoke {
        /// What it is called.
        name: String,
        #[command(flatten)]
        data: Data,
    },
}

pub(crate) async fn run(address: String, command: Command, language: Language) -> Result<(), Exit> {
    match command {
        Command::Add { name, data } => {
            let mut admin = Admin::of(data.path(), language).await?;
            let made = admin.ask(Request::AddAppPassword(Named { address, name })).await;
            admin.end().await?;
            match made? {
                Reply::Shown(secret) => written(writeln!(io::stdout(), "{}", secret.0)),
                _ => Err(unexpected()),
            }
        }
        Command::Revoke { name, data } => {
            ask(
                &data,
                Request::RevokeAppPassword(Named { address, name }),
                language,
            )
            .await
        }
        Command::List { json, data } => {
            let mut admin = Admin::of(data.path(), language).await?;
            let listed = admin.ask(Request::ListAppPasswords(address)).await;
            admin.end().await?;
            let Reply::AppPasswords(listed) = listed? else {
                return Err(unexpected());
            };
            written(match json {
                true => print_json(&listed),
                false => print(&listed, language),
            })
        }
    }
}

fn print(listed: &[AppPassword], language: Language) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for AppPassword {
        name,
        created,
        last_used,
    } in listed
    {
        let created = date(*created);
        let used = last_used.map_or_else(|| language.pick("never", "从未").to_owned(), date);
        let words = language.pick(
            format!("{name}\tmade {created}\tlast used {used}"),
            format!("{name}\t创建于 {created}\t上次使用 {used}"),
        );
        writeln!(out, "{words}")?;
    }
    Ok(())
}

fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}
