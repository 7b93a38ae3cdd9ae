//! A web server on loopback that answers as a test says.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What was asked: the line of the request, and the body.
pub(crate) type Asked = (String, String);

/// A server, which goes away with the runtime of the test.
pub(crate) struct Web {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Web {
    /// `answer` gets what was asked and the server's own URL, and says the status, more header fields, and the body.
    pub(crate) async fn start(
        answer: impl Fn(&Asked, &str) -> (u16, String, String) + Send + Sync + 'static,
    ) -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (own, log) = (url.clone(), asked.clone());
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (own, log, answer) = (own.clone(), log.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let asked = request(&mut stream).await;
                    let (code, header, body) = answer(&asked, &own);
                    log.lock().unwrap().push(asked);
                    let length = body.len();
                    let reply = format!(
                        "HTTP/1.1 {code} Said\r\nContent-Length: {length}\r\nConnection: close\r\n{header}\r\n{body}"
                    );
                    // Who has heard enough goes away.
                    drop(stream.write_all(reply.as_bytes()).await);
                });
            }
        });
        Web { url, asked }
    }

    /// Everything that was asked until now.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn request(stream: &mut BufReader<TcpStream>) -> Asked {
    let mut first = String::new();
    stream.read_line(&mut first).await.unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let line = first.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    (line, String::from_utf8(body).unwrap())
}
