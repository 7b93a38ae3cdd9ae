//! The load generator, and the comparison with other servers that is made with it.
//!
//! ```text
//! posthouse-bench seed --imap 2143 …            fills the mailboxes that the cells read
//! posthouse-bench run  --imap 2143 … CELL…      measures one server that is already running
//! posthouse-bench idle --imap 2143 …            memory of idle IMAP connections
//! posthouse-bench giant --imap 2143 …           a mailbox of a million messages
//! posthouse-bench compare                       ours beside Postfix and Dovecot: bench/RESULTS.md
//! ```

mod cells;
mod compare;
mod giant;
mod idle;
mod imap;
mod lanes;
mod measure;
mod outcome;
mod peer;
mod pop3;
mod report;
mod smtp;
mod target;
mod text;
mod tls;

use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::cells::{Kind, Length};
use crate::measure::Watched;
use crate::target::{Ports, Target};

/// Load generator for mail servers.
#[derive(Parser)]
#[command(name = "posthouse-bench")]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Fill the mailboxes that the cells read (needs accounts 1 to 32).
    Seed(Server),
    /// Measure a running server.
    Run {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        length: LengthArgs,
        /// What to measure.
        #[arg(required = true, value_enum)]
        cells: Vec<Kind>,
    },
    /// Memory of idle IMAP connections.
    Idle {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        idle: idle::Args,
    },
    /// Opening a giant mailbox: time and memory. Restart the server after `--prepare`.
    Giant {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        giant: giant::Args,
    },
    /// Build and start ours, and Postfix and Dovecot where installed, and measure them in turn.
    Compare(compare::Args),
}

/// A server that is already running.
#[derive(Args)]
struct Server {
    /// Address of the server.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// SMTP port.
    #[arg(long, default_value_t = 2025)]
    smtp: u16,
    /// LMTP port.
    #[arg(long, default_value_t = 2024)]
    lmtp: u16,
    /// POP3 port.
    #[arg(long, default_value_t = 2110)]
    pop3: u16,
    /// IMAP port.
    #[arg(long, default_value_t = 2143)]
    imap: u16,
    /// IMAP port with TLS.
    #[arg(long, default_value_t = 2993)]
    imaps: u16,
    /// Login names; {} is the number of the account.
    #[arg(long, default_value = "u{}@example.org")]
    user: String,
    /// The password of every account.
    #[arg(long, default_value = "secret")]
    password: String,
    /// Processes of the server; their descendants count too.
    #[arg(long)]
    pid: Vec<u32>,
    /// A folder on the device that holds the mail.
    #[arg(long)]
    data: Option<PathBuf>,
}

impl Server {
    fn target(self) -> Target {
        let Self {
            host,
            smtp,
            lmtp,
            pop3,
            imap,
            imaps,
            user,
            password,
            pid,
            data,
        } = self;
        Target {
            name: format!("{host}:{imap}"),
            host,
            ports: Ports {
                smtp,
                lmtp,
                pop3,
                imap,
                imaps,
            },
            user,
            password,
            watched: Watched { roots: pid, data },
        }
    }
}

/// How long each cell runs.
#[derive(Args, Clone, Copy)]
struct LengthArgs {
    /// Begin at most this many operations.
    #[arg(long, default_value_t = u64::MAX)]
    count: u64,
    /// Begin none after this many seconds.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
}

impl LengthArgs {
    fn length(self) -> Length {
        Length {
            count: self.count,
            time: Duration::from_secs_f64(self.seconds),
        }
    }
}

/// Prints a line at once, so that a long run shows how far it is.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody is left to tell when standard output is gone.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn main() -> Result<()> {
    match Command::parse().verb {
        Verb::Seed(server) => cells::seed(&server.target()),
        Verb::Run {
            server,
            length,
            cells,
        } => {
            let target = server.target();
            for kind in cells {
                let outcome = cells::run(&target, kind, length.length())?;
                say(&format!("{:<16} {}", format!("{kind:?}"), outcome.line()));
            }
            Ok(())
        }
        Verb::Idle { server, idle } => {
            let target = server.target();
            idle::prepare(&target, &idle)?;
            say(&idle::run(&target, &idle)?.line());
            Ok(())
        }
        Verb::Giant { server, giant } => giant::run(&server.target(), &giant),
        Verb::Compare(args) => compare::run(&args),
    }
}
