//! A backup that is made while mail comes in is whole, holds what was acknowledged before it began, and comes back as a folder or as
//! one account. What goes wrong with it leaves the backup before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use end_to_end::{Conversation, Server, Service, messages, server};

fn run(words: &[&str], folder: &Path, data: &Path) -> Output {
    let mut command = server::posthouse(words);
    command.arg(folder).arg("--data").arg(data);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    format!("{out}{}", String::from_utf8_lossy(&output.stderr))
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    said(output)
}

fn backup(folder: &Path, data: &Path) -> String {
    succeeded(&run(&["backup"], folder, data))
}

/// How many octets a backup says that it has copied.
fn copied(words: &str) -> u64 {
    let before = words.split(" of them new").next().unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

fn verify(folder: &Path) -> Output {
    let mut command = server::posthouse(&["backup", "--verify"]);
    command.arg(folder).output().unwrap()
}

fn deliver(server: &Server, subject: &str) {
    deliver_to(server, "alice@example.org", subject);
}

fn deliver_to(server: &Server, to: &str, subject: &str) {
    let mut smtp = Conversation::smtp(server);
    let reply = smtp.deliver(to, &messages::plain(subject)).unwrap();
    assert!(reply.starts_with("250"), "{reply}");
}

/// The messages of Alice's mailbox by their subjects, and its validity.
fn bodies(server: &Server, mailbox: &str) -> (u32, BTreeMap<String, String>) {
    bodies_in(Conversation::imap(server, "alice", "tin whistle"), mailbox)
}

fn bodies_in(mut imap: Conversation, mailbox: &str) -> (u32, BTreeMap<String, String>) {
    let opened = imap.ok(&format!("EXAMINE {mailbox}"));
    let validity = opened.iter().find_map(|line| line.split_once("[UIDVALIDITY "));
    let validity = validity.unwrap().1.split(']').next().unwrap().parse().unwrap();
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut text = String::new();
    for line in imap.ok("UID FETCH 1:* (BODY.PEEK[])") {
        if line.starts_with("* ") {
            text.clear();
        } else if line == ")" {
            let subject = text
                .split("Subject: ")
                .nth(1)
                .unwrap()
                .split("\r\n")
                .next()
                .unwrap();
            assert!(
                found.insert(subject.to_owned(), text.clone()).is_none(),
                "twice: {subject}"
            );
        } else {
            text += &line;
            text += "\r\n";
        }
    }
    (validity, found)
}

fn uidls(server: &Server) -> BTreeSet<String> {
    let mut pop = Conversation::open(server, Service::Pop3);
    pop.expect("+OK");
    for line in ["USER alice", "PASS tin whistle", "UIDL"] {
        pop.say(line);
        pop.expect("+OK");
    }
    let lines = std::iter::from_fn(|| Some(pop.line().unwrap()).filter(|line| line != "."));
    lines
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect()
}

/// Delivers, over several connections, until it is told to stop; counts what was acknowledged.
fn load(port: u16, (to, name): (&str, &str), (stop, acknowledged): (&AtomicBool, &Mutex<BTreeSet<String>>)) {
    let mut smtp = Conversation::try_open(port).unwrap();
    smtp.expect("220");
    smtp.say("EHLO client.example");
    smtp.expect("250");
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let subject = format!("{name}-{number}");
        let reply = smtp.deliver(to, &messages::plain(&subject)).unwrap();
        assert!(reply.starts_with("250"), "{reply}");
        acknowledged.lock().unwrap().insert(subject);
    }
}

#[test]
fn a_backup_under_load_restores_with_every_message_acknowledged_before_it_began() {
    let server = Server::with_accounts();
    let place = tempfile::tempdir().unwrap();
    let (dir, new) = (place.path().join("backup"), place.path().join("new"));
    let (stop, acknowledged) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()));
    let mut expected = BTreeSet::new();
    thread::scope(|scope| {
        for client in 0..4 {
            let (port, shared) = (server.port(Service::Smtp), (&stop, &acknowledged));
            let name = format!("client-{client}");
            scope.spawn(move || load(port, ("alice@example.org", &name), shared));
        }
        // Several, so that one of them meets every part of it while it changes.
        for round in 0..4 {
            while acknowledged.lock().unwrap().len() < (round + 1) * 40 {
                thread::yield_now();
            }
            expected = acknowledged.lock().unwrap().clone();
            backup(&dir, server.data());
        }
        stop.store(true, Ordering::Relaxed);
    });
    let before = uidls(&server);
    let (validity, all) = bodies(&server, "INBOX");
    succeeded(&verify(&dir));
    let words = succeeded(&run(&["restore"], &dir, &new));
    assert!(words.contains("restored from the backup of 20"), "{words}");
    succeeded(&server::check(&new));

    let restored = Server::start_in(&new).unwrap();
    let (renewed, there) = bodies(&restored, "INBOX");
    assert!(renewed > validity, "{renewed} after {validity}");
    for subject in &expected {
        assert_eq!(there.get(subject), all.get(subject), "{subject}");
        assert!(
            there.contains_key(subject),
            "{subject} was acknowledged before the backup"
        );
    }
    let after = uidls(&restored);
    assert!(after.is_subset(&before), "ids are the same");
    assert_eq!(after.len(), there.len());
    // An id that the first server has given out since must not come again.
    deliver(&restored, "later");
    let new_ids: Vec<_> = uidls(&restored).difference(&after).cloned().collect();
    assert_eq!(new_ids.len(), 1);
    assert!(!before.contains(&new_ids[0]));
    assert_eq!(
        fs::read(server.certificate()).unwrap(),
        fs::read(restored.certificate()).unwrap(),
        "the certificate came with it"
    );
    let key = fs::metadata(new.join("tls/key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_second_backup_copies_only_what_is_new_and_refuses_what_is_not_its_own() {
    let mut server = Server::with_accounts();
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("backup");
    let large = "x"
        .repeat(100_000)
        .as_bytes()
        .chunks(70)
        .fold(String::new(), |text, line| {
            text + std::str::from_utf8(line).unwrap() + "\r\n"
        });
    let mut smtp = Conversation::smtp(&server);
    for number in 0..20 {
        let message = messages::plain(&format!("large-{number}")) + &large;
        assert!(
            smtp.deliver("alice@example.org", &message)
                .unwrap()
                .starts_with("250")
        );
    }
    let first = copied(&backup(&dir, server.data()));
    assert!(first > 2_000_000, "{first}");
    deliver(&server, "small");
    let second = copied(&backup(&dir, server.data()));
    assert!((1..200_000).contains(&second), "{second}");
    // Each start begins a segment; the one before is as it was.
    assert!(server.stop().success());
    let third = copied(&backup(&dir, server.data()));
    assert!(third < 200_000, "{third}");
    let words = backup(&dir, server.data());
    assert_eq!(copied(&words), 0, "{words}");
    succeeded(&verify(&dir));

    // Another folder's, somebody's files, and its own inside.
    let other = Server::with_accounts();
    let refused = run(&["backup"], &dir, other.data());
    assert!(said(&refused).contains("another data folder"), "{refused:?}");
    let foreign = place.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("notes.txt"), "mine").unwrap();
    let refused = run(&["backup"], &foreign, server.data());
    assert!(said(&refused).contains("holds other files"), "{refused:?}");
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 1);
    let refused = run(&["backup"], &server.data().join("backup"), server.data());
    assert!(said(&refused).contains("within each other"), "{refused:?}");
    let manifest = dir.join("posthouse-backup.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replace("\"posthouse_backup\": 2", "\"posthouse_backup\": 9"),
    )
    .unwrap();
    let refused = run(&["backup"], &dir, server.data());
    assert!(said(&refused).contains("a newer version"), "{refused:?}");
    fs::write(&manifest, text).unwrap();

    // A folder that was restored goes its own way.
    let new = place.path().join("new");
    succeeded(&run(&["restore"], &dir, &new));
    let refused = run(&["backup"], &dir, &new);
    assert!(
        said(&refused).contains("from before it was restored"),
        "{refused:?}"
    );
    let refused = run(&["restore"], &dir, &new);
    assert!(said(&refused).contains("is not empty"), "{refused:?}");
    backup(&place.path().join("next"), &new);
}

#[test]
fn a_flipped_bit_in_a_backup_is_found_and_is_not_restored_silently() {
    let server = Server::with_accounts();
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("backup");
    deliver(&server, "one");
    backup(&dir, server.data());
    succeeded(&verify(&dir));
    let parts = ["log", "index", "files"].map(|part| fs::read_dir(dir.join(part)).unwrap());
    for path in parts.into_iter().flatten().map(|entry| entry.unwrap().path()) {
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(&path, bad).unwrap();
        let found = verify(&dir);
        assert_eq!(found.status.code(), Some(65), "{path:?}");
        assert!(
            said(&found).contains(path.file_name().unwrap().to_str().unwrap()),
            "{found:?}"
        );
        let new = place
            .path()
            .join(format!("new-{}", path.file_name().unwrap().to_str().unwrap()));
        // Which folder it is, the manifest says too.
        if !good.starts_with(b"posthouse engine") {
            let refused = run(&["restore"], &dir, &new);
            assert!(
                said(&refused).contains("The backup is damaged"),
                "{path:?}: {refused:?}"
            );
            // Nobody serves what is half there.
            assert!(
                said(&server::check(&new)).contains("was not finished"),
                "{path:?}"
            );
        }
        fs::write(&path, good).unwrap();
    }
    succeeded(&verify(&dir));
}

#[test]
fn kill_9_in_the_middle_of_a_backup_leaves_the_one_before() {
    let server = Server::with_accounts();
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("backup");
    deliver(&server, "first");
    backup(&dir, server.data());
    let large = "a line of a large message\r\n".repeat(40_000);
    for round in 0..12 {
        let mut smtp = Conversation::smtp(&server);
        let message = messages::plain(&format!("large-{round}")) + &large;
        assert!(
            smtp.deliver("alice@example.org", &message)
                .unwrap()
                .starts_with("250")
        );
        let mut command = server::posthouse(&["backup"]);
        let mut process = command
            .arg(&dir)
            .arg("--data")
            .arg(server.data())
            .spawn()
            .unwrap();
        // A different moment each time: it is over or not, and either is right.
        thread::sleep(std::time::Duration::from_millis(round * 4));
        process.kill().unwrap();
        process.wait().unwrap();
        succeeded(&verify(&dir));
        let new = place.path().join(format!("new-{round}"));
        let words = succeeded(&run(&["restore"], &dir, &new));
        assert!(!words.contains(" 0 messages"), "{words}");
        succeeded(&server::check(&new));
        fs::remove_dir_all(&new).unwrap();
    }
    // The server does not wait for those that were killed.
    backup(&dir, server.data());
    succeeded(&verify(&dir));
}

#[test]
fn one_account_comes_back_into_a_running_server_and_nothing_is_doubled() {
    let server = Server::with_accounts();
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("backup");
    for subject in ["one", "two", "three"] {
        deliver(&server, subject);
    }
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    imap.ok("CREATE Work/2026");
    imap.ok("SUBSCRIBE Work/2026");
    imap.ok("SELECT INBOX");
    imap.ok("STORE 1 +FLAGS (\\Flagged project)");
    imap.ok("COPY 1:2 Work/2026");
    backup(&dir, server.data());

    let (_, before) = bodies(&server, "INBOX");
    imap.ok("STORE 1,3 +FLAGS (\\Deleted)");
    imap.ok("EXPUNGE");
    imap.ok("DELETE Work/2026");
    imap.ok("UNSUBSCRIBE Work/2026");
    deliver(&server, "after the backup");
    imap.ok("NOOP");
    let account = ["restore", "--account", "alice@example.org"];
    let words = succeeded(&run(&account, &dir, server.data()));
    assert!(
        words.contains("4 messages brought back") && words.contains("1 there already"),
        "{words}"
    );
    // The session that was open all the time is told.
    let told = imap.ok("NOOP");
    assert!(told.iter().any(|line| line == "* 4 EXISTS"), "{told:?}");
    let (_, after) = bodies(&server, "INBOX");
    assert_eq!(after.len(), 4);
    assert!(
        before
            .iter()
            .all(|(subject, text)| after.get(subject) == Some(text))
    );
    let (_, work) = bodies(&server, "Work/2026");
    assert_eq!(work.keys().collect::<Vec<_>>(), ["one", "two"]);
    let listed = imap.ok("LSUB \"\" *");
    assert!(
        listed.iter().any(|line| line.ends_with("Work/2026")),
        "{listed:?}"
    );
    let flagged = imap.ok("UID SEARCH FLAGGED KEYWORD project");
    assert!(flagged[0].len() > "* SEARCH".len(), "{flagged:?}");

    let words = succeeded(&run(&account, &dir, server.data()));
    assert!(words.contains(" 0 messages brought back"), "{words}");
    let into = ["restore", "--account", "alice@example.org", "--into", "Old"];
    succeeded(&run(&into, &dir, server.data()));
    assert_eq!(bodies(&server, "Old/INBOX").1.len(), 3);
    assert_eq!(bodies(&server, "INBOX").1.len(), 4);
    succeeded(&server::check(server.data()));

    let nobody = ["restore", "--account", "nobody@example.org"];
    let refused = run(&nobody, &dir, server.data());
    assert_eq!(refused.status.code(), Some(67), "{refused:?}");
}

#[test]
fn an_account_that_was_removed_comes_back_with_its_password_and_mail() {
    let mut server = Server::with_accounts();
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("backup");
    deliver(&server, "kept");
    backup(&dir, server.data());
    let removed = server::posthouse(&["account", "remove", "alice@example.org", "--data"])
        .arg(server.data())
        .output()
        .unwrap();
    succeeded(&removed);
    let data = server.data().to_owned();
    assert!(server.stop().success());
    let account = ["restore", "--account", "alice@example.org"];
    let words = succeeded(&run(&account, &dir, &data));
    assert!(words.contains("the account was gone"), "{words}");
    let words = succeeded(&run(&account, &dir, &data));
    assert!(words.contains("0 messages brought back"), "{words}");
    let server = Server::start_in(&data).unwrap();
    assert_eq!(bodies(&server, "INBOX").1.keys().collect::<Vec<_>>(), ["kept"]);
    succeeded(&server::check(&data));
}

/// Empties Alice's inbox.
fn empty(server: &Server) {
    let mut imap = Conversation::imap(server, "alice", "tin whistle");
    imap.ok("SELECT INBOX");
    imap.ok("STORE 1:* +FLAGS (\\Deleted)");
    imap.ok("EXPUNGE");
}

/// What a session is told at a command, without the tag of that.
fn told(imap: &mut Conversation, command: &str) -> Vec<String> {
    let mut lines = imap.ok(command);
    lines.pop();
    lines
}

#[test]
fn one_account_that_comes_back_disturbs_nobody_else() {
    const BOB: &str = "bob@example.org";
    let server = Server::with_accounts();
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("backup");
    deliver(&server, "mine");
    deliver_to(&server, BOB, "old");
    backup(&dir, server.data());
    // What Bob has done since is not undone: mail that is gone, mail that came, a mailbox, a password.
    let mut bob = Conversation::imap(&server, "bob", "blue door");
    bob.ok("SELECT INBOX");
    bob.ok("STORE 1 +FLAGS (\\Deleted)");
    bob.ok("EXPUNGE");
    bob.ok("CREATE Since");
    deliver_to(&server, BOB, "since");
    bob.ok("NOOP");
    let state = |bob: &mut Conversation| {
        let status = "STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)";
        [status, "LIST \"\" *", "LSUB \"\" *"].map(|command| told(bob, command))
    };
    let before = state(&mut bob);
    empty(&server);
    let account = ["restore", "--account", "alice@example.org"];
    let words = succeeded(&run(&account, &dir, server.data()));
    assert!(words.contains("1 message brought back"), "{words}");
    assert_eq!(told(&mut bob, "NOOP"), Vec::<String>::new());
    assert_eq!(state(&mut bob), before);
    // And he goes on while it is done.
    let (stop, acknowledged) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()));
    thread::scope(|scope| {
        let (port, shared) = (server.port(Service::Smtp), (&stop, &acknowledged));
        scope.spawn(move || load(port, (BOB, "meanwhile"), shared));
        for round in 1..=3 {
            while acknowledged.lock().unwrap().len() < round * 10 {
                thread::yield_now();
            }
            empty(&server);
            succeeded(&run(&account, &dir, server.data()));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let mut wanted = acknowledged.into_inner().unwrap();
    wanted.insert("since".to_owned());
    let bobs = Conversation::imap(&server, "bob", "blue door");
    let (_, there) = bodies_in(bobs, "INBOX");
    assert_eq!(there.into_keys().collect::<BTreeSet<_>>(), wanted);
    let (_, there) = bodies(&server, "INBOX");
    assert_eq!(there.keys().collect::<Vec<_>>(), ["mine"]);
    succeeded(&server::check(server.data()));
}

/// Whoever was shut out has mail all the same, and an administrator who brings it back.
#[test]
fn a_disabled_account_comes_back_and_stays_disabled() {
    let server = Server::with_accounts();
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("backup");
    let alice = "alice@example.org";
    let command = |words: &[&str]| {
        let mut command = server::posthouse(words);
        command.arg("--data").arg(server.data());
        succeeded(&command.output().unwrap())
    };
    deliver(&server, "kept");
    command(&["account", "disable", alice]);
    backup(&dir, server.data());
    let account = ["restore", "--account", alice];
    let words = succeeded(&run(&account, &dir, server.data()));
    assert!(words.contains("1 there already"), "{words}");
    command(&["undelete", alice]);
    command(&["account", "remove", alice]);
    let words = succeeded(&run(&account, &dir, server.data()));
    assert!(
        words.contains("the account was gone") && words.contains("1 message brought back"),
        "{words}"
    );
    assert!(command(&["account", "list"]).contains("alice@example.org\tdisabled\n"));
    command(&["account", "enable", alice]);
    let (_, there) = bodies(&server, "INBOX");
    assert_eq!(there.keys().collect::<Vec<_>>(), ["kept"]);
}
