//! `posthouse copy` of files that are damaged or made to do harm, and of servers whose names are.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use client::imap::Client;
use end_to_end::{Server, Service};
use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::copy::{add, client, content, message, url};
use crate::copy_files::{command, copied, sum};
use crate::proxy::{self, Trick};
use crate::{Said, said};

const TEXT: &[u8] = b"Subject: good\r\nMessage-ID: <good@example.net>\r\n\r\nhi\r\n";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn names(client: &mut Client) -> Vec<String> {
    let listed = client.list("*").await.unwrap();
    listed.iter().map(|one| one.name.text.to_string()).collect()
}

fn failed(said: &Said) -> Vec<(String, String)> {
    let printed: Value = serde_json::from_str(&said.out).unwrap();
    let mailboxes = printed["mailboxes"].as_array().unwrap().iter();
    let lost = mailboxes.flat_map(|mailbox| mailbox["failed"].as_array().unwrap());
    let words = |value: &Value| value.as_str().unwrap().to_owned();
    lost.map(|lost| (words(&lost["place"]), words(&lost["why"])))
        .collect()
}

/// Nothing is said of it but why not, and nothing is done.
async fn is_refused(file: &Path, server: &Server, code: i32, words: &str) {
    let mut client = client(server).await;
    let before = names(&mut client).await;
    let done = said(&mut command(text(file), &url(server), &["--into", "new"]), b"");
    assert_eq!(done.code, Some(code), "{}\n{}", done.out, done.err);
    assert!(done.out.is_empty(), "{}", done.out);
    assert!(done.err.contains(words), "{}", done.err);
    assert_eq!(names(&mut client).await, before);
}

fn zip_of(path: &Path, entries: &[(&str, &[u8])]) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    for (name, octets) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(octets).unwrap();
    }
    zip.finish().unwrap();
}

#[tokio::test]
async fn a_file_that_holds_no_mail_is_refused() {
    let to = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("x");
    let good = folder.path().join("good.zip");
    zip_of(&good, &[("a/1.eml", TEXT), ("a/2.eml", TEXT)]);
    let whole = fs::read(&good).unwrap();
    for (octets, words) in [
        (
            b"\x7fELF\x00\x01\x02 no mail".as_slice(),
            "no mail was recognised",
        ),
        (b"", "no mail was recognised"),
        (&whole[..whole.len() / 2], "damaged"),
        (&whole[..whole.len() - 4], "damaged"),
        (b"PK\x03\x04 and no more", "damaged"),
    ] {
        fs::write(&place, octets).unwrap();
        is_refused(&place, &to, 65, words).await;
    }
    fs::remove_file(&place).unwrap();
    is_refused(&place, &to, 66, "is not there").await;
    fs::create_dir(&place).unwrap();
    is_refused(&place, &to, 65, "no mail was recognised").await;
}

#[tokio::test]
async fn a_zip_that_is_made_to_fill_memory_is_refused() {
    let to = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let bomb = folder.path().join("bomb.zip");
    // One message that is 257 MiB of the same line, beside a good one.
    let line = "a line that is always the same line\r\n".repeat(1000);
    let mut large = b"Subject: large\r\n\r\n".to_vec();
    while large.len() <= 256 << 20 {
        large.extend_from_slice(line.as_bytes());
    }
    zip_of(&bomb, &[("INBOX/1.eml", &large), ("INBOX/2.eml", TEXT)]);
    drop(large);
    assert!(fs::metadata(&bomb).unwrap().len() < 4 << 20);
    let done = said(&mut command(text(&bomb), &url(&to), &[]), b"");
    assert_eq!(done.code, Some(65), "{}\n{}", done.out, done.err);
    let failed = failed(&done);
    assert!(
        failed.len() == 1 && failed[0].0 == "INBOX/1.eml" && failed[0].1.contains("too large"),
        "{failed:?}"
    );
    let there = content(&mut client(&to).await, "INBOX").await;
    assert_eq!(there.len(), 1, "{there:?}");

    // A manifest of blanks.
    let blanks = vec![b' '; 64 << 20];
    zip_of(&bomb, &[("manifest.json", &blanks), ("INBOX/2.eml", TEXT)]);
    is_refused(&bomb, &to, 65, "damaged").await;

    // Entries that lie over each other.
    let mut zip = ZipWriter::new(File::create(&bomb).unwrap());
    zip.start_file("a/0.eml", SimpleFileOptions::default()).unwrap();
    zip.write_all(TEXT).unwrap();
    for number in 1..9 {
        zip.shallow_copy_file("a/0.eml", &format!("a/{number}.eml"))
            .unwrap();
    }
    zip.finish().unwrap();
    is_refused(&bomb, &to, 65, "lie over each other").await;
}

#[tokio::test]
async fn names_in_a_zip_lead_nowhere_else() {
    let to = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evil.zip");
    let names = [
        "../../evil/1.eml",
        "/etc/2.eml",
        "a/../../b/3.eml",
        "c\\..\\4.eml",
    ];
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, TEXT)).collect();
    zip_of(&file, &entries);
    // Whatever the mailboxes are called, each message is in one of them.
    let done = said(&mut command(text(&file), &url(&to), &["--into", "new"]), b"");
    let printed: Value = serde_json::from_str(&done.out).unwrap();
    let mailboxes = printed["mailboxes"].as_array().unwrap();
    let mut target = client(&to).await;
    for mailbox in mailboxes {
        let is_told = !mailbox["trouble"].is_null();
        let name = mailbox["to"].as_str().unwrap();
        assert!(
            is_told || content(&mut target, name).await.len() == 1,
            "{mailbox}"
        );
    }
    assert_eq!(mailboxes.len(), 4, "{printed}");
    assert_eq!(
        done.code,
        if sum(&printed, "copied") == 4 {
            Some(0)
        } else {
            Some(69)
        }
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// What `copy` has written, with something changed in it.
async fn harmed(format: &str, harm: impl Fn(&Path)) -> Said {
    let from = Server::with_accounts();
    let mut source = client(&from).await;
    for number in 1..4 {
        add(&mut source, "INBOX", &message(number, 300), &[], 5).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let name = if format == "zip" { "mail.zip" } else { "mail" };
    let files = folder.path().join(name);
    fs::write(folder.path().join("secret.eml"), TEXT).unwrap();
    let words = ["--mailbox", "INBOX", "--format", format];
    copied(&url(&from), text(&files), &words);
    harm(&files);
    let to = Server::with_accounts();
    let done = said(&mut command(text(&files), &url(&to), &["--verify"]), b"");
    assert_eq!(done.code, Some(65), "{format}: {}\n{}", done.out, done.err);
    let printed: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(sum(&printed, "copied"), 2, "{format}: {printed}");
    assert_eq!(content(&mut client(&to).await, "INBOX").await.len(), 2);
    done
}

#[tokio::test]
async fn a_message_that_was_changed_is_named_and_the_others_come() {
    for (format, place, name) in [
        ("eml", "folders/INBOX/0002.eml", "folders/INBOX/0002.eml"),
        ("mbox", "INBOX.mbox", "INBOX.mbox@"),
        ("zip", "", "folders/INBOX/0002.eml"),
    ] {
        let done = harmed(format, |files| {
            let file = if place.is_empty() {
                files.to_owned()
            } else {
                files.join(place)
            };
            let mut octets = fs::read(&file).unwrap();
            let at = match format {
                // In the middle of the second message.
                "zip" => {
                    let name = octets.windows(8).position(|some| some == b"0002.eml");
                    name.unwrap() + 60
                }
                _ => {
                    let at = octets.windows(10).position(|some| some == b"Subject: 2");
                    at.unwrap() + 9
                }
            };
            octets[at] ^= 1;
            fs::write(file, octets).unwrap();
        })
        .await;
        let failed = failed(&done);
        assert!(
            failed.len() == 1 && failed[0].0.starts_with(name),
            "{format}: {failed:?}"
        );
        assert!(done.err.contains("1"), "{}", done.err);
    }
}

#[tokio::test]
async fn a_file_that_ends_early_is_told() {
    let done = harmed("mbox", |files| {
        let file = files.join("INBOX.mbox");
        let octets = fs::read(&file).unwrap();
        fs::write(file, &octets[..octets.len() - 100]).unwrap();
    })
    .await;
    assert_eq!(failed(&done).len(), 1, "{}", done.out);
    let done = harmed("maildir", |files| {
        let name = fs::read_dir(files.join("cur")).unwrap().next().unwrap().unwrap();
        File::options()
            .write(true)
            .open(name.path())
            .unwrap()
            .set_len(20)
            .unwrap();
    })
    .await;
    assert!(failed(&done)[0].1.contains("manifest"), "{}", done.out);
}

#[tokio::test]
async fn a_manifest_that_names_a_file_elsewhere_reads_nothing_there() {
    for elsewhere in ["../secret.eml", "folders/../../secret.eml", "/etc/hostname"] {
        let done = harmed("eml", |files| {
            let manifest = files.join("manifest.json");
            let text = fs::read_to_string(&manifest).unwrap();
            fs::write(manifest, text.replace("folders/INBOX/0002.eml", elsewhere)).unwrap();
        })
        .await;
        let failed = failed(&done);
        assert!(
            failed.len() == 1 && failed[0].1.contains("outside"),
            "{elsewhere}: {failed:?}"
        );
    }
}

#[tokio::test]
async fn people_are_told_in_their_language_what_did_not_come() {
    let to = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1.eml"), TEXT).unwrap();
    fs::write(folder.path().join("2.eml"), b"Subject: nul\r\n\r\n\0\r\n").unwrap();
    for (language, words, whole) in [
        (
            "en",
            "Not copied: 2.eml (19 B), nul: holds",
            "not everything was copied: mailboxes with something missing: 1",
        ),
        (
            "zh",
            "未复制：2.eml（19 B）, nul：",
            "没有全部复制：1 个邮箱有缺漏",
        ),
    ] {
        let (from, to) = (text(folder.path()), url(&to));
        let mut command =
            end_to_end::server::posthouse(&["copy", "--from", from, "--to", &to, "--lang", language]);
        command.env("POSTHOUSE_TO_PASSWORD", "tin whistle");
        let done = said(&mut command, b"");
        assert_eq!(done.code, Some(65), "{}\n{}", done.out, done.err);
        assert!(done.out.contains(words), "{}", done.out);
        assert!(done.err.contains(whole), "{}", done.err);
    }
}

/// A name of the account's server is another one for the program.
async fn named(own: &'static str, others: &'static str, format: &str) -> (tempfile::TempDir, Said) {
    let from = Server::with_accounts();
    let mut source = client(&from).await;
    source.create(own).await.unwrap();
    add(&mut source, own, &message(1, 0), &[], 5).await;
    add(&mut source, "INBOX", &message(2, 0), &[], 5).await;
    let evil = proxy::start(from.port(Service::Imap), Trick::Renames(own, others));
    let evil = format!("imap://alice%40example.org@127.0.0.1:{evil}?tls=none");
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("deep/mail");
    fs::create_dir_all(&files).unwrap();
    let done = said(
        &mut command(&evil, text(&files), &["--format", format, "--verify"]),
        b"",
    );
    (folder, done)
}

#[tokio::test]
async fn a_server_names_no_file_outside_of_the_folder() {
    for others in [
        "../../evil-name",
        "/tmp/posthouse-evil-name",
        "..",
        "a//evil",
        "CON:x|?",
    ] {
        for format in ["maildir", "mbox", "eml"] {
            let (folder, done) = named("evil-mailbox", others, format).await;
            let out = done.well();
            let printed: Value = serde_json::from_str(&out).unwrap();
            let mailboxes = printed["mailboxes"].as_array().unwrap().iter();
            let copied = mailboxes.filter(|mailbox| mailbox["copied"] == 1).count();
            assert_eq!(copied, 2, "{others} {format}: {out}");
            let in_folder = |path: &Path| fs::read_dir(path).unwrap().count();
            assert_eq!(
                (in_folder(folder.path()), in_folder(&folder.path().join("deep"))),
                (1, 1),
                "{others} {format}"
            );
            assert!(!Path::new("/tmp/posthouse-evil-name.mbox").exists());
        }
    }
}

#[tokio::test]
async fn a_name_that_no_file_can_have_is_told_and_the_others_are_copied() {
    let long: &'static str = Box::leak(vec!["n".repeat(150); 30].join("/").into_boxed_str());
    let (folder, done) = named("evil-mailbox", long, "eml").await;
    assert_eq!(done.code, Some(73), "{}\n{}", done.out, done.err);
    let printed: Value = serde_json::from_str(&done.out).unwrap();
    let troubles: Vec<&Value> = printed["mailboxes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|mailbox| !mailbox["trouble"].is_null())
        .collect();
    assert_eq!(troubles.len(), 1, "{printed}");
    assert_eq!(troubles[0]["from"], long);
    assert!(
        folder.path().join("deep/mail/folders/INBOX/0001.eml").exists(),
        "the inbox is there"
    );
    // A Maildir has no folders in folders: a long name is a shorter one.
    named("evil-mailbox", long, "maildir").await.1.well();
}
