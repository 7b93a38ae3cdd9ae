//! The power goes while the log is compacted: segments are emptied, marked and unlinked under a writer, and cut anywhere.
//!
//! The traced program is this test itself, under another name: the store over an engine of small segments, without a server, so that
//! a second is enough for what takes weeks otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use end_to_end::program;
use engine::{Engine, History, LocalEngine, Options};
use store::{Account, BlobSource, Facts, Keywords, Named, NewMessage, Store};
use types::{AccountId, MailboxName, Timestamp, Uid};

use super::disk::{Disk, Random};
use super::trace::{self, What};
use super::{asked, scratch};

/// Cut points, unless `POSTHOUSE_POWER_CUTS` asks for others.
const CUTS: u64 = 500;
/// Where the traced program finds its folder.
pub(super) const FOLDER: &str = "POSTHOUSE_COMPACTION_FOLDER";
/// How often the traced program opens its folder.
const LIVES: u64 = 2;
const ROUNDS: u64 = 8;
/// Octets of a message above which it has a file of its own: about every third. In the program's first life none has one, so that there are
/// some to be moved into files of their own.
const LARGE: u64 = 2000;
pub(super) const ALICE: AccountId = AccountId(1);
/// Messages with higher names are longer than what is written at a time.
pub(super) const LONG: u64 = 10_000;
/// Where copies are, and what is added to the names of those.
pub(super) const COPIES: (&str, u64) = ("Copies", 1_000_000);

pub(super) fn open(folder: &Path, clock: &Arc<AtomicI64>, large: u64) -> (Arc<LocalEngine>, Store) {
    let options = Options {
        segment: 64 << 10,
        step: 4 << 10,
        large,
        interval: Duration::from_millis(20),
        ..Options::default()
    };
    let engine = LocalEngine::open(folder, options).unwrap_or_else(|error| panic!("{error}"));
    let engine = Arc::new(engine);
    let clock = Arc::clone(clock);
    let now: store::Now = Arc::new(move || Timestamp(clock.load(Ordering::Relaxed)));
    let store = Store::new(Arc::clone(&engine) as Arc<dyn Engine>, now);
    (engine, store)
}

/// The message of a name: some are long.
pub(super) fn text(name: u64) -> String {
    let mut text = format!("Subject: {name}\r\n\r\n");
    let lines = match name > LONG {
        true => 14_000 + (name * 7919) % 15_000,
        false => (name * 7919) % 61,
    };
    for line in 0..lines {
        write!(text, "{name} line {line} of what somebody has written\r\n").unwrap();
    }
    text
}

/// Told to whoever reads the trace.
pub(super) fn say(words: &str, names: &[u64]) {
    let mut line = words.to_owned();
    names.iter().for_each(|name| write!(line, " {name}").unwrap());
    line.push('\n');
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// Not a test: what `strace` runs.
#[test]
#[ignore = "the other test runs it"]
fn driver() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let clock = Arc::new(AtomicI64::new(1_000_000));
    let mut next = 1;
    for life in 0..LIVES {
        let large = if life == 0 { u64::MAX } else { LARGE };
        next = runtime.block_on(live((&folder, large), &clock, next));
    }
}

async fn live((folder, large): (&Path, u64), clock: &Arc<AtomicI64>, mut next: u64) -> u64 {
    let (engine, store) = open(folder, clock, large);
    let account = store.account(ALICE).await.unwrap();
    let inbox = account.mailbox(&MailboxName::inbox()).unwrap().id;
    let archive = account
        .mailbox(&MailboxName::check("Archive").unwrap())
        .unwrap()
        .id;
    let mut random = Random(next);
    for _ in 0..ROUNDS {
        // Compacted while others write.
        let compacting = tokio::spawn(give_back(Arc::clone(&engine), store.clone()));
        for _ in 0..6 {
            let names: Vec<u64> = (next..next + 1 + random.below(5)).collect();
            next += names.len() as u64;
            let messages = names.iter().map(|name| message(&text(*name))).collect();
            say("comes", &names);
            account.append(inbox, messages).await.unwrap();
            say("there", &names);
        }
        compacting.await.unwrap();
        clock.fetch_add(10, Ordering::Relaxed);
        for mailbox in [inbox, archive] {
            let (mut names, mut uids) = (Vec::new(), Vec::new());
            for (uid, name) in content(&account, mailbox).await.0 {
                if random.below(10) < 6 {
                    names.push(name);
                    uids.push(uid);
                }
            }
            say("goes", &names);
            account.expunge(mailbox, uids).await.unwrap();
            say("gone", &names);
        }
        let some: Vec<Uid> = content(&account, inbox)
            .await
            .0
            .into_iter()
            .map(|(uid, _)| uid)
            .step_by(3)
            .collect();
        account
            .move_messages(inbox, Named::All(some), archive)
            .await
            .unwrap();
        clock.fetch_add(10, Ordering::Relaxed);
        give_back(Arc::clone(&engine), store.clone()).await;
    }
    drop((account, store));
    close(engine).await;
    next
}

/// Closes the folder, when the last verb is through.
pub(super) async fn close(engine: Arc<LocalEngine>) {
    engine.close().await.unwrap();
    while Arc::strong_count(&engine) > 1 {
        tokio::task::yield_now().await;
    }
}

/// Lets go of what was expunged, and of its bytes, and compacts until no more than one segment waits for a copy.
pub(super) async fn give_back(engine: Arc<LocalEngine>, store: Store) {
    store.expire(&engine, Duration::from_secs(5)).await.unwrap();
    store.release(&engine, engine.reached()).await.unwrap();
    for _ in 0..50 {
        let compacting = Arc::clone(&engine);
        let room = tokio::task::spawn_blocking(move || compacting.compact())
            .await
            .unwrap();
        if room.unwrap().spent <= 1 {
            return;
        }
    }
}

pub(super) fn message(text: &str) -> NewMessage {
    NewMessage {
        source: BlobSource::Bytes(text.to_owned().into()),
        keywords: Keywords::default(),
        received: Timestamp(0),
        facts: Facts::default(),
    }
}

/// The messages of a mailbox by their names, and what is wrong with them.
pub(super) async fn content(account: &Account, mailbox: types::MailboxId) -> (Vec<(Uid, u64)>, Vec<String>) {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for (_, row) in account.view(mailbox).await.unwrap().iter() {
        let read = account.read_blob(row.blob, 0..u64::MAX).await;
        let name = read.as_ref().ok().and_then(|bytes| {
            let read = std::str::from_utf8(bytes).ok()?;
            let name = read.strip_prefix("Subject: ")?.lines().next()?.parse().ok()?;
            (read == text(name)).then_some(name)
        });
        match name {
            Some(name) => found.push((row.uid, name)),
            None => wrong.push(format!("uid {}: {read:?}", row.uid)),
        }
    }
    (found, wrong)
}

/// What the program has said of each message.
#[derive(Default)]
pub(super) struct Heard(BTreeMap<u64, String>);

impl Heard {
    pub(super) fn hear(&mut self, octets: &[u8]) {
        for line in String::from_utf8_lossy(octets).lines() {
            let mut words = line.split(' ');
            let Some(word) = words
                .next()
                .filter(|word| ["comes", "there", "goes", "gone"].contains(word))
            else {
                continue;
            };
            for name in words.filter_map(|name| name.parse().ok()) {
                self.0.insert(name, word.to_owned());
            }
        }
    }

    fn check(&self, there: &BTreeSet<u64>, place: &str) {
        for (name, word) in &self.0 {
            let is_there = there.contains(name);
            let wanted = match word.as_str() {
                "there" => Some(true),
                "gone" => Some(false),
                _ => None,
            };
            assert!(
                wanted.is_none_or(|wanted| wanted == is_there),
                "{place}: {name} {word}, and {is_there}"
            );
        }
        assert!(
            there.iter().all(|name| self.0.contains_key(name)),
            "{place}: nobody wrote that"
        );
    }
}

/// The files of large blobs, whole or not, that hold none of these.
fn unowned(folder: &Path, living: &BTreeSet<u64>) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("log")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_owned = |name: &String| {
        let number = name.strip_suffix(".seg").and_then(|number| number.parse().ok());
        let blob = number.and_then(|number: u64| number.checked_sub(1_000_000_000_000_000));
        blob.is_some_and(|blob| living.contains(&blob))
    };
    names
        .filter(|name| name.len() > 15 && name.contains(".seg") && !is_owned(name))
        .collect()
}

/// Gives back until there is no file of a large blob that no message has.
async fn nothing_is_left((engine, store): &(Arc<LocalEngine>, Store), folder: &Path, place: &str) {
    let account = store.account(ALICE).await.unwrap();
    let mut living = BTreeSet::new();
    for mailbox in account.mailboxes() {
        let view = account.view(mailbox.id).await.unwrap();
        living.extend(view.iter().map(|(_, row)| row.blob.0));
    }
    let mut left = Vec::new();
    // A file goes when the index has taken over that its blob is gone, which nobody waits for.
    for _ in 0..200 {
        give_back(Arc::clone(engine), store.clone()).await;
        left = unowned(folder, &living);
        if left.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{place}: nobody owns {left:?}");
}

/// Opens a folder that was cut: all is there, it can be compacted on, and all is there again.
pub(super) async fn verify(folder: &Path, heard: &Heard, place: &str) -> u64 {
    // What was expunged is over.
    let clock = Arc::new(AtomicI64::new(2_000_000));
    let mut unlinked = 0;
    for time in ["after the cut", "after another start"] {
        let place = format!("{place}, {time}");
        let (engine, store) = open(folder, &clock, LARGE);
        for finding in engine.findings() {
            assert!(
                finding.path.starts_with(folder.join("index")),
                "{place}: {finding}"
            );
        }
        assert_eq!(engine.history(), History::Whole, "{place}");
        unlinked = u64::from(!folder.join("log/00000001.seg").exists());
        let account = store.account(ALICE).await.unwrap();
        let mut there = BTreeSet::new();
        for mailbox in account.mailboxes() {
            let (found, wrong) = content(&account, mailbox.id).await;
            assert_eq!(wrong, Vec::<String>::new(), "{place}");
            let (copies, offset) = COPIES;
            let offset = if mailbox.name.as_str() == copies {
                offset
            } else {
                0
            };
            for (_, name) in found {
                assert!(there.insert(name + offset), "{place}: {name} is there twice");
            }
        }
        heard.check(&there, &place);
        assert_eq!(store.check_account(ALICE).await.unwrap().findings, [], "{place}");
        let mut found = Vec::new();
        engine::check::check(&engine, &mut |finding| found.push(finding)).unwrap();
        assert_eq!(found, [], "{place}");
        drop(account);
        let opened = (engine, store);
        nothing_is_left(&opened, folder, &place).await;
        drop(opened.1);
        close(opened.0).await;
    }
    unlinked
}

/// Runs a driver to its end.
pub(super) fn run_traced(driver: &str, data: &Path, trace: &Path) {
    let calls = format!("trace={}", trace::CALLS);
    let status = Command::new("strace")
        .args([
            "-f",
            "--seccomp-bpf",
            "-xx",
            "-y",
            "-s",
            "100000000",
            "-e",
            &calls,
            "-o",
        ])
        .args([trace, &env::current_exe().unwrap()])
        .args(["--exact", driver, "--ignored", "--nocapture"])
        .env(FOLDER, data)
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

/// How many segments were unlinked although the log had been written to since the newest copy of the index was made.
fn unlinked_with_an_older_copy(events: &[trace::Event]) -> usize {
    let ends = |path: &Path, ending: &str| path.extension().is_some_and(|end| end == ending);
    let (mut written, mut older) = (false, 0);
    for event in events {
        match &event.what {
            What::Rename(_, path) if ends(path, "copy") => written = false,
            What::Write { path, .. } if ends(path, "seg") => written = true,
            What::Remove(path) if ends(path, "seg") && written => older += 1,
            _ => {}
        }
    }
    older
}

/// Whether a file is a large blob's, or is to be.
pub(super) fn is_alone(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.len() > 15 && name.contains(".seg")
}

/// How many files of large blobs were made, and how many unlinked.
pub(super) fn alone(events: &[trace::Event]) -> (usize, usize) {
    let is_alone = |path: &Path| is_alone(path) && path.extension().is_some_and(|end| end == "seg");
    let count = |is_it: &dyn Fn(&What) -> bool| events.iter().filter(|event| is_it(&event.what)).count();
    (
        count(&|what| matches!(what, What::Rename(_, path) if is_alone(path))),
        count(&|what| matches!(what, What::Remove(path) if is_alone(path))),
    )
}

#[test]
fn at_every_cut_of_a_compaction_what_was_acknowledged_is_there_and_what_is_gone_is_not() {
    if !program::is_here("strace") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data, trace) = (folder.path().join("data"), folder.path().join("trace"));
    run_traced("power_loss::compaction::driver", &data, &trace);
    let events = trace::parse(&[std::fs::read_to_string(&trace).unwrap()]);
    let removed = events.iter().filter(
        |event| matches!(&event.what, What::Remove(path) if path.extension().is_some_and(|end| end == "seg")),
    );
    let removed = removed.count();
    assert!(
        removed > 5,
        "{removed} segments were unlinked: nothing would be shown"
    );
    let (made, unmade) = alone(&events);
    assert!(
        made > 20 && unmade > 10,
        "{made} large blobs had files of their own, {unmade} were unlinked: nothing would be shown"
    );
    let older = unlinked_with_an_older_copy(&events);
    assert!(
        older > 0,
        "every segment waited for a copy of the index: nothing would be shown of the log behind an older one"
    );
    let seed = asked("POSTHOUSE_POWER_SEED").unwrap_or(1);
    let mut random = Random(seed);
    let mut wanted: Vec<usize> = (0..asked("POSTHOUSE_POWER_CUTS").unwrap_or(CUTS))
        .map(|_| usize::try_from(random.below(events.len() as u64 + 1)).unwrap())
        .collect();
    wanted.sort_unstable();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (mut disk, mut heard, mut done, mut after) = (Disk::default(), Heard::default(), 0, 0);
    let cuts = wanted.len();
    for at in wanted {
        for event in events.get(done..at).unwrap_or_default() {
            disk.settle(event.counts_from());
            disk.apply(event);
            if let What::Said(octets) = &event.what {
                heard.hear(octets);
            }
        }
        done = at;
        let line = events.get(at).map_or(usize::MAX, trace::Event::counts_from);
        let place = format!("seed {seed}, event {at}, line {line}");
        let folder = tempfile::tempdir_in(scratch()).unwrap();
        let cut = folder.path().join("data");
        std::fs::create_dir(&cut).unwrap();
        disk.rebuild(&data, &cut, &mut random);
        // Now and then the index is lost as well: its copy and the log since have everything.
        if at % 3 == 0 && cut.join("index").exists() {
            std::fs::remove_dir_all(cut.join("index")).unwrap();
        }
        after += runtime.block_on(verify(&cut, &heard, &place));
    }
    println!(
        "{cuts} cut points over {} events, {made} large blobs in files of their own, {removed} segments unlinked, {older} with an older copy, the first before {after} cuts",
        events.len()
    );
    assert!(after > 0, "no cut was after the first unlinking");
}
