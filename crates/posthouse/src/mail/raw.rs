//! A message from standard input, as programs give it to sendmail: lines may end in LF, Bcc is taken out, and what a message
//! must have and does not is added (RFC 6409 §8).

use client::Address;
use message::compose::Mailbox;
use message::{Message, parse_addresses, repair};

/// A message that can be sent.
pub(super) struct Taken {
    pub(super) message: Vec<u8>,
    /// Everybody in To, Cc and Bcc, each once.
    pub(super) recipients: Vec<Address>,
    pub(super) author: Option<Address>,
    /// Whom From names first.
    pub(super) from: Option<Address>,
    /// Its Message-ID, without angle brackets.
    pub(super) id: Option<String>,
}

/// What a line with a lone dot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoneDot {
    /// The end of the message.
    Ends,
    IsText,
}

/// Reads a message. `from` is the author where it names none.
pub(super) fn take(input: &[u8], lone_dot: LoneDot, from: Option<&Mailbox>) -> Taken {
    let input = match lone_dot {
        LoneDot::IsText => input,
        LoneDot::Ends => before_lone_dot(input),
    };
    // The line of an mbox that some programs leave above the header.
    let input = match input.starts_with(b"From ") {
        true => after_line(input),
        false => input,
    };
    let text = repair::crlf(input);
    let parsed = Message::parse(&text);
    let root = parsed.structure().ids().next().expect("every message has a root");
    let header = parsed.header(root);
    let people = |names: &[&str]| {
        let mut found: Vec<Address> = Vec::new();
        for field in header
            .fields()
            .filter(|field| names.iter().any(|name| field.is(name)))
        {
            for item in parse_addresses(&field.unfolded()) {
                let address = Mailbox::of(&item).map(|mailbox| mailbox.address().clone());
                found.extend(
                    address
                        .ok()
                        .filter(|address| !found.contains(address))
                        .into_iter()
                        .collect::<Vec<_>>(),
                );
            }
        }
        found
    };
    let named = people(&["From"]).into_iter().next();
    let author = people(&["Sender"]).into_iter().chain(named.clone()).next();
    let fallback = author.clone().or_else(|| from.map(|from| from.address().clone()));
    let mut message = Vec::new();
    let mut id = parsed.message_id();
    if let Some(author) = &fallback {
        let stamp = client::stamp(&author.domain);
        if header.first("Date").is_none() {
            message.extend_from_slice(format!("Date: {}\r\n", stamp.date).as_bytes());
        }
        if header.first("Message-ID").is_none() {
            message.extend_from_slice(format!("Message-ID: <{}>\r\n", stamp.id.as_str()).as_bytes());
            id = Some(stamp.id.as_str().to_owned());
        }
    }
    if let (None, Some(from)) = (header.first("From"), from) {
        message.extend_from_slice(format!("From: {}\r\n", from.address()).as_bytes());
    }
    message.extend_from_slice(&header.without(&["Bcc", "Resent-Bcc"]));
    message.extend_from_slice(parsed.body(root));
    Taken {
        message,
        recipients: people(&["To", "Cc", "Bcc"]),
        author,
        from: named.or_else(|| from.map(|from| from.address().clone())),
        id,
    }
}

fn after_line(input: &[u8]) -> &[u8] {
    let end = input.iter().position(|octet| *octet == b'\n');
    end.and_then(|end| input.get(end + 1..)).unwrap_or_default()
}

fn before_lone_dot(input: &[u8]) -> &[u8] {
    let mut at = 0;
    for line in input.split_inclusive(|octet| *octet == b'\n') {
        if matches!(line, b".\n" | b".\r\n" | b".") {
            return input.get(..at).unwrap_or_default();
        }
        at += line.len();
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(taken: &Taken) -> &str {
        std::str::from_utf8(&taken.message).unwrap()
    }

    #[test]
    fn recipients_come_from_the_header_and_bcc_goes() {
        let input = b"From: Alice <alice@example.org>\nTo: bob@example.org, Carol <carol@example.org>\nCc: bob@example.org\n\
            bcc: dave@example.org,\n\terin@example.org\nDate: Wed, 25 Nov 2026 10:00:00 +0800\nMessage-ID: <1@x.example>\nSubject: hi\n\nHi.\n.\nrest\n";
        let taken = take(input, LoneDot::Ends, None);
        let recipients: Vec<String> = taken.recipients.iter().map(ToString::to_string).collect();
        assert_eq!(
            recipients,
            [
                "bob@example.org",
                "carol@example.org",
                "dave@example.org",
                "erin@example.org"
            ]
        );
        assert_eq!(taken.author.as_ref().unwrap().to_string(), "alice@example.org");
        assert_eq!(taken.id.as_deref(), Some("1@x.example"));
        assert_eq!(
            text(&taken),
            "From: Alice <alice@example.org>\r\nTo: bob@example.org, Carol <carol@example.org>\r\nCc: bob@example.org\r\n\
             Date: Wed, 25 Nov 2026 10:00:00 +0800\r\nMessage-ID: <1@x.example>\r\nSubject: hi\r\n\r\nHi.\r\n"
        );
        assert!(text(&take(input, LoneDot::IsText, None)).ends_with("Hi.\r\n.\r\nrest\r\n"));
    }

    #[test]
    fn what_a_message_must_have_is_added() {
        let from = Mailbox::parse("alice@example.org").unwrap();
        let taken = take(b"From x Thu\nSubject: hi\n\nHi.", LoneDot::IsText, Some(&from));
        let text = text(&taken);
        assert!(
            text.starts_with("Date: ") && text.contains("\r\nMessage-ID: <"),
            "{text}"
        );
        assert!(
            text.contains("\r\nFrom: alice@example.org\r\nSubject: hi\r\n\r\nHi."),
            "{text}"
        );
        assert_eq!(taken.author, None);
        assert!(taken.id.unwrap().ends_with("@example.org"));
    }
}
