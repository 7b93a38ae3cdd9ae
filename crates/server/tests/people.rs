//! Groups, disabled accounts, quotas, and sessions whose login ends, over sockets.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use config::Settings;
use directory::{Access, Cost, Directory, Limit, NewAccount, Of, QuotaChange};
use engine::memory::MemoryEngine;
use posthouse_server::listen::{Encryption, Listener, Protocol, serve};
use posthouse_server::smtp::Port;
use posthouse_server::tls::{Certificates, Files};
use posthouse_server::{Mode, Services, system_clock};
use sasl::Secret;
use store::Store;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use types::{Address, Domain, MailboxName};

/// `alice`, `bob` and `carol`, whose passwords are their names.
struct Server {
    smtp: SocketAddr,
    lmtp: SocketAddr,
    imap: SocketAddr,
    pop3: SocketAddr,
    directory: Directory,
    store: Store,
    _folder: tempfile::TempDir,
    _stop: watch::Sender<bool>,
}

fn address(name: &str) -> Address {
    Address::parse(&match name.contains('@') {
        true => name.to_owned(),
        false => format!("{name}@example.org"),
    })
    .unwrap()
}

async fn start() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let name = |text| Domain::check(text).unwrap();
    let settings = Settings::new(name("localhost"), name("example.org"));
    let engine: Arc<dyn engine::Engine> = Arc::new(MemoryEngine::default());
    let directory = Directory::new(Arc::clone(&engine), name("example.org"), Cost::LEAST);
    for name in ["alice", "bob", "carol"] {
        let (address, password) = (address(name), Secret::from(name));
        let new = NewAccount { address, password };
        directory.add_account(new).await.unwrap();
    }
    let store = Store::new(engine, system_clock());
    let files = Files::self_signed(folder.path(), vec!["localhost".to_owned()]).unwrap();
    let certificates = Certificates::read(files).unwrap();
    let state = (store.clone(), directory.clone());
    let services = Services::new(&settings, state, certificates, Mode::Local { catch: None });
    let listen = |protocol| {
        let listener = Listener::tcp((Ipv4Addr::LOCALHOST, 0).into(), protocol, Encryption::Never).unwrap();
        let at: SocketAddr = (Ipv4Addr::LOCALHOST, listener.port().unwrap()).into();
        (at, listener)
    };
    let (smtp, a) = listen(Protocol::Smtp(Port::Relay));
    let (lmtp, b) = listen(Protocol::Smtp(Port::Lmtp));
    let (imap, c) = listen(Protocol::Imap);
    let (pop3, d) = listen(Protocol::Pop3);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move { serve(vec![a, b, c, d], services, stopped).await });
    Server {
        smtp,
        lmtp,
        imap,
        pop3,
        directory,
        store,
        _folder: folder,
        _stop: stop,
    }
}

impl Server {
    async fn group(&self, name: &str, members: &[&str]) {
        let members = members.iter().map(|name| address(name)).collect();
        self.directory.add_group(&address(name), members).await.unwrap();
    }

    /// As the command line does.
    async fn limit(&self, name: &str, octets: Limit, messages: Limit) {
        let change = QuotaChange {
            octets: Some(octets),
            messages: Some(messages),
        };
        let id = self.directory.set_quota(&address(name), change).await.unwrap();
        self.store.quota_changed(id).await.unwrap();
    }

    /// All accounts of the domain together.
    async fn limit_all(&self, octets: Limit, messages: Limit) {
        let change = QuotaChange {
            octets: Some(octets),
            messages: Some(messages),
        };
        let domain = address("alice").domain;
        self.directory
            .set_domain_quota(&domain, Of::All, change)
            .await
            .unwrap();
        self.store.quotas_changed().await.unwrap();
    }

    async fn access(&self, name: &str, access: Access) {
        self.directory.set_access(&address(name), access).await.unwrap();
    }

    /// How many messages somebody has in a mailbox.
    async fn mail(&self, name: &str, mailbox: &str) -> u32 {
        let login = self.directory.login_of(name).await.unwrap().unwrap();
        let account = self.store.account(login.account).await.unwrap();
        let mailbox = account.mailbox(&MailboxName::check(mailbox).unwrap());
        mailbox.map_or(0, |mailbox| mailbox.messages)
    }

    /// A client that has gone through a script.
    async fn talk(&self, at: SocketAddr, script: &str) -> Client {
        let stream = TcpStream::connect(at).await.unwrap();
        let mut client = Client(BufReader::new(stream));
        client.talk(script).await;
        client
    }
}

/// The other end of a connection.
struct Client(BufReader<TcpStream>);

impl Client {
    /// `C:` is sent, `S:` is how the next line begins (`S*` how one of the next does), `X:` is the end of the connection.
    async fn talk(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (who, text) = line.split_at(2);
            let text = text.strip_prefix(' ').unwrap_or(text);
            match who {
                "C:" => self.say(text).await,
                "S:" => {
                    let heard = self.hear().await;
                    assert!(heard.starts_with(text), "{heard:?} instead of {text:?}");
                }
                "S*" => while !ends_with_this(&self.hear().await, text) {},
                "X:" => assert_eq!(self.hear().await, ""),
                _ => panic!("not a line of a script: {line}"),
            }
        }
    }

    async fn say(&mut self, line: &str) {
        self.0.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(Duration::from_secs(30), self.0.read_line(&mut line)).await;
        read.expect("the server says something").unwrap();
        line
    }
}

/// Whether a line begins so, and no other of the same reply follows (RFC 5321 §4.2.1).
fn ends_with_this(line: &str, begin: &str) -> bool {
    line.strip_prefix(begin)
        .is_some_and(|rest| !rest.starts_with('-'))
}

const HELLO: &str = "S: 220\nC: EHLO c\nS* 250\n";
const HELLO_LMTP: &str = "S: 220\nC: LHLO c\nS* 250\n";
/// NUL alice NUL alice.
const AUTH: &str = "C: AUTH PLAIN AGFsaWNlAGFsaWNl\nS: 235\n";
/// The message itself may come.
const DATA: &str = "C: DATA\nS: 354\n";
const LOGIN_ALICE: &str = "S: * OK\nC: a LOGIN alice alice\nS: a OK\n";
const PASS_ALICE: &str = "S: +OK\nC: USER alice\nS: +OK\nC: PASS alice\nS: +OK\n";

/// Mail from a stranger to each, and what is said to that.
fn mail(to: &[(&str, &str)]) -> String {
    mail_of("<x@example.net>", to)
}

/// The same from somebody, with the parameters of `MAIL FROM`.
fn mail_of(from: &str, to: &[(&str, &str)]) -> String {
    let recipients = to
        .iter()
        .map(|(name, reply)| format!("C: RCPT TO:<{name}@example.org>\nS: {reply}\n"));
    format!("C: MAIL FROM:{from}\nS: 250\n{}", recipients.collect::<String>())
}

#[tokio::test]
async fn everybody_in_a_group_gets_one_copy() {
    let server = start().await;
    server.group("team", &["alice", "bob"]).await;
    server.group("all", &["team", "bob", "carol"]).await;
    let to = mail(&[("all", "250"), ("Team+x", "250"), ("bob", "250")]);
    let script = [HELLO, &to, DATA, "C: Subject: once\nC: .\nS: 250"].concat();
    server.talk(server.smtp, &script).await;
    for name in ["alice", "bob", "carol"] {
        assert_eq!(server.mail(name, "INBOX").await, 1, "{name}");
    }
}

#[tokio::test]
async fn mail_for_a_group_with_members_elsewhere_is_refused_or_kept_for_the_sender_but_never_lost() {
    let server = start().await;
    server.group("friends", &["bob", "dora@example.com"]).await;
    let refused = mail(&[("friends", "550 5.2.4"), ("carol", "250")]);
    server.talk(server.smtp, &[HELLO, &refused].concat()).await;
    // The playground keeps for its sender what is for the rest of the world.
    let to = mail_of("<alice@example.org>", &[("friends", "250")]);
    let kept = [HELLO, AUTH, &to, DATA, "C: Subject: abroad\nC: .\nS: 250"].concat();
    server.talk(server.smtp, &kept).await;
    assert_eq!(server.mail("bob", "INBOX").await, 1);
    assert_eq!(server.mail("alice", "World").await, 1);
}

/// RFC 3463 §3.3, X.2.1.
#[tokio::test]
async fn a_disabled_account_takes_no_mail_and_lets_nobody_in() {
    let server = start().await;
    server.group("team", &["alice", "bob"]).await;
    server.access("alice", Access::Disabled).await;
    let to = mail(&[("alice", "550 5.2.1"), ("team", "250")]);
    server
        .talk(server.smtp, &[HELLO, &to, "C: QUIT\nS: 221\nX:"].concat())
        .await;
    let mut imap = server.talk(server.imap, "S: * OK").await;
    let mut answers = Vec::new();
    for login in ["alice alice", "alice wrong", "nobody alice"] {
        imap.say(&format!("a LOGIN {login}")).await;
        answers.push(imap.hear().await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let refused = "S: +OK\nC: USER alice\nS: +OK\nC: PASS alice\nS: -ERR [AUTH]";
    server.talk(server.pop3, refused).await;
    let refused = "C: AUTH PLAIN AGFsaWNlAGFsaWNl\nS: 535 5.7.8";
    server.talk(server.smtp, &[HELLO, refused].concat()).await;
    server.access("alice", Access::Enabled).await;
    server.talk(server.imap, LOGIN_ALICE).await;
}

/// Clients that idle, wait, and are in the middle of a message.
async fn sessions_of_alice(server: &Server) -> Vec<(Client, &'static str)> {
    let idling = "C: b SELECT INBOX\nS* b OK\nC: c IDLE\nS: +";
    let idling = server.talk(server.imap, &[LOGIN_ALICE, idling].concat()).await;
    let waiting = server.talk(server.imap, LOGIN_ALICE).await;
    let pop3 = server.talk(server.pop3, PASS_ALICE).await;
    let smtp = server.talk(server.smtp, &[HELLO, AUTH].concat()).await;
    let to = mail_of("<alice@example.org>", &[("bob", "250")]);
    let data = server.talk(server.smtp, &[HELLO, AUTH, &to, DATA].concat()).await;
    vec![
        (idling, "S: * BYE\nX:"),
        (waiting, "S: * BYE\nX:"),
        (pop3, "S: -ERR [AUTH]\nX:"),
        (smtp, "S: 421 4.7.0\nX:"),
        (data, "S: 421 4.7.0\nX:"),
    ]
}

#[tokio::test]
async fn sessions_end_when_the_account_is_disabled_or_has_another_password() {
    let server = start().await;
    let login_bob = "S: * OK\nC: a LOGIN bob bob\nS: a OK";
    let mut bob = server.talk(server.imap, login_bob).await;
    let sessions = sessions_of_alice(&server).await;
    server.access("alice", Access::Disabled).await;
    for (mut client, end) in sessions {
        client.talk(end).await;
    }
    server.access("alice", Access::Enabled).await;
    let sessions = sessions_of_alice(&server).await;
    let other = Secret::from("other");
    server
        .directory
        .set_password(&address("alice"), other)
        .await
        .unwrap();
    for (mut client, end) in sessions {
        client.talk(end).await;
    }
    bob.talk("C: b NOOP\nS: b OK").await;
    assert_eq!(server.mail("bob", "INBOX").await, 0);
}

#[tokio::test]
async fn many_commands_that_wait_are_not_carried_out_after_the_end_of_the_login() {
    let server = start().await;
    let mut imap = server.talk(server.imap, LOGIN_ALICE).await;
    server.access("alice", Access::Disabled).await;
    // It may be at its BYE already.
    let noops = "n NOOP\r\n".repeat(3);
    let _ = imap.0.write_all(noops.as_bytes()).await;
    imap.talk("S: * BYE\nX:").await;
}

/// RFC 1870 §6.4, RFC 3463 §3.3: what may fit later is worth trying again, what never can is not.
#[tokio::test]
async fn who_has_no_room_is_refused_alone_and_before_the_message() {
    let server = start().await;
    server.limit("alice", Limit::Of(1000), Limit::Default).await;
    server.limit("bob", Limit::Default, Limit::Of(0)).await;
    server.group("team", &["bob", "carol"]).await;
    let script = [
        HELLO,
        &mail_of(
            "<x@example.net> SIZE=1001",
            &[("alice", "552 5.2.3"), ("team", "552 5.2.3")],
        ),
        "C: RSET\nS: 250\n",
        &mail(&[("alice", "250")]),
        DATA,
        "C: Subject: fits\nC: .\nS: 250\n",
        &mail_of(
            "<x@example.net> SIZE=900",
            &[("alice", "452 4.2.2"), ("carol", "250")],
        ),
        DATA,
        "C: Subject: for carol\nC: .\nS: 250",
    ];
    let mut client = server.talk(server.smtp, &script.concat()).await;
    assert_eq!(server.mail("alice", "INBOX").await, 1);
    assert_eq!(server.mail("carol", "INBOX").await, 1);
    // It holds at once.
    server.limit("alice", Limit::None, Limit::Of(1)).await;
    let refused = mail(&[("alice", "452 4.2.2")]);
    client.talk(&[&refused, "C: RSET\nS: 250"].concat()).await;
    server.limit("alice", Limit::None, Limit::None).await;
    client.talk(&mail(&[("alice", "250")])).await;
}

/// Nothing of it is delivered, since one reply is for all: who had it would get it again.
#[tokio::test]
async fn a_message_that_turns_out_too_large_for_one_is_put_off_for_all() {
    let server = start().await;
    server.limit("alice", Limit::Of(1000), Limit::None).await;
    let line = "x".repeat(70);
    let body = format!("C: {line}\n").repeat(20);
    let script = [
        HELLO,
        &mail(&[("alice", "250"), ("carol", "250")]),
        DATA,
        &body,
        "C: .\nS: 452 4.2.2\n",
        &mail(&[("alice", "250")]),
        DATA,
        &body,
        "C: .\nS: 552 5.2.3",
    ]
    .concat();
    server.talk(server.smtp, &script).await;
    assert_eq!(server.mail("carol", "INBOX").await, 0);
}

/// RFC 2033 §4.2: LMTP has a reply for each.
#[tokio::test]
async fn over_lmtp_those_with_room_get_it_and_the_others_are_told_apart() {
    let server = start().await;
    server.limit("alice", Limit::Of(1000), Limit::None).await;
    server.group("team", &["alice", "bob"]).await;
    let line = "x".repeat(70);
    let body = format!("C: {line}\n").repeat(20);
    let to = mail(&[("alice", "250"), ("carol", "250"), ("team", "250")]);
    let end = "
        C: .
        S: 552 5.2.3
        S: 250
        S: 552 5.2.3";
    server
        .talk(server.lmtp, &[HELLO_LMTP, &to, DATA, &body, end].concat())
        .await;
    assert_eq!(server.mail("carol", "INBOX").await, 1);
    assert_eq!(server.mail("bob", "INBOX").await, 0, "of a group all or nobody");
}

/// What IMAP says of a limit that all accounts of a domain share.
const SHARED_ROOT: &str = "
        C: a GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX \"\" \"example.org\"
        S: * QUOTA \"\" ()
        S: * QUOTA \"example.org\" (STORAGE 1 97 MESSAGE 2 2)
        S: a OK
        C: b GETQUOTA Example.ORG
        S: * QUOTA \"example.org\" (STORAGE 1 97 MESSAGE 2 2)
        S: b OK
        C: c GETQUOTA example.net
        S: c NO
        C: d SELECT INBOX
        S* d OK
        C: e COPY 1 Drafts
        S: e NO [OVERQUOTA]
        C: f APPEND INBOX {3+}
        C: abc
        S: f NO [OVERQUOTA]
        C: g STORE 1 +FLAGS.SILENT (\\Deleted)
        S: g OK
        C: h EXPUNGE
        S* h OK
        C: i APPEND INBOX {3+}
        C: abc
        S* i OK
        C: j APPEND INBOX {3+}
        C: abc
        S: j NO [OVERQUOTA]";

/// RFC 2033 §4.2, RFC 3463 §3.3: of those who share a limit, as many get the message as there is room for, in their order. RFC 9208
/// §4.1: the limit is a second quota root, and what it has no room for is refused.
#[tokio::test]
async fn a_domain_has_a_limit_for_all_its_accounts_together() {
    let server = start().await;
    server.limit_all(Limit::Of(100_000), Limit::Of(2)).await;
    let lmtp = "
        C: MAIL FROM:<x@example.net>
        S: 250
        C: RCPT TO:<alice@example.org>
        S: 250
        C: RCPT TO:<bob@example.org>
        S: 250
        C: RCPT TO:<carol@example.org>
        S: 250
        C: DATA
        S: 354
        C: Subject: two of three
        C: .
        S: 250
        S: 250
        S: 452 4.2.2
        C: MAIL FROM:<x@example.net>
        S: 250
        C: RCPT TO:<carol@example.org>
        S: 452 4.2.2";
    server.talk(server.lmtp, &[HELLO_LMTP, lmtp].concat()).await;
    let mut client = server.talk(server.imap, LOGIN_ALICE).await;
    client.talk(SHARED_ROOT).await;
    // One reply is for both, and there is room for one: nobody has it, and each may be tried alone.
    server.limit_all(Limit::Of(100_000), Limit::Of(3)).await;
    let smtp = "
        C: MAIL FROM:<x@example.net> SIZE=100001
        S: 250
        C: RCPT TO:<bob@example.org>
        S: 552 5.2.3
        C: RSET
        S: 250
        C: MAIL FROM:<x@example.net>
        S: 250
        C: RCPT TO:<bob@example.org>
        S: 250
        C: RCPT TO:<carol@example.org>
        S: 250
        C: DATA
        S: 354
        C: Subject: both or none
        C: .
        S: 452 4.2.2
        C: MAIL FROM:<x@example.net>
        S: 250
        C: RCPT TO:<carol@example.org>
        S: 250
        C: DATA
        S: 354
        C: Subject: one
        C: .
        S: 250";
    server.talk(server.smtp, &[HELLO, smtp].concat()).await;
    assert_eq!(server.mail("bob", "INBOX").await, 1);
    assert_eq!(server.mail("carol", "INBOX").await, 1);
    server.limit_all(Limit::None, Limit::None).await;
    client
        .talk("C: k GETQUOTAROOT INBOX\nS: * QUOTAROOT INBOX \"\"\nS: * QUOTA \"\" ()\nS: k OK")
        .await;
}
