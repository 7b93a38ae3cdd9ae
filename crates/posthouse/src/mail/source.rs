//! Where messages to look at come from: a file, an mbox, a Maildir, a folder of `.eml` files, standard input, or a server.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use client::Protocol;
use client::pop3::{Client, Got};
use message::maildir::{Keywords, Name};
use message::mbox::{Found, Scanner, Separator, take_marks};
use message::{Marks, repair};

use super::connection::{Connection, Use};
use super::{exit, on_imap};
use crate::exit::{Code, Exit};
use crate::language::Language;

/// A message that is looked at is in memory; one that is larger is not looked at.
pub(super) const MAX_MESSAGE: usize = 512 << 20;

/// The beginning of a file says what it is.
const BEGINNING: usize = 4096;

#[derive(clap::Args)]
pub(crate) struct Chosen {
    #[command(flatten)]
    pub(super) connection: Connection,
    /// A message, an mbox, a Maildir or a folder of .eml files; standard input where it is - or nothing is given.
    #[arg(value_name = "FILE|DIR")]
    pub(super) path: Option<PathBuf>,
    /// The mailbox of an IMAP server.
    #[arg(long, value_name = "NAME")]
    pub(super) mailbox: Option<String>,
    /// Which message, counted from 1; the last one where it is 0. Of an IMAP server its uid.
    #[arg(long, short = 'n', value_name = "NUMBER")]
    pub(super) number: Option<u32>,
}

impl Chosen {
    /// A session with the IMAP server, where one is meant.
    pub(super) async fn imap(&self, language: Language) -> Result<Option<client::imap::Client>, Exit> {
        if self.path.is_some() || !self.is_on_server(language)? {
            return Ok(None);
        }
        let ready = self.connection.server(Use::Read, language).await?;
        match ready.server.protocol() {
            Protocol::Imap => ready
                .connect(client::imap::Client::connect, language)
                .await
                .map(Some),
            Protocol::Pop3 | Protocol::Smtp | Protocol::Lmtp => Ok(None),
        }
    }

    /// Whether a server is meant: one is named, or who sits at a terminal names nothing and has a default profile.
    fn is_on_server(&self, language: Language) -> Result<bool, Exit> {
        if self.path.is_some() {
            return Ok(false);
        }
        Ok(
            self.connection.is_named()
                || (io::stdin().is_terminal() && self.connection.is_there(language)?),
        )
    }
}

/// A message among others.
pub(super) struct Item {
    pub(super) number: u32,
    /// Its size in octets, as it lies there.
    pub(super) size: u64,
    pub(super) marks: Marks,
    /// All of it, or its header where only that was asked for.
    pub(super) octets: Vec<u8>,
}

/// How much of each message is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Its header.
    Header,
    /// All of it.
    Whole,
}

/// Which messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    All,
    /// The one of this number; of an IMAP server, of this uid.
    Number(u32),
    Last,
}

impl Chosen {
    fn which(&self) -> Which {
        match self.number {
            Some(0) => Which::Last,
            Some(number) => Which::Number(number),
            // On a server the last is what just came; a file mostly has one.
            None if self.path.is_none() && self.connection.is_named() => Which::Last,
            None => Which::Number(1),
        }
    }
}

/// One message.
pub(super) async fn read(chosen: &Chosen, language: Language) -> Result<Vec<u8>, Exit> {
    let which = chosen.which();
    let mut kept = None;
    let mut seen = 0;
    let mut told = |item: Item| {
        seen += 1;
        let is_it = match which {
            Which::Number(number) => item.number == number,
            Which::All | Which::Last => true,
        };
        if is_it {
            kept = Some(item.octets);
        }
        match (which, &kept) {
            (Which::Number(_), Some(_)) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    each(chosen, which, Wanted::Whole, &mut told, language).await?;
    kept.ok_or_else(|| {
        let words = match which {
            Which::Number(number) => language.pick(
                format!("there is no message {number}; there are {seen}"),
                format!("没有第 {number} 封邮件；共有 {seen} 封"),
            ),
            Which::All | Which::Last => language.pick("there is no message", "没有邮件").to_owned(),
        };
        Exit::new(Code::NoInput, words)
    })
}

/// Every message, or only the one of a number, in order, until `told` has had enough.
pub(super) async fn each(
    chosen: &Chosen,
    which: Which,
    wanted: Wanted,
    told: &mut impl FnMut(Item) -> ControlFlow<()>,
    language: Language,
) -> Result<(), Exit> {
    if chosen.is_on_server(language)? {
        return on_server(chosen, which, wanted, told, language).await;
    }
    let path = chosen.path.as_deref().filter(|path| path.as_os_str() != "-");
    let failed = |error: io::Error| match path {
        Some(path) => Exit::file(path, &error, language),
        None => Exit::new(Code::Io, error.to_string()),
    };
    match path {
        None => {
            if io::stdin().is_terminal() {
                return Err(Exit::new(
                    Code::Usage,
                    language.pick(
                        "which message? Name a file, or --server URL",
                        "哪封邮件？请给出文件，或 --server URL",
                    ),
                ));
            }
            in_file(BufReader::new(io::stdin().lock()), told).map_err(failed)
        }
        Some(path) if path.is_dir() => in_folder(path, wanted, told).map_err(failed),
        Some(path) => {
            let file = File::open(path).map_err(failed)?;
            in_file(BufReader::new(file), told).map_err(failed)
        }
    }
}

/// Mail is looked at where it lies.
pub(super) fn not_for_reading(language: Language) -> Exit {
    Exit::new(
        Code::Usage,
        language.pick(
            "mail is read over pop3, pop3s, imap or imaps: say such a --server",
            "读取邮件要用 pop3、pop3s、imap 或 imaps 的 --server",
        ),
    )
}

/// An mbox, or one message.
fn in_file(mut file: impl io::BufRead, told: &mut impl FnMut(Item) -> ControlFlow<()>) -> io::Result<()> {
    let beginning = file.fill_buf()?;
    let line = beginning
        .split_inclusive(|octet| *octet == b'\n')
        .next()
        .unwrap_or_default();
    if line.len() > BEGINNING || Separator::parse(line).is_none() {
        let mut octets = Vec::new();
        file.take(MAX_MESSAGE as u64).read_to_end(&mut octets)?;
        let size = octets.len() as u64;
        let _ = told(item(1, size, Marks::default(), &octets));
        return Ok(());
    }
    let mut scanner = Scanner::new(MAX_MESSAGE);
    let mut number = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = file.by_ref().take(64 << 10).read_until(b'\n', &mut line)?;
        let found = if read == 0 { None } else { scanner.push(&line) };
        if let Some(found) = found
            && of_mbox(found, &mut number, told).is_break()
        {
            return Ok(());
        }
        if read == 0 {
            break;
        }
    }
    if let Some(found) = scanner.finish() {
        let _ = of_mbox(found, &mut number, told);
    }
    Ok(())
}

fn of_mbox(
    found: Found,
    number: &mut u32,
    told: &mut impl FnMut(Item) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let (marks, octets) = take_marks(&found.octets);
    *number += 1;
    told(item(*number, found.size, marks, &octets))
}

/// A message with line ends as they are sent.
fn item(number: u32, size: u64, marks: Marks, octets: &[u8]) -> Item {
    Item {
        number,
        size,
        marks,
        octets: repair::crlf(octets).into_owned(),
    }
}

/// A Maildir, or a folder of `.eml` files, by name: that is by time in a Maildir.
fn in_folder(path: &Path, wanted: Wanted, told: &mut impl FnMut(Item) -> ControlFlow<()>) -> io::Result<()> {
    let is_maildir = path.join("cur").is_dir();
    let folders = match is_maildir {
        true => vec![path.join("new"), path.join("cur")],
        false => vec![path.to_owned()],
    };
    let mut files = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_message = is_maildir
                || Path::new(&name)
                    .extension()
                    .is_some_and(|end| end.eq_ignore_ascii_case("eml"));
            if is_message && !name.to_string_lossy().starts_with('.') {
                files.push((name, entry.path()));
            }
        }
    }
    files.sort();
    let keywords = fs::read_to_string(path.join(message::maildir::KEYWORDS_FILE)).unwrap_or_default();
    let keywords = Keywords::parse(&keywords);
    for (number, (name, path)) in (1..).zip(&files) {
        let size = fs::metadata(path)?.len();
        let mut octets = Vec::new();
        let most = if wanted == Wanted::Header {
            256 << 10
        } else {
            MAX_MESSAGE as u64
        };
        File::open(path)?.take(most).read_to_end(&mut octets)?;
        let marks = match is_maildir {
            true => Name::parse(name.as_encoded_bytes()).marks(&keywords),
            false => Marks::default(),
        };
        if told(item(number, size, marks, &octets)).is_break() {
            break;
        }
    }
    Ok(())
}

async fn on_server(
    chosen: &Chosen,
    which: Which,
    wanted: Wanted,
    told: &mut impl FnMut(Item) -> ControlFlow<()>,
    language: Language,
) -> Result<(), Exit> {
    let ready = chosen.connection.server(Use::Read, language).await?;
    let failed = |error: client::Error| exit(&error, language);
    match ready.server.protocol() {
        Protocol::Pop3 => {}
        Protocol::Imap => {
            let mailbox = chosen.mailbox.as_deref().unwrap_or("INBOX");
            let client = ready.connect(client::imap::Client::connect, language).await?;
            let all = (which, client::imap::Query::new());
            let told = on_imap::messages(client, mailbox, all, wanted, told).await;
            return told.map_err(failed);
        }
        Protocol::Smtp | Protocol::Lmtp => return Err(not_for_reading(language)),
    }
    let mut client = ready.connect(Client::connect, language).await?;
    let entries = client.list().await.map_err(failed)?;
    let last = entries.last().map(|entry| entry.number);
    let is_asked = |number: u32| match which {
        Which::All => true,
        Which::Number(only) => only == number,
        Which::Last => last == Some(number),
    };
    let asked: Vec<_> = entries.iter().filter(|entry| is_asked(entry.number)).collect();
    let numbers: Vec<u32> = asked.iter().map(|entry| entry.number).collect();
    let mut retrieval = match wanted {
        Wanted::Header => client.top(numbers, 0),
        Wanted::Whole => client.retrieve(numbers),
    };
    for entry in asked {
        let octets = match retrieval.next().await.map_err(failed)? {
            Some(Got::Message(_)) => retrieval.whole(MAX_MESSAGE).await.map_err(failed)?,
            Some(Got::Refused(number, said)) => {
                return Err(Exit::new(Code::Unavailable, format!("{number}: {said}")));
            }
            None => break,
        };
        if told(item(entry.number, entry.size, Marks::default(), &octets)).is_break() {
            return Ok(());
        }
    }
    // Nothing was changed: how the server says goodbye does not matter.
    let _ = client.quit().await;
    Ok(())
}
