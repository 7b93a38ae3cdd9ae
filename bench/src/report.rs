//! The report of a comparison: one Markdown file.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cells::Kind;
use crate::compare::Which;
use crate::idle::{Idle, Security};
use crate::outcome::{Outcome, bytes, nanos, number};

/// One cell on all servers.
pub(crate) struct Row {
    /// The cell.
    pub(crate) kind: Kind,
    /// The middle of the rounds for each server; none where every round failed.
    pub(crate) outcomes: Vec<(Which, Option<Outcome>)>,
}

/// Everything a comparison found.
pub(crate) struct Report {
    work: PathBuf,
    /// Names and versions of the programs.
    pub(crate) versions: Vec<String>,
    /// What a reader must know.
    pub(crate) remarks: Vec<String>,
    /// The cells.
    pub(crate) rows: Vec<Row>,
    /// Memory: which server, whether encrypted, and how much.
    pub(crate) idle: Vec<(Which, Security, Idle)>,
    /// From the start of the program to the greeting.
    pub(crate) ready: Option<Duration>,
}

/// Name of a cell, and what ours must reach (operations per second), as in DESIGN §5.
fn goal(kind: Kind) -> (&'static str, f64) {
    match kind {
        Kind::Smtp => ("SMTP in, until visible over IMAP", 5_000.0),
        Kind::Lmtp => ("LMTP in", 6_000.0),
        Kind::Append1 => ("APPEND, 1 connection", 4_000.0),
        Kind::Append10 => ("APPEND, 10 connections", 16_000.0),
        Kind::FetchFlags => ("FETCH 1:* (UID FLAGS), messages", 5_000_000.0),
        Kind::FetchEnvelopes => ("FETCH 1:* ENVELOPE …, messages", 1_000_000.0),
        Kind::FetchBodies => ("FETCH 1:* BODY.PEEK[], messages", 150_000.0),
        Kind::Select => ("SELECT again, 20,000 messages", 8_300.0),
        Kind::Store1 => ("STORE one flag, 1 connection", 2_000.0),
        Kind::Store10 => ("STORE one flag, 10 connections", 10_000.0),
        Kind::Search => ("SEARCH BODY, 120 MB", 25.0),
        Kind::Pop3 => ("POP3 RETR, 4 connections", 28_000.0),
        Kind::Pop3Pipelined => ("POP3 RETR, 4 connections, pipelined", 80_000.0),
        Kind::Login => ("login + logout, IMAP", 10_000.0),
    }
}

/// Name of a cell.
pub(crate) fn name(kind: Kind) -> String {
    format!("{kind:?}")
}

impl Report {
    /// An empty report.
    pub(crate) fn new(work: &Path) -> Self {
        Self {
            work: work.to_owned(),
            versions: Vec::new(),
            remarks: Vec::new(),
            rows: Vec::new(),
            idle: Vec::new(),
            ready: None,
        }
    }

    /// Writes what is known so far.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, self.markdown()).with_context(|| format!("writing {}", path.display()))
    }

    fn markdown(&self) -> String {
        let mut text = String::from(
            "# Results\n\n\
             Made by `cargo run --release -p posthouse-bench -- compare`; client and servers share the machine. \
             The servers take turns in every round; each figure is the middle of the rounds. Messages that come \
             in have 10 kB of text and go to 10 users; the large mailbox has 20,000 messages, 120 MB. \
             A figure for the device counts everything written to it in that time, by whomever.\n\n",
        );
        for line in machine(&self.work) {
            let _ = writeln!(text, "* {line}");
        }
        for line in self.versions.iter().chain(&self.remarks) {
            let _ = writeln!(text, "* {line}");
        }
        self.rates(&mut text);
        self.costs(&mut text);
        self.memory(&mut text);
        text
    }

    fn rates(&self, text: &mut String) {
        text.push_str(
            "\n## Rates\n\n\
             | Work | Postfix + Dovecot | Posthouse | ratio | must reach | reached |\n\
             | --- | ---: | ---: | ---: | ---: | --- |\n",
        );
        for row in &self.rows {
            let (name, goal) = goal(row.kind);
            let (ours, theirs) = (row.rate(Which::Posthouse), row.rate(Which::Dovecot));
            let ratio = ours
                .zip(theirs)
                .map_or("–".to_owned(), |(ours, theirs)| number(ours / theirs) + "×");
            let reached = ours.map_or("–", |ours| if ours >= goal { "yes" } else { "no" });
            let shown = |rate: Option<f64>| rate.map_or("–".to_owned(), |rate| number(rate) + "/s");
            let (theirs, ours, goal) = (shown(theirs), shown(ours), shown(Some(goal)));
            let _ = writeln!(
                text,
                "| {name} | {theirs} | {ours} | {ratio} | {goal} | {reached} |"
            );
        }
    }

    fn costs(&self, text: &mut String) {
        text.push_str(
            "\n## Times and costs\n\nCPU and bytes for each operation (message, command or session).\n\n\
             | Work | Server | median | 99 % | server CPU | client CPU | device |\n\
             | --- | --- | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for row in &self.rows {
            for (which, outcome) in &row.outcomes {
                let Some(outcome) = outcome else { continue };
                let _ = writeln!(
                    text,
                    "| {} | {which:?} | {} | {} | {} | {} | {} |",
                    goal(row.kind).0,
                    nanos(outcome.median.as_nanos() as f64),
                    nanos(outcome.p99.as_nanos() as f64),
                    nanos(outcome.server),
                    nanos(outcome.client),
                    bytes(outcome.device),
                );
            }
        }
    }

    fn memory(&self, text: &mut String) {
        if !self.idle.is_empty() {
            text.push_str(
                "\n## Idle IMAP connections\n\nWithout kernel memory.\n\n\
                 | Server | connections | PSS each | RSS each |\n| --- | ---: | ---: | ---: |\n",
            );
        }
        for (which, security, idle) in &self.idle {
            let _ = writeln!(
                text,
                "| {which:?}, {security:?} | {} | {} | {} |",
                number(idle.connections as f64),
                bytes(idle.pss()),
                bytes(idle.rss()),
            );
        }
        if let Some(ready) = self.ready {
            let _ = writeln!(
                text,
                "\nFrom start to greeting on that data: {} ms.",
                ready.as_millis()
            );
        }
    }
}

impl Row {
    fn rate(&self, which: Which) -> Option<f64> {
        let (_, outcome) = self.outcomes.iter().find(|(this, _)| *this == which)?;
        outcome.as_ref().map(|outcome| outcome.rate)
    }
}

/// What the figures were measured on.
fn machine(work: &Path) -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or_default();
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = read("/proc/sys/kernel/osrelease");
    let memory = read("/proc/meminfo");
    let memory = memory
        .lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches("MemTotal:")
        .trim();
    vec![
        format!("{cores} cores, {model}, {memory}"),
        format!("Linux {}, data below {}", kernel.trim(), work.display()),
    ]
}
