//! The SMTP and LMTP client against servers that play scripts (RFC 5321, RFC 2920, RFC 3030, RFC 4954, RFC 2033).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::Script;
use posthouse_client::smtp::{Client, Content, Envelope, Notify, Recipient};
use posthouse_client::{
    Address, Cause, Error, Fault, Language, Login, Security, Server, Step, TimeOuts, WireLog,
};

const MESSAGE: &[u8] = b"Subject: hello\r\n\r\nHi.\r\n.dot\r\n";

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn envelope(recipients: &[&str]) -> Envelope {
    let from = Envelope::from(address("alice@example.org"));
    recipients
        .iter()
        .fold(from, |envelope, to| envelope.to(address(to)))
}

async fn client(script: &Script) -> Result<Client, Error> {
    Client::connect(&Server::parse(&script.url("smtp")).unwrap()).await
}

fn codes(list: &[(Address, posthouse_client::Said)]) -> Vec<(String, u16)> {
    let of = |(address, said): &(Address, posthouse_client::Said)| (address.to_string(), said.code.unwrap());
    list.iter().map(of).collect()
}

#[tokio::test]
async fn without_extensions_each_command_waits_for_its_reply() {
    let script = Script::play(
        "S: 220 mx ESMTP
         C: EHLO client.example
         S: 250 mx
         C: MAIL FROM:<alice@example.org>
         S: 250 OK
         C: RCPT TO:<bob@example.org>
         S: 250 OK
         C: RCPT TO:<carol@example.org>
         S: 550 5.1.1 No such user
         C: DATA
         S: 354 go on
         C: Subject: hello
         C:
         C: Hi.
         C: ..dot
         C: .
         S: 250 2.0.0 queued
         C: QUIT
         S: 221 bye",
    );
    let mut client = client(&script).await.unwrap();
    let report = client
        .send(&envelope(&["bob@example.org", "carol@example.org"]), MESSAGE)
        .await
        .unwrap();
    assert_eq!(codes(&report.taken), [("bob@example.org".to_owned(), 250)]);
    assert_eq!(codes(&report.refused), [("carol@example.org".to_owned(), 550)]);
    assert_eq!(report.taken[0].1.text.as_ref(), "queued");
    client.quit().await.unwrap();
    script.end();
}

/// RFC 2920 §3.1: the octets of a message and the commands of the next may go together.
#[tokio::test]
async fn with_pipelining_commands_go_together_and_one_message_does_not_wait_for_the_reply_to_another() {
    let script = Script::play(
        "S: 220 mx
         C: EHLO client.example
         S: 250-mx
         S: 250-PIPELINING
         S: 250 SIZE 1000
         C: MAIL FROM:<alice@example.org> SIZE=29
         C: RCPT TO:<bob@example.org>
         C: DATA
         S: 250 OK
         S: 250 OK
         S: 354 go on
         C: BODY
         C: MAIL FROM:<alice@example.org> SIZE=29
         C: RCPT TO:<carol@example.org>
         C: DATA
         S: 250 first
         S: 250 OK
         S: 550 no
         S: 554 no valid recipients
         C: RSET
         S: 250 OK
         C: MAIL FROM:<alice@example.org> SIZE=29
         C: RCPT TO:<dave@example.org>
         C: DATA
         S: 250 OK
         S: 250 OK
         S: 354 go on
         C: BODY
         S: 452 4.2.2 full",
    );
    let mut client = client(&script).await.unwrap();
    let envelopes = ["bob@example.org", "carol@example.org", "dave@example.org"].map(|to| envelope(&[to]));
    let mut seen = Vec::new();
    let messages = envelopes
        .iter()
        .map(|envelope| (envelope, Content::from(MESSAGE)));
    client
        .send_all(messages, |number, report| {
            seen.push((
                number,
                report
                    .map(|report| report.taken.len())
                    .map_err(|error| error.said().cloned()),
            ));
        })
        .await
        .unwrap();
    let refusals: Vec<_> = seen
        .iter()
        .map(|(number, result)| {
            (
                *number,
                result.clone().map_err(|said| said.and_then(|said| said.code)),
            )
        })
        .collect();
    assert_eq!(refusals, [(0, Ok(1)), (1, Err(Some(550))), (2, Err(Some(452)))]);
    script.end();
}

/// RFC 2920 §3.1: a server may answer 354 though it took no recipient; then it gets no octets.
#[tokio::test]
async fn a_server_that_wants_octets_for_nobody_gets_none() {
    let script = Script::play(
        "S: 220 mx
         C: EHLO client.example
         S: 250-mx
         S: 250 PIPELINING
         C: MAIL FROM:<alice@example.org>
         C: RCPT TO:<bob@example.org>
         C: DATA
         S: 250 OK
         S: 550 5.7.1 no
         S: 354 go on
         C: .
         S: 554 no valid recipients
         C: RSET
         S: 250 OK",
    );
    let error = client(&script)
        .await
        .unwrap()
        .send(&envelope(&["bob@example.org"]), MESSAGE)
        .await
        .unwrap_err();
    assert_eq!(error.step(), &Step::Command("RCPT TO:<bob@example.org>".into()));
    assert_eq!(error.said().unwrap().to_string(), "550 5.7.1 no");
    script.end();
}

/// RFC 3030 §2: no dot is doubled, and the number of octets is said.
#[tokio::test]
async fn with_chunking_octets_go_as_they_are() {
    let script = Script::play(
        "S: 220 mx
         C: EHLO client.example
         S: 250-mx
         S: 250-8BITMIME
         S: 250 CHUNKING
         C: MAIL FROM:<alice@example.org>
         S: 250 OK
         C: RCPT TO:<bob@example.org>
         S: 250 OK
         C: BDAT 29 LAST
         C: Subject: hello
         C:
         C: Hi.
         C: .dot
         S: 250 OK",
    );
    let report = client(&script)
        .await
        .unwrap()
        .send(&envelope(&["bob@example.org"]), MESSAGE)
        .await
        .unwrap();
    assert_eq!(report.taken.len(), 1);
    script.end();
}

/// RFC 2033 §4.2: LMTP answers for each recipient.
#[tokio::test]
async fn lmtp_answers_for_each_recipient() {
    let script = Script::play(
        "S: 220 mx
         C: LHLO client.example
         S: 250-mx
         S: 250 PIPELINING
         C: MAIL FROM:<alice@example.org>
         C: RCPT TO:<bob@example.org>
         C: RCPT TO:<carol@example.org>
         C: DATA
         S: 250 OK
         S: 250 OK
         S: 250 OK
         S: 354 go on
         C: BODY
         S: 250 2.1.5 stored
         S: 452 4.2.2 full",
    );
    let server = Server::parse(&script.url("lmtp")).unwrap();
    let mut client = Client::connect(&server).await.unwrap();
    let report = client
        .send(&envelope(&["bob@example.org", "carol@example.org"]), MESSAGE)
        .await
        .unwrap();
    assert_eq!(codes(&report.taken), [("bob@example.org".to_owned(), 250)]);
    assert_eq!(codes(&report.refused), [("carol@example.org".to_owned(), 452)]);
    script.end();
}

/// RFC 5321 §4.5.3.2.7: a server closes a connection that waits too long; the next message makes another.
#[tokio::test]
async fn a_server_that_went_away_between_messages_is_connected_to_again() {
    let script = Script::play(
        "S: 220 mx
         C: EHLO client.example
         S: 250 mx
         C: MAIL FROM:<alice@example.org>
         S: 250 OK
         C: RCPT TO:<bob@example.org>
         S: 250 OK
         C: DATA
         S: 354 go on
         C: BODY
         S: 250 OK
         S: 421 4.4.2 you waited too long
         X

         S: 220 mx
         C: EHLO client.example
         S: 250 mx
         C: MAIL FROM:<alice@example.org>
         S: 250 OK
         C: RCPT TO:<bob@example.org>
         S: 250 OK
         C: DATA
         S: 354 go on
         C: BODY
         S: 250 again",
    );
    let mut client = client(&script).await.unwrap();
    let to_bob = envelope(&["bob@example.org"]);
    client.send(&to_bob, MESSAGE).await.unwrap();
    let report = client.send(&to_bob, MESSAGE).await.unwrap();
    assert_eq!(report.taken[0].1.text.as_ref(), "again");
    script.end();
}

/// Sending again what may have been taken makes a second copy: that is the caller's to decide.
#[tokio::test]
async fn a_message_whose_octets_were_sent_is_not_sent_again() {
    let script = Script::play(
        "S: 220 mx
         C: EHLO client.example
         S: 250 mx
         C: MAIL FROM:<alice@example.org>
         S: 250 OK
         C: RCPT TO:<bob@example.org>
         S: 250 OK
         C: DATA
         S: 354 go on
         C: BODY
         X",
    );
    let error = client(&script)
        .await
        .unwrap()
        .send(&envelope(&["bob@example.org"]), MESSAGE)
        .await
        .unwrap_err();
    assert_eq!((error.step(), error.fault()), (&Step::Content, Fault::Network));
    assert!(matches!(error.cause(), Cause::Closed));
    script.end();
}

#[tokio::test]
async fn a_login_that_is_refused_is_said_with_the_servers_words_and_no_secret_is_logged() {
    let script = Script::play(
        "S: 220 mx
         C: EHLO client.example
         S: 250-mx
         S: 250 AUTH LOGIN PLAIN
         C: AUTH PLAIN AGFsaWNlAHRpbiB3aGlzdGxl
         S: 535 5.7.8 Authentication failed",
    );
    let log = Arc::new(Mutex::new(String::new()));
    let told = log.clone();
    let server = Server::parse(&script.url("smtp"))
        .unwrap()
        .login(Login::password("alice", "tin whistle"))
        .log(WireLog::new(move |_, line| {
            told.lock().unwrap().push_str(&format!("{line}\n"))
        }));
    let error = Client::connect(&server).await.err().unwrap();
    assert_eq!((error.step(), error.fault()), (&Step::Login, Fault::Caller));
    let authority = server.authority();
    assert_eq!(
        error.to_string(),
        format!("{authority}, logging in: the server said: 535 5.7.8 Authentication failed")
    );
    assert_eq!(
        error.words(Language::Chinese),
        format!("{authority}，登录时：服务器说：535 5.7.8 Authentication failed")
    );
    let log = log.lock().unwrap();
    assert!(log.contains("AUTH PLAIN …\n535 5.7.8"), "{log}");
    assert!(!log.contains("AGFsaWNl"), "{log}");
    script.end();
}

/// What a server does not offer is not hoped for.
#[tokio::test]
async fn what_the_server_does_not_offer_is_said_before_anything_is_sent() {
    for (message, to, wanted) in [
        (
            "Subject: a\r\n\r\nnaïve\r\n",
            envelope(&["bob@example.org"]),
            "8BITMIME",
        ),
        (
            "Subject: naïve\r\n\r\na\r\n",
            envelope(&["bob@example.org"]),
            "SMTPUTF8",
        ),
        (
            "Subject: a\r\n\r\na\r\n",
            envelope(&["张三@example.org"]),
            "SMTPUTF8",
        ),
        (
            "Subject: a\r\n\r\na\r\n",
            envelope(&["bob@example.org"]).require_tls(),
            "REQUIRETLS",
        ),
    ] {
        let script = Script::play("S: 220 mx\nC: EHLO client.example\nS: 250 mx\nC: QUIT\nS: 221 bye");
        let mut client = client(&script).await.unwrap();
        let error = client.send(&to, message.as_bytes()).await.unwrap_err();
        assert!(
            matches!(error.cause(), Cause::NotOffered(name) if *name == wanted),
            "{error}"
        );
        client.quit().await.unwrap();
        script.end();
    }
}

#[tokio::test]
async fn dsn_is_asked_for_where_it_is_offered_and_missed_where_not() {
    let recipient = || Recipient::new(address("bob@example.org")).notify(Notify::Never);
    let asked = Envelope::from_nobody().to_recipient(recipient());
    for (offered, rcpt, unheard) in [
        (
            "S: 250-mx\nS: 250 DSN",
            "C: RCPT TO:<bob@example.org> NOTIFY=NEVER",
            vec![],
        ),
        ("S: 250 mx", "C: RCPT TO:<bob@example.org>", vec!["DSN"]),
    ] {
        let script = Script::play(&format!(
            "S: 220 mx\nC: EHLO client.example\n{offered}\nC: MAIL FROM:<>\nS: 250 OK\n{rcpt}\nS: 250 OK\nC: DATA\nS: 354 go on\nC: BODY\nS: 250 OK"
        ));
        let report = client(&script)
            .await
            .unwrap()
            .send(&asked, MESSAGE)
            .await
            .unwrap();
        assert_eq!(report.unheard, unheard);
        script.end();
    }
}

/// RFC 3207 §6: no mail goes to a server without TLS unless that was asked for.
#[tokio::test]
async fn without_starttls_nothing_is_sent() {
    let script = Script::play("S: 220 mx\nC: EHLO client.example\nS: 250-mx\nS: 250 AUTH PLAIN\nX");
    let server = Server::parse(&script.url("smtp"))
        .unwrap()
        .security(Security::StartTls)
        .login(Login::password("alice", "tin whistle"));
    let error = Client::connect(&server).await.err().unwrap();
    assert!(matches!(error.cause(), Cause::NoTls), "{error}");
    script.end();
}

/// RFC 3207 §6: what came together with the answer to STARTTLS may be from somebody in between.
#[tokio::test]
async fn what_came_before_tls_is_a_failure() {
    let script = Script::play(
        "S: 220 mx\nC: EHLO client.example\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\\r\\n250-mx\\r\\n250 AUTH PLAIN\nX",
    );
    let server = Server::parse(&script.url("smtp"))
        .unwrap()
        .security(Security::StartTls);
    let error = Client::connect(&server).await.err().unwrap();
    assert!(matches!(error.cause(), Cause::BeforeTls), "{error}");
    script.end();
}

/// Every session that is cut at any octet ends in words and soon.
#[tokio::test]
async fn a_session_that_is_cut_anywhere_ends_in_words() {
    let said = [
        "220 mx ESMTP\r\n",
        "250-mx\r\n250-PIPELINING\r\n250 SIZE 1000\r\n",
        "250 OK\r\n250 OK\r\n354 go on\r\n",
        "250 2.0.0 queued\r\n",
    ];
    let whole: usize = said.iter().map(|part| part.len()).sum();
    for cut in 0..whole {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}?tls=none", listener.local_addr().unwrap());
        let server = Server::parse(&url)
            .unwrap()
            .time_outs(TimeOuts::all(Duration::from_secs(20)));
        let playing = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut left = cut;
            let mut heard = [0; 4096];
            for (number, part) in said.iter().enumerate() {
                if number > 0 && stream.read(&mut heard).await.unwrap_or(0) == 0 {
                    return;
                }
                let now = left.min(part.len());
                let _ = stream.write_all(&part.as_bytes()[..now]).await;
                left -= now;
                if left == 0 && now < part.len() {
                    return;
                }
            }
        });
        let sent = match Client::connect(&server).await {
            Ok(mut client) => client
                .send(&envelope(&["bob@example.org"]), MESSAGE)
                .await
                .map(drop),
            Err(error) => Err(error),
        };
        let error = sent.expect_err("the session was cut");
        let known = matches!(
            error.cause(),
            Cause::Closed | Cause::Garbled(_) | Cause::Connection(_)
        );
        assert!(known, "cut at {cut}: {error}");
        assert_eq!(
            error.fault() == Fault::Server,
            matches!(error.cause(), Cause::Garbled(_))
        );
        playing.await.unwrap();
    }
}

/// No server keeps a client waiting, or fills its memory.
#[tokio::test]
async fn a_greeting_without_an_end_is_given_up() {
    for (greeting, step) in [("220-mx\r\n", Step::Greeting), ("x", Step::Greeting)] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}?tls=none", listener.local_addr().unwrap());
        let playing = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt as _;
            let (mut stream, _) = listener.accept().await.unwrap();
            let much = greeting.repeat(1000);
            while stream.write_all(much.as_bytes()).await.is_ok() {}
        });
        let error = Client::connect(&Server::parse(&url).unwrap())
            .await
            .err()
            .unwrap();
        assert_eq!(error.step(), &step, "{error}");
        assert_eq!(error.fault(), Fault::Server, "{error}");
        playing.await.unwrap();
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}?tls=none", listener.local_addr().unwrap());
    let patience = TimeOuts::all(Duration::from_millis(50));
    let error = Client::connect(&Server::parse(&url).unwrap().time_outs(patience))
        .await
        .err()
        .unwrap();
    assert!(matches!(error.cause(), Cause::TimedOut(_)), "{error}");
}
