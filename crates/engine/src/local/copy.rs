//! A copy of the index, beside the segments: its form, and how it is written and read.
//!
//! It is a file of frames, each with a hash of its own that is seeded with the folder's random number and the frame's place.
//! The first says from where on the log is to be replayed; the last says that it is whole. So a copy that was cut or changed
//! anywhere is known before it is believed, which LMDB's own form would not allow.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::committer::write_all;
use super::index::{Look, SealedRow};
use super::record::{u32_at, u64_at};
use super::table::Position;
use crate::EngineError;
use crate::files::{Files, LogFile};

/// The first octets of a copy, which its version is part of.
const MAGIC: &[u8; 8] = b"PhIndex1";
/// Octets of rows in a frame: what is read and held at once.
const FRAME: usize = 256 << 10;
/// Octets of a frame's own head: length, kind, hash.
const FRAME_HEAD: usize = 16;
/// Octets written between two syncs, so that a sync of the log does not meet gigabytes of a copy.
const SYNC: u64 = 8 << 20;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Kind {
    Head = 1,
    Rows = 2,
    Tail = 3,
}

/// What a copy says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// How far the log had been taken over.
    pub(crate) position: Position,
    /// When it was begun, in milliseconds since 1970.
    pub(crate) taken: u64,
}

/// Why a copy could not be written or read.
#[derive(Debug)]
pub(crate) enum CopyError {
    /// It is not what was written.
    Damaged { offset: u64, what: &'static str },
    /// The system refused.
    Io(io::Error),
    /// The index could not be read, or not take a row.
    Index(EngineError),
    /// The engine is being closed.
    Ending,
}

impl From<io::Error> for CopyError {
    fn from(error: io::Error) -> Self {
        CopyError::Io(error)
    }
}

impl From<EngineError> for CopyError {
    fn from(error: EngineError) -> Self {
        CopyError::Index(error)
    }
}

/// Where a copy lies.
pub(crate) fn copy_path(folder: &Path, number: u64) -> PathBuf {
    folder.join("log").join(format!("index-{number:08}.copy"))
}

/// Where a copy lies that is being made.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("copy.new")
}

/// The numbers of the copies, ascending.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder.join("log"))? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix("index-")?.strip_suffix(".copy"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Writes all rows that a look sees, and syncs; `goes_on` is asked between frames.
pub(crate) fn write(
    file: &dyn LogFile,
    look: &Look<'_>,
    (head, salt): (&Head, u64),
    goes_on: &dyn Fn() -> bool,
) -> Result<u64, CopyError> {
    let mut writer = Writer {
        file,
        salt,
        frames: 0,
        at: 0,
        synced: 0,
    };
    writer.frame(Kind::Head, &head.print())?;
    let (mut rows, mut buffer) = (0_u64, Vec::with_capacity(FRAME + 1024));
    for row in look.all()? {
        let (key, sealed) = row?;
        push_row(&mut buffer, key, sealed);
        rows += 1;
        if buffer.len() >= FRAME {
            writer.frame(Kind::Rows, &buffer)?;
            buffer.clear();
            if !goes_on() {
                return Err(CopyError::Ending);
            }
        }
    }
    if !buffer.is_empty() {
        writer.frame(Kind::Rows, &buffer)?;
    }
    writer.frame(Kind::Tail, &rows.to_le_bytes())?;
    file.sync_data()?;
    Ok(rows)
}

struct Writer<'f> {
    file: &'f dyn LogFile,
    salt: u64,
    frames: u64,
    at: u64,
    synced: u64,
}

impl Writer<'_> {
    fn frame(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut head = Vec::with_capacity(FRAME_HEAD);
        head.extend_from_slice(&length.to_le_bytes());
        head.extend_from_slice(&(kind as u32).to_le_bytes());
        head.extend_from_slice(&hash(payload, kind as u32, (self.salt, self.frames)).to_le_bytes());
        write_all(
            self.file,
            vec![IoSlice::new(&head), IoSlice::new(payload)],
            self.at,
        )?;
        self.at += (FRAME_HEAD + payload.len()) as u64;
        self.frames += 1;
        if self.at - self.synced >= SYNC {
            self.file.sync_data()?;
            // Nobody reads it soon: the memory is better used by mail.
            self.file.forget(self.synced, self.at - self.synced)?;
            self.synced = self.at;
        }
        Ok(())
    }
}

/// Reads a copy to its end, and hands over its rows, a frame at a time; what it says of itself, and how many rows it has.
pub(crate) fn read(
    files: &dyn Files,
    path: &Path,
    salt: u64,
    take: &mut dyn FnMut(Vec<SealedRow>) -> Result<(), CopyError>,
) -> Result<(Head, u64), CopyError> {
    let mut reader = Reader::open(files, path, salt)?;
    let head = reader.head()?;
    let mut rows = 0;
    loop {
        let offset = reader.at;
        let damaged = |what| CopyError::Damaged { offset, what };
        match reader.frame()? {
            (Kind::Rows, payload) => {
                let some = parse_rows(&payload).ok_or(damaged("a frame of rows has another form"))?;
                rows += some.len() as u64;
                take(some)?;
            }
            (Kind::Tail, payload) if u64_at(&payload, 0) == Some(rows) => return Ok((head, rows)),
            _ => return Err(damaged("a frame is not where it belongs")),
        }
    }
}

/// Reads what a copy says of itself.
pub(crate) fn read_head(files: &dyn Files, path: &Path, salt: u64) -> Result<Head, CopyError> {
    Reader::open(files, path, salt)?.head()
}

struct Reader {
    file: Box<dyn LogFile>,
    size: u64,
    salt: u64,
    frames: u64,
    at: u64,
}

impl Reader {
    fn open(files: &dyn Files, path: &Path, salt: u64) -> Result<Self, CopyError> {
        let file = files.open(path)?;
        Ok(Reader {
            size: file.size()?,
            file,
            salt,
            frames: 0,
            at: 0,
        })
    }

    fn head(&mut self) -> Result<Head, CopyError> {
        let damaged = CopyError::Damaged {
            offset: 0,
            what: "it is not a copy of this folder's index in a form that is known",
        };
        match self.frame()? {
            (Kind::Head, payload) => Head::parse(&payload).ok_or(damaged),
            _ => Err(damaged),
        }
    }

    fn frame(&mut self) -> Result<(Kind, Vec<u8>), CopyError> {
        let offset = self.at;
        let damaged = |what| CopyError::Damaged { offset, what };
        let cut = damaged("the copy of the index ends before its last frame");
        if self.size.saturating_sub(self.at) < FRAME_HEAD as u64 {
            return Err(cut);
        }
        let head = self.file.read_vec(FRAME_HEAD, self.at)?;
        let (Some(length), Some(kind), Some(sum)) = (u32_at(&head, 0), u32_at(&head, 4), u64_at(&head, 8))
        else {
            return Err(cut);
        };
        let begins = self.at + FRAME_HEAD as u64;
        if self.size - begins < u64::from(length) {
            return Err(cut);
        }
        let payload = self
            .file
            .read_vec(usize::try_from(length).unwrap_or(usize::MAX), begins)?;
        if hash(&payload, kind, (self.salt, self.frames)) != sum {
            return Err(damaged("the checksum of a frame does not match"));
        }
        let kinds = [Kind::Head, Kind::Rows, Kind::Tail];
        let kind = kinds.into_iter().find(|known| *known as u32 == kind);
        let kind = kind.ok_or(damaged("a frame is of an unknown kind"))?;
        self.at = begins + u64::from(length);
        self.frames += 1;
        Ok((kind, payload))
    }
}

impl Head {
    fn print(&self) -> Vec<u8> {
        [&MAGIC[..], &self.position.print(), &self.taken.to_le_bytes()].concat()
    }

    fn parse(payload: &[u8]) -> Option<Head> {
        let rest = payload.strip_prefix(MAGIC)?;
        let (position, taken) = rest.split_at_checked(32)?;
        Some(Head {
            position: Position::parse(position)?,
            taken: u64_at(taken, 0)?,
        })
    }
}

fn hash(payload: &[u8], kind: u32, (salt, frame): (u64, u64)) -> u64 {
    // The kind changes the seed where the frame's number does not reach.
    xxh3_64_with_seed(payload, salt ^ frame ^ (u64::from(kind) << 48))
}

fn push_row(out: &mut Vec<u8>, key: &[u8], sealed: &[u8]) {
    let key_length = u16::try_from(key.len()).expect("LMDB's keys have at most 511 octets");
    let length = u32::try_from(sealed.len()).expect("a value under 4 GiB");
    out.extend_from_slice(&key_length.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(sealed);
}

fn parse_rows(mut payload: &[u8]) -> Option<Vec<SealedRow>> {
    let mut rows = Vec::new();
    while !payload.is_empty() {
        let (lengths, rest) = payload.split_at_checked(6)?;
        let key_length = usize::from(u16::from_le_bytes(*lengths.first_chunk()?));
        let length = usize::try_from(u32_at(lengths, 2)?).ok()?;
        let (key, rest) = rest.split_at_checked(key_length)?;
        let (sealed, rest) = rest.split_at_checked(length)?;
        rows.push((key.to_vec(), sealed.to_vec()));
        payload = rest;
    }
    Some(rows)
}
