//! s-nail: a letter is sent with a login, and a mailbox is listed over IMAP and over POP3, read and thinned out.

use end_to_end::{Conversation, Server, Service, messages, program};

fn s_nail(server: &Server, words: &[&str], input: &str) -> program::Said {
    let folder = tempfile::tempdir().unwrap();
    let authority = format!("ssl-ca-file={}", server.certificate().display());
    let mut all = vec![
        "s-nail",
        "-:/",
        "-Sv15-compat",
        "-S",
        &authority,
        "-Sttycharset=utf-8",
    ];
    all.extend(words);
    program::run(folder.path(), &all, input.as_bytes())
}

#[test]
fn a_letter_is_sent_and_listed() {
    if !program::is_here("s-nail") {
        return;
    }
    let server = Server::with_accounts();
    let submission = format!(
        "mta=submission://alice%40example.org:tin%20whistle@localhost:{}",
        server.port(Service::Submission)
    );
    let words = [
        "-S",
        &*submission,
        "-Ssmtp-use-starttls",
        "-r",
        "alice@example.org",
        "-s",
        "from-s-nail",
    ];
    let words = [&words[..], &["bob@example.org"]].concat();
    s_nail(&server, &words, "Hello\n").succeeded();
    assert_eq!(messages::subjects(&server, "bob", "blue door"), ["from-s-nail"]);
    for (scheme, service) in [("imaps", Service::Imaps), ("pop3s", Service::Pop3s)] {
        let mailbox = format!(
            "{scheme}://bob%40example.org:blue%20door@localhost:{}",
            server.port(service)
        );
        let listed = s_nail(&server, &["-R", "-f", &mailbox], "headers\nexit\n").succeeded();
        assert!(
            listed.text().contains("from-s-nail"),
            "{scheme}: {} {}",
            listed.text(),
            listed.err
        );
    }
}

#[test]
fn a_letter_is_read_and_another_deleted() {
    if !program::is_here("s-nail") {
        return;
    }
    let server = Server::with_accounts();
    for (scheme, service) in [("imaps", Service::Imaps), ("pop3s", Service::Pop3s)] {
        let mut smtp = Conversation::smtp(&server);
        for number in 0..2 {
            let message = messages::plain(&format!("{scheme}-{number}"));
            smtp.deliver("bob@example.org", &message).unwrap();
        }
        let mailbox = format!(
            "{scheme}://bob%40example.org:blue%20door@localhost:{}",
            server.port(service)
        );
        let read = s_nail(&server, &["-f", &mailbox], "type 1\ndelete 2\nquit\n").succeeded();
        assert!(
            read.text().contains(&format!("Hello from {scheme}-0.")),
            "{read:?}"
        );
        assert_eq!(
            messages::subjects(&server, "bob", "blue door"),
            [format!("{scheme}-0")]
        );
        let mut imap = Conversation::imap(&server, "bob", "blue door");
        imap.ok("SELECT INBOX");
        imap.ok("STORE 1 +FLAGS (\\Deleted)");
        imap.ok("EXPUNGE");
    }
}
