//! The header of a message, as far as a transfer agent looks at it: which fields are there, and how often.

/// The fields of a header, up to the first line that is none.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(&'a [u8]);

/// The fields of a message: name and value, folds and the last line end included.
#[must_use]
pub fn fields(message: &[u8]) -> Fields<'_> {
    Fields(message)
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let name_end = name_end(self.0)?;
        let mut end = line_end(self.0);
        while matches!(self.0.get(end), Some(b' ' | b'\t')) {
            end += line_end(self.0.get(end..).unwrap_or_default());
        }
        let (field, rest) = self.0.split_at(end);
        self.0 = rest;
        let (name, value) = field.split_at(name_end);
        Some((name.trim_ascii_end(), value.get(1..).unwrap_or_default()))
    }
}

/// Where the colon is, if the text begins with a field (RFC 5322 §2.2; spaces before the colon: §4.5).
fn name_end(text: &[u8]) -> Option<usize> {
    let name = text
        .iter()
        .take_while(|c| c.is_ascii_graphic() && **c != b':')
        .count();
    let spaces = text
        .get(name..)?
        .iter()
        .take_while(|c| matches!(c, b' ' | b'\t'))
        .count();
    (name > 0 && text.get(name + spaces) == Some(&b':')).then_some(name + spaces)
}

/// The octets of the first line, its end included.
fn line_end(text: &[u8]) -> usize {
    memchr::memchr(b'\n', text).map_or(text.len(), |at| at + 1)
}

/// What a submission server adds when it is missing (RFC 6409 §8), and whether there is a header at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// A `Date` field.
    pub date: bool,
    /// A `Message-ID` field.
    pub message_id: bool,
    /// A `From` field.
    pub from: bool,
    /// `Received` fields.
    pub received: usize,
    /// Whether the message begins with a field, or with the empty line that says that there is none.
    pub header: bool,
}

impl Present {
    /// Looks at a message.
    #[must_use]
    pub fn of(message: &[u8]) -> Self {
        let mut present = Present {
            // A line that mailbox files put before a message does not make it a message without a header.
            header: message.is_empty()
                || message.starts_with(b"\r\n")
                || message.starts_with(b"From ")
                || message.starts_with(b">From ")
                || name_end(message).is_some(),
            ..Present::default()
        };
        for (name, _) in fields(message) {
            present.date |= name.eq_ignore_ascii_case(b"Date");
            present.message_id |= name.eq_ignore_ascii_case(b"Message-ID");
            present.from |= name.eq_ignore_ascii_case(b"From");
            present.received += usize::from(name.eq_ignore_ascii_case(b"Received"));
        }
        present
    }

    /// Whether the message has been through too many servers (RFC 5321 §6.3): more than `most`.
    #[must_use]
    pub fn loops(self, most: usize) -> bool {
        self.received > most
    }
}

/// Whether the header of a message, all that stands before the first empty line, has more than `most` octets.
#[must_use]
pub fn is_too_big(message: &[u8], most: usize) -> bool {
    let empty_line = b"\r\n\r\n";
    let head = message.get(..most + empty_line.len() / 2);
    let head = head.filter(|head| !head.starts_with(b"\r\n"));
    head.is_some_and(|head| memchr::memmem::find(head, empty_line).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    #[test]
    fn fields_are_found_up_to_the_body() {
        let message = b"A: 1\r\nB:\r\n 2\r\n\t3\r\nC : 4\r\n\r\nD: 5\r\n";
        let got: Vec<_> = fields(message).collect();
        let wanted: [(&[u8], &[u8]); 3] =
            [(b"A", b" 1\r\n"), (b"B", b"\r\n 2\r\n\t3\r\n"), (b"C", b" 4\r\n")];
        assert_eq!(got, wanted);
        assert_eq!(fields(b"hello there: x\r\n").count(), 0);
        assert_eq!(fields(b"").count(), 0);
        assert_eq!(fields(b"A:").count(), 1);
    }

    #[test]
    fn what_is_there_is_seen() {
        let present = Present::of(b"date: x\r\nMESSAGE-ID: y\r\n\r\nFrom: z\r\n");
        assert!(present.date && present.message_id && !present.from && present.header);
        assert!(!Present::of(b"hello\r\n").header);
        assert!(Present::of(b"\r\nhello\r\n").header);
    }

    #[test]
    fn a_loop_is_a_hundred_and_one_received_fields() {
        assert!(!Present::of(&b"Received: x\r\n".repeat(100)).loops(limits::RECEIVED_FIELDS));
        assert!(Present::of(&b"Received: x\r\n".repeat(101)).loops(limits::RECEIVED_FIELDS));
    }

    #[test]
    fn a_header_has_a_limit_and_a_body_has_none() {
        let header = |octets: usize| [b"A: ", &vec![b'x'; octets - 5][..], b"\r\n"].concat();
        let message = |octets, body: &[u8]| [&header(octets)[..], b"\r\n", body].concat();
        let is_too_big = |message: &[u8]| is_too_big(message, limits::HEADER);
        assert!(!is_too_big(&message(limits::HEADER, &[b'x'; 5000])));
        assert!(is_too_big(&message(limits::HEADER + 1, &[b'x'; 5000])));
        assert!(!is_too_big(&header(limits::HEADER)));
        assert!(is_too_big(&header(limits::HEADER + 2)));
        assert!(!is_too_big(&[b"\r\n", &vec![b'x'; limits::HEADER][..]].concat()));
    }
}
