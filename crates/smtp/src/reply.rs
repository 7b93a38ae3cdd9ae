//! Replies: a code, an enhanced status code (RFC 2034, RFC 3463), text; and the words of those that say yes.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::BytesMut;

/// An enhanced status code: class, subject, detail (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enhanced(pub u8, pub u16, pub u16);

/// A reply. Each line of the text becomes a line of the reply (RFC 5321 §4.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    enhanced: Option<Enhanced>,
    text: Cow<'static, str>,
}

impl Reply {
    /// A reply with fixed words.
    #[must_use]
    pub const fn fixed(code: u16, enhanced: Enhanced, text: &'static str) -> Self {
        Reply {
            code,
            enhanced: Some(enhanced),
            text: Cow::Borrowed(text),
        }
    }

    /// A reply with words of its own. Control characters in them become question marks, so that no text from
    /// outside makes a second reply; a line end begins the next line of this one.
    #[must_use]
    pub fn worded(code: u16, enhanced: Enhanced, text: &str) -> Self {
        Reply {
            code,
            enhanced: Some(enhanced),
            text: Cow::Owned(harmless(text)),
        }
    }

    /// A reply that carries no enhanced status code: a greeting, EHLO, and what is not final (RFC 2034 §4).
    #[must_use]
    pub fn plain(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Reply {
            code,
            enhanced: None,
            text: harmless(&text.into()).into(),
        }
    }

    /// The three digits.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced status code.
    #[must_use]
    pub fn enhanced(&self) -> Option<Enhanced> {
        self.enhanced
    }

    /// The text, a line end between its lines.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the server goes away after it (RFC 5321 §3.8).
    #[must_use]
    pub fn closes(&self) -> bool {
        matches!(self.code, 221 | 421)
    }

    /// Prints the reply, with its line ends.
    pub fn print(&self, out: &mut BytesMut) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let mark = if lines.peek().is_some() { '-' } else { ' ' };
            let printed = match self.enhanced {
                // RFC 2034 §4: the code stands in every line.
                Some(Enhanced(class, subject, detail)) => {
                    write!(out, "{}{mark}{class}.{subject}.{detail} {line}\r\n", self.code)
                }
                None => write!(out, "{}{mark}{line}\r\n", self.code),
            };
            printed.expect("a BytesMut takes everything");
        }
    }
}

fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { '?' } else { c })
        .collect()
}

/// The first line of a connection (RFC 5321 §4.3.1).
#[must_use]
pub fn greeting(host: &str, dialect: &'static str) -> Reply {
    Reply::plain(220, format!("{host} {dialect} Posthouse"))
}

/// The answer to QUIT.
pub const BYE: Reply = Reply::fixed(221, Enhanced(2, 0, 0), "Bye");
/// The answer to NOOP and RSET.
pub const OK: Reply = Reply::fixed(250, Enhanced(2, 0, 0), "OK");
/// The answer to MAIL.
pub const SENDER_OK: Reply = Reply::fixed(250, Enhanced(2, 1, 0), "Sender OK");
/// The answer to RCPT.
pub const RECIPIENT_OK: Reply = Reply::fixed(250, Enhanced(2, 1, 5), "Recipient OK");
/// The answer to STARTTLS (RFC 3207 §4).
pub const READY_FOR_TLS: Reply = Reply::fixed(220, Enhanced(2, 0, 0), "Ready to start TLS");
/// The answer to an AUTH that succeeds (RFC 4954 §6).
pub const AUTHENTICATED: Reply = Reply::fixed(235, Enhanced(2, 7, 0), "Authentication succeeded");
/// The answer to VRFY, which tells nothing (RFC 5321 §7.3).
pub const CANNOT_VERIFY: Reply = Reply::fixed(
    252,
    Enhanced(2, 5, 0),
    "Cannot VRFY user, but will take a message and attempt delivery",
);

/// The answer to DATA (RFC 5321 §4.1.1.4). Not final, so it has no enhanced status code.
#[must_use]
pub fn start_data() -> Reply {
    Reply::plain(354, "Start mail input; end with <CRLF>.<CRLF>")
}

/// A challenge of an AUTH exchange, in base64 (RFC 4954 §4).
#[must_use]
pub fn challenge(base64: String) -> Reply {
    Reply::plain(334, base64)
}

/// The answer to a chunk that is not the last (RFC 3030 §2).
#[must_use]
pub fn chunk(octets: u64) -> Reply {
    Reply::worded(250, Enhanced(2, 0, 0), &format!("{octets} octets received"))
}

/// The answer to a message that is on stable storage.
#[must_use]
pub fn delivered(id: &str) -> Reply {
    Reply::worded(250, Enhanced(2, 0, 0), &format!("OK, stored as {id}"))
}

/// LMTP's answer for one recipient (RFC 2033 §4.2), which is not named where it has no ASCII form (RFC 6531 §3.7.4.2: no
/// UTF-8 here).
#[must_use]
pub fn delivered_to(recipient: Option<&str>, id: &str) -> Reply {
    let text = match recipient {
        Some(recipient) => format!("<{recipient}> OK, stored as {id}"),
        None => format!("OK, stored as {id}"),
    };
    Reply::worded(250, Enhanced(2, 1, 5), &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(reply: &Reply) -> String {
        let mut out = BytesMut::new();
        reply.print(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn replies_print() {
        assert_eq!(printed(&OK), "250 2.0.0 OK\r\n");
        assert_eq!(
            printed(&start_data()),
            "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
        );
        assert_eq!(printed(&challenge(String::new())), "334 \r\n");
        let two = Reply::fixed(214, Enhanced(2, 0, 0), "a\nb");
        assert_eq!(printed(&two), "214-2.0.0 a\r\n214 2.0.0 b\r\n");
    }

    #[test]
    fn no_text_makes_a_second_reply() {
        let reply = Reply::worded(550, Enhanced(5, 1, 1), "<a\r250 OK\0>");
        assert_eq!(printed(&reply), "550 5.1.1 <a?250 OK?>\r\n");
    }
}
