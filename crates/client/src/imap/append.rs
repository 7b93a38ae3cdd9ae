//! Adding messages: APPEND (RFC 9051 §6.3.12), several at once where the server has MULTIAPPEND (RFC 3502). Their octets are read as they are sent.

use ::imap::Mode;
use ::imap::client::{Code, Line, Ranges};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use types::Timestamp;

use super::change::is_flag;
use super::client::Client;
use crate::error::{Cause, Error, Failure, Step};

/// What is read of a message at once.
const PIECE: usize = 64 << 10;

/// Messages of one command: a server takes them all or none, and may have a limit for all together.
const TOGETHER: usize = 50;

/// A message that is to be added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewMessage {
    /// Its size in octets, with CRLF at the ends of its lines.
    pub size: u64,
    /// Its flags, named as IMAP does.
    pub flags: Vec<String>,
    /// When it arrived; now, if nothing is said.
    pub received: Option<Timestamp>,
    /// Whether its header fields are in UTF-8 (RFC 6855 §4). A server that has not enabled UTF-8 is not told.
    pub header: Mode,
}

impl NewMessage {
    /// A message of so many octets without flags.
    #[must_use]
    pub fn new(size: u64) -> Self {
        NewMessage {
            size,
            ..NewMessage::default()
        }
    }

    /// With flags.
    #[must_use]
    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self
    }

    /// Arrived then.
    #[must_use]
    pub fn received(mut self, moment: Timestamp) -> Self {
        self.received = Some(moment);
        self
    }
}

/// Where messages are that were added: nothing where the server does not say it (RFC 4315 §3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The validity of the uids.
    pub uid_validity: Option<u32>,
    /// The uids, in the order of the messages.
    pub uids: Ranges,
}

impl Client {
    /// Adds a message to a mailbox.
    ///
    /// # Errors
    /// When the server refuses (`TRYCREATE`: the mailbox can be created), or is gone; when the message cannot be read, or is shorter
    /// than it was said to be: then the connection is of no use any more.
    pub async fn append(
        &mut self,
        mailbox: &str,
        message: NewMessage,
        octets: impl AsyncRead + Unpin,
    ) -> Result<Appended, Error> {
        self.append_all(mailbox, vec![(message, octets)]).await
    }

    /// Adds messages to a mailbox: up to 50 in one step where the server has MULTIAPPEND, otherwise one after the other.
    ///
    /// # Errors
    /// As [`Client::append`]. Messages of earlier steps stay added.
    pub async fn append_all<R: AsyncRead + Unpin>(
        &mut self,
        mailbox: &str,
        messages: Vec<(NewMessage, R)>,
    ) -> Result<Appended, Error> {
        let mut appended = Appended::default();
        let together = if self.has("MULTIAPPEND") { TOGETHER } else { 1 };
        let mut messages = messages.into_iter().peekable();
        while messages.peek().is_some() {
            let group: Vec<(NewMessage, R)> = messages.by_ref().take(together).collect();
            let done = self.append_group(mailbox, group).await;
            let code = done
                .map_err(|(step, cause)| Error::new(step, Some(&self.channel.server().authority()), cause))?;
            if let Some(Code::AppendUid { validity, uids }) = code {
                appended.uid_validity = Some(validity);
                appended.uids.0.extend(uids.0);
            }
        }
        Ok(appended)
    }

    async fn append_group<R: AsyncRead + Unpin>(
        &mut self,
        mailbox: &str,
        group: Vec<(NewMessage, R)>,
    ) -> Result<Option<Code>, Failure> {
        let step = || Step::command(format!("APPEND {mailbox}"));
        let flags = group.iter().flat_map(|(message, _)| &message.flags);
        if let Some(wrong) = flags.into_iter().find(|flag| !is_flag(flag)) {
            let words = format!("{} is no flag", wrong.escape_debug());
            return Err((step(), Cause::Message(words.into())));
        }
        let mode = self.mode;
        self.leave_idle();
        let mut line = self.line("APPEND").mailbox(mailbox, mode);
        self.open += 1;
        for (message, mut octets) in group {
            let utf8 = message.header == Mode::Utf8 && mode == Mode::Utf8;
            let announced = self.announce(line, &message, utf8.then_some("UTF8 (~"));
            self.send_announcement(&announced, message.size)
                .await
                .map_err(|cause| (step(), cause))?;
            self.send_octets(&mut octets, message.size).await?;
            line = if utf8 { Line::bare(")") } else { Line::bare("") };
        }
        let rest = line.end(self.literals);
        for segment in rest {
            self.channel.output().extend_from_slice(&segment.0);
        }
        let done = self.until_done(Some).await.map_err(|cause| (step(), cause))?;
        Ok(done.code)
    }

    fn announce(&self, mut line: Line, message: &NewMessage, utf8: Option<&str>) -> Vec<u8> {
        if !message.flags.is_empty() {
            line = line.flags(message.flags.iter().map(String::as_str));
        }
        if let Some(received) = message.received {
            line = line.date_time(received);
        }
        line.announce(utf8.unwrap_or_default(), message.size, self.literals)
    }

    /// Says what stands before a message, and waits where the server wants to be asked.
    async fn send_announcement(&mut self, announced: &[u8], size: u64) -> Result<(), Cause> {
        let text = announced.strip_suffix(b"\r\n").unwrap_or(announced);
        self.channel.say_secretly(text, &String::from_utf8_lossy(text));
        match self.literals.at_once(size) {
            true => Ok(()),
            false => self.wait_for_go_ahead().await,
        }
    }

    async fn send_octets(&mut self, octets: &mut (impl AsyncRead + Unpin), size: u64) -> Result<(), Failure> {
        let mut octets = octets.take(size);
        let patience = self.channel.server().time_outs.piece;
        loop {
            let output = self.channel.output();
            output.reserve(PIECE);
            let read = octets.read_buf(output).await;
            let read = read.map_err(|error| (Step::Reading("the message".into()), Cause::File(error)))?;
            if read == 0 {
                break;
            }
            if self.channel.output().len() >= PIECE {
                self.channel
                    .flush(patience)
                    .await
                    .map_err(|cause| (Step::Content, cause))?;
            }
        }
        match octets.limit() {
            0 => Ok(()),
            left => {
                let words = format!("it is {left} octets shorter than it was said to be");
                Err((Step::Content, Cause::Message(words.into())))
            }
        }
    }
}
