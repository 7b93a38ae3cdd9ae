//! Takes connections in: counts them, begins TLS where it begins at once, and gives each to its protocol in a task.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::net::{self, IpAddr, SocketAddr};
use std::os::unix;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use crate::Services;
use crate::imap::Stream;
use crate::limits::{Connections, Shares};
use crate::services::Arrival;
use crate::smtp::Port;
use crate::tally::{Counted, Tally};
use crate::tls;

/// Connections that wait to be taken in.
const BACKLOG: i32 = 4096;
/// How long nothing is taken in after the system had no room for another connection.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a client that is turned away is waited for.
const TURN_AWAY_TIME: Duration = Duration::from_secs(1);
/// How often memory that nobody uses is looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// What is spoken at a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// SMTP, submission or LMTP.
    Smtp(Port),
    /// POP3.
    Pop3,
    /// IMAP.
    Imap,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Smtp(Port::Relay) => "SMTP",
            Protocol::Smtp(Port::Submission) => "submission",
            Protocol::Smtp(Port::Lmtp) => "LMTP",
            Protocol::Pop3 => "POP3",
            Protocol::Imap => "IMAP",
        };
        let tls = match self.encryption {
            Encryption::AtOnce => " over TLS",
            Encryption::Later => " with STARTTLS",
            Encryption::Never => "",
        };
        write!(f, "{protocol}{tls} at ")?;
        match &self.socket {
            Bound::Tcp(listener) => match listener.local_addr() {
                Ok(at) => at.fmt(f),
                Err(_) => f.write_str("an unknown port"),
            },
            Bound::Unix(listener) => match listener.local_addr() {
                Ok(at) => write!(f, "{}", at.as_pathname().unwrap_or("a socket".as_ref()).display()),
                Err(_) => f.write_str("a socket"),
            },
        }
    }
}

/// When TLS begins at a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// With the connection (RFC 8314 §3).
    AtOnce,
    /// When the client asks for it.
    Later,
    /// There is none.
    Never,
}

/// Who on this machine may connect to a listener at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The server's own user.
    Owner,
    /// Its group as well: another mail server that brings mail.
    Group,
}

/// Where connections come in.
pub struct Listener {
    socket: Bound,
    protocol: Protocol,
    encryption: Encryption,
}

/// Bound, and not yet part of a runtime: ports are opened before there is one, while root has the say.
enum Bound {
    Tcp(net::TcpListener),
    Unix(unix::net::UnixListener),
}

/// Part of a runtime.
enum Attached {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A listener could not be opened.
#[derive(Debug, Error)]
#[error("{place}: {cause}")]
pub struct ListenError {
    /// Where.
    pub place: Place,
    /// What the system said.
    pub cause: io::Error,
}

/// Where a listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At an address and a port.
    Tcp(SocketAddr),
    /// At a path.
    Unix(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Tcp(at) => at.fmt(f),
            Place::Unix(path) => path.display().fmt(f),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Smtp(Port::Relay) => "SMTP",
            Protocol::Smtp(Port::Submission) => "submission",
            Protocol::Smtp(Port::Lmtp) => "LMTP",
            Protocol::Pop3 => "POP3",
            Protocol::Imap => "IMAP",
        })
    }
}

impl Listener {
    /// Listens at an address.
    ///
    /// # Errors
    /// When the address is taken or may not be used.
    pub fn tcp(at: SocketAddr, protocol: Protocol, encryption: Encryption) -> Result<Self, ListenError> {
        let socket = bind(at).map_err(|cause| ListenError {
            place: Place::Tcp(at),
            cause,
        })?;
        Ok(Listener {
            socket: Bound::Tcp(socket),
            protocol,
            encryption,
        })
    }

    /// Listens at a path, where a socket that nobody listens at any more is replaced. Who may not connect cannot do so
    /// from the first moment on if the process's umask keeps them out.
    ///
    /// # Errors
    /// When there is something else, or the folder cannot be written.
    pub fn unix(path: &Path, protocol: Protocol, reach: Reach) -> Result<Self, ListenError> {
        let bound = unix::net::UnixListener::bind(path).or_else(|error| {
            let abandoned = std::os::unix::net::UnixStream::connect(path);
            if !abandoned.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
                return Err(error);
            }
            fs::remove_file(path)?;
            unix::net::UnixListener::bind(path)
        });
        let mode = match reach {
            Reach::Owner => 0o600,
            Reach::Group => 0o660,
        };
        let bound = bound.and_then(|socket| {
            fs::set_permissions(path, Permissions::from_mode(mode))?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        let socket = bound.map_err(|cause| ListenError {
            place: Place::Unix(path.to_owned()),
            cause,
        })?;
        Ok(Listener {
            socket: Bound::Unix(socket),
            protocol,
            encryption: Encryption::Never,
        })
    }

    /// Its port, which the system has chosen where it was given as 0; none for a path.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match &self.socket {
            Bound::Tcp(listener) => listener.local_addr().ok().map(|at| at.port()),
            Bound::Unix(_) => None,
        }
    }

    fn attach(socket: Bound) -> io::Result<Attached> {
        Ok(match socket {
            Bound::Tcp(socket) => Attached::Tcp(TcpListener::from_std(socket)?),
            Bound::Unix(socket) => Attached::Unix(UnixListener::from_std(socket)?),
        })
    }
}

impl Attached {
    async fn accept(&self, tally: Arc<Tally>) -> io::Result<(Box<dyn Stream>, Option<IpAddr>)> {
        match self {
            Attached::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                // Replies are written whole: there is nothing to wait for.
                stream.set_nodelay(true)?;
                Ok((
                    Box::new(Counted::new(stream, tally)),
                    Some(from.ip().to_canonical()),
                ))
            }
            Attached::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(Counted::new(stream, tally)), None))
            }
        }
    }
}

fn bind(at: SocketAddr) -> io::Result<net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(at),
        Type::STREAM.nonblocking().cloexec(),
        None,
    )?;
    socket.set_reuse_address(true)?;
    if at.is_ipv6() {
        // What listens on IPv4 is said beside it.
        socket.set_only_v6(true)?;
    }
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves until `stop` says so; then no connection is taken in, and those that are there end: with a word to the client
/// where they wait for it, otherwise when what they are doing is done.
pub async fn serve(listeners: Vec<Listener>, services: Arc<Services>, mut stop: watch::Receiver<bool>) {
    let limits = &services.terms().limits;
    let connections = Arc::new(Connections::new(
        limits.connections.min(Shares::of(limits).connections),
        limits.connections_per_address,
    ));
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(
            listener,
            Arc::clone(&services),
            Arc::clone(&connections),
            stop.clone(),
        ));
    }
    let mut sweep = interval(SWEEP);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            _ = sweep.tick() => services.store().sweep(),
        }
    }
    while accepting.join_next().await.is_some() {}
}

/// Takes connections in at one listener.
async fn accept(
    listener: Listener,
    services: Arc<Services>,
    connections: Arc<Connections>,
    mut stop: watch::Receiver<bool>,
) {
    let (protocol, encryption) = (listener.protocol, listener.encryption);
    let listener = match Listener::attach(listener.socket) {
        Ok(attached) => attached,
        Err(error) => return tracing::error!(%protocol, %error, "nothing can be taken in"),
    };
    let mut sessions = JoinSet::new();
    loop {
        let tally = Arc::<Tally>::default();
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            // What has ended is forgotten. A panic has been printed by then.
            Some(_) = sessions.join_next() => continue,
            accepted = listener.accept(Arc::clone(&tally)) => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause(&error).await;
                continue;
            }
        };
        let arrival = Arrival {
            peer,
            protocol,
            encryption,
            tally,
        };
        match connections.count(peer) {
            Some(counted) => {
                let serving = session(stream, arrival, Arc::clone(&services), stop.clone());
                sessions.spawn(counted.through(serving));
            }
            None => {
                services.metrics().refused(protocol);
                sessions.spawn(turn_away(stream, arrival));
            }
        }
    }
    // Those that wait end at once; the others may go on for a while with what they are doing.
    let ended = async { while sessions.join_next().await.is_some() {} };
    // Dropping the set ends the others.
    if timeout(services.terms().times.stop, ended).await.is_err() {
        tracing::warn!(%protocol, "sessions were broken off");
    }
}

/// A client that left before it was taken in costs nothing; what comes from too few files or too little memory passes.
async fn pause(error: &io::Error) {
    if error.kind() == io::ErrorKind::ConnectionAborted {
        return;
    }
    tracing::warn!(%error, "no connection can be taken in");
    sleep(PAUSE).await;
}

async fn session(
    stream: Box<dyn Stream>,
    arrival: Arrival,
    services: Arc<Services>,
    mut stop: watch::Receiver<bool>,
) {
    let begin = Instant::now();
    let Arrival {
        protocol,
        encryption,
        peer,
        ..
    } = arrival;
    let tally = Arc::clone(&arrival.tally);
    services.metrics().began(protocol);
    // Also where a panic ends it.
    let _end = Ended {
        services: Arc::clone(&services),
        tally: Arc::clone(&tally),
        protocol,
        peer,
        begin,
    };
    let stream = match encryption {
        Encryption::Later | Encryption::Never => stream,
        // Boxed, since it is over when the session idles.
        Encryption::AtOnce => match Box::pin(begin_tls(stream, &services, &tally, &mut stop)).await {
            Ok(encrypted) => encrypted,
            Err(error) => {
                services.metrics().tls_failed(protocol);
                return tally.end(format_args!("TLS could not begin: {error}"));
            }
        },
    };
    services.serve(stream, arrival, stop).await;
}

/// Says what came of a session when it is dropped.
struct Ended {
    services: Arc<Services>,
    tally: Arc<Tally>,
    protocol: Protocol,
    peer: Option<IpAddr>,
    begin: Instant,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let Ended {
            tally,
            protocol,
            peer,
            ..
        } = self;
        let time = self.begin.elapsed();
        self.services.metrics().ended(*protocol, tally, time);
        tracing::info!(
            %protocol,
            peer = peer.map(display),
            account = tally.account_name(),
            tls = tally.tls_version(),
            milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            octets_in = tally.read.load(Ordering::Relaxed),
            octets_out = tally.written.load(Ordering::Relaxed),
            commands = tally.commands.load(Ordering::Relaxed),
            messages = tally.messages.load(Ordering::Relaxed),
            end = tally.why(),
            "session"
        );
    }
}

async fn begin_tls(
    stream: Box<dyn Stream>,
    services: &Services,
    tally: &Tally,
    stop: &mut watch::Receiver<bool>,
) -> io::Result<Box<dyn Stream>> {
    tokio::select! {
        encrypted = timeout(services.terms().times.handshake, tls::begin(services.certificates().acceptor(), stream, tally)) => encrypted?,
        () = stopped(stop) => Err(io::Error::other("the server stops")),
    }
}

/// Waits until the server stops.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // When nobody is left to say so, nobody serves either.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Says that there are too many connections, where it can be said without TLS.
async fn turn_away(mut stream: Box<dyn Stream>, arrival: Arrival) {
    let words: &[u8] = match (arrival.encryption, arrival.protocol) {
        (Encryption::AtOnce, _) => b"",
        (_, Protocol::Smtp(_)) => b"421 4.7.0 Too many connections; try again later\r\n",
        (_, Protocol::Pop3) => b"-ERR [SYS/TEMP] Too many connections; try again later\r\n",
        (_, Protocol::Imap) => b"* BYE [UNAVAILABLE] Too many connections; try again later\r\n",
    };
    let said = async {
        stream.write_all(words).await?;
        stream.shutdown().await
    };
    // It may have left already.
    let _ = timeout(TURN_AWAY_TIME, said).await;
}
