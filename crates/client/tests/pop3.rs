//! The POP3 client against servers that play scripts (RFC 1939, RFC 2449, RFC 2595, RFC 5034, RFC 6856).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::Script;
use posthouse_client::pop3::{Client, Entry, Got};
use posthouse_client::{Cause, Error, Fault, Login, Mechanism, Security, Server, Step};

async fn client(script: &Script, login: Login) -> Result<Client, Error> {
    Client::connect(&Server::parse(&script.url("pop3")).unwrap().login(login)).await
}

fn alice() -> Login {
    Login::password("alice", "tin whistle")
}

const OLD_SERVER: &str = "S: +OK hello
    C: CAPA
    S: -ERR what?
    C: USER alice
    S: +OK
    C: PASS tin whistle
    S: +OK
    C: CAPA
    S: -ERR what?
";

/// A server that has nothing but what RFC 1939 asks for: one command after the other.
#[tokio::test]
async fn an_old_server_is_spoken_with_step_by_step() {
    let script = Script::play(&format!(
        "{OLD_SERVER}C: STAT
        S: +OK 2 200
        C: LIST
        S: +OK
        S: 1 120
        S: 2 80
        S: .
        C: UIDL
        S: -ERR what?
        C: RETR 1
        S: +OK
        S: Subject: one
        S:
        S: ..dot
        S: .
        C: RETR 2
        S: -ERR [SYS/TEMP] disk
        C: DELE 1
        S: +OK
        C: QUIT
        S: +OK"
    ));
    let mut client = client(&script, alice()).await.unwrap();
    assert_eq!(client.stat().await.unwrap(), (2, 200));
    let entry = |number, size| Entry {
        number,
        size,
        id: None,
    };
    assert_eq!(client.list().await.unwrap(), [entry(1, 120), entry(2, 80)]);
    let mut retrieval = client.retrieve([1, 2]);
    assert_eq!(retrieval.next().await.unwrap(), Some(Got::Message(1)));
    assert_eq!(
        retrieval.whole(1000).await.unwrap(),
        b"Subject: one\r\n\r\n.dot\r\n"
    );
    let Some(Got::Refused(2, said)) = retrieval.next().await.unwrap() else {
        panic!("the second is refused");
    };
    assert_eq!(said.to_string(), "[SYS/TEMP] disk");
    assert!(said.is_temporary());
    assert_eq!(retrieval.next().await.unwrap(), None);
    client.delete(&[1]).await.unwrap();
    client.quit().await.unwrap();
    script.end();
}

const AHEAD: &str = "S: +OK hello
         C: CAPA
         S: +OK
         S: UIDL
         S: UTF8 USER
         S: PIPELINING
         S: SASL PLAIN
         S: .
         C: UTF8
         S: +OK
         C: AUTH PLAIN AGFsaWNlAHRpbiB3aGlzdGxl
         S: +OK
         C: CAPA
         S: +OK
         S: UIDL
         S: PIPELINING
         S: .
         C: LIST
         S: +OK
         S: 1 10
         S: 2 10
         S: 3 10
         S: .
         C: UIDL
         S: +OK
         S: 1 a
         S: 2 b
         S: 3 c
         S: .
         C: RETR 1
         C: RETR 2
         C: RETR 3
         S: +OK
         S: one
         S: .
         S: +OK
         S: two
         S: .
         S: +OK
         S: three
         S: .
         C: TOP 1 0
         S: +OK
         S: Subject: x
         S:
         S: .
         C: DELE 1
         C: DELE 3
         S: +OK
         S: +OK";

/// RFC 2449 §6.6: commands go ahead of the replies; RFC 6856 §2: UTF8 before the login.
#[tokio::test]
async fn with_pipelining_messages_are_asked_for_ahead() {
    let script = Script::play(AHEAD);
    let mut client = client(&script, alice()).await.unwrap();
    let ids: Vec<_> = client
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.id.unwrap())
        .collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let mut retrieval = client.retrieve([1, 2, 3]);
    let mut seen = Vec::new();
    while let Some(got) = retrieval.next().await.unwrap() {
        assert_eq!(got, Got::Message(seen.len() as u32 + 1));
        // The second is not read: what is left of it is skipped.
        seen.push(if seen.len() == 1 {
            Vec::new()
        } else {
            retrieval.whole(100).await.unwrap()
        });
    }
    assert_eq!(seen, [&b"one\r\n"[..], b"", b"three\r\n"]);
    let mut top = client.top([1], 0);
    top.next().await.unwrap();
    assert_eq!(top.whole(100).await.unwrap(), b"Subject: x\r\n\r\n");
    client.delete(&[1, 3]).await.unwrap();
    script.end();
}

/// RFC 5034 §4: a long initial response waits for the server's `+`.
#[tokio::test]
async fn a_long_token_waits_to_be_asked_for() {
    let script = Script::play(
        "S: +OK hello
         C: CAPA
         S: +OK
         S: SASL XOAUTH2
         S: .
         C: AUTH XOAUTH2
         S: +
         C: <*>
         S: + eyJzdGF0dXMiOiI0MDAifQ==
         C:
         S: -ERR [AUTH] token expired",
    );
    let error = client(&script, Login::token("alice", "x".repeat(200)))
        .await
        .err()
        .unwrap();
    assert_eq!((error.step(), error.fault()), (&Step::Login, Fault::Caller));
    assert_eq!(error.said().unwrap().to_string(), "[AUTH] token expired");
    script.end();
}

#[tokio::test]
async fn no_password_is_said_where_it_was_not_to_be() {
    for (login, security) in [
        (alice().mechanism(Mechanism::ScramSha256), Security::None),
        (alice(), Security::StartTls),
    ] {
        let script = Script::play("S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: SASL PLAIN\nS: .\nX");
        let server = Server::parse(&script.url("pop3"))
            .unwrap()
            .login(login)
            .security(security);
        let error = Client::connect(&server).await.err().unwrap();
        assert!(
            matches!(error.cause(), Cause::NoMechanism { .. } | Cause::NoTls),
            "{error}"
        );
        script.end();
    }
}

#[tokio::test]
async fn what_is_no_pop3_is_said() {
    for greeting in ["220 mx ESMTP", "* OK IMAP4rev1", "HTTP/1.1 400 Bad Request"] {
        let script = Script::play(&format!("S: {greeting}\nX"));
        let error = client(&script, alice()).await.err().unwrap();
        assert_eq!(error.step(), &Step::Greeting);
        assert!(
            error.to_string().ends_with(&format!("it said: {greeting}")),
            "{error}"
        );
        script.end();
    }
    let script = Script::play(&format!(
        "{OLD_SERVER}C: LIST\nS: +OK\nS: one 2\nS: .\nC: UIDL\nS: -ERR"
    ));
    let error = client(&script, alice()).await.unwrap().list().await.unwrap_err();
    assert_eq!(error.fault(), Fault::Server);
    script.end();
}

/// RFC 1939 §6: a session that ends without QUIT deletes nothing; one that is cut says so.
#[tokio::test]
async fn a_message_that_is_cut_is_a_failure() {
    let script = Script::play(&format!("{OLD_SERVER}C: RETR 1\nS: +OK\nS: half\nX"));
    let mut client = client(&script, alice()).await.unwrap();
    let mut retrieval = client.retrieve([1]);
    retrieval.next().await.unwrap();
    let error = retrieval.whole(1000).await.unwrap_err();
    assert_eq!(error.step(), &Step::Command("RETR 1".into()));
    assert!(matches!(error.cause(), Cause::Closed), "{error}");
    script.end();
}
