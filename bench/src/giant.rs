//! A giant mailbox: how long SELECT takes, the first time after a start and again, and what many sessions on it cost.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::imap::{Session, quoted};
use crate::measure::Memory;
use crate::outcome::bytes;
use crate::target::{Purpose, Target};
use crate::{say, text};

/// The mailbox, and the one that new mail is filled into before it is copied over.
const GIANT: &str = "giant";

/// Messages that are brought in one by one; the others are copies.
const SEED: u64 = 1_000;

/// How many are copied with one command.
const AT_ONCE: u64 = 64_000;

/// How often it is opened again.
const AGAIN: usize = 200;

/// How large, and by how many sessions at a time.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct Args {
    /// Messages in the mailbox.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// Sessions that have it open together.
    #[arg(long, default_value_t = 100)]
    sessions: u64,
    /// Only fills the mailbox.
    #[arg(long)]
    prepare: bool,
}

/// Fills the mailbox, or measures it.
///
/// # Errors
/// When the server does not answer as it should.
pub(crate) fn run(target: &Target, args: &Args) -> Result<()> {
    if args.prepare {
        return prepare(target, args.messages);
    }
    let before = target.watched.memory();
    let mut first = login(target)?;
    say(&format!(
        "login          {:>10.3} ms",
        millis(time(&mut first, "NOOP")?)
    ));
    let select = format!("SELECT {GIANT}");
    say(&format!(
        "SELECT first   {:>10.3} ms",
        millis(time(&mut first, &select)?)
    ));
    let mut again: Vec<Duration> = (0..AGAIN)
        .map(|_| time(&mut first, &select))
        .collect::<Result<_>>()?;
    again.sort_unstable();
    let middle = again.get(again.len() / 2).copied().unwrap_or_default();
    say(&format!("SELECT again   {:>10.3} ms", millis(middle)));
    memory(target, before, "after SELECT");
    let fetch = format!("FETCH {} (UID FLAGS)", args.messages);
    say(&format!(
        "FETCH first    {:>10.3} ms",
        millis(time(&mut first, &fetch)?)
    ));
    memory(target, before, "after a FETCH");
    let mut held = Vec::new();
    for _ in 0..args.sessions {
        let mut session = login(target)?;
        session.command(select.as_bytes())?;
        session.command(fetch.as_bytes())?;
        held.push(session);
    }
    memory(
        target,
        before,
        &format!("{} sessions that have fetched", args.sessions),
    );
    say(&format!(
        "STORE one      {:>10.3} ms",
        millis(time(&mut first, "STORE 500 +FLAGS (\\Seen)")?)
    ));
    say(&format!(
        "SEARCH UNSEEN  {:>10.3} ms",
        millis(time(&mut first, "SEARCH UNSEEN 1:1000")?)
    ));
    memory(target, before, "after STORE and SEARCH");
    Ok(())
}

fn login(target: &Target) -> Result<Session> {
    let user = target.users(Purpose::Large).pop().context("no account")?;
    Session::login(target.at(target.ports.imap), &user, &target.password)
}

fn time(session: &mut Session, command: &str) -> Result<Duration> {
    let since = Instant::now();
    session.command(command.as_bytes())?;
    Ok(since.elapsed())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn memory(target: &Target, before: Memory, when: &str) {
    let now = target.watched.memory();
    let more = now.pss.saturating_sub(before.pss);
    say(&format!("memory {when}: {} more (PSS)", bytes(more as f64)));
}

fn prepare(target: &Target, messages: u64) -> Result<()> {
    let mut session = login(target)?;
    session.fill(GIANT, SEED.min(messages), &mut |number| {
        text::message(number, 1_000)
    })?;
    session.command(format!("SELECT {}", quoted(GIANT)).as_bytes())?;
    let mut there = session.count(GIANT);
    while there < messages {
        let some = there.min(AT_ONCE).min(messages - there);
        let since = Instant::now();
        session.command(format!("COPY 1:{some} {GIANT}").as_bytes())?;
        there += some;
        say(&format!(
            "{there} messages ({some} copied in {} ms)",
            since.elapsed().as_millis()
        ));
    }
    Ok(())
}
