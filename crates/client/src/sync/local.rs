//! The Maildir's side of one mailbox: what is there, new files, new names for new flags, deletions. Everything is on stable storage after
//! [`Maildir::commit`], and the state may say so then.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use message::Marks;
use message::maildir::{KEYWORDS_FILE, Keywords, Name, print_name};
use types::SystemKeyword;

use super::plan::Change;
use super::state::Flags;
use crate::download::{LineFeeds, marks_of};
use crate::imap::ServerFlag;

/// A file of a message.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) flags: Flags,
}

/// A folder with `tmp`, `new` and `cur`.
#[derive(Debug)]
pub(super) struct Maildir {
    path: PathBuf,
    key: String,
    keywords: Keywords,
    /// The keywords as they are written beside the mail.
    written: String,
    pub(super) files: BTreeMap<Box<str>, Found>,
    /// Files whose names cannot be written down.
    pub(super) unreadable: usize,
    number: u64,
    /// Files that wait for their place.
    waiting: Vec<(PathBuf, PathBuf)>,
    is_changed: bool,
}

/// A message that is being written.
#[derive(Debug)]
pub(super) struct Incoming {
    file: File,
    path: PathBuf,
    lines: LineFeeds,
    out: Vec<u8>,
}

impl Incoming {
    pub(super) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.lines.push(octets, &mut self.out);
        self.file.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// Takes away what was written of a message that does not come.
    pub(super) fn abandon(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}

impl Maildir {
    /// Makes the folder where it is missing.
    pub(super) fn create(path: &Path) -> io::Result<()> {
        for part in ["tmp", "new", "cur"] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path.join(part))?;
        }
        // Maildir++: it is a folder, and no account's inbox.
        if path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
        {
            OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(path.join("maildirfolder"))?;
        }
        let above = path.parent().filter(|above| !above.as_os_str().is_empty());
        File::open(above.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Reads what is there. A folder that is not there is empty.
    pub(super) fn read(path: PathBuf, key: &str) -> io::Result<Self> {
        let written = match fs::read(path.join(KEYWORDS_FILE)) {
            Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut maildir = Maildir {
            path,
            key: key.to_owned(),
            keywords: Keywords::parse(&written),
            written,
            files: BTreeMap::new(),
            unreadable: 0,
            number: 0,
            waiting: Vec::new(),
            is_changed: false,
        };
        maildir.files = maildir.look()?;
        Ok(maildir)
    }

    /// Reads again, so that a file whose name a program changed during the first reading is not taken for one that was deleted.
    pub(super) fn look_again(&mut self) -> io::Result<()> {
        for (unique, found) in self.look()? {
            self.files.insert(unique, found);
        }
        Ok(())
    }

    /// `new` before `cur`: that is the way files go.
    fn look(&mut self) -> io::Result<BTreeMap<Box<str>, Found>> {
        let mut files = BTreeMap::new();
        self.unreadable = 0;
        for part in ["new", "cur"] {
            let entries = match fs::read_dir(self.path.join(part)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name();
                if name.as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                // What this side did not name and cannot write down is left alone.
                let Some(name) = name.to_str().filter(|name| !name.contains(char::is_control)) else {
                    self.unreadable += 1;
                    continue;
                };
                let parsed = Name::parse(name.as_bytes());
                let unique = String::from_utf8_lossy(parsed.unique);
                let flags = flags_of(&parsed.marks(&self.keywords));
                let path = entry.path();
                files.insert(unique.into(), Found { path, flags });
            }
        }
        Ok(files)
    }

    /// Takes away what an interrupted run left in `tmp`.
    pub(super) fn clean(&self) -> io::Result<()> {
        let mark = format!(".sync_{}_", self.key);
        for entry in fs::read_dir(self.path.join("tmp"))? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(mark.as_bytes()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Begins a message.
    pub(super) fn begin(&mut self) -> io::Result<Incoming> {
        self.number += 1;
        let name = format!(".sync_{}_{}_{}", self.key, std::process::id(), self.number);
        let path = self.path.join("tmp").join(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let (lines, out) = (LineFeeds::default(), Vec::new());
        Ok(Incoming {
            file,
            path,
            lines,
            out,
        })
    }

    /// Ends a message: it gets its place with the next [`Maildir::commit`]. Gives the flags that its name can hold.
    pub(super) fn end(
        &mut self,
        mut incoming: Incoming,
        unique: &str,
        received: Option<i64>,
        flags: &Flags,
    ) -> io::Result<Flags> {
        incoming.lines.finish(&mut incoming.out);
        incoming.file.write_all(&incoming.out)?;
        // The time of a file is when its message arrived.
        if let Some(seconds) = received.and_then(|received| u64::try_from(received).ok()) {
            incoming
                .file
                .set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))?;
        }
        let (place, held) = self.place(unique, flags);
        self.waiting.push((incoming.path, place.clone()));
        let found = Found {
            path: place,
            flags: held.clone(),
        };
        self.files.insert(unique.into(), found);
        Ok(held)
    }

    fn place(&mut self, unique: &str, flags: &Flags) -> (PathBuf, Flags) {
        let flags: Vec<ServerFlag> = flags.iter().map(|flag| flag.as_bytes().into()).collect();
        let named = print_name(unique, &marks_of(&flags), &mut self.keywords);
        let held = flags_of(&Name::parse(named.as_bytes()).marks(&self.keywords));
        match held.is_empty() {
            // Nothing is known of it but that it is new.
            true => (self.path.join("new").join(unique), held),
            false => (self.path.join("cur").join(named), held),
        }
    }

    /// Changes flags: the flags that it has then, or nothing where a program has renamed or deleted the file meanwhile.
    pub(super) fn change(&mut self, unique: &str, change: &Change) -> io::Result<Option<Flags>> {
        let Some(found) = self.files.get(unique).cloned() else {
            return Ok(None);
        };
        let (mut place, held) = self.place(unique, &change.apply(&found.flags));
        // A file that is in `cur` was seen by a program, and does not become new again.
        if held.is_empty() && found.path.parent() == Some(&self.path.join("cur")) {
            place = self.path.join("cur").join(format!("{unique}:2,"));
        }
        self.write_keywords()?;
        if !moved(&found.path, &place)? {
            return Ok(None);
        }
        self.is_changed = true;
        self.files.insert(
            unique.into(),
            Found {
                path: place,
                flags: held.clone(),
            },
        );
        Ok(Some(held))
    }

    /// Deletes a file; false where it has another name now.
    pub(super) fn delete(&mut self, unique: &str) -> io::Result<bool> {
        let Some(found) = self.files.remove(unique) else {
            return Ok(true);
        };
        self.is_changed = true;
        match fs::remove_file(&found.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            done => done.map(|()| true),
        }
    }

    /// The letters of keywords are known before names have them.
    fn write_keywords(&mut self) -> io::Result<()> {
        let printed = self.keywords.print();
        if printed == Keywords::parse(&self.written).print() {
            return Ok(());
        }
        let beside = self.path.join(format!("{KEYWORDS_FILE}.new"));
        let mut file = File::create(&beside)?;
        file.write_all(printed.as_bytes())?;
        file.sync_all()?;
        fs::rename(beside, self.path.join(KEYWORDS_FILE))?;
        self.is_changed = true;
        self.written = printed;
        Ok(())
    }

    /// Brings everything onto stable storage: messages, then their names.
    pub(super) fn commit(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() && !self.is_changed {
            return Ok(());
        }
        self.write_keywords()?;
        if !self.waiting.is_empty() {
            // One sync of the file system for all files, in place of one for each.
            rustix::fs::syncfs(File::open(&self.path)?)?;
        }
        for (from, to) in self.waiting.drain(..) {
            fs::rename(from, to)?;
        }
        for folder in [self.path.join("new"), self.path.join("cur"), self.path.clone()] {
            File::open(folder)?.sync_all()?;
        }
        self.is_changed = false;
        Ok(())
    }
}

fn moved(from: &Path, to: &Path) -> io::Result<bool> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        done => done.map(|()| true),
    }
}

/// The names of marks in IMAP.
fn flags_of(marks: &Marks) -> Flags {
    let system = SystemKeyword::ALL
        .into_iter()
        .filter(|keyword| marks.has(*keyword));
    let system = system.map(|keyword| ServerFlag::System(keyword).name().into());
    system
        .chain(marks.names.iter().map(|name| name.as_str().into()))
        .collect()
}

/// 96 bits of a digest: what is different has different ones.
pub(super) fn digest_of(text: &str) -> String {
    let octets = digest(&SHA256, text.as_bytes());
    let octets = octets.as_ref().iter().take(12);
    octets.map(|octet| format!("{octet:02x}")).collect()
}

/// The digest in the name of a file that came from a server.
pub(super) fn digest_in(unique: &str) -> Option<&str> {
    let mut parts = unique.split('.').filter_map(|part| part.strip_prefix('H'));
    parts.next().filter(|digest| digest.len() == 24)
}
