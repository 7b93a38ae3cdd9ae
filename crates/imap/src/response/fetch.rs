//! FETCH responses (RFC 3501 §7.4.2): one message a line, written item by item.

use types::{ContentId, ThreadId, Timestamp, Uid};

use crate::grammar::date::print_date_time;
use crate::grammar::object_id;
use crate::grammar::print;
use crate::grammar::section::{Section, print_section};

/// Writes one `* n FETCH (…)`. The octets of a body need not be in memory: [`FetchLine::literal`] announces them,
/// and the caller sends them before the next item.
#[derive(Debug)]
pub struct FetchLine<'o> {
    out: &'o mut Vec<u8>,
    place: Place,
}

/// Whether an item has been written already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// None yet.
    First,
    /// One at least: a space stands before the next.
    Later,
}

impl<'o> FetchLine<'o> {
    /// Begins the response for the message at a position.
    pub fn begin(out: &'o mut Vec<u8>, position: u32) -> Self {
        out.extend_from_slice(b"* ");
        print::number(out, u64::from(position));
        out.extend_from_slice(b" FETCH (");
        FetchLine {
            out,
            place: Place::First,
        }
    }

    /// Lets go of the output, so that octets can be sent in between.
    #[must_use]
    pub fn pause(self) -> Place {
        self.place
    }

    /// Goes on with a response that was paused.
    pub fn resume(out: &'o mut Vec<u8>, place: Place) -> Self {
        FetchLine { out, place }
    }

    /// Ends the response.
    pub fn end(self) {
        self.out.extend_from_slice(b")\r\n");
    }

    fn name(&mut self, name: &str) {
        if self.place == Place::Later {
            self.out.push(b' ');
        }
        self.place = Place::Later;
        self.out.extend_from_slice(name.as_bytes());
    }

    /// `UID n`.
    pub fn uid(&mut self, uid: Uid) {
        self.name("UID ");
        print::number(self.out, u64::from(uid.0));
    }

    /// `FLAGS (…)`, with the flags already printed and separated by spaces.
    pub fn flags(&mut self, printed: &[u8]) {
        self.name("FLAGS (");
        self.out.extend_from_slice(printed);
        self.out.push(b')');
    }

    /// `INTERNALDATE "…"`.
    pub fn internal_date(&mut self, received: Timestamp) {
        self.name("INTERNALDATE ");
        print_date_time(self.out, received);
    }

    /// `SAVEDATE "…"` (RFC 8514 §4.2).
    pub fn save_date(&mut self, saved: Timestamp) {
        self.name("SAVEDATE ");
        print_date_time(self.out, saved);
    }

    /// `EMAILID (…)` (RFC 8474 §5.1).
    pub fn email_id(&mut self, content: ContentId) {
        self.name("EMAILID ");
        object_id::print_email(self.out, content);
    }

    /// `THREADID (…)` (RFC 8474 §5.2).
    pub fn thread_id(&mut self, thread: ThreadId) {
        self.name("THREADID ");
        object_id::print_thread(self.out, thread);
    }

    /// `RFC822.SIZE n`.
    pub fn size(&mut self, octets: u64) {
        self.name("RFC822.SIZE ");
        print::number(self.out, octets);
    }

    /// `ENVELOPE (…)`, with the envelope already printed.
    pub fn envelope(&mut self, printed: &[u8]) {
        self.name("ENVELOPE ");
        self.out.extend_from_slice(printed);
    }

    /// `BODY (…)`, with the structure already printed.
    pub fn body(&mut self, printed: &[u8]) {
        self.name("BODY ");
        self.out.extend_from_slice(printed);
    }

    /// `BODYSTRUCTURE (…)`, with the structure already printed.
    pub fn body_structure(&mut self, printed: &[u8]) {
        self.name("BODYSTRUCTURE ");
        self.out.extend_from_slice(printed);
    }

    /// `BODY[section]<origin> `, before the octets.
    pub fn section(&mut self, section: &Section, origin: Option<u32>) {
        self.name("BODY");
        print_section(self.out, section);
        if let Some(origin) = origin {
            self.out.push(b'<');
            print::number(self.out, u64::from(origin));
            self.out.push(b'>');
        }
        self.out.push(b' ');
    }

    /// `RFC822 `, `RFC822.HEADER ` or `RFC822.TEXT `, before the octets.
    pub fn rfc822(&mut self, name: &str) {
        self.name(name);
        self.out.push(b' ');
    }

    /// Announces the octets of a body, which the caller sends next.
    pub fn literal(&mut self, size: u64) {
        print::literal_head(self.out, size);
    }

    /// The section does not exist.
    pub fn nil(&mut self) {
        self.out.extend_from_slice(b"NIL");
    }

    /// The octets of a body that are in memory.
    pub fn octets(&mut self, octets: &[u8]) {
        print::literal_head(self.out, octets.len() as u64);
        self.out.extend_from_slice(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_response_prints_item_by_item() {
        let mut out = Vec::new();
        let mut line = FetchLine::begin(&mut out, 12);
        line.uid(Uid(7));
        line.flags(b"\\Seen \\Recent");
        line.internal_date(Timestamp(0));
        line.size(44);
        line.section(&Section::default(), Some(3));
        line.octets(b"abc");
        line.end();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "* 12 FETCH (UID 7 FLAGS (\\Seen \\Recent) INTERNALDATE \" 1-Jan-1970 00:00:00 +0000\" \
             RFC822.SIZE 44 BODY[]<3> {3}\r\nabc)\r\n"
        );
    }
}
