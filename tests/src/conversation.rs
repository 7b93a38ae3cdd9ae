//! A plain conversation over TCP: lines out, lines in. No library between the test and the protocol.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::{Server, Service};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a server.
pub struct Conversation {
    stream: BufReader<TcpStream>,
    tags: u32,
}

impl Conversation {
    /// Connects, and reads nothing yet.
    #[must_use]
    pub fn open(server: &Server, service: Service) -> Conversation {
        Conversation::try_open(server.port(service)).unwrap()
    }

    /// Connects to a port.
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub fn try_open(port: u16) -> io::Result<Conversation> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Conversation {
            stream: BufReader::new(stream),
            tags: 0,
        })
    }

    /// An SMTP connection past EHLO.
    #[must_use]
    pub fn smtp(server: &Server) -> Conversation {
        let mut smtp = Conversation::open(server, Service::Smtp);
        smtp.expect("220");
        smtp.say("EHLO client.example");
        smtp.expect("250");
        smtp
    }

    /// An IMAP connection past LOGIN.
    #[must_use]
    pub fn imap(server: &Server, user: &str, password: &str) -> Conversation {
        let mut imap = Conversation::open(server, Service::Imap);
        imap.line().unwrap();
        imap.ok(&format!("LOGIN {user} \"{password}\""));
        imap
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// When the server has gone.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Sends a line.
    pub fn say(&mut self, line: &str) {
        self.send(format!("{line}\r\n").as_bytes()).unwrap();
    }

    /// The next line, without its end.
    ///
    /// # Errors
    ///
    /// When the server has gone or is silent.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\r\n") {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.len() - 2);
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// A whole SMTP reply.
    ///
    /// # Errors
    ///
    /// When the server has gone or is silent.
    pub fn reply(&mut self) -> io::Result<String> {
        let mut reply = String::new();
        loop {
            let line = self.line()?;
            reply.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(reply);
            }
            reply.push('\n');
        }
    }

    /// A whole SMTP reply that begins so.
    pub fn expect(&mut self, code: &str) -> String {
        let reply = self.reply().unwrap();
        assert!(reply.starts_with(code), "wanted {code}, got {reply}");
        reply
    }

    /// Sends a message over SMTP.
    ///
    /// # Errors
    ///
    /// When the server has gone before it acknowledged.
    pub fn deliver(&mut self, to: &str, message: &str) -> io::Result<String> {
        for (words, code) in [
            ("MAIL FROM:<sender@example.net>", "250"),
            (&*format!("RCPT TO:<{to}>"), "250"),
            ("DATA", "354"),
        ] {
            self.send(format!("{words}\r\n").as_bytes())?;
            let reply = self.reply()?;
            if !reply.starts_with(code) {
                return Ok(reply);
            }
        }
        self.send(format!("{message}\r\n.\r\n").as_bytes())?;
        self.reply()
    }

    /// An IMAP command, and everything up to its tagged response.
    ///
    /// # Errors
    ///
    /// When the server has gone.
    pub fn command(&mut self, command: &str) -> io::Result<Vec<String>> {
        self.tags += 1;
        let tag = format!("c{} ", self.tags);
        self.send(format!("{tag}{command}\r\n").as_bytes())?;
        let mut lines = Vec::new();
        loop {
            let line = self.line()?;
            let is_last = line.starts_with(&tag);
            lines.push(line);
            if is_last {
                return Ok(lines);
            }
        }
    }

    /// An IMAP command that must succeed.
    pub fn ok(&mut self, command: &str) -> Vec<String> {
        let lines = self.command(command).unwrap();
        let last = lines.last().unwrap();
        assert_eq!(last.split(' ').nth(1), Some("OK"), "{command}: {last}");
        lines
    }

    /// Reads until the server closes; gives what it still said.
    ///
    /// # Errors
    ///
    /// When it does not close.
    pub fn rest(&mut self) -> io::Result<String> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
            _ => Ok(String::from_utf8_lossy(&rest).into_owned()),
        }
    }

    /// The stream below.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        self.stream.get_ref()
    }
}
