//! The IMAP client against Dovecot, where it is installed: a server that nobody here wrote.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "what goes wrong here fails a test"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use posthouse_client::imap::{
    Client, Got, How, Item, Known, NewMessage, News, Octets, Query, Ranges, ServerFlag, StatusItem, StoreWhat,
};
use posthouse_client::{Server, TimeOuts};
use types::{SystemKeyword, Timestamp, Uid};

const DOVEADM: &str = "/usr/bin/doveadm";
const IMAP: &str = "/usr/lib/dovecot/imap";
/// Debian's user `mail`: Dovecot gives root no mail.
const MAIL: u32 = 8;

/// Dovecot's IMAP on a port of its own, each connection logged in already.
struct Dovecot {
    url: String,
    _folder: tempfile::TempDir,
}

impl Dovecot {
    /// Nothing where it is not installed.
    fn start() -> Option<Dovecot> {
        if !Path::new(DOVEADM).exists() || !Path::new(IMAP).exists() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mail = folder.path().join("mail");
        fs::create_dir(&mail).unwrap();
        let owner = fs::metadata(&mail).unwrap().uid();
        let user = if owner == 0 { MAIL } else { owner };
        if owner == 0 {
            chown(&mail, Some(MAIL), Some(MAIL)).unwrap();
        }
        let settings = folder.path().join("dovecot.conf");
        fs::write(&settings, text(folder.path(), user)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("imap://{}?tls=none", listener.local_addr().unwrap());
        thread::spawn(move || accept(&listener, &settings, &mail));
        Some(Dovecot { url, _folder: folder })
    }

    async fn client(&self) -> Client {
        let server = Server::parse(&self.url).unwrap();
        // A test that waits longer has failed.
        let server = server.time_outs(TimeOuts::all(Duration::from_secs(20)));
        Client::connect(&server).await.unwrap()
    }
}

fn text(folder: &Path, user: u32) -> String {
    let folder = folder.display();
    format!(
        "base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = /dev/null\nssl = no\n\
         mail_location = sdbox:{folder}/mail\nmail_uid = {user}\nmail_gid = {user}\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n\
         stats_writer_socket_path =\nprotocol imap {{\n  mail_plugins = zlib imap_zlib\n}}\n\
         namespace inbox {{\n  inbox = yes\n  separator = /\n}}\n"
    )
}

fn accept(listener: &TcpListener, settings: &Path, home: &Path) {
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        let mut command = Command::new(DOVEADM);
        command
            .arg("-c")
            .arg(settings)
            .args(["exec", "imap"])
            .env("USER", "mail")
            .env("HOME", home);
        // Not the socket itself: Dovecot takes it for a start from inetd, and refuses.
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let (mut input, mut output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let (mut from, mut to) = (stream.try_clone().unwrap(), stream);
        thread::spawn(move || copy(&mut from, &mut input));
        thread::spawn(move || {
            copy(&mut output, &mut to);
            let _ = to.shutdown(Shutdown::Both);
            process.wait()
        });
    }
}

/// Piece by piece: `io::copy` lets the system hold pieces back until there are more.
fn copy(from: &mut impl Read, to: &mut impl Write) {
    let mut piece = [0; 8192];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..read]).is_err() {
            return;
        }
    }
}

fn message(number: usize, size: usize) -> Vec<u8> {
    let mut text =
        format!("From: a@example.org\r\nSubject: number {number}\r\n\r\n信 {number}\r\n").into_bytes();
    while text.len() < size {
        text.extend_from_slice(format!("{} of a large message\r\n", text.len()).as_bytes());
    }
    text
}

fn all() -> Ranges {
    Ranges(vec![(1, u32::MAX)])
}

async fn fill(client: &mut Client, mailbox: &str, count: usize) {
    let sizes = |number: usize| if number == 3 { 300_000 } else { 10 };
    let messages: Vec<Vec<u8>> = (0..count).map(|number| message(number, sizes(number))).collect();
    let new = messages.iter().map(|octets| {
        let new = NewMessage::new(octets.len() as u64).flags(&["\\Seen", "$x"]);
        (new.received(Timestamp(86_400)), octets.as_slice())
    });
    let appended = client.append_all(mailbox, new.collect()).await.unwrap();
    assert_eq!(appended.uids.count(), count as u64);
}

#[tokio::test]
async fn mail_is_added_found_and_fetched() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut client = dovecot.client().await;
    client.create("工作/旧").await.unwrap();
    fill(&mut client, "工作/旧", 60).await;
    let status = client
        .status("工作/旧", &[StatusItem::Messages, StatusItem::UidNext])
        .await
        .unwrap();
    assert_eq!((status.messages, status.uid_next), (Some(60), Some(61)));
    let opened = client.select("工作/旧").await.unwrap();
    assert_eq!(
        (opened.exists, opened.uid_next, opened.read_only),
        (60, Some(61), false)
    );

    let items = [
        Item::Flags,
        Item::InternalDate,
        Item::Size,
        Item::Envelope,
        Item::BodyStructure,
        Item::message(),
    ];
    let mut fetch = client.fetch(&all(), &items);
    let mut number = 0;
    let mut large = Vec::new();
    while let Some(got) = fetch.next().await.unwrap() {
        let found = match got {
            Got::Body(body) => {
                assert_eq!(fetch.copy_to(&mut large).await.unwrap(), body.size);
                continue;
            }
            Got::Message(found) => found,
            Got::Refused(said) => panic!("{said}"),
        };
        let octets = match &found.parts[0].octets {
            Octets::Kept(octets) => octets.to_vec(),
            Octets::Streamed => std::mem::take(&mut large),
            Octets::None => panic!(),
        };
        assert_eq!(octets, message(number, if number == 3 { 300_000 } else { 10 }));
        assert_eq!(found.size, Some(octets.len() as u64));
        assert_eq!(found.received, Some(Timestamp(86_400)));
        assert_eq!(
            found.envelope.unwrap().subject.unwrap(),
            format!("number {number}")
        );
        assert!(found.structure.unwrap().media_type.eq_ignore_ascii_case(b"text"));
        assert!(
            found
                .flags
                .unwrap()
                .contains(&ServerFlag::System(SystemKeyword::Seen))
        );
        number += 1;
    }
    assert_eq!(number, 60);
    let found = client
        .search(Query::new().subject("number 5").text("信 5"))
        .await
        .unwrap();
    assert_eq!(found.count(), 11);
    client.rename("工作/旧", "新").await.unwrap();
    let names: Vec<_> = client
        .list("*")
        .await
        .unwrap()
        .into_iter()
        .map(|listed| listed.name.text)
        .collect();
    assert!(
        names.contains(&"新".into()) && names.contains(&"INBOX".into()),
        "{names:?}"
    );
    client.logout().await.unwrap();
}

#[tokio::test]
async fn what_happened_meanwhile_is_told() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut client = dovecot.client().await;
    client.create("Archive").await.unwrap();
    fill(&mut client, "INBOX", 6).await;
    let opened = client.select("INBOX").await.unwrap();
    let known = Known {
        uid_validity: opened.uid_validity,
        mod_sequence: opened.highest_mod_sequence.unwrap(),
        uids: None,
    };
    let mut other = dovecot.client().await;
    other.select("INBOX").await.unwrap();
    let two = Ranges(vec![(1, 2)]);
    let moved = other.move_messages(&two, "Archive").await.unwrap();
    assert_eq!((moved.how, moved.copied.to.count()), (How::AtOnce, 2));
    other
        .store(&Ranges(vec![(3, 3)]), StoreWhat::Add, &["\\Flagged"], None)
        .await
        .unwrap();
    let modified = other
        .store(
            &Ranges(vec![(3, 3)]),
            StoreWhat::Remove,
            &["$x"],
            Some(known.mod_sequence),
        )
        .await
        .unwrap();
    assert_eq!(modified, Ranges(vec![(3, 3)]));
    other
        .store(&Ranges(vec![(4, 5)]), StoreWhat::Add, &["\\Deleted"], None)
        .await
        .unwrap();
    other.expunge(&Ranges(vec![(4, 4)])).await.unwrap();
    assert_eq!(
        other
            .search(Query::new())
            .await
            .unwrap()
            .numbers()
            .collect::<Vec<_>>(),
        [3, 5, 6]
    );

    client.unselect().await.unwrap();
    let opened = client.resynchronize("INBOX", &known).await.unwrap();
    assert!(opened.resynchronized);
    let mut vanished: Vec<u32> = opened.vanished.numbers().collect();
    vanished.sort_unstable();
    assert_eq!(vanished, [1, 2, 4]);
    let mut changed: Vec<Uid> = opened.changed.iter().filter_map(|message| message.uid).collect();
    changed.sort_unstable();
    assert_eq!(changed, [Uid(3), Uid(5)]);
    client.news();
    let mut idle = client.idle();
    let (news, ()) = tokio::join!(idle.next(), async { fill(&mut other, "INBOX", 1).await });
    assert!(matches!(news.unwrap(), News::Exists(4)));
    idle.end().await.unwrap();
    client.logout().await.unwrap();
}

#[tokio::test]
async fn compressed_sessions_carry_the_same() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut client = dovecot.client().await;
    if !client.has("COMPRESS=DEFLATE") {
        return;
    }
    client.compress().await.unwrap();
    fill(&mut client, "INBOX", 10).await;
    client.select("INBOX").await.unwrap();
    let mut fetch = client.fetch(&all(), &[Item::message()]);
    let mut found = 0;
    while let Some(message) = fetch.whole(1 << 20).await.unwrap() {
        assert!(matches!(&message.parts[0].octets, Octets::Kept(octets) if octets.ends_with(b"\r\n")));
        found += 1;
    }
    assert_eq!(found, 10);
    client.logout().await.unwrap();
}
