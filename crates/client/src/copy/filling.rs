//! A mailbox that is filled with messages that come from elsewhere than a server: from files.
//!
//! **Invariant**: after a connection was lost, the mailbox is looked at anew before anything is added again: a message that was taken and never
//! answered is there once more than was known, and is not added twice. A server that says other sizes than messages have is not believed: what
//! has the same fields is compared octet for octet.

use std::collections::{HashMap, VecDeque};

use types::Timestamp;

use super::messages::{Key, STEP, Seen, fields_of, hash, hashes, key, look};
use super::worker::{create, flags, is_lost};
use super::{Folder, Verify};
use crate::Server;
use crate::error::{Cause, Error};
use crate::imap::{Client, NewMessage, Opened, ServerFlag};

/// A message is given up when the connection is lost so often over it.
const ATTEMPTS: u32 = 3;

/// Messages of a batch, as many as a client adds in one step.
const BATCH: usize = 50;

/// Octets of a batch.
const BATCH_OCTETS: usize = 4 << 20;

/// Messages of a sample.
const SAMPLE: usize = 10;

/// A message that comes.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Where it comes from, for people.
    pub place: String,
    /// Its octets, with CRLF at the ends of lines.
    pub octets: Vec<u8>,
    /// When it was received, in seconds since 1970.
    pub received: Option<i64>,
    /// Its flags, as IMAP writes them.
    pub flags: Vec<String>,
}

/// A message that the server did not take.
#[derive(Debug)]
pub struct Refused {
    /// Where it comes from.
    pub place: String,
    /// Its octets.
    pub size: u64,
    /// Its subject.
    pub subject: String,
    /// Why.
    pub why: Error,
}

/// What has become of messages.
#[derive(Debug, Default)]
pub struct Put {
    /// Messages that came.
    pub messages: u64,
    /// Messages that were added.
    pub copied: u64,
    /// Their octets.
    pub octets: u64,
    /// Messages that were there already.
    pub known: u64,
    /// Flags that the server does not keep.
    pub lost_flags: std::collections::BTreeSet<String>,
    /// What was not taken.
    pub refused: Vec<Refused>,
}

/// What a look at the mailbox afterwards has found.
#[derive(Debug, Default)]
pub struct Compared {
    /// Messages that were read back.
    pub checked: u64,
    /// Where those come from that are not the same.
    pub altered: Vec<String>,
    /// Where those come from that are not there.
    pub missing: Vec<String>,
}

/// How messages that wait are added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// In one command (RFC 3502).
    Together,
    OneByOne,
}

/// A message that should be there.
struct Given {
    place: String,
    key: Key,
    fields: Key,
    hash: [u8; 32],
}

/// A mailbox that is filled.
pub struct Filling {
    server: Server,
    client: Client,
    folder: Folder,
    opened: Opened,
    /// How often messages with these fields are there, as far as is known.
    there: HashMap<Key, u64>,
    /// Those that were there and have not been matched with one that came, by their fields.
    unmatched: HashMap<Key, Vec<Seen>>,
    /// With their fields.
    waiting: Vec<(Key, Letter)>,
    octets: usize,
    given: Vec<Given>,
    put: Put,
}

impl Filling {
    /// Opens a mailbox, which is created where it is missing.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn begin(server: &Server, folder: &Folder) -> Result<Self, Error> {
        let mut client = Client::connect(server).await?;
        let opened = open(&mut client, folder).await?;
        let seen = look(&mut client, opened.exists).await?;
        let there = count(&seen);
        let mut unmatched: HashMap<Key, Vec<Seen>> = HashMap::new();
        for seen in seen {
            unmatched.entry(seen.fields).or_default().push(seen);
        }
        Ok(Filling {
            server: server.clone(),
            client,
            folder: folder.clone(),
            opened,
            unmatched,
            there,
            waiting: Vec::new(),
            octets: 0,
            given: Vec::new(),
            put: Put::default(),
        })
    }

    /// Adds a message, if it is not there; it may wait until there are some together.
    ///
    /// # Errors
    /// When the server cannot be reached any more.
    pub async fn put(&mut self, letter: Letter) -> Result<(), Error> {
        let fields = fields_of(&letter.octets);
        let given = Given {
            place: letter.place.clone(),
            key: key(&fields, Some(letter.octets.len() as u64)),
            fields: key(&fields, None),
            hash: hash(&letter.octets),
        };
        let fields = given.fields;
        self.put.messages += 1;
        let is_known = self.is_known(&given).await?;
        self.given.push(given);
        if is_known {
            self.put.known += 1;
            return Ok(());
        }
        let is_full = self.octets + letter.octets.len() > BATCH_OCTETS || self.waiting.len() == BATCH;
        if is_full {
            self.flush().await?;
        }
        self.octets += letter.octets.len();
        self.waiting.push((fields, letter));
        Ok(())
    }

    /// Whether a message was there before; each one is for one that comes.
    async fn is_known(&mut self, given: &Given) -> Result<bool, Error> {
        let mut attempts = 0;
        loop {
            let Some(same) = self
                .unmatched
                .get_mut(&given.fields)
                .filter(|same| !same.is_empty())
            else {
                return Ok(false);
            };
            if let Some(at) = same.iter().position(|seen| seen.key == given.key) {
                same.remove(at);
                return Ok(true);
            }
            let uids: Vec<u32> = same.iter().map(|seen| seen.uid).collect();
            match hashes(&mut self.client, &uids).await {
                Ok(found) => {
                    let is_same = |seen: &Seen| found.get(&seen.uid) == Some(&given.hash);
                    let at = same.iter().position(is_same);
                    at.map(|at| same.remove(at));
                    return Ok(at.is_some());
                }
                Err(error) if is_lost(&error) && attempts < ATTEMPTS => {
                    attempts += 1;
                    self.again().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds what waits; a lost connection is made again.
    async fn flush(&mut self) -> Result<(), Error> {
        let mut attempts = 0;
        let mut how = match self.client.has("MULTIAPPEND") {
            true => How::Together,
            false => How::OneByOne,
        };
        self.octets = 0;
        while !self.waiting.is_empty() {
            let before = self.waiting.len();
            let Err(error) = self.attempt(how).await else {
                continue;
            };
            if !is_lost(&error) {
                return Err(error);
            }
            attempts = if self.waiting.len() < before {
                1
            } else {
                attempts + 1
            };
            if attempts > ATTEMPTS {
                return Err(error);
            }
            // One at a time, so that it is known which one the server does not bear.
            how = How::OneByOne;
            self.again().await?;
        }
        Ok(())
    }

    async fn attempt(&mut self, how: How) -> Result<(), Error> {
        let limit = self.limit();
        let is_small = |(_, one): &(Key, Letter)| one.octets.len() as u64 <= limit;
        if how == How::Together && self.waiting.len() > 1 && self.waiting.iter().all(is_small) {
            match self.all_together().await {
                Err(error) if !is_lost(&error) => {}
                done => return done,
            }
        }
        while !self.waiting.is_empty() {
            let (key, letter) = self.waiting.remove(0);
            match self.one(&letter, limit).await {
                Ok(()) => self.taken(key, &letter),
                Err(error) if is_lost(&error) && !matches!(error.cause(), Cause::Refused(_)) => {
                    self.waiting.insert(0, (key, letter));
                    return Err(error);
                }
                // A message that the server closes upon is told as refused, as others may still go.
                Err(why) => {
                    let closed = is_lost(&why).then(|| self.client.error("APPEND", Cause::Closed));
                    self.refused(letter, why);
                    if let Some(closed) = closed {
                        return Err(closed);
                    }
                }
            }
        }
        Ok(())
    }

    /// RFC 3502 §6.3.11: all of them, or none.
    async fn all_together(&mut self) -> Result<(), Error> {
        let new = self.waiting.iter();
        let new = new.map(|(_, one)| (self.new_message(one), one.octets.as_slice()));
        let new = new.collect();
        self.client.append_all(&self.folder.to, new).await?;
        for (key, letter) in std::mem::take(&mut self.waiting) {
            self.taken(key, &letter);
        }
        Ok(())
    }

    async fn one(&mut self, letter: &Letter, limit: u64) -> Result<(), Error> {
        let size = letter.octets.len() as u64;
        if size > limit {
            return Err(self.client.error("APPEND", Cause::TooBig { size, limit }));
        }
        let new = self.new_message(letter);
        let added = self.client.append(&self.folder.to, new, letter.octets.as_slice());
        added.await.map(drop)
    }

    /// Connects anew, and finds what was taken without an answer.
    async fn again(&mut self) -> Result<(), Error> {
        self.client = Client::connect(&self.server).await?;
        self.opened = open(&mut self.client, &self.folder).await?;
        let now = count(&look(&mut self.client, self.opened.exists).await?);
        for (key, letter) in std::mem::take(&mut self.waiting) {
            let known = self.there.get(&key).copied().unwrap_or_default();
            match now.get(&key).is_some_and(|now| *now > known) {
                true => self.taken(key, &letter),
                false => self.waiting.push((key, letter)),
            }
        }
        Ok(())
    }

    /// Ends the mailbox, and looks whether all is there and the same, octet for octet.
    ///
    /// # Errors
    /// When the server cannot be reached any more.
    pub async fn finish(mut self, verify: Verify) -> Result<(Put, Compared), Error> {
        self.flush().await?;
        let mut attempts = 0;
        let compared = loop {
            match self.compare(verify).await {
                Err(error) if is_lost(&error) && attempts < ATTEMPTS => {
                    attempts += 1;
                    self.again().await?;
                }
                done => break done?,
            }
        };
        // Nothing is lost by how a server says goodbye.
        let _ = self.client.logout().await;
        Ok((self.put, compared))
    }

    async fn compare(&mut self, verify: Verify) -> Result<Compared, Error> {
        let opened = self.client.select(&self.folder.to).await?;
        let there = look(&mut self.client, opened.exists).await?;
        let (pairs, others, mut free) = paired(&self.given, &there);
        let mut compared = Compared::default();
        let mut unlike = Vec::new();
        for given in others {
            let same = free.entry(given.fields).or_default();
            let uids: Vec<u32> = same.iter().map(|seen| seen.uid).collect();
            let found = hashes(&mut self.client, &uids).await?;
            match same
                .iter()
                .position(|seen| found.get(&seen.uid) == Some(&given.hash))
            {
                Some(at) => {
                    same.remove(at);
                    compared.checked += 1;
                }
                None => unlike.push(given),
            }
        }
        for given in unlike {
            let was_refused = |refused: &Refused| refused.place == given.place;
            match free.get_mut(&given.fields).and_then(VecDeque::pop_front) {
                Some(_) => {
                    compared.checked += 1;
                    compared.altered.push(given.place.clone());
                }
                None if self.put.refused.iter().any(was_refused) => {}
                None => compared.missing.push(given.place.clone()),
            }
        }
        let (every, most) = match verify {
            Verify::All => (1, usize::MAX),
            Verify::Sample => ((pairs.len() / SAMPLE).max(1), SAMPLE),
        };
        let pairs: Vec<(u32, &Given)> = pairs.into_iter().step_by(every).take(most).collect();
        for some in pairs.chunks(STEP) {
            let uids: Vec<u32> = some.iter().map(|(uid, _)| *uid).collect();
            let found = hashes(&mut self.client, &uids).await?;
            for (uid, given) in some {
                compared.checked += 1;
                if found.get(uid) != Some(&given.hash) {
                    compared.altered.push(given.place.clone());
                }
            }
        }
        Ok(compared)
    }

    /// What the server takes at most (RFC 7889 §2).
    fn limit(&self) -> u64 {
        let mut words = self.client.capabilities();
        let limit = words.find_map(|word| word.strip_prefix("APPENDLIMIT=")?.parse().ok());
        limit.unwrap_or(u64::MAX)
    }

    fn new_message(&self, letter: &Letter) -> NewMessage {
        let mut new = NewMessage::new(letter.octets.len() as u64);
        new.flags = self.flags(letter).0;
        new.received = letter.received.map(Timestamp);
        new
    }

    fn flags(&self, letter: &Letter) -> (Vec<String>, Vec<String>) {
        let wanted: Vec<ServerFlag> = letter.flags.iter().map(|flag| flag.as_bytes().into()).collect();
        flags(&wanted, &self.opened)
    }

    fn taken(&mut self, key: Key, letter: &Letter) {
        let (_, lost) = self.flags(letter);
        self.put.lost_flags.extend(lost);
        *self.there.entry(key).or_default() += 1;
        self.put.copied += 1;
        self.put.octets += letter.octets.len() as u64;
    }

    fn refused(&mut self, letter: Letter, why: Error) {
        self.put.refused.push(Refused {
            size: letter.octets.len() as u64,
            subject: message::Message::parse(&letter.octets).subject(),
            place: letter.place,
            why,
        });
    }
}

/// Messages with those that are the same by fields and size; those that none is for; and what is there beside, by its fields.
type Paired<'g> = (
    Vec<(u32, &'g Given)>,
    Vec<&'g Given>,
    HashMap<Key, VecDeque<&'g Seen>>,
);

fn paired<'g>(all: &'g [Given], there: &'g [Seen]) -> Paired<'g> {
    let mut free: HashMap<Key, VecDeque<&Seen>> = HashMap::new();
    for seen in there {
        free.entry(seen.fields).or_default().push_back(seen);
    }
    let (mut pairs, mut others) = (Vec::new(), Vec::new());
    for given in all {
        let found = free.get_mut(&given.fields).and_then(|same| {
            let at = same.iter().position(|seen| seen.key == given.key)?;
            same.remove(at)
        });
        match found {
            Some(seen) => pairs.push((seen.uid, given)),
            None => others.push(given),
        }
    }
    (pairs, others, free)
}

fn count(seen: &[Seen]) -> HashMap<Key, u64> {
    let mut count = HashMap::new();
    for seen in seen {
        *count.entry(seen.fields).or_default() += 1;
    }
    count
}

async fn open(client: &mut Client, folder: &Folder) -> Result<Opened, Error> {
    let opened = match client.select(&folder.to).await {
        Ok(opened) => opened,
        Err(error) if folder.is_there || is_lost(&error) => return Err(error),
        Err(_) => {
            create(client, folder).await?;
            client.select(&folder.to).await?
        }
    };
    if folder.subscribed {
        client.subscribe(&folder.to).await?;
    }
    Ok(opened)
}
