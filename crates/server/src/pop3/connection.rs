//! A connection: reads commands, answers them, and says goodbye.

use pop3::capability::{self, Offer};
use pop3::command::LanguageRange;
use pop3::reply::Words;
use pop3::{Command, In, Language, Refusal, Session, command, reply};

use super::door::Door;
use super::transaction::Opened;
use crate::imap::{Passwords, Stream};
use crate::lines::{Gone, Line, Lines};

/// A connection with all that is known of it.
pub(super) struct Connection {
    pub(super) lines: Lines,
    pub(super) door: Door,
    pub(super) session: Session<Box<Opened>>,
    pub(super) mode: Mode,
    pub(super) language: Language,
    errors: u32,
    pub(super) login_failures: u32,
}

/// What a client can read (RFC 6856 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It has not said UTF8: surrogates of internationalised messages.
    Ascii,
    /// Messages as they are.
    Utf8,
}

/// Why a command was not carried out.
#[derive(Debug)]
pub(super) enum Failed {
    /// The client is told, and may go on.
    Refused(Refusal),
    /// In the middle of a reply, after which nothing can be said any more.
    Broken,
    /// Nobody is there to be told.
    Gone(Gone),
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Failed::Refused(refusal)
    }
}

impl From<Gone> for Failed {
    fn from(gone: Gone) -> Self {
        Failed::Gone(gone)
    }
}

/// What comes after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Command,
    Tls,
    Close,
}

/// Serves one connection from greeting to end.
pub async fn serve(stream: Box<dyn Stream>, door: Door) {
    let mut connection = Connection {
        lines: Lines::new(
            stream,
            pop3::COMMAND_LINE,
            door.terms.times.write,
            door.stop.clone(),
        ),
        door,
        session: Session::Authorization,
        mode: Mode::Ascii,
        language: Language::Default,
        errors: 0,
        login_failures: 0,
    };
    let ended = connection.run().await;
    if let Err(gone) = &ended {
        connection.door.tally.end(gone);
    }
    match ended {
        Ok(()) => {}
        // RFC 1939 §3 says nothing to a client that is silent; words help whoever looks at it.
        Err(Gone::Silent) => connection.refuse(Refusal::TimedOut),
        // What is marked stays: nothing is deleted but by QUIT.
        Err(Gone::Stopping) => connection.refuse(Refusal::ShuttingDown),
        Err(Gone::LoginEnded) => connection.refuse(Refusal::LoginEnded),
        Err(_) => return,
    }
    connection.lines.close().await;
}

impl Connection {
    async fn run(&mut self) -> Result<(), Gone> {
        reply::ok(
            format_args!("{} Posthouse is ready", self.door.host),
            self.lines.output(),
        );
        while self.converse().await? == Next::Tls {
            if let Some(upgrade) = self.door.upgrade.take() {
                self.lines
                    .upgrade(upgrade, self.door.terms.times.handshake)
                    .await?;
                self.door.passwords = Passwords::Allowed;
                // RFC 6856 §7: nor is the language that somebody in between has chosen.
                self.language = Language::Default;
                self.session = Session::Authorization;
            }
        }
        Ok(())
    }

    pub(super) fn grant(&mut self, words: Words) {
        words.print(self.language, self.lines.output());
    }

    fn refuse(&mut self, refusal: Refusal) {
        refusal.print(self.language, self.lines.output());
    }

    /// RFC 2595 §4.
    fn check_stls(&self) -> Result<(), Refusal> {
        match self.door.upgrade {
            // RFC 6856 §2.1.
            Some(_) if self.mode == Mode::Utf8 => Err(Refusal::TlsAfterUtf8),
            Some(_) => Ok(()),
            // Where there never was any, passwords are not allowed.
            None if self.door.passwords == Passwords::Allowed => Err(Refusal::TlsOn),
            None => Err(Refusal::TlsUnavailable),
        }
    }

    fn capa(&mut self) {
        let (stls, delay) = match &self.session {
            Session::Transaction(opened) => (false, opened.delay),
            // RFC 2595 §4: where it is permitted.
            _ => (self.check_stls().is_ok(), self.door.site.delays.before_login()),
        };
        let offer = Offer {
            stls,
            passwords: self.door.passwords == Passwords::Allowed,
            mechanisms: &self.mechanisms(),
            delay,
        };
        capability::announce(offer, self.language, self.lines.output());
    }

    /// Answers one line after the other.
    async fn converse(&mut self) -> Result<Next, Gone> {
        loop {
            // RFC 1939 §3: the autologout timer enters no UPDATE: nothing is deleted.
            let line = self.lines.line(self.door.terms.times.pop3).await?;
            // Boxed, so that a connection that waits is small.
            let next = Box::pin(self.answer(line)).await?;
            if next != Next::Command {
                return Ok(next);
            }
            if self.errors > pop3::ERRORS || self.login_failures >= self.door.terms.login_tries {
                self.door.tally.end("too many mistakes");
                self.refuse(Refusal::TooManyErrors);
                return Ok(Next::Close);
            }
        }
    }

    async fn answer(&mut self, line: Line) -> Result<Next, Gone> {
        self.door.tally.command();
        let parsed = match line {
            Line::TooLong => Err(Refusal::LineTooLong),
            Line::Whole(line) => command::parse(&line),
        };
        let outcome = match parsed {
            Ok((command, allowed)) => self.carry_out(command, allowed).await,
            Err(refusal) => Err(refusal.into()),
        };
        match outcome {
            Ok(next) => Ok(next),
            Err(Failed::Gone(gone)) => Err(gone),
            Err(Failed::Broken) => Err(Gone::Closed),
            Err(Failed::Refused(refusal)) => {
                self.errors += 1;
                self.refuse(refusal);
                Ok(Next::Command)
            }
        }
    }

    async fn carry_out(&mut self, command: Command, allowed: In) -> Result<Next, Failed> {
        self.session.check(allowed)?;
        match command {
            Command::Quit => {
                self.door.tally.end("quit");
                return self.quit().await;
            }
            Command::Stls => {
                self.check_stls()?;
                self.grant(Words::BeginTls);
                return Ok(Next::Tls);
            }
            Command::Capa => self.capa(),
            Command::User(name) => self.user(name)?,
            Command::Pass(password) => self.pass(password).await?,
            Command::Auth(mechanism, initial) => self.auth(&mechanism, initial).await?,
            Command::Mechanisms => {
                let names = self.mechanisms();
                reply::mechanisms(&names, self.language, self.lines.output());
            }
            Command::Utf8 => {
                self.mode = Mode::Utf8;
                self.grant(Words::Utf8On);
            }
            Command::Lang(range) => {
                self.language = match range {
                    LanguageRange::Any => self.door.site.preferred,
                    LanguageRange::Of(language) => language,
                };
                reply::language(self.language, self.lines.output());
            }
            Command::Languages => self.language.print_list(self.lines.output()),
            command => self.about_messages(command).await?,
        }
        Ok(Next::Command)
    }

    async fn about_messages(&mut self, command: Command) -> Result<(), Failed> {
        let Session::Transaction(opened) = &mut self.session else {
            return Err(Refusal::LoginFirst.into());
        };
        let language = self.language;
        let out = self.lines.output();
        match command {
            Command::Stat => opened.maildrop.print_stat(out),
            Command::List(None) => opened.list_all(language, &mut self.lines).await?,
            Command::List(Some(number)) => opened.list(number, out)?,
            Command::Uidl(None) => opened.uidl_all(language, &mut self.lines).await?,
            Command::Uidl(Some(number)) => opened.uidl(number, out)?,
            Command::Retr(number) => {
                opened.retr(number, language, &mut self.lines).await?;
                self.door.tally.message();
            }
            Command::Top(number, body_lines) => {
                opened
                    .top(number, body_lines, (language, &mut self.lines))
                    .await?;
            }
            Command::Dele(number) => {
                opened.maildrop.delete(number)?;
                Words::Deleted(number.0).print(language, out);
            }
            Command::Rset => {
                opened.maildrop.reset();
                opened.maildrop.print_stat(out);
            }
            // NOOP; the others have been carried out by now.
            _ => Words::NothingDone.print(language, out),
        }
        Ok(())
    }

    /// RFC 1939 §6: the replies before are out of the way of a client that waits for this one.
    async fn quit(&mut self) -> Result<Next, Failed> {
        let session = std::mem::replace(&mut self.session, Session::Authorization);
        match session {
            Session::Transaction(opened) => match opened.update().await {
                Ok(deleted) => self.grant(Words::ByeDeleted(deleted)),
                Err(refusal) => self.refuse(refusal),
            },
            Session::Authorization | Session::Named(_) => self.grant(Words::Bye),
        }
        Ok(Next::Close)
    }
}
