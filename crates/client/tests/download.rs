//! Fetching into files: what is new, once, whatever happens in between.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;

use common::Script;
use posthouse_client::download::{Arrival, Format, Keep, Summary, Target, from_pop3};
use posthouse_client::pop3::Client;
use posthouse_client::{Error, Login, Server};

const LOGIN: &str = "S: +OK hello
    C: CAPA
    S: -ERR what?
    C: USER alice
    S: +OK
    C: PASS tin whistle
    S: +OK
    C: CAPA
    S: +OK
    S: UIDL
    S: PIPELINING
    S: .
    C: LIST
    S: +OK
";

async fn fetch(script: &str, path: &Path, format: Format, keep: Keep) -> Result<Summary, Error> {
    let script = Script::play(&format!("{LOGIN}{script}"));
    let login = Login::password("alice", "tin whistle");
    let client = Client::connect(&Server::parse(&script.url("pop3")).unwrap().login(login))
        .await
        .unwrap();
    let target = Target::open(path, format, "pop3://alice@mail.example").unwrap();
    let done = from_pop3(client, target, keep, |_, _, _| {}).await;
    script.end();
    done
}

const TWO: &str = "S: 1 30
    S: 2 30
    S: .
    C: UIDL
    S: +OK
    S: 1 a
    S: 2 b
    S: .
";

const BOTH: &str = "C: RETR 1
    C: RETR 2
    S: +OK
    S: From: bob@example.org
    S: Received: by mx; Wed, 25 Nov 2026 10:00:00 +0000
    S:
    S: From here
    S: .
    S: +OK
    S: Subject: two
    S:
    S: .
    C: QUIT
    S: +OK";

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut texts: Vec<String> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| {
            entry.file_type().unwrap().is_file() && !entry.file_name().to_string_lossy().starts_with('.')
        })
        .map(|entry| fs::read_to_string(entry.path()).unwrap())
        .collect();
    texts.sort();
    texts
}

const FIRST: &str = "From: bob@example.org\nReceived: by mx; Wed, 25 Nov 2026 10:00:00 +0000\n\nFrom here\n";
const SECOND: &str = "Subject: two\n\n";

#[tokio::test]
async fn what_is_new_is_fetched_once_into_each_format() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Maildir, Format::Mbox, Format::Eml] {
        let path = folder.path().join(format!("{format:?}"));
        let summary = fetch(&format!("{TWO}{BOTH}"), &path, format, Keep::All)
            .await
            .unwrap();
        assert_eq!((summary.fetched, summary.known, summary.deleted), (2, 0, 0));
        let again = fetch(&format!("{TWO}C: QUIT\nS: +OK"), &path, format, Keep::All)
            .await
            .unwrap();
        assert_eq!((again.fetched, again.known), (0, 2));
        match format {
            Format::Maildir => assert_eq!(files(&path.join("new")), [FIRST, SECOND]),
            Format::Eml => assert_eq!(
                files(&path),
                [FIRST, SECOND].map(|text| text.replace('\n', "\r\n"))
            ),
            Format::Mbox => {
                let text = fs::read_to_string(&path).unwrap();
                let wanted = "From bob@example.org Wed Nov 25 10:00:00 2026\nStatus: O\nX-Status: \nX-Keywords: \n\
                    From: bob@example.org\nReceived: by mx; Wed, 25 Nov 2026 10:00:00 +0000\n\n>From here\n\n\
                    From MAILER-DAEMON";
                assert!(text.starts_with(wanted), "{text}");
            }
        }
    }
}

/// RFC 1939 §6: what is deleted goes at QUIT, and it is on this disk before.
#[test]
fn messages_of_one_second_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut target = Target::open(folder.path(), Format::Maildir, "a").unwrap();
    let texts: Vec<String> = (0..20)
        .map(|number| format!("Subject: {number:02}\n\n"))
        .collect();
    for text in &texts {
        let received = Some(1_764_035_829);
        target
            .begin(Arrival {
                received,
                ..Arrival::default()
            })
            .unwrap();
        target.write(text.as_bytes()).unwrap();
        target.end(text).unwrap();
    }
    target.close().unwrap();
    let entries = fs::read_dir(folder.path().join("new")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read: Vec<String> = paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert_eq!(read, texts);
}

#[tokio::test]
async fn what_is_safe_here_goes_from_the_server_when_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let deleting = "C: DELE 1\nC: DELE 2\nS: +OK\nS: +OK\nC: QUIT\nS: +OK";
    let script = format!("{TWO}{}", BOTH.replace("C: QUIT\n    S: +OK", deleting));
    let summary = fetch(&script, folder.path(), Format::Maildir, Keep::Nothing)
        .await
        .unwrap();
    assert_eq!((summary.fetched, summary.deleted), (2, 2));
    // The server had forgotten the marks: they are set again, and nothing is fetched.
    let summary = fetch(
        &format!("{TWO}{deleting}"),
        folder.path(),
        Format::Maildir,
        Keep::Nothing,
    )
    .await
    .unwrap();
    assert_eq!((summary.fetched, summary.known, summary.deleted), (0, 2, 2));
    let summary = fetch(
        &format!("{TWO}C: QUIT\nS: +OK"),
        folder.path(),
        Format::Maildir,
        Keep::Days(1),
    )
    .await
    .unwrap();
    assert_eq!(summary.deleted, 0, "they were fetched today");
}

/// A session that is cut leaves what it had brought; the next one goes on, and half a message is none.
#[tokio::test]
async fn a_session_that_is_cut_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Maildir, Format::Mbox, Format::Eml] {
        let path = folder.path().join(format!("{format:?}"));
        let cut = format!("{TWO}C: RETR 1\nC: RETR 2\nS: +OK\nS: Subject: two\nS:\nS: .\nS: +OK\nS: half\nX");
        fetch(&cut, &path, format, Keep::Nothing).await.unwrap_err();
        let both = format!("{TWO}{BOTH}");
        let summary = fetch(&both, &path, format, Keep::All).await.unwrap();
        assert_eq!(summary.fetched, 2, "nothing of the batch counted: {format:?}");
        let count = match format {
            Format::Mbox => fs::read_to_string(&path).unwrap().matches("\nStatus: ").count(),
            Format::Maildir => files(&path.join("new")).len(),
            Format::Eml => files(&path).len(),
        };
        assert_eq!(count, 2, "{format:?}");
    }
}

/// The power goes after messages were brought into their place and before the journal says so.
#[tokio::test]
async fn what_an_interrupted_session_brought_is_not_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    fetch(&format!("{TWO}{BOTH}"), folder.path(), Format::Maildir, Keep::All)
        .await
        .unwrap();
    let journal = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_file())
        .unwrap();
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.split_inclusive("open\n").next().unwrap()).unwrap();
    let summary = fetch(
        &format!("{TWO}C: QUIT\nS: +OK"),
        folder.path(),
        Format::Maildir,
        Keep::All,
    )
    .await
    .unwrap();
    assert_eq!((summary.fetched, summary.known), (0, 2));
    // And that is noted now.
    assert!(fs::read_to_string(&journal).unwrap().contains(" a\n"));
}

/// Without UIDL a message is known by what it is.
#[tokio::test]
async fn a_server_without_uidl_is_fetched_from_once_too() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Maildir, Format::Mbox] {
        let path = folder.path().join(format!("{format:?}"));
        let script = format!("S: 1 30\nS: 2 30\nS: .\nC: UIDL\nS: -ERR no\n{BOTH}");
        let summary = fetch(&script, &path, format, Keep::All).await.unwrap();
        assert_eq!(summary.fetched, 2);
        let length = |path: &Path| fs::metadata(path).unwrap().len();
        let before = length(&path);
        let summary = fetch(&script, &path, format, Keep::All).await.unwrap();
        assert_eq!((summary.fetched, summary.known), (0, 2));
        assert!(
            format == Format::Maildir || length(&path) == before,
            "nothing was added"
        );
    }
}

#[tokio::test]
async fn two_at_once_and_a_folder_that_cannot_be_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Target::open(folder.path(), Format::Maildir, "a").unwrap();
    let error = Target::open(folder.path(), Format::Maildir, "a").unwrap_err();
    assert!(
        error.to_string().contains("another fetch is at work here"),
        "{error}"
    );
    Target::open(folder.path(), Format::Maildir, "b").unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(Target::open(folder.path().join("file/below"), Format::Maildir, "a").is_err());
}

/// The letters of keywords mean something: what they stand for is beside the mail, and what stood there stays.
#[test]
fn keywords_are_named_beside_the_mail() {
    let folder = tempfile::tempdir().unwrap();
    let beside = folder.path().join("dovecot-keywords");
    fs::write(&beside, "0 work\n").unwrap();
    let mut target = Target::open(folder.path(), Format::Maildir, "a").unwrap();
    for (id, keyword) in [("1", "$Label1"), ("2", "work"), ("3", "later")] {
        let mut arrival = Arrival {
            received: Some(1_764_035_829),
            ..Arrival::default()
        };
        arrival.marks.name(types::KeywordName::check(keyword).unwrap());
        target.begin(arrival).unwrap();
        target.write(b"Subject: x\n\n").unwrap();
        target.end(id).unwrap();
    }
    target.close().unwrap();
    assert_eq!(
        fs::read_to_string(&beside).unwrap(),
        "0 work\n1 $Label1\n2 later\n"
    );
    let entries = fs::read_dir(folder.path().join("cur")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let letters: Vec<&str> = names
        .iter()
        .map(|name| name.rsplit(',').next().unwrap())
        .collect();
    assert_eq!(letters, ["b", "a", "c"]);
}
