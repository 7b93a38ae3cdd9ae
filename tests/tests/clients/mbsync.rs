//! mbsync: a Maildir and an account kept alike, both ways.

use std::fs;
use std::path::{Path, PathBuf};

use end_to_end::{Conversation, Server, Service, messages, program};

fn settings(server: &Server, folder: &Path) -> PathBuf {
    let text = format!(
        "IMAPAccount posthouse\nHost localhost\nPort {}\nUser alice@example.org\nPass \"tin whistle\"\n\
         SSLType IMAPS\nCertificateFile {}\n\n\
         IMAPStore far\nAccount posthouse\n\n\
         MaildirStore near\nPath {folder}/mail/\nInbox {folder}/mail/INBOX\nSubFolders Verbatim\n\n\
         Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\nSyncState *\n",
        server.port(Service::Imaps),
        server.certificate().display(),
        folder = folder.display(),
    );
    fs::create_dir_all(folder.join("mail")).unwrap();
    program::file(folder, "mbsyncrc", &text)
}

fn sync(folder: &Path, settings: &Path) {
    program::run(folder, &["mbsync", "-c", settings.to_str().unwrap(), "-a"], b"").succeeded();
}

/// The files of a Maildir.
fn letters(mailbox: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for part in ["new", "cur"] {
        let entries = fs::read_dir(mailbox.join(part)).unwrap();
        found.extend(entries.map(|entry| entry.unwrap().path()));
    }
    found.sort();
    found
}

#[test]
fn what_changes_on_one_side_changes_on_the_other() {
    if !program::is_here("mbsync") {
        return;
    }
    let server = Server::with_accounts();
    let mut smtp = Conversation::smtp(&server);
    for number in 0..20 {
        let reply = smtp
            .deliver("alice@example.org", &messages::plain(&format!("far-{number}")))
            .unwrap();
        assert!(reply.starts_with("250"), "{reply}");
    }
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    imap.ok("CREATE Archive/2026");
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&server, folder.path());
    sync(folder.path(), &settings);
    let inbox = folder.path().join("mail/INBOX");
    let near = letters(&inbox);
    assert_eq!(near.len(), 20);
    assert!(folder.path().join("mail/Archive/2026/cur").is_dir());

    // On this side one is read, one deleted, one new; on that side one is flagged, one new.
    let name = near[0].file_name().unwrap().to_str().unwrap();
    let read = name.split(":2,").next().unwrap();
    fs::rename(&near[0], inbox.join("cur").join(format!("{read}:2,S"))).unwrap();
    fs::remove_file(&near[1]).unwrap();
    fs::write(
        inbox.join("cur/new.letter:2,FS"),
        messages::plain("near-0").replace("\r\n", "\n"),
    )
    .unwrap();
    imap.ok("SELECT INBOX");
    imap.ok("UID STORE 20 +FLAGS (\\Flagged)");
    smtp.deliver("alice@example.org", &messages::plain("far-20"))
        .unwrap();
    sync(folder.path(), &settings);
    sync(folder.path(), &settings);

    let far = messages::subjects(&server, "alice", "tin whistle");
    assert_eq!(far.len(), 21, "{far:?}");
    assert!(far.contains(&"near-0".to_owned()) && far.contains(&"far-20".to_owned()));
    assert_eq!(letters(&inbox).len(), 21);
    imap.ok("NOOP");
    let seen = imap
        .ok("SEARCH SEEN")
        .iter()
        .find(|line| line.starts_with("* SEARCH"))
        .unwrap()
        .clone();
    assert_eq!(seen.split_whitespace().count(), 4, "{seen}");
    let flagged = letters(&inbox).iter().filter(|path| is_flagged(path)).count();
    assert_eq!(flagged, 2);
}

#[test]
fn deletions_and_marks_go_both_ways() {
    if !program::is_here("mbsync") {
        return;
    }
    let server = Server::with_accounts();
    let mut smtp = Conversation::smtp(&server);
    for number in 0..4 {
        let message = messages::plain(&format!("m{number}"));
        smtp.deliver("alice@example.org", &message).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&server, folder.path());
    sync(folder.path(), &settings);
    let inbox = folder.path().join("mail/INBOX");
    let letter = |subject: &str| {
        let all = letters(&inbox);
        let has = |path: &&PathBuf| {
            fs::read_to_string(path)
                .unwrap()
                .contains(&format!("Subject: {subject}\n"))
        };
        all.iter().find(has).cloned()
    };
    // Here m0 is marked as deleted and m1 as answered; there m2 is expunged and m3 answered.
    let mark = |subject: &str, flags: &str| {
        let path = letter(subject).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let unique = name.split(":2,").next().unwrap();
        fs::rename(&path, inbox.join("cur").join(format!("{unique}:2,{flags}"))).unwrap();
    };
    mark("m0", "T");
    mark("m1", "RS");
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    imap.ok("SELECT INBOX");
    imap.ok("STORE 3 +FLAGS (\\Deleted)");
    imap.ok("EXPUNGE");
    imap.ok("UID STORE 4 +FLAGS (\\Answered)");
    sync(folder.path(), &settings);
    assert_eq!(messages::subjects(&server, "alice", "tin whistle"), ["m1", "m3"]);
    assert!(letter("m0").is_none() && letter("m2").is_none());
    imap.ok("NOOP");
    assert_eq!(imap.ok("UID SEARCH ANSWERED SEEN")[0], "* SEARCH 2");
    assert!(letter("m3").unwrap().to_str().unwrap().contains(":2,R"));

    // A mark is taken away here, and one there.
    mark("m1", "S");
    imap.ok("UID STORE 4 -FLAGS (\\Answered)");
    sync(folder.path(), &settings);
    imap.ok("NOOP");
    assert_eq!(imap.ok("UID SEARCH ANSWERED")[0], "* SEARCH");
    let path = letter("m3").unwrap();
    let (_, flags) = path.to_str().unwrap().rsplit_once(":2,").unwrap();
    assert!(!flags.contains('R'), "{flags}");
}

fn is_flagged(path: &Path) -> bool {
    path.to_str()
        .unwrap()
        .rsplit_once(":2,")
        .is_some_and(|(_, flags)| flags.contains('F'))
}
