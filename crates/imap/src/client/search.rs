//! ESEARCH (RFC 9051 §7.3.4, RFC 4731 §3), and searches put together step by step.

use bytes::Bytes;
use types::{KeywordName, SystemKeyword};

use super::ranges::{Ranges, ranges};
use super::reader::{Reader, text};
use crate::command::search::{Relation, SearchKey};
use crate::grammar::cursor::ParseError;
use crate::grammar::date::Date;
use crate::grammar::set::{MessageSet, SequenceSet};

/// What a search has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ESearch {
    /// The tag of the command that it answers.
    pub tag: Option<Box<str>>,
    /// All of them.
    pub all: Option<Ranges>,
    /// The lowest.
    pub lowest: Option<u32>,
    /// The highest.
    pub highest: Option<u32>,
    /// How many.
    pub count: Option<u64>,
    /// The highest mod-sequence of them (RFC 7162 §3.1.5).
    pub mod_sequence: Option<u64>,
}

/// `esearch-response`, behind its name.
pub(super) fn esearch(reader: &mut Reader<'_>) -> Result<ESearch, ParseError> {
    let mut found = ESearch::default();
    if reader.has_more() && reader.take(b'(') {
        while reader.next_item()? {
            let word = reader.string("TAG")?;
            if word.eq_ignore_ascii_case(b"TAG") {
                found.tag = reader.nstring()?.map(|tag| text(&tag));
            }
        }
    }
    while reader.has_more() {
        let name = reader.word("a result of the search")?.to_ascii_uppercase();
        match name.as_slice() {
            b"UID" => {}
            b"ALL" => found.all = Some(ranges(reader)?),
            b"MIN" => found.lowest = Some(reader.number32()?),
            b"MAX" => found.highest = Some(reader.number32()?),
            b"COUNT" => found.count = Some(reader.number()?),
            b"MODSEQ" => found.mod_sequence = Some(reader.number()?),
            _ => reader.skip()?,
        }
    }
    Ok(found)
}

/// `* SEARCH 1 2 3 (MODSEQ 4)`, behind its name.
pub(super) fn search(reader: &mut Reader<'_>) -> Result<(Ranges, Option<u64>), ParseError> {
    let mut found = Ranges::default();
    let mut mod_sequence = None;
    while reader.has_more() {
        if reader.take(b'(') {
            reader.word("MODSEQ")?;
            mod_sequence = reader.number_or_nil()?;
            reader.close()?;
        } else {
            found.push(reader.number32()?);
        }
    }
    Ok((found, mod_sequence))
}

/// What a message has to be, put together step by step: all of it has to hold.
///
/// ```
/// use posthouse_imap::client::Query;
/// use posthouse_imap::grammar::date::Date;
///
/// let since = Date::check(2026, 1, 31).unwrap();
/// let query = Query::new().unseen().from("alice").since(since).or(Query::new().flagged(), Query::new().larger(1000));
/// # let _ = query.key();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<SearchKey>);

impl Query {
    /// Every message.
    #[must_use]
    pub fn new() -> Self {
        Query::default()
    }

    /// Any key.
    #[must_use]
    pub fn and(mut self, key: SearchKey) -> Self {
        self.0.push(key);
        self
    }

    /// One of the two holds.
    #[must_use]
    pub fn or(self, one: Query, other: Query) -> Self {
        self.and(SearchKey::Or(Box::new((one.key(), other.key()))))
    }

    /// The other does not hold.
    #[must_use]
    pub fn except(self, other: Query) -> Self {
        self.and(SearchKey::Not(Box::new(other.key())))
    }

    /// Has been seen.
    #[must_use]
    pub fn seen(self) -> Self {
        self.and(SearchKey::Has(SystemKeyword::Seen))
    }

    /// Has not been seen.
    #[must_use]
    pub fn unseen(self) -> Self {
        self.and(SearchKey::Lacks(SystemKeyword::Seen))
    }

    /// Is marked for attention.
    #[must_use]
    pub fn flagged(self) -> Self {
        self.and(SearchKey::Has(SystemKeyword::Flagged))
    }

    /// Has been answered.
    #[must_use]
    pub fn answered(self) -> Self {
        self.and(SearchKey::Has(SystemKeyword::Answered))
    }

    /// Is marked as deleted.
    #[must_use]
    pub fn deleted(self) -> Self {
        self.and(SearchKey::Has(SystemKeyword::Deleted))
    }

    /// Is not marked as deleted.
    #[must_use]
    pub fn undeleted(self) -> Self {
        self.and(SearchKey::Lacks(SystemKeyword::Deleted))
    }

    /// Is a draft.
    #[must_use]
    pub fn draft(self) -> Self {
        self.and(SearchKey::Has(SystemKeyword::Draft))
    }

    /// Has the keyword.
    #[must_use]
    pub fn keyword(self, name: KeywordName) -> Self {
        self.and(SearchKey::Keyword(name))
    }

    /// Has one of the uids.
    #[must_use]
    pub fn uids(self, uids: SequenceSet) -> Self {
        self.and(SearchKey::Messages(MessageSet::Uids(uids)))
    }

    /// The field has the text.
    #[must_use]
    pub fn header(self, field: &str, text: &str) -> Self {
        self.and(SearchKey::Header {
            field: Bytes::copy_from_slice(field.as_bytes()),
            text: Bytes::copy_from_slice(text.as_bytes()),
        })
    }

    /// `From` has the text.
    #[must_use]
    pub fn from(self, text: &str) -> Self {
        self.header("FROM", text)
    }

    /// `To` has the text.
    #[must_use]
    pub fn to(self, text: &str) -> Self {
        self.header("TO", text)
    }

    /// `Subject` has the text.
    #[must_use]
    pub fn subject(self, text: &str) -> Self {
        self.header("SUBJECT", text)
    }

    /// The body has the text.
    #[must_use]
    pub fn body(self, text: &str) -> Self {
        self.and(SearchKey::Body(Bytes::copy_from_slice(text.as_bytes())))
    }

    /// Header or body have the text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.and(SearchKey::Text(Bytes::copy_from_slice(text.as_bytes())))
    }

    /// Arrived on the day or later.
    #[must_use]
    pub fn since(self, day: Date) -> Self {
        self.and(SearchKey::Received(Relation::Since, day))
    }

    /// Arrived before the day.
    #[must_use]
    pub fn before(self, day: Date) -> Self {
        self.and(SearchKey::Received(Relation::Before, day))
    }

    /// Was sent on the day or later, as its header says.
    #[must_use]
    pub fn sent_since(self, day: Date) -> Self {
        self.and(SearchKey::Sent(Relation::Since, day))
    }

    /// Was sent before the day, as its header says.
    #[must_use]
    pub fn sent_before(self, day: Date) -> Self {
        self.and(SearchKey::Sent(Relation::Before, day))
    }

    /// Has more octets.
    #[must_use]
    pub fn larger(self, octets: u32) -> Self {
        self.and(SearchKey::Larger(octets))
    }

    /// Has fewer octets.
    #[must_use]
    pub fn smaller(self, octets: u32) -> Self {
        self.and(SearchKey::Smaller(octets))
    }

    /// The whole as one key.
    #[must_use]
    pub fn key(self) -> SearchKey {
        let mut keys = self.0;
        match keys.len() {
            0 => SearchKey::All,
            1 => keys.remove(0),
            _ => SearchKey::And(keys),
        }
    }
}

/// Whether a text in it is not ASCII, so that a charset has to be named (RFC 9051 §6.4.4).
pub(super) fn needs_charset(key: &SearchKey) -> bool {
    match key {
        SearchKey::And(keys) => keys.iter().any(needs_charset),
        SearchKey::Or(keys) => needs_charset(&keys.0) || needs_charset(&keys.1),
        SearchKey::Not(key) => needs_charset(key),
        SearchKey::Header { field, text } => !field.is_ascii() || !text.is_ascii(),
        SearchKey::Body(text) | SearchKey::Text(text) => !text.is_ascii(),
        _ => false,
    }
}
