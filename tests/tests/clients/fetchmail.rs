//! fetchmail: mail is taken over POP3 and over IMAP, handed on, and gone from the server.

use std::fs;

use end_to_end::{Conversation, Server, Service, messages, program};

#[test]
fn mail_is_fetched_and_leaves_the_server() {
    if !program::is_here("fetchmail") {
        return;
    }
    let server = Server::with_accounts();
    for (protocol, service) in [("pop3", Service::Pop3s), ("imap", Service::Imaps)] {
        let mut smtp = Conversation::smtp(&server);
        for number in 0..3 {
            smtp.deliver(
                "alice@example.org",
                &messages::plain(&format!("{protocol}-{number}")),
            )
            .unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let mail = folder.path().join("mail");
        let text = format!(
            "poll localhost protocol {protocol} service {}\n  user \"alice@example.org\" password \"tin whistle\"\n  \
             ssl sslcertck sslcertfile \"{}\"\n  mda \"cat >> {}\"\n",
            server.port(service),
            server.certificate().display(),
            mail.display(),
        );
        let settings = program::file(folder.path(), "fetchmailrc", &text);
        let words = ["fetchmail", "-f", settings.to_str().unwrap(), "--nosyslog", "-v"];
        program::run(folder.path(), &words, b"").succeeded();
        let fetched = fs::read_to_string(&mail).unwrap();
        for number in 0..3 {
            assert!(
                fetched.contains(&format!("Subject: {protocol}-{number}")),
                "{fetched}"
            );
        }
        assert_eq!(messages::subjects(&server, "alice", "tin whistle"), [""; 0]);
    }
}
