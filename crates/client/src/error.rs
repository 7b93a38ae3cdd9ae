//! What can go wrong, told so that a person knows whose fault it was, at which step, and what to do.

use std::fmt;
use std::io;
use std::time::Duration;

use sasl::client::ClientError;

use crate::Language;
pub use crate::certificate::{Flaw, Untrusted};
use crate::hint;
pub use crate::hint::Hint;

/// Whose fault it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller asked for what cannot be: an address, a setting, a message, a password.
    Caller,
    /// This machine: a file that cannot be read or written, a full disk.
    Machine,
    /// What lies between: no route, a connection that was cut, silence.
    Network,
    /// The server refused, or did not keep to the protocol.
    Server,
}

/// Where it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading what the caller asked for.
    Asking,
    /// Making the connection: finding the address, and TCP.
    Connecting,
    /// Through the proxy.
    Proxy,
    /// Beginning TLS.
    Tls,
    /// Waiting for the server's first words.
    Greeting,
    /// Logging in.
    Login,
    /// A command, as the protocol calls it, with its argument where that helps.
    Command(Box<str>),
    /// Sending the octets of a message.
    Content,
    /// Reading a file of this machine.
    Reading(Box<str>),
    /// Writing a file of this machine.
    Writing(Box<str>),
}

impl Step {
    /// A command.
    pub(crate) fn command(words: impl Into<Box<str>>) -> Self {
        Step::Command(words.into())
    }

    fn words(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Step::Asking => ("before connecting", "连接之前"),
            Step::Connecting => ("while connecting", "连接时"),
            Step::Proxy => ("at the proxy", "经过代理时"),
            Step::Tls => ("while beginning TLS", "开始 TLS 时"),
            Step::Greeting => ("waiting for the greeting", "等待问候语时"),
            Step::Login => ("logging in", "登录时"),
            Step::Content => ("sending the message", "发送邮件内容时"),
            Step::Command(command) => {
                return language.pick(format!("at {command}"), format!("执行 {command} 时"));
            }
            Step::Reading(file) => {
                return language.pick(format!("reading {file}"), format!("读取 {file} 时"));
            }
            Step::Writing(file) => {
                return language.pick(format!("writing {file}"), format!("写入 {file} 时"));
            }
        };
        language.pick(english, chinese).to_owned()
    }
}

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The three digits of SMTP (RFC 5321 §4.2); POP3 and IMAP have none.
    pub code: Option<u16>,
    /// The enhanced status code (RFC 3463), or the response code of POP3 or IMAP, such as `AUTH` or `OVERQUOTA`.
    pub detail: Option<Box<str>>,
    /// Its words.
    pub text: Box<str>,
}

impl Said {
    /// Whether trying again later may help: a 4xx reply, `[SYS/TEMP]`, `[IN-USE]`, `[UNAVAILABLE]` and their like.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        let temporary = [
            "IN-USE",
            "SYS/TEMP",
            "LOGIN-DELAY",
            "UNAVAILABLE",
            "INUSE",
            "LIMIT",
        ];
        match self.code {
            Some(code) => (400..500).contains(&code),
            None => self
                .detail
                .as_deref()
                .is_some_and(|detail| temporary.contains(&detail)),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(code) = self.code {
            write!(f, "{code} ")?;
        }
        match (&self.detail, self.code) {
            (Some(detail), Some(_)) => write!(f, "{detail} ")?,
            (Some(detail), None) => write!(f, "[{detail}] ")?,
            (None, _) => {}
        }
        f.write_str(&self.text)
    }
}

/// What went wrong.
#[derive(Debug)]
pub enum Cause {
    /// The connection could not be made, or broke.
    Connection(io::Error),
    /// Nothing came for so long.
    TimedOut(Duration),
    /// The server closed the connection in the middle.
    Closed,
    /// The proxy refused, or could not be reached.
    Proxy(Box<tokio_socks::Error>),
    /// The server's certificate is not one to be trusted.
    Certificate(Box<Untrusted>),
    /// TLS failed otherwise.
    Tls(rustls::Error),
    /// TLS cannot be set up on this side: no roots, a bad key, a name that is none.
    TlsSettings(Box<str>),
    /// The server does not offer STARTTLS, and the caller wants TLS.
    NoTls,
    /// The server had sent more before TLS began, which somebody in between may have put there.
    BeforeTls,
    /// The server said no.
    Refused(Said),
    /// What came is not of the protocol; this is its beginning.
    Garbled(Box<str>),
    /// A line, or something else that is kept, went over its limit, in octets.
    TooLong(usize),
    /// No mechanism that the server offers can be used with this login.
    NoMechanism {
        /// What it offers and this side knows.
        offered: Vec<&'static str>,
    },
    /// The exchange of a login could not go on.
    Exchange(ClientError),
    /// The server does not offer what the caller asked for, named as the protocol does.
    NotOffered(&'static str),
    /// The message is larger than the server takes, both in octets.
    TooBig {
        /// Its size.
        size: u64,
        /// What the server takes.
        limit: u64,
    },
    /// There is no recipient.
    NoRecipient,
    /// The message cannot be put as this server wants it.
    Message(Box<str>),
    /// A key that is none to sign with.
    Key(crate::dkim::KeyError),
    /// A file of this machine.
    File(io::Error),
}

impl Cause {
    /// A line, or what came of it, that is none of the protocol: its beginning is told.
    pub(crate) fn garbled(line: &[u8]) -> Self {
        let begin = line.get(..80).unwrap_or(line);
        Cause::Garbled(String::from_utf8_lossy(begin).escape_debug().to_string().into())
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Cause::Connection(_) | Cause::TimedOut(_) | Cause::Closed | Cause::Proxy(_) => Fault::Network,
            Cause::Certificate(_)
            | Cause::Tls(_)
            | Cause::NoTls
            | Cause::BeforeTls
            | Cause::Refused(_)
            | Cause::Garbled(_)
            | Cause::TooLong(_)
            | Cause::NotOffered(_)
            | Cause::TooBig { .. } => Fault::Server,
            Cause::Exchange(ClientError::Nul | ClientError::Unprepared) => Fault::Caller,
            Cause::Exchange(_) => Fault::Server,
            Cause::NoMechanism { .. }
            | Cause::NoRecipient
            | Cause::Message(_)
            | Cause::Key(_)
            | Cause::TlsSettings(_) => Fault::Caller,
            Cause::File(_) => Fault::Machine,
        }
    }

    fn words(&self, language: Language) -> String {
        match self {
            Cause::Connection(error) => language.pick(
                format!("the connection failed: {error}"),
                format!("连接失败：{error}"),
            ),
            Cause::TimedOut(time) => language.pick(
                format!("no answer within {} s", time.as_secs()),
                format!("{} 秒内没有回应", time.as_secs()),
            ),
            Cause::Closed => language
                .pick("the server closed the connection", "服务器关闭了连接")
                .to_owned(),
            Cause::Proxy(error) => language.pick(format!("the proxy: {error}"), format!("代理：{error}")),
            Cause::Certificate(untrusted) => untrusted.words(language),
            Cause::Tls(error) => language.pick(format!("TLS: {error}"), format!("TLS 出错：{error}")),
            Cause::TlsSettings(words) => {
                language.pick(format!("TLS: {words}"), format!("TLS 设置有误：{words}"))
            }
            Cause::Refused(said) => {
                language.pick(format!("the server said: {said}"), format!("服务器说：{said}"))
            }
            Cause::Garbled(begin) => language.pick(
                format!("the server does not speak the protocol; it said: {begin}"),
                format!("服务器不遵守协议，它说：{begin}"),
            ),
            Cause::TooLong(limit) => language.pick(
                format!("the server sent more than {limit} octets without an end"),
                format!("服务器发送了超过 {limit} 字节而没有结束"),
            ),
            Cause::NoMechanism { offered } => no_mechanism(offered, language),
            Cause::Exchange(error) => language.pick(error.to_string(), format!("身份验证无法继续：{error}")),
            Cause::TooBig { size, limit } => language.pick(
                format!("the message has {size} octets, and the server takes {limit}"),
                format!("邮件有 {size} 字节，服务器只接受 {limit} 字节"),
            ),
            Cause::Message(words) => language.pick(words.to_string(), format!("邮件有误：{words}")),
            Cause::Key(error) => error.words(language),
            Cause::File(error) => error.to_string(),
            Cause::NoTls | Cause::BeforeTls | Cause::NotOffered(_) | Cause::NoRecipient => {
                self.plain_words(language)
            }
        }
    }

    fn plain_words(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Cause::NoTls => ("the server does not offer STARTTLS", "服务器不提供 STARTTLS"),
            Cause::BeforeTls => (
                "the server sent more before TLS began: somebody in between may have put it there",
                "TLS 开始之前服务器多发了内容，可能是中间人插入的",
            ),
            Cause::NoRecipient => ("the message has no recipient", "邮件没有收件人"),
            Cause::NotOffered(name) => {
                return language.pick(
                    format!("the server does not offer {name}"),
                    format!("服务器不提供 {name}"),
                );
            }
            _ => unreachable!("the other causes have words with values in them"),
        };
        language.pick(english, chinese).to_owned()
    }
}

fn no_mechanism(offered: &[&str], language: Language) -> String {
    let list = offered.join(", ");
    match offered {
        [] => language
            .pick(
                "the server offers no way to log in that is known here",
                "服务器没有提供这里支持的登录方式",
            )
            .to_owned(),
        _ => language.pick(
            format!("the login cannot be used with what the server offers: {list}"),
            format!("服务器提供的登录方式（{list}）都不能使用这个登录"),
        ),
    }
}

/// A failure: what, where, with which server.
///
/// It prints in English; [`Error::words`] has both languages.
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    step: Step,
    server: Option<Box<str>>,
    cause: Cause,
}

/// A cause that knows its step, and not yet the server.
pub(crate) type Failure = (Step, Cause);

impl Error {
    pub(crate) fn new(step: Step, server: Option<&str>, cause: Cause) -> Self {
        Error(Box::new(Inner {
            step,
            server: server.map(Box::from),
            cause,
        }))
    }

    /// Where it happened.
    #[must_use]
    pub fn step(&self) -> &Step {
        &self.0.step
    }

    /// What went wrong.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// Whose fault it was.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match (&self.0.step, &self.0.cause) {
            // A password that is not right is the caller's.
            (Step::Login, Cause::Refused(said)) if !said.is_temporary() => Fault::Caller,
            (_, cause) => cause.fault(),
        }
    }

    /// What the server said, where it said no.
    #[must_use]
    pub fn said(&self) -> Option<&Said> {
        match &self.0.cause {
            Cause::Refused(said) => Some(said),
            _ => None,
        }
    }

    /// Whether trying again later may help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match &self.0.cause {
            Cause::Connection(_) | Cause::TimedOut(_) | Cause::Closed | Cause::Proxy(_) => true,
            Cause::Refused(said) => said.is_temporary(),
            _ => false,
        }
    }

    /// What is known of this provider that helps here.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        hint::of(self.0.server.as_deref()?, &self.0.step, &self.0.cause)
    }

    /// The whole failure in one sentence or two: the server, the step, what went wrong, and a hint.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        let hint = self.hint().map(|hint| hint.words(language));
        self.words_with(hint, language)
    }

    /// The same with a hint of the caller's, who knows how its own user says such things.
    #[must_use]
    pub fn words_with(&self, hint: Option<&str>, language: Language) -> String {
        let inner = &self.0;
        let step = inner.step.words(language);
        let cause = inner.cause.words(language);
        let mut words = match &inner.server {
            Some(server) => language.pick(
                format!("{server}, {step}: {cause}"),
                format!("{server}，{step}：{cause}"),
            ),
            None => language.pick(format!("{step}: {cause}"), format!("{step}：{cause}")),
        };
        if let Some(hint) = hint {
            words.push_str(language.pick(". ", "。"));
            words.push_str(hint);
        }
        words
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(Language::English))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            Cause::Connection(error) | Cause::File(error) => Some(error),
            Cause::Tls(error) => Some(error),
            Cause::Exchange(error) => Some(error),
            Cause::Certificate(untrusted) => Some(untrusted),
            _ => None,
        }
    }
}
