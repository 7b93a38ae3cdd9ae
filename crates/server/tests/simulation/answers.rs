//! What commands bring, apart from the news of the mailbox: tagged codes, STATUS, SEARCH, LIST; and what of it must stay so for ever.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::{Command, SEEN};
use crate::imap_client::Tagged;
use crate::messages::SAMPLES;
use crate::model::Model;
use crate::told::{Heard, View};
use crate::world::{Brings, Expected, Mailbox, Message, World, is_former};

/// A uid validity, and messages by their uids in it, all that were ever told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub validity: BTreeMap<u32, u32>,
    /// Of the mailboxes that ever had a name: the last one's validity.
    of_name: BTreeMap<String, (u32, u32)>,
    copies: BTreeMap<(String, u32, u32), u32>,
}

impl Told {
    /// RFC 3501 §2.3.1.1: name, validity and uid mean one message for ever.
    pub fn check_copies(&mut self, mailbox: &Mailbox) -> Result<(), String> {
        let Some(validity) = self.validity.get(&mailbox.id) else {
            return Ok(());
        };
        for message in &mailbox.messages {
            let key = (mailbox.name.clone(), *validity, message.uid);
            if *self.copies.entry(key).or_insert(mailbox.id) != mailbox.id {
                return Err(format!(
                    "uid {} of {} was another message",
                    message.uid, mailbox.name
                ));
            }
        }
        Ok(())
    }
}

impl Model {
    pub fn learn_validity(&mut self, id: u32, validity: u32, worlds: &[World]) -> Result<(), String> {
        let mailboxes: Vec<_> = worlds.iter().filter_map(|world| world.mailbox(id)).collect();
        let name = mailboxes
            .first()
            .map(|mailbox| mailbox.name.clone())
            .unwrap_or_default();
        match self.told.validity.get(&id) {
            Some(known) if *known != validity => {
                return Err(format!("UIDVALIDITY of {name} was {known} and is {validity}"));
            }
            Some(_) => {}
            None => {
                // RFC 3501 §2.3.1.1: higher than that of a mailbox that had the name before.
                if let Some((before, of)) = self.told.of_name.get(&name)
                    && *before >= validity
                    && is_former(*of, id)
                {
                    return Err(format!(
                        "UIDVALIDITY of {name} was {before}, and is {validity} after it was created again"
                    ));
                }
                self.told.validity.insert(id, validity);
            }
        }
        let newest = self.told.of_name.entry(name).or_insert((validity, id));
        if !is_former(id, newest.1) {
            *newest = (validity, id);
        }
        Ok(())
    }

    /// The codes of APPENDUID, COPYUID (RFC 4315 §3), READ-ONLY.
    pub fn check_code(
        &mut self,
        command: &Command,
        expected: &Expected,
        (heard, tagged, worlds): (&Heard, &Tagged, &[World]),
    ) -> Result<(), String> {
        let code = match command {
            Command::Move(..) => heard
                .codes
                .iter()
                .find(|code| code.starts_with("COPYUID"))
                .map_or("", String::as_str),
            _ => &tagged.code,
        };
        let words: Vec<&str> = code.split(' ').collect();
        let uids = |at: usize| {
            words
                .get(at)
                .and_then(|text| parse_uids(text))
                .unwrap_or_default()
        };
        let validity = || words.get(1).and_then(|text| text.parse().ok()).unwrap_or(0);
        match (&expected.brings, words[0]) {
            (Brings::Appended(id, to), "APPENDUID") if uids(2) == *to => {
                self.learn_validity(*id, validity(), worlds)
            }
            (Brings::Copied(id, from, to), "COPYUID") if uids(2) == *from && uids(3) == *to => {
                self.learn_validity(*id, validity(), worlds)
            }
            (Brings::Appended(..) | Brings::Copied(..), _) => {
                Err(format!("[{code}], and it is {:?}", expected.brings))
            }
            (_, "APPENDUID" | "COPYUID") => Err(format!("[{code}] of nothing")),
            (Brings::Opened(_), _) => {
                let wanted = match command {
                    Command::Select { read_only: true, .. } => "READ-ONLY",
                    _ => "READ-WRITE",
                };
                (code == wanted)
                    .then_some(())
                    .ok_or_else(|| format!("[{code}], not {wanted}"))
            }
            _ => Ok(()),
        }
    }

    /// What a command was given to tell.
    pub fn check_brought(
        &mut self,
        session: usize,
        (command, expected): (&Command, &Expected),
        (heard, at, worlds): (&Heard, usize, &[World]),
    ) -> Result<(), String> {
        let view = self.sessions[session].view.as_ref();
        let is = |right: bool, what: &dyn Fn() -> String| if right { Ok(()) } else { Err(what()) };
        match &expected.brings {
            Brings::Fetched(uids) => {
                let last = worlds.last().zip(view);
                let last = last.and_then(|(world, view)| world.mailbox(view.mailbox));
                // What somebody else has expunged meanwhile may be missing.
                let there = uids.iter().filter_map(|uid| last?.find(*uid));
                let mut missing = there.filter(|message| !is_told(message, command, heard));
                match missing.next() {
                    None => Ok(()),
                    Some(Message { uid, .. }) => {
                        Err(format!("of uid {uid} not all that was asked for is told"))
                    }
                }
            }
            Brings::Found(uids, known) => check_found((uids, known), command, (heard, view)),
            Brings::Counts(mailbox) => self.check_counts(mailbox, heard, worlds),
            Brings::Listed(wanted) => {
                let has = |attributes: &[String], word: &str| attributes.iter().any(|a| a == word);
                let place = |(attributes, name): &(Vec<String>, String)| {
                    let is_mailbox = !has(attributes, "\\Noselect");
                    (name.clone(), is_mailbox, has(attributes, "\\HasChildren"))
                };
                let mut listed: Vec<_> = heard.listed.iter().map(place).collect();
                listed.sort();
                is(listed == *wanted, &|| {
                    format!("listed {listed:?}, and {wanted:?} is right")
                })
            }
            Brings::Subscribed(wanted) => {
                let listed: BTreeSet<String> = heard.subscribed.iter().cloned().collect();
                is(listed == **wanted, &|| {
                    format!("listed {listed:?}, and {wanted:?} is right")
                })
            }
            Brings::Opened(id) => self.check_opened((*id, at), heard, worlds),
            _ => Ok(()),
        }
    }

    fn check_counts(&mut self, mailbox: &Mailbox, heard: &Heard, worlds: &[World]) -> Result<(), String> {
        let Some((name, items)) = &heard.counts else {
            return Err("no STATUS".to_owned());
        };
        let value = |wanted: &str| {
            let item = items.iter().find(|(item, _)| item == wanted);
            item.map_or(u32::MAX, |(_, value)| *value)
        };
        let count =
            |wanted: &dyn Fn(&Message) -> bool| mailbox.messages.iter().filter(|m| wanted(m)).count() as u32;
        let mark = self.marks.get(&mailbox.id).copied().unwrap_or(1);
        // Where others are told something at the same moment, it is before or after that.
        let recent = if worlds.len() == 2 {
            count(&|m| m.uid >= mark)
        } else {
            value("RECENT")
        };
        let octets = mailbox.messages.iter().map(|m| SAMPLES[m.sample].bytes.len());
        let wanted = [
            ("MESSAGES", count(&|_| true)),
            ("UIDNEXT", mailbox.next_uid),
            ("UNSEEN", count(&|m| m.flags & SEEN == 0)),
            ("RECENT", recent),
            ("SIZE", octets.sum::<usize>() as u32),
        ];
        for (item, wanted) in wanted {
            if value(item) != wanted || *name != mailbox.name {
                return Err(format!(
                    "{item} of {name} is {}, and {wanted} is right",
                    value(item)
                ));
            }
        }
        self.learn_validity(mailbox.id, value("UIDVALIDITY"), worlds)
    }

    fn check_opened(
        &mut self,
        (id, at): (u32, usize),
        heard: &Heard,
        worlds: &[World],
    ) -> Result<(), String> {
        let number = |word: &str| {
            let code = heard.codes.iter().find_map(|code| code.strip_prefix(word));
            code.and_then(|number| number.trim().parse::<u32>().ok())
        };
        let validity = number("UIDVALIDITY").ok_or("no UIDVALIDITY")?;
        self.learn_validity(id, validity, worlds)?;
        let next = number("UIDNEXT").ok_or("no UIDNEXT")?;
        let mailboxes: Vec<_> = worlds.iter().filter_map(|world| world.mailbox(id)).collect();
        if worlds[at]
            .mailbox(id)
            .is_none_or(|mailbox| mailbox.next_uid != next)
        {
            return Err(format!("UIDNEXT is {next}"));
        }
        let unseen = |mailbox: &Mailbox| {
            let first = mailbox.messages.iter().position(|m| m.flags & SEEN == 0);
            first.map(|at| at as u32 + 1)
        };
        match number("UNSEEN") {
            told if mailboxes.iter().any(|mailbox| unseen(mailbox) == told) => Ok(()),
            told => Err(format!("UNSEEN is {told:?}")),
        }
    }
}

/// Whether everything that was asked for of a message was told.
fn is_told(message: &Message, command: &Command, heard: &Heard) -> bool {
    let mut about = heard.fetched.iter().filter(|(uid, _)| *uid == message.uid);
    match command {
        Command::Fetch(_, items) => {
            let body = items.body.as_ref();
            let body = body.map(|body| (body.name(), body.of(message.sample).to_vec()));
            about.any(|(_, fetched)| {
                (!items.uid || fetched.uid.is_some())
                    && (!items.flags || fetched.flags.is_some())
                    && (!items.size || fetched.size.is_some())
                    && body.as_ref().is_none_or(|body| fetched.bodies.contains(body))
            })
        }
        Command::Store { silent: false, .. } => about.any(|(_, fetched)| fetched.flags.is_some()),
        _ => true,
    }
}

fn check_found(
    (uids, known): (&[u32], &[u32]),
    command: &Command,
    (heard, view): (&Heard, Option<&View>),
) -> Result<(), String> {
    let by_uid = matches!(command, Command::Search { by_uid: true, .. });
    let told = view.map(View::uids).unwrap_or_default();
    let number = |uid: &u32| match by_uid {
        true => *uid,
        false => told
            .iter()
            .position(|known| known == uid)
            .map_or(0, |at| at as u32 + 1),
    };
    let wanted: Vec<u32> = uids.iter().map(number).collect();
    // A command before it in the same breath may have told of messages that the client did not know when it sent both.
    let is_known = |number: &&u32| match by_uid {
        true => known.contains(number),
        false => **number as usize <= known.len(),
    };
    match &heard.found {
        Some(found) if found.iter().filter(is_known).eq(&wanted) => Ok(()),
        found => Err(format!("found {found:?}, and {wanted:?} is right")),
    }
}

/// `uid-set` of single numbers and ranges (RFC 4315 §4).
fn parse_uids(text: &str) -> Option<Vec<u32>> {
    let mut uids = Vec::new();
    for range in text.split(',') {
        let (from, to) = range.split_once(':').unwrap_or((range, range));
        uids.extend(from.parse::<u32>().ok()?..=to.parse().ok()?);
    }
    Some(uids)
}
