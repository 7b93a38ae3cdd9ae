//! One message, or many: MAIL, RCPT, DATA or BDAT, with as few round trips as the server allows.
//!
//! With PIPELINING (RFC 2920 §3.1) the commands of a message go together, and after the octets of one message the commands of the
//! next, so that a message costs one round trip.

use std::time::Duration;

use ::smtp::client::{MailCommand, RcptCommand};
use ::smtp::{Letters, Reply};
use bytes::BytesMut;
use message::compose::{Composed, Next, SourceId};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use types::Address;
use wire::DotWriter;

use super::client::{Client, expect, said};
use super::content::Content;
use super::envelope::{Envelope, Ground, Report};
use crate::Files;
use crate::error::{Cause, Error, Failure, Said, Step};
use crate::files::reading as reading_of;

/// So much of a message is gathered before it goes out.
const PIECE: usize = 256 << 10;

/// Commands that go together at most: their replies fit into any window, so that neither side waits for the other (RFC 2920 §3.1).
const GROUP: usize = 100;

/// A server that goes away while a message is sent may have said why; so long is waited for it.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How a message's octets go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// DATA, dots doubled.
    Data,
    /// BDAT in one chunk of so many octets (RFC 3030 §2).
    Chunk(u64),
}

/// A transaction whose first commands are queued.
#[derive(Clone, Copy, Debug)]
struct Opening {
    way: Way,
    letters: Letters,
    /// How many RCPT have been said.
    said: usize,
    /// Whether DATA has.
    data: bool,
}

/// A transaction that waits for the octets, and what was said to each recipient.
#[derive(Debug)]
struct Begun {
    way: Way,
    taken: Vec<(Address, Said)>,
    refused: Vec<(Address, Said)>,
}

impl Client {
    /// Sends one message. The report says for each recipient what became of it.
    ///
    /// A server that has closed the connection since the last message is connected to again, once.
    ///
    /// # Errors
    /// When nobody gets the message: every recipient was refused, the content was, or the connection broke. When it breaks
    /// after the octets were sent and before the reply, it is not known whether the server has taken the message.
    pub async fn send<'a>(
        &mut self,
        envelope: &Envelope,
        content: impl Into<Content<'a>>,
    ) -> Result<Report, Error> {
        let content = content.into();
        if self.broken {
            self.connect_again().await?;
        }
        let mut begun = self.begin(envelope, &content).await;
        if self.used && begun.as_ref().is_err_and(is_gone) {
            self.connect_again().await?;
            begun = self.begin(envelope, &content).await;
        }
        let finished = match begun {
            Ok(begun) => match self.write(&begun, content).await {
                Ok(()) => self.hear_end(begun, envelope).await,
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        self.conclude(finished)
    }

    /// Sends many messages over this connection, in order; `each` is told of every one as soon as the server has answered.
    ///
    /// # Errors
    /// When the connection breaks. Of the messages that `each` was not told of, the first may have been taken or not, and the others were not.
    pub async fn send_all<'a>(
        &mut self,
        messages: impl IntoIterator<Item = (&'a Envelope, Content<'a>)>,
        mut each: impl FnMut(usize, Result<Report, Error>),
    ) -> Result<(), Error> {
        let mut messages = messages.into_iter();
        let mut current = messages.next();
        let mut said = None;
        let mut number = 0;
        while let Some((envelope, content)) = current {
            let opening = said.take().unwrap_or_else(|| self.say_begin(envelope, &content));
            let begun = match opening {
                Ok(opening) => self.hear_begin(envelope, opening).await,
                Err(failure) => Err(failure),
            };
            current = messages.next();
            let finished = match begun {
                Ok(begun) => match self.write(&begun, content).await {
                    Ok(()) => {
                        let following = current.as_ref().filter(|_| self.pipelines());
                        said = following.map(|(envelope, content)| self.say_begin(envelope, content));
                        self.hear_end(begun, envelope).await
                    }
                    Err(failure) => Err(failure),
                },
                Err(failure) => Err(failure),
            };
            let finished = self.conclude(finished);
            if self.broken {
                return finished.map(drop);
            }
            each(number, finished);
            number += 1;
        }
        Ok(())
    }

    /// A failure that is not a refusal leaves a connection of which nobody knows what comes next.
    fn conclude(&mut self, finished: Result<Report, Failure>) -> Result<Report, Error> {
        self.used = true;
        finished.map_err(|(step, cause)| {
            let local = matches!(
                cause,
                Cause::NotOffered(_) | Cause::TooBig { .. } | Cause::NoRecipient
            );
            self.broken |= !local && !matches!(&cause, Cause::Refused(said) if said.code != Some(421));
            self.error(step, cause)
        })
    }

    async fn connect_again(&mut self) -> Result<(), Error> {
        self.channel.note("the connection is gone: connecting again");
        let mut client = Client::connect(self.channel.server()).await?;
        client.progress = self.progress.take();
        client.signers = std::mem::take(&mut self.signers);
        *self = client;
        Ok(())
    }

    fn pipelines(&self) -> bool {
        self.extensions.has("PIPELINING")
    }

    async fn begin(&mut self, envelope: &Envelope, content: &Content<'_>) -> Result<Begun, Failure> {
        let opening = self.say_begin(envelope, content)?;
        self.hear_begin(envelope, opening).await
    }

    /// Queues the commands that may go together; without PIPELINING that is MAIL alone.
    fn say_begin(&mut self, envelope: &Envelope, content: &Content<'_>) -> Result<Opening, Failure> {
        let needs = content.needs();
        let failed = |cause| (Step::command("MAIL"), cause);
        if envelope.recipients().is_empty() {
            return Err(failed(Cause::NoRecipient));
        }
        let ground = Ground {
            extensions: &self.extensions,
            encrypted: self.channel.is_encrypted(),
        };
        let mail = envelope.mail(needs, &ground).map_err(failed)?;
        let chunk = needs.size.filter(|_| self.extensions.has("CHUNKING"));
        let mut opening = Opening {
            way: chunk.map_or(Way::Data, Way::Chunk),
            letters: mail.letters,
            said: 0,
            data: false,
        };
        self.channel.say(&MailCommand::to_string(&mail));
        if self.pipelines() {
            self.say_rcpts(envelope, &mut opening);
        }
        Ok(opening)
    }

    /// Queues RCPT for the next recipients, and DATA after the last.
    fn say_rcpts(&mut self, envelope: &Envelope, opening: &mut Opening) {
        let group = if self.pipelines() { GROUP } else { 1 };
        for rcpt in envelope
            .rcpts(opening.letters, &self.extensions)
            .skip(opening.said)
            .take(group)
        {
            self.channel.say(&RcptCommand::to_string(&rcpt));
            opening.said += 1;
        }
        let all = opening.said == envelope.recipients().len();
        if all && opening.way == Way::Data && self.pipelines() {
            self.channel.say("DATA");
            opening.data = true;
        }
    }

    /// Hears what the server says to the commands, and says those that wait.
    async fn hear_begin(&mut self, envelope: &Envelope, mut opening: Opening) -> Result<Begun, Failure> {
        let failed = |cause| (Step::command("MAIL"), cause);
        let mail = self.reply(self.patience()).await.map_err(failed)?;
        let mut begun = Begun {
            way: opening.way,
            taken: Vec::new(),
            refused: Vec::new(),
        };
        if mail.code() == 250 {
            self.hear_rcpts(envelope, &mut opening, &mut begun).await?;
        } else {
            // What was said together is answered together, with more refusals.
            for _ in 0..opening.said {
                self.reply(self.patience()).await.map_err(failed)?;
            }
        }
        let ready = self.hear_data(opening, &begun).await?;
        let refusal = match begun.refused.first() {
            _ if mail.code() != 250 => Some((Step::command("MAIL"), Cause::Refused(said(&mail)))),
            Some((address, said)) if begun.taken.is_empty() => Some((
                Step::command(format!("RCPT TO:<{address}>")),
                Cause::Refused(said.clone()),
            )),
            _ => ready
                .err()
                .map(|said| (Step::command("DATA"), Cause::Refused(said))),
        };
        match refusal {
            None => Ok(begun),
            Some(refusal) => {
                // A server that says 421 goes away; one that does not answer is of no use for another message.
                let goes = matches!(&refusal.1, Cause::Refused(said) if said.code == Some(421));
                self.broken |= goes || self.reset().await.is_err();
                Err(refusal)
            }
        }
    }

    async fn hear_rcpts(
        &mut self,
        envelope: &Envelope,
        opening: &mut Opening,
        begun: &mut Begun,
    ) -> Result<(), Failure> {
        for (heard, recipient) in envelope.recipients().iter().enumerate() {
            if heard == opening.said {
                self.say_rcpts(envelope, opening);
            }
            let address = recipient.address();
            let reply = self.reply(self.patience()).await;
            let reply = reply.map_err(|cause| (Step::command(format!("RCPT TO:<{address}>")), cause))?;
            // RFC 5321 §4.2.3: 251 and 252 take the recipient too.
            let list = match reply.code() {
                250..=252 => &mut begun.taken,
                _ => &mut begun.refused,
            };
            list.push((address.clone(), said(&reply)));
        }
        Ok(())
    }

    /// The reply to DATA, where it was said or is to be said; whether the octets may come, or what the server says against it.
    async fn hear_data(&mut self, opening: Opening, begun: &Begun) -> Result<Result<(), Said>, Failure> {
        let failed = |cause| (Step::command("DATA"), cause);
        let nobody = begun.taken.is_empty();
        match opening.way {
            Way::Chunk(_) => return Ok(Ok(())),
            Way::Data if opening.data => {}
            Way::Data if nobody => return Ok(Ok(())),
            Way::Data => self.channel.say("DATA"),
        }
        let patience = self.channel.server().time_outs.data;
        let reply = self.reply(patience).await.map_err(failed)?;
        if reply.code() != 354 {
            return Ok(Err(said(&reply)));
        }
        if nobody {
            // RFC 2920 §3.1: a server that wants octets for nobody gets none, and refuses those.
            self.channel.say(".");
            self.reply(self.patience()).await.map_err(failed)?;
        }
        Ok(Ok(()))
    }

    /// Ends a transaction that did not come to its octets (RFC 5321 §4.1.1.5).
    async fn reset(&mut self) -> Result<(), Cause> {
        self.channel.say("RSET");
        let reply = self.reply(self.patience()).await?;
        expect(reply, 250).map(drop)
    }

    /// Sends the octets, all but the last piece of them, which goes out with what is said next.
    async fn write(&mut self, begun: &Begun, content: Content<'_>) -> Result<(), Failure> {
        let mut dots = DotWriter::default();
        if let Way::Chunk(size) = begun.way {
            self.channel.say(&format!("BDAT {size} LAST"));
        }
        let written = match content {
            Content::Octets(octets) => {
                for piece in octets.chunks(PIECE) {
                    self.write_piece(begun.way, piece, &mut dots).await?;
                }
                octets.len() as u64
            }
            Content::Composed { composed, files, .. } => {
                self.write_composed(begun.way, (composed, files), &mut dots)
                    .await?
            }
            Content::Stream { reader, size, .. } => {
                self.write_stream(begun.way, (reader, size), &mut dots).await?
            }
        };
        self.channel.note(&format!("{written} octets of the message"));
        if begun.way == Way::Data {
            dots.finish(self.channel.output());
        }
        Ok(())
    }

    async fn write_stream(
        &mut self,
        way: Way,
        (reader, size): (&mut (dyn AsyncRead + Send + Unpin), Option<u64>),
        dots: &mut DotWriter,
    ) -> Result<u64, Failure> {
        let mut buffer = BytesMut::with_capacity(PIECE);
        let mut written = 0;
        loop {
            buffer.clear();
            let read = reader.read_buf(&mut buffer).await;
            let read = read.map_err(|error| (Step::Reading("the message".into()), Cause::File(error)))?;
            written += read as u64;
            let ended = read == 0;
            if size.is_some_and(|size| written > size || (ended && written < size)) {
                return Err((
                    Step::Content,
                    Cause::Message("its size is another than was said".into()),
                ));
            }
            if ended {
                return Ok(written);
            }
            self.write_piece(way, &buffer, dots).await?;
        }
    }

    async fn write_composed(
        &mut self,
        way: Way,
        (composed, files): (&Composed<'_>, &Files),
        dots: &mut DotWriter,
    ) -> Result<u64, Failure> {
        let mut writing = composed.writing();
        let mut reading: Option<(SourceId, File)> = None;
        let mut buffer = BytesMut::with_capacity(PIECE);
        let mut written = 0;
        loop {
            match writing.next() {
                Next::End => break,
                Next::Write(octets) => {
                    written += octets.len() as u64;
                    self.write_piece(way, octets, dots).await?;
                }
                Next::Read(id) => {
                    if reading.as_ref().is_none_or(|(open, _)| *open != id) {
                        reading = Some((id, files.open(id).await?));
                    }
                    let (_, file) = reading.as_mut().expect("it was just opened");
                    buffer.clear();
                    let read = file.read_buf(&mut buffer).await;
                    read.map_err(|error| (reading_of(files.path(id)), Cause::File(error)))?;
                    writing.feed(&buffer);
                }
            }
        }
        match way {
            // A file that grew or shrank meanwhile: the server must not take the message.
            Way::Chunk(size) if size != written => Err((
                Step::Content,
                Cause::Message("an attached file has changed its size".into()),
            )),
            _ => Ok(written),
        }
    }

    async fn write_piece(&mut self, way: Way, piece: &[u8], dots: &mut DotWriter) -> Result<(), Failure> {
        let output = self.channel.output();
        match way {
            Way::Data => dots.write(piece, output),
            Way::Chunk(_) => output.extend_from_slice(piece),
        }
        if output.len() < PIECE {
            return Ok(());
        }
        let patience = self.channel.server().time_outs.piece;
        let flushed = self.channel.flush(patience).await;
        if let Err(cause) = flushed {
            return Err((Step::Content, self.last_words(cause).await));
        }
        if let Some(told) = &mut self.progress {
            told(PIECE as u64);
        }
        Ok(())
    }

    /// What the server said before it went away, or how it went.
    async fn last_words(&mut self, cause: Cause) -> Cause {
        self.channel.output().clear();
        match self.reply(LAST_WORDS).await {
            Ok(reply) => Cause::Refused(said(&reply)),
            Err(_) => cause,
        }
    }

    /// The reply to the whole message: LMTP's is one for each recipient that was taken (RFC 2033 §4.2).
    async fn hear_end(&mut self, begun: Begun, envelope: &Envelope) -> Result<Report, Failure> {
        let patience = self.channel.server().time_outs.message;
        let unheard = envelope.unheard(&self.extensions);
        let Begun {
            taken, mut refused, ..
        } = begun;
        if !self.is_lmtp() {
            let reply = self.end_reply(patience).await?;
            let reply = expect(reply, 250).map_err(|cause| (Step::Content, cause))?;
            let taken = taken
                .into_iter()
                .map(|(address, _)| (address, said(&reply)))
                .collect();
            return Ok(Report {
                taken,
                refused,
                unheard,
            });
        }
        let mut stored = Vec::new();
        for (address, _) in taken {
            let reply = self.end_reply(patience).await?;
            match reply.code() {
                250..=252 => stored.push((address, said(&reply))),
                _ => refused.push((address, said(&reply))),
            }
        }
        match (stored.is_empty(), refused.last()) {
            (true, Some((_, said))) => Err((Step::Content, Cause::Refused(said.clone()))),
            _ => Ok(Report {
                taken: stored,
                refused,
                unheard,
            }),
        }
    }

    async fn end_reply(&mut self, patience: Duration) -> Result<Reply, Failure> {
        self.reply(patience).await.map_err(|cause| (Step::Content, cause))
    }
}

/// Whether the server was gone before it had heard anything of the message: a connection that waited too long.
fn is_gone((step, cause): &Failure) -> bool {
    let first = *step == Step::command("MAIL");
    first
        && match cause {
            Cause::Closed | Cause::Connection(_) => true,
            Cause::Refused(said) => said.code == Some(421),
            _ => false,
        }
}
