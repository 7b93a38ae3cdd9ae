//! What is shown of messages, written down as a person would.

use super::*;

/// What is shown, a line a piece: `text:` and the lines, or what stands there.
fn shown(text: &[u8], view: &View) -> String {
    let message = Message::parse(text);
    let lines = show(&message, view).into_iter().map(|piece| {
        let content = match piece.content {
            Content::Text(text) => format!("text:{text}"),
            Content::Page(text) => format!("page:{text}"),
            Content::Message(heading) => format!("message:{}|{}\n", heading.from, heading.subject),
            Content::Report(report) => format!("report:{} {report}", report.reporter),
            Content::Signed(sealing) => format!("signed:{sealing:?}\n"),
            Content::Encrypted(sealing) => format!("encrypted:{sealing:?}\n"),
            Content::Attached => "attached\n".to_owned(),
        };
        format!("{}{content}", "| ".repeat(piece.within))
    });
    lines.collect()
}

/// `type` and body of each part, as one multipart.
fn multipart(subtype: &str, parts: &[&str]) -> Vec<u8> {
    let mut text = format!("Content-Type: multipart/{subtype}; boundary=b\r\n\r\n");
    for part in parts {
        text.push_str(&format!("--b\r\n{part}\r\n"));
    }
    text.push_str("--b--\r\n");
    text.into_bytes()
}

const PLAIN: &str = "Content-Type: text/plain\r\n\r\nplain";
const HTML: &str = "Content-Type: text/html\r\n\r\n<p>page";
const PDF: &str = "Content-Type: application/pdf\r\n\r\npdf";

fn check(text: &[u8], wanted: &str) {
    assert_eq!(
        shown(text, &View::default()),
        wanted,
        "{}",
        String::from_utf8_lossy(text)
    );
}

#[test]
fn one_alternative_is_shown() {
    let pages = View {
        prefer: Prefer::Page,
        ..View::default()
    };
    let both = multipart("alternative", &[PLAIN, HTML]);
    check(&both, "text:plain\n");
    assert_eq!(shown(&both, &pages), "page:page\n");
    // Whoever sends an empty text means the page.
    let empty = multipart("alternative", &["Content-Type: text/plain\r\n\r\n \r\n", HTML]);
    check(&empty, "page:page\n");
    assert_eq!(
        shown(&multipart("alternative", &[PLAIN, PDF]), &pages),
        "text:plain\n"
    );
    // Nothing that can be shown: the last, which is the best (RFC 2046 §5.1.4).
    check(&multipart("alternative", &[PDF, PDF]), "attached\n");
    let related = "Content-Type: multipart/related; boundary=r\r\n\r\n--r\r\nContent-Type: image/png\r\n\r\nx\r\n--r\r\nContent-Type: text/html\r\n\r\nroot\r\n--r--";
    assert_eq!(
        shown(&multipart("alternative", &[PLAIN, related]), &pages),
        "attached\n"
    );
    let started = related
        .replace("boundary=r", "boundary=r; start=\"<root@x>\"")
        .replace("text/html", "text/html\r\nContent-ID: <root@x>");
    assert_eq!(
        shown(&multipart("alternative", &[PLAIN, &started]), &pages),
        "page:root\n"
    );
}

#[test]
fn text_between_attachments_is_shown_in_its_place() {
    let attached = "Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nhidden";
    check(
        &multipart("mixed", &[PLAIN, PDF, HTML, attached]),
        "text:plain\nattached\npage:page\nattached\n",
    );
    check(
        &multipart("x-unheard-of", &[PLAIN, PLAIN]),
        "text:plain\ntext:plain\n",
    );
    check(
        &multipart(
            "mixed",
            &[
                "Content-Type: text/calendar\r\n\r\nBEGIN",
                "Content-Type: text/x-c\r\n\r\nint x;",
            ],
        ),
        "attached\ntext:int x;\n",
    );
    check(b"Content-Disposition: attachment\r\n\r\nroot", "text:root\n");
    check(b"", "text:");
    check(
        b"\r\nbell\x07 \x1b[31mred\xe2\x80\xaegnihton\r\n",
        "text:bell [31mrednihton\n"
            .replace("rednihton", "redgnihton")
            .as_str(),
    );
    check(
        b"Content-Type: text/enriched\r\n\r\n<bold>Now</bold> is <<the\r\ntime\r\n\r\nnext",
        "text:Now is <the time\nnext\n",
    );
}

#[test]
fn messages_within_are_headed() {
    let inner =
        "Content-Type: message/rfc822\r\n\r\nFrom: =?utf-8?q?Ren=C3=A9?= <r@x>\r\nSubject: in\r\n\r\nbody";
    check(
        &multipart("mixed", &[PLAIN, inner]),
        "text:plain\nmessage:René <r@x>|in\n| text:body\n",
    );
    check(
        &multipart(
            "digest",
            &["\r\nSubject: one\r\n\r\n1", "\r\nSubject: two\r\n\r\n2"],
        ),
        "message:|one\n| text:1\nmessage:|two\n| text:2\n",
    );
}

#[test]
fn reports_are_read() {
    let status = "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\nArrival-Date: Tue, 1 Dec 2026 00:00:00 +0000\r\n\r\n\
        Final-Recipient: rfc822; bob@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.net\r\n\
        Diagnostic-Code: smtp; 550 5.1.1 no\r\n  such user\r\n\r\nOriginal-Recipient: rfc822;c@d\r\nAction: delayed\r\n";
    let returned = "Content-Type: message/rfc822\r\n\r\nFrom: a@b\r\nSubject: lost\r\n\r\nsecret";
    let headers = "Content-Type: text/rfc822-headers\r\n\r\nFrom: a@b\r\nSubject: lost\r\n";
    let said = "text:plain\nreport:mx.example.org bob@example.net: failed (5.1.1): 550 5.1.1 no such user [mx.example.net]\nc@d: delayed\nmessage:a@b|lost\n";
    check(
        &multipart("report; report-type=delivery-status", &[PLAIN, status, returned]),
        said,
    );
    check(&multipart("report", &[PLAIN, status, headers]), said);
    // RFC 8098 §3.1
    let read = "Content-Type: message/disposition-notification\r\n\r\nReporting-UA: joes-pc; Foomail\r\nFinal-Recipient: rfc822;joe@x\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n";
    check(
        &multipart("report", &[PLAIN, read]),
        "text:plain\nreport:Foomail joe@x: displayed\n",
    );
    check(
        b"Content-Type: message/delivery-status\r\n\r\n\r\n\r\nnothing\r\n",
        "report: ",
    );
}

#[test]
fn what_is_signed_or_sealed_is_named() {
    let signature = "Content-Type: application/pgp-signature\r\n\r\nsig";
    check(
        &multipart(
            "signed; protocol=\"application/pgp-signature\"",
            &[PLAIN, signature],
        ),
        "signed:Pgp\ntext:plain\n",
    );
    check(
        &multipart("signed; protocol=\"application/pkcs7-signature\"", &[PLAIN, PDF]),
        "signed:Smime\ntext:plain\n",
    );
    check(
        &multipart("encrypted; protocol=\"application/pgp-encrypted\"", &[PDF, PDF]),
        "encrypted:Pgp\n",
    );
    check(
        b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nx",
        "encrypted:Smime\nattached\n",
    );
    check(
        b"Content-Type: application/x-pkcs7-mime; smime-type=signed-data\r\n\r\nx",
        "signed:Smime\nattached\n",
    );
}

#[test]
fn flowed_text_is_joined() {
    let check = |text: &str, delete: DelSp, wanted: &[(usize, &str)]| {
        let found: Vec<(usize, String)> = paragraphs(text, delete)
            .into_iter()
            .map(|one| (one.quotes, one.text))
            .collect();
        let wanted: Vec<(usize, String)> = wanted
            .iter()
            .map(|(quotes, text)| (*quotes, (*text).to_owned()))
            .collect();
        assert_eq!(found, wanted, "{text:?}");
    };
    check("a \r\nb\r\nc\r\n", DelSp::No, &[(0, "a b"), (0, "c")]);
    check("中文 \r\n中文\r\n", DelSp::Yes, &[(0, "中文中文")]);
    // RFC 3676 §4.4: stuffed.
    check(
        "  indented\r\n >no quote\r\n From me\r\n",
        DelSp::No,
        &[(0, " indented"), (0, ">no quote"), (0, "From me")],
    );
    // §4.5: quoted paragraphs; the depth ends one.
    check(
        "> a \r\n> b\r\n>> c \r\n> d\r\n",
        DelSp::No,
        &[(1, "a b"), (2, "c "), (1, "d")],
    );
    // §4.3: a signature neither flows nor is flowed into.
    check(
        "text \r\n-- \r\nme\r\n",
        DelSp::No,
        &[(0, "text "), (0, "-- "), (0, "me")],
    );
    check("", DelSp::No, &[(0, "")]);
}

#[test]
fn flowed_text_is_broken_for_the_terminal() {
    let narrow = View {
        width: Some(20),
        ..View::default()
    };
    let text = b"Content-Type: text/plain; format=Flowed; delsp=no\r\n\r\n> quoted words that are \r\n> long\r\n  fixed   form\r\n\r\none \r\ntwo\r\n";
    assert_eq!(
        shown(text, &narrow),
        "text:> quoted words that\n> are long\n fixed   form\n\none two\n"
    );
    let whole = View {
        width: None,
        ..View::default()
    };
    assert_eq!(
        shown(text, &whole),
        "text:> quoted words that are long\n fixed   form\n\none two\n"
    );
}

#[test]
fn messages_made_to_be_slow_are_not() {
    let nested = |subtype: &str, leaf: &str| {
        let mut text = String::new();
        for level in 0..99 {
            text.push_str(&format!(
                "Content-Type: multipart/{subtype}; boundary=b{level}\r\n\r\n--b{level}\r\n"
            ));
        }
        (0..9_000)
            .for_each(|_| text.push_str(&format!("Content-Type: text/plain\r\n\r\n{leaf}\r\n--b98\r\n")));
        text.into_bytes()
    };
    let begun = std::time::Instant::now();
    for subtype in ["alternative", "mixed", "related", "report", "signed"] {
        let text = nested(subtype, "");
        let message = Message::parse(&text);
        assert!(show(&message, &View::default()).len() <= 10_000);
        assert!(crate::attachments(&message).len() <= 10_000);
        assert!(crate::tree(&message).0.len() <= 10_000);
    }
    assert!(begun.elapsed().as_secs() < 100, "{:?}", begun.elapsed());
}
