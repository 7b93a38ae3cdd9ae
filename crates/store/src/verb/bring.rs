//! Bringing messages that have been somewhere before: in another server, in files, in a backup. They come as new copies, and keep what
//! clients know them by, as far as nothing else here is called so.

use types::{ContentId, MailboxId, ThreadId, UniqueId};

use super::append::{Appended, Coming, append_found};
use crate::known::FreeIds;
use crate::row::Counters;
use crate::sequencer::{Draft, Verb, submit};
use crate::{Account, NewMessage, StoreError};

/// Numbers from here on are nobody's: counters leap to the clock's seconds, shifted by 16.
const MAX_NUMBER: u64 = 1 << 48;

impl Account {
    /// Puts messages into a mailbox that have been somewhere before, all or none: they keep what they were called.
    ///
    /// # Errors
    /// When there is no such mailbox, a limit is reached, or the engine fails.
    pub async fn bring(
        &self,
        mailbox: MailboxId,
        messages: Vec<(NewMessage, Origin)>,
    ) -> Result<Vec<Brought>, StoreError> {
        submit(self.shared(), Bring { mailbox, messages }).await
    }

    /// The numbers that the next content and the next conversation get.
    #[must_use]
    pub fn next_numbers(&self) -> (ContentId, ThreadId) {
        let counters = self.inner().state().counters;
        (ContentId(counters.next_content), ThreadId(counters.next_thread))
    }

    /// Gives no number below these to new contents and conversations. Answers with the first of each that nothing was called before: what
    /// is to be brought may be called so, up to these.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn reserve(
        &self,
        content: ContentId,
        thread: ThreadId,
    ) -> Result<(ContentId, ThreadId), StoreError> {
        submit(self.shared(), Reserve { content, thread }).await
    }
}

/// What a message was called where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Its content. The caller knows that no other content of this account was ever called so: see [`Account::reserve`].
    pub content: Option<ContentId>,
    /// Its conversation, of which the same is true.
    pub thread: Option<ThreadId>,
    /// Its id, which it keeps unless another copy in the mailbox has it.
    pub id: Option<UniqueId>,
}

/// A message that was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brought {
    /// Where it is now.
    pub appended: Appended,
    /// What has become of its id.
    pub id: BroughtId,
}

/// What has become of the id of a message that was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BroughtId {
    /// It brought none.
    None,
    /// It keeps it.
    Kept,
    /// Another copy has it, or might get it: it has its own now.
    Taken,
}

/// Numbers that a message has already.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    content: Option<ContentId>,
    pub(super) thread: Option<ThreadId>,
}

impl Numbers {
    /// Takes those of an origin that can be numbers; none that is not given out yet will be.
    fn of(origin: &Origin, counters: &mut Counters) -> Self {
        let numbers = Numbers {
            content: origin.content.filter(|id| (1..MAX_NUMBER).contains(&id.0)),
            thread: origin.thread.filter(|id| (1..MAX_NUMBER).contains(&id.0)),
        };
        let above = |next: u64, given: Option<u64>| next.max(given.map_or(0, |given| given + 1));
        counters.next_content = above(counters.next_content, numbers.content.map(|id| id.0));
        counters.next_thread = above(counters.next_thread, numbers.thread.map(|id| id.0));
        numbers
    }

    /// Its content, or a new one.
    pub(super) fn content(self, counters: &mut Counters) -> ContentId {
        self.content.unwrap_or_else(|| {
            counters.next_content += 1;
            ContentId(counters.next_content - 1)
        })
    }
}

/// Several messages into one mailbox, all or none.
struct Bring {
    mailbox: MailboxId,
    messages: Vec<(NewMessage, Origin)>,
}

impl Verb for Bring {
    type Output = Vec<Brought>;

    async fn apply(self, draft: &mut Draft) -> Result<Vec<Brought>, StoreError> {
        let mailbox = draft.mailbox(self.mailbox)?;
        let wanted: Vec<_> = self
            .messages
            .iter()
            .map(|(_, origin)| origin.id.clone())
            .collect();
        let free = FreeIds::find(draft, self.mailbox, wanted.clone()).await?;
        let mut coming = Vec::with_capacity(self.messages.len());
        let mut counters = *draft.counters();
        for ((message, origin), id) in self.messages.into_iter().zip(&free.ids) {
            let mut found = Coming::find(draft, message).await?;
            found.numbers = Numbers::of(&origin, &mut counters);
            found.id.clone_from(id);
            coming.push(found);
        }
        // Nothing is refused but by `append_found`, before it changes anything; numbers that are passed over do no harm.
        *draft.counters() = counters;
        free.take(draft);
        let appended = append_found(draft, mailbox, coming)?;
        let brought = appended.into_iter().zip(wanted.iter().zip(&free.ids));
        let brought = brought.map(|(appended, ids)| {
            let id = match ids {
                (None, _) => BroughtId::None,
                (_, Some(_)) => BroughtId::Kept,
                (_, None) => BroughtId::Taken,
            };
            Brought { appended, id }
        });
        Ok(brought.collect())
    }
}

/// Gives none of the numbers below these out any more; answers with the first that had not been given out.
struct Reserve {
    content: ContentId,
    thread: ThreadId,
}

impl Verb for Reserve {
    type Output = (ContentId, ThreadId);

    async fn apply(self, draft: &mut Draft) -> Result<Self::Output, StoreError> {
        let counters = draft.counters();
        let free = (ContentId(counters.next_content), ThreadId(counters.next_thread));
        counters.next_content = counters.next_content.max(self.content.0.min(MAX_NUMBER));
        counters.next_thread = counters.next_thread.max(self.thread.0.min(MAX_NUMBER));
        Ok(free)
    }
}
