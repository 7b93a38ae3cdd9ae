//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, §6.4.8): finding by looking, which defines what is correct.
//!
//! The keys become a [`Test`]. It is first put to what is in memory of a message; only where that does not decide it is
//! the header read, and only then the whole message. Texts are compared decoded and folded (`casemap`).

use std::sync::Arc;

use bytes::Bytes;
use encoding_rs::Encoding;
use imap::Refusal;
use imap::command::Search;
use imap::command::search::{Relation, SearchKey};
use imap::grammar::date::Date;
use imap::grammar::set::Numbering;
use memchr::memmem::Finder;
use message::{Header, Message};
use store::{MessageRow, View};
use types::{KeywordName, SystemKeyword};

use super::body::Source;
use super::flags::{Recent, bit_of};
use super::selected::Selected;
use super::stop::Stop;
use crate::casemap::fold;
use crate::facts::Cards;

/// How many messages are looked at before others get a turn.
const TURN: usize = 64;

/// Finds the messages that the keys describe; gives their positions or uids, in order.
pub(super) async fn search(selected: &mut Selected, search: Search) -> Result<Vec<u32>, Stop> {
    let view = selected.view().await?;
    let compiler = Compiler {
        selected,
        view: &view,
        charset: charset(search.charset.as_deref())?,
    };
    let test = compiler.test(search.key)?;
    let mut found = Vec::new();
    for (in_view, row) in view.positions(1, selected.known(&view)) {
        let mut candidate = Candidate::new(selected, in_view, row);
        if candidate.passes(&test).await? {
            found.push(match search.numbering {
                Numbering::Positions => selected.position(in_view, row.uid),
                Numbering::Uids => row.uid.0,
            });
        }
        if candidate.was_read() && in_view % TURN == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(found)
}

/// The charset of the texts of a search; without one, UTF-8.
fn charset(label: Option<&[u8]>) -> Result<&'static Encoding, Refusal> {
    match label {
        None => Ok(encoding_rs::UTF_8),
        Some(label) if label.eq_ignore_ascii_case(b"US-ASCII") => Ok(encoding_rs::UTF_8),
        Some(label) => Encoding::for_label_no_replacement(label).ok_or(Refusal::Charset),
    }
}

/// What a message has to be, in terms of this mailbox.
enum Test {
    Never,
    Always,
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    /// The position in the view is in one of these ranges.
    Positions(Vec<(usize, usize)>),
    /// All of these bits are set.
    Bits(u64),
    Recent,
    Received(Relation, Date),
    Sent(Relation, Date),
    Larger(u32),
    Smaller(u32),
    Header {
        field: String,
        text: Needle,
    },
    Body(Needle),
    Text(Needle),
}

/// A folded text that is looked for.
struct Needle(Finder<'static>);

impl Needle {
    fn is_in(&self, text: String) -> bool {
        self.0.needle().is_empty() || self.0.find(fold(text).as_bytes()).is_some()
    }
}

struct Compiler<'c> {
    selected: &'c Selected,
    view: &'c Arc<View>,
    charset: &'static Encoding,
}

impl Compiler<'_> {
    fn test(&self, key: SearchKey) -> Result<Test, Refusal> {
        Ok(match key {
            SearchKey::All => Test::Always,
            SearchKey::And(keys) => {
                let tests: Result<Vec<_>, _> = keys.into_iter().map(|key| self.test(key)).collect();
                let mut tests = tests?;
                tests.sort_by_key(Test::cost);
                Test::All(tests)
            }
            SearchKey::Or(keys) => {
                let (one, other) = *keys;
                let mut tests = vec![self.test(one)?, self.test(other)?];
                tests.sort_by_key(Test::cost);
                Test::Any(tests)
            }
            SearchKey::Not(key) => Test::Not(Box::new(self.test(*key)?)),
            SearchKey::Messages(set) => Test::Positions(self.selected.targets_if_any(self.view, &set).ranges),
            SearchKey::Has(keyword) => Test::Bits(keyword.bit()),
            SearchKey::Lacks(keyword) => not(Test::Bits(keyword.bit())),
            SearchKey::Keyword(name) => self.keyword(&name),
            SearchKey::Unkeyword(name) => not(self.keyword(&name)),
            SearchKey::Recent => Test::Recent,
            SearchKey::New => Test::All(vec![not(Test::Bits(SystemKeyword::Seen.bit())), Test::Recent]),
            SearchKey::Old => not(Test::Recent),
            SearchKey::Received(relation, day) => Test::Received(relation, day),
            SearchKey::Sent(relation, day) => Test::Sent(relation, day),
            SearchKey::Larger(size) => Test::Larger(size),
            SearchKey::Smaller(size) => Test::Smaller(size),
            SearchKey::Header { field, text } => Test::Header {
                field: String::from_utf8_lossy(&field).into_owned(),
                text: self.needle(&text)?,
            },
            SearchKey::Body(text) => Test::Body(self.needle(&text)?),
            SearchKey::Text(text) => Test::Text(self.needle(&text)?),
        })
    }

    fn keyword(&self, name: &KeywordName) -> Test {
        bit_of(name, self.view.keywords()).map_or(Test::Never, Test::Bits)
    }

    fn needle(&self, text: &Bytes) -> Result<Needle, Refusal> {
        let (text, _, wrong) = self.charset.decode(text);
        if wrong {
            return Err(Refusal::Charset);
        }
        Ok(Needle(
            Finder::new(fold(text.into_owned()).as_bytes()).into_owned(),
        ))
    }
}

fn not(test: Test) -> Test {
    Test::Not(Box::new(test))
}

/// What has to be read before a test can be decided, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Cards,
    Header,
    Whole,
}

impl Test {
    /// What the test needs at the most; tests of one list are put in this order.
    fn cost(&self) -> Option<Need> {
        match self {
            Test::All(tests) | Test::Any(tests) => tests.iter().filter_map(Test::cost).max(),
            Test::Not(test) => test.cost(),
            Test::Sent(..) => Some(Need::Cards),
            Test::Header { .. } => Some(Need::Header),
            Test::Body(_) | Test::Text(_) => Some(Need::Whole),
            _ => None,
        }
    }

    /// Decides as far as what was read allows.
    fn decide(&self, candidate: &Candidate<'_>) -> Result<bool, Need> {
        let row = candidate.row;
        Ok(match self {
            Test::Never => false,
            Test::Always => true,
            Test::All(tests) => return decide_all(tests, candidate),
            Test::Any(tests) => return decide_any(tests, candidate),
            Test::Not(test) => !test.decide(candidate)?,
            Test::Positions(ranges) => {
                let after = ranges.partition_point(|(_, last)| *last < candidate.in_view);
                ranges
                    .get(after)
                    .is_some_and(|(first, _)| *first <= candidate.in_view)
            }
            Test::Bits(bits) => row.keywords & bits == *bits,
            Test::Recent => candidate.recent == Recent::Yes,
            Test::Received(relation, day) => relation.holds(Date::of(row.received), *day),
            Test::Larger(size) => row.size > *size,
            Test::Smaller(size) => row.size < *size,
            Test::Sent(relation, day) => {
                let sent = candidate.sent.as_ref().ok_or(Need::Cards)?;
                sent.is_some_and(|sent| relation.holds(Date::from_days(sent.into()), *day))
            }
            Test::Header { field, text } => candidate.header_has(field, text)?,
            Test::Body(text) => candidate.body_has(text)?,
            Test::Text(text) => candidate.header_text_has(text)? || candidate.body_has(text)?,
        })
    }
}

/// One test that fails decides, whatever the others need.
fn decide_all(tests: &[Test], candidate: &Candidate<'_>) -> Result<bool, Need> {
    let mut need = None;
    for test in tests {
        match test.decide(candidate) {
            Ok(false) => return Ok(false),
            Ok(true) => {}
            Err(more) => need = Some(need.map_or(more, |need: Need| need.min(more))),
        }
    }
    need.map_or(Ok(true), Err)
}

/// One test that passes decides, whatever the others need.
fn decide_any(tests: &[Test], candidate: &Candidate<'_>) -> Result<bool, Need> {
    let mut need = None;
    for test in tests {
        match test.decide(candidate) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(more) => need = Some(need.map_or(more, |need: Need| need.min(more))),
        }
    }
    need.map_or(Ok(false), Err)
}

/// A message and what has been read of it so far.
struct Candidate<'s> {
    selected: &'s Selected,
    in_view: usize,
    row: &'s MessageRow,
    recent: Recent,
    source: Source<'s>,
    sent: Option<Option<i32>>,
    head: Option<Bytes>,
    whole: Option<Bytes>,
}

impl<'s> Candidate<'s> {
    fn new(selected: &'s Selected, in_view: usize, row: &'s MessageRow) -> Self {
        Candidate {
            selected,
            in_view,
            row,
            recent: selected.recent(row.uid),
            source: Source::new(selected.account(), row),
            sent: None,
            head: None,
            whole: None,
        }
    }

    fn was_read(&self) -> bool {
        self.sent.is_some() || self.head.is_some() || self.whole.is_some()
    }

    async fn passes(&mut self, test: &Test) -> Result<bool, Stop> {
        loop {
            match test.decide(self) {
                Ok(passes) => return Ok(passes),
                Err(Need::Cards) => self.sent = Some(self.read_sent().await?),
                Err(Need::Header) => self.head = Some(self.source.head().await?),
                Err(Need::Whole) => {
                    let whole = self.source.whole().await?;
                    self.head = Some(whole.clone());
                    self.whole = Some(whole);
                }
            }
        }
    }

    async fn read_sent(&mut self) -> Result<Option<i32>, Stop> {
        let facts = self
            .selected
            .account()
            .facts_of(self.selected.mailbox(), &[self.row.uid])
            .await?;
        let stored = facts
            .into_iter()
            .next()
            .flatten()
            .and_then(|facts| Cards::parse(&facts.cards));
        let sent = match stored {
            Some(cards) => cards.sent,
            None => self.source.cards().await?.sent,
        };
        Ok(sent.map(|sent| sent.day))
    }

    fn message(&self) -> Result<Message<'_>, Need> {
        Ok(Message::parse(self.whole.as_ref().ok_or(Need::Whole)?))
    }

    /// RFC 3501 §6.4.4, `HEADER`: an empty text asks only whether the field is there.
    fn header_has(&self, field: &str, text: &Needle) -> Result<bool, Need> {
        let head = Message::parse(self.head.as_ref().ok_or(Need::Header)?);
        let header: Header<'_> = head.header(message::PartId::ROOT);
        Ok(header.all(field).any(|field| text.is_in(field.text())))
    }

    fn header_text_has(&self, text: &Needle) -> Result<bool, Need> {
        let head = Message::parse(self.head.as_ref().ok_or(Need::Header)?);
        Ok(text.is_in(head.header_text()))
    }

    fn body_has(&self, text: &Needle) -> Result<bool, Need> {
        let message = self.message()?;
        Ok(message.body_texts().any(|body| text.is_in(body)) || text.0.needle().is_empty())
    }
}
