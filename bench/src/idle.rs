//! Memory of idle IMAP connections: many sessions in IDLE (RFC 2177), over many mailboxes.
//!
//! Kernel memory (socket buffers) is not counted: it is the same for every server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustls::ClientConfig;

use crate::imap::{Session, quoted};
use crate::measure::Memory;
use crate::outcome::bytes;
use crate::target::{Purpose, Target};
use crate::tls::{self, Wire};
use crate::{lanes, text};

/// How long the server may take to become quiet before memory is read.
const SETTLE: Duration = Duration::from_secs(20);

/// How many connections, over what.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct Args {
    /// Idle connections.
    #[arg(long, default_value_t = 2_000)]
    pub(crate) connections: u64,
    /// Mailboxes they are spread over.
    #[arg(long, default_value_t = 100)]
    pub(crate) mailboxes: u64,
    /// Messages in each mailbox.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) messages: u64,
    /// In the clear or encrypted.
    #[arg(long, value_enum, default_value = "plain")]
    pub(crate) security: Security,
    /// At the end a message comes to each mailbox, and every connection has to hear of it.
    #[arg(long)]
    pub(crate) announce: bool,
}

/// Whether the connections are encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Security {
    /// In the clear.
    Plain,
    /// TLS from the first byte.
    Tls,
}

/// What idle connections cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    /// How many there were.
    pub(crate) connections: u64,
    /// Before the first of them.
    pub(crate) before: Memory,
    /// With all of them.
    pub(crate) with: Memory,
    /// From the first new message until the last connection has heard of its own, where that was asked for.
    pub(crate) announced: Option<Duration>,
}

impl Idle {
    /// Bytes of proportional set size for each connection.
    pub(crate) fn pss(&self) -> f64 {
        self.with.pss.saturating_sub(self.before.pss) as f64 / self.connections.max(1) as f64
    }

    /// Bytes of resident set size for each connection.
    pub(crate) fn rss(&self) -> f64 {
        self.with.rss.saturating_sub(self.before.rss) as f64 / self.connections.max(1) as f64
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let announced = self.announced.map_or(String::new(), |time| {
            format!(
                "; a message to each mailbox was announced to all in {} ms",
                time.as_millis()
            )
        });
        format!(
            "{} idle connections: PSS {} each, RSS {} each (server {} before, {} with them){announced}",
            self.connections,
            bytes(self.pss()),
            bytes(self.rss()),
            bytes(self.before.pss as f64),
            bytes(self.with.pss as f64),
        )
    }
}

fn mailbox(number: u64) -> String {
    format!("idle{number}")
}

/// Makes the mailboxes: one is filled, the others are copies of it.
pub(crate) fn prepare(target: &Target, args: &Args) -> Result<()> {
    let user = target.users(Purpose::Large).pop().context("no account")?;
    let mut session = Session::login(target.at(target.ports.imap), &user, &target.password)?;
    session.fill(&mailbox(0), args.messages, &mut |number| {
        text::message(number, 1_000)
    })?;
    session.command(format!("SELECT {}", mailbox(0)).as_bytes())?;
    for number in 1..args.mailboxes {
        if session.count(&mailbox(number)) >= args.messages {
            continue;
        }
        let _ = session.command(format!("CREATE {}", mailbox(number)).as_bytes());
        session.command(format!("COPY 1:{} {}", args.messages, mailbox(number)).as_bytes())?;
    }
    Ok(())
}

/// Opens the connections, waits, and reads the server's memory.
pub(crate) fn run(target: &Target, args: &Args) -> Result<Idle> {
    raise_file_limit();
    let config = (args.security == Security::Tls).then(tls::config).transpose()?;
    // The first connection of each kind makes the server load what all share.
    let mut held = vec![open(target, config.as_ref(), 0)?];
    std::thread::sleep(SETTLE);
    let before = target.watched.memory();
    for number in 1..=args.connections {
        held.push(open(target, config.as_ref(), number % args.mailboxes.max(1))?);
    }
    std::thread::sleep(SETTLE);
    let with = target.watched.memory();
    let announced = match args.announce {
        true => Some(announce(target, args, &mut held)?),
        false => None,
    };
    Ok(Idle {
        connections: args.connections,
        before,
        with,
        announced,
    })
}

/// Brings a message to each mailbox and waits until every connection has heard of it.
fn announce(target: &Target, args: &Args, held: &mut [Wire]) -> Result<Duration> {
    let user = target.users(Purpose::Large).pop().context("no account")?;
    let mut session = Session::login(target.at(target.ports.imap), &user, &target.password)?;
    let since = Instant::now();
    for number in 0..args.mailboxes {
        session.append(&mailbox(number), &text::message(number, 1_000))?;
    }
    for wire in held {
        wire.until("EXISTS\r\n")?;
    }
    Ok(since.elapsed())
}

/// One connection in IDLE.
fn open(target: &Target, config: Option<&Arc<ClientConfig>>, number: u64) -> Result<Wire> {
    let user = target.users(Purpose::Large).pop().context("no account")?;
    let mut wire = match config {
        None => Wire::Plain(lanes::connect(target.at(target.ports.imap))?),
        Some(config) => tls::wrap(config, lanes::connect(target.at(target.ports.imaps))?)?,
    };
    wire.exchange("", "* OK")?;
    wire.exchange(
        &format!("a LOGIN {} {}\r\n", quoted(&user), quoted(&target.password)),
        "a OK",
    )?;
    wire.exchange(&format!("b SELECT {}\r\n", mailbox(number)), "b OK")?;
    wire.exchange("c IDLE\r\n", "+ ")?;
    Ok(wire)
}

/// Both ends need a file descriptor for each connection; servers inherit the limit.
pub(crate) fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it cannot be raised, connecting will fail and say so.
    let _ = setrlimit(Resource::Nofile, limit);
}
