//! Writes mail into files of each format. A folder that is written must be new or empty; a file must be new.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use message::{maildir, mbox, uidlist};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use types::Timestamp;

use super::zipped::ZipWriting;
use client::names;

use super::{Format, MANIFEST, Outgoing};

/// What the names of our messages in a Maildir have.
const OWN: &str = ".posthouse,S=";

/// Where a message has been put.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: Option<String>,
    pub(crate) offset: Option<u64>,
}

/// An archive that is being written.
pub(crate) struct Writing {
    target: PathBuf,
    shape: Shape,
    kind: mbox::Kind,
    start: Start,
}

/// Whether mailboxes are new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// They are: what is there is of others.
    New,
    /// Some may be there from before, and are gone on with.
    Again,
}

enum Shape {
    Maildir(MaildirWriting),
    Mbox(Option<MboxWriting>),
    /// Only one mailbox, which is the target.
    One(Option<MboxWriting>),
    Eml(EmlWriting),
    Zip(Box<ZipWriting>),
}

/// The Maildir of a mailbox.
#[derive(Default)]
struct MaildirWriting {
    /// Below the target, with a slash at the end unless it is the target.
    folder: String,
    keywords: maildir::Keywords,
    /// The numbers and ids of messages, with what is unique in their names.
    known: Vec<(uidlist::Entry, String)>,
}

struct MboxWriting {
    out: BufWriter<File>,
    offset: u64,
}

#[derive(Default)]
struct EmlWriting {
    folder: String,
    number: u64,
}

impl Writing {
    /// Begins at a place where nothing is.
    pub(crate) fn begin(target: &Path, format: Format) -> io::Result<Self> {
        let shape = match format {
            Format::Zip => Shape::Zip(Box::new(ZipWriting::begin(&part_of(target))?)),
            format => {
                fs::create_dir_all(target)?;
                match format {
                    Format::Mbox => Shape::Mbox(None),
                    Format::Eml => Shape::Eml(EmlWriting::default()),
                    Format::Maildir | Format::Zip => Shape::Maildir(MaildirWriting::default()),
                }
            }
        };
        Ok(Writing {
            target: target.to_owned(),
            shape,
            kind: mbox::Kind::default(),
            start: Start::New,
        })
    }

    /// Begins one mailbox, in a file where nothing is. It has no manifest.
    pub(crate) fn begin_one(target: &Path) -> io::Result<Self> {
        let file = File::create_new(own_part_of(target))?;
        // Who would begin anew sees that it is being written. Where a file system knows no locks, it is not seen.
        let _ = file.try_lock();
        let out = BufWriter::new(file);
        Ok(Writing {
            target: target.to_owned(),
            shape: Shape::One(Some(MboxWriting { out, offset: 0 })),
            kind: mbox::Kind::default(),
            start: Start::New,
        })
    }

    /// With mboxes of some kind.
    pub(crate) fn of(mut self, kind: mbox::Kind) -> Self {
        self.kind = kind;
        self
    }

    /// In a folder where some of it is from before.
    pub(crate) fn again(mut self) -> Self {
        self.start = Start::Again;
        self
    }

    /// Puts the only mailbox in its place, when it is on stable storage. What is there meanwhile is not written over.
    pub(crate) fn finish_one(self) -> io::Result<()> {
        let Shape::One(Some(writing)) = self.shape else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        writing.out.into_inner()?.sync_all()?;
        put_in_place(&own_part_of(&self.target), &self.target)
    }

    /// Where the manifest is written until everything is there.
    pub(crate) fn manifest(&self) -> PathBuf {
        let format = match self.shape {
            Shape::Zip(_) => Format::Zip,
            Shape::Mbox(_) | Shape::One(_) => Format::Mbox,
            Shape::Maildir(_) => Format::Maildir,
            Shape::Eml(_) => Format::Eml,
        };
        manifest_part_of(&self.target, format)
    }

    /// Begins a mailbox; says where it lies.
    pub(crate) fn mailbox(&mut self, name: &str) -> io::Result<String> {
        match &mut self.shape {
            Shape::Maildir(writing) => writing.mailbox(&self.target, name, self.start),
            Shape::Mbox(writing) => {
                end(writing.take())?;
                let path = format!("{}.mbox", names::path(name));
                let file = self.target.join(&path);
                file.parent().map_or(Ok(()), fs::create_dir_all)?;
                let file = match self.start {
                    Start::New => File::create_new(file)?,
                    Start::Again => OpenOptions::new().append(true).create(true).open(file)?,
                };
                let offset = file.metadata()?.len();
                let out = BufWriter::new(file);
                *writing = Some(MboxWriting { out, offset });
                Ok(path)
            }
            Shape::One(_) => Ok(String::new()),
            Shape::Eml(writing) => {
                let path = format!("folders/{}", names::path(name));
                let folder = self.target.join(&path);
                fs::create_dir_all(&folder)?;
                path.clone_into(&mut writing.folder);
                writing.number = match self.start {
                    Start::New => 0,
                    Start::Again => last_number(&folder)?,
                };
                Ok(path)
            }
            Shape::Zip(writing) => writing.mailbox(&format!("folders/{}", names::path(name))),
        }
    }

    /// Writes a message into the mailbox that was begun last.
    pub(crate) fn message(&mut self, message: &Outgoing<'_>) -> io::Result<Place> {
        match &mut self.shape {
            Shape::Maildir(writing) => writing.message(&self.target, message),
            Shape::Mbox(None) | Shape::One(None) => Err(io::ErrorKind::InvalidInput.into()),
            Shape::Mbox(Some(writing)) | Shape::One(Some(writing)) => writing.message(self.kind, message),
            Shape::Eml(writing) => {
                writing.number += 1;
                let path = format!("{}/{:04}.eml", writing.folder, writing.number);
                write_file(&self.target.join(&path), message.octets, message.received)?;
                Ok(Place {
                    path: Some(path),
                    offset: None,
                })
            }
            Shape::Zip(writing) => writing.message(message),
        }
    }

    /// Hands what was written to the system, so that it is there when this program is ended.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match &mut self.shape {
            Shape::Mbox(Some(writing)) | Shape::One(Some(writing)) => writing.out.flush(),
            _ => Ok(()),
        }
    }

    /// Ends the mailbox that was begun last.
    pub(crate) fn end_mailbox(&mut self, validity: u32) -> io::Result<()> {
        match &mut self.shape {
            Shape::Maildir(writing) => writing.end(&self.target, validity),
            Shape::Mbox(writing) => end(writing.take()),
            Shape::One(_) | Shape::Eml(_) | Shape::Zip(_) => Ok(()),
        }
    }

    /// Puts the manifest in its place, when everything is on stable storage.
    pub(crate) fn finish(self) -> io::Result<()> {
        let manifest = self.manifest();
        if let Shape::Zip(writing) = self.shape {
            writing.finish(&manifest)?;
            put_in_place(&part_of(&self.target), &self.target)?;
            return fs::remove_file(manifest);
        }
        let folder = File::open(&self.target)?;
        rustix::fs::syncfs(&folder)?;
        fs::rename(manifest, self.target.join(MANIFEST))?;
        folder.sync_all()
    }
}

/// Gives a file that is on stable storage its name. What has got that name meanwhile is not written over.
fn put_in_place(part: &Path, target: &Path) -> io::Result<()> {
    match renameat_with(CWD, part, CWD, target, RenameFlags::NOREPLACE) {
        // Some file systems do not know how to.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if !target.exists() => {
            fs::rename(part, target)?;
        }
        done => done?,
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

/// Where the manifest of a target is written until everything is there.
pub(crate) fn manifest_part_of(target: &Path, format: Format) -> PathBuf {
    match format {
        Format::Zip => suffixed(target, ".manifest.part"),
        Format::Maildir | Format::Mbox | Format::Eml => target.join("manifest.json.part"),
    }
}

/// Where the only mailbox is written until it is whole: a name that nobody else gives.
pub(crate) fn own_part_of(target: &Path) -> PathBuf {
    suffixed(target, ".posthouse-part")
}

/// Whether a file below the target bears a name that we give a message.
pub(super) fn is_own_name(place: &str, format: Format) -> bool {
    let (folder, name) = place.rsplit_once('/').unwrap_or_default();
    match format {
        Format::Maildir => name.contains(OWN),
        Format::Eml => folder.starts_with("folders/") && number_of(name).is_some(),
        Format::Mbox | Format::Zip => false,
    }
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(".eml")?.parse().ok()
}

/// The highest number of a message in a folder.
fn last_number(folder: &Path) -> io::Result<u64> {
    let mut last = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        last = last.max(name.to_str().and_then(number_of).unwrap_or_default());
    }
    Ok(last)
}

/// Where a file is written until it is whole.
pub(crate) fn part_of(target: &Path) -> PathBuf {
    suffixed(target, ".part")
}

fn suffixed(target: &Path, suffix: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

impl MaildirWriting {
    fn mailbox(&mut self, target: &Path, name: &str, start: Start) -> io::Result<String> {
        let folder = names::maildir(name);
        let path = target.join(&folder);
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(path.join(part))?;
        }
        if !folder.is_empty() {
            // Maildir++: it says that the folder above is not another Maildir.
            match File::create_new(path.join("maildirfolder")) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && start == Start::Again => {}
                made => drop(made?),
            }
        }
        self.keywords = match fs::read(path.join(maildir::KEYWORDS_FILE)) {
            Ok(text) if start == Start::Again => maildir::Keywords::parse(&String::from_utf8_lossy(&text)),
            _ => maildir::Keywords::default(),
        };
        self.folder = match folder.is_empty() {
            true => String::new(),
            false => format!("{folder}/"),
        };
        Ok(folder)
    }

    fn message(&mut self, target: &Path, message: &Outgoing<'_>) -> io::Result<Place> {
        let text = message.text();
        let Outgoing { entry, received, .. } = message;
        let unique = format!("{received}.P{entry}{OWN}{}", text.len());
        let before = self.keywords.print();
        let name = maildir::print_name(&unique, message.marks, &mut self.keywords);
        if self.keywords.print() != before {
            // Before a name has a letter, it is known what the letter means.
            self.keep_keywords(target)?;
        }
        if let Some(known) = message.known {
            self.known.push((known.clone(), unique));
        }
        let path = format!("{}cur/{name}", self.folder);
        // Programs that read a Maildir look for whole messages in `cur`.
        let part = target.join(format!("{}tmp/{name}", self.folder));
        let _ = fs::remove_file(&part);
        write_file(&part, &text, *received)?;
        fs::rename(part, target.join(&path))?;
        Ok(Place {
            path: Some(path),
            offset: None,
        })
    }

    fn keep_keywords(&self, target: &Path) -> io::Result<()> {
        let file = target.join(&self.folder).join(maildir::KEYWORDS_FILE);
        let part = part_of(&file);
        fs::write(&part, self.keywords.print())?;
        fs::rename(part, file)
    }

    fn end(&mut self, target: &Path, validity: u32) -> io::Result<()> {
        let folder = target.join(&self.folder);
        self.keywords = maildir::Keywords::default();
        let known = std::mem::take(&mut self.known);
        if !known.is_empty() {
            let known = known.iter().map(|(entry, unique)| (entry, unique.as_str()));
            fs::write(
                folder.join(uidlist::UIDLIST_FILE),
                uidlist::print(validity, known),
            )?;
        }
        Ok(())
    }
}

impl MboxWriting {
    fn message(&mut self, kind: mbox::Kind, message: &Outgoing<'_>) -> io::Result<Place> {
        let head = mbox::Head {
            sender: sender(message.octets),
            received: Timestamp(message.received),
            marks: message.marks.clone(),
        };
        let mut out = Vec::with_capacity(message.octets.len() + 256);
        mbox::print_as(kind, &mut out, &head, &message.text());
        self.out.write_all(&out)?;
        let offset = self.offset;
        self.offset += out.len() as u64;
        Ok(Place {
            path: None,
            offset: Some(offset),
        })
    }
}

fn end(writing: Option<MboxWriting>) -> io::Result<()> {
    writing.map_or(Ok(()), |mut writing| writing.out.flush())
}

/// Who a message says that it came from: what our server, or another one, has written above it.
fn sender(message: &[u8]) -> String {
    const FIELD: &[u8] = b"return-path:";
    let mut lines = message
        .split(|octet| *octet == b'\n')
        .take_while(|line| line.len() > 1);
    let line = lines.find(|line| {
        let name = line.get(..FIELD.len());
        name.is_some_and(|name| name.eq_ignore_ascii_case(FIELD))
    });
    let value = line.and_then(|line| line.get(FIELD.len()..)).unwrap_or_default();
    let value = String::from_utf8_lossy(value);
    value.trim().trim_matches(['<', '>']).to_owned()
}

/// Writes a new file that was last changed when its message was received.
fn write_file(path: &Path, octets: &[u8], received: i64) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(octets)?;
    // What the file system cannot say, the manifest does.
    let _ = time(received).map(|time| file.set_modified(time));
    Ok(())
}

fn time(seconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    match seconds < 0 {
        true => UNIX_EPOCH.checked_sub(distance),
        false => UNIX_EPOCH.checked_add(distance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_come_meanwhile_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["in.mbox", "mail.zip"] {
            let target = folder.path().join(name);
            let is_one = name == "in.mbox";
            let writing = match is_one {
                true => Writing::begin_one(&target).unwrap(),
                false => Writing::begin(&target, Format::Zip).unwrap(),
            };
            fs::write(&target, "mine").unwrap();
            let error = if is_one {
                writing.finish_one().unwrap_err()
            } else {
                fs::write(writing.manifest(), "{}").unwrap();
                writing.finish().unwrap_err()
            };
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{name}");
            assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
        }
    }
}
