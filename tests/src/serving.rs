//! `posthouse serve` with a file of settings: a real server, whose log is read as it is written.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::server::posthouse;

/// A configured server on ports that the system gives, and what it has logged.
pub struct Serving {
    /// The process.
    pub process: Child,
    /// What it has logged and nobody has read yet.
    pub log: BufReader<ChildStderr>,
    /// The port of SMTP.
    pub smtp: u16,
    /// The port of metrics.
    pub http: u16,
}

impl Serving {
    /// A server that is starting.
    #[must_use]
    pub fn launch(config: &Path) -> Serving {
        let mut command = posthouse(&["serve", "--config"]);
        command.arg(config).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        Serving {
            log: BufReader::new(process.stderr.take().unwrap()),
            process,
            smtp: 0,
            http: 0,
        }
    }

    /// The port of the next line of the log that says where something listens.
    pub fn port_of(&mut self, listener: &str) -> u16 {
        port(&self.wait_for(&format!("listening: {listener}")))
    }

    /// Has it end, and waits.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.process.wait().unwrap()
    }

    /// A server that listens for SMTP and for metrics.
    #[must_use]
    pub fn start(config: &Path) -> Serving {
        let mut serving = Serving::launch(config);
        serving.smtp = port(&serving.wait_for("listening: SMTP"));
        serving.http = port(
            serving
                .wait_for("listening: metrics")
                .trim_end_matches("/metrics\n"),
        );
        serving.wait_for(" ready ");
        serving
    }

    /// The next line of the log with these words.
    pub fn wait_for(&mut self, words: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(
                self.log.read_line(&mut line).unwrap() > 0,
                "no {words:?} in\n{all}"
            );
            if line.contains(words) {
                return line;
            }
            all += &line;
        }
    }

    /// The answer to a GET.
    #[must_use]
    pub fn ask(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn port(line: &str) -> u16 {
    line.trim().rsplit(':').next().unwrap().parse().unwrap()
}
