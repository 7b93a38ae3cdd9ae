//! The commands of the simulated IMAP clients, and how they are written (RFC 3501 §6).

use crate::messages::SAMPLES;
use crate::names;

/// Flags as bits, in the order of [`FLAGS`].
pub type Flags = u8;

pub const SEEN: Flags = 1;
pub const DELETED: Flags = 8;
pub const FLAGS: [&str; 8] = [
    "\\Seen",
    "\\Answered",
    "\\Flagged",
    "\\Deleted",
    "\\Draft",
    "$work",
    "later",
    "junk",
];

/// The words of a set of flags.
pub fn print_flags(flags: Flags) -> String {
    let set = (0..8).filter(|bit| flags >> bit & 1 == 1);
    set.map(|bit| FLAGS[bit]).collect::<Vec<_>>().join(" ")
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    N(u32),
    Last,
}

/// `sequence-set`, with or without UID before the command.
#[derive(Clone, Debug)]
pub struct Set {
    pub by_uid: bool,
    pub ranges: Vec<(Number, Number)>,
}

impl Set {
    fn print(&self) -> String {
        let print = |number| match number {
            Number::N(n) => n.to_string(),
            Number::Last => "*".to_owned(),
        };
        let range = |(a, b): &(Number, Number)| match a == b {
            true => print(*a),
            false => format!("{}:{}", print(*a), print(*b)),
        };
        self.ranges.iter().map(range).collect::<Vec<_>>().join(",")
    }

    /// The uids of the messages it names for a client that was told of these; `None` where a position is no message's
    /// (RFC 3501 §9, `seq-number`).
    pub fn resolve(&self, told: &[u32]) -> Option<Vec<u32>> {
        let last = if self.by_uid {
            told.last().copied().unwrap_or(0)
        } else {
            told.len() as u32
        };
        let mut found = Vec::new();
        for (a, b) in &self.ranges {
            let value = |number: &Number| match number {
                Number::N(n) => *n,
                Number::Last => last,
            };
            let (from, to) = (value(a).min(value(b)), value(a).max(value(b)));
            if self.by_uid {
                found.extend(told.iter().filter(|uid| from <= **uid && **uid <= to));
            } else if from == 0 || to > last {
                return None;
            } else {
                found.extend(&told[from as usize - 1..to as usize]);
            }
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
    }
}

/// What FETCH asks for.
#[derive(Clone, Debug, Default)]
pub struct Items {
    pub uid: bool,
    pub flags: bool,
    pub size: bool,
    pub body: Option<Body>,
}

/// `BODY[…]`.
#[derive(Clone, Debug)]
pub struct Body {
    /// Nothing, `HEADER` or `TEXT`.
    pub section: &'static str,
    pub peek: bool,
    pub partial: Option<(usize, usize)>,
}

impl Body {
    /// What it must bring.
    pub fn of(&self, sample: usize) -> &'static [u8] {
        let sample = &SAMPLES[sample];
        let octets = match self.section {
            "HEADER" => &sample.bytes[..sample.header()],
            "TEXT" => &sample.bytes[sample.header()..],
            _ => &sample.bytes[..],
        };
        let Some((start, count)) = self.partial else {
            return octets;
        };
        let start = start.min(octets.len());
        &octets[start..(start + count).min(octets.len())]
    }

    /// Its name in the response.
    pub fn name(&self) -> String {
        let partial = self.partial.map(|(start, _)| format!("<{start}>"));
        format!("BODY[{}]{}", self.section, partial.unwrap_or_default())
    }
}

impl Items {
    pub fn sets_seen(&self) -> bool {
        self.body.as_ref().is_some_and(|body| !body.peek)
    }

    fn print(&self) -> String {
        let mut words = Vec::new();
        let plain = [
            (self.uid, "UID"),
            (self.flags, "FLAGS"),
            (self.size, "RFC822.SIZE"),
        ];
        words.extend(
            plain
                .iter()
                .filter(|(wanted, _)| *wanted)
                .map(|(_, word)| (*word).to_owned()),
        );
        if let Some(body) = &self.body {
            let peek = if body.peek { ".PEEK" } else { "" };
            let partial = body.partial.map(|(start, count)| format!("<{start}.{count}>"));
            words.push(format!(
                "BODY{peek}[{}]{}",
                body.section,
                partial.unwrap_or_default()
            ));
        }
        format!("({})", words.join(" "))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Replace,
    Add,
    Remove,
}

/// `search-key`.
#[derive(Clone, Debug)]
pub enum Key {
    All,
    Has(u8),
    Lacks(u8),
    Recent,
    New,
    Old,
    Larger(u32),
    Smaller(u32),
    Messages(Set),
    Subject(&'static str),
    Body(&'static str),
    Text(&'static str),
    Not(Box<Key>),
    Or(Box<Key>, Box<Key>),
}

impl Key {
    fn print(&self) -> String {
        let literal = |text: &str| format!("{{{}+}}\r\n{text}", text.len());
        let flag = |bit: u8, un: &str| match FLAGS[usize::from(bit)].strip_prefix('\\') {
            Some(system) => format!("{un}{system}").to_uppercase(),
            None => format!("{un}KEYWORD {}", FLAGS[usize::from(bit)]),
        };
        match self {
            Key::All => "ALL".to_owned(),
            Key::Has(bit) => flag(*bit, ""),
            Key::Lacks(bit) => flag(*bit, "UN"),
            Key::Recent => "RECENT".to_owned(),
            Key::New => "NEW".to_owned(),
            Key::Old => "OLD".to_owned(),
            Key::Larger(size) => format!("LARGER {size}"),
            Key::Smaller(size) => format!("SMALLER {size}"),
            Key::Messages(set) => format!("{}{}", if set.by_uid { "UID " } else { "" }, set.print()),
            Key::Subject(text) => format!("SUBJECT {}", literal(text)),
            Key::Body(text) => format!("BODY {}", literal(text)),
            Key::Text(text) => format!("TEXT {}", literal(text)),
            Key::Not(key) => format!("NOT {}", key.print()),
            Key::Or(one, other) => format!("OR {} {}", one.print(), other.print()),
        }
    }

    /// Whether it asks what is `\Recent`.
    pub fn asks_recent(&self) -> bool {
        match self {
            Key::Recent | Key::New | Key::Old => true,
            Key::Not(key) => key.asks_recent(),
            Key::Or(one, other) => one.asks_recent() || other.asks_recent(),
            _ => false,
        }
    }
}

/// A command.
#[derive(Clone, Debug)]
pub enum Command {
    Noop,
    Check,
    Select {
        name: String,
        read_only: bool,
    },
    Close,
    Unselect,
    Fetch(Set, Items),
    Store {
        set: Set,
        action: Action,
        silent: bool,
        flags: Flags,
    },
    Copy(Set, String),
    Move(Set, String),
    Expunge,
    UidExpunge(Set),
    /// Samples with flags.
    Append(String, Vec<(usize, Flags)>),
    Search {
        by_uid: bool,
        keys: Vec<Key>,
    },
    Status(String),
    Create(String),
    Delete(String),
    Rename(String, String),
    Subscribe(String),
    Unsubscribe(String),
    List(&'static str),
    Lsub,
    Idle,
    Done,
    Logout,
}

impl Command {
    /// The command as it is sent.
    pub fn print(&self, tag: &str) -> Vec<u8> {
        let uid = |set: &Set| if set.by_uid { "UID " } else { "" };
        let name = |name: &String| names::print(name);
        let text = match self {
            Command::Noop => "NOOP".to_owned(),
            Command::Check => "CHECK".to_owned(),
            Command::Select {
                name: n,
                read_only: false,
            } => format!("SELECT {}", name(n)),
            Command::Select {
                name: n,
                read_only: true,
            } => format!("EXAMINE {}", name(n)),
            Command::Close => "CLOSE".to_owned(),
            Command::Unselect => "UNSELECT".to_owned(),
            Command::Fetch(set, items) => format!("{}FETCH {} {}", uid(set), set.print(), items.print()),
            Command::Store {
                set,
                action,
                silent,
                flags,
            } => {
                let sign = match action {
                    Action::Replace => "",
                    Action::Add => "+",
                    Action::Remove => "-",
                };
                let silent = if *silent { ".SILENT" } else { "" };
                format!(
                    "{}STORE {} {sign}FLAGS{silent} ({})",
                    uid(set),
                    set.print(),
                    print_flags(*flags)
                )
            }
            Command::Copy(set, to) => format!("{}COPY {} {}", uid(set), set.print(), name(to)),
            Command::Move(set, to) => format!("{}MOVE {} {}", uid(set), set.print(), name(to)),
            Command::Expunge => "EXPUNGE".to_owned(),
            Command::UidExpunge(set) => format!("UID EXPUNGE {}", set.print()),
            Command::Append(to, messages) => return print_append(tag, to, messages),
            Command::Search { by_uid, keys } => {
                let keys: Vec<_> = keys.iter().map(Key::print).collect();
                format!(
                    "{}SEARCH CHARSET UTF-8 {}",
                    if *by_uid { "UID " } else { "" },
                    keys.join(" ")
                )
            }
            Command::Status(n) => {
                format!(
                    "STATUS {} (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE)",
                    name(n)
                )
            }
            Command::Create(n) => format!("CREATE {}", name(n)),
            Command::Delete(n) => format!("DELETE {}", name(n)),
            Command::Rename(from, to) => format!("RENAME {} {}", name(from), name(to)),
            Command::Subscribe(n) => format!("SUBSCRIBE {}", name(n)),
            Command::Unsubscribe(n) => format!("UNSUBSCRIBE {}", name(n)),
            Command::List(pattern) => format!("LIST \"\" {}", names::print(pattern)),
            Command::Lsub => "LSUB \"\" \"*\"".to_owned(),
            Command::Idle => "IDLE".to_owned(),
            Command::Done => return b"DONE\r\n".to_vec(),
            Command::Logout => "LOGOUT".to_owned(),
        };
        format!("{tag} {text}\r\n").into_bytes()
    }

    /// Whether EXPUNGE must not be told in answer to it (RFC 3501 §7.4.1).
    pub fn holds_expunges(&self) -> bool {
        match self {
            Command::Fetch(set, _) | Command::Store { set, .. } => !set.by_uid,
            Command::Search { by_uid, .. } => !by_uid,
            _ => false,
        }
    }

    /// Whether its FETCH responses must tell the uid (RFC 3501 §6.4.8).
    pub fn tells_uids(&self) -> bool {
        match self {
            Command::Fetch(set, _) | Command::Store { set, .. } => set.by_uid,
            _ => false,
        }
    }
}

fn print_append(tag: &str, to: &str, messages: &[(usize, Flags)]) -> Vec<u8> {
    let mut text = format!("{tag} APPEND {}", names::print(to)).into_bytes();
    for (sample, flags) in messages {
        let bytes = &SAMPLES[*sample].bytes;
        text.extend(format!(" ({}) {{{}+}}\r\n", print_flags(*flags), bytes.len()).bytes());
        text.extend_from_slice(bytes);
    }
    text.extend_from_slice(b"\r\n");
    text
}
