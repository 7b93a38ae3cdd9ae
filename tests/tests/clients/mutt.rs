//! mutt, without a terminal: an attachment is sent over SMTPS, a mailbox is opened over IMAPS and a message saved.

use end_to_end::{Server, Service, messages, program};

#[test]
fn a_letter_with_an_attachment_is_sent() {
    if !program::is_here("mutt") {
        return;
    }
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "set smtp_url = \"smtps://alice@localhost:{}/\"\nset smtp_pass = \"tin whistle\"\n\
         set certificate_file = \"{}\"\nset from = \"alice@example.org\"\nset copy = no\nset charset = utf-8\n\
         set send_charset = utf-8\nset ssl_verify_host = no\n",
        server.port(Service::Submissions),
        server.certificate().display(),
    );
    let settings = program::file(folder.path(), "muttrc", &text);
    let attached = program::file(folder.path(), "sheet.txt", "one\ntwo\n");
    let words = [
        "mutt",
        "-n",
        "-F",
        settings.to_str().unwrap(),
        "-s",
        "from-mutt",
        "-a",
        attached.to_str().unwrap(),
        "--",
        "bob@example.org",
    ];
    program::run(folder.path(), &words, "你好\n".as_bytes()).succeeded();
    assert_eq!(messages::subjects(&server, "bob", "blue door"), ["from-mutt"]);
}
