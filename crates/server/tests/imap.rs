//! Every transcript of `tests/transcripts/imap/`, against sessions in memory. The clock stands still until a transcript
//! moves it, so those that wait half an hour are run here too.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::memory::MemoryEngine;
use engine::{Batch, Engine};
use imap::Refusal;
use imap::grammar::flag::system_name;
use posthouse_server::facts::facts_of;
use posthouse_server::imap::{Authority, Door, LoginFuture, Passwords, serve};
use posthouse_server::smtp::Intake;
use sasl::Credentials;
use store::{Account, BlobSource, Keywords, NewMessage, Now, Quota, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use transcript::{Given, Stream, Transcript, World};
use types::{AccountId, KeywordName, MailboxName, Octets, SystemKeyword, Timestamp, Uid};

#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::fn_params_excessive_bools,
    reason = "shared with the tests of the built program"
)]
mod transcript;

/// The size up to which the transcripts expect that messages are taken: what the built program has.
const MESSAGE_LIMIT: usize = 50 << 20;

/// Those who have accounts.
#[derive(Default)]
struct Accounts(HashMap<String, (String, Account)>);

impl posthouse_server::Sasl for Accounts {}

impl Authority for Accounts {
    fn log_in<'a>(&'a self, credentials: &'a Credentials) -> LoginFuture<'a> {
        Box::pin(async move {
            let (password, account) = self.0.get(&credentials.login).ok_or(Refusal::Credentials)?;
            (password.as_bytes() == credentials.password.expose())
                .then(|| account.clone().into())
                .ok_or(Refusal::Credentials)
        })
    }
}

/// A server without sockets and disks.
struct InMemory {
    engine: Arc<MemoryEngine>,
    store: Store,
    now: Now,
    accounts: Accounts,
    stop: watch::Sender<bool>,
    handshake: Handshake,
}

/// How TLS begins after STARTTLS.
#[derive(Clone, Copy)]
enum Handshake {
    /// The client never goes on with it.
    Awaited,
    /// Everything is as it was: `given setting handshake done`.
    Done,
}

impl InMemory {
    fn new() -> Self {
        let now: Now = Arc::new(|| Timestamp(1_000_000_000));
        let engine = Arc::new(MemoryEngine::default());
        InMemory {
            store: Store::new(Arc::clone(&engine) as Arc<dyn Engine>, Arc::clone(&now)),
            engine,
            now,
            accounts: Accounts::default(),
            stop: watch::channel(false).0,
            handshake: Handshake::Awaited,
        }
    }

    async fn fill(&self, account: &str, mailbox: &str, messages: &[(String, Vec<String>)]) {
        let (_, account) = &self.accounts.0[account];
        let name = MailboxName::check(mailbox).unwrap();
        let mailbox = match account.mailbox(&name) {
            Some(mailbox) => mailbox,
            None => account.create_mailbox(name, None).await.unwrap(),
        };
        for (file, flags) in messages {
            let bytes = fs::read(folder().join("messages").join(file)).unwrap();
            // As APPEND does.
            let bytes = message::repair::crlf(&bytes).into_owned();
            let message = NewMessage {
                facts: facts_of(&bytes),
                source: BlobSource::Bytes(bytes.into()),
                keywords: keywords(flags),
                received: (self.now)(),
            };
            account.append(mailbox.id, vec![message]).await.unwrap();
        }
    }
}

fn keywords(flags: &[String]) -> Keywords {
    let mut keywords = Keywords::default();
    for flag in flags {
        match SystemKeyword::ALL.into_iter().find(|k| system_name(*k) == flag) {
            Some(system) => keywords.system |= system.bit(),
            None => keywords.names.push(KeywordName::check(flag).unwrap()),
        }
    }
    keywords
}

impl World for InMemory {
    async fn give(&mut self, given: &Given) {
        match given {
            Given::Account { name, password } => {
                let id = AccountId(u64::try_from(self.accounts.0.len()).unwrap() + 1);
                let account = self.store.account(id).await.unwrap();
                self.accounts.0.insert(name.clone(), (password.clone(), account));
            }
            Given::Mailbox {
                account,
                name,
                messages,
            } => self.fill(account, name, messages).await,
            Given::Quota {
                account,
                octets,
                messages,
            } => self.accounts.0[account].1.set_quota(Quota {
                octets: octets.map(Octets),
                messages: *messages,
            }),
            Given::Setting { name, value } if name == "handshake" && value == "done" => {
                self.handshake = Handshake::Done;
            }
            Given::Setting { name, .. } => panic!("no such setting: {name}"),
            Given::Session { .. } => unreachable!("the runner makes sessions"),
        }
    }

    fn log_in(&self, account: &str, mailbox: Option<&str>) -> Vec<(String, String)> {
        let (password, _) = &self.accounts.0[account];
        let mut lines = vec![(format!("l1 LOGIN {account} \"{password}\""), "l1 OK".to_owned())];
        if let Some(mailbox) = mailbox {
            lines.push((format!("l2 SELECT \"{mailbox}\""), "l2 OK".to_owned()));
        }
        lines
    }

    async fn connect(&mut self) -> Box<dyn Stream> {
        let (near, far) = tokio::io::duplex(1 << 16);
        let handshake = self.handshake;
        let door = Door {
            authority: Arc::new(Accounts(self.accounts.0.clone())),
            passwords: Passwords::Allowed,
            upgrade: Some(Box::new(move |stream| {
                Box::pin(async move {
                    match handshake {
                        Handshake::Done => Ok(stream),
                        Handshake::Awaited => {
                            let _open = stream;
                            std::future::pending().await
                        }
                    }
                })
            })),
            message_limit: MESSAGE_LIMIT,
            now: Arc::clone(&self.now),
            intake: Arc::new(Intake::new(64 << 20)),
            terms: Arc::default(),
            tally: Arc::default(),
            stop: self.stop.subscribe(),
        };
        tokio::spawn(serve(Box::new(far), door));
        Box::new(near)
    }

    async fn pass(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts")
}

/// Runs one; gives why it failed.
async fn run(path: &Path) -> Result<(), String> {
    let transcript = Transcript::parse(&fs::read_to_string(path).unwrap())?;
    let ran = transcript::run(&mut InMemory::new(), &transcript).await;
    ran.map_err(|failure| failure.to_string())
}

#[tokio::test(start_paused = true)]
async fn sessions_in_memory_speak_as_the_transcripts_say() {
    let paths = transcript::files(&folder().join("imap"));
    let mut failures = Vec::new();
    for path in &paths {
        if let Err(why) = run(path).await {
            let name = path.strip_prefix(folder()).unwrap().display();
            failures.push(format!("{name}\n{why}"));
        }
    }
    assert!(
        !paths.is_empty() && failures.is_empty(),
        "{} of {} fail\n{}",
        failures.len(),
        paths.len(),
        failures.join("\n\n")
    );
}

/// RFC 3501 §2.3.2: to one session only, and what arrives between its look and its taking is left for the next.
#[tokio::test]
async fn recent_messages_are_taken_as_far_as_somebody_has_looked() {
    let mut world = InMemory::new();
    let (name, password) = ("alice".to_owned(), "x".to_owned());
    world.give(&Given::Account { name, password }).await;
    let message = ("plain.eml".to_owned(), Vec::new());
    world.fill("alice", "INBOX", &[message.clone(), message]).await;
    let (_, account) = &world.accounts.0["alice"];
    let inbox = account.mailbox(&MailboxName::inbox()).unwrap().id;
    assert_eq!(account.take_recent(inbox, Uid(2)), Some(Uid(1)));
    assert_eq!(account.take_recent(inbox, Uid(9)), Some(Uid(2)));
    assert_eq!(account.take_recent(inbox, Uid(1)), Some(Uid(3)));
}

impl InMemory {
    /// With an account `alice` whose inbox has one message.
    async fn with_message(bytes: Vec<u8>) -> Self {
        let mut world = InMemory::new();
        let (name, password) = ("alice".to_owned(), "x".to_owned());
        world.give(&Given::Account { name, password }).await;
        let (_, account) = &world.accounts.0["alice"];
        let message = NewMessage {
            facts: facts_of(&bytes),
            source: BlobSource::Bytes(bytes.into()),
            keywords: Keywords::default(),
            received: Timestamp(0),
        };
        let inbox = account.mailbox(&MailboxName::inbox()).unwrap().id;
        account.append(inbox, vec![message]).await.unwrap();
        world
    }

    async fn speaks(&mut self, transcript: &str) {
        let transcript = Transcript::parse(transcript).unwrap();
        let ran = transcript::run(self, &transcript).await;
        assert!(ran.is_ok(), "{}", ran.unwrap_err());
    }
}

/// RFC 3501 §5.4: inactivity counts from when the client has all that it asked for.
#[tokio::test(start_paused = true)]
async fn who_reads_slowly_is_not_logged_out_right_after() {
    let mut world = InMemory::with_message(b"x: y\r\n".repeat(200_000)).await;
    let mut stream = world.connect().await;
    let ask = "a LOGIN alice x\r\nb SELECT INBOX\r\nc FETCH 1 BODY.PEEK[]\r\n";
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut heard = Vec::with_capacity(1 << 17);
    while !heard.ends_with(b"c OK fetched\r\n") {
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0, "it is open");
        heard.drain(..heard.len() - 20.min(heard.len()));
    }
    tokio::time::sleep(Duration::from_secs(29 * 60)).await;
    stream.write_all(b"d NOOP\r\n").await.unwrap();
    heard.clear();
    stream.read_buf(&mut heard).await.unwrap();
    assert!(heard.starts_with(b"d OK"));
}

/// RFC 3501 §6.4.7, RFC 2180 §4: a message that goes between being looked up and being changed was not changed.
#[tokio::test]
async fn who_names_a_message_that_goes_at_the_same_moment_is_told_so() {
    for command in ["STORE 1 FLAGS (\\Seen)", "COPY 1 Archive", "MOVE 1 Archive"] {
        let mut world = InMemory::with_message(b"x: y\r\n\r\nz\r\n".to_vec()).await;
        let mut streams = [world.connect().await, world.connect().await];
        let open = b"a LOGIN alice x\r\nb SELECT INBOX\r\nc STORE 1 FLAGS.SILENT (\\Deleted)\r\n";
        for stream in &mut streams {
            stream.write_all(open).await.unwrap();
            hear_until(stream, "\nc OK").await;
        }
        let [one, other] = &mut streams;
        one.write_all(b"d EXPUNGE\r\n").await.unwrap();
        other
            .write_all(format!("e {command}\r\n").as_bytes())
            .await
            .unwrap();
        hear_until(one, "d OK").await;
        let heard = hear_until(other, "\r\n").await;
        assert!(heard.contains("e NO [EXPUNGEISSUED]"), "{command}: {heard}");
    }
}

/// RFC 3501 §7.2.6, §7.4.2: the flags that a message has when `\Seen` is set are told with those that it has got meanwhile.
#[tokio::test]
async fn a_keyword_that_comes_while_a_message_is_marked_seen_is_told() {
    let mut world = InMemory::with_message(b"x: y\r\n\r\nz\r\n".to_vec()).await;
    let mut streams = [world.connect().await, world.connect().await];
    for stream in &mut streams {
        let open = b"a LOGIN alice x\r\nb SELECT INBOX\r\n";
        stream.write_all(open).await.unwrap();
        hear_until(stream, "\nb OK").await;
    }
    let [one, other] = &mut streams;
    one.write_all(b"c STORE 1 +FLAGS (later)\r\n").await.unwrap();
    other.write_all(b"d FETCH 1 BODY[TEXT]\r\n").await.unwrap();
    let heard = hear_until(other, "\nd OK").await;
    let told = heard.split_once("* 1 FETCH").unwrap();
    assert!(
        told.0
            .contains("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft later)"),
        "{heard}"
    );
    assert!(told.1.contains("FLAGS (\\Seen later)"), "{heard}");
}

async fn hear_until(stream: &mut Box<dyn Stream>, end: &str) -> String {
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(end) {
        assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0, "it is open");
    }
    String::from_utf8(heard).unwrap()
}

#[tokio::test(start_paused = true)]
async fn large_messages_are_searched_and_fetched_like_small_ones() {
    let line = "what nobody looks for\r\n".repeat(100_000);
    let text = format!("Subject: Large\r\n\r\n{line}Needle\r\n");
    let mut world = InMemory::with_message(text.into_bytes()).await;
    world
        .speaks(
            "given session 1 alice INBOX\n\
             C: a SEARCH BODY needle SUBJECT large NOT BODY hay\n\
             S: * SEARCH 1\n\
             S: a OK <*>\n\
             C: b SEARCH NOT TEXT needle\n\
             S: * SEARCH\n\
             S: b OK <*>\n\
             C: c FETCH 1 (BODY.PEEK[TEXT]<2300000.6> BODY.PEEK[1]<2300002.4>)\n\
             S: * 1 FETCH (BODY[TEXT]<2300000> {6}\n\
             S: Needle BODY[1]<2300002> {4}\n\
             S: edle)\n\
             S: c OK <*>\n",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_envelope_of_a_message_whose_facts_are_damaged_is_made_from_its_bytes() {
    let mut world = InMemory::new();
    let (name, password) = ("alice".to_owned(), "x".to_owned());
    world.give(&Given::Account { name, password }).await;
    let message = |file: &str| (file.to_owned(), Vec::new());
    world
        .fill("alice", "INBOX", &[message("plain.eml"), message("mixed.eml")])
        .await;
    let partition = Store::partition(AccountId(1));
    let all = bytes::Bytes::new()..bytes::Bytes::from_static(&[255; 8]);
    let rows = world.engine.scan(partition, all, 1000).await.unwrap();
    let of_plain = |value: &[u8]| value.windows(5).any(|part| part == b"Hello");
    let facts = rows.iter().find(|row| of_plain(&row.value)).unwrap();
    let mut batch = Batch::new(partition);
    batch.put(&facts.key, b"damaged");
    world.engine.commit(batch).await.unwrap();
    world
        .speaks(
            "given session 1 alice INBOX\n\
             C: a FETCH 1:2 (UID ENVELOPE)\n\
             S: * 1 FETCH (UID 1 ENVELOPE (\"Mon, 7 Feb 1994 21:52:25 -0800\" \"Hello\" <*>))\n\
             S: * 2 FETCH (UID 2 ENVELOPE <*>)\n\
             S: a OK <*>\n\
             C: b SEARCH SENTON 7-Feb-1994\n\
             S: * SEARCH 1\n\
             S: b OK <*>\n",
        )
        .await;
}
