//! From a [`Server`] to a stream of octets: the proxy, TCP, TLS.

mod proxy;
mod tls;

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub use self::proxy::Proxy;
pub use self::tls::{Identity, Trust};
pub(crate) use self::tls::{Protection, Settings};
use crate::error::{Cause, Failure, Step};
use crate::{Direction, Server};

/// Octets in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

/// A connection, whatever it is made of.
pub(crate) type Stream = Box<dyn Duplex>;

/// A connection over TCP, through the proxy if there is one, without TLS yet; and the address of this side.
pub(crate) async fn connect(server: &Server) -> Result<(Stream, String), Failure> {
    let made = timeout(server.time_outs.connect, tcp(server)).await;
    let stream = made.map_err(|_| (Step::Connecting, Cause::TimedOut(server.time_outs.connect)))??;
    // A command waits for nobody: what is written is written at once (RFC 1122 §4.2.3.4).
    let name = stream
        .set_nodelay(true)
        .and_then(|()| stream.local_addr())
        .map_err(|error| (Step::Connecting, Cause::Connection(error)))?;
    let literal = match name.ip() {
        std::net::IpAddr::V4(address) => format!("[{address}]"),
        std::net::IpAddr::V6(address) => format!("[IPv6:{address}]"),
    };
    if let Some(log) = &server.log {
        log.tell(
            Direction::Note,
            format!("connected to {}", server.authority()).as_bytes(),
        );
    }
    Ok((Box::new(stream), literal))
}

async fn tcp(server: &Server) -> Result<TcpStream, Failure> {
    if let Some(proxy) = &server.proxy {
        let stream = proxy.connect(&server.host, server.port).await;
        return stream.map_err(|error| (Step::Proxy, Cause::Proxy(Box::new(error))));
    }
    let address = (ascii(&server.host), server.port);
    let stream = TcpStream::connect((address.0.as_str(), address.1)).await;
    stream.map_err(|error| (Step::Connecting, Cause::Connection(worded(error))))
}

/// A name as DNS has it (RFC 5890 §2.3.2.1).
fn ascii(host: &str) -> String {
    url::Host::parse(host).map_or_else(
        |_| host.to_owned(),
        |host| match host {
            url::Host::Domain(name) => name,
            url::Host::Ipv4(address) => address.to_string(),
            url::Host::Ipv6(address) => address.to_string(),
        },
    )
}

/// An address that cannot be found is said by the system in a sentence of its own; the rest is good as it is.
fn worded(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(_) => io::Error::from(error.kind()),
        None => error,
    }
}
