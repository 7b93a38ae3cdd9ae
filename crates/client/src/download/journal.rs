//! What was fetched from one account, a line a message, written after the messages are safe.
//!
//! ```text
//! posthouse-fetch 1
//! open                     a session began
//! < 5120                   an mbox had so many octets before the batch that follows
//! + 1764035829 id          a message was fetched at this time
//! done                     the batch ends: only now its messages count
//! closed                   the session ended well
//! ```
//!
//! A line without its end was being written when the power went, and is cut off.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

const FIRST_LINE: &str = "posthouse-fetch 1\n";

/// A journal that is open: nobody else can open it.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    /// When each message was fetched, in seconds since 1970.
    known: HashMap<Box<str>, i64>,
    pending: String,
    /// The octets that an mbox had before a batch that did not end.
    interrupted: Option<u64>,
    was_closed: bool,
}

impl Journal {
    /// Opens or makes a journal.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        if file.try_lock().is_err() {
            return Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                "another fetch is at work here",
            ));
        }
        let mut journal = Journal {
            file,
            known: HashMap::new(),
            pending: String::new(),
            interrupted: None,
            was_closed: true,
        };
        journal.read()?;
        journal.pending.push_str("open\n");
        journal.write()?;
        Ok(journal)
    }

    fn read(&mut self) -> io::Result<()> {
        let mut text = String::new();
        self.file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            self.file.set_len(whole as u64)?;
            self.file.seek(SeekFrom::End(0))?;
            text.truncate(whole);
        }
        if text.is_empty() {
            self.pending.push_str(FIRST_LINE);
        } else if !text.starts_with(FIRST_LINE) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is no journal of a fetch, or of a newer program",
            ));
        }
        let mut batch = Vec::new();
        for line in text.lines().skip(1) {
            match line.split_once(' ') {
                Some(("+", rest)) => {
                    let (time, id) = rest.split_once(' ').unwrap_or((rest, ""));
                    batch.push((id.into(), time.parse().unwrap_or_default()));
                }
                Some(("<", length)) => self.interrupted = length.parse().ok(),
                _ if line == "done" => {
                    self.known.extend(batch.drain(..));
                    self.interrupted = None;
                }
                _ => {
                    self.was_closed = line == "closed";
                    batch.clear();
                }
            }
        }
        Ok(())
    }

    /// Whether the last session did not end well.
    pub(super) fn was_interrupted(&self) -> bool {
        !self.was_closed
    }

    /// How many octets an mbox had before the batch that did not end, where there was one.
    pub(super) fn length_before(&self) -> Option<u64> {
        self.interrupted
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.known.contains_key(id)
    }

    /// When a message was fetched.
    pub(super) fn time_of(&self, id: &str) -> Option<i64> {
        self.known.get(id).copied()
    }

    /// Says, on stable storage, how long an mbox is before a batch.
    pub(super) fn begin(&mut self, length: u64) -> io::Result<()> {
        writeln!(self.pending, "< {length}").expect("a String takes everything");
        self.write()
    }

    /// Notes messages on stable storage.
    pub(super) fn note<'i>(&mut self, ids: impl Iterator<Item = &'i str>, time: i64) -> io::Result<()> {
        for id in ids {
            writeln!(self.pending, "+ {time} {id}").expect("a String takes everything");
            self.known.insert(id.into(), time);
        }
        self.pending.push_str("done\n");
        self.write()
    }

    /// Brings what waits onto stable storage.
    fn write(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.file.write_all(self.pending.as_bytes())?;
        self.file.sync_data()?;
        self.pending.clear();
        Ok(())
    }

    /// Ends the session.
    pub(super) fn close(mut self) -> io::Result<()> {
        self.pending.push_str("closed\n");
        self.write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_known_and_half_a_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path).unwrap();
        assert!(!journal.was_interrupted());
        assert!(Journal::open(&path).is_err(), "two at once");
        journal.begin(10).unwrap();
        journal.note(["a b"].into_iter(), 7).unwrap();
        journal.begin(20).unwrap();
        drop(journal);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"+ 8 whole\n+ 8 hal").unwrap();
        let journal = Journal::open(&path).unwrap();
        assert!(journal.was_interrupted());
        assert_eq!(
            (journal.has("a b"), journal.time_of("a b"), journal.has("hal")),
            (true, Some(7), false)
        );
        assert_eq!(journal.length_before(), Some(20));
        journal.close().unwrap();
        assert!(!Journal::open(&path).unwrap().was_interrupted());
        std::fs::write(&path, "something else\n").unwrap();
        assert_eq!(
            Journal::open(&path).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }
}
