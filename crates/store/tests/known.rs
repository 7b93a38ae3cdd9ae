//! Ids and numbers that messages bring from elsewhere: which they keep, and when they go.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use engine::{Engine, LocalEngine, Options};
use posthouse_store::{Account, BlobSource, Brought, BroughtId, Facts, Keywords, NewMessage, Origin, Store};
use tempfile::TempDir;
use types::{
    AccountId, ContentId, EntryId, MailboxId, MailboxName, OwnId, ThreadId, Timestamp, Uid, UniqueId,
};

const ALICE: AccountId = AccountId(1);
const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

struct Rig {
    folder: TempDir,
    clock: Arc<AtomicI64>,
    engine: Arc<LocalEngine>,
    store: Store,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(NOW));
        Self::open(folder, clock)
    }

    fn open(folder: TempDir, clock: Arc<AtomicI64>) -> Self {
        let engine = Arc::new(LocalEngine::open(folder.path(), Options::default()).unwrap());
        let time = Arc::clone(&clock);
        let now = Arc::new(move || Timestamp(time.load(Ordering::Relaxed)));
        let store = Store::new(Arc::clone(&engine) as Arc<dyn Engine>, now);
        Rig {
            folder,
            clock,
            engine,
            store,
        }
    }

    async fn again(self) -> Self {
        drop(self.store);
        self.engine.close().await.unwrap();
        drop(self.engine);
        Self::open(self.folder, self.clock)
    }

    async fn alice(&self) -> (Account, MailboxId) {
        let account = self.store.account(ALICE).await.unwrap();
        let inbox = account.mailbox(&MailboxName::inbox()).unwrap().id;
        (account, inbox)
    }

    /// How many rows with ids there are, those of expunged copies too.
    async fn rows(&self) -> usize {
        let range = bytes::Bytes::from_static(&[10])..bytes::Bytes::from_static(&[11]);
        let rows = self.engine.scan(Store::partition(ALICE), range, 1000).await;
        rows.unwrap().len()
    }

    async fn check(&self) {
        assert_eq!(self.store.check_account(ALICE).await.unwrap().findings, []);
    }
}

fn message(text: &str) -> NewMessage {
    NewMessage {
        source: BlobSource::Bytes(text.to_owned().into()),
        keywords: Keywords::default(),
        received: Timestamp(5),
        facts: Facts::default(),
    }
}

fn id(text: &str) -> UniqueId {
    UniqueId::check(text).unwrap()
}

fn with_id(text: &str) -> Origin {
    Origin {
        id: Some(id(text)),
        ..Origin::default()
    }
}

async fn bring(account: &Account, mailbox: MailboxId, origins: Vec<Origin>) -> Vec<Brought> {
    let messages = origins.into_iter().map(|origin| (message("x"), origin));
    account.bring(mailbox, messages.collect()).await.unwrap()
}

async fn outcomes(account: &Account, mailbox: MailboxId, ids: &[&str]) -> Vec<BroughtId> {
    let brought = bring(account, mailbox, ids.iter().map(|text| with_id(text)).collect()).await;
    brought.iter().map(|brought| brought.id).collect()
}

/// The ids from elsewhere of what is in a mailbox, in order; "-" for who has none.
async fn known(account: &Account, mailbox: MailboxId) -> Vec<String> {
    let known = account.known_ids(mailbox).await.unwrap();
    let view = account.view(mailbox).await.unwrap();
    let of = |uid| known.get(&uid).map_or("-".to_owned(), ToString::to_string);
    view.iter().map(|(_, row)| of(row.uid)).collect()
}

use BroughtId::{Kept, Taken};

#[tokio::test]
async fn an_id_is_kept_over_restarts_by_one_copy_of_a_mailbox() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    let sent = account.mailbox(&MailboxName::check("Sent").unwrap()).unwrap().id;
    account.append(inbox, vec![message("before")]).await.unwrap();
    assert_eq!(
        outcomes(&account, inbox, &["a", "b", "a"]).await,
        [Kept, Kept, Taken]
    );
    assert_eq!(outcomes(&account, inbox, &["b", "c"]).await, [Taken, Kept]);
    assert_eq!(outcomes(&account, sent, &["a"]).await, [Kept], "of each mailbox");
    let wanted = ["-", "a", "b", "-", "-", "c"];
    assert_eq!(known(&account, inbox).await, wanted);
    rig.check().await;
    drop(account);
    let rig = rig.again().await;
    let (account, inbox) = rig.alice().await;
    assert_eq!(known(&account, inbox).await, wanted);
    assert_eq!(outcomes(&account, inbox, &["c"]).await, [Taken]);
}

#[tokio::test]
async fn two_that_come_at_once_do_not_both_get_an_id() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    let (one, two) = tokio::join!(
        outcomes(&account, inbox, &["a"]),
        outcomes(&account, inbox, &["a"])
    );
    let mut both = [one[0], two[0]];
    both.sort_by_key(|outcome| *outcome == Taken);
    assert_eq!(both, [Kept, Taken]);
}

#[tokio::test]
async fn an_id_whose_copy_was_expunged_can_be_brought_again() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    outcomes(&account, inbox, &["a", "b"]).await;
    account.expunge(inbox, vec![Uid(1)]).await.unwrap();
    assert_eq!(outcomes(&account, inbox, &["a", "b"]).await, [Kept, Taken]);
    assert_eq!(known(&account, inbox).await, ["b", "a", "-"]);
}

#[tokio::test]
async fn nobody_gets_the_own_id_of_another_copy_now_or_later() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    let there = account.append(inbox, vec![message("there")]).await.unwrap()[0].entry;
    let own = |number: u64| OwnId(EntryId(number)).to_string();
    // A number that is in use, one that was never given out, and one that will be.
    let (taken, old, next) = (own(there.0), own(7), own(there.0 + 3));
    assert_eq!(
        outcomes(&account, inbox, &[&taken, &old, &next]).await,
        [Taken, Kept, Kept]
    );
    for _ in 0..5 {
        account.append(inbox, vec![message("more")]).await.unwrap();
    }
    let view = account.view(inbox).await.unwrap();
    let entries: Vec<u64> = view.iter().map(|(_, row)| row.entry.0).collect();
    assert!(!entries.contains(&(there.0 + 3)), "{entries:?}");
    // One that nobody can have given out: all others would be used up.
    let seconds = u64::try_from(NOW + DAY).unwrap();
    let (last, beyond) = (own(seconds << 16), own((seconds << 16) + 1));
    assert_eq!(
        outcomes(&account, inbox, &[&beyond, &own(u64::MAX), &last]).await,
        [Taken, Taken, Kept]
    );
    rig.check().await;
}

#[tokio::test]
async fn ids_go_with_their_copies_when_the_undelete_time_is_over() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    let old = account
        .create_mailbox(MailboxName::check("old").unwrap(), None)
        .await
        .unwrap()
        .id;
    outcomes(&account, inbox, &["a", "b", "c"]).await;
    outcomes(&account, old, &["d"]).await;
    account.expunge(inbox, vec![Uid(1), Uid(2)]).await.unwrap();
    account
        .delete_mailbox(MailboxName::check("old").unwrap())
        .await
        .unwrap();
    outcomes(&account, inbox, &["b"]).await;
    assert_eq!(rig.rows().await, 4);
    rig.clock.fetch_add(8 * DAY, Ordering::Relaxed);
    let week = Duration::from_hours(7 * 24);
    assert_eq!(rig.store.expire(&rig.engine, week).await.unwrap().messages, 2);
    assert_eq!(known(&account, inbox).await, ["c", "b"]);
    assert_eq!(rig.rows().await, 2);
    rig.check().await;
}

#[tokio::test]
async fn contents_and_conversations_keep_their_numbers_and_no_other_gets_them() {
    let rig = Rig::new();
    let (account, inbox) = rig.alice().await;
    account.append(inbox, vec![message("first")]).await.unwrap();
    let free = account.reserve(ContentId(50), ThreadId(60)).await.unwrap();
    assert_eq!(free, (ContentId(2), ThreadId(2)));
    assert_eq!(account.next_numbers(), (ContentId(50), ThreadId(60)));
    let numbered = |content, thread| Origin {
        content: Some(ContentId(content)),
        thread: Some(ThreadId(thread)),
        id: None,
    };
    // The third is above what is reserved, and the last is nobody's number.
    let origins = vec![
        numbered(7, 8),
        numbered(7, 9),
        numbered(70, 80),
        numbered(u64::MAX, 0),
    ];
    let brought = bring(&account, inbox, origins).await;
    assert!(brought.iter().all(|brought| brought.id == BroughtId::None));
    let contents: Vec<u64> = brought.iter().map(|brought| brought.appended.content.0).collect();
    assert_eq!(contents, [7, 7, 70, 71]);
    let facts = account
        .facts_of(inbox, &[Uid(2), Uid(3), Uid(4), Uid(5)])
        .await
        .unwrap();
    let threads: Vec<u64> = facts.into_iter().map(|facts| facts.unwrap().thread.0).collect();
    assert_eq!(threads, [8, 9, 80, 81]);
    let next = account.append(inbox, vec![message("next")]).await.unwrap()[0].content;
    assert_eq!(next, ContentId(72));
}
