//! Every transcript of `tests/transcripts/pop3/`, against sessions in memory. The clock stands still until a transcript
//! moves it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use engine::Engine;
use engine::memory::MemoryEngine;
use pop3::{Language, Refusal};
use posthouse_server::facts::facts_of;
use posthouse_server::imap::Passwords;
use posthouse_server::pop3::{Authority, Delays, Door, LoginFuture, OwnerFuture, Owners, Site, serve};
use sasl::Credentials;
use store::{Account, BlobSource, Keywords, NewMessage, Now, Store};
use tokio::sync::watch;
use transcript::{Given, Stream, Transcript, World};
use types::{AccountId, Address, MailboxName, Timestamp};

#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::fn_params_excessive_bools,
    reason = "shared with the tests of the built program"
)]
mod transcript;

/// Those who have accounts.
#[derive(Clone, Default)]
struct Accounts(HashMap<String, (String, Account)>);

impl posthouse_server::Sasl for Accounts {}

impl Authority for Accounts {
    fn log_in<'a>(&'a self, credentials: &'a Credentials, _: Option<std::net::IpAddr>) -> LoginFuture<'a> {
        Box::pin(async move {
            let (password, account) = self.0.get(&credentials.login).ok_or(Refusal::WrongPassword)?;
            (password.as_bytes() == credentials.password.expose())
                .then(|| account.clone().into())
                .ok_or(Refusal::WrongPassword)
        })
    }
}

impl Owners for Accounts {
    fn owner<'a>(&'a self, address: &'a Address) -> OwnerFuture<'a> {
        Box::pin(async move { Some(self.0.get(address.local.as_str())?.1.id()) })
    }
}

/// A server without sockets and disks.
struct InMemory {
    store: Store,
    now: Now,
    seconds: Arc<AtomicI64>,
    accounts: Accounts,
    stop: watch::Sender<bool>,
    passwords: Passwords,
    language: Language,
    delay: u32,
    delays: Vec<(Address, u32)>,
    /// Made when the first client comes.
    site: Option<Arc<Site>>,
}

impl InMemory {
    fn new() -> Self {
        let seconds = Arc::new(AtomicI64::new(1_000_000_000));
        let clock = Arc::clone(&seconds);
        let now: Now = Arc::new(move || Timestamp(clock.load(Ordering::SeqCst)));
        let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::default());
        InMemory {
            store: Store::new(engine, Arc::clone(&now)),
            now,
            seconds,
            accounts: Accounts::default(),
            stop: watch::channel(false).0,
            passwords: Passwords::Allowed,
            language: Language::English,
            delay: 0,
            delays: Vec::new(),
            site: None,
        }
    }

    async fn fill(&self, account: &str, mailbox: &str, messages: &[(String, Vec<String>)]) {
        let (_, account) = &self.accounts.0[account];
        let mailbox = account.mailbox(&MailboxName::check(mailbox).unwrap()).unwrap();
        for (file, _) in messages {
            let bytes = fs::read(folder().join("messages").join(file)).unwrap();
            let bytes = message::repair::crlf(&bytes).into_owned();
            let message = NewMessage {
                facts: facts_of(&bytes),
                source: BlobSource::Bytes(bytes.into()),
                keywords: Keywords::default(),
                received: (self.now)(),
            };
            account.append(mailbox.id, vec![message]).await.unwrap();
        }
    }

    /// `login_delay 60`, `login_delay bob@example.org 60`, `language zh`, `passwords tls`.
    fn set(&mut self, name: &str, value: &str) {
        match (name, value.split_once(' ')) {
            ("login_delay", None) => self.delay = value.parse().unwrap(),
            ("login_delay", Some((address, seconds))) => {
                let address = Address::parse(address).unwrap();
                self.delays.push((address, seconds.parse().unwrap()));
            }
            ("language", None) => self.language = Language::find(value).unwrap(),
            ("passwords", None) => self.passwords = Passwords::Forbidden,
            // It always is in memory; over sockets it would have to be made.
            ("handshake", None) => assert_eq!(value, "done"),
            _ => panic!("no such setting: {name} {value}"),
        }
    }

    fn site(&mut self) -> Arc<Site> {
        let owners = Arc::new(self.accounts.clone());
        let (delay, delays, now) = (self.delay, self.delays.clone(), Arc::clone(&self.now));
        let preferred = self.language;
        let make = || Site {
            leases: Arc::default(),
            delays: Delays::new(delay, delays, owners, now),
            sizes: Default::default(),
            preferred,
        };
        Arc::clone(self.site.get_or_insert_with(|| Arc::new(make())))
    }
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
            Given::Quota { .. } => unreachable!("nothing is put in"),
            Given::Setting { name, value } => self.set(name, value),
            Given::Session { .. } => unreachable!("the runner makes sessions"),
        }
    }

    fn log_in(&self, account: &str, _: Option<&str>) -> Vec<(String, String)> {
        let (password, _) = &self.accounts.0[account];
        let lines = [format!("USER {account}"), format!("PASS {password}")];
        lines.map(|line| (line, "+OK".to_owned())).into()
    }

    async fn connect(&mut self) -> Box<dyn Stream> {
        let (near, far) = tokio::io::duplex(1 << 16);
        let door = Door {
            authority: Arc::new(self.accounts.clone()),
            site: self.site(),
            host: "mail.example.org".into(),
            peer: None,
            passwords: self.passwords,
            // A handshake after which everything is as it was.
            upgrade: Some(Box::new(|stream| Box::pin(async move { Ok(stream) }))),
            terms: Arc::default(),
            tally: Arc::default(),
            stop: self.stop.subscribe(),
        };
        tokio::spawn(serve(Box::new(far), door));
        Box::new(near)
    }

    async fn pass(&mut self, time: Duration) {
        let seconds = i64::try_from(time.as_secs()).unwrap();
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
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
    let paths = transcript::files(&folder().join("pop3"));
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
