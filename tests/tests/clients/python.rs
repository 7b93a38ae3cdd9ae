//! Python's standard library: the scripts of `tests/python/`.

use std::path::Path;

use end_to_end::{Conversation, Server, Serving, messages, program, server};

fn run(script: &str) {
    if !program::is_here("python3") {
        return;
    }
    let server = Server::with_accounts();
    server.add("carol@example.org", "carol");
    server.add("dave@example.org", "dave");
    program::python(&server, script);
}

#[test]
fn a_reader_of_the_tutorial_sends_mail_with_smtplib() {
    run("smtplib_tutorial");
}

#[test]
fn a_reader_of_the_tutorial_fetches_mail_with_poplib() {
    run("poplib_tutorial");
}

#[test]
fn a_reader_of_the_tutorial_reads_mail_with_imaplib() {
    run("imaplib_tutorial");
}

/// Runs `mailbox_files.py` in a folder.
fn mailbox_files(act: &str, folder: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/mailbox_files.py");
    let words = [
        "python3",
        "-B",
        script.to_str().unwrap(),
        act,
        folder.to_str().unwrap(),
    ];
    program::run(folder, &words, b"").succeeded();
}

fn posthouse(server: &Server, words: &[&str]) {
    let output = server::posthouse(words)
        .arg("--data")
        .arg(server.data())
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
}

#[test]
fn the_mailbox_module_reads_what_is_exported() {
    if !program::is_here("python3") {
        return;
    }
    let server = Server::with_accounts();
    let mut smtp = Conversation::smtp(&server);
    for number in 0..3 {
        let message = messages::plain(&format!("m{number}"));
        smtp.deliver(
            "alice@example.org",
            &format!("{message}From here\r\n\r\nFrom there on\r\n"),
        )
        .unwrap();
    }
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    imap.ok("CREATE Archive/2026");
    imap.ok("SELECT INBOX");
    imap.ok("STORE 1 FLAGS (\\Seen \\Answered)");
    imap.ok("STORE 2 FLAGS (\\Flagged $Forwarded)");
    imap.ok("COPY 2 Archive/2026");
    let folder = tempfile::tempdir().unwrap();
    for format in ["maildir", "mbox"] {
        let target = folder.path().join(format);
        posthouse(
            &server,
            &[
                "export",
                "alice@example.org",
                target.to_str().unwrap(),
                "--format",
                format,
            ],
        );
    }
    mailbox_files("read", folder.path());
}

#[test]
fn what_the_mailbox_module_writes_is_imported() {
    if !program::is_here("python3") {
        return;
    }
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    mailbox_files("write", folder.path());
    for (source, into) in [("Maildir", "M"), ("old.mbox", "B")] {
        let path = folder.path().join(source);
        // Twice: nothing comes twice.
        for _ in 0..2 {
            posthouse(
                &server,
                &[
                    "import",
                    "alice@example.org",
                    path.to_str().unwrap(),
                    "--into",
                    into,
                ],
            );
        }
        let mut imap = Conversation::imap(&server, "alice", "tin whistle");
        imap.ok(&format!("EXAMINE {into}"));
        let lines = imap.ok("FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)").concat();
        let fetched = lines.matches("FETCH (").count();
        assert_eq!(fetched, 2, "{source}: {lines}");
        assert!(lines.contains("FLAGS (\\Seen \\Answered"), "{source}: {lines}");
        assert!(lines.contains("\\Flagged"), "{source}: {lines}");
        assert!(lines.contains("24-Nov-2001 14:00:01 +0000"), "{source}: {lines}");
        let body = imap.ok("FETCH 1 BODY.PEEK[TEXT]").concat();
        assert!(
            body.contains("From the body") && body.contains("你好"),
            "{source}: {body}"
        );
    }
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    assert!(imap.ok("STATUS M/&XeVPXA- (MESSAGES)")[0].contains("MESSAGES 1"));
}

/// The account is added as its owner writes it, the alias under A-labels.
#[test]
fn mail_in_many_scripts_comes_goes_and_is_read() {
    if !program::is_here("python3") {
        return;
    }
    let server = Server::with_accounts();
    server.add("张三@例子.中国", "café 密码");
    let data = server.data().to_str().unwrap();
    let alias = [
        "alias",
        "set",
        "客服@xn--fsqu00a.xn--fiqs8s",
        "张三@例子.中国",
        "--data",
        data,
    ];
    let added = server::posthouse(&alias).output().unwrap();
    assert!(added.status.success(), "{added:?}");
    program::python(&server, "international");
}

/// The settings say 256 MiB, the least there may be; clients ask for more than a gigabyte at once.
#[test]
fn many_who_want_large_messages_do_not_break_the_ceiling() {
    if !program::is_here("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let user = program::run(folder.path(), &["id", "-un"], b"")
        .succeeded()
        .text();
    let data = folder.path().join("data");
    let settings = format!(
        "hostname = 'mail.example.org'\ndomain = 'example.org'\ndata = '{}'\n[limits]\nmemory = '256 MiB'\n\
         [process]\nuser = '{}'\n[listen]\nsmtp = []\nsubmission = []\nsubmissions = []\nimap = []\npop3 = []\n\
         lmtp = ['127.0.0.1:0']\nimaps = ['127.0.0.1:0']\npop3s = ['127.0.0.1:0']\n",
        data.display(),
        user.trim()
    );
    let config = program::file(folder.path(), "posthouse.toml", &settings);
    let mut serving = Serving::launch(&config);
    let ports = ["LMTP", "IMAP", "POP3"].map(|service| serving.port_of(service).to_string());
    serving.wait_for(" ready ");
    for number in 0..8 {
        server::add_account(&data, &format!("user{number}@example.org"), "tin whistle");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/ceiling.py");
    let [lmtp, imaps, pop3s] = &ports;
    let process = serving.process.id().to_string();
    let words = [
        "python3",
        "-B",
        script.to_str().unwrap(),
        imaps,
        pop3s,
        lmtp,
        &process,
        "256",
    ];
    let said = program::run(folder.path(), &words, b"");
    println!("{}", said.text());
    assert_eq!(said.code, Some(0), "{}\n{}", said.text(), said.err);
    assert!(serving.stop().success());
}
