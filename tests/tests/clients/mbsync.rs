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

fn is_flagged(path: &Path) -> bool {
    path.to_str()
        .unwrap()
        .rsplit_once(":2,")
        .is_some_and(|(_, flags)| flags.contains('F'))
}
