//! OfflineIMAP: a Maildir and an account kept alike, both ways: new mail, flags, deletions, folders with Chinese names.

use std::fs;
use std::path::{Path, PathBuf};

use end_to_end::{Conversation, Server, Service, messages, program};

fn sync(server: &Server, folder: &Path) {
    let text = format!(
        "[general]\naccounts = a\nmetadata = {folder}/meta\nmaxsyncaccounts = 1\n\n\
         [Account a]\nlocalrepository = near\nremoterepository = far\n\n\
         [Repository near]\ntype = Maildir\nlocalfolders = {folder}/mail\n\n\
         [Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = {}\nremoteuser = alice@example.org\n\
         remotepass = tin whistle\nssl = yes\nsslcacertfile = {}\nmaxconnections = 1\n",
        server.port(Service::Imaps),
        server.certificate().display(),
        folder = folder.display(),
    );
    let settings = program::file(folder, "offlineimaprc", &text);
    let words = [
        "offlineimap",
        "-c",
        settings.to_str().unwrap(),
        "-o",
        "-u",
        "basic",
    ];
    program::run(folder, &words, b"").succeeded();
}

/// The files of a Maildir, in the order of the uids in their names.
fn letters(mailbox: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for part in ["new", "cur"] {
        let entries = fs::read_dir(mailbox.join(part)).unwrap();
        found.extend(entries.map(|entry| entry.unwrap().path()));
    }
    found.sort_by_key(|path| {
        let name = path.to_str().unwrap();
        let uid = name.split("U=").nth(1).and_then(|rest| rest.split(',').next());
        uid.map_or(0, |uid| uid.parse::<u32>().unwrap())
    });
    found
}

#[test]
fn what_changes_on_one_side_changes_on_the_other() {
    if !program::is_here("offlineimap") {
        return;
    }
    let server = Server::with_accounts();
    let mut smtp = Conversation::smtp(&server);
    for number in 0..4 {
        let message = messages::plain(&format!("m{number}"));
        smtp.deliver("alice@example.org", &message).unwrap();
    }
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    imap.ok("CREATE &XeVPXA-");
    let folder = tempfile::tempdir().unwrap();
    sync(&server, folder.path());
    let inbox = folder.path().join("mail/INBOX");
    let near = letters(&inbox);
    assert_eq!(near.len(), 4);
    assert!(fs::read_dir(folder.path().join("mail")).unwrap().count() >= 7);

    // Here one is read, one is deleted, one is new; there one is flagged, one is deleted, one is new.
    let name = near[0].file_name().unwrap().to_str().unwrap();
    let read = name.split(":2,").next().unwrap();
    fs::rename(&near[0], inbox.join("cur").join(format!("{read}:2,S"))).unwrap();
    fs::remove_file(&near[1]).unwrap();
    let letter = messages::plain("near").replace("\r\n", "\n");
    fs::write(inbox.join("new/1.new.here"), letter).unwrap();
    imap.ok("SELECT INBOX");
    imap.ok("UID STORE 3 +FLAGS (\\Flagged)");
    imap.ok("UID STORE 4 +FLAGS (\\Deleted)");
    imap.ok("EXPUNGE");
    smtp.deliver("alice@example.org", &messages::plain("far"))
        .unwrap();
    sync(&server, folder.path());
    sync(&server, folder.path());

    let mut far = messages::subjects(&server, "alice", "tin whistle");
    far.sort();
    assert_eq!(far, ["far", "m0", "m2", "near"]);
    let near = letters(&inbox);
    assert_eq!(near.len(), 4, "{near:?}");
    let flagged: Vec<_> = near
        .iter()
        .filter(|path| path.to_str().unwrap().contains(":2,F"))
        .collect();
    assert_eq!(flagged.len(), 1, "{near:?}");
    assert!(fs::read_to_string(flagged[0]).unwrap().contains("Subject: m2"));
    imap.ok("NOOP");
    let seen = imap.ok("UID SEARCH SEEN");
    assert_eq!(seen[0], "* SEARCH 1", "{seen:?}");
}
