//! Ours: `posthouse local` with an empty data folder and imported accounts.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::{Running, output};
use crate::target::{ACCOUNTS, Ports, Target};

/// Added to every standard port.
const OFFSET: u16 = 24_000;

/// Where it listens.
pub(crate) const PORTS: Ports = Ports {
    smtp: 25 + OFFSET,
    lmtp: 24 + OFFSET,
    pop3: 110 + OFFSET,
    imap: 143 + OFFSET,
    imaps: 993 + OFFSET,
};

/// A running Posthouse.
pub(crate) struct Posthouse {
    program: PathBuf,
    folder: PathBuf,
    running: Option<Running>,
}

/// Builds the program unless there is one already; says where it is.
pub(crate) fn build(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(program) = given {
        ensure!(program.exists(), "{} is not there", program.display());
        return Ok(program.to_owned());
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let status = Command::new(cargo)
        .args(["build", "--release", "-p", "posthouse"])
        .status()?;
    ensure!(status.success(), "posthouse does not build");
    // This program was built by the same cargo, so the other one lies beside it.
    let own = std::env::current_exe()?;
    let program = own.with_file_name("posthouse");
    ensure!(program.exists(), "{} is not there", program.display());
    Ok(program)
}

/// Its version.
pub(crate) fn version(program: &Path) -> String {
    output(&program.display().to_string(), &["--version"])
}

impl Posthouse {
    /// Starts it and imports the accounts.
    pub(crate) fn start(program: &Path, folder: &Path, target: &Target) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut posthouse = Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            running: None,
        };
        posthouse.run()?;
        let mut accounts = String::new();
        for number in 1..=ACCOUNTS {
            let _ = writeln!(accounts, "{},{}", target.user(number), target.password);
        }
        let file = folder.join("accounts.csv");
        fs::write(&file, accounts)?;
        let output = Command::new(program)
            .args(["account", "import"])
            .arg(&file)
            .arg("--data")
            .arg(posthouse.data())
            .output()?;
        ensure!(
            output.status.success(),
            "account import: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(posthouse)
    }

    fn run(&mut self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("local").arg("--data").arg(self.data());
        command.args(["--empty", "--port-offset", &OFFSET.to_string()]);
        let mut running = Running::start(&mut command, &self.folder.join("out.log"))?;
        running
            .wait_for(PORTS.imap)
            .with_context(|| format!("see {}", self.folder.join("out.log").display()))?;
        self.running = Some(running);
        Ok(())
    }

    /// Stops it and starts it again; says how long the start took, until the greeting.
    pub(crate) fn restart(&mut self) -> Result<Duration> {
        self.running = None;
        let start = Instant::now();
        self.run()?;
        Ok(start.elapsed())
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.running.as_ref().map_or(0, Running::id)
    }

    /// Where the mail lies.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}
