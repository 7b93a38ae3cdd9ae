//! Commands as a client sends them, cut where the server has to agree to a literal first (RFC 9051 §4.3, RFC 7888).

use types::Timestamp;

use crate::Mode;
use crate::command::search::SearchKey;
use crate::command::{Command, Search, print};
use crate::grammar::date::print_date_time;
use crate::grammar::mailbox::{encode, print_name};
use crate::grammar::print as wire;
use crate::grammar::set::{Numbering, SequenceSet, print_sequence_set};

use super::search::needs_charset;

/// Which literals the server takes without being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Literals {
    /// None (RFC 3501 §4.3).
    #[default]
    Asked,
    /// Those of at most 4096 octets: `LITERAL-`, and every IMAP4rev2 (RFC 7888 §5, RFC 9051 §4.3).
    Small,
    /// All: `LITERAL+`.
    All,
}

impl Literals {
    /// Whether a literal of so many octets may be sent at once.
    #[must_use]
    pub fn at_once(self, size: u64) -> bool {
        match self {
            Literals::Asked => false,
            Literals::Small => size <= 4096,
            Literals::All => true,
        }
    }
}

/// A piece of a command. After each but the last, the server has to answer with `+`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment(pub Vec<u8>);

/// A command that is being written. Arguments are separated by a space.
#[derive(Clone, Debug)]
pub struct Line {
    out: Vec<u8>,
}

impl Line {
    /// Begins a command: its tag and its words.
    #[must_use]
    pub fn new(tag: &str, words: &str) -> Self {
        let mut line = Line {
            out: Vec::with_capacity(64),
        };
        line.out.extend_from_slice(tag.as_bytes());
        line.out.push(b' ');
        line.out.extend_from_slice(words.as_bytes());
        line
    }

    /// Goes on with a command behind a literal that was sent apart.
    #[must_use]
    pub fn bare(text: &str) -> Self {
        Line {
            out: text.as_bytes().to_vec(),
        }
    }

    /// A search by uid. A text that is not ASCII is said to be UTF-8, unless UTF-8 was enabled: then it goes without saying
    /// (RFC 6855 §3).
    #[must_use]
    pub fn search(tag: &str, returning: &str, key: SearchKey, mode: Mode) -> Self {
        let charset = needs_charset(&key) && mode == Mode::Ascii;
        let search = Command::Search(Search {
            numbering: Numbering::Uids,
            charset: charset.then(|| bytes::Bytes::from_static(b"UTF-8")),
            key,
        });
        let mut printed = Vec::new();
        print(&mut printed, tag, &search);
        let head = format!("{tag} UID SEARCH");
        let rest = printed.get(head.len()..).unwrap_or_default();
        let mut line = Line::new(tag, "UID SEARCH");
        if !returning.is_empty() {
            line = line.word("RETURN").word(returning);
        }
        line.out
            .extend_from_slice(rest.strip_suffix(b"\r\n").unwrap_or(rest));
        line
    }

    /// Words as they are.
    #[must_use]
    pub fn word(mut self, word: &str) -> Self {
        self.out.push(b' ');
        self.out.extend_from_slice(word.as_bytes());
        self
    }

    /// Octets as they are, which have been printed before.
    #[must_use]
    pub(super) fn octets(mut self, printed: &[u8]) -> Self {
        self.out.push(b' ');
        self.out.extend_from_slice(printed);
        self
    }

    /// `astring`.
    #[must_use]
    pub fn string(mut self, text: &[u8]) -> Self {
        self.out.push(b' ');
        wire::astring(&mut self.out, text);
        self
    }

    /// `string`: quoted, or a literal.
    #[must_use]
    pub fn quoted(mut self, text: &[u8]) -> Self {
        self.out.push(b' ');
        wire::string(&mut self.out, text);
        self
    }

    /// A mailbox, in modified UTF-7 or UTF-8.
    #[must_use]
    pub fn mailbox(mut self, name: &str, mode: Mode) -> Self {
        self.out.push(b' ');
        // Line ends cannot stand in quotes, which is how a name in UTF-8 is written.
        match mode {
            Mode::Utf8 if name.contains(['\r', '\n', '\0']) => wire::string(&mut self.out, name.as_bytes()),
            mode => print_name(&mut self.out, name, mode),
        }
        self
    }

    /// A pattern for mailboxes: quoted, for `*` and `%` stand in it.
    #[must_use]
    pub fn mailbox_pattern(mut self, pattern: &str, mode: Mode) -> Self {
        self.out.push(b' ');
        match mode {
            Mode::Utf8 if !pattern.is_ascii() => wire::astring_utf8(&mut self.out, pattern),
            Mode::Utf8 => wire::string(&mut self.out, pattern.as_bytes()),
            Mode::Ascii => {
                let mut text = Vec::new();
                encode(&mut text, pattern);
                wire::string(&mut self.out, &text);
            }
        }
        self
    }

    /// A mailbox as the server has written its name.
    #[must_use]
    pub fn wire_name(mut self, wire_name: &[u8], mode: Mode) -> Self {
        match (mode, std::str::from_utf8(wire_name)) {
            (Mode::Utf8, Ok(name)) => self.mailbox(name, mode),
            _ => {
                self.out.push(b' ');
                wire::astring(&mut self.out, wire_name);
                self
            }
        }
    }

    /// `sequence-set`.
    #[must_use]
    pub fn set(mut self, set: &SequenceSet) -> Self {
        self.out.push(b' ');
        print_sequence_set(&mut self.out, set);
        self
    }

    /// Flags in parentheses, by their names.
    #[must_use]
    pub fn flags<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.out.extend_from_slice(b" (");
        for (n, name) in names.into_iter().enumerate() {
            if n > 0 {
                self.out.push(b' ');
            }
            self.out.extend_from_slice(name.as_bytes());
        }
        self.out.push(b')');
        self
    }

    /// `date-time`.
    #[must_use]
    pub fn date_time(mut self, moment: Timestamp) -> Self {
        self.out.push(b' ');
        print_date_time(&mut self.out, moment);
        self
    }

    /// Announces a literal that is sent apart, and ends the line: what follows is the caller's.
    #[must_use]
    pub fn announce(mut self, before: &str, size: u64, literals: Literals) -> Vec<u8> {
        self.out.push(b' ');
        self.out.extend_from_slice(before.as_bytes());
        self.out.push(b'{');
        wire::number(&mut self.out, size);
        let end: &[u8] = if literals.at_once(size) {
            b"+}\r\n"
        } else {
            b"}\r\n"
        };
        self.out.extend_from_slice(end);
        self.out
    }

    /// The whole, cut behind each literal's announcement that the server has to agree to.
    #[must_use]
    pub fn end(mut self, literals: Literals) -> Vec<Segment> {
        self.out.extend_from_slice(b"\r\n");
        let mut segments = Vec::new();
        let mut segment = Vec::new();
        let mut rest = self.out.as_slice();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end + 1);
            rest = after;
            let Some((before, size)) = announcement(line) else {
                segment.extend_from_slice(line);
                continue;
            };
            if literals.at_once(size as u64) {
                segment.extend_from_slice(before);
                segment.extend_from_slice(b"+}\r\n");
            } else {
                segment.extend_from_slice(line);
                segments.push(Segment(std::mem::take(&mut segment)));
            }
            let (literal, after) = rest.split_at(size.min(rest.len()));
            segment.extend_from_slice(literal);
            rest = after;
        }
        segments.push(Segment(segment));
        segments
    }
}

/// A line that ends in an announcement: what stands before its brace at the end, and the size.
fn announcement(line: &[u8]) -> Option<(&[u8], usize)> {
    let before = line.strip_suffix(b"}\r\n")?;
    let open = memchr::memrchr(b'{', before)?;
    let digits = before
        .get(open + 1..)
        .filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let size = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((before, size))
}
