//! Servers that know less, connections that are cut, uids that change: nothing is lost, and nothing comes twice.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use client::imap::{Client, Item, NewMessage, Octets, Query, Ranges, StoreWhat};
use end_to_end::{Server, Service};
use types::Uid;

use super::peer::Peer;
use super::proxy::{Cut, Proxy};
use super::{NOTHING, add, client, files, holds, text};
use crate::{Said, run};

/// Of every mailbox the subjects of its messages, each with its system flags.
pub(crate) type Contents = BTreeMap<String, Vec<String>>;

pub(crate) async fn there(client: &mut Client) -> Contents {
    let mut contents = Contents::new();
    let listed = client.list("*").await.unwrap();
    for listed in listed.iter().filter(|listed| listed.is_selectable()) {
        client.select(&listed.name.text).await.unwrap();
        let uids = client.search(Query::new()).await.unwrap();
        let mut found = Vec::new();
        let mut fetch = client.fetch(&uids, &[Item::Flags, Item::header_fields(&["Subject"])]);
        while let Some(message) = fetch.whole(10_000).await.unwrap() {
            let Octets::Kept(header) = &message.parts[0].octets else {
                panic!("no header");
            };
            let header = String::from_utf8_lossy(header).into_owned();
            let flags = message.flags.as_deref().unwrap_or_default().iter();
            let mut flags: Vec<&str> = flags
                .map(|flag| flag.name())
                .filter(|name| name.starts_with('\\') && *name != "\\Recent")
                .collect();
            flags.sort_unstable();
            let subject = header.trim().trim_start_matches("Subject: ");
            found.push(format!("{subject} {}", flags.join(" ")).trim_end().to_owned());
        }
        drop(fetch);
        found.sort();
        let separator = listed.separator.unwrap_or('/').to_string();
        contents.insert(listed.name.text.replace(&separator, "/"), found);
    }
    contents
}

/// The same of a Maildir++.
pub(crate) fn here(md: &Path) -> Contents {
    let mut contents = Contents::from([("INBOX".to_owned(), of(md))]);
    for entry in fs::read_dir(md).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if let Some(folder) = name.strip_prefix('.')
            && path.join("cur").exists()
        {
            contents.insert(client::names::of_maildir(folder), of(&path));
        }
    }
    contents
}

fn of(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = files(folder).iter().map(|file| told(file)).collect();
    found.sort();
    found
}

fn told(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let subject = text
        .lines()
        .find_map(|line| line.strip_prefix("Subject: "))
        .unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let letters = name.split_once(":2,").map_or("", |(_, letters)| letters);
    let flags = [
        ('R', "\\Answered"),
        ('T', "\\Deleted"),
        ('D', "\\Draft"),
        ('F', "\\Flagged"),
        ('S', "\\Seen"),
    ];
    let flags = flags.iter().filter(|(letter, _)| letters.contains(*letter));
    let flags: Vec<&str> = flags.map(|(_, flag)| *flag).collect();
    format!("{subject} {}", flags.join(" ")).trim_end().to_owned()
}

pub(crate) fn run_sync(folder: &Path, url: &str, more: &[&str]) -> Said {
    run(
        folder,
        &[&["sync", "md", "--server", url, "--json"], more].concat(),
        b"",
    )
}

/// What was added, deleted and flagged here, and on the server.
pub(crate) fn sync(folder: &Path, url: &str, more: &[&str]) -> [[u64; 3]; 2] {
    let out = run_sync(folder, url, more).well();
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    ["here", "server"]
        .map(|side| ["added", "deleted", "flagged"].map(|what| value[side][what].as_u64().unwrap()))
}

pub(crate) fn make(folder: &Path) {
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
}

pub(crate) fn put(folder: &Path, subject: &str) {
    let text = text(subject).replace("\r\n", "\n");
    fs::write(folder.join("new").join(format!("1.{subject}")), text).unwrap();
}

pub(crate) fn mark(file: &Path, letters: &str) -> PathBuf {
    let name = file.file_name().unwrap().to_str().unwrap();
    let unique = name.split_once(":2,").map_or(name, |(unique, _)| unique);
    let cur = file.parent().unwrap().parent().unwrap().join("cur");
    let marked = cur.join(format!("{unique}:2,{letters}"));
    fs::rename(file, &marked).unwrap();
    marked
}

pub(crate) async fn uid_of(imap: &mut Client, subject: &str) -> Ranges {
    let found = imap.search(Query::new().subject(subject)).await.unwrap();
    assert_eq!(found.count(), 1, "{subject}");
    found
}

/// Changes both sides, so that every kind of change is there. The names are new with every number.
async fn change_both(imap: &mut Client, md: &Path, number: usize) {
    let name = |what: &str| format!("{what}{number}x");
    imap.select("INBOX").await.unwrap();
    for (what, flag) in [("flagged-there", "\\Flagged"), ("gone-there", "\\Deleted")] {
        let uids = uid_of(imap, &name(what)).await;
        imap.store(&uids, StoreWhat::Add, &[flag], None).await.unwrap();
        if flag == "\\Deleted" {
            imap.expunge(&uids).await.unwrap();
        }
    }
    let moved = uid_of(imap, &name("moved-there")).await;
    imap.move_messages(&moved, "Archive").await.unwrap();
    add(imap, "INBOX", &name("new-there")).await;
    mark(&holds(md, &name("seen-here")), "S");
    fs::remove_file(holds(md, &name("gone-here"))).unwrap();
    let moved = holds(md, &name("moved-here"));
    fs::rename(&moved, md.join(".Archive/cur").join(moved.file_name().unwrap())).unwrap();
    put(md, &name("new-here"));
    make(&md.join(format!(".Folder{number}")));
    put(&md.join(format!(".Folder{number}")), &name("in-folder"));
}

/// What there is after that.
fn wanted(before: &Contents, number: usize) -> Contents {
    let name = |what: &str| format!("{what}{number}x");
    let mut after = before.clone();
    let inbox = after.get_mut("INBOX").unwrap();
    inbox.retain(|one| {
        !["gone-there", "gone-here", "moved-there", "moved-here"]
            .iter()
            .any(|what| *one == name(what))
    });
    for one in inbox.iter_mut() {
        if *one == name("flagged-there") {
            one.push_str(" \\Flagged");
        } else if *one == name("seen-here") {
            one.push_str(" \\Seen");
        }
    }
    inbox.extend([name("new-there"), name("new-here")]);
    inbox.sort();
    let archive = after.get_mut("Archive").unwrap();
    archive.extend([name("moved-there"), name("moved-here")]);
    archive.sort();
    after.insert(format!("Folder{number}"), vec![name("in-folder")]);
    after
}

async fn prepare(imap: &mut Client, numbers: std::ops::Range<usize>) {
    for number in numbers {
        for what in [
            "flagged-there",
            "gone-there",
            "moved-there",
            "seen-here",
            "gone-here",
            "moved-here",
        ] {
            add(imap, "INBOX", &format!("{what}{number}x")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_know_less_are_synced_as_well() {
    for without in [
        &[][..],
        &["QRESYNC"],
        &["QRESYNC", "CONDSTORE"],
        &["UIDPLUS", "IMAP4rev2"],
        &[
            "UIDPLUS",
            "IMAP4rev2",
            "MULTIAPPEND",
            "QRESYNC",
            "CONDSTORE",
            "LITERAL+",
            "ESEARCH",
            "MOVE",
            "ENABLE",
            "UNSELECT",
            "NAMESPACE",
        ],
    ] {
        for peer in Peer::all() {
            with_less(&peer, without).await;
        }
    }
}

async fn with_less(peer: &Peer, without: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let proxy = Proxy::new(peer.port(), without);
    let url = proxy.url();
    let mut imap = peer.client().await;
    let about = format!("{} {without:?}", peer.name());
    imap.create("工作").await.unwrap();
    add(&mut imap, "工作", "plan").await;
    prepare(&mut imap, 0..2).await;
    add(&mut imap, "Archive", "old").await;
    sync(folder.path(), &url, &[]);
    let before = there(&mut imap).await;
    assert_eq!(here(&md), before, "{about}");
    assert_eq!(sync(folder.path(), &url, &[]), NOTHING, "{about}");
    change_both(&mut imap, &md, 0).await;
    sync(folder.path(), &url, &[]);
    let after = wanted(&before, 0);
    assert_eq!(there(&mut imap).await, after, "{about}");
    assert_eq!(here(&md), after, "{about}");
    assert_eq!(sync(folder.path(), &url, &[]), NOTHING, "{about}");
    imap.logout().await.unwrap();
}

/// A server that writes into what it is given: the size is another.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_alters_does_not_come_twice() {
    for without in [&["UIDPLUS", "IMAP4rev2", "MULTIAPPEND"][..], &["MULTIAPPEND"]] {
        let server = Server::with_accounts();
        let folder = tempfile::tempdir().unwrap();
        let md = folder.path().join("md");
        let proxy = Proxy::new(server.port(Service::Imap), without).altering();
        make(&md);
        for number in 0..3 {
            put(&md, &format!("letter{number}"));
        }
        let mut imap = client(&server).await;
        for cut in [Cut::After(usize::MAX), Cut::Nowhere] {
            // Cut after the first message has come: it is not noted then.
            if cut != Cut::Nowhere {
                assert_eq!(sync(folder.path(), &proxy.url(), &["--dry-run"])[1][0], 3);
                let before = proxy.commands();
                let append = before.iter().filter(|one| !one.starts_with("LOGOUT")).count() + 1;
                proxy.cut(Cut::After(append));
            } else {
                proxy.cut(cut);
            }
            run_sync(folder.path(), &proxy.url(), &[]);
        }
        assert_eq!(sync(folder.path(), &proxy.url(), &[]), NOTHING, "{without:?}");
        assert_eq!(there(&mut imap).await["INBOX"].len(), 3, "{without:?}");
        assert_eq!(here(&md)["INBOX"].len(), 3, "{without:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_anywhere_loses_and_doubles_nothing() {
    for without in [&[][..], &["UIDPLUS", "IMAP4rev2", "MULTIAPPEND", "QRESYNC"]] {
        for peer in Peer::all() {
            cut_everywhere(&peer, without).await;
        }
    }
}

async fn cut_everywhere(peer: &Peer, without: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let proxy = Proxy::new(peer.port(), without);
    let url = proxy.url();
    let mut imap = peer.client().await;
    add(&mut imap, "Archive", "old").await;
    let mut cuts = 0;
    for number in 0.. {
        // By turns before a command, after it, and in the middle of what comes.
        let at = number + 1;
        let cut = [Cut::Before(at), Cut::After(at), Cut::Octets(at * 331)][(number + without.len()) % 3];
        let about = format!("{} {without:?} {cut:?}", peer.name());
        prepare(&mut imap, number..number + 1).await;
        proxy.cut(Cut::Nowhere);
        sync(folder.path(), &url, &[]);
        let before = there(&mut imap).await;
        assert_eq!(here(&md), before);
        change_both(&mut imap, &md, number).await;
        let after = wanted(&before, number);
        proxy.cut(cut);
        run_sync(folder.path(), &url, &[]);
        let was_cut = proxy.was_cut();
        cuts += usize::from(was_cut);
        proxy.cut(Cut::Nowhere);
        sync(folder.path(), &url, &[]);
        assert_eq!(there(&mut imap).await, after, "{about}");
        assert_eq!(here(&md), after, "{about}");
        assert_eq!(sync(folder.path(), &url, &[]), NOTHING, "{about}");
        // Octets run out before commands do.
        if !was_cut && !matches!(cut, Cut::Octets(_)) {
            break;
        }
        // Fewer mailboxes, so that a run does not grow faster than the cuts go on.
        imap.unselect().await.unwrap();
        imap.delete(&format!("Folder{number}")).await.unwrap();
        fs::remove_dir_all(md.join(format!(".Folder{number}"))).unwrap();
    }
    assert!(cuts > 15, "{cuts}");
}

/// Messages without a Message-ID, of the same size, with the same subject: only their texts differ.
fn bare(word: &str) -> String {
    format!("From: bob@example.org\r\nSubject: same\r\n\r\n{word}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn uids_that_are_others_lose_nothing_and_double_nothing() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let proxy = Proxy::new(server.port(Service::Imap), &[]);
    let url = proxy.url();
    let mut imap = client(&server).await;
    imap.create("Work").await.unwrap();
    for subject in ["one", "two", "three", "four"] {
        add(&mut imap, "Work", subject).await;
    }
    for word in ["bare1", "bare2"] {
        let text = bare(word);
        let message = NewMessage::new(text.len() as u64);
        imap.append("Work", message, text.as_bytes()).await.unwrap();
    }
    sync(folder.path(), &url, &[]);
    let work = md.join(".Work");
    mark(&holds(&work, "one"), "S");
    fs::remove_file(holds(&work, "two")).unwrap();
    put(&work, "five");
    // The mailbox is made anew, with the same messages in another order, one without its text, and one more.
    imap.create("Aside").await.unwrap();
    imap.select("Work").await.unwrap();
    let validity = imap.select("Work").await.unwrap().uid_validity;
    for uid in [6, 3, 2, 1, 4] {
        let one: Ranges = [Uid(uid)].into_iter().collect();
        imap.copy(&one, "Aside").await.unwrap();
    }
    add(&mut imap, "Aside", "six").await;
    let text = bare("bare3");
    let message = NewMessage::new(text.len() as u64);
    imap.append("Aside", message, text.as_bytes()).await.unwrap();
    imap.unselect().await.unwrap();
    imap.delete("Work").await.unwrap();
    imap.rename("Aside", "Work").await.unwrap();
    assert_ne!(imap.select("Work").await.unwrap().uid_validity, validity);
    let flagged = uid_of(&mut imap, "three").await;
    imap.store(&flagged, StoreWhat::Add, &["\\Flagged"], None)
        .await
        .unwrap();
    // Cut at every command on the way.
    for at in 1..12 {
        proxy.cut(Cut::After(at));
        run_sync(folder.path(), &url, &[]);
    }
    proxy.cut(Cut::Nowhere);
    sync(folder.path(), &url, &[]);
    let all = [
        "five",
        "four",
        "one \\Seen",
        "same",
        "same",
        "same",
        "six",
        "three \\Flagged",
        "two",
    ];
    assert_eq!(there(&mut imap).await["Work"], all);
    assert_eq!(here(&md)["Work"], all);
    let words = |word: &str| {
        let files = files(&work);
        let with = files
            .iter()
            .filter(|file| fs::read_to_string(file).unwrap().contains(word));
        with.count()
    };
    assert_eq!(["bare1", "bare2", "bare3"].map(words), [1, 1, 1]);
    assert_eq!(sync(folder.path(), &url, &[]), NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_has_not_changed_takes_a_command() {
    for peer in Peer::all() {
        unchanged(&peer).await;
    }
}

async fn unchanged(peer: &Peer) {
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let mut imap = peer.client().await;
    make(&md);
    for number in 0..800 {
        put(&md, &format!("n{number}x"));
    }
    let plain = Proxy::new(peer.port(), &[]);
    sync(folder.path(), &plain.url(), &[]);
    // Holes between the uids.
    imap.select("INBOX").await.unwrap();
    let holes: Ranges = (1..800).step_by(2).map(Uid).collect();
    imap.store(&holes, StoreWhat::Add, &["\\Deleted"], None)
        .await
        .unwrap();
    imap.expunge(&holes).await.unwrap();
    sync(folder.path(), &plain.url(), &["--force"]);
    let mailboxes = imap.list("*").await.unwrap().len();
    let has_qresync = imap.has("QRESYNC");
    assert_eq!(has_qresync, matches!(peer, Peer::Dovecot(_)));
    for (way, without) in [
        (&[][..], &[][..]),
        (&["--pull"], &[]),
        (&[], &["QRESYNC"]),
        (&[], &["QRESYNC", "CONDSTORE"]),
    ] {
        let proxy = Proxy::new(peer.port(), without);
        sync(folder.path(), &proxy.url(), way);
        proxy.commands();
        assert_eq!(sync(folder.path(), &proxy.url(), way), NOTHING);
        let commands = proxy.commands();
        let about = |word: &str| commands.iter().filter(|one| one.starts_with(word)).count();
        assert_eq!(about("SELECT"), mailboxes, "{without:?}");
        // With QRESYNC nothing more; otherwise for each mailbox with messages one question for uids and one for flags.
        let most = if has_qresync && without.is_empty() { 0 } else { 2 };
        assert_eq!(about("UID"), most, "{} {without:?}: {commands:#?}", peer.name());
    }
    imap.logout().await.unwrap();
}

/// Whoever moves all of a mailbox deletes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_moved_is_not_guarded_as_if_it_were_deleted() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let md = folder.path().join("md");
    let url = super::url(&server);
    let mut imap = client(&server).await;
    for number in 0..30 {
        add(&mut imap, "INBOX", &format!("n{number}x")).await;
    }
    sync(folder.path(), &url, &[]);
    imap.select("INBOX").await.unwrap();
    let all = imap.search(Query::new()).await.unwrap();
    imap.move_messages(&all, "Trash").await.unwrap();
    assert_eq!(sync(folder.path(), &url, &[]), [[30, 30, 0], [0, 0, 0]]);
    // And back, here, by a program that gives files names of its own.
    for (number, file) in files(&md.join(".Trash")).iter().enumerate() {
        fs::rename(file, md.join("cur").join(format!("{number}.own:2,"))).unwrap();
    }
    assert_eq!(sync(folder.path(), &url, &[]), [[0, 0, 0], [30, 30, 0]]);
    assert_eq!(here(&md), there(&mut imap).await);
    // Deletions are deletions.
    let all = {
        imap.select("INBOX").await.unwrap();
        imap.search(Query::new()).await.unwrap()
    };
    imap.store(&all, StoreWhat::Add, &["\\Deleted"], None)
        .await
        .unwrap();
    imap.expunge(&all).await.unwrap();
    let said = run_sync(folder.path(), &url, &[]);
    assert_eq!(said.code, Some(69), "{}", said.out);
    assert_eq!(files(&md).len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_loses_and_doubles_nothing() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let mount = |options: &str| {
        let mut command = std::process::Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder.path());
        command.output().is_ok_and(|output| output.status.success())
    };
    if !mount("size=3m") {
        println!("not run: only root may mount");
        return;
    }
    let url = super::url(&server);
    let mut imap = client(&server).await;
    let body = "filler\r\n".repeat(5_000);
    for number in 0..100 {
        let text = format!("{}{body}", text(&format!("n{number}x")));
        let message = NewMessage::new(text.len() as u64);
        imap.append("INBOX", message, text.as_bytes()).await.unwrap();
    }
    for _ in 0..2 {
        let said = run_sync(folder.path(), &url, &[]);
        assert_ne!(said.code, Some(0));
        assert!(
            said.err.contains("No space") || said.err.contains("os error 28"),
            "{}",
            said.err
        );
        let left = fs::read_dir(folder.path().join("md/tmp")).unwrap().count();
        assert_eq!(left, 0);
    }
    let mut remount = std::process::Command::new("mount");
    let remounted = remount
        .args(["-o", "remount,size=64m"])
        .arg(folder.path())
        .status();
    assert!(remounted.unwrap().success());
    sync(folder.path(), &url, &[]);
    let md = folder.path().join("md");
    let same = (here(&md), there(&mut imap).await);
    assert_eq!(sync(folder.path(), &url, &[]), NOTHING);
    let mut umount = std::process::Command::new("umount");
    let _ = umount.arg("-l").arg(folder.path()).status();
    assert_eq!(same.0, same.1);
    assert_eq!(same.0["INBOX"].len(), 100);
}
