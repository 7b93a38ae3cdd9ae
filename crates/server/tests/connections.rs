//! What listeners promise, over sockets and an engine in memory.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use config::{Limits, Settings};
use directory::{Cost, Directory, NewAccount};
use engine::memory::MemoryEngine;
use posthouse_server::listen::{Encryption, Listener, Protocol, Reach, serve};
use posthouse_server::smtp::Port;
use posthouse_server::tls::{Certificates, Files};
use posthouse_server::{Mode, Services, system_clock};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use store::Store;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use types::{Address, Domain};

/// A server on ports of its own.
struct Server {
    smtp: SocketAddr,
    submission: SocketAddr,
    imap: SocketAddr,
    imaps: SocketAddr,
    pop3: SocketAddr,
    folder: tempfile::TempDir,
    certificate: Certificates,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

async fn start(mode: Mode, connections: usize) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let name = |text| Domain::check(text).unwrap();
    let mut settings = Settings::new(name("localhost"), name("example.org"));
    settings.limits = Limits {
        connections,
        ..Limits::default()
    };
    let engine: Arc<dyn engine::Engine> = Arc::new(MemoryEngine::default());
    let directory = Directory::new(Arc::clone(&engine), name("example.org"), Cost::LEAST);
    let alice = NewAccount {
        address: Address::parse("alice@example.org").unwrap(),
        password: sasl::Secret::from("alice"),
    };
    directory.add_account(alice).await.unwrap();
    let files = Files::self_signed(folder.path(), vec!["localhost".to_owned()]).unwrap();
    let state = (Store::new(engine, system_clock()), directory);
    let certificate = Certificates::read(files).unwrap();
    let services = Services::new(&settings, state, certificate.clone(), mode);
    let listen = |protocol, encryption| {
        let listener = Listener::tcp((Ipv4Addr::LOCALHOST, 0).into(), protocol, encryption).unwrap();
        (listener.port(), listener)
    };
    let (smtp, a) = listen(Protocol::Smtp(Port::Relay), Encryption::Later);
    let (submission, b) = listen(Protocol::Smtp(Port::Submission), Encryption::Later);
    let (imap, c) = listen(Protocol::Imap, Encryption::Later);
    let (imaps, d) = listen(Protocol::Imap, Encryption::AtOnce);
    let (pop3, e) = listen(Protocol::Pop3, Encryption::Later);
    let path = folder.path().join("lmtp");
    let lmtp = Listener::unix(&path, Protocol::Smtp(Port::Lmtp), Reach::Owner).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(async move {
        serve(vec![a, b, c, d, e, lmtp], services, stopped).await;
    });
    let at = |port: Option<u16>| (Ipv4Addr::LOCALHOST, port.unwrap()).into();
    Server {
        smtp: at(smtp),
        submission: at(submission),
        imap: at(imap),
        imaps: at(imaps),
        pop3: at(pop3),
        folder,
        certificate,
        stop,
        serving,
    }
}

/// The other end of a connection.
struct Client<S>(BufReader<S>);

impl Client<TcpStream> {
    async fn to(place: SocketAddr) -> Self {
        Client(BufReader::new(TcpStream::connect(place).await.unwrap()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn hear(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(Duration::from_secs(10), self.0.read_line(&mut line)).await;
        read.expect("the server says something").unwrap();
        line.trim_end().to_owned()
    }

    async fn say(&mut self, line: &str) -> String {
        self.0.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.hear().await
    }
}

async fn over_tls(place: SocketAddr, folder: &Path) -> Client<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(folder.join("certificate.pem")).unwrap())
        .unwrap();
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(place).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    Client(BufReader::new(connector.connect(name, stream).await.unwrap()))
}

fn local() -> Mode {
    Mode::Local { catch: None }
}

#[tokio::test]
async fn every_protocol_greets_at_its_listener() {
    let server = start(local(), 100).await;
    let greets = async |place, wanted: &str| {
        let heard = Client::to(place).await.hear().await;
        assert!(heard.starts_with(wanted), "{heard}");
    };
    greets(server.smtp, "220 localhost ESMTP").await;
    greets(server.submission, "220 localhost ESMTP").await;
    greets(server.imap, "* OK [CAPABILITY IMAP4rev1 ").await;
    greets(server.pop3, "+OK localhost").await;
    let socket = UnixStream::connect(server.folder.path().join("lmtp"))
        .await
        .unwrap();
    let heard = Client(BufReader::new(socket)).hear().await;
    assert!(heard.starts_with("220 localhost LMTP"), "{heard}");
    let mut client = over_tls(server.imaps, server.folder.path()).await;
    assert!(client.hear().await.starts_with("* OK"));
    assert!(client.say("a LOGIN alice alice").await.starts_with("a OK"));
}

#[tokio::test]
async fn passwords_want_tls_on_a_real_server_and_not_in_a_playground() {
    let real = start(Mode::Real, 100).await;
    let mut client = Client::to(real.imap).await;
    assert!(client.hear().await.contains("LOGINDISABLED"));
    assert!(client.say("a LOGIN alice alice").await.starts_with("a NO"));
    let mut client = Client::to(real.pop3).await;
    client.hear().await;
    assert!(client.say("USER alice").await.starts_with("-ERR"));
    let playground = start(local(), 100).await;
    let mut client = Client::to(playground.imap).await;
    assert!(!client.hear().await.contains("LOGINDISABLED"));
    assert!(client.say("a LOGIN alice alice").await.starts_with("a OK"));
    let mut client = Client::to(playground.pop3).await;
    client.hear().await;
    assert!(client.say("USER alice").await.starts_with("+OK"));
    assert!(client.say("PASS alice").await.starts_with("+OK"));
}

#[tokio::test]
async fn who_comes_when_there_are_too_many_is_told_so_and_may_come_later() {
    let server = start(local(), 2).await;
    let mut first = Client::to(server.smtp).await;
    let mut second = Client::to(server.imap).await;
    first.hear().await;
    second.hear().await;
    for (place, wanted) in [
        (server.smtp, "421 4.7.0 "),
        (server.pop3, "-ERR [SYS/TEMP] "),
        (server.imap, "* BYE "),
    ] {
        let mut client = Client::to(place).await;
        let heard = client.hear().await;
        assert!(heard.starts_with(wanted), "{heard}");
        assert_eq!(client.hear().await, "", "it is closed");
    }
    assert!(first.say("QUIT").await.starts_with("221"));
    assert_eq!(first.hear().await, "");
    // The place is free when the session has ended, which is a moment after its last word.
    let heard = loop {
        let heard = Client::to(server.pop3).await.hear().await;
        if !heard.starts_with("-ERR [SYS/TEMP] ") {
            break heard;
        }
    };
    assert!(heard.starts_with("+OK"), "{heard}");
}

#[tokio::test]
async fn a_server_that_stops_tells_its_clients_and_gives_its_ports_back() {
    let server = start(local(), 100).await;
    let mut clients = Vec::new();
    for (place, wanted) in [
        (server.imap, "* BYE "),
        (server.smtp, "421 4.3.2 "),
        (server.pop3, "-ERR [SYS/TEMP] "),
    ] {
        let mut client = Client::to(place).await;
        client.hear().await;
        clients.push((client, wanted));
    }
    let mut idling = Client::to(server.imap).await;
    idling.hear().await;
    idling.say("a LOGIN alice alice").await;
    let mut heard = idling.say("b SELECT INBOX").await;
    while !heard.starts_with("b OK") {
        heard = idling.hear().await;
    }
    assert!(idling.say("c IDLE").await.starts_with("+ "));
    clients.push((idling, "* BYE "));
    let _in_handshake = TcpStream::connect(server.imaps).await.unwrap();
    let mut in_data = Client::to(server.smtp).await;
    in_data.hear().await;
    for line in ["HELO c", "MAIL FROM:<>", "RCPT TO:<alice@example.org>", "DATA"] {
        in_data.say(line).await;
    }
    clients.push((in_data, "421 4.3.2 "));
    server.stop.send_replace(true);
    let stops = timeout(Duration::from_secs(1), server.serving).await;
    stops.expect("it stops at once").unwrap();
    for (mut client, wanted) in clients {
        let heard = client.hear().await;
        assert!(heard.starts_with(wanted), "{heard}");
        assert_eq!(client.hear().await, "");
    }
    assert!(TcpStream::connect(server.smtp).await.is_err());
    Listener::tcp(server.imap, Protocol::Imap, Encryption::Later).unwrap();
}

#[tokio::test]
async fn a_client_that_never_begins_tls_is_in_nobodys_way() {
    let server = start(local(), 100).await;
    let _silent = TcpStream::connect(server.imaps).await.unwrap();
    let mut client = over_tls(server.imaps, server.folder.path()).await;
    assert!(client.hear().await.starts_with("* OK"));
}

#[tokio::test]
async fn mail_to_the_rest_of_the_world_stays_here() {
    let catch = Some(Address::parse("alice@example.org").unwrap());
    for (mode, wanted) in [
        (local(), "550"),
        (Mode::Local { catch }, "250"),
        (Mode::Real, "550"),
    ] {
        let server = start(mode, 100).await;
        let mut client = Client::to(server.smtp).await;
        client.hear().await;
        client.say("HELO client.example").await;
        client.say("MAIL FROM:<a@b.example>").await;
        let heard = client.say("RCPT TO:<x@elsewhere.example>").await;
        assert!(heard.starts_with(wanted), "{heard}");
    }
}

#[tokio::test]
async fn a_certificate_is_renewed_while_the_server_runs() {
    let server = start(local(), 100).await;
    let folder = server.folder.path();
    let mut before = over_tls(server.imaps, folder).await;
    assert!(before.hear().await.starts_with("* OK"));
    let file = folder.join("certificate.pem");
    std::fs::write(&file, "").unwrap();
    assert!(server.certificate.read_again().is_err());
    std::fs::remove_file(&file).unwrap();
    Files::self_signed(folder, vec!["localhost".to_owned()]).unwrap();
    server.certificate.read_again().unwrap();
    // The client trusts the new one only.
    let mut after = over_tls(server.imaps, folder).await;
    assert!(after.hear().await.starts_with("* OK"));
    assert!(before.say("a NOOP").await.starts_with("a OK"));
}
