//! Replies, read line by line (RFC 5321 §4.2).

use thiserror::Error;

use crate::{Enhanced, Reply};

/// The most text of one reply, in octets: EHLO's with all that is registered has 2,000.
pub const MAX_REPLY: usize = 64 << 10;

/// A line that belongs to no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Garbled {
    /// It does not begin with a code, or its mark is neither a space nor a hyphen.
    #[error("not a reply")]
    NotReply,
    /// Its code is another than that of the lines before.
    #[error("the code changed within a reply")]
    OtherCode,
    /// The reply has more text than [`MAX_REPLY`].
    #[error("a reply without an end")]
    TooLong,
}

/// A reply that comes line by line.
#[derive(Debug, Default)]
pub struct ReplyReader {
    begun: Option<(u16, Option<Enhanced>)>,
    text: String,
}

impl ReplyReader {
    /// Takes the next line, without its end, and gives the reply when it is whole.
    ///
    /// The enhanced status code (RFC 2034 §4) is taken off each line; text that is not UTF-8 is read as far as it is.
    ///
    /// # Errors
    /// When the line is of no reply: what comes after it cannot be relied on.
    pub fn take(&mut self, line: &[u8]) -> Result<Option<Reply>, Garbled> {
        let (digits, rest) = line.split_at_checked(3).ok_or(Garbled::NotReply)?;
        let code = code(digits)?;
        // RFC 5321 §4.2.1: a reply may consist of the code alone.
        let (is_last, text) = match rest.split_first() {
            None => (true, rest),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return Err(Garbled::NotReply),
        };
        let text = String::from_utf8_lossy(text);
        let (enhanced, words) = split_enhanced(code, &text);
        match self.begun {
            None => self.begun = Some((code, enhanced)),
            Some((begun, _)) if begun != code => return Err(Garbled::OtherCode),
            Some(_) => self.text.push('\n'),
        }
        if self.text.len() + words.len() > MAX_REPLY {
            return Err(Garbled::TooLong);
        }
        self.text.push_str(words);
        if !is_last {
            return Ok(None);
        }
        let text = std::mem::take(&mut self.text);
        let whole = self.begun.take().map(|(code, enhanced)| match enhanced {
            Some(enhanced) => Reply::worded(code, enhanced, &text),
            None => Reply::plain(code, text),
        });
        Ok(whole)
    }
}

/// RFC 5321 §4.2: `Reply-code = %x32-35 %x30-35 %x30-39`; some servers go beyond that in the second digit.
fn code(digits: &[u8]) -> Result<u16, Garbled> {
    match digits {
        [first @ b'2'..=b'5', second @ b'0'..=b'9', third @ b'0'..=b'9'] => {
            let digit = |octet: &u8| u16::from(octet - b'0');
            Ok(digit(first) * 100 + digit(second) * 10 + digit(third))
        }
        _ => Err(Garbled::NotReply),
    }
}

/// The enhanced status code in front of a text, where it is of the class of the reply's code.
fn split_enhanced(code: u16, text: &str) -> (Option<Enhanced>, &str) {
    let (status, words) = text.split_once(' ').unwrap_or((text, ""));
    let mut numbers = status.split('.').map(str::parse::<u16>);
    match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(class)), Some(Ok(subject)), Some(Ok(detail)), None) if class == code / 100 => {
            let class = u8::try_from(class).expect("a class is one digit");
            (Some(Enhanced(class, subject, detail)), words)
        }
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;

    fn read(lines: &str) -> Result<Option<Reply>, Garbled> {
        let mut reader = ReplyReader::default();
        let mut last = Ok(None);
        for line in lines.split('|') {
            last = reader.take(line.as_bytes());
        }
        last
    }

    fn check(lines: &str, code: u16, enhanced: Option<Enhanced>, text: &str) {
        let reply = read(lines).unwrap().unwrap();
        assert_eq!(
            (reply.code(), reply.enhanced(), reply.text()),
            (code, enhanced, text)
        );
    }

    #[test]
    fn replies_are_read() {
        check("250 OK", 250, None, "OK");
        check("250", 250, None, "");
        check("250 ", 250, None, "");
        check(
            "550 5.1.1 No such user",
            550,
            Some(Enhanced(5, 1, 1)),
            "No such user",
        );
        check(
            "550-5.7.1 One|550 5.7.1 two",
            550,
            Some(Enhanced(5, 7, 1)),
            "One\ntwo",
        );
        check(
            "250-mx.example|250-SIZE 10|250 HELP",
            250,
            None,
            "mx.example\nSIZE 10\nHELP",
        );
        // RFC 2034 §4: the class goes with the code; another number is text.
        check("550 2.1.1 odd", 550, None, "2.1.1 odd");
        check("220 1.2.3.4 ready", 220, None, "1.2.3.4 ready");
        check(
            "354 \u{8bf7}\u{53d1}\u{9001}",
            354,
            None,
            "\u{8bf7}\u{53d1}\u{9001}",
        );
    }

    #[test]
    fn what_is_no_reply_is_named() {
        for line in [
            "",
            "25",
            "hello",
            "+OK",
            "* OK ready",
            "2x0 a",
            "650 a",
            "150 a",
            "250_a",
        ] {
            assert_eq!(read(line), Err(Garbled::NotReply), "{line}");
        }
        assert_eq!(read("250-a|251 b"), Err(Garbled::OtherCode));
        assert_eq!(read("250-a"), Ok(None));
        let mut reader = ReplyReader::default();
        let line = format!("250-{}", "x".repeat(1000));
        let endless = (0..100)
            .map(|_| reader.take(line.as_bytes()))
            .find(Result::is_err);
        assert_eq!(endless, Some(Err(Garbled::TooLong)));
    }

    #[test]
    fn what_is_printed_reads_back() {
        for reply in [
            crate::reply::OK,
            crate::reply::start_data(),
            crate::reply::delivered_to(Some("a@b.example"), "7"),
            Reply::plain(250, "mx\nSIZE 5\nPIPELINING"),
        ] {
            let mut out = BytesMut::new();
            reply.print(&mut out);
            let text = String::from_utf8(out.to_vec()).unwrap();
            let lines = text.trim_end().replace("\r\n", "|");
            assert_eq!(read(&lines), Ok(Some(reply)));
        }
    }
}
