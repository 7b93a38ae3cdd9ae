//! What a traced program did to its files, in order: read from the output of `strace -f -xx -y`.
//!
//! A write counts from the line on which it begins: any part of it may be on the disk then. A sync counts from the line
//! on which it ends, for what had ended when it began. The traced program must end by itself: every call ends.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;

/// What `strace` is asked to show.
pub(super) const CALLS: &str = "openat,creat,lseek,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,msync,\
                         ftruncate,fallocate,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,close,sendto,sendmsg";

/// One thing that happened, from line to line of the trace.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) lines: Range<usize>,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// A file that was not there, or was emptied.
    Create(PathBuf),
    Folder(PathBuf),
    Write {
        path: PathBuf,
        offset: u64,
        bytes: Vec<u8>,
        /// Opened with `O_SYNC` or `O_DSYNC`: on the disk when it ends.
        synced: bool,
    },
    /// The file's new length.
    Truncate(PathBuf, u64),
    /// The file has at least this length.
    Extend(PathBuf, u64),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    /// Of a file, or of the names in a folder.
    Sync(PathBuf),
    /// Octets that left for a client.
    Said(Vec<u8>),
}

/// A call with its arguments as text, and what it returned.
struct Call {
    lines: Range<usize>,
    name: String,
    arguments: String,
    returned: i64,
    /// The path that an opened file really has.
    opened: PathBuf,
}

struct Open {
    path: PathBuf,
    at: u64,
    synced: bool,
}

impl Event {
    /// The line from which on it counts.
    pub(super) fn counts_from(&self) -> usize {
        match self.what {
            What::Sync(_) => self.lines.end,
            _ => self.lines.start,
        }
    }
}

/// Everything that the traces of a program's lives show, one life after the other.
pub(super) fn parse(lives: &[String]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut line = 0;
    for life in lives {
        let mut files = HashMap::new();
        for mut call in calls(life) {
            call.lines = call.lines.start + line..call.lines.end + line;
            let lines = call.lines.clone();
            events.extend(event(&call, &mut files).map(|what| Event { lines, what }));
        }
        line += life.lines().count();
    }
    events.sort_by_key(Event::counts_from);
    events
}

/// The calls in the order in which they ended.
fn calls(text: &str) -> Vec<Call> {
    let mut begun: HashMap<&str, (usize, String)> = HashMap::new();
    let mut calls = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, (number, start.to_owned()));
            continue;
        }
        let (first, whole) = match rest.strip_prefix("<... ") {
            None => (number, rest.to_owned()),
            Some(end) => {
                let Some((first, start)) = begun.remove(thread) else {
                    continue;
                };
                let end = end.split_once(" resumed>").map_or("", |(_, end)| end);
                (first, start + end)
            }
        };
        calls.extend(call(first..number, &whole));
    }
    calls
}

fn call(lines: Range<usize>, text: &str) -> Option<Call> {
    let (call, returned) = text.rsplit_once(" = ")?;
    let (name, arguments) = call.trim_end().strip_suffix(')')?.split_once('(')?;
    let opened = descriptor(returned).1;
    let returned = returned.split(['<', ' ']).next()?.parse().ok()?;
    (returned >= 0).then(|| Call {
        lines,
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        returned,
        opened,
    })
}

fn event(call: &Call, files: &mut HashMap<u64, Open>) -> Option<What> {
    let arguments: Vec<&str> = split(&call.arguments);
    let first = *arguments.first()?;
    let (number, path) = descriptor(first);
    match call.name.as_str() {
        "openat" => open(&arguments, call, files),
        "close" => {
            // Another thread may have been given the number before this call was seen to end.
            if files.get(&number).is_some_and(|file| file.path == path) {
                files.remove(&number);
            }
            None
        }
        "lseek" => {
            files.get_mut(&number)?.at = u64::try_from(call.returned).ok()?;
            None
        }
        "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" => write(call, &arguments, files),
        "sendto" | "sendmsg" => Some(What::Said(octets(&call.arguments))),
        "fsync" | "fdatasync" => Some(What::Sync(path)),
        "ftruncate" => Some(What::Truncate(path, arguments.get(1)?.parse().ok()?)),
        "fallocate" => {
            let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok());
            Some(What::Extend(path, number(2)? + number(3)?))
        }
        "rename" => Some(What::Rename(text_of(first), text_of(arguments.get(1)?))),
        "renameat" | "renameat2" => Some(What::Rename(
            text_of(arguments.get(1)?),
            text_of(arguments.get(3)?),
        )),
        "unlink" => Some(What::Remove(text_of(first))),
        "unlinkat" => Some(What::Remove(text_of(arguments.get(1)?))),
        "mkdir" => Some(What::Folder(text_of(first))),
        "mkdirat" => Some(What::Folder(text_of(arguments.get(1)?))),
        other => panic!("{other} is not understood: the simulated disk would be wrong"),
    }
}

fn open(arguments: &[&str], call: &Call, files: &mut HashMap<u64, Open>) -> Option<What> {
    let path = call.opened.clone();
    let flags = *arguments.get(2)?;
    let synced = flags.contains("O_DSYNC") || flags.contains("O_SYNC");
    let number = u64::try_from(call.returned).ok()?;
    files.insert(
        number,
        Open {
            path: path.clone(),
            at: 0,
            synced,
        },
    );
    (flags.contains("O_CREAT") || flags.contains("O_TRUNC")).then_some(What::Create(path))
}

fn write(call: &Call, arguments: &[&str], files: &mut HashMap<u64, Open>) -> Option<What> {
    let (number, path) = descriptor(arguments.first()?);
    let mut bytes = octets(&call.arguments);
    let Some(file) = files.get_mut(&number).filter(|file| file.path == path) else {
        return Some(What::Said(bytes));
    };
    bytes.truncate(usize::try_from(call.returned).ok()?);
    let offset = match call.name.as_str() {
        "write" | "writev" => {
            file.at += bytes.len() as u64;
            file.at - bytes.len() as u64
        }
        _ => arguments.get(3)?.parse().ok()?,
    };
    Some(What::Write {
        path,
        offset,
        bytes,
        synced: file.synced,
    })
}

/// The arguments, split where no bracket is open. Strings hold nothing but `\x..`.
fn split(arguments: &str) -> Vec<&str> {
    let mut depth = 0;
    let cut = move |c: char| {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ => {}
        }
        depth == 0 && c == ','
    };
    arguments.split(cut).map(str::trim).collect()
}

/// `12<\x2f\x61>`: a number and a path.
fn descriptor(text: &str) -> (u64, PathBuf) {
    let (number, path) = text.split_once('<').unwrap_or((text, ""));
    let path = String::from_utf8_lossy(&unescape(path)).into_owned();
    (number.parse().unwrap_or(u64::MAX), path.into())
}

fn text_of(argument: &str) -> PathBuf {
    String::from_utf8_lossy(&octets(argument)).into_owned().into()
}

/// What is between quotation marks, all of it.
fn octets(text: &str) -> Vec<u8> {
    text.split('"').skip(1).step_by(2).flat_map(unescape).collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1);
    digits
        .filter_map(|digits| u8::from_str_radix(digits.get(..2)?, 16).ok())
        .collect()
}
