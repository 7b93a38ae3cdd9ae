//! What is true: the mailboxes of the account as the RFCs say that commands leave them. Vectors and maps; every command is one
//! step.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::command::{Action, Command, DELETED, Flags, Key, SEEN};
use crate::messages::SAMPLES;

/// A copy of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message {
    pub uid: u32,
    pub flags: Flags,
    pub sample: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Mailbox {
    /// See [`id_of`].
    pub id: u32,
    pub name: String,
    pub next_uid: u32,
    pub messages: Vec<Message>,
}

impl Mailbox {
    pub fn find(&self, uid: u32) -> Option<&Message> {
        self.messages.iter().find(|message| message.uid == uid)
    }

    fn push(&mut self, sample: usize, flags: Flags) -> u32 {
        let uid = self.next_uid;
        self.next_uid += 1;
        self.messages.push(Message { uid, flags, sample });
        uid
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct World {
    pub mailboxes: Vec<Rc<Mailbox>>,
    pub subscriptions: Rc<BTreeSet<String>>,
    /// How often a name was created.
    lives: Rc<BTreeMap<String, u32>>,
}

/// What a client has open, as far as its commands depend on it.
#[derive(Clone, Debug)]
pub struct Open {
    pub mailbox: u32,
    pub read_only: bool,
    /// The uids of the messages it was told of, by their positions.
    pub told: Vec<u32>,
    pub recent: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    No,
    /// With the code TRYCREATE.
    TryCreate,
    Bad,
    /// The mailbox is gone: BYE, before which there may be a NO.
    Bye,
}

/// What a command must bring.
#[derive(Clone, Debug)]
pub struct Expected {
    pub status: Status,
    pub brings: Brings,
}

#[derive(Clone, Debug)]
pub enum Brings {
    Nothing,
    /// Answers about these messages.
    Fetched(Vec<u32>),
    /// Found among the messages that the client knew of.
    Found(Vec<u32>, Vec<u32>),
    Counts(Rc<Mailbox>),
    /// Name, whether it is a mailbox, whether it has children.
    Listed(Vec<(String, bool, bool)>),
    Subscribed(Rc<BTreeSet<String>>),
    Appended(u32, Vec<u32>),
    /// Into which mailbox; from, to.
    Copied(u32, Vec<u32>, Vec<u32>),
    Opened(u32),
    Deleted(u32),
}

/// A number for the mailbox that a name had at its creation, the how-manieth one: in whatever order mailboxes are created, it
/// is the same.
fn id_of(name: &str, life: u32) -> u32 {
    let hash = name.bytes().fold(0x811C_9DC5_u32, |hash, octet| {
        (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193)
    });
    hash & !0xff | life & 0xff
}

/// Whether the first was created before the second, under the same name.
pub fn is_former(one: u32, other: u32) -> bool {
    one >> 8 == other >> 8 && one < other
}

fn only(status: Status) -> Expected {
    Expected {
        status,
        brings: Brings::Nothing,
    }
}

fn with(brings: Brings) -> Expected {
    Expected {
        status: Status::Ok,
        brings,
    }
}

fn is_below(name: &str, above: &str) -> bool {
    name.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

fn above(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}

impl World {
    /// What every account begins with.
    pub fn new() -> Self {
        let mut world = World {
            mailboxes: Vec::new(),
            subscriptions: Rc::default(),
            lives: Rc::default(),
        };
        for name in ["INBOX", "Drafts", "Sent", "Archive", "Junk", "Trash"] {
            world.add(name);
            Rc::make_mut(&mut world.subscriptions).insert(name.to_owned());
        }
        world
    }

    pub fn named(&self, name: &str) -> Option<&Rc<Mailbox>> {
        self.mailboxes.iter().find(|mailbox| mailbox.name == name)
    }

    pub fn mailbox(&self, id: u32) -> Option<&Rc<Mailbox>> {
        self.mailboxes.iter().find(|mailbox| mailbox.id == id)
    }

    fn change(&mut self, id: u32) -> &mut Mailbox {
        let mailbox = self.mailboxes.iter_mut().find(|mailbox| mailbox.id == id);
        Rc::make_mut(mailbox.expect("it was looked up"))
    }

    fn add(&mut self, name: &str) -> u32 {
        let life = Rc::make_mut(&mut self.lives).entry(name.to_owned()).or_default();
        *life += 1;
        let mailbox = Mailbox {
            id: id_of(name, *life),
            name: name.to_owned(),
            next_uid: 1,
            messages: Vec::new(),
        };
        let id = mailbox.id;
        let at = self.mailboxes.partition_point(|other| other.id < id);
        self.mailboxes.insert(at, Rc::new(mailbox));
        id
    }

    fn add_above(&mut self, name: &str) {
        for above in above(name) {
            if self.named(above).is_none() {
                self.add(above);
            }
        }
    }

    fn append(&mut self, id: u32, sample: usize, flags: Flags) -> u32 {
        self.change(id).push(sample, flags)
    }

    /// A delivery: the mailbox is created where it is missing. Gives mailbox and uid.
    pub fn deliver(&mut self, name: &str, sample: usize) -> (u32, u32) {
        let id = match self.named(name) {
            Some(mailbox) => mailbox.id,
            None => {
                self.add_above(name);
                self.add(name)
            }
        };
        (id, self.append(id, sample, 0))
    }

    pub fn remove(&mut self, id: u32, uids: &[u32]) {
        self.change(id)
            .messages
            .retain(|message| !uids.contains(&message.uid));
    }

    /// Marks what a client has fetched, as far as it is there and was not seen when it was looked at.
    pub fn mark_seen(&mut self, open: &Open, uids: &[u32], looked: &World) {
        let (Some(before), Some(_)) = (looked.mailbox(open.mailbox), self.mailbox(open.mailbox)) else {
            return;
        };
        let unseen = |uid: u32| before.find(uid).is_some_and(|message| message.flags & SEEN == 0);
        for message in &mut self.change(open.mailbox).messages {
            if !open.read_only && uids.contains(&message.uid) && unseen(message.uid) {
                message.flags |= SEEN;
            }
        }
    }

    fn copy(&mut self, from: u32, uids: &[u32], to: u32) -> Brings {
        let source = Rc::clone(self.mailbox(from).expect("it is open"));
        let rows = source
            .messages
            .iter()
            .filter(|message| uids.contains(&message.uid));
        let new = rows.map(|row| self.append(to, row.sample, row.flags)).collect();
        Brings::Copied(to, uids.to_vec(), new)
    }

    /// Does a command of a client that has `open` open.
    pub fn apply(&mut self, open: Option<&Open>, command: &Command) -> Expected {
        match command {
            Command::Noop | Command::Done | Command::Idle | Command::Logout => only(Status::Ok),
            Command::Select { name, .. } => match self.named(name) {
                Some(mailbox) => with(Brings::Opened(mailbox.id)),
                None => only(Status::No),
            },
            Command::Append(name, messages) => {
                let Some(id) = self.named(name).map(|mailbox| mailbox.id) else {
                    return only(Status::TryCreate);
                };
                let uids = messages
                    .iter()
                    .map(|(sample, flags)| self.append(id, *sample, *flags));
                with(Brings::Appended(id, uids.collect()))
            }
            Command::Status(name) => match self.named(name) {
                Some(mailbox) => with(Brings::Counts(Rc::clone(mailbox))),
                None => only(Status::No),
            },
            Command::List(pattern) => with(Brings::Listed(self.list(pattern))),
            Command::Lsub => with(Brings::Subscribed(self.subscriptions.clone())),
            Command::Subscribe(name) => {
                Rc::make_mut(&mut self.subscriptions).insert(name.clone());
                only(Status::Ok)
            }
            Command::Unsubscribe(name) => {
                Rc::make_mut(&mut self.subscriptions).remove(name);
                only(Status::Ok)
            }
            Command::Create(name) => only(self.create(name.trim_end_matches('/'))),
            Command::Delete(name) => self.delete(name),
            Command::Rename(from, to) => only(self.rename(from, to)),
            command => match open {
                None => only(Status::Bad),
                Some(open) => match (self.mailbox(open.mailbox).cloned(), command) {
                    (_, Command::Unselect) => only(Status::Ok),
                    // RFC 9051 §6.4.2: CLOSE has no NO.
                    (None, Command::Close) => only(Status::Ok),
                    (None, Command::Check) => only(Status::Ok),
                    (None, _) => only(Status::Bye),
                    (Some(mailbox), command) => self.in_mailbox(&mailbox, open, command),
                },
            },
        }
    }

    fn in_mailbox(&mut self, mailbox: &Rc<Mailbox>, open: &Open, command: &Command) -> Expected {
        let (id, writes) = (mailbox.id, !open.read_only);
        match command {
            Command::Close if open.read_only => only(Status::Ok),
            Command::Expunge | Command::UidExpunge(_) | Command::Store { .. } | Command::Move(..)
                if !writes =>
            {
                only(Status::No)
            }
            Command::Close | Command::Expunge => {
                self.change(id)
                    .messages
                    .retain(|message| message.flags & DELETED == 0);
                only(Status::Ok)
            }
            Command::UidExpunge(set) => {
                let uids = set.resolve(&open.told).unwrap_or_default();
                let stays = |message: &Message| message.flags & DELETED == 0 || !uids.contains(&message.uid);
                self.change(id).messages.retain(stays);
                only(Status::Ok)
            }
            Command::Search { keys, .. } => {
                let told = mailbox
                    .messages
                    .iter()
                    .filter(|message| open.told.contains(&message.uid));
                let found = told.filter(|message| keys.iter().all(|key| matches(key, message, open)));
                with(Brings::Found(
                    found.map(|message| message.uid).collect(),
                    open.told.clone(),
                ))
            }
            Command::Fetch(set, _)
            | Command::Store { set, .. }
            | Command::Copy(set, _)
            | Command::Move(set, _) => {
                let Some(named) = set.resolve(&open.told) else {
                    return only(Status::Bad);
                };
                let (there, gone): (Vec<u32>, Vec<u32>) =
                    named.into_iter().partition(|uid| mailbox.find(*uid).is_some());
                // RFC 2180 §4: who names a message that is gone is told so; by uid it is no mistake (RFC 3501 §6.4.8).
                // Who stores in silence does not ask for what is gone (RFC 2180 §4.2.1).
                let silent = matches!(command, Command::Store { silent: true, .. });
                let gone = !gone.is_empty() && !set.by_uid && !silent;
                self.on_messages(open, &there, (command, gone))
            }
            _ => only(Status::Ok),
        }
    }

    fn on_messages(&mut self, open: &Open, uids: &[u32], (command, gone): (&Command, bool)) -> Expected {
        let id = open.mailbox;
        let status = if gone { Status::No } else { Status::Ok };
        let change: Box<dyn Fn(Flags) -> Flags> = match command {
            Command::Fetch(_, items) if items.sets_seen() && !open.read_only => Box::new(|old| old | SEEN),
            Command::Store { action, flags, .. } => {
                let (action, flags) = (*action, *flags);
                Box::new(move |old| changed(old, action, flags))
            }
            Command::Copy(_, to) | Command::Move(_, to) => {
                let Some(to) = self.named(to).map(|mailbox| mailbox.id) else {
                    return only(if gone { Status::No } else { Status::TryCreate });
                };
                if gone || uids.is_empty() {
                    return only(status);
                }
                let copied = self.copy(id, uids, to);
                if matches!(command, Command::Move(..)) {
                    self.remove(id, uids);
                }
                return with(copied);
            }
            _ => Box::new(|old| old),
        };
        for message in &mut self.change(id).messages {
            if uids.contains(&message.uid) {
                message.flags = change(message.flags);
            }
        }
        Expected {
            status,
            brings: Brings::Fetched(uids.to_vec()),
        }
    }

    fn create(&mut self, name: &str) -> Status {
        if self.named(name).is_some() {
            return Status::No;
        }
        self.add_above(name);
        self.add(name);
        Status::Ok
    }

    fn delete(&mut self, name: &str) -> Expected {
        match self.named(name).map(|mailbox| mailbox.id) {
            Some(id) if name != "INBOX" => {
                self.mailboxes.retain(|mailbox| mailbox.id != id);
                with(Brings::Deleted(id))
            }
            _ => only(Status::No),
        }
    }

    /// RFC 3501 §6.3.5.
    fn rename(&mut self, from: &str, to: &str) -> Status {
        if self.named(to).is_some() || is_below(to, from) && from != "INBOX" {
            return Status::No;
        }
        if from == "INBOX" {
            let inbox = Rc::clone(self.named("INBOX").expect("it always is"));
            let uids: Vec<u32> = inbox.messages.iter().map(|message| message.uid).collect();
            self.add_above(to);
            let to = self.add(to);
            self.copy(inbox.id, &uids, to);
            self.remove(inbox.id, &uids);
            return Status::Ok;
        }
        let moves = |name: &str| name == from || is_below(name, from);
        let renamed = |name: &str| format!("{to}{}", &name[from.len()..]);
        let names: Vec<String> = self
            .mailboxes
            .iter()
            .map(|mailbox| mailbox.name.clone())
            .collect();
        let moving: Vec<&String> = names.iter().filter(|name| moves(name)).collect();
        if moving.is_empty() || moving.iter().any(|name| names.contains(&renamed(name))) {
            return Status::No;
        }
        self.add_above(to);
        for mailbox in &mut self.mailboxes {
            if moving.contains(&&mailbox.name) {
                let mailbox = Rc::make_mut(mailbox);
                mailbox.name = renamed(&mailbox.name);
            }
        }
        Status::Ok
    }

    fn list(&self, pattern: &str) -> Vec<(String, bool, bool)> {
        let mut places = BTreeSet::new();
        for mailbox in &self.mailboxes {
            places.extend(above(&mailbox.name));
            places.insert(&mailbox.name);
        }
        let children = |name: &str| places.iter().any(|other| is_below(other, name));
        let wanted = places.iter().filter(|name| fits(name, pattern));
        wanted
            .map(|name| ((*name).to_owned(), self.named(name).is_some(), children(name)))
            .collect()
    }
}

/// `*` is anything, `%` anything without a separator (RFC 3501 §6.3.8). Patterns have at most one of them, at the end.
fn fits(name: &str, pattern: &str) -> bool {
    match (pattern.strip_suffix('*'), pattern.strip_suffix('%')) {
        (Some(start), _) => name.starts_with(start),
        (_, Some(start)) => name.strip_prefix(start).is_some_and(|rest| !rest.contains('/')),
        _ => name == pattern,
    }
}

pub fn changed(old: Flags, action: Action, flags: Flags) -> Flags {
    match action {
        Action::Replace => flags,
        Action::Add => old | flags,
        Action::Remove => old & !flags,
    }
}

fn matches(key: &Key, message: &Message, open: &Open) -> bool {
    let sample = &SAMPLES[message.sample];
    let holds = |text: &str, word: &str| text.to_lowercase().contains(&word.to_lowercase());
    let recent = open.recent.contains(&message.uid);
    let size = sample.bytes.len() as u32;
    match key {
        Key::All => true,
        Key::Has(bit) => message.flags >> bit & 1 == 1,
        Key::Lacks(bit) => message.flags >> bit & 1 == 0,
        Key::Recent => recent,
        Key::New => recent && message.flags & SEEN == 0,
        Key::Old => !recent,
        Key::Larger(than) => size > *than,
        Key::Smaller(than) => size < *than,
        // A position that no message has is passed over.
        Key::Messages(set) if set.by_uid => set
            .resolve(&open.told)
            .is_some_and(|uids| uids.contains(&message.uid)),
        Key::Messages(set) => set.resolve(&open.told).unwrap_or_default().contains(&message.uid),
        Key::Subject(word) => holds(sample.subject, word),
        Key::Body(word) => holds(sample.body, word),
        Key::Text(word) => holds(sample.subject, word) || holds(sample.body, word),
        Key::Not(key) => !matches(key, message, open),
        Key::Or(one, other) => matches(one, message, open) || matches(other, message, open),
    }
}
