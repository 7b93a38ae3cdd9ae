//! What a cell found, and how it is printed.

use std::time::Duration;

use crate::lanes::Tally;
use crate::measure::Cost;

/// The figures of one run of one cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Operations per second; for memory cells, bytes per connection.
    pub(crate) rate: f64,
    /// Half of the exchanges took at most this long.
    pub(crate) median: Duration,
    /// 99 of 100 exchanges took at most this long.
    pub(crate) p99: Duration,
    /// The server's CPU per operation, in nanoseconds.
    pub(crate) server: f64,
    /// The client's CPU per operation, in nanoseconds.
    pub(crate) client: f64,
    /// Bytes written to the device per operation.
    pub(crate) device: f64,
    /// How many operations the figures rest on.
    pub(crate) ops: u64,
}

impl Outcome {
    /// The figures of a run.
    pub(crate) fn new(mut tally: Tally, cost: Cost) -> Self {
        tally.latencies.sort_unstable();
        let ops = tally.ops.max(1) as f64;
        Self {
            rate: tally.ops as f64 / tally.wall.as_secs_f64().max(1e-9),
            median: percentile(&tally.latencies, 50),
            p99: percentile(&tally.latencies, 99),
            server: cost.server.as_nanos() as f64 / ops,
            client: cost.client.as_nanos() as f64 / ops,
            device: cost.device as f64 / ops,
            ops: tally.ops,
        }
    }

    /// The middle of several runs, figure by figure.
    pub(crate) fn median_of(runs: &[Self]) -> Self {
        let middle = |figure: fn(&Self) -> f64| middle(runs.iter().map(figure).collect());
        let time = |figure: fn(&Self) -> Duration| percentile(&sorted(runs.iter().map(figure).collect()), 50);
        Self {
            rate: middle(|run| run.rate),
            median: time(|run| run.median),
            p99: time(|run| run.p99),
            server: middle(|run| run.server),
            client: middle(|run| run.client),
            device: middle(|run| run.device),
            ops: runs.iter().map(|run| run.ops).sum(),
        }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:>11}/s  p50 {:>9}  p99 {:>9}  server CPU {:>9}/op  client CPU {:>9}/op  device {:>9}/op  ({} ops)",
            number(self.rate),
            nanos(self.median.as_nanos() as f64),
            nanos(self.p99.as_nanos() as f64),
            nanos(self.server),
            nanos(self.client),
            bytes(self.device),
            self.ops,
        )
    }
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort_unstable();
    times
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or_default()
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// A number with three significant figures or more, thousands grouped.
pub(crate) fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A time given in nanoseconds.
pub(crate) fn nanos(value: f64) -> String {
    match value {
        v if v < 1e3 => format!("{v:.0} ns"),
        v if v < 1e5 => format!("{:.1} µs", v / 1e3),
        v if v < 1e6 => format!("{:.0} µs", v / 1e3),
        v if v < 1e9 => format!("{:.2} ms", v / 1e6),
        v => format!("{:.2} s", v / 1e9),
    }
}

/// A size.
pub(crate) fn bytes(value: f64) -> String {
    match value {
        v if v < 1e3 => format!("{v:.0} B"),
        v if v < 1e6 => format!("{:.1} kB", v / 1e3),
        v => format!("{:.1} MB", v / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        for (value, shown) in [
            (3.257, "3.26"),
            (999.0, "999"),
            (1_702_113.0, "1,702,113"),
            (12_000.0, "12,000"),
        ] {
            assert_eq!(number(value), shown);
        }
        assert_eq!(nanos(104_000.0), "104 µs");
        assert_eq!(nanos(1_460_000_000.0), "1.46 s");
        assert_eq!(bytes(12_300.0), "12.3 kB");
    }

    #[test]
    fn the_middle_of_three_runs_is_taken() {
        let runs = [3.0, 1.0, 2.0].map(|rate| Outcome {
            rate,
            ..Outcome::default()
        });
        assert!((Outcome::median_of(&runs).rate - 2.0).abs() < 1e-9);
    }

    #[test]
    fn the_99th_percentile_of_a_hundred_is_not_the_worst() {
        let times: Vec<Duration> = (0..100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 99), Duration::from_millis(98));
        assert_eq!(percentile(&times, 50), Duration::from_millis(49));
    }
}
