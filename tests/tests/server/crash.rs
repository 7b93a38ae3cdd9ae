//! `kill -9` under load: every acknowledged message is there exactly once, and nothing half-written is seen.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use end_to_end::{Conversation, Server, Service, messages, server};

/// Kills: enough to be sure in CI, fewer while somebody waits.
fn rounds() -> u32 {
    let asked = env::var("POSTHOUSE_CRASH_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok());
    let in_ci = env::var("CI").is_ok_and(|ci| ci == "true");
    asked.unwrap_or(if in_ci { 100 } else { 20 })
}

/// What was sent, and what of it was acknowledged.
#[derive(Default)]
struct Ledger {
    sent: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
}

#[test]
fn after_kill_9_under_load_every_acknowledged_message_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start_in(&data).unwrap();
    server.add("alice@example.org", "tin whistle");
    let ledger = Mutex::new(Ledger::default());
    let rounds = rounds();
    for round in 0..rounds {
        load_and_kill(&mut server, round, &ledger);
        server = Server::start_in(&data).unwrap();
        if round % 10 == 9 || round + 1 == rounds {
            verify(&server, &ledger.lock().unwrap(), &data);
        }
    }
    let ledger = ledger.into_inner().unwrap();
    let (acknowledged, sent) = (ledger.acknowledged.len(), ledger.sent.len());
    println!("{rounds} kills; {sent} messages sent, {acknowledged} acknowledged");
    assert!(
        acknowledged > usize::try_from(rounds).unwrap(),
        "too little load: {acknowledged}"
    );
}

fn load_and_kill(server: &mut Server, round: u32, ledger: &Mutex<Ledger>) {
    let (smtp, imap) = (server.port(Service::Smtp), server.port(Service::Imap));
    thread::scope(|scope| {
        for writer in 0..3 {
            scope.spawn(move || deliver(smtp, &format!("smtp-{round}-{writer}"), ledger));
        }
        scope.spawn(move || append(imap, &format!("imap-{round}"), ledger));
        thread::sleep(moment(round));
        server.kill();
    });
}

/// A different moment each time.
fn moment(round: u32) -> Duration {
    let noise = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .subsec_micros();
    Duration::from_millis(u64::from(60 + (round * 37 + noise) % 150))
}

/// Delivers until the server is gone.
fn deliver(port: u16, name: &str, ledger: &Mutex<Ledger>) {
    let Ok(mut smtp) = Conversation::try_open(port) else {
        return;
    };
    if smtp.reply().is_err() || smtp.send(b"EHLO client.example\r\n").is_err() || smtp.reply().is_err() {
        return;
    }
    for number in 0.. {
        let subject = format!("{name}-{number}");
        ledger.lock().unwrap().sent.insert(subject.clone());
        let Ok(reply) = smtp.deliver("alice@example.org", &messages::plain(&subject)) else {
            return;
        };
        assert!(reply.starts_with("250"), "{reply}");
        ledger.lock().unwrap().acknowledged.insert(subject);
    }
}

/// Appends until the server is gone.
fn append(port: u16, name: &str, ledger: &Mutex<Ledger>) {
    let Ok(mut imap) = Conversation::try_open(port) else {
        return;
    };
    if imap.line().is_err() || imap.command("LOGIN alice \"tin whistle\"").is_err() {
        return;
    }
    for number in 0.. {
        let subject = format!("{name}-{number}");
        let message = messages::plain(&subject);
        ledger.lock().unwrap().sent.insert(subject.clone());
        let Ok(lines) = imap.command(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())) else {
            return;
        };
        let last = lines.last().unwrap();
        assert_eq!(last.split(' ').nth(1), Some("OK"), "{last}");
        ledger.lock().unwrap().acknowledged.insert(subject);
    }
}

fn verify(server: &Server, ledger: &Ledger, data: &Path) {
    let mut there = BTreeMap::new();
    for subject in messages::subjects(server, "alice", "tin whistle") {
        *there.entry(subject).or_insert(0) += 1;
    }
    for subject in &ledger.acknowledged {
        assert_eq!(there.get(subject), Some(&1), "{subject} was acknowledged");
    }
    for (subject, times) in &there {
        assert!(
            ledger.sent.contains(subject) && *times == 1,
            "{subject} is there {times} times"
        );
    }
    let checked = server::check(data);
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stdout)
    );
}
