//! What an IMAP client has been told of its mailbox: its own numbering, changed by untagged responses only, and compared with
//! what is true after every command.

use std::collections::BTreeMap;

use crate::command::{Command, Flags};
use crate::imap_client::{Fetched, Response};
use crate::messages::SAMPLES;
use crate::world::{Mailbox, World};

/// Whether the client may see `\Recent` at a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recent {
    Yes,
    No,
    /// Several sessions were told at once: one of them has it.
    Maybe,
    /// Told in this step; what FLAGS has said of it.
    New(Option<bool>),
}

/// A message as the client knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Known once the mailbox was compared with the truth: positions are in order of uids (RFC 3501 §2.3.1.2).
    pub uid: Option<u32>,
    pub flags: Option<Flags>,
    pub recent: Recent,
}

/// An open mailbox.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub mailbox: u32,
    pub read_only: bool,
    /// No other opening of a mailbox has the number.
    pub opening: u64,
    pub entries: Vec<Entry>,
    /// The last RECENT, as long as nothing has gone since.
    pub recent: Option<usize>,
    /// The highest uid that it was ever told of: what is new has a higher one (RFC 3501 §2.3.1.1).
    highest: u32,
    /// RECENT has to follow.
    recent_is_due: bool,
    defined: Flags,
}

/// What came in answer to a command, untagged.
#[derive(Debug, Default)]
pub struct Heard {
    /// Items by uid.
    pub fetched: Vec<(u32, Fetched)>,
    pub found: Option<Vec<u32>>,
    pub counts: Option<(String, Vec<(String, u32)>)>,
    pub listed: Vec<(Vec<String>, String)>,
    pub subscribed: Vec<String>,
    pub codes: Vec<String>,
    pub bye: bool,
    /// Nothing is told to be gone after it in the step.
    pub keeps_positions: bool,
    pub continued: bool,
}

impl View {
    pub fn new(mailbox: u32, read_only: bool, opening: u64) -> Self {
        View {
            mailbox,
            read_only,
            opening,
            entries: Vec::new(),
            recent: None,
            highest: 0,
            recent_is_due: false,
            defined: 0,
        }
    }

    pub fn uids(&self) -> Vec<u32> {
        self.entries.iter().filter_map(|entry| entry.uid).collect()
    }

    pub fn recent_uids(&self) -> Vec<u32> {
        let recent = self.entries.iter().filter(|entry| entry.recent == Recent::Yes);
        recent.filter_map(|entry| entry.uid).collect()
    }

    pub fn knows_recent(&self) -> bool {
        self.entries
            .iter()
            .all(|entry| matches!(entry.recent, Recent::Yes | Recent::No))
    }

    /// Takes one untagged response about the mailbox. `worlds` are the truths of the step.
    pub fn hear(
        &mut self,
        response: &Response,
        command: &Command,
        worlds: &[World],
    ) -> Result<Option<(u32, Fetched)>, String> {
        match response {
            Response::Exists(count) => {
                let known = self.entries.len();
                if *count < known {
                    return Err(format!(
                        "{count} EXISTS, and the client knows of {known}: only EXPUNGE takes away"
                    ));
                }
                let new = Entry {
                    uid: None,
                    flags: None,
                    recent: Recent::New(None),
                };
                self.entries.resize(*count, new);
                self.recent_is_due = true;
            }
            Response::Recent(count) => {
                self.recent = Some(*count);
                self.recent_is_due = false;
            }
            Response::Expunge(position) => self.expunge(*position, command, worlds)?,
            Response::Flags(flags) => self.defined = *flags,
            Response::Fetch(position, fetched) => {
                let entry = position.checked_sub(1).and_then(|at| self.entries.get_mut(at));
                let entry = entry
                    .ok_or_else(|| format!("FETCH of position {position}, which the client does not know"))?;
                if command.tells_uids() && fetched.uid.is_none() {
                    return Err("a FETCH in answer to UID has no uid (RFC 3501 §6.4.8)".to_owned());
                }
                if let (Some(known), Some(told)) = (entry.uid, fetched.uid)
                    && known != told
                {
                    return Err(format!(
                        "position {position} is uid {known}, and is told to be {told}"
                    ));
                }
                if let Some((flags, recent)) = fetched.flags {
                    if flags & !self.defined != 0 {
                        return Err(
                            "a message has a flag that FLAGS has not named (RFC 3501 §7.2.6)".to_owned()
                        );
                    }
                    entry.flags = Some(flags);
                    entry.recent = see_recent(entry.recent, recent)?;
                }
                entry.uid = entry.uid.or(fetched.uid);
                if let Some(uid) = entry.uid {
                    check_content(uid, fetched, (self.mailbox, worlds))?;
                    return Ok(Some((uid, fetched.clone())));
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn expunge(&mut self, position: usize, command: &Command, worlds: &[World]) -> Result<(), String> {
        if command.holds_expunges() {
            return Err("EXPUNGE in answer to FETCH, STORE or SEARCH (RFC 3501 §7.4.1)".to_owned());
        }
        if position == 0 || position > self.entries.len() {
            return Err(format!(
                "EXPUNGE of position {position}, of {}",
                self.entries.len()
            ));
        }
        let gone = self.entries.remove(position - 1);
        let last = worlds.last().and_then(|world| world.mailbox(self.mailbox));
        if let (Some(uid), Some(last)) = (gone.uid, last)
            && last.find(uid).is_some()
        {
            return Err(format!(
                "EXPUNGE of position {position}, whose uid {uid} is there"
            ));
        }
        self.recent = None;
        Ok(())
    }

    /// Adds what the client works out by itself after `STORE … .SILENT`.
    pub fn store_silently(&mut self, uids: &[u32], change: impl Fn(Flags) -> Flags) {
        for entry in &mut self.entries {
            if entry.uid.is_some_and(|uid| uids.contains(&uid)) {
                entry.flags = entry.flags.map(&change);
            }
        }
    }

    /// Whether all that the client was told is true of a mailbox: the same messages, but for those that it may not be
    /// told to be gone yet, and the same flags. Learns the uids by their order.
    pub fn compare(&mut self, mailbox: &Mailbox, command: &Command) -> Result<(), String> {
        let held = command.holds_expunges();
        let mut truth = mailbox.messages.iter();
        let mut uids = Vec::with_capacity(self.entries.len());
        for (at, entry) in self.entries.iter().enumerate() {
            let position = at + 1;
            if let Some(uid) = entry.uid
                && mailbox.find(uid).is_none()
            {
                if !held {
                    return Err(format!(
                        "position {position}, uid {uid}, is gone and was not told to be"
                    ));
                }
                uids.push(uid);
                continue;
            }
            let message = truth
                .next()
                .ok_or_else(|| format!("position {position} is no message"))?;
            if entry.uid.is_some_and(|uid| uid != message.uid) {
                return Err(format!(
                    "position {position} is uid {}, and should be {}",
                    entry.uid.unwrap_or(0),
                    message.uid
                ));
            }
            if entry.uid.is_none() && message.uid <= self.highest {
                return Err(format!(
                    "position {position} is uid {}, which is not new",
                    message.uid
                ));
            }
            if entry.flags.is_some_and(|flags| flags != message.flags) {
                let words = crate::command::print_flags;
                let told = words(entry.flags.unwrap_or(0));
                return Err(format!(
                    "uid {} has the flags ({}), the client knows ({told})",
                    message.uid,
                    words(message.flags)
                ));
            }
            uids.push(message.uid);
        }
        if truth.next().is_some() {
            return Err(format!(
                "{} messages, and the client knows of {}",
                mailbox.messages.len(),
                self.entries.len()
            ));
        }
        if self.recent_is_due {
            return Err("EXISTS without RECENT (RFC 3501 §7.3.2)".to_owned());
        }
        for (entry, uid) in self.entries.iter_mut().zip(uids) {
            entry.uid = Some(uid);
            self.highest = self.highest.max(uid);
        }
        Ok(())
    }

    /// Whether these are the uids at these positions.
    pub fn check_uids(&self, uids: &BTreeMap<usize, u32>) -> Result<(), String> {
        let uid_at = |position: usize| self.entries.get(position - 1).and_then(|entry| entry.uid);
        let other = uids
            .iter()
            .find(|(position, uid)| uid_at(**position).is_some_and(|known| known != **uid));
        match other {
            None => Ok(()),
            Some((position, uid)) => Err(format!(
                "position {position} is uid {uid}, not {:?}",
                uid_at(*position)
            )),
        }
    }

    /// The last RECENT counts what has `\Recent` here.
    pub fn check_recent_count(&self, last: &World) -> Result<(), String> {
        let (Some(told), Some(mailbox)) = (self.recent, last.mailbox(self.mailbox)) else {
            return Ok(());
        };
        let there = |entry: &&Entry| entry.uid.is_some_and(|uid| mailbox.find(uid).is_some());
        let yes = self.entries.iter().filter(|entry| entry.recent == Recent::Yes);
        let maybe = self
            .entries
            .iter()
            .filter(|entry| matches!(entry.recent, Recent::Maybe | Recent::New(_)));
        let (least, most) = (yes.clone().filter(there).count(), yes.count() + maybe.count());
        match (least..=most).contains(&told) {
            true => Ok(()),
            false => Err(format!(
                "RECENT says {told}; {least} to {most} messages are recent here"
            )),
        }
    }
}

fn see_recent(known: Recent, seen: bool) -> Result<Recent, String> {
    match (known, seen) {
        (Recent::Yes, false) => Err("\\Recent has gone from a message within a session".to_owned()),
        (Recent::No, true) => Err("\\Recent at a message that another session was told of first".to_owned()),
        (Recent::New(Some(before)), seen) if before != seen => Err("\\Recent changes".to_owned()),
        (Recent::New(_), seen) => Ok(Recent::New(Some(seen))),
        (Recent::Maybe, true) => Ok(Recent::Yes),
        (Recent::Maybe, false) => Ok(Recent::No),
        (known, _) => Ok(known),
    }
}

/// Flags that the message has at some time of the step, and the octets that it always has.
fn check_content(uid: u32, fetched: &Fetched, (mailbox, worlds): (u32, &[World])) -> Result<(), String> {
    let versions = || {
        worlds
            .iter()
            .filter_map(|world| world.mailbox(mailbox)?.find(uid))
    };
    let Some(message) = versions().next() else {
        // Told as gone later: what it was is not known any more.
        return Ok(());
    };
    let sample = &SAMPLES[message.sample];
    if let Some((flags, _)) = fetched.flags
        && !versions().any(|message| message.flags == flags)
    {
        let words = crate::command::print_flags;
        return Err(format!(
            "uid {uid} is told with ({}), and has ({})",
            words(flags),
            words(message.flags)
        ));
    }
    if fetched
        .size
        .is_some_and(|size| size as usize != sample.bytes.len())
    {
        return Err(format!("uid {uid} has {} octets", sample.bytes.len()));
    }
    Ok(())
}
