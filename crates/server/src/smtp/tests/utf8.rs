//! What a client says that writes addresses in UTF-8 (SMTPUTF8, RFC 6531).

use super::rig::Rig;
use crate::smtp::{Port, Relay};

/// RFC 6531 §3.3, §3.4, §3.7.3 and §4.3: addresses in UTF-8, and the trace that they leave.
#[tokio::test(start_paused = true)]
async fn mail_comes_from_and_for_addresses_in_utf_8() {
    let rig = Rig::new(Relay::Refused);
    rig.talk(
        Port::Relay,
        r"S: 220 <*>
        C: EHLO client.example
        S: 250-example.org
        S: 250-PIPELINING
        S: 250-SIZE 100000
        S: 250-STARTTLS
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250 CHUNKING
        C: MAIL FROM:<用户@xn--fsqu00a.xn--fiqs8s> BODY=8BITMIME SMTPUTF8
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<张三@例子.中国>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 <*>
        C: Subject: 你好
        C:
        C: 正文
        C: .
        S: 250 2.0.0 <*>
        C: MAIL FROM:<a@xn--fsqu00a.xn--fiqs8s>
        S: 250 2.1.0 <*>
        C: RCPT TO:<bob@XN--FSQU00A.xn--fiqs8s>
        S: 250 2.1.5 <*>
        C: DATA
        S: 354 <*>
        C: Subject: ascii
        C: .
        S: 250 2.0.0 <*>",
    )
    .await;
    let mail = rig.mail("alice", "INBOX").await;
    assert!(
        mail[0].starts_with("Return-Path: <用户@例子.中国>\r\n"),
        "{mail:?}"
    );
    assert!(mail[0].contains("with UTF8SMTP id"), "{mail:?}");
    assert!(mail[0].contains("\tfor <张三@例子.中国>;"), "{mail:?}");
    assert!(mail[0].ends_with("\r\nSubject: 你好\r\n\r\n正文\r\n"), "{mail:?}");
    let mail = rig.mail("bob", "INBOX").await;
    assert!(mail[0].is_ascii(), "{mail:?}");
    assert!(mail[0].starts_with("Return-Path: <a@xn--fsqu00a.xn--fiqs8s>\r\n"));
    assert!(mail[0].contains("with ESMTP id") && mail[0].contains("\tfor <bob@xn--fsqu00a.xn--fiqs8s>;"));
}

/// RFC 6531 §3.5: 550 for the sender, 553 for a recipient, and 5.6.7 for both. §3.4: the parameter has no value; §3.7.4.2:
/// VRFY has one too.
#[tokio::test(start_paused = true)]
async fn utf_8_is_announced_by_who_uses_it() {
    let rig = Rig::new(Relay::Refused);
    rig.talk(
        Port::Relay,
        r"S: 220 <*>
        C: HELO c
        S: 250 example.org
        C: MAIL FROM:<用户@example.com>
        S: 550 5.6.7 <*>
        C: MAIL FROM:<a@例子.中国>
        S: 550 5.6.7 <*>
        C: MAIL FROM:<a@b> SMTPUTF8=1
        S: 501 5.5.4 <*>
        C: MAIL FROM:<a@b>
        S: 250 2.1.0 <*>
        C: RCPT TO:<张三@例子.中国>
        S: 553 5.6.7 <*>
        C: RCPT TO:<bob@例子.中国>
        S: 553 5.6.7 <*>
        C: RCPT TO:<bob@xn--fsqu00a.xn--fiqs8s>
        S: 250 2.1.5 <*>
        C: RSET
        S: 250 <*>
        C: MAIL FROM:<> SMTPUTF8
        S: 250 2.1.0 <*>
        C: RCPT TO:<李四@例子.中国>
        S: 550 5.1.1 <*>
        C: RCPT TO:<张三+标签@例子.中国>
        S: 250 2.1.5 <*>
        C: VRFY 张三 SMTPUTF8
        S: 252 2.5.0 <*>",
    )
    .await;
}

/// RFC 6531 §3.1, item 11, §3.7.4.2 and §4.3: no UTF-8 in the replies of LMTP.
#[tokio::test(start_paused = true)]
async fn lmtp_speaks_utf_8_and_answers_in_ascii() {
    let rig = Rig::new(Relay::Refused);
    rig.talk(
        Port::Lmtp,
        r"C| LHLO c\r\nNOOP\r\n
        S: 220 <*>
        S: 250-example.org
        S: 250-PIPELINING
        S: 250-SIZE 100000
        S: 250-STARTTLS
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250 CHUNKING
        S: 250 <*>
        C: MAIL FROM:<> SMTPUTF8
        S: 250 2.1.0 <*>
        C: RCPT TO:<张三@例子.中国>
        S: 250 2.1.5 <*>
        C: RCPT TO:<bob@例子.中国>
        S: 250 2.1.5 <*>
        C: DATA
        S: 354 <*>
        C: Subject: 你好
        C: .
        S: 250 2.1.5 OK, stored as <*>
        S: 250 2.1.5 <bob@xn--fsqu00a.xn--fiqs8s> OK, stored as <*>",
    )
    .await;
    let mail = rig.mail("alice", "INBOX").await;
    assert!(mail[0].contains("with UTF8LMTP id"), "{mail:?}");
}
