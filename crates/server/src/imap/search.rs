//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, §6.4.8): finding by looking, which defines what is correct.
//!
//! The keys become a [`Test`]. It is first put to what is in memory of a message; only where that does not decide it is
//! the header read, and only then the whole message. What is looked for in texts is in `texts`; where that is to be done for many
//! messages, it is done for all of them first (`many`).

use std::sync::Arc;

use bytes::Bytes;
use encoding_rs::Encoding;
use imap::command::Search;
use imap::command::search::{Relation, SearchKey};
use imap::grammar::date::Date;
use imap::grammar::object_id;
use imap::grammar::set::Numbering;
use imap::response::mailbox;
use imap::{Mode, Refusal};
use store::{Charge, MessageRow, View};
use types::{ContentId, KeywordName, SystemKeyword, ThreadId, Timestamp};

use super::body::{Shown, Source};
use super::connection::Connection;
use super::fetch::read_facts_of;
use super::flags::{Recent, bit_of};
use super::many::{self, Known, Wanted};
use super::octets::{of_surrogate, shown};
use super::selected::Selected;
use super::stop::Stop;
use super::texts::{self, Needle, Place, Texts};
use crate::facts::StoredCards;

/// How much is read before others get a turn.
const TURN_OCTETS: u64 = 1 << 20;
/// How many keys are put to messages before others get a turn.
const TURN_TESTS: usize = 10_000;
/// What reading the cards of a message counts.
const ABOUT_CARDS: u64 = 2048;

/// Lists of so few messages are small.
const FEW: usize = 1024;
/// What a search keeps of a message at the most: that it is looked at, and what was found.
const KEPT: usize = size_of::<Wanted>() + size_of::<usize>() + size_of::<u32>();
/// How many numbers are printed before they may leave.
const PRINTED: usize = 1024;

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// Positions or uids, in order.
    pub(super) numbers: Vec<u32>,
    /// The memory that they take.
    _charge: Option<Charge>,
}

/// Prints what was found. Who does not read keeps the numbers, and no more.
pub(super) async fn tell(connection: &mut Connection, found: &[u32]) -> Result<(), Stop> {
    mailbox::search_begin(connection.out());
    for some in found.chunks(PRINTED) {
        mailbox::search_some(connection.out(), some.iter().copied());
        connection.relieve().await?;
    }
    mailbox::search_end(connection.out());
    Ok(())
}

/// Finds the messages that the keys describe.
pub(super) async fn search(
    selected: &mut Selected,
    search: Search,
    (mode, now): (Mode, Timestamp),
) -> Result<Found, Stop> {
    let view = selected.view().await?;
    let many = selected.known(&view);
    let charge = match many > FEW {
        true => Some(selected.account().take_memory(many.saturating_mul(KEPT))?),
        false => None,
    };
    let mut compiler = Compiler {
        selected,
        view: &view,
        now,
        charset: charset(search.charset.as_deref())?,
        texts: Texts::default(),
    };
    let test = compiler.test(search.key)?;
    let texts = Arc::new(compiler.texts);
    let tests = test.count();
    let mut known = look_at_many((selected, mode), &view, &test, &texts).await;
    let mut work = Work::default();
    let mut numbers = Vec::new();
    for (in_view, row) in view.positions(1, selected.known(&view)) {
        let mut candidate = Candidate::new((selected, mode), in_view, row, &texts);
        candidate.found = known.take(in_view, &texts);
        if candidate.passes(&test).await? {
            numbers.push(match search.numbering {
                Numbering::Positions => selected.position(in_view, row.uid),
                Numbering::Uids => row.uid.0,
            });
        }
        work.done(tests, candidate.octets).await;
    }
    Ok(Found {
        numbers,
        _charge: charge,
    })
}

/// Looks for the texts in all messages of which they decide.
async fn look_at_many(
    (selected, mode): (&Selected, Mode),
    view: &View,
    test: &Test,
    texts: &Arc<Texts>,
) -> Known {
    let mut wanted = Vec::new();
    if matches!(test.cost(), Some(Need::Texts(_))) {
        let (tests, mut work) = (test.count(), Work::default());
        for (in_view, row) in view.positions(1, selected.known(view)) {
            let undecided = test.decide(&Candidate::new((selected, mode), in_view, row, texts));
            if undecided.is_err() {
                wanted.push(Wanted::new(in_view, row));
            }
            work.done(tests, 0).await;
        }
    }
    many::look((selected.account(), &selected.terms().workspace), wanted, texts).await
}

/// What was done since others had a turn.
#[derive(Default)]
struct Work {
    tests: usize,
    octets: u64,
}

impl Work {
    async fn done(&mut self, tests: usize, octets: u64) {
        self.tests += tests;
        self.octets += octets;
        if self.tests >= TURN_TESTS || self.octets >= TURN_OCTETS {
            *self = Work::default();
            tokio::task::yield_now().await;
        }
    }
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
    Saved(Relation, Date),
    /// Received at this moment or before.
    Until(Timestamp),
    /// Received at this moment or later.
    From(Timestamp),
    Content(ContentId),
    Thread(ThreadId),
    Sent(Relation, Date),
    Larger(u32),
    Smaller(u32),
    /// Has the text of this number in the fields that it is wanted in.
    Fields(usize),
    /// Has the text of this number in the header.
    Header(usize),
    /// Has the text of this number in the body.
    Body(usize),
}

struct Compiler<'c> {
    selected: &'c Selected,
    view: &'c Arc<View>,
    now: Timestamp,
    charset: &'static Encoding,
    texts: Texts,
}

impl Compiler<'_> {
    fn test(&mut self, key: SearchKey) -> Result<Test, Refusal> {
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
            SearchKey::Saved(relation, day) => Test::Saved(relation, day),
            SearchKey::Older(seconds) => Test::Until(self.ago(seconds)),
            SearchKey::Younger(seconds) => Test::From(self.ago(seconds)),
            SearchKey::EmailId(id) => object_id::parse_email(&id).map_or(Test::Never, Test::Content),
            SearchKey::ThreadId(id) => object_id::parse_thread(&id).map_or(Test::Never, Test::Thread),
            SearchKey::Sent(relation, day) => Test::Sent(relation, day),
            SearchKey::Larger(size) => Test::Larger(size),
            SearchKey::Smaller(size) => Test::Smaller(size),
            SearchKey::Header { field, text } => {
                let text = self.needle(&text)?;
                Test::Fields(self.texts.in_fields(&field, text))
            }
            SearchKey::Body(text) => {
                let text = self.needle(&text)?;
                Test::Body(self.texts.in_body(text))
            }
            SearchKey::Text(text) => {
                let (header, body) = (self.needle(&text)?, self.needle(&text)?);
                Test::Any(vec![
                    Test::Header(self.texts.in_header(header)),
                    Test::Body(self.texts.in_body(body)),
                ])
            }
        })
    }

    fn ago(&self, seconds: u32) -> Timestamp {
        Timestamp(self.now.0.saturating_sub(seconds.into()))
    }

    fn keyword(&self, name: &KeywordName) -> Test {
        bit_of(name, self.view.keywords()).map_or(Test::Never, Test::Bits)
    }

    fn needle(&self, text: &Bytes) -> Result<Needle, Refusal> {
        let (text, _, wrong) = self.charset.decode(text);
        if wrong {
            return Err(Refusal::Text);
        }
        Ok(Needle::new(text.into_owned()))
    }
}

fn not(test: Test) -> Test {
    Test::Not(Box::new(test))
}

/// What has to be read before a test can be decided, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Octets,
    Ids,
    Cards,
    Texts(Place),
}

impl Test {
    /// What the test needs at the most; tests of one list are put in this order.
    fn cost(&self) -> Option<Need> {
        match self {
            Test::All(tests) | Test::Any(tests) => tests.iter().filter_map(Test::cost).max(),
            Test::Not(test) => test.cost(),
            Test::Sent(..) => Some(Need::Cards),
            Test::Content(_) | Test::Thread(_) => Some(Need::Ids),
            Test::Fields(_) => Some(Need::Texts(Place::Fields)),
            Test::Header(_) => Some(Need::Texts(Place::Header)),
            Test::Body(_) => Some(Need::Texts(Place::Body)),
            _ => None,
        }
    }

    /// Of how many keys it was made, about.
    fn count(&self) -> usize {
        match self {
            Test::All(tests) | Test::Any(tests) => tests.iter().map(Test::count).sum(),
            Test::Not(test) => test.count(),
            _ => 1,
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
            Test::Saved(relation, day) => relation.holds(Date::of(Timestamp(row.saved.into())), *day),
            Test::Until(moment) => row.received <= *moment,
            Test::From(moment) => row.received >= *moment,
            Test::Content(wanted) => candidate.ids.ok_or(Need::Ids)?.0 == Some(*wanted),
            Test::Thread(wanted) => candidate.ids.ok_or(Need::Ids)?.1 == Some(*wanted),
            Test::Larger(size) => candidate.size.ok_or(Need::Octets)? > (*size).into(),
            Test::Smaller(size) => candidate.size.ok_or(Need::Octets)? < (*size).into(),
            Test::Sent(relation, day) => {
                let sent = candidate.sent.as_ref().ok_or(Need::Cards)?;
                sent.is_some_and(|sent| relation.holds(Date::from_days(sent.into()), *day))
            }
            Test::Fields(text) => candidate.has(Place::Fields, *text)?,
            Test::Header(text) => candidate.has(Place::Header, *text)?,
            Test::Body(text) => candidate.has(Place::Body, *text)?,
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
    /// How many octets RFC822.SIZE says that it has, where that is known.
    size: Option<u64>,
    /// What it and its conversation are called, as far as that is known.
    ids: Option<(Option<ContentId>, Option<ThreadId>)>,
    texts: &'s Arc<Texts>,
    /// For each place of texts, which of them it has.
    found: texts::Found,
    /// How much of it was read.
    octets: u64,
}

impl<'s> Candidate<'s> {
    fn new(
        (selected, mode): (&'s Selected, Mode),
        in_view: usize,
        row: &'s MessageRow,
        texts: &'s Arc<Texts>,
    ) -> Self {
        Candidate {
            selected,
            in_view,
            row,
            recent: selected.recent(row.uid),
            source: Source::new(selected.means(), row, Shown::AsIs),
            sent: None,
            size: match shown(row, mode) {
                Shown::AsIs => Some(row.size.into()),
                Shown::Surrogate => None,
            },
            ids: None,
            texts,
            found: [None, None, None],
            octets: 0,
        }
    }

    async fn passes(&mut self, test: &Test) -> Result<bool, Stop> {
        loop {
            match test.decide(self) {
                Ok(passes) => return Ok(passes),
                Err(Need::Ids) => {
                    let facts = read_facts_of(self.selected, self.row.uid).await;
                    self.octets += ABOUT_CARDS;
                    self.ids = Some((facts.as_ref().map(|f| f.content), facts.map(|f| f.thread)));
                }
                Err(Need::Octets) => {
                    let facts = read_facts_of(self.selected, self.row.uid).await;
                    self.octets += ABOUT_CARDS;
                    let octets = of_surrogate(self.selected.means(), self.row, facts.as_ref()).await;
                    // FETCH says nothing of one that cannot be read.
                    self.size = Some(octets.unwrap_or(self.row.size.into()));
                }
                Err(Need::Cards) => self.sent = Some(self.read_sent().await?),
                Err(Need::Texts(place)) => self.look(place).await?,
            }
        }
    }

    async fn read_sent(&mut self) -> Result<Option<i32>, Stop> {
        let stored = read_facts_of(self.selected, self.row.uid).await;
        let sent = match stored.as_ref().and_then(|facts| StoredCards::parse(&facts.cards)) {
            Some(cards) => {
                self.octets += ABOUT_CARDS;
                cards.sent
            }
            None => {
                self.octets += u64::from(self.row.size);
                self.source.cards().await?.sent
            }
        };
        Ok(sent.map(|sent| sent.day))
    }

    async fn look(&mut self, place: Place) -> Result<(), Stop> {
        let texts = Arc::clone(self.texts);
        let found = match place {
            Place::Fields | Place::Header => {
                self.octets += ABOUT_CARDS;
                let work = move |octets: &[u8]| texts.find_in_head(place, octets);
                self.source.with_head(work).await?
            }
            Place::Body => {
                self.octets += u64::from(self.row.size);
                self.look_at_body(texts).await?
            }
        };
        if let Some(places) = self.found.get_mut(place as usize) {
            *places = Some(found);
        }
        Ok(())
    }

    /// How much memory the text takes is seen only when the message is there.
    async fn look_at_body(&self, texts: Arc<Texts>) -> Result<Vec<bool>, Stop> {
        let first = Arc::clone(&texts);
        let work = move |octets: &[u8]| first.find_in_body_within(octets, u64::from(texts::MORE));
        match self.source.with_whole(work).await? {
            Ok(found) => Ok(found),
            Err(more) => {
                let work = move |octets: &[u8]| texts.find_in_body_within(octets, u64::MAX);
                let found = self.source.with_whole_and(more, work).await?;
                Ok(found.unwrap_or_default())
            }
        }
    }

    fn has(&self, place: Place, text: usize) -> Result<bool, Need> {
        let found = self.found.get(place as usize).and_then(Option::as_ref);
        let found = found.ok_or(Need::Texts(place))?;
        Ok(found.get(text).copied().unwrap_or(false))
    }
}
