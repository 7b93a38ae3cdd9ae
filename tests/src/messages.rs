//! Messages that tests send, and what is in a mailbox.

use crate::{Conversation, Server};

/// A small message with a subject that can be counted.
#[must_use]
pub fn plain(subject: &str) -> String {
    format!(
        "From: Sender <sender@example.net>\r\nTo: alice@example.org\r\nSubject: {subject}\r\n\
         Message-ID: <{subject}@example.net>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\nHello from {subject}.\r\n"
    )
}

/// The subjects in a mailbox, in its order.
#[must_use]
pub fn subjects(server: &Server, user: &str, password: &str) -> Vec<String> {
    let mut imap = Conversation::imap(server, user, password);
    imap.ok("EXAMINE INBOX");
    let lines = imap.ok("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
    let subject = |line: &String| line.strip_prefix("Subject: ").map(str::to_owned);
    lines.iter().filter_map(subject).collect()
}
