//! Mail of which the log has a part and the index nothing: what comes back, under which numbers, and what does not.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use engine::{Answer, Batch, BlobNumber, Engine, EngineError, History, LocalEngine, Options, Partition, Row};
use posthouse_store::{
    Account, BlobSource, Facts, KeywordAction, KeywordChange, Keywords, Named, NewMessage, Origin, Refusal,
    Salvage, Store, StoreError,
};
use tempfile::TempDir;
use types::{AccountId, KeywordName, MailboxName, SystemKeyword, Timestamp, Uid, UidValidity, UniqueId};

const ALICE: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);
const CAROL: AccountId = AccountId(3);
/// Octets of a message: three or four of them fill a segment.
const SIZE: usize = 6000;

fn open(folder: &Path) -> Arc<LocalEngine> {
    let options = Options {
        segment: 32 << 10,
        step: 16 << 10,
        interval: Duration::from_millis(1),
        ..Options::default()
    };
    Arc::new(LocalEngine::open(folder, options).unwrap())
}

fn store(engine: &Arc<LocalEngine>) -> Store {
    Store::new(
        Arc::clone(engine) as Arc<dyn Engine>,
        Arc::new(|| Timestamp(1_000_000)),
    )
}

fn name(text: &str) -> MailboxName {
    MailboxName::check(text).unwrap()
}

fn keyword(text: &str) -> KeywordName {
    KeywordName::check(text).unwrap()
}

fn message(text: &str) -> NewMessage {
    let mut bytes = format!("{text}.").into_bytes();
    bytes.resize(SIZE, b'x');
    NewMessage {
        source: BlobSource::Bytes(bytes.into()),
        keywords: Keywords {
            system: SystemKeyword::Flagged.bit(),
            names: vec![keyword("work")],
        },
        received: Timestamp(5),
        facts: Facts::default(),
    }
}

async fn append(account: &Account, mailbox: &str, text: &str) -> Uid {
    let id = account.mailbox(&name(mailbox)).unwrap().id;
    let origin = Origin {
        id: UniqueId::check(&format!("id-{text}")).ok(),
        ..Origin::default()
    };
    let brought = account.bring(id, vec![(message(text), origin)]).await.unwrap();
    brought[0].appended.uid
}

/// Everything of an account that a salvage keeps: mailboxes with their messages, each with its uid, copy, marks and first word.
type Kept = Vec<(MailboxName, Vec<(u32, u64, Vec<String>, String)>)>;

async fn kept(store: &Store, id: AccountId) -> Kept {
    let account = store.account(id).await.unwrap();
    let mut kept = Vec::new();
    for mailbox in account.mailboxes() {
        let view = account.view(mailbox.id).await.unwrap();
        let mut messages = Vec::new();
        for (_, row) in view.iter() {
            assert_eq!((row.received, row.size), (Timestamp(5), 6000));
            assert!(row.has(SystemKeyword::Flagged));
            let word = match store.read_blob(row.blob, 0..40).await {
                Ok(bytes) => String::from_utf8_lossy(&bytes)
                    .split('.')
                    .next()
                    .unwrap()
                    .to_owned(),
                Err(_) => "lost".to_owned(),
            };
            let marks = view.keywords().iter().enumerate();
            let marks = marks.filter(|(n, _)| row.keywords & (1 << (n + 5)) != 0);
            let marks = marks.map(|(_, name)| name.as_str().to_owned()).collect();
            messages.push((row.uid.0, row.entry.0, marks, word));
        }
        kept.push((mailbox.name, messages));
    }
    kept
}

fn words(kept: &Kept, mailbox: &str) -> Vec<String> {
    let found = kept.iter().find(|(found, _)| *found == name(mailbox));
    let messages = found.map(|(_, messages)| messages.clone()).unwrap_or_default();
    messages.into_iter().map(|(.., word)| word).collect()
}

fn validities(account: &Account) -> Vec<UidValidity> {
    account
        .mailboxes()
        .iter()
        .map(|mailbox| mailbox.validity)
        .collect()
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("log")).unwrap();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|ending| ending == "seg"));
    found.sort();
    found
}

fn lose_index(folder: &Path) {
    fs::remove_dir_all(folder.join("index")).unwrap();
}

/// Where in the log a message's bytes are.
fn place(folder: &Path, word: &str) -> (PathBuf, u64) {
    for segment in segments(folder) {
        let bytes = fs::read(&segment).unwrap();
        let wanted = format!("{word}.xxx");
        if let Some(at) = bytes.windows(wanted.len()).position(|w| w == wanted.as_bytes()) {
            return (segment, at as u64);
        }
    }
    panic!("{word} is not in the log");
}

/// Spoils the rows that came with a message; its bytes and their note stay.
fn spoil_rows(folder: &Path, word: &str) {
    let (segment, at) = place(folder, word);
    let batch = (at + SIZE as u64).next_multiple_of(8);
    let file = fs::File::options().read(true).write(true).open(segment).unwrap();
    let mut octet = [0];
    file.read_exact_at(&mut octet, batch + 80).unwrap();
    file.write_all_at(&[octet[0] ^ 4], batch + 80).unwrap();
}

async fn close(engine: Arc<LocalEngine>, store: Store) {
    drop(store);
    engine.close().await.unwrap();
    drop(Arc::into_inner(engine).expect("nobody else has it"));
}

async fn salvage(engine: &LocalEngine, store: &Store) -> Salvage {
    assert_eq!(engine.history(), History::Salvaged);
    let salvage = store.salvage(engine, &[ALICE, CAROL]).await.unwrap();
    assert!(salvage.failed.is_empty());
    salvage
}

/// A closed folder: Alice has "m0" to "m11" in her inbox and "w0" to "w2" in Work, by turns, Bob has "b".
async fn filled() -> (TempDir, Kept, Vec<UidValidity>) {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let store = store(&engine);
    let alice = store.account(ALICE).await.unwrap();
    alice.create_mailbox(name("Work"), None).await.unwrap();
    for n in 0..12 {
        append(&alice, "INBOX", &format!("m{n}")).await;
        if n % 4 == 3 {
            append(&alice, "Work", &format!("w{}", n / 4)).await;
        }
        if n == 6 {
            append(&store.account(BOB).await.unwrap(), "INBOX", "b").await;
        }
    }
    // The last group of a log, damaged, looks like one that was never acknowledged.
    append(&alice, "Drafts", "end").await;
    let (held, before) = (kept(&store, ALICE).await, validities(&alice));
    drop(alice);
    close(engine, store).await;
    assert!(segments(folder.path()).len() >= 4);
    (folder, held, before)
}

#[tokio::test]
async fn without_the_first_segment_every_message_that_is_left_comes_back_under_higher_validities() {
    let (folder, held, before) = filled().await;
    lose_index(folder.path());
    let first = segments(folder.path()).remove(0);
    let gone: Vec<String> = ["m0", "m1", "m2", "m3"]
        .into_iter()
        .filter(|word| place(folder.path(), word).0 == first)
        .map(str::to_owned)
        .collect();
    assert!(gone.len() > 1);
    fs::remove_file(first).unwrap();
    let engine = open(folder.path());
    let again = store(&engine);
    let report = salvage(&engine, &again).await;
    assert_eq!((report.accounts, report.found), (vec![ALICE, BOB], 0));
    let alice = again.account(ALICE).await.unwrap();
    let now = kept(&again, ALICE).await;
    for (mailbox, messages) in &held {
        let left: Vec<_> = messages
            .iter()
            .filter(|message| !gone.contains(&message.3))
            .collect();
        let found = now.iter().find(|(found, _)| found == mailbox);
        let found: Vec<_> = found.iter().flat_map(|(_, messages)| messages).collect();
        assert_eq!(found, left, "{mailbox}");
    }
    assert!(words(&now, "INBOX").len() > 7);
    for id in [ALICE, BOB, CAROL] {
        let account = again.account(id).await.unwrap();
        assert!(validities(&account).iter().min() > before.iter().max());
        assert_eq!(again.check_account(id).await.unwrap().findings, []);
    }
    // Numbers go on above all that were given out.
    let highest = held
        .iter()
        .flat_map(|(_, messages)| messages.iter().map(|m| m.1))
        .max()
        .unwrap();
    let inbox = alice.mailbox(&MailboxName::inbox()).unwrap();
    let new = alice.append(inbox.id, vec![message("new")]).await.unwrap()[0];
    assert!(new.entry.0 > highest && new.uid == Uid(13));
    engine.settle(1).await.unwrap();
    drop(alice);
    close(engine, again).await;
    let engine = open(folder.path());
    assert_eq!(engine.history(), History::Whole);
    let words = words(&kept(&store(&engine), ALICE).await, "INBOX");
    assert_eq!(words.last().unwrap(), "new");
}

#[tokio::test]
async fn a_message_without_rows_comes_back_from_its_note_and_a_mailbox_without_row_gets_a_name() {
    let (folder, held, _) = filled().await;
    lose_index(folder.path());
    // The first segment has the names of the mailboxes; Work's is in its messages' rows too.
    fs::remove_file(segments(folder.path()).remove(0)).unwrap();
    for word in ["m9", "m11", "w0", "w1", "w2", "b"] {
        spoil_rows(folder.path(), word);
    }
    let engine = open(folder.path());
    let again = store(&engine);
    let report = salvage(&engine, &again).await;
    assert_eq!(report.found, 6);
    let now = kept(&again, ALICE).await;
    let all = |mailbox: &str, kept: &Kept| {
        let found = kept.iter().find(|(found, _)| *found == name(mailbox)).unwrap();
        found.1.clone()
    };
    let inbox = all("INBOX", &held);
    // What clients know them by stands in the notes too.
    let alice = again.account(ALICE).await.unwrap();
    let known = alice.known_ids(alice.mailbox(&MailboxName::inbox()).unwrap().id);
    let known = known.await.unwrap();
    for (uid, _, _, word) in all("INBOX", &now) {
        assert_eq!(
            known.get(&Uid(uid)).map(UniqueId::as_str),
            Some(&*format!("id-{word}"))
        );
    }
    drop(alice);
    assert!(all("INBOX", &now).ends_with(&inbox[5..]), "{now:?}");
    // Its number was the seventh.
    assert_eq!(all("Salvaged-7", &now), all("Work", &held));
    let bob = kept(&again, BOB).await;
    assert_eq!(words(&bob, "INBOX"), ["b"]);
    for id in [ALICE, BOB] {
        assert_eq!(again.check_account(id).await.unwrap().findings, []);
    }
    let account = again.account(ALICE).await.unwrap();
    assert!(account.subscriptions().contains(&name("Salvaged-7")));
}

#[tokio::test]
async fn what_was_expunged_moved_or_deleted_stays_so() {
    let folder = TempDir::new().unwrap();
    let engine = open(folder.path());
    let first = store(&engine);
    let alice = first.account(ALICE).await.unwrap();
    let inbox = alice.mailbox(&MailboxName::inbox()).unwrap().id;
    append(&alice, "INBOX", "fills").await;
    // With the first segment, the names of Carol's mailboxes go, but for this one.
    let carol = first.account(CAROL).await.unwrap();
    for word in ["f5", "f6", "f7"] {
        append(&alice, "Drafts", word).await;
    }
    append(&carol, "Drafts", "carols").await;
    drop(carol);
    for word in ["expunged", "moved", "kept", "marked"] {
        append(&alice, "INBOX", word).await;
    }
    alice.create_mailbox(name("Old"), None).await.unwrap();
    append(&alice, "Old", "deleted").await;
    append(&first.account(BOB).await.unwrap(), "INBOX", "bobs").await;
    for word in ["f2", "f3", "f4"] {
        append(&alice, "Drafts", word).await;
    }
    let sent = alice.mailbox(&name("Sent")).unwrap().id;
    alice.expunge(inbox, vec![Uid(2)]).await.unwrap();
    let moved = Named::All(vec![Uid(3)]);
    alice.move_messages(inbox, moved, sent).await.unwrap();
    let seen = KeywordChange {
        action: KeywordAction::Add,
        keywords: Keywords {
            system: SystemKeyword::Seen.bit(),
            names: vec![keyword("late")],
        },
    };
    alice
        .set_keywords(inbox, vec![Uid(1), Uid(5)], seen)
        .await
        .unwrap();
    alice.delete_mailbox(name("Old")).await.unwrap();
    first.delete_account(BOB).await.unwrap();
    drop(alice);
    close(engine, first).await;
    lose_index(folder.path());
    // The bytes of "fills" go with the first segment; what is told of it later stays. The rows of all the others are lost where
    // they came: what became of them is known.
    fs::remove_file(place(folder.path(), "fills").0).unwrap();
    for word in ["deleted", "bobs"] {
        spoil_rows(folder.path(), word);
    }
    let engine = open(folder.path());
    let again = store(&engine);
    let report = salvage(&engine, &again).await;
    assert_eq!((report.accounts, report.found), (vec![ALICE, CAROL], 0));
    let carol = kept(&again, CAROL).await;
    assert_eq!(
        (carol.len(), words(&carol, "Drafts")),
        (6, vec!["carols".to_owned()])
    );
    let now = kept(&again, ALICE).await;
    let inbox = words(&now, "INBOX");
    assert!(
        inbox.contains(&"lost".to_owned()) && inbox.contains(&"marked".to_owned()),
        "{inbox:?}"
    );
    assert!(!inbox.contains(&"expunged".to_owned()) && !inbox.contains(&"moved".to_owned()));
    assert_eq!(words(&now, "Sent").len(), 1);
    assert!(words(&now, "Drafts").ends_with(&["f2", "f3", "f4"].map(str::to_owned)));
    assert_eq!(words(&now, "Old"), [""; 0]);
    let marked = now.iter().find(|(found, _)| found.is_inbox()).unwrap();
    assert_eq!(marked.1.last().unwrap().2, ["work", "late"]);
    let Err(StoreError::Refused(Refusal::NoAccount)) = again.account(BOB).await else {
        panic!("Bob is back");
    };
}

/// Passes everything on, until so many commits have been made.
struct Failing(Arc<LocalEngine>, AtomicU64);

impl Engine for Failing {
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
        let left = self
            .1
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => self.0.commit(batch),
            Err(_) => Box::pin(std::future::ready(Err(EngineError::Closed))),
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
async fn a_salvage_that_was_cut_off_or_done_twice_gives_the_same() {
    let (folder, ..) = filled().await;
    lose_index(folder.path());
    fs::remove_file(segments(folder.path()).remove(0)).unwrap();
    for word in ["m7", "m9", "w1", "b"] {
        spoil_rows(folder.path(), word);
    }
    let mut outcomes: Vec<(Kept, Kept)> = Vec::new();
    let mut last = UidValidity(0);
    // Each round goes on from where the one before was cut off; the last two are whole.
    for commits in [0, 1, 1, 1, 1, 1000, 1000] {
        let engine = open(folder.path());
        assert_eq!(engine.history(), History::Salvaged);
        let failing = Arc::new(Failing(Arc::clone(&engine), AtomicU64::new(commits)));
        let cut = Store::new(failing, Arc::new(|| Timestamp(1_000_000)));
        let done = cut.salvage(&engine, &[ALICE]).await;
        assert_eq!(done.is_ok(), commits == 1000, "{done:?}");
        drop(cut);
        let store = store(&engine);
        if commits == 1000 {
            outcomes.push((kept(&store, ALICE).await, kept(&store, BOB).await));
            let account = store.account(ALICE).await.unwrap();
            assert_eq!(store.check_account(ALICE).await.unwrap().findings, []);
            let validities = validities(&account);
            assert!(*validities.iter().min().unwrap() > last);
            last = *validities.iter().max().unwrap();
        }
        close(engine, store).await;
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(words(&outcomes[0].1, "INBOX"), ["b"]);
    // And once more, uninterrupted, from the beginning.
    lose_index(folder.path());
    let engine = open(folder.path());
    let store = store(&engine);
    salvage(&engine, &store).await;
    assert_eq!((kept(&store, ALICE).await, kept(&store, BOB).await), outcomes[0]);
}

#[tokio::test]
async fn a_copy_whose_uid_was_given_out_again_gets_another_one() {
    let (folder, ..) = filled().await;
    // The rows of the last message are lost and nobody noticed: another one got its uid.
    let engine = open(folder.path());
    let first = store(&engine);
    let partition = Store::partition(ALICE);
    let mut batch = Batch::new(partition);
    let key = |table: u8, uid: u32| [&[table][..], &1_u32.to_be_bytes(), &uid.to_be_bytes()].concat();
    batch.delete(&key(3, 12));
    batch.delete(&key(4, 12));
    let mailbox = [&[2][..], &1_u32.to_be_bytes()].concat();
    let rows = engine
        .get_many(partition, &[mailbox.clone().into()])
        .await
        .unwrap();
    let mut row = rows[0].clone().unwrap().to_vec();
    row[6..10].copy_from_slice(&12_u32.to_le_bytes());
    batch.put(&mailbox, &row);
    engine.commit(batch).await.unwrap();
    let alice = first.account(ALICE).await.unwrap();
    assert_eq!(append(&alice, "INBOX", "second").await, Uid(12));
    drop(alice);
    close(engine, first).await;
    lose_index(folder.path());
    fs::remove_file(segments(folder.path()).remove(0)).unwrap();
    let engine = open(folder.path());
    let again = store(&engine);
    assert_eq!(salvage(&engine, &again).await.found, 1);
    let now = kept(&again, ALICE).await;
    let inbox = &now.iter().find(|(found, _)| found.is_inbox()).unwrap().1;
    let ends: Vec<_> = inbox
        .iter()
        .rev()
        .take(2)
        .map(|(uid, .., word)| (*uid, word.as_str()))
        .collect();
    assert_eq!(ends, [(13, "m11"), (12, "second")]);
}

#[tokio::test]
async fn a_folder_whose_whole_log_and_index_are_there_is_not_touched() {
    let (folder, held, before) = filled().await;
    lose_index(folder.path());
    let engine = open(folder.path());
    assert_eq!(engine.history(), History::Whole);
    let again = store(&engine);
    assert_eq!(kept(&again, ALICE).await, held);
    assert_eq!(validities(&again.account(ALICE).await.unwrap()), before);
}
