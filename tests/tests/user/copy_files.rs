//! `posthouse copy` between an account and files.

use std::fs;
use std::path::Path;
use std::process::Command;

use client::imap::{Client, Item, Octets, Query};
use end_to_end::Server;
use serde_json::Value;

use crate::copy::{add, client, content, message, url};
use crate::said;

pub(crate) fn command(from: &str, to: &str, more: &[&str]) -> Command {
    let words = [&["copy", "--json", "--from", from, "--to", to], more].concat();
    let mut command = end_to_end::server::posthouse(&words);
    command
        .env("POSTHOUSE_FROM_PASSWORD", "tin whistle")
        .env("POSTHOUSE_TO_PASSWORD", "tin whistle");
    command
}

pub(crate) fn copied(from: &str, to: &str, more: &[&str]) -> Value {
    serde_json::from_str(&said(&mut command(from, to, more), b"").well()).unwrap()
}

pub(crate) fn sum(printed: &Value, field: &str) -> u64 {
    let mailboxes = printed["mailboxes"].as_array().unwrap().iter();
    mailboxes.map(|mailbox| mailbox[field].as_u64().unwrap()).sum()
}

const TRICKY: &[u8] =
    b"From: a@example.net\r\nSubject: =?utf-8?B?5L2g5aW9?=\r\nMessage-ID: <from@example.net>\r\n\r\n\
    From here on\r\n>From there\r\n\r\nFrom a Tue Nov 24 22:00:00 2026\r\n\r\nend\r\n";

/// Mailboxes in Chinese, flags, keywords, dates, equal messages, lines that look like separators.
async fn filled() -> (Server, Client) {
    let server = Server::with_accounts();
    let mut client = client(&server).await;
    client.create("工作/项目 甲").await.unwrap();
    add(
        &mut client,
        "INBOX",
        &message(1, 0),
        &["\\Seen", "$Forwarded"],
        1_000_000_000,
    )
    .await;
    add(
        &mut client,
        "INBOX",
        TRICKY,
        &["\\Flagged", "\\Answered"],
        1_100_000_000,
    )
    .await;
    add(&mut client, "INBOX", &message(3, 0), &[], 1_200_000_000).await;
    add(&mut client, "INBOX", &message(3, 0), &[], 1_300_000_000).await;
    add(
        &mut client,
        "工作/项目 甲",
        &message(4, 2 << 20),
        &["\\Draft", "work"],
        1_400_000_000,
    )
    .await;
    add(&mut client, "Sent", &message(5, 0), &["\\Seen"], 1_500_000_000).await;
    (server, client)
}

/// The octets of each message, in the order of the uids.
pub(crate) async fn octets(client: &mut Client, mailbox: &str) -> Vec<Vec<u8>> {
    let opened = client.examine(mailbox).await.unwrap();
    if opened.exists == 0 {
        return Vec::new();
    }
    let all = client.search(Query::new()).await.unwrap();
    let items = [Item::message()];
    let mut fetch = client.fetch(&all, &items);
    let mut found = Vec::new();
    while let Some(message) = fetch.whole(64 << 20).await.unwrap() {
        match &message.parts[0].octets {
            Octets::Kept(octets) => found.push(octets.to_vec()),
            other => panic!("{other:?}"),
        }
    }
    found
}

async fn is_the_same(source: &mut Client, target: &mut Client) {
    for mailbox in ["INBOX", "工作/项目 甲", "Sent"] {
        let (one, other) = (content(source, mailbox).await, content(target, mailbox).await);
        assert!(!one.is_empty() && one == other, "{mailbox}: {one:?} {other:?}");
        let (one, other) = (octets(source, mailbox).await, octets(target, mailbox).await);
        assert!(one == other, "{mailbox}: octets differ");
    }
    let empty = target.examine("空的").await.unwrap();
    assert_eq!(empty.exists, 0, "a mailbox without messages is one");
}

async fn goes_and_comes_back(name: &str, more: &[&str]) {
    let (from, mut source) = filled().await;
    source.create("空的").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join(name);
    let files = files.to_str().unwrap();
    let printed = copied(&url(&from), files, &[more, &["--verify"]].concat());
    assert_eq!(
        (sum(&printed, "copied"), sum(&printed, "checked")),
        (6, 6),
        "{printed}"
    );

    let to = Server::with_accounts();
    for round in 0..2 {
        let printed = copied(files, &url(&to), &["--verify"]);
        let wanted = if round == 0 { (6, 0, 6) } else { (0, 6, 6) };
        let got = (
            sum(&printed, "copied"),
            sum(&printed, "known"),
            sum(&printed, "checked"),
        );
        assert_eq!(got, wanted, "{printed}");
    }
    is_the_same(&mut source, &mut client(&to).await).await;
    // A folder that is finished is not written over.
    let again = said(&mut command(&url(&from), files, more), b"");
    assert_eq!(again.code, Some(73), "{}", again.err);
}

#[tokio::test]
async fn a_maildir_keeps_everything() {
    goes_and_comes_back("maildir", &[]).await;
}

#[tokio::test]
async fn a_zip_keeps_everything() {
    goes_and_comes_back("mail.zip", &[]).await;
}

#[tokio::test]
async fn files_of_single_messages_keep_everything() {
    goes_and_comes_back("emls", &["--format", "eml"]).await;
}

#[tokio::test]
async fn mboxes_keep_everything() {
    goes_and_comes_back("mboxes", &["--format", "mbox"]).await;
}

#[tokio::test]
async fn mboxes_whose_messages_are_counted_keep_everything() {
    goes_and_comes_back("mboxes", &["--format", "mbox", "--mbox", "mboxcl2"]).await;
}

#[tokio::test]
async fn without_the_manifest_files_are_read_as_other_programs_read_them() {
    for (format, kind) in [("maildir", "mboxrd"), ("mbox", "mboxrd"), ("mbox", "mboxcl2")] {
        let (from, mut source) = filled().await;
        source.create("空的").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("files");
        let files = files.to_str().unwrap();
        let words = ["--format", format, "--mbox", kind];
        copied(&url(&from), files, &words);
        let to = Server::with_accounts();
        copied(files, &url(&to), &words);
        is_the_same(&mut source, &mut client(&to).await).await;
    }
}

#[tokio::test]
async fn one_mbox_is_one_mailbox_and_of_the_kind_that_was_asked_for() {
    let (from, mut source) = filled().await;
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let done = said(&mut command(&url(&from), &place("all.mbox"), &[]), b"");
    assert_eq!(done.code, Some(64), "{}", done.err);
    for (kind, wanted) in [
        ("mboxrd", "\n>From here on\n>>From there\n\n>From a Tue"),
        ("mboxo", "\n>From here on\n>From there\n\n>From a Tue"),
        ("mboxcl2", "\nFrom here on\n>From there\n\nFrom a Tue"),
    ] {
        let file = place(&format!("{kind}.mbox"));
        let mut command = command(
            &url(&from),
            &file,
            &["--mailbox", "INBOX", "--mbox", kind, "--verify"],
        );
        let done = said(&mut command, b"");
        // What an mboxo cannot give back is said.
        assert_eq!(
            done.code,
            Some(if kind == "mboxo" { 65 } else { 0 }),
            "{}\n{}",
            done.out,
            done.err
        );
        assert!(fs::read_to_string(&file).unwrap().contains(wanted), "{kind}");
        let to = Server::with_accounts();
        let printed = copied(&file, &url(&to), &["--mbox", kind, "--into", "导入"]);
        assert_eq!(sum(&printed, "copied"), 4, "{printed}");
        let mut target = client(&to).await;
        assert_eq!(
            content(&mut target, "导入").await,
            content(&mut source, "INBOX").await,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn nothing_that_is_there_is_written_over() {
    let (from, _) = filled().await;
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("full")).unwrap();
    for name in ["full/x", "mail.zip", "in.mbox"] {
        fs::write(folder.path().join(name), "mine").unwrap();
    }
    for name in ["full", "mail.zip", "in.mbox"] {
        let place = folder.path().join(name);
        let mut command = command(&url(&from), place.to_str().unwrap(), &["--mailbox", "INBOX"]);
        let done = said(&mut command, b"");
        assert_eq!(done.code, Some(73), "{name}: {}", done.err);
    }
    for name in ["full/x", "mail.zip", "in.mbox"] {
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), "mine");
    }
}

#[tokio::test]
async fn a_maildir_of_another_program_comes_in_and_what_is_no_mail_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let inside = |folder: &str| {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(root.join(folder).join(part)).unwrap();
        }
    };
    // "已发送" and "工作/甲" in modified UTF-7 (RFC 3501 §5.1.3).
    inside("");
    inside(".&XfJT0ZAB-");
    inside(".&XeVPXA-.&dTI-");
    let write = |place: &str, text: &[u8], at: u64| {
        fs::write(root.join(place), text).unwrap();
        let file = fs::File::options().write(true).open(root.join(place)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(at))
            .unwrap();
    };
    write("cur/1.a:2,FS", b"Subject: one\n\nhi\n", 1_000_000_000);
    write("new/2.b", b"Subject: two\n\nhi\n", 1_000_000_001);
    write("cur/3.c:2,", b"", 5);
    write("cur/4.d:2,", b"Subject: nul\n\n\0\n", 5);
    write(".&XfJT0ZAB-/cur/5.e:2,S", b"Subject: sent\n\nhi\n", 1_000_000_002);
    write(
        ".&XeVPXA-.&dTI-/cur/6.f:2,R",
        b"Subject: work\n\nhi\n",
        1_000_000_003,
    );
    let to = Server::with_accounts();
    let done = said(&mut command(root.to_str().unwrap(), &url(&to), &[]), b"");
    assert_eq!(done.code, Some(65), "{}\n{}", done.out, done.err);
    let printed: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(sum(&printed, "copied"), 4, "{printed}");
    let failed: Vec<&str> = printed["mailboxes"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|mailbox| mailbox["failed"].as_array().unwrap())
        .map(|lost| lost["place"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["cur/3.c:2,", "cur/4.d:2,"], "{printed}");
    let mut target = client(&to).await;
    let one = |subject: &str, at: i64, flags: &[&str]| {
        (
            subject.to_owned(),
            at,
            flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        content(&mut target, "INBOX").await,
        [
            one("one", 1_000_000_000, &["\\Flagged", "\\Seen"]),
            one("two", 1_000_000_001, &[])
        ]
    );
    // The account has a mailbox for it, however it was called.
    assert_eq!(
        content(&mut target, "Sent").await,
        [one("sent", 1_000_000_002, &["\\Seen"])]
    );
    assert_eq!(
        content(&mut target, "工作/甲").await,
        [one("work", 1_000_000_003, &["\\Answered"])]
    );
    assert!(
        Path::new(root).join("cur/1.a:2,FS").exists(),
        "nothing is changed at the source"
    );
}
