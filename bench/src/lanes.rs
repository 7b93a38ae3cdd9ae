//! The engine of the load generator: many connections, one thread, `poll(2)`.
//!
//! Client and server share two cores, so the client must cost next to nothing: requests are built
//! before or with one copy, replies are not parsed but only looked at for their end, and one thread
//! serves every connection. Sockets stay blocking: a read happens only after `poll` says that bytes
//! are there, and requests are far smaller than a socket's buffer.

use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A reply that takes longer than this ends the run.
const STALL: Timespec = Timespec {
    tv_sec: 60,
    tv_nsec: 0,
};

/// What one read is worth at most; large, so that a body of 100 MB takes few system calls.
const READ: usize = 512 * 1024;

/// What the bytes just heard mean for the connection.
pub(crate) enum Heard {
    /// The reply is not yet whole, or a request in several steps goes on.
    Waiting,
    /// This many operations ended and the next one was asked for.
    Ended(u64),
    /// This many operations ended and no further one follows.
    Finished(u64),
    /// This many operations ended; the next one wants a new connection.
    Reconnect(u64),
}

/// One connection's conversation: it is told what came and says what to send.
pub(crate) trait Talk {
    /// Writes the first request; nothing where the server speaks first.
    fn begin(&mut self, out: &mut Vec<u8>);

    /// Takes what came and writes what is to be sent next.
    ///
    /// # Errors
    /// When the server refused something that this run needs.
    fn hear(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Heard>;
}

/// How many operations all connections of a run may still begin, and until when.
#[derive(Clone)]
pub(crate) struct Budget {
    left: Rc<Cell<u64>>,
    until: Instant,
}

impl Budget {
    /// At most `count` operations, begun within `time` from now.
    pub(crate) fn new(count: u64, time: Duration) -> Self {
        Self {
            left: Rc::new(Cell::new(count)),
            until: Instant::now() + time,
        }
    }

    /// Whether one more operation may begin.
    pub(crate) fn take(&self) -> bool {
        let left = self.left.get();
        if left == 0 || Instant::now() >= self.until {
            return false;
        }
        self.left.set(left - 1);
        true
    }
}

/// One connection of a run.
pub(crate) struct Lane {
    stream: TcpStream,
    talk: Box<dyn Talk>,
    asked: Instant,
    open: bool,
}

impl Lane {
    /// A connection that is ready for its first request.
    pub(crate) fn new(stream: TcpStream, talk: Box<dyn Talk>) -> Self {
        Self {
            stream,
            talk,
            asked: Instant::now(),
            open: true,
        }
    }

    fn send(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if !out.is_empty() {
            self.stream.write_all(out).context("sending to the server")?;
            out.clear();
        }
        Ok(())
    }
}

/// What a run counted.
#[derive(Default)]
pub(crate) struct Tally {
    /// Operations that ended.
    pub(crate) ops: u64,
    /// From the first request to the last reply.
    pub(crate) wall: Duration,
    /// How long each exchange took.
    pub(crate) latencies: Vec<Duration>,
    /// The connections, still open: a server's process must not end while its CPU is read.
    pub(crate) lanes: Vec<Lane>,
}

/// Connects with the options every connection here wants.
pub(crate) fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Runs the conversations until each has finished.
pub(crate) fn run(mut lanes: Vec<Lane>, address: SocketAddr) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut buffer = vec![0_u8; READ];
    let mut out = Vec::with_capacity(64 * 1024);
    let start = Instant::now();
    for lane in &mut lanes {
        lane.asked = Instant::now();
        lane.talk.begin(&mut out);
        lane.send(&mut out)?;
    }
    while lanes.iter().any(|lane| lane.open) {
        let ready = wait(&lanes)?;
        for (lane, ready) in lanes.iter_mut().zip(ready) {
            if ready {
                serve(
                    lane,
                    address,
                    &mut Scratch {
                        buffer: &mut buffer,
                        out: &mut out,
                    },
                    &mut tally,
                )?;
            }
        }
    }
    tally.wall = start.elapsed();
    tally.lanes = lanes;
    Ok(tally)
}

/// The buffers that all connections share.
struct Scratch<'a> {
    buffer: &'a mut [u8],
    out: &'a mut Vec<u8>,
}

/// Says which connections have something to read.
fn wait(lanes: &[Lane]) -> Result<Vec<bool>> {
    let mut fds: Vec<PollFd<'_>> = lanes
        .iter()
        .filter(|lane| lane.open)
        .map(|lane| PollFd::new(&lane.stream, PollFlags::IN))
        .collect();
    if fds.len() > 1 || lanes.len() > 1 {
        let ready = poll(&mut fds, Some(&STALL)).context("waiting for the server")?;
        if ready == 0 {
            bail!("the server did not answer for {} s", STALL.tv_sec);
        }
    }
    // A single connection needs no poll: its read waits.
    let single = lanes.len() == 1;
    let mut fds = fds.iter();
    Ok(lanes
        .iter()
        .map(|lane| lane.open && fds.next().is_some_and(|fd| single || !fd.revents().is_empty()))
        .collect())
}

fn serve(lane: &mut Lane, address: SocketAddr, scratch: &mut Scratch<'_>, tally: &mut Tally) -> Result<()> {
    let length = lane
        .stream
        .read(scratch.buffer)
        .context("reading from the server")?;
    let bytes = scratch.buffer.get(..length).unwrap_or_default();
    let heard = lane.talk.hear(bytes, scratch.out)?;
    let (ended, reconnect) = match heard {
        Heard::Waiting if bytes.is_empty() => bail!("the server closed the connection"),
        Heard::Waiting => (0, false),
        Heard::Ended(ended) => (ended, false),
        Heard::Reconnect(ended) => (ended, true),
        Heard::Finished(ended) => {
            lane.open = false;
            (ended, false)
        }
    };
    if ended > 0 {
        let now = Instant::now();
        tally.ops += ended;
        tally.latencies.push(now.duration_since(lane.asked));
        lane.asked = now;
    }
    if reconnect {
        lane.stream = connect(address)?;
        lane.talk.begin(scratch.out);
    }
    lane.send(scratch.out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Sends one byte and wants it back.
    struct Ping(Budget);

    impl Talk for Ping {
        fn begin(&mut self, out: &mut Vec<u8>) {
            assert!(self.0.take());
            out.push(b'p');
        }

        fn hear(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Heard> {
            assert!(bytes.len() <= 1);
            if bytes.is_empty() {
                return Ok(Heard::Waiting);
            }
            if !self.0.take() {
                return Ok(Heard::Finished(1));
            }
            out.push(b'p');
            Ok(Heard::Ended(1))
        }
    }

    fn answer(mut stream: TcpStream, answers: usize) {
        let mut byte = [0_u8; 1];
        for _ in 0..answers {
            if stream
                .read_exact(&mut byte)
                .and_then(|()| stream.write_all(&byte))
                .is_err()
            {
                break;
            }
        }
    }

    /// Answers `answers` bytes on each connection and then closes it.
    fn server(answers: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                std::thread::spawn(move || answer(stream, answers));
            }
        });
        address
    }

    #[test]
    fn every_operation_of_the_budget_is_counted_once() {
        for connections in [1, 3] {
            let address = server(usize::MAX);
            let budget = Budget::new(100, Duration::from_secs(60));
            let lanes = (0..connections)
                .map(|_| Lane::new(connect(address).unwrap(), Box::new(Ping(budget.clone()))))
                .collect();
            let tally = run(lanes, address).unwrap();
            assert_eq!(
                (tally.ops, tally.latencies.len()),
                (100, 100),
                "{connections} connections"
            );
        }
    }

    #[test]
    fn a_connection_that_the_server_closes_ends_the_run() {
        let address = server(5);
        let budget = Budget::new(100, Duration::from_secs(60));
        let lane = Lane::new(connect(address).unwrap(), Box::new(Ping(budget)));
        assert!(run(vec![lane], address).is_err());
    }
}
