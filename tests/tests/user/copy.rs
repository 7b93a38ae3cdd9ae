//! `posthouse copy`: an account into another, between two servers.

use std::process::Command;

use client::imap::{Client, Item, NewMessage, Query, ServerFlag};
use client::{Login, Protocol, Security};
use end_to_end::{Server, Service};
use serde_json::Value;

use crate::said;

pub(crate) fn url(server: &Server) -> String {
    format!(
        "imap://alice%40example.org@127.0.0.1:{}?tls=none",
        server.port(Service::Imap)
    )
}

pub(crate) async fn client(server: &Server) -> Client {
    let at = client::Server::new(Protocol::Imap, "127.0.0.1", Security::None)
        .port(server.port(Service::Imap))
        .login(Login::password("alice@example.org", "tin whistle"));
    Client::connect(&at).await.unwrap()
}

fn command(from: &Server, to: &Server, more: &[&str]) -> Command {
    let (from, to) = (url(from), url(to));
    let words = [&["copy", "--json", "--from", &from, "--to", &to], more].concat();
    let mut command = end_to_end::server::posthouse(&words);
    command
        .env("POSTHOUSE_FROM_PASSWORD", "tin whistle")
        .env("POSTHOUSE_TO_PASSWORD", "tin whistle");
    command
}

fn mailbox<'v>(printed: &'v Value, name: &str) -> &'v Value {
    let mut mailboxes = printed["mailboxes"].as_array().unwrap().iter();
    mailboxes.find(|mailbox| mailbox["from"] == name).unwrap()
}

pub(crate) fn message(number: usize, filling: usize) -> Vec<u8> {
    let mut text =
        format!("From: a@example.net\r\nSubject: {number}\r\nMessage-ID: <{number}@example.net>\r\n\r\n");
    while text.len() < filling {
        text.push_str("and so on, and so on, and so on, and so on, and so on, and so on\r\n");
    }
    text.into_bytes()
}

pub(crate) async fn add(client: &mut Client, mailbox: &str, message: &[u8], flags: &[&str], moment: i64) {
    let new = NewMessage::new(message.len() as u64)
        .flags(flags)
        .received(types::Timestamp(moment));
    client.append(mailbox, new, message).await.unwrap();
}

/// Subject, date and flags of each message, in the order of the uids.
pub(crate) async fn content(client: &mut Client, mailbox: &str) -> Vec<(String, i64, Vec<String>)> {
    let opened = client.examine(mailbox).await.unwrap();
    if opened.exists == 0 {
        return Vec::new();
    }
    let all = client.search(Query::new()).await.unwrap();
    let items = [Item::Flags, Item::InternalDate, Item::Envelope];
    let mut fetch = client.fetch(&all, &items);
    let mut found = Vec::new();
    while let Some(message) = fetch.whole(1 << 20).await.unwrap() {
        let subject = message.envelope.as_ref().unwrap().subject.clone();
        let subject = String::from_utf8_lossy(&subject.unwrap_or_default()).into_owned();
        let flags = message.flags.iter().flatten();
        let mut flags: Vec<String> = flags
            .filter(|flag| **flag != ServerFlag::Recent)
            .map(|flag| flag.name().to_owned())
            .collect();
        flags.sort();
        found.push((subject, message.received.unwrap().0, flags));
    }
    found
}

#[tokio::test]
async fn folders_flags_and_dates_go_along_and_a_second_copy_copies_nothing() {
    let (from, to) = (Server::with_accounts(), Server::with_accounts());
    let mut source = client(&from).await;
    source.create("工作/项目 甲").await.unwrap();
    source.subscribe("工作/项目 甲").await.unwrap();
    add(
        &mut source,
        "INBOX",
        &message(1, 0),
        &["\\Seen", "$Forwarded"],
        1_000_000_000,
    )
    .await;
    add(&mut source, "INBOX", &message(2, 3 << 20), &[], 1_100_000_000).await;
    // Two equal messages stay two.
    add(&mut source, "INBOX", &message(3, 0), &[], 1_200_000_000).await;
    add(
        &mut source,
        "INBOX",
        &message(3, 0),
        &["\\Flagged"],
        1_300_000_000,
    )
    .await;
    add(&mut source, "工作/项目 甲", &message(4, 0), &["$Important"], 5).await;
    let printed = said(&mut command(&from, &to, &["--verify"]), b"").well();
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let inbox = mailbox(&printed, "INBOX");
    assert_eq!(
        (&inbox["copied"], &inbox["checked"]),
        (&4.into(), &4.into()),
        "{printed}"
    );
    let mut target = client(&to).await;
    for name in ["INBOX", "工作/项目 甲"] {
        let (one, other) = (content(&mut source, name).await, content(&mut target, name).await);
        assert!(!one.is_empty() && one == other, "{name}: {one:?} {other:?}");
    }
    let subscribed = target.list_subscribed("*").await.unwrap();
    assert!(
        subscribed
            .iter()
            .any(|listed| &*listed.name.text == "工作/项目 甲")
    );
    let printed = said(&mut command(&from, &to, &[]), b"").well();
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let inbox = mailbox(&printed, "INBOX");
    assert_eq!(
        (&inbox["copied"], &inbox["known"]),
        (&0.into(), &4.into()),
        "{printed}"
    );
    assert_eq!(content(&mut target, "INBOX").await.len(), 4);
}

#[tokio::test]
async fn a_copy_that_is_killed_is_gone_on_with() {
    let (from, to) = (Server::with_accounts(), Server::with_accounts());
    let mut source = client(&from).await;
    let count = 400;
    let messages: Vec<Vec<u8>> = (0..count).map(|number| message(number, 2000)).collect();
    let new = messages
        .iter()
        .map(|text| (NewMessage::new(text.len() as u64), text.as_slice()));
    source.append_all("INBOX", new.collect()).await.unwrap();
    for milliseconds in [20, 60, 100, 140] {
        let mut child = command(&from, &to, &[])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        let _ = child.kill();
        child.wait().unwrap();
    }
    said(&mut command(&from, &to, &[]), b"").well();
    let subjects = |content: Vec<(String, i64, Vec<String>)>| -> Vec<usize> {
        content
            .iter()
            .map(|(subject, ..)| subject.parse().unwrap())
            .collect()
    };
    let mut target = client(&to).await;
    let found = subjects(content(&mut target, "INBOX").await);
    assert_eq!(
        found,
        (0..count).collect::<Vec<_>>(),
        "none lost, none twice, in order"
    );
}

#[tokio::test]
async fn a_message_that_the_target_refuses_is_named_and_the_others_are_copied() {
    let (from, to) = (Server::with_accounts(), Server::with_accounts());
    let mut source = client(&from).await;
    for (number, size) in [(1, 0), (2, 900_000), (3, 3 << 20), (4, 0)] {
        add(&mut source, "INBOX", &message(number, size), &[], 5).await;
    }
    let mut quota =
        end_to_end::server::posthouse(&["account", "quota", "alice@example.org", "--storage", "500K"]);
    said(quota.arg("--data").arg(to.data()), b"").well();
    let done = said(&mut command(&from, &to, &[]), b"");
    assert_eq!(done.code, Some(69), "{}\n{}", done.out, done.err);
    let printed: Value = serde_json::from_str(&done.out).unwrap();
    let inbox = mailbox(&printed, "INBOX");
    assert_eq!(
        (&inbox["copied"], inbox["failed"].as_array().unwrap().len()),
        (&2.into(), 2),
        "{printed}"
    );
    assert!(
        inbox["failed"][0]["why"].as_str().unwrap().contains("OVERQUOTA"),
        "{printed}"
    );
    let mut target = client(&to).await;
    let found: Vec<String> = content(&mut target, "INBOX")
        .await
        .into_iter()
        .map(|(subject, ..)| subject)
        .collect();
    assert_eq!(found, ["1", "4"]);
}
