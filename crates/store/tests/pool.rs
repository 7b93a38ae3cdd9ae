//! A limit that accounts share: no way into any of them goes past it, however many are filled at once.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use engine::memory::MemoryEngine;
use engine::{Answer, Batch, BlobNumber, Engine, EngineError, Partition, Row};
use posthouse_store::{
    Account, Allowed, Appended, BlobSource, Delivery, Facts, Keywords, Named, NewMessage, Quota, QuotaFuture,
    Quotas, Refusal, Room, SharedQuota, SharingFuture, Store, StoreError, Together, Undeleted, Usage,
};
use types::{AccountId, MailboxId, MailboxName, Octets, Timestamp, Uid};

const ALICE: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);
/// Shares with nobody.
const CAROL: AccountId = AccountId(100);
/// Accounts below 100 are in the domain.
const MEMBERS: u64 = 100;

/// A limit for all members of a domain, which a test changes.
#[derive(Default)]
struct Domain(Mutex<Option<Quota>>);

impl Quotas for Domain {
    fn quota(&self, account: AccountId) -> QuotaFuture<'_> {
        let limit = self.0.lock().unwrap().filter(|_| account.0 < MEMBERS);
        let shared = limit.map(|limit| ("example.org".into(), limit));
        let quota = Quota::default();
        Box::pin(async move { Ok(Allowed { quota, shared }) })
    }

    fn sharing<'a>(&'a self, name: &'a str, after: AccountId) -> SharingFuture<'a> {
        assert_eq!(name, "example.org");
        // Three at a time, so that there are pages.
        let some = (after.0 + 1..MEMBERS.min(31)).map(AccountId).take(3).collect();
        Box::pin(async move { Ok(some) })
    }
}

struct Rig {
    store: Store,
    domain: Arc<Domain>,
}

impl Rig {
    fn new(engine: Arc<dyn Engine>, limit: Option<Quota>) -> Self {
        let domain = Arc::new(Domain(Mutex::new(limit)));
        let store = Store::new(engine, Arc::new(|| Timestamp(1_000_000)));
        store.keep_to(Arc::clone(&domain) as Arc<dyn Quotas>);
        Rig { store, domain }
    }

    async fn limit(&self, limit: Option<Quota>) {
        *self.domain.0.lock().unwrap() = limit;
        self.store.quotas_changed().await.unwrap();
    }

    async fn deliver(&self, account: AccountId, text: &str) -> Result<Appended, StoreError> {
        let mailbox = MailboxName::inbox();
        let to = [Delivery { account, mailbox }];
        self.store.deliver(&to, message(text)).await.remove(0)
    }

    async fn account(&self, id: AccountId) -> (Account, MailboxId) {
        let account = self.store.account(id).await.unwrap();
        let inbox = account.mailbox(&MailboxName::inbox()).unwrap().id;
        (account, inbox)
    }

    async fn held(&self) -> Usage {
        let (account, _) = self.account(ALICE).await;
        let shared = account.shared_quota().unwrap();
        assert_eq!(self.store.held_by("example.org").await.unwrap(), shared.usage);
        shared.usage
    }
}

fn messages(limit: u64) -> Option<Quota> {
    Some(Quota {
        octets: None,
        messages: Some(limit),
    })
}

fn octets(limit: u64) -> Option<Quota> {
    Some(Quota {
        octets: Some(Octets(limit)),
        messages: None,
    })
}

fn message(text: &str) -> NewMessage {
    NewMessage {
        source: BlobSource::Bytes(Bytes::copy_from_slice(text.as_bytes())),
        keywords: Keywords::default(),
        received: Timestamp(5),
        facts: Facts::default(),
    }
}

#[track_caller]
fn is_over<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    match outcome.unwrap_err() {
        StoreError::Refused(refusal) => assert_eq!(refusal, Refusal::OverQuota),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn what_accounts_hold_together_is_limited_on_every_way_in() {
    let rig = Rig::new(Arc::new(MemoryEngine::default()), messages(4));
    rig.deliver(ALICE, "one").await.unwrap();
    rig.deliver(BOB, "two").await.unwrap();
    let (bob, inbox) = rig.account(BOB).await;
    is_over(bob.append(inbox, ["a", "b", "c"].map(message).into()).await);
    bob.append(inbox, ["three", "four"].map(message).into())
        .await
        .unwrap();
    assert_eq!(bob.room(1), Room::Later);
    is_over(rig.deliver(ALICE, "five").await);
    is_over(bob.copy_messages(inbox, Named::All(vec![Uid(1)]), inbox).await);
    bob.move_messages(inbox, Named::All(vec![Uid(1)]), inbox)
        .await
        .unwrap();
    // Who is not of the domain has nothing to do with it.
    rig.deliver(CAROL, "five").await.unwrap();
    assert_eq!(rig.account(CAROL).await.0.shared_quota(), None);
    bob.expunge(inbox, vec![Uid(2)]).await.unwrap();
    rig.deliver(ALICE, "five").await.unwrap();
    let nothing = Undeleted { messages: 0, left: 1 };
    assert_eq!(bob.undelete(Timestamp(0)).await.unwrap(), nothing);
    // What an account held that is removed is free.
    rig.store.delete_account(ALICE).await.unwrap();
    assert_eq!(bob.undelete(Timestamp(0)).await.unwrap().messages, 1);
    rig.deliver(BOB, "six").await.unwrap();
    is_over(rig.deliver(BOB, "seven").await);
}

#[tokio::test]
async fn octets_are_limited_too_and_more_than_the_limit_never_fits() {
    let rig = Rig::new(Arc::new(MemoryEngine::default()), octets(10));
    rig.deliver(ALICE, "123456").await.unwrap();
    is_over(rig.deliver(BOB, "12345").await);
    let (bob, _) = rig.account(BOB).await;
    let rooms = [4, 5, 10, 11].map(|octets| bob.room(octets));
    assert_eq!(rooms, [Room::Enough, Room::Later, Room::Later, Room::Never]);
    let mut together = Together::default();
    let (alice, _) = rig.account(ALICE).await;
    assert_eq!(together.add(&alice, 2), Room::Enough);
    assert_eq!(together.add(&bob, 2), Room::Enough);
    assert_eq!(together.add(&bob, 2), Room::Later, "in several goes");
    rig.deliver(BOB, "1234").await.unwrap();
    assert_eq!(rig.held().await.octets, Octets(10));
}

#[tokio::test]
async fn what_is_there_is_counted_when_the_limit_comes_and_when_the_store_is_opened_again() {
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::default());
    let rig = Rig::new(Arc::clone(&engine), None);
    for id in 1..=20 {
        rig.deliver(AccountId(id), "mail").await.unwrap();
    }
    let held = |messages| Usage {
        octets: Octets(4 * messages),
        messages,
    };
    assert_eq!(rig.store.held_by("example.org").await.unwrap(), held(20));
    rig.limit(messages(21)).await;
    assert_eq!(rig.held().await, held(20));
    rig.deliver(ALICE, "mail").await.unwrap();
    is_over(rig.deliver(BOB, "mail").await);
    rig.limit(None).await;
    rig.deliver(BOB, "mail").await.unwrap();
    assert_eq!(rig.account(ALICE).await.0.shared_quota(), None);
    // Lower than what is there: that stays.
    rig.limit(messages(5)).await;
    assert_eq!(rig.held().await, held(22));
    is_over(rig.deliver(BOB, "mail").await);
    let again = Rig::new(engine, messages(23));
    again.deliver(AccountId(30), "mail").await.unwrap();
    is_over(again.deliver(AccountId(29), "mail").await);
    let (alice, inbox) = again.account(ALICE).await;
    alice.expunge(inbox, vec![Uid(1)]).await.unwrap();
    again.deliver(AccountId(29), "mail").await.unwrap();
    let wanted = SharedQuota {
        name: "example.org".into(),
        quota: messages(23).unwrap(),
        usage: held(23),
    };
    assert_eq!(alice.shared_quota(), Some(wanted));
}

/// On several threads, and at the same time as others take mail away.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deliveries_at_once_do_not_go_past_the_limit() {
    const LIMIT: u64 = 50;
    let rig = Arc::new(Rig::new(Arc::new(MemoryEngine::default()), messages(LIMIT)));
    let deliveries = (0..400).map(|n| {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move {
            let id = AccountId(1 + n % 20);
            let delivered = rig.deliver(id, "mail").await;
            let held = rig.held_at_most().await;
            assert!(held <= LIMIT, "{held}");
            match delivered {
                Ok(_) => 1,
                Err(StoreError::Refused(Refusal::OverQuota)) => 0,
                Err(error) => panic!("{error}"),
            }
        })
    });
    let mut delivered = 0;
    for delivery in deliveries.collect::<Vec<_>>() {
        delivered += delivery.await.unwrap();
    }
    assert_eq!(delivered, LIMIT);
    let mut there = 0;
    for id in 1..=20 {
        there += rig.account(AccountId(id)).await.0.usage().messages;
    }
    assert_eq!((there, rig.held().await.messages), (LIMIT, LIMIT));
}

impl Rig {
    /// Of messages, while others deliver.
    async fn held_at_most(&self) -> u64 {
        let (account, _) = self.account(ALICE).await;
        account.shared_quota().unwrap().usage.messages
    }
}

/// Passes everything on, but no batch while it is broken.
#[derive(Default)]
struct Breaking(MemoryEngine, AtomicBool);

impl Engine for Breaking {
    fn get_many<'a>(&'a self, partition: Partition, keys: &'a [Bytes]) -> Answer<'a, Vec<Option<Bytes>>> {
        self.0.get_many(partition, keys)
    }
    fn scan(&self, partition: Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>> {
        self.0.scan(partition, range, limit)
    }
    fn scan_back(&self, partition: Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>> {
        self.0.scan_back(partition, range, limit)
    }
    fn next_blob(&self) -> BlobNumber {
        self.0.next_blob()
    }
    fn commit(&self, batch: Batch) -> Answer<'_, ()> {
        match self.1.load(Ordering::SeqCst) {
            true => Box::pin(std::future::ready(Err(EngineError::Closed))),
            false => self.0.commit(batch),
        }
    }
    fn put_blob(&self, bytes: Bytes) -> Answer<'_, BlobNumber> {
        self.0.put_blob(bytes)
    }
    fn read_blob(&self, blob: BlobNumber, range: Range<u64>) -> Answer<'_, Bytes> {
        self.0.read_blob(blob, range)
    }
    fn read_blobs(&self, blobs: Vec<BlobNumber>) -> Answer<'_, Vec<Result<Bytes, EngineError>>> {
        self.0.read_blobs(blobs)
    }
}

#[tokio::test]
async fn what_could_not_be_written_takes_no_room() {
    let engine = Arc::new(Breaking::default());
    let rig = Rig::new(Arc::clone(&engine) as Arc<dyn Engine>, messages(2));
    rig.deliver(ALICE, "one").await.unwrap();
    rig.account(BOB).await;
    engine.1.store(true, Ordering::SeqCst);
    for account in [ALICE, BOB, BOB] {
        let failed = rig.deliver(account, "lost").await;
        assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    }
    engine.1.store(false, Ordering::SeqCst);
    assert_eq!(rig.held().await.messages, 1);
    rig.deliver(BOB, "two").await.unwrap();
    is_over(rig.deliver(BOB, "three").await);
}
