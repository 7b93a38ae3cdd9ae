//! FETCH and UID FETCH (RFC 3501 §6.4.5, §6.4.8); for who has not enabled UTF8=ACCEPT, of the surrogates of
//! internationalised messages (RFC 6855 §8, RFC 6858 §3).
//!
//! Messages are taken in batches: the rows of a batch are in memory, its cards are read with one call, and bodies are
//! read while they are sent. What has been printed leaves before more is printed, so a slow client holds one batch.

use std::sync::Arc;

use imap::command::Fetch;
use imap::command::fetch::{FetchItem, Seen};
use imap::response::fetch::FetchLine;
use store::{FactsRow, KeywordAction, KeywordChange, Keywords, MessageRow, StoreError, View};
use tokio::task::coop::consume_budget;
use types::{SystemKeyword, Timestamp, Uid};

use super::body::{self, Shown, Source};
use super::connection::Connection;
use super::flags::{FlagText, Recent};
use super::plan::{Plan, Reads, Surrogates, is_of_cards};
use super::selected::Selected;
use super::stop::Stop;
use crate::facts::StoredCards;
use crate::outlet::SMALL;

/// How many messages are prepared together.
const BATCH: usize = 256;
/// The same where there is no memory for more: what is kept of a message is 16 KiB at the most, and nearly always less than one.
const SMALL_BATCH: usize = 16;

/// So many messages of which a surrogate was shown are named: a line that clients can read. RFC 6858 §3 wants not all.
const MAX_DOWNGRADED: usize = 1000;

/// A message of a batch.
struct Wanted {
    position: u32,
    row: MessageRow,
    /// What was found out about it when it arrived.
    facts: Option<FactsRow>,
    newly_seen: bool,
}

impl Wanted {
    fn cards(&self) -> Option<StoredCards<'_>> {
        StoredCards::parse(&self.facts.as_ref()?.cards)
    }

    /// The cards of what is shown, with its octets.
    fn shown(&self, shown: Shown) -> Option<(StoredCards<'_>, u64)> {
        match shown {
            Shown::AsIs => Some((self.cards()?, self.row.size.into())),
            Shown::Surrogate => self.cards()?.surrogate(),
        }
    }
}

/// Sends what is asked for of each message. Messages that are gone are left out, and the client is told that there were
/// some (RFC 2180 §4.1.2). Gives those of which a surrogate was shown.
pub(super) async fn fetch(
    selected: &mut Selected,
    connection: &mut Connection,
    fetch: Fetch,
) -> Result<Vec<Uid>, Stop> {
    let view = selected.view().await?;
    let targets = selected.targets(&view, &fetch.messages)?;
    let plan = Plan::new(fetch, selected.access(), connection.mode());
    selected.tell_keywords(connection.out(), &view);
    let mut printer = Printer::new(&view);
    let most = match targets.are_few(SMALL_BATCH) || connection.room() > SMALL {
        true => BATCH,
        false => SMALL_BATCH,
    };
    let mut batch = Vec::new();
    for (first, last) in targets.ranges {
        for (in_view, row) in view.positions(first, last) {
            batch.push(Wanted {
                position: selected.position(in_view, row.uid),
                row: *row,
                facts: None,
                newly_seen: false,
            });
            if batch.len() == most {
                send(selected, connection, (&plan, &mut printer), &mut batch).await?;
            }
        }
    }
    send(selected, connection, (&plan, &mut printer), &mut batch).await?;
    if targets.some_gone {
        return Err(imap::Refusal::ExpungeIssued.into());
    }
    printer.failed.map_or(Ok(printer.downgraded), Err)
}

/// Sends a batch and empties it.
async fn send(
    selected: &mut Selected,
    connection: &mut Connection,
    (plan, printer): (&Plan, &mut Printer),
    batch: &mut Vec<Wanted>,
) -> Result<(), Stop> {
    if plan.marks_seen == Seen::Set {
        mark_seen(selected, batch).await;
        printer.learn_keywords(selected, connection.out(), batch).await;
    }
    match plan.facts {
        Reads::Needed => read_facts(selected, batch).await,
        Reads::NotNeeded => read_facts_of_surrogates(selected, plan, batch).await,
    }
    for wanted in batch.drain(..) {
        if printer
            .at_once(selected, connection.out(), plan, &wanted)
            .is_none()
        {
            printer.message(selected, connection, plan, &wanted).await?;
        }
        if connection.has_enough() {
            connection.relieve().await?;
        }
    }
    consume_budget().await;
    Ok(())
}

/// Sets `\Seen` before the bodies are sent, with one change for the whole batch. If that fails the bodies are sent all
/// the same: reading must go on when the disk is full.
async fn mark_seen(selected: &mut Selected, batch: &mut [Wanted]) {
    let unseen = batch.iter().filter(|wanted| !wanted.row.has(SystemKeyword::Seen));
    let uids: Vec<Uid> = unseen.map(|wanted| wanted.row.uid).collect();
    if uids.is_empty() {
        return;
    }
    let change = KeywordChange {
        action: KeywordAction::Add,
        keywords: Keywords {
            system: SystemKeyword::Seen.bit(),
            names: Vec::new(),
        },
    };
    let rows = match selected
        .account()
        .set_keywords(selected.mailbox(), uids, change)
        .await
    {
        Ok(rows) => rows,
        Err(error) => {
            super::stop::refusal(error);
            return;
        }
    };
    selected.has_told(rows.iter().map(|row| (row.uid, row.change)));
    for wanted in batch {
        if let Ok(at) = rows.binary_search_by_key(&wanted.row.uid, |row| row.uid)
            && let Some(row) = rows.get(at)
        {
            wanted.newly_seen = !wanted.row.has(SystemKeyword::Seen);
            wanted.row = *row;
        }
    }
}

/// Reads the facts of a batch. Cards that cannot be read are made from the messages' bytes.
async fn read_facts(selected: &Selected, batch: &mut [Wanted]) {
    let Err(error) = read_facts_together(selected, batch).await else {
        return;
    };
    tracing::error!(%error, "imap: the facts of some messages could not be read together");
    for wanted in batch {
        wanted.facts = read_facts_of(selected, wanted.row.uid).await;
    }
}

/// Where nothing else is asked for: how large the surrogates are.
async fn read_facts_of_surrogates(selected: &Selected, plan: &Plan, batch: &mut [Wanted]) {
    if plan.surrogates != Surrogates::Size {
        return;
    }
    for wanted in batch {
        if plan.shown(&wanted.row) == Shown::Surrogate {
            wanted.facts = read_facts_of(selected, wanted.row.uid).await;
        }
    }
}

/// The facts of one message, if they can be read; a failure is the operator's business alone.
pub(super) async fn read_facts_of(selected: &Selected, uid: Uid) -> Option<FactsRow> {
    let (account, mailbox) = (selected.account(), selected.mailbox());
    let read = account.facts_of(mailbox, &[uid]).await.inspect_err(|error| {
        let (account, mailbox, uid) = (account.id().0, mailbox.0, uid.0);
        tracing::error!(account, mailbox, uid, %error, "imap: the facts of a message could not be read");
    });
    read.ok()?.into_iter().next().flatten()
}

/// As one range where the batch is dense.
async fn read_facts_together(selected: &Selected, batch: &mut [Wanted]) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
        return Ok(());
    };
    let (first, last) = (first.row.uid, last.row.uid);
    let span = usize::try_from(last.0 - first.0).unwrap_or(usize::MAX);
    let (account, mailbox) = (selected.account(), selected.mailbox());
    if span < batch.len().saturating_mul(2) {
        let facts = account.facts(mailbox, (first, last), span + 1).await?;
        let mut facts = facts.into_iter().peekable();
        for wanted in &mut *batch {
            while facts.next_if(|(uid, _)| *uid < wanted.row.uid).is_some() {}
            let facts = facts.next_if(|(uid, _)| *uid == wanted.row.uid);
            wanted.facts = facts.map(|(_, facts)| facts);
        }
        return Ok(());
    }
    let uids: Vec<Uid> = batch.iter().map(|wanted| wanted.row.uid).collect();
    let facts = account.facts_of(mailbox, &uids).await?;
    for (wanted, facts) in batch.iter_mut().zip(facts) {
        wanted.facts = facts;
    }
    Ok(())
}

/// Prints messages; remembers the first failure, because the messages after it can still be read.
struct Printer {
    flags: FlagText,
    failed: Option<Stop>,
    downgraded: Vec<Uid>,
}

impl Printer {
    fn new(view: &Arc<View>) -> Self {
        Printer {
            flags: FlagText::new(view.keywords()),
            failed: None,
            downgraded: Vec::new(),
        }
    }

    /// RFC 6858 §3: of a message whose size alone is told nothing was made.
    fn has_downgraded(&mut self, plan: &Plan, uid: Uid) {
        if plan.surrogates == Surrogates::Content && self.downgraded.len() < MAX_DOWNGRADED {
            self.downgraded.push(uid);
        }
    }

    /// Somebody may have given messages new keywords before they were marked: the rows have them now. Only their names are
    /// looked up; what is gone meanwhile is not the matter here.
    async fn learn_keywords(&mut self, selected: &mut Selected, out: &mut Vec<u8>, batch: &[Wanted]) {
        if batch.iter().any(|wanted| wanted.newly_seen)
            && let Ok(view) = selected.account().view(selected.mailbox()).await
            && !self.flags.knows(view.keywords())
        {
            selected.tell_keywords(out, &view);
            self.flags = FlagText::new(view.keywords());
        }
    }

    /// Prints a message of which nothing has to be read any more; `None`, and nothing printed, for others.
    fn at_once(
        &mut self,
        selected: &Selected,
        out: &mut Vec<u8>,
        plan: &Plan,
        wanted: &Wanted,
    ) -> Option<()> {
        if plan.bytes == Reads::Needed {
            return None;
        }
        let shown = plan.shown(&wanted.row);
        let cards = match (plan.facts, shown) {
            (Reads::NotNeeded, Shown::AsIs) => None,
            _ => Some(wanted.shown(shown)?),
        };
        let octets = cards.map_or(wanted.row.size.into(), |(_, octets)| octets);
        let recent = selected.recent(wanted.row.uid);
        let mut line = FetchLine::begin(out, wanted.position);
        for item in &plan.items {
            match &cards {
                Some((cards, _)) if is_of_cards(item) => card_item(&mut line, item, cards),
                _ => self.row_item(&mut line, item, (wanted, recent, octets)),
            }
        }
        line.end();
        if shown == Shown::Surrogate {
            self.has_downgraded(plan, wanted.row.uid);
        }
        Some(())
    }

    async fn message(
        &mut self,
        selected: &Selected,
        connection: &mut Connection,
        plan: &Plan,
        wanted: &Wanted,
    ) -> Result<(), Stop> {
        let before = connection.mark();
        match self.items((selected, plan), connection, wanted).await {
            Err(Stop::Refused(refusal)) => {
                connection.take_back(before)?;
                self.failed.get_or_insert(Stop::Refused(refusal));
                Ok(())
            }
            done => done,
        }
    }

    async fn items(
        &mut self,
        (selected, plan): (&Selected, &Plan),
        connection: &mut Connection,
        wanted: &Wanted,
    ) -> Result<(), Stop> {
        let row = &wanted.row;
        let shown = plan.shown(row);
        let mut source = Source::new(selected.means(), row, shown);
        let octets = octets(plan, &mut source, wanted).await?;
        let mut place = FetchLine::begin(connection.out(), wanted.position).pause();
        for item in &plan.items {
            place = match item {
                FetchItem::Envelope | FetchItem::Body | FetchItem::BodyStructure => {
                    let cards = match wanted.shown(shown) {
                        Some((stored, _)) => stored,
                        None => source.cards().await?,
                    };
                    let mut line = FetchLine::resume(connection.out(), place);
                    card_item(&mut line, item, &cards);
                    line.pause()
                }
                FetchItem::BodySection(_)
                | FetchItem::Rfc822
                | FetchItem::Rfc822Header
                | FetchItem::Rfc822Text => body::send(connection, &mut source, item, place).await?,
                // Nothing can stand for an id (RFC 8474 §5.1).
                FetchItem::EmailId | FetchItem::ThreadId if wanted.facts.is_none() => {
                    return Err(imap::Refusal::Unavailable.into());
                }
                FetchItem::Flags
                | FetchItem::Uid
                | FetchItem::InternalDate
                | FetchItem::SaveDate
                | FetchItem::EmailId
                | FetchItem::ThreadId
                | FetchItem::Rfc822Size => {
                    let mut line = FetchLine::resume(connection.out(), place);
                    self.row_item(&mut line, item, (wanted, selected.recent(row.uid), octets));
                    line.pause()
                }
            };
            // One message may have a thousand items, each as large as its header.
            connection.relieve_within().await?;
        }
        let mut line = FetchLine::resume(connection.out(), place);
        if wanted.newly_seen && !plan.items.contains(&FetchItem::Flags) {
            line.flags(self.flags.print(row.keywords, selected.recent(row.uid)));
        }
        line.end();
        if shown == Shown::Surrogate {
            self.has_downgraded(plan, row.uid);
        }
        Ok(())
    }

    fn row_item(
        &mut self,
        line: &mut FetchLine<'_>,
        item: &FetchItem,
        (wanted, recent, octets): (&Wanted, Recent, u64),
    ) {
        let row = &wanted.row;
        match (item, &wanted.facts) {
            (FetchItem::Flags, _) => line.flags(self.flags.print(row.keywords, recent)),
            (FetchItem::InternalDate, _) => line.internal_date(row.received),
            (FetchItem::SaveDate, _) => line.save_date(Timestamp(row.saved.into())),
            (FetchItem::EmailId, Some(facts)) => line.email_id(facts.content),
            (FetchItem::ThreadId, Some(facts)) => line.thread_id(facts.thread),
            (FetchItem::Rfc822Size, _) => line.size(octets),
            _ => line.uid(row.uid),
        }
    }
}

/// The size that is told: that of what BODY[] gives. Where it cannot be found out, the size of the message itself is as good
/// as RFC 6858 §3 asks for.
async fn octets(plan: &Plan, source: &mut Source<'_>, wanted: &Wanted) -> Result<u64, Stop> {
    let of_message = u64::from(wanted.row.size);
    let shown = plan.shown(&wanted.row);
    if shown == Shown::AsIs || !plan.items.contains(&FetchItem::Rfc822Size) {
        return Ok(of_message);
    }
    if let Some((_, octets)) = wanted.shown(shown) {
        return Ok(octets);
    }
    match source.octets().await {
        Err(Stop::Refused(_)) => Ok(of_message),
        octets => octets,
    }
}

fn card_item(line: &mut FetchLine<'_>, item: &FetchItem, cards: &StoredCards<'_>) {
    match item {
        FetchItem::Envelope => line.envelope(cards.envelope()),
        FetchItem::Body => line.body(cards.body()),
        _ => line.body_structure(cards.body_structure()),
    }
}
