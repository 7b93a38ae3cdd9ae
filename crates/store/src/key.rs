//! The keys of an account's partition: a table's octet, then numbers with the highest octet first.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use types::{BlobId, ChangeNumber, MailboxId, MailboxName, Uid, UniqueId};
use xxhash_rust::xxh3::xxh3_64;

/// The tables of an account's partition; the discriminant is the first octet of a key.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Table {
    Account = 1,
    Mailbox = 2,
    Message = 3,
    Facts = 4,
    Expunged = 5,
    Thread = 6,
    Subscription = 7,
    TextIndex = 8,
    TextBlock = 9,
    Known = 10,
    /// After all others: it alone stays of an account that has ended.
    Ended = 255,
}

fn start(table: Table) -> BytesMut {
    let mut key = BytesMut::with_capacity(24);
    key.put_u8(table as u8);
    key
}

/// The account's counters.
pub(crate) fn account() -> Bytes {
    start(Table::Account).freeze()
}

/// That the account has been deleted: it stays, so that what the log still has of the account is not taken for lost mail.
pub(crate) fn ended() -> Bytes {
    start(Table::Ended).freeze()
}

/// Everything that an account has while it lives.
pub(crate) fn all() -> Range<Bytes> {
    Bytes::from_static(&[0])..ended()
}

/// The hot rows of all mailboxes.
pub(crate) fn all_messages() -> Range<Bytes> {
    start(Table::Message).freeze()..start(Table::Facts).freeze()
}

/// The facts of all mailboxes.
pub(crate) fn all_facts() -> Range<Bytes> {
    start(Table::Facts).freeze()..start(Table::Expunged).freeze()
}

/// The mailbox in a message or facts key.
pub(crate) fn mailbox_of(key: &[u8]) -> Option<MailboxId> {
    let octets = key.get(1..)?.first_chunk::<4>()?;
    Some(MailboxId(u32::from_be_bytes(*octets)))
}

/// A mailbox.
pub(crate) fn mailbox(id: MailboxId) -> Bytes {
    let mut key = start(Table::Mailbox);
    key.put_u32(id.0);
    key.freeze()
}

/// All mailboxes.
pub(crate) fn mailboxes() -> Range<Bytes> {
    start(Table::Mailbox).freeze()..start(Table::Message).freeze()
}

/// All subscriptions.
pub(crate) fn subscriptions() -> Range<Bytes> {
    let end = Bytes::from_static(&[Table::Subscription as u8 + 1]);
    start(Table::Subscription).freeze()..end
}

/// A subscribed name, found by its hash: names may be longer than keys.
pub(crate) fn subscription(name: &MailboxName) -> Bytes {
    let mut key = start(Table::Subscription);
    key.put_u64(xxh3_64(name.as_str().as_bytes()));
    key.freeze()
}

/// The thread that a message id, by its hash, belongs to.
pub(crate) fn thread(message_id: u64) -> Bytes {
    let mut key = start(Table::Thread);
    key.put_u64(message_id);
    key.freeze()
}

fn with_uid(table: Table, mailbox: MailboxId, uid: Uid) -> Bytes {
    let mut key = start(table);
    key.put_u32(mailbox.0);
    key.put_u32(uid.0);
    key.freeze()
}

/// The hot row of a message.
pub(crate) fn message(mailbox: MailboxId, uid: Uid) -> Bytes {
    with_uid(Table::Message, mailbox, uid)
}

/// Hot rows from a uid to the end of the mailbox.
pub(crate) fn messages_from(mailbox: MailboxId, first: Uid) -> Range<Bytes> {
    message(mailbox, first)..message(MailboxId(mailbox.0 + 1), Uid(0))
}

/// The facts of a message.
pub(crate) fn facts(mailbox: MailboxId, uid: Uid) -> Bytes {
    with_uid(Table::Facts, mailbox, uid)
}

/// Facts of the uids `first..=last`.
pub(crate) fn facts_between(mailbox: MailboxId, first: Uid, last: Uid) -> Range<Bytes> {
    let mut end = BytesMut::from(&*facts(mailbox, last));
    end.put_u8(0);
    facts(mailbox, first)..end.freeze()
}

/// A message that was expunged by a change.
pub(crate) fn expunged(mailbox: MailboxId, change: ChangeNumber, uid: Uid) -> Bytes {
    let mut key = start(Table::Expunged);
    key.put_u32(mailbox.0);
    key.put_u64(change.0);
    key.put_u32(uid.0);
    key.freeze()
}

/// What was expunged from all mailboxes.
pub(crate) fn all_expunged() -> Range<Bytes> {
    start(Table::Expunged).freeze()..start(Table::Thread).freeze()
}

/// What was expunged from a mailbox.
pub(crate) fn expunged_of(mailbox: MailboxId) -> Range<Bytes> {
    let zero = (ChangeNumber(0), Uid(0));
    expunged(mailbox, zero.0, zero.1)..expunged(MailboxId(mailbox.0 + 1), zero.0, zero.1)
}

/// The change and the uid in an expunged key.
pub(crate) fn change_and_uid_of(key: &[u8]) -> Option<(ChangeNumber, Uid)> {
    let (change, uid) = key.get(5..)?.split_first_chunk::<8>()?;
    Some((ChangeNumber(u64::from_be_bytes(*change)), uid_of(uid)?))
}

/// What was expunged after a change.
pub(crate) fn expunged_after(mailbox: MailboxId, change: ChangeNumber) -> Range<Bytes> {
    let from = expunged(mailbox, ChangeNumber(change.0.saturating_add(1)), Uid(0));
    from..expunged(MailboxId(mailbox.0 + 1), ChangeNumber(0), Uid(0))
}

/// Which messages a block of search text has. Blocks are named by their first message's bytes.
pub(crate) fn text_index(first: BlobId) -> Bytes {
    let mut key = start(Table::TextIndex);
    key.put_u64(first.0);
    key.freeze()
}

/// A block of search text.
pub(crate) fn text_block(first: BlobId) -> Bytes {
    let mut key = start(Table::TextBlock);
    key.put_u64(first.0);
    key.freeze()
}

/// What all blocks of search text have.
pub(crate) fn text_indexes() -> Range<Bytes> {
    start(Table::TextIndex).freeze()..start(Table::TextBlock).freeze()
}

/// The copy in a mailbox that has brought an id from elsewhere, found by the id's hash.
pub(crate) fn known(mailbox: MailboxId, id: &UniqueId) -> Bytes {
    let mut key = start(Table::Known);
    key.put_u32(mailbox.0);
    key.put_u64(xxh3_64(id.as_str().as_bytes()));
    key.freeze()
}

/// The copies of all mailboxes that have brought ids from elsewhere.
pub(crate) fn all_known() -> Range<Bytes> {
    start(Table::Known).freeze()..Bytes::from_static(&[Table::Known as u8 + 1])
}

/// The copies in a mailbox that have brought ids from elsewhere.
pub(crate) fn known_of(mailbox: MailboxId) -> Range<Bytes> {
    let begin = |mailbox: u32| {
        let mut key = start(Table::Known);
        key.put_u32(mailbox);
        key.freeze()
    };
    begin(mailbox.0)..begin(mailbox.0 + 1)
}

/// The blob at the end of a key of search text.
pub(crate) fn blob_of(key: &[u8]) -> Option<BlobId> {
    key.last_chunk::<8>()
        .map(|octets| BlobId(u64::from_be_bytes(*octets)))
}

/// The uid at the end of a message, facts or expunged key.
pub(crate) fn uid_of(key: &[u8]) -> Option<Uid> {
    key.last_chunk::<4>()
        .map(|octets| Uid(u32::from_be_bytes(*octets)))
}
