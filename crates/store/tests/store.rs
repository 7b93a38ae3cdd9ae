//! What the store promises, over the memory engine: numbers, counts, copies, hierarchies, notices, limits.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;

use bytes::Bytes;
use engine::Engine;
use engine::counting::{Calls, CountingEngine};
use engine::memory::MemoryEngine;
use posthouse_store::{
    Account, Appended, BlobSource, Delivery, Facts, KeywordAction, KeywordChange, Keywords, Named,
    NewMessage, Quota, Refusal, Store, StoreError,
};
use types::{AccountId, KeywordName, MailboxId, MailboxName, Octets, SystemKeyword, Timestamp, Uid};

#[path = "store/mailboxes.rs"]
mod mailboxes;
#[path = "store/notices.rs"]
mod notices;

const ALICE: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);

fn store() -> Store {
    store_on(Arc::new(MemoryEngine::default()))
}

fn store_on(engine: Arc<dyn Engine>) -> Store {
    Store::new(engine, Arc::new(|| Timestamp(1_000_000)))
}

fn name(text: &str) -> MailboxName {
    MailboxName::check(text).unwrap()
}

fn message(text: &str) -> NewMessage {
    NewMessage {
        source: BlobSource::Bytes(Bytes::copy_from_slice(text.as_bytes())),
        keywords: Keywords::default(),
        received: Timestamp(5),
        facts: Facts::default(),
    }
}

/// A message with an id, that answers others.
fn reply(id: u64, references: &[u64]) -> NewMessage {
    NewMessage {
        facts: Facts {
            message_id: Some(id),
            references: references.to_vec(),
            ..Facts::default()
        },
        ..message("reply")
    }
}

#[track_caller]
fn refusal<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> Refusal {
    match outcome.unwrap_err() {
        StoreError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

/// Of a delivery to one.
#[track_caller]
fn refusal_of(mut outcomes: Vec<Result<Appended, StoreError>>) -> Refusal {
    refusal(outcomes.remove(0))
}

async fn inbox(account: &Account) -> MailboxId {
    account.mailbox(&MailboxName::inbox()).unwrap().id
}

async fn uids(account: &Account, mailbox: MailboxId) -> Vec<u32> {
    let view = account.view(mailbox).await.unwrap();
    view.iter().map(|(_, row)| row.uid.0).collect()
}

/// Counts and numbers fit together, in memory and in the engine.
async fn check(store: &Store, id: AccountId) {
    let report = store.check_account(id).await.unwrap();
    assert_eq!(report.findings, []);
}

async fn filled(store: &Store, count: usize) -> (Account, MailboxId) {
    let account = store.account(ALICE).await.unwrap();
    let mailbox = inbox(&account).await;
    let messages = (0..count).map(|n| message(&format!("message {n}"))).collect();
    account.append(mailbox, messages).await.unwrap();
    (account, mailbox)
}

#[tokio::test]
async fn a_message_to_two_accounts_is_one_blob() {
    let store = store();
    let to = [ALICE, BOB].map(|account| Delivery {
        account,
        mailbox: MailboxName::inbox(),
    });
    let outcomes = store.deliver(&to, message("to both")).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let mut blobs = Vec::new();
    for id in [ALICE, BOB] {
        let account = store.account(id).await.unwrap();
        let view = account.view(inbox(&account).await).await.unwrap();
        let row = *view.at(1).unwrap();
        assert_eq!((view.len(), row.uid, row.size), (1, Uid(1), 7));
        assert_eq!(store.read_blob(row.blob, 3..u64::MAX).await.unwrap(), "both");
        blobs.push(row.blob);
        check(&store, id).await;
    }
    assert_eq!(blobs[0], blobs[1]);
}

#[tokio::test]
async fn messages_of_one_batch_are_one_thread() {
    let store = store();
    let account = store.account(ALICE).await.unwrap();
    let mailbox = inbox(&account).await;
    // Of one verb, and of verbs that wait for each other: the answer may even come first.
    let one = account.append(mailbox, vec![reply(1, &[]), reply(2, &[1]), reply(3, &[1, 2])]);
    let two = account.append(mailbox, vec![reply(5, &[4])]);
    let three = account.append(mailbox, vec![reply(4, &[])]);
    let (one, two, three) = tokio::join!(one, two, three);
    let uids: Vec<Uid> = [one, two, three]
        .into_iter()
        .flat_map(Result::unwrap)
        .map(|a| a.uid)
        .collect();
    let facts = account.facts_of(mailbox, &uids).await.unwrap();
    let threads: Vec<_> = facts.into_iter().map(|facts| facts.unwrap().thread).collect();
    assert!(
        threads[..3].iter().all(|thread| *thread == threads[0]),
        "{threads:?}"
    );
    assert_eq!(threads[3], threads[4]);
    assert_ne!(threads[0], threads[3]);
}

#[tokio::test]
async fn all_are_copied_or_none_where_one_is_gone() {
    let store = store();
    let (account, mailbox) = filled(&store, 3).await;
    let target = account.create_mailbox(name("target"), None).await.unwrap().id;
    account.expunge(mailbox, vec![Uid(2)]).await.unwrap();
    let named = || Named::All(vec![Uid(1), Uid(2)]);
    let copied = account.copy_messages(mailbox, named(), target).await;
    let moved = account.move_messages(mailbox, named(), target).await;
    assert_eq!(refusal(copied), Refusal::MessagesGone);
    assert_eq!(refusal(moved), Refusal::MessagesGone);
    assert_eq!(uids(&account, target).await, []);
    assert_eq!(uids(&account, mailbox).await, [1, 3]);
}

#[tokio::test]
async fn a_move_within_one_mailbox_gives_new_uids_and_right_counts() {
    let store = store();
    let (account, mailbox) = filled(&store, 4).await;
    let before = account
        .facts_of(mailbox, &[Uid(2)])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    let moved = account
        .move_messages(mailbox, Named::IfThere(vec![Uid(2), Uid(3), Uid(99)]), mailbox)
        .await
        .unwrap();
    assert_eq!(
        (moved.copied.from, moved.copied.to),
        (vec![Uid(2), Uid(3)], vec![Uid(5), Uid(6)])
    );
    assert_eq!(uids(&account, mailbox).await, [1, 4, 5, 6]);
    let after = account
        .facts_of(mailbox, &[Uid(5)])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    assert_eq!(before.content, after.content, "a copy has the same content");
    check(&store, ALICE).await;
}

#[tokio::test]
async fn expunging_twice_and_at_once_counts_once() {
    let store = store();
    let (account, mailbox) = filled(&store, 3).await;
    let change = account.change();
    let (one, two) = tokio::join!(
        account.expunge(mailbox, vec![Uid(1), Uid(2)]),
        account.expunge(mailbox, vec![Uid(2), Uid(3)])
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.uids, [Uid(1), Uid(2)]);
    assert_eq!(two.uids, [Uid(3)]);
    assert_eq!(account.expunge(mailbox, vec![Uid(1)]).await.unwrap().uids, []);
    let gone = account.expunged_since(mailbox, change).await.unwrap();
    assert_eq!(gone.iter().map(|(_, uid)| uid.0).collect::<Vec<_>>(), [1, 2, 3]);
    let later = account.expunged_since(mailbox, one.change).await.unwrap();
    assert_eq!(
        later,
        [(two.change, Uid(3))],
        "who knows of a change is not told of it again"
    );
    let mailbox = account.mailbox_by_id(mailbox).unwrap();
    assert_eq!(
        (
            mailbox.messages,
            mailbox.unseen,
            mailbox.octets.0,
            mailbox.next_uid
        ),
        (0, 0, 0, Uid(4))
    );
    check(&store, ALICE).await;
}

#[tokio::test]
async fn keywords_over_the_limit_are_left_out_and_the_others_are_kept() {
    let store = store();
    let (account, mailbox) = filled(&store, 2).await;
    let set = |names: Vec<String>| KeywordChange {
        action: KeywordAction::Add,
        keywords: Keywords {
            system: SystemKeyword::Seen.bit(),
            names: names
                .iter()
                .map(|name| KeywordName::check(name).unwrap())
                .collect(),
        },
    };
    let names = |range: std::ops::Range<u32>| range.map(|n| format!("word{n}")).collect::<Vec<_>>();
    let most = 64 - SystemKeyword::COUNT;
    account
        .set_keywords(mailbox, vec![Uid(1)], set(names(0..most)))
        .await
        .unwrap();
    let rows = account
        .set_keywords(mailbox, vec![Uid(2)], set(names(most..most + 1)))
        .await
        .unwrap();
    assert_eq!(rows[0].keywords, SystemKeyword::Seen.bit());
    assert_eq!(
        account.view(mailbox).await.unwrap().keywords().len(),
        most as usize
    );
    assert_eq!(account.mailbox_by_id(mailbox).unwrap().unseen, 0);
    // The other way round: what has all of them is copied to where none is known.
    let target = account.create_mailbox(name("target"), None).await.unwrap();
    account
        .copy_messages(mailbox, Named::IfThere(vec![Uid(1)]), target.id)
        .await
        .unwrap();
    let copied = account.view(target.id).await.unwrap();
    assert_eq!(
        copied.keywords(),
        account.view(mailbox).await.unwrap().keywords(),
        "the bits have their names there too"
    );
    assert_eq!(
        copied.at(1).unwrap().keywords.count_ones(),
        64 - SystemKeyword::COUNT + 1
    );
    check(&store, ALICE).await;
}

#[tokio::test]
async fn a_verb_takes_two_reads_and_one_write_at_most() {
    let engine = Arc::new(CountingEngine::new(Arc::new(MemoryEngine::default())));
    let store = store_on(Arc::clone(&engine) as Arc<dyn Engine>);
    let (account, mailbox) = filled(&store, 9).await;
    let target = account.create_mailbox(name("target"), None).await.unwrap().id;
    account.view(mailbox).await.unwrap();
    account.view(target).await.unwrap();
    engine.take_calls();
    let within = |verb: &str| {
        let Calls { reads, writes } = engine.take_calls();
        assert!(
            reads <= 2 && writes <= 1,
            "{verb}: {reads} reads, {writes} writes"
        );
    };
    account.append(mailbox, vec![reply(7, &[4, 5, 6])]).await.unwrap();
    within("append");
    account
        .copy_messages(mailbox, Named::IfThere((1..=5).map(Uid).collect()), target)
        .await
        .unwrap();
    within("copy");
    account
        .move_messages(mailbox, Named::IfThere((6..=9).map(Uid).collect()), target)
        .await
        .unwrap();
    within("move");
    let change = KeywordChange {
        action: KeywordAction::Replace,
        keywords: Keywords::default(),
    };
    account.set_keywords(mailbox, vec![Uid(1)], change).await.unwrap();
    within("set keywords");
    account.expunge(mailbox, vec![Uid(1)]).await.unwrap();
    within("expunge");
    account.rename_mailbox(name("target"), name("a/b")).await.unwrap();
    within("rename");
}

#[tokio::test]
async fn what_waits_together_is_written_together_and_in_order() {
    let engine = Arc::new(CountingEngine::new(Arc::new(MemoryEngine::default())));
    let store = store_on(Arc::clone(&engine) as Arc<dyn Engine>);
    let (account, mailbox) = filled(&store, 0).await;
    engine.take_calls();
    let appends = (0..50).map(|n| account.append(mailbox, vec![message(&n.to_string())]));
    let appended: Vec<Appended> = futures_util::future::join_all(appends)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();
    let mut uids: Vec<u32> = appended.iter().map(|a| a.uid.0).collect();
    assert!(uids.is_sorted(), "{uids:?}");
    uids.dedup();
    assert_eq!(uids.len(), 50);
    let writes = engine.take_calls().writes;
    assert!(writes <= 3, "{writes} writes for 50 messages");
}

#[tokio::test]
async fn a_removed_account_takes_nothing_more_and_a_new_one_has_new_numbers() {
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::default());
    let store = store_on(Arc::clone(&engine));
    let (account, mailbox) = filled(&store, 2).await;
    let watch = account.watch(mailbox).unwrap();
    let entry = account.view(mailbox).await.unwrap().at(1).unwrap().entry;
    let to = [Delivery {
        account: ALICE,
        mailbox: MailboxName::inbox(),
    }];
    let deliver = || store.deliver(&to, message("late"));
    let (deleted, late) = tokio::join!(store.delete_account(ALICE), deliver());
    deleted.unwrap();
    assert_eq!(
        refusal_of(late),
        Refusal::NoAccount,
        "or it would be taken, and deleted"
    );
    assert!(
        watch.has_changed().is_err(),
        "sessions learn that nothing will come"
    );
    assert_eq!(
        refusal(account.append(mailbox, vec![message("late")]).await),
        Refusal::NoAccount
    );
    assert_eq!(refusal_of(deliver().await), Refusal::NoAccount);
    // Who holds its number from before a restart does not bring it back either.
    let late = store_on(engine).deliver(&to, message("late")).await;
    assert_eq!(refusal_of(late), Refusal::NoAccount);
    assert!(entry.0 > 1_000_000 << 16, "numbers of copies begin at the clock");
}

#[tokio::test]
async fn a_store_that_is_opened_again_finds_everything() {
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::default());
    let first = store_on(Arc::clone(&engine));
    // More than a chunk of a view has, and more than one read of the engine brings.
    let (account, mailbox) = filled(&first, 5000).await;
    account.expunge(mailbox, vec![Uid(300)]).await.unwrap();
    account.subscribe(name("not/there")).await.unwrap();
    let (mailboxes, change) = (account.mailboxes(), account.change());
    let second = store_on(engine);
    let again = second.account(ALICE).await.unwrap();
    assert_eq!((again.mailboxes(), again.change()), (mailboxes, change));
    assert!(again.subscriptions().contains(&name("not/there")));
    let view = again.view(mailbox).await.unwrap();
    assert_eq!(
        (view.len(), view.position(Uid(5000)), view.position(Uid(300))),
        (4999, Some(4999), None)
    );
}

/// RFC 9208 §4.3.1: APPEND, COPY and deliveries over the quota are refused whole; a move adds nothing.
#[tokio::test]
async fn what_is_over_the_quota_is_refused_and_nothing_of_it_stays() {
    let store = store();
    let (account, mailbox) = filled(&store, 3).await;
    let target = account.create_mailbox(name("target"), None).await.unwrap().id;
    let usage = account.usage();
    assert_eq!(usage.messages, 3);
    account.set_quota(Quota {
        octets: Some(Octets(usage.octets.0 + 5)),
        messages: Some(4),
    });
    let append = |texts: &[&str]| account.append(mailbox, texts.iter().map(|text| message(text)).collect());
    assert_eq!(refusal(append(&["123456"]).await), Refusal::OverQuota);
    assert_eq!(refusal(append(&["1", "2"]).await), Refusal::OverQuota);
    append(&["12345"]).await.unwrap();
    let copied = account
        .copy_messages(mailbox, Named::All(vec![Uid(1)]), target)
        .await;
    assert_eq!(refusal(copied), Refusal::OverQuota);
    let delivery = Delivery {
        account: ALICE,
        mailbox: name("new"),
    };
    let delivered = store.deliver(&[delivery], message("1")).await;
    assert_eq!(refusal_of(delivered), Refusal::OverQuota);
    assert!(
        account.mailbox(&name("new")).is_none(),
        "no mailbox for what is refused"
    );
    account
        .move_messages(mailbox, Named::All(vec![Uid(1)]), target)
        .await
        .unwrap();
    assert_eq!(account.usage().messages, 4);
    account.expunge(target, vec![Uid(1)]).await.unwrap();
    append(&[""]).await.unwrap();
}

/// Limits that a test changes.
#[derive(Default)]
struct Kept(std::sync::Mutex<Quota>);

impl posthouse_store::Quotas for Kept {
    fn quota(&self, _: AccountId) -> posthouse_store::QuotaFuture<'_> {
        let quota = *self.0.lock().unwrap();
        Box::pin(async move { Ok(quota.into()) })
    }

    fn sharing<'a>(&'a self, _: &'a str, _: AccountId) -> posthouse_store::SharingFuture<'a> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

#[tokio::test]
async fn an_account_keeps_to_its_limits_from_when_it_is_opened_and_to_others_when_they_change() {
    let store = store();
    let kept = Arc::new(Kept::default());
    let messages = |limit| Quota {
        octets: Some(Octets(1000)),
        messages: Some(limit),
    };
    *kept.0.lock().unwrap() = messages(1);
    store.keep_to(Arc::clone(&kept) as Arc<dyn posthouse_store::Quotas>);
    let inbox = |account| Delivery {
        account,
        mailbox: name("INBOX"),
    };
    let deliver = |account| {
        let (store, delivery) = (store.clone(), inbox(account));
        async move { store.deliver(&[delivery], message("1")).await.remove(0) }
    };
    deliver(ALICE).await.unwrap();
    assert_eq!(refusal(deliver(ALICE).await), Refusal::OverQuota);
    *kept.0.lock().unwrap() = messages(2);
    assert_eq!(
        refusal(deliver(ALICE).await),
        Refusal::OverQuota,
        "nobody has said so"
    );
    store.quota_changed(ALICE).await.unwrap();
    deliver(ALICE).await.unwrap();
    let account = store.account(ALICE).await.unwrap();
    assert_eq!(account.room(1), posthouse_store::Room::Later);
    *kept.0.lock().unwrap() = messages(3);
    store.quotas_changed().await.unwrap();
    assert_eq!(account.room(900), posthouse_store::Room::Enough);
    assert_eq!(account.room(1001), posthouse_store::Room::Never);
}
