//! `cargo xtask test`: says what is missing, fetches it where that is wished, runs every test, says what was not run.
//!
//! **Invariant**: where `CI=true`, a test that cannot run is a failure. Elsewhere it is reported as not run.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::programs::{self, NEXTEST, PROGRAMS, Program};
use crate::workspace;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Install what is missing.
    install: Install,
    /// Only tests whose names contain one of these.
    filters: Vec<String>,
}

/// Whether missing programs are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Install {
    /// They are, and tests that cannot run are failures.
    Required,
    /// They are.
    Wished,
    /// They are named.
    No,
}

impl Wishes {
    /// Reads the arguments and `CI`.
    ///
    /// # Errors
    ///
    /// When an option is unknown.
    pub fn parse(arguments: &[String]) -> Result<Wishes> {
        let mut install = Install::No;
        let mut filters = Vec::new();
        for argument in arguments {
            match argument.as_str() {
                "--install" => install = Install::Wished,
                option if option.starts_with('-') => bail!("there is no {option}"),
                filter => filters.push(filter.to_owned()),
            }
        }
        if env::var("CI").is_ok_and(|ci| ci == "true") {
            install = Install::Required;
        }
        Ok(Wishes { install, filters })
    }
}

/// How the tests are run.
struct Plan {
    path: OsString,
    corpus: Option<OsString>,
    missing: Vec<Program>,
    wishes: Wishes,
}

/// Runs the tests.
///
/// # Errors
///
/// When one fails, or in CI cannot be run.
pub fn run(wishes: &Wishes) -> Result<()> {
    let root = workspace::root();
    let missing = gather(&root, wishes)?;
    let corpus = fetch_corpus(&root, &missing)?;
    let plan = Plan {
        path: programs::path(&root)?,
        corpus,
        missing,
        wishes: wishes.clone(),
    };
    // Once, for the tests and for the programs that they start.
    programs::run(
        plan.cargo(&root)
            .args(["build", "--workspace", "--all-targets", "--locked"]),
    )?;
    let documented = if wishes.filters.is_empty() {
        programs::run(
            plan.cargo(&root)
                .args(["test", "--workspace", "--doc", "--locked", "--quiet"]),
        )
    } else {
        Ok(())
    };
    let tested = programs::run(&mut plan.tests(&root));
    plan.report();
    documented.and(tested)?;
    if wishes.install == Install::Required && !plan.missing.is_empty() {
        bail!("tests were not run");
    }
    Ok(())
}

/// Names what is missing, and installs it where that is wished; gives what is missing still.
fn gather(root: &Path, wishes: &Wishes) -> Result<Vec<Program>> {
    let wanted: Vec<Program> = PROGRAMS.iter().copied().chain([NEXTEST]).collect();
    let missing = programs::missing(root, &wanted);
    if missing.is_empty() {
        println!("every outside program that the tests want is here");
        return Ok(missing);
    }
    let names: Vec<&str> = missing.iter().map(|program| program.name).collect();
    println!("missing: {}", names.join(", "));
    if wishes.install == Install::No {
        println!("`cargo xtask test --install` fetches them (Debian)");
    } else {
        programs::install(root, &missing)?;
    }
    Ok(programs::missing(root, &wanted))
}

/// The real messages that the message crate is compared on.
fn fetch_corpus(root: &Path, missing: &[Program]) -> Result<Option<OsString>> {
    if let Some(folder) = env::var_os("POSTHOUSE_CORPUS") {
        return Ok(Some(folder));
    }
    let script = root.join("crates/message/tests/corpus/fetch.sh");
    if missing.iter().any(|program| program.name == "npm") || !script.is_file() {
        return Ok(None);
    }
    let folder = programs::tools(root).with_file_name("corpus");
    programs::run(Command::new("sh").arg(&script).arg(&folder))?;
    Ok(Some(folder.into_os_string()))
}

impl Plan {
    fn cargo(&self, root: &Path) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(root).env("PATH", &self.path);
        if let Some(corpus) = &self.corpus {
            command.env("POSTHOUSE_CORPUS", corpus);
        }
        if self.wishes.install == Install::Required {
            command.env("POSTHOUSE_REQUIRE_PROGRAMS", "1");
        }
        command
    }

    fn tests(&self, root: &Path) -> Command {
        let mut command = self.cargo(root);
        if self.has(NEXTEST) {
            command.args(["nextest", "run", "--workspace", "--locked"]);
            if self.wishes.install == Install::Required {
                command.args(["--profile", "ci"]);
            }
            let absent: Vec<String> = self
                .absent()
                .map(|tests| format!("not test(/^{tests}/)"))
                .collect();
            if !absent.is_empty() {
                command.args(["-E", &absent.join(" and ")]);
            }
            command.args(&self.wishes.filters);
        } else {
            command.args([
                "test",
                "--workspace",
                "--all-targets",
                "--locked",
                "--no-fail-fast",
                "--",
            ]);
            command.args(&self.wishes.filters);
            for tests in self.absent() {
                command.args(["--skip", tests]);
            }
        }
        command
    }

    fn has(&self, program: Program) -> bool {
        !self.missing.contains(&program)
    }

    /// The beginnings of the names of tests whose program is absent.
    fn absent(&self) -> impl Iterator<Item = &str> {
        self.missing.iter().flat_map(|program| program.tests).copied()
    }

    fn report(&self) {
        for program in &self.missing {
            for tests in program.tests {
                println!("not run: the tests {tests}…, for want of {}", program.name);
            }
        }
    }
}
