//! Chooses what happens next.

use crate::command::{Action, Body, Command, Items, Key, Number, Set};
use crate::messages::{SAMPLES, WORDS};
use crate::model::{Doing, Model, Session};
use crate::names::NAMES;
use crate::pop3_client::Pop3;
use crate::random::Random;
use crate::world::World;

/// What a client may do in the step, so that it is no mistake of the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The only command or the first one: the client knows what numbers mean.
    First,
    /// After others that tell no EXPUNGE: positions that were known stay.
    AfterHolding,
    /// After others: positions may have changed (RFC 3501 §5.5).
    After,
}

/// The next step: mostly one command, sometimes several of one client, or of several clients, at once.
pub fn step(random: &mut Random, model: &Model) -> Vec<Doing> {
    let shape = random.below(100);
    if shape >= 97 {
        return quarrel(random, model);
    }
    let (clients, most) = match shape {
        0..60 => (1, 1),
        60..75 => (1, 3),
        75..90 => (2, 1),
        90..95 => (2, 2),
        _ => (3, 1),
    };
    let mut doings: Vec<Doing> = Vec::new();
    for _ in 0..clients {
        let doing = match random.below(100) {
            0..70 => imap(random, model, most),
            70..86 => pop3(random, model, most),
            _ => Doing::Deliver(deliver_to(random).to_owned(), random.below(SAMPLES.len())),
        };
        let is_same = |other: &Doing| match (other, &doing) {
            (Doing::Imap(one, _), Doing::Imap(other, _)) | (Doing::Pop3(one, _), Doing::Pop3(other, _)) => {
                one == other
            }
            (Doing::Deliver(..), Doing::Deliver(..)) => true,
            _ => false,
        };
        if !doings.iter().any(is_same) {
            doings.push(doing);
        }
    }
    // A mailbox that goes ends sessions in the middle of what they have sent.
    let deletes = |doing: &Doing| matches!(doing, Doing::Imap(_, c) if c.iter().any(|c| matches!(c, Command::Delete(_))));
    if doings.len() > 1 && doings.iter().any(deletes) {
        for doing in &mut doings {
            if let Doing::Imap(_, commands) = doing {
                commands.truncate(1);
            }
        }
    }
    doings
}

/// Two clients do something about the same name at once.
fn quarrel(random: &mut Random, model: &Model) -> Vec<Doing> {
    let name = there(random, &model.world).to_owned();
    let first = random.below(model.sessions.len());
    let clients = [first, (first + 1) % model.sessions.len()];
    let mut doings = Vec::new();
    for client in clients.into_iter().filter(|client| !model.sessions[*client].idle) {
        let message = (random.below(SAMPLES.len()), 0);
        let command = match random.below(8) {
            0 | 1 => Command::Rename(name.clone(), self::name(random).to_owned()),
            2 => Command::Rename(self::name(random).to_owned(), name.clone()),
            3 | 4 => Command::Delete(name.clone()),
            5 => Command::Create(name.clone()),
            6 => Command::Append(name.clone(), vec![message]),
            _ => Command::Select {
                name: name.clone(),
                read_only: random.per_cent(20),
            },
        };
        doings.push(Doing::Imap(client, vec![command]));
    }
    doings
}

fn deliver_to(random: &mut Random) -> &'static str {
    if random.per_cent(75) {
        "INBOX"
    } else {
        name(random)
    }
}

fn name(random: &mut Random) -> &'static str {
    match random.per_cent(25) {
        true => "INBOX",
        false => random.of_these(&NAMES),
    }
}

/// A mailbox that is there, mostly one of the few that all clients look at.
fn there<'m>(random: &mut Random, world: &'m World) -> &'m str {
    match random.per_cent(60) {
        true => "INBOX",
        false => &world.mailboxes[random.below(world.mailboxes.len())].name,
    }
}

fn pop3(random: &mut Random, model: &Model, most: usize) -> Doing {
    let client = random.below(model.maildrops.len());
    let Some(maildrop) = &model.maildrops[client] else {
        return Doing::Pop3(client, vec![Pop3::Login]);
    };
    let number = |random: &mut Random| 1 + random.below(maildrop.len() + 1);
    let mut commands = Vec::new();
    for _ in 0..=random.below(most) {
        let command = match random.below(100) {
            0..10 => Pop3::Stat,
            10..20 => Pop3::List,
            20..35 => Pop3::Uidl,
            35..50 => Pop3::Retr(number(random)),
            50..58 => Pop3::Top(number(random), random.below(4)),
            58..80 => Pop3::Dele(number(random)),
            80..84 => Pop3::Rset,
            84..86 => Pop3::Noop,
            other if commands.is_empty() => {
                return Doing::Pop3(client, vec![if other < 95 { Pop3::Quit } else { Pop3::Break }]);
            }
            _ => Pop3::Noop,
        };
        commands.push(command);
    }
    Doing::Pop3(client, commands)
}

fn imap(random: &mut Random, model: &Model, most: usize) -> Doing {
    let number = random.below(model.sessions.len());
    let session = &model.sessions[number];
    if session.idle {
        return Doing::Imap(number, vec![Command::Done]);
    }
    let mut commands: Vec<Command> = Vec::new();
    let is_there = session
        .view
        .as_ref()
        .is_none_or(|view| model.world.mailbox(view.mailbox).is_some());
    let count = if is_there { 1 + random.below(most) } else { 1 };
    while commands.len() < count {
        let place = match commands.last() {
            None => Place::First,
            Some(_) if commands.iter().all(Command::holds_expunges) => Place::AfterHolding,
            Some(_) => Place::After,
        };
        let command = command(random, (model, session), place);
        let ends = matches!(
            command,
            Command::Select { .. }
                | Command::Close
                | Command::Unselect
                | Command::Delete(_)
                | Command::Idle
                | Command::Logout
        );
        commands.push(command);
        if ends {
            break;
        }
    }
    Doing::Imap(number, commands)
}

fn command(random: &mut Random, (model, session): (&Model, &Session), place: Place) -> Command {
    let world = &model.world;
    let Some(view) = &session.view else {
        return match random.below(10) {
            0..6 => select(random, world),
            // Now and then what only belongs into a mailbox.
            6 if random.per_cent(20) => Command::Expunge,
            _ => about_account(random, world),
        };
    };
    if random.per_cent(25) {
        return about_account(random, world);
    }
    let uids = view.uids();
    let set = |random: &mut Random| set(random, &uids, place);
    match random.below(100) {
        0..12 => Command::Noop,
        12..15 => Command::Check,
        15..20 => select(random, world),
        20..22 => Command::Close,
        22..23 => Command::Unselect,
        23..41 => Command::Fetch(set(random), items(random)),
        41..60 => Command::Store {
            set: set(random),
            action: random.of_these(&[Action::Add, Action::Add, Action::Remove, Action::Replace]),
            silent: random.per_cent(40),
            flags: flags(random),
        },
        60..66 => Command::Copy(set(random), target(random, world)),
        66..72 => Command::Move(set(random), target(random, world)),
        72..77 => Command::Expunge,
        77..81 => Command::UidExpunge(Set {
            by_uid: true,
            ..uid_set(random, &uids, place)
        }),
        81..90 => {
            let knows = place == Place::First && view.knows_recent();
            let mut keys = vec![key(random, (&uids, place), 0)];
            if random.per_cent(40) {
                keys.push(key(random, (&uids, place), 0));
            }
            keys.retain(|key| knows || !key.asks_recent());
            keys.push(Key::All);
            let by_uid = place == Place::After || random.per_cent(50);
            Command::Search { by_uid, keys }
        }
        90..99 => Command::Idle,
        _ => Command::Logout,
    }
}

fn select(random: &mut Random, world: &World) -> Command {
    let name = if random.per_cent(5) {
        name(random)
    } else {
        there(random, world)
    };
    Command::Select {
        name: name.to_owned(),
        read_only: random.per_cent(20),
    }
}

fn target(random: &mut Random, world: &World) -> String {
    let name = if random.per_cent(10) {
        name(random)
    } else {
        there(random, world)
    };
    name.to_owned()
}

fn about_account(random: &mut Random, world: &World) -> Command {
    let any = |random: &mut Random| name(random).to_owned();
    match random.below(100) {
        0..40 => {
            let message = |random: &mut Random| {
                (
                    random.below(SAMPLES.len()),
                    if random.per_cent(50) { flags(random) } else { 0 },
                )
            };
            let count = if random.per_cent(75) {
                1
            } else {
                2 + random.below(3)
            };
            Command::Append(
                target(random, world),
                (0..count).map(|_| message(random)).collect(),
            )
        }
        40..55 => Command::Status(target(random, world)),
        55..65 => {
            let slash = if random.per_cent(10) { "/" } else { "" };
            Command::Create(any(random) + slash)
        }
        65..71 => Command::Delete(any(random)),
        71..81 => Command::Rename(target(random, world), any(random)),
        81..86 => Command::Subscribe(any(random)),
        86..90 => Command::Unsubscribe(any(random)),
        90..96 => Command::List(random.of_these(&["*", "%", "归档/%", "Work/*", "项目", "INBOX", "a&b"])),
        _ => Command::Lsub,
    }
}

fn flags(random: &mut Random) -> u8 {
    match random.below(10) {
        0..4 => crate::command::DELETED,
        4 => 0,
        _ => 1 << random.below(8) | 1 << random.below(8),
    }
}

fn set(random: &mut Random, uids: &[u32], place: Place) -> Set {
    let by_position = place != Place::After && random.per_cent(60);
    if by_position && !uids.is_empty() {
        return positions(random, uids.len(), place);
    }
    uid_set(random, uids, place)
}

fn positions(random: &mut Random, count: usize, place: Place) -> Set {
    let beyond = usize::from(place == Place::First && random.per_cent(4));
    let one = |random: &mut Random| Number::N(1 + random.below(count + beyond) as u32);
    ranges(random, one, (false, place))
}

fn uid_set(random: &mut Random, uids: &[u32], place: Place) -> Set {
    let last = uids.last().copied().unwrap_or(1);
    let one = |random: &mut Random| match uids {
        // Never given out: what a command before it tells of is not meant.
        [] => Number::N(u32::MAX),
        _ if random.per_cent(30) => Number::N(1 + random.below(last as usize) as u32),
        _ => Number::N(random.of_these(uids)),
    };
    ranges(random, one, (true, place))
}

fn ranges(random: &mut Random, one: impl Fn(&mut Random) -> Number, (by_uid, place): (bool, Place)) -> Set {
    let count = 1 + random.below(6) / 4;
    let range = |random: &mut Random| match random.below(10) {
        0..4 => {
            let n = one(random);
            (n, n)
        }
        4..7 => (one(random), one(random)),
        7 if place == Place::First => (Number::Last, Number::Last),
        8 if place == Place::First => (one(random), Number::Last),
        9 if place == Place::First => (Number::N(1), Number::Last),
        _ => (one(random), one(random)),
    };
    Set {
        by_uid,
        ranges: (0..count).map(|_| range(random)).collect(),
    }
}

fn items(random: &mut Random) -> Items {
    let mut items = Items {
        uid: random.per_cent(40),
        flags: random.per_cent(60),
        size: random.per_cent(30),
        body: None,
    };
    if random.per_cent(40) || !(items.uid || items.flags || items.size) {
        items.body = Some(Body {
            section: random.of_these(&["", "HEADER", "TEXT"]),
            peek: random.per_cent(50),
            partial: random
                .per_cent(30)
                .then(|| (random.below(200), 1 + random.below(100))),
        });
    }
    items
}

fn key(random: &mut Random, (uids, place): (&[u32], Place), depth: usize) -> Key {
    let inner = |random: &mut Random| Box::new(key(random, (uids, place), depth + 1));
    match random.below(if depth < 2 { 16 } else { 14 }) {
        0 => Key::All,
        1 | 2 => Key::Has(random.below(8) as u8),
        3 | 4 => Key::Lacks(random.below(8) as u8),
        5 => Key::Recent,
        6 => random.of_these(&[Key::New, Key::Old]),
        7 => Key::Larger(random.below(500) as u32),
        8 => Key::Smaller(random.below(500) as u32),
        9 if uids.is_empty() || place == Place::After => Key::Messages(uid_set(random, uids, place)),
        9 if random.per_cent(50) => {
            let mut set = positions(random, uids.len(), Place::After);
            set.by_uid = false;
            Key::Messages(set)
        }
        9 => Key::Messages(uid_set(random, uids, place)),
        10 => Key::Subject(random.of_these(&WORDS)),
        11 => Key::Body(random.of_these(&WORDS)),
        12 | 13 => Key::Text(random.of_these(&WORDS)),
        14 => Key::Not(inner(random)),
        _ => Key::Or(inner(random), inner(random)),
    }
}
