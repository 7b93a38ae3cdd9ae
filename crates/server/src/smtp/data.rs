//! DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030): the octets of a message.
//!
//! Every octet that a client announced or sends is read, whatever the answer will be, so that none of them is taken
//! for a command. What is over a limit is read and not kept.

use std::time::Duration;

use bytes::BytesMut;
use smtp::command::{Bdat, In, Last};
use smtp::state::{Chunks, Session};
use smtp::{Refusal, reply};
use tokio::time::Instant;
use wire::{DotProgress, DotReader, LineEnds};

use super::connection::{Connection, Failed};
use super::intake::Hold;
use super::pace::Pace;
use super::policy::Port;
use crate::lines::Gone;

/// So many times the limit is thrown away before a client that does not stop is left.
const PATIENCE: usize = 4;

/// A message in the making.
#[derive(Debug)]
pub(super) struct Incoming {
    /// What we wrote above it, and what came.
    pub(super) octets: BytesMut,
    /// How much of it is ours.
    pub(super) prefix: usize,
    /// Our name for it.
    pub(super) id: String,
    /// The memory it takes.
    pub(super) hold: Hold,
    /// How fast the rest must come.
    pub(super) pace: Pace,
}

/// A message that has come, and what was seen of its lines.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) incoming: Incoming,
    /// Where it was looked at as it came.
    pub(super) found: Option<LineEnds>,
}

impl Connection {
    /// DATA. It prints its replies itself, since LMTP has one for every recipient.
    pub(super) async fn data(&mut self) -> Result<(), Failed> {
        self.print(&reply::start_data());
        let limit = self.message_limit();
        let mut kept = self.begin_message();
        let mut reader = DotReader::new(limit);
        let mut pace = Pace::begin(Instant::now());
        loop {
            let so_far = kept.as_ref().map_or(0, Incoming::size);
            let input = self.lines.data(pace.deadline(), so_far).await?;
            let progress = match &mut kept {
                Ok(incoming) => reader.read(input, &mut incoming.octets),
                Err(_) => reader.read(input, &mut BytesMut::new()),
            };
            let taken = match progress {
                DotProgress::Done { taken } => taken,
                DotProgress::More => input.len(),
            };
            self.lines.used(taken);
            pace.came(taken, Instant::now());
            kept = kept.and_then(|incoming| incoming.check(limit, reader.size()));
            if progress != DotProgress::More {
                break;
            }
            if reader.size() / PATIENCE > limit {
                return Err(Gone::TooMuch.into());
            }
        }
        let found = Some(reader.found());
        self.finish(kept.map(|incoming| Arrived { incoming, found }))
            .await;
        Ok(())
    }

    /// BDAT. It checks for itself whether it may stand here, after its octets are read.
    pub(super) async fn bdat(&mut self, bdat: Bdat) -> Result<(), Failed> {
        let limit = self.message_limit();
        let octets = usize::try_from(bdat.octets).unwrap_or(usize::MAX);
        if octets / PATIENCE > limit {
            return Err(Gone::TooMuch.into());
        }
        let chunk = self.chunk(octets, limit).await;
        match (chunk, bdat.last) {
            (Err(Failed::Refused(refusal)), last) => {
                let recipients = self.transaction().map_or(0, |known| known.recipients.len());
                self.fail_chunks(last);
                if self.policy.port == Port::Lmtp && last == Last::Yes {
                    // RFC 2033 §4.3: a reply for each recipient, which may be none.
                    (0..recipients).for_each(|_| self.print(&refusal.reply()));
                    return Ok(());
                }
                Err(refusal.into())
            }
            (Err(gone), _) => Err(gone),
            (Ok(incoming), Last::No) => {
                self.print(&reply::chunk(bdat.octets));
                if let Some((transaction, _)) = self.state.reset() {
                    self.state = Session::Chunks(transaction, Chunks::Good(incoming));
                }
                Ok(())
            }
            (Ok(incoming), Last::Yes) => {
                let arrived = Arrived {
                    incoming,
                    found: None,
                };
                self.finish(Ok(arrived)).await;
                Ok(())
            }
        }
    }

    /// Reads a chunk to the message so far, or throws it away and says why.
    async fn chunk(&mut self, octets: usize, limit: usize) -> Result<Incoming, Failed> {
        let begun = self
            .state
            .check(In::Chunks)
            .and_then(|()| self.continue_message());
        // What is announced takes no memory: only what has come does.
        let mut kept = begun.and_then(|incoming| match incoming.size().saturating_add(octets) > limit {
            true => Err(Refusal::TooBig),
            false => Ok(incoming),
        });
        let mut pace = kept
            .as_ref()
            .map_or_else(|_| Pace::begin(Instant::now()), |incoming| incoming.pace);
        let mut left = octets;
        while left > 0 {
            let so_far = kept.as_ref().map_or(0, Incoming::size);
            let input = self.lines.data(pace.deadline(), so_far).await?;
            let taken = input.len().min(left);
            let came = input.get(..taken).unwrap_or_default();
            kept = kept.and_then(|mut incoming| {
                incoming.octets.extend_from_slice(came);
                let size = incoming.size();
                incoming.check(limit, size)
            });
            self.lines.used(taken);
            pace.came(taken, Instant::now());
            left -= taken;
        }
        let mut incoming = kept?;
        incoming.pace = pace;
        Ok(incoming)
    }

    /// How long the client may take for its next line: between chunks its message goes on.
    pub(super) fn patience(&self) -> Duration {
        match &self.state {
            Session::Chunks(_, Chunks::Good(incoming)) => self
                .site
                .terms
                .times
                .smtp
                .min(incoming.pace.deadline().duration_since(Instant::now())),
            _ => self.site.terms.times.smtp,
        }
    }

    /// The message that earlier chunks began, or a new one.
    fn continue_message(&mut self) -> Result<Incoming, Refusal> {
        let Session::Chunks(_, chunks) = &mut self.state else {
            return self.begin_message();
        };
        match std::mem::replace(chunks, Chunks::Failed) {
            Chunks::Good(incoming) => Ok(incoming),
            Chunks::Failed => Err(Refusal::ChunksFailed),
        }
    }

    /// RFC 3030 §2: after a chunk that failed, the transaction is over; what else was on its way is refused. A chunk that
    /// came before any recipient has begun nothing: the transaction stands as it was.
    fn fail_chunks(&mut self, last: Last) {
        if self
            .transaction()
            .is_none_or(|transaction| transaction.recipients.is_empty())
        {
            return;
        }
        if let Some((transaction, _)) = self.state.reset()
            && last == Last::No
        {
            self.state = Session::Chunks(transaction, Chunks::Failed);
        }
    }

    fn message_limit(&self) -> usize {
        usize::try_from(self.site.message_limit).unwrap_or(usize::MAX)
    }
}

impl Incoming {
    /// What came.
    pub(super) fn theirs(&self) -> &[u8] {
        self.octets.get(self.prefix..).unwrap_or_default()
    }

    /// Octets that came.
    fn size(&self) -> usize {
        self.octets.len().saturating_sub(self.prefix)
    }

    /// Whether the message may have so many octets.
    fn check(mut self, limit: usize, size: usize) -> Result<Self, Refusal> {
        match (size > limit, self.hold.grow(size)) {
            (true, _) => Err(Refusal::TooBig),
            (false, false) => Err(Refusal::Busy),
            (false, true) => Ok(self),
        }
    }
}
