//! Runs a seed: connects the clients through pipes to a server in memory, and takes one step after the other.
//!
//! One thread, and a clock that only moves when nobody has anything to do: waiting a moment is waiting until everything that
//! was sent has been answered.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use engine::Engine;
use engine::memory::MemoryEngine;
use posthouse_server::smtp::Intake;
use posthouse_server::{imap, pop3};
use sasl::Credentials;
use store::{Account, Appended, BlobSource, Delivery, NewMessage, Now, Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use types::{AccountId, MailboxName, Timestamp};

use crate::command::{Body, Command, Items, Number, Set};
use crate::generate;
use crate::imap_client::{Response, Wire, parse, show};
use crate::messages::SAMPLES;
use crate::model::{Answer, Doing, Done, Models, which};
use crate::pop3_client::Pop3;
use crate::random::Random;
use crate::world::World;

const ALICE: AccountId = AccountId(1);
const SESSIONS: usize = 3;
const MAILDROPS: usize = 2;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub steps: usize,
    /// Steps that are left out.
    pub without: BTreeSet<usize>,
}

/// Something was not as the RFCs want it.
#[derive(Debug)]
pub struct Failure {
    pub step: usize,
    pub why: String,
    /// What was said.
    pub transcript: String,
}

/// Lets anybody in as Alice.
#[derive(Clone)]
struct Everybody(Account);

impl posthouse_server::Sasl for Everybody {}

/// Nobody has a delay of his own.
impl pop3::Owners for Everybody {
    fn owner<'a>(&'a self, _: &'a types::Address) -> pop3::OwnerFuture<'a> {
        Box::pin(async { None })
    }
}

impl imap::Authority for Everybody {
    fn log_in<'a>(&'a self, _: &'a Credentials) -> imap::LoginFuture<'a> {
        Box::pin(async { Ok(self.0.clone().into()) })
    }
}

impl pop3::Authority for Everybody {
    fn log_in<'a>(&'a self, _: &'a Credentials, _: Option<std::net::IpAddr>) -> pop3::LoginFuture<'a> {
        Box::pin(async { Ok(self.0.clone().into()) })
    }
}

struct Run {
    store: Store,
    account: Account,
    clock: Arc<AtomicI64>,
    now: Now,
    pop3_site: Arc<pop3::Site>,
    stop: watch::Sender<bool>,
    imap: Vec<Wire>,
    pop3: Vec<Option<Wire>>,
    models: Models,
    tag: usize,
    transcript: String,
}

/// Waits until nobody has anything to do.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// The outcome of what is ready.
fn ready<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future)
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Runs a plan to its end or to the first failure.
pub fn run(plan: &Plan) -> Result<(), Failure> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut run = Run::new().await;
        let mut step = 0;
        let ran = run.all(plan, &mut step).await;
        ran.map_err(|why| Failure {
            step,
            why,
            transcript: run.transcript,
        })
    })
}

impl Run {
    async fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(1_000_000_000));
        let told = Arc::clone(&clock);
        let now: Now = Arc::new(move || Timestamp(told.load(Ordering::Relaxed)));
        let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::default());
        let store = Store::new(engine, Arc::clone(&now));
        let account = store.account(ALICE).await.expect("memory does not fail");
        let site = pop3::Site {
            leases: Arc::default(),
            delays: pop3::Delays::new(
                0,
                Vec::new(),
                Arc::new(Everybody(account.clone())),
                Arc::clone(&now),
            ),
            sizes: pop3::Sizes::default(),
            preferred: ::pop3::Language::English,
        };
        Run {
            store,
            account,
            clock,
            now,
            pop3_site: Arc::new(site),
            stop: watch::channel(false).0,
            imap: Vec::new(),
            pop3: (0..MAILDROPS).map(|_| None).collect(),
            models: Models::new(SESSIONS, MAILDROPS),
            tag: 0,
            transcript: String::new(),
        }
    }

    fn connect_imap(&self) -> Wire {
        let (near, far) = tokio::io::duplex(1 << 20);
        let door = imap::Door {
            authority: Arc::new(Everybody(self.account.clone())),
            passwords: imap::Passwords::Allowed,
            upgrade: None,
            message_limit: 1 << 20,
            now: Arc::clone(&self.now),
            intake: Arc::new(Intake::new(64 << 20)),
            terms: Arc::default(),
            tally: Arc::default(),
            stop: self.stop.subscribe(),
        };
        tokio::spawn(imap::serve(Box::new(far), door));
        Wire::new(near)
    }

    fn connect_pop3(&self) -> Wire {
        let (near, far) = tokio::io::duplex(1 << 20);
        let door = pop3::Door {
            authority: Arc::new(Everybody(self.account.clone())),
            site: Arc::clone(&self.pop3_site),
            host: "post.example".into(),
            peer: None,
            passwords: imap::Passwords::Allowed,
            upgrade: None,
            terms: Arc::default(),
            tally: Arc::default(),
            stop: self.stop.subscribe(),
        };
        tokio::spawn(pop3::serve(Box::new(far), door));
        Wire::new(near)
    }

    /// Connects, again where the server has ended a session.
    async fn log_in(&mut self, session: usize) -> Result<(), String> {
        let mut wire = self.connect_imap();
        wire.send(b"l LOGIN alice alice\r\n").await;
        settle().await;
        let said = parse(&wire.take())?;
        if !matches!(&said[..], [Response::Ok(_), Response::Tagged(done)] if done.status == "OK") {
            return Err(format!("the login is answered {said:?}"));
        }
        match self.imap.get_mut(session) {
            Some(old) => *old = wire,
            None => self.imap.push(wire),
        }
        self.models.reconnect(session);
        Ok(())
    }

    async fn all(&mut self, plan: &Plan, step: &mut usize) -> Result<(), String> {
        for session in 0..SESSIONS {
            self.log_in(session).await?;
        }
        let begin = vec![(0, 0), (1, 1), (2, 32), (7, 0)];
        self.step(vec![Doing::Imap(
            0,
            vec![Command::Append("INBOX".to_owned(), begin)],
        )])
        .await?;
        while *step < plan.steps {
            if !plan.without.contains(step) {
                let mut random = Random::of(plan.seed, *step);
                self.clock.fetch_add(random.below(3) as i64, Ordering::Relaxed);
                let doings = generate::step(&mut random, self.models.one());
                self.step(doings).await?;
            }
            *step += 1;
        }
        self.end().await
    }

    /// At the end every session, and everybody who looks anew, sees what is true; and the store finds nothing wrong.
    async fn end(&mut self) -> Result<(), String> {
        for session in 0..SESSIONS {
            let command = if self.models.one().sessions[session].idle {
                Command::Done
            } else {
                Command::Noop
            };
            self.step(vec![Doing::Imap(session, vec![command])]).await?;
            if self.models.one().sessions[session].view.is_some() {
                self.step(vec![Doing::Imap(session, vec![everything()])]).await?;
            }
        }
        let world: World = self.models.one().world.clone();
        for mailbox in &world.mailboxes {
            let name = mailbox.name.clone();
            self.step(vec![Doing::Imap(0, vec![Command::Status(name.clone())])])
                .await?;
            self.step(vec![Doing::Imap(
                0,
                vec![Command::Select {
                    name,
                    read_only: true,
                }],
            )])
            .await?;
            self.step(vec![Doing::Imap(0, vec![everything()])]).await?;
        }
        self.step(vec![Doing::Imap(0, vec![Command::List("*")])]).await?;
        let report = self
            .store
            .check_account(ALICE)
            .await
            .map_err(|error| error.to_string())?;
        match &report.findings[..] {
            [] => Ok(()),
            [first, ..] => Err(format!("the store is not whole: {}, {first:?}", first.what)),
        }
    }

    /// Lets several clients do something at once, and checks all that is said.
    async fn step(&mut self, doings: Vec<Doing>) -> Result<(), String> {
        let mut deliveries = Vec::new();
        for doing in &doings {
            deliveries.push(self.begin(doing).await);
        }
        settle().await;
        let mut answers = Vec::new();
        for (doing, delivery) in doings.iter().zip(deliveries) {
            answers.push(self.answer(doing, delivery)?);
        }
        let busy = |session: usize| {
            doings
                .iter()
                .any(|d| matches!(d, Doing::Imap(other, _) if *other == session))
        };
        let mut others = Vec::new();
        for session in 0..SESSIONS {
            if !busy(session) {
                others.push((session, self.hear_imap(session)?));
            }
        }
        let asked = self.ask_which(&doings, &answers).await?;
        let done = Done {
            doings: &doings,
            answers: &answers,
            others: &others,
            asked: &asked,
        };
        self.models.step(&done)?;
        for session in 0..SESSIONS {
            if self.models.one().sessions[session].over {
                self.log_in(session).await?;
            }
        }
        Ok(())
    }

    /// Where several clients did something, a new message may have come and gone: those that were told of new ones ask which
    /// they have.
    async fn ask_which(
        &mut self,
        doings: &[Doing],
        answers: &[Answer],
    ) -> Result<Vec<(usize, Vec<Response>)>, String> {
        let mut asked = Vec::new();
        for (doing, answer) in doings.iter().zip(answers) {
            let (Doing::Imap(session, commands), Answer::Imap(heard)) = (doing, answer) else {
                continue;
            };
            let stays = !matches!(
                commands.last(),
                Some(
                    Command::Close | Command::Unselect | Command::Delete(_) | Command::Idle | Command::Logout
                )
            );
            let news = heard
                .iter()
                .any(|response| matches!(response, Response::Exists(_)));
            let ends = heard.iter().any(|response| matches!(response, Response::Bye));
            if doings.len() > 1 && news && stays && !ends {
                self.begin(&Doing::Imap(*session, vec![which()])).await;
                settle().await;
                asked.push((*session, self.hear_imap(*session)?));
            }
        }
        Ok(asked)
    }

    async fn begin(&mut self, doing: &Doing) -> Option<JoinHandle<Vec<Result<Appended, StoreError>>>> {
        match doing {
            Doing::Imap(session, commands) => {
                let mut text = Vec::new();
                for command in commands {
                    self.tag += 1;
                    text.extend(command.print(&format!("t{}", self.tag)));
                }
                self.note(&format!("C{session}"), &text);
                self.imap[*session].send(&text).await;
            }
            Doing::Pop3(client, commands) => {
                let text: String = commands.iter().map(Pop3::print).collect();
                self.note(
                    &format!("p{client}"),
                    if text.is_empty() {
                        b"(breaks off)"
                    } else {
                        text.as_bytes()
                    },
                );
                if let [Pop3::Login] = commands[..] {
                    self.pop3[*client] = Some(self.connect_pop3());
                }
                if let [Pop3::Break] = commands[..] {
                    self.pop3[*client] = None;
                }
                if let Some(wire) = &mut self.pop3[*client] {
                    wire.send(text.as_bytes()).await;
                }
            }
            Doing::Deliver(name, sample) => {
                self.note("D", format!("sample {sample} to {name}").as_bytes());
                return Some(self.deliver(name, *sample));
            }
        }
        None
    }

    fn deliver(&self, name: &str, sample: usize) -> JoinHandle<Vec<Result<Appended, StoreError>>> {
        let (store, sample) = (self.store.clone(), &SAMPLES[sample]);
        let delivery = Delivery {
            account: ALICE,
            mailbox: MailboxName::check(name).expect("a name"),
        };
        let message = NewMessage {
            source: BlobSource::Bytes(sample.bytes.clone()),
            keywords: store::Keywords::default(),
            received: (self.now)(),
            facts: sample.facts.clone(),
        };
        tokio::spawn(async move { store.deliver(&[delivery], message).await })
    }

    fn answer(
        &mut self,
        doing: &Doing,
        delivery: Option<JoinHandle<Vec<Result<Appended, StoreError>>>>,
    ) -> Result<Answer, String> {
        match doing {
            Doing::Imap(session, _) => self.hear_imap(*session).map(Answer::Imap),
            Doing::Pop3(client, _) => {
                let Some(wire) = &mut self.pop3[*client] else {
                    return Ok(Answer::Pop3(String::new()));
                };
                let said = wire.take();
                self.note(&format!("P{client}"), &said);
                Ok(Answer::Pop3(String::from_utf8_lossy(&said).into_owned()))
            }
            Doing::Deliver(..) => {
                let delivered = delivery.and_then(ready).ok_or("the delivery never ends")?;
                let appended = delivered
                    .ok()
                    .and_then(|mut all| all.pop()?.ok())
                    .ok_or("the delivery failed")?;
                Ok(Answer::Delivered(appended.validity.0, appended.uid.0))
            }
        }
    }

    fn hear_imap(&mut self, session: usize) -> Result<Vec<Response>, String> {
        let said = self.imap[session].take();
        self.note(&format!("S{session}"), &said);
        parse(&said)
    }

    fn note(&mut self, who: &str, said: &[u8]) {
        if !said.is_empty() {
            let text = show(said).replace("\r\n", &format!("\n{who}: "));
            let _ = writeln!(self.transcript, "{who}: {text}");
        }
    }
}

fn everything() -> Command {
    let all = Set {
        by_uid: true,
        ranges: vec![(Number::N(1), Number::Last)],
    };
    let body = Body {
        section: "",
        peek: true,
        partial: None,
    };
    Command::Fetch(
        all,
        Items {
            uid: true,
            flags: true,
            size: true,
            body: Some(body),
        },
    )
}
