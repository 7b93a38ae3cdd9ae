//! A connection: reads commands, carries them out, replies; and says goodbye.

use std::net::IpAddr;
use std::sync::Arc;

use smtp::state::{Session, Transaction};
use smtp::{Command, Refusal, Reply, command, limits, reply};
use types::AccountId;

use super::data::Incoming;
use super::door::{Door, Site, Tls};
use super::hello;
use super::policy::{Policy, Port};
use super::transaction::Recipient;
use crate::Tally;
use crate::imap::{Stream, Upgrade};
use crate::lines::{Gone, Line, Lines};

/// A connection with all that is known of it.
pub(super) struct Connection {
    pub(super) lines: Lines,
    pub(super) site: Arc<Site>,
    pub(super) policy: Policy,
    pub(super) peer: Option<IpAddr>,
    pub(super) state: Session<Recipient, Incoming>,
    pub(super) login: Option<AccountId>,
    pub(super) tally: Arc<Tally>,
    upgrade: Option<Upgrade>,
    errors: u32,
    login_failures: u32,
}

/// Why a command was not carried out.
#[derive(Debug)]
pub(super) enum Failed {
    /// The client is told, and may go on.
    Refused(Refusal),
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
    let (tls, upgrade) = match door.tls {
        Tls::On => (true, None),
        Tls::CanStart(upgrade) => (false, Some(upgrade)),
        Tls::Unavailable => (false, None),
    };
    let mut connection = Connection {
        lines: Lines::new(
            stream,
            limits::COMMAND_LINE,
            door.site.terms.times.write,
            door.stop,
        ),
        policy: Policy {
            port: door.port,
            relay: door.site.relay,
            tls,
        },
        site: door.site,
        peer: door.peer,
        state: Session::Connected,
        login: None,
        tally: door.tally,
        upgrade,
        errors: 0,
        login_failures: 0,
    };
    let ended = connection.run().await;
    if let Err(gone) = &ended {
        connection.tally.end(gone);
    }
    match ended {
        Ok(()) => {}
        Err(Gone::Silent) => connection.print(&Refusal::TimedOut.reply()),
        Err(Gone::Stopping) => connection.print(&Refusal::ShuttingDown.reply()),
        Err(Gone::LoginEnded) => connection.print(&Refusal::LoginEnded.reply()),
        Err(Gone::TooMuch) => connection.print(&Refusal::TooBig.reply()),
        Err(Gone::Closed | Gone::Deaf | Gone::Broken(_)) => return,
    }
    connection.lines.close().await;
}

impl Connection {
    async fn run(&mut self) -> Result<(), Gone> {
        let dialect = match self.policy.port {
            Port::Lmtp => "LMTP",
            Port::Relay | Port::Submission => "ESMTP",
        };
        self.print(&reply::greeting(&self.site.host.to_ascii(), dialect));
        while self.converse().await? == Next::Tls {
            self.start_tls().await?;
        }
        Ok(())
    }

    /// RFC 3207 §4.2: after it, both sides know nothing of what was said before.
    async fn start_tls(&mut self) -> Result<(), Gone> {
        if let Some(upgrade) = self.upgrade.take() {
            self.lines
                .upgrade(upgrade, self.site.terms.times.handshake)
                .await?;
            self.policy.tls = true;
            self.state = Session::Connected;
            self.login = None;
        }
        Ok(())
    }

    /// Answers one line after the other.
    async fn converse(&mut self) -> Result<Next, Gone> {
        loop {
            let line = self.lines.line(self.patience()).await?;
            // Boxed, so that a connection that waits is small.
            let next = Box::pin(self.answer(line)).await?;
            if next != Next::Command {
                return Ok(next);
            }
            // Who speaks LMTP brings what others have sent: it errs as often as they do.
            let too_many = self.errors > limits::ERRORS && self.policy.port != Port::Lmtp;
            if too_many || self.login_failures >= self.site.terms.login_tries {
                self.tally.end("too many mistakes");
                self.print(&Refusal::TooManyErrors.reply());
                return Ok(Next::Close);
            }
        }
    }

    async fn answer(&mut self, line: Line) -> Result<Next, Gone> {
        self.tally.command();
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
            Err(Failed::Refused(refusal)) => {
                self.errors += u32::from(refusal.counts());
                self.print(&refusal.reply());
                if refusal == Refusal::ChunkSyntax {
                    self.print(&Refusal::LostPlace.reply());
                    return Ok(Next::Close);
                }
                Ok(Next::Command)
            }
        }
    }

    async fn carry_out(&mut self, command: Command, allowed: command::In) -> Result<Next, Failed> {
        // The octets of a chunk follow, whether it is allowed or not: BDAT checks for itself.
        if !matches!(command, Command::Bdat(_)) {
            self.state.check(allowed)?;
        }
        let reply = match command {
            Command::Hello(hello) => self.hello(hello)?,
            Command::Mail(mail) => self.mail(mail).await?,
            Command::Rcpt(rcpt) => self.rcpt(rcpt).await?,
            Command::Data => return self.data().await.map(|()| Next::Command),
            Command::Bdat(bdat) => return self.bdat(bdat).await.map(|()| Next::Command),
            Command::Rset => {
                self.state.reset();
                reply::OK
            }
            Command::Vrfy => reply::CANNOT_VERIFY,
            Command::Expn => return Err(Refusal::NotImplemented.into()),
            Command::Help => hello::help(),
            Command::Noop => reply::OK,
            Command::Quit => {
                self.tally.end("quit");
                self.print(&reply::BYE);
                return Ok(Next::Close);
            }
            Command::StartTls => {
                self.check_starttls()?;
                self.print(&reply::READY_FOR_TLS);
                return Ok(Next::Tls);
            }
            Command::Auth(auth) => self.auth(auth).await?,
        };
        self.print(&reply);
        Ok(Next::Command)
    }
}

impl Connection {
    /// Whether STARTTLS would succeed now.
    pub(super) fn check_starttls(&self) -> Result<(), Refusal> {
        match (&self.upgrade, self.policy.tls) {
            (Some(_), _) => Ok(()),
            (None, true) => Err(Refusal::NotNow),
            (None, false) => Err(Refusal::TlsUnavailable),
        }
    }

    /// A message that was taken makes up for what was refused before.
    pub(super) fn forgive(&mut self) {
        self.errors = 0;
    }

    pub(super) fn count_login_failure(&mut self) {
        self.login_failures += 1;
    }

    pub(super) fn print(&mut self, reply: &Reply) {
        reply.print(self.lines.output());
    }

    /// The transaction, from MAIL to the end of the message.
    pub(super) fn transaction(&self) -> Option<&Transaction<Recipient>> {
        match &self.state {
            Session::Connected | Session::Ready(_) => None,
            Session::Transaction(transaction) | Session::Chunks(transaction, _) => Some(transaction),
        }
    }
}
