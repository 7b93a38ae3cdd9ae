//! mutt: an attachment is sent over SMTPS without a terminal; at one that nobody sees, a mailbox is opened over IMAPS twice, with
//! its cache of headers.

use std::fs;
use std::path::Path;

use end_to_end::{Conversation, Server, Service, messages, program};

#[test]
fn a_letter_with_an_attachment_is_sent() {
    if !program::is_here("mutt") {
        return;
    }
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "set smtp_url = \"smtps://alice@localhost:{}/\"\nset smtp_pass = \"tin whistle\"\n\
         set certificate_file = \"{}\"\nset from = \"alice@example.org\"\nset copy = no\nset charset = utf-8\n\
         set send_charset = utf-8\nset ssl_verify_host = no\n",
        server.port(Service::Submissions),
        server.certificate().display(),
    );
    let settings = program::file(folder.path(), "muttrc", &text);
    let attached = program::file(folder.path(), "sheet.txt", "one\ntwo\n");
    let words = [
        "mutt",
        "-n",
        "-F",
        settings.to_str().unwrap(),
        "-s",
        "from-mutt",
        "-a",
        attached.to_str().unwrap(),
        "--",
        "bob@example.org",
    ];
    program::run(folder.path(), &words, "你好\n".as_bytes()).succeeded();
    assert_eq!(messages::subjects(&server, "bob", "blue door"), ["from-mutt"]);
}

#[test]
fn a_mailbox_is_changed_and_its_cached_headers_stay_right() {
    uses_a_mailbox_twice("mutt");
}

/// Runs mutt, or a program like it, with keys that are pressed.
fn press(server: &Server, program: &str, folder: &Path, keys: &str) {
    let text = format!(
        "set folder = \"imaps://alice%40example.org@localhost:{}/\"\nset spoolfile = \"+INBOX\"\nset imap_pass = \"tin whistle\"\n\
         set header_cache = \"{folder}/headers\"\nset message_cachedir = \"{folder}/bodies\"\nset certificate_file = \"{}\"\n\
         set ssl_verify_host = no\nset confirmcreate = no\nset confirmappend = no\nset delete = yes\nset quit = yes\n\
         set charset = utf-8\nset mail_check = 60\nset wait_key = no\nset sort = mailbox-order\n",
        server.port(Service::Imaps),
        server.certificate().display(),
        folder = folder.display(),
    );
    let settings = program::file(folder, "muttrc", &text);
    let line = format!("{program} -n -F {} -e 'push \"{keys}\"'", settings.display());
    // It wants a terminal to draw on.
    let words = ["env", "TERM=xterm", "script", "-qec", &line, "/dev/null"];
    program::run(folder, &words, b"").succeeded();
}

/// What mutt and neomutt do alike: flags, a deletion and a copy; then another client's changes are seen through the cache.
pub(crate) fn uses_a_mailbox_twice(program: &str) {
    if !program::is_here(program) {
        return;
    }
    let server = Server::with_accounts();
    let mut smtp = Conversation::smtp(&server);
    for number in 0..3 {
        let message = messages::plain(&format!("m{number}"));
        smtp.deliver("alice@example.org", &message).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("headers")).unwrap();
    let keys = "<search>m1<enter><flag-message><search>m0<enter><delete-message><search>m2<enter>\
                <copy-message>=Saved<enter><sync-mailbox><quit>";
    press(&server, program, folder.path(), keys);
    assert_eq!(messages::subjects(&server, "alice", "tin whistle"), ["m1", "m2"]);
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    assert!(imap.ok("STATUS Saved (MESSAGES)")[0].contains("MESSAGES 1"));
    imap.ok("SELECT INBOX");
    assert_eq!(imap.ok("UID SEARCH FLAGGED")[0], "* SEARCH 2");
    assert!(fs::read_dir(folder.path().join("headers")).unwrap().count() > 0);

    // Meanwhile another client answers one, and one arrives.
    imap.ok("UID STORE 3 +FLAGS (\\Answered)");
    imap.ok("UID STORE 2 -FLAGS (\\Flagged)");
    smtp.deliver("alice@example.org", &messages::plain("m3")).unwrap();
    let keys = "<tag-pattern>~Q<enter><tag-prefix><copy-message>=Answered<enter><untag-pattern>~A<enter>\
                <tag-pattern>!~F<enter><tag-prefix><copy-message>=All<enter><quit>";
    press(&server, program, folder.path(), keys);
    imap.ok("EXAMINE Answered");
    let answered = imap.ok("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
    assert_eq!(
        answered
            .iter()
            .filter(|line| line.starts_with("Subject: "))
            .collect::<Vec<_>>(),
        ["Subject: m2"]
    );
    assert!(imap.ok("STATUS All (MESSAGES)")[0].contains("MESSAGES 3"));
}
