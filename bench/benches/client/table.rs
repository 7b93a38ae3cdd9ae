//! The middle of the rounds, as a table.

use std::collections::BTreeMap;

/// What each program reached in each round.
pub(crate) struct Table {
    title: String,
    unit: &'static str,
    rows: BTreeMap<&'static str, Vec<f64>>,
}

impl Table {
    pub(crate) fn new(title: &str, unit: &'static str) -> Self {
        Table {
            title: title.to_owned(),
            unit,
            rows: BTreeMap::new(),
        }
    }

    /// Notes what a program reached in a round.
    pub(crate) fn note(&mut self, program: &'static str, reached: f64) {
        println!("  {program:40} {reached:12.0} {}", self.unit);
        self.rows.entry(program).or_default().push(reached);
    }

    /// Prints the middles, and how many times as much `ours` reaches.
    pub(crate) fn print(&self, ours: &str) {
        let middle = |program: &str| {
            let mut rounds = self.rows.get(program).cloned().unwrap_or_default();
            rounds.sort_by(f64::total_cmp);
            rounds.get(rounds.len() / 2).copied()
        };
        let own = middle(ours);
        println!(
            "\n| {} | {} | {ours} has |\n| --- | ---: | ---: |",
            self.title, self.unit
        );
        for program in self.rows.keys() {
            let (Some(own), Some(reached)) = (own, middle(program)) else {
                continue;
            };
            println!("| {program} | {reached:.0} | {:.1}× |", own / reached);
        }
        println!();
    }
}
