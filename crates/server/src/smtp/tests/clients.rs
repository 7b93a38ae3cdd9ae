//! What programs say, as it was recorded.

use super::rig::Rig;
use crate::smtp::{Port, Relay};

/// Thunderbird 153.7.0esr (Debian 12), with STARTTLS: RFC 6409 §4, RFC 3207 §4.2, RFC 4954 §4, RFC 1870 §6.
#[tokio::test(start_paused = true)]
async fn thunderbird_sends_a_message() {
    let rig = Rig::new(Relay::Refused);
    rig.talk(
        Port::Submission,
        r"S: 220 <*>
        C: EHLO [127.0.0.1]
        S: 250-example.org
        S: 250-PIPELINING
        S: 250-SIZE 100000
        S: 250-STARTTLS
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250 CHUNKING
        C: STARTTLS
        S: 220 2.0.0 <*>
        C: EHLO [127.0.0.1]
        S: 250-example.org
        S: 250-PIPELINING
        S: 250-SIZE 100000
        S: 250-AUTH PLAIN LOGIN
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250 CHUNKING
        C: AUTH PLAIN AGFsaWNlAGFsaWNl
        S: 235 2.7.0 <*>
        C: MAIL FROM:<alice@example.org> BODY=8BITMIME SIZE=365
        S: 250 2.1.0 <*>
        C: RCPT TO:<bob@example.org>
        S: 250 2.1.5 <*>
        C: DATA
        S: 354 <*>
        C: Message-ID: <7d2e5530-363f-4729-bb4d-bd1edac475f0@example.org>
        C: Date: Wed, 25 Nov 2026 02:28:05 +0000
        C: MIME-Version: 1.0
        C: User-Agent: Mozilla Thunderbird
        C: To: bob@example.org
        C: Subject: From Thunderbird
        C: Content-Language: en-US
        C: From: Alice <alice@example.org>
        C: Content-Type: text/plain; charset=UTF-8; format=flowed
        C: Content-Transfer-Encoding: 7bit
        C:
        C: Hello, Bob!
        C: .
        S: 250 2.0.0 <*>
        C: QUIT
        S: 221 2.0.0 <*>",
    )
    .await;
    let mail = rig.mail("bob", "INBOX").await;
    assert!(mail[0].contains("from [127.0.0.1] "), "{mail:?}");
    assert!(
        mail[0].ends_with("Content-Transfer-Encoding: 7bit\r\n\r\nHello, Bob!\r\n"),
        "{mail:?}"
    );
}
