//! Every way to log in, over sockets: what is announced on a connection serves there, and nothing else does.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use config::{Oidc, Settings};
use directory::{Cost, Directory, NewAccount, Rounds, Scram};
use engine::memory::MemoryEngine;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use posthouse_server::listen::{Encryption, Listener, Protocol, serve};
use posthouse_server::smtp::Port;
use posthouse_server::tls::{Certificates, Choice, Files};
use posthouse_server::{Mode, Services, system_clock};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ProtocolVersion, SupportedProtocolVersion};
use sasl::client::Exchange;
use sasl::scram::client::Binding;
use sasl::{Credentials, Mechanism, Secret, Token};
use store::Store;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use types::{Address, Domain};

/// A server with all the ways that there are.
struct Server {
    imap: SocketAddr,
    imaps: SocketAddr,
    submissions: SocketAddr,
    folder: tempfile::TempDir,
    directory: Directory,
    authority: CertifiedIssuer<'static, KeyPair>,
    issuer: EncodingKey,
    _stop: watch::Sender<bool>,
}

fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@example.org")).unwrap()
}

/// With SCRAM, a certificate authority and a token issuer in the settings, or without.
async fn start(extras: Extras) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let name = |text| Domain::check(text).unwrap();
    let mut settings = Settings::new(name("localhost"), name("example.org"));
    let authority = authority();
    let issuer = EncodingKey::from_ec_der(KeyPair::generate().unwrap().serialized_der());
    let mut choice = Choice::from(Files::self_signed(folder.path(), vec!["localhost".to_owned()]).unwrap());
    let mut scram = Scram::Off;
    if extras == Extras::All {
        let path = |name| folder.path().join(name);
        fs::write(path("ca.pem"), authority.pem()).unwrap();
        choice.clients = Some(path("ca.pem"));
        let jwk = Jwk::from_encoding_key(&issuer, Algorithm::ES256).unwrap();
        let keys = JwkSet { keys: vec![jwk] };
        fs::write(path("jwks.json"), serde_json::to_vec(&keys).unwrap()).unwrap();
        settings.auth.scram = true;
        settings.oidc = Some(Oidc {
            issuer: "https://id.example.org".to_owned(),
            audience: "mail".to_owned(),
            keys: Some(path("jwks.json")),
            introspection: None,
            claim: "email".to_owned(),
        });
        scram = Scram::On(Rounds::default());
    }
    let engine: Arc<dyn engine::Engine> = Arc::new(MemoryEngine::default());
    let options = directory::Options {
        cost: Cost::LEAST,
        scram,
        ..directory::Options::default()
    };
    let directory = Directory::with_options(Arc::clone(&engine), name("example.org"), options);
    for name in ["alice", "bob"] {
        let (address, password) = (address(name), Secret::from(name));
        directory
            .add_account(NewAccount { address, password })
            .await
            .unwrap();
    }
    let state = (Store::new(engine, system_clock()), directory.clone());
    let services = Services::new(&settings, state, Certificates::read(choice).unwrap(), Mode::Real);
    let listen = |protocol, encryption| {
        let listener = Listener::tcp((Ipv4Addr::LOCALHOST, 0).into(), protocol, encryption).unwrap();
        let at = (Ipv4Addr::LOCALHOST, listener.port().unwrap()).into();
        (at, listener)
    };
    let (imap, a) = listen(Protocol::Imap, Encryption::Later);
    let (imaps, b) = listen(Protocol::Imap, Encryption::AtOnce);
    let (submissions, c) = listen(Protocol::Smtp(Port::Submission), Encryption::AtOnce);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move { serve(vec![a, b, c], services, stopped).await });
    Server {
        imap,
        imaps,
        submissions,
        folder,
        directory,
        authority,
        issuer,
        _stop: stop,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Extras {
    None,
    All,
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate with its key.
type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

fn identity(issuer: &CertifiedIssuer<'static, KeyPair>, addresses: &[&str]) -> Identity {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    let names = addresses
        .iter()
        .map(|name| SanType::Rfc822Name((*name).try_into().unwrap()));
    params.subject_alt_names = names.collect();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    (certificate.der().clone(), key)
}

/// The other end of a connection.
struct Client<S>(BufReader<S>);

type Tls = Client<TlsStream<TcpStream>>;

impl Server {
    async fn connect(
        &self,
        place: SocketAddr,
        version: &'static SupportedProtocolVersion,
        identity: Option<Identity>,
    ) -> Tls {
        let mut roots = rustls::RootCertStore::empty();
        let own = CertificateDer::from_pem_file(self.folder.path().join("certificate.pem")).unwrap();
        roots.add(own).unwrap();
        let builder =
            rustls::ClientConfig::builder_with_protocol_versions(&[version]).with_root_certificates(roots);
        let config = match identity {
            Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        let stream = TcpStream::connect(place).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        Client(BufReader::new(connector.connect(name, stream).await.unwrap()))
    }

    /// IMAP over TLS 1.3; gives what is announced as well.
    async fn imaps(&self, identity: Option<Identity>) -> (Tls, String) {
        let mut client = self.connect(self.imaps, &rustls::version::TLS13, identity).await;
        let greeting = client.hear().await;
        (client, greeting)
    }
}

impl Tls {
    fn exporter(&self) -> Vec<u8> {
        let (_, connection) = self.0.get_ref().get_ref();
        let octets = connection.export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", None);
        octets.unwrap()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn hear(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(Duration::from_secs(20), self.0.read_line(&mut line)).await;
        read.expect("the server says something").unwrap();
        line.trim_end().to_owned()
    }

    async fn say(&mut self, line: &str) -> String {
        self.0.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.hear().await
    }

    /// An exchange; gives the line that ends it, and whether the client may believe a success.
    async fn exchange(&mut self, command: &str, prompt: &str, mut exchange: Exchange) -> (String, bool) {
        let mut heard = self
            .say(&format!("{command} {}", exchange.mechanism().name()))
            .await;
        while let Some(challenge) = heard.strip_prefix(prompt) {
            let challenge = STANDARD.decode(challenge.trim()).unwrap();
            let response = match challenge.is_empty() {
                true => exchange.initial().unwrap().unwrap(),
                false => exchange.respond(&challenge).unwrap(),
            };
            heard = self.say(&STANDARD.encode(response)).await;
        }
        (heard, exchange.may_succeed())
    }

    async fn over_imap(&mut self, exchange: Exchange) -> (String, bool) {
        self.exchange("a AUTHENTICATE", "+", exchange).await
    }
}

fn scram(login: &str, password: &Secret, binding: Binding) -> Exchange {
    let credentials = Credentials {
        act_as: None,
        login: login.to_owned(),
        password: password.clone(),
    };
    Exchange::scram(credentials, "fyko+d2lbbFgONRv9qkxdawL", binding)
}

fn succeeded((line, believed): &(String, bool)) -> bool {
    line.starts_with("a OK") && *believed
}

#[tokio::test]
async fn nothing_is_announced_that_nobody_has_turned_on() {
    let server = start(Extras::None).await;
    let (mut client, greeting) = server.imaps(None).await;
    assert!(
        greeting.contains(" AUTH=PLAIN ") && greeting.matches("AUTH=").count() == 1,
        "{greeting}"
    );
    for mechanism in [
        "SCRAM-SHA-256",
        "SCRAM-SHA-256-PLUS",
        "EXTERNAL",
        "OAUTHBEARER",
        "XOAUTH2",
    ] {
        let heard = client.say(&format!("a AUTHENTICATE {mechanism}")).await;
        assert!(heard.starts_with("a NO"), "{heard}");
    }
    let mut plain = Client(BufReader::new(TcpStream::connect(server.imap).await.unwrap()));
    assert!(!plain.hear().await.contains("AUTH="));
}

#[tokio::test]
async fn a_proof_logs_in_bound_to_the_connection_or_not() {
    let server = start(Extras::All).await;
    let password = Secret::from("alice");
    let (mut client, greeting) = server.imaps(None).await;
    assert!(
        greeting.contains(" AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=OAUTHBEARER"),
        "{greeting}"
    );
    assert!(!greeting.contains("EXTERNAL"));
    let binding = Binding::Exporter(client.exporter());
    let outcome = client.over_imap(scram("alice", &password, binding)).await;
    assert!(succeeded(&outcome), "{outcome:?}");
    let (mut client, _) = server.imaps(None).await;
    let outcome = client
        .over_imap(scram("alice@example.org", &password, Binding::Cannot))
        .await;
    assert!(succeeded(&outcome), "{outcome:?}");
    let mut client = server
        .connect(server.submissions, &rustls::version::TLS13, None)
        .await;
    client.hear().await;
    let mut heard = client.say("EHLO client.example").await;
    while heard.starts_with("250-") {
        if heard.starts_with("250-AUTH") {
            assert_eq!(
                heard,
                "250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 OAUTHBEARER XOAUTH2 PLAIN LOGIN"
            );
        }
        heard = client.hear().await;
    }
    let binding = Binding::Exporter(client.exporter());
    let (heard, believed) = client
        .exchange("AUTH", "334", scram("alice", &password, binding))
        .await;
    assert!(heard.starts_with("235") && believed, "{heard}");
}

#[tokio::test]
async fn a_wrong_proof_and_a_name_that_nobody_has_read_the_same() {
    let server = start(Extras::All).await;
    let mut outcomes = Vec::new();
    for (login, password) in [
        ("alice", "wrong"),
        ("nobody", "alice"),
        ("nobody@example.com", "alice"),
    ] {
        let (mut client, _) = server.imaps(None).await;
        let binding = Binding::Exporter(client.exporter());
        let outcome = client
            .over_imap(scram(login, &Secret::from(password), binding))
            .await;
        outcomes.push(outcome);
    }
    let (line, believed) = outcomes.first().unwrap();
    assert!(
        line.starts_with("a NO [AUTHENTICATIONFAILED]") && !believed,
        "{line}"
    );
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome == outcomes.first().unwrap()),
        "{outcomes:?}"
    );
}

/// RFC 5802 §6: a man in the middle takes PLUS off the list, or has a TLS connection of his own to each side.
#[tokio::test]
async fn a_man_in_the_middle_is_found() {
    let server = start(Extras::All).await;
    let password = Secret::from("alice");
    let (mut client, _) = server.imaps(None).await;
    let (heard, _) = client
        .over_imap(scram("alice", &password, Binding::ServerCannot))
        .await;
    assert!(heard.starts_with("a BAD"), "{heard}");
    let elsewhere = Binding::Exporter(vec![7; 32]);
    let (heard, _) = client.over_imap(scram("alice", &password, elsewhere)).await;
    assert!(heard.starts_with("a BAD"), "{heard}");
    // Over TLS 1.2 there is no binding, and nobody says that there is.
    let mut client = server.connect(server.imaps, &rustls::version::TLS12, None).await;
    assert_eq!(
        client.0.get_ref().get_ref().1.protocol_version(),
        Some(ProtocolVersion::TLSv1_2)
    );
    let greeting = client.hear().await;
    assert!(
        greeting.contains("AUTH=SCRAM-SHA-256 ") && !greeting.contains("-PLUS"),
        "{greeting}"
    );
    let outcome = client
        .over_imap(scram("alice", &password, Binding::ServerCannot))
        .await;
    assert!(succeeded(&outcome), "{outcome:?}");
}

#[tokio::test]
async fn an_app_password_serves_in_every_way_that_a_password_does() {
    let server = start(Extras::All).await;
    let secret = server
        .directory
        .add_app_password(&address("bob"), "phone")
        .await
        .unwrap();
    let (mut client, _) = server.imaps(None).await;
    let text = String::from_utf8(secret.expose().to_vec()).unwrap();
    assert!(
        client
            .say(&format!("a LOGIN bob {text}"))
            .await
            .starts_with("a OK")
    );
    let (mut client, _) = server.imaps(None).await;
    let binding = Binding::Exporter(client.exporter());
    let outcome = client.over_imap(scram("bob", &secret, binding)).await;
    assert!(succeeded(&outcome), "{outcome:?}");
    server
        .directory
        .revoke_app_password(&address("bob"), "phone")
        .await
        .unwrap();
    let (mut client, _) = server.imaps(None).await;
    assert!(
        client
            .say(&format!("a LOGIN bob {text}"))
            .await
            .starts_with("a NO")
    );
}

/// RFC 4422 Appendix A.
#[tokio::test]
async fn a_certificate_logs_its_owner_in_and_nobody_else() {
    let server = start(Extras::All).await;
    let login = async |identity, act_as: Option<&str>| {
        let (mut client, greeting) = server.imaps(Some(identity)).await;
        assert!(greeting.contains("AUTH=EXTERNAL"), "{greeting}");
        let exchange = Exchange::external(act_as.map(str::to_owned));
        // The empty message and the empty challenge look the same to this client.
        let (heard, _) = client.over_imap(exchange).await;
        heard
    };
    let alice = || identity(&server.authority, &["alice@example.org"]);
    assert!(login(alice(), None).await.starts_with("a OK"));
    assert!(login(alice(), Some("alice")).await.starts_with("a OK"));
    assert!(
        login(alice(), Some("bob"))
            .await
            .starts_with("a NO [AUTHENTICATIONFAILED]")
    );
    let both = || {
        identity(
            &server.authority,
            &["carol@example.org", "bob@example.org", "alice@example.org"],
        )
    };
    assert!(login(both(), Some("alice@example.org")).await.starts_with("a OK"));
    assert!(login(both(), None).await.starts_with("a OK"));
    let carol = identity(&server.authority, &["carol@example.org"]);
    assert!(
        login(carol, None)
            .await
            .starts_with("a NO [AUTHENTICATIONFAILED]")
    );
    for nobody in [&[][..], &["alice"]] {
        let (_, greeting) = server.imaps(Some(identity(&server.authority, nobody))).await;
        assert!(!greeting.contains("EXTERNAL"), "{greeting}");
    }
    // One of another authority's is no certificate: the connection ends.
    let stranger = identity(&authority(), &["alice@example.org"]);
    let mut client = server
        .connect(server.imaps, &rustls::version::TLS13, Some(stranger))
        .await;
    let mut line = String::new();
    assert!(client.0.read_line(&mut line).await.is_err(), "{line}");
}

#[tokio::test]
async fn a_token_logs_in_and_one_that_is_not_taken_ends_the_exchange() {
    let server = start(Extras::All).await;
    let sign = |email: &str, audience: &str| {
        let claims = serde_json::json!({
            "iss": "https://id.example.org",
            "aud": audience,
            "exp": 4_102_444_800_u64,
            "email": email,
        });
        Secret::from(&*encode(&Header::new(Algorithm::ES256), &claims, &server.issuer).unwrap())
    };
    let login = async |mechanism, act_as: Option<&str>, secret: Secret| {
        let (mut client, _) = server.imaps(None).await;
        let act_as = act_as.map(str::to_owned);
        let token = Token {
            mechanism,
            act_as,
            secret,
        };
        client.over_imap(Exchange::token(token)).await.0
    };
    let (bearer, elder) = (Mechanism::OAuthBearer, Mechanism::XOAuth2);
    let good = || sign("alice@example.org", "mail");
    assert!(login(bearer, None, good()).await.starts_with("a OK"));
    assert!(login(bearer, Some("alice"), good()).await.starts_with("a OK"));
    assert!(
        login(elder, Some("alice@example.org"), good())
            .await
            .starts_with("a OK")
    );
    let failed = "a NO [AUTHENTICATIONFAILED]";
    assert!(login(bearer, Some("bob"), good()).await.starts_with(failed));
    assert!(login(elder, Some("bob"), good()).await.starts_with(failed));
    assert!(
        login(bearer, None, sign("alice@example.org", "web"))
            .await
            .starts_with(failed)
    );
    assert!(
        login(bearer, None, sign("nobody@example.org", "mail"))
            .await
            .starts_with(failed)
    );
    // RFC 7628 §3.2.2.
    let mut client = server
        .connect(server.submissions, &rustls::version::TLS13, None)
        .await;
    client.hear().await;
    let mut heard = client.say("EHLO client.example").await;
    while heard.starts_with("250-") {
        heard = client.hear().await;
    }
    let initial = STANDARD.encode("n,,\u{1}auth=Bearer x\u{1}\u{1}");
    let rejected = client.say(&format!("AUTH OAUTHBEARER {initial}")).await;
    let words = STANDARD.decode(rejected.strip_prefix("334 ").unwrap()).unwrap();
    assert_eq!(words, br#"{"status":"invalid_token"}"#);
    assert!(client.say("AQ==").await.starts_with("535"));
}
