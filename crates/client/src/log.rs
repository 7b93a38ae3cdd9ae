//! What goes over the wire, for somebody who looks for a fault: as `set_debuglevel(1)` of Python's `smtplib`, without secrets.

use std::fmt;
use std::sync::Arc;

/// Who said a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// This side.
    Sent,
    /// The server.
    Received,
    /// Nobody: a note about the connection, such as that TLS began.
    Note,
}

/// Is told each line that is sent or received. Passwords and tokens are replaced before, and of the contents of messages
/// only the number of octets is told.
#[derive(Clone)]
pub struct WireLog(Arc<Told>);

type Told = dyn Fn(Direction, &str) + Send + Sync;

impl WireLog {
    /// A log that calls `told` for each line, without its line end.
    pub fn new(told: impl Fn(Direction, &str) + Send + Sync + 'static) -> Self {
        WireLog(Arc::new(told))
    }

    /// A log that writes to standard error: `C:`, `S:` and `--` before the lines.
    #[must_use]
    pub fn standard_error() -> Self {
        WireLog::new(|direction, line| {
            let who = match direction {
                Direction::Sent => "C:",
                Direction::Received => "S:",
                Direction::Note => "--",
            };
            eprintln!("{who} {line}");
        })
    }

    /// Tells one line, or several. Control characters are shown, not sent to a terminal.
    pub(crate) fn tell(&self, direction: Direction, octets: &[u8]) {
        let text = String::from_utf8_lossy(octets);
        for line in text.trim_end_matches(['\r', '\n']).split('\n') {
            let line = line.trim_end_matches('\r');
            if line.contains(char::is_control) {
                (self.0)(direction, &line.escape_debug().to_string());
            } else {
                (self.0)(direction, line);
            }
        }
    }
}

impl fmt::Debug for WireLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WireLog")
    }
}
