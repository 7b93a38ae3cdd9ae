//! A server that plays a script over TCP: `S:` lines it says, `C:` lines it must hear, `X` where it closes.
//!
//! `C: <*>` is any line. `C: BODY` is every line up to a lone dot. A blank line ends a connection; the next one is another.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

/// A scripted server.
pub(crate) struct Script {
    address: SocketAddr,
    player: JoinHandle<()>,
}

impl Script {
    /// Begins to play.
    pub(crate) fn play(script: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections: Vec<Vec<String>> = script
            .split("\n\n")
            .map(|part| {
                part.lines()
                    .map(|line| line.trim().to_owned())
                    .filter(|line| !line.is_empty())
                    .collect()
            })
            .collect();
        let player = thread::spawn(move || {
            for lines in connections {
                let (stream, _) = listener.accept().unwrap();
                play(&lines, BufReader::new(stream));
            }
        });
        Script { address, player }
    }

    /// The URL of the server, without TLS.
    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}?tls=none&name=client.example", self.address)
    }

    /// Waits until all was said and heard.
    pub(crate) fn end(self) {
        if let Err(panic) = self.player.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn play(lines: &[String], mut stream: BufReader<std::net::TcpStream>) {
    for line in lines {
        if let Some(said) = line.strip_prefix("S:") {
            let said = said.strip_prefix(' ').unwrap_or(said);
            // A client that was told to expect a refusal may be gone.
            let _ = stream
                .get_mut()
                .write_all(format!("{}\r\n", said.replace("\\r\\n", "\r\n")).as_bytes());
        } else if let Some(wanted) = line.strip_prefix("C:") {
            hear(wanted.strip_prefix(' ').unwrap_or(wanted), &mut stream);
        } else {
            assert_eq!(line, "X", "a script has S:, C: and X");
            return;
        }
    }
}

fn hear(wanted: &str, stream: &mut BufReader<std::net::TcpStream>) {
    loop {
        let mut heard = String::new();
        stream.read_line(&mut heard).unwrap();
        let heard = heard
            .strip_suffix("\r\n")
            .unwrap_or_else(|| panic!("wanted {wanted:?}, and heard {heard:?}"));
        match wanted {
            "BODY" if heard == "." => return,
            "BODY" => {}
            "<*>" => return,
            _ => return assert_eq!(heard, wanted),
        }
    }
}
