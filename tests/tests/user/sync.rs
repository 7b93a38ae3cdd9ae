//! `posthouse sync`: a Maildir and an account, changed on either side.

mod dovecot;
mod faults;
mod peer;
mod proxy;
mod ways;

use std::fs;
use std::path::{Path, PathBuf};

use client::imap::{Client, NewMessage, Query, Ranges, StoreWhat};
use end_to_end::{Server, Service};
use types::Uid;

use crate::run;

fn url(server: &Server) -> String {
    let port = server.port(Service::Imap);
    format!("imap://alice%40example.org@127.0.0.1:{port}?tls=none")
}

async fn client(server: &Server) -> Client {
    let server = client::Server::parse(&url(server)).unwrap();
    let login = server.who().unwrap().clone().with_password("tin whistle".into());
    Client::connect(&server.login(login)).await.unwrap()
}

fn text(subject: &str) -> String {
    format!(
        "From: bob@example.org\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\n{subject}\r\n"
    )
}

async fn add(client: &mut Client, mailbox: &str, subject: &str) {
    let text = text(subject);
    let message = NewMessage::new(text.len() as u64);
    client.append(mailbox, message, text.as_bytes()).await.unwrap();
}

async fn count(client: &mut Client, mailbox: &str) -> u64 {
    client.select(mailbox).await.unwrap();
    client.search(Query::new()).await.unwrap().count()
}

/// What was added, deleted and flagged here, and on the server.
fn sync(folder: &Path, server: &Server, more: &[&str]) -> [[u64; 3]; 2] {
    let url = url(server);
    let words = [&["sync", "md", "--server", &url, "--json"], more].concat();
    let out = run(folder, &words, b"").well();
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    ["here", "server"]
        .map(|side| ["added", "deleted", "flagged"].map(|what| value[side][what].as_u64().unwrap()))
}

const NOTHING: [[u64; 3]; 2] = [[0; 3]; 2];

fn files(folder: &Path) -> Vec<PathBuf> {
    let parts = ["new", "cur"].map(|part| fs::read_dir(folder.join(part)).unwrap());
    let mut files: Vec<PathBuf> = parts
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn holds(folder: &Path, subject: &str) -> PathBuf {
    let is = |path: &PathBuf| {
        fs::read_to_string(path)
            .unwrap()
            .contains(&format!("Subject: {subject}\n"))
    };
    files(folder)
        .into_iter()
        .find(is)
        .unwrap_or_else(|| panic!("no {subject}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_both_sides_go_to_the_other() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let mut imap = client(&server).await;
    for subject in ["one", "two", "three", "four"] {
        add(&mut imap, "INBOX", subject).await;
    }
    imap.create("工作/项目").await.unwrap();
    add(&mut imap, "工作/项目", "plan").await;
    assert_eq!(sync(folder.path(), &server, &["--dry-run"])[0][0], 5);
    assert!(!md.exists());
    assert_eq!(sync(folder.path(), &server, &[]), [[5, 0, 0], [0, 0, 0]]);
    assert_eq!(files(&md.join(".&XeVPXA-.&mHl27g-")).len(), 1);
    assert_eq!(sync(folder.path(), &server, &[]), NOTHING);
    // Here: one is seen, two is deleted, a folder is new with three moved into it, and a letter.
    let one = holds(&md, "one");
    fs::rename(
        &one,
        md.join("cur")
            .join(format!("{}:2,S", one.file_name().unwrap().to_str().unwrap())),
    )
    .unwrap();
    fs::remove_file(holds(&md, "two")).unwrap();
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(md.join(".&W1hoYw-").join(part)).unwrap();
    }
    let three = holds(&md, "three");
    fs::rename(&three, md.join(".&W1hoYw-/cur").join(three.file_name().unwrap())).unwrap();
    fs::write(md.join("new/1.letter"), text("letter").replace("\r\n", "\n")).unwrap();
    // There: four is flagged, one more is new.
    imap.select("INBOX").await.unwrap();
    let four: Ranges = imap.search(Query::new().subject("four")).await.unwrap();
    imap.store(&four, StoreWhat::Add, &["\\Flagged", "work"], None)
        .await
        .unwrap();
    add(&mut imap, "INBOX", "five").await;
    assert_eq!(sync(folder.path(), &server, &[]), [[1, 0, 1], [2, 2, 1]]);
    assert_eq!(sync(folder.path(), &server, &[]), NOTHING);
    assert!(holds(&md, "four").to_str().unwrap().ends_with(":2,Fa"));
    assert_eq!(count(&mut imap, "存档").await, 1);
    assert_eq!(count(&mut imap, "INBOX").await, 4);
    assert_eq!(
        imap.search(Query::new().seen().subject("one"))
            .await
            .unwrap()
            .count(),
        1
    );
    // Deleted there.
    let gone = imap.search(Query::new().subject("letter")).await.unwrap();
    imap.store(&gone, StoreWhat::Add, &["\\Deleted"], None)
        .await
        .unwrap();
    imap.expunge(&gone).await.unwrap();
    assert_eq!(sync(folder.path(), &server, &[]), [[0, 1, 0], [0, 0, 0]]);
    assert_eq!(files(&md).len(), 3);
}

/// A first sync of sides that have the same mail, and one whose state was lost.
#[tokio::test(flavor = "multi_thread")]
async fn what_both_sides_have_does_not_double() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let mut imap = client(&server).await;
    for subject in ["one", "two"] {
        add(&mut imap, "INBOX", subject).await;
    }
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(md.join(part)).unwrap();
    }
    fs::write(md.join("cur/7.x:2,S"), text("two").replace("\r\n", "\n")).unwrap();
    fs::write(md.join("new/8.x"), text("three").replace("\r\n", "\n")).unwrap();
    assert_eq!(sync(folder.path(), &server, &[]), [[1, 0, 0], [1, 0, 1]]);
    for entry in fs::read_dir(&md).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("posthouse-sync-")
        {
            fs::remove_dir_all(path).unwrap();
        }
    }
    assert_eq!(sync(folder.path(), &server, &[]), NOTHING);
    assert_eq!((files(&md).len(), count(&mut imap, "INBOX").await), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_flagged_since_outlives_its_deletion() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let mut imap = client(&server).await;
    for subject in ["flagged", "seen"] {
        add(&mut imap, "INBOX", subject).await;
    }
    sync(folder.path(), &server, &[]);
    fs::remove_file(holds(&md, "flagged")).unwrap();
    fs::remove_file(holds(&md, "seen")).unwrap();
    imap.select("INBOX").await.unwrap();
    let one = |uid| [Uid(uid)].into_iter().collect::<Ranges>();
    imap.store(&one(1), StoreWhat::Add, &["\\Flagged"], None)
        .await
        .unwrap();
    imap.store(&one(2), StoreWhat::Add, &["\\Seen"], None)
        .await
        .unwrap();
    assert_eq!(sync(folder.path(), &server, &[]), [[1, 0, 0], [0, 1, 0]]);
    assert!(holds(&md, "flagged").to_str().unwrap().ends_with(":2,F"));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_a_mailbox_is_deleted_only_when_that_is_asked() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let mut imap = client(&server).await;
    for number in 0..20 {
        add(&mut imap, "INBOX", &format!("n{number}")).await;
    }
    sync(folder.path(), &server, &[]);
    files(&md)
        .iter()
        .take(11)
        .for_each(|file| fs::remove_file(file).unwrap());
    let url = url(&server);
    let said = run(folder.path(), &["sync", "md", "--server", &url], b"");
    assert_eq!(said.code, Some(69), "{}", said.err);
    assert!(said.out.contains("11 of 20"), "{}", said.out);
    assert_eq!(count(&mut imap, "INBOX").await, 20);
    assert_eq!(
        sync(folder.path(), &server, &["--force"]),
        [[0, 0, 0], [0, 11, 0]]
    );
}

/// A sync that is killed anywhere loses nothing and doubles nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_is_killed_is_gone_on_with() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let mut imap = client(&server).await;
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(md.join(part)).unwrap();
    }
    for number in 0..150 {
        add(&mut imap, "INBOX", &format!("there{number}")).await;
        fs::write(
            md.join(format!("new/{number}.x")),
            text(&format!("here{number}")).replace("\r\n", "\n"),
        )
        .unwrap();
    }
    let url = url(&server);
    for milliseconds in [20, 40, 60, 80, 110, 150] {
        let mut command = end_to_end::server::posthouse(&["sync", "md", "--server", &url]);
        command
            .env("POSTHOUSE_PASSWORD", "tin whistle")
            .current_dir(folder.path());
        let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        // The moment is the point of this test; whichever it is, the end is the same.
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        let _ = child.kill();
        child.wait().unwrap();
    }
    sync(folder.path(), &server, &[]);
    assert_eq!(sync(folder.path(), &server, &[]), NOTHING);
    assert_eq!((files(&md).len(), count(&mut imap, "INBOX").await), (300, 300));
}

/// An end between a message and its line in the state, at every such place: the state is cut where a killed run would have left it.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_the_state_does_not_say_yet_are_found_again() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let mut imap = client(&server).await;
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(md.join(part)).unwrap();
    }
    for number in 0..3 {
        add(&mut imap, "INBOX", &format!("there{number}")).await;
        let text = text(&format!("here{number}")).replace("\r\n", "\n");
        fs::write(md.join(format!("new/{number}.x")), text).unwrap();
    }
    assert_eq!(sync(folder.path(), &server, &[]), [[3, 0, 0], [3, 0, 0]]);
    let states = fs::read_dir(&md).unwrap().map(|entry| entry.unwrap().path());
    let mut states = states.filter(|path| path.to_str().unwrap().contains("posthouse-sync-"));
    let state = states.next().unwrap().join("INBOX.sync");
    let whole = fs::read_to_string(&state).unwrap();
    let whole: String = whole
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("modseq"))
        .collect();
    let lines = whole.lines().count();
    for kept in 2..lines {
        let mut cut: String = whole.split_inclusive('\n').take(kept).collect();
        cut.push_str("= 9\t\\Se");
        fs::write(&state, cut).unwrap();
        assert_eq!(sync(folder.path(), &server, &[]), NOTHING, "after {kept} lines");
        assert_eq!(
            (files(&md).len(), count(&mut imap, "INBOX").await),
            (6, 6),
            "after {kept} lines"
        );
    }
}
