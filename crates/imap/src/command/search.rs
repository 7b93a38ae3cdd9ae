//! SEARCH (RFC 3501 §6.4.4), with the keys of RFC 5032, RFC 8474 and RFC 8514.

use bytes::Bytes;
use types::{KeywordName, SystemKeyword};

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::date::{Date, date, print_date};
use crate::grammar::flag::keyword;
use crate::grammar::mode::Mode;
use crate::grammar::print;
use crate::grammar::set::{MessageSet, Numbering, print_sequence_set, sequence_set};

/// How deep NOT, OR and parentheses may be nested.
const MAX_DEPTH: u8 = 50;
/// More keys than anybody writes; every message may have to be put to each.
const MAX_KEYS: usize = 500;
/// The same of keys that look for a text.
const MAX_TEXTS: usize = 50;

/// `SEARCH [CHARSET charset] keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// By what the answer names the messages.
    pub numbering: Numbering,
    /// The charset of the texts; US-ASCII, or UTF-8 taken for it, if there is none.
    pub charset: Option<Bytes>,
    /// What a message has to be.
    pub key: SearchKey,
}

/// `search-key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchKey {
    /// Every message.
    All,
    /// All of these hold.
    And(Vec<SearchKey>),
    /// One of the two holds.
    Or(Box<(SearchKey, SearchKey)>),
    /// It does not hold.
    Not(Box<SearchKey>),
    /// Is in the set.
    Messages(MessageSet),
    /// Has the system flag.
    Has(SystemKeyword),
    /// Does not have the system flag.
    Lacks(SystemKeyword),
    /// Has the keyword.
    Keyword(KeywordName),
    /// Does not have the keyword.
    Unkeyword(KeywordName),
    /// Has `\Recent`.
    Recent,
    /// Has `\Recent` and not `\Seen`.
    New,
    /// Does not have `\Recent`.
    Old,
    /// Its internal date is in this relation to the day.
    Received(Relation, Date),
    /// The date in its header is in this relation to the day.
    Sent(Relation, Date),
    /// It was put into this mailbox in this relation to the day (RFC 8514 §4.3).
    Saved(Relation, Date),
    /// Its internal date is so many seconds ago or more (RFC 5032 §2).
    Older(u32),
    /// Its internal date is so many seconds ago or less (RFC 5032 §2).
    Younger(u32),
    /// It is called so (RFC 8474 §6).
    EmailId(Bytes),
    /// Its conversation is called so (RFC 8474 §6).
    ThreadId(Bytes),
    /// Has more octets.
    Larger(u32),
    /// Has fewer octets.
    Smaller(u32),
    /// A header field has the text. No text: the field is there.
    Header {
        /// The name of the field.
        field: Bytes,
        /// In the charset of the search.
        text: Bytes,
    },
    /// The body has the text.
    Body(Bytes),
    /// Header or body have the text.
    Text(Bytes),
}

impl SearchKey {
    /// How many keys it is made of, and how many of those look for a text.
    fn count(&self) -> (usize, usize) {
        let sum = |(keys, texts): (usize, usize), (more, more_texts)| (keys + more, texts + more_texts);
        match self {
            SearchKey::And(keys) => keys.iter().map(SearchKey::count).fold((0, 0), sum),
            SearchKey::Or(keys) => sum(keys.0.count(), keys.1.count()),
            SearchKey::Not(key) => key.count(),
            SearchKey::Header { .. } | SearchKey::Body(_) | SearchKey::Text(_) => (1, 1),
            _ => (1, 0),
        }
    }
}

/// How two days are to each other, disregarding time and zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Earlier than the day.
    Before,
    /// On the day.
    On,
    /// On the day or later.
    Since,
}

impl Relation {
    /// Whether a day is in this relation to the wanted one.
    #[must_use]
    pub fn holds(self, day: Date, wanted: Date) -> bool {
        match self {
            Relation::Before => day < wanted,
            Relation::On => day == wanted,
            Relation::Since => day >= wanted,
        }
    }
}

/// `search = "SEARCH" [SP "CHARSET" SP astring] 1*(SP search-key)`.
pub(super) fn parse(cursor: &mut Cursor<'_>, numbering: Numbering) -> Result<Search, ParseError> {
    cursor.space()?;
    let mut charset = None;
    // RFC 6855 §3: it would contradict what was enabled.
    if cursor.mode() == Mode::Utf8 && cursor.clone().take_word("CHARSET ") {
        return Err(cursor.wanted("a search key: after ENABLE UTF8=ACCEPT the charset is UTF-8"));
    }
    if cursor.take_word("CHARSET ") {
        charset = Some(cursor.astring("a charset")?);
        cursor.space()?;
    }
    let before = cursor.clone();
    let key = all_of(cursor.items(|c| key(c, MAX_DEPTH))?);
    let (keys, texts) = key.count();
    if keys > MAX_KEYS || texts > MAX_TEXTS {
        return Err(before.wanted("at most 500 search keys, 50 of them with a text"));
    }
    Ok(Search {
        numbering,
        charset,
        key,
    })
}

fn all_of(mut keys: Vec<SearchKey>) -> SearchKey {
    match keys.pop() {
        Some(only) if keys.is_empty() => only,
        Some(last) => {
            keys.push(last);
            SearchKey::And(keys)
        }
        None => SearchKey::All,
    }
}

fn key(cursor: &mut Cursor<'_>, depth: u8) -> Result<SearchKey, ParseError> {
    let Some(below) = depth.checked_sub(1) else {
        return Err(cursor.wanted("a search that is less deep"));
    };
    match cursor.peek() {
        Some(b'(') => {
            let before = cursor.clone();
            let keys = cursor.list(|c| key(c, below))?;
            if keys.is_empty() {
                return Err(before.wanted("a search key in the parentheses"));
            }
            Ok(all_of(keys))
        }
        Some(b'*' | b'0'..=b'9') => {
            sequence_set(cursor).map(|set| SearchKey::Messages(MessageSet::Positions(set)))
        }
        _ => named(cursor, below),
    }
}

fn named(cursor: &mut Cursor<'_>, below: u8) -> Result<SearchKey, ParseError> {
    const WANTED: &str = "a search key";
    let before = cursor.clone();
    let word = cursor.atom(WANTED)?.to_ascii_uppercase();
    if let Some(key) = without_argument(&word) {
        return Ok(key);
    }
    if !is_known(&word) {
        return Err(before.wanted(WANTED));
    }
    cursor.space()?;
    match word.as_slice() {
        b"NOT" => key(cursor, below).map(|key| SearchKey::Not(Box::new(key))),
        b"OR" => {
            let one = key(cursor, below)?;
            cursor.space()?;
            Ok(SearchKey::Or(Box::new((one, key(cursor, below)?))))
        }
        b"UID" => sequence_set(cursor).map(|set| SearchKey::Messages(MessageSet::Uids(set))),
        b"KEYWORD" => keyword(cursor).map(SearchKey::Keyword),
        b"UNKEYWORD" => keyword(cursor).map(SearchKey::Unkeyword),
        b"LARGER" => cursor.number().map(SearchKey::Larger),
        b"SMALLER" => cursor.number().map(SearchKey::Smaller),
        b"BEFORE" => date(cursor).map(|day| SearchKey::Received(Relation::Before, day)),
        b"ON" => date(cursor).map(|day| SearchKey::Received(Relation::On, day)),
        b"SINCE" => date(cursor).map(|day| SearchKey::Received(Relation::Since, day)),
        b"SAVEDBEFORE" => date(cursor).map(|day| SearchKey::Saved(Relation::Before, day)),
        b"SAVEDON" => date(cursor).map(|day| SearchKey::Saved(Relation::On, day)),
        b"SAVEDSINCE" => date(cursor).map(|day| SearchKey::Saved(Relation::Since, day)),
        b"OLDER" => cursor.nonzero().map(SearchKey::Older),
        b"YOUNGER" => cursor.nonzero().map(SearchKey::Younger),
        b"EMAILID" => object_id(cursor).map(SearchKey::EmailId),
        b"THREADID" => object_id(cursor).map(SearchKey::ThreadId),
        b"SENTBEFORE" => date(cursor).map(|day| SearchKey::Sent(Relation::Before, day)),
        b"SENTON" => date(cursor).map(|day| SearchKey::Sent(Relation::On, day)),
        b"SENTSINCE" => date(cursor).map(|day| SearchKey::Sent(Relation::Since, day)),
        b"BODY" => cursor.astring("a text").map(SearchKey::Body),
        b"TEXT" => cursor.astring("a text").map(SearchKey::Text),
        b"HEADER" => {
            let field = cursor.astring("the name of a header field")?;
            cursor.space()?;
            header(cursor, field)
        }
        _ => header(cursor, Bytes::from(word)),
    }
}

/// `objectid = 1*255(ALPHA / DIGIT / "_" / "-")` (RFC 8474 §7).
fn object_id(cursor: &mut Cursor<'_>) -> Result<Bytes, ParseError> {
    const WANTED: &str = "an object id of at most 255 letters, digits, _ and -";
    let before = cursor.clone();
    let id = cursor.run(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'), WANTED)?;
    if id.len() > 255 {
        return Err(before.wanted(WANTED));
    }
    Ok(id)
}

fn header(cursor: &mut Cursor<'_>, field: Bytes) -> Result<SearchKey, ParseError> {
    let text = cursor.astring("a text")?;
    Ok(SearchKey::Header { field, text })
}

/// The keys that take an argument.
fn is_known(word: &[u8]) -> bool {
    const WORDS: [&str; 28] = [
        "SAVEDBEFORE",
        "SAVEDON",
        "SAVEDSINCE",
        "OLDER",
        "YOUNGER",
        "EMAILID",
        "THREADID",
        "NOT",
        "OR",
        "UID",
        "KEYWORD",
        "UNKEYWORD",
        "LARGER",
        "SMALLER",
        "BEFORE",
        "ON",
        "SINCE",
        "SENTBEFORE",
        "SENTON",
        "SENTSINCE",
        "BODY",
        "TEXT",
        "HEADER",
        "BCC",
        "CC",
        "FROM",
        "SUBJECT",
        "TO",
    ];
    WORDS.iter().any(|known| known.as_bytes() == word)
}

fn without_argument(word: &[u8]) -> Option<SearchKey> {
    Some(match word {
        b"ALL" => SearchKey::All,
        // Every mailbox here keeps the date (RFC 8514 §4.3).
        b"SAVEDATESUPPORTED" => SearchKey::All,
        b"RECENT" => SearchKey::Recent,
        b"NEW" => SearchKey::New,
        b"OLD" => SearchKey::Old,
        b"ANSWERED" => SearchKey::Has(SystemKeyword::Answered),
        b"DELETED" => SearchKey::Has(SystemKeyword::Deleted),
        b"DRAFT" => SearchKey::Has(SystemKeyword::Draft),
        b"FLAGGED" => SearchKey::Has(SystemKeyword::Flagged),
        b"SEEN" => SearchKey::Has(SystemKeyword::Seen),
        b"UNANSWERED" => SearchKey::Lacks(SystemKeyword::Answered),
        b"UNDELETED" => SearchKey::Lacks(SystemKeyword::Deleted),
        b"UNDRAFT" => SearchKey::Lacks(SystemKeyword::Draft),
        b"UNFLAGGED" => SearchKey::Lacks(SystemKeyword::Flagged),
        b"UNSEEN" => SearchKey::Lacks(SystemKeyword::Seen),
        _ => return None,
    })
}

pub(super) fn print(out: &mut Vec<u8>, search: &Search) {
    out.extend_from_slice(search.numbering.prefix().as_bytes());
    out.extend_from_slice(b"SEARCH ");
    if let Some(charset) = &search.charset {
        out.extend_from_slice(b"CHARSET ");
        print::astring(out, charset);
        out.push(b' ');
    }
    match &search.key {
        SearchKey::And(keys) => print::spaced(out, keys, print_key),
        key => print_key(out, key),
    }
}

fn print_key(out: &mut Vec<u8>, key: &SearchKey) {
    match key {
        SearchKey::And(keys) => print::list(out, keys, print_key),
        SearchKey::Or(keys) => {
            out.extend_from_slice(b"OR ");
            print_key(out, &keys.0);
            out.push(b' ');
            print_key(out, &keys.1);
        }
        SearchKey::Not(key) => {
            out.extend_from_slice(b"NOT ");
            print_key(out, key);
        }
        SearchKey::Messages(set) => {
            out.extend_from_slice(set.numbering().prefix().as_bytes());
            print_sequence_set(out, set.set());
        }
        SearchKey::Header { field, text } => {
            out.extend_from_slice(b"HEADER ");
            print::astring(out, field);
            out.push(b' ');
            print::astring(out, text);
        }
        _ => print_simple(out, key),
    }
}

fn print_simple(out: &mut Vec<u8>, key: &SearchKey) {
    let mut word = |word: &str| out.extend_from_slice(word.as_bytes());
    match key {
        SearchKey::Recent => word("RECENT"),
        SearchKey::New => word("NEW"),
        SearchKey::Old => word("OLD"),
        SearchKey::Has(flag) => word(flag_word(*flag)),
        SearchKey::Lacks(flag) => {
            word("UN");
            word(flag_word(*flag));
        }
        SearchKey::Keyword(name) => {
            word("KEYWORD ");
            word(name.as_str());
        }
        SearchKey::Unkeyword(name) => {
            word("UNKEYWORD ");
            word(name.as_str());
        }
        SearchKey::Received(relation, day) => {
            word(relation_word(*relation));
            print_date(out, *day);
        }
        SearchKey::Sent(relation, day) => {
            word("SENT");
            word(relation_word(*relation));
            print_date(out, *day);
        }
        SearchKey::Saved(relation, day) => {
            word("SAVED");
            word(relation_word(*relation));
            print_date(out, *day);
        }
        SearchKey::Larger(number) => print_number(out, "LARGER ", *number),
        SearchKey::Smaller(number) => print_number(out, "SMALLER ", *number),
        SearchKey::Older(number) => print_number(out, "OLDER ", *number),
        SearchKey::Younger(number) => print_number(out, "YOUNGER ", *number),
        SearchKey::EmailId(id) => {
            word("EMAILID ");
            out.extend_from_slice(id);
        }
        SearchKey::ThreadId(id) => {
            word("THREADID ");
            out.extend_from_slice(id);
        }
        SearchKey::Body(text) => {
            word("BODY ");
            print::astring(out, text);
        }
        SearchKey::Text(text) => {
            word("TEXT ");
            print::astring(out, text);
        }
        _ => word("ALL"),
    }
}

fn print_number(out: &mut Vec<u8>, word: &str, number: u32) {
    out.extend_from_slice(word.as_bytes());
    print::number(out, u64::from(number));
}

fn flag_word(keyword: SystemKeyword) -> &'static str {
    match keyword {
        SystemKeyword::Seen => "SEEN",
        SystemKeyword::Answered => "ANSWERED",
        SystemKeyword::Flagged => "FLAGGED",
        SystemKeyword::Deleted => "DELETED",
        SystemKeyword::Draft => "DRAFT",
    }
}

fn relation_word(relation: Relation) -> &'static str {
    match relation {
        Relation::Before => "BEFORE ",
        Relation::On => "ON ",
        Relation::Since => "SINCE ",
    }
}
