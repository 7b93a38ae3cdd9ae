//! A connection to an IMAP server: greeting, STARTTLS, login, ID, ENABLE, COMPRESS, and what was said unasked.

use std::collections::VecDeque;

use ::imap::Mode;
use ::imap::client::{
    Code, Condition, Data, Fetched, Framer, Limits, Line, Literals, Ranges, Response, Status,
};
use tokio::time::timeout;

use super::compress::Compressed;
use crate::Server;
use crate::channel::Channel;
use crate::error::{Cause, Error, Failure, Step};

/// What was said unasked and not read yet: beyond, the mailbox has to be looked at anew.
const MAX_NEWS: usize = 10_000;

/// What IMAP4rev2 has without saying so (RFC 9051 §E).
const REV2: [&str; 14] = [
    "NAMESPACE",
    "UNSELECT",
    "UIDPLUS",
    "ESEARCH",
    "SEARCHRES",
    "ENABLE",
    "IDLE",
    "SASL-IR",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "MOVE",
    "LITERAL-",
    "SPECIAL-USE",
    "STATUS=SIZE",
];

/// What a server says unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// There are so many messages now.
    Exists(u32),
    /// So many of them have `\Recent`.
    Recent(u32),
    /// The message at this position is gone.
    Expunged(u32),
    /// The messages with these uids are gone (RFC 7162 §3.2.10).
    Vanished(Ranges),
    /// Of a message: its flags have changed.
    Message(Box<Fetched>),
    /// Something that the user must be shown (RFC 9051 §7.1, ALERT).
    Alert(Box<str>),
    /// So much was said that some of it was let go: look at the mailbox anew.
    Lost,
}

/// A session that is logged in.
pub struct Client {
    pub(super) channel: Channel,
    pub(super) framer: Framer,
    pub(super) mode: Mode,
    pub(super) literals: Literals,
    /// Commands so far: the tag of the last is its number.
    pub(super) commands: u64,
    /// Commands that were said and have not ended.
    pub(super) open: u64,
    pub(super) idling: bool,
    capabilities: Vec<Box<str>>,
    enabled: Vec<Box<str>>,
    id: Vec<(Box<str>, Option<Box<str>>)>,
    news: VecDeque<News>,
}

impl Client {
    /// Connects, begins TLS, logs in, says who it is, and enables what the server has: CONDSTORE, QRESYNC, UTF-8, IMAP4rev2.
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
            framer: Framer::new(Limits::BEFORE_LOGIN),
            mode: Mode::Ascii,
            literals: Literals::Asked,
            commands: 0,
            open: 0,
            idling: false,
            capabilities: Vec::new(),
            enabled: Vec::new(),
            id: Vec::new(),
            news: VecDeque::new(),
        };
        let logged_in = client.greeting().await.map_err(|cause| (Step::Greeting, cause))?;
        if client.capabilities.is_empty() {
            client.ask_capabilities().await?;
        }
        client.start_tls(logged_in).await?;
        if logged_in == Condition::Ok {
            client.log_in().await?;
        }
        client.framer.set_limits(Limits::AFTER_LOGIN);
        client.introduce().await?;
        client.enable().await?;
        Ok(client)
    }

    /// The first words of the server (RFC 9051 §7.1): they come within the time for a reply, however slowly.
    async fn greeting(&mut self) -> Result<Condition, Cause> {
        let patience = self.patience();
        let said = timeout(patience, self.response()).await;
        let status = match said.map_err(|_| Cause::TimedOut(patience))?? {
            Response::Status(status) => status,
            other => {
                return Err(Cause::Garbled(
                    format!("{other:?}").chars().take(80).collect::<String>().into(),
                ));
            }
        };
        match status.condition {
            Condition::Ok | Condition::PreAuth => {
                self.learn(status.code);
                Ok(status.condition)
            }
            _ => Err(refused(status)),
        }
    }

    /// RFC 9051 §6.2.1. A connection that greets as logged in cannot begin TLS any more (RFC 9051 §7.1.4).
    async fn start_tls(&mut self, greeted: Condition) -> Result<(), Failure> {
        let can = self.has("STARTTLS") && greeted == Condition::Ok;
        let offered = can.then_some("STARTTLS");
        let Some(command) = self.channel.server().security.upgrade(offered)? else {
            return Ok(());
        };
        let line = self.line(command);
        let done = self.run(line, Some).await;
        done.map_err(|cause| (Step::command(command), cause))?;
        self.channel.begin_tls().await?;
        self.forget();
        self.ask_capabilities().await
    }

    /// RFC 9051 §6.2.1: what was said before TLS counts no longer; not only the capabilities, but whatever somebody in between may have said.
    fn forget(&mut self) {
        self.framer = Framer::new(Limits::BEFORE_LOGIN);
        self.mode = Mode::Ascii;
        self.literals = Literals::Asked;
        self.capabilities.clear();
        self.enabled.clear();
        self.news.clear();
    }

    /// RFC 9051 §6.1.1.
    pub(super) async fn ask_capabilities(&mut self) -> Result<(), Failure> {
        self.capabilities.clear();
        let line = self.line("CAPABILITY");
        let done = self.run(line, Some).await;
        done.map(drop)
            .map_err(|cause| (Step::command("CAPABILITY"), cause))
    }

    /// ID (RFC 2971) before anything is opened: 163.com, 126.com and yeah.net open no mailbox for who has not said it.
    async fn introduce(&mut self) -> Result<(), Failure> {
        if !self.has("ID") {
            return Ok(());
        }
        let version = env!("CARGO_PKG_VERSION");
        let fields = format!("(\"name\" \"Posthouse\" \"version\" \"{version}\" \"vendor\" \"Posthouse\")");
        let line = self.line("ID").word(&fields);
        let mut id = Vec::new();
        let done = self.run(line, |response| match response {
            Response::Data(Data::Id(fields)) => {
                id = fields;
                None
            }
            other => Some(other),
        });
        let done = done.await;
        self.id = id;
        optional(done).map_err(|cause| (Step::command("ID"), cause))
    }

    /// ENABLE (RFC 5161) for what the server has: what a client does not enable, it is not told.
    async fn enable(&mut self) -> Result<(), Failure> {
        if !self.has("ENABLE") {
            return Ok(());
        }
        let words = ["CONDSTORE", "QRESYNC", "UTF8=ACCEPT", "IMAP4rev2"];
        let wanted: Vec<&str> = words.into_iter().filter(|word| self.announces(word)).collect();
        // UTF8=ONLY needs UTF8=ACCEPT to be enabled all the same (RFC 6855 §6).
        let only = self.announces("UTF8=ONLY").then_some("UTF8=ACCEPT");
        let wanted: Vec<&str> = wanted.into_iter().chain(only).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let line = wanted
            .iter()
            .fold(self.line("ENABLE"), |line, word| line.word(word));
        let done = self.run(line, Some).await;
        optional(done).map_err(|cause| (Step::command("ENABLE"), cause))
    }

    /// Compresses both directions from now on (RFC 4978): mail becomes half as long.
    ///
    /// # Errors
    /// When the server does not offer it, refuses, or is gone.
    pub async fn compress(&mut self) -> Result<(), Error> {
        if !self.has("COMPRESS=DEFLATE") {
            return Err(self.error("COMPRESS", Cause::NotOffered("COMPRESS=DEFLATE")));
        }
        let line = self.line("COMPRESS").word("DEFLATE");
        self.command("COMPRESS", line, Some).await?;
        // Whatever is there already was compressed by the server behind its OK.
        let begun = std::mem::take(self.channel.input());
        self.channel
            .layer(|stream| Box::new(Compressed::new(stream, begun)));
        self.channel.note("compression is on");
        Ok(())
    }

    /// Whether the server has a capability, by its name or because IMAP4rev2 has it.
    #[must_use]
    pub fn has(&self, capability: &str) -> bool {
        let in_rev2 = || REV2.iter().any(|word| word.eq_ignore_ascii_case(capability));
        self.announces(capability) || (self.announces("IMAP4rev2") && in_rev2())
    }

    fn announces(&self, capability: &str) -> bool {
        self.capabilities
            .iter()
            .any(|own| own.eq_ignore_ascii_case(capability))
    }

    /// Whether something was enabled.
    #[must_use]
    pub fn is_enabled(&self, capability: &str) -> bool {
        self.enabled
            .iter()
            .any(|own| own.eq_ignore_ascii_case(capability))
    }

    /// What the server says it can do.
    pub fn capabilities(&self) -> impl Iterator<Item = &str> {
        self.capabilities.iter().map(AsRef::as_ref)
    }

    /// What the server calls itself (RFC 2971).
    #[must_use]
    pub fn server_id(&self) -> &[(Box<str>, Option<Box<str>>)] {
        &self.id
    }

    /// What the server has said unasked since the last time, in its order.
    pub fn news(&mut self) -> Vec<News> {
        self.news.drain(..).collect()
    }

    pub(super) fn next_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// Takes what a response says of the session: capabilities, alerts, what was enabled, what happened to the mailbox.
    pub(super) fn take_in(&mut self, response: Response) {
        match response {
            Response::Status(status) | Response::Done { status, .. } => {
                if status.code == Some(Code::Alert) {
                    self.add_news(News::Alert(status.text));
                } else {
                    self.learn(status.code);
                }
            }
            Response::Data(Data::Capability(words)) => self.learn(Some(Code::Capability(words))),
            Response::Data(Data::Enabled(words)) => self.learn_enabled(words),
            Response::Data(Data::Exists(count)) => self.add_news(News::Exists(count)),
            Response::Data(Data::Recent(count)) => self.add_news(News::Recent(count)),
            Response::Data(Data::Expunge(position)) => self.add_news(News::Expunged(position)),
            Response::Data(Data::Vanished(_, uids)) => self.add_news(News::Vanished(uids)),
            Response::Data(Data::Fetch(fetched)) => self.add_news(News::Message(fetched)),
            Response::Data(_) | Response::Continue(_) => {}
        }
    }

    fn learn(&mut self, code: Option<Code>) {
        let Some(Code::Capability(words)) = code else {
            return;
        };
        self.capabilities = words;
        self.literals = match (self.announces("LITERAL+"), self.has("LITERAL-")) {
            (true, _) => Literals::All,
            (false, true) => Literals::Small,
            (false, false) => Literals::Asked,
        };
    }

    /// With UTF8=ACCEPT or IMAP4rev2 mailbox names are in UTF-8 (RFC 6855 §3, RFC 9051 §5.1).
    fn learn_enabled(&mut self, words: Vec<Box<str>>) {
        // A server that says the same again and again adds nothing.
        for word in words.into_iter().take(100) {
            if !self.is_enabled(&word) && self.enabled.len() < 100 {
                self.enabled.push(word);
            }
        }
        if self.is_enabled("UTF8=ACCEPT") || self.is_enabled("IMAP4rev2") {
            self.mode = Mode::Utf8;
        }
    }

    fn add_news(&mut self, news: News) {
        if self.news.len() >= MAX_NEWS {
            self.news.clear();
            self.news.push_back(News::Lost);
        }
        self.news.push_back(news);
    }

    /// Does nothing; a chance to hear news.
    ///
    /// # Errors
    /// When the server is gone.
    pub async fn noop(&mut self) -> Result<(), Error> {
        let line = self.line("NOOP");
        self.command("NOOP", line, Some).await.map(drop)
    }

    /// Ends the session.
    ///
    /// # Errors
    /// When the server is gone before it has said goodbye.
    pub async fn logout(mut self) -> Result<(), Error> {
        let line = self.line("LOGOUT");
        let mut goodbye = false;
        let done = self.run(line, |response| match response {
            // It says goodbye because it was asked to.
            Response::Status(status) if status.condition == Condition::Bye => {
                goodbye = true;
                None
            }
            other => Some(other),
        });
        match done.await {
            Ok(_) => Ok(()),
            // Some servers close behind their BYE.
            Err(Cause::Closed) if goodbye => Ok(()),
            Err(cause) => Err(self.error("LOGOUT", cause)),
        }
    }

    /// Begins a command.
    pub(super) fn line(&mut self, words: &str) -> Line {
        let tag = self.tag();
        Line::new(&tag, words)
    }

    /// The next tag: said in the order of the commands.
    pub(super) fn tag(&mut self) -> String {
        self.commands += 1;
        format!("p{}", self.commands)
    }

    pub(crate) fn error(&self, step: &str, cause: Cause) -> Error {
        Error::new(
            Step::command(step),
            Some(&self.channel.server().authority()),
            cause,
        )
    }

    pub(super) fn patience(&self) -> std::time::Duration {
        self.channel.server().time_outs.reply
    }
}

/// A server that refuses what nothing depends on.
fn optional(done: Result<Status, Cause>) -> Result<(), Cause> {
    match done {
        Ok(_) | Err(Cause::Refused(_)) => Ok(()),
        Err(cause) => Err(cause),
    }
}

/// What a server has refused with.
pub(super) fn refused(status: Status) -> Cause {
    let code = status.code.as_ref().map(|code| code.name().into());
    Cause::Refused(crate::Said {
        code: None,
        detail: code.or_else(|| (status.condition == Condition::Bye).then(|| "BYE".into())),
        text: status.text,
    })
}
