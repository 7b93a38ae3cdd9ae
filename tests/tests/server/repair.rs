//! `posthouse repair`: an index with a flipped bit is made again, what is lost is named, and nothing that was damaged is destroyed.

use std::fs;
use std::path::Path;
use std::process::Output;

use end_to_end::{Conversation, Server, messages, server};

fn repair(data: &Path, more: &[&str]) -> (Output, String) {
    let mut command = server::posthouse(&["repair"]);
    let output = command.args(more).arg("--data").arg(data).output().unwrap();
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, words + &errors)
}

fn checked(data: &Path) -> String {
    let output = server::check(data);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A stopped folder with three messages for Alice.
fn stopped() -> Server {
    let mut server = Server::with_accounts();
    for subject in ["one", "two", "three"] {
        let mut smtp = Conversation::smtp(&server);
        smtp.deliver("alice@example.org", &messages::plain(subject))
            .unwrap();
    }
    assert!(server.stop().success());
    server
}

/// Flips a bit wherever some text lies in a file.
fn flip(path: &Path, text: &str) {
    let mut octets = fs::read(path).unwrap();
    let places: Vec<usize> = octets
        .windows(text.len())
        .enumerate()
        .filter_map(|(at, window)| (window == text.as_bytes()).then_some(at))
        .collect();
    assert!(!places.is_empty(), "{text} in {path:?}");
    places.into_iter().for_each(|at| octets[at] ^= 1);
    fs::write(path, octets).unwrap();
}

#[test]
fn an_index_with_a_flipped_bit_is_made_again_and_the_damaged_one_kept() {
    let server = stopped();
    let data = server.data();
    let index = data.join("index/data.mdb");
    flip(&index, "Hello from two");
    let damaged = fs::read(&index).unwrap();
    assert!(!server::check(data).status.success());

    let (output, words) = repair(data, &["--dry-run"]);
    assert!(output.status.success(), "{words}");
    for said in [
        "Would be mended:",
        "the checksum of row",
        "index.damaged-1",
        "made again from",
    ] {
        assert!(words.contains(said), "{said}: {words}");
    }
    assert!(
        words.contains(&index.display().to_string()),
        "its own name, not that of a copy: {words}"
    );
    assert_eq!(fs::read(&index).unwrap(), damaged, "it changes nothing");
    assert!(!data.join("index.damaged-1").exists());

    let (output, words) = repair(data, &[]);
    assert!(output.status.success(), "{words}");
    assert!(words.contains("Mended:"), "{words}");
    assert!(data.join("index.damaged-1/data.mdb").exists());
    checked(data);
    let (_, words) = repair(data, &[]);
    assert!(words.contains("nothing is damaged"), "{words}");
    let again = Server::start_in(data).unwrap();
    assert_eq!(
        messages::subjects(&again, "alice", "tin whistle"),
        ["one", "two", "three"]
    );
}

#[test]
fn a_message_whose_bytes_are_lost_is_named_and_comes_back_from_a_backup() {
    let server = stopped();
    let data = server.data();
    let place = tempfile::tempdir().unwrap();
    let backup = server::posthouse(&["backup"])
        .arg(place.path())
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    assert!(backup.status.success(), "{backup:?}");
    let segments = fs::read_dir(data.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let holds = |path: &std::path::PathBuf| {
        let octets = fs::read(path).unwrap();
        octets.windows(14).any(|window| window == b"Hello from two") && path.extension().unwrap() == "seg"
    };
    let segment = segments.into_iter().find(holds).unwrap();
    flip(&segment, "Hello from two");

    let (output, words) = repair(data, &[]);
    assert_eq!(output.status.code(), Some(65), "{words}");
    for said in ["Lost:", "alice@example.org, INBOX, uid 2, 20", ", \"two\": "] {
        assert!(words.contains(said), "{said}: {words}");
    }
    let restored = server::posthouse(&["restore", "--account", "alice@example.org"])
        .arg(place.path())
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&restored.stdout).into_owned();
    assert!(words.contains(" 1 message brought back"), "{restored:?}");
    let again = Server::start_in(data).unwrap();
    let mut imap = Conversation::imap(&again, "alice", "tin whistle");
    imap.ok("EXAMINE INBOX");
    let fetched = imap.ok("FETCH 4 BODY.PEEK[]");
    assert!(
        fetched.iter().any(|line| line == "Hello from two."),
        "{fetched:?}"
    );
}

#[test]
fn a_folder_that_has_lost_the_beginning_of_its_log_is_salvaged_and_one_in_use_is_refused() {
    let server = stopped();
    let data = server.data();
    let mut again = Server::start_in(data).unwrap();
    let mut smtp = Conversation::smtp(&again);
    smtp.deliver("alice@example.org", &messages::plain("four"))
        .unwrap();
    let (output, words) = repair(data, &[]);
    assert_eq!(output.status.code(), Some(69), "{words}");
    assert!(words.contains("a server runs on"), "{words}");
    assert!(again.stop().success());
    fs::remove_dir_all(data.join("index")).unwrap();
    fs::remove_file(data.join("log/00000001.seg")).unwrap();
    let before: Vec<_> = fs::read_dir(data.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let (_, would) = repair(data, &["--dry-run"]);
    assert!(would.contains("a part of the log is missing"), "{would}");
    let after: Vec<_> = fs::read_dir(data.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(before, after);
    assert!(!data.join("index").exists());
    let (_, words) = repair(data, &[]);
    assert!(
        words.contains("mail salvaged from what is left, 1 message in 1 mailbox,"),
        "{words}"
    );
    assert!(words.contains("has mail and no name"), "{words}");
    let (_, again) = repair(data, &[]);
    assert!(!again.contains("salvaged"), "once is enough: {again}");
}
