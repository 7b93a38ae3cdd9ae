//! Two accounts over a memory engine, and a connection over a pipe.
//!
//! The clock of these tests is paused: where a server waits for more than the client sends, its time runs out at once, and
//! what it says then stands in the failure.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use directory::{Login, Standing};
use engine::Batch;
use sasl::Credentials;
use smtp::Refusal;
use store::{Delivery, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use types::{AccountId, Address, Domain, MailboxName, Timestamp};

use crate::smtp::{Answer, Authority, Door, Found, Intake, Owns, Port, Relay, Site, Tls, serve};

/// The largest message in these tests.
pub(super) const LIMIT: u64 = 100_000;

/// `alice` (1) and `bob` (2) at `example.org` and `例子.中国`, whose passwords are their names; `team` is both, `张三` is alice.
struct Accounts;

fn account(name: &str) -> Option<AccountId> {
    match name {
        "alice" | "张三" => Some(AccountId(1)),
        "bob" => Some(AccountId(2)),
        _ => None,
    }
}

fn inbox(account: AccountId) -> Delivery {
    Delivery {
        account,
        mailbox: MailboxName::inbox(),
    }
}

impl crate::Sasl for Accounts {}

impl Authority for Accounts {
    fn log_in<'a>(&'a self, credentials: &'a Credentials, _: Option<IpAddr>) -> Answer<'a, Arc<Login>> {
        Box::pin(async move {
            let right = credentials.password.expose() == credentials.login.as_bytes();
            let account = account(&credentials.login).filter(|_| right);
            let account = account.ok_or(Refusal::AuthFailed)?;
            let address = Address::parse(&format!("{}@example.org", credentials.login)).expect("a name");
            let standing = Standing::lasting();
            Ok(Arc::new(Login {
                account,
                address,
                standing,
            }))
        })
    }

    fn resolve<'a>(&'a self, address: &'a Address) -> Answer<'a, Found> {
        Box::pin(async move {
            if !["example.org", "例子.中国"].contains(&address.domain.as_str()) {
                return Ok(Found::Elsewhere);
            }
            let name = address.local.without_tag();
            Ok(match (name, account(name)) {
                ("team", _) => Found::Here(vec![inbox(AccountId(1)), inbox(AccountId(2))]),
                ("postmaster", _) => Found::Here(vec![inbox(AccountId(1))]),
                (_, Some(account)) => Found::Here(vec![inbox(account)]),
                (_, None) => Found::Nobody,
            })
        })
    }

    fn may_send_as<'a>(&'a self, login: AccountId, address: &'a Address) -> Answer<'a, Owns> {
        Box::pin(async move {
            Ok(match account(address.local.without_tag()) == Some(login) {
                true => Owns::Yes,
                false => Owns::No,
            })
        })
    }
}

/// A server without sockets.
pub(super) struct Rig {
    site: Arc<Site>,
    engine: Arc<dyn engine::Engine>,
    stop: watch::Sender<bool>,
    /// The server stops when somebody next looks at the clock: when a message begins, and when it has come.
    stops_at_the_clock: Arc<AtomicBool>,
}

impl Rig {
    pub(super) fn new(relay: Relay) -> Self {
        Self::with_limit(relay, LIMIT)
    }

    /// One that takes messages of another size.
    pub(super) fn with_limit(relay: Relay, message_limit: u64) -> Self {
        let (stop, _) = watch::channel(false);
        let stops_at_the_clock = Arc::new(AtomicBool::new(false));
        let now: store::Now = {
            let (stop, stops) = (stop.clone(), Arc::clone(&stops_at_the_clock));
            Arc::new(move || {
                if stops.load(Ordering::SeqCst) {
                    stop.send_replace(true);
                }
                Timestamp(1_000_000_000)
            })
        };
        let domain = Domain::check("example.org").unwrap();
        let engine: Arc<dyn engine::Engine> = Arc::new(engine::memory::MemoryEngine::default());
        Rig {
            site: Arc::new(Site {
                authority: Arc::new(Accounts),
                store: Store::new(Arc::clone(&engine), Arc::clone(&now)),
                intake: Arc::new(Intake::new((1 << 20) + (1 << 17))),
                now,
                host: domain.clone(),
                domain,
                terms: Arc::default(),
                message_limit,
                relay,
            }),
            engine,
            stop,
            stops_at_the_clock,
        }
    }

    /// Stops the server when the message that is on its way has come, before it is delivered.
    pub(super) fn stop_before_delivery(&self) {
        self.stops_at_the_clock.store(true, Ordering::SeqCst);
    }

    /// A new connection.
    pub(super) fn connect(&self, port: Port) -> Client {
        let (near, far) = tokio::io::duplex(1 << 16);
        let door = Door {
            site: Arc::clone(&self.site),
            port,
            peer: Some("192.0.2.1".parse().unwrap()),
            // The "encryption" of these tests changes nothing.
            tls: Tls::CanStart(Box::new(|stream| Box::pin(async { Ok(stream) }))),
            tally: Arc::default(),
            stop: self.stop.subscribe(),
        };
        Client {
            stream: near,
            heard: Vec::new(),
            said: Vec::new(),
            begun: Instant::now(),
            server: tokio::spawn(serve(Box::new(far), door)),
        }
    }

    /// A conversation on a new connection, and what is left of it.
    pub(super) async fn talk(&self, port: Port, script: &str) {
        let mut client = self.connect(port);
        client.talk(script).await;
        client.end().await;
    }

    /// Makes an account unreadable that nobody has opened yet.
    pub(super) async fn damage(&self, name: &str) {
        let account = account(name).unwrap();
        let other = Store::new(Arc::clone(&self.engine), Arc::clone(&self.site.now));
        other.account(account).await.unwrap();
        let partition = Store::partition(account);
        let all = Bytes::from_static(&[0])..Bytes::from_static(&[u8::MAX]);
        let mut batch = Batch::new(partition);
        for row in self.engine.scan(partition, all, 1000).await.unwrap() {
            batch.put(&row.key, b"damaged");
        }
        self.engine.commit(batch).await.unwrap();
    }

    /// The messages of a mailbox.
    pub(super) async fn mail(&self, name: &str, mailbox: &str) -> Vec<String> {
        let account = self.site.store.account(account(name).unwrap()).await.unwrap();
        let Some(mailbox) = account.mailbox(&MailboxName::check(mailbox).unwrap()) else {
            return Vec::new();
        };
        let view = account.view(mailbox.id).await.unwrap();
        let mut messages = Vec::new();
        for (_, row) in view.iter() {
            let octets = account.read_blob(row.blob, 0..row.size.into()).await.unwrap();
            messages.push(String::from_utf8(octets.to_vec()).unwrap());
        }
        messages
    }
}

/// The other end of a connection.
pub(super) struct Client {
    stream: DuplexStream,
    heard: Vec<u8>,
    /// The conversation so far, to be read when a test fails.
    said: Vec<String>,
    begun: Instant,
    server: JoinHandle<()>,
}

impl Client {
    /// Goes through a script: `C: ` is sent with CRLF, `C| ` as it is with escapes, `S: ` must come, where `<*>` at the
    /// end stands for anything, and `X:` is the end of the connection.
    pub(super) async fn talk(&mut self, script: &str) {
        for line in script
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.is_empty())
        {
            match line.split_at(2) {
                ("C:", text) => {
                    self.send(format!("{}\r\n", text.strip_prefix(' ').unwrap_or(text)).as_bytes())
                        .await
                }
                ("C|", text) => self.send(&unescape(text.strip_prefix(' ').unwrap_or(text))).await,
                ("S:", text) => self.expect(text.strip_prefix(' ').unwrap_or(text)).await,
                ("X:", _) => self.expect_end().await,
                _ => panic!("not a line of a script: {line:?}"),
            }
        }
    }

    /// A server that has closed shows it in what it says last, which is looked at next.
    pub(super) async fn send(&mut self, octets: &[u8]) {
        let start = octets.get(..100).unwrap_or(octets);
        self.said.push(format!("C: {}", start.escape_ascii()));
        let _ = self.stream.write_all(octets).await;
    }

    async fn expect(&mut self, wanted: &str) {
        let got = self.line().await;
        let fits = match (&got, wanted.strip_suffix("<*>")) {
            (None, _) => false,
            (Some(got), Some(start)) => got.starts_with(start),
            (Some(got), None) => got == wanted,
        };
        let got = got.unwrap_or_else(|| "the end of the connection".to_owned());
        assert!(fits, "{}\nexpected {wanted:?}, got {got:?}", self.said());
    }

    async fn expect_end(&mut self) {
        let got = self.line().await;
        assert_eq!(got, None, "{}\nexpected the end of the connection", self.said());
    }

    /// What was said last.
    fn said(&self) -> String {
        let from = self.said.len().saturating_sub(20);
        self.said[from..].join("\n")
    }

    /// Seconds since it connected.
    pub(super) fn seconds(&self) -> u64 {
        self.begun.elapsed().as_secs()
    }

    /// The next line without its end, or nothing at the end of the connection.
    pub(super) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.heard.windows(2).position(|two| two == b"\r\n") {
                let rest = self.heard.split_off(at + 2);
                let line = std::mem::replace(&mut self.heard, rest);
                let line = String::from_utf8(line[..at].to_vec()).unwrap();
                self.said.push(format!("S: {line}"));
                return Some(line);
            }
            if self.stream.read_buf(&mut self.heard).await.unwrap() == 0 {
                assert_eq!(self.heard, b"", "a line without its end");
                return None;
            }
        }
    }

    /// Stops sending; the server must end without another word.
    pub(super) async fn end(mut self) {
        self.stream.shutdown().await.unwrap();
        self.expect_end().await;
        self.server.await.unwrap();
    }
}

/// `\r`, `\n`, `\0` and `\\`.
fn unescape(text: &str) -> Vec<u8> {
    text.replace("\\r", "\r")
        .replace("\\n", "\n")
        .replace("\\0", "\0")
        .replace("\\\\", "\\")
        .into_bytes()
}
