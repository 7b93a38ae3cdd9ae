//! The signed messages of RFC 6376 and RFC 8463 verify, what is signed here verifies, and what was changed does not.

use std::process::Command;

use aws_lc_rs::digest::digest;
use aws_lc_rs::signature::{ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use message::Message;
use message::compose::{Allowed, Attachment, Mail, Mailbox};
use message::dkim::{Intake, signed_text};

use super::*;
use crate::Files;

/// The tags of a signature or a record.
fn tag<'t>(text: &'t str, name: &str) -> Option<String> {
    let tags = text.split(';').filter_map(|tag| tag.split_once('='));
    let (_, value): (&str, &'t str) = tags.into_iter().find(|(found, _)| found.trim() == name)?;
    Some(value.chars().filter(|c| !c.is_whitespace()).collect())
}

/// Whether the signature by this selector verifies with this record.
fn verifies(message: &[u8], selector: &str, record: &str) -> bool {
    let parsed = Message::parse(message);
    let root = parsed.structure().ids().next().unwrap();
    let header = parsed.header(root);
    let value = |field: &message::Field<'_>| String::from_utf8(field.value.to_vec()).unwrap();
    let own = header
        .all("DKIM-Signature")
        .find(|field| tag(&value(field), "s").as_deref() == Some(selector))
        .unwrap();
    let said = value(&own);
    let forms: Canonicalization = tag(&said, "c").unwrap().parse().unwrap();
    let mut hash = Context::new(&SHA256);
    let mut intake = Intake::new(forms.body);
    intake.push(message, |octets| hash.update(octets));
    let header = intake.finish(|octets| hash.update(octets));
    if tag(&said, "bh").unwrap() != STANDARD.encode(hash.finish()) {
        return false;
    }
    // RFC 6376 §3.7: the value of b= is taken out.
    let raw = String::from_utf8(own.raw.to_vec()).unwrap();
    let at = raw.split_inclusive(';').map(str::len).scan(0, |at, length| {
        let begin = *at;
        *at += length;
        Some(begin)
    });
    let begin = at
        .filter(|at| raw[*at..].trim_start().starts_with("b="))
        .last()
        .unwrap();
    let value_at = begin + raw[begin..].find('=').unwrap() + 1;
    let after = raw[value_at..].find(';').map_or("", |end| &raw[value_at + end..]);
    let emptied = format!("{}{}", &raw[..value_at], after.trim_end());
    let names = tag(&said, "h").unwrap();
    let text = signed_text(&header, names.split(':'), forms.header, emptied.as_bytes());
    let signature = STANDARD.decode(tag(&said, "b").unwrap()).unwrap();
    let key = STANDARD.decode(tag(record, "p").unwrap()).unwrap();
    match tag(record, "k").as_deref() {
        Some("ed25519") => {
            UnparsedPublicKey::new(&ED25519, key).verify(digest(&SHA256, &text).as_ref(), &signature)
        }
        _ => UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, key)
            .verify(&text, &signature),
    }
    .is_ok()
}

const EMAIL: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
To: Suzie Q <suzie@shopping.example.net>\r\n\
Subject: Is dinner ready?\r\n\
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
\r\n\
Hi.\r\n\
\r\n\
We lost the game.  Are you hungry yet?\r\n\
\r\n\
Joe.\r\n";

/// RFC 6376 §A.2, with the key of Appendix C. The page sets two blanks after `game.`, and what was signed has one: RFC 8463 §A.3 has
/// the same `bh=` in the relaxed form.
#[test]
fn the_message_of_rfc_6376_verifies() {
    let header = "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n      h=Received : From : To : Subject : Date : Message-ID;\r\n      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n      4bmp/YzhwvcubU4=;\r\nReceived: from client1.football.example.com  [192.0.2.1]\r\n      by submitserver.example.com with SUBMISSION;\r\n      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n";
    let record = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";
    let message = format!("{header}{EMAIL}").replace("game.  Are", "game. Are");
    assert!(verifies(message.as_bytes(), "brisbane", record));
    let changed = message.replace("Hi.", "Ho.");
    assert!(!verifies(changed.as_bytes(), "brisbane", record));
    let changed = message.replace("Is dinner", "Is  dinner");
    assert!(!verifies(changed.as_bytes(), "brisbane", record));
}

/// RFC 8463 §A.
const ED25519_HEADER: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : from : subject : date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
const ED25519_SIGNATURE: &str =
    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";

/// RFC 8463 §A.3: both signatures verify, and with the secret key of §A.1 the same one is made again.
#[test]
fn the_message_of_rfc_8463_verifies_and_is_signed_again() {
    let rsa = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n date : message-id : from : subject : date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n";
    let message = format!("{ED25519_HEADER}{ED25519_SIGNATURE}\r\n{rsa}{EMAIL}");
    let key = Key::parse(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n").unwrap();
    assert_eq!(
        key.record(),
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    );
    let record = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";
    assert!(verifies(message.as_bytes(), "brisbane", &key.record()));
    assert!(verifies(message.as_bytes(), "test", record));
    let names = [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "from",
        "subject",
        "date",
    ];
    let text = signed_text(
        EMAIL.as_bytes(),
        names,
        Canonical::Relaxed,
        ED25519_HEADER.as_bytes(),
    );
    assert_eq!(STANDARD.encode(key.sign(&text)), ED25519_SIGNATURE);
}

/// A key as OpenSSL writes it.
fn key(words: &[&str]) -> Vec<u8> {
    let made = Command::new("openssl").args(words).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

fn signers() -> Vec<(Signer, String)> {
    let domain = Domain::check("example.org").unwrap();
    let rsa = &["genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048"];
    let mut signers = Vec::new();
    for (number, words) in [&["genpkey", "-algorithm", "ed25519"][..], rsa]
        .into_iter()
        .enumerate()
    {
        let key = Key::parse(&key(words)).unwrap();
        let record = key.record();
        let signer = Signer::new(key, &domain, Selector::check(&format!("s{number}")).unwrap());
        signers.push((signer, record));
    }
    signers
}

const FORMS: [&str; 4] = [
    "relaxed/relaxed",
    "relaxed/simple",
    "simple/relaxed",
    "simple/simple",
];

/// Every octet of header and body that is signed counts.
#[test]
fn what_is_signed_verifies_in_every_form_and_what_was_changed_does_not() {
    let bodies = [
        "",
        "\r\n",
        "\r\n\r\n\r\n",
        "Hi.\r\n\r\n\r\n",
        " a \t b \r\n\r\nc",
        "你好，世界\r\n",
    ];
    for (number, (signer, record)) in signers().into_iter().enumerate() {
        let selector = format!("s{number}");
        for forms in FORMS {
            let signer = signer.clone().canonical(forms.parse().unwrap());
            for body in bodies {
                let header =
                    "from:  艾丽丝\r\n <a@example.org>\r\nSubject: =?utf-8?B?5L2g5aW9?=\r\n  and \t more\r\n";
                let message = format!("{header}\r\n{body}");
                let field = signer.field(message.as_bytes()).unwrap();
                let signed = [field.as_bytes(), message.as_bytes()].concat();
                assert!(
                    verifies(&signed, &selector, &record),
                    "{forms} {body:?}\n{field:?}"
                );
                let more = [&signed, &b"x\r\n"[..]].concat();
                assert!(!verifies(&more, &selector, &record), "{forms} {body:?}");
                let added = [field.as_bytes(), b"Subject: another\r\n", message.as_bytes()].concat();
                assert!(!verifies(&added, &selector, &record), "{forms} {body:?}");
            }
        }
    }
}

#[test]
fn no_octet_can_be_changed() {
    for (number, (signer, record)) in signers().into_iter().enumerate() {
        let selector = format!("s{number}");
        let message = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\n\r\nHi.\r\nb\r\n";
        let field = signer.field(message).unwrap();
        for at in 0..message.len() {
            let mut changed = message.to_vec();
            // A bit that leaves letters letters of another kind, and line ends none.
            changed[at] ^= 0x02;
            let signed = [field.as_bytes(), &changed].concat();
            assert!(!verifies(&signed, &selector, &record), "octet {at}");
        }
    }
}

#[tokio::test]
async fn what_is_composed_is_signed_with_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("计划.bin");
    std::fs::write(&path, vec![7; 1 << 20]).unwrap();
    let mut files = Files::new();
    let mail = crate::mail(Mailbox::parse("艾丽丝 <a@example.org>").unwrap())
        .to(Mailbox::parse("b@example.org").unwrap())
        .bcc(Mailbox::parse("secret@example.org").unwrap())
        .subject(
            "一个很长的主题，需要折行：a long subject that must be folded because it is longer than a line",
        )
        .text("你好\n\n\n")
        .attach(files.attach(&path).unwrap())
        .attach(Attachment::new("x.txt", &b"text"[..]));
    let composed = mail.compose(Allowed::default()).unwrap();
    for (number, (signer, record)) in signers().into_iter().enumerate() {
        let signed = signer.sign(composed.clone(), &files).await.unwrap();
        let mut written = Vec::new();
        signed.write_to(&mut written, |id| files.open_now(id)).unwrap();
        assert_eq!(signed.size(), u64::try_from(written.len()).ok());
        assert!(verifies(&written, &format!("s{number}"), &record));
        assert!(!written.windows(6).any(|octets| octets == b"secret"));
    }
}

#[tokio::test]
async fn what_can_be_read_once_is_not_signed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    // Somebody writes, so that opening does not wait.
    let writer = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let mut files = Files::new();
    let mail: Mail<'_> =
        crate::mail(Mailbox::parse("a@example.org").unwrap()).attach(files.attach(&path).unwrap());
    let composed = mail.compose(Allowed::default()).unwrap();
    let (signer, _) = signers().remove(0);
    let error = signer.sign(composed, &files).await.unwrap_err();
    drop(writer);
    assert!(error.to_string().contains("only once"), "{error}");
}

#[test]
fn keys_are_read_as_programs_write_them() {
    let rsa = key(&["genrsa", "-traditional", "2048"]);
    assert!(rsa.starts_with(b"-----BEGIN RSA PRIVATE KEY"));
    assert_eq!(Key::parse(&rsa).unwrap().algorithm(), Algorithm::RsaSha256);
    let printed = format!("{:?}", Key::parse(&rsa).unwrap());
    assert_eq!(printed, "Key(RsaSha256, …)");
    let check = |octets: &[u8], error| assert_eq!(Key::parse(octets).unwrap_err(), error);
    check(b"", KeyError::NotPem);
    check(b"secret", KeyError::NotPem);
    check(&key(&["genrsa", "1024"]), KeyError::Rsa);
    check(&key(&["genrsa", "-traditional", "1024"]), KeyError::Rsa);
    check(
        &key(&["genrsa", "-aes128", "-passout", "pass:x", "2048"]),
        KeyError::Locked,
    );
    check(
        &key(&["genrsa", "-traditional", "-aes128", "-passout", "pass:x", "2048"]),
        KeyError::Locked,
    );
    check(
        &key(&[
            "genpkey",
            "-algorithm",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ]),
        KeyError::Kind,
    );
    check(
        &key(&["ecparam", "-name", "prime256v1", "-genkey", "-noout"]),
        KeyError::Kind,
    );
    check(
        b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n",
        KeyError::Public,
    );
    check(
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        KeyError::OpenSsh,
    );
}
