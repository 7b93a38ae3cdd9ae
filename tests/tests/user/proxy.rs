//! A server between the program and another one, which changes lines, or cuts the connection once.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What is done with lines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trick {
    /// The connection is cut at the reply to this command, all connections counted together: the command was done, and nobody is told.
    Withhold(usize),
    /// The same right after the reply.
    CutAfter(usize),
    /// These words that the client says are others for the server, of the same length.
    Client(&'static str, &'static str),
    /// These words of the server are others for the client.
    Server(&'static str, &'static str),
    /// A name of the server is another one for the client.
    Renames(&'static str, &'static str),
}

/// Listens for good; the port.
pub(crate) fn start(port: u16, trick: Trick) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
                continue;
            };
            let (to_server, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let count = Arc::clone(&count);
            thread::spawn(move || relay(&client, &to_server, |line| said_by_client(line, trick)));
            thread::spawn(move || relay(&server, &to_client, |line| said_by_server(line, trick, &count)));
        }
    });
    own
}

/// Which way octets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToClient,
    ToServer,
}

/// Listens for good, and lets so many octets of each connection through in one way; then nothing, with the connection open. The port.
pub(crate) fn start_stalling(port: u16, way: Way, most: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
                continue;
            };
            let (to_server, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let limit = |own| if own == way { most } else { usize::MAX };
            let (up, down) = (limit(Way::ToServer), limit(Way::ToClient));
            thread::spawn(move || pass(&client, &to_server, up));
            thread::spawn(move || pass(&server, &to_client, down));
        }
    });
    own
}

fn pass(mut from: &TcpStream, mut to: &TcpStream, mut most: usize) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        let passes = read.min(most);
        most -= passes;
        if to.write_all(&piece[..passes]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// A line to go on with, and whether the connection is cut then.
type Passed = (Vec<u8>, Then);

#[derive(PartialEq, Eq)]
enum Then {
    On,
    Cut,
}

fn relay(from: &TcpStream, mut to: &TcpStream, mut pass: impl FnMut(Vec<u8>) -> Passed) {
    let mut reader = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line) {
            Ok(1..) => {}
            _ => break,
        }
        let (line, then) = pass(line);
        if to.write_all(&line).is_err() || then == Then::Cut {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn said_by_client(line: Vec<u8>, trick: Trick) -> Passed {
    match trick {
        Trick::Client(words, others) | Trick::Renames(others, words) => {
            (replaced(line, words, others), Then::On)
        }
        _ => (line, Then::On),
    }
}

fn said_by_server(line: Vec<u8>, trick: Trick, count: &AtomicUsize) -> Passed {
    let is_reply = is_reply(&line);
    match trick {
        Trick::Server(words, others) | Trick::Renames(words, others) => {
            (replaced(line, words, others), Then::On)
        }
        Trick::Withhold(at) if is_reply && count.fetch_add(1, Ordering::SeqCst) + 1 == at => {
            (Vec::new(), Then::Cut)
        }
        Trick::CutAfter(at) if is_reply && count.fetch_add(1, Ordering::SeqCst) + 1 == at => {
            (line, Then::Cut)
        }
        _ => (line, Then::On),
    }
}

/// Whether a line is the end of a command's reply: no message of these tests has a line of the kind.
fn is_reply(line: &[u8]) -> bool {
    let mut words = line.split(|octet| *octet == b' ');
    let tag = words.next().unwrap_or_default();
    let is_tag =
        tag.first().is_some_and(u8::is_ascii_alphanumeric) && tag.last().is_some_and(u8::is_ascii_digit);
    is_tag && matches!(words.next(), Some(b"OK" | b"NO" | b"BAD"))
}

fn replaced(line: Vec<u8>, words: &str, others: &str) -> Vec<u8> {
    match String::from_utf8(line) {
        Ok(text) => text.replace(words, others).into_bytes(),
        Err(error) => error.into_bytes(),
    }
}
