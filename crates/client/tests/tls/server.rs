//! A server of SMTP, POP3 or IMAP that has TLS from the first octet or after STARTTLS, answers from a list, and tells what it heard.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The six ways to TLS, as URLs have them.
pub(crate) const WAYS: [&str; 6] = ["smtp", "smtps", "pop3", "pop3s", "imap", "imaps"];

/// What is answered: to a line that has this in it, that. `<tag>` is the line's first word.
pub(crate) type Answers = Vec<(&'static str, String)>;

/// What the server says.
pub(crate) struct Play {
    pub(crate) greeting: String,
    /// Before TLS. What begins TLS is the answer to STARTTLS or STLS that is not a refusal.
    pub(crate) clear: Answers,
    pub(crate) inside: Answers,
    /// Said when the client begins its handshake, in place of the server's.
    pub(crate) instead: Option<&'static str>,
}

impl Play {
    /// What a good server says.
    pub(crate) fn of(scheme: &str) -> Play {
        let list = |list: &[(&'static str, &str)]| {
            list.iter()
                .map(|(heard, said)| (*heard, (*said).to_owned()))
                .collect()
        };
        let (greeting, clear, inside) = match &scheme[..4] {
            "smtp" => (
                "220 mx\r\n",
                list(&[
                    ("EHLO", "250-mx\r\n250-SIZE 1\r\n250 STARTTLS\r\n"),
                    ("STARTTLS", "220 go\r\n"),
                ]),
                list(&[
                    ("EHLO", "250-mx\r\n250 AUTH PLAIN\r\n"),
                    ("AUTH", "235 in\r\n"),
                    ("QUIT", "221 bye\r\n"),
                ]),
            ),
            "pop3" => (
                "+OK hi\r\n",
                list(&[
                    ("CAPA", "+OK\r\nEXPIRE 0\r\nSTLS\r\n.\r\n"),
                    ("STLS", "+OK go\r\n"),
                ]),
                list(&[("CAPA", "+OK\r\nSASL PLAIN\r\n.\r\n"), ("", "+OK\r\n")]),
            ),
            _ => (
                "* OK hi\r\n",
                list(&[
                    ("CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\n<tag> OK\r\n"),
                    ("STARTTLS", "<tag> OK go\r\n"),
                ]),
                list(&[
                    (
                        "CAPABILITY",
                        "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n<tag> OK\r\n",
                    ),
                    ("LOGOUT", "* BYE\r\n<tag> OK\r\n"),
                    ("", "<tag> OK\r\n"),
                ]),
            ),
        };
        Play {
            greeting: greeting.to_owned(),
            clear,
            inside,
            instead: None,
        }
    }

    /// Answers this in the clear in place of what a good server answers.
    pub(crate) fn answers(mut self, heard: &'static str, said: &str) -> Play {
        self.clear.insert(0, (heard, said.to_owned()));
        self
    }

    fn find(answers: &Answers, line: &str) -> Option<String> {
        let tag = line.split(' ').next().unwrap_or_default();
        let (_, said) = answers.iter().find(|(heard, _)| line.contains(heard))?;
        Some(said.replace("<tag>", tag))
    }
}

/// What the server heard: lines in the clear, and inside of TLS.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) clear: Vec<String>,
    pub(crate) inside: Vec<String>,
}

impl Heard {
    /// Panics if somebody has begun to log in.
    pub(crate) fn nothing_of_a_login(&self, what: &str) {
        for line in self.clear.iter().chain(&self.inside) {
            let is_login = ["AUTH", "USER", "PASS", "LOGIN", "alice", "whistle", super::PLAIN]
                .iter()
                .any(|word| line.contains(word));
            assert!(!is_login, "{what}: {self:?}");
        }
    }
}

/// A server that takes one connection.
pub(crate) struct Script {
    scheme: &'static str,
    port: u16,
    player: JoinHandle<Heard>,
}

impl Script {
    pub(crate) fn play(scheme: &'static str, play: Play, tls: Arc<ServerConfig>) -> Script {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let player = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = Heard {
                clear: Vec::new(),
                inside: Vec::new(),
            };
            let first = scheme.ends_with('s');
            if !first && !converse(&mut stream, &play.greeting, &play.clear, &mut heard.clear) {
                return heard;
            }
            if let Some(words) = play.instead {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(words.as_bytes());
                return heard;
            }
            let connection = ServerConnection::new(tls).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let greeting = if first { &play.greeting } else { "" };
            converse(&mut stream, greeting, &play.inside, &mut heard.inside);
            heard
        });
        Script { scheme, port, player }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://localhost:{}?name=client.example", self.scheme, self.port)
    }

    /// What it heard, when the client is gone.
    pub(crate) fn end(self) -> Heard {
        self.player.join().unwrap()
    }
}

/// Answers until TLS is to begin, which is told, or until the client is gone.
fn converse(
    stream: &mut (impl Read + Write),
    greeting: &str,
    answers: &Answers,
    heard: &mut Vec<String>,
) -> bool {
    if stream.write_all(greeting.as_bytes()).is_err() {
        return false;
    }
    while let Some(line) = read_line(stream) {
        heard.push(line.clone());
        let said = Play::find(answers, &line).unwrap_or_else(|| panic!("nobody answers {line:?}"));
        if stream
            .write_all(said.as_bytes())
            .and_then(|()| stream.flush())
            .is_err()
        {
            return false;
        }
        let is_refusal = ["454", "-ERR", " NO"].iter().any(|word| said.contains(word));
        if (line.contains("STARTTLS") || line == "STLS") && !is_refusal {
            return true;
        }
    }
    false
}

/// Octet by octet: what comes behind the line is TLS.
fn read_line(stream: &mut impl Read) -> Option<String> {
    let mut line = Vec::new();
    loop {
        let mut octet = [0];
        match stream.read(&mut octet) {
            Ok(1) if octet == *b"\n" => break,
            Ok(1) => line.extend(octet),
            _ => return None,
        }
    }
    let line = String::from_utf8(line).unwrap();
    Some(line.trim_end_matches('\r').to_owned())
}
