//! The IMAP client against servers that play scripts (RFC 3501, RFC 9051 and the extensions), old ones and new ones.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails a test")]

mod common;

use std::time::Duration;

use common::Script;
use posthouse_client::imap::{
    Client, Got, How, Item, Known, Mode, NewMessage, News, Octets, Query, Ranges, StoreWhat,
};
use posthouse_client::{Cause, Error, Fault, Login, Security, Server, Step};
use types::Uid;

async fn client(script: &Script) -> Result<Client, Error> {
    let login = Login::password("alice", "tin whistle");
    Client::connect(&Server::parse(&script.url("imap")).unwrap().login(login)).await
}

fn uids(uids: &[u32]) -> Ranges {
    uids.iter().copied().map(Uid).collect()
}

/// RFC 3501 and nothing else.
const OLD: &str = "S: * OK hello
    C: p1 CAPABILITY
    S: * CAPABILITY IMAP4rev1
    S: p1 OK
    C: p2 LOGIN alice \"tin whistle\"
    S: p2 OK
    C: p3 CAPABILITY
    S: * CAPABILITY IMAP4rev1
    S: p3 OK
";

/// A server that has everything.
const NEW: &str = "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR LITERAL+] hello
    C: p1 AUTHENTICATE PLAIN AGFsaWNlAHRpbiB3aGlzdGxl
    S: p1 OK [CAPABILITY IMAP4rev1 IMAP4rev2 ID ENABLE CONDSTORE QRESYNC UTF8=ACCEPT LITERAL+ MULTIAPPEND MOVE UIDPLUS IDLE SPECIAL-USE] in
    C: <*>
    S: * ID (\"name\" \"play\")
    S: p2 OK
    C: p3 ENABLE CONDSTORE QRESYNC UTF8=ACCEPT IMAP4rev2
    S: * ENABLED CONDSTORE QRESYNC UTF8=ACCEPT
    S: p3 OK
";

#[tokio::test]
async fn an_old_server_is_spoken_with_as_it_can() {
    let script = Script::play(&format!(
        "{OLD}C: p4 LIST \"\" \"*\"
        S: * LIST () \".\" INBOX
        S: * LIST () \".\" INBOX.&U,BTFw-
        S: p4 OK
        C: p5 SELECT INBOX
        S: * 2 EXISTS
        S: * OK [UIDVALIDITY 7]
        S: p5 OK [READ-WRITE]
        C: p6 UID SEARCH CHARSET UTF-8 TEXT {{3}}
        S: +
        C: 信
        S: * SEARCH 4 5 9
        S: p6 OK
        C: p7 UID COPY 4:5 INBOX.&U,BTFw-
        S: p7 OK
        C: p8 UID STORE 4:5 +FLAGS.SILENT (\\Deleted)
        S: p8 OK
        C: p9 APPEND INBOX (\\Seen) {{5}}
        S: + go on
        C: a
        C: bc
        S: p9 OK
        C: p10 NOOP
        S: * 3 EXISTS
        S: p10 OK
        C: p11 LOGOUT
        S: * BYE
        S: p11 OK"
    ));
    let mut client = client(&script).await.unwrap();
    let names: Vec<_> = client
        .list("*")
        .await
        .unwrap()
        .into_iter()
        .map(|listed| listed.name.text)
        .collect();
    assert_eq!(names, ["INBOX".into(), "INBOX.台北".into()]);
    let opened = client.select("INBOX").await.unwrap();
    assert_eq!(
        (opened.exists, opened.uid_validity, opened.read_only),
        (2, 7, false)
    );
    let found = client.search(Query::new().text("信")).await.unwrap();
    assert_eq!(found, Ranges(vec![(4, 5), (9, 9)]));
    // Without UIDPLUS nothing is expunged: it would take what others have marked.
    let moved = client.move_messages(&uids(&[4, 5]), "INBOX.台北").await.unwrap();
    assert_eq!(
        (moved.how, moved.copied.to),
        (How::CopiedAndMarked, Ranges::default())
    );
    let expunged = client.expunge(&uids(&[4])).await.unwrap_err();
    assert!(
        matches!(expunged.cause(), Cause::NotOffered("UIDPLUS")),
        "{expunged}"
    );
    let message = NewMessage::new(5).flags(&["\\Seen"]);
    let appended = client
        .append("INBOX", message, b"a\r\nbc and more".as_slice())
        .await
        .unwrap();
    assert_eq!(appended.uids, Ranges::default());
    client.noop().await.unwrap();
    assert_eq!(client.news(), [News::Exists(3)]);
    client.logout().await.unwrap();
    script.end();
}

#[tokio::test]
async fn a_new_server_is_asked_for_all_it_has() {
    let script = Script::play(&format!(
        "{NEW}C: p4 SELECT \"工作\" (QRESYNC (7 90 1:3))
        S: * 3 EXISTS
        S: * OK [UIDVALIDITY 7]
        S: * OK [HIGHESTMODSEQ 95]
        S: * VANISHED (EARLIER) 2
        S: * 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (94))
        S: p4 OK [READ-ONLY]
        C: p5 UID SEARCH RETURN (ALL) TEXT {{3+}}
        C: 信
        S: * ESEARCH (TAG \"p5\") UID ALL 1:3,9
        S: p5 OK
        C: p6 UID MOVE 1:3 \"工作/旧\"
        S: * OK [COPYUID 8 1:3 11:13]
        S: * VANISHED 1:3
        S: p6 OK
        C: p7 UID STORE 9 (UNCHANGEDSINCE 90) FLAGS.SILENT ($x)
        S: p7 OK [MODIFIED 9]
        C: p8 APPEND INBOX (\\Seen) {{3+}}
        C: a
        C:  UTF8 (~{{3+}}
        C: b
        C: )
        S: p8 OK [APPENDUID 7 20:21]
        C: p9 LOGOUT
        S: * BYE"
    ));
    let mut client = client(&script).await.unwrap();
    assert_eq!(client.server_id(), [("name".into(), Some("play".into()))]);
    let known = Known {
        uid_validity: 7,
        mod_sequence: 90,
        uids: Some(uids(&[1, 2, 3])),
    };
    let opened = client.resynchronize("工作", &known).await.unwrap();
    assert!(opened.resynchronized && opened.read_only);
    assert_eq!((opened.vanished, opened.changed.len()), (uids(&[2]), 1));
    assert_eq!(client.search(Query::new().text("信")).await.unwrap().count(), 4);
    let moved = client.move_messages(&uids(&[1, 2, 3]), "工作/旧").await.unwrap();
    assert_eq!(
        (moved.how, moved.copied.to, moved.copied.uid_validity),
        (How::AtOnce, Ranges(vec![(11, 13)]), Some(8))
    );
    assert_eq!(client.news(), [News::Vanished(Ranges(vec![(1, 3)]))]);
    let modified = client
        .store(&uids(&[9]), StoreWhat::Replace, &["$x"], Some(90))
        .await
        .unwrap();
    assert_eq!(modified, uids(&[9]));
    let second = NewMessage {
        header: Mode::Utf8,
        ..NewMessage::new(3)
    };
    let messages = vec![
        (NewMessage::new(3).flags(&["\\Seen"]), b"a\r\n".as_slice()),
        (second, b"b\r\n".as_slice()),
    ];
    let appended = client.append_all("INBOX", messages).await.unwrap();
    assert_eq!(
        (appended.uid_validity, appended.uids),
        (Some(7), Ranges(vec![(20, 21)]))
    );
    client.logout().await.unwrap();
    script.end();
}

/// RFC 2177 §3: a command that follows ends it first.
#[tokio::test]
async fn waiting_for_news_is_left_by_the_next_command() {
    let script = Script::play(&format!(
        "{NEW}C: p4 IDLE
        S: + idling
        S: * 4 EXISTS
        S: * 2 EXPUNGE
        C: DONE
        C: p5 NOOP
        S: p4 OK
        S: p5 OK
        C: p6 IDLE
        S: +
        C: DONE
        S: * 5 EXISTS
        S: p6 OK
        C: p7 IDLE
        S: + again
        S: * 6 EXISTS
        C: DONE
        S: p7 OK
        C: p8 LOGOUT
        S: * BYE"
    ));
    let mut client = client(&script).await.unwrap();
    {
        let mut idle = client.idle();
        assert!(!idle.is_polling());
        assert_eq!(idle.next().await.unwrap(), News::Exists(4));
        assert_eq!(idle.next().await.unwrap(), News::Expunged(2));
    }
    client.noop().await.unwrap();
    let soon = Duration::from_millis(200);
    let mut idle = client.idle().every(soon, soon);
    assert_eq!(idle.next().await.unwrap(), News::Exists(5));
    assert_eq!(idle.next().await.unwrap(), News::Exists(6));
    idle.end().await.unwrap();
    client.logout().await.unwrap();
    script.end();
}

#[tokio::test]
async fn without_idle_the_server_is_asked_now_and_then() {
    let script = Script::play(&format!(
        "{OLD}C: p4 NOOP
        S: p4 OK
        C: p5 NOOP
        S: * 1 RECENT
        S: p5 OK
        C: p6 LOGOUT
        S: * BYE bye"
    ));
    let mut client = client(&script).await.unwrap();
    let soon = Duration::from_millis(10);
    let mut idle = client.idle().every(soon, soon);
    assert!(idle.is_polling());
    assert_eq!(idle.next().await.unwrap(), News::Recent(1));
    idle.end().await.unwrap();
    client.logout().await.unwrap();
    script.end();
}

#[tokio::test]
async fn messages_come_one_after_the_other_and_large_ones_in_pieces() {
    let large = "x".repeat(100_000);
    let script = Script::play(&format!(
        "{OLD}C: p4 UID FETCH 1:3,7 (UID FLAGS BODY.PEEK[])
        S: * 1 FETCH (FLAGS (\\Seen) UID 1 BODY[] {{2}}\\r\\nhi)
        S: * 5 FETCH (FLAGS (\\Seen))
        S: * 2 FETCH (UID 2 BODY[] {{100000}}\\r\\n{large} FLAGS (\\Draft))
        S: * 0 FETCH (UID 3 BODY[] NIL FLAGS ())
        S: * 7 FETCH (UID 7 BODY[] {{100000}}\\r\\n{large})
        S: p4 NO some were expunged
        C: p5 UID FETCH 1 (UID BODY.PEEK[1]<0.9>)
        S: * 1 FETCH (UID 1 BODY[1]<0> \"abc\")
        S: p5 OK
        C: p6 LOGOUT
        S: * BYE"
    ));
    let mut client = client(&script).await.unwrap();
    let mut fetch = client.fetch(&uids(&[1, 2, 3, 7]), &[Item::Flags, Item::message()]);
    let Some(Got::Message(first)) = fetch.next().await.unwrap() else {
        panic!()
    };
    assert_eq!(first.parts[0].octets, Octets::Kept("hi".into()));
    let Some(Got::Body(body)) = fetch.next().await.unwrap() else {
        panic!()
    };
    assert_eq!((body.uid, body.size), (Some(Uid(2)), 100_000));
    let mut copied = Vec::new();
    assert_eq!(fetch.copy_to(&mut copied).await.unwrap(), 100_000);
    assert!(copied.iter().all(|octet| *octet == b'x'));
    let Some(Got::Message(second)) = fetch.next().await.unwrap() else {
        panic!()
    };
    assert_eq!(
        (second.uid, &second.parts[0].octets),
        (Some(Uid(2)), &Octets::Streamed)
    );
    let third = fetch.whole(10).await.unwrap().unwrap();
    assert_eq!(third.parts[0].octets, Octets::None);
    // What is not read is skipped.
    let Some(Got::Body(_)) = fetch.next().await.unwrap() else {
        panic!()
    };
    let Some(Got::Message(_)) = fetch.next().await.unwrap() else {
        panic!()
    };
    let Some(Got::Refused(said)) = fetch.next().await.unwrap() else {
        panic!()
    };
    assert_eq!(said.text.as_ref(), "some were expunged");
    assert!(fetch.next().await.unwrap().is_none());
    assert!(matches!(&client.news()[..], [News::Message(news)] if news.position == 5));
    let partial = posthouse_client::imap::Partial { origin: 0, length: 9 };
    let section = posthouse_client::imap::Section {
        part: vec![1],
        ..Default::default()
    };
    let octets = client
        .fetch_octets(Uid(1), Item::Body(section, Some(partial)))
        .await
        .unwrap();
    assert_eq!(octets, "abc");
    client.logout().await.unwrap();
    script.end();
}

#[tokio::test]
async fn a_fetch_that_is_dropped_does_not_disturb_the_next_command() {
    let large = "x".repeat(100_000);
    let script = Script::play(&format!(
        "{OLD}C: p4 UID FETCH 1:2 (UID BODY.PEEK[])
        S: * 1 FETCH (UID 1 BODY[] {{100000}}\\r\\n{large})
        S: * 2 FETCH (UID 2 BODY[] {{2}}\\r\\nhi)
        S: p4 OK
        C: p5 NOOP
        S: p5 OK
        C: p6 LOGOUT
        S: * BYE"
    ));
    let mut client = client(&script).await.unwrap();
    {
        let mut fetch = client.fetch(&uids(&[1, 2]), &[Item::message()]);
        assert!(matches!(fetch.next().await.unwrap(), Some(Got::Body(_))));
        assert!(fetch.piece().await.unwrap().is_some());
    }
    client.noop().await.unwrap();
    client.logout().await.unwrap();
    script.end();
}

#[tokio::test]
async fn refusals_say_whose_fault_they_are() {
    let script = Script::play("S: * BYE [UNAVAILABLE] too many connections");
    let error = client(&script).await.err().unwrap();
    assert_eq!(
        (error.step(), error.fault(), error.is_temporary()),
        (&Step::Greeting, Fault::Server, true)
    );
    let script = Script::play(
        "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi
        C: p1 AUTHENTICATE PLAIN
        S: +
        C: AGFsaWNlAHRpbiB3aGlzdGxl
        S: p1 NO [AUTHENTICATIONFAILED] no",
    );
    let error = client(&script).await.err().unwrap();
    assert_eq!((error.step(), error.fault()), (&Step::Login, Fault::Caller));
    assert_eq!(
        error.said().unwrap().detail.as_deref(),
        Some("AUTHENTICATIONFAILED")
    );
    script.end();
    let script = Script::play("S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi");
    assert!(matches!(
        client(&script).await.err().unwrap().cause(),
        Cause::NoMechanism { .. }
    ));
    let script = Script::play("S: * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi");
    let server = Server::parse(&script.url("imap"))
        .unwrap()
        .security(Security::StartTls);
    assert!(matches!(
        Client::connect(&server).await.err().unwrap().cause(),
        Cause::NoTls
    ));
    let script = Script::play(&format!(
        "{OLD}C: p4 UID COPY 1 x
        S: p4 NO [TRYCREATE] there is no x
        C: p5 SELECT x
        S: * BYE shutting down"
    ));
    let mut client = client(&script).await.unwrap();
    let error = client.copy(&uids(&[1]), "x").await.unwrap_err();
    assert_eq!(error.said().unwrap().detail.as_deref(), Some("TRYCREATE"));
    let error = client.select("x").await.unwrap_err();
    assert_eq!(error.said().unwrap().text.as_ref(), "shutting down");
}

#[tokio::test]
async fn flags_that_would_be_commands_are_refused_here() {
    let script = Script::play(OLD);
    let mut client = client(&script).await.unwrap();
    let error = client
        .store(&uids(&[1]), StoreWhat::Add, &["a)\r\np9 DELETE INBOX"], None)
        .await
        .unwrap_err();
    assert_eq!(error.fault(), Fault::Caller);
    let message = NewMessage::new(1).flags(&["a b"]);
    assert!(client.append("INBOX", message, b"x".as_slice()).await.is_err());
}
