//! What clients do while the server is traced, and what must be there after each of their commands.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::thread;

use end_to_end::{Conversation, Server, Service, messages};

use super::disk::Random;

/// How many commands a client of IMAP gives in one life of the server.
const STEPS: u64 = 60;
/// How many messages a client of SMTP sends in one life.
const LETTERS: u64 = 60;
/// The server is stopped and started again so often.
const LIVES: u64 = 3;

/// A message that was acknowledged over SMTP under a name of the server's.
pub(super) struct Letter {
    /// What the server called it.
    pub(super) id: String,
    pub(super) message: String,
    pub(super) to: &'static [&'static str],
}

/// What a client of IMAP did to mailboxes that only it touches.
pub(super) struct Worker {
    /// The beginning of the names of its mailboxes.
    pub(super) prefix: String,
    /// The tag of each command, and what must be there when it is done; the first is before all.
    pub(super) states: Vec<(String, String)>,
}

/// All that was done, and the traces of it.
pub(super) struct Record {
    pub(super) letters: Vec<Letter>,
    pub(super) workers: Vec<Worker>,
    pub(super) traces: Vec<String>,
    pub(super) data: PathBuf,
}

/// A mailbox of the model: validity, next uid, messages.
#[derive(Clone, Default)]
struct Mailbox {
    next_uid: u32,
    messages: BTreeMap<u32, (String, Vec<String>)>,
}

/// The mailboxes of one worker.
struct Model {
    tag: u64,
    worker: Worker,
    mailboxes: BTreeMap<String, Mailbox>,
    random: Random,
}

/// Runs the server under `strace` and everything against it.
pub(super) fn record(folder: &Path) -> Record {
    let data = folder.join("data");
    let mut models: Vec<Model> = (0..2).map(Model::new).collect();
    let (mut letters, mut traces) = (Vec::new(), Vec::new());
    for life in 0..LIVES {
        let trace = folder.join(format!("trace-{life}"));
        let mut server = Server::start_traced(&data, &trace, super::trace::CALLS).unwrap();
        if life == 0 {
            server.add("alice@example.org", "tin whistle");
            server.add("bob@example.org", "blue door");
        }
        let (smtp, running) = (server.port(Service::Smtp), &server);
        thread::scope(|scope| {
            for model in &mut models {
                scope.spawn(move || model.run(running));
            }
            let writers: Vec<_> = (0..2)
                .map(|writer| scope.spawn(move || deliver(smtp, life, writer)))
                .collect();
            for writer in writers {
                letters.extend(writer.join().unwrap());
            }
        });
        assert!(server.stop().success());
        traces.push(std::fs::read_to_string(&trace).unwrap());
    }
    let workers = models.into_iter().map(|model| model.worker).collect();
    Record {
        letters,
        workers,
        traces,
        data,
    }
}

/// A message whose content follows from its name; some are long.
fn letter(name: &str, lines: u64) -> String {
    let mut message = messages::plain(name);
    for line in 0..lines {
        write!(message, "{name} line {line}\r\n").unwrap();
    }
    message
}

fn deliver(port: u16, life: u64, writer: u64) -> Vec<Letter> {
    let mut smtp = Conversation::try_open(port).unwrap();
    smtp.expect("220");
    smtp.say("EHLO client.example");
    smtp.expect("250");
    let mut random = Random(life * 100 + writer);
    let mut letters = Vec::new();
    for number in 0..LETTERS {
        let message = letter(
            &format!("smtp-{life}-{writer}-{number}"),
            random.below(12) * random.below(40),
        );
        let to: &[&str] = if number % 4 == 0 {
            &["alice", "bob"]
        } else {
            &["alice"]
        };
        smtp.say("MAIL FROM:<sender@example.net>");
        smtp.expect("250");
        for name in to {
            smtp.say(&format!("RCPT TO:<{name}@example.org>"));
            smtp.expect("250");
        }
        smtp.say("DATA");
        smtp.expect("354");
        smtp.send(format!("{message}.\r\n").as_bytes()).unwrap();
        let reply = smtp.expect("250 2.0.0 OK, stored as ");
        let id = reply.rsplit(' ').next().unwrap().to_owned();
        letters.push(Letter { id, message, to });
    }
    letters
}

impl Model {
    fn new(worker: u64) -> Model {
        let prefix = format!("w{worker}");
        let states = vec![(String::new(), String::new())];
        Model {
            tag: 0,
            worker: Worker { prefix, states },
            mailboxes: BTreeMap::new(),
            random: Random(worker + 1),
        }
    }

    fn run(&mut self, server: &Server) {
        let mut imap = Conversation::open(server, Service::Imap);
        imap.line().unwrap();
        imap.ok("LOGIN alice \"tin whistle\"");
        if self.mailboxes.is_empty() {
            self.create(&mut imap, "box");
            self.create(&mut imap, "other");
        }
        self.select(&mut imap);
        for _ in 0..STEPS {
            self.step(&mut imap);
        }
    }

    fn step(&mut self, imap: &mut Conversation) {
        let uids: Vec<u32> = self.mailboxes["box"].messages.keys().copied().collect();
        let uid = match uids.len() as u64 {
            0 => return self.append(imap),
            count => uids[usize::try_from(self.random.below(count)).unwrap()],
        };
        match self.random.below(12) {
            0..=4 => self.append(imap),
            5 => self.store(imap, uid, "\\Flagged"),
            6 => self.store(imap, uid, &format!("word{}", self.tag % 5)),
            7 => self.transfer(imap, "COPY", uid),
            8 => self.transfer(imap, "MOVE", uid),
            9 => {
                self.store(imap, uid, "\\Deleted");
                self.expunge(imap);
            }
            10 => self.rename(imap),
            _ => {
                self.delete(imap);
                self.create(imap, "other");
            }
        }
    }

    /// Gives a command under a tag that the trace will show, and notes what must be there when it is acknowledged.
    fn command(&mut self, imap: &mut Conversation, command: &str) {
        self.tag += 1;
        let tag = format!("{}-{}-", self.worker.prefix, self.tag);
        self.worker.states.push((tag.clone(), self.print()));
        imap.send(format!("{tag} {command}\r\n").as_bytes()).unwrap();
        loop {
            let line = imap.line().unwrap();
            if let Some(answer) = line.strip_prefix(&tag) {
                assert!(answer.starts_with(" OK"), "{command}: {line}");
                return;
            }
        }
    }

    fn select(&mut self, imap: &mut Conversation) {
        let name = self.name("box");
        imap.ok(&format!("SELECT {name}"));
    }

    fn name(&self, mailbox: &str) -> String {
        format!("{}-{mailbox}", self.worker.prefix)
    }

    fn create(&mut self, imap: &mut Conversation, mailbox: &str) {
        let new = Mailbox {
            next_uid: 1,
            ..Mailbox::default()
        };
        self.mailboxes.insert(mailbox.to_owned(), new);
        let name = self.name(mailbox);
        self.command(imap, &format!("CREATE {name}"));
    }

    fn delete(&mut self, imap: &mut Conversation) {
        self.mailboxes.remove("other");
        let name = self.name("other");
        self.command(imap, &format!("DELETE {name}"));
    }

    /// There and back: two commands.
    fn rename(&mut self, imap: &mut Conversation) {
        for (from, to) in [("other", "renamed"), ("renamed", "other")] {
            let mailbox = self.mailboxes.remove(from).unwrap();
            self.mailboxes.insert(to.to_owned(), mailbox);
            let (from, to) = (self.name(from), self.name(to));
            self.command(imap, &format!("RENAME {from} {to}"));
        }
    }

    fn append(&mut self, imap: &mut Conversation) {
        let subject = format!("{}-{}", self.worker.prefix, self.tag);
        let message = letter(&subject, self.random.below(10) * self.random.below(30));
        self.mailboxes
            .get_mut("box")
            .unwrap()
            .push(subject, vec!["\\Seen".into()]);
        let name = self.name("box");
        self.command(
            imap,
            &format!("APPEND {name} (\\Seen) {{{}+}}\r\n{message}", message.len()),
        );
    }

    fn store(&mut self, imap: &mut Conversation, uid: u32, keyword: &str) {
        let (_, keywords) = self
            .mailboxes
            .get_mut("box")
            .unwrap()
            .messages
            .get_mut(&uid)
            .unwrap();
        if !keywords.iter().any(|known| known == keyword) {
            keywords.push(keyword.to_owned());
            keywords.sort();
        }
        self.command(imap, &format!("UID STORE {uid} +FLAGS ({keyword})"));
    }

    fn transfer(&mut self, imap: &mut Conversation, verb: &str, uid: u32) {
        let source = self.mailboxes.get_mut("box").unwrap();
        let (subject, keywords) = source.messages[&uid].clone();
        if verb == "MOVE" {
            source.messages.remove(&uid);
        }
        self.mailboxes.get_mut("other").unwrap().push(subject, keywords);
        let name = self.name("other");
        self.command(imap, &format!("UID {verb} {uid} {name}"));
    }

    fn expunge(&mut self, imap: &mut Conversation) {
        let mailbox = self.mailboxes.get_mut("box").unwrap();
        let stays = |keywords: &[String]| !keywords.iter().any(|keyword| keyword == "\\Deleted");
        mailbox.messages.retain(|_, (_, keywords)| stays(keywords));
        self.command(imap, "EXPUNGE");
    }

    /// The mailboxes as text, as the verifier prints them.
    fn print(&self) -> String {
        let mut text = String::new();
        for (name, mailbox) in &self.mailboxes {
            writeln!(text, "{}, next {}", self.name(name), mailbox.next_uid).unwrap();
            for (uid, (subject, keywords)) in &mailbox.messages {
                writeln!(text, "{uid} {subject} {}", keywords.join(" ")).unwrap();
            }
        }
        text
    }
}

impl Mailbox {
    fn push(&mut self, subject: String, keywords: Vec<String>) {
        self.messages.insert(self.next_uid, (subject, keywords));
        self.next_uid += 1;
    }
}
