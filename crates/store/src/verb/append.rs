//! Appending: a message comes into a mailbox.

use bytes::Bytes;
use types::{
    BlobId, ChangeNumber, ContentId, EntryId, MailboxId, MailboxName, ThreadId, Timestamp, Uid, UidValidity,
    UniqueId,
};

use super::bring::Numbers;
use crate::row::{FactsRow, MailboxRow};
use crate::sequencer::{Draft, Verb};
use crate::{Keywords, MessageRow, Refusal, StoreError, TextForm, key, note};

/// How many references of a message are followed to its thread: the nearest ones.
const MAX_REFERENCES: usize = 32;

/// A message that is to come into a mailbox.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Its bytes.
    pub source: BlobSource,
    /// The marks it comes with.
    pub keywords: Keywords,
    /// When it was received.
    pub received: Timestamp,
    /// What is to be found again without its bytes.
    pub facts: Facts,
}

/// Bytes to store, or bytes that are stored already.
#[derive(Clone, Debug)]
pub enum BlobSource {
    /// They become durable together with the message's row.
    Bytes(Bytes),
    /// From [`crate::Store::put_blob`].
    Stored {
        /// The blob.
        blob: BlobId,
        /// Its size in octets.
        size: u32,
    },
}

impl BlobSource {
    fn size(&self) -> u64 {
        match self {
            BlobSource::Bytes(bytes) => bytes.len() as u64,
            BlobSource::Stored { size, .. } => u64::from(*size),
        }
    }
}

/// What the caller found out about a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What it wants to find again, in a form of its own; not kept when over 16 KiB.
    pub cards: Bytes,
    /// A hash of its message id.
    pub message_id: Option<u64>,
    /// Hashes of the message ids it refers to, the nearest last.
    pub references: Vec<u64>,
    /// Whether its bytes can be searched as they are.
    pub form: TextForm,
}

/// A message that has come into a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Into which mailbox.
    pub mailbox: MailboxId,
    /// The mailbox's uid validity.
    pub validity: UidValidity,
    /// The uid it was given.
    pub uid: Uid,
    /// This copy.
    pub entry: EntryId,
    /// The content.
    pub content: ContentId,
    /// The change that brought it.
    pub change: ChangeNumber,
}

/// Several messages into one mailbox, all or none.
pub(crate) struct Append {
    pub(crate) mailbox: MailboxId,
    pub(crate) messages: Vec<NewMessage>,
}

impl Verb for Append {
    type Output = Vec<Appended>;

    async fn apply(self, draft: &mut Draft) -> Result<Vec<Appended>, StoreError> {
        let mailbox = draft.mailbox(self.mailbox)?;
        append_all(draft, mailbox, self.messages).await
    }
}

/// One message into a mailbox that is created when it is missing.
pub(crate) struct Deliver {
    pub(crate) mailbox: MailboxName,
    pub(crate) message: NewMessage,
}

impl Verb for Deliver {
    type Output = Appended;

    async fn apply(self, draft: &mut Draft) -> Result<Appended, StoreError> {
        // What may fail comes first: a mailbox is not created for a message that is then refused.
        let thread = Thread::find(draft, &self.message.facts).await?;
        draft.check_quota(1, self.message.source.size())?;
        let mailbox = match draft.by_name(&self.mailbox) {
            Some(mailbox) => mailbox,
            None => super::mailbox::create(draft, &self.mailbox, None)?,
        };
        let coming = Coming::new(self.message, thread);
        let appended = append_found(draft, mailbox, vec![coming])?;
        Ok(*appended.first().expect("one message gives one outcome"))
    }
}

async fn append_all(
    draft: &mut Draft,
    mailbox: MailboxRow,
    messages: Vec<NewMessage>,
) -> Result<Vec<Appended>, StoreError> {
    let mut found = Vec::with_capacity(messages.len());
    for message in messages {
        found.push(Coming::find(draft, message).await?);
    }
    append_found(draft, mailbox, found)
}

/// A message that is to be appended, with what was found for it.
pub(super) struct Coming {
    pub(super) message: NewMessage,
    thread: Thread,
    /// What it is called already.
    pub(super) numbers: Numbers,
    pub(super) id: Option<UniqueId>,
}

impl Coming {
    fn new(message: NewMessage, thread: Thread) -> Self {
        Coming {
            message,
            thread,
            numbers: Numbers::default(),
            id: None,
        }
    }

    /// Looks what thread it belongs to.
    pub(super) async fn find(draft: &Draft, message: NewMessage) -> Result<Self, StoreError> {
        let thread = Thread::find(draft, &message.facts).await?;
        Ok(Coming::new(message, thread))
    }
}

pub(super) fn append_found(
    draft: &mut Draft,
    mut mailbox: MailboxRow,
    messages: Vec<Coming>,
) -> Result<Vec<Appended>, StoreError> {
    check_room(&mailbox, messages.len())?;
    let octets = messages.iter().map(|coming| coming.message.source.size()).sum();
    draft.check_quota(messages.len(), octets)?;
    let mut keywords = Vec::with_capacity(messages.len());
    for Coming { message, .. } in &messages {
        if message.source.size() > u64::from(u32::MAX) {
            return Err(Refusal::MessageTooLarge.into());
        }
        keywords.push(message.keywords.bits_in(&mut mailbox));
    }
    let change = draft.next_change();
    let mut appended = Vec::with_capacity(messages.len());
    for (coming, keywords) in messages.into_iter().zip(keywords) {
        appended.push(append_one(draft, &mut mailbox, (coming, keywords, change))?);
    }
    draft.set_mailbox(mailbox);
    Ok(appended)
}

pub(super) fn check_room(mailbox: &MailboxRow, messages: usize) -> Result<(), Refusal> {
    let wanted = u32::try_from(messages).map_err(|_| Refusal::OutOfUids)?;
    // The last uid is never given out, so that the next one always exists.
    mailbox
        .next_uid
        .0
        .checked_add(wanted)
        .map(|_| ())
        .ok_or(Refusal::OutOfUids)
}

fn append_one(
    draft: &mut Draft,
    mailbox: &mut MailboxRow,
    (coming, keywords, change): (Coming, u64, ChangeNumber),
) -> Result<Appended, StoreError> {
    let Coming {
        message,
        thread,
        numbers,
        id,
    } = coming;
    let now = draft.now();
    let counters = draft.counters();
    let content = numbers.content(counters);
    let entry = EntryId(counters.next_entry);
    counters.next_entry += 1;
    let uid = mailbox.next_uid;
    mailbox.next_uid = uid.next();
    let mut row = MessageRow {
        uid,
        size: 0,
        keywords,
        change,
        received: message.received,
        entry,
        blob: BlobId(0),
        saved: saved_at(now),
        form: message.facts.form,
    };
    store_bytes(draft, mailbox, (message.source, id.as_ref()), &mut row)?;
    let thread = thread.join(draft, &message.facts, numbers.thread);
    if let Some(id) = id {
        draft.put_known(mailbox.id, uid, id);
    }
    let facts = FactsRow {
        content,
        thread,
        cards: message.facts.cards,
    };
    draft.put_facts(mailbox.id, uid, facts);
    draft.push_row(mailbox, row);
    Ok(Appended {
        mailbox: mailbox.id,
        validity: mailbox.validity,
        uid,
        entry,
        content,
        change,
    })
}

/// The clock in the form that a row keeps.
pub(super) fn saved_at(now: Timestamp) -> u32 {
    u32::try_from(now.0.max(0)).unwrap_or(u32::MAX)
}

fn store_bytes(
    draft: &mut Draft,
    mailbox: &MailboxRow,
    (source, id): (BlobSource, Option<&UniqueId>),
    row: &mut MessageRow,
) -> Result<(), StoreError> {
    match source {
        BlobSource::Stored { blob, size } => {
            row.blob = blob;
            row.size = size;
        }
        BlobSource::Bytes(bytes) => {
            row.size = u32::try_from(bytes.len()).map_err(|_| Refusal::MessageTooLarge)?;
            let number = draft.account().engine().next_blob();
            row.blob = BlobId(number.0);
            let note = note::print(draft.account().id(), mailbox, (row, id));
            draft.batch().put_blob(number, bytes, note);
        }
    }
    Ok(())
}

/// What is known of a message's thread before it joins: the ids that lead to it, the nearest first, each with its thread if
/// that was there before this draft.
struct Thread(Vec<(u64, Option<ThreadId>)>);

impl Thread {
    /// Looks for the messages it refers to, and for an earlier copy of itself.
    async fn find(draft: &Draft, facts: &Facts) -> Result<Self, StoreError> {
        let nearest = facts.references.iter().rev().take(MAX_REFERENCES);
        let ids: Vec<u64> = nearest.chain(&facts.message_id).copied().collect();
        if ids.is_empty() {
            return Ok(Thread(Vec::new()));
        }
        let keys: Vec<_> = ids.iter().map(|id| key::thread(*id)).collect();
        let account = draft.account();
        let found = account.engine().get_many(account.partition(), &keys).await?;
        let parse = |value: Option<Bytes>| {
            value?
                .first_chunk::<8>()
                .map(|o| ThreadId(u64::from_le_bytes(*o)))
        };
        Ok(Thread(
            ids.into_iter().zip(found.into_iter().map(parse)).collect(),
        ))
    }

    /// Names the thread, and notes it for the answers to come. Other messages of the same draft may have named it meanwhile.
    fn join(self, draft: &mut Draft, facts: &Facts, given: Option<ThreadId>) -> ThreadId {
        let of_others = || {
            let mut ids = self.0.into_iter();
            ids.find_map(|(id, stored)| draft.new_thread_of(id).or(stored))
        };
        let known = given.or_else(of_others);
        let thread = known.unwrap_or_else(|| {
            let counters = draft.counters();
            counters.next_thread += 1;
            ThreadId(counters.next_thread - 1)
        });
        if let Some(id) = facts.message_id {
            draft.put_thread(id, thread);
        }
        // The first message of a conversation may be missing: its id stands for it.
        if let Some(root) = facts.references.first() {
            draft.put_thread(*root, thread);
        }
        thread
    }
}
