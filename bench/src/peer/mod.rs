//! The servers of a comparison: each is started with generated settings in a temporary folder, on
//! high loopback ports, and stopped when its value is dropped.

pub(crate) mod dovecot;
pub(crate) mod postfix;
pub(crate) mod posthouse;

use std::io::Read as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a server may take until it greets.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that is asked to end, and then waited for, when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts a program; what it says goes to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Self { child })
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until something greets on a port.
    pub(crate) fn wait_for(&mut self, port: u16) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended: {status}");
            }
            if greets(port) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("nothing greets on port {port}")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let mut byte = [0_u8; 1];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.read(&mut byte).is_ok_and(|length| length > 0)
}

/// Whether a program is there.
pub(crate) fn is_installed(path: &str) -> bool {
    Path::new(path).exists()
}

/// What a command prints, on one line; for versions.
pub(crate) fn output(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        return "unknown".to_owned();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .next()
        .unwrap_or("unknown")
        .trim()
        .to_owned()
}
