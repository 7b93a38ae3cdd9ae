//! What a well-meaning client says.

use super::rig::{LIMIT, Rig};
use crate::smtp::{Port, Relay};

#[tokio::test(start_paused = true)]
async fn a_message_is_delivered_with_its_trace() {
    let rig = Rig::new(Relay::Refused);
    rig.talk(
        Port::Relay,
        r"S: 220 example.org ESMTP Posthouse
        C: EHLO client.example
        S: 250-example.org
        S: 250-PIPELINING
        S: 250-SIZE 100000
        S: 250-STARTTLS
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250 CHUNKING
        C: MAIL FROM:<carol@client.example>
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<alice+lists@example.org>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 Start mail input; end with <CRLF>.<CRLF>
        C: Subject: hello
        C:
        C: ..dotted
        C: .
        S: 250 2.0.0 OK, stored as <*>
        C: QUIT
        S: 221 2.0.0 Bye
        X:",
    )
    .await;
    let mail = rig.mail("alice", "INBOX").await;
    let id = mail[0]
        .split("id ")
        .nth(1)
        .unwrap()
        .split("\r\n")
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(
        mail,
        [format!(
            "Return-Path: <carol@client.example>\r\nReceived: from client.example ([192.0.2.1])\r\n\tby example.org with \
             ESMTP id {id}\r\n\tfor <alice+lists@example.org>;\r\n\tSun, 9 Sep 2001 01:46:40 +0000\r\n\
             Subject: hello\r\n\r\n.dotted\r\n"
        )]
    );
    assert!(rig.mail("bob", "INBOX").await.is_empty());
}

/// RFC 5321 §4.5.1: postmaster in any case, bare and in our domain; §3.6.2: no open relay.
#[tokio::test(start_paused = true)]
async fn recipients_are_ours_or_refused() {
    let rig = Rig::new(Relay::Refused);
    rig.talk(
        Port::Relay,
        r"S: 220 <*>
        C: HELO c
        S: 250 example.org
        C: MAIL FROM:<>
        S: 250 2.1.0 <*>
        C: RCPT TO:<Postmaster>
        S: 250 2.1.5 <*>
        C: RCPT TO:<nobody@example.org>
        S: 550 5.1.1 No such user here
        C: RCPT TO:<alice@elsewhere.example>
        S: 550 5.7.1 Relaying denied
        C: RCPT TO:<alice@example.org> NOTIFY=NEVER
        S: 555 5.5.4 <*>
        C: RCPT TO:<team@example.org>
        S: 250 2.1.5 <*>
        C: DATA
        S: 354 <*>
        C: .
        S: 250 2.0.0 <*>",
    )
    .await;
    let alice = rig.mail("alice", "INBOX").await;
    assert_eq!(alice.len(), 1, "postmaster and team are one delivery to alice");
    assert_eq!(
        alice,
        rig.mail("bob", "INBOX").await,
        "the bytes are the same for all"
    );
    assert!(
        !alice[0].contains("for <") && alice[0].contains("with SMTP id"),
        "{}",
        alice[0]
    );
}

/// RFC 2920 §3.2, and §3.1 for the order of replies.
#[tokio::test(start_paused = true)]
async fn commands_may_come_all_at_once() {
    let rig = Rig::new(Relay::Refused);
    rig.talk(
        Port::Relay,
        r"C| EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n
        S: 220 <*>
        S: 250-example.org
        S: 250-PIPELINING
        S: 250-SIZE 100000
        S: 250-STARTTLS
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250 CHUNKING
        S: 250 2.1.0 <*>
        S: 550 5.1.1 <*>
        S: 250 2.1.5 <*>
        S: 354 <*>
        C| one\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\ntwo\r\n.\r\nQUIT\r\n
        S: 250 2.0.0 <*>
        S: 250 2.1.0 <*>
        S: 250 2.1.5 <*>
        S: 354 <*>
        S: 250 2.0.0 <*>
        S: 221 2.0.0 <*>
        X:",
    )
    .await;
    assert_eq!(rig.mail("bob", "INBOX").await.len(), 2);
}

/// RFC 3030 §2 and §4.
#[tokio::test(start_paused = true)]
async fn chunks_make_a_message() {
    let rig = Rig::new(Relay::Refused);
    rig.talk(
        Port::Relay,
        r"S: 220 <*>
        C: HELO c
        S: 250 <*>
        C: MAIL FROM:<a@b> BODY=8BITMIME SIZE=12
        S: 250 2.1.0 <*>
        C| BDAT 2\r\nx\r
        S: 503 5.5.1 No valid recipients
        C: RCPT TO:<bob@example.org>
        S: 250 2.1.5 <*>
        C| BDAT 9\r\nA: b\r\n\r\n.BDAT 0\r\nBDAT 3\r\n\r\n.BDAT 2 LAST\r\n\r\n
        S: 250 2.0.0 9 octets received
        S: 250 2.0.0 0 octets received
        S: 250 2.0.0 3 octets received
        S: 250 2.0.0 OK, stored as <*>
        C: MAIL FROM:<a@b>
        S: 250 2.1.0 <*>
        C: RCPT TO:<bob@example.org>
        S: 250 2.1.5 <*>
        C| BDAT 3\r\nabcBDAT 0 LAST\r\n
        S: 250 2.0.0 3 octets received
        S: 250 2.0.0 OK, stored as <*>
        C: DATA
        S: 503 5.5.1 Give the sender first",
    )
    .await;
    let mail = rig.mail("bob", "INBOX").await;
    assert!(
        mail[0].ends_with(" +0000\r\nA: b\r\n\r\n.\r\n.\r\n"),
        "{:?}",
        mail[0]
    );
    assert!(mail[1].ends_with(" +0000\r\n\r\nabc\r\n"), "{:?}", mail[1]);
}

/// RFC 3030 §2: RSET drops the chunks; DATA, MAIL and RCPT do not stand between them; after a failure all fail.
#[tokio::test(start_paused = true)]
async fn chunks_may_be_dropped_and_may_fail() {
    let rig = Rig::new(Relay::Refused);
    let script = r"S: 220 <*>
        C: HELO c
        S: 250 <*>
        C: MAIL FROM:<a@b>
        S: 250 2.1.0 <*>
        C: RCPT TO:<bob@example.org>
        S: 250 2.1.5 <*>
        C| BDAT 3\r\nabc
        S: 250 2.0.0 <*>
        C: DATA
        S: 503 5.5.1 Only BDAT and RSET between chunks
        C: RCPT TO:<alice@example.org>
        S: 503 5.5.1 Only BDAT and RSET between chunks
        C: RSET
        S: 250 2.0.0 OK
        C: MAIL FROM:<a@b>
        S: 250 2.1.0 <*>
        C: RCPT TO:<bob@example.org>
        S: 250 2.1.5 <*>
        C: BDAT 100001
        ";
    let mut client = rig.connect(Port::Relay);
    client.talk(script).await;
    client.send(&[b'Q'; LIMIT as usize + 1]).await;
    client
        .talk(
            r"S: 552 5.3.4 <*>
        C| BDAT 4\r\nNOOP
        S: 503 5.5.1 A chunk failed: send RSET
        C| BDAT 4 LAST\r\nQUIT
        S: 503 5.5.1 A chunk failed: send RSET
        C: NOOP
        S: 250 2.0.0 OK",
        )
        .await;
    client.end().await;
    assert!(rig.mail("bob", "INBOX").await.is_empty());
}

/// RFC 1870 §6.
#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_is_refused_early_and_late() {
    let rig = Rig::new(Relay::Refused);
    let mut client = rig.connect(Port::Relay);
    let begin = r"C: MAIL FROM:<a@b> SIZE=100000
        S: 250 2.1.0 <*>
        C: RCPT TO:<bob@example.org>
        S: 250 2.1.5 <*>
        C: DATA
        S: 354 <*>";
    client
        .talk("S: 220 <*>\nC: HELO c\nS: 250 <*>\nC: MAIL FROM:<a@b> SIZE=100001\nS: 552 5.3.4 <*>")
        .await;
    client.talk(begin).await;
    let body = |octets: usize| format!("{}\r\n", "x".repeat(98)).repeat(octets / 100);
    client.send(format!("{}.\r\n", body(100_000)).as_bytes()).await;
    client.talk("S: 250 2.0.0 <*>").await;
    client.talk(begin).await;
    client
        .send(format!("{}y\r\n.\r\nNOOP\r\n", body(100_000)).as_bytes())
        .await;
    client.talk("S: 552 5.3.4 <*>\nS: 250 2.0.0 OK").await;
    client.end().await;
    assert_eq!(rig.mail("bob", "INBOX").await.len(), 1);
}

/// RFC 4954 §4 and §6.
#[tokio::test(start_paused = true)]
async fn logins_in_every_form() {
    let rig = Rig::new(Relay::World);
    rig.talk(
        Port::Submission,
        r"S: 220 <*>
        C: AUTH PLAIN
        S: 503 5.5.1 Say hello first
        C: EHLO c
        S: 250-example.org
        S: 250-PIPELINING
        S: 250-SIZE 100000
        S: 250-STARTTLS
        S: 250-AUTH PLAIN LOGIN
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250 CHUNKING
        C: MAIL FROM:<alice@example.org>
        S: 530 5.7.0 Authentication required
        C: AUTH CRAM-MD5
        S: 504 5.5.4 <*>
        C: AUTH PLAIN AGFsaWNlAGJvYg==
        S: 535 5.7.8 <*>
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: *
        S: 501 5.7.0 Authentication cancelled
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: &&&
        S: 501 5.5.2 <*>
        C: AUTH LOGIN YWxpY2U=
        S: 334 UGFzc3dvcmQ6
        C: YWxpY2U=
        S: 235 2.7.0 <*>
        C: AUTH PLAIN
        S: 503 5.5.1 <*>
        C: EHLO c
        S: 250-example.org
        S: 250-PIPELINING
        S: 250-SIZE 100000
        S: 250-STARTTLS
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250 CHUNKING",
    )
    .await;
    rig.talk(
        Port::Submission,
        "S: 220 <*>\nC: HELO c\nS: 250 <*>\nC: AUTH PLAIN\nS: 334 \nC: AGFsaWNlAGFsaWNl\nS: 235 2.7.0 <*>",
    )
    .await;
    rig.talk(
        Port::Submission,
        "S: 220 <*>\nC: HELO c\nS: 250 <*>\nC: AUTH PLAIN =\nS: 501 5.5.2 <*>",
    )
    .await;
}

/// DESIGN §8: in local mode what goes out of the house is kept to be looked at.
#[tokio::test(start_paused = true)]
async fn mail_for_the_world_goes_to_its_senders_world() {
    let rig = Rig::new(Relay::World);
    rig.talk(
        Port::Relay,
        r"S: 220 <*>
        C: HELO c
        S: 250 <*>
        C: MAIL FROM:<any@any.example>
        S: 250 2.1.0 <*>
        C: RCPT TO:<x@elsewhere.example>
        S: 550 5.7.1 <*>
        C: RSET
        S: 250 2.0.0 <*>
        C: AUTH PLAIN AGFsaWNlAGFsaWNl
        S: 235 2.7.0 <*>
        C: MAIL FROM:<any@any.example>
        S: 250 2.1.0 <*>
        C: RCPT TO:<x@elsewhere.example>
        S: 250 2.1.5 <*>
        C: RCPT TO:<y@elsewhere.example>
        S: 250 2.1.5 <*>
        C: DATA
        S: 354 <*>
        C| From: a\nSubject: b\n\nbare\rends\n\r\n.\r\n
        S: 250 2.0.0 <*>",
    )
    .await;
    let world = rig.mail("alice", "World").await;
    assert_eq!(world.len(), 1);
    let (trace, message) = world[0].split_once(" +0000\r\n").unwrap();
    assert!(trace.contains("with SMTP id"), "{trace:?}");
    let (added, rest) = message.split_once("From: a").unwrap();
    assert!(
        added.starts_with("Date: Sun, 9 Sep 2001 01:46:40 +0000\r\nMessage-ID: <"),
        "{added:?}"
    );
    assert_eq!(
        rest, "\r\nSubject: b\r\n\r\nbare\r\nends\r\n\r\n",
        "a login's line ends are repaired"
    );
}

/// RFC 6409 §6.1, RFC 4954 §4: where mail matters.
#[tokio::test(start_paused = true)]
async fn submission_wants_tls_a_login_and_an_own_sender() {
    let rig = Rig::new(Relay::Refused);
    rig.talk(
        Port::Submission,
        r"S: 220 <*>
        C: HELO c
        S: 250 <*>
        C: MAIL FROM:<alice@example.org>
        S: 530 5.7.0 Must issue a STARTTLS command first
        C: AUTH PLAIN AGFsaWNlAGFsaWNl
        S: 538 5.7.11 <*>
        C: STARTTLS
        S: 220 2.0.0 Ready to start TLS
        C: MAIL FROM:<alice@example.org>
        S: 503 5.5.1 Say hello first
        C: EHLO c
        S: 250-example.org
        S: 250-PIPELINING
        S: 250-SIZE 100000
        S: 250-AUTH PLAIN LOGIN
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250 CHUNKING
        C: STARTTLS
        S: 503 5.5.1 Not now
        C: AUTH PLAIN AGFsaWNlAGFsaWNl
        S: 235 2.7.0 <*>
        C: MAIL FROM:<bob@example.org>
        S: 553 5.7.1 <*>
        C: MAIL FROM:<alice+x@example.org>
        S: 250 2.1.0 <*>
        C: RCPT TO:<x@elsewhere.example>
        S: 550 5.7.1 Relaying denied
        C: RCPT TO:<bob@example.org>
        S: 250 2.1.5 <*>
        C: DATA
        S: 354 <*>
        C: Date: x
        C: Message-ID: y
        C: .
        S: 250 2.0.0 <*>",
    )
    .await;
    let mail = rig.mail("bob", "INBOX").await;
    let (trace, message) = mail[0].split_once(" +0000\r\n").unwrap();
    assert!(trace.contains("with ESMTPSA id"), "{trace:?}");
    assert_eq!(
        message, "Date: x\r\nMessage-ID: y\r\n",
        "nothing is added that is there"
    );
    rig.talk(
        Port::Relay,
        "S: 220 <*>\nC: HELO c\nS: 250 <*>\nC: AUTH PLAIN\nS: 502 5.5.1 <*>",
    )
    .await;
}

/// RFC 2033 §4.2.
#[tokio::test(start_paused = true)]
async fn lmtp_answers_for_each_recipient() {
    let rig = Rig::new(Relay::Refused);
    rig.talk(
        Port::Lmtp,
        r"S: 220 example.org LMTP Posthouse
        C: EHLO c
        S: 500 5.5.1 <*>
        C: LHLO c
        S: 250-example.org
        S: 250-PIPELINING
        S: 250-SIZE 100000
        S: 250-STARTTLS
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250 CHUNKING
        C: MAIL FROM:<a@b>
        S: 250 2.1.0 <*>
        C: DATA
        S: 503 5.5.1 No valid recipients
        C: RCPT TO:<alice@example.org>
        S: 250 2.1.5 <*>
        C: RCPT TO:<nobody@example.org>
        S: 550 5.1.1 <*>
        C: RCPT TO:<bob+tag@example.org>
        S: 250 2.1.5 <*>
        C: DATA
        S: 354 <*>
        C| A: b\n\r\n.\r\n
        S: 250 2.1.5 <alice@example.org> OK, stored as <*>
        S: 250 2.1.5 <bob+tag@example.org> OK, stored as <*>
        C: QUIT
        S: 221 <*>
        X:",
    )
    .await;
    let mail = rig.mail("bob", "INBOX").await;
    assert!(
        mail[0].contains("with LMTP id") && mail[0].ends_with("A: b\r\n\r\n"),
        "{mail:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn commands_that_change_nothing() {
    let rig = Rig::new(Relay::Refused);
    rig.talk(
        Port::Relay,
        r"S: 220 <*>
        C: NOOP
        S: 250 2.0.0 OK
        C: VRFY alice
        S: 252 2.5.0 <*>
        C: EXPN team
        S: 502 5.5.1 <*>
        C: HELP
        S: 214-2.0.0 Commands:
        S: 214-2.0.0   EHLO name
        S: 214-2.0.0   HELO name
        S: 214-2.0.0   LHLO name
        S: 214-2.0.0   MAIL FROM:<address> [parameters]
        S: 214-2.0.0   RCPT TO:<address>
        S: 214-2.0.0   DATA
        S: 214-2.0.0   BDAT octets [LAST]
        S: 214-2.0.0   RSET
        S: 214-2.0.0   VRFY string
        S: 214-2.0.0   EXPN string
        S: 214-2.0.0   HELP
        S: 214-2.0.0   NOOP
        S: 214-2.0.0   QUIT
        S: 214-2.0.0   STARTTLS
        S: 214 2.0.0   AUTH mechanism [initial response]
        C: RSET
        S: 250 2.0.0 OK
        C: TURN
        S: 500 5.5.1 Unknown command
        C: HELO
        S: 501 5.5.4 <*>",
    )
    .await;
}

/// RFC 5321 §3.8: whoever waits is told; and what was promised is done.
#[tokio::test(start_paused = true)]
async fn a_server_that_stops_says_so_and_finishes_what_it_was_given() {
    let rig = Rig::new(Relay::Refused);
    let mut idle = rig.connect(Port::Relay);
    let mut in_data = rig.connect(Port::Relay);
    let mut delivering = rig.connect(Port::Relay);
    idle.talk("S: 220 <*>").await;
    for client in [&mut in_data, &mut delivering] {
        client
            .talk(
                r"S: 220 <*>
                C: HELO c
                S: 250 <*>
                C: MAIL FROM:<a@b>
                S: 250 2.1.0 <*>
                C: RCPT TO:<bob@example.org>
                S: 250 2.1.5 <*>
                C: DATA
                S: 354 <*>",
            )
            .await;
    }
    rig.stop_before_delivery();
    delivering
        .talk(
            r"C| A: b\r\n\r\nx\r\n.\r\nNOOP\r\n
            S: 250 2.0.0 <*>",
        )
        .await;
    for mut client in [idle, in_data, delivering] {
        client.talk("S: 421 4.3.2 <*>\nX:").await;
        client.end().await;
    }
    assert_eq!(rig.mail("bob", "INBOX").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_recipient_whose_mail_cannot_be_read_is_refused_alone() {
    let rig = Rig::new(Relay::Refused);
    rig.damage("alice").await;
    rig.talk(
        Port::Relay,
        r"S: 220 <*>
        C: HELO c
        S: 250 <*>
        C: MAIL FROM:<a@b>
        S: 250 2.1.0 <*>
        C: RCPT TO:<alice@example.org>
        S: 451 4.3.0 Storage failed, try again later
        C: RCPT TO:<bob@example.org>
        S: 250 2.1.5 <*>
        C: DATA
        S: 354 <*>
        C| A: b\r\n\r\nx\r\n.\r\n
        S: 250 2.0.0 <*>",
    )
    .await;
    assert_eq!(rig.mail("bob", "INBOX").await.len(), 1);
}
