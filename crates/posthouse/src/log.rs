//! The log: lines to standard error or to a file, as text or as JSON.
//!
//! **Invariant**: an event is one line, whatever a client has sent: control characters in it are written as escapes.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use config::{Format, Level};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::exit::Exit;
use crate::language::Language;

/// Where lines go. A clone is another handle to it.
#[derive(Clone)]
pub(crate) struct Log {
    file: Option<Arc<Opened>>,
}

struct Opened {
    path: PathBuf,
    file: RwLock<File>,
}

/// Writes one event.
pub(crate) struct Line<'a> {
    log: &'a Log,
    colours: Colours,
}

/// Whether escape sequences are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colours {
    Yes,
    No,
}

impl Log {
    /// Begins to log. `POSTHOUSE_LOG` says how much, or else the settings.
    pub(crate) fn start(settings: &config::Log, language: Language) -> Result<Self, Exit> {
        let file = match &settings.file {
            None => None,
            Some(path) => {
                let file = open(path).map_err(|error| Exit::log(path, &error, language))?;
                Some(Arc::new(Opened {
                    path: path.clone(),
                    file: RwLock::new(file),
                }))
            }
        };
        let log = Log { file };
        let filter =
            EnvFilter::try_from_env("POSTHOUSE_LOG").unwrap_or_else(|_| EnvFilter::new(level(settings)));
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_target(false)
            .with_ansi(log.colours() == Colours::Yes)
            .with_writer(log.clone());
        // A second log would be our own bug, and harmless.
        let _ = match settings.format {
            Format::Text => lines.try_init(),
            Format::Json => lines
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .try_init(),
        };
        Ok(log)
    }

    /// The file that it goes to.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|opened| &*opened.path)
    }

    /// Opens the file anew: whoever keeps old logs has renamed it.
    pub(crate) fn open_again(&self) -> io::Result<()> {
        let Some(opened) = &self.file else {
            return Ok(());
        };
        let file = open(&opened.path)?;
        *opened.file.write().unwrap_or_else(PoisonError::into_inner) = file;
        Ok(())
    }

    fn colours(&self) -> Colours {
        match self.file.is_none() && io::stderr().is_terminal() {
            true => Colours::Yes,
            false => Colours::No,
        }
    }

    fn write(&self, line: &[u8]) -> io::Result<()> {
        match &self.file {
            None => io::stderr().lock().write_all(line),
            Some(opened) => {
                let file = opened.file.read().unwrap_or_else(PoisonError::into_inner);
                (&*file).write_all(line)
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
}

fn level(settings: &config::Log) -> &'static str {
    match settings.level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            log: self,
            colours: self.colours(),
        }
    }
}

impl Write for Line<'_> {
    /// An event comes whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        match one_line(event, self.colours) {
            None => self.log.write(event)?,
            Some(line) => self.log.write(&line)?,
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event with its control characters escaped; none where there is nothing to escape.
fn one_line(event: &[u8], colours: Colours) -> Option<Vec<u8>> {
    let body = event.strip_suffix(b"\n").unwrap_or(event);
    let is_fine = |byte: &u8| !byte.is_ascii_control() || (*byte == 0x1b && colours == Colours::Yes);
    if body.iter().all(is_fine) {
        return None;
    }
    let mut line = Vec::with_capacity(event.len() + 16);
    for byte in body {
        match is_fine(byte) {
            true => line.push(*byte),
            false => line.extend(byte.escape_ascii()),
        }
    }
    line.push(b'\n');
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let check = |event: &[u8], wanted: Option<&[u8]>| {
            assert_eq!(one_line(event, Colours::No).as_deref(), wanted, "{event:?}");
        };
        check(b"INFO session\n", None);
        check("INFO 你好\n".as_bytes(), None);
        check(b"login=a\r\nERROR forged\n", Some(b"login=a\\r\\nERROR forged\n"));
        check(b"\x1b[2J\x00\n", Some(b"\\x1b[2J\\x00\n"));
        assert_eq!(one_line(b"\x1b[31mred\n", Colours::Yes), None);
    }
}
