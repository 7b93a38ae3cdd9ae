//! What both sides had at the last sync: a file a mailbox, a line a message, written as a journal and made compact at the end of a run.
//!
//! A line counts when it is whole. What a line says is on stable storage before the line is written: a message that it names is in the
//! Maildir, and on the server. So a line too few is found again by its message, and there is never a line too many.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The first line.
const HEAD: &str = "posthouse sync 1\n";

/// Flags by their names in IMAP, system flags with their backslash.
pub(super) type Flags = BTreeSet<Box<str>>;

/// What is known of a message that both sides have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The part of its file's name that stays.
    pub(super) unique: Box<str>,
    /// Its flags on the server.
    pub(super) there: Flags,
    /// Its flags in the Maildir, which cannot hold all.
    pub(super) here: Flags,
}

/// What is known of a mailbox.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    file: Option<File>,
    pub(super) uid_validity: u32,
    /// Everything up to this was seen.
    pub(super) mod_sequence: Option<u64>,
    pub(super) entries: BTreeMap<u32, Entry>,
    /// Files that were about to go to the server: it may have them, whatever it has made of their size.
    pub(super) going: BTreeSet<Box<str>>,
    waiting: String,
    /// Lines of the file that do not count any more.
    stale: usize,
}

impl State {
    /// Reads a state, or begins one. Nothing is written.
    pub(super) fn read(path: PathBuf) -> io::Result<Self> {
        let text = match fs::read(&path) {
            Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut state = State {
            path,
            file: None,
            uid_validity: 0,
            mod_sequence: None,
            entries: BTreeMap::new(),
            going: BTreeSet::new(),
            waiting: String::new(),
            stale: 0,
        };
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        let (lines, torn) = text.split_at(whole);
        if !text.is_empty() && lines.strip_prefix(HEAD).is_none() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "this is no state of a sync",
            ));
        }
        state.stale += usize::from(!torn.is_empty());
        for line in lines.lines().skip(1) {
            let taken = state.take(line);
            taken.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("what is {line:?}?")))?;
        }
        Ok(state)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        match line.split_once(' ')? {
            ("validity", number) => {
                self.uid_validity = number.parse().ok()?;
                self.stale += self.entries.len();
                self.entries.clear();
                self.mod_sequence = None;
            }
            ("modseq", number) => self.mod_sequence = Some(number.parse().ok()?),
            ("-", uid) => {
                self.entries.remove(&uid.parse().ok()?);
                self.stale += 2;
            }
            (">", unique) => drop(self.going.insert(unique.into())),
            ("=", entry) => {
                let mut parts = entry.splitn(4, '\t');
                let uid = parts.next()?.parse().ok()?;
                let mut flags =
                    || -> Option<Flags> { Some(parts.next()?.split_whitespace().map(Box::from).collect()) };
                let (there, here) = (flags()?, flags()?);
                let unique: Box<str> = parts.next()?.into();
                self.going.remove(&unique);
                let before = self.entries.insert(uid, Entry { unique, there, here });
                self.stale += usize::from(before.is_some());
            }
            _ => return None,
        }
        Some(())
    }

    /// Begins anew, for uids that are others.
    pub(super) fn begin(&mut self, uid_validity: u32) {
        self.uid_validity = uid_validity;
        self.mod_sequence = None;
        self.stale += self.entries.len();
        self.entries.clear();
        self.waiting.push_str(&format!("validity {uid_validity}\n"));
    }

    /// Notes a message, in memory until [`State::commit`].
    pub(super) fn set(&mut self, uid: u32, entry: Entry) {
        self.waiting.push_str(&line(uid, &entry));
        self.stale += usize::from(self.going.remove(&entry.unique));
        self.stale += usize::from(self.entries.insert(uid, entry).is_some());
    }

    /// Notes that a file is about to go to the server, in memory until [`State::commit`].
    pub(super) fn set_going(&mut self, unique: &str) {
        if self.going.insert(unique.into()) {
            self.waiting.push_str(&format!("> {unique}\n"));
        }
    }

    /// Forgets a message, in memory until [`State::commit`].
    pub(super) fn remove(&mut self, uid: u32) -> Option<Entry> {
        let removed = self.entries.remove(&uid)?;
        self.stale += 2;
        self.waiting.push_str(&format!("- {uid}\n"));
        Some(removed)
    }

    /// Brings onto stable storage what was noted.
    pub(super) fn commit(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if self.file.is_none() {
            // What was torn is not to be gone on with.
            let waiting = std::mem::take(&mut self.waiting);
            let is_new = !self.path.exists();
            if is_new || self.stale > 0 {
                return self.write_all();
            }
            self.waiting = waiting;
            self.file = Some(OpenOptions::new().append(true).open(&self.path)?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(self.waiting.as_bytes())?;
            file.sync_data()?;
        }
        self.waiting.clear();
        Ok(())
    }

    /// Ends a run. `mod_sequence`: everything up to it was seen, and nothing of it is left to do.
    pub(super) fn finish(&mut self, mod_sequence: Option<u64>) -> io::Result<()> {
        let is_new = mod_sequence.is_some() && mod_sequence != self.mod_sequence;
        if is_new {
            self.mod_sequence = mod_sequence;
        }
        if is_new || self.stale > self.entries.len() / 2 + 100 || !self.path.exists() {
            self.waiting.clear();
            return self.write_all();
        }
        self.commit()
    }

    /// Writes the whole state beside the old one, and puts it in its place.
    fn write_all(&mut self) -> io::Result<()> {
        let mut text = format!("{HEAD}validity {}\n", self.uid_validity);
        if let Some(number) = self.mod_sequence {
            text.push_str(&format!("modseq {number}\n"));
        }
        for (uid, entry) in &self.entries {
            text.push_str(&line(*uid, entry));
        }
        for unique in &self.going {
            text.push_str(&format!("> {unique}\n"));
        }
        let beside = self.path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        self.file = None;
        self.stale = 0;
        Ok(())
    }

    /// Forgets the mailbox.
    pub(super) fn delete(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

fn line(uid: u32, entry: &Entry) -> String {
    let flags = |flags: &Flags| flags.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(" ");
    format!(
        "= {uid}\t{}\t{}\t{}\n",
        flags(&entry.there),
        flags(&entry.here),
        entry.unique
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn entry(unique: &str) -> Entry {
        Entry {
            unique: unique.into(),
            there: ["\\Seen", "work"].map(Box::from).into(),
            here: Flags::new(),
        }
    }

    #[test]
    fn what_is_torn_does_not_count_and_is_not_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("INBOX.sync");
        let mut state = State::read(path.clone()).unwrap();
        state.begin(7);
        state.set(1, entry("a b"));
        state.commit().unwrap();
        state.set_going("g");
        state.set_going("d");
        state.set(2, entry("c"));
        state.set(3, entry("d"));
        state.remove(2);
        state.commit().unwrap();
        drop(state);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"= 4\t\t\thal").unwrap();
        let mut state = State::read(path.clone()).unwrap();
        assert_eq!(state.entries.keys().copied().collect::<Vec<u32>>(), [1, 3]);
        assert_eq!(state.entries.get(&1), Some(&entry("a b")));
        assert_eq!(state.going, ["g"].map(Box::from).into());
        state.set(5, entry("e"));
        state.commit().unwrap();
        state.finish(Some(9)).unwrap();
        let mut state = State::read(path.clone()).unwrap();
        assert_eq!(state.entries.keys().copied().collect::<Vec<u32>>(), [1, 3, 5]);
        assert_eq!((state.uid_validity, state.mod_sequence), (7, Some(9)));
        state.begin(8);
        state.commit().unwrap();
        let state = State::read(path.clone()).unwrap();
        assert_eq!(
            (state.uid_validity, state.mod_sequence, state.entries.len()),
            (8, None, 0)
        );
        fs::write(&path, "something else\n").unwrap();
        assert!(State::read(path).is_err());
    }
}
