//! The power goes while messages are delivered, copied, expunged and compacted that are so large that each has a file of its own, written in
//! several pieces (docs/decisions/0010): it is cut before and after every step of such a file.
//!
//! Whatever was acknowledged is whole, and no file is left that nothing owns.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use end_to_end::program;
use store::Named;
use types::{MailboxName, Uid};

use super::compaction::{
    ALICE, COPIES, FOLDER, Heard, LONG, alone, close, content, give_back, is_alone, message, open,
    run_traced, say, text, verify,
};
use super::disk::{Disk, Random};
use super::trace::{self, What};
use super::{asked, scratch};

const ROUNDS: u64 = 3;
/// Octets of a message above which it has a file of its own: the long ones.
const LARGE: u64 = 100_000;

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
    runtime.block_on(async {
        let clock = Arc::new(AtomicI64::new(1_000_000));
        let (engine, store) = open(&folder, &clock, LARGE);
        let account = store.account(ALICE).await.unwrap();
        let inbox = account.mailbox(&MailboxName::inbox()).unwrap().id;
        let copies = MailboxName::check(COPIES.0).unwrap();
        let copies = account.create_mailbox(copies, None).await.unwrap().id;
        for round in 0..ROUNDS {
            let compacting = tokio::spawn(give_back(Arc::clone(&engine), store.clone()));
            for step in 1..=3 {
                let small = round * 10 + step;
                let names = [LONG + small, small];
                let messages = names.iter().map(|name| message(&text(*name))).collect();
                say("comes", &names);
                let appended = account.append(inbox, messages).await.unwrap();
                let uids: Vec<Uid> = appended.iter().map(|one| one.uid).collect();
                say("there", &names);
                let names = names.map(|name| name + COPIES.1);
                say("comes", &names);
                account
                    .copy_messages(inbox, Named::All(uids), copies)
                    .await
                    .unwrap();
                say("there", &names);
            }
            compacting.await.unwrap();
            clock.fetch_add(10, Ordering::Relaxed);
            // Of some both copies go, of some one, and some stay.
            for (mailbox, offset, of_three) in [(inbox, 0, 2), (copies, COPIES.1, 1)] {
                let found = content(&account, mailbox).await.0.into_iter();
                let (uids, names): (Vec<_>, Vec<_>) = found
                    .filter(|(_, name)| name % 3 < of_three)
                    .map(|(uid, name)| (uid, name + offset))
                    .unzip();
                say("goes", &names);
                account.expunge(mailbox, uids).await.unwrap();
                say("gone", &names);
            }
            clock.fetch_add(10, Ordering::Relaxed);
            give_back(Arc::clone(&engine), store.clone()).await;
        }
        drop((account, store));
        close(engine).await;
    });
}

/// Whether an event is a step of a large blob's file: its octets, its syncs, its names.
fn is_step(what: &What) -> bool {
    match what {
        What::Create(path) | What::Write { path, .. } | What::Truncate(path, _) | What::Extend(path, _) => {
            is_alone(path)
        }
        What::Rename(_, path) | What::Remove(path) => is_alone(path),
        // The folder's own is what makes their names durable.
        What::Sync(path) => is_alone(path) || path.ends_with("log"),
        What::Folder(_) | What::Said(_) => false,
    }
}

#[test]
fn at_every_step_of_a_large_message_what_was_acknowledged_is_whole_and_nothing_else_is_left() {
    if !program::is_here("strace") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data, trace) = (folder.path().join("data"), folder.path().join("trace"));
    run_traced("power_loss::large::driver", &data, &trace);
    let events = trace::parse(&[std::fs::read_to_string(&trace).unwrap()]);
    let (made, unmade) = alone(&events);
    assert!(
        made >= 9 && unmade > 2,
        "{made} large messages had files, {unmade} were unlinked: nothing would be shown"
    );
    let pieces = events
        .iter()
        .filter(|event| matches!(&event.what, What::Write { path, .. } if is_alone(path)));
    assert!(pieces.count() >= 2 * made, "they are written at once");
    let seed = asked("POSTHOUSE_POWER_SEED").unwrap_or(1);
    let mut random = Random(seed);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (mut disk, mut heard, mut cuts) = (Disk::default(), Heard::default(), 0);
    let mut before = false;
    for (at, event) in events.iter().enumerate() {
        let step = is_step(&event.what);
        if step || before {
            let place = format!("seed {seed}, event {at}, line {}", event.counts_from());
            let folder = tempfile::tempdir_in(scratch()).unwrap();
            let cut = folder.path().join("data");
            std::fs::create_dir(&cut).unwrap();
            disk.rebuild(&data, &cut, &mut random);
            // Now and then the index is lost as well.
            if at % 3 == 0 && cut.join("index").exists() {
                std::fs::remove_dir_all(cut.join("index")).unwrap();
            }
            runtime.block_on(verify(&cut, &heard, &place));
            cuts += 1;
        }
        before = step;
        disk.settle(event.counts_from());
        disk.apply(event);
        if let What::Said(octets) = &event.what {
            heard.hear(octets);
        }
    }
    println!(
        "{cuts} cut points over {} events, {made} large messages, {unmade} unlinked",
        events.len()
    );
}
