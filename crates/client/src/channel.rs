//! A connection to a server: lines in, octets out, with time-outs, limits, and a log.
//!
//! What is to be sent is queued and goes out with [`Channel::flush`], so that commands that may go together do (RFC 2920). A line
//! over its limit, silence, and a connection that ends in the middle are failures; after one, the connection is of no use any more.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use sasl::client::{ClientError, Exchange};
use sasl::encoding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{self, timeout};
use wire::{Framed, LineFramer};

use crate::connect::{self, Protection, Stream};
use crate::error::{Cause, Failure, Step};
use crate::login::Ground;
use crate::{Direction, Security, Server};

/// What is read at once.
const READ: usize = 64 << 10;

/// The longest line: ten times what RFC 5321 §4.5.3.1.5, RFC 1939 §3 and RFC 2449 §4 allow; IMAP's are read in pieces.
pub(crate) const LINE: usize = 16 << 10;

/// When something has to be here as a whole: what dribbles in octet by octet would otherwise keep its reader for days. The time runs
/// from the first wait on.
pub(crate) struct Deadline {
    patience: Duration,
    at: Option<time::Instant>,
}

impl Deadline {
    /// So long after the first wait.
    pub(crate) fn after(patience: Duration) -> Self {
        Deadline { patience, at: None }
    }

    fn left(&mut self) -> Duration {
        let now = time::Instant::now();
        let at = *self.at.get_or_insert(now + self.patience);
        at.saturating_duration_since(now)
    }
}

/// A server that answers within this time is near, and is waited for without going to sleep: where a processor that sleeps must be
/// called by another, as in most virtual machines, falling asleep and waking up takes longer than its answer (50-80 µs; 10 kB to
/// `smtp-sink` 60 % more in a second). A server that once needs longer is slept for again.
const NEAR: Duration = Duration::from_micros(200);

/// A connection.
pub(crate) struct Channel {
    stream: Stream,
    tls: Protection,
    input: BytesMut,
    output: BytesMut,
    lines: LineFramer,
    server: Server,
    literal: String,
    /// Whether the last answer came at once ([`NEAR`]).
    near: bool,
}

impl Channel {
    /// Connects, with TLS at once where the server is to have it.
    pub(crate) async fn connect(server: &Server) -> Result<Self, Failure> {
        let (stream, literal) = connect::connect(server).await?;
        let mut channel = Channel::over(stream, literal, server);
        if server.security == Security::Tls {
            channel.begin_tls().await?;
        }
        Ok(channel)
    }

    /// A channel over a stream that is there already.
    pub(crate) fn over(stream: Stream, literal: String, server: &Server) -> Self {
        Channel {
            stream,
            tls: Protection::default(),
            input: BytesMut::new(),
            output: BytesMut::new(),
            lines: LineFramer::new(LINE),
            server: server.clone(),
            literal,
            near: false,
        }
    }

    /// The server that is spoken with.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The address of this side, as EHLO says it (RFC 5321 §4.1.3).
    pub(crate) fn literal(&self) -> &str {
        &self.literal
    }

    /// What the connection gives to a login.
    pub(crate) fn ground(&self) -> Ground<'_> {
        Ground {
            exporter: self.tls.exporter.as_ref().map(<[u8; 32]>::as_slice),
            certificate: self.tls.certificate,
        }
    }

    /// Whether TLS is on.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls.encrypted
    }

    /// Begins TLS now, after STARTTLS was taken.
    ///
    /// Whatever came before is a failure: it is not from the server that TLS vouches for (RFC 3207 §6, RFC 2595 §9).
    pub(crate) async fn begin_tls(&mut self) -> Result<(), Failure> {
        if !self.input.is_empty() {
            return Err((Step::Tls, Cause::BeforeTls));
        }
        let stream = std::mem::replace(&mut self.stream, nothing());
        let (stream, tls) = self.server.tls.begin(stream, &self.server).await?;
        self.stream = stream;
        self.tls = tls;
        self.note("TLS is on");
        Ok(())
    }

    /// Puts another layer over the stream, such as COMPRESS.
    pub(crate) fn layer(&mut self, over: impl FnOnce(Stream) -> Stream) {
        let stream = std::mem::replace(&mut self.stream, nothing());
        self.stream = over(stream);
    }

    /// Queues a line; its end is added.
    pub(crate) fn say(&mut self, line: &str) {
        self.tell(Direction::Sent, line.as_bytes());
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    /// Queues a line with a secret in it; `shown` stands for it in the log.
    pub(crate) fn say_secretly(&mut self, line: &[u8], shown: &str) {
        self.tell(Direction::Sent, shown.as_bytes());
        self.output.extend_from_slice(line);
        self.output.extend_from_slice(b"\r\n");
    }

    /// Answers a challenge of a login, in base64 as the text protocols have it; neither is logged. What cannot be answered is given back:
    /// how an exchange is called off is the protocol's.
    pub(crate) fn answer(&mut self, exchange: &mut Exchange, challenge: &[u8]) -> Result<(), ClientError> {
        let challenge = encoding::decode_response(challenge);
        let challenge = challenge.map_err(|_| ClientError::Malformed(exchange.mechanism()))?;
        let answer = exchange.respond(&challenge)?;
        self.say_secretly(encoding::encode(&answer).as_bytes(), "…");
        Ok(())
    }

    /// What is queued, to add octets of a message to: they are not logged.
    pub(crate) fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Sends what is queued.
    pub(crate) async fn flush(&mut self, patience: Duration) -> Result<(), Cause> {
        if self.output.is_empty() {
            return Ok(());
        }
        let sent = timeout(patience, async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        });
        let sent = sent.await.map_err(|_| Cause::TimedOut(patience))?;
        // What had a secret in it goes away with the rest.
        self.output.clear();
        sent.map_err(Cause::Connection)
    }

    /// The next line, without its end. What is queued goes out first.
    pub(crate) async fn line(&mut self, patience: Duration) -> Result<Bytes, Cause> {
        self.line_until(&mut Deadline::after(patience)).await
    }

    /// The same, where several lines together have to come in time.
    pub(crate) async fn line_until(&mut self, deadline: &mut Deadline) -> Result<Bytes, Cause> {
        loop {
            match self.lines.next(&mut self.input) {
                Framed::Line(line) => {
                    self.tell(Direction::Received, &line);
                    return Ok(line.freeze());
                }
                Framed::TooLong => return Err(Cause::TooLong(LINE)),
                Framed::Incomplete => self.fill_until(deadline).await?,
            }
        }
    }

    /// As [`Channel::fill`], for a part of what has to come as a whole in time.
    pub(crate) async fn fill_until(&mut self, deadline: &mut Deadline) -> Result<(), Cause> {
        let filled = self.fill(deadline.left()).await;
        filled.map_err(|cause| match cause {
            Cause::TimedOut(_) => Cause::TimedOut(deadline.patience),
            other => other,
        })
    }

    /// Reads more of what the server sends. What is queued goes out first.
    pub(crate) async fn fill(&mut self, patience: Duration) -> Result<(), Cause> {
        self.flush(patience).await?;
        self.input.reserve(READ);
        let asked = Instant::now();
        let active = if self.near { NEAR } else { Duration::ZERO };
        let reading = actively(active, self.stream.read_buf(&mut self.input));
        let read = timeout(patience, reading).await;
        self.near = asked.elapsed() < NEAR;
        match read.map_err(|_| Cause::TimedOut(patience))? {
            Ok(0) => Err(Cause::Closed),
            Ok(_) => Ok(()),
            Err(error) => Err(ended(error)),
        }
    }

    /// What has come and was not taken yet. Between lines it may be taken from here.
    pub(crate) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Notes something in the log.
    pub(crate) fn note(&self, words: &str) {
        self.tell(Direction::Note, words.as_bytes());
    }

    /// Tells the log.
    pub(crate) fn tell(&self, direction: Direction, line: &[u8]) {
        if let Some(log) = &self.server.log {
            log.tell(direction, line);
        }
    }
}

/// A connection that was cut is one that was closed, however the system calls it.
fn ended(error: std::io::Error) -> Cause {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => Cause::Closed,
        _ => Cause::Connection(error),
    }
}

/// Waits for `task`, without going to sleep until `active` is over; other tasks of the runtime go on meanwhile.
async fn actively<T>(active: Duration, task: impl Future<Output = T>) -> T {
    tokio::pin!(task);
    let began = Instant::now();
    while began.elapsed() < active {
        tokio::select! {
            biased;
            done = &mut task => return done,
            () = tokio::task::yield_now() => {}
        }
        // Where the server has the same processor, it must get it to answer.
        std::thread::yield_now();
    }
    task.await
}

/// Stands where a stream was while something is put over it.
fn nothing() -> Stream {
    Box::new(tokio::io::join(tokio::io::empty(), tokio::io::sink()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::actively;

    #[tokio::test]
    async fn who_waits_actively_lets_others_work() {
        let (answer, answered) = tokio::sync::oneshot::channel();
        tokio::spawn(async move { answer.send("at once") });
        let long = Duration::from_secs(60);
        let heard = tokio::time::timeout(long, actively(long, answered)).await;
        assert_eq!(heard.expect("the other task was never run"), Ok("at once"));
    }

    #[tokio::test]
    async fn what_takes_longer_is_waited_for_all_the_same() {
        let answer = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            7
        };
        assert_eq!(actively(Duration::from_micros(10), answer).await, 7);
    }
}
