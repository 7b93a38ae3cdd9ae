//! The commands of the project: `cargo xtask test | tidy | licences | rfc`.
//!
//! Only the standard library and `anyhow`, so that it builds at once on a machine that has nothing yet.
#![allow(clippy::print_stdout, reason = "a command line")]

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use xtask::{licences, rfc, test, tidy, workspace};

const HELP: &str = "\
cargo xtask test [--install] [FILTER…]   runs every test; --install fetches the outside programs they want (Debian)
cargo xtask tidy                         refuses what no compiler sees: layers, long files, citations
cargo xtask licences                     checks what is linked, with cargo-deny, which it fetches
cargo xtask rfc                          writes docs/rfc/citations.md";

fn main() -> ExitCode {
    match run(env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> Result<()> {
    let (command, rest) = match arguments.split_first() {
        None => ("help", &[][..]),
        Some((command, rest)) => (command.as_str(), rest),
    };
    match command {
        "test" => test::run(&test::Wishes::parse(rest)?),
        "tidy" => check_tidy(),
        "licences" => licences::check(&workspace::root()),
        "rfc" => rfc::write(&workspace::root()),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => bail!("there is no {other}\n{HELP}"),
    }
}

fn check_tidy() -> Result<()> {
    let problems = tidy::problems(&workspace::root())?;
    for problem in &problems {
        println!("{problem}");
    }
    ensure!(problems.is_empty(), "{} places are not tidy", problems.len());
    println!("tidy");
    Ok(())
}
