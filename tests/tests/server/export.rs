//! Mail goes into files and comes back: every format, a running and a stopped server, damage, repetition, kills.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::{Output, Stdio};

use end_to_end::{Conversation, Server, messages, server};
use serde_json::Value;

/// `posthouse` on the data folder of a server.
fn posthouse(data: &Path, words: &[&str]) -> Output {
    let mut command = server::posthouse(words);
    command.arg("--data").arg(data).output().unwrap()
}

/// What it prints as JSON; it must succeed.
fn json(data: &Path, words: &[&str]) -> Value {
    let output = posthouse(data, &[words, &["--json"]].concat());
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn verify(target: &Path) -> Output {
    let mut command = server::posthouse(&["export", "--json", "--verify"]);
    command.arg(target).output().unwrap()
}

fn append(imap: &mut Conversation, mailbox: &str, rest: &str, message: &[u8]) {
    let space = if rest.is_empty() { "" } else { " " };
    let head = format!("a APPEND {mailbox}{space}{rest} {{{}+}}\r\n", message.len());
    imap.send(&[head.as_bytes(), message, b"\r\n"].concat()).unwrap();
    loop {
        let line = imap.line().unwrap();
        if line.starts_with("a ") {
            assert!(line.starts_with("a OK"), "{line}");
            return;
        }
    }
}

/// An account with everything that is hard to keep.
fn fill(server: &Server) {
    let mut imap = Conversation::imap(server, "alice", "tin whistle");
    // 工作/项目.甲 and R&D
    for mailbox in ["&XeVPXA-/&mHl27g-.&dTI-", "R&-D", "Empty", "a.mbox"] {
        imap.ok(&format!("CREATE {mailbox}"));
    }
    imap.ok("SUBSCRIBE &XeVPXA-/&mHl27g-.&dTI-");
    imap.ok("SUBSCRIBE Gone");
    imap.ok("UNSUBSCRIBE Junk");
    let plain = messages::plain("one");
    append(
        &mut imap,
        "INBOX",
        "(\\Seen \\Flagged $Work keep) \"24-Nov-2001 22:00:01 +0800\"",
        plain.as_bytes(),
    );
    append(&mut imap, "INBOX", "", plain.as_bytes());
    append(&mut imap, "INBOX", "(\\Deleted)", plain.as_bytes());
    let froms = b"Status: RO\r\nX-Keywords: mine\r\nSubject: from\r\n\r\nFrom here\r\n>From there\r\n\r\nFrom a Tue Nov 24 22:00:00 2026\r\n\r\n\r\n";
    append(&mut imap, "Sent", "(\\Seen \\Answered \\Draft $Forwarded)", froms);
    append(
        &mut imap,
        "&XeVPXA-/&mHl27g-.&dTI-",
        "\"01-Jan-1971 00:00:00 +0000\"",
        b"Subject: =?utf-8?q?=E4=BD=A0?=\r\n\r\nno end",
    );
    append(&mut imap, "R&-D", "", b"\r\n\r\n");
    imap.ok("ENABLE UTF8=ACCEPT");
    append(&mut imap, "a.mbox", "", "Subject: 你好\r\n\r\n好\r\n".as_bytes());
}

/// What a manifest says of mailboxes and messages, but for where they lie.
fn said(manifest: &[u8]) -> Vec<String> {
    let manifest: Value = serde_json::from_slice(manifest).unwrap();
    let mut lines = Vec::new();
    for mailbox in manifest["mailboxes"].as_array().unwrap() {
        let (name, role, subscribed) = (&mailbox["name"], &mailbox["role"], &mailbox["subscribed"]);
        lines.push(format!("{name} {role} {subscribed}"));
        for message in mailbox["messages"].as_array().unwrap() {
            let mut keywords: Vec<String> = message["keywords"]
                .as_array()
                .unwrap()
                .iter()
                .map(Value::to_string)
                .collect();
            keywords.sort();
            let (size, hash, received) = (&message["size"], &message["sha256"], &message["received"]);
            lines.push(format!("{name} {size} {hash} {received} {keywords:?}"));
        }
    }
    lines.push(manifest["subscriptions"].to_string());
    lines
}

fn manifest(target: &Path) -> Vec<u8> {
    if target.is_dir() {
        return fs::read(target.join("manifest.json")).unwrap();
    }
    let mut zip = zip::ZipArchive::new(File::open(target).unwrap()).unwrap();
    let mut text = Vec::new();
    zip.by_name("manifest.json")
        .unwrap()
        .read_to_end(&mut text)
        .unwrap();
    text
}

/// There, into another account, and there again.
fn round_trip(format: &str, name: &str) {
    let server = Server::with_accounts();
    fill(&server);
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (
        folder.path().join(format!("1{name}")),
        folder.path().join(format!("2{name}")),
    );
    let (one, two) = (first.to_str().unwrap(), second.to_str().unwrap());
    let exported = json(
        server.data(),
        &["export", "alice@example.org", one, "--format", format],
    );
    assert_eq!(exported["messages"], 7, "{exported}");
    assert_eq!(exported["mailboxes"], 11, "{exported}");
    let checked = verify(&first);
    assert!(checked.status.success(), "{checked:?}");

    // What bob has not subscribed to stays so.
    Conversation::imap(&server, "bob", "blue door").ok("UNSUBSCRIBE Junk");
    let imported = json(server.data(), &["import", "bob@example.org", one]);
    assert_eq!(
        (&imported["imported"], &imported["skipped"], &imported["failed"]),
        (&7.into(), &0.into(), &0.into()),
        "{imported}"
    );
    json(
        server.data(),
        &["export", "bob@example.org", two, "--format", format],
    );
    assert_eq!(said(&manifest(&first)), said(&manifest(&second)));

    let again = json(server.data(), &["import", "bob@example.org", one]);
    assert_eq!(
        (&again["imported"], &again["skipped"]),
        (&0.into(), &7.into()),
        "{again}"
    );
}

#[test]
fn a_maildir_comes_back_as_it_went() {
    round_trip("maildir", "");
}

#[test]
fn an_mbox_comes_back_as_it_went() {
    round_trip("mbox", "");
}

#[test]
fn files_of_single_messages_come_back_as_they_went() {
    round_trip("eml", "");
}

#[test]
fn a_zip_comes_back_as_it_went() {
    round_trip("zip", ".zip");
}

/// Without its manifest an export is a Maildir or mbox like any other.
#[test]
fn an_export_without_its_manifest_keeps_marks_and_dates() {
    let server = Server::with_accounts();
    fill(&server);
    let folder = tempfile::tempdir().unwrap();
    for format in ["maildir", "mbox"] {
        let (first, second) = (
            folder.path().join(format),
            folder.path().join(format!("{format}-2")),
        );
        let (one, two) = (first.to_str().unwrap(), second.to_str().unwrap());
        json(
            server.data(),
            &["export", "alice@example.org", one, "--format", format],
        );
        let before = manifest(&first);
        fs::remove_file(first.join("manifest.json")).unwrap();
        let address = format!("{format}@example.org");
        server.add(&address, "secret");
        let imported = json(server.data(), &["import", &address, one]);
        assert_eq!(
            (&imported["imported"], &imported["failed"]),
            (&7.into(), &0.into()),
            "{imported}"
        );
        json(server.data(), &["export", &address, two, "--format", format]);
        let (before, after) = (said(&before), said(&manifest(&second)));
        // An mbox gives a message the end that it has not.
        let is_kept = |line: &&String| format == "maildir" || !line.contains("项目");
        let keywords = |lines: &[String]| {
            lines
                .iter()
                .filter(|line| line.starts_with('"') && line.contains('['))
                .filter(is_kept)
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(keywords(&before), keywords(&after), "{format}");
    }
}

#[test]
fn what_was_changed_is_found_and_not_imported() {
    let server = Server::with_accounts();
    fill(&server);
    let folder = tempfile::tempdir().unwrap();
    for format in ["maildir", "mbox", "eml"] {
        let target = folder.path().join(format);
        let path = target.to_str().unwrap();
        json(
            server.data(),
            &["export", "alice@example.org", path, "--format", format],
        );
        let damaged = match format {
            "maildir" => fs::read_dir(target.join(".Sent/cur"))
                .unwrap()
                .next()
                .unwrap()
                .unwrap()
                .path(),
            "mbox" => target.join("Sent.mbox"),
            _ => target.join("folders/Sent/0001.eml"),
        };
        let text = fs::read_to_string(&damaged)
            .unwrap()
            .replace("Subject: from", "Subject: form");
        fs::write(&damaged, text).unwrap();
        match format {
            "maildir" => fs::write(target.join("new/more"), "Subject: more\n\n").unwrap(),
            "mbox" => fs::write(
                target.join("INBOX.mbox"),
                fs::read_to_string(target.join("INBOX.mbox")).unwrap()
                    + "From a Tue Nov 24 22:00:00 2026\n\n",
            )
            .unwrap(),
            _ => fs::remove_file(target.join("folders/INBOX/0002.eml")).unwrap(),
        }
        let checked = verify(&target);
        assert_eq!(checked.status.code(), Some(65), "{checked:?}");
        let found: Value = serde_json::from_slice(&checked.stdout).unwrap();
        assert_eq!(
            found["findings"].as_array().unwrap().len(),
            2,
            "{format}: {found}"
        );
        let address = format!("{format}@example.org");
        server.add(&address, "secret");
        let output = posthouse(server.data(), &["import", &address, path, "--json"]);
        assert_eq!(output.status.code(), Some(65), "{output:?}");
        let imported: Value = serde_json::from_slice(&output.stdout).unwrap();
        let wanted = if format == "eml" { 5 } else { 6 };
        assert_eq!(imported["imported"], wanted, "{format}: {imported}");
        assert!(!messages::subjects(&server, &address, "secret").contains(&"form".to_owned()));
    }
}

#[test]
fn a_stopped_server_is_exported_and_imported_into() {
    let mut server = Server::with_accounts();
    fill(&server);
    assert!(server.stop().success());
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("mail.zip");
    let path = target.to_str().unwrap();
    assert_eq!(
        json(server.data(), &["export", "alice@example.org", path])["messages"],
        7
    );
    assert_eq!(
        json(
            server.data(),
            &["import", "bob@example.org", path, "--into", "旧/箱"]
        )["imported"],
        7
    );
    let server = Server::start_in(server.data()).unwrap();
    let mut imap = Conversation::imap(&server, "bob", "blue door");
    assert!(imap.ok("STATUS &Zec-/&e7E- (MESSAGES)")[0].contains("MESSAGES 3"));
    assert!(imap.ok("STATUS &Zec-/&e7E-/Sent (MESSAGES)")[0].contains("MESSAGES 1"));
}

#[test]
fn nothing_is_written_over_and_who_is_not_there_is_said() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x"), "x").unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(
        posthouse(server.data(), &["export", "alice@example.org", path])
            .status
            .code(),
        Some(73)
    );
    let zip = folder.path().join("x.zip");
    fs::write(&zip, "x").unwrap();
    let zip = zip.to_str().unwrap();
    assert_eq!(
        posthouse(server.data(), &["export", "alice@example.org", zip])
            .status
            .code(),
        Some(73)
    );
    let new = folder.path().join("new");
    let new = new.to_str().unwrap();
    assert_eq!(
        posthouse(server.data(), &["export", "nobody@example.org", new])
            .status
            .code(),
        Some(67)
    );
    assert_eq!(
        posthouse(server.data(), &["import", "alice@example.org", path])
            .status
            .code(),
        Some(65)
    );
    assert_eq!(verify(folder.path()).status.code(), Some(65));
    assert_eq!(fs::read(folder.path().join("x")).unwrap(), b"x");
}

#[test]
fn an_import_that_was_killed_goes_on_and_brings_nothing_twice() {
    const MESSAGES: usize = 3_000;
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    for part in ["cur", "new", "tmp"] {
        fs::create_dir(folder.path().join(part)).unwrap();
    }
    for number in 0..MESSAGES {
        // Bare line feeds, and each message is there twice.
        let text = messages::plain(&format!("m{}", number / 2)).replace("\r\n", "\n");
        fs::write(folder.path().join(format!("cur/{number}.x:2,S")), text).unwrap();
    }
    let path = folder.path().to_str().unwrap();
    let mut command = server::posthouse(&["import", "alice@example.org", path, "--data"]);
    command
        .arg(server.data())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut import = command.spawn().unwrap();
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    while imap.ok("STATUS INBOX (MESSAGES)")[0].contains("MESSAGES 0)") {}
    import.kill().unwrap();
    import.wait().unwrap();
    let rest = json(server.data(), &["import", "alice@example.org", path]);
    let number = |name: &str| rest[name].as_u64().unwrap();
    assert_eq!(number("imported") + number("skipped"), MESSAGES as u64, "{rest}");
    assert!(number("skipped") > 0, "{rest}");
    assert!(imap.ok("STATUS INBOX (MESSAGES UNSEEN)")[0].contains(&format!("MESSAGES {MESSAGES} UNSEEN 0")));
    assert_eq!(
        messages::subjects(&server, "alice", "tin whistle").len(),
        MESSAGES
    );
}

#[test]
fn a_manifest_leads_nowhere_else() {
    let server = Server::with_accounts();
    fill(&server);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("mail");
    let path = target.to_str().unwrap();
    json(
        server.data(),
        &["export", "alice@example.org", path, "--format", "eml"],
    );
    fs::rename(
        target.join("folders/Sent/0001.eml"),
        folder.path().join("0001.eml"),
    )
    .unwrap();
    let text = fs::read_to_string(target.join("manifest.json")).unwrap();
    fs::write(
        target.join("manifest.json"),
        text.replace("folders/Sent/0001.eml", "../0001.eml"),
    )
    .unwrap();
    let output = posthouse(server.data(), &["import", "bob@example.org", path, "--json"]);
    let imported: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&imported["imported"], &imported["failed"]),
        (&6.into(), &1.into()),
        "{imported}"
    );
}

#[test]
fn a_folder_for_a_purpose_is_for_it_where_it_comes_to() {
    let server = Server::with_accounts();
    Conversation::imap(&server, "alice", "tin whistle").ok("RENAME Archive Papers");
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("mail.zip");
    let path = target.to_str().unwrap();
    json(server.data(), &["export", "alice@example.org", path]);
    let mut imap = Conversation::imap(&server, "bob", "blue door");
    imap.ok("DELETE Archive");
    json(server.data(), &["import", "bob@example.org", path]);
    let listed = imap.ok("LIST \"\" Papers");
    assert!(listed[0].contains("\\Archive"), "{listed:?}");
    // Below another folder it is none, and the account has one already.
    json(
        server.data(),
        &["import", "bob@example.org", path, "--into", "Old"],
    );
    let listed = imap.ok("LIST \"\" Old/Papers");
    assert!(
        listed[0].contains("Papers") && !listed[0].contains("\\Archive"),
        "{listed:?}"
    );
}

#[test]
fn what_the_files_have_twice_and_the_mailbox_once_is_brought_once() {
    let server = Server::with_accounts();
    let message = messages::plain("twin");
    append(
        &mut Conversation::imap(&server, "alice", "tin whistle"),
        "INBOX",
        "",
        message.as_bytes(),
    );
    let folder = tempfile::tempdir().unwrap();
    for part in ["cur", "new", "tmp"] {
        fs::create_dir(folder.path().join(part)).unwrap();
    }
    for number in 0..2 {
        fs::write(folder.path().join(format!("cur/{number}.x:2,S")), &message).unwrap();
    }
    let path = folder.path().to_str().unwrap();
    let imported = json(server.data(), &["import", "alice@example.org", path]);
    assert_eq!(
        (&imported["imported"], &imported["skipped"]),
        (&1.into(), &1.into()),
        "{imported}"
    );
}
