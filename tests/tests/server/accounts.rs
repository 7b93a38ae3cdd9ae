//! Accounts are seen at once, and the tutorial's command line works on a running and on a stopped server.

use end_to_end::{Conversation, Server, Service, server};

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
        refused.words.contains(&first.data().display().to_string()),
        "{}",
        refused.words
    );
    let mut smtp = Conversation::open(&first, Service::Smtp);
    smtp.expect("220");
}
