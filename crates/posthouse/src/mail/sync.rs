//! `posthouse sync`: a Maildir and the mailboxes of an IMAP account kept the same.

use std::io::{self, Write as _};
use std::path::PathBuf;

use client::Protocol;
use client::imap::Client;
use client::sync::{Options, Summary, Way};
use serde::Serialize;

use super::connection::{Connection, Use};
use super::{exit, tongue};
use crate::account::print_json;
use crate::exit::{Code, Exit};
use crate::language::Language;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// The Maildir, which is made where it is missing; mailboxes are folders in it (Maildir++).
    #[arg(value_name = "DIR")]
    target: PathBuf,
    /// A mailbox to sync, its levels between slashes; may be given several times. All unless given.
    #[arg(long, value_name = "NAME")]
    mailbox: Vec<String>,
    /// Says what would be done, and does nothing.
    #[arg(long)]
    dry_run: bool,
    /// Changes the Maildir only.
    #[arg(long, conflicts_with = "push")]
    pull: bool,
    /// Changes the server only.
    #[arg(long)]
    push: bool,
    /// Deletes mailboxes that are gone from the other side.
    #[arg(long)]
    delete_folders: bool,
    /// Deletes messages even where that is more than half of a mailbox.
    #[arg(long)]
    force: bool,
    /// As JSON: one object with what was done on each side, and notes.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Printed<'s> {
    mailboxes: u64,
    matched: u64,
    left: u64,
    here: Side,
    server: Side,
    notes: Vec<Note<'s>>,
}

/// What was done on a side.
#[derive(Serialize)]
struct Side {
    added: u64,
    deleted: u64,
    flagged: u64,
    folders: u64,
    folders_deleted: u64,
}

#[derive(Serialize)]
struct Note<'s> {
    mailbox: &'s str,
    text: String,
}

pub(crate) async fn run(arguments: Arguments, language: Language) -> Result<(), Exit> {
    let failed = |error: client::Error| exit(&error, language);
    let ready = arguments.connection.server(Use::Read, language).await?;
    let server = &ready.server;
    if server.protocol() != Protocol::Imap {
        let words = language.pick(
            "sync needs an IMAP server: imaps://…",
            "sync 需要 IMAP 服务器：imaps://…",
        );
        return Err(Exit::new(Code::Usage, words));
    }
    let name = server
        .who()
        .map(|login| login.name().to_owned())
        .unwrap_or_default();
    let account = format!("imap://{name}@{}", server.host());
    let options = Options {
        way: match (arguments.pull, arguments.push) {
            (true, _) => Way::Pull,
            (_, true) => Way::Push,
            _ => Way::Both,
        },
        mailboxes: arguments.mailbox,
        dry_run: arguments.dry_run,
        delete_folders: arguments.delete_folders,
        force: arguments.force,
    };
    let mut client = ready.connect(Client::connect, language).await?;
    let summary = client::sync::run(&mut client, &arguments.target, &account, &options);
    let summary = summary.await.map_err(failed)?;
    // Nothing is lost by how the server says goodbye.
    let _ = client.logout().await;
    let said = match arguments.json {
        true => print_json(&printed(&summary, language)),
        false => say(&summary, &options, language),
    };
    said.map_err(|error| Exit::new(Code::Io, error.to_string()))?;
    match summary.notes.len() {
        0 => Ok(()),
        count => Err(Exit::new(
            Code::Unavailable,
            language.pick(
                format!("not everything was synced: {count}"),
                format!("没有全部同步：{count} 处"),
            ),
        )),
    }
}

fn printed(summary: &Summary, language: Language) -> Printed<'_> {
    let [here, server] = sides(summary);
    let notes = summary.notes.iter().map(|note| Note {
        mailbox: &note.mailbox,
        text: note.words(tongue(language)),
    });
    Printed {
        mailboxes: summary.mailboxes,
        matched: summary.matched,
        left: summary.left,
        here,
        server,
        notes: notes.collect(),
    }
}

fn sides(summary: &Summary) -> [Side; 2] {
    let here = Side {
        added: summary.downloaded,
        deleted: summary.deleted_here,
        flagged: summary.flags_here,
        folders: summary.folders_here,
        folders_deleted: summary.folders_deleted_here,
    };
    let server = Side {
        added: summary.uploaded,
        deleted: summary.deleted_there,
        flagged: summary.flags_there,
        folders: summary.folders_there,
        folders_deleted: summary.folders_deleted_there,
    };
    [here, server]
}

fn say(summary: &Summary, options: &Options, language: Language) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if options.dry_run {
        let words = language.pick("Nothing was done. What would be:", "没有做任何更改。将会：");
        writeln!(out, "{words}")?;
    }
    let [here, server] = sides(summary);
    let places = [
        (language.pick("Maildir", "Maildir"), here),
        (language.pick("Server", "服务器"), server),
    ];
    for (place, side) in places {
        let Side {
            added,
            deleted,
            flagged,
            folders,
            folders_deleted,
        } = side;
        let words = language.pick(
            format!(
                "{place}: {added} new, {deleted} deleted, {flagged} with other flags; mailboxes: {folders} new, {folders_deleted} deleted."
            ),
            format!(
                "{place}：新增 {added} 封，删除 {deleted} 封，更改标志 {flagged} 封；邮箱：新建 {folders} 个，删除 {folders_deleted} 个。"
            ),
        );
        writeln!(out, "{words}")?;
    }
    if summary.matched > 0 {
        let count = summary.matched;
        let words = language.pick(
            format!("On both sides already: {count}."),
            format!("两边已有：{count} 封。"),
        );
        writeln!(out, "{words}")?;
    }
    if summary.left > 0 {
        let count = summary.left;
        let words = language.pick(
            format!("Changes of the other direction, left for later: {count}."),
            format!("另一方向的更改，留待以后：{count} 处。"),
        );
        writeln!(out, "{words}")?;
    }
    for note in &summary.notes {
        writeln!(out, "{}", note.words(tongue(language)))?;
    }
    Ok(())
}
