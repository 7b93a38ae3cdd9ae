//! `posthouse undelete`: on a running server, whose clients are told, and on a stopped one.

use end_to_end::{Conversation, Server, server};

fn undelete(server: &Server, more: &[&str]) -> (bool, String) {
    let output = server::posthouse(&["undelete", "alice@example.org"])
        .args(more)
        .arg("--data")
        .arg(server.data())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn alice(server: &Server) -> Conversation {
    Conversation::imap(server, "alice", "tin whistle")
}

#[test]
fn deleted_messages_are_listed_and_come_back_on_a_running_server_and_on_a_stopped_one() {
    let mut server = Server::start();
    server.add("alice@example.org", "tin whistle");
    let mut imap = alice(&server);
    for subject in ["one", "two"] {
        let message = format!("From: Bob <bob@example.org>\r\nSubject: {subject}\r\n\r\n");
        imap.ok(&format!(
            "APPEND INBOX (\\Flagged) {{{}+}}\r\n{message}",
            message.len()
        ));
    }
    imap.ok("SELECT INBOX");
    imap.ok("STORE 1 +FLAGS (\\Deleted)");
    imap.ok("EXPUNGE");
    let (_, listed) = undelete(&server, &["--list", "--since", "1h"]);
    assert!(listed.starts_with("INBOX\tdeleted "), "{listed}");
    assert!(
        listed.contains("\tBob <bob@example.org>\tone\n1 message can be brought back"),
        "{listed}"
    );
    let (_, listed) = undelete(&server, &["--list", "--json"]);
    assert!(
        listed.contains("\"uid\": 1") && listed.contains("\"subject\": \"one\""),
        "{listed}"
    );
    let (done, said) = undelete(&server, &["--lang", "zh"]);
    assert!(done && said.contains("已恢复 1 封邮件"), "{said}");
    let told = imap.ok("NOOP");
    assert!(told.iter().any(|line| line == "* 2 EXISTS"), "{told:?}");
    let flags = imap.ok("FETCH 2 (UID FLAGS)");
    let told = flags
        .iter()
        .any(|line| line.contains("UID 3") && line.contains("\\Flagged") && !line.contains("\\Deleted"));
    assert!(told, "{flags:?}");
    let (done, said) = undelete(&server, &["--json"]);
    assert!(done && said.contains("\"messages\": 0"), "{said}");
    imap.ok("CREATE work");
    imap.ok("COPY 1 work");
    imap.ok("DELETE work");
    assert!(server.stop().success());
    let (done, said) = undelete(&server, &["--since", "1d"]);
    assert!(done && said.contains("1 message is back"), "{said}");
    let server = Server::start_in(server.data()).unwrap();
    let found = alice(&server).ok("STATUS work (MESSAGES)");
    assert!(found.iter().any(|line| line.contains("MESSAGES 1")), "{found:?}");
}

#[test]
fn whoever_is_not_known_or_a_time_that_is_none_is_refused_with_words() {
    let server = Server::start();
    let (done, said) = undelete(&server, &[]);
    assert!(
        !done && said.contains("there is no account alice@example.org"),
        "{said}"
    );
    let (done, said) = undelete(&server, &["--since", "yesterday"]);
    assert!(!done && said.contains("yesterday"), "{said}");
}
