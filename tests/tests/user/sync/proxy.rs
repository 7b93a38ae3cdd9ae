//! Between client and server: takes capabilities away, cuts the connection, alters what is added, and notes the commands.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Where the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Nowhere,
    /// The command with this number does not reach the server.
    Before(usize),
    /// It does, and is carried out; its answer does not come back.
    After(usize),
    /// So many octets come from the server.
    Octets(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    without: Vec<String>,
    cut: Cut,
    is_cut: bool,
    /// Adds a field to every message that is added.
    alters: bool,
    commands: Vec<String>,
    /// The tag of the command whose answer is not to come back.
    last: Option<String>,
    octets: usize,
}

const ADDED: &str = "X-Server: was here\r\n";

impl Proxy {
    pub(crate) fn new(server: u16, without: &[&str]) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Mutex::new(Shared {
            without: without.iter().map(|word| (*word).to_owned()).collect(),
            cut: Cut::Nowhere,
            is_cut: false,
            alters: false,
            commands: Vec::new(),
            last: None,
            octets: 0,
        }));
        let proxy = Proxy { port, shared };
        let own = proxy.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (
                    client.unwrap(),
                    TcpStream::connect(("127.0.0.1", server)).unwrap(),
                );
                // What waits for more waits in vain.
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (up, down) = (own.clone(), own.clone());
                thread::spawn(move || up.to_server(from, to));
                thread::spawn(move || down.to_client(server, client));
            }
        });
        proxy
    }

    pub(crate) fn altering(self) -> Proxy {
        self.shared.lock().unwrap().alters = true;
        self
    }

    pub(crate) fn url(&self) -> String {
        format!("imap://alice%40example.org@127.0.0.1:{}?tls=none", self.port)
    }

    /// Cuts the next connection.
    pub(crate) fn cut(&self, cut: Cut) {
        let mut shared = self.shared.lock().unwrap();
        shared.cut = cut;
        (shared.is_cut, shared.last, shared.octets) = (false, None, 0);
        shared.commands.clear();
    }

    pub(crate) fn was_cut(&self) -> bool {
        self.shared.lock().unwrap().is_cut
    }

    /// The commands since the last time.
    pub(crate) fn commands(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().unwrap().commands)
    }

    fn to_server(&self, client: TcpStream, mut server: TcpStream) {
        let mut client = BufReader::new(client);
        let mut added = false;
        let mut line = Vec::new();
        while client.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
            if std::mem::take(&mut added) {
                let _ = server.write_all(ADDED.as_bytes());
            }
            let text = String::from_utf8_lossy(&line).into_owned();
            let number = text.strip_prefix('p').and_then(|rest| rest.split_once(' '));
            if let Some((number, command)) = number.filter(|(number, _)| number.parse::<u32>().is_ok()) {
                let mut shared = self.shared.lock().unwrap();
                shared.commands.push(command.trim_end().to_owned());
                let count = shared.commands.len();
                if shared.cut == Cut::Before(count) {
                    shared.is_cut = true;
                    break;
                }
                if shared.cut == Cut::After(count) {
                    shared.last = Some(format!("p{number} "));
                }
                if shared.alters && command.starts_with("APPEND") {
                    let (head, size) = text.rsplit_once('{').unwrap();
                    let end = size.trim_start_matches(|c: char| c.is_ascii_digit());
                    let size: usize = size.trim_end_matches(end).parse().unwrap();
                    line = format!("{head}{{{}{end}", size + ADDED.len()).into_bytes();
                    added = true;
                }
            }
            if server.write_all(&line).is_err() {
                break;
            }
            line.clear();
        }
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.get_mut().shutdown(Shutdown::Both);
    }

    fn to_client(&self, server: TcpStream, mut client: TcpStream) {
        let mut server = BufReader::new(server);
        let mut line = Vec::new();
        while server.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
            let said = self.changed(&line);
            let mut shared = self.shared.lock().unwrap();
            shared.octets += said.len();
            let is_ended = shared
                .last
                .as_ref()
                .is_some_and(|tag| said.starts_with(tag.as_bytes()));
            let is_over = matches!(shared.cut, Cut::Octets(most) if shared.octets > most);
            if is_ended || is_over {
                shared.is_cut = true;
                break;
            }
            let is_held = shared.last.is_some() && !said.starts_with(b"+");
            drop(shared);
            if !is_held && client.write_all(&said).is_err() {
                break;
            }
            line.clear();
        }
        let _ = client.shutdown(Shutdown::Both);
        let mut rest = Vec::new();
        let _ = server.get_mut().shutdown(Shutdown::Write);
        let _ = server.read_to_end(&mut rest);
    }

    fn changed(&self, line: &[u8]) -> Vec<u8> {
        let shared = self.shared.lock().unwrap();
        let Some(text) = std::str::from_utf8(line)
            .ok()
            .filter(|_| !shared.without.is_empty())
        else {
            return line.to_vec();
        };
        if text.contains("APPENDUID") && shared.without.iter().any(|word| word == "UIDPLUS") {
            let (head, rest) = text.split_once('[').unwrap();
            return format!("{head}{}", rest.split_once(']').unwrap().1.trim_start()).into_bytes();
        }
        if !text.contains("CAPABILITY") {
            return line.to_vec();
        }
        let words = text.split(' ').filter(|word| {
            let word = word.trim_end_matches(['\r', '\n']).split(']').next().unwrap();
            !shared.without.iter().any(|taken| taken == word)
        });
        let mut text = words.collect::<Vec<_>>().join(" ");
        // The last one ends the line, or the list.
        if !text.ends_with('\n') {
            text.push_str("\r\n");
        }
        if text.contains('[') && !text.contains(']') {
            text.insert(text.len() - 2, ']');
        }
        text.into_bytes()
    }
}
