//! The log's beginning and the index are gone: what is left is served under new validities, and everything is said.

use std::fs;

use end_to_end::{Conversation, Server, Service, messages, server};

/// The validity of Alice's inbox and the subjects in it.
fn inbox(server: &Server) -> (u32, Vec<String>) {
    let mut imap = Conversation::try_open(server.port(Service::Imap)).unwrap();
    imap.line().unwrap();
    let mut ask = |command: &str| {
        let lines = imap.command(command).unwrap();
        assert_eq!(lines.last().unwrap().split(' ').nth(1), Some("OK"), "{lines:?}");
        lines
    };
    ask("LOGIN alice \"tin whistle\"");
    let opened = ask("SELECT INBOX");
    let validity = opened
        .iter()
        .find_map(|line| line.split_once("[UIDVALIDITY "))
        .unwrap();
    let validity = validity.1.split(']').next().unwrap().parse().unwrap();
    let fetched = ask("FETCH 1:* BODY.PEEK[]");
    let subjects = fetched.iter().filter_map(|line| line.strip_prefix("Subject: "));
    (validity, subjects.map(str::to_owned).collect())
}

fn deliver(server: &Server, to: &str, subjects: &[&str]) {
    let mut smtp = Conversation::smtp(server);
    for subject in subjects {
        let reply = smtp.deliver(to, &messages::plain(subject)).unwrap();
        assert!(reply.starts_with("250"), "{reply}");
    }
}

#[test]
fn a_folder_that_has_lost_its_index_and_the_beginning_of_its_log_serves_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start_in(&data).unwrap();
    server.add("bob@example.org", "blue door");
    deliver(&server, "bob@example.org", &["to bob"]);
    assert!(server.stop().success());
    // Each start begins a segment.
    let mut server = Server::start_in(&data).unwrap();
    server.add("alice@example.org", "tin whistle");
    deliver(&server, "alice@example.org", &["one", "two"]);
    deliver(&server, "bob@example.org", &["bob again"]);
    let (before, subjects) = inbox(&server);
    assert_eq!(subjects, ["one", "two"]);
    assert!(server.stop().success());
    fs::remove_dir_all(data.join("index")).unwrap();
    fs::remove_file(data.join("log/00000001.seg")).unwrap();

    let mut server = Server::start_in(&data).unwrap();
    let (after, subjects) = inbox(&server);
    assert_eq!(subjects, ["one", "two"]);
    assert!(after > before, "{after} after {before}");
    let log = server.log();
    for said in [
        "00000001.seg",
        "salvaged: 3 messages",
        "account 1 has mail and no name",
    ] {
        assert!(log.contains(said), "{said}: {log}");
    }
    // Nobody gets what was Bob's.
    server.add("carol@example.org", "red roof");
    let checked = server::check(&data);
    let words = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(!checked.status.success());
    for said in [
        "00000001.seg",
        "account 1 has mail and no name",
        "mail was salvaged on 20",
    ] {
        assert!(words.contains(said), "{said}: {words}");
    }
    let listed = server::posthouse(&["account", "list", "--json", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&listed.stdout).contains("\"id\": 3"),
        "{listed:?}"
    );
    assert!(server.stop().success());

    // It is done once.
    let server = Server::start_in(&data).unwrap();
    assert_eq!(inbox(&server).0, after);
    assert!(!server.log().contains("salvaged:"), "{}", server.log());
}
