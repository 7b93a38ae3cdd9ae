//! Reads mail from files: what we have written, by its manifest, and what other programs have, by looking.
//!
//! **Invariant**: nothing outside of the folder or file that was named is read, whatever a manifest says.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use message::maildir::{self, KEYWORDS_FILE};
use message::mbox::Kind;
use message::uidlist::{UIDLIST_FILE, Uidlist};
use message::{Date, Marks, Message, PartId, mbox, repair};

use super::manifest::{self, MANIFEST, Manifest, Unusable};
use super::read_mbox::MboxLetters;
use super::unfinished::merged;
use super::zipped::ZipReading;
use super::{Format, MboxKind, hash, listing, marks_of};
use crate::control::mail::MAX_MESSAGE;
use crate::exit::{Code, Exit};
use crate::language::Language;

/// The largest manifest: of some twenty million messages.
const MAX_MANIFEST: usize = 4 << 30;

/// Where mail is read from.
pub(crate) struct Source {
    pub(super) root: PathBuf,
    pub(super) format: Format,
    pub(super) zip: Option<ZipReading>,
    /// What its mboxes are.
    pub(crate) kind: Kind,
    pub(crate) folders: Vec<Folder>,
    /// Names that are subscribed to, and have no mailbox.
    pub(crate) subscriptions: Vec<String>,
    /// Whether a manifest says what is here.
    pub(super) has_manifest: bool,
}

/// A mailbox in files.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    /// Its name, in UTF-8; it may not be one that a mailbox can have.
    pub(crate) name: String,
    pub(crate) role: Option<String>,
    pub(crate) subscribed: bool,
    /// Where it lies, below the root.
    pub(crate) place: String,
    pub(super) listed: Listed,
}

/// What is known of its messages.
#[derive(Debug, Default)]
pub(super) enum Listed {
    /// What the manifest says.
    Manifest(Vec<manifest::Message>),
    /// Nothing: they are looked for.
    #[default]
    Nothing,
    /// The place is that of the only message.
    One,
}

/// A message that was read, with CRLF at the ends of its lines.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) place: String,
    pub(crate) octets: Vec<u8>,
    /// Seconds since 1970.
    pub(crate) received: Option<i64>,
    pub(crate) marks: Marks,
    /// What POP3 called it; not checked.
    pub(crate) id: Option<String>,
}

/// What comes out of a folder.
#[derive(Debug)]
pub(crate) enum Item {
    Letter(Letter),
    /// Something that is no message, or not the one that it should be.
    Trouble(String, Trouble),
}

/// What is wrong with a message in files.
#[derive(Debug)]
pub(crate) enum Trouble {
    Unreadable(io::Error),
    /// The manifest names it.
    Missing,
    /// It is not what the manifest says.
    Changed,
    /// The manifest does not name it.
    Unlisted,
    /// The manifest names a place elsewhere.
    Outside,
    TooLarge(u64),
    Empty,
    Nul,
    /// The server would not take it.
    Refused(Exit),
}

impl Trouble {
    pub(crate) fn words(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Trouble::Unreadable(error) => (format!("cannot be read: {error}"), format!("无法读取：{error}")),
            Trouble::Missing => ("is not there".into(), "不存在".into()),
            Trouble::Changed => (
                "is not what the manifest says: it was changed or damaged".into(),
                "与清单不符：已被改动或损坏".into(),
            ),
            Trouble::Unlisted => ("is not in the manifest".into(), "不在清单中".into()),
            Trouble::Outside => (
                "lies outside of the folder, and is not read".into(),
                "在文件夹之外，不予读取".into(),
            ),
            Trouble::TooLarge(size) => (
                format!("is too large: {size} octets, at most {MAX_MESSAGE}"),
                format!("太大：{size} 字节，最多 {MAX_MESSAGE}"),
            ),
            Trouble::Empty => ("is empty".into(), "是空的".into()),
            Trouble::Nul => (
                "holds an octet of zero, which mail cannot carry".into(),
                "含有零字节，邮件无法传送".into(),
            ),
            Trouble::Refused(exit) => (exit.said(language).to_owned(), exit.said(language).to_owned()),
        };
        language.pick(english, chinese)
    }
}

/// A message that is a file.
pub(crate) struct FileAt {
    path: PathBuf,
    marks: Marks,
    /// What POP3 called it.
    id: Option<String>,
    /// What the manifest says of it.
    listed: Option<manifest::Message>,
}

/// The messages of a folder, one by one.
pub(crate) enum Letters {
    Files(Box<dyn Iterator<Item = FileAt> + Send>),
    Mbox(Box<MboxLetters>),
}

impl Source {
    /// Looks at what is there; with a format, as if there were no manifest.
    pub(crate) fn open(root: &Path, format: Option<Format>, language: Language) -> Result<Self, Exit> {
        let failed = |error: io::Error| unreadable(root, &error, language);
        if fs::metadata(root).map_err(failed)?.is_dir() {
            if format.is_none() && root.join(MANIFEST).exists() {
                let path = root.join(MANIFEST);
                let text = fs::read(&path).map_err(|error| unreadable(&path, &error, language))?;
                return Source::by_manifest(root, None, &text, language);
            }
            return listing::folder(root, format, language);
        }
        let mut beginning = Vec::new();
        File::open(root)
            .and_then(|file| file.take(4096).read_to_end(&mut beginning))
            .map_err(failed)?;
        if !beginning.starts_with(b"PK") {
            return listing::file(root, &beginning, format, language);
        }
        let broken = |error: io::Error| broken_zip(root, &error, language);
        let mut zip = ZipReading::open(File::open(root).map_err(failed)?).map_err(broken)?;
        match zip.names().iter().any(|name| name == MANIFEST) && format.is_none() {
            true => {
                let most = zip.most_text(MANIFEST).map_err(broken)?.min(MAX_MANIFEST);
                let text = zip.read(MANIFEST, most).map_err(broken)?;
                let text = text.map_err(|_| broken(io::ErrorKind::FileTooLarge.into()))?;
                Source::by_manifest(root, Some(zip), &text, language)
            }
            false => listing::zip(root, zip, language),
        }
    }

    fn by_manifest(
        root: &Path,
        zip: Option<ZipReading>,
        text: &[u8],
        language: Language,
    ) -> Result<Self, Exit> {
        let manifest = Manifest::parse(text).map_err(|unusable| unusable_manifest(&unusable, language))?;
        let folder = |mailbox: manifest::Mailbox| Folder {
            name: mailbox.name,
            role: mailbox.role,
            subscribed: mailbox.subscribed,
            place: mailbox.path,
            listed: Listed::Manifest(mailbox.messages),
        };
        Ok(Source {
            root: root.to_owned(),
            format: manifest.format,
            zip,
            kind: manifest.mbox.into(),
            folders: merged(manifest.mailboxes).into_iter().map(folder).collect(),
            subscriptions: manifest.subscriptions,
            has_manifest: true,
        })
    }

    /// A folder whose mailboxes are known.
    pub(super) fn of_manifest(root: &Path, format: Format, kind: MboxKind) -> Self {
        Source {
            root: root.to_owned(),
            format,
            zip: None,
            kind: kind.into(),
            folders: Vec::new(),
            subscriptions: Vec::new(),
            has_manifest: true,
        }
    }

    /// The messages of a folder, whose list is used up.
    pub(crate) fn letters(&self, folder: &mut Folder) -> Result<Letters, Trouble> {
        let listed = std::mem::take(&mut folder.listed);
        if self.format == Format::Mbox {
            let path = self.inside(&folder.place)?;
            let listed = match listed {
                Listed::Manifest(listed) => Some(listed),
                Listed::Nothing | Listed::One => None,
            };
            let letters = MboxLetters::open(&path, folder.place.clone(), self.kind, listed);
            return Ok(Letters::Mbox(Box::new(letters.map_err(trouble)?)));
        }
        Ok(Letters::Files(match listed {
            Listed::Manifest(listed) => Box::new(listed.into_iter().map(|message| FileAt {
                path: PathBuf::from(message.path.as_deref().unwrap_or_default()),
                marks: marks_of(&message.keywords),
                id: None,
                listed: Some(message),
            })),
            Listed::One => Box::new(std::iter::once(at(folder.place.clone().into()))),
            Listed::Nothing => match &self.zip {
                Some(zip) => Box::new(listing::in_zip(zip, &folder.place).into_iter().map(at)),
                None if self.format == Format::Maildir => {
                    Box::new(self.maildir(&folder.place).map_err(trouble)?.into_iter())
                }
                None => {
                    let found = listing::emls(&self.root, &folder.place).map_err(trouble)?;
                    Box::new(found.into_iter().map(at))
                }
            },
        }))
    }

    /// The messages of a Maildir: in the order of their numbers where Dovecot has given them some, then the oldest first, as their names
    /// count.
    fn maildir(&self, place: &str) -> io::Result<Vec<FileAt>> {
        let folder = self.root.join(place);
        let keywords = match fs::read(folder.join(KEYWORDS_FILE)) {
            Ok(text) => maildir::Keywords::parse(&String::from_utf8_lossy(&text)),
            Err(_) => maildir::Keywords::default(),
        };
        let uidlist = match fs::read(folder.join(UIDLIST_FILE)) {
            Ok(text) => Uidlist::parse(&text),
            Err(_) => Uidlist::default(),
        };
        let mut found = Vec::new();
        for part in ["new", "cur"] {
            let entries = match fs::read_dir(folder.join(part)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let name = entry?.file_name();
                if name.as_bytes().starts_with(b".") {
                    continue;
                }
                let parsed = maildir::Name::parse(name.as_bytes());
                let known = uidlist.find(parsed.unique);
                let order = (known.map_or(u32::MAX, |known| known.uid), order(name.as_bytes()));
                let at = FileAt {
                    path: Path::new(place).join(part).join(&name),
                    marks: parsed.marks(&keywords),
                    id: known.map(|known| known.id.clone()),
                    listed: None,
                };
                found.push((order, at));
            }
        }
        found.sort_by(|(one, a), (other, b)| (one, &a.path).cmp(&(other, &b.path)));
        Ok(found.into_iter().map(|(_, at)| at).collect())
    }

    /// Whether it is one mailbox or message of another program.
    pub(crate) fn is_single(&self) -> bool {
        self.folders.len() == 1 && !self.has_manifest
    }

    /// A place below the root.
    fn inside(&self, place: &str) -> Result<PathBuf, Trouble> {
        let inside = Path::new(place)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        match inside {
            true => Ok(self.root.join(place)),
            false => Err(Trouble::Outside),
        }
    }

    /// The next message.
    pub(crate) fn next(&mut self, letters: &mut Letters) -> Option<Item> {
        match letters {
            Letters::Mbox(letters) => letters.next(),
            Letters::Files(files) => files.next().map(|at| self.read(at)),
        }
    }

    fn read(&mut self, at: FileAt) -> Item {
        let place = at.path.to_string_lossy().into_owned();
        match self.octets(&at.path, &place) {
            Ok(octets) => self.made(at, place, octets),
            Err(trouble) => Item::Trouble(place, trouble),
        }
    }

    fn octets(&mut self, path: &Path, place: &str) -> Result<Vec<u8>, Trouble> {
        if let Some(zip) = &mut self.zip {
            return zip
                .read(place, MAX_MESSAGE)
                .map_err(trouble)?
                .map_err(Trouble::TooLarge);
        }
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(Trouble::Outside);
        }
        let file = File::open(self.root.join(path)).map_err(trouble)?;
        let mut octets = Vec::new();
        let read = (&file).take(MAX_MESSAGE as u64 + 1).read_to_end(&mut octets);
        match read.map_err(trouble)? > MAX_MESSAGE {
            true => Err(Trouble::TooLarge(file.metadata().map_or(0, |about| about.len()))),
            false => Ok(octets),
        }
    }

    fn made(&mut self, at: FileAt, place: String, octets: Vec<u8>) -> Item {
        let FileAt {
            path,
            marks,
            id,
            listed,
        } = at;
        if let Some(listed) = listed {
            return by_manifest(place, octets, &listed);
        }
        let octets = repaired(octets);
        let said = match self.format {
            Format::Maildir => None,
            _ => said_received(&octets),
        };
        let received = said.or_else(|| self.changed(&path));
        Item::Letter(Letter {
            place,
            octets,
            received,
            marks,
            id,
        })
    }

    /// When a file was last changed.
    fn changed(&mut self, path: &Path) -> Option<i64> {
        if let Some(zip) = &mut self.zip {
            return zip.changed(&path.to_string_lossy());
        }
        let changed = fs::metadata(self.root.join(path)).ok()?.modified().ok()?;
        match changed.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).ok(),
            Err(before) => i64::try_from(before.duration().as_secs())
                .ok()
                .map(|seconds| -seconds),
        }
    }
}

fn at(path: PathBuf) -> FileAt {
    FileAt {
        path,
        marks: Marks::default(),
        id: None,
        listed: None,
    }
}

/// A message that must be what the manifest says.
pub(super) fn by_manifest(place: String, octets: Vec<u8>, listed: &manifest::Message) -> Item {
    let octets = match listed.as_is {
        true => octets,
        false => repaired(octets),
    };
    if octets.len() as u64 != listed.size || hash(&octets) != *listed.sha256 {
        return Item::Trouble(place, Trouble::Changed);
    }
    Item::Letter(Letter {
        place,
        octets,
        received: Some(listed.received),
        marks: marks_of(&listed.keywords),
        id: listed.uidl.as_deref().map(str::to_owned),
    })
}

pub(super) fn repaired(octets: Vec<u8>) -> Vec<u8> {
    match repair::has_bare_cr_or_lf(&octets) {
        true => repair::crlf(&octets).into_owned(),
        false => octets,
    }
}

pub(super) fn trouble(error: io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound => Trouble::Missing,
        _ => Trouble::Unreadable(error),
    }
}

/// When a message says that it was received last, or else that it was written.
fn said_received(octets: &[u8]) -> Option<i64> {
    let message = Message::parse(octets);
    let received = message.header(PartId::ROOT).first("Received");
    let received = received.and_then(|field| {
        let value = field.unfolded().into_owned();
        let at = value.iter().rposition(|octet| *octet == b';')?;
        Date::parse(value.get(at + 1..)?)
    });
    received.or_else(|| message.date()).map(Date::timestamp)
}

/// The number that a name in a Maildir begins with: seconds since 1970.
fn order(name: &[u8]) -> u64 {
    let digits = name.iter().take_while(|octet| octet.is_ascii_digit());
    digits.fold(0, |sum, digit| {
        sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    })
}

/// What was to be read cannot be.
pub(super) fn unreadable(path: &Path, error: &io::Error, language: Language) -> Exit {
    if error.kind() == io::ErrorKind::NotFound {
        return Exit::file(path, error, language);
    }
    let path = path.display();
    let words = language.pick(
        format!("{path} cannot be read: {error}"),
        format!("无法读取 {path}：{error}"),
    );
    Exit::new(Code::NoInput, words)
}

/// A zip that is none, or whose manifest cannot be had.
fn broken_zip(path: &Path, error: &io::Error, language: Language) -> Exit {
    let path = path.display();
    let words = language.pick(
        format!("{path} is damaged, or no zip of mail: {error}"),
        format!("{path} 已损坏，或者不是邮件的 zip：{error}"),
    );
    Exit::new(Code::Data, words)
}

/// Whether a file begins as an mbox does.
pub(super) fn begins_mbox(beginning: &[u8]) -> bool {
    let mut lines = beginning.split(|octet| *octet == b'\n');
    let first = lines.find(|line| !line.trim_ascii().is_empty());
    first.is_some_and(|line| mbox::Separator::parse(line).is_some())
}

fn unusable_manifest(unusable: &Unusable, language: Language) -> Exit {
    let words = match unusable {
        Unusable::Json(error) => language.pick(
            format!("{MANIFEST} cannot be read: {error}; --format reads what is there without it"),
            format!("无法读取 {MANIFEST}：{error}；可用 --format 不看清单直接读取"),
        ),
        Unusable::Kind(kind, version) => language.pick(
            format!("{MANIFEST} is of {kind} {version}, which this program does not know; --format reads what is there without it"),
            format!("{MANIFEST} 属于 {kind} {version}，本程序不认识；可用 --format 不看清单直接读取"),
        ),
    };
    Exit::new(Code::Data, words)
}
