//! What is deleted comes back while its time lasts, and goes for good after it; bytes go when no row names them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use engine::{Answer, BlobNumber, Engine, EngineError, LocalEngine, Options, Row};
use posthouse_store::{
    Account, BlobSource, Delivery, Expired, Facts, Keywords, MessageRow, Named, NewMessage, Quota, Refusal,
    Remembered, Store, StoreError, Undeleted,
};
use tempfile::TempDir;
use types::{
    AccountId, BlobId, ChangeNumber, KeywordName, MailboxId, MailboxName, Role, SystemKeyword, Timestamp, Uid,
};

const ALICE: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);
const ALWAYS: Timestamp = Timestamp(0);
const DAY: i64 = 86_400;
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// A folder with its clock.
struct Rig {
    folder: TempDir,
    clock: Arc<AtomicI64>,
    engine: Arc<LocalEngine>,
    store: Store,
}

fn open(folder: &Path, clock: &Arc<AtomicI64>) -> (Arc<LocalEngine>, Store) {
    let options = Options {
        segment: 64 << 10,
        step: 32 << 10,
        interval: Duration::from_millis(1),
        ..Options::default()
    };
    let engine = Arc::new(LocalEngine::open(folder, options).unwrap());
    let clock = Arc::clone(clock);
    let now: posthouse_store::Now = Arc::new(move || Timestamp(clock.load(Ordering::Relaxed)));
    let store = Store::new(Arc::clone(&engine) as Arc<dyn Engine>, now);
    (engine, store)
}

impl Rig {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(AtomicI64::new(1_000_000));
        let (engine, store) = open(folder.path(), &clock);
        Rig {
            folder,
            clock,
            engine,
            store,
        }
    }

    async fn open_again(self) -> Self {
        let Rig {
            folder,
            clock,
            engine,
            store,
        } = self;
        drop(store);
        engine.close().await.unwrap();
        drop(engine);
        let (engine, store) = open(folder.path(), &clock);
        Rig {
            folder,
            clock,
            engine,
            store,
        }
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    async fn expire(&self) -> Expired {
        self.store.expire(&self.engine, WEEK).await.unwrap()
    }

    async fn release(&self) -> u64 {
        let swept = self.store.release(&self.engine, self.engine.reached()).await;
        swept.unwrap().released
    }

    async fn alice(&self) -> (Account, MailboxId) {
        let account = self.store.account(ALICE).await.unwrap();
        let inbox = account.mailbox(&MailboxName::inbox()).unwrap().id;
        (account, inbox)
    }

    async fn check(&self) {
        for id in [ALICE, BOB] {
            assert_eq!(self.store.check_account(id).await.unwrap().findings, []);
        }
        let mut found = Vec::new();
        engine::check::check(&self.engine, &mut |finding| found.push(finding)).unwrap();
        assert_eq!(found, []);
    }
}

fn name(text: &str) -> MailboxName {
    MailboxName::check(text).unwrap()
}

fn message(text: &str) -> NewMessage {
    NewMessage {
        source: BlobSource::Bytes(text.to_owned().into()),
        keywords: Keywords {
            system: SystemKeyword::Flagged.bit(),
            names: vec![KeywordName::check("work").unwrap()],
        },
        received: Timestamp(5),
        facts: Facts {
            cards: format!("cards of {text}").into(),
            ..Facts::default()
        },
    }
}

async fn append(account: &Account, mailbox: MailboxId, texts: &[&str]) -> Vec<Uid> {
    let messages = texts.iter().map(|text| message(text)).collect();
    let appended = account.append(mailbox, messages).await.unwrap();
    appended.iter().map(|one| one.uid).collect()
}

async fn rows(account: &Account, mailbox: MailboxId) -> Vec<MessageRow> {
    let view = account.view(mailbox).await.unwrap();
    view.iter().map(|(_, row)| *row).collect()
}

/// The uids and texts of a mailbox.
async fn texts(account: &Account, mailbox: MailboxId) -> Vec<(u32, String)> {
    let mut texts = Vec::new();
    for row in rows(account, mailbox).await {
        let bytes = account.read_blob(row.blob, 0..u64::MAX).await.unwrap();
        texts.push((row.uid.0, String::from_utf8(bytes.to_vec()).unwrap()));
    }
    texts
}

async fn undelete(account: &Account, since: Timestamp) -> u64 {
    let undeleted = account.undelete(since).await.unwrap();
    assert_eq!(undeleted.left, 0);
    undeleted.messages
}

async fn is_there(store: &Store, blob: BlobId) -> bool {
    store.read_blob(blob, 0..1).await.is_ok()
}

#[tokio::test]
async fn an_expunged_message_comes_back_once_as_it_was_under_a_new_uid() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    append(&account, inbox, &["one", "two", "three"]).await;
    let old = rows(&account, inbox).await[1];
    let content = account.facts_of(inbox, &[Uid(2)]).await.unwrap()[0]
        .clone()
        .unwrap();
    let mut watch = account.watch(inbox).unwrap();
    account.expunge(inbox, vec![Uid(2)]).await.unwrap();
    watch.mark_unchanged();
    let deleted = account.deleted(ALWAYS).await.unwrap();
    assert_eq!(deleted.len(), 1);
    assert_eq!(
        (deleted[0].uid, deleted[0].size, deleted[0].blob),
        (Uid(2), 3, old.blob)
    );
    assert_eq!(undelete(&account, ALWAYS).await, 1);
    assert!(watch.has_changed().unwrap(), "open sessions are told");
    let wanted = [
        (1, "one".to_owned()),
        (3, "three".to_owned()),
        (4, "two".to_owned()),
    ];
    assert_eq!(texts(&account, inbox).await, wanted);
    let new = rows(&account, inbox).await[2];
    assert_eq!(
        (new.received, new.keywords, new.blob),
        (old.received, old.keywords, old.blob)
    );
    assert!(new.entry > old.entry && new.change > old.change);
    assert_eq!(
        account.facts_of(inbox, &[Uid(4)]).await.unwrap()[0]
            .clone()
            .unwrap(),
        content
    );
    assert_eq!(undelete(&account, ALWAYS).await, 0, "a second time");
    assert_eq!(account.deleted(ALWAYS).await.unwrap(), []);
    drop(account);
    let rig = rig.open_again().await;
    let (account, inbox) = rig.alice().await;
    assert_eq!(undelete(&account, ALWAYS).await, 0, "after a restart");
    assert_eq!(texts(&account, inbox).await, wanted);
    rig.check().await;
}

#[tokio::test]
async fn the_deleted_mark_does_not_come_back_and_two_undeletes_at_once_bring_one_copy() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    let marked = NewMessage {
        keywords: Keywords {
            system: SystemKeyword::Deleted.bit() | SystemKeyword::Seen.bit(),
            names: Vec::new(),
        },
        ..message("marked")
    };
    account.append(inbox, vec![marked]).await.unwrap();
    account.expunge_deleted(inbox, None).await.unwrap();
    let (one, other) = tokio::join!(account.undelete(ALWAYS), account.undelete(ALWAYS));
    assert_eq!(one.unwrap().messages + other.unwrap().messages, 1);
    let rows = rows(&account, inbox).await;
    assert_eq!((rows.len(), rows[0].keywords), (1, SystemKeyword::Seen.bit()));
    rig.check().await;
}

#[tokio::test]
async fn what_was_deleted_before_a_time_stays_deleted() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    append(&account, inbox, &["one", "two", "three"]).await;
    for uid in 1..=3 {
        account.expunge(inbox, vec![Uid(uid)]).await.unwrap();
        rig.pass(60);
    }
    assert_eq!(undelete(&account, Timestamp(1_000_060)).await, 2);
    assert_eq!(
        texts(&account, inbox).await,
        [(4, "two".into()), (5, "three".into())]
    );
    assert_eq!(undelete(&account, ALWAYS).await, 1);
}

#[tokio::test]
async fn what_was_moved_does_not_come_back_and_of_copies_that_are_all_gone_the_last() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    let trash = account.mailbox(&name("Trash")).unwrap().id;
    append(&account, inbox, &["moved", "copied", "trashed", "thrown away"]).await;
    account
        .move_messages(inbox, Named::All(vec![Uid(1)]), trash)
        .await
        .unwrap();
    account
        .copy_messages(inbox, Named::All(vec![Uid(2)]), trash)
        .await
        .unwrap();
    account.expunge(inbox, vec![Uid(2)]).await.unwrap();
    assert_eq!(account.deleted(ALWAYS).await.unwrap(), []);
    account
        .move_messages(inbox, Named::All(vec![Uid(3)]), trash)
        .await
        .unwrap();
    account
        .copy_messages(inbox, Named::All(vec![Uid(4)]), trash)
        .await
        .unwrap();
    account.expunge(inbox, vec![Uid(4)]).await.unwrap();
    account.expunge(trash, vec![Uid(3), Uid(4)]).await.unwrap();
    assert_eq!(undelete(&account, ALWAYS).await, 2);
    assert_eq!(texts(&account, inbox).await, []);
    let in_trash: Vec<_> = texts(&account, trash)
        .await
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert_eq!(in_trash, ["moved", "copied", "trashed", "thrown away"]);
    // Brought back and expunged again, they come back again.
    account.expunge(trash, vec![Uid(5)]).await.unwrap();
    assert_eq!(undelete(&account, ALWAYS).await, 1);
    rig.check().await;
}

#[tokio::test]
async fn a_deleted_mailbox_is_made_again_or_the_one_that_has_its_name_takes_the_messages() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    let sent = account.mailbox(&name("Sent")).unwrap();
    append(&account, sent.id, &["one", "two"]).await;
    account
        .copy_messages(sent.id, Named::All(vec![Uid(1)]), inbox)
        .await
        .unwrap();
    append(&account, sent.id, &["expunged before"]).await;
    account.expunge(sent.id, vec![Uid(3)]).await.unwrap();
    account.delete_mailbox(name("Sent")).await.unwrap();
    assert_eq!(account.deleted(ALWAYS).await.unwrap().len(), 3);
    assert_eq!(undelete(&account, ALWAYS).await, 3);
    let made = account.mailbox(&name("Sent")).unwrap();
    assert_eq!(made.role, Some(Role::Sent));
    assert!(made.id != sent.id && made.validity > sent.validity);
    let all = [
        (1, "one".to_owned()),
        (2, "two".into()),
        (3, "expunged before".into()),
    ];
    assert_eq!(texts(&account, made.id).await, all);
    assert_eq!(account.keywords(made.id), [KeywordName::check("work").unwrap()]);
    assert_eq!(undelete(&account, ALWAYS).await, 0);
    // The next time the name is taken.
    account.delete_mailbox(name("Sent")).await.unwrap();
    let other = account.create_mailbox(name("Sent"), None).await.unwrap();
    append(&account, other.id, &["new"]).await;
    assert_eq!(undelete(&account, ALWAYS).await, 3);
    let texts = texts(&account, other.id).await;
    assert_eq!(
        (texts.len(), &texts[0], &texts[1].1),
        (4, &(1, "new".into()), &"one".into())
    );
    rig.check().await;
}

#[tokio::test]
async fn only_so_much_comes_back_as_the_account_has_room_for() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    append(&account, inbox, &["one", "two", "three", "four"]).await;
    account.expunge(inbox, (1..=4).map(Uid).collect()).await.unwrap();
    account.set_quota(Quota {
        octets: None,
        messages: Some(3),
    });
    let undeleted = account.undelete(ALWAYS).await.unwrap();
    assert_eq!(undeleted, Undeleted { messages: 3, left: 1 });
    account.set_quota(Quota::default());
    assert_eq!(undelete(&account, ALWAYS).await, 1);
    assert_eq!(rows(&account, inbox).await.len(), 4);
}

#[tokio::test]
async fn after_the_time_rows_and_then_bytes_go_and_nothing_that_anybody_names() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    let shared = [ALICE, BOB].map(|account| Delivery {
        account,
        mailbox: MailboxName::inbox(),
    });
    for outcome in rig.store.deliver(&shared, message("shared")).await {
        outcome.unwrap();
    }
    append(&account, inbox, &["expunged", "copied", "living"]).await;
    let archive = account.mailbox(&name("Archive")).unwrap().id;
    account
        .copy_messages(inbox, Named::All(vec![Uid(3)]), archive)
        .await
        .unwrap();
    account.create_mailbox(name("old"), None).await.unwrap();
    let old = account.mailbox(&name("old")).unwrap().id;
    append(&account, old, &["in a deleted mailbox"]).await;
    let blobs: Vec<BlobId> = rows(&account, inbox).await.iter().map(|row| row.blob).collect();
    let in_old = rows(&account, old).await[0].blob;
    account
        .expunge(inbox, vec![Uid(1), Uid(2), Uid(3)])
        .await
        .unwrap();
    account.delete_mailbox(name("old")).await.unwrap();
    rig.pass(7 * DAY);
    assert_eq!(rig.expire().await, Expired::default(), "not yet");
    assert_eq!(rig.release().await, 0);
    assert_eq!(account.deleted(ALWAYS).await.unwrap().len(), 3);
    rig.pass(1);
    let expired = rig.expire().await;
    assert_eq!(
        expired,
        Expired {
            messages: 3,
            mailboxes: 1
        }
    );
    assert_eq!(rig.expire().await, Expired::default());
    assert_eq!(account.deleted(ALWAYS).await.unwrap(), []);
    assert_eq!(undelete(&account, ALWAYS).await, 0);
    assert_eq!(account.facts_of(inbox, &[Uid(2)]).await.unwrap(), [None]);
    assert_eq!(rig.release().await, 2);
    let mut there = Vec::new();
    for blob in blobs.into_iter().chain([in_old]) {
        there.push(is_there(&rig.store, blob).await);
    }
    // Shared with Bob, nobody's, copied, living, in the mailbox that is gone.
    assert_eq!(there, [true, false, true, true, false]);
    // Whoever was away is told of all that has gone.
    let gone = account.expunged_since(inbox, ChangeNumber(0)).await.unwrap();
    assert_eq!(gone.iter().map(|(_, uid)| uid.0).collect::<Vec<_>>(), [1, 2, 3]);
    drop(account);
    let rig = rig.open_again().await;
    let (account, inbox) = rig.alice().await;
    assert_eq!(texts(&account, inbox).await, [(4, "living".into())]);
    rig.check().await;
}

#[tokio::test]
async fn mail_of_a_deleted_account_is_released_and_that_of_others_is_not() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    append(&account, inbox, &["alice's"]).await;
    let bob = rig.store.account(BOB).await.unwrap();
    let his = bob.mailbox(&MailboxName::inbox()).unwrap().id;
    append(&bob, his, &["bob's"]).await;
    rig.store.delete_account(BOB).await.unwrap();
    assert_eq!(rig.release().await, 1);
    assert_eq!(texts(&account, inbox).await, [(1, "alice's".into())]);
}

#[tokio::test]
async fn in_doubt_nothing_is_released() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    append(&account, inbox, &["one"]).await;
    let blob = rows(&account, inbox).await[0].blob;
    // Bytes that a delivery holds are younger than what a sweep looks at.
    let before = rig.engine.reached();
    let BlobSource::Stored { blob: held, size } = rig.store.put_blob("held".into()).await.unwrap() else {
        unreachable!("it was stored");
    };
    assert_eq!(rig.store.release(&rig.engine, before).await.unwrap().released, 0);
    let source = BlobSource::Stored { blob: held, size };
    account
        .append(
            inbox,
            vec![NewMessage {
                source,
                ..message("")
            }],
        )
        .await
        .unwrap();
    assert_eq!(rig.release().await, 0);
    // Rows of something that the store does not know, and one that it cannot read.
    let put = |partition, key: &'static [u8]| {
        let mut batch = engine::Batch::new(partition);
        batch.put(key, b"?");
        rig.engine.commit(batch)
    };
    account.expunge(inbox, vec![Uid(1)]).await.unwrap();
    rig.pass(8 * DAY);
    rig.expire().await;
    put(engine::Partition(77), b"row").await.unwrap();
    let doubt = rig.store.release(&rig.engine, rig.engine.reached()).await;
    assert!(matches!(doubt, Err(StoreError::UnreadableRow { .. })));
    let mut batch = engine::Batch::new(engine::Partition(77));
    batch.delete(b"row");
    rig.engine.commit(batch).await.unwrap();
    put(Store::partition(BOB), b"\x03\0\0\0\x01\0\0\0\x01")
        .await
        .unwrap();
    let doubt = rig.store.release(&rig.engine, rig.engine.reached()).await;
    assert!(matches!(doubt, Err(StoreError::UnreadableRow { .. })));
    assert!(is_there(&rig.store, blob).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_wanders_between_mailboxes_during_sweeps_is_never_released() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    let texts: Vec<String> = (0..50).map(|n| format!("message {n}")).collect();
    let words: Vec<&str> = texts.iter().map(String::as_str).collect();
    append(&account, inbox, &words).await;
    let archive = account.mailbox(&name("Archive")).unwrap().id;
    let (store, engine) = (rig.store.clone(), Arc::clone(&rig.engine));
    let sweeping = tokio::spawn(async move {
        let mut released = 0;
        for _ in 0..60 {
            // No time at all is left to what has gone: only rows that are there keep bytes.
            store.expire(&engine, Duration::ZERO).await.unwrap();
            released += store.release(&engine, engine.reached()).await.unwrap().released;
        }
        released
    });
    let (mut here, mut there) = (inbox, archive);
    while !sweeping.is_finished() {
        let uids: Vec<Uid> = rows(&account, here).await.iter().map(|row| row.uid).collect();
        account
            .move_messages(here, Named::All(uids), there)
            .await
            .unwrap();
        rig.pass(1);
        (here, there) = (there, here);
    }
    assert_eq!(sweeping.await.unwrap(), 0);
    let mut found: Vec<_> = self::texts(&account, here)
        .await
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    found.sort();
    let mut wanted = texts;
    wanted.sort();
    assert_eq!(found, wanted);
    rig.check().await;
}

type Hook = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Does something before it reads what was expunged, once.
struct Between {
    inner: Arc<LocalEngine>,
    hook: Mutex<Option<Hook>>,
}

impl Engine for Between {
    fn scan(&self, partition: engine::Partition, range: Range<Bytes>, limit: usize) -> Answer<'_, Vec<Row>> {
        let of_expunged = range.start == Bytes::from_static(&[5]);
        let hook = of_expunged.then(|| self.hook.lock().unwrap().take()).flatten();
        Box::pin(async move {
            if let Some(hook) = hook {
                hook.await;
            }
            self.inner.scan(partition, range, limit).await
        })
    }
    fn get_many<'a>(
        &'a self,
        partition: engine::Partition,
        keys: &'a [Bytes],
    ) -> Answer<'a, Vec<Option<Bytes>>> {
        self.inner.get_many(partition, keys)
    }
    fn scan_back(
        &self,
        partition: engine::Partition,
        range: Range<Bytes>,
        limit: usize,
    ) -> Answer<'_, Vec<Row>> {
        self.inner.scan_back(partition, range, limit)
    }
    fn next_blob(&self) -> BlobNumber {
        self.inner.next_blob()
    }
    fn commit(&self, batch: engine::Batch) -> Answer<'_, ()> {
        self.inner.commit(batch)
    }
    fn put_blob(&self, bytes: Bytes) -> Answer<'_, BlobNumber> {
        self.inner.put_blob(bytes)
    }
    fn read_blob(&self, blob: BlobNumber, range: Range<u64>) -> Answer<'_, Bytes> {
        self.inner.read_blob(blob, range)
    }
    fn read_blobs(&self, blobs: Vec<BlobNumber>) -> Answer<'_, Vec<Result<Bytes, EngineError>>> {
        self.inner.read_blobs(blobs)
    }
}

#[tokio::test]
async fn what_comes_back_while_rows_are_read_is_not_released_although_no_row_was_seen() {
    let folder = TempDir::new().unwrap();
    let clock = Arc::new(AtomicI64::new(1_000_000));
    let (local, _) = open(folder.path(), &clock);
    let between = Arc::new(Between {
        inner: Arc::clone(&local),
        hook: Mutex::default(),
    });
    let time = Arc::clone(&clock);
    let now: posthouse_store::Now = Arc::new(move || Timestamp(time.load(Ordering::Relaxed)));
    let store = Store::new(Arc::clone(&between) as Arc<dyn Engine>, now);
    let account = store.account(ALICE).await.unwrap();
    let inbox = account.mailbox(&MailboxName::inbox()).unwrap().id;
    append(&account, inbox, &["one"]).await;
    account.expunge(inbox, vec![Uid(1)]).await.unwrap();
    let (of_hook, of_store, engine) = (account.clone(), store.clone(), Arc::clone(&local));
    *between.hook.lock().unwrap() = Some(Box::pin(async move {
        assert_eq!(of_hook.undelete(ALWAYS).await.unwrap().messages, 1);
        clock.fetch_add(8 * DAY, Ordering::Relaxed);
        assert_eq!(of_store.expire(&engine, WEEK).await.unwrap().messages, 1);
    }));
    assert_eq!(store.release(&local, local.reached()).await.unwrap().released, 0);
    assert!(between.hook.lock().unwrap().is_none(), "it came in between");
    assert_eq!(texts(&account, inbox).await, [(2, "one".into())]);
}

#[tokio::test]
async fn a_refused_undelete_changes_nothing() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    append(&account, inbox, &["one"]).await;
    rig.store.delete_account(ALICE).await.unwrap();
    let refused = account.undelete(ALWAYS).await;
    assert!(matches!(
        refused,
        Ok(Undeleted { messages: 0, .. }) | Err(StoreError::Refused(Refusal::NoAccount))
    ));
}

/// The uids of which somebody who knows nothing is told that they are gone, and the change up to which some are forgotten.
async fn gone(account: &Account, mailbox: MailboxId) -> (Vec<u32>, ChangeNumber) {
    let gone = account.expunged_since(mailbox, ChangeNumber(0)).await.unwrap();
    let uids = gone.iter().map(|(_, uid)| uid.0).collect();
    (uids, account.mailbox_by_id(mailbox).unwrap().forgotten)
}

#[tokio::test]
async fn a_month_after_undelete_it_is_forgotten_what_has_gone_and_the_mailbox_says_so() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    append(&account, inbox, &["one", "two", "three"]).await;
    // Of a tombstone of the first form nobody knows when it was made.
    let old_key = [
        &[5][..],
        &inbox.0.to_be_bytes(),
        &1_u64.to_be_bytes(),
        &900_u32.to_be_bytes(),
    ]
    .concat();
    let mut batch = engine::Batch::new(Store::partition(ALICE));
    batch.put(&old_key, &[0, 9, 0, 0, 0, 0, 0, 0, 0]);
    rig.engine.commit(batch).await.unwrap();
    let first = account.expunge(inbox, vec![Uid(1)]).await.unwrap().change;
    rig.pass(20 * DAY);
    let second = account.expunge(inbox, vec![Uid(2)]).await.unwrap().change;
    rig.pass(7 * DAY + 1);
    assert_eq!(rig.expire().await.messages, 2);
    rig.pass(10 * DAY - 1);
    rig.expire().await;
    assert_eq!(
        gone(&account, inbox).await,
        (vec![900, 1, 2], ChangeNumber(0)),
        "not yet"
    );
    rig.pass(1);
    rig.expire().await;
    assert_eq!(gone(&account, inbox).await, (vec![2], first));
    drop(account);
    let rig = rig.open_again().await;
    let (account, inbox) = rig.alice().await;
    assert_eq!(
        gone(&account, inbox).await,
        (vec![2], first),
        "it is in the mailbox's row"
    );
    rig.pass(20 * DAY);
    rig.expire().await;
    assert_eq!(gone(&account, inbox).await, (vec![], second));
    assert_eq!(texts(&account, inbox).await, [(3, "three".into())]);
    rig.check().await;
}

#[tokio::test]
async fn of_too_many_tombstones_the_first_go_and_those_of_one_change_together() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    append(&account, inbox, &["one", "two", "three", "four", "five", "six"]).await;
    let mut changes = Vec::new();
    for uids in [vec![1], vec![2, 3], vec![4], vec![5]] {
        let uids = uids.into_iter().map(Uid).collect();
        changes.push(account.expunge(inbox, uids).await.unwrap().change);
    }
    rig.pass(7 * DAY + 1);
    let remembered = Remembered {
        most: 3,
        ..Remembered::default()
    };
    let expire = || rig.store.expire_and_remember(&rig.engine, (WEEK, remembered));
    assert_eq!(expire().await.unwrap().messages, 5);
    expire().await.unwrap();
    assert_eq!(gone(&account, inbox).await, (vec![4, 5], changes[1]));
    expire().await.unwrap();
    assert_eq!(
        gone(&account, inbox).await,
        (vec![4, 5], changes[1]),
        "as many as may be"
    );
}

#[tokio::test]
async fn a_salvage_does_not_bring_back_what_was_moved_so_long_ago_that_it_is_forgotten() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    let archive = account.mailbox(&name("Archive")).unwrap().id;
    append(&account, inbox, &["moved", "stays"]).await;
    let all = Named::All(vec![Uid(1)]);
    account.move_messages(inbox, all, archive).await.unwrap();
    rig.pass(7 * DAY + 1);
    rig.expire().await;
    rig.pass(30 * DAY);
    rig.expire().await;
    assert_eq!(gone(&account, inbox).await.0, [], "there is no tombstone");
    drop(account);
    let salvage = rig.store.salvage(&rig.engine, &[]).await.unwrap();
    assert_eq!(salvage.found, 0, "{salvage:?}");
    let (account, inbox) = rig.alice().await;
    assert_eq!(texts(&account, inbox).await, [(2, "stays".into())]);
    assert_eq!(texts(&account, archive).await, [(1, "moved".into())]);
}
