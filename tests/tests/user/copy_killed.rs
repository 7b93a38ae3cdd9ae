//! `posthouse copy` that is killed while it writes files, or brings them.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use client::imap::Client;
use end_to_end::{Server, Service};
use serde_json::Value;

use crate::copy::{add, client, content, message, url};
use crate::copy_files::{command, copied, octets, sum};
use crate::proxy::{Way, start_stalling};
use crate::said;

/// So much of what the server says that some messages have come, and others not.
const SOME: usize = 250_000;

fn url_of(port: u16) -> String {
    format!("imap://alice%40example.org@127.0.0.1:{port}?tls=none")
}

/// Two mailboxes; some messages are equal.
async fn filled() -> (Server, Client) {
    let server = Server::with_accounts();
    let mut source = client(&server).await;
    source.create("工作").await.unwrap();
    for number in 0..12 {
        let text = message(number / 2, 30_000);
        let (flags, at) = (["\\Seen", "one", "two"], 1_000_000_000);
        add(&mut source, "INBOX", &text, &flags[..number % 4], at).await;
        add(&mut source, "工作", &message(100 + number, 500), &["three"], at).await;
    }
    (server, source)
}

/// Kills it as soon as something is the case: it stands still then.
fn kill_when(mut child: Child, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(child.try_wait().unwrap().is_none(), "it was to stand still");
        assert!(Instant::now() < end, "it never came so far");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn lines_of(path: &Path, words: &str) -> usize {
    let text = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&text).matches(words).count()
}

/// What of it was written: the manifest's name below the folder, what a message has there, and what the next run knows of it.
async fn goes_on(name: &str, written: &str, words: &str, more: &[&str]) {
    let (from, mut source) = filled().await;
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join(name);
    let stalled = start_stalling(from.port(Service::Imap), Way::ToClient, SOME);
    let mut begun = command(&url_of(stalled), files.to_str().unwrap(), more);
    let child = begun.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    kill_when(child, || lines_of(&folder.path().join(written), words) >= 3);
    assert!(
        !files.join("manifest.json").exists() && !files.is_file(),
        "{name}"
    );

    let is_folder = files.is_dir();
    let printed = copied(
        &url(&from),
        files.to_str().unwrap(),
        &[more, &["--verify"]].concat(),
    );
    let (copied_now, known) = (sum(&printed, "copied"), sum(&printed, "known"));
    assert_eq!(copied_now + known, sum(&printed, "messages"), "{printed}");
    assert_eq!(known >= 3, is_folder, "{printed}");

    let to = Server::with_accounts();
    let kind = more.iter().position(|word| *word == "--mbox");
    let kind = kind.map(|at| &more[at..at + 2]).unwrap_or_default();
    let printed = copied(
        files.to_str().unwrap(),
        &url(&to),
        &[kind, &["--into", "x"]].concat(),
    );
    let mut target = client(&to).await;
    for mailbox in ["INBOX", "工作"] {
        let below = if mailbox == "INBOX" { "x" } else { "x/工作" };
        if more.contains(&"--mailbox") && mailbox != "INBOX" {
            continue;
        }
        let (one, other) = (
            content(&mut source, mailbox).await,
            content(&mut target, below).await,
        );
        assert_eq!(one, other, "{name} {mailbox}: {printed}");
        assert!(
            octets(&mut source, mailbox).await == octets(&mut target, below).await,
            "{name} {mailbox}"
        );
    }
    let parts = fs::read_dir(folder.path()).unwrap();
    assert_eq!(parts.count(), 1, "nothing of the run that was killed is left");
}

#[tokio::test]
async fn a_maildir_is_gone_on_with() {
    goes_on("mail", "mail/manifest.json.part", "\"entry\"", &[]).await;
}

#[tokio::test]
async fn files_of_single_messages_are_gone_on_with() {
    let more = ["--format", "eml"];
    goes_on("mail", "mail/manifest.json.part", "\"entry\"", &more).await;
}

#[tokio::test]
async fn mboxes_are_gone_on_with() {
    for kind in ["mboxrd", "mboxcl2"] {
        let more = ["--format", "mbox", "--mbox", kind];
        goes_on("mail", "mail/manifest.json.part", "\"entry\"", &more).await;
    }
}

#[tokio::test]
async fn a_zip_is_begun_anew() {
    goes_on("mail.zip", "mail.zip.manifest.part", "\"entry\"", &[]).await;
}

#[tokio::test]
async fn one_mbox_is_begun_anew() {
    let more = ["--mailbox", "INBOX"];
    goes_on("in.mbox", "in.mbox.posthouse-part", "\nSubject: ", &more).await;
}

#[tokio::test]
async fn what_another_run_writes_or_has_left_of_another_account_is_let_alone() {
    let (from, _) = filled().await;
    let folder = tempfile::tempdir().unwrap();
    let stalled = url_of(start_stalling(from.port(Service::Imap), Way::ToClient, SOME));
    for (name, written) in [
        ("mail", "mail/manifest.json.part"),
        ("mail.zip", "mail.zip.manifest.part"),
        ("in.mbox", "in.mbox.posthouse-part"),
    ] {
        let files = folder.path().join(name);
        let files = files.to_str().unwrap();
        let more = ["--mailbox", "INBOX"];
        let mut begun = command(&stalled, files, &more);
        let child = begun.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let written = folder.path().join(written);
        kill_when(child, || {
            if !written.exists() {
                return false;
            }
            let other = said(&mut command(&url(&from), files, &more), b"");
            assert_eq!(other.code, Some(73), "{}\n{}", other.out, other.err);
            assert!(other.err.contains("another copy is writing it"), "{}", other.err);
            true
        });
    }
    let manifest = folder.path().join("mail/manifest.json.part");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("alice@", "carol@")).unwrap();
    let files = folder.path().join("mail");
    let other = said(&mut command(&url(&from), files.to_str().unwrap(), &[]), b"");
    assert_eq!(other.code, Some(73), "{}\n{}", other.out, other.err);
    assert!(other.err.contains("carol@example.org"), "{}", other.err);
    // A zip's name with another ending is not ours to take.
    fs::write(folder.path().join("b.zip.part"), "mine").unwrap();
    let files = folder.path().join("b.zip");
    let other = said(&mut command(&url(&from), files.to_str().unwrap(), &[]), b"");
    assert_eq!(other.code, Some(73), "{}\n{}", other.out, other.err);
    assert_eq!(
        fs::read_to_string(folder.path().join("b.zip.part")).unwrap(),
        "mine"
    );
}

#[tokio::test]
async fn files_come_in_once_when_bringing_them_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let wanted: Vec<Vec<u8>> = (0..12).map(|number| message(number / 2, 800_000)).collect();
    for (number, text) in wanted.iter().enumerate() {
        fs::write(root.join(format!("{number:02}.eml")), text).unwrap();
    }
    let to = Server::with_accounts();
    // Batches have 4 MiB: the first goes through, the second does not.
    let stalled = start_stalling(to.port(Service::Imap), Way::ToServer, 6 << 20);
    let mut begun = command(root.to_str().unwrap(), &url_of(stalled), &["--into", "x"]);
    let child = begun.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let store = to.port(Service::Imap);
    kill_when(child, || count(store) > 0);
    let printed: Value = copied(root.to_str().unwrap(), &url(&to), &["--into", "x", "--verify"]);
    assert!(sum(&printed, "known") > 0, "{printed}");
    assert_eq!(
        (
            sum(&printed, "known") + sum(&printed, "copied"),
            sum(&printed, "checked")
        ),
        (12, 12)
    );
    let mut target = client(&to).await;
    assert!(octets(&mut target, "x").await == wanted);
}

/// Messages of the mailbox that is filled, asked for in words, as another program does it.
fn count(port: u16) -> usize {
    use std::io::{BufRead as _, BufReader, Write as _};
    let stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let say = |words: &str| (&stream).write_all(words.as_bytes()).unwrap();
    say("a LOGIN alice@example.org \"tin whistle\"\r\nb STATUS x (MESSAGES)\r\nc LOGOUT\r\n");
    let line = lines.find_map(|line| line.ok().filter(|line| line.contains("MESSAGES")));
    let number = line.and_then(|line| line.trim_end_matches(')').rsplit(' ').next().map(str::to_owned));
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}
