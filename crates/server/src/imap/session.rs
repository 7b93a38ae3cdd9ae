//! A session: reads commands, checks that they are allowed, has them carried out, and answers.
//!
//! While it waits for its client, in IDLE or not, it holds no view and no buffer; carrying out a command is boxed, so
//! that a session that waits is small.

use std::io;

use ::store::Account;
use bytes::Bytes;
use directory::Standing;
use imap::command::capability::{self, Offer, Situation};
use imap::command::{BadCommand, Command, parse, tag_of};
use imap::framing::{Event, Frame, FramingError, Limits};
use imap::grammar::set::Numbering;
use imap::response::status::{self as print, Code, Kind};
use imap::{In, Refusal, Tagged};
use sasl::Mechanism;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use types::Uid;

use super::carry_out::{Outcome, manner};
use super::connection::{Connection, Stream};
use super::door::{Door, Passwords};
use super::selected::{Access, Expunges, Selected};
use super::stop::Stop;
use crate::authenticate::Entered;
use crate::listen::stopped;
use crate::smtp::Hold;

/// Octets of a command that every connection may have.
const UNCOUNTED: usize = 8 * 1024;
/// How many mistakes a client may make before a login.
const MAX_MISTAKES: u32 = 10;
/// How many it may make in a row after a login: a broken client, not an attack.
const MAX_MISTAKES_LOGGED_IN: u32 = 1000;

/// Why a session ends whose account has another password, or is disabled.
const LOGIN_ENDED: &str = "the login has ended; log in again";

/// How far the client has come (RFC 3501 §3).
pub(super) enum State {
    NotAuthenticated,
    Authenticated(Account),
    Selected(Box<Selected>),
}

/// A connection with all that is known of its client.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) door: Door,
    pub(super) state: State,
    /// The memory of a large command that is on its way, until it is carried out.
    hold: Option<Box<Hold>>,
    /// The tag of the IDLE that is going on.
    idling: Option<Bytes>,
    mistakes: u32,
    login_failures: u32,
    deadline: Instant,
    /// How long the login holds.
    standing: Standing,
}

/// Waits for what ends a session that its client does not end; says why.
async fn over(stop: &mut watch::Receiver<bool>, standing: &mut Standing) -> &'static str {
    tokio::select! {
        () = stopped(stop) => "the server is stopping",
        () = standing.ended() => LOGIN_ENDED,
    }
}

/// Whether the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Command,
    End,
}

/// Serves one connection from greeting to end.
///
/// # Errors
/// The connection broke. A client that leaves without LOGOUT is no error.
pub async fn serve(stream: Box<dyn Stream>, door: Door) -> io::Result<()> {
    let mut session = Session {
        connection: Connection::new(stream, door.terms.times.write, door.terms.outlet.clone()),
        state: State::NotAuthenticated,
        hold: None,
        idling: None,
        mistakes: 0,
        login_failures: 0,
        deadline: Instant::now() + door.terms.times.imap_login,
        standing: Standing::lasting(),
        door,
    };
    session.greet();
    match session.run().await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        ended => ended,
    }
}

impl Session {
    pub(super) fn door(&self) -> &Door {
        &self.door
    }

    fn greet(&mut self) {
        let words = self.capabilities();
        let code = Some(Code::Capability(&words));
        print::status(self.connection.out(), b"*", Kind::Ok, code, "Posthouse is ready");
    }

    pub(super) fn capabilities(&self) -> Vec<u8> {
        let starttls = match self.door.upgrade {
            Some(_) => Offer::Yes,
            None => Offer::No,
        };
        let mechanisms = match (&self.state, self.door.passwords) {
            (State::NotAuthenticated, Passwords::Allowed) => {
                self.door.authority.mechanisms(&self.connection.channel())
            }
            _ => Vec::new(),
        };
        // LOGIN, the mechanism, is for programs that know no better command: here they have one.
        let names = mechanisms
            .into_iter()
            .filter(|mechanism| *mechanism != Mechanism::Login);
        let mechanisms: Vec<_> = names.map(Mechanism::name).collect();
        let situation = match (&self.state, self.door.passwords) {
            (State::NotAuthenticated, Passwords::Allowed) => Situation::LoginAllowed {
                starttls,
                mechanisms: &mechanisms,
            },
            (State::NotAuthenticated, Passwords::Forbidden) => Situation::LoginForbidden { starttls },
            _ => Situation::LoggedIn,
        };
        let mut words = Vec::new();
        capability::print(&mut words, situation, self.door.message_limit);
        words
    }

    async fn run(&mut self) -> io::Result<()> {
        loop {
            if self.standing.has_ended() {
                self.leave(LOGIN_ENDED);
                return self.connection.close().await;
            }
            let next = match self.connection.next_event() {
                Event::Incomplete => self.wait().await?,
                Event::Continue => {
                    print::continuation(self.connection.out(), "go on");
                    self.connection.flush().await?;
                    Next::Command
                }
                Event::Command(frame) if self.idling.is_some() => Box::pin(self.end_idle(frame)).await?,
                Event::Command(frame) => Box::pin(self.command(frame)).await?,
                Event::Refused { text, why } => self.refuse_frame(&text, why),
                Event::Hopeless(why) => self.leave(&why.to_string()),
            };
            if next == Next::End {
                return self.connection.close().await;
            }
            // What comes next is counted when it comes.
            if self.connection.framer().held() < UNCOUNTED {
                self.hold = None;
            }
            // A client that sends many commands at once gets no more answers than it reads.
            self.connection.relieve().await?;
        }
    }

    /// Waits for the client, and in IDLE for news as well.
    async fn wait(&mut self) -> io::Result<Next> {
        self.connection.flush().await?;
        self.connection.release();
        // The client may have needed long to read what was sent; only now it is its turn. Not in IDLE: that news are
        // told does not mean that somebody is there.
        if self.idling.is_none() {
            self.wait_anew();
        }
        let deadline = self.deadline;
        let woken = match (&self.idling, &mut self.state) {
            // In this order always: the client is not kept in IDLE by news that never end, and a run of the simulation
            // follows from its seed.
            (Some(_), State::Selected(selected)) => tokio::select! {
                biased;
                why = over(&mut self.door.stop, &mut self.standing) => return Ok(self.leave(why)),
                read = timeout_at(deadline, self.connection.read()) => read,
                () = selected.changed() => return Box::pin(self.tell_news()).await,
            },
            _ => tokio::select! {
                read = timeout_at(deadline, self.connection.read()) => read,
                why = over(&mut self.door.stop, &mut self.standing) => return Ok(self.leave(why)),
            },
        };
        match woken {
            Err(_) => Ok(self.leave("you have been silent for too long")),
            Ok(read) => {
                read?;
                self.hold_what_came();
                self.wait_anew();
                Ok(Next::Command)
            }
        }
    }

    /// A large command takes memory that others have too; where there is none it is refused, and its rest is skipped.
    fn hold_what_came(&mut self) {
        let octets = self.connection.framer().held();
        if octets < UNCOUNTED {
            return;
        }
        let intake = &self.door.intake;
        let hold = self.hold.get_or_insert_with(|| Box::new(intake.hold()));
        if !hold.grow(octets) {
            self.hold = None;
            self.connection.framer().give_up();
        }
    }

    fn leave(&mut self, why: &str) -> Next {
        self.door.tally.end(why);
        print::bye(self.connection.out(), why);
        Next::End
    }

    /// Tells an idling client what has changed (RFC 2177 §3).
    async fn tell_news(&mut self) -> io::Result<Next> {
        let synced = self.sync(Expunges::Tell, Numbering::Positions).await;
        match synced {
            Ok(()) => Ok(Next::Command),
            Err(Stop::Connection(error)) => Err(error),
            Err(stop) => {
                print::bye(self.connection.out(), &stop.to_string());
                Ok(Next::End)
            }
        }
    }

    /// IDLE ends with the line DONE and with nothing else (RFC 2177 §3).
    async fn end_idle(&mut self, frame: Frame) -> io::Result<Next> {
        let tag = self.idling.take().unwrap_or_default();
        if !frame.text.eq_ignore_ascii_case(b"DONE") {
            print::status(self.connection.out(), &tag, Kind::Bad, None, "expected DONE");
            return Ok(Next::Command);
        }
        let manner = (Expunges::Tell, Numbering::Positions);
        self.end_command(&tag, Ok(Outcome::Done("no longer idle")), manner)
            .await
    }

    fn refuse_frame(&mut self, text: &Bytes, why: FramingError) -> Next {
        let tag = tag_of(text);
        print::refuse_frame(self.connection.out(), tag.as_deref(), why);
        self.count_mistake()
    }

    fn count_mistake(&mut self) -> Next {
        self.mistakes += 1;
        let limit = match self.state {
            State::NotAuthenticated => MAX_MISTAKES,
            _ => MAX_MISTAKES_LOGGED_IN,
        };
        if self.mistakes < limit {
            return Next::Command;
        }
        self.leave("too many mistakes")
    }

    /// Carries out one command and answers it.
    async fn command(&mut self, frame: Frame) -> io::Result<Next> {
        self.door.tally.command();
        let tagged = match parse(&frame, self.connection.mode()) {
            Ok(tagged) => tagged,
            Err(bad) => return Ok(self.bad_command(&bad)),
        };
        drop(frame);
        self.wait_anew();
        if !self.allows(tagged.entry.allowed) {
            print::refuse(self.connection.out(), &tagged.tag, Refusal::State);
            return Ok(self.count_mistake());
        }
        let Tagged { tag, command, .. } = tagged;
        match command {
            Command::Logout => {
                self.door.tally.end("logout");
                print::bye(self.connection.out(), "goodbye");
                print::done(self.connection.out(), &tag, "logged out");
                Ok(Next::End)
            }
            Command::StartTls => self.start_tls(&tag).await,
            Command::Idle => {
                print::continuation(self.connection.out(), "idling");
                self.idling = Some(tag);
                self.tell_news().await
            }
            command => {
                let manner = manner(&command);
                let outcome = self.carry_out(command).await;
                self.end_command(&tag, outcome, manner).await
            }
        }
    }

    /// Tells the news and answers. What was done stays done, so the tagged response says so even where the news cannot
    /// be told any more.
    async fn end_command(
        &mut self,
        tag: &[u8],
        outcome: Result<Outcome, Stop>,
        (expunges, numbering): (Expunges, Numbering),
    ) -> io::Result<Next> {
        let synced = match outcome {
            Err(Stop::Connection(_) | Stop::MailboxGone) => Ok(()),
            _ => self.sync(expunges, numbering).await,
        };
        let next = self.answer(tag, outcome)?;
        match synced {
            Err(Stop::Connection(error)) => Err(error),
            Err(Stop::MailboxGone) if next == Next::Command => {
                print::bye(self.connection.out(), &Stop::MailboxGone.to_string());
                Ok(Next::End)
            }
            // A store that could not be read has been logged; the news are told with a later command.
            _ => Ok(next),
        }
    }

    /// The client has said something. Before a login that wins it no time.
    fn wait_anew(&mut self) {
        if !matches!(self.state, State::NotAuthenticated) {
            self.deadline = Instant::now() + self.door.terms.times.imap;
        }
    }

    fn bad_command(&mut self, bad: &BadCommand) -> Next {
        print::bad_command(self.connection.out(), bad);
        self.count_mistake()
    }

    fn allows(&self, allowed: In) -> bool {
        matches!(
            (allowed, &self.state),
            (In::Any, _)
                | (In::NotAuthenticated, State::NotAuthenticated)
                | (In::Authenticated, State::Authenticated(_) | State::Selected(_))
                | (In::Selected, State::Selected(_))
        )
    }

    async fn sync(&mut self, expunges: Expunges, numbering: Numbering) -> Result<(), Stop> {
        match &mut self.state {
            State::Selected(selected) => selected.sync(&mut self.connection, expunges, numbering).await,
            _ => Ok(()),
        }
    }

    /// Prints the tagged response.
    fn answer(&mut self, tag: &[u8], outcome: Result<Outcome, Stop>) -> io::Result<Next> {
        let words = match outcome {
            Ok(Outcome::LoggedIn) => self.capabilities(),
            _ => Vec::new(),
        };
        if let Ok(Outcome::Appended(_)) = &outcome {
            self.door.tally.message();
        }
        let uids: Vec<Uid> = match &outcome {
            Ok(Outcome::Appended(new)) => new.iter().map(|new| new.uid).collect(),
            Ok(Outcome::Fetched { downgraded }) => downgraded.clone(),
            _ => Vec::new(),
        };
        let out = self.connection.out();
        let (code, text) = match &outcome {
            Ok(Outcome::Done(text)) => (None, *text),
            Ok(Outcome::Fetched { .. }) => {
                let some = !uids.is_empty();
                (some.then_some(Code::Downgraded(&uids)), "fetched")
            }
            Ok(Outcome::LoggedIn) => (Some(Code::Capability(&words)), "logged in"),
            Ok(Outcome::Opened(Access::ReadWrite)) => (Some(Code::ReadWrite), "opened"),
            Ok(Outcome::Opened(Access::ReadOnly)) => (Some(Code::ReadOnly), "opened to read only"),
            Ok(Outcome::Created(mailbox)) => (Some(Code::MailboxId(*mailbox)), "created"),
            Ok(Outcome::Appended(new)) => {
                let validity = new.first().map(|new| new.validity);
                (
                    validity.map(|validity| Code::AppendUid(validity, &uids)),
                    "appended",
                )
            }
            Ok(Outcome::Copied(c)) => (Some(Code::CopyUid(c.validity, &c.from, &c.to)), "copied"),
            Err(Stop::Refused(refusal)) => {
                print::refuse(out, tag, *refusal);
                return Ok(self.refused(*refusal));
            }
            Err(Stop::MailboxGone) => {
                print::bye(out, "the mailbox has been deleted");
                return Ok(Next::End);
            }
            Err(Stop::Connection(error)) => return Err(io::Error::new(error.kind(), error.to_string())),
        };
        print::status(out, tag, Kind::Ok, code, text);
        // Before a login anybody can do something right in between.
        if !matches!(self.state, State::NotAuthenticated) {
            self.mistakes = 0;
        }
        Ok(Next::Command)
    }

    /// Counts refusals before a login: those are of LOGIN and AUTHENTICATE.
    fn refused(&mut self, refusal: Refusal) -> Next {
        match (&self.state, refusal) {
            (State::NotAuthenticated, Refusal::Credentials | Refusal::TooManyTries) => {
                self.login_failures += 1;
                if self.login_failures < self.door.terms.login_tries {
                    return Next::Command;
                }
                self.leave("too many wrong passwords")
            }
            (State::NotAuthenticated, _) => self.count_mistake(),
            _ => Next::Command,
        }
    }

    /// Sends a challenge and gives the line that answers it.
    pub(super) async fn ask(&mut self, challenge: &str) -> Result<Bytes, Stop> {
        print::continuation(self.connection.out(), challenge);
        self.connection.flush().await?;
        loop {
            match self.connection.next_event() {
                Event::Command(frame) => return Ok(frame.text),
                Event::Incomplete => match timeout_at(self.deadline, self.connection.read()).await {
                    Ok(read) => read?,
                    Err(_) => return Err(io::Error::from(io::ErrorKind::TimedOut).into()),
                },
                _ => return Err(Refusal::Exchange.into()),
            }
        }
    }

    /// What has come in plaintext after the command is thrown away (RFC 3501 §6.2.1, §11.1).
    async fn start_tls(&mut self, tag: &[u8]) -> io::Result<Next> {
        let Some(upgrade) = self.door.upgrade.take() else {
            print::refuse(self.connection.out(), tag, Refusal::StartTls);
            return Ok(self.count_mistake());
        };
        print::done(self.connection.out(), tag, "begin TLS now");
        self.connection.flush().await?;
        let patience = self.door.terms.times.handshake;
        self.connection.upgrade(upgrade, patience).await?;
        self.door.passwords = Passwords::Allowed;
        Ok(Next::Command)
    }

    pub(super) fn account(&self) -> Result<&Account, Refusal> {
        match &self.state {
            State::NotAuthenticated => Err(Refusal::State),
            State::Authenticated(account) => Ok(account),
            State::Selected(selected) => Ok(selected.account()),
        }
    }

    pub(super) fn logged_in(&mut self, entered: Entered) -> Outcome {
        let limits = Limits::after_login(self.door.message_limit);
        self.connection.framer().set_limits(limits);
        self.state = State::Authenticated(entered.account);
        self.standing = entered.standing;
        self.deadline = Instant::now() + self.door.terms.times.imap;
        Outcome::LoggedIn
    }
}
