//! `posthouse fetch`: what is new, once, into files; and `list` and `search` over them.

use std::fs;

use end_to_end::{Conversation, Server, messages};

use crate::{run, url};

fn with_mail(count: usize) -> Server {
    let server = Server::with_accounts();
    for number in 0..count {
        let mut smtp = Conversation::smtp(&server);
        smtp.deliver("alice@example.org", &messages::plain(&number.to_string()))
            .unwrap();
    }
    server
}

fn fetched(out: &str) -> [u64; 3] {
    let value: serde_json::Value = serde_json::from_str(out).unwrap();
    ["fetched", "known", "deleted"].map(|name| value[name].as_u64().unwrap())
}

#[test]
fn new_mail_comes_once_and_goes_from_the_server_when_that_is_asked() {
    let server = with_mail(3);
    let folder = tempfile::tempdir().unwrap();
    let url = url(&server, "pop3");
    for (target, format) in [("md", "maildir"), ("all.mbox", "mbox"), ("emls", "eml")] {
        let fetch = |more: &[&str]| {
            let words = [
                &["fetch", target, "--format", format, "--server", &url, "--json"],
                more,
            ]
            .concat();
            fetched(&run(folder.path(), &words, b"").well())
        };
        assert_eq!(fetch(&[]), [3, 0, 0], "{format}");
        assert_eq!(fetch(&["--keep-days", "1"]), [0, 3, 0], "{format}");
        let listed = run(folder.path(), &["list", target, "--json"], b"").well();
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), 3, "{format}");
    }
    let words = ["fetch", "md", "--server", &url, "--delete", "--json"];
    assert_eq!(fetched(&run(folder.path(), &words, b"").well()), [0, 3, 3]);
    assert_eq!(fetched(&run(folder.path(), &words, b"").well()), [0, 0, 0]);
    assert_eq!(fs::read_dir(folder.path().join("md/new")).unwrap().count(), 3);
}

/// A fetch that is killed anywhere loses nothing and brings nothing twice.
#[test]
fn a_fetch_that_is_killed_is_gone_on_with() {
    let count = 300;
    let server = with_mail(count);
    let folder = tempfile::tempdir().unwrap();
    let url = url(&server, "pop3");
    for format in ["maildir", "mbox"] {
        let words = ["fetch", format, "--format", format, "--server", &url, "--json"];
        for milliseconds in [5, 15, 25, 40, 60] {
            let mut command = end_to_end::server::posthouse(&words);
            command
                .env("POSTHOUSE_PASSWORD", "tin whistle")
                .current_dir(folder.path());
            let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(milliseconds));
            let _ = child.kill();
            child.wait().unwrap();
        }
        run(folder.path(), &words, b"").well();
        let listed = run(folder.path(), &["list", format, "--json"], b"").well();
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        let mut subjects: Vec<&str> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["subject"].as_str().unwrap())
            .collect();
        subjects.sort_unstable();
        let whole = subjects.len();
        subjects.dedup();
        assert_eq!((whole, subjects.len()), (count, count), "{format}");
    }
}

#[test]
fn search_finds_in_every_script() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    for (name, subject, text) in [
        ("张三", "会议纪要", "明天上午十点"),
        ("Müller", "Straße", "nothing"),
        ("Bob", "hello", "tomorrow"),
    ] {
        let from = format!("{name} <bob@example.org>");
        let words = [
            "send",
            "--server",
            &url(&server, "smtp").replace("alice", "bob"),
            "--from",
            &from,
            "--to",
            "alice@example.org",
            "--subject",
            subject,
            "--text",
            text,
        ];
        crate::run_as("blue door", folder.path(), &words, b"").well();
    }
    let pop = url(&server, "pop3");
    run(folder.path(), &["fetch", "md", "--server", &pop], b"").well();
    let imap = url(&server, "imap");
    for place in [vec!["md"], vec!["--server", &pop], vec!["--server", &imap]] {
        let found = |options: &[&str]| {
            let words = [&["search", "--json"], options, &place[..]].concat();
            let out = run(folder.path(), &words, b"").well();
            let list: serde_json::Value = serde_json::from_str(&out).unwrap();
            let mut subjects: Vec<String> = list
                .as_array()
                .unwrap()
                .iter()
                .map(|line| line["subject"].as_str().unwrap().to_owned())
                .collect();
            subjects.sort();
            subjects
        };
        assert_eq!(found(&["--text", "上午"]), ["会议纪要"]);
        assert_eq!(found(&["--from", "müller"]), ["Straße"]);
        assert_eq!(found(&["--subject", "HELLO"]), ["hello"]);
        assert_eq!(found(&["--since", "2999-01-01"]), Vec::<String>::new());
        assert_eq!(found(&["--before", "2999-01-01"]).len(), 3);
    }
}

/// Over IMAP with flags and dates, every mailbox into a folder of its own, and nothing is marked as seen there.
#[test]
fn mailboxes_come_with_their_flags_and_names() {
    let server = with_mail(2);
    let folder = tempfile::tempdir().unwrap();
    let imap = url(&server, "imap");
    let script = format!(
        "import imaplib\nm = imaplib.IMAP4('127.0.0.1', {})\nm.login('alice', 'tin whistle')\nm.create('\"&g0l6P3ux-\"')\nm.select('INBOX')\n\
         m.store('1', '+FLAGS', '(\\\\Seen \\\\Flagged)')\nm.copy('1', '\"&g0l6P3ux-\"')\nm.logout()\n",
        server.port(end_to_end::Service::Imap)
    );
    end_to_end::program::run(folder.path(), &["python3", "-c", &script], b"").succeeded();
    let listed = run(folder.path(), &["list", "--server", &imap, "--json"], b"").well();
    assert!(
        listed.contains("\"草稿箱\"") && listed.contains("\"unseen\": 1"),
        "{listed}"
    );
    for format in ["maildir", "mbox", "eml"] {
        let fetch = |more: &[&str]| {
            let words = [
                &["fetch", format, "--format", format, "--server", &imap, "--json"],
                more,
            ]
            .concat();
            fetched(&run(folder.path(), &words, b"").well())
        };
        assert_eq!(fetch(&["--all"]), [3, 0, 0], "{format}");
        assert_eq!(fetch(&["--all"]), [0, 3, 0], "{format}");
    }
    let cur: Vec<String> = fs::read_dir(folder.path().join("maildir/.&g0l6P3ux-/cur"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(cur.len() == 1 && cur[0].ends_with(":2,FS"), "{cur:?}");
    assert_eq!(
        fs::read_dir(folder.path().join("maildir/new")).unwrap().count(),
        1
    );
    assert!(folder.path().join("mbox/草稿箱.mbox").is_file());
    // What is safe here goes from the server when that is asked.
    let words = [
        "fetch", "maildir", "--all", "--delete", "--server", &imap, "--json",
    ];
    assert_eq!(fetched(&run(folder.path(), &words, b"").well()), [0, 3, 3]);
    assert_eq!(fetched(&run(folder.path(), &words, b"").well()), [0, 0, 0]);
}
