//! Clients of IMAP and POP3 and deliveries, all on one account, against a model of what the RFCs say (`world`, `told`).
//!
//! A seed is a run: some steps, in each of which one client or several at once do something; everything that the server says is
//! checked. A failure names its seed and what was said, after steps that do not matter were left out.
//! `POSTHOUSE_SIM_SEEDS=20000` runs more seeds, `POSTHOUSE_SIM_SEED=42` that one, `POSTHOUSE_SIM_STEPS=300` longer ones.
//!
//! A run follows from its seed: one thread, a clock of its own, and nothing in a session that is left to chance.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::fn_params_excessive_bools,
    unreachable_pub,
    missing_docs,
    reason = "tests"
)]

mod answers;
mod command;
mod driver;
mod generate;
mod imap_client;
mod messages;
mod model;
mod names;
mod orders;
mod pop3_client;
mod random;
mod recent;
mod told;
mod world;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use driver::{Failure, Plan, run};

/// Seeds in every run of the tests.
const SEEDS: u64 = 4000;
/// Steps of a seed.
const STEPS: usize = 40;

fn wished<T: FromStr<Err: Display>>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|why| panic!("{name}={text}: {why}")))
}

#[test]
fn in_a_simulation_the_clients_of_one_account_are_told_what_is_true() {
    let seeds = match wished("POSTHOUSE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..wished("POSTHOUSE_SIM_SEEDS").unwrap_or(SEEDS),
    };
    let steps = wished("POSTHOUSE_SIM_STEPS").unwrap_or(STEPS);
    for seed in seeds {
        let mut plan = Plan {
            seed,
            steps,
            without: BTreeSet::new(),
        };
        if let Err(failure) = run(&plan) {
            let failure = shrink(&mut plan, failure);
            panic!(
                "seed {seed}, after {} steps: {}\n{}\nPOSTHOUSE_SIM_SEED={seed} POSTHOUSE_SIM_STEPS={steps} runs it whole",
                failure.step - plan.without.len(),
                failure.why,
                failure.transcript
            );
        }
    }
}

/// Leaves out what is not needed to fail: first many steps at once, then one by one.
fn shrink(plan: &mut Plan, mut failure: Failure) -> Failure {
    plan.steps = plan.steps.min(failure.step + 1);
    let mut size = plan.steps.div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < plan.steps {
            let some: BTreeSet<usize> = (at..(at + size).min(plan.steps)).collect();
            let tried = Plan {
                without: &plan.without | &some,
                ..plan.clone()
            };
            if !some.is_subset(&plan.without)
                && let Err(other) = run(&tried)
            {
                *plan = tried;
                failure = other;
            }
            at += size;
        }
        size /= 2;
    }
    failure
}
