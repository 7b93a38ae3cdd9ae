//! RFC 1939 §7, over a migration and a restore: who leaves mail on the server downloads nothing twice, wherever the mail has gone.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use end_to_end::{Conversation, Server, Service, messages, program, server};
use serde_json::Value;

fn posthouse(data: &Path, words: &[&str]) -> Output {
    let mut command = server::posthouse(words);
    command.arg("--data").arg(data).output().unwrap()
}

fn json(data: &Path, words: &[&str]) -> Value {
    let output = posthouse(data, &[words, &["--json"]].concat());
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn restore(backup: &Path, data: &Path, words: &[&str]) -> String {
    let mut command = server::posthouse(&["restore"]);
    let output = command
        .arg(backup)
        .arg("--data")
        .arg(data)
        .args(words)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn back_up(backup: &Path, data: &Path) {
    let mut command = server::posthouse(&["backup"]);
    let output = command.arg(backup).arg("--data").arg(data).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn deliver(server: &Server, to: &str, subject: &str) {
    let mut smtp = Conversation::smtp(server);
    let reply = smtp.deliver(to, &messages::plain(subject)).unwrap();
    assert!(reply.starts_with("250"), "{reply}");
}

/// A server whose accounts are younger than those there are, by a second: accounts that were made in the same one number their
/// messages alike, and then some ids are taken.
fn younger() -> Server {
    let seconds = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = seconds();
    while seconds() == now {
        thread::yield_now();
    }
    Server::with_accounts()
}

/// The lines after a reply, up to the dot.
fn lines(pop: &mut Conversation) -> Vec<String> {
    let lines = std::iter::from_fn(|| Some(pop.line().unwrap()).filter(|line| line != "."));
    lines.collect()
}

/// What a POP3 client sees: subjects in order, each with its id.
fn maildrop(server: &Server, user: &str, password: &str) -> Vec<(String, String)> {
    let mut pop = Conversation::open(server, Service::Pop3);
    pop.expect("+OK");
    for line in [&format!("USER {user}"), &format!("PASS {password}"), "UIDL"] {
        pop.say(line);
        pop.expect("+OK");
    }
    let ids = lines(&mut pop);
    let mut seen = Vec::new();
    for line in ids {
        let (number, id) = line.split_once(' ').unwrap();
        pop.say(&format!("UIDL {number}"));
        assert_eq!(pop.expect("+OK"), format!("+OK {number} {id}"));
        pop.say(&format!("TOP {number} 0"));
        pop.expect("+OK");
        let header = lines(&mut pop);
        let subject = header.iter().find_map(|line| line.strip_prefix("Subject: "));
        seen.push((subject.unwrap().to_owned(), id.to_owned()));
    }
    seen
}

/// What an IMAP client knows messages of the inbox by: by subject the rest of the line.
fn object_ids(server: &Server) -> BTreeMap<String, String> {
    let mut imap = Conversation::imap(server, "alice", "tin whistle");
    imap.ok("EXAMINE INBOX");
    let ids = imap.ok("FETCH 1:* (EMAILID THREADID)");
    let subjects = messages::subjects(server, "alice", "tin whistle");
    let of = |line: &String| line.split_once(" FETCH ").map(|(_, ids)| ids.to_owned());
    subjects.into_iter().zip(ids.iter().filter_map(of)).collect()
}

fn moves(format: &str, name: &str) {
    let from = Server::with_accounts();
    for subject in ["one", "gone", "two", "three"] {
        deliver(&from, "alice@example.org", subject);
    }
    let to = younger();
    let mut imap = Conversation::imap(&from, "alice", "tin whistle");
    imap.ok("SELECT INBOX");
    imap.ok("STORE 2 +FLAGS (\\Deleted)");
    imap.ok("EXPUNGE");
    imap.ok("COPY 1 Archive");
    let before = maildrop(&from, "alice", "tin whistle");
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join(name);
    let path = target.to_str().unwrap();
    json(
        from.data(),
        &["export", "alice@example.org", path, "--format", format],
    );

    deliver(&to, "bob@example.org", "there before");
    let there = maildrop(&to, "bob", "blue door");
    let imported = json(to.data(), &["import", "bob@example.org", path]);
    let count =
        |imported: &Value| ["imported", "skipped", "uidls", "uidls_lost"].map(|name| imported[name].as_u64());
    assert_eq!(count(&imported), [4, 0, 3, 0].map(Some), "{imported}");
    let wanted = [there, before].concat();
    assert_eq!(maildrop(&to, "bob", "blue door"), wanted);

    // Again, after a restart, and on to a third account.
    let again = json(to.data(), &["import", "bob@example.org", path]);
    assert_eq!(count(&again), [0, 4, 0, 0].map(Some), "{again}");
    deliver(&to, "bob@example.org", "after");
    let mut wanted = wanted;
    wanted.push(maildrop(&to, "bob", "blue door").pop().unwrap());
    let mut to = to;
    assert!(to.stop().success());
    let to = Server::start_in(to.data()).unwrap();
    assert_eq!(maildrop(&to, "bob", "blue door"), wanted);
    let second = place.path().join(format!("2{name}"));
    let path = second.to_str().unwrap();
    json(
        to.data(),
        &["export", "bob@example.org", path, "--format", format],
    );
    json(to.data(), &["import", "alice@example.org", path]);
    assert_eq!(maildrop(&to, "alice", "tin whistle"), wanted);
}

#[test]
fn ids_move_to_another_server_in_a_maildir() {
    moves("maildir", "Mail");
}

#[test]
fn ids_move_to_another_server_in_an_mbox() {
    moves("mbox", "mbox");
}

#[test]
fn ids_move_to_another_server_in_a_zip() {
    moves("zip", "mail.zip");
}

#[test]
fn a_maildir_says_the_ids_without_its_manifest() {
    let server = Server::with_accounts();
    for subject in ["one", "two"] {
        deliver(&server, "alice@example.org", subject);
    }
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("Mail");
    let path = target.to_str().unwrap();
    json(server.data(), &["export", "alice@example.org", path]);
    let words = ["import", "bob@example.org", path, "--format", "maildir"];
    assert_eq!(json(server.data(), &words)["uidls"], 2);
    assert_eq!(
        maildrop(&server, "bob", "blue door"),
        maildrop(&server, "alice", "tin whistle")
    );
}

/// A Maildir as Dovecot leaves it. It says of these files over POP3 what [`DOVECOT_SAYS`] has.
fn dovecot(folder: &Path) {
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    for (name, subject) in [
        ("cur/1000000009.a,S=9:2,S", "first"),
        ("cur/1000000001.b,S=9:2,", "second"),
        ("new/1000000003.c", "third"),
    ] {
        fs::write(folder.join(name), format!("Subject: {subject}\n\nhello\n")).unwrap();
    }
    let list = "3 V1275660208 N13 Ge03607217143066b6608000083ecc375\n\
                9 P<old!id> W30 :1000000009.a,S=9\n\
                11 W30 :1000000001.b,S=9:2,FS\n\
                12 :1000000003.c\n";
    fs::write(folder.join("dovecot-uidlist"), list).unwrap();
}

const DOVECOT_SAYS: [(&str, &str); 3] = [
    ("first", "<old!id>"),
    ("second", "0000000b4c0907b0"),
    ("third", "0000000c4c0907b0"),
];

#[test]
fn a_maildir_of_dovecot_keeps_what_its_pop3_has_said() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    dovecot(folder.path());
    let path = folder.path().to_str().unwrap();
    let imported = json(server.data(), &["import", "alice@example.org", path]);
    assert_eq!(imported["uidls"], 3, "{imported}");
    let wanted = DOVECOT_SAYS.map(|(subject, id)| (subject.to_owned(), id.to_owned()));
    assert_eq!(maildrop(&server, "alice", "tin whistle"), wanted);
    // Below another mailbox nobody sees them.
    let words = ["import", "bob@example.org", path, "--into", "Old"];
    let elsewhere = json(server.data(), &words);
    assert_eq!(
        (&elsewhere["imported"], &elsewhere["uidls"]),
        (&3.into(), &0.into())
    );
}

#[test]
fn an_id_that_is_none_or_taken_is_told_and_the_message_has_its_own() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    dovecot(folder.path());
    let list = format!(
        "3 V7 N4\n1 Psame :1000000009.a,S=9\n2 Psame :1000000001.b,S=9\n3 P{} :1000000003.c\n",
        "x".repeat(71)
    );
    fs::write(folder.path().join("dovecot-uidlist"), list).unwrap();
    let path = folder.path().to_str().unwrap();
    let imported = json(server.data(), &["import", "alice@example.org", path]);
    let numbers = ["imported", "failed", "uidls", "uidls_lost"].map(|name| imported[name].as_u64().unwrap());
    assert_eq!(numbers, [3, 0, 1, 2], "{imported}");
    let problems = imported["problems"].to_string();
    assert!(
        problems.contains("no unique-id") && problems.contains("same, as it calls another"),
        "{problems}"
    );
    let seen = maildrop(&server, "alice", "tin whistle");
    assert_eq!(seen[0].1, "same");
    assert!(seen[1..].iter().all(|(_, id)| id.len() == 16), "{seen:?}");
}

#[test]
fn an_mbox_of_qpopper_or_dovecot_keeps_what_its_pop3_has_said() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let qpopper = "From a Tue Nov 24 22:00:00 2026\nSubject: one\nX-UIDL: abc!\"x\n\nhello\n\n\
                   From a Tue Nov 24 22:00:00 2026\nSubject: two\n\nhello\n\n";
    // What Dovecot 2.3.19 has made of the same.
    let dovecot = "From a Tue Nov 24 22:00:00 2026\nSubject: one\nX-UIDL: abc!\"x\nX-IMAPbase: 1795572593 0000000002\n\
                   X-UID: 1                  \n\nhello\n\n\
                   From a Tue Nov 24 22:00:00 2026\nSubject: two\nX-UID: 2      \n\nhello\n\n";
    let mut seen = Vec::new();
    for (address, text) in [("q@example.org", qpopper), ("d@example.org", dovecot)] {
        server.add(address, "secret");
        let path = folder.path().join("mbox");
        fs::write(&path, text).unwrap();
        json(server.data(), &["import", address, path.to_str().unwrap()]);
        seen.push(maildrop(&server, address, "secret"));
    }
    assert_eq!(seen[0][0].1, "abc!\"x");
    assert_eq!(seen[0][1].1.len(), 16);
    assert_eq!(seen[1][0].1, "000000016b064371");
    assert_eq!(seen[1][1].1, "000000026b064371");
}

/// What Dovecot's POP3 says of a Maildir.
fn asked_of_dovecot(home: &Path, maildir: &Path) -> Vec<String> {
    let settings = home.join("dovecot.conf");
    let place = home.display();
    let text = format!(
        "base_dir = {place}/run\nstate_dir = {place}/state\nlog_path = {place}/log\nssl = no\n\
         mail_location = maildir:{}\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n",
        maildir.display()
    );
    fs::write(&settings, text).unwrap();
    let owned = Command::new("chown")
        .arg("-R")
        .arg("8:8")
        .arg(home)
        .status()
        .unwrap();
    assert!(owned.success());
    let mut dovecot = Command::new("setpriv")
        .args([
            "--reuid",
            "8",
            "--regid",
            "8",
            "--clear-groups",
            "/usr/lib/dovecot/pop3",
            "-c",
        ])
        .arg(&settings)
        .env("USER", "x")
        .env("HOME", home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    dovecot
        .stdin
        .take()
        .unwrap()
        .write_all(b"UIDL\r\nQUIT\r\n")
        .unwrap();
    let said = dovecot.wait_with_output().unwrap().stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    let ids = said.lines().skip(1).take_while(|line| *line != ".");
    ids.map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect()
}

#[test]
fn dovecot_says_the_same_of_its_maildir_and_of_ours() {
    let root = fs::metadata("/proc/self").is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0);
    if !Path::new("/usr/lib/dovecot/pop3").exists() || !program::is_here("setpriv") || !root {
        println!("not run: Dovecot's POP3 is not installed, or this is not root");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let theirs = home.path().join("theirs");
    dovecot(&theirs);
    let said = asked_of_dovecot(home.path(), &theirs);
    assert_eq!(said, DOVECOT_SAYS.map(|(_, id)| id));

    let server = Server::with_accounts();
    deliver(&server, "alice@example.org", "ours");
    json(
        server.data(),
        &["import", "alice@example.org", theirs.to_str().unwrap()],
    );
    let ours = home.path().join("ours");
    json(
        server.data(),
        &["export", "alice@example.org", ours.to_str().unwrap()],
    );
    let ids: Vec<String> = maildrop(&server, "alice", "tin whistle")
        .into_iter()
        .map(|(_, id)| id)
        .collect();
    assert_eq!(asked_of_dovecot(home.path(), &ours), ids);
}

#[test]
fn what_comes_back_from_a_backup_is_what_clients_know() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    dovecot(&folder.path().join("Mail"));
    let mail = folder.path().join("Mail");
    json(
        server.data(),
        &["import", "alice@example.org", mail.to_str().unwrap()],
    );
    for subject in ["one", "two"] {
        deliver(&server, "alice@example.org", subject);
    }
    let (pop, imap) = (maildrop(&server, "alice", "tin whistle"), object_ids(&server));
    assert!(pop.len() == 5 && imap.len() == 5, "{pop:?} {imap:?}");
    let backup = folder.path().join("backup");
    back_up(&backup, server.data());

    let by_subject = |mut seen: Vec<(String, String)>| {
        seen.sort();
        seen
    };
    let check = |server: &Server, what: &str| {
        assert_eq!(
            by_subject(maildrop(server, "alice", "tin whistle")),
            by_subject(pop.clone()),
            "{what}"
        );
        assert_eq!(object_ids(server), imap, "{what}");
    };
    let mut session = Conversation::imap(&server, "alice", "tin whistle");
    session.ok("SELECT INBOX");
    session.ok("STORE 2,3,5 +FLAGS (\\Deleted)");
    session.ok("EXPUNGE");
    let account = ["--account", "alice@example.org"];
    restore(&backup, server.data(), &account);
    check(&server, "expunged");

    // A folder that was made of the backup, whose numbers have leapt.
    let other = folder.path().join("other");
    restore(&backup, &other, &[]);
    let second = Server::start_in(&other).unwrap();
    let mut session = Conversation::imap(&second, "alice", "tin whistle");
    session.ok("SELECT INBOX");
    session.ok("STORE 1:4 +FLAGS (\\Deleted)");
    session.ok("EXPUNGE");
    restore(&backup, &other, &account);
    check(&second, "restored as a whole, then expunged");

    let removed = posthouse(server.data(), &["account", "remove", "alice@example.org"]);
    assert!(removed.status.success(), "{removed:?}");
    restore(&backup, server.data(), &account);
    check(&server, "removed");
    deliver(&server, "alice@example.org", "after");
    let now = object_ids(&server);
    let ids: std::collections::BTreeSet<&String> = now.values().collect();
    assert_eq!(ids.len(), 6, "no id is given twice: {now:?}");
}

#[test]
fn an_account_of_another_server_gets_no_number_that_means_something_else() {
    let from = Server::with_accounts();
    for subject in ["one", "two"] {
        deliver(&from, "alice@example.org", subject);
    }
    let to = younger();
    for subject in ["other one", "other two"] {
        deliver(&to, "alice@example.org", subject);
    }
    let place = tempfile::tempdir().unwrap();
    let backup = place.path().join("backup");
    back_up(&backup, from.data());
    let (pop, before) = (maildrop(&from, "alice", "tin whistle"), object_ids(&to));
    restore(&backup, to.data(), &["--account", "alice@example.org"]);
    let after = object_ids(&to);
    let ids: std::collections::BTreeSet<&String> = after.values().collect();
    assert_eq!(ids.len(), 4, "{after:?}");
    assert!(
        before
            .iter()
            .all(|(subject, ids)| after.get(subject) == Some(ids))
    );
    assert_eq!(maildrop(&to, "alice", "tin whistle")[2..], pop);
}
