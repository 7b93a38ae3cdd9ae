//! What a client asks for: items of FETCH, what STORE does, what SELECT with QRESYNC knows.

use bytes::Bytes;

use super::line::Line;
use super::ranges::Ranges;
use crate::Mode;
use crate::grammar::print;
use crate::grammar::section::{Partial, Section, SectionText, print_section};
use crate::grammar::set::SequenceSet;

/// An item of FETCH. `UID` is always asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The flags.
    Flags,
    /// When it arrived.
    InternalDate,
    /// Its size.
    Size,
    /// Its envelope.
    Envelope,
    /// Its structure.
    BodyStructure,
    /// Its mod-sequence (RFC 7162 §3.1.4.1).
    ModSequence,
    /// What it is called for ever (RFC 8474 §5.1).
    EmailId,
    /// What its conversation is called (RFC 8474 §5.2).
    ThreadId,
    /// Octets of it, which does not mark it as seen.
    Body(Section, Option<Partial>),
    /// Octets of a part with its encoding taken away (RFC 3516 §4.2), which does not mark it as seen.
    Binary(Vec<u32>, Option<Partial>),
    /// Another, as it is to be written, such as `X-GM-LABELS`.
    Other(&'static str),
}

impl Item {
    /// The whole message.
    #[must_use]
    pub fn message() -> Self {
        Item::Body(Section::default(), None)
    }

    /// The header of the message.
    #[must_use]
    pub fn header() -> Self {
        Item::of(Vec::new(), SectionText::Header)
    }

    /// Fields of the header.
    #[must_use]
    pub fn header_fields(names: &[&str]) -> Self {
        let names = names.iter().map(|name| Bytes::copy_from_slice(name.as_bytes()));
        Item::of(Vec::new(), SectionText::HeaderFields(names.collect()))
    }

    /// A part, or its header.
    #[must_use]
    pub fn of(part: Vec<u32>, text: SectionText) -> Self {
        Item::Body(Section { part, text }, None)
    }

    fn print(&self, out: &mut Vec<u8>) {
        let name = match self {
            Item::Flags => "FLAGS",
            Item::InternalDate => "INTERNALDATE",
            Item::Size => "RFC822.SIZE",
            Item::Envelope => "ENVELOPE",
            Item::BodyStructure => "BODYSTRUCTURE",
            Item::ModSequence => "MODSEQ",
            Item::EmailId => "EMAILID",
            Item::ThreadId => "THREADID",
            Item::Other(name) => name,
            Item::Body(section, partial) => return print_part(out, "BODY.PEEK", section, *partial),
            Item::Binary(part, partial) => {
                let section = Section {
                    part: part.clone(),
                    text: SectionText::Whole,
                };
                return print_part(out, "BINARY.PEEK", &section, *partial);
            }
        };
        out.extend_from_slice(name.as_bytes());
    }
}

fn print_part(out: &mut Vec<u8>, name: &str, section: &Section, partial: Option<Partial>) {
    out.extend_from_slice(name.as_bytes());
    print_section(out, section);
    if let Some(partial) = partial {
        out.push(b'<');
        print::number(out, u64::from(partial.origin));
        out.push(b'.');
        print::number(out, u64::from(partial.length));
        out.push(b'>');
    }
}

/// What STORE does with flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreWhat {
    /// The message has these and no others.
    Replace,
    /// These as well.
    Add,
    /// These no longer.
    Remove,
}

impl StoreWhat {
    /// The item of STORE, silent or not.
    #[must_use]
    pub const fn item(self) -> &'static str {
        match self {
            StoreWhat::Replace => "FLAGS.SILENT",
            StoreWhat::Add => "+FLAGS.SILENT",
            StoreWhat::Remove => "-FLAGS.SILENT",
        }
    }
}

/// What a client knows of a mailbox from the last time, for QRESYNC (RFC 7162 §3.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The validity of the uids.
    pub uid_validity: u32,
    /// The highest mod-sequence.
    pub mod_sequence: u64,
    /// The uids, if they are to be said: otherwise the server may name more that vanished.
    pub uids: Option<Ranges>,
}

impl Line {
    /// `UID FETCH`, with `CHANGEDSINCE` (RFC 7162 §3.1.4.1) where a mod-sequence is given.
    #[must_use]
    pub fn fetch(tag: &str, uids: &SequenceSet, items: &[Item], changed_since: Option<u64>) -> Self {
        let mut printed = b"(UID".to_vec();
        for item in items {
            printed.push(b' ');
            item.print(&mut printed);
        }
        printed.push(b')');
        let line = Line::new(tag, "UID FETCH").set(uids).octets(&printed);
        match changed_since {
            Some(since) => line.word(&format!("(CHANGEDSINCE {since})")),
            None => line,
        }
    }

    /// `SELECT` or `EXAMINE`, with `QRESYNC` where something is known.
    #[must_use]
    pub fn open(tag: &str, words: &str, name: (&[u8], Mode), known: Option<&Known>) -> Self {
        let line = Line::new(tag, words).wire_name(name.0, name.1);
        let Some(known) = known else {
            return line;
        };
        let (validity, since) = (known.uid_validity, known.mod_sequence);
        let mut parameter = format!("(QRESYNC ({validity} {since}");
        if let Some(uids) = known.uids.as_ref().filter(|uids| !uids.0.is_empty()) {
            parameter.push(' ');
            parameter.push_str(&SequenceSet::from(uids).to_string());
        }
        parameter.push_str("))");
        line.word(&parameter)
    }
}
