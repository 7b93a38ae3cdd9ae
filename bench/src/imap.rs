//! IMAP as the load generator speaks it: as little of RFC 3501 as a measurement needs.
//!
//! A reply is whole when its last line begins with the tag; commands are never pipelined, so
//! nothing can follow that line and only the tail of what came has to be looked at.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, bail, ensure};

use crate::lanes::{self, Budget, Heard, Talk};

/// The tag of every command; unlikely in a message, and the same length always.
const TAG: &[u8] = b"zq7";

/// How much of a reply's end is kept: the tagged line has to fit.
const TAIL: usize = 1024;

/// The end of what came so far.
#[derive(Default)]
struct Tail {
    kept: Vec<u8>,
}

impl Tail {
    /// Adds what came; says the tagged line when the reply is whole.
    fn add(&mut self, bytes: &[u8]) -> Option<&[u8]> {
        let from = bytes.len().saturating_sub(TAIL);
        let over = (self.kept.len() + bytes.len() - from).saturating_sub(TAIL);
        self.kept.drain(..over.min(self.kept.len()));
        self.kept.extend_from_slice(bytes.get(from..).unwrap_or_default());
        let line = self.kept.strip_suffix(b"\r\n")?;
        let start = memchr::memrchr(b'\n', line).map_or(0, |at| at + 1);
        line.get(start..).filter(|line| line.starts_with(TAG))
    }
}

/// Whether a tagged line says OK.
fn is_ok(line: &[u8]) -> bool {
    line.get(TAG.len()..).is_some_and(|rest| rest.starts_with(b" OK"))
}

/// A connection for what is not measured: setting up and looking whether all is there.
pub(crate) struct Session {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Session {
    /// Connects and logs in.
    pub(crate) fn login(address: SocketAddr, user: &str, password: &str) -> Result<Self> {
        let mut session = Self {
            stream: lanes::connect(address)?,
            buffer: vec![0; 256 * 1024],
        };
        let greeting = session.read_some()?;
        ensure!(
            greeting.starts_with(b"* OK"),
            "greeting: {}",
            greeting.escape_ascii()
        );
        session.command(format!("LOGIN {} {}", quoted(user), quoted(password)).as_bytes())?;
        Ok(session)
    }

    fn read_some(&mut self) -> Result<Vec<u8>> {
        let length = self.stream.read(&mut self.buffer)?;
        ensure!(length > 0, "the server closed the connection");
        Ok(self.buffer.get(..length).unwrap_or_default().to_vec())
    }

    /// Sends a command without its tag and CRLF; returns the whole reply.
    ///
    /// # Errors
    /// When the reply is not OK.
    pub(crate) fn command(&mut self, command: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(command.len() + 8);
        print(&mut out, command);
        self.stream.write_all(&out)?;
        let mut reply = Vec::new();
        let mut tail = Tail::default();
        loop {
            let bytes = self.read_some()?;
            reply.extend_from_slice(&bytes);
            let Some(line) = tail.add(&bytes) else { continue };
            let shown = command.get(..command.len().min(80)).unwrap_or_default();
            ensure!(
                is_ok(line),
                "{} is answered with {}",
                shown.escape_ascii(),
                line.escape_ascii()
            );
            return Ok(reply);
        }
    }

    /// How many messages a mailbox has; none when it does not exist.
    pub(crate) fn count(&mut self, mailbox: &str) -> u64 {
        let Ok(reply) = self.command(format!("STATUS {mailbox} (MESSAGES)").as_bytes()) else {
            return 0;
        };
        let reply = String::from_utf8_lossy(&reply).into_owned();
        reply
            .split_once("(MESSAGES ")
            .and_then(|(_, rest)| rest.split(')').next())
            .and_then(|number| number.trim().parse().ok())
            .unwrap_or(0)
    }

    /// Fills a mailbox with `messages` up to `count`, many APPENDs at a time under way.
    pub(crate) fn fill(
        &mut self,
        mailbox: &str,
        count: u64,
        message: &mut dyn FnMut(u64) -> Vec<u8>,
    ) -> Result<()> {
        if mailbox != "INBOX" {
            // An error means that it exists; if not, APPEND will say so.
            let _ = self.command(format!("CREATE {mailbox}").as_bytes());
        }
        let mut next = self.count(mailbox);
        while next < count {
            let end = count.min(next + 32);
            let mut out = Vec::new();
            for number in next..end {
                append(&mut out, mailbox, &message(number));
            }
            self.stream.write_all(&out)?;
            self.hear_oks(end - next)
                .with_context(|| format!("filling {mailbox}"))?;
            next = end;
        }
        ensure!(
            self.count(mailbox) >= count,
            "{mailbox} does not hold what was appended"
        );
        Ok(())
    }

    /// Appends one message.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) fn append(&mut self, mailbox: &str, message: &[u8]) -> Result<()> {
        let mut out = Vec::with_capacity(message.len() + 64);
        append(&mut out, mailbox, message);
        self.stream.write_all(&out)?;
        self.hear_oks(1)
    }

    /// Reads until so many tagged OKs have come.
    fn hear_oks(&mut self, mut wanted: u64) -> Result<()> {
        let mut pending = Vec::new();
        while wanted > 0 {
            pending.extend(self.read_some()?);
            while let Some(end) = memchr::memchr(b'\n', &pending) {
                let line: Vec<u8> = pending.drain(..=end).collect();
                if line.starts_with(TAG) {
                    ensure!(is_ok(&line), "answered with {}", line.escape_ascii());
                    wanted -= 1;
                }
            }
        }
        Ok(())
    }

    /// The bare connection, for a run.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }
}

/// Writes a whole command line.
pub(crate) fn print(out: &mut Vec<u8>, command: &[u8]) {
    out.extend_from_slice(TAG);
    out.push(b' ');
    out.extend_from_slice(command);
    out.extend_from_slice(b"\r\n");
}

/// Writes an APPEND with a non-synchronising literal (RFC 7888 §4).
pub(crate) fn append(out: &mut Vec<u8>, mailbox: &str, message: &[u8]) {
    out.extend_from_slice(TAG);
    out.extend_from_slice(format!(" APPEND {mailbox} {{{}+}}\r\n", message.len()).as_bytes());
    out.extend_from_slice(message);
    out.extend_from_slice(b"\r\n");
}

/// A quoted string (RFC 3501 §4.3).
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// One command after the other, each counted as `worth` operations.
pub(crate) struct Commands<F> {
    budget: Budget,
    make: F,
    worth: u64,
    sent: u64,
    tail: Tail,
}

impl<F: FnMut(u64, &mut Vec<u8>)> Commands<F> {
    /// `make` writes the command with the given number, CRLF included.
    pub(crate) fn new(budget: &Budget, worth: u64, make: F) -> Self {
        Self {
            budget: budget.clone(),
            make,
            worth,
            sent: 0,
            tail: Tail::default(),
        }
    }

    fn send(&mut self, out: &mut Vec<u8>) {
        (self.make)(self.sent, out);
        self.sent += 1;
    }
}

impl<F: FnMut(u64, &mut Vec<u8>)> Talk for Commands<F> {
    fn begin(&mut self, out: &mut Vec<u8>) {
        // A run whose budget is spent before this connection began still makes one exchange, so that
        // there is an end to hear.
        let _ = self.budget.take();
        self.send(out);
    }

    fn hear(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Heard> {
        let Some(line) = self.tail.add(bytes) else {
            return Ok(Heard::Waiting);
        };
        if !is_ok(line) {
            bail!("the server answered {}", line.escape_ascii());
        }
        self.tail.kept.clear();
        if !self.budget.take() {
            return Ok(Heard::Finished(self.worth));
        }
        self.send(out);
        Ok(Heard::Ended(self.worth))
    }
}

/// Connect, LOGIN, LOGOUT, and again on a new connection.
pub(crate) struct Logins {
    budget: Budget,
    login: Vec<u8>,
    at: At,
    tail: Tail,
}

enum At {
    Greeting,
    Login,
    Logout,
}

impl Logins {
    /// Logs in as `user` until the budget is spent.
    pub(crate) fn new(budget: &Budget, user: &str, password: &str) -> Self {
        let mut login = Vec::new();
        print(
            &mut login,
            format!("LOGIN {} {}", quoted(user), quoted(password)).as_bytes(),
        );
        Self {
            budget: budget.clone(),
            login,
            at: At::Greeting,
            tail: Tail::default(),
        }
    }
}

impl Talk for Logins {
    fn begin(&mut self, _out: &mut Vec<u8>) {
        self.tail.kept.clear();
        self.at = At::Greeting;
    }

    fn hear(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Heard> {
        match self.at {
            At::Greeting => {
                if bytes.ends_with(b"\r\n") {
                    ensure!(bytes.starts_with(b"* OK"), "greeting: {}", bytes.escape_ascii());
                    out.extend_from_slice(&self.login);
                    self.at = At::Login;
                }
                Ok(Heard::Waiting)
            }
            At::Login => {
                if let Some(line) = self.tail.add(bytes) {
                    ensure!(is_ok(line), "login: {}", line.escape_ascii());
                    self.tail.kept.clear();
                    print(out, b"LOGOUT");
                    self.at = At::Logout;
                }
                Ok(Heard::Waiting)
            }
            At::Logout if self.tail.add(bytes).is_none() => Ok(Heard::Waiting),
            At::Logout if self.budget.take() => Ok(Heard::Reconnect(1)),
            At::Logout => Ok(Heard::Finished(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_ends_with_its_tagged_line_however_it_is_cut() {
        let reply = b"* 1 FETCH (BODY[] {9}\r\nzq7 OK x\r\n)\r\nzq7 OK done\r\n";
        for cut in 0..reply.len() {
            let (head, rest) = reply.split_at(cut);
            let mut tail = Tail::default();
            // A literal that looks like the end is the price of not parsing; it needs a read that
            // stops exactly there.
            if !head.ends_with(b"zq7 OK x\r\n") {
                assert_eq!(tail.add(head), None, "{cut}");
            }
            assert_eq!(tail.add(rest), Some(&b"zq7 OK done"[..]), "{cut}");
        }
    }

    #[test]
    fn only_the_end_of_a_long_reply_is_kept() {
        let mut tail = Tail::default();
        for _ in 0..100 {
            assert_eq!(tail.add(&[b'x'; 700]), None);
            assert!(tail.kept.len() <= TAIL);
        }
        assert_eq!(tail.add(b"\r\nzq7 NO\r\n"), Some(&b"zq7 NO"[..]));
    }

    #[test]
    fn a_login_goes_from_the_greeting_to_a_new_connection() {
        let budget = Budget::new(1, std::time::Duration::from_secs(60));
        let mut talk = Logins::new(&budget, "u1", "se\"cret");
        let mut out = Vec::new();
        talk.begin(&mut out);
        assert!(out.is_empty());
        talk.hear(b"* OK hello\r\n", &mut out).unwrap();
        assert_eq!(out, b"zq7 LOGIN \"u1\" \"se\\\"cret\"\r\n");
        out.clear();
        talk.hear(b"zq7 OK [CAPABILITY IMAP4rev1] in\r\n", &mut out)
            .unwrap();
        assert_eq!(out, b"zq7 LOGOUT\r\n");
        assert!(matches!(
            talk.hear(b"* BYE\r\n", &mut out).unwrap(),
            Heard::Waiting
        ));
        assert!(matches!(
            talk.hear(b"zq7 OK out\r\n", &mut out).unwrap(),
            Heard::Reconnect(1)
        ));
        talk.begin(&mut out);
        for line in [&b"* OK hello\r\n"[..], b"zq7 OK in\r\n", b"* BYE\r\n"] {
            talk.hear(line, &mut out).unwrap();
        }
        assert!(matches!(
            talk.hear(b"zq7 OK out\r\n", &mut out).unwrap(),
            Heard::Finished(1)
        ));
    }

    #[test]
    fn a_refused_command_ends_the_run() {
        let budget = Budget::new(9, std::time::Duration::from_secs(60));
        let mut talk = Commands::new(&budget, 1, |_, out| print(out, b"NOOP"));
        assert!(talk.hear(b"zq7 BAD no\r\n", &mut Vec::new()).is_err());
    }
}
