//! A mailbox that a session has open: what its client has been told, and how it learns the rest.
//!
//! No old view is kept. What the client believes is described by four things: how many messages there are, the next uid,
//! the change number up to which flags were told, and the uids of messages that are gone but not yet told to be. The
//! positions that the client uses follow from the present view and those uids by rank arithmetic: a message's position
//! is its position in the view plus the number of untold uids below its own. So an idle session holds no view at all.
//!
//! RFC 3501 §5.2, §5.5, §7.4.1: EXPUNGE is only told where it may be; everything else is told with every command.

use std::io;
use std::sync::Arc;

use imap::Refusal;
use imap::grammar::set::{MessageSet, Numbering};
use imap::response::fetch::FetchLine;
use imap::response::mailbox as print;
use store::{Account, Mailbox, MessageRow, StoreError, View};
use tokio::sync::watch;
use types::{ChangeNumber, KeywordName, MailboxId, Uid};

use super::connection::Connection;
use super::flags::{FlagText, Recent};
use super::stop::Stop;
use crate::Terms;

/// What a session may do to its mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Opened with SELECT.
    ReadWrite,
    /// Opened with EXAMINE.
    ReadOnly,
}

/// Whether the client may learn now that messages are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expunges {
    /// EXPUNGE may be sent.
    Tell,
    /// A FETCH, STORE or SEARCH is being answered (RFC 3501 §7.4.1).
    Hold,
}

/// Messages that a command names: ranges of positions in the present view.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Targets {
    /// First and last, in order.
    pub(super) ranges: Vec<(usize, usize)>,
    /// Some of the named positions belong to messages that are gone.
    pub(super) some_gone: bool,
}

impl Targets {
    /// Whether there are at most so many messages.
    pub(super) fn are_few(&self, most: usize) -> bool {
        let mut left = most;
        let mut fits = |(first, last): &(usize, usize)| {
            let count = last.saturating_sub(*first).saturating_add(1);
            left.checked_sub(count).map(|rest| left = rest).is_some()
        };
        self.ranges.iter().all(&mut fits)
    }

    /// The uids of the messages.
    pub(super) fn uids(&self, view: &View) -> Vec<Uid> {
        let rows = self
            .ranges
            .iter()
            .flat_map(|(first, last)| view.positions(*first, *last));
        rows.map(|(_, row)| row.uid).collect()
    }
}

/// A mailbox that a session has open.
pub(super) struct Selected {
    account: Account,
    terms: Arc<Terms>,
    mailbox: MailboxId,
    access: Access,
    count: usize,
    next_uid: Uid,
    change: ChangeNumber,
    /// Uids that are gone and were not told, in order.
    gone: Vec<Uid>,
    /// Ranges of uids with `\Recent`, in order: from, and before which.
    recent: Vec<(Uid, Uid)>,
    keywords_told: usize,
    /// Changes of flags that this session made and has told already, in order.
    own: Vec<(Uid, ChangeNumber)>,
    watch: watch::Receiver<ChangeNumber>,
    /// The change of the mailbox up to which the client was told what there was to tell. Not all changes show in the
    /// view: of a new name there is nothing to tell.
    looked: ChangeNumber,
}

impl Selected {
    /// Opens a mailbox whose keywords the client is told. Its rows are not looked at: a session that never asks for a message costs no view.
    pub(super) fn open(
        (account, terms): (&Account, &Arc<Terms>),
        mailbox: &Mailbox,
        keywords: &[KeywordName],
        access: Access,
    ) -> Option<Self> {
        let mut selected = Selected {
            account: account.clone(),
            terms: Arc::clone(terms),
            mailbox: mailbox.id,
            access,
            count: usize::try_from(mailbox.messages).unwrap_or(usize::MAX),
            next_uid: mailbox.next_uid,
            change: mailbox.change,
            gone: Vec::new(),
            recent: Vec::new(),
            keywords_told: keywords.len(),
            own: Vec::new(),
            watch: account.watch(mailbox.id)?,
            looked: mailbox.change,
        };
        selected.take_recent(mailbox.next_uid);
        Some(selected)
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// What clients have to keep to, and the memory that they share.
    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// With what messages are read.
    pub(super) fn means(&self) -> (&Account, &Terms) {
        (self.account(), self.terms())
    }

    pub(super) fn mailbox(&self) -> MailboxId {
        self.mailbox
    }

    pub(super) fn access(&self) -> Access {
        self.access
    }

    /// Refuses what changes the mailbox if it was opened to read only.
    pub(super) fn check_writable(&self) -> Result<(), Refusal> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(Refusal::ReadOnly),
        }
    }

    /// The messages as they are now; which of those that the client knows are gone is learnt with it. It must not be
    /// kept over a wait for the client.
    pub(super) async fn view(&mut self) -> Result<Arc<View>, Stop> {
        let view = match self.account.view(self.mailbox).await {
            Err(StoreError::Refused(store::Refusal::NoMailbox)) => return Err(Stop::MailboxGone),
            view => view?,
        };
        self.find_gone(&view).await?;
        Ok(view)
    }

    /// How many messages the client knows of.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.count).unwrap_or(u32::MAX)
    }

    /// The position that the client knows a message by.
    pub(super) fn position(&self, in_view: usize, uid: Uid) -> u32 {
        let position = in_view + self.gone.partition_point(|gone| *gone < uid);
        u32::try_from(position).unwrap_or(u32::MAX)
    }

    /// How many messages of the view the client knows of.
    pub(super) fn known(&self, view: &View) -> usize {
        view.rank(self.next_uid)
    }

    /// Whether a message has `\Recent` in this session.
    pub(super) fn recent(&self, uid: Uid) -> Recent {
        let at = self.recent.partition_point(|(_, before)| *before <= uid);
        match self.recent.get(at) {
            Some((from, _)) if *from <= uid => Recent::Yes,
            _ => Recent::No,
        }
    }

    /// How many messages of the view have `\Recent` in this session.
    pub(super) fn recent_count(&self, view: &View) -> u32 {
        let known = self.known(view);
        let count = |(from, before): &(Uid, Uid)| {
            let last = view.rank(*before).min(known);
            last.saturating_sub(view.rank(*from))
        };
        u32::try_from(self.recent.iter().map(count).sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// As [`Selected::recent_count`], without a view, when no message that the client knows is gone.
    pub(super) async fn count_recent(&self) -> Result<u32, Stop> {
        let mut sum = 0;
        for (from, before) in &self.recent {
            // All of them: they need not be counted.
            if *from == Uid::FIRST && *before == self.next_uid {
                return Ok(self.count());
            }
            sum += self.account.count(self.mailbox, *from..*before).await?;
        }
        Ok(u32::try_from(sum).unwrap_or(u32::MAX))
    }

    /// Takes the right to call the new messages below a uid recent, or only looks where the mailbox is open to read
    /// only (RFC 3501 §2.3.2, §6.3.2). What has arrived after the view is left to whoever is told of it first.
    fn take_recent(&mut self, next_uid: Uid) {
        let from = match self.access {
            Access::ReadWrite => self.account.take_recent(self.mailbox, next_uid),
            Access::ReadOnly => self.account.mailbox_by_id(self.mailbox).map(|m| m.recent),
        };
        let Some(from) = from.filter(|from| *from < next_uid) else {
            return;
        };
        match self.recent.last_mut() {
            Some((_, before)) if *before >= from => *before = next_uid,
            _ => self.recent.push((from, next_uid)),
        }
    }

    /// The position, in the client's count, of a message that is gone.
    fn position_of_gone(&self, view: &View, index: usize) -> usize {
        self.gone
            .get(index)
            .map_or(usize::MAX, |uid| view.rank(*uid) + index + 1)
    }

    /// How many of the gone had a position below this one.
    fn gone_below(&self, view: &View, position: usize) -> usize {
        let (mut low, mut high) = (0, self.gone.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.position_of_gone(view, middle) < position {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Finds the messages that a set names.
    ///
    /// A position that no message has is a mistake of the client (RFC 3501 §9, `seq-number`); a uid that no message has
    /// is not (RFC 3501 §6.4.8).
    pub(super) fn targets(&self, view: &View, set: &MessageSet) -> Result<Targets, Refusal> {
        match set.numbering() {
            Numbering::Uids => Ok(self.targets_by_uid(view, set)),
            Numbering::Positions => {
                let ranges = set.set().resolve(self.count());
                if ranges.iter().any(|(from, to)| *from == 0 || *to > self.count()) {
                    return Err(Refusal::NoMessage);
                }
                Ok(self.targets_by_position(view, &ranges))
            }
        }
    }

    /// As [`Selected::targets`], but a position that no message has is passed over.
    pub(super) fn targets_if_any(&self, view: &View, set: &MessageSet) -> Targets {
        match set.numbering() {
            Numbering::Uids => self.targets_by_uid(view, set),
            Numbering::Positions => self.targets_by_position(view, &set.set().resolve(self.count())),
        }
    }

    fn targets_by_position(&self, view: &View, ranges: &[(u32, u32)]) -> Targets {
        let mut targets = Targets::default();
        let known = self.known(view);
        for (from, to) in ranges {
            let from = usize::try_from(*from).unwrap_or(usize::MAX).max(1);
            let to = usize::try_from(*to).unwrap_or(usize::MAX).min(self.count);
            let (below, up_to) = (self.gone_below(view, from), self.gone_below(view, to + 1));
            targets.some_gone |= below != up_to;
            let (first, last) = (from - below, to.saturating_sub(up_to).min(known));
            if first <= last {
                targets.ranges.push((first, last));
            }
        }
        targets
    }

    fn targets_by_uid(&self, view: &View, set: &MessageSet) -> Targets {
        let known = self.known(view);
        let last_uid = view.at(known).map_or(Uid(0), |row| row.uid);
        let last_uid = self.gone.last().map_or(last_uid, |gone| last_uid.max(*gone));
        let mut targets = Targets::default();
        for (from, to) in set.set().resolve(last_uid.0) {
            let first = view.rank(Uid(from)) + 1;
            let last = match to {
                u32::MAX => known,
                to => view.rank(Uid(to + 1)).min(known),
            };
            if first <= last {
                targets.ranges.push((first, last));
            }
        }
        targets
    }

    /// Remembers changes of flags that the client has been told, or does not need to be told.
    pub(super) fn has_told(&mut self, rows: impl IntoIterator<Item = (Uid, ChangeNumber)>) {
        let before = self.own.len();
        self.own.extend(rows);
        // Most come in order, batch after batch: only the seam has to be looked at.
        let seam = self.own.get(before.saturating_sub(1)..).unwrap_or_default();
        if !seam.is_sorted() {
            self.own.sort_unstable();
        }
    }

    fn is_own(&self, row: &MessageRow) -> bool {
        self.own.binary_search(&(row.uid, row.change)).is_ok()
    }

    /// Whether the client knows the flags that this row has.
    pub(super) fn knows_flags(&self, row: &MessageRow) -> bool {
        row.change <= self.change || self.is_own(row)
    }

    /// Waits until something in the mailbox has changed that the client was not told.
    pub(super) async fn changed(&mut self) {
        while *self.watch.borrow_and_update() <= self.looked {
            if self.watch.changed().await.is_err() {
                // The account was removed: whoever looks will find that out.
                return;
            }
        }
    }

    /// Tells the client everything that it may now learn.
    pub(super) async fn sync(
        &mut self,
        connection: &mut Connection,
        expunges: Expunges,
        numbering: Numbering,
    ) -> Result<(), Stop> {
        // Before the view is taken: what comes in between is looked at once more.
        let looked = *self.watch.borrow();
        let told = looked <= self.looked && (self.gone.is_empty() || expunges == Expunges::Hold);
        // An account that has gone says no more changes.
        if told && self.watch.has_changed().is_ok() {
            return Ok(());
        }
        if self.gone.is_empty()
            && let Some(mailbox) = self.account.grown(self.mailbox, self.change)
        {
            self.looked = looked.max(mailbox.change);
            return self.tell_growth(connection.out(), &mailbox).await;
        }
        let view = self.view().await?;
        self.looked = looked.max(view.change());
        if view.change() == self.change && (self.gone.is_empty() || expunges == Expunges::Hold) {
            self.own = Vec::new();
            return Ok(());
        }
        if expunges == Expunges::Tell {
            self.tell_gone(connection, &view).await?;
        }
        self.tell_keywords(connection.out(), &view);
        self.tell_flags(connection, &view, numbering).await?;
        self.tell_arrivals(connection.out(), &view);
        self.change = view.change();
        self.own = Vec::new();
        Ok(())
    }

    /// Learns which messages are gone since the client was last told something.
    async fn find_gone(&mut self, view: &View) -> Result<(), Stop> {
        let known = self.known(view);
        if known + self.gone.len() == self.count {
            return Ok(());
        }
        let gone = self.account.expunged_since(self.mailbox, self.change).await?;
        let news = gone
            .into_iter()
            .filter(|(change, uid)| *change <= view.change() && *uid < self.next_uid)
            .map(|(_, uid)| uid);
        self.gone.extend(news);
        self.gone.sort_unstable();
        self.gone.dedup();
        // So long ago that nobody remembers it: the client has to begin anew.
        let complete = known + self.gone.len() == self.count;
        complete.then_some(()).ok_or(Stop::MailboxGone)
    }

    /// In order of uids, each position as it is after those before it have gone.
    async fn tell_gone(&mut self, connection: &mut Connection, view: &View) -> io::Result<()> {
        for uid in std::mem::take(&mut self.gone) {
            let position = view.rank(uid) + 1;
            print::expunge(connection.out(), u32::try_from(position).unwrap_or(u32::MAX));
            self.count = self.count.saturating_sub(1);
            connection.relieve().await?;
        }
        Ok(())
    }

    /// New keywords are in FLAGS before a message has them (RFC 3501 §7.2.6).
    pub(super) fn tell_keywords(&mut self, out: &mut Vec<u8>, view: &View) {
        if view.keywords().len() != self.keywords_told {
            self.keywords_told = view.keywords().len();
            super::select::print_flags(out, view.keywords(), self.access);
        }
    }

    /// Tells that messages have arrived, where nothing else has happened. A session that only waits needs no view for it.
    async fn tell_growth(&mut self, out: &mut Vec<u8>, mailbox: &Mailbox) -> Result<(), Stop> {
        self.change = mailbox.change;
        self.own = Vec::new();
        if mailbox.next_uid == self.next_uid {
            return Ok(());
        }
        self.next_uid = mailbox.next_uid;
        self.count = usize::try_from(mailbox.messages).unwrap_or(usize::MAX);
        self.take_recent(mailbox.next_uid);
        print::exists(out, self.count());
        print::recent(out, self.count_recent().await?);
        Ok(())
    }

    fn tell_arrivals(&mut self, out: &mut Vec<u8>, view: &View) {
        if view.next_uid() == self.next_uid {
            return;
        }
        self.next_uid = view.next_uid();
        let count = view.len() + self.gone.len();
        let news = count != self.count;
        self.count = count;
        self.take_recent(view.next_uid());
        if news {
            print::exists(out, self.count());
            print::recent(out, self.recent_count(view));
        }
    }

    /// Tells the flags that somebody else has changed, of the messages that the client knows.
    async fn tell_flags(
        &self,
        connection: &mut Connection,
        view: &View,
        numbering: Numbering,
    ) -> io::Result<()> {
        let mut text = FlagText::new(view.keywords());
        let known = self.known(view);
        for (in_view, row) in view.changed_since(self.change) {
            if in_view > known || self.is_own(row) {
                continue;
            }
            let mut line = FetchLine::begin(connection.out(), self.position(in_view, row.uid));
            if numbering == Numbering::Uids {
                line.uid(row.uid);
            }
            line.flags(text.print(row.keywords, self.recent(row.uid)));
            line.end();
            connection.relieve().await?;
        }
        Ok(())
    }
}
