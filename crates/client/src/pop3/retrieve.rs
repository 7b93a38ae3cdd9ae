//! Messages on their way in: many asked for at once, each handed over in pieces (RFC 1939 §5, RFC 2449 §6.6).

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};
use wire::{DotProgress, DotReader};

use super::client::Client;
use crate::error::{Cause, Error, Said, Step};

/// So many messages are asked for ahead. What they may come to waits in the network, not in memory.
const AHEAD: usize = 64;

/// A piece of a message is handed over when it has so many octets.
const PIECE: usize = 64 << 10;

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// A message begins; its octets follow in [`Retrieval::piece`].
    Message(u32),
    /// The server does not give this one.
    Refused(u32, Said),
}

/// Messages that were asked for. Dropping it before its end leaves the connection in the middle of a message: it is of no use then.
pub struct Retrieval<'a> {
    client: &'a mut Client,
    /// How many lines of the body, where not all.
    lines: Option<u32>,
    waiting: std::vec::IntoIter<u32>,
    asked: VecDeque<u32>,
    current: Option<Current>,
}

struct Current {
    number: u32,
    dots: DotReader,
    is_whole: bool,
}

impl Client {
    /// Asks for whole messages.
    pub fn retrieve(&mut self, numbers: impl Into<Vec<u32>>) -> Retrieval<'_> {
        self.ask_for(numbers.into(), None)
    }

    /// One whole message, where it has no more octets than `most`.
    ///
    /// # Errors
    /// When there is no such message, it is larger, or the server is gone.
    pub async fn message(&mut self, number: u32, most: usize) -> Result<Vec<u8>, Error> {
        let mut retrieval = self.retrieve([number]);
        match retrieval.next().await? {
            Some(Got::Message(_)) => retrieval.whole(most).await,
            Some(Got::Refused(_, said)) => Err(retrieval.error(number, Cause::Refused(said))),
            None => unreachable!("one message was asked for"),
        }
    }

    /// Asks for the header and the first lines of the body (RFC 1939 §7, TOP).
    pub fn top(&mut self, numbers: impl Into<Vec<u32>>, lines: u32) -> Retrieval<'_> {
        self.ask_for(numbers.into(), Some(lines))
    }

    fn ask_for(&mut self, numbers: Vec<u32>, lines: Option<u32>) -> Retrieval<'_> {
        Retrieval {
            client: self,
            lines,
            waiting: numbers.into_iter(),
            asked: VecDeque::new(),
            current: None,
        }
    }
}

impl Retrieval<'_> {
    /// The next message, or nothing after the last. What was left of the one before is skipped.
    ///
    /// # Errors
    /// When the server is gone, or does not keep to the protocol.
    pub async fn next(&mut self) -> Result<Option<Got>, Error> {
        while self.piece().await?.is_some() {}
        self.current = None;
        self.ask();
        let Some(number) = self.asked.pop_front() else {
            return Ok(None);
        };
        match self.client.ok().await {
            Ok(_) => {
                self.current = Some(Current {
                    number,
                    dots: DotReader::new(usize::MAX),
                    is_whole: false,
                });
                Ok(Some(Got::Message(number)))
            }
            Err(Cause::Refused(said)) => Ok(Some(Got::Refused(number, said))),
            Err(cause) => Err(self.error(number, cause)),
        }
    }

    /// The next octets of the message, or nothing after its end. Doubled dots are taken away.
    ///
    /// # Errors
    /// When the server is gone in the middle.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(current) = &mut self.current else {
            return Ok(None);
        };
        let mut piece = BytesMut::new();
        while !current.is_whole && piece.len() < PIECE {
            let input = self.client.channel.input();
            let taken = match current.dots.read(input, &mut piece) {
                DotProgress::More => input.len(),
                DotProgress::Done { taken } => {
                    current.is_whole = true;
                    taken
                }
            };
            input.advance(taken);
            if current.is_whole || piece.len() >= PIECE {
                break;
            }
            let patience = self.client.patience();
            if let Err(cause) = self.client.channel.fill(patience).await {
                let number = current.number;
                return Err(self.error(number, cause));
            }
        }
        Ok(Some(piece.freeze()).filter(|piece| !piece.is_empty()))
    }

    /// All octets of the message that are left, where they are not more than `most`.
    ///
    /// # Errors
    /// When the server is gone in the middle, or there is more.
    pub async fn whole(&mut self, most: usize) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::new();
        let number = self.current.as_ref().map_or(0, |current| current.number);
        while let Some(piece) = self.piece().await? {
            if whole.len() + piece.len() > most {
                return Err(self.error(number, Cause::TooLong(most)));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    /// Asks ahead as far as the server allows.
    fn ask(&mut self) {
        let ahead = match self.client.capabilities().has("PIPELINING") {
            true => AHEAD,
            false => 1,
        };
        // Asked for in groups, so that the requests of many messages are one packet.
        if self.asked.len() > ahead / 2 {
            return;
        }
        while self.asked.len() < ahead {
            let Some(number) = self.waiting.next() else {
                return;
            };
            let command = match self.lines {
                None => format!("RETR {number}"),
                Some(lines) => format!("TOP {number} {lines}"),
            };
            self.client.channel.say(&command);
            self.asked.push_back(number);
        }
    }

    fn error(&self, number: u32, cause: Cause) -> Error {
        let command = if self.lines.is_some() { "TOP" } else { "RETR" };
        self.client
            .error(Step::command(format!("{command} {number}")), cause)
    }
}
