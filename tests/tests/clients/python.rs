//! Python's standard library: the scripts of `tests/python/`.

use end_to_end::{Server, program};

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
