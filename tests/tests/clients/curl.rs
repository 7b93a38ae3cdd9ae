//! curl: SMTP and SMTPS, POP3, IMAP with upload.

use end_to_end::{Server, Service, messages, program};

fn curl(server: &Server, words: &[&str], input: &str) -> program::Said {
    let certificate = server.certificate();
    let mut all = vec![
        "curl",
        "-sS",
        "--max-time",
        "30",
        "--cacert",
        certificate.to_str().unwrap(),
    ];
    all.extend(words);
    let folder = tempfile::tempdir().unwrap();
    program::run(folder.path(), &all, input.as_bytes())
}

fn send(server: &Server, scheme: &str, service: Service, more: &[&str]) {
    let url = program::url(server, scheme, service);
    let mut words = vec![
        &*url,
        "-u",
        "alice@example.org:tin whistle",
        "--mail-from",
        "alice@example.org",
        "--mail-rcpt",
        "bob@example.org",
        "-T",
        "-",
    ];
    words.extend(more);
    curl(server, &words, &messages::plain("by-curl")).succeeded();
}

#[test]
fn mail_is_sent_on_every_port_and_read_over_pop3_and_imap() {
    if !program::is_here("curl") {
        return;
    }
    let server = Server::with_accounts();
    send(&server, "smtp", Service::Smtp, &[]);
    send(&server, "smtp", Service::Submission, &["--ssl-reqd"]);
    send(&server, "smtps", Service::Submissions, &[]);
    let bob = ["-u", "bob@example.org:blue door"];
    let pop = program::url(&server, "pop3s", Service::Pop3s);
    let listed = curl(&server, &[&[&*pop][..], &bob].concat(), "").succeeded();
    assert_eq!(listed.text().lines().count(), 3, "{}", listed.text());
    let first = curl(&server, &[&[&*format!("{pop}/1")][..], &bob].concat(), "").succeeded();
    assert!(
        first.text().ends_with(&messages::plain("by-curl")),
        "{}",
        first.text()
    );
    let imap = program::url(&server, "imaps", Service::Imaps);
    let url = format!("{imap}/INBOX;UID=1");
    let fetched = curl(&server, &[&[&*url][..], &bob].concat(), "").succeeded();
    assert_eq!(fetched.text(), first.text());
}

#[test]
fn a_message_is_uploaded_found_flagged_and_expunged_over_imap() {
    if !program::is_here("curl") {
        return;
    }
    let server = Server::with_accounts();
    let imap = program::url(&server, "imap", Service::Imap);
    let inbox = format!("{imap}/INBOX");
    let alice = ["-u", "alice@example.org:tin whistle"];
    let folder = tempfile::tempdir().unwrap();
    let letter = program::file(folder.path(), "letter.eml", &messages::plain("uploaded"));
    let upload = [
        &[&*inbox, "-T", letter.to_str().unwrap(), "--ssl-reqd"][..],
        &alice,
    ]
    .concat();
    curl(&server, &upload, "").succeeded();
    let request = |request: &str| {
        curl(&server, &[&[&*inbox, "-X", request][..], &alice].concat(), "")
            .succeeded()
            .text()
    };
    assert_eq!(request("SEARCH SUBJECT uploaded").trim(), "* SEARCH 1");
    assert_eq!(
        request("STORE 1 +FLAGS (\\Deleted)").trim(),
        "* 1 FETCH (FLAGS (\\Seen \\Deleted))"
    );
    assert!(request("EXPUNGE").contains("* 1 EXPUNGE"));
    assert_eq!(request("SEARCH ALL").trim(), "* SEARCH");
}

#[test]
fn a_wrong_password_is_refused_everywhere() {
    if !program::is_here("curl") {
        return;
    }
    let server = Server::with_accounts();
    for (scheme, service) in [
        ("imap", Service::Imap),
        ("pop3", Service::Pop3),
        ("smtp", Service::Smtp),
    ] {
        let url = program::url(&server, scheme, service);
        let said = curl(&server, &[&url, "-u", "alice@example.org:wrong"], "");
        // CURLE_LOGIN_DENIED
        assert_eq!(said.code, Some(67), "{scheme}: {}", said.err);
    }
}

/// RFC 5034: PLAIN and LOGIN, with an initial response and without one, after STLS.
#[test]
fn every_mechanism_opens_the_maildrop_over_pop3() {
    if !program::is_here("curl") {
        return;
    }
    let server = Server::with_accounts();
    send(&server, "smtp", Service::Smtp, &[]);
    let url = program::url(&server, "pop3", Service::Pop3);
    for mechanism in ["PLAIN", "LOGIN"] {
        let option = format!("AUTH={mechanism}");
        let words = [
            "--ssl-reqd",
            "--login-options",
            &option,
            "-u",
            "bob@example.org:blue door",
            &url,
        ];
        for more in [&["--sasl-ir"][..], &[]] {
            let listed = curl(&server, &[&words[..], more].concat(), "").succeeded();
            assert_eq!(listed.text().lines().count(), 1, "{mechanism}: {}", listed.text());
        }
    }
}
