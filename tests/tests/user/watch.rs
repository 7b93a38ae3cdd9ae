//! `posthouse watch`: each new message is told as it comes, by a line or a command, and old ones are not.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use end_to_end::{Conversation, Server, messages, server};

use crate::url;

#[test]
fn new_messages_are_told_as_they_come() {
    let server = Server::with_accounts();
    let deliver = |subject: &str| {
        let mut smtp = Conversation::smtp(&server);
        smtp.deliver("alice@example.org", &messages::plain(subject))
            .unwrap();
    };
    deliver("old");
    let imap = url(&server, "imap");
    for more in [
        &["--json"][..],
        &["--exec", "printf '%s: ' \"$MAIL_UID\"; grep -i ^subject:"],
    ] {
        let words = [&["watch", "--server", &imap, "--count", "2", "--trace"], more].concat();
        let mut command = server::posthouse(&words);
        command
            .env("POSTHOUSE_PASSWORD", "tin whistle")
            .env("LC_ALL", "C.UTF-8");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        // It waits now: what comes from here on is new.
        while !line.contains("IDLE") || line.contains("CAPABILITY") {
            line.clear();
            assert_ne!(errors.read_line(&mut line).unwrap(), 0, "it ended");
        }
        deliver("first");
        deliver("second");
        let output = child.wait_with_output().unwrap();
        drop(errors);
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{out}");
        let told: Vec<&str> = out.lines().collect();
        assert!(
            told.len() == 2 && told[0].contains("first") && told[1].contains("second"),
            "{out}"
        );
        assert!(!out.contains("old"));
    }
}
