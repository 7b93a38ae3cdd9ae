//! The model of a run: the world, what every client was told, and whether what the server says can be.
//!
//! A step is what several clients do at once. Whether its commands were done in this order or that one is the server's business,
//! as long as there is one order in which everything it said is right. So each order is tried.

use std::collections::{BTreeMap, BTreeSet};

use crate::answers::Told;
use crate::command::{Command, Items, Number, Set};
use crate::imap_client::{Response, Tagged};
use crate::orders::{Act, Part, orders_of};
use crate::pop3_client::{self, Maildrop, Pop3, UniqueIds};
use crate::recent::{News, note_news};
use crate::told::{Heard, View};
use crate::world::{Brings, Expected, Open, Status, World, changed};

/// An IMAP client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    pub view: Option<View>,
    pub idle: bool,
    /// The server has said BYE.
    pub over: bool,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub world: World,
    pub sessions: Vec<Session>,
    pub maildrops: Vec<Option<Maildrop>>,
    pub unique_ids: UniqueIds,
    pub told: Told,
    /// By mailbox: messages from this uid on were told to no session that takes `\Recent`.
    pub marks: BTreeMap<u32, u32>,
    /// Messages that several openings were told of at once: one of these has `\Recent`.
    pub claims: BTreeMap<(u32, u32), BTreeSet<u64>>,
    openings: u64,
}

/// Who does something.
#[derive(Clone, Debug)]
pub enum Doing {
    Imap(usize, Vec<Command>),
    Pop3(usize, Vec<Pop3>),
    /// A delivery of a sample.
    Deliver(String, usize),
}

/// Everything that can be true: where several orders fit all that was said, what is said later decides.
pub struct Models(Vec<Model>);

impl Models {
    pub fn new(sessions: usize, maildrops: usize) -> Self {
        Models(vec![Model::new(sessions, maildrops)])
    }

    /// One that can be true.
    pub fn one(&self) -> &Model {
        &self.0[0]
    }

    pub fn reconnect(&mut self, session: usize) {
        self.0
            .iter_mut()
            .for_each(|model| model.sessions[session] = Session::default());
    }

    /// Takes a step in every order in which all that was said is right; there must be one.
    pub fn step(&mut self, done: &Done) -> Result<(), String> {
        let orders = orders_of(done.doings);
        let tried = self.0.len() * orders.len();
        let mut reasons: Vec<String> = Vec::new();
        let mut models: Vec<Model> = Vec::new();
        for before in self.0.drain(..) {
            let (last, others) = orders.split_last().expect("there is one order at least");
            let mut clones = vec![before; 1];
            for _ in others {
                clones.push(clones[0].clone());
            }
            for (mut model, order) in clones.into_iter().zip(others.iter().chain([last])) {
                match model.in_order(done, order) {
                    Err(why) if reasons.contains(&why) => {}
                    Err(why) => reasons.push(why),
                    Ok(()) if models.iter().any(|other| other.is_like(&model)) => {}
                    Ok(()) => models.push(model),
                }
            }
        }
        self.0 = models;
        reasons.truncate(3);
        match (self.0.len(), tried) {
            (0, 1) => Err(reasons.concat()),
            (0, _) => Err(format!(
                "in none of {tried} orders is it right: {}",
                reasons.join("; or ")
            )),
            (1..=MOST, _) => Ok(()),
            (many, _) => Err(format!("{many} orders are right: the model loses sight")),
        }
    }
}

/// More can never be true at once.
const MOST: usize = 100;

/// What a client heard in a step.
#[derive(Clone, Debug)]
pub enum Answer {
    Imap(Vec<Response>),
    Pop3(String),
    /// Uid validity and uid.
    Delivered(u32, u32),
}

/// A step that was done.
pub struct Done<'d> {
    pub doings: &'d [Doing],
    pub answers: &'d [Answer],
    /// What every IMAP client heard that was not doing anything, by its number.
    pub others: &'d [(usize, Vec<Response>)],
    /// Clients that were told of new messages while others did something have then asked for the uids: what they heard.
    pub asked: &'d [(usize, Vec<Response>)],
}

/// What a client asks then.
pub fn which() -> Command {
    let all = Set {
        by_uid: false,
        ranges: vec![(Number::N(1), Number::Last)],
    };
    Command::Fetch(
        all,
        Items {
            uid: true,
            ..Items::default()
        },
    )
}

/// One order of a step's commands, with the truth after each.
pub struct Order {
    pub worlds: Vec<World>,
    /// By doing and command: what is expected, and after how many commands it was done.
    expected: BTreeMap<(usize, usize), (Expected, usize)>,
    pub news: News,
    /// Uids by position of a client after its last command, where it has asked for them.
    uids: BTreeMap<usize, BTreeMap<usize, u32>>,
}

impl Model {
    pub fn new(sessions: usize, maildrops: usize) -> Self {
        Model {
            world: World::new(),
            sessions: vec![Session::default(); sessions],
            maildrops: vec![None; maildrops],
            unique_ids: UniqueIds::new(),
            told: Told::default(),
            marks: BTreeMap::new(),
            claims: BTreeMap::new(),
            openings: 0,
        }
    }

    /// Whether nothing that is said later can tell them apart, as far as it matters.
    fn is_like(&self, other: &Model) -> bool {
        self.world == other.world
            && self.sessions == other.sessions
            && self.maildrops == other.maildrops
            && self.marks == other.marks
            && self.claims == other.claims
            && self.unique_ids == other.unique_ids
            && self.told.validity == other.told.validity
    }

    fn in_order(&mut self, done: &Done, order: &[Act]) -> Result<(), String> {
        let mut steps = Order {
            worlds: vec![self.world.clone()],
            expected: BTreeMap::new(),
            news: BTreeMap::new(),
            uids: done
                .asked
                .iter()
                .map(|(session, heard)| (*session, uids_in(heard)))
                .collect(),
        };
        self.carry_out(done, order, &mut steps);
        self.check(done, &mut steps)
    }

    /// Does everything in an order.
    fn carry_out(&mut self, done: &Done, order: &[Act], steps: &mut Order) {
        let opens: Vec<Option<Open>> = self.sessions.iter().map(Session::open).collect();
        let mut world = self.world.clone();
        for (at, act) in order.iter().enumerate() {
            let expected = match &done.doings[act.doing] {
                Doing::Imap(session, commands) => {
                    let (open, command) = (opens[*session].as_ref(), &commands[act.command]);
                    match act.part {
                        Part::Whole => world.apply(open, command),
                        Part::Look => world.clone().apply(open, command),
                        Part::Mark => {
                            let (looked, moment) = steps.expected[&(act.doing, act.command)].clone();
                            if let (Some(open), Brings::Fetched(uids)) = (open, &looked.brings) {
                                world.mark_seen(open, uids, &steps.worlds[moment]);
                            }
                            looked
                        }
                    }
                }
                Doing::Pop3(client, commands) => self.pop3(*client, &commands[act.command], &mut world),
                Doing::Deliver(name, sample) => {
                    let (id, uid) = world.deliver(name, *sample);
                    Expected {
                        status: Status::Ok,
                        brings: Brings::Appended(id, vec![uid]),
                    }
                }
            };
            steps.worlds.push(world.clone());
            steps
                .expected
                .insert((act.doing, act.command), (expected, at + 1));
        }
        self.world = world;
    }

    /// Checks all that was said about it.
    fn check(&mut self, done: &Done, steps: &mut Order) -> Result<(), String> {
        for (number, (doing, answer)) in done.doings.iter().zip(done.answers).enumerate() {
            match (doing, answer) {
                (Doing::Imap(session, commands), Answer::Imap(responses)) => self
                    .imap((*session, number), (commands, responses), steps)
                    .map_err(|why| format!("I{session}: {why}"))?,
                (Doing::Pop3(client, commands), Answer::Pop3(said)) => {
                    self.check_pop3((*client, number), (commands, said), steps)
                        .map_err(|why| format!("P{client}: {why}"))?;
                }
                (Doing::Deliver(..), Answer::Delivered(validity, uid)) => {
                    let Brings::Appended(id, uids) = &steps.expected[&(number, 0)].0.brings else {
                        continue;
                    };
                    self.learn_validity(*id, *validity, &steps.worlds)?;
                    if uids[..] != [*uid] {
                        return Err(format!("delivered as uid {uid}, not {uids:?}"));
                    }
                }
                _ => return Err("another kind of answer".to_owned()),
            }
        }
        for (session, responses) in done.others {
            self.silent(*session, responses, steps)
                .map_err(|why| format!("I{session}: {why}"))?;
        }
        for (session, responses) in done.asked {
            let last = steps.worlds.len() - 1;
            let expected = self
                .world
                .apply(self.sessions[*session].open().as_ref(), &which());
            steps.expected.insert((usize::MAX, 0), (expected, last));
            self.imap((*session, usize::MAX), (&[which()], responses), steps)
                .map_err(|why| format!("I{session}: {why}"))?;
        }
        self.settle_recent(steps)
    }

    /// A client that has sent nothing hears nothing, but in IDLE (RFC 3501 §5.3, §7.4.1; RFC 2177).
    fn silent(&mut self, session: usize, responses: &[Response], steps: &mut Order) -> Result<(), String> {
        if !self.sessions[session].idle {
            return match responses {
                [] => Ok(()),
                _ => Err("the server speaks without being asked".to_owned()),
            };
        }
        let mut heard = Heard::default();
        for response in responses {
            self.hear(session, (&Command::Idle, response), (&mut heard, steps))?;
        }
        let last = steps.worlds.len() - 1;
        self.compare(session, &Command::Idle, (&heard, last), steps)
            .map(|_| ())
    }

    /// Checks what one client has heard in answer to its commands.
    fn imap(
        &mut self,
        (session, doing): (usize, usize),
        (commands, responses): (&[Command], &[Response]),
        steps: &mut Order,
    ) -> Result<(), String> {
        let mut responses = responses.iter();
        let mut since = 0;
        for (number, command) in commands.iter().enumerate() {
            let (expected, at) = steps.expected[&(doing, number)].clone();
            self.begin(session, command, &expected);
            let mut heard = Heard::default();
            let mut tagged = None;
            for response in responses.by_ref() {
                if let Response::Tagged(response) = response {
                    tagged = Some(response);
                    break;
                }
                self.hear(session, (command, response), (&mut heard, steps))?;
            }
            // Positions stay what they are now, so that the uids it asked for afterwards are those of now.
            let goes = |response: &Response| matches!(response, Response::Expunge(_));
            let leaves = |command: &Command| matches!(command, Command::Select { .. });
            heard.keeps_positions = doing != usize::MAX
                && !responses.as_slice().iter().any(goes)
                && !commands[number + 1..].iter().any(leaves);
            // BYE may follow the tagged response; the one of LOGOUT stands before it.
            if let [Response::Bye] = responses.as_slice() {
                responses.next();
                heard.bye = true;
            }
            if matches!(command, Command::Idle) && heard.continued {
                self.sessions[session].idle = true;
                let last = steps.worlds.len() - 1;
                self.compare(session, command, (&heard, last), steps)?;
                break;
            }
            since = self
                .end_command(
                    session,
                    (command, &expected),
                    (&heard, tagged, at.max(since)),
                    steps,
                )
                .map_err(|why| format!("{}: {why}", crate::imap_client::show(&command.print("…"))))?;
            if self.sessions[session].over {
                break;
            }
        }
        match responses.next() {
            None => Ok(()),
            Some(more) => Err(format!("more than was asked for: {more:?}")),
        }
    }

    /// What a command changes before anything is heard.
    fn begin(&mut self, session: usize, command: &Command, expected: &Expected) {
        self.openings += 1;
        let opening = self.openings;
        let session = &mut self.sessions[session];
        match (command, &expected.brings) {
            (Command::Select { read_only, .. }, Brings::Opened(mailbox)) => {
                session.view = Some(View::new(*mailbox, *read_only, opening));
            }
            (Command::Select { .. } | Command::Close | Command::Unselect, _)
                if expected.status != Status::Bad =>
            {
                session.view = None;
            }
            (_, Brings::Deleted(mailbox)) => {
                session.view.take_if(|view| view.mailbox == *mailbox);
            }
            (
                Command::Store {
                    action,
                    silent: true,
                    flags,
                    ..
                },
                Brings::Fetched(uids),
            ) => {
                let (action, flags) = (*action, *flags);
                if let Some(view) = &mut session.view {
                    view.store_silently(uids, |old| changed(old, action, flags));
                }
            }
            (Command::Done, _) => session.idle = false,
            _ => {}
        }
    }

    fn hear(
        &mut self,
        session: usize,
        (command, response): (&Command, &Response),
        (heard, steps): (&mut Heard, &Order),
    ) -> Result<(), String> {
        match response {
            Response::Bye => heard.bye = true,
            Response::Continue => heard.continued = true,
            Response::Ok(code) => heard.codes.push(code.clone()),
            Response::Search(found) => heard.found = Some(found.clone()),
            Response::Status(name, items) => heard.counts = Some((name.clone(), items.clone())),
            Response::List(attributes, name) => heard.listed.push((attributes.clone(), name.clone())),
            Response::Lsub(name) => heard.subscribed.push(name.clone()),
            Response::Tagged(tagged) => return Err(format!("a tag without a command: {}", tagged.tag)),
            about_mailbox => {
                let Some(view) = &mut self.sessions[session].view else {
                    return Err(format!("no mailbox is open: {about_mailbox:?}"));
                };
                heard
                    .fetched
                    .extend(view.hear(about_mailbox, command, &steps.worlds)?);
            }
        }
        Ok(())
    }

    /// Checks the tagged response and that the client knows what is true; gives the moment of which it knows.
    fn end_command(
        &mut self,
        session: usize,
        (command, expected): (&Command, &Expected),
        (heard, tagged, since): (&Heard, Option<&Tagged>, usize),
        steps: &mut Order,
    ) -> Result<usize, String> {
        match (tagged, expected.status) {
            (None, Status::Bye) => {}
            (None, _) => return Err("no tagged response".to_owned()),
            (Some(tagged), status) => {
                let try_create = tagged.code == "TRYCREATE";
                let right = match status {
                    Status::Ok => tagged.status == "OK",
                    Status::No => tagged.status == "NO" && !try_create,
                    Status::TryCreate => tagged.status == "NO" && try_create,
                    Status::Bad => tagged.status == "BAD",
                    Status::Bye => tagged.status == "NO",
                };
                if !right {
                    return Err(format!(
                        "{} [{}], and {status:?} is right",
                        tagged.status, tagged.code
                    ));
                }
                self.check_code(command, expected, (heard, tagged, &steps.worlds))?;
            }
        }
        if matches!(command, Command::Logout) {
            self.sessions[session].over = true;
            return if heard.bye {
                Ok(since)
            } else {
                Err("no BYE".to_owned())
            };
        }
        self.check_brought(session, (command, expected), (heard, since, &steps.worlds))?;
        self.compare(session, command, (heard, since), steps)
    }

    /// Compares with the truths from a moment on; gives the first that fits.
    fn compare(
        &mut self,
        session: usize,
        command: &Command,
        (heard, since): (&Heard, usize),
        steps: &mut Order,
    ) -> Result<usize, String> {
        let uids = steps.uids.get(&session).filter(|_| heard.keeps_positions);
        let Session { view, over, .. } = &mut self.sessions[session];
        let Some(view) = view else {
            return if heard.bye {
                Err("BYE without a reason".to_owned())
            } else {
                Ok(since)
            };
        };
        let last = steps.worlds.last().and_then(|world| world.mailbox(view.mailbox));
        if heard.bye {
            *over = true;
            return if last.is_none() {
                Ok(since)
            } else {
                Err("BYE without a reason".to_owned())
            };
        }
        let mut why = "the mailbox is gone, and no BYE was said".to_owned();
        for (at, world) in steps.worlds.iter().enumerate().skip(since) {
            let Some(mailbox) = world.mailbox(view.mailbox) else {
                continue;
            };
            let known = view.clone();
            let compared = view.compare(mailbox, command).and_then(|()| match uids {
                Some(uids) => view.check_uids(uids),
                None => Ok(()),
            });
            match compared {
                Err(not) => (*view, why) = (known, not),
                Ok(()) => {
                    note_news(&mut steps.news, view, mailbox.next_uid);
                    self.told.check_copies(mailbox)?;
                    return Ok(at);
                }
            }
        }
        Err(why)
    }

    fn pop3(&mut self, client: usize, command: &Pop3, world: &mut World) -> Expected {
        let free = self.maildrops.iter().all(Option::is_none);
        let maildrop = &mut self.maildrops[client];
        let mut status = Status::Ok;
        match command {
            Pop3::Login if free => *maildrop = Some(pop3_client::open(world)),
            Pop3::Login => status = Status::No,
            Pop3::Quit => {
                if let Some(maildrop) = maildrop.take() {
                    pop3_client::update(&maildrop, world);
                }
            }
            Pop3::Break => *maildrop = None,
            _ => {}
        }
        Expected {
            status,
            brings: Brings::Nothing,
        }
    }

    fn check_pop3(
        &mut self,
        (client, doing): (usize, usize),
        (commands, said): (&[Pop3], &str),
        steps: &Order,
    ) -> Result<(), String> {
        let mut rest = said;
        for (number, command) in commands.iter().enumerate() {
            let last = steps.worlds.last().expect("there is the one before");
            match command {
                Pop3::Break => return Ok(()),
                Pop3::Login => {
                    let wanted = steps.expected[&(doing, number)].0.status == Status::Ok;
                    let mut words = Vec::new();
                    for _ in 0..3 {
                        let (line, after) = rest.split_once("\r\n").unwrap_or_default();
                        words.push(line.starts_with("+OK"));
                        rest = after;
                    }
                    if words != [true, true, wanted] {
                        return Err(format!("the login is answered {said:?}; granted: {wanted}"));
                    }
                    if wanted {
                        let Some(maildrop) = &mut self.maildrops[client] else {
                            continue;
                        };
                        let checked = pop3_client::check(
                            &Pop3::Uidl,
                            &mut rest,
                            (maildrop, &mut self.unique_ids, last),
                        );
                        checked.map_err(|why| format!("UIDL after the login: {why}"))?;
                    }
                    return Ok(());
                }
                Pop3::Quit => {
                    return if rest.starts_with("+OK") && rest.lines().count() == 1 {
                        Ok(())
                    } else {
                        Err(format!("QUIT is answered {rest:?}"))
                    };
                }
                command => {
                    let Some(maildrop) = &mut self.maildrops[client] else {
                        continue;
                    };
                    let checked =
                        pop3_client::check(command, &mut rest, (maildrop, &mut self.unique_ids, last));
                    checked.map_err(|why| format!("{}: {why}", command.print().trim_end()))?;
                }
            }
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(format!("more than was asked for: {rest:?}"))
        }
    }
}

impl Session {
    fn open(&self) -> Option<Open> {
        self.view.as_ref().map(|view| Open {
            mailbox: view.mailbox,
            read_only: view.read_only,
            told: view.uids(),
            recent: view.recent_uids(),
        })
    }
}

fn uids_in(heard: &[Response]) -> BTreeMap<usize, u32> {
    let uid = |response: &Response| match response {
        Response::Fetch(position, fetched) => fetched.uid.map(|uid| (*position, uid)),
        _ => None,
    };
    heard.iter().filter_map(uid).collect()
}
