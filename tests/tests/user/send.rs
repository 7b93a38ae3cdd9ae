//! `posthouse send`: what is composed arrives as it was meant, and what cannot be sent is refused in words and with a code of sysexits(3).

use std::fs;

use end_to_end::{Server, Service, program};

use crate::{run, run_as, said, url};

/// What Python's `email` reads of the last message in alice's maildrop.
const READ: &str = r#"
import email, email.policy, poplib, sys, json
pop = poplib.POP3("127.0.0.1", int(sys.argv[1]))
pop.user("alice"); pop.pass_("tin whistle")
octets = b"\r\n".join(pop.retr(pop.stat()[0])[1]) + b"\r\n"
m = email.message_from_bytes(octets, policy=email.policy.default)
parts = [[p.get_content_type(), p.get_filename(), p.get_content().replace("\r\n", "\n") if p.get_content_maintype() == "text" else p.get_content().hex(),
          p["Content-ID"]] for p in m.walk() if not p.is_multipart()]
print(json.dumps([m["Subject"], m["From"], m["To"], m["Cc"], m["Bcc"], parts, octets.decode("ascii").count("secret")]))
"#;

#[test]
fn a_mail_with_everything_arrives_as_it_was_meant() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("计划 2026.txt"), "第一\n").unwrap();
    fs::write(path.join("dot.png"), b"\x89PNG\r\n\x1a\n\0\xff").unwrap();
    let words = [
        "send",
        "--server",
        &url(&server, "smtp"),
        "--from",
        "艾丽丝 <alice@example.org>",
        "--to",
        "张三 <alice@example.org>",
        "--cc",
        "bob@example.org",
        "--bcc",
        "alice+secret@example.org",
        "--subject",
        "你好，世界：a long subject that must be folded because it is longer than a line",
        "--text",
        "你好！\nFrom me\n.\n",
        "--html",
        "<p>你好<img src=\"cid:dot\"></p>",
        "--attach",
        "计划 2026.txt",
        "--inline",
        "dot=dot.png",
        "--header",
        "X-Ticket: 数 7",
        "--json",
    ];
    let out = run(path, &words, b"").well();
    let summary: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["taken"].as_array().unwrap().len(), 3, "{out}");
    assert_eq!(summary["refused"].as_array().unwrap().len(), 0);
    let port = server.port(Service::Pop3).to_string();
    let read = program::run(path, &["python3", "-c", READ, &port], b"").succeeded();
    let read: serde_json::Value = serde_json::from_str(&read.text()).unwrap();
    assert_eq!(
        read,
        serde_json::json!([
            "你好，世界：a long subject that must be folded because it is longer than a line",
            "艾丽丝 <alice@example.org>",
            "张三 <alice@example.org>",
            "bob@example.org",
            null,
            [
                ["text/plain", null, "你好！\nFrom me\n.\n", null],
                [
                    "text/html",
                    null,
                    "<p>你好<img src=\"cid:dot@inline\"></p>\n",
                    null
                ],
                ["image/png", "dot.png", "89504e470d0a1a0a00ff", "<dot@inline>"],
                ["text/plain", "计划 2026.txt", "第一\n", null],
            ],
            0
        ])
    );
}

/// RFC 5321 §4.1.1.3 and sysexits(3): who was refused is named, and the others have it.
#[test]
fn refusals_are_said_and_have_codes() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let url = url(&server, "smtp");
    let send = |more: &[&str]| {
        let words = [&["send", "--server", &url, "--subject", "x", "--text", "y"], more].concat();
        run(folder.path(), &words, b"")
    };
    let partly = send(&["--to", "bob@example.org,nobody@example.org"]);
    assert_eq!(partly.code, Some(69), "{}", partly.err);
    assert!(
        partly.out.contains("Refused: nobody@example.org: 550"),
        "{}",
        partly.out
    );
    assert_eq!(send(&[]).code, Some(64), "no recipient");
    assert_eq!(send(&["--to", "not an address"]).code, Some(64));
    let missing = send(&["--to", "bob@example.org", "--attach", "missing.pdf"]);
    assert_eq!(missing.code, Some(66));
    assert!(missing.err.contains("reading missing.pdf"), "{}", missing.err);
    let words = [
        "send",
        "--server",
        &url,
        "--to",
        "bob@example.org",
        "--subject",
        "x",
    ];
    let wrong = run_as("wrong", folder.path(), &words, b"");
    assert_eq!(wrong.code, Some(77), "{}", wrong.err);
    assert!(
        wrong.err.contains("logging in: the server said: 535"),
        "{}",
        wrong.err
    );
    let chinese = run_as(
        "wrong",
        folder.path(),
        &[&words[..], &["--lang", "zh"]].concat(),
        b"",
    );
    assert!(chinese.err.contains("登录时：服务器说：535"), "{}", chinese.err);
    let nobody = [
        "send",
        "--server",
        "smtp://127.0.0.1:9?tls=none",
        "--from",
        "a@example.org",
        "--to",
        "b@example.org",
        "--text",
        "x",
    ];
    assert_eq!(run(folder.path(), &nobody, b"").code, Some(68));
}

/// RFC 3207 §4.1 and RFC 7817: a certificate that nobody has signed is not trusted, unless it is pinned or named.
#[test]
fn a_wrong_certificate_is_refused_and_a_pinned_one_is_taken() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    for (service, scheme) in [
        (Service::Submission, "submission"),
        (Service::Submissions, "submissions"),
    ] {
        let url = format!(
            "{scheme}://alice%40example.org@localhost:{}",
            server.port(service)
        );
        let send = |more: &[&str]| {
            let words = [
                &[
                    "send",
                    "--server",
                    &url,
                    "--to",
                    "bob@example.org",
                    "--text",
                    "x",
                    "--trace",
                ],
                more,
            ]
            .concat();
            run(folder.path(), &words, b"")
        };
        let refused = send(&[]);
        assert_eq!(refused.code, Some(69), "{}", refused.err);
        assert!(
            refused.err.contains("the server's certificate cannot be trusted"),
            "{}",
            refused.err
        );
        assert!(
            !refused.err.contains("C: AUTH") && !refused.err.contains("C: MAIL"),
            "nothing is said to it: {}",
            refused.err
        );
        let certificate = server.certificate();
        let taken = send(&["--ca", certificate.to_str().unwrap()]);
        assert_eq!(taken.code, Some(0), "{}", taken.err);
        // The password is not in the log, in no form.
        assert!(
            taken.err.contains("AUTH PLAIN …") && !taken.err.contains("dGluIHdoaXN0bGU"),
            "{}",
            taken.err
        );
        let wrong = format!("sha256:{}", "00".repeat(32));
        let pinned = send(&["--pin", &wrong]);
        assert_eq!(pinned.code, Some(69));
        // It is told in parentheses, as it is typed.
        let told = pinned.err.split_once('(').unwrap().1;
        let seen = told.split_once(')').unwrap().0;
        assert_eq!(send(&["--pin", seen]).code, Some(0), "{seen}");
    }
}

#[test]
fn a_message_from_standard_input_goes_as_sendmail_takes_it() {
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let message: &[u8] = b"From: alice@example.org\nTo: bob@example.org\nBcc: alice@example.org\nSubject: from a program\n\nline\n.\nafter\n";
    // Called as sendmail, as a mailer of another program does.
    let sendmail = folder.path().join("sendmail");
    std::os::unix::fs::symlink(end_to_end::server::posthouse(&[]).get_program(), &sendmail).unwrap();
    let mut command = std::process::Command::new(&sendmail);
    command
        .args(["-t", "-oi", "-f", "alice@example.org"])
        .env("POSTHOUSE_PASSWORD", "tin whistle");
    said(command.env("POSTHOUSE_SERVER", url(&server, "smtp")), message).well();
    let port = server.port(Service::Pop3).to_string();
    let read = program::run(folder.path(), &["python3", "-c", READ, &port], b"").succeeded();
    let read: serde_json::Value = serde_json::from_str(&read.text()).unwrap();
    assert_eq!(read[0], "from a program");
    assert_eq!(read[4], serde_json::Value::Null, "Bcc does not go");
    assert_eq!(read[5][0][2], "line\n.\nafter\n");
}

#[test]
fn a_dry_run_prints_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let words = [
        "send",
        "--dry-run",
        "--from",
        "a@example.org",
        "--to",
        "b@example.org",
        "--bcc",
        "carol@example.org",
        "--subject",
        "你好",
        "--text",
        "hi",
    ];
    let out = run(folder.path(), &words, b"").well();
    assert!(out.contains("Subject: =?UTF-8?B?5L2g5aW9?=\r\n"), "{out}");
    assert!(!out.contains("carol@example.org"), "{out}");
}
