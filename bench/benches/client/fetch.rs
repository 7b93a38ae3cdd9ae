//! 20,000 messages of 6 kB from `posthouse local` into a Maildir, over POP3 and over IMAP.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use client::download::{Format, Keep, Summary, Target, from_imap, from_pop3};
use client::smtp::{Client, Content, Envelope};
use client::testing::Local;
use client::{Address, Protocol, imap, pop3};
use tempfile::TempDir;

use crate::table::Table;

const MESSAGES: usize = 20_000;
const SIZE: usize = 6_000;

/// getmail syncs each message by itself, and would take minutes for all: it fetches so many.
const GETMAIL: usize = 200;

/// A server whose Bob has all the messages.
pub(crate) struct Full {
    server: Local,
    folder: TempDir,
}

impl Full {
    /// Starts it, and fills it.
    pub(crate) async fn start() -> Result<Self> {
        let server = Local::start().await?;
        let folder = tempfile::tempdir()?;
        let mut client = Client::connect(&server.smtp()).await?;
        let envelope =
            Envelope::from(Address::parse("alice@example.org")?).to(Address::parse("bob@example.org")?);
        let letters: Vec<String> = (0..MESSAGES).map(message).collect();
        let messages = letters
            .iter()
            .map(|letter| (&envelope, Content::Octets(letter.as_bytes())));
        let mut taken = 0;
        let counted = |_, report: Result<_, _>| taken += usize::from(report.is_ok());
        client.send_all(messages, counted).await?;
        client.quit().await?;
        ensure!(taken == MESSAGES, "only {taken} messages were taken");
        Ok(Full { server, folder })
    }

    /// POP3: all is fetched and kept on the server.
    pub(crate) async fn pop3(&self, rounds: usize) -> Result<()> {
        println!("{MESSAGES} messages of {SIZE} octets over POP3:");
        let mut table = Table::new("over POP3 into a Maildir", "messages/s");
        for _ in 0..rounds {
            let place = self.place("ours")?;
            let began = Instant::now();
            let server = self.server.of("bob", Protocol::Pop3);
            let client = pop3::Client::connect(&server).await?;
            let target = Target::open(place.join("mail"), Format::Maildir, "bob")?;
            let summary = from_pop3(client, target, Keep::All, |_, _, _| {}).await?;
            ensure_all(&summary)?;
            table.note("Posthouse", rate(MESSAGES, began));
            if let Some(rate) = self.getmail()? {
                table.note("getmail", rate);
            }
            if let Some(rate) = self.fetchmail()? {
                table.note("fetchmail, into one file", rate);
            }
        }
        table.print("Posthouse");
        Ok(())
    }

    /// IMAP: all is fetched, with flags.
    pub(crate) async fn imap(&self, rounds: usize) -> Result<()> {
        println!("{MESSAGES} messages of {SIZE} octets over IMAP:");
        let mut table = Table::new("over IMAP into a Maildir", "messages/s");
        for _ in 0..rounds {
            let place = self.place("ours")?;
            let began = Instant::now();
            let server = self.server.of("bob", Protocol::Imap);
            let mut client = imap::Client::connect(&server).await?;
            let target = Target::open(place.join("mail"), Format::Maildir, "bob")?;
            let summary = from_imap(&mut client, "INBOX", target, Keep::All, |_, _, _| {}).await?;
            ensure_all(&summary)?;
            client.logout().await?;
            table.note("Posthouse", rate(MESSAGES, began));
            if let Some(rate) = self.mbsync()? {
                table.note("mbsync", rate);
            }
        }
        table.print("Posthouse");
        Ok(())
    }

    /// A new, empty folder.
    fn place(&self, name: &str) -> Result<PathBuf> {
        let place = self.folder.path().join(name);
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        fs::create_dir(&place)?;
        // What is deleted here and written elsewhere is not to fall into somebody's time.
        rustix::fs::sync();
        Ok(place)
    }

    fn getmail(&self) -> Result<Option<f64>> {
        let place = self.place("getmail")?;
        for part in ["mail", "mail/cur", "mail/new", "mail/tmp"] {
            fs::create_dir(place.join(part))?;
            readable(&place.join(part))?;
        }
        readable(&place)?;
        readable(self.folder.path())?;
        let settings = format!(
            "[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = {}\nusername = bob@example.org\n\
             password = bob\n[destination]\ntype = Maildir\npath = {}/mail/\n{}\n[options]\nread_all = true\ndelete = false\n\
             max_messages_per_session = {GETMAIL}\n",
            self.server.pop3_port(),
            place.display(),
            if rustix::process::geteuid().is_root() {
                "user = nobody"
            } else {
                ""
            }
        );
        fs::write(place.join("getmailrc"), settings)?;
        let mut command = Command::new("getmail");
        command
            .args(["--quiet", "--getmaildir"])
            .arg(&place)
            .arg("--rcfile=getmailrc");
        timed(command, GETMAIL, || count(&place.join("mail/new")))
    }

    fn fetchmail(&self) -> Result<Option<f64>> {
        let place = self.place("fetchmail")?;
        let settings = format!(
            "poll 127.0.0.1 protocol pop3 port {} username 'bob@example.org' password 'bob' sslproto '' keep fetchall \
             bsmtp '{}/mail'\n",
            self.server.pop3_port(),
            place.display()
        );
        let rc = place.join("fetchmailrc");
        fs::write(&rc, settings)?;
        private(&rc)?;
        let mut command = Command::new("fetchmail");
        command
            .args(["--silent", "--nosyslog", "--fetchmailrc"])
            .arg(&rc)
            .arg("--idfile")
            .arg(place.join("ids"))
            .arg("--pidfile")
            .arg(place.join("pid"));
        let mail = place.join("mail");
        timed(command, MESSAGES, || {
            let text = fs::read(&mail)?;
            Ok(memchr::memmem::find_iter(&text, b"\nDATA\r\n").count())
        })
    }

    fn mbsync(&self) -> Result<Option<f64>> {
        let place = self.place("mbsync")?;
        let settings = format!(
            "IMAPAccount bob\nHost 127.0.0.1\nPort {}\nUser bob@example.org\nPass bob\nSSLType None\n\n\
             IMAPStore far\nAccount bob\n\nMaildirStore near\nInbox {place}/mail\nPath {place}/\n\n\
             Channel all\nFar :far:INBOX\nNear :near:\nSync Pull\nCreate Near\nSyncState {place}/state-\n",
            self.server.imap_port(),
            place = place.display()
        );
        let rc = place.join("mbsyncrc");
        fs::write(&rc, settings)?;
        let mut command = Command::new("mbsync");
        command.arg("-q").arg("-c").arg(&rc).arg("all");
        timed(command, MESSAGES, || {
            Ok(count(&place.join("mail/new"))? + count(&place.join("mail/cur"))?)
        })
    }
}

/// A message that is like no other.
fn message(number: usize) -> String {
    let header = format!(
        "From: alice@example.org\r\nTo: bob@example.org\r\nSubject: letter {number}\r\nMessage-ID: <{number}@bench>\r\n\r\n"
    );
    let line = "The quick brown fox jumps over the lazy dog and runs on to the next hill.\r\n";
    let lines = SIZE.saturating_sub(header.len()) / line.len();
    format!("{header}{}", line.repeat(lines))
}

fn rate(messages: usize, began: Instant) -> f64 {
    f64::from(u32::try_from(messages).unwrap_or(u32::MAX)) / began.elapsed().as_secs_f64()
}

fn ensure_all(summary: &Summary) -> Result<()> {
    ensure!(
        summary.fetched == MESSAGES as u64,
        "only {} messages were fetched",
        summary.fetched
    );
    Ok(())
}

fn count(folder: &Path) -> Result<usize> {
    Ok(fs::read_dir(folder)?.count())
}

/// getmail delivers as somebody else when root runs it.
fn readable(folder: &Path) -> Result<()> {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    let is_mail = |folder: &Path| folder.ends_with("mail");
    if rustix::process::geteuid().is_root() && (is_mail(folder) || folder.parent().is_some_and(is_mail)) {
        // Debian's nobody.
        chown(folder, Some(65534), None)?;
    }
    Ok(())
}

/// Nobody else may read a file with a password in it; fetchmail insists.
fn private(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// Runs a peer; nothing when it is not installed.
fn timed(
    mut command: Command,
    messages: usize,
    fetched: impl FnOnce() -> Result<usize>,
) -> Result<Option<f64>> {
    let began = Instant::now();
    let status = match command.stdout(Stdio::null()).status() {
        Ok(status) => status,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{command:?}")),
    };
    let rate = rate(messages, began);
    ensure!(status.success(), "{command:?} ended with {status}");
    let fetched = fetched()?;
    ensure!(fetched == messages, "{command:?} fetched {fetched} messages");
    Ok(Some(rate))
}
