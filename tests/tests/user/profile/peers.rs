//! Servers of a test's own: a web server, a name server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;

/// A web server: what is asked, and what the answer is.
pub(crate) fn web(answer: impl Fn(&str, &str, &str) -> (u16, String) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let url = own.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut first = String::new();
            stream.read_line(&mut first).unwrap();
            let mut length = 0;
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let line = line.trim_end().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let line = first.trim_end().trim_end_matches(" HTTP/1.1");
            let (code, text) = answer(line, &String::from_utf8(body).unwrap(), &own);
            let length = text.len();
            let head =
                format!("HTTP/1.1 {code} Said\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            drop(stream.get_mut().write_all(format!("{head}{text}").as_bytes()));
        }
    });
    url
}

/// A name server that has one SRV record, of `_imaps._tcp`, and no other name (RFC 1035 §4.1, RFC 2782).
pub(crate) fn dns(target: &'static [&'static str]) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut octets = [0; 4096];
        loop {
            let (length, from) = socket.recv_from(&mut octets).unwrap();
            let asked = &octets[..length];
            // The question: a name, which ends with an empty label, its type and class.
            let end = 12 + asked[12..].iter().position(|octet| *octet == 0).unwrap() + 5;
            let is_asked = asked[12..end].to_ascii_lowercase().starts_with(b"\x06_imaps");
            let mut reply = asked[..2].to_vec();
            let (code, answers) = if is_asked { (0, 1) } else { (3, 0) };
            reply.extend([0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0]);
            reply.extend(&asked[12..end]);
            if is_asked {
                let mut data = vec![0, 0, 0, 1, 0x03, 0xe1];
                for label in target {
                    data.push(u8::try_from(label.len()).unwrap());
                    data.extend(label.as_bytes());
                }
                data.push(0);
                reply.extend([
                    0xc0,
                    12,
                    0,
                    33,
                    0,
                    1,
                    0,
                    0,
                    0,
                    60,
                    0,
                    u8::try_from(data.len()).unwrap(),
                ]);
                reply.extend(data);
            }
            socket.send_to(&reply, from).unwrap();
        }
    });
    address
}
