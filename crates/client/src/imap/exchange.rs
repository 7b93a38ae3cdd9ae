//! One command after the other: it is said, literals wait where they must, and what comes is heard until the command has ended.

use std::time::Duration;

use ::imap::client::{Condition, Data, Fetched, Line, Piece, Response, Segment, Status, parse};
use ::imap::framing::Frame;
use bytes::Bytes;

use super::client::{Client, refused};
use crate::Direction;
use crate::channel::Deadline;
use crate::error::{Cause, Error};

/// Responses to one command that are none of what was asked for: a server that sends more has no end.
const MAX_CHATTER: usize = 5_000_000;

/// Of a response, so much is logged: it may be the listing of a million messages.
const LOGGED: usize = 2000;

/// What has been heard.
pub(super) enum Heard {
    /// A whole response.
    Response(Response),
    /// A large body begins.
    Body(Box<Fetched>, u64),
    /// Octets of it.
    Octets(Bytes),
}

impl Client {
    /// Hears the next thing. A BYE that nobody asked for is a refusal in the server's words.
    pub(super) async fn hear(&mut self, patience: Duration) -> Result<Heard, Cause> {
        let mut deadline = Deadline::after(patience);
        loop {
            match self.framer.next(self.channel.input()) {
                Piece::Incomplete => self.channel.fill_until(&mut deadline).await?,
                Piece::TooLong(limit) => return Err(Cause::TooLong(limit)),
                Piece::Octets(octets) => return Ok(Heard::Octets(octets)),
                Piece::Body { so_far, size } => {
                    self.log(&so_far);
                    return match parse(&so_far, self.mode) {
                        Ok(Response::Data(Data::Fetch(fetched))) => Ok(Heard::Body(fetched, size)),
                        _ => Err(Cause::garbled(&so_far.text)),
                    };
                }
                // Some servers end a literal with one line end too many.
                Piece::Response(frame) if frame.text.trim_ascii().is_empty() => {}
                Piece::Response(frame) => {
                    self.log(&frame);
                    let response = parse(&frame, self.mode).map_err(|_| Cause::garbled(&frame.text))?;
                    return Ok(Heard::Response(response));
                }
            }
        }
    }

    fn log(&self, frame: &Frame) {
        if self.channel.server().log.is_some() {
            let text = frame.text.get(..LOGGED).unwrap_or(&frame.text);
            self.channel.tell(Direction::Received, text);
        }
    }

    /// Hears the next whole response. Bodies that nobody asked for are let go.
    pub(super) async fn response(&mut self) -> Result<Response, Cause> {
        loop {
            if let Heard::Response(response) = self.hear(self.patience()).await? {
                return Ok(response);
            }
        }
    }

    /// Says a command without waiting for its end.
    pub(super) async fn say(&mut self, line: Line) -> Result<(), Cause> {
        self.leave_idle();
        let segments = line.end(self.literals);
        self.open += 1;
        let last = segments.len().saturating_sub(1);
        for (n, Segment(octets)) in segments.into_iter().enumerate() {
            let text = octets.strip_suffix(b"\r\n").unwrap_or(&octets);
            self.channel.say_secretly(text, &shown(text));
            if n < last {
                self.wait_for_go_ahead().await?;
            }
        }
        Ok(())
    }

    /// A command that waits in IDLE is told that there is another.
    pub(super) fn leave_idle(&mut self) {
        if self.idling {
            self.channel.say("DONE");
            self.idling = false;
        }
    }

    /// `+`, or the refusal that comes instead of it.
    pub(super) async fn wait_for_go_ahead(&mut self) -> Result<(), Cause> {
        for _ in 0..MAX_CHATTER {
            match self.response().await? {
                Response::Continue(_) => return Ok(()),
                Response::Done { tag, status } if self.is_last(&tag) => {
                    self.open = 0;
                    return Err(refused(status));
                }
                other => self.pass(other)?,
            }
        }
        Err(Cause::TooLong(MAX_CHATTER))
    }

    pub(super) fn is_last(&self, tag: &[u8]) -> bool {
        tag == format!("p{}", self.commands).as_bytes()
    }

    /// What is none of this command's.
    pub(super) fn pass(&mut self, response: Response) -> Result<(), Cause> {
        match response {
            Response::Status(status) if status.condition == Condition::Bye => Err(refused(status)),
            // RFC 9051 §7.1.3: an untagged BAD is about a line that the server could not make sense of, which may be ours.
            Response::Done { tag, status } if !self.was_said(&tag) => Err(Cause::Garbled(
                format!("{} {}", String::from_utf8_lossy(&tag), status.text).into(),
            )),
            Response::Done { .. } => {
                self.open = self.open.saturating_sub(1);
                Ok(())
            }
            other => {
                self.take_in(other);
                Ok(())
            }
        }
    }

    /// Whether a tag is one of a command that was said and may not have ended.
    fn was_said(&self, tag: &[u8]) -> bool {
        let number = tag
            .strip_prefix(b"p")
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let number = number.and_then(|digits| digits.parse::<u64>().ok());
        number.is_some_and(|number| number <= self.commands && number + self.open > self.commands)
    }

    /// Says a command and hears until it has ended. `take` is given each response, and gives back what is none of its business.
    pub(super) async fn run(
        &mut self,
        line: Line,
        take: impl FnMut(Response) -> Option<Response>,
    ) -> Result<Status, Cause> {
        self.say(line).await?;
        self.until_done(take).await
    }

    /// Hears until the command that was said last has ended.
    pub(super) async fn until_done(
        &mut self,
        mut take: impl FnMut(Response) -> Option<Response>,
    ) -> Result<Status, Cause> {
        let mut chatter = 0;
        loop {
            let response = self.response().await?;
            if let Response::Done { tag, status } = &response
                && self.is_last(tag)
            {
                self.open = 0;
                let status = status.clone();
                if status.condition != Condition::Ok {
                    return Err(refused(status));
                }
                self.take_in(response);
                return Ok(status);
            }
            if let Some(other) = take(response) {
                chatter += 1;
                self.pass(other)?;
            }
            if chatter > MAX_CHATTER {
                return Err(Cause::TooLong(MAX_CHATTER));
            }
        }
    }

    /// [`Client::run`] for callers of this crate: the failure knows its step.
    pub(super) async fn command(
        &mut self,
        step: &str,
        line: Line,
        take: impl FnMut(Response) -> Option<Response>,
    ) -> Result<Status, Error> {
        let done = self.run(line, take).await;
        done.map_err(|cause| self.error(step, cause))
    }
}

/// What of a command is logged: without what was typed into a login.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let text: String = text.chars().take(LOGGED).collect();
    let mut words = text.splitn(3, ' ');
    match (words.next(), words.next()) {
        (Some(tag), Some("LOGIN")) => format!("{tag} LOGIN …"),
        _ => text,
    }
}
