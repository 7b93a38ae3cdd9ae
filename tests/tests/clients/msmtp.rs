//! msmtp: submission over STARTTLS and over TLS from the start, with the certificate checked.

use end_to_end::{Server, Service, messages, program};

#[test]
fn mail_is_submitted_over_both_kinds_of_tls() {
    if !program::is_here("msmtp") {
        return;
    }
    let server = Server::with_accounts();
    let folder = tempfile::tempdir().unwrap();
    let ways = [("on", Service::Submission), ("off", Service::Submissions)];
    for (number, (starttls, service)) in ways.into_iter().enumerate() {
        let text = format!(
            "account default\nhost localhost\nport {}\nfrom alice@example.org\nauth plain\nuser alice@example.org\n\
             password tin whistle\ntls on\ntls_starttls {starttls}\ntls_trust_file {}\n",
            server.port(service),
            server.certificate().display(),
        );
        let settings = program::file(folder.path(), "msmtprc", &text);
        let words = ["msmtp", "-C", settings.to_str().unwrap(), "bob@example.org"];
        let letter = messages::plain(&format!("by-msmtp-{number}"));
        program::run(folder.path(), &words, letter.as_bytes()).succeeded();
    }
    assert_eq!(
        messages::subjects(&server, "bob", "blue door"),
        ["by-msmtp-0", "by-msmtp-1"]
    );
}
