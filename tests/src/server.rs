//! The built program, started as a newcomer would: `posthouse local --data DIR --port-offset N --empty`.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::Conversation;

/// What listens where, before the offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Service {
    Lmtp = 24,
    Smtp = 25,
    Pop3 = 110,
    Imap = 143,
    Submissions = 465,
    Submission = 587,
    Imaps = 993,
    Pop3s = 995,
}

const SERVICES: [Service; 8] = [
    Service::Lmtp,
    Service::Smtp,
    Service::Pop3,
    Service::Imap,
    Service::Submissions,
    Service::Submission,
    Service::Imaps,
    Service::Pop3s,
];

/// How long a server may take to start or to stop, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);
/// Offsets that are tried, below the ports that the system gives to clients.
const OFFSETS: std::ops::Range<u16> = 3_000..31_000;

/// A running server. It is killed when this is dropped.
pub struct Server {
    process: Child,
    offset: u16,
    data: PathBuf,
    log: PathBuf,
    traced: Traced,
    _folder: TempDir,
}

/// Whether another program runs the server and watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Traced {
    Yes,
    No,
}

/// A server that did not start.
#[derive(Debug)]
pub struct Refused {
    /// How it ended.
    pub status: ExitStatus,
    /// What it said.
    pub words: String,
}

impl Server {
    /// A new server without accounts.
    #[must_use]
    pub fn start() -> Server {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Server::start_on(&data, folder, &[]).unwrap()
    }

    /// A new server with `alice` and `bob`, whose passwords are `tin whistle` and `blue door`.
    #[must_use]
    pub fn with_accounts() -> Server {
        let server = Server::start();
        server.add("alice@example.org", "tin whistle");
        server.add("bob@example.org", "blue door");
        server
    }

    /// A server on a folder that is there.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start_in(data: &Path) -> Result<Server, Refused> {
        Server::start_on(data, tempfile::tempdir().unwrap(), &[])
    }

    /// As [`Server::start_in`], under a limit set by a shell, such as `ulimit -n 64`.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start_under(data: &Path, limit: &str) -> Result<Server, Refused> {
        let shell = format!("{limit}; exec \"$0\" \"$@\"");
        Server::start_on(data, tempfile::tempdir().unwrap(), &["sh", "-c", &shell])
    }

    /// As [`Server::start_in`], under `strace`, which writes some of its system calls to a file.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start_traced(data: &Path, trace: &Path, calls: &str) -> Result<Server, Refused> {
        let (trace, calls) = (trace.to_str().unwrap(), format!("trace={calls}"));
        let strace = [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-xx",
            "-y",
            "-s",
            "100000000",
            "-e",
            &calls,
            "-o",
            trace,
        ];
        let mut server = Server::start_on(data, tempfile::tempdir().unwrap(), &strace)?;
        server.traced = Traced::Yes;
        Ok(server)
    }

    fn start_on(data: &Path, folder: TempDir, before: &[&str]) -> Result<Server, Refused> {
        let log = folder.path().join("log");
        loop {
            let offset = free_offset();
            let mut process = launch(data, offset, &log, before);
            if said_ready(&mut process) {
                return Ok(Server {
                    process,
                    offset,
                    data: data.to_owned(),
                    log,
                    traced: Traced::No,
                    _folder: folder,
                });
            }
            let status = process.wait().unwrap();
            let words = fs::read_to_string(&log).unwrap();
            // Another program took a port in between.
            if !words.contains("is taken by another program") {
                return Err(Refused { status, words });
            }
        }
    }

    /// The port of a service.
    #[must_use]
    pub fn port(&self, service: Service) -> u16 {
        service as u16 + self.offset
    }

    /// What was added to the standard ports.
    #[must_use]
    pub fn offset(&self) -> u16 {
        self.offset
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The certificate that the server made for itself.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.data.join("tls/certificate.pem")
    }

    /// What the server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Adds an account while the server runs.
    pub fn add(&self, address: &str, password: &str) {
        add_account(&self.data, address, password);
    }

    /// The process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Memory in use, in KiB.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// `kill -9`: no goodbye.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to stop, and waits.
    pub fn stop(&mut self) -> ExitStatus {
        // Whoever is greeted knows that signals are listened for.
        Conversation::open(self, Service::Smtp).expect("220");
        kill_process(self.pid(), Signal::TERM).unwrap();
        let asked = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(asked.elapsed() < PATIENCE, "the server does not stop");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Server {
    /// The server's own process: what traces it does not pass signals on.
    fn pid(&self) -> Pid {
        let id = self.process.id();
        if self.traced == Traced::No {
            return Pid::from_child(&self.process);
        }
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let child = children.split_whitespace().next().unwrap().parse().unwrap();
        Pid::from_raw(child).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            println!(
                "-- the server's log --\n{}",
                fs::read_to_string(&self.log).unwrap_or_default()
            );
        }
    }
}

/// Adds an account, whether the server runs or not.
pub fn add_account(data: &Path, address: &str, password: &str) {
    let mut command = posthouse(&["account", "add", address, "--password-stdin", "--data"]);
    command
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut input = process.stdin.take().unwrap();
    writeln!(input, "{password}").unwrap();
    drop(input);
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{address}: {output:?}");
}

/// `posthouse check` on a folder.
#[must_use]
pub fn check(data: &Path) -> Output {
    posthouse(&["check", "--data"]).arg(data).output().unwrap()
}

/// The program with its arguments, in English.
#[must_use]
pub fn posthouse(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).env("LC_ALL", "C.UTF-8");
    command
}

/// Built beside the tests; `POSTHOUSE_BIN` names another.
fn program() -> PathBuf {
    if let Some(program) = env::var_os("POSTHOUSE_BIN") {
        return program.into();
    }
    let test = env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap().join("posthouse");
    assert!(
        built.is_file(),
        "{}: `cargo xtask test` builds it",
        built.display()
    );
    built
}

fn launch(data: &Path, offset: u16, log: &Path, before: &[&str]) -> Child {
    let local = posthouse(&["local", "--empty", "--port-offset", &offset.to_string(), "--data"]);
    let mut command = match before.split_first() {
        None => local,
        Some((shell, rest)) => {
            let mut command = Command::new(shell);
            command.args(rest).arg(local.get_program()).args(local.get_args());
            command.env("LC_ALL", "C.UTF-8");
            command
        }
    };
    command.arg(data).stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(File::options().create(true).append(true).open(log).unwrap());
    command.spawn().unwrap()
}

/// Reads what it prints until it says that it is ready, and goes on reading so that it never waits for us.
fn said_ready(process: &mut Child) -> bool {
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let ready = lines.any(|line| line.is_ok_and(|line| line.contains("is ready")));
    thread::spawn(move || lines.for_each(drop));
    ready
}

/// An offset with which every port is free now.
fn free_offset() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .subsec_nanos();
    let start = (now / 1000).wrapping_add(std::process::id() * 7919);
    loop {
        let step = u32::from(TRIED.fetch_add(1, Ordering::Relaxed)) * 1000;
        let spread = u32::from(OFFSETS.end - OFFSETS.start);
        let offset = OFFSETS.start + u16::try_from(start.wrapping_add(step) % spread).unwrap();
        let is_free =
            |service: &Service| TcpListener::bind((Ipv4Addr::LOCALHOST, *service as u16 + offset)).is_ok();
        if SERVICES.iter().all(is_free) {
            return offset;
        }
    }
}
