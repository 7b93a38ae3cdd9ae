//! Looks through a folder that survived a power cut, with the store itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use engine::{Engine, LocalEngine, Options};
use store::{Account, BlobSource, Delivery, Facts, Keywords, NewMessage, Store};
use types::{AccountId, MailboxName, SystemKeyword, Timestamp};

use super::workload::{Record, Worker};

/// The accounts, in the order in which they were added.
const ALICE: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);

/// What clients have been told so far.
#[derive(Default)]
pub(super) struct Acknowledged {
    /// Letters by the server's names for them.
    letters: BTreeSet<String>,
    /// How many commands each worker knows to be done.
    done: Vec<usize>,
}

impl Acknowledged {
    /// Takes in what was sent to a client.
    pub(super) fn hear(&mut self, octets: &[u8], record: &Record) {
        self.done.resize(record.workers.len(), 0);
        for line in String::from_utf8_lossy(octets).lines() {
            if let Some(id) = line.strip_prefix("250 2.0.0 OK, stored as ") {
                self.letters.insert(id.to_owned());
            }
            for (done, worker) in self.done.iter_mut().zip(&record.workers) {
                let next = worker.states.get(*done + 1);
                *done += usize::from(next.is_some_and(|(tag, _)| line.starts_with(&format!("{tag} OK"))));
            }
        }
    }
}

/// Opens a folder and asserts that everything is in it.
pub(super) fn verify(data: &Path, record: &Record, acknowledged: &Acknowledged, place: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (engine, store) = open(data, place);
        let mut ids = BTreeMap::new();
        for (name, id) in [("alice", ALICE), ("bob", BOB)] {
            let account = store
                .account(id)
                .await
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            ids.insert(name, letters(&account, place).await);
            let report = store.check_account(id).await.unwrap();
            assert_eq!(report.findings, [], "{place}");
            if id == ALICE {
                for (index, worker) in record.workers.iter().enumerate() {
                    let done = acknowledged.done.get(index).copied().unwrap_or(0);
                    check_worker(&account, worker, done, place).await;
                }
            }
        }
        check_letters(&ids, record, acknowledged, place);
        let mut found = Vec::new();
        engine::check::check(&engine, &mut |finding| found.push(finding)).unwrap();
        assert_eq!(found, [], "{place}");
        write_and_come_back(data, (engine, store), place).await;
    });
}

fn open(data: &Path, place: &str) -> (Arc<LocalEngine>, Store) {
    let engine =
        LocalEngine::open(data, Options::default()).unwrap_or_else(|error| panic!("{place}: {error}"));
    for finding in engine.findings() {
        // An index that was not on the disk yet is made again from the log; the log itself is never found damaged.
        assert!(finding.path.starts_with(data.join("index")), "{place}: {finding}");
    }
    let engine = Arc::new(engine);
    let now: store::Now = Arc::new(|| Timestamp(2_000_000_000));
    let store = Store::new(Arc::clone(&engine) as Arc<dyn Engine>, now);
    (engine, store)
}

/// The server's names of the messages in an inbox, each with its bytes.
async fn letters(account: &Account, place: &str) -> BTreeMap<String, String> {
    let mut letters = BTreeMap::new();
    let inbox = account.mailbox(&MailboxName::inbox()).unwrap();
    for (subject_or_id, text) in texts(account, inbox.id, place).await {
        let id = text
            .split_once("id ")
            .and_then(|(_, rest)| rest.split([';', '\r', ' ']).next());
        let id = id.unwrap_or(&subject_or_id).to_owned();
        assert!(
            letters.insert(id.clone(), text).is_none(),
            "{place}: {id} is there twice"
        );
    }
    letters
}

async fn texts(account: &Account, mailbox: types::MailboxId, place: &str) -> Vec<(String, String)> {
    let view = account.view(mailbox).await.unwrap();
    let mut texts = Vec::new();
    for (_, row) in view.iter() {
        let bytes = account.read_blob(row.blob, 0..u64::MAX).await;
        let bytes = bytes.unwrap_or_else(|error| panic!("{place}: uid {}: {error}", row.uid));
        texts.push((row.uid.to_string(), String::from_utf8(bytes.to_vec()).unwrap()));
    }
    texts
}

fn check_letters(
    ids: &BTreeMap<&str, BTreeMap<String, String>>,
    record: &Record,
    acknowledged: &Acknowledged,
    place: &str,
) {
    let known: BTreeMap<&str, &str> = record
        .letters
        .iter()
        .map(|letter| (letter.id.as_str(), letter.message.as_str()))
        .collect();
    for (name, there) in ids {
        for (id, text) in there {
            let message = known.get(id.as_str());
            let whole = message.is_some_and(|message| text.ends_with(message));
            assert!(
                whole,
                "{place}: {name} has not all of {id}: {text:?} of {message:?}"
            );
        }
    }
    for letter in record
        .letters
        .iter()
        .filter(|letter| acknowledged.letters.contains(&letter.id))
    {
        for name in letter.to {
            assert!(
                ids[name].contains_key(&letter.id),
                "{place}: {name} lost {}",
                letter.id
            );
        }
    }
}

/// The mailboxes of a worker are as after its last acknowledged command, or as after the one on its way.
async fn check_worker(account: &Account, worker: &Worker, done: usize, place: &str) {
    let mut text = String::new();
    for mailbox in account.mailboxes() {
        if !mailbox.name.as_str().starts_with(&worker.prefix) {
            continue;
        }
        writeln!(text, "{}, next {}", mailbox.name.as_str(), mailbox.next_uid).unwrap();
        let view = account.view(mailbox.id).await.unwrap();
        let texts = texts(account, mailbox.id, place).await;
        for ((_, row), (_, message)) in view.iter().zip(texts) {
            let subject = message
                .lines()
                .find_map(|line| line.strip_prefix("Subject: "))
                .unwrap();
            let keywords = keywords(row.keywords, view.keywords());
            writeln!(text, "{} {subject} {}", row.uid, keywords.join(" ")).unwrap();
        }
    }
    let (before, after) = (
        &worker.states[done].1,
        worker.states.get(done + 1).map(|(_, state)| state),
    );
    assert!(
        text == *before || Some(&text) == after,
        "{place}: {} after command {done}, wanted\n{before}\nor {after:?}\ngot\n{text}",
        worker.prefix
    );
}

fn keywords(bits: u64, names: &[types::KeywordName]) -> Vec<String> {
    let system = SystemKeyword::ALL
        .into_iter()
        .filter(|keyword| bits & keyword.bit() != 0)
        .map(|keyword| format!("\\{keyword:?}"));
    let first = SystemKeyword::COUNT;
    let own = names
        .iter()
        .zip(first..)
        .filter(|(_, bit)| bits & (1 << bit) != 0)
        .map(|(name, _)| name.as_str().to_owned());
    let mut all: Vec<String> = system.chain(own).collect();
    all.sort();
    all
}

/// What is written after the cut is there after another start, beside all that was there.
async fn write_and_come_back(data: &Path, (engine, store): (Arc<LocalEngine>, Store), place: &str) {
    let message = NewMessage {
        source: BlobSource::Bytes("Subject: after\r\n\r\nid after;\r\n".into()),
        keywords: Keywords::default(),
        received: Timestamp(0),
        facts: Facts::default(),
    };
    let delivery = Delivery {
        account: ALICE,
        mailbox: MailboxName::inbox(),
    };
    for outcome in store.deliver(&[delivery], message).await {
        outcome.unwrap_or_else(|error| panic!("{place}: {error}"));
    }
    let account = store.account(ALICE).await.unwrap();
    let before: Vec<String> = letters(&account, place).await.into_keys().collect();
    drop((account, store));
    drop(engine);
    let (_engine, store) = open(data, place);
    let account = store.account(ALICE).await.unwrap();
    let after: Vec<String> = letters(&account, place).await.into_keys().collect();
    assert_eq!(before, after, "{place}: after another start");
}
