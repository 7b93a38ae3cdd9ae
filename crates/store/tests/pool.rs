//! A limit that accounts share: no way into any of them goes past it, however many are filled at once.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use engine::memory::MemoryEngine;
use engine::{Answer, Batch, BlobNumber, Engine, EngineError, Partition, Row};
use posthouse_store::{
    Account, Allowed, Appended, BlobSource, Delivery, Facts, Keywords, Named, NewMessage, Quota, QuotaFuture,
    Quotas, Refusal, Room, SharedQuota, SharingFuture, Store, StoreError, Together, Undeleted, Usage,
};
use tokio::sync::watch;
use types::{AccountId, MailboxId, MailboxName, Octets, Timestamp, Uid};

const ALICE: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);
const DORA: AccountId = AccountId(3);
/// Shares with nobody.
const CAROL: AccountId = AccountId(100);
/// Accounts below 100 are in the domain.
const MEMBERS: u64 = 100;

/// A limit for all members of a domain, which a test changes.
#[derive(Default)]
struct Domain {
    limit: Mutex<Option<Quota>>,
    /// Who has gone over to another domain, which has the same limit.
    moved: Mutex<Vec<AccountId>>,
}

impl Domain {
    fn name_of(&self, account: AccountId) -> &'static str {
        match self.moved.lock().unwrap().contains(&account) {
            true => "example.net",
            false => "example.org",
        }
    }
}

impl Quotas for Domain {
    fn quota(&self, account: AccountId) -> QuotaFuture<'_> {
        let limit = self.limit.lock().unwrap().filter(|_| account.0 < MEMBERS);
        let shared = limit.map(|limit| (self.name_of(account).into(), limit));
        let quota = Quota::default();
        Box::pin(async move { Ok(Allowed { quota, shared }) })
    }

    fn sharing<'a>(&'a self, name: &'a str, after: AccountId) -> SharingFuture<'a> {
        let all = (after.0 + 1..MEMBERS.min(31)).map(AccountId);
        // Three at a time, so that there are pages.
        let some = all.filter(|id| self.name_of(*id) == name).take(3).collect();
        Box::pin(async move { Ok(some) })
    }
}

struct Rig {
    store: Store,
    domain: Arc<Domain>,
}

impl Rig {
    fn new(engine: Arc<dyn Engine>, limit: Option<Quota>) -> Self {
        let domain = Arc::new(Domain {
            limit: Mutex::new(limit),
            ..Domain::default()
        });
        let store = Store::new(engine, Arc::new(|| Timestamp(1_000_000)));
        store.keep_to(Arc::clone(&domain) as Arc<dyn Quotas>);
        Rig { store, domain }
    }

    async fn limit(&self, limit: Option<Quota>) {
        *self.domain.limit.lock().unwrap() = limit;
        self.store.quotas_changed().await.unwrap();
    }

    async fn move_over(&self, account: AccountId) {
        self.domain.moved.lock().unwrap().push(account);
        self.store.quota_changed(account).await.unwrap();
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

/// What becomes of batches.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Commits {
    #[default]
    Succeed,
    Fail,
    Wait,
}

/// Passes everything on, but batches only as it is told.
#[derive(Default)]
struct Committing {
    memory: MemoryEngine,
    commits: watch::Sender<Commits>,
    /// How many batches have had to wait.
    waited: watch::Sender<usize>,
}

impl Committing {
    fn now(&self, commits: Commits) {
        self.commits.send_replace(commits);
    }

    /// Returns when so many batches have begun to wait.
    async fn waited(&self, batches: usize) {
        let mut waited = self.waited.subscribe();
        waited.wait_for(|many| *many >= batches).await.unwrap();
    }

    async fn pass(&self, batch: Batch) -> Result<(), EngineError> {
        let mut commits = self.commits.subscribe();
        if *commits.borrow() == Commits::Wait {
            self.waited.send_modify(|many| *many += 1);
        }
        let commits = *commits.wait_for(|then| *then != Commits::Wait).await.unwrap();
        match commits {
            Commits::Fail => Err(EngineError::Closed),
            _ => self.memory.commit(batch).await,
        }
    }
}

impl Engine for Committing {
    fn get_many<'a>(&'a self, partition: Partition, keys: &'a [Bytes]) -> Answer<'a, Vec<Option<Bytes>>> {
        self.memory.get_many(partition, keys)
    }
    fn scan(&self, partition: Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>> {
        self.memory.scan(partition, range, limit)
    }
    fn scan_back(&self, partition: Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>> {
        self.memory.scan_back(partition, range, limit)
    }
    fn next_blob(&self) -> BlobNumber {
        self.memory.next_blob()
    }
    fn commit(&self, batch: Batch) -> Answer<'_, ()> {
        Box::pin(self.pass(batch))
    }
    fn put_blob(&self, bytes: Bytes) -> Answer<'_, BlobNumber> {
        self.memory.put_blob(bytes)
    }
    fn read_blob(&self, blob: BlobNumber, range: Range<u64>) -> Answer<'_, Bytes> {
        self.memory.read_blob(blob, range)
    }
    fn read_blobs(&self, blobs: Vec<BlobNumber>) -> Answer<'_, Vec<Result<Bytes, EngineError>>> {
        self.memory.read_blobs(blobs)
    }
}

type Delivering = tokio::task::JoinHandle<Result<Appended, StoreError>>;

impl Rig {
    fn committing(limit: Option<Quota>) -> (Arc<Self>, Arc<Committing>) {
        let engine = Arc::new(Committing::default());
        let rig = Rig::new(Arc::clone(&engine) as Arc<dyn Engine>, limit);
        (Arc::new(rig), engine)
    }

    fn begin(self: &Arc<Self>, account: AccountId, text: &'static str) -> Delivering {
        let rig = Arc::clone(self);
        tokio::spawn(async move { rig.deliver(account, text).await })
    }
}

#[tokio::test]
async fn what_could_not_be_written_takes_no_room() {
    let (rig, engine) = Rig::committing(messages(2));
    rig.deliver(ALICE, "one").await.unwrap();
    rig.account(BOB).await;
    engine.now(Commits::Fail);
    for account in [ALICE, BOB, BOB] {
        let failed = rig.deliver(account, "lost").await;
        assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    }
    engine.now(Commits::Succeed);
    assert_eq!(rig.held().await.messages, 1);
    rig.deliver(BOB, "two").await.unwrap();
    is_over(rig.deliver(BOB, "three").await);
}

/// Else everybody who is asked at once would be told that there is room, and most of them refused after their mail was taken.
#[tokio::test]
async fn what_is_being_written_takes_room_before_it_is_there() {
    let (rig, engine) = Rig::committing(octets(10));
    let ((alice, _), (bob, _)) = (rig.account(ALICE).await, rig.account(BOB).await);
    engine.now(Commits::Wait);
    let coming = rig.begin(ALICE, "123456");
    engine.waited(1).await;
    assert_eq!(rig.held().await.octets, Octets(0));
    for account in [&alice, &bob] {
        let rooms = [4, 5, 10, 11].map(|octets| account.room(octets));
        assert_eq!(rooms, [Room::Enough, Room::Later, Room::Later, Room::Never]);
        assert_eq!(Together::default().add(account, 4), Room::Enough);
        assert_eq!(Together::default().add(account, 5), Room::Later);
    }
    tokio::select! {
        refused = rig.deliver(BOB, "12345") => is_over(refused),
        () = engine.waited(2) => panic!("more is being written than there is room for"),
    }
    let second = rig.begin(BOB, "1234");
    engine.waited(2).await;
    assert_eq!(alice.room(1), Room::Later);
    engine.now(Commits::Succeed);
    coming.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(rig.held().await.octets, Octets(10));
    assert_eq!(alice.room(1), Room::Later);
}

/// What waits for one commit goes into the next together.
#[tokio::test]
async fn what_is_written_together_takes_its_room_once() {
    for (commits, held) in [(Commits::Succeed, 3), (Commits::Fail, 0)] {
        let (rig, engine) = Rig::committing(messages(4));
        let ((alice, _), (bob, _)) = (rig.account(ALICE).await, rig.account(BOB).await);
        engine.now(Commits::Wait);
        let first = rig.begin(ALICE, "one");
        engine.waited(1).await;
        let (second, third, ()) =
            tokio::join!(rig.deliver(ALICE, "two"), rig.deliver(ALICE, "three"), async {
                engine.now(commits);
            });
        let wanted = commits == Commits::Succeed;
        assert_eq!(first.await.unwrap().is_ok(), wanted);
        assert_eq!([second.is_ok(), third.is_ok()], [wanted; 2]);
        engine.now(Commits::Succeed);
        assert_eq!(rig.held().await.messages, held);
        for _ in held..4 {
            assert_eq!([alice.room(1), bob.room(1)], [Room::Enough; 2]);
            rig.deliver(BOB, "more").await.unwrap();
        }
        assert_eq!([alice.room(1), bob.room(1)], [Room::Later; 2]);
        is_over(rig.deliver(BOB, "too much").await);
    }
}

#[tokio::test]
async fn a_limit_that_is_changed_holds_from_then_on() {
    let rig = Rig::new(Arc::new(MemoryEngine::default()), messages(1));
    rig.deliver(ALICE, "one").await.unwrap();
    is_over(rig.deliver(BOB, "two").await);
    rig.limit(messages(3)).await;
    rig.deliver(BOB, "two").await.unwrap();
    rig.limit(messages(2)).await;
    is_over(rig.deliver(ALICE, "three").await);
    assert_eq!(rig.account(ALICE).await.0.room(1), Room::Later);
}

#[tokio::test]
async fn an_account_that_goes_over_to_others_takes_along_what_it_holds() {
    let (rig, engine) = Rig::committing(messages(2));
    rig.deliver(ALICE, "one").await.unwrap();
    rig.deliver(BOB, "two").await.unwrap();
    is_over(rig.deliver(ALICE, "three").await);
    rig.move_over(BOB).await;
    let held = async |name| rig.store.held_by(name).await.unwrap().messages;
    assert_eq!([held("example.org").await, held("example.net").await], [1, 1]);
    // What it was just being given is its own, too: nothing of that is left behind.
    engine.now(Commits::Wait);
    let coming = rig.begin(ALICE, "three");
    engine.waited(1).await;
    rig.move_over(ALICE).await;
    engine.now(Commits::Succeed);
    coming.await.unwrap().unwrap();
    assert_eq!([held("example.org").await, held("example.net").await], [0, 3]);
    is_over(rig.deliver(BOB, "four").await);
    for text in ["one", "two"] {
        rig.deliver(DORA, text).await.unwrap();
    }
    is_over(rig.deliver(DORA, "three").await);
}

/// Where there are very many accounts, those that were only counted do not stay open.
#[tokio::test]
async fn an_account_that_is_not_open_counts_until_it_is_removed() {
    const OPEN: u64 = 8_193;
    let rig = Rig::new(Arc::new(MemoryEngine::default()), None);
    for account in [ALICE, BOB, DORA] {
        rig.deliver(account, "mail").await.unwrap();
    }
    for id in (MEMBERS..).map(AccountId).take(OPEN.try_into().unwrap()) {
        rig.account(id).await;
    }
    rig.limit(messages(3)).await;
    is_over(rig.deliver(BOB, "more").await);
    rig.store.delete_account(DORA).await.unwrap();
    rig.deliver(BOB, "more").await.unwrap();
    is_over(rig.deliver(ALICE, "too much").await);
}
