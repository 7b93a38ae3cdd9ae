//! `posthouse watch`: waits for new messages of a mailbox, and tells a line, JSON or a command of each.

use std::io::{self, Write as _};
use std::process::Stdio;

use client::Protocol;
use client::imap::{Client, Item as Asked, News, Octets, Query, Ranges};
use message::read::Heading;
use message::{Message, PartId};
use serde::Serialize;
use types::Uid;

use super::connection::{Connection, Use, program};
use super::exit;
use crate::exit::{Code, Exit};
use crate::language::Language;

/// Headers larger than this are not looked at.
const MAX_HEADER: usize = 1 << 20;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// The mailbox.
    #[arg(long, value_name = "NAME", default_value = "INBOX")]
    mailbox: String,
    /// Runs this for each new message, with its octets on standard input, and MAIL_UID, MAIL_FROM and MAIL_SUBJECT in the environment.
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// Ends after so many messages.
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// As JSON: an object on a line for each message, with uid, from, date, subject and message_id.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line {
    uid: u32,
    from: String,
    date: String,
    subject: String,
    message_id: Option<String>,
}

pub(crate) async fn run(arguments: Arguments, language: Language) -> Result<(), Exit> {
    let ready = arguments.connection.server(Use::Read, language).await?;
    if ready.server.protocol() != Protocol::Imap {
        return Err(Exit::new(
            Code::Usage,
            language.pick(
                "watching wants an imap or imaps --server",
                "监视邮箱要用 imap 或 imaps 的 --server",
            ),
        ));
    }
    let failed = |error: client::Error| exit(&error, language);
    let mut client = ready.connect(Client::connect, language).await?;
    let opened = client.examine(&arguments.mailbox).await.map_err(failed)?;
    let mut next = match opened.uid_next {
        Some(next) => next,
        None => highest(&mut client).await.map_err(failed)? + 1,
    };
    if !client.has("IDLE") {
        eprintln!(
            "posthouse: {}",
            language.pick(
                "the server has no IDLE: it is asked every minute",
                "服务器没有 IDLE：每分钟询问一次"
            )
        );
    }
    let mut told = 0;
    loop {
        for uid in arrived(&mut client, next).await.map_err(failed)? {
            arguments.tell(&mut client, uid, language).await?;
            next = next.max(uid.0 + 1);
            told += 1;
            if arguments.count.is_some_and(|count| told >= count) {
                return client.logout().await.map_err(failed);
            }
        }
        wait(&mut client).await.map_err(failed)?;
    }
}

/// Waits until there may be new messages.
async fn wait(client: &mut Client) -> Result<(), client::Error> {
    let mut idle = client.idle();
    loop {
        match idle.next().await? {
            News::Exists(_) | News::Lost => return idle.end().await,
            News::Recent(_) | News::Expunged(_) | News::Vanished(_) | News::Message(_) | News::Alert(_) => {}
        }
    }
}

async fn highest(client: &mut Client) -> Result<u32, client::Error> {
    Ok(client
        .search(Query::new())
        .await?
        .numbers()
        .max()
        .unwrap_or_default())
}

/// The uids from one on.
async fn arrived(client: &mut Client, next: u32) -> Result<Vec<Uid>, client::Error> {
    let query = Query::new().uids((&Ranges(vec![(next, u32::MAX)])).into());
    // RFC 9051 §6.4.8: a range whose end is not there names the last message, which may be an old one.
    Ok(client
        .search(query)
        .await?
        .uids()
        .filter(|uid| uid.0 >= next)
        .collect())
}

impl Arguments {
    async fn tell(&self, client: &mut Client, uid: Uid, language: Language) -> Result<(), Exit> {
        let failed = |error: client::Error| exit(&error, language);
        let (part, most) = match &self.exec {
            Some(_) => (Asked::message(), super::source::MAX_MESSAGE),
            None => (Asked::header(), MAX_HEADER),
        };
        let mut fetch = client.fetch(&[uid].into_iter().collect(), &[part]);
        let mut octets = Vec::new();
        while let Some(message) = fetch.whole(most).await.map_err(failed)? {
            for part in message.parts {
                if let Octets::Kept(found) = part.octets {
                    octets = found.to_vec();
                }
            }
        }
        let message = Message::parse(&octets);
        let heading = Heading::of(&message, PartId::ROOT);
        let line = Line {
            uid: uid.0,
            from: heading.from,
            date: heading.date,
            subject: heading.subject,
            message_id: message.message_id(),
        };
        let written = match &self.exec {
            Some(command) => execute(command, &line, &octets),
            None => self.print(&line),
        };
        written.map_err(|error| Exit::new(Code::Io, error.to_string()))
    }

    fn print(&self, line: &Line) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.json {
            true => writeln!(out, "{}", serde_json::to_string(line)?)?,
            false => writeln!(
                out,
                "{}\t{}\t{}\t{}",
                line.uid, line.date, line.from, line.subject
            )?,
        }
        out.flush()
    }
}

/// What the command says is not ours to judge: the next message is told all the same.
fn execute(command: &str, line: &Line, octets: &[u8]) -> io::Result<()> {
    let mut child = program("sh")
        .args(["-c", command])
        .env("MAIL_UID", line.uid.to_string())
        .env("MAIL_FROM", &line.from)
        .env("MAIL_SUBJECT", &line.subject)
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // Not every command reads what it is given.
        let _ = input.write_all(octets);
    }
    child.wait().map(drop)
}
