//! A POP3 client and what it must see (RFC 1939): the maildrop as it was at its login, and nothing deleted before QUIT.

use std::collections::BTreeMap;

use crate::messages::SAMPLES;
use crate::world::World;

/// A command.
#[derive(Clone, Debug)]
pub enum Pop3 {
    /// Connects, USER, PASS, and UIDL: which messages there are at the login.
    Login,
    Stat,
    List,
    Uidl,
    Retr(usize),
    Top(usize, usize),
    Dele(usize),
    Rset,
    Noop,
    Quit,
    /// The connection breaks.
    Break,
}

impl Pop3 {
    pub fn print(&self) -> String {
        match self {
            Pop3::Login => "USER alice\r\nPASS alice\r\nUIDL\r\n".to_owned(),
            Pop3::Stat => "STAT\r\n".to_owned(),
            Pop3::List => "LIST\r\n".to_owned(),
            Pop3::Uidl => "UIDL\r\n".to_owned(),
            Pop3::Retr(number) => format!("RETR {number}\r\n"),
            Pop3::Top(number, lines) => format!("TOP {number} {lines}\r\n"),
            Pop3::Dele(number) => format!("DELE {number}\r\n"),
            Pop3::Rset => "RSET\r\n".to_owned(),
            Pop3::Noop => "NOOP\r\n".to_owned(),
            Pop3::Quit => "QUIT\r\n".to_owned(),
            Pop3::Break => String::new(),
        }
    }
}

/// A message of the maildrop.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    uid: u32,
    sample: usize,
    deleted: bool,
}

/// The maildrop of a session that is logged in.
pub type Maildrop = Vec<Held>;

/// What UIDL has said, by uid: a maildrop is of the inbox, which is the same for ever.
pub type UniqueIds = BTreeMap<u32, String>;

pub fn open(world: &World) -> Maildrop {
    let inbox = world.named("INBOX").expect("it always is");
    let hold = |message: &crate::world::Message| Held {
        uid: message.uid,
        sample: message.sample,
        deleted: false,
    };
    inbox.messages.iter().map(hold).collect()
}

/// Deletes what is marked.
pub fn update(maildrop: &Maildrop, world: &mut World) {
    let inbox = world.named("INBOX").expect("it always is").id;
    let marked = maildrop.iter().filter(|held| held.deleted).map(|held| held.uid);
    world.remove(inbox, &marked.collect::<Vec<_>>());
}

/// The replies to a command: the first line, and the lines of a listing or message.
fn reply<'s>(said: &mut &'s str, command: &Pop3) -> Option<(bool, Vec<&'s str>)> {
    let listing = matches!(command, Pop3::List | Pop3::Uidl | Pop3::Retr(_) | Pop3::Top(..));
    let (first, rest) = said.split_once("\r\n")?;
    *said = rest;
    let ok = first.starts_with("+OK");
    let mut lines = vec![first];
    if !(ok && listing) {
        return Some((ok, lines));
    }
    loop {
        let (line, rest) = said.split_once("\r\n")?;
        *said = rest;
        if line == "." {
            return Some((ok, lines));
        }
        lines.push(line.strip_prefix('.').unwrap_or(line));
    }
}

/// Checks the reply to a command about the maildrop, and takes it off what was said.
pub fn check(
    command: &Pop3,
    said: &mut &str,
    (maildrop, ids, last): (&mut Maildrop, &mut UniqueIds, &World),
) -> Result<(), String> {
    let (ok, lines) = reply(said, command).ok_or("half a reply")?;
    let remaining: Vec<(usize, Held)> = (1..)
        .zip(maildrop.iter().cloned())
        .filter(|(_, held)| !held.deleted)
        .collect();
    let wanted_ok = match command {
        Pop3::Retr(number) | Pop3::Top(number, _) | Pop3::Dele(number) => {
            remaining.iter().any(|(known, _)| known == number)
        }
        _ => true,
    };
    let message = |number: &usize| &maildrop[*number - 1];
    if let Pop3::Retr(number) | Pop3::Top(number, _) = command
        && wanted_ok
        && !ok
    {
        // Somebody else has expunged it: it need not be there any more.
        let inbox = last.named("INBOX").expect("it always is");
        return match inbox.find(message(number).uid) {
            None => Ok(()),
            Some(_) => Err("a message of the maildrop cannot be read".to_owned()),
        };
    }
    if ok != wanted_ok {
        return Err(format!("the reply is {}", lines[0]));
    }
    if ok {
        check_granted(command, &lines, (maildrop, ids, &remaining))?;
    }
    Ok(())
}

/// Checks what was granted, and does it.
fn check_granted(
    command: &Pop3,
    lines: &[&str],
    (maildrop, ids, remaining): (&mut Maildrop, &mut UniqueIds, &[(usize, Held)]),
) -> Result<(), String> {
    let message = |number: &usize| &SAMPLES[maildrop[*number - 1].sample];
    let text = |sample: &'static crate::messages::Sample| {
        std::str::from_utf8(&sample.bytes).expect("samples are text")
    };
    let check_lines = |wanted: Vec<String>| match lines[1..] == wanted[..] {
        true => Ok(()),
        false => Err(format!("the maildrop is {wanted:?}, and it said {lines:?}")),
    };
    match command {
        Pop3::Stat => {
            let octets: usize = remaining
                .iter()
                .map(|(_, held)| SAMPLES[held.sample].bytes.len())
                .sum();
            let wanted = format!("+OK {} {octets}", remaining.len());
            if lines[0] != wanted {
                return Err(format!("STAT says {}, it is {wanted}", lines[0]));
            }
        }
        Pop3::List => {
            let line =
                |(number, held): &(usize, Held)| format!("{number} {}", SAMPLES[held.sample].bytes.len());
            check_lines(remaining.iter().map(line).collect())?;
        }
        Pop3::Uidl => {
            for ((_, held), line) in remaining.iter().zip(&lines[1..]) {
                let id = line.split_once(' ').map_or("", |(_, id)| id).to_owned();
                if ids
                    .iter()
                    .any(|(uid, known)| (*uid == held.uid) != (*known == id))
                {
                    return Err(format!("the unique id {id} changes, or is another message's"));
                }
                ids.insert(held.uid, id);
            }
            let line = |(number, held): &(usize, Held)| {
                format!("{number} {}", ids.get(&held.uid).map_or("", String::as_str))
            };
            check_lines(remaining.iter().map(line).collect())?;
        }
        Pop3::Retr(number) => {
            check_lines(
                text(message(number))
                    .split_terminator("\r\n")
                    .map(str::to_owned)
                    .collect(),
            )?;
        }
        Pop3::Top(number, count) => {
            let (header, body) = text(message(number)).split_at(message(number).header());
            let head = header.split_terminator("\r\n");
            check_lines(
                head.chain(body.split_terminator("\r\n").take(*count))
                    .map(str::to_owned)
                    .collect(),
            )?;
        }
        Pop3::Dele(number) => maildrop[*number - 1].deleted = true,
        Pop3::Rset => maildrop.iter_mut().for_each(|held| held.deleted = false),
        _ => {}
    }
    Ok(())
}
