//! The model of a run: the world, what every client was told, and whether what the server says can be.
//!
//! A step is what several clients do at once. Whether its commands were done in this order or that one is the server's business,
//! as long as there is one order in which everything it said is right. So each order is tried.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::{Command, Items, Number, Set};
use crate::imap_client::{Response, Tagged};
use crate::pop3_client::{self, Maildrop, Pop3, UniqueIds};
use crate::told::{Heard, Recent, View};
use crate::world::{Brings, Expected, Open, Status, World, changed, is_former};

/// An IMAP client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    pub view: Option<View>,
    pub idle: bool,
    /// The server has said BYE.
    pub over: bool,
}

/// A uid validity, and messages by their uids in it, all that were ever told.
#[derive(Clone, Debug, Default)]
struct Told {
    validity: BTreeMap<u32, u32>,
    /// Of the mailboxes that ever had a name: the last one's validity.
    of_name: BTreeMap<String, (u32, u32)>,
    copies: BTreeMap<(String, u32, u32), u32>,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub world: World,
    pub sessions: Vec<Session>,
    pub maildrops: Vec<Option<Maildrop>>,
    unique_ids: UniqueIds,
    told: Told,
    /// By mailbox: messages from this uid on were told to no session that takes `\Recent`.
    marks: BTreeMap<u32, u32>,
    /// Messages that several openings were told of at once: one of these has `\Recent`.
    claims: BTreeMap<(u32, u32), BTreeSet<u64>>,
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
struct Order {
    worlds: Vec<World>,
    /// By doing and command: what is expected, and after how many commands it was done.
    expected: BTreeMap<(usize, usize), (Expected, usize)>,
    /// Mailbox, uid, opening, whether it takes `\Recent`.
    news: BTreeMap<(u32, u32), Vec<(u64, bool)>>,
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
        let opens: Vec<Option<Open>> = self.sessions.iter().map(Session::open).collect();
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
        let mut world = self.world.clone();
        for (at, act) in order.iter().enumerate() {
            let expected = match &done.doings[act.doing] {
                Doing::Imap(session, commands) => {
                    let (open, command) = (opens[*session].as_ref(), &commands[act.command]);
                    match act.part {
                        Part::Whole => world.apply(open, command),
                        Part::Look => world.clone().apply(open, command),
                        Part::Mark => {
                            let looked = steps.expected[&(act.doing, act.command)].0.clone();
                            if let (Some(open), Brings::Fetched(uids)) =
                                (open.filter(|open| !open.read_only), &looked.brings)
                            {
                                world.mark_seen(open.mailbox, uids);
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
        for (number, (doing, answer)) in done.doings.iter().zip(done.answers).enumerate() {
            match (doing, answer) {
                (Doing::Imap(session, commands), Answer::Imap(responses)) => self
                    .imap((*session, number), (commands, responses), &mut steps)
                    .map_err(|why| format!("I{session}: {why}"))?,
                (Doing::Pop3(client, commands), Answer::Pop3(said)) => {
                    self.check_pop3((*client, number), (commands, said), &steps)
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
            self.silent(*session, responses, &mut steps)
                .map_err(|why| format!("I{session}: {why}"))?;
        }
        for (session, responses) in done.asked {
            let last = steps.worlds.len() - 1;
            let expected = self
                .world
                .apply(self.sessions[*session].open().as_ref(), &which());
            steps.expected.insert((usize::MAX, 0), (expected, last));
            self.imap((*session, usize::MAX), (&[which()], responses), &mut steps)
                .map_err(|why| format!("I{session}: {why}"))?;
        }
        self.settle_recent(&steps)
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
            let mut heard = Heard {
                is_last: number + 1 == commands.len() && doing != usize::MAX,
                ..Heard::default()
            };
            let mut tagged = None;
            while let Some(response) = responses.next() {
                if let Response::Tagged(response) = response {
                    tagged = Some(response);
                    break;
                }
                self.hear(session, (command, response), (&mut heard, steps))?;
            }
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
        let uids = steps.uids.get(&session).filter(|_| heard.is_last);
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
                    let next = mailbox.next_uid;
                    for entry in &view.entries {
                        if let (Some(uid), Recent::New(_)) = (entry.uid, entry.recent) {
                            let told = steps.news.entry((view.mailbox, uid)).or_default();
                            if !told.contains(&(view.opening, !view.read_only)) {
                                told.push((view.opening, !view.read_only));
                            }
                        }
                    }
                    self.told.check_copies(mailbox)?;
                    if !view.read_only {
                        let told = steps.news.entry((view.mailbox, u32::MAX)).or_default();
                        told.push((next.into(), true));
                    }
                    return Ok(at);
                }
            }
        }
        Err(why)
    }

    /// Who has `\Recent` (RFC 3501 §2.3.2: the first session that is told, if it can write, and no other).
    fn settle_recent(&mut self, steps: &Order) -> Result<(), String> {
        for session in &mut self.sessions {
            let Some(view) = &mut session.view else { continue };
            let mark = self.marks.get(&view.mailbox).copied().unwrap_or(1);
            for entry in &mut view.entries {
                let Some(uid) = entry.uid else { continue };
                if let Recent::New(seen) = entry.recent {
                    let told = steps
                        .news
                        .get(&(view.mailbox, uid))
                        .map_or(&[][..], Vec::as_slice);
                    let takers = told.iter().filter(|(_, takes)| *takes).count();
                    let settled = match (uid >= mark, view.read_only, takers) {
                        (false, ..) => Recent::No,
                        (true, true, 0) | (true, false, 1) => Recent::Yes,
                        _ => Recent::Maybe,
                    };
                    if settled == Recent::Maybe && !view.read_only {
                        let openings = told
                            .iter()
                            .filter(|(_, takes)| *takes)
                            .map(|(opening, _)| *opening);
                        self.claims
                            .entry((view.mailbox, uid))
                            .or_insert_with(|| openings.collect());
                    }
                    entry.recent = match (settled, seen) {
                        (Recent::Yes, Some(false)) => {
                            return Err(format!("uid {uid} is new and not \\Recent"));
                        }
                        (Recent::No, Some(true)) => {
                            return Err(format!("uid {uid} is \\Recent a second time"));
                        }
                        (Recent::Maybe, Some(true)) => Recent::Yes,
                        (Recent::Maybe, Some(false)) => Recent::No,
                        (settled, _) => settled,
                    };
                }
            }
        }
        for ((mailbox, uid), told) in &steps.news {
            if *uid == u32::MAX {
                let next = told
                    .iter()
                    .map(|(next, _)| u32::try_from(*next).unwrap_or(0))
                    .max();
                let mark = self.marks.entry(*mailbox).or_insert(1);
                *mark = next.unwrap_or(1).max(*mark);
            }
        }
        self.settle_claims()?;
        let last = steps.worlds.last().expect("there is the one before");
        self.sessions
            .iter()
            .filter_map(|s| s.view.as_ref())
            .try_for_each(|view| view.check_recent_count(last))
    }

    /// Of those who were told at once, exactly one has it.
    fn settle_claims(&mut self) -> Result<(), String> {
        for ((mailbox, uid), openings) in &mut self.claims {
            let mut owner = None;
            for view in self.sessions.iter().filter_map(|session| session.view.as_ref()) {
                if view.mailbox != *mailbox || !openings.contains(&view.opening) {
                    continue;
                }
                match view
                    .entries
                    .iter()
                    .find(|entry| entry.uid == Some(*uid))
                    .map(|entry| entry.recent)
                {
                    Some(Recent::Yes) if owner.is_some() => {
                        return Err(format!("uid {uid} is \\Recent in two sessions"));
                    }
                    Some(Recent::Yes) => owner = Some(view.opening),
                    Some(Recent::No) => _ = openings.remove(&view.opening),
                    _ => {}
                }
            }
            if openings.is_empty() {
                return Err(format!("uid {uid} was new and is \\Recent nowhere"));
            }
            if let Some(owner) = owner {
                *openings = BTreeSet::from([owner]);
            }
            let [one] = openings.iter().collect::<Vec<_>>()[..] else {
                continue;
            };
            for view in self
                .sessions
                .iter_mut()
                .filter_map(|session| session.view.as_mut())
            {
                if view.mailbox != *mailbox || view.read_only {
                    continue;
                }
                let is_owner = view.opening == *one;
                let maybe = view
                    .entries
                    .iter_mut()
                    .filter(|e| e.uid == Some(*uid) && e.recent == Recent::Maybe);
                maybe.for_each(|entry| entry.recent = if is_owner { Recent::Yes } else { Recent::No });
            }
        }
        self.claims.retain(|_, openings| openings.len() > 1);
        Ok(())
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

    fn learn_validity(&mut self, id: u32, validity: u32, worlds: &[World]) -> Result<(), String> {
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
    fn check_code(
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
    fn check_brought(
        &mut self,
        session: usize,
        (command, expected): (&Command, &Expected),
        (heard, at, worlds): (&Heard, usize, &[World]),
    ) -> Result<(), String> {
        let view = self.sessions[session].view.as_ref();
        match &expected.brings {
            Brings::Fetched(uids) => {
                let last = worlds
                    .last()
                    .zip(view)
                    .and_then(|(world, view)| world.mailbox(view.mailbox));
                let Some(last) = last else { return Ok(()) };
                // What somebody else has expunged meanwhile may be missing.
                let there = uids.iter().filter_map(|uid| last.find(*uid));
                for message in there {
                    let about: Vec<_> = heard
                        .fetched
                        .iter()
                        .filter(|(uid, _)| *uid == message.uid)
                        .collect();
                    let has = match command {
                        Command::Fetch(_, items) => {
                            let body = items
                                .body
                                .as_ref()
                                .map(|body| (body.name(), body.of(message.sample).to_vec()));
                            about.iter().any(|(_, f)| {
                                (!items.uid || f.uid.is_some())
                                    && (!items.flags || f.flags.is_some())
                                    && (!items.size || f.size.is_some())
                                    && body.as_ref().is_none_or(|body| f.bodies.contains(body))
                            })
                        }
                        Command::Store { silent: false, .. } => about.iter().any(|(_, f)| f.flags.is_some()),
                        _ => true,
                    };
                    if !has {
                        return Err(format!(
                            "of uid {} not all that was asked for is told",
                            message.uid
                        ));
                    }
                }
                Ok(())
            }
            Brings::Found(uids, known) => {
                let by_uid = matches!(command, Command::Search { by_uid: true, .. });
                let told = view.map(View::uids).unwrap_or_default();
                let position = |uid: &u32| {
                    told.iter()
                        .position(|known| known == uid)
                        .map_or(0, |at| at as u32 + 1)
                };
                let wanted: Vec<u32> = uids
                    .iter()
                    .map(|uid| if by_uid { *uid } else { position(uid) })
                    .collect();
                // A command before it in the same breath may have told of messages that the client did not know when it
                // sent both.
                let known = |number: &&u32| match by_uid {
                    true => known.contains(number),
                    false => **number as usize <= known.len(),
                };
                match &heard.found {
                    Some(found) if found.iter().filter(known).eq(&wanted) => Ok(()),
                    found => Err(format!("found {found:?}, and {wanted:?} is right")),
                }
            }
            Brings::Counts(mailbox) => {
                let Some((name, items)) = &heard.counts else {
                    return Err("no STATUS".to_owned());
                };
                let value = |wanted: &str| {
                    items
                        .iter()
                        .find(|(item, _)| item == wanted)
                        .map_or(u32::MAX, |(_, v)| *v)
                };
                let count = |wanted: &dyn Fn(&crate::world::Message) -> bool| {
                    mailbox.messages.iter().filter(|message| wanted(message)).count() as u32
                };
                let mark = self.marks.get(&mailbox.id).copied().unwrap_or(1);
                let recent = if worlds.len() == 2 {
                    count(&|m| m.uid >= mark)
                } else {
                    value("RECENT")
                };
                let octets = mailbox
                    .messages
                    .iter()
                    .map(|m| crate::messages::SAMPLES[m.sample].bytes.len());
                let wanted = [
                    ("MESSAGES", count(&|_| true)),
                    ("UIDNEXT", mailbox.next_uid),
                    ("UNSEEN", count(&|m| m.flags & crate::command::SEEN == 0)),
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
            Brings::Listed(wanted) => {
                let has = |attributes: &[String], word: &str| attributes.iter().any(|a| a == word);
                let listed = heard.listed.iter().map(|(attributes, name)| {
                    (
                        name.clone(),
                        !has(attributes, "\\Noselect"),
                        has(attributes, "\\HasChildren"),
                    )
                });
                let mut listed: Vec<_> = listed.collect();
                listed.sort();
                (listed == *wanted)
                    .then_some(())
                    .ok_or_else(|| format!("listed {listed:?}, and {wanted:?} is right"))
            }
            Brings::Subscribed(wanted) => {
                let listed: BTreeSet<String> = heard.subscribed.iter().cloned().collect();
                (listed == **wanted)
                    .then_some(())
                    .ok_or_else(|| format!("listed {listed:?}, and {wanted:?} is right"))
            }
            Brings::Opened(id) => self.check_opened((*id, at), heard, worlds),
            _ => Ok(()),
        }
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
        let unseen = |mailbox: &crate::world::Mailbox| {
            let first = mailbox
                .messages
                .iter()
                .position(|m| m.flags & crate::command::SEEN == 0);
            first.map(|at| at as u32 + 1)
        };
        match number("UNSEEN") {
            told if mailboxes.iter().any(|mailbox| unseen(mailbox) == told) => Ok(()),
            told => Err(format!("UNSEEN is {told:?}")),
        }
    }
}

impl Told {
    /// RFC 3501 §2.3.1.1: name, validity and uid mean one message for ever.
    fn check_copies(&mut self, mailbox: &crate::world::Mailbox) -> Result<(), String> {
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

/// `uid-set` of single numbers and ranges (RFC 4315 §4).
fn parse_uids(text: &str) -> Option<Vec<u32>> {
    let mut uids = Vec::new();
    for range in text.split(',') {
        let (from, to) = range.split_once(':').unwrap_or((range, range));
        uids.extend(from.parse::<u32>().ok()?..=to.parse().ok()?);
    }
    Some(uids)
}

/// A command of a client, or a part of one, in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Act {
    doing: usize,
    command: usize,
    part: Part,
}

/// FETCH that sets `\Seen` looks first and marks then; somebody else may come in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Look,
    Mark,
}

/// All ways to put the commands of a step into one order, each client's own in theirs.
fn orders_of(doings: &[Doing]) -> Vec<Vec<Act>> {
    let acts = |(doing, all): (usize, &Doing)| -> Vec<Act> {
        let act = |command, part| Act { doing, command, part };
        match all {
            Doing::Imap(_, commands) => commands
                .iter()
                .enumerate()
                .flat_map(|(command, what)| match what {
                    Command::Fetch(_, items) if items.sets_seen() && doings.len() > 1 => {
                        vec![act(command, Part::Look), act(command, Part::Mark)]
                    }
                    _ => vec![act(command, Part::Whole)],
                })
                .collect(),
            Doing::Pop3(_, commands) => (0..commands.len())
                .map(|command| act(command, Part::Whole))
                .collect(),
            Doing::Deliver(..) => vec![act(0, Part::Whole)],
        }
    };
    let own: Vec<Vec<Act>> = doings.iter().enumerate().map(acts).collect();
    let mut orders = vec![Vec::new()];
    for _ in 0..own.iter().map(Vec::len).sum() {
        let mut longer = Vec::new();
        for order in orders {
            for acts in &own {
                let so_far = order
                    .iter()
                    .filter(|act: &&Act| act.doing == acts[0].doing)
                    .count();
                if let Some(next) = acts.get(so_far) {
                    let mut order = order.clone();
                    order.push(*next);
                    longer.push(order);
                }
            }
        }
        orders = longer;
    }
    orders
}
