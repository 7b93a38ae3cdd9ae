//! Where fetched mail goes: a Maildir, an mbox, or a folder of `.eml` files, written in batches.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use message::Marks;
use message::maildir::print_name;
use message::mbox::{Head, Quoter};

use super::journal::Journal;
use super::keywords::with_keywords;
use super::lines::LineFeeds;
use super::name;
use crate::error::{Cause, Error, Step};

/// A batch is brought onto stable storage when it has so many messages, or octets, or when its first is so old: a sync of the file system
/// waits for what other programs have written too, and costs the same for one file and for thousands. What is in no batch yet when the
/// session breaks is fetched again, so a slow connection must not gather for minutes.
const BATCH: usize = 4_000;
const BATCH_OCTETS: u64 = 32 << 20;
const BATCH_AGE: Duration = Duration::from_secs(5);

/// So much is gathered before it is written.
const PIECE: usize = 128 << 10;

/// How mail lies in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A folder with `tmp`, `new` and `cur`, a file a message, lines ending in LF.
    Maildir,
    /// One file (mboxrd), lines ending in LF.
    Mbox,
    /// A folder with a file a message, ending in `.eml`, lines ending in CRLF.
    Eml,
}

/// What is known of a message besides its octets.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// When it was received, in seconds since 1970; now where that is not known.
    pub received: Option<i64>,
    /// Who sent it, for the separator of an mbox.
    pub sender: String,
    /// Its flags.
    pub marks: Marks,
}

/// A place for fetched mail, with the journal of one account. It is locked while it is open.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    format: Format,
    journal: Journal,
    key: String,
    /// What an interrupted session brought into its place without noting it: digests of ids.
    found: HashSet<String>,
    mbox: Option<File>,
    batch: Vec<Written>,
    batch_octets: u64,
    /// When the first of the batch was written.
    batch_began: Option<Instant>,
    number: u64,
    current: Option<Current>,
}

/// A message of a batch that waits for its end.
#[derive(Debug)]
struct Written {
    id: String,
    /// Not of an mbox.
    file: Option<Unplaced>,
}

/// A file that waits for its place.
#[derive(Debug)]
struct Unplaced {
    path: PathBuf,
    /// Its name, or the part of it that says nothing of its marks.
    unique: String,
    marks: Marks,
}

/// A message that is being written.
#[derive(Debug)]
struct Current {
    arrival: Arrival,
    file: Option<(File, PathBuf)>,
    lines: LineFeeds,
    quoter: Quoter,
    out: Vec<u8>,
    octets: u64,
    /// Where it begins in an mbox.
    begins: u64,
}

impl Target {
    /// Opens or makes a target. `account` tells accounts apart that are fetched into the same place: `pop3://alice@mail.example.org`.
    ///
    /// # Errors
    /// When it cannot be made or read, or another fetch of this account is at work there.
    pub fn open(path: impl Into<PathBuf>, format: Format, account: &str) -> Result<Self, Error> {
        let path = path.into();
        Self::opened(path.clone(), format, account).map_err(|error| writing(&path, error))
    }

    fn opened(path: PathBuf, format: Format, account: &str) -> io::Result<Self> {
        let key = name::digest_of(account);
        let folder = match format {
            Format::Mbox => path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
                .unwrap_or(Path::new("."))
                .to_owned(),
            Format::Maildir | Format::Eml => path.clone(),
        };
        private_folder(&folder)?;
        if format == Format::Maildir {
            for part in ["tmp", "new", "cur"] {
                private_folder(&path.join(part))?;
            }
        }
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let journal = match format {
            Format::Mbox => folder.join(format!(".{name}.posthouse-fetch-{key}")),
            Format::Maildir | Format::Eml => folder.join(format!(".posthouse-fetch-{key}")),
        };
        let mut target = Target {
            journal: Journal::open(&journal)?,
            path,
            format,
            key,
            found: HashSet::new(),
            mbox: None,
            batch: Vec::new(),
            batch_octets: 0,
            batch_began: None,
            number: 0,
            current: None,
        };
        target.recover()?;
        Ok(target)
    }

    /// Finds what an interrupted session left.
    fn recover(&mut self) -> io::Result<()> {
        if self.format == Format::Mbox {
            let file = OpenOptions::new()
                .read(true)
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&self.path)?;
            if file.try_lock().is_err() {
                return Err(io::Error::new(
                    io::ErrorKind::WouldBlock,
                    "another program has locked it",
                ));
            }
            if let Some(length) = self.journal.length_before()
                && file.metadata()?.len() > length
            {
                file.set_len(length)?;
                file.sync_data()?;
            }
            self.mbox = Some(file);
            return Ok(());
        }
        if self.journal.was_interrupted() {
            for folder in self.folders() {
                for entry in fs::read_dir(folder)? {
                    let name = entry?.file_name().to_string_lossy().into_owned();
                    self.found.extend(name::digest_in(&name).map(str::to_owned));
                }
            }
            let mark = format!(".{}_", self.key);
            for entry in fs::read_dir(self.tmp())? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().contains(&mark) {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    fn folders(&self) -> Vec<PathBuf> {
        match self.format {
            Format::Maildir => vec![self.path.join("new"), self.path.join("cur")],
            Format::Eml | Format::Mbox => vec![self.path.clone()],
        }
    }

    fn tmp(&self) -> PathBuf {
        match self.format {
            Format::Maildir => self.path.join("tmp"),
            Format::Eml | Format::Mbox => self.path.clone(),
        }
    }

    /// Whether a message was fetched before, whether or not it is still here.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.journal.has(id) || self.found.contains(&name::digest_of(id))
    }

    /// Notes those of the messages that an interrupted session brought into their place.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn note_found<'i>(&mut self, ids: impl Iterator<Item = &'i str>) -> Result<(), Error> {
        let unnoted: Vec<&str> = ids.filter(|id| !self.journal.has(id) && self.has(id)).collect();
        match unnoted.is_empty() {
            true => Ok(()),
            false => {
                let noted = self.journal.note(unnoted.into_iter(), now());
                noted.map_err(|error| writing(&self.path, error))
            }
        }
    }

    /// When a message was fetched, in seconds since 1970.
    #[must_use]
    pub fn time_of(&self, id: &str) -> Option<i64> {
        self.journal.time_of(id)
    }

    /// Begins a message.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn begin(&mut self, arrival: Arrival) -> Result<(), Error> {
        self.begun(arrival).map_err(|error| writing(&self.path, error))
    }

    fn begun(&mut self, arrival: Arrival) -> io::Result<()> {
        let mut out = Vec::with_capacity(PIECE);
        let mut begins = 0;
        let file = match self.format {
            Format::Mbox => {
                begins = self.mbox()?.metadata()?.len();
                if self.batch.is_empty() {
                    self.journal.begin(begins)?;
                }
                let received = arrival.received.unwrap_or_else(now);
                Head {
                    sender: arrival.sender.clone(),
                    received: types::Timestamp(received),
                    marks: arrival.marks.clone(),
                }
                .print(&mut out);
                None
            }
            Format::Maildir | Format::Eml => {
                self.number += 1;
                let name = format!(".{}_{}_{}", self.key, std::process::id(), self.number);
                let path = self.tmp().join(name);
                let file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path)?;
                Some((file, path))
            }
        };
        self.current = Some(Current {
            arrival,
            file,
            lines: LineFeeds::default(),
            quoter: Quoter::default(),
            out,
            octets: 0,
            begins,
        });
        Ok(())
    }

    /// Says more of the message that was begun, where it was learnt after its octets. An mbox has written it above them already.
    ///
    /// # Panics
    /// When none was begun.
    pub fn arrived(&mut self, arrival: Arrival) {
        self.current.as_mut().expect("a message was begun").arrival = arrival;
    }

    /// Adds octets to the message that was begun.
    ///
    /// # Errors
    /// When nothing can be written.
    ///
    /// # Panics
    /// When none was begun.
    pub fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        let current = self.current.as_mut().expect("a message was begun");
        current.octets += octets.len() as u64;
        match self.format {
            Format::Eml => current.out.extend_from_slice(octets),
            Format::Maildir => current.lines.push(octets, &mut current.out),
            Format::Mbox => {
                let mut lines = Vec::with_capacity(octets.len());
                current.lines.push(octets, &mut lines);
                current.quoter.push(&lines, &mut current.out);
            }
        }
        match current.out.len() < PIECE {
            true => Ok(()),
            false => self.put().map_err(|error| writing(&self.path, error)),
        }
    }

    /// Writes what has gathered.
    fn put(&mut self) -> io::Result<()> {
        let Some(current) = self.current.as_mut() else {
            return Ok(());
        };
        match (&mut current.file, &mut self.mbox) {
            (Some((file, _)), _) => file.write_all(&current.out)?,
            (None, Some(mbox)) => mbox.write_all(&current.out)?,
            (None, None) => {}
        }
        current.out.clear();
        Ok(())
    }

    /// Ends the message. It is safe after [`Target::commit`].
    ///
    /// # Errors
    /// When nothing can be written.
    ///
    /// # Panics
    /// When none was begun.
    pub fn end(&mut self, id: &str) -> Result<(), Error> {
        let path = self.path.clone();
        self.ended(id).map_err(|error| writing(&path, error))
    }

    fn ended(&mut self, id: &str) -> io::Result<()> {
        let current = self.current.as_mut().expect("a message was begun");
        match self.format {
            Format::Eml => {}
            Format::Maildir => std::mem::take(&mut current.lines).finish(&mut current.out),
            Format::Mbox => {
                let mut last = Vec::new();
                std::mem::take(&mut current.lines).finish(&mut last);
                current.quoter.push(&last, &mut current.out);
                std::mem::take(&mut current.quoter).finish(&mut current.out);
            }
        }
        self.put()?;
        let current = self.current.take().expect("a message was begun");
        self.batch_octets += current.octets;
        self.batch_began.get_or_insert_with(Instant::now);
        let received = current.arrival.received.unwrap_or_else(now);
        let unique = name::unique(id, received, self.number, self.format);
        let file = current.file.map(|(_, path)| Unplaced {
            path,
            unique,
            marks: current.arrival.marks,
        });
        self.batch.push(Written {
            id: id.to_owned(),
            file,
        });
        Ok(())
    }

    /// Forgets the message that was begun: it turned out to be here already.
    ///
    /// # Errors
    /// When what was written of it cannot be taken away.
    pub fn abandon(&mut self) -> Result<(), Error> {
        let Some(current) = self.current.take() else {
            return Ok(());
        };
        match current.file {
            None => {
                let cut = self.mbox().and_then(|mbox| mbox.set_len(current.begins));
                cut.map_err(|error| writing(&self.path, error))
            }
            Some((_, path)) => fs::remove_file(&path).map_err(|error| writing(&path, error)),
        }
    }

    /// Where the files of the batch are, and where they go.
    fn places(&self) -> io::Result<Vec<(&Path, PathBuf)>> {
        let files = || self.batch.iter().filter_map(|written| written.file.as_ref());
        if self.format != Format::Maildir {
            let place = |file: &Unplaced| self.path.join(&file.unique);
            return Ok(files().map(|file| (file.path.as_path(), place(file))).collect());
        }
        with_keywords(&self.path, |keywords| {
            let named = files().map(|file| {
                let name = print_name(&file.unique, &file.marks, keywords);
                let place = match name.strip_suffix(":2,") {
                    // Nothing is known of it but that it is new.
                    Some(unique) => self.path.join("new").join(unique),
                    None => self.path.join("cur").join(name),
                };
                (file.path.as_path(), place)
            });
            named.collect()
        })
    }

    /// Whether a batch is so large that it should be committed now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.batch.len() >= BATCH
            || self.batch_octets >= BATCH_OCTETS
            || self.batch_began.is_some_and(|began| began.elapsed() >= BATCH_AGE)
    }

    /// Brings the batch onto stable storage and notes it. Gives the ids of its messages: now they may be deleted elsewhere.
    ///
    /// # Errors
    /// When that fails: then nothing of the batch counts.
    pub fn commit(&mut self) -> Result<Vec<String>, Error> {
        let path = self.path.clone();
        self.committed().map_err(|error| writing(&path, error))
    }

    fn committed(&mut self) -> io::Result<Vec<String>> {
        if self.batch.is_empty() {
            return Ok(Vec::new());
        }
        match &self.mbox {
            Some(mbox) => mbox.sync_data()?,
            None => self.bring_into_place()?,
        }
        let ids = self.batch.iter().map(|written| written.id.as_str());
        self.journal.note(ids, now())?;
        self.batch_octets = 0;
        self.batch_began = None;
        Ok(self.batch.drain(..).map(|written| written.id).collect())
    }

    fn bring_into_place(&self) -> io::Result<()> {
        // One sync of the file system for all files of the batch, in place of one for each.
        rustix::fs::syncfs(File::open(&self.path)?)?;
        for (from, to) in self.places()? {
            fs::rename(from, to)?;
        }
        for folder in self.folders() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Ends the session, with what the batch still holds.
    ///
    /// # Errors
    /// When it cannot be made safe.
    pub fn close(mut self) -> Result<(), Error> {
        self.commit()?;
        let path = self.path;
        self.journal.close().map_err(|error| writing(&path, error))
    }

    fn mbox(&self) -> io::Result<&File> {
        self.mbox.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

fn writing(path: &Path, error: io::Error) -> Error {
    Error::new(
        Step::Writing(path.display().to_string().into()),
        None,
        Cause::File(error),
    )
}
