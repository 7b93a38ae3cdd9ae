//! One command that measures ours beside the others: same machine, same minutes, taking turns.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum as _;

use crate::cells::{self, Kind, Length};
use crate::idle::{self, Idle, Security};
use crate::measure::Memory;
use crate::outcome::Outcome;
use crate::peer::dovecot::{self, Dovecot};
use crate::peer::postfix::{self, Postfix};
use crate::peer::posthouse::{self, Posthouse};
use crate::report::{self, Report, Row};
use crate::say;
use crate::target::Target;

/// What to compare.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How often each cell is run on each server.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds for each run of a cell.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only these cells.
    #[arg(long, value_enum, value_delimiter = ',')]
    cells: Vec<Kind>,
    /// Only these servers.
    #[arg(long, value_enum, value_delimiter = ',')]
    servers: Vec<Which>,
    /// Our program; without it, it is built.
    #[arg(long)]
    posthouse: Option<PathBuf>,
    /// Where the servers keep their data; emptied first. Otherwise a folder below /tmp.
    #[arg(long)]
    work: Option<PathBuf>,
    /// Leave out memory and start-up, which take minutes to prepare.
    #[arg(long)]
    quick: bool,
    /// The report.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md"))]
    out: PathBuf,
}

/// The servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Which {
    /// Ours.
    Posthouse,
    /// Postfix in front of Dovecot.
    Dovecot,
}

/// What keeps a server running.
enum Keep {
    Posthouse(Posthouse),
    Dovecot { _dovecot: Dovecot, _postfix: Postfix },
}

struct Server {
    which: Which,
    target: Target,
    keep: Keep,
}

/// Messages for the SMTP cell: as many as take a few seconds.
const fn smtp_count(which: Which) -> u64 {
    match which {
        Which::Posthouse => 15_000,
        Which::Dovecot => 1_500,
    }
}

/// Idle connections: the full number for ours, as many as 2 cores can start for one process each.
const fn idle_args(which: Which, security: Security) -> idle::Args {
    match which {
        Which::Posthouse => idle::Args {
            connections: 10_000,
            mailboxes: 1_000,
            messages: 1_000,
            security,
            announce: true,
        },
        Which::Dovecot => idle::Args {
            connections: 300,
            mailboxes: 20,
            messages: 1_000,
            security,
            announce: false,
        },
    }
}

/// Runs the comparison and writes the report.
pub(crate) fn run(args: &Args) -> Result<()> {
    idle::raise_file_limit();
    let work = args
        .work
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join("posthouse-bench"));
    if work.exists() {
        std::fs::remove_dir_all(&work).with_context(|| format!("emptying {}", work.display()))?;
    }
    std::fs::create_dir_all(&work)?;
    let mut report = Report::new(&work);
    let mut servers = start(args, &work, &mut report)?;
    ensure!(!servers.is_empty(), "there is no server to measure");
    for server in &servers {
        say(&format!("filling the mailboxes of {}", server.target.name));
        cells::seed(&server.target).with_context(|| format!("filling {}", server.target.name))?;
    }
    let kinds = if args.cells.is_empty() {
        Kind::value_variants()
    } else {
        &args.cells
    };
    for &kind in kinds {
        report.rows.push(row(args, &servers, kind));
        report.write(&args.out)?;
    }
    if !args.quick {
        report.idle = memory(&servers);
        report.write(&args.out)?;
        report.ready = servers.iter_mut().find_map(ready);
    }
    report.write(&args.out)?;
    say(&format!("written: {}", args.out.display()));
    Ok(())
}

fn start(args: &Args, work: &std::path::Path, report: &mut Report) -> Result<Vec<Server>> {
    let wanted = |which| args.servers.is_empty() || args.servers.contains(&which);
    let mut servers = Vec::new();
    if wanted(Which::Posthouse) {
        servers.push(start_posthouse(args, work, report)?);
    }
    if wanted(Which::Dovecot) {
        let mut missing = dovecot::missing();
        missing.extend(postfix::missing());
        if missing.is_empty() {
            servers.push(start_dovecot(work, report)?);
        } else {
            let line = format!(
                "Not measured: Postfix and Dovecot. Missing: {}.",
                missing.join(", ")
            );
            say(&line);
            report.remarks.push(line);
        }
    }
    Ok(servers)
}

fn start_posthouse(args: &Args, work: &std::path::Path, report: &mut Report) -> Result<Server> {
    let program = posthouse::build(args.posthouse.as_deref())?;
    let mut target = Target {
        name: "Posthouse".to_owned(),
        ports: posthouse::PORTS,
        ..Target::default()
    };
    let server = Posthouse::start(&program, &work.join("posthouse"), &target)?;
    target.watched.roots = vec![server.id()];
    target.watched.data = Some(server.data());
    report.versions.push(posthouse::version(&program));
    Ok(Server {
        which: Which::Posthouse,
        target,
        keep: Keep::Posthouse(server),
    })
}

fn start_dovecot(work: &std::path::Path, report: &mut Report) -> Result<Server> {
    let mut target = Target {
        name: "Postfix + Dovecot".to_owned(),
        ports: dovecot::PORTS,
        ..Target::default()
    };
    target.ports.smtp = postfix::PORT;
    let dovecot = Dovecot::start(&work.join("dovecot"), &target)?;
    let postfix = Postfix::start(&work.join("postfix"))?;
    target.watched.roots = vec![dovecot.id(), postfix.id()];
    target.watched.data = Some(dovecot.data());
    report.versions.push(format!("Dovecot {}", dovecot::version()));
    report.versions.push(format!("Postfix {}", postfix::version()));
    Ok(Server {
        which: Which::Dovecot,
        target,
        keep: Keep::Dovecot {
            _dovecot: dovecot,
            _postfix: postfix,
        },
    })
}

/// One cell on all servers in turn, `rounds` times.
fn row(args: &Args, servers: &[Server], kind: Kind) -> Row {
    let mut runs: Vec<Vec<Outcome>> = vec![Vec::new(); servers.len()];
    for _ in 0..args.rounds {
        for (server, runs) in servers.iter().zip(&mut runs) {
            let count = if kind == Kind::Smtp {
                smtp_count(server.which)
            } else {
                u64::MAX
            };
            let length = Length {
                count,
                time: Duration::from_secs_f64(args.seconds),
            };
            match cells::run(&server.target, kind, length) {
                Ok(outcome) => {
                    say(&format!(
                        "{:<16} {:<18} {}",
                        report::name(kind),
                        server.target.name,
                        outcome.line()
                    ));
                    runs.push(outcome);
                }
                Err(error) => {
                    say(&format!(
                        "{:<16} {:<18} failed: {error:#}",
                        report::name(kind),
                        server.target.name
                    ));
                }
            }
        }
    }
    let outcomes = servers.iter().zip(&runs).map(|(server, runs)| {
        let outcome = (!runs.is_empty()).then(|| Outcome::median_of(runs));
        (server.which, outcome)
    });
    Row {
        kind,
        outcomes: outcomes.collect(),
    }
}

/// Memory of idle connections, in the clear and encrypted.
fn memory(servers: &[Server]) -> Vec<(Which, Security, Idle)> {
    let mut found = Vec::new();
    for server in servers {
        let mut first: Option<Memory> = None;
        for security in [Security::Plain, Security::Tls] {
            let args = idle_args(server.which, security);
            match idle::prepare(&server.target, &args).and_then(|()| idle::run(&server.target, &args)) {
                Ok(mut idle) => {
                    // Processes and memory of the first run may wait to be used again.
                    idle.before = *first.get_or_insert(idle.before);
                    say(&format!(
                        "idle, {security:?}: {:<18} {}",
                        server.target.name,
                        idle.line()
                    ));
                    found.push((server.which, security, idle));
                }
                Err(error) => say(&format!(
                    "idle, {security:?}: {} failed: {error:#}",
                    server.target.name
                )),
            }
        }
    }
    found
}

/// How long ours takes to start on the messages that the idle cell left: a million.
fn ready(server: &mut Server) -> Option<Duration> {
    let Keep::Posthouse(posthouse) = &mut server.keep else {
        return None;
    };
    match posthouse.restart() {
        Ok(time) => {
            say(&format!("ready after start: {} ms", time.as_millis()));
            Some(time)
        }
        Err(error) => {
            say(&format!("ready after start: failed: {error:#}"));
            None
        }
    }
}
