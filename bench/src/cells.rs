//! The cells: what is measured, each with the work that DESIGN §5 names.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use memchr::memmem;

use crate::imap::{self, Session};
use crate::lanes::{self, Budget, Lane, Talk, Tally};
use crate::outcome::Outcome;
use crate::smtp::{self, Protocol};
use crate::target::{Purpose, Target};
use crate::{pop3, text};

/// Size of a message that comes in.
const SIZE: usize = 10_000;

/// Messages in the large mailbox, and their size: 120 MB in all.
const LARGE: (u64, usize) = (20_000, 6_000);

/// Messages in each maildrop.
const MAILDROP: u64 = 1_000;

/// Messages in each mailbox in which flags change.
const FLAGGED: u64 = 200;

/// How many different messages a run sends.
const VARIANTS: u64 = 64;

/// How many RETRs are under way when they are pipelined.
const WINDOW: u64 = 128;

/// A cell of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Kind {
    /// SMTP, 10 connections, 10 users, until all of it is visible over IMAP.
    Smtp,
    /// LMTP, 10 connections, 10 users.
    Lmtp,
    /// APPEND over one connection.
    Append1,
    /// APPEND over ten connections to ten users.
    Append10,
    /// FETCH 1:* (UID FLAGS) of the large mailbox, in messages.
    FetchFlags,
    /// FETCH 1:* with the envelope, in messages.
    FetchEnvelopes,
    /// FETCH 1:* (BODY.PEEK[]), in messages.
    FetchBodies,
    /// SELECT of the large mailbox, again and again.
    Select,
    /// STORE of one flag of one message, one connection.
    Store1,
    /// STORE over ten connections, ten users.
    Store10,
    /// SEARCH BODY of a word that stands in 0.1 % of 120 MB.
    Search,
    /// RETR, four connections, one at a time.
    Pop3,
    /// RETR, four connections, pipelined.
    Pop3Pipelined,
    /// Connect, LOGIN, LOGOUT over IMAP, ten at a time.
    Login,
}

/// How long a run is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    /// No more operations than this are begun,
    pub(crate) count: u64,
    /// nor any after this time.
    pub(crate) time: Duration,
}

impl Length {
    fn budget(self) -> Budget {
        Budget::new(self.count, self.time)
    }
}

/// Fills the mailboxes that the cells read.
pub(crate) fn seed(target: &Target) -> Result<()> {
    let open = |user: &str| Session::login(target.at(target.ports.imap), user, &target.password);
    for user in target.users(Purpose::Large) {
        open(&user)?.fill("INBOX", LARGE.0, &mut |number| text::message(number, LARGE.1))?;
    }
    for user in target.users(Purpose::Maildrop) {
        open(&user)?.fill("INBOX", MAILDROP, &mut |number| text::message(number, SIZE))?;
    }
    for user in target.users(Purpose::Store) {
        open(&user)?.fill("INBOX", FLAGGED, &mut |number| text::message(number, 1_000))?;
    }
    Ok(())
}

/// Runs one cell.
pub(crate) fn run(target: &Target, kind: Kind, length: Length) -> Result<Outcome> {
    match kind {
        Kind::Smtp => smtp_until_visible(target, length),
        Kind::Lmtp => measured(target, target.ports.lmtp, || {
            deliveries(target, Protocol::Lmtp, length)
        }),
        Kind::Append1 => imap_lanes(target, 1, Purpose::Deliver, &mut || appends(length)),
        Kind::Append10 => {
            let budget = length.budget();
            let messages = variants();
            imap_lanes(target, 10, Purpose::Deliver, &mut || {
                append_talk(&budget, &messages)
            })
        }
        Kind::FetchFlags => fetch(target, "FETCH 1:* (UID FLAGS)", length),
        Kind::FetchEnvelopes => fetch(
            target,
            "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
            length,
        ),
        Kind::FetchBodies => fetch(target, "FETCH 1:* (BODY.PEEK[])", length),
        Kind::Select => imap_lanes(target, 1, Purpose::Large, &mut || fixed(length, "SELECT INBOX")),
        Kind::Store1 => imap_lanes(target, 1, Purpose::Store, &mut || stores(&length.budget())),
        Kind::Store10 => {
            let budget = length.budget();
            imap_lanes(target, 10, Purpose::Store, &mut || stores(&budget))
        }
        Kind::Search => search(target, length),
        Kind::Pop3 => measured(target, target.ports.pop3, || retrievals(target, 1, length)),
        Kind::Pop3Pipelined => measured(target, target.ports.pop3, || retrievals(target, WINDOW, length)),
        Kind::Login => measured(target, target.ports.imap, || logins(target, length)),
    }
}

/// Sets up, then measures the run of what was set up.
fn measured(target: &Target, port: u16, lanes: impl FnOnce() -> Result<Vec<Lane>>) -> Result<Outcome> {
    let lanes = lanes()?;
    let before = target.watched.start()?;
    let tally = lanes::run(lanes, target.at(port))?;
    let cost = target.watched.stop(before)?;
    Ok(Outcome::new(tally, cost))
}

/// Logs in on `connections` connections, one for each user, selects INBOX and runs.
fn imap_lanes(
    target: &Target,
    connections: usize,
    purpose: Purpose,
    talk: &mut dyn FnMut() -> Box<dyn Talk>,
) -> Result<Outcome> {
    measured(target, target.ports.imap, || {
        let users = target.users(purpose);
        let mut lanes = Vec::new();
        for user in users.iter().take(connections) {
            let mut session = Session::login(target.at(target.ports.imap), user, &target.password)?;
            if !matches!(purpose, Purpose::Deliver) {
                session.command(b"SELECT INBOX")?;
            }
            if matches!(purpose, Purpose::Store) {
                session.command(b"STORE 1:* -FLAGS.SILENT (\\Flagged)")?;
            }
            lanes.push(Lane::new(session.into_stream(), talk()));
        }
        Ok(lanes)
    })
}

fn variants() -> Rc<Vec<Vec<u8>>> {
    Rc::new((0..VARIANTS).map(|number| text::message(number, SIZE)).collect())
}

fn appends(length: Length) -> Box<dyn Talk> {
    append_talk(&length.budget(), &variants())
}

fn append_talk(budget: &Budget, messages: &Rc<Vec<Vec<u8>>>) -> Box<dyn Talk> {
    let messages = Rc::clone(messages);
    Box::new(imap::Commands::new(budget, 1, move |number, out| {
        let index = usize::try_from(number % VARIANTS).unwrap_or(0);
        imap::append(out, "INBOX", messages.get(index).map_or(&[], Vec::as_slice));
    }))
}

/// Each STORE changes something: the flag is set on every message in turn, then taken away.
fn stores(budget: &Budget) -> Box<dyn Talk> {
    Box::new(imap::Commands::new(budget, 1, |number, out| {
        let message = number % FLAGGED + 1;
        let sign = if (number / FLAGGED).is_multiple_of(2) {
            '+'
        } else {
            '-'
        };
        imap::print(out, format!("STORE {message} {sign}FLAGS (\\Flagged)").as_bytes());
    }))
}

fn fixed(length: Length, command: &'static str) -> Box<dyn Talk> {
    Box::new(imap::Commands::new(&length.budget(), 1, move |_, out| {
        imap::print(out, command.as_bytes())
    }))
}

/// Fetches the large mailbox, after checking once that the answer is whole.
fn fetch(target: &Target, command: &'static str, length: Length) -> Result<Outcome> {
    let user = target.users(Purpose::Large).pop().context("no account")?;
    let mut session = Session::login(target.at(target.ports.imap), &user, &target.password)?;
    session.command(b"SELECT INBOX")?;
    let reply = session.command(command.as_bytes())?;
    let found = memmem::find_iter(&reply, b" FETCH (").count() as u64;
    ensure!(
        found == LARGE.0,
        "{command} gave {found} messages and not {}",
        LARGE.0
    );
    drop(reply);
    let budget = length.budget();
    let talk = imap::Commands::new(&budget, LARGE.0, move |_, out| {
        imap::print(out, command.as_bytes())
    });
    measured(target, target.ports.imap, || {
        Ok(vec![Lane::new(session.into_stream(), Box::new(talk))])
    })
}

/// Searches for several words in turn, so that a remembered answer does not help.
fn search(target: &Target, length: Length) -> Result<Outcome> {
    let user = target.users(Purpose::Large).pop().context("no account")?;
    let mut session = Session::login(target.at(target.ports.imap), &user, &target.password)?;
    session.command(b"SELECT INBOX")?;
    for word in 0..text::RARE_WORDS {
        // From the second letter on: a substring, as RFC 3501 §6.4.4 says.
        let reply = session.command(&search_command(word))?;
        let reply = String::from_utf8_lossy(&reply).into_owned();
        let line = reply
            .lines()
            .find(|line| line.starts_with("* SEARCH"))
            .context("no SEARCH response")?;
        let hits = line.split_whitespace().skip(2).count() as u64;
        let wanted = LARGE.0 / text::RARE_EVERY;
        ensure!(hits == wanted, "SEARCH found {hits} messages and not {wanted}");
    }
    let budget = length.budget();
    let talk = imap::Commands::new(&budget, 1, |number, out| {
        imap::print(out, &search_command(number))
    });
    measured(target, target.ports.imap, || {
        Ok(vec![Lane::new(session.into_stream(), Box::new(talk))])
    })
}

fn search_command(number: u64) -> Vec<u8> {
    let word = text::rare_word(number);
    format!("SEARCH BODY \"{}\"", word.get(1..).unwrap_or_default()).into_bytes()
}

fn deliveries(target: &Target, protocol: Protocol, length: Length) -> Result<Vec<Lane>> {
    let port = match protocol {
        Protocol::Smtp => target.ports.smtp,
        Protocol::Lmtp => target.ports.lmtp,
    };
    let budget = length.budget();
    let messages = variants();
    let lane = |user: &String| {
        let stream = smtp::greet(target.at(port), protocol)?;
        Ok(Lane::new(
            stream,
            Box::new(smtp::Deliveries::new(&budget, user, &messages)),
        ))
    };
    target.users(Purpose::Deliver).iter().map(lane).collect()
}

/// The clock stops when the last message can be seen over IMAP.
fn smtp_until_visible(target: &Target, length: Length) -> Result<Outcome> {
    let mut watchers = Vec::new();
    for user in target.users(Purpose::Deliver) {
        let mut session = Session::login(target.at(target.ports.imap), &user, &target.password)?;
        let count = session.count("INBOX");
        watchers.push((session, count));
    }
    let lanes = deliveries(target, Protocol::Smtp, length)?;
    let before = target.watched.start()?;
    let start = Instant::now();
    let mut tally: Tally = lanes::run(lanes, target.at(target.ports.smtp))?;
    let wanted = tally.ops + watchers.iter().map(|(_, count)| count).sum::<u64>();
    let patience = Instant::now() + Duration::from_secs(120);
    // Which connection sent how many is not known, so all mailboxes are counted together; ones that
    // did not change since the last look are cheap.
    loop {
        let seen: u64 = watchers
            .iter_mut()
            .map(|(session, _)| session.count("INBOX"))
            .sum();
        if seen >= wanted {
            ensure!(
                seen == wanted,
                "{seen} messages are there and {wanted} were accepted"
            );
            break;
        }
        ensure!(
            Instant::now() < patience,
            "{} accepted messages never arrived",
            wanted - seen
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    tally.wall = start.elapsed();
    let cost = target.watched.stop(before)?;
    Ok(Outcome::new(tally, cost))
}

fn retrievals(target: &Target, window: u64, length: Length) -> Result<Vec<Lane>> {
    let budget = length.budget();
    let lane = |user: &String| {
        let (stream, count) = pop3::login(target.at(target.ports.pop3), user, &target.password)?;
        ensure!(
            count == MAILDROP,
            "the maildrop holds {count} messages and not {MAILDROP}"
        );
        Ok(Lane::new(
            stream,
            Box::new(pop3::Retrievals::new(&budget, count, window)),
        ))
    };
    target.users(Purpose::Maildrop).iter().map(lane).collect()
}

fn logins(target: &Target, length: Length) -> Result<Vec<Lane>> {
    let budget = length.budget();
    let address = target.at(target.ports.imap);
    let lane = |user: &String| {
        let talk = imap::Logins::new(&budget, user, &target.password);
        Ok(Lane::new(lanes::connect(address)?, Box::new(talk)))
    };
    target.users(Purpose::Deliver).iter().map(lane).collect()
}
