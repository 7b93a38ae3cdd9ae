//! From one server into the other: small messages in batches, large ones in pieces, none of them kept whole.

use bytes::Bytes;
use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::mpsc::{Receiver, Sender};
use types::Uid;

use super::messages::Seen;
use super::worker::{Pace, flags, is_lost};
use super::{Failed, Listener, Report, Told};
use crate::error::{Cause, Error};
use crate::imap::{Client, Got, Item, NewMessage, Octets, Opened, Ranges};

/// What is larger goes through in pieces, by itself.
const LARGE: u64 = 1 << 20;

/// Messages of a batch: as many as a client adds in one step.
const BATCH: usize = 50;

/// Octets of a batch.
const BATCH_OCTETS: u64 = 4 << 20;

/// Of a large message so much is on its way.
const ON_ITS_WAY: usize = 256 << 10;

/// What was read.
pub(super) enum Batch {
    /// Whole messages, in the order of their uids.
    Small(Vec<(usize, Bytes)>),
    /// A message whose octets come while it is written, and how many.
    Large(usize, u64, DuplexStream),
    /// A message that the source did not give.
    NotGiven(usize, Error),
}

/// Reads messages. Ends early where nobody listens any more.
pub(super) async fn read(
    client: &mut Client,
    (seen, todo): (&[Seen], &[usize]),
    pace: Pace,
    send: Sender<Batch>,
) -> Result<(), Error> {
    let mut rest = todo;
    while let Some(first) = rest.first().and_then(|at| seen.get(*at)) {
        if first.size > LARGE {
            let (one, after) = rest.split_at(1);
            rest = after;
            for at in one {
                if !read_large(client, (*at, first), &send).await? {
                    return Ok(());
                }
            }
            continue;
        }
        let (batch, after) = rest.split_at(length(seen, rest, pace));
        rest = after;
        for batch in read_small(client, seen, batch).await? {
            if send.send(batch).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// How many of the next messages are one batch.
fn length(seen: &[Seen], rest: &[usize], pace: Pace) -> usize {
    if pace == Pace::Single {
        return 1;
    }
    let mut octets = 0;
    let fits = |at: &&usize| {
        let size = seen.get(**at).map_or(0, |seen| seen.size);
        octets += size;
        size <= LARGE && octets <= BATCH_OCTETS
    };
    rest.iter().take(BATCH).take_while(fits).count().max(1)
}

async fn read_small(client: &mut Client, seen: &[Seen], batch: &[usize]) -> Result<Vec<Batch>, Error> {
    let uid = |at: &usize| seen.get(*at).map(|seen| Uid(seen.uid));
    let uids: Ranges = batch.iter().filter_map(uid).collect();
    let mut found = Vec::new();
    let mut refused = None;
    let mut fetch = client.fetch(&uids, &[Item::message()]);
    // Twice the size that the server has said: some count line ends as one octet.
    let most = usize::try_from(LARGE * 2).unwrap_or(usize::MAX);
    loop {
        let message = match fetch.whole(most).await {
            Ok(Some(message)) => message,
            Ok(None) => break,
            Err(error) if is_lost(&error) => return Err(error),
            Err(error) => {
                refused = Some(error);
                continue;
            }
        };
        let octets = message.parts.into_iter().find_map(|part| match part.octets {
            Octets::Kept(octets) => Some(octets),
            Octets::Streamed | Octets::None => None,
        });
        let at = batch.iter().find(|at| uid(at) == message.uid);
        if let (Some(at), Some(octets)) = (at, octets)
            && !found.iter().any(|(known, _)| known == at)
        {
            found.push((*at, octets));
        }
    }
    drop(fetch);
    found.sort_by_key(|(at, _)| *at);
    let is_found = |at: &usize| found.iter().any(|(known, _)| known == at);
    let missing: Vec<usize> = batch.iter().copied().filter(|at| !is_found(at)).collect();
    let mut batches = vec![Batch::Small(found)];
    for at in missing {
        let why = refused.take().unwrap_or_else(|| not_given(client));
        batches.push(Batch::NotGiven(at, why));
    }
    Ok(batches)
}

/// It was expunged meanwhile, or the server keeps it to itself.
fn not_given(client: &Client) -> Error {
    client.error("FETCH", Cause::Garbled("the message was not given".into()))
}

/// Whether anybody still listens.
async fn read_large(
    client: &mut Client,
    (at, seen): (usize, &Seen),
    send: &Sender<Batch>,
) -> Result<bool, Error> {
    let mut fetch = client.fetch(&[Uid(seen.uid)].into_iter().collect(), &[Item::message()]);
    let (mut given, mut listens, mut refused) = (false, true, None);
    while let Some(got) = fetch.next().await? {
        match got {
            Got::Body(body) if !given => {
                given = true;
                let (mut into, out) = duplex(ON_ITS_WAY);
                listens = send.send(Batch::Large(at, body.size, out)).await.is_ok();
                let mut wanted = listens;
                while let Some(piece) = fetch.piece().await? {
                    // A server that has refused the message does not take the rest of it.
                    wanted = wanted && into.write_all(&piece).await.is_ok();
                }
            }
            Got::Body(_) => {}
            Got::Message(message) => {
                let kept = message.parts.into_iter().find_map(|part| match part.octets {
                    Octets::Kept(octets) => Some(octets),
                    Octets::Streamed | Octets::None => None,
                });
                if let (Some(octets), false) = (kept, given) {
                    given = true;
                    listens = send.send(Batch::Small(vec![(at, octets)])).await.is_ok();
                }
            }
            Got::Refused(said) => refused = Some(said),
        }
    }
    drop(fetch);
    if !given {
        let why = match refused {
            Some(said) => client.error("FETCH", Cause::Refused(said)),
            None => not_given(client),
        };
        listens = send.send(Batch::NotGiven(at, why)).await.is_ok();
    }
    Ok(listens)
}

/// A mailbox that is filled.
pub(super) struct Writing<'w> {
    pub(super) client: &'w mut Client,
    pub(super) seen: &'w [Seen],
    /// What the target says of the mailbox: which flags it keeps.
    pub(super) kept: &'w Opened,
    pub(super) report: &'w mut Report,
    pub(super) listener: &'w Listener,
}

impl Writing<'_> {
    /// Writes what comes, until nothing more does or the connection is lost.
    pub(super) async fn all(&mut self, mut receive: Receiver<Batch>) -> Result<(), Error> {
        while let Some(batch) = receive.recv().await {
            match batch {
                Batch::NotGiven(at, why) => self.failed(at, why),
                Batch::Large(at, size, octets) => self.one(at, size, octets).await?,
                Batch::Small(messages) => self.small(messages).await?,
            }
        }
        Ok(())
    }

    /// All in one step where the server can; where it will not, one by one, so that only those are missing that it does not take.
    async fn small(&mut self, messages: Vec<(usize, Bytes)>) -> Result<(), Error> {
        if messages.len() > 1 && self.client.has("MULTIAPPEND") && !self.is_any_too_big(&messages) {
            let together = messages.iter().map(|(at, octets)| {
                let size = octets.len() as u64;
                (self.new_message(*at, size).0, octets.as_ref())
            });
            let together = together.collect();
            match self.client.append_all(&self.report.to, together).await {
                Ok(_) => {
                    for (at, octets) in messages {
                        self.copied(at, octets.len() as u64);
                    }
                    return Ok(());
                }
                Err(error) if is_lost(&error) => return Err(error),
                Err(_) => {}
            }
        }
        for (at, octets) in messages {
            self.one(at, octets.len() as u64, octets.as_ref()).await?;
        }
        Ok(())
    }

    async fn one(
        &mut self,
        at: usize,
        size: u64,
        octets: impl tokio::io::AsyncRead + Unpin,
    ) -> Result<(), Error> {
        if let Some(limit) = self.limit().filter(|limit| size > *limit) {
            let why = self.client.error("APPEND", Cause::TooBig { size, limit });
            self.failed(at, why);
            return Ok(());
        }
        let (message, _) = self.new_message(at, size);
        match self.client.append(&self.report.to, message, octets).await {
            Ok(_) => self.copied(at, size),
            Err(error) if is_lost(&error) => {
                // It may have been taken: what is at the target after the connection was made again says so. A message that the
                // server closes upon is told as failed in the end, as it is left out from now on.
                if matches!(error.cause(), Cause::Refused(_)) {
                    self.failed(at, error);
                    let closed = self.client.error("APPEND", Cause::Closed);
                    return Err(closed);
                }
                return Err(error);
            }
            Err(error) => self.failed(at, error),
        }
        Ok(())
    }

    /// What the server takes at most (RFC 7889 §2).
    fn limit(&self) -> Option<u64> {
        let mut words = self.client.capabilities();
        words.find_map(|word| word.strip_prefix("APPENDLIMIT=")?.parse().ok())
    }

    fn is_any_too_big(&self, messages: &[(usize, Bytes)]) -> bool {
        let limit = self.limit().unwrap_or(u64::MAX);
        messages.iter().any(|(_, octets)| octets.len() as u64 > limit)
    }

    /// How a message is announced, and the flags that are lost.
    fn new_message(&self, at: usize, size: u64) -> (NewMessage, Vec<String>) {
        let mut message = NewMessage::new(size);
        let Some(seen) = self.seen.get(at) else {
            return (message, Vec::new());
        };
        let (kept, lost) = flags(&seen.flags, self.kept);
        message.flags = kept;
        message.received = seen.received;
        (message, lost)
    }

    fn copied(&mut self, at: usize, size: u64) {
        let (_, lost) = self.new_message(at, size);
        self.report.lost_flags.extend(lost);
        self.report.copied += 1;
        self.report.octets += size;
        (self.listener)(Told::Copied(size));
    }

    fn failed(&mut self, at: usize, why: Error) {
        let Some(seen) = self.seen.get(at) else { return };
        self.report.failed.push(Failed {
            uid: seen.uid,
            size: seen.size,
            subject: seen.subject(),
            why,
        });
    }
}
