//! swaks: logins, TLS in each way, pipelining, LMTP over TCP and over the socket.

use end_to_end::{Server, Service, messages, program};

fn swaks(server: &Server, words: &[&str]) -> program::Said {
    let mut all = vec![
        "swaks",
        "--to",
        "bob@example.org",
        "--from",
        "alice@example.org",
        "--timeout",
        "20",
    ];
    all.extend(words);
    let said = program::run(server.data(), &all, b"");
    assert!(!said.text().contains("Can't locate"), "{}", said.text());
    said
}

#[test]
fn every_way_in_takes_mail() {
    if !program::is_here("swaks") {
        return;
    }
    let server = Server::with_accounts();
    let at = |service| format!("localhost:{}", server.port(service));
    let login = [
        "--auth-user",
        "alice@example.org",
        "--auth-password",
        "tin whistle",
    ];
    let (smtp, submission, submissions) = (
        at(Service::Smtp),
        at(Service::Submission),
        at(Service::Submissions),
    );
    let lmtp = at(Service::Lmtp);
    let socket = server.data().join("lmtp.sock");
    let ways: [&[&str]; 7] = [
        &["--server", &smtp],
        &["--server", &smtp, "--auth", "PLAIN"],
        &["--server", &submission, "--auth", "LOGIN"],
        &["--server", &submission, "--auth", "PLAIN", "-tls"],
        &["--server", &submissions, "--auth", "PLAIN", "--tls-on-connect"],
        &["--server", &lmtp, "--protocol", "LMTP"],
        &["--socket", socket.to_str().unwrap(), "--protocol", "LMTP"],
    ];
    for (number, way) in ways.iter().enumerate() {
        let subject = format!("Subject: way-{number}");
        let mut words = way.to_vec();
        words.extend(["--header", &subject]);
        if way.contains(&"--auth") {
            words.extend(login);
        }
        swaks(&server, &words).succeeded();
    }
    swaks(
        &server,
        &["--server", &smtp, "--pipeline", "--header", "Subject: way-7"],
    )
    .succeeded();
    let wanted: Vec<String> = (0..=ways.len()).map(|number| format!("way-{number}")).collect();
    assert_eq!(messages::subjects(&server, "bob", "blue door"), wanted);
}

#[test]
fn what_must_not_be_is_refused() {
    if !program::is_here("swaks") {
        return;
    }
    let server = Server::with_accounts();
    let smtp = format!("localhost:{}", server.port(Service::Smtp));
    let submission = format!("localhost:{}", server.port(Service::Submission));
    let wrong = [
        "--server",
        &*smtp,
        "--auth",
        "PLAIN",
        "--auth-user",
        "alice",
        "--auth-password",
        "wrong",
    ];
    // swaks ends with 28 when no login is taken, and with 24 when no recipient is.
    assert_eq!(swaks(&server, &wrong).code, Some(28));
    let relay = ["--server", &*smtp, "--to", "somebody@elsewhere.example"];
    assert_eq!(swaks(&server, &relay).code, Some(24));
    assert_eq!(
        swaks(&server, &["--server", &*smtp, "--to", "nobody@example.org"]).code,
        Some(24)
    );
    let nobody = swaks(&server, &["--server", &*submission]);
    assert!(nobody.text().contains("530 5.7.0"), "{}", nobody.text());
}
