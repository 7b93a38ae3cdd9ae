//! What a composed message needs of this machine: files that are attached, the time, and an id that was never used before.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, tz::TimeZone};
use message::Date;
use message::compose::{Attachment, Mail, Mailbox, MessageId, Source, SourceId, Stamp};
use tokio::fs::File;
use types::Domain;

use crate::error::{Cause, Error, Failure, Step};

/// A file of so many octets is read at once.
const SMALL: u64 = 256 << 10;

/// Files that are attached; large ones are read when the message is sent and not before.
#[derive(Clone, Debug, Default)]
pub struct Files {
    paths: Vec<PathBuf>,
}

impl Files {
    /// No files.
    #[must_use]
    pub fn new() -> Self {
        Files::default()
    }

    /// Makes an attachment of a file, under the file's own name.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    ///
    /// # Panics
    /// With more than four thousand million files.
    pub fn attach(&mut self, path: impl Into<PathBuf>) -> Result<Attachment<'static>, Error> {
        let path = path.into();
        let failed = |error| Error::new(reading(&path), None, Cause::File(error));
        // Opened now, so that what cannot be read is known before anything is sent.
        let file = std::fs::File::open(&path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        if found.is_dir() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if found.is_file() && found.len() <= SMALL {
            // What is in memory can be looked at: for the charset of a text, and the type of a picture without an ending.
            let mut octets = Vec::new();
            file.take(SMALL).read_to_end(&mut octets).map_err(failed)?;
            return Ok(Attachment::new(&name, octets));
        }
        let id = SourceId(u32::try_from(self.paths.len()).expect("files are fewer than that"));
        // The size of a pipe or a device is not known before its end.
        let octets = found.is_file().then_some(found.len());
        self.paths.push(path);
        Ok(Attachment::new(&name, Source { id, octets }))
    }

    pub(crate) async fn open(&self, id: SourceId) -> Result<File, Failure> {
        let path = self.path(id);
        let opened = File::open(path).await;
        opened.map_err(|error| (reading(path), Cause::File(error)))
    }

    pub(crate) fn path(&self, id: SourceId) -> &Path {
        let at = usize::try_from(id.0).unwrap_or(usize::MAX);
        self.paths
            .get(at)
            .expect("a source comes from the files that the message is sent with")
    }

    /// Opens a file for [`message::compose::Composed::write_to`].
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_now(&self, id: SourceId) -> std::io::Result<std::fs::File> {
        std::fs::File::open(self.path(id))
    }
}

pub(crate) fn reading(path: &Path) -> Step {
    Step::Reading(path.display().to_string().into())
}

/// Begins a mail by somebody, with the time now and an id that was never used before.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mail = posthouse_client::mail("Alice <alice@example.org>".parse()?)
///     .to("张三 <zhang@example.org>".parse()?)
///     .subject("你好")
///     .text("Hello!");
/// # Ok(()) }
/// ```
///
/// # Panics
/// When the system has no random numbers.
#[must_use]
pub fn mail<'a>(from: Mailbox) -> Mail<'a> {
    let stamp = stamp(&from.address().domain);
    Mail::new(from, stamp)
}

/// The time now, where this machine stands, and an id that was never used before, under the domain of the author.
///
/// # Panics
/// When the system has no random numbers.
#[must_use]
pub fn stamp(domain: &Domain) -> Stamp {
    let now = Timestamp::now();
    let offset = TimeZone::system().to_offset(now).seconds() / 60;
    let mut octets = [0_u8; 16];
    getrandom::fill(&mut octets).expect("the system has random numbers");
    let unique: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let id = MessageId::new(&unique, domain).expect("digits and a domain are a message id");
    Stamp {
        date: Date::of(now.as_second(), i16::try_from(offset).unwrap_or_default()),
        id,
    }
}
