//! A connection to an SMTP or LMTP server: greeting, EHLO, STARTTLS, AUTH; and what it does when the server went away.

use std::time::Duration;

use ::smtp::Reply;
use ::smtp::client::ReplyReader;
use sasl::Mechanism;
use sasl::client::Exchange;
use sasl::encoding;

use super::Extensions;
use crate::channel::{Channel, Deadline};
use crate::dkim::Signer;
use crate::error::{Cause, Error, Failure, Said, Step};
use crate::{Protocol, Server};

/// A connection that is ready to send.
///
/// It can be kept: when the server has closed it in the meantime (RFC 5321 §4.5.3.2.7), the next message makes a new one.
pub struct Client {
    pub(super) channel: Channel,
    pub(super) extensions: Extensions,
    /// Whether a message went over this connection before: only then a server that is gone may just have waited too long.
    pub(super) used: bool,
    /// Whether it failed, so that nobody knows what comes next on it.
    pub(super) broken: bool,
    pub(super) progress: Option<Box<dyn FnMut(u64) + Send + Sync>>,
    pub(super) signers: Vec<Signer>,
}

impl Client {
    /// Connects, begins TLS, and logs in, as the server's settings say.
    ///
    /// # Errors
    /// When the server cannot be reached, is not the one it should be, or refuses.
    pub async fn connect(server: &Server) -> Result<Self, Error> {
        let opened = match Channel::connect(server).await {
            Ok(channel) => Self::open(channel).await,
            Err(failure) => Err(failure),
        };
        opened.map_err(|(step, cause)| Error::new(step, Some(&server.authority()), cause))
    }

    /// Does the same over a connection that is there already.
    pub(super) async fn open(channel: Channel) -> Result<Self, Failure> {
        let mut client = Client {
            channel,
            extensions: Extensions::default(),
            used: false,
            broken: false,
            progress: None,
            signers: Vec::new(),
        };
        let greeting = client.reply(client.patience()).await;
        let greeting = greeting.map_err(|cause| (Step::Greeting, cause))?;
        expect(greeting, 220).map_err(|cause| (Step::Greeting, cause))?;
        client.hello().await?;
        client.start_tls().await?;
        client.log_in().await?;
        Ok(client)
    }

    /// Is told of every piece of a message that has gone out: its octets.
    pub fn on_progress(&mut self, told: impl FnMut(u64) + Send + Sync + 'static) {
        self.progress = Some(Box::new(told));
    }

    /// Signs every composed mail with DKIM; said several times, with several signatures.
    pub fn sign_with(&mut self, signer: Signer) {
        self.signers.push(signer);
    }

    /// What the server announces.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Asks whether the server is still there.
    ///
    /// # Errors
    /// When it is not.
    pub async fn noop(&mut self) -> Result<(), Error> {
        self.channel.say("NOOP");
        let reply = self.reply(self.patience()).await;
        let done = reply.and_then(|reply| expect(reply, 250));
        done.map(drop)
            .map_err(|cause| self.error(Step::command("NOOP"), cause))
    }

    /// Says goodbye and closes. What was sent before is safe whatever happens here.
    ///
    /// # Errors
    /// When the server is gone already.
    pub async fn quit(mut self) -> Result<(), Error> {
        self.channel.say("QUIT");
        let reply = self.reply(self.patience()).await;
        let done = reply.and_then(|reply| expect(reply, 221));
        done.map(drop)
            .map_err(|cause| self.error(Step::command("QUIT"), cause))
    }

    pub(super) fn error(&self, step: Step, cause: Cause) -> Error {
        Error::new(step, Some(&self.channel.server().authority()), cause)
    }

    pub(super) fn patience(&self) -> Duration {
        self.channel.server().time_outs.reply
    }

    pub(super) fn is_lmtp(&self) -> bool {
        self.channel.server().protocol == Protocol::Lmtp
    }

    /// The next reply. What is queued goes out first.
    pub(super) async fn reply(&mut self, patience: Duration) -> Result<Reply, Cause> {
        let mut reader = ReplyReader::default();
        let mut deadline = Deadline::after(patience);
        loop {
            let line = self.channel.line_until(&mut deadline).await?;
            match reader.take(&line) {
                Ok(None) => {}
                Ok(Some(reply)) => return Ok(reply),
                Err(_) => return Err(Cause::garbled(&line)),
            }
        }
    }

    /// EHLO, or HELO where the server is older (RFC 5321 §3.2); LHLO (RFC 2033 §4.1).
    async fn hello(&mut self) -> Result<(), Failure> {
        let server = self.channel.server();
        let name = server.client_name.clone();
        let name = name.unwrap_or_else(|| self.channel.literal().to_owned());
        let verb = if self.is_lmtp() { "LHLO" } else { "EHLO" };
        self.channel.say(&format!("{verb} {name}"));
        let at = |cause| (Step::command(verb), cause);
        let reply = self.reply(self.patience()).await.map_err(at)?;
        if reply.code() == 250 {
            self.extensions = Extensions::parse(&reply);
            return Ok(());
        }
        if self.is_lmtp() || !matches!(reply.code(), 500 | 502 | 504) {
            return Err(at(Cause::Refused(said(&reply))));
        }
        self.channel.say(&format!("HELO {name}"));
        let reply = self.reply(self.patience()).await.map_err(at)?;
        expect(reply, 250).map_err(|cause| (Step::command("HELO"), cause))?;
        self.extensions = Extensions::default();
        Ok(())
    }

    /// RFC 3207 §4. After it, EHLO is said again: what was announced before may have been changed by somebody in between.
    async fn start_tls(&mut self) -> Result<(), Failure> {
        let offered = self.extensions.has("STARTTLS").then_some("STARTTLS");
        let Some(command) = self.channel.server().security.upgrade(offered)? else {
            return Ok(());
        };
        self.channel.say(command);
        let reply = self.reply(self.patience()).await;
        let ready = reply.and_then(|reply| expect(reply, 220));
        ready.map_err(|cause| (Step::command(command), cause))?;
        self.channel.begin_tls().await?;
        self.hello().await
    }

    /// RFC 4954 §4.
    async fn log_in(&mut self) -> Result<(), Failure> {
        let Some(login) = self.channel.server().login.clone() else {
            return Ok(());
        };
        let offered: Vec<Mechanism> = self.extensions.mechanisms().filter_map(Mechanism::find).collect();
        let exchange = login.exchange(&offered, self.channel.ground());
        let done = match exchange {
            Ok(exchange) => self.authenticate(exchange).await,
            Err(cause) => Err(cause),
        };
        done.map_err(|cause| (Step::Login, cause))
    }

    async fn authenticate(&mut self, mut exchange: Exchange) -> Result<(), Cause> {
        let name = exchange.mechanism().name();
        match exchange.initial().map_err(Cause::Exchange)? {
            None => self.channel.say(&format!("AUTH {name}")),
            Some(initial) => {
                let line = format!("AUTH {name} {}", encoding::encode_initial(&initial));
                self.channel
                    .say_secretly(line.as_bytes(), &format!("AUTH {name} …"));
            }
        }
        loop {
            let reply = self.reply(self.patience()).await?;
            match reply.code() {
                334 => {}
                235 if exchange.may_succeed() => return Ok(()),
                235 => return Err(Cause::Exchange(sasl::client::ClientError::NotTheServer)),
                _ => return Err(Cause::Refused(said(&reply))),
            }
            if let Err(error) = self.channel.answer(&mut exchange, reply.text().as_bytes()) {
                // RFC 4954 §4: a client gives up with `*`.
                self.channel.say("*");
                self.reply(self.patience()).await?;
                return Err(Cause::Exchange(error));
            }
        }
    }
}

/// The reply, where it has the code.
pub(super) fn expect(reply: Reply, code: u16) -> Result<Reply, Cause> {
    match reply.code() == code {
        true => Ok(reply),
        false => Err(Cause::Refused(said(&reply))),
    }
}

/// What a server said, as failures and reports tell it.
pub(super) fn said(reply: &Reply) -> Said {
    let detail = reply
        .enhanced()
        .map(|code| format!("{}.{}.{}", code.0, code.1, code.2).into());
    Said {
        code: Some(reply.code()),
        detail,
        text: reply.text().replace('\n', " ").into(),
    }
}
