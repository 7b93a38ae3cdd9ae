//! The side of a command: a connection to the server of a folder.

use std::fs::File;
use std::io;
use std::path::Path;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::{Reply, Request, SOCKET, mail, print, short_path};

/// A connection to a running server.
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the server of a folder; `None` where none is running.
    pub(crate) async fn connect(folder: &Path) -> io::Result<Option<Self>> {
        let connected = match File::open(folder) {
            Ok(folder) => UnixStream::connect(short_path(&folder, SOCKET)).await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(stream) => Ok(Some(Client {
                stream: BufReader::new(stream),
            })),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Asks, with the octets that follow the request, and waits for the answer.
    pub(crate) async fn ask(&mut self, request: &Request, body: &[u8]) -> io::Result<Reply> {
        self.stream.write_all(&print(request)).await?;
        self.stream.write_all(body).await?;
        if let Request::Mail(ask) = request {
            self.stream.write_all(&ask.octets()).await?;
        }
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut reply = serde_json::from_slice(&line).map_err(io::Error::from)?;
        if let Reply::Mail(answer) = &mut reply {
            answer.attach(mail::read_exactly(&mut self.stream, answer.attached()).await?);
        }
        Ok(reply)
    }
}
