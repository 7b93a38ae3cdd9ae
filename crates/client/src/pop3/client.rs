//! A connection to a POP3 server: greeting, CAPA, STLS, login, listings, and marks of deletion.

use std::collections::HashMap;
use std::time::Duration;

use ::pop3::client::{Capabilities, Status, listed_id, listed_size};
use bytes::Bytes;
use sasl::client::{ClientError, Exchange};
use sasl::{Mechanism, Secret, encoding};

use crate::channel::Channel;
use crate::error::{Cause, Error, Failure, Said, Step};
use crate::{Login, Server};

/// What a listing of a maildrop may take in memory: eight million messages with usual ids. Beyond it a server is taken for one that lists
/// without an end.
const MAX_LISTING: usize = 512 << 20;

/// What the answer to CAPA may: registered are 15 lines.
const MAX_CAPABILITIES: usize = 64 << 10;

/// What a line takes beside its octets.
const LINE_COST: usize = size_of::<Bytes>();

/// A message in the maildrop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number in this session.
    pub number: u32,
    /// Its size in octets, as the server says.
    pub size: u64,
    /// Its unique id, the same in every session (RFC 1939 §7), where the server has UIDL.
    pub id: Option<String>,
}

/// A session that is logged in.
pub struct Client {
    pub(super) channel: Channel,
    capabilities: Capabilities,
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

    async fn open(channel: Channel) -> Result<Self, Failure> {
        let mut client = Client {
            channel,
            capabilities: Capabilities::default(),
        };
        let greeting = client.ok().await;
        greeting.map_err(|cause| (Step::Greeting, cause))?;
        client.ask_capabilities().await?;
        client.start_tls().await?;
        client.log_in().await?;
        // RFC 2449 §5: what can be done may be another after the login.
        client.ask_capabilities().await?;
        Ok(client)
    }

    /// What the server can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// How many messages there are, and how many octets they have together.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn stat(&mut self) -> Result<(u32, u64), Error> {
        let line = self.command("STAT").await?;
        let mut numbers = line.split_ascii_whitespace();
        let count = numbers.next().and_then(|word| word.parse().ok());
        let octets = numbers.next().and_then(|word| word.parse().ok());
        let garbled = || self.error(Step::command("STAT"), Cause::garbled(line.as_bytes()));
        count.zip(octets).ok_or_else(garbled)
    }

    /// Every message: number, size, and unique id where the server has UIDL.
    ///
    /// # Errors
    /// When the server refuses LIST, or is gone.
    pub async fn list(&mut self) -> Result<Vec<Entry>, Error> {
        let at = |step: &'static str| move |client: &Client, cause| client.error(Step::command(step), cause);
        let sizes = self
            .listing("LIST", MAX_LISTING)
            .await
            .map_err(|cause| at("LIST")(self, cause))?;
        let ids = match self.listing("UIDL", MAX_LISTING).await {
            Ok(ids) => ids,
            // RFC 1939 §7: UIDL is optional.
            Err(Cause::Refused(_)) => Vec::new(),
            Err(cause) => return Err(at("UIDL")(self, cause)),
        };
        let ids: HashMap<u32, &str> = ids.iter().filter_map(|line| listed_id(line).ok()).collect();
        let mut entries = Vec::with_capacity(sizes.len());
        for line in &sizes {
            let (number, size) = listed_size(line).map_err(|_| at("LIST")(self, Cause::garbled(line)))?;
            let id = ids.get(&number).map(|id| (*id).to_owned());
            entries.push(Entry { number, size, id });
        }
        Ok(entries)
    }

    /// Marks messages as deleted, all in as few round trips as the server allows. They go when [`Client::quit`] succeeds, and not
    /// if the connection breaks before (RFC 1939 §6).
    ///
    /// # Errors
    /// When the server refuses one of them, or is gone.
    pub async fn delete(&mut self, numbers: &[u32]) -> Result<(), Error> {
        let group = if self.capabilities.has("PIPELINING") {
            100
        } else {
            1
        };
        for group in numbers.chunks(group) {
            for number in group {
                self.channel.say(&format!("DELE {number}"));
            }
            let mut refused = None;
            for number in group {
                match self.ok().await {
                    Ok(_) => {}
                    Err(cause @ Cause::Refused(_)) => refused = refused.or(Some((*number, cause))),
                    Err(cause) => return Err(self.error(Step::command(format!("DELE {number}")), cause)),
                }
            }
            if let Some((number, cause)) = refused {
                return Err(self.error(Step::command(format!("DELE {number}")), cause));
            }
        }
        Ok(())
    }

    /// Takes all marks of deletion away.
    ///
    /// # Errors
    /// When the server refuses, or is gone.
    pub async fn reset(&mut self) -> Result<(), Error> {
        self.command("RSET").await.map(drop)
    }

    /// Keeps the session alive.
    ///
    /// # Errors
    /// When the server is gone.
    pub async fn noop(&mut self) -> Result<(), Error> {
        self.command("NOOP").await.map(drop)
    }

    /// Ends the session: now messages that are marked are deleted (RFC 1939 §6).
    ///
    /// # Errors
    /// When the server says that it could not delete them, or is gone: then they may still be there.
    pub async fn quit(mut self) -> Result<(), Error> {
        self.command("QUIT").await.map(drop)
    }

    pub(super) fn error(&self, step: Step, cause: Cause) -> Error {
        Error::new(step, Some(&self.channel.server().authority()), cause)
    }

    pub(super) fn patience(&self) -> Duration {
        self.channel.server().time_outs.reply
    }

    async fn command(&mut self, line: &'static str) -> Result<String, Error> {
        self.channel.say(line);
        let said = self.ok().await;
        said.map_err(|cause| self.error(Step::command(line), cause))
    }

    /// The next status, where it is `+OK`.
    pub(super) async fn ok(&mut self) -> Result<String, Cause> {
        match self.status().await? {
            Status::Ok(text) => Ok(text),
            Status::Error { code, text } => Err(refused(code, text)),
            Status::Challenge(text) => Err(Cause::garbled(text.as_bytes())),
        }
    }

    async fn status(&mut self) -> Result<Status, Cause> {
        let line = self.channel.line(self.patience()).await?;
        Status::parse(&line).map_err(|_| Cause::garbled(&line))
    }

    /// The lines of a listing, without the lone dot, where they take no more than `most` octets of memory.
    async fn listing(&mut self, command: &'static str, most: usize) -> Result<Vec<Bytes>, Cause> {
        self.channel.say(command);
        self.ok().await?;
        let mut lines = Vec::new();
        let mut taken = 0;
        loop {
            let line = self.channel.line(self.patience()).await?;
            if line.as_ref() == b"." {
                return Ok(lines);
            }
            taken += line.len() + LINE_COST;
            if taken > most {
                return Err(Cause::TooLong(most));
            }
            lines.push(line);
        }
    }

    /// RFC 2449 §5. A server without CAPA has none of what it announces.
    async fn ask_capabilities(&mut self) -> Result<(), Failure> {
        let lines = match self.listing("CAPA", MAX_CAPABILITIES).await {
            Ok(lines) => lines,
            Err(Cause::Refused(_)) => Vec::new(),
            Err(cause) => return Err((Step::command("CAPA"), cause)),
        };
        self.capabilities = Capabilities::default();
        for line in lines {
            self.capabilities.push(&line);
        }
        Ok(())
    }

    /// RFC 2595 §4. What was announced before is asked for again.
    async fn start_tls(&mut self) -> Result<(), Failure> {
        let offered = self.capabilities.has("STLS").then_some("STLS");
        let Some(command) = self.channel.server().security.upgrade(offered)? else {
            return Ok(());
        };
        self.channel.say(command);
        self.ok().await.map_err(|cause| (Step::command(command), cause))?;
        self.channel.begin_tls().await?;
        self.ask_capabilities().await
    }

    async fn log_in(&mut self) -> Result<(), Failure> {
        let Some(login) = self.channel.server().login.clone() else {
            return Ok(());
        };
        self.say_utf8(&login).await?;
        let offered: Vec<Mechanism> = self
            .capabilities
            .mechanisms()
            .filter_map(Mechanism::find)
            .collect();
        let done = match login.exchange(&offered, self.channel.ground()) {
            Ok(exchange) => self.authenticate(exchange).await,
            // USER and PASS say no more than PLAIN does, and every old server has them.
            Err(cause) => match login.said_password() {
                Some(password) => self.user_and_pass(login.name(), password).await,
                None => Err(cause),
            },
        };
        done.map_err(|cause| (Step::Login, cause))
    }

    /// RFC 6856 §2: UTF8 comes before the login, and lets a name or password in UTF-8 pass, and messages come as they are.
    async fn say_utf8(&mut self, login: &Login) -> Result<(), Failure> {
        if !self.capabilities.has("UTF8") {
            return Ok(());
        }
        self.channel.say("UTF8");
        match self.ok().await {
            Ok(_) => Ok(()),
            Err(Cause::Refused(_)) if login.name().is_ascii() => Ok(()),
            Err(cause) => Err((Step::command("UTF8"), cause)),
        }
    }

    async fn user_and_pass(&mut self, name: &str, password: &Secret) -> Result<(), Cause> {
        let has_line_end = |octets: &[u8]| octets.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0));
        if has_line_end(name.as_bytes()) || has_line_end(password.expose()) {
            return Err(Cause::Exchange(ClientError::Nul));
        }
        self.channel.say(&format!("USER {name}"));
        self.ok().await?;
        let line = [b"PASS ", password.expose()].concat();
        self.channel.say_secretly(&line, "PASS …");
        self.ok().await.map(drop)
    }

    /// RFC 5034 §4.
    async fn authenticate(&mut self, mut exchange: Exchange) -> Result<(), Cause> {
        let name = exchange.mechanism().name();
        let mut initial = exchange.initial().map_err(Cause::Exchange)?;
        // RFC 5034 §4: the initial response stands in the command only if that stays under 255 octets.
        match initial.take_if(|initial| initial.len() < 150) {
            Some(initial) => {
                let line = format!("AUTH {name} {}", encoding::encode_initial(&initial));
                self.channel
                    .say_secretly(line.as_bytes(), &format!("AUTH {name} …"));
            }
            None => self.channel.say(&format!("AUTH {name}")),
        }
        loop {
            let challenge = match self.status().await? {
                Status::Challenge(challenge) => challenge,
                Status::Ok(_) if exchange.may_succeed() => return Ok(()),
                Status::Ok(_) => return Err(Cause::Exchange(ClientError::NotTheServer)),
                Status::Error { code, text } => return Err(refused(code, text)),
            };
            let answered = match initial.take() {
                Some(initial) => {
                    self.channel
                        .say_secretly(encoding::encode(&initial).as_bytes(), "…");
                    Ok(())
                }
                None => self.channel.answer(&mut exchange, challenge.as_bytes()),
            };
            if let Err(error) = answered {
                self.channel.say("*");
                self.status().await?;
                return Err(Cause::Exchange(error));
            }
        }
    }
}

fn refused(code: Option<String>, text: String) -> Cause {
    Cause::Refused(Said {
        code: None,
        detail: code.map(Into::into),
        text: text.into(),
    })
}
