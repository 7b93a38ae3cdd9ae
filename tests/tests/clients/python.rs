//! Python's standard library: the scripts of `tests/python/`.

use end_to_end::{Server, program, server};

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
