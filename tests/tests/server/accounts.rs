//! Accounts are seen at once, and the tutorial's command line works on a running and on a stopped server.

use std::io::Write as _;
use std::process::Stdio;

use end_to_end::{Conversation, Server, Service, messages, server};

#[test]
fn an_account_added_to_a_running_server_is_there_at_once() {
    let server = Server::start();
    server.add("u1@example.org", "secret");
    let mut imap = Conversation::imap(&server, "u1@example.org", "secret");
    imap.ok("SELECT INBOX");
    let mut imap = Conversation::imap(&server, "u1", "secret");
    imap.ok("SELECT INBOX");
}

#[test]
fn an_account_added_to_a_stopped_server_is_there_when_it_starts() {
    let mut server = Server::start();
    assert!(server.stop().success());
    server::add_account(server.data(), "u2@example.org", "secret");
    let server = Server::start_in(server.data()).unwrap();
    Conversation::imap(&server, "u2", "secret").ok("NOOP");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_with_words() {
    let first = Server::start();
    let refused = Server::start_in(first.data()).err().unwrap();
    assert!(!refused.status.success());
    assert!(
        refused
            .words
            .contains(&format!("{} is in use by process ", first.data().display())),
        "{}",
        refused.words
    );
    let mut smtp = Conversation::open(&first, Service::Smtp);
    smtp.expect("220");
}

/// What a command prints; it must succeed.
fn printed(arguments: &[&str], server: &Server) -> String {
    let output = server::posthouse(arguments)
        .arg("--data")
        .arg(server.data())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn accounts_are_imported_listed_and_removed() {
    let server = Server::start();
    let file = server.data().with_file_name("people.csv");
    std::fs::write(
        &file,
        "a1@example.org,one\na2@example.org,\"t,w\"\"o\"\n王芳@example.org,三\n",
    )
    .unwrap();
    printed(&["account", "import", file.to_str().unwrap()], &server);
    assert_eq!(printed(&["account", "list"], &server).lines().count(), 3);
    Conversation::imap(&server, "a1", "one").ok("NOOP");
    let mut imap = Conversation::open(&server, Service::Imap);
    imap.line().unwrap();
    imap.ok("LOGIN a2 {5+}\r\nt,w\"o");
    let mut imap = Conversation::open(&server, Service::Imap);
    imap.line().unwrap();
    imap.ok("LOGIN {6+}\r\n王芳 {3+}\r\n三");

    printed(&["account", "remove", "a1@example.org"], &server);
    assert!(!printed(&["account", "list", "--json"], &server).contains("a1@example.org"));
    let mut imap = Conversation::open(&server, Service::Imap);
    imap.line().unwrap();
    let lines = imap.command("LOGIN a1 one").unwrap();
    assert!(lines[0].contains(" NO [AUTHENTICATIONFAILED]"), "{lines:?}");
}

#[test]
fn mail_to_postmaster_and_to_a_tag_is_taken_and_mail_to_other_domains_is_kept_for_the_sender() {
    let server = Server::with_accounts();
    let mut smtp = Conversation::smtp(&server);
    for to in ["Alice+News@Example.org", "POSTMASTER@example.org", "postmaster"] {
        let reply = smtp.deliver(to, &messages::plain("for-alice")).unwrap();
        assert!(reply.starts_with("250"), "{to}: {reply}");
    }
    let reply = smtp
        .deliver("somebody@elsewhere.example", &messages::plain("abroad"))
        .unwrap();
    assert!(reply.starts_with("55"), "{reply}");
    smtp.say("RSET");
    smtp.expect("250");
    // Base64 of NUL alice NUL tin whistle.
    smtp.say("AUTH PLAIN AGFsaWNlAHRpbiB3aGlzdGxl");
    smtp.expect("235");
    smtp.say("MAIL FROM:<alice@example.org>");
    smtp.expect("250");
    smtp.say("RCPT TO:<somebody@elsewhere.example>");
    smtp.expect("250");
    smtp.say("DATA");
    smtp.expect("354");
    smtp.send(format!("{}\r\n.\r\n", messages::plain("abroad")).as_bytes())
        .unwrap();
    smtp.expect("250");
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    assert!(imap.ok("STATUS World (MESSAGES)")[0].contains("MESSAGES 1"));
    assert!(messages::subjects(&server, "alice", "tin whistle").contains(&"for-alice".to_owned()));
}

/// What a command that fails says, and its code.
fn refused(arguments: &[&str], server: &Server) -> (String, Option<i32>) {
    let output = server::posthouse(arguments)
        .arg("--data")
        .arg(server.data())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (said, output.status.code().filter(|code| *code != 0))
}

#[test]
fn groups_are_kept_listed_and_delivered_to() {
    let server = Server::with_accounts();
    printed(&["alias", "set", "al@example.org", "alice@example.org"], &server);
    assert_eq!(
        printed(&["alias", "list"], &server),
        "al@example.org\talice@example.org\n"
    );
    printed(&["group", "add", "team@example.org", "al@example.org"], &server);
    printed(
        &[
            "group",
            "add",
            "all@example.org",
            "team@example.org",
            "alice@example.org",
        ],
        &server,
    );
    printed(
        &["group", "member", "add", "all@example.org", "bob@example.org"],
        &server,
    );
    let (said, code) = refused(
        &["group", "member", "add", "team@example.org", "all@example.org"],
        &server,
    );
    assert!(
        said.contains("cannot be a member of itself") && code == Some(65),
        "{said}"
    );
    let (said, code) = refused(
        &["--lang", "zh", "group", "add", "x@example.org", "bbo@example.org"],
        &server,
    );
    assert!(
        said.contains("没有人使用地址 bbo@example.org") && code == Some(67),
        "{said}"
    );
    let mut smtp = Conversation::smtp(&server);
    let reply = smtp
        .deliver("all@example.org", &messages::plain("to-all"))
        .unwrap();
    assert!(reply.starts_with("250"), "{reply}");
    for (name, password) in [("alice", "tin whistle"), ("bob", "blue door")] {
        let subjects = messages::subjects(&server, name, password);
        assert_eq!(
            subjects.iter().filter(|subject| *subject == "to-all").count(),
            1,
            "{name}"
        );
    }
    a_member_elsewhere_is_kept_and_said(&server, &mut smtp);
    printed(&["group", "remove", "all@example.org"], &server);
    assert_eq!(
        printed(&["group", "list"], &server),
        "team@example.org\tal@example.org\n"
    );
}

fn a_member_elsewhere_is_kept_and_said(server: &Server, smtp: &mut Conversation) {
    let elsewhere = ["group", "member", "add", "all@example.org", "dora@example.com"];
    let (said, code) = refused(&elsewhere, server);
    assert!(
        code.is_none() && said.contains("dora@example.com is at another server"),
        "{said}"
    );
    let listed = printed(&["group", "list", "all@example.org"], server);
    assert!(
        listed.contains("dora@example.com\tat another server\n"),
        "{listed}"
    );
    let reply = smtp.deliver("all@example.org", &messages::plain("lost")).unwrap();
    assert!(reply.starts_with("550 5.2.4"), "{reply}");
    let listed = printed(&["group", "list", "--json"], server);
    assert!(
        listed.contains("\"leads_to\"") && listed.contains("team@example.org"),
        "{listed}"
    );
}

#[test]
fn a_quota_holds_at_once_and_after_a_restart() {
    let mut server = Server::with_accounts();
    let quota = ["account", "quota", "alice@example.org"];
    let (begin, end) = ("STATUS INBOX (MESSAGES)", "GETQUOTA \"\"");
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    imap.ok(begin);
    assert!(imap.ok(end)[0].ends_with("()"));
    printed(&["domain", "quota", "example.org", "--messages", "0"], &server);
    assert!(imap.ok(end)[0].contains("MESSAGE 0 0"));
    let set = printed(&[&quota[..], &["--storage", "2G"]].concat(), &server);
    assert_eq!(
        set,
        "storage: 0 of 2147483648 octets\nmessages: 0 of 0 (of the domain)\n"
    );
    assert!(server.stop().success());
    let told = printed(&[&quota[..], &["--json"]].concat(), &server);
    assert!(
        told.contains("2147483648") && told.contains("\"domain\""),
        "{told}"
    );
    let server = Server::start_in(server.data()).unwrap();
    let mut smtp = Conversation::smtp(&server);
    let reply = smtp
        .deliver("alice@example.org", &messages::plain("over"))
        .unwrap();
    assert!(reply.starts_with("552 5.2.3"), "{reply}");
    printed(&[&quota[..], &["--none"]].concat(), &server);
    let mut smtp = Conversation::smtp(&server);
    let reply = smtp
        .deliver("alice@example.org", &messages::plain("within"))
        .unwrap();
    assert!(reply.starts_with("250"), "{reply}");
}

/// Also what was there before the limit, which is counted when the server opens the accounts again.
#[test]
fn a_quota_of_all_accounts_of_a_domain_holds_at_once_and_after_a_restart() {
    let mut server = Server::with_accounts();
    let quota = ["domain", "quota", "example.org"];
    let deliver = |server: &Server, to: &str| {
        let mut smtp = Conversation::smtp(server);
        smtp.deliver(to, &messages::plain("counted")).unwrap()
    };
    assert!(deliver(&server, "alice@example.org").starts_with("250"));
    let set = printed(&[&quota[..], &["--total-messages", "2"]].concat(), &server);
    assert!(
        set.starts_with("storage: no limit\nmessages: no limit\n"),
        "{set}"
    );
    assert!(set.ends_with("all of example.org, messages: 1 of 2\n"), "{set}");
    assert!(server.stop().success());
    let told = printed(&[&quota[..], &["--json"]].concat(), &server);
    let told: String = told.split_whitespace().collect();
    assert!(told.contains("\"messages\":{\"used\":1,\"limit\":2,"), "{told}");
    let server = Server::start_in(server.data()).unwrap();
    assert!(deliver(&server, "bob@example.org").starts_with("250"));
    for name in ["alice@example.org", "bob@example.org"] {
        let reply = deliver(&server, name);
        assert!(reply.starts_with("452 4.2.2"), "{reply}");
    }
    let told = printed(&["account", "quota", "bob@example.org"], &server);
    assert!(told.ends_with("all of example.org, messages: 2 of 2\n"), "{told}");
    let none = printed(&[&quota[..], &["--total-messages", "none"]].concat(), &server);
    assert!(none.ends_with("messages: 2 of no limit\n"), "{none}");
    assert!(deliver(&server, "alice@example.org").starts_with("250"));
}

#[test]
fn a_disabled_account_is_shut_out_at_once_and_its_mail_stays() {
    let server = Server::with_accounts();
    let mut imap = Conversation::imap(&server, "alice", "tin whistle");
    imap.ok("SELECT INBOX");
    printed(&["account", "disable", "alice@example.org"], &server);
    assert!(imap.line().unwrap().starts_with("* BYE"));
    assert!(printed(&["account", "list"], &server).contains("alice@example.org\tdisabled\n"));
    let mut smtp = Conversation::smtp(&server);
    let reply = smtp
        .deliver("alice@example.org", &messages::plain("shut"))
        .unwrap();
    assert!(reply.starts_with("550 5.2.1"), "{reply}");
    printed(&["account", "enable", "alice@example.org"], &server);
    Conversation::imap(&server, "alice", "tin whistle").ok("SELECT INBOX");
}

#[test]
fn a_list_of_accounts_that_is_not_utf_8_is_refused_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.csv");
    // As a spreadsheet in Chinese writes it: GBK.
    std::fs::write(&list, b"a@example.org,one\n\xc4\xe3@example.org,two\n").unwrap();
    for (language, words) in [("en", "line 2 is not UTF-8"), ("zh", "第 2 行 不是 UTF-8")] {
        let mut import = server::posthouse(&["--lang", language, "account", "import"]);
        let said = import
            .arg(&list)
            .arg("--data")
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert_eq!(said.status.code(), Some(65));
        let text = String::from_utf8(said.stderr).unwrap();
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn an_app_password_is_shown_once_listed_and_revoked() {
    let server = Server::with_accounts();
    let app_password = |rest: &[&str]| {
        let words = [&["account", "app-password", "alice@example.org"], rest].concat();
        printed(&words, &server)
    };
    let secret = app_password(&["add", "phone"]);
    let secret = secret.trim();
    assert!(secret.len() >= 24, "{secret}");
    let listed = app_password(&["list"]);
    assert!(
        listed.starts_with("phone\t") && listed.contains("never"),
        "{listed}"
    );
    Conversation::imap(&server, "alice", secret).ok("NOOP");
    let listed = app_password(&["list", "--json"]);
    assert!(!listed.contains("null") && !listed.contains(secret), "{listed}");
    app_password(&["revoke", "phone"]);
    assert_eq!(app_password(&["list"]), "");
    let mut imap = Conversation::open(&server, Service::Imap);
    imap.line().unwrap();
    let lines = imap.command(&format!("LOGIN alice {secret}")).unwrap();
    assert!(lines[0].contains(" NO [AUTHENTICATIONFAILED]"), "{lines:?}");
    Conversation::imap(&server, "alice", "tin whistle").ok("NOOP");
}

/// Without the option a password that looks like a hash is a password.
#[test]
fn hashes_of_another_server_are_imported_when_it_is_said_that_they_are_such() {
    let server = Server::start();
    let file = server.data().with_file_name("hashes.csv");
    // crypt(3) of `pencil`.
    let hash = "$2y$04$abcdefghijklmnopqrstuu/FyAyuZSl3DbPdvio4KrIBdz2k2yhV2";
    std::fs::write(&file, format!("h1@example.org,{{BLF-CRYPT}}{hash}\n")).unwrap();
    printed(
        &["account", "import", "--hashed", file.to_str().unwrap()],
        &server,
    );
    Conversation::imap(&server, "h1", "pencil").ok("NOOP");
    Conversation::imap(&server, "h1", "pencil").ok("NOOP");
    std::fs::write(&file, format!("h2@example.org,{hash}\n")).unwrap();
    printed(&["account", "import", file.to_str().unwrap()], &server);
    Conversation::imap(&server, "h2", hash).ok("NOOP");
}

#[test]
fn a_member_that_was_removed_gets_no_more_and_a_list_names_all_others() {
    let server = Server::with_accounts();
    let words = [
        "group",
        "add",
        "all@example.org",
        "alice@example.org",
        "bob@example.org",
    ];
    printed(&words, &server);
    assert_eq!(
        printed(&["group", "list"], &server),
        "all@example.org\talice@example.org bob@example.org\n"
    );
    printed(&["account", "disable", "bob@example.org"], &server);
    assert_eq!(
        printed(&["group", "list", "all@example.org"], &server),
        "alice@example.org\nbob@example.org\tdisabled\n"
    );
    printed(&["account", "enable", "bob@example.org"], &server);
    printed(
        &["group", "member", "remove", "all@example.org", "bob@example.org"],
        &server,
    );
    let mut smtp = Conversation::smtp(&server);
    let reply = smtp.deliver("all@example.org", &messages::plain("rest")).unwrap();
    assert!(reply.starts_with("250"), "{reply}");
    let got = |name: &str, password: &str| messages::subjects(&server, name, password);
    assert!(got("alice", "tin whistle").contains(&"rest".to_owned()));
    assert!(!got("bob", "blue door").contains(&"rest".to_owned()));
    assert!(printed(&["account", "list"], &server).contains("bob@example.org\n"));
}

#[test]
fn aliases_and_domains_are_removed_and_a_password_is_changed() {
    let server = Server::with_accounts();
    printed(&["domain", "add", "example.net"], &server);
    assert_eq!(printed(&["domain", "list"], &server).lines().count(), 2);
    printed(&["alias", "set", "al@example.net", "alice@example.org"], &server);
    let mut smtp = Conversation::smtp(&server);
    let reply = smtp.deliver("al@example.net", &messages::plain("one")).unwrap();
    assert!(reply.starts_with("250"), "{reply}");
    printed(&["alias", "remove", "al@example.net"], &server);
    assert_eq!(printed(&["alias", "list"], &server), "");
    let reply = smtp.deliver("al@example.net", &messages::plain("two")).unwrap();
    assert!(reply.starts_with("550 5.1.1"), "{reply}");
    printed(&["domain", "remove", "example.net"], &server);
    assert_eq!(printed(&["domain", "list"], &server), "example.org\n");

    let mut password = server::posthouse(&["account", "password", "alice@example.org", "--password-stdin"]);
    password.arg("--data").arg(server.data()).stdin(Stdio::piped());
    let mut password = password.spawn().unwrap();
    password.stdin.take().unwrap().write_all(b"other\n").unwrap();
    assert!(password.wait().unwrap().success());
    Conversation::imap(&server, "alice", "other").ok("NOOP");
    let mut imap = Conversation::open(&server, Service::Imap);
    imap.line().unwrap();
    let lines = imap.command("LOGIN alice \"tin whistle\"").unwrap();
    assert!(lines[0].contains(" NO [AUTHENTICATIONFAILED]"), "{lines:?}");
}

#[test]
fn what_is_no_name_is_refused_in_the_language_that_was_asked_for() {
    let server = Server::start();
    for (words, wanted) in [
        (["domain", "add", "a..b"], "a..b 不是域名：域名"),
        (["account", "remove", "alice"], "alice 不是邮件地址：地址的形式是"),
        (
            ["group", "remove", "a b@example.org"],
            "a b@example.org 不是邮件地址：@ 之前",
        ),
    ] {
        let (said, code) = refused(&[&["--lang", "zh"][..], &words].concat(), &server);
        assert!(said.contains(wanted) && code == Some(65), "{said}");
        let (said, _) = refused(&[&["--lang", "en"][..], &words].concat(), &server);
        assert!(said.is_ascii(), "{said}");
    }
}
