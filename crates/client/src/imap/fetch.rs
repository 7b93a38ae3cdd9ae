//! Messages on their way in: one after the other, large bodies in pieces, several commands ahead (RFC 9051 §6.4.5).

use std::collections::VecDeque;

use ::imap::client::{Condition, Data, Fetched, Item, Line, Octets, Part, Ranges, Response};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use types::Uid;

use super::client::{Client, refused};
use super::exchange::Heard;
use crate::Said;
use crate::error::{Cause, Error, Step};

/// Ranges of one command: a line of 8000 octets, which RFC 7162 §4 asks servers to take.
pub(super) const RANGES: usize = 350;

/// So many commands are said ahead. What they may come to waits in the network, not in memory.
const AHEAD: usize = 4;

/// What comes next.
#[derive(Debug)]
pub enum Got {
    /// A large body begins; its octets follow in [`Fetch::piece`], and the message it belongs to when it has ended.
    Body(Body),
    /// A message, with all that was asked for and the server has. Bodies that were streamed are [`Octets::Streamed`] in it.
    Message(Box<Fetched>),
    /// The server has refused one of the commands that were said; messages are missing.
    Refused(Said),
}

/// A body that is about to come.
#[derive(Debug)]
pub struct Body {
    /// The uid of its message, where the server has said it before the body.
    pub uid: Option<Uid>,
    /// Which part of the message, with an origin where octets from there on were asked for.
    pub part: Part,
    /// Its size in octets.
    pub size: u64,
    /// What the server has said of the message so far.
    pub so_far: Box<Fetched>,
}

/// Messages that were asked for. If it is dropped before its end, the next command waits until the rest has come.
pub struct Fetch<'a> {
    client: &'a mut Client,
    items: Vec<Item>,
    changed_since: Option<u64>,
    waiting: VecDeque<Ranges>,
    asked: VecDeque<String>,
}

impl Client {
    /// Asks for items of messages of the mailbox that is open.
    pub fn fetch(&mut self, uids: &Ranges, items: &[Item]) -> Fetch<'_> {
        self.fetch_changed(uids, items, None)
    }

    /// The same, only of messages that have changed since a mod-sequence (RFC 7162 §3.1.4.1), where the server has CONDSTORE: otherwise of all.
    pub fn fetch_changed(&mut self, uids: &Ranges, items: &[Item], since: Option<u64>) -> Fetch<'_> {
        let changed_since = since.filter(|_| self.has("CONDSTORE") || self.has("QRESYNC"));
        let waiting = chunks(uids).collect();
        Fetch {
            client: self,
            items: items.to_vec(),
            changed_since,
            waiting,
            asked: VecDeque::new(),
        }
    }

    /// Octets of a part from an origin on, at most so many: fewer say that it has ended.
    ///
    /// # Errors
    /// When there is no such message, or the server refuses, or is gone.
    pub async fn fetch_octets(&mut self, uid: Uid, item: Item) -> Result<Bytes, Error> {
        let most = match &item {
            Item::Body(_, Some(partial)) | Item::Binary(_, Some(partial)) => {
                usize::try_from(partial.length).unwrap_or(usize::MAX)
            }
            _ => usize::MAX,
        };
        let mut fetch = self.fetch(&[uid].into_iter().collect(), &[item]);
        let mut found = None;
        while let Some(message) = fetch.whole(most).await? {
            found = found.or(message.parts.into_iter().next());
        }
        match found.map(|part| part.octets) {
            Some(Octets::Kept(octets)) => Ok(octets),
            _ => Err(self.error(
                &format!("FETCH {uid}"),
                Cause::Garbled("no octets in the answer".into()),
            )),
        }
    }
}

impl Fetch<'_> {
    /// The next thing, or nothing after the last. What was left of a body is skipped.
    ///
    /// # Errors
    /// When the server is gone, or does not keep to the protocol.
    pub async fn next(&mut self) -> Result<Option<Got>, Error> {
        let heard = self.next_heard().await;
        heard.map_err(|cause| self.error(cause))
    }

    async fn next_heard(&mut self) -> Result<Option<Got>, Cause> {
        loop {
            self.ask().await?;
            if self.asked.is_empty() {
                return Ok(None);
            }
            match self.client.hear(self.client.patience()).await? {
                Heard::Octets(_) => {}
                Heard::Body(so_far, size) => return Ok(Some(Got::Body(body(so_far, size)?))),
                Heard::Response(Response::Data(Data::Fetch(fetched))) if self.is_answer(&fetched) => {
                    return Ok(Some(Got::Message(fetched)));
                }
                Heard::Response(Response::Done { tag, status }) if self.is_asked(&tag) => {
                    self.asked.retain(|asked| asked.as_bytes() != tag);
                    self.client.open = self.client.open.saturating_sub(1);
                    if status.condition != Condition::Ok {
                        return Ok(Some(Got::Refused(said(refused(status))?)));
                    }
                }
                Heard::Response(other) => self.client.pass(other)?,
            }
        }
    }

    /// The next octets of the body that has begun, or nothing after its end.
    ///
    /// # Errors
    /// When the server is gone in the middle.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        if self.client.framer.body_left() == 0 {
            return Ok(None);
        }
        match self.client.hear(self.client.patience()).await {
            Ok(Heard::Octets(octets)) => Ok(Some(octets)),
            Ok(_) => unreachable!("in a body the framer gives octets"),
            Err(cause) => Err(self.error(cause)),
        }
    }

    /// Writes the body that has begun, to its end: how many octets.
    ///
    /// # Errors
    /// When the server is gone in the middle, or what is written to fails.
    pub async fn copy_to(&mut self, target: &mut (impl AsyncWrite + Unpin)) -> Result<u64, Error> {
        let mut copied = 0;
        while let Some(piece) = self.piece().await? {
            let written = target.write_all(&piece).await;
            written
                .map_err(|error| Error::new(Step::Writing("the message".into()), None, Cause::File(error)))?;
            copied += piece.len() as u64;
        }
        Ok(copied)
    }

    /// The next message with its bodies in memory, where each has not more than `most` octets.
    ///
    /// # Errors
    /// When a command was refused, a body is larger, or the server is gone.
    pub async fn whole(&mut self, most: usize) -> Result<Option<Box<Fetched>>, Error> {
        let mut bodies = VecDeque::new();
        loop {
            match self.next().await? {
                None => return Ok(None),
                Some(Got::Refused(said)) => return Err(self.error(Cause::Refused(said))),
                Some(Got::Body(body)) => {
                    if body.size > most as u64 {
                        return Err(self.error(Cause::TooLong(most)));
                    }
                    let mut octets = BytesMut::new();
                    while let Some(piece) = self.piece().await? {
                        octets.extend_from_slice(&piece);
                    }
                    bodies.push_back(octets.freeze());
                }
                Some(Got::Message(mut fetched)) => {
                    let streamed = fetched
                        .parts
                        .iter_mut()
                        .filter(|part| part.octets == Octets::Streamed);
                    for (part, octets) in streamed.zip(bodies.drain(..)) {
                        part.octets = Octets::Kept(octets);
                    }
                    return Ok(Some(fetched));
                }
            }
        }
    }

    /// Says commands ahead.
    async fn ask(&mut self) -> Result<(), Cause> {
        while self.asked.len() < AHEAD {
            let Some(uids) = self.waiting.pop_front() else {
                return Ok(());
            };
            let tag = self.client.tag();
            let line = Line::fetch(&tag, &(&uids).into(), &self.items, self.changed_since);
            self.client.say(line).await?;
            self.asked.push_back(tag);
        }
        Ok(())
    }

    /// Whether it is what was asked for, and not the news that another has changed a message's flags.
    fn is_answer(&self, fetched: &Fetched) -> bool {
        let octets = self
            .items
            .iter()
            .any(|item| matches!(item, Item::Body(..) | Item::Binary(..)));
        fetched.uid.is_some() && (!octets || !fetched.parts.is_empty())
    }

    fn is_asked(&self, tag: &[u8]) -> bool {
        self.asked.iter().any(|asked| asked.as_bytes() == tag)
    }

    fn error(&self, cause: Cause) -> Error {
        self.client.error("FETCH", cause)
    }
}

/// A body that begins is the last that its response names so far.
fn body(mut so_far: Box<Fetched>, size: u64) -> Result<Body, Cause> {
    let part = so_far.parts.pop();
    let part = part.ok_or_else(|| Cause::Garbled("a literal that belongs to no part".into()))?;
    Ok(Body {
        uid: so_far.uid,
        part,
        size,
        so_far,
    })
}

fn said(cause: Cause) -> Result<Said, Cause> {
    match cause {
        Cause::Refused(said) => Ok(said),
        other => Err(other),
    }
}

/// Ranges in groups that fit into a command.
pub(super) fn chunks(uids: &Ranges) -> impl Iterator<Item = Ranges> {
    uids.0.chunks(RANGES).map(|ranges| Ranges(ranges.to_vec()))
}
