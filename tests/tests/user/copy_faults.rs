//! `posthouse copy` where connections are cut and servers lie; and with Dovecot, which nobody here wrote.

use client::imap::{Client, NewMessage};
use end_to_end::{Server, Service};
use serde_json::Value;

use crate::copy::{add, client, content, message};
use crate::dovecot::Dovecot;
use crate::proxy::{self, Trick};
use crate::{Said, said};

fn url(port: u16) -> String {
    format!("imap://alice%40example.org@127.0.0.1:{port}?tls=none")
}

fn copy(from: &str, to: &str, more: &[&str]) -> Said {
    let words = [&["copy", "--json", "--from", from, "--to", to], more].concat();
    let mut command = end_to_end::server::posthouse(&words);
    command
        .env("POSTHOUSE_FROM_PASSWORD", "tin whistle")
        .env("POSTHOUSE_TO_PASSWORD", "tin whistle");
    said(&mut command, b"")
}

fn inbox(printed: &str) -> Value {
    let printed: Value = serde_json::from_str(printed).unwrap();
    let mut mailboxes = printed["mailboxes"].as_array().unwrap().iter();
    mailboxes
        .find(|mailbox| mailbox["from"] == "INBOX")
        .unwrap()
        .clone()
}

async fn subjects(client: &mut Client, mailbox: &str) -> Vec<String> {
    content(client, mailbox)
        .await
        .into_iter()
        .map(|(subject, ..)| subject)
        .collect()
}

/// Seven messages, two of them equal and one large.
async fn filled(server: &Server) -> (Client, Vec<String>) {
    let mut source = client(server).await;
    for (number, size) in [(1, 0), (2, 0), (2, 0), (3, 2 << 20), (4, 0), (5, 0), (6, 0)] {
        add(&mut source, "INBOX", &message(number, size), &[], 1_000_000_000).await;
    }
    let wanted = subjects(&mut source, "INBOX").await;
    (source, wanted)
}

/// Copies with a cut at each command in turn, until there are no more commands; again where it could not go on by itself.
async fn is_cut(place: impl Fn(usize) -> Trick, side: &str) {
    let (from, to) = (Server::with_accounts(), Server::with_accounts());
    let (_, wanted) = filled(&from).await;
    let mut target = client(&to).await;
    let (from, to) = (from.port(Service::Imap), to.port(Service::Imap));
    let mut again = 0;
    for at in 1..40 {
        let cut = |port| url(proxy::start(port, place(at)));
        let (from, to) = match side {
            "from" => (cut(from), url(to)),
            _ => (url(from), cut(to)),
        };
        let into = format!("cut {at}");
        let words = [
            "--into",
            into.as_str(),
            "--connections",
            "1",
            "--mailbox",
            "INBOX",
        ];
        let mut done = copy(&from, &to, &words);
        while done.code != Some(0) {
            again += 1;
            assert!(again < 30, "{at}: {}\n{}", done.out, done.err);
            done = copy(&from, &to, &words);
        }
        assert_eq!(
            subjects(&mut target, &into).await,
            wanted,
            "cut at {at}: {}",
            done.out
        );
    }
}

#[tokio::test]
async fn the_target_is_cut_at_every_command_and_a_reply_is_lost() {
    is_cut(Trick::Withhold, "to").await;
}

#[tokio::test]
async fn the_target_is_cut_after_every_command() {
    is_cut(Trick::CutAfter, "to").await;
}

#[tokio::test]
async fn the_source_is_cut_at_every_command() {
    is_cut(Trick::Withhold, "from").await;
}

#[tokio::test]
async fn files_come_in_once_wherever_the_target_is_cut() {
    let to = Server::with_accounts();
    let mut target = client(&to).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, number) in [("1.eml", 1), ("2.eml", 2), ("3.eml", 2), ("4.eml", 3)] {
        std::fs::write(folder.path().join(name), message(number, 0)).unwrap();
    }
    let from = folder.path().to_str().unwrap();
    for at in 1..20 {
        let cut = url(proxy::start(to.port(Service::Imap), Trick::Withhold(at)));
        let into = format!("cut {at}");
        let mut done = copy(from, &cut, &["--into", &into]);
        if done.code != Some(0) {
            done = copy(from, &cut, &["--into", &into]);
        }
        assert_eq!(done.code, Some(0), "{at}: {}\n{}", done.out, done.err);
        assert_eq!(
            subjects(&mut target, &into).await,
            ["1", "2", "2", "3"],
            "cut at {at}"
        );
    }
}

#[tokio::test]
async fn files_are_whole_wherever_the_source_is_cut() {
    let from = Server::with_accounts();
    filled(&from).await;
    let folder = tempfile::tempdir().unwrap();
    for at in 5..12 {
        let cut = url(proxy::start(from.port(Service::Imap), Trick::Withhold(at)));
        let place = folder.path().join(at.to_string());
        let done = copy(&cut, place.to_str().unwrap(), &["--verify"]);
        if done.code == Some(0) {
            let inbox = inbox(&done.out);
            assert_eq!(
                (&inbox["copied"], &inbox["checked"]),
                (&7.into(), &7.into()),
                "{at}: {inbox}"
            );
        } else {
            // Before it has begun, nothing is there that looks finished.
            assert!(!place.join("manifest.json").exists(), "{at}: {}", done.err);
        }
    }
}

#[tokio::test]
async fn a_target_that_alters_an_octet_or_loses_a_message_is_found_out() {
    let (from, to) = (Server::with_accounts(), Server::with_accounts());
    let mut source = client(&from).await;
    for number in 1..40 {
        add(&mut source, "INBOX", &message(number, 300), &[], 5).await;
    }
    let mut odd = message(40, 0);
    odd.extend_from_slice(b"a peculiar line\r\n");
    add(&mut source, "INBOX", &odd, &[], 5).await;
    let port = to.port(Service::Imap);
    for (words, others, field) in [
        ("a peculiar line", "a peculiAr line", "altered"),
        ("<40@example.net>", "<41@example.net>", "missing"),
    ] {
        let target = url(proxy::start(port, Trick::Client(words, others)));
        let from = url(from.port(Service::Imap));
        let done = copy(
            &from,
            &target,
            &["--verify", "--into", field, "--mailbox", "INBOX"],
        );
        assert_eq!(done.code, Some(65), "{}\n{}", done.out, done.err);
        let inbox = inbox(&done.out);
        assert_eq!(inbox[field], serde_json::json!([40]), "{inbox}");
        assert_eq!(inbox["copied"], 40, "{inbox}");
    }
    // The same of files.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("odd.eml"), &odd).unwrap();
    let target = url(proxy::start(
        port,
        Trick::Client("a peculiar line", "a peculiAr line"),
    ));
    let done = copy(
        folder.path().to_str().unwrap(),
        &target,
        &["--verify", "--into", "files"],
    );
    assert_eq!(done.code, Some(65), "{}\n{}", done.out, done.err);
    let files = inbox(&done.out);
    assert_eq!(files["altered"], serde_json::json!(["odd.eml"]), "{files}");
}

#[tokio::test]
async fn a_source_that_says_wrong_sizes_is_copied_once() {
    let (from, to) = (Server::with_accounts(), Server::with_accounts());
    let (_, wanted) = filled(&from).await;
    let lying = url(proxy::start(
        from.port(Service::Imap),
        Trick::Server("RFC822.SIZE ", "RFC822.SIZE 1"),
    ));
    let mut target = client(&to).await;
    for known in [0, 7] {
        let done = copy(
            &lying,
            &url(to.port(Service::Imap)),
            &["--verify", "--mailbox", "INBOX"],
        );
        assert_eq!(done.code, Some(0), "{}\n{}", done.out, done.err);
        let inbox = inbox(&done.out);
        assert_eq!(
            (&inbox["known"], &inbox["checked"]),
            (&known.into(), &7.into()),
            "{inbox}"
        );
        assert_eq!(subjects(&mut target, "INBOX").await, wanted);
    }
}

#[tokio::test]
async fn a_target_that_says_wrong_sizes_gets_files_once() {
    let to = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    for (name, number) in [("1.eml", 1), ("2.eml", 2), ("3.eml", 2), ("4.eml", 3)] {
        std::fs::write(folder.path().join(name), message(number, 0)).unwrap();
    }
    let mut target = client(&to).await;
    // The same fields and other octets are another message.
    let mut other = message(3, 0);
    other.extend_from_slice(b"and more\r\n");
    add(&mut target, "INBOX", &other, &[], 5).await;
    for known in [0, 4] {
        let lying = proxy::start(
            to.port(Service::Imap),
            Trick::Server("RFC822.SIZE ", "RFC822.SIZE 1"),
        );
        let done = copy(folder.path().to_str().unwrap(), &url(lying), &["--verify"]);
        assert_eq!(done.code, Some(0), "{}\n{}", done.out, done.err);
        let inbox = inbox(&done.out);
        assert_eq!(
            (&inbox["known"], &inbox["checked"]),
            (&known.into(), &4.into()),
            "{inbox}"
        );
        assert_eq!(subjects(&mut target, "INBOX").await, ["3", "1", "2", "2", "3"]);
    }
}

#[tokio::test]
async fn dovecot_is_copied_from_and_into() {
    let (Some(there), Some(back)) = (Dovecot::start(), Dovecot::start()) else {
        return;
    };
    let from = Server::with_accounts();
    let (mut source, _) = filled(&from).await;
    source.create("工作/项目 甲").await.unwrap();
    add(
        &mut source,
        "工作/项目 甲",
        &message(8, 0),
        &["\\Flagged", "work"],
        1_400_000_000,
    )
    .await;
    add(&mut source, "Sent", &message(9, 0), &["\\Seen"], 1_500_000_000).await;
    let to = Server::with_accounts();
    let (first, last) = (url(from.port(Service::Imap)), url(to.port(Service::Imap)));
    for (from, to) in [(&first, &there.url), (&there.url, &back.url), (&back.url, &last)] {
        for known in [0, 7] {
            let done = copy(from, to, &["--verify"]);
            assert_eq!(done.code, Some(0), "{}\n{}", done.out, done.err);
            assert_eq!(inbox(&done.out)["known"], known, "{}", done.out);
        }
    }
    let mut target = client(&to).await;
    for name in ["INBOX", "工作/项目 甲", "Sent"] {
        let (one, other) = (content(&mut source, name).await, content(&mut target, name).await);
        assert!(!one.is_empty() && one == other, "{name}: {one:?} {other:?}");
    }
}

#[tokio::test]
async fn dovecot_is_copied_into_files_and_from_files() {
    let (Some(one), Some(other)) = (Dovecot::start(), Dovecot::start()) else {
        return;
    };
    let server = client::Server::parse(&one.url).unwrap();
    let mut source = Client::connect(&server).await.unwrap();
    source.create("归档").await.unwrap();
    for (mailbox, number) in [("INBOX", 1), ("归档", 2)] {
        let text = message(number, 500);
        let new = NewMessage::new(text.len() as u64)
            .flags(&["\\Seen"])
            .received(types::Timestamp(1_000_000_000));
        source.append(mailbox, new, text.as_slice()).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, more) in [("a", "maildir"), ("b.zip", "zip"), ("c", "mbox"), ("d", "eml")] {
        let place = folder.path().join(name);
        let place = place.to_str().unwrap();
        let done = copy(&one.url, place, &["--format", more, "--verify"]);
        assert_eq!(done.code, Some(0), "{more}: {}\n{}", done.out, done.err);
        let done = copy(place, &other.url, &["--verify"]);
        assert_eq!(done.code, Some(0), "{more}: {}\n{}", done.out, done.err);
    }
    let server = client::Server::parse(&other.url).unwrap();
    let mut target = Client::connect(&server).await.unwrap();
    for name in ["INBOX", "归档"] {
        assert_eq!(
            content(&mut target, name).await,
            content(&mut source, name).await,
            "{name}"
        );
    }
}
