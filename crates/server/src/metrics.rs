//! What Prometheus is told (text format 0.0.4). Sessions are added up when they end; only what is open is counted at once.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::listen::Protocol;
use crate::smtp::Port;
use crate::tally::Tally;

/// Names of protocols, in the order of [`index`].
const PROTOCOLS: [&str; 5] = ["smtp", "submission", "lmtp", "pop3", "imap"];

/// The sums of a server since it started.
#[derive(Debug, Default)]
pub struct Metrics {
    protocols: [OfProtocol; PROTOCOLS.len()],
    logins: AtomicU64,
    logins_refused: AtomicU64,
}

#[derive(Debug, Default)]
struct OfProtocol {
    open: AtomicU64,
    ended: AtomicU64,
    refused: AtomicU64,
    tls_failed: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
    commands: AtomicU64,
    messages: AtomicU64,
    milliseconds: AtomicU64,
}

fn index(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Smtp(Port::Relay) => 0,
        Protocol::Smtp(Port::Submission) => 1,
        Protocol::Smtp(Port::Lmtp) => 2,
        Protocol::Pop3 => 3,
        Protocol::Imap => 4,
    }
}

fn add(sum: &AtomicU64, more: u64) {
    sum.fetch_add(more, Ordering::Relaxed);
}

impl Metrics {
    fn of(&self, protocol: Protocol) -> &OfProtocol {
        let [smtp, submission, lmtp, pop3, imap] = &self.protocols;
        match index(protocol) {
            0 => smtp,
            1 => submission,
            2 => lmtp,
            3 => pop3,
            _ => imap,
        }
    }

    pub(crate) fn began(&self, protocol: Protocol) {
        add(&self.of(protocol).open, 1);
    }

    pub(crate) fn ended(&self, protocol: Protocol, tally: &Tally, time: Duration) {
        let sums = self.of(protocol);
        sums.open.fetch_sub(1, Ordering::Relaxed);
        add(&sums.ended, 1);
        add(&sums.read, tally.read.load(Ordering::Relaxed));
        add(&sums.written, tally.written.load(Ordering::Relaxed));
        add(&sums.commands, tally.commands.load(Ordering::Relaxed).into());
        add(&sums.messages, tally.messages.load(Ordering::Relaxed).into());
        add(
            &sums.milliseconds,
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        );
    }

    pub(crate) fn refused(&self, protocol: Protocol) {
        add(&self.of(protocol).refused, 1);
    }

    pub(crate) fn tls_failed(&self, protocol: Protocol) {
        add(&self.of(protocol).tls_failed, 1);
    }

    pub(crate) fn logged_in(&self) {
        add(&self.logins, 1);
    }

    pub(crate) fn login_refused(&self) {
        add(&self.logins_refused, 1);
    }

    /// Prints all of it.
    pub(crate) fn print(&self, page: &mut Page) {
        type Sum = fn(&OfProtocol) -> u64;
        let load = |sum: &AtomicU64| sum.load(Ordering::Relaxed);
        page.family("posthouse_connections", "gauge", "Sessions that are open.");
        for (name, sums) in PROTOCOLS.iter().zip(&self.protocols) {
            page.line("posthouse_connections", &[("protocol", name)], load(&sums.open));
        }
        let counters: [(&str, &str, Sum); 7] = [
            ("posthouse_sessions_total", "Sessions that have ended.", |s| {
                s.ended.load(Ordering::Relaxed)
            }),
            (
                "posthouse_connections_refused_total",
                "Connections that were turned away: too many.",
                |s| s.refused.load(Ordering::Relaxed),
            ),
            (
                "posthouse_tls_failures_total",
                "TLS handshakes that failed.",
                |s| s.tls_failed.load(Ordering::Relaxed),
            ),
            (
                "posthouse_received_octets_total",
                "Octets that came, in sessions that have ended.",
                |s| s.read.load(Ordering::Relaxed),
            ),
            (
                "posthouse_sent_octets_total",
                "Octets that were sent, in sessions that have ended.",
                |s| s.written.load(Ordering::Relaxed),
            ),
            (
                "posthouse_commands_total",
                "Commands, in sessions that have ended.",
                |s| s.commands.load(Ordering::Relaxed),
            ),
            (
                "posthouse_messages_total",
                "Messages taken or given, in sessions that have ended.",
                |s| s.messages.load(Ordering::Relaxed),
            ),
        ];
        for (name, help, sum) in counters {
            page.family(name, "counter", help);
            for (protocol, sums) in PROTOCOLS.iter().zip(&self.protocols) {
                page.line(name, &[("protocol", protocol)], sum(sums));
            }
        }
        let name = "posthouse_session_seconds_total";
        page.family(name, "counter", "How long sessions lasted that have ended.");
        for (protocol, sums) in PROTOCOLS.iter().zip(&self.protocols) {
            let milliseconds = load(&sums.milliseconds);
            let seconds = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
            page.line(name, &[("protocol", protocol)], seconds);
        }
        page.family(
            "posthouse_logins_total",
            "counter",
            "Logins, by what came of them.",
        );
        page.line(
            "posthouse_logins_total",
            &[("outcome", "accepted")],
            load(&self.logins),
        );
        page.line(
            "posthouse_logins_total",
            &[("outcome", "refused")],
            load(&self.logins_refused),
        );
    }
}

/// A page of metrics.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    pub(crate) fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0 += name;
        for (number, (label, text)) in labels.iter().enumerate() {
            self.0.push(if number == 0 { '{' } else { ',' });
            let text = text
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _ = write!(self.0, "{label}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_added_up_when_they_end() {
        let metrics = Metrics::default();
        let tally = Tally::default();
        metrics.began(Protocol::Imap);
        metrics.began(Protocol::Imap);
        tally.command();
        tally.command();
        tally.read.store(17, Ordering::Relaxed);
        metrics.ended(Protocol::Imap, &tally, Duration::from_millis(1250));
        let mut page = Page::default();
        metrics.print(&mut page);
        let text = page.into_text();
        for line in [
            "posthouse_connections{protocol=\"imap\"} 1",
            "posthouse_sessions_total{protocol=\"imap\"} 1",
            "posthouse_commands_total{protocol=\"imap\"} 2",
            "posthouse_received_octets_total{protocol=\"imap\"} 17",
            "posthouse_session_seconds_total{protocol=\"imap\"} 1.250",
            "posthouse_sessions_total{protocol=\"pop3\"} 0",
            "# TYPE posthouse_logins_total counter",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_label_may_hold_anything() {
        let mut page = Page::default();
        page.line("a", &[("b", "x\"y\\z\n")], 1);
        assert_eq!(page.into_text(), "a{b=\"x\\\"y\\\\z\\n\"} 1\n");
    }
}
