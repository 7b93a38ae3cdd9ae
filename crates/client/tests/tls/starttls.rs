//! What somebody in between may try before TLS begins: taking STARTTLS away, saying more than was asked for, saying it in place of TLS, or
//! saying what is to be believed later (CVE-2011-0411 the other way round; RFC 3207 §6, RFC 2595 §9, RFC 9051 §6.2.1 and §7.1.4).

use posthouse_client::{Cause, Error, imap, smtp};

use crate::certificates::self_signed;
use crate::server::{Heard, Play, Script};
use crate::{PLAIN, log_in, server};

const SCHEMES: [&str; 3] = ["smtp", "pop3", "imap"];

async fn played(scheme: &'static str, play: Play) -> (Result<(), Error>, Heard) {
    let own = self_signed(&["localhost"], (2020, 2090));
    let script = Script::play(scheme, play, own.config());
    let done = log_in(&server(&script, own.trusted())).await;
    (done, script.end())
}

/// The commands, without tags and arguments.
fn verbs(lines: &[String]) -> Vec<&str> {
    let mut verbs = Vec::new();
    for line in lines {
        let mut words = line.split(' ');
        let first = words.next().unwrap_or_default();
        // Tags of IMAP are p and a number.
        verbs.push(match first.strip_prefix('p') {
            Some(_) => words.next().unwrap_or_default(),
            None => first,
        });
    }
    verbs
}

/// What a good server is asked before TLS.
fn before(scheme: &str) -> [&'static str; 2] {
    match scheme {
        "smtp" => ["EHLO", "STARTTLS"],
        "pop3" => ["CAPA", "STLS"],
        _ => ["CAPABILITY", "STARTTLS"],
    }
}

/// CVE-2011-0411, the other way round: what is pipelined behind the go-ahead would be taken as said inside of TLS.
#[tokio::test]
async fn what_comes_together_with_the_go_ahead_is_a_failure() {
    for (scheme, said) in [
        ("smtp", "220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n235 in\r\n"),
        ("pop3", "+OK go\r\n+OK\r\nSASL PLAIN\r\n.\r\n+OK in\r\n"),
        (
            "imap",
            "<tag> OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\np3 OK\r\n",
        ),
        // Half of a line is enough.
        ("smtp", "220 go\r\n2"),
        ("pop3", "+OK go\r\n+"),
        ("imap", "<tag> OK go\r\n*"),
    ] {
        let play = Play::of(scheme).answers(before(scheme)[1], said);
        let (done, heard) = played(scheme, play).await;
        let error = done.unwrap_err();
        assert!(matches!(error.cause(), Cause::BeforeTls), "{scheme}: {error}");
        assert_eq!(verbs(&heard.clear), before(scheme), "{scheme}");
        assert!(heard.inside.is_empty(), "{scheme}: {heard:?}");
    }
}

/// What comes later, in place of the server's part of the handshake, is no reply either.
#[tokio::test]
async fn what_comes_in_place_of_tls_is_not_taken_for_replies() {
    for (scheme, said) in [
        ("smtp", "250-mx\r\n250 AUTH PLAIN\r\n235 in\r\n"),
        ("pop3", "+OK\r\nSASL PLAIN\r\n.\r\n+OK in\r\n"),
        ("imap", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\np3 OK\r\n"),
    ] {
        let mut play = Play::of(scheme);
        play.instead = Some(said);
        let (done, heard) = played(scheme, play).await;
        let error = done.unwrap_err();
        assert!(matches!(error.cause(), Cause::Tls(_)), "{scheme}: {error}");
        heard.nothing_of_a_login(scheme);
    }
}

/// RFC 3207 §6, RFC 2595 §9: somebody in between may take the announcement away, or refuse the command.
#[tokio::test]
async fn without_tls_nothing_of_a_login_is_said() {
    let stripped = [
        ("smtp", "EHLO", "250-mx\r\n250 AUTH PLAIN\r\n"),
        ("pop3", "CAPA", "+OK\r\nSASL PLAIN\r\nUSER\r\n.\r\n"),
        ("pop3", "CAPA", "-ERR\r\n"),
        (
            "imap",
            "CAPABILITY",
            "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n<tag> OK\r\n",
        ),
    ];
    for (scheme, heard, said) in stripped {
        let (done, heard) = played(scheme, Play::of(scheme).answers(heard, said)).await;
        let error = done.unwrap_err();
        assert!(matches!(error.cause(), Cause::NoTls), "{scheme}: {error}");
        assert_eq!(verbs(&heard.clear), before(scheme)[..1], "{scheme}");
    }
    for (scheme, said) in [
        ("smtp", "454 no\r\n"),
        ("pop3", "-ERR no\r\n"),
        ("imap", "<tag> NO no\r\n"),
    ] {
        let (done, heard) = played(scheme, Play::of(scheme).answers(before(scheme)[1], said)).await;
        let error = done.unwrap_err();
        assert!(matches!(error.cause(), Cause::Refused(_)), "{scheme}: {error}");
        assert_eq!(verbs(&heard.clear), before(scheme), "{scheme}");
    }
}

/// RFC 9051 §7.1.4: there is no STARTTLS once somebody is logged in, and somebody in between can say so: a client that wants TLS closes.
#[tokio::test]
async fn a_greeting_that_says_logged_in_is_refused_before_tls() {
    for greeting in [
        "* PREAUTH hi\r\n",
        "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi\r\n",
        "* PREAUTH [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
    ] {
        let mut play = Play::of("imap");
        greeting.clone_into(&mut play.greeting);
        let (done, heard) = played("imap", play).await;
        let error = done.unwrap_err();
        assert!(matches!(error.cause(), Cause::NoTls), "{greeting}: {error}");
        assert!(
            heard.clear.iter().all(|line| line.ends_with("CAPABILITY")),
            "{greeting}: {heard:?}"
        );
    }
}

/// RFC 3207 §4.2, RFC 2595 §4, RFC 9051 §6.2.1: what was announced before TLS is asked for again, and counts no longer.
#[tokio::test]
async fn what_was_announced_before_tls_counts_no_longer() {
    for scheme in SCHEMES {
        let (done, heard) = played(scheme, Play::of(scheme)).await;
        assert!(done.is_ok(), "{scheme}: {:?}", done.unwrap_err());
        assert_eq!(verbs(&heard.clear), before(scheme), "{scheme}");
        assert_eq!(verbs(&heard.inside)[0], before(scheme)[0], "{scheme}");
        assert!(heard.inside[1].contains(PLAIN), "{scheme}: {heard:?}");
    }
    let own = self_signed(&["localhost"], (2020, 2090));
    let script = Script::play("smtp", Play::of("smtp"), own.config());
    let client = smtp::Client::connect(&server(&script, own.trusted()))
        .await
        .unwrap();
    assert!(!client.extensions().has("SIZE") && client.extensions().has("AUTH"));
    client.quit().await.unwrap();
    script.end();
}

/// What is said before the go-ahead of STARTTLS: capabilities, and that something was enabled, would change how names are read and literals
/// are sent.
#[tokio::test]
async fn what_imap_was_told_before_tls_is_forgotten() {
    let said = "* CAPABILITY IMAP4rev1 LITERAL+ ENABLE UTF8=ACCEPT\r\n* ENABLED UTF8=ACCEPT\r\n* 7 EXISTS\r\n\
                * OK [ALERT] call this number\r\n<tag> OK go\r\n";
    let mut play = Play::of("imap").answers("STARTTLS", said);
    // A server that answers nothing leaves nothing to go by.
    play.inside.insert(0, ("CAPABILITY", "<tag> OK\r\n".to_owned()));
    let own = self_signed(&["localhost"], (2020, 2090));
    let script = Script::play("imap", play, own.config());
    let mut client = imap::Client::connect(&server(&script, own.trusted()))
        .await
        .unwrap();
    assert_eq!(client.capabilities().collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(!client.is_enabled("UTF8=ACCEPT"));
    assert_eq!(client.news(), []);
    // As a server without UTF8=ACCEPT and LITERAL+ wants it.
    client.create("工作").await.unwrap();
    client.logout().await.unwrap();
    let heard = script.end();
    assert!(
        heard
            .inside
            .iter()
            .any(|line| line.contains("CREATE") && line.contains("&XeVPXA-")),
        "{heard:?}"
    );
}
