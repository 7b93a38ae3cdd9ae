//! The user's side beside its peers, in one run: `cargo bench -p posthouse-bench --bench client [-- send|pop3|imap|compose …]`.
//!
//! What is sent goes into Debian's `smtp-sink` over one connection, beside Python's `smtplib` and lettre. What is fetched comes from
//! `posthouse local`, which every program asks in turn, beside fetchmail, getmail and mbsync. The programs take turns in every round;
//! the middle of the rounds counts. A program that is not installed is left out. `POSTHOUSE` names the server's program.
#![allow(clippy::print_stdout, reason = "a bench says what it measured")]

mod compose;
mod fetch;
mod send;
mod table;

use anyhow::{Result, ensure};

/// How often every program has its turn.
const ROUNDS: usize = 3;

const PARTS: [&str; 4] = ["send", "pop3", "imap", "compose"];

fn main() -> Result<()> {
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    for part in &asked {
        ensure!(
            PARTS.contains(&part.as_str()),
            "there is no part {part:?}: {PARTS:?}"
        );
    }
    let wanted = |part: &str| asked.is_empty() || asked.iter().any(|word| word == part);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        if wanted("send") {
            send::compare(ROUNDS).await?;
        }
        if wanted("pop3") || wanted("imap") {
            let full = fetch::Full::start().await?;
            if wanted("pop3") {
                full.pop3(ROUNDS).await?;
            }
            if wanted("imap") {
                full.imap(ROUNDS).await?;
            }
        }
        Ok::<(), anyhow::Error>(())
    })?;
    if wanted("compose") {
        compose::measure(ROUNDS)?;
    }
    Ok(())
}
