//! The memory that the settings allow is shared, and what would need more is refused for the moment.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use config::{Limits, Settings};
use directory::{Cost, Directory, NewAccount};
use engine::memory::MemoryEngine;
use message::downgrade;
use posthouse_server::facts::facts_of;
use posthouse_server::imap::{self, Passwords};
use posthouse_server::listen::{Encryption, Listener, Protocol, serve};
use posthouse_server::smtp::{Intake, Port};
use posthouse_server::tls::{Certificates, Files};
use posthouse_server::{Mode, Outlet, Services, Shares, Terms, Workspace, system_clock};
use sasl::Credentials;
use store::{Account, BlobSource, Keywords, NewMessage, Store};
use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, duplex,
};
use tokio::net::TcpStream;
use tokio::sync::watch;
use types::{AccountId, Address, Domain, MailboxName, Timestamp};

/// Lets everybody into one account.
struct Everybody(Account);

impl posthouse_server::Sasl for Everybody {}

impl imap::Authority for Everybody {
    fn log_in<'a>(&'a self, _: &'a Credentials) -> imap::LoginFuture<'a> {
        Box::pin(async { Ok(self.0.clone().into()) })
    }
}

struct Client(BufReader<DuplexStream>);

impl Client {
    async fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        line
    }

    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }
}

async fn connect(store: &Store, intake: &Arc<Intake>, stop: &watch::Sender<bool>) -> Client {
    connect_on(store, intake, (stop, Arc::default())).await
}

async fn connect_on(
    store: &Store,
    intake: &Arc<Intake>,
    (stop, terms): (&watch::Sender<bool>, Arc<Terms>),
) -> Client {
    let (near, far) = duplex(1 << 16);
    let account = store.account(AccountId(1)).await.unwrap();
    let door = imap::Door {
        authority: Arc::new(Everybody(account)),
        passwords: Passwords::Allowed,
        upgrade: None,
        message_limit: 50_000_000,
        now: system_clock(),
        intake: Arc::clone(intake),
        terms,
        tally: Arc::default(),
        stop: stop.subscribe(),
    };
    tokio::spawn(imap::serve(Box::new(far), door));
    let mut client = Client(BufReader::new(near));
    client.hear().await;
    client.say("a LOGIN x y\r\n").await;
    assert!(client.hear().await.starts_with("a OK"));
    client
}

#[tokio::test]
async fn many_connections_with_large_messages_take_no_more_than_there_is() {
    const MESSAGE: usize = 1_000_000;
    const ROOM: usize = 8;
    let store = Store::new(Arc::new(MemoryEngine::default()), system_clock());
    let intake = Arc::new(Intake::new(ROOM * (MESSAGE + 100_000)));
    let (stop, _) = watch::channel(false);
    let mut clients = Vec::new();
    // All but the last octets have come, of messages that do not wait to be asked for.
    for _ in 0..100 {
        let mut client = connect(&store, &intake, &stop).await;
        client.say(&format!("b APPEND INBOX {{{MESSAGE}+}}\r\n")).await;
        client.say(&"x".repeat(MESSAGE - 10)).await;
        clients.push(client);
    }
    let mut taken = 0;
    for client in &mut clients {
        client.say(&format!("{}\r\nc NOOP\r\n", "x".repeat(10))).await;
        match client.hear().await {
            answer if answer.starts_with("b OK [APPENDUID ") => taken += 1,
            answer => assert_eq!(
                answer,
                "b NO [UNAVAILABLE] there is no memory for this now; try again later\r\n"
            ),
        }
        // The session goes on, and has not lost its place.
        assert!(client.hear().await.starts_with("c OK"));
    }
    assert_eq!(taken, ROOM);
    // What was taken has been given back.
    let client = &mut clients[99];
    let message = "x".repeat(MESSAGE);
    client
        .say(&format!("d APPEND INBOX {{{MESSAGE}+}}\r\n{message}\r\n"))
        .await;
    let answer = client.hear().await;
    assert!(answer.starts_with("d OK"), "{answer}");
}

#[tokio::test]
async fn a_mailbox_that_needs_more_than_there_is_cannot_be_read_now() {
    let engine: Arc<dyn engine::Engine> = Arc::new(MemoryEngine::default());
    let intake = Arc::new(Intake::new(1 << 20));
    let (stop, _) = watch::channel(false);
    let large = Store::new(Arc::clone(&engine), system_clock());
    let mut client = connect(&large, &intake, &stop).await;
    for _ in 0..40 {
        client.say("b APPEND INBOX {2+}\r\nx\n\r\n").await;
        assert!(client.hear().await.starts_with("b OK"));
    }
    for (octets, wanted) in [(1000, "c NO [UNAVAILABLE] "), (100_000, "c OK ")] {
        let store = Store::with_memory(Arc::clone(&engine), system_clock(), octets);
        let mut client = connect(&store, &intake, &stop).await;
        // Opening it reads no messages yet.
        client
            .say("b SELECT INBOX\r\nc FETCH 1:* FLAGS\r\nd NOOP\r\n")
            .await;
        let mut answer = client.hear().await;
        while !answer.starts_with("b ") {
            answer = client.hear().await;
        }
        assert!(answer.starts_with("b OK [READ-WRITE] "), "{octets}: {answer}");
        answer = client.hear().await;
        while answer.starts_with('*') {
            answer = client.hear().await;
        }
        assert!(answer.starts_with(wanted), "{octets}: {answer}");
        // The session goes on.
        answer = client.hear().await;
        assert!(answer.starts_with("d OK "), "{octets}: {answer}");
    }
}

/// Many clients that read slowly are all served, whether there is memory for large answers or not.
#[tokio::test]
async fn large_answers_are_the_same_where_there_is_no_memory_for_them() {
    let store = Store::new(Arc::new(MemoryEngine::default()), system_clock());
    let intake = Arc::new(Intake::new(1 << 23));
    let (stop, _) = watch::channel(false);
    let message: String = (0..100_000).map(|n| format!("{n:08}\r\n")).collect();
    let mut answers = Vec::new();
    for room in [0, 1 << 20, usize::MAX] {
        let terms = Arc::new(Terms {
            outlet: Outlet::new(room),
            ..Terms::default()
        });
        let mut clients = Vec::new();
        for number in 0..10 {
            let mut client = connect_on(&store, &intake, (&stop, Arc::clone(&terms))).await;
            if answers.is_empty() && number == 0 {
                let length = message.len();
                client
                    .say(&format!("b APPEND INBOX {{{length}+}}\r\n{message}\r\n"))
                    .await;
                assert!(client.hear().await.starts_with("b OK"));
            }
            client
                .say("c EXAMINE INBOX\r\nd FETCH 1 (UID BODY[] BODY[]<7.200000> BODYSTRUCTURE)\r\n")
                .await;
            clients.push(client);
        }
        for client in &mut clients {
            let mut answer = String::new();
            loop {
                let line = client.hear().await;
                answer.push_str(&line);
                if line.starts_with("d ") {
                    break;
                }
            }
            answers.push(answer);
        }
    }
    assert!(answers[0].contains(&message));
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn less_memory_means_fewer_connections() {
    let name = |text| Domain::check(text).unwrap();
    let mut settings = Settings::new(name("localhost"), name("example.org"));
    settings.limits = Limits {
        memory: 4 * 3 * 24 * 1024,
        ..Limits::default()
    };
    assert_eq!(Shares::of(&settings.limits).connections, 3);
    let engine: Arc<dyn engine::Engine> = Arc::new(MemoryEngine::default());
    let directory = Directory::new(Arc::clone(&engine), name("example.org"), Cost::LEAST);
    let alice = NewAccount {
        address: Address::parse("alice@example.org").unwrap(),
        password: sasl::Secret::from("alice"),
    };
    directory.add_account(alice).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = Files::self_signed(folder.path(), vec!["localhost".to_owned()]).unwrap();
    let certificates = Certificates::read(files).unwrap();
    let state = (Store::new(engine, system_clock()), directory);
    let services = Services::new(&settings, state, certificates, Mode::Real);
    let listener = Listener::tcp(
        ([127, 0, 0, 1], 0).into(),
        Protocol::Smtp(Port::Relay),
        Encryption::Later,
    );
    let listener = listener.unwrap();
    let port = listener.port().unwrap();
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(serve(vec![listener], services, stopped));
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert!(line.starts_with("220 "), "{line}");
        open.push(stream);
    }
    let mut refused = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut words = String::new();
    refused.read_to_string(&mut words).await.unwrap();
    assert_eq!(words, "421 4.7.0 Too many connections; try again later\r\n");
    stop.send_replace(true);
    serving.await.unwrap();
}

async fn append(store: &Store, bytes: &[u8]) {
    let account = store.account(AccountId(1)).await.unwrap();
    let inbox = account.mailbox(&MailboxName::inbox()).unwrap().id;
    let message = NewMessage {
        facts: facts_of(bytes),
        source: BlobSource::Bytes(bytes.to_vec().into()),
        keywords: Keywords::default(),
        received: Timestamp(0),
    };
    account.append(inbox, vec![message]).await.unwrap();
}

/// Terms whose memory for messages that are looked at whole is this.
fn with_workspace(octets: usize) -> Arc<Terms> {
    Arc::new(Terms {
        workspace: Workspace::new(octets),
        ..Terms::default()
    })
}

#[tokio::test(start_paused = true)]
async fn what_needs_more_memory_than_there_is_is_refused_in_words() {
    let store = Store::new(Arc::new(MemoryEngine::default()), system_clock());
    let intake = Arc::new(Intake::new(1 << 23));
    let (stop, _) = watch::channel(false);
    let filler = "filler\r\n".repeat(100_000);
    let large = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{filler}--b\r\n\r\nneedle\r\n--b--\r\n"
    );
    append(&store, b"Subject: small\r\n\r\nneedle\r\n").await;
    append(&store, large.as_bytes()).await;
    let refused = "NO [UNAVAILABLE] the server cannot do this now; try again later";
    for (octets, fetched, searched) in [
        // The whole, and its largest text beside it.
        (2 * large.len() + 16_384, "OK fetched", "OK searched"),
        (large.len() + 16_384, "OK fetched", refused),
        (large.len() / 2, refused, refused),
    ] {
        let terms = with_workspace(octets);
        let mut client = connect_on(&store, &intake, (&stop, Arc::clone(&terms))).await;
        client.say("b EXAMINE INBOX\r\n").await;
        while !client.hear().await.starts_with("b OK") {}
        for (command, wanted) in [
            ("FETCH 1:2 BODY.PEEK[2]", fetched),
            ("SEARCH BODY needle", searched),
        ] {
            client.say(&format!("c {command}\r\n")).await;
            let mut said = String::new();
            while !said.contains("\r\nc ") && !said.starts_with("c ") {
                said += &client.hear().await;
            }
            assert!(said.ends_with(&format!("c {wanted}\r\n")), "{octets}: {said}");
            if wanted.starts_with("OK") {
                assert!(
                    said.contains("needle") || said.contains("* SEARCH 1 2\r\n"),
                    "{said}"
                );
            }
        }
        // Nobody keeps any: the next gets it.
        assert!(terms.workspace.is_idle());
        client
            .say(&format!("d APPEND INBOX {{{}+}}\r\n{large}\r\n", large.len()))
            .await;
        let mut said = client.hear().await;
        while !said.starts_with("d ") {
            said = client.hear().await;
        }
        let wanted = if octets < large.len() {
            "d NO [UNAVAILABLE]"
        } else {
            "d OK"
        };
        assert!(said.starts_with(wanted), "{said}");
        // What was appended is not in the way of the next round.
        client
            .say("e SELECT INBOX\r\nf STORE 3:* FLAGS.SILENT (\\Deleted)\r\ng EXPUNGE\r\n")
            .await;
        while !client.hear().await.starts_with("g OK") {}
    }
}

/// RFC 6855 §8: a surrogate that is nowhere whole reads as one that is.
#[tokio::test]
async fn the_surrogate_of_a_large_message_is_read_in_pieces() {
    let store = Store::new(Arc::new(MemoryEngine::default()), system_clock());
    let intake = Arc::new(Intake::new(1 << 23));
    let (stop, _) = watch::channel(false);
    let mut message = "Subject: 国际化邮件\r\nTo: 我 <me@example.org>\r\n\
                       Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        .to_owned();
    for (number, lines) in [(1, 10), (2, 90_000), (3, 3000)] {
        let body: String = (0..lines).map(|line| format!("{number} {line}\r\n")).collect();
        message +=
            &format!("--b\r\nContent-Disposition: attachment; filename=\"报告{number}.txt\"\r\n\r\n{body}");
    }
    message += "--b--\r\n";
    append(&store, message.as_bytes()).await;
    let surrogate = downgrade::message(message.as_bytes()).into_owned();
    let parsed = message::Message::parse(&surrogate);
    let mut client = connect_on(&store, &intake, (&stop, Arc::default())).await;
    client.say("b EXAMINE INBOX\r\n").await;
    while !client.hear().await.starts_with("b OK") {}
    let part = |path: &[u32], section| parsed.section(path, section).unwrap().to_vec();
    let cut = |octets: &[u8], from: usize, length: usize| {
        let from = from.min(octets.len());
        octets[from..octets.len().min(from + length)].to_vec()
    };
    let mut wanted = vec![
        ("[]".to_owned(), surrogate.clone()),
        ("[TEXT]".to_owned(), part(&[], message::Section::Text)),
        ("[2.MIME]".to_owned(), part(&[2], message::Section::Mime)),
        ("[3]".to_owned(), part(&[3], message::Section::Whole)),
    ];
    for (from, length) in [
        (0, 10),
        (5, 200),
        (150, 300),
        (100, 700_000),
        (900_000, 100),
        (1_000_000, 70_000),
    ] {
        wanted.push((format!("[]<{from}.{length}>"), cut(&surrogate, from, length)));
    }
    for (section, octets) in wanted {
        client.say(&format!("c FETCH 1 BODY.PEEK{section}\r\n")).await;
        let line = client.hear().await;
        let length = line
            .rsplit_once('{')
            .and_then(|(_, rest)| rest.strip_suffix("}\r\n"))
            .unwrap_or("0");
        let mut read = vec![0; length.parse().unwrap()];
        client.0.read_exact(&mut read).await.unwrap();
        assert!(
            read == octets,
            "{section}: {line} {} {}",
            read.len(),
            octets.len()
        );
        while !client.hear().await.starts_with("c OK") {}
    }
}
