//! Fetching from servers that break or lie: a connection that is cut at every octet, sizes that are wrong, answers without an end.
//!
//! The servers keep mail: what a client has had deleted is gone from them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use posthouse_client::download::{Format, Keep, Summary, Target, from_imap, from_pop3};
use posthouse_client::{Cause, Error, Login, Server, TimeOuts};
use posthouse_client::{imap, pop3};

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Pop3,
    Imap,
}

/// What a server does to its clients.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// After so many octets the connection is cut.
    cut: usize,
    /// Octets go out one by one.
    dribbles: bool,
    /// So many octets it says that a message has more than it has.
    lie: i64,
    /// More comes of a FETCH than was asked for: another message, another part of each, and everything twice.
    chatters: bool,
}

const HONEST: Manner = Manner {
    cut: usize::MAX,
    dribbles: false,
    lie: 0,
    chatters: false,
};

type Maildrop = Arc<Mutex<Vec<(u32, String)>>>;

fn messages() -> Vec<(u32, String)> {
    // One is empty, one has dots, one has no line end at its end.
    let texts = [
        "From: a@example.org\r\nSubject: 一\r\n\r\nfirst\r\n",
        "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n",
        "\r\n",
    ];
    (1..).zip(texts.map(str::to_owned)).collect()
}

/// A connection of which only so much is said.
struct Voice {
    stream: BufReader<TcpStream>,
    manner: Manner,
    said: Arc<AtomicUsize>,
}

impl Voice {
    /// Says it, or as much as there is left to say; then there is nobody any more.
    fn say(&mut self, words: &str) -> Option<()> {
        let left = self.manner.cut - self.said.load(Ordering::Relaxed);
        let now = words.len().min(left);
        let octets = &words.as_bytes()[..now];
        let pieces = if self.manner.dribbles {
            1
        } else {
            octets.len().max(1)
        };
        for piece in octets.chunks(pieces) {
            self.stream.get_mut().write_all(piece).ok()?;
        }
        self.said.fetch_add(now, Ordering::Relaxed);
        (now == words.len()).then_some(())
    }

    fn hear(&mut self) -> Option<Vec<String>> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(1..) => Some(line.split_whitespace().map(str::to_owned).collect()),
            _ => None,
        }
    }
}

/// A server of one maildrop, and how much it has said to its last client.
struct Post {
    protocol: Protocol,
    maildrop: Maildrop,
}

impl Post {
    fn new(protocol: Protocol) -> Post {
        Post {
            protocol,
            maildrop: Arc::new(Mutex::new(messages())),
        }
    }

    fn subjects_left(&self) -> Vec<String> {
        self.maildrop
            .lock()
            .unwrap()
            .iter()
            .map(|message| message.1.clone())
            .collect()
    }

    /// One session, and what the server said in it, in octets.
    async fn fetch(&self, path: &Path, keep: Keep, manner: Manner) -> (Result<Summary, Error>, usize) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let said = Arc::new(AtomicUsize::new(0));
        let (protocol, maildrop, count) = (self.protocol, Arc::clone(&self.maildrop), Arc::clone(&said));
        let serving = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let closing = stream.try_clone().unwrap();
            let mut voice = Voice {
                stream: BufReader::new(stream),
                manner,
                said: count,
            };
            match protocol {
                Protocol::Pop3 => pop3_session(&mut voice, &maildrop),
                Protocol::Imap => imap_session(&mut voice, &maildrop),
            };
            // What the client still says is heard: the end is an end, and not a reset.
            let _ = closing.shutdown(Shutdown::Write);
            let _ = voice.stream.read_to_end(&mut Vec::new());
        });
        let scheme = if protocol == Protocol::Pop3 {
            "pop3"
        } else {
            "imap"
        };
        let server = Server::parse(&format!("{scheme}://{address}?tls=none")).unwrap();
        let server = server
            .login(Login::password("alice", "tin whistle"))
            .time_outs(TimeOuts::all(PATIENCE));
        let done = fetch(protocol, &server, path, keep).await;
        serving.join().unwrap();
        (done, said.load(Ordering::Relaxed))
    }
}

async fn fetch(protocol: Protocol, server: &Server, path: &Path, keep: Keep) -> Result<Summary, Error> {
    let open = || Target::open(path, Format::Maildir, "alice").unwrap();
    match protocol {
        Protocol::Pop3 => {
            let client = pop3::Client::connect(server).await?;
            from_pop3(client, open(), keep, |_, _, _| {}).await
        }
        Protocol::Imap => {
            let mut client = imap::Client::connect(server).await?;
            from_imap(&mut client, "INBOX", open(), keep, |_, _, _| {}).await
        }
    }
}

fn pop3_session(voice: &mut Voice, maildrop: &Maildrop) -> Option<()> {
    voice.say("+OK hello\r\n")?;
    let here = maildrop.lock().unwrap().clone();
    let mut marked = Vec::new();
    loop {
        let words = voice.hear()?;
        let of = |word: &String| &here[word.parse::<usize>().unwrap() - 1];
        let listed = |what: &dyn Fn(&(u32, String)) -> String| {
            let lines: Vec<String> = (1..)
                .zip(&here)
                .map(|(number, message): (usize, _)| format!("{number} {}\r\n", what(message)))
                .collect();
            format!("+OK\r\n{}.\r\n", lines.concat())
        };
        let answer = match words[0].as_str() {
            "CAPA" => "+OK\r\nUIDL\r\nPIPELINING\r\nUSER\r\n.\r\n".to_owned(),
            "LIST" => listed(&|message| (message.1.len() as i64 + voice.manner.lie).max(0).to_string()),
            "UIDL" => listed(&|message| format!("id-{}", message.0)),
            "RETR" => format!("+OK\r\n{}.\r\n", of(&words[1]).1.replace("\r\n.", "\r\n..")),
            "DELE" => {
                marked.push(of(&words[1]).0);
                "+OK\r\n".to_owned()
            }
            // RFC 1939 §6: what is marked goes now, whether or not anybody hears the answer.
            "QUIT" => {
                maildrop
                    .lock()
                    .unwrap()
                    .retain(|message| !marked.contains(&message.0));
                return voice.say("+OK bye\r\n");
            }
            _ => "+OK\r\n".to_owned(),
        };
        voice.say(&answer)?;
    }
}

fn is_in(set: &str, uid: u32) -> bool {
    set.split(',').any(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        (first.parse().unwrap()..=last.parse().unwrap()).contains(&uid)
    })
}

static SESSIONS: AtomicUsize = AtomicUsize::new(100);

fn imap_session(voice: &mut Voice, maildrop: &Maildrop) -> Option<()> {
    voice.say("* OK [CAPABILITY IMAP4rev1 UIDPLUS LITERAL+] hello\r\n")?;
    let mut marked: Vec<u32> = Vec::new();
    loop {
        let words = voice.hear()?;
        let here = maildrop.lock().unwrap().clone();
        let uids = |set: &str| -> Vec<u32> {
            let named = here
                .iter()
                .map(|message| message.0)
                .filter(|uid| is_in(set, *uid));
            named.collect()
        };
        let verb = match words[1].as_str() {
            "UID" => words[2].as_str(),
            verb => verb,
        };
        let mut answer = match verb {
            "CAPABILITY" => "* CAPABILITY IMAP4rev1 UIDPLUS LITERAL+\r\n".to_owned(),
            "SELECT" => format!("* {} EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n", here.len()),
            // As Courier has it, of a mailbox that nobody has selected yet: a number for this session.
            "EXAMINE" => {
                let validity = SESSIONS.fetch_add(1, Ordering::Relaxed);
                format!("* {} EXISTS\r\n* OK [UIDVALIDITY {validity}] x\r\n", here.len())
            }
            "SEARCH" => {
                let all: Vec<String> = here.iter().map(|message| message.0.to_string()).collect();
                format!("* SEARCH {}\r\n", all.join(" "))
            }
            "FETCH" => fetched(voice.manner, &here, &uids(&words[3])),
            "STORE" => {
                marked.extend(uids(&words[3]));
                String::new()
            }
            "EXPUNGE" => {
                let gone: Vec<u32> = uids(&words[3])
                    .into_iter()
                    .filter(|uid| marked.contains(uid))
                    .collect();
                maildrop
                    .lock()
                    .unwrap()
                    .retain(|message| !gone.contains(&message.0));
                String::new()
            }
            _ => String::new(),
        };
        answer.push_str(&format!("{} OK done\r\n", words[0]));
        voice.say(&answer)?;
    }
}

fn fetched(manner: Manner, here: &[(u32, String)], uids: &[u32]) -> String {
    let mut answer = String::new();
    for (number, (uid, text)) in (1..).zip(here).filter(|(_, message)| uids.contains(&message.0)) {
        let size = text.len() as i64 + manner.lie;
        let number: usize = number;
        if manner.chatters {
            let much = "x\r\n".repeat(100_000);
            answer.push_str(&format!(
                "* 9 FETCH (UID 99 BODY[] {{{}}}\r\n{much})\r\n",
                much.len()
            ));
            answer.push_str(&format!("* {number} FETCH (FLAGS (\\Seen))\r\n* 9 EXISTS\r\n"));
            answer.push_str(&format!(
                "* {number} FETCH (UID {uid} BODY[TEXT] {{{}}}\r\n{much})\r\n",
                much.len()
            ));
        }
        let told = format!(
            "* {number} FETCH (UID {uid} FLAGS () INTERNALDATE \"25-Nov-2026 10:00:00 +0000\" BODY[] {{{size}}}\r\n{text})\r\n"
        );
        answer.push_str(&told.repeat(if manner.chatters { 2 } else { 1 }));
    }
    answer
}

/// A folder in memory, where there is one: thousands of syncs are not what is tested.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// What lies in a Maildir, in order, with the line ends of mail.
fn brought(path: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for part in ["new", "cur"] {
        let Ok(entries) = fs::read_dir(path.join(part)) else {
            continue;
        };
        for entry in entries {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            texts.push(text.replace('\n', "\r\n"));
        }
    }
    texts.sort();
    texts
}

fn all() -> Vec<String> {
    let mut texts: Vec<String> = messages().into_iter().map(|message| message.1).collect();
    texts.sort();
    texts
}

/// RFC 9051 §2.3.1.1: numbers that stay are those of a mailbox that is selected.
#[tokio::test]
async fn what_was_fetched_is_known_to_a_server_that_keeps_no_numbers_for_examine() {
    let (place, post) = (folder(), Post::new(Protocol::Imap));
    for fetched in [3, 0] {
        let (done, _) = post.fetch(&place.path().join("mail"), Keep::All, HONEST).await;
        assert_eq!(done.unwrap().fetched, fetched);
    }
}

/// RFC 1939 §6 and RFC 9051 §6.4.3: wherever it is cut, each message is there or here, and after the next session here, once.
async fn cut_everywhere(protocol: Protocol) {
    let place = folder();
    let (done, whole) = Post::new(protocol)
        .fetch(&place.path().join("whole"), Keep::Nothing, HONEST)
        .await;
    assert_eq!(done.unwrap().deleted, 3);
    for cut in 0..whole {
        let path = place.path().join(cut.to_string());
        let post = Post::new(protocol);
        let (done, _) = post.fetch(&path, Keep::Nothing, Manner { cut, ..HONEST }).await;
        let error = done.expect_err("the session was cut");
        assert!(matches!(error.cause(), Cause::Closed), "cut at {cut}: {error}");
        assert!(
            error.to_string().contains(": the server closed the connection"),
            "{error}"
        );
        let (left, here) = (post.subjects_left(), brought(&path));
        let is_somewhere = |text: &String| left.contains(text) || here.contains(text);
        assert!(all().iter().all(is_somewhere), "cut at {cut}: {left:?} {here:?}");
        post.fetch(&path, Keep::Nothing, HONEST).await.0.unwrap();
        assert_eq!(
            (brought(&path), post.subjects_left()),
            (all(), vec![]),
            "cut at {cut}"
        );
        fs::remove_dir_all(&path).unwrap();
    }
}

#[tokio::test]
async fn a_fetch_over_pop3_that_is_cut_anywhere_loses_nothing() {
    cut_everywhere(Protocol::Pop3).await;
}

#[tokio::test]
async fn a_fetch_over_imap_that_is_cut_anywhere_loses_nothing() {
    cut_everywhere(Protocol::Imap).await;
}

#[tokio::test]
async fn octets_may_come_one_by_one() {
    let place = folder();
    for protocol in [Protocol::Pop3, Protocol::Imap] {
        let path = place.path().join(format!("{protocol:?}"));
        let manner = Manner {
            dribbles: true,
            ..HONEST
        };
        Post::new(protocol)
            .fetch(&path, Keep::Nothing, manner)
            .await
            .0
            .unwrap();
        assert_eq!(brought(&path), all());
    }
}

/// RFC 1939 §11: the size that POP3 says need not be right, and the lone dot ends a message. A literal of IMAP that is longer or shorter
/// than it says is none: nothing of it is kept, and nothing is deleted.
#[tokio::test]
async fn wrong_sizes_lose_nothing() {
    let place = folder();
    for lie in [1, -1, 1000, i64::MAX - 1000] {
        let manner = Manner { lie, ..HONEST };
        let path = place.path().join(format!("pop3{lie}"));
        Post::new(Protocol::Pop3)
            .fetch(&path, Keep::Nothing, manner)
            .await
            .0
            .unwrap();
        assert_eq!(brought(&path), all());
    }
    for lie in [1, -1, 3] {
        let path = place.path().join(format!("imap{lie}"));
        let post = Post::new(Protocol::Imap);
        // A session that waits for octets that do not come is ended by the other side.
        let whole = 2000;
        let manner = Manner {
            lie,
            cut: whole,
            ..HONEST
        };
        let fetching = post.fetch_impatiently(&path, manner);
        let error = fetching.await.expect_err(&format!("a lie of {lie}"));
        assert!(
            matches!(error.cause(), Cause::Garbled(_) | Cause::TimedOut(_)),
            "{lie}: {error}"
        );
        assert_eq!((brought(&path), post.subjects_left().len()), (vec![], 3), "{lie}");
        post.fetch(&path, Keep::Nothing, HONEST).await.0.unwrap();
        assert_eq!((brought(&path), post.subjects_left().len()), (all(), 0), "{lie}");
    }
}

/// RFC 9051 §7.5.2: a server may say FETCH unasked. Octets that nobody asked for are let go, in an mbox too.
#[tokio::test]
async fn octets_that_were_not_asked_for_are_let_go() {
    let place = folder();
    let manner = Manner {
        chatters: true,
        ..HONEST
    };
    let maildir = place.path().join("maildir");
    Post::new(Protocol::Imap)
        .fetch(&maildir, Keep::All, manner)
        .await
        .0
        .unwrap();
    assert_eq!(brought(&maildir), all());
    assert_eq!(fs::read_dir(maildir.join("tmp")).unwrap().count(), 0);
    let post = Post::new(Protocol::Imap);
    let mbox = place.path().join("mbox");
    post.fetch_as(Format::Mbox, &mbox, manner).await.unwrap();
    let text = fs::read_to_string(&mbox).unwrap();
    assert_eq!(
        (text.matches("\nStatus: ").count(), text.contains("x\nx\n")),
        (3, false)
    );
}

impl Post {
    async fn fetch_as(&self, format: Format, path: &Path, manner: Manner) -> Result<Summary, Error> {
        let server = self.served(manner, PATIENCE);
        let mut client = imap::Client::connect(&server).await?;
        let target = Target::open(path, format, "alice").unwrap();
        from_imap(&mut client, "INBOX", target, Keep::All, |_, _, _| {}).await
    }

    async fn fetch_impatiently(&self, path: &Path, manner: Manner) -> Result<Summary, Error> {
        let server = self.served(manner, Duration::from_millis(500));
        fetch(self.protocol, &server, path, Keep::Nothing).await
    }

    /// A server that nobody waits for.
    fn served(&self, manner: Manner, patience: Duration) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let maildrop = Arc::clone(&self.maildrop);
        thread::spawn(move || {
            let stream = BufReader::new(listener.accept().unwrap().0);
            let said = Arc::default();
            imap_session(&mut Voice { stream, manner, said }, &maildrop)
        });
        let server = Server::parse(&format!("imap://{address}?tls=none")).unwrap();
        server
            .login(Login::password("alice", "tin whistle"))
            .time_outs(TimeOuts::all(patience))
    }
}

/// A server that says some words and then others for ever, a piece at a time.
fn endless(scheme: &str, begin: &'static str, more: String, pause: Duration) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut hearing = stream.try_clone().unwrap();
        thread::spawn(move || std::io::copy(&mut hearing, &mut std::io::sink()));
        stream.set_nodelay(true).unwrap();
        let _ = stream.write_all(begin.as_bytes());
        while stream.write_all(more.as_bytes()).is_ok() {
            if !pause.is_zero() {
                thread::sleep(pause);
            }
        }
    });
    Server::parse(&format!("{scheme}://{address}?tls=none")).unwrap()
}

/// No answer fills the memory: CAPA has few lines, and a listing no more than a maildrop has.
#[tokio::test]
async fn answers_of_pop3_without_an_end_are_given_up() {
    let line = "x".repeat(10_000) + "\r\n";
    for (begin, more, step) in [
        ("", "+OK".to_owned(), "waiting for the greeting"),
        ("+OK\r\n+OK\r\n", "CAPABILITY\r\n".repeat(1000), "at CAPA"),
        (
            "+OK\r\n+OK\r\n.\r\n+OK\r\n.\r\n+OK\r\n",
            line.repeat(100),
            "at LIST",
        ),
        (
            "+OK\r\n+OK\r\n.\r\n+OK\r\n.\r\n+OK\r\n.\r\n+OK\r\n",
            line.repeat(100),
            "at UIDL",
        ),
    ] {
        let server = endless("pop3", begin, more, Duration::ZERO);
        let listed = match pop3::Client::connect(&server).await {
            Ok(mut client) => client.list().await.map(drop),
            Err(error) => Err(error),
        };
        let error = listed.unwrap_err();
        assert!(matches!(error.cause(), Cause::TooLong(_)), "{error}");
        assert!(error.to_string().contains(step), "{error}");
    }
}

/// What dribbles in has to come as a whole within the time-out: RFC 5321 §4.5.3.2 says how long a reply may take, not an octet.
#[tokio::test]
async fn a_greeting_that_dribbles_in_without_an_end_times_out() {
    let patience = Duration::from_millis(300);
    for (scheme, more) in [
        ("smtp", "x"),
        ("smtp", "220-mx\r\n"),
        ("pop3", "x"),
        ("imap", "x"),
    ] {
        let server = endless(scheme, "", more.to_owned(), Duration::from_millis(20));
        let server = server.time_outs(TimeOuts::all(patience));
        let begun = Instant::now();
        let waiting = async {
            match scheme {
                "smtp" => posthouse_client::smtp::Client::connect(&server).await.err(),
                "pop3" => pop3::Client::connect(&server).await.err(),
                _ => imap::Client::connect(&server).await.err(),
            }
        };
        let error = tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect(scheme)
            .unwrap();
        assert!(
            matches!(error.cause(), Cause::TimedOut(time) if *time == patience),
            "{error}"
        );
        assert!(begun.elapsed() >= patience);
    }
}

/// What a server lists is believed as far as it can be: a message that it does not give is told, and the others come.
#[tokio::test]
async fn lists_that_are_wrong_are_found_out() {
    let logged_in = "+OK\r\n-ERR\r\n+OK\r\n+OK\r\n-ERR\r\n+OK\r\n";
    for (list, uidl) in [
        ("1 18446744073709551616\r\n.\r\n", ""),
        ("4294967296 1\r\n.\r\n", ""),
        ("-1 -1\r\n.\r\n", ""),
        ("\r\n.\r\n", ""),
        ("one two\r\n.\r\n", "-ERR\r\n"),
    ] {
        let words: &'static str = format!("{logged_in}{list}{uidl}").leak();
        let server = endless("pop3", words, String::from("-ERR no\r\n"), Duration::ZERO);
        let mut client = pop3::Client::connect(&server.login(Login::password("a", "b")))
            .await
            .unwrap();
        let error = client.list().await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Garbled(_)), "{list}: {error}");
    }
    let words = format!(
        "{logged_in}1 5\r\n2 5\r\n9 5\r\n.\r\n+OK\r\n1 a\r\n2 b\r\n9 c\r\n.\r\n\
        +OK\r\nSubject: one\r\n\r\n.\r\n-ERR none\r\n+OK\r\nSubject: nine\r\n\r\n.\r\n+OK\r\n+OK\r\n"
    );
    let server = endless("pop3", words.leak(), String::from("+OK\r\n"), Duration::ZERO);
    let place = folder();
    let server = server.login(Login::password("a", "b"));
    let summary = fetch(Protocol::Pop3, &server, place.path(), Keep::Nothing)
        .await
        .unwrap();
    assert_eq!(
        (summary.fetched, summary.deleted, summary.refused.len()),
        (2, 2, 1)
    );
    assert_eq!(brought(place.path()).len(), 2);
}
