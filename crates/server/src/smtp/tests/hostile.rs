//! What a client says that does not mean well.

use super::rig::Rig;
use crate::smtp::{Port, Relay};

const TO_DATA: &str = r"S: 220 <*>
    C: HELO c
    S: 250 <*>
    C: MAIL FROM:<a@b>
    S: 250 2.1.0 <*>
    C: RCPT TO:<bob@example.org>
    S: 250 2.1.5 <*>
    C: DATA
    S: 354 <*>";

/// RFC 5321 §4.1.1.4 and §2.3.8: "SMTP smuggling". Every form of an end that is none, with a second message behind it.
#[tokio::test(start_paused = true)]
async fn nothing_is_smuggled() {
    for end in [
        r"\n.\n",
        r"\n.\r\n",
        r"\r\n.\n",
        r"\r.\r",
        r"\r\n.\r",
        r"\r.\r\n",
        r"\r\n\0.\r\n",
        r"\n\r.\r\n",
    ] {
        let rig = Rig::new(Relay::Refused);
        let smuggled = r"MAIL FROM:<evil@b>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\nx\r\n.\r\n";
        let mut client = rig.connect(Port::Relay);
        client.talk(TO_DATA).await;
        client
            .talk(&format!(r"C| A: b\r\n\r\nx{end}{smuggled}NOOP\r\n"))
            .await;
        let refused = client.line().await.unwrap();
        assert!(refused.starts_with("550 5.6.0 "), "{end}: {refused}");
        client.talk("S: 250 2.0.0 OK").await;
        client.end().await;
        assert!(rig.mail("alice", "INBOX").await.is_empty(), "{end}");
        assert!(rig.mail("bob", "INBOX").await.is_empty(), "{end}");
    }
}

/// RFC 3207 §6: what came before the handshake is not looked at after it.
#[tokio::test(start_paused = true)]
async fn nothing_is_injected_before_tls() {
    let rig = Rig::new(Relay::Refused);
    rig.talk(
        Port::Relay,
        r"S: 220 <*>
        C| EHLO c\r\nSTARTTLS\r\nNOOP\r\nMAIL FROM:<evil@b>\r\n
        S: 250-example.org
        S: 250-PIPELINING
        S: 250-SIZE 100000
        S: 250-STARTTLS
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250 CHUNKING
        S: 220 2.0.0 Ready to start TLS
        C: RCPT TO:<bob@example.org>
        S: 503 5.5.1 Say hello first",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn endless_lines_are_refused_once_and_nul_is_no_command() {
    let rig = Rig::new(Relay::Refused);
    let mut client = rig.connect(Port::Relay);
    client.talk("S: 220 <*>").await;
    for _ in 0..100 {
        client.send(&[b'A'; 10_000]).await;
    }
    client
        .talk(
            r"C| \r\nNOOP\r\n
        S: 500 5.5.2 Line too long
        S: 250 2.0.0 OK
        C| \0\0\r\nNO\0OP\r\n
        S: 500 5.5.1 <*>
        S: 500 5.5.1 <*>",
        )
        .await;
    client.end().await;
}

/// RFC 3030 §2 with sizes that nobody has: the connection ends before anything is read.
#[tokio::test(start_paused = true)]
async fn a_chunk_that_is_far_too_large_ends_the_connection() {
    for size in ["18446744073709551615", "1000000000"] {
        let rig = Rig::new(Relay::Refused);
        let mut client = rig.connect(Port::Relay);
        client.talk("S: 220 <*>").await;
        client
            .talk(&format!("C: BDAT {size} LAST\nS: 552 5.3.4 <*>\nX:"))
            .await;
        client.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_without_end_ends_the_connection() {
    let rig = Rig::new(Relay::Refused);
    let mut client = rig.connect(Port::Relay);
    client.talk(TO_DATA).await;
    for _ in 0..60 {
        client.send(&[b'x'; 10_000]).await;
    }
    client.talk("S: 552 5.3.4 <*>\nX:").await;
    client.end().await;
    assert!(rig.mail("bob", "INBOX").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_errs_without_end_is_left() {
    let rig = Rig::new(Relay::Refused);
    let mut client = rig.connect(Port::Relay);
    client.talk("S: 220 <*>").await;
    client.send(&b"X\r\n".repeat(200)).await;
    for _ in 0..=smtp::limits::ERRORS {
        client.talk("S: 500 5.5.1 <*>").await;
    }
    client.talk("S: 421 4.7.0 Too many errors, closing\nX:").await;
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_guesses_passwords_is_left() {
    let rig = Rig::new(Relay::World);
    let mut client = rig.connect(Port::Relay);
    client.talk("S: 220 <*>\nC: HELO c\nS: 250 <*>").await;
    for _ in 0..crate::Terms::default().login_tries {
        client
            .talk("C: AUTH PLAIN AGFsaWNlAGJvYg==\nS: 535 5.7.8 <*>")
            .await;
    }
    client.talk("S: 421 4.7.0 <*>\nX:").await;
    client.end().await;
}

/// RFC 5321 §6.3.
#[tokio::test(start_paused = true)]
async fn a_message_that_goes_round_in_circles_is_refused() {
    for (hops, reply) in [(100, "250 2.0.0 <*>"), (101, "554 5.4.6 <*>")] {
        let rig = Rig::new(Relay::Refused);
        let mut client = rig.connect(Port::Relay);
        client.talk(TO_DATA).await;
        client.send("Received: x\r\n".repeat(hops).as_bytes()).await;
        client.talk(&format!("C: .\nS: {reply}")).await;
        client.end().await;
    }
}

/// RFC 5321 §4.5.3.1.10.
#[tokio::test(start_paused = true)]
async fn recipients_have_a_limit() {
    let rig = Rig::new(Relay::Refused);
    let mut client = rig.connect(Port::Relay);
    client
        .talk("S: 220 <*>\nC: HELO c\nS: 250 <*>\nC: MAIL FROM:<>\nS: 250 <*>")
        .await;
    for at in 0..1000 {
        client
            .talk(&format!("C: RCPT TO:<bob+{at}@example.org>\nS: 250 2.1.5 <*>"))
            .await;
    }
    client
        .talk("C: RCPT TO:<alice@example.org>\nS: 452 4.5.3 <*>\nC: DATA\nS: 354 <*>\nC: .\nS: 250 2.0.0 <*>")
        .await;
    client.end().await;
    assert_eq!(rig.mail("bob", "INBOX").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_left() {
    let rig = Rig::new(Relay::Refused);
    let mut client = rig.connect(Port::Relay);
    client.talk("S: 220 <*>").await;
    client.send(b"NO").await;
    client.talk("S: 421 4.4.2 Timeout, closing\nX:").await;
    // RFC 5321 §4.5.3.2.7: five minutes at least.
    assert_eq!(client.seconds(), 300);
    client.end().await;
}

const TO_CHUNK: &str = r"S: 220 <*>
    C: HELO c
    S: 250 <*>
    C: MAIL FROM:<a@b>
    S: 250 2.1.0 <*>
    C: RCPT TO:<bob@example.org>
    S: 250 2.1.5 <*>";

/// RFC 3030 §2: what is announced and not sent takes nothing from those who send.
#[tokio::test(start_paused = true)]
async fn announced_chunks_take_no_memory() {
    let rig = Rig::new(Relay::Refused);
    let mut silent = Vec::new();
    for _ in 0..100 {
        let mut client = rig.connect(Port::Relay);
        client.talk(TO_CHUNK).await;
        client.talk("C: BDAT 100000 LAST").await;
        silent.push(client);
    }
    let mut client = rig.connect(Port::Relay);
    client.talk(TO_CHUNK).await;
    client.talk("C: BDAT 100000 LAST").await;
    client.send(&b"A: b\r\n".repeat(16_666)).await;
    client.send(b"\r\n\r\n").await;
    client.talk("S: 250 2.0.0 <*>").await;
    client.end().await;
}

/// RFC 5321 §4.5.3.2.5 gives a block three minutes; an octet a minute is no block.
#[tokio::test(start_paused = true)]
async fn a_client_that_trickles_is_left() {
    for begin in ["C: DATA\nS: 354 <*>", "C: BDAT 100000 LAST"] {
        let rig = Rig::new(Relay::Refused);
        let mut client = rig.connect(Port::Relay);
        client.talk(TO_CHUNK).await;
        client.talk(begin).await;
        for _ in 0..4 {
            client.send(b"x").await;
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        }
        client.send(b"x").await;
        client.talk("S: 421 4.4.2 Timeout, closing\nX:").await;
        assert_eq!(client.seconds(), 300, "{begin}: what trickles wins no time");
        client.end().await;
    }
}

/// A message between two chunks is held in memory: other commands do not prolong it.
#[tokio::test(start_paused = true)]
async fn a_client_that_dawdles_between_chunks_is_left() {
    let rig = Rig::new(Relay::Refused);
    let mut client = rig.connect(Port::Relay);
    client.talk(TO_CHUNK).await;
    client.talk("C| BDAT 3\\r\\nabc\nS: 250 2.0.0 <*>").await;
    for _ in 0..4 {
        client.talk("C: NOOP\nS: 250 2.0.0 OK").await;
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    }
    client.talk("C: NOOP\nS: 250 2.0.0 OK").await;
    client.talk("S: 421 4.4.2 Timeout, closing\nX:").await;
    assert_eq!(client.seconds(), 300, "other commands win no time");
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_header_has_a_limit_of_its_own() {
    for (octets, reply) in [
        (smtp::limits::HEADER, "250 2.0.0 <*>"),
        (smtp::limits::HEADER + 1, "552 5.3.4 <*>"),
    ] {
        let rig = Rig::with_limit(Relay::Refused, 2 << 20);
        let mut client = rig.connect(Port::Relay);
        client.talk(TO_DATA).await;
        let lines = "A: x\r\n".repeat(octets / 6 - 1);
        let rest = octets - lines.len();
        client.send(lines.as_bytes()).await;
        client
            .send(format!("A: {}\r\n\r\nbody\r\n.\r\n", "x".repeat(rest - 5)).as_bytes())
            .await;
        client.talk(&format!("S: {reply}")).await;
        client.end().await;
    }
}

/// RFC 3030 §2: the octets of a chunk whose size cannot be read are no commands.
#[tokio::test(start_paused = true)]
async fn a_chunk_of_unknown_size_ends_the_connection() {
    let rig = Rig::new(Relay::Refused);
    let mut client = rig.connect(Port::Relay);
    client.talk(TO_CHUNK).await;
    client
        .talk(
            r"C| BDAT 10 LASTX\r\nRSET\r\nNOOP
            S: 501 5.5.4 Syntax: BDAT octets [LAST]
            S: 421 4.5.0 <*>
            X:",
        )
        .await;
    client.end().await;
}

/// RFC 2033 §4.3: BDAT LAST has a reply for each recipient, also when the message is refused.
#[tokio::test(start_paused = true)]
async fn a_last_chunk_that_is_too_large_is_answered_for_each_recipient_over_lmtp() {
    let rig = Rig::new(Relay::Refused);
    let mut client = rig.connect(Port::Lmtp);
    client.talk("S: 220 <*>\nC: LHLO c\nS: 250-<*>").await;
    while !client.line().await.is_some_and(|line| line.starts_with("250 ")) {}
    client
        .talk("C: MAIL FROM:<a@b>\nS: 250 <*>\nC: RCPT TO:<alice@example.org>\nS: 250 <*>")
        .await;
    client.talk("C: RCPT TO:<bob@example.org>\nS: 250 <*>").await;
    client.talk("C: BDAT 100001 LAST").await;
    client.send(&[b'x'; 100_001]).await;
    client.talk("S: 552 <*>\nS: 552 <*>\nC: NOOP\nS: 250 <*>").await;
    client.end().await;
}

/// RFC 5321 §4.5.3.1.10: too many recipients are sent in another transaction; those that were taken are served.
#[tokio::test(start_paused = true)]
async fn recipients_over_the_limit_do_not_cost_the_others_their_mail() {
    let rig = Rig::new(Relay::Refused);
    let mut client = rig.connect(Port::Relay);
    client
        .talk("S: 220 <*>\nC: HELO c\nS: 250 <*>\nC: MAIL FROM:<a@b>\nS: 250 <*>")
        .await;
    for number in 0..smtp::limits::RECIPIENTS + 2 * usize::try_from(smtp::limits::ERRORS).unwrap() {
        let code = if number < smtp::limits::RECIPIENTS {
            "250"
        } else {
            "452"
        };
        client
            .talk(&format!("C: RCPT TO:<bob@example.org>\nS: {code} <*>"))
            .await;
    }
    client.talk("C: DATA\nS: 354 <*>\nC: x\nC: .\nS: 250 <*>").await;
    client.end().await;
    assert_eq!(rig.mail("bob", "INBOX").await.len(), 1);
}
