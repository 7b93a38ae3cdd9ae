//! HTTP for those who watch the server: `/metrics`, `/healthz`, `/readyz`. No login: it listens on loopback unless the
//! settings say otherwise, and says nothing of anybody's mail.

use std::convert::Infallible;
use std::io;
use std::net;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::Services;
use crate::metrics::Page;

/// Questions that are answered at a time.
const AT_ONCE: usize = 32;
/// How long a question may take.
const TIME: Duration = Duration::from_secs(10);
/// How long nothing is taken in after the system had no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Whether the data folder can still be written; why not, in words.
pub type Writing = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What the log of the data folder takes; `None` before it was first looked at.
pub type Room = Arc<dyn Fn() -> Option<LogRoom> + Send + Sync>;

/// What the log of the data folder takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRoom {
    /// Its segments.
    pub segments: u64,
    /// Octets of them.
    pub octets: u64,
    /// Octets of these that are mail, deleted mail that is still kept included.
    pub living: u64,
}

/// What the answers are made from.
#[derive(Clone)]
pub struct Watched {
    /// The server.
    pub services: Arc<Services>,
    /// Whether it can write.
    pub writing: Writing,
    /// What its log takes.
    pub room: Room,
    /// Says when it stops.
    pub stop: watch::Receiver<bool>,
}

/// Answers until the server has stopped.
///
/// # Errors
/// When the listener cannot be used.
pub async fn answer(listener: net::TcpListener, watched: Watched) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let seats = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let seat = Arc::clone(&seats)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "nobody who watches can be taken in");
                sleep(PAUSE).await;
                continue;
            }
        };
        let watched = watched.clone();
        tokio::spawn(async move {
            let _seat = seat;
            let service = service_fn(move |request| {
                let reply = watched.reply(&request);
                async move { Ok::<_, Infallible>(reply) }
            });
            let serving = http1::Builder::new()
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // Whoever leaves early has left.
            let _ = timeout(TIME, serving).await;
        });
    }
}

impl Watched {
    fn reply(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
            reply
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return reply;
        }
        match request.uri().path() {
            "/metrics" => text(StatusCode::OK, self.metrics()),
            "/healthz" => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => match self.ready() {
                Ok(()) => text(StatusCode::OK, "ready\n".to_owned()),
                Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
            },
            _ => text(StatusCode::NOT_FOUND, "/metrics, /healthz, /readyz\n".to_owned()),
        }
    }

    /// The store is open and the listeners are bound, or nobody would answer.
    fn ready(&self) -> Result<(), String> {
        if *self.stop.borrow() {
            return Err("the server is stopping".to_owned());
        }
        (self.writing)()
    }

    fn metrics(&self) -> String {
        let mut page = Page::default();
        self.services.metrics().print(&mut page);
        page.family("posthouse_ready", "gauge", "Whether mail can be taken in.");
        page.line("posthouse_ready", &[], u8::from(self.ready().is_ok()));
        if let Some(room) = (self.room)() {
            let lines = [
                ("posthouse_log_segments", "Segments of the log.", room.segments),
                ("posthouse_log_octets", "Octets of the log.", room.octets),
                (
                    "posthouse_log_living_octets",
                    "Octets of the log that are mail, deleted mail that is kept included.",
                    room.living,
                ),
            ];
            for (name, about, value) in lines {
                page.family(name, "gauge", about);
                page.line(name, &[], value);
            }
        }
        let name = "posthouse_certificate_expiry_timestamp_seconds";
        page.family(name, "gauge", "When a certificate ends.");
        for expiry in self.services.certificates().expiries() {
            page.line(name, &[("file", &expiry.path.to_string_lossy())], expiry.at.0);
        }
        page.family("posthouse_info", "gauge", "What runs.");
        page.line("posthouse_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        page.into_text()
    }
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(text.into()));
    *reply.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    reply
}
