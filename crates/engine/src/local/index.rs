//! The index: one LMDB database of every partition's rows, each value with a checksum over key and value.
//!
//! LMDB does not notice that its file was cut, and dies of SIGBUS later: so the size is compared with the meta pages first.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::ops::{Bound, Range};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use heed::types::Bytes as Raw;
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, RoTxn};
use xxhash_rust::xxh3::Xxh3;

use super::record::{u32_at, u64_at};
use super::table::{Position, Table};
use crate::{EngineError, Partition};

/// Address space set aside for the index; the file grows as it needs.
const MAP_SIZE: usize = 1 << 38;
/// Threads that may read at once.
const READERS: u32 = 1024;
/// Key of the position under [`Partition::ENGINE`].
const POSITION: &[u8] = b"position";
const META_MAGIC: u32 = 0xBEEF_C0DE;

type Rows = Database<'static, Raw, Raw>;

/// An open index.
pub(crate) struct Index {
    // Declared before `env`, of which it is a number.
    rows: Rows,
    env: Env,
    path: PathBuf,
}

impl Index {
    /// Opens or makes the index in a folder.
    pub(crate) fn open(path: &Path) -> Result<Index, heed::Error> {
        let mut options = EnvOpenOptions::new();
        options.map_size(MAP_SIZE).max_readers(READERS);
        #[expect(
            unsafe_code,
            reason = "the folder is locked by us, and its size has been checked"
        )]
        let env = unsafe { options.open(path) }?;
        let txn = env.write_txn()?;
        let made = env.create_databases_and_commit(txn, |opener, txn| {
            let rows: Database<'_, Raw, Raw> = opener.create_database(txn, None)?;
            #[expect(
                unsafe_code,
                reason = "a number within `env`, which lives as long in this struct"
            )]
            let rows = unsafe { std::mem::transmute::<Database<'_, Raw, Raw>, Rows>(rows) };
            Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(rows))
        });
        let rows = made?.unwrap_commit();
        Ok(Index {
            rows,
            env,
            path: path.to_owned(),
        })
    }

    /// A consistent look at the rows; not to be kept.
    pub(crate) fn look(&self) -> Result<Look<'_>, EngineError> {
        let txn = self.env.read_txn().map_err(|error| self.failed(&error))?;
        Ok(Look { index: self, txn })
    }

    fn failed(&self, error: &heed::Error) -> EngineError {
        index_error(&self.path, error)
    }

    /// Takes a table over, with the position it reaches, in one transaction.
    pub(crate) fn absorb(&self, table: &Table) -> Result<(), heed::Error> {
        self.reserve(table.size as u64);
        let mut txn = self.env.write_txn()?;
        let mut buffer = Vec::new();
        for ((partition, key), value) in &table.rows {
            let key = full_key(*partition, key);
            let Some(value) = value else {
                self.rows.delete(&mut txn, &key)?;
                continue;
            };
            seal(&key, value, &mut buffer);
            self.rows.put(&mut txn, &key, &buffer)?;
        }
        let key = full_key(Partition::ENGINE, POSITION);
        seal(&key, &table.position.print(), &mut buffer);
        self.rows.put(&mut txn, &key, &buffer)?;
        txn.commit()?;
        self.extend_file();
        Ok(())
    }

    /// Puts rows in as they are, in one transaction: keys with their partitions, values with their checksums.
    pub(crate) fn fill(&self, rows: &[SealedRow]) -> Result<(), heed::Error> {
        let mut txn = self.env.write_txn()?;
        for (key, sealed) in rows {
            self.rows.put(&mut txn, key, sealed)?;
        }
        txn.commit()?;
        self.extend_file();
        Ok(())
    }

    /// LMDB may leave its last, free pages unwritten; then the file would look cut.
    fn extend_file(&self) {
        self.extend_to(self.used());
    }

    /// Makes room for most transactions before they begin, so that a crash just after one does not make the file look cut.
    fn reserve(&self, octets: u64) {
        self.extend_to((self.used() + 3 * octets + (4 << 20)).next_multiple_of(16 << 20));
    }

    /// Octets up to the last page.
    pub(crate) fn used(&self) -> u64 {
        (self.env.info().last_page_number as u64 + 1) * u64::from(self.env.unnamed_database_stat().page_size)
    }

    fn extend_to(&self, wanted: u64) {
        let path = self.path.join("data.mdb");
        if fs::metadata(&path).is_ok_and(|m| m.len() < wanted) {
            let extended = fs::OpenOptions::new()
                .write(true)
                .open(&path)
                .and_then(|file| file.set_len(wanted));
            if let Err(error) = extended {
                tracing::warn!("{}: {error}", path.display());
            }
        }
    }

    /// Gives back the memory that shows the file: the system keeps what it likes of it in its cache, and it no longer counts as
    /// ours. What is read again is there again at once.
    pub(crate) fn let_go(&self) {
        let path = self.path.join("data.mdb");
        let Some((start, length)) = fs::canonicalize(&path).ok().and_then(|path| mapping_of(&path)) else {
            return;
        };
        let start = std::ptr::without_provenance_mut(start);
        #[expect(
            unsafe_code,
            reason = "a shared mapping of a file that stays mapped while `env` lives: dropped pages are read again from the file"
        )]
        let advised = unsafe { rustix::mm::madvise(start, length, rustix::mm::Advice::LinuxDontNeed) };
        if let Err(error) = advised {
            tracing::debug!("{}: {error}", path.display());
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// One transaction that reads.
pub(crate) struct Look<'i> {
    index: &'i Index,
    txn: RoTxn<'i, heed::WithTls>,
}

impl Look<'_> {
    /// The value of a key.
    pub(crate) fn find(&self, partition: Partition, key: &[u8]) -> Result<Option<&[u8]>, EngineError> {
        let key = full_key(partition, key);
        let found = self
            .index
            .rows
            .get(&self.txn, &key)
            .map_err(|error| self.index.failed(&error))?;
        found.map(|value| self.unseal(&key, value)).transpose()
    }

    /// Rows in a range of a partition, upwards.
    pub(crate) fn up(&self, partition: Partition, range: &Range<Bytes>) -> Result<Walk<'_>, EngineError> {
        let (start, end) = (full_key(partition, &range.start), full_key(partition, &range.end));
        let bounds = (Bound::Included(start.as_slice()), Bound::Excluded(end.as_slice()));
        let rows = self
            .index
            .rows
            .range(&self.txn, &bounds)
            .map_err(|error| self.index.failed(&error))?;
        Ok(Box::new(rows.map(|row| self.row(row))))
    }

    /// Rows in a range of a partition, downwards.
    pub(crate) fn down(&self, partition: Partition, range: &Range<Bytes>) -> Result<Walk<'_>, EngineError> {
        let (start, end) = (full_key(partition, &range.start), full_key(partition, &range.end));
        let bounds = (Bound::Included(start.as_slice()), Bound::Excluded(end.as_slice()));
        let rows = self
            .index
            .rows
            .rev_range(&self.txn, &bounds)
            .map_err(|error| self.index.failed(&error))?;
        Ok(Box::new(rows.map(|row| self.row(row))))
    }

    /// Every row of every partition after a full key, with whether its checksum holds.
    pub(crate) fn after(&self, key: Option<&[u8]>) -> Result<Vec<CheckedRow>, EngineError> {
        let start = key.map_or(Bound::Unbounded, Bound::Excluded);
        let bounds = (start, Bound::<&[u8]>::Unbounded);
        let rows = self
            .index
            .rows
            .range(&self.txn, &bounds)
            .map_err(|error| self.index.failed(&error))?;
        let mut found = Vec::new();
        for row in rows.take(256) {
            let (key, value) = row.map_err(|error| self.index.failed(&error))?;
            found.push((key.to_vec(), open_seal(key, value).map(<[u8]>::to_vec)));
        }
        Ok(found)
    }

    /// All rows, as they are kept: keys with their partitions, values with their checksums, whose checks are made.
    pub(crate) fn all(&self) -> Result<Walk<'_>, EngineError> {
        let rows = self.index.rows.iter(&self.txn);
        let rows = rows.map_err(|error| self.index.failed(&error))?;
        let row = |row: heed::Result<_>| {
            let (key, sealed) = row.map_err(|error| self.index.failed(&error))?;
            self.unseal(key, sealed).map(|_| (key, sealed))
        };
        Ok(Box::new(rows.map(row)))
    }

    /// The first partition from a number on that has rows.
    pub(crate) fn partition_from(&self, first: u64) -> Result<Option<u64>, EngineError> {
        let start = first.to_be_bytes();
        let bounds = (Bound::Included(start.as_slice()), Bound::Unbounded);
        let rows = self.index.rows.range(&self.txn, &bounds);
        let mut rows = rows.map_err(|error| self.index.failed(&error))?;
        let Some(row) = rows.next() else { return Ok(None) };
        let (key, _) = row.map_err(|error| self.index.failed(&error))?;
        Ok(key.first_chunk::<8>().map(|octets| u64::from_be_bytes(*octets)))
    }

    /// How far the log has been taken over.
    pub(crate) fn position(&self) -> Result<Option<Position>, EngineError> {
        let value = self.find(Partition::ENGINE, POSITION)?;
        Ok(value.and_then(Position::parse))
    }

    fn row<'t>(&self, row: heed::Result<(&'t [u8], &'t [u8])>) -> Result<(&'t [u8], &'t [u8]), EngineError> {
        let (key, value) = row.map_err(|error| self.index.failed(&error))?;
        Ok((key.get(8..).unwrap_or_default(), self.unseal(key, value)?))
    }

    fn unseal<'t>(&self, key: &[u8], value: &'t [u8]) -> Result<&'t [u8], EngineError> {
        open_seal(key, value).ok_or_else(|| EngineError::Index {
            path: self.index.path.clone(),
            what: "a row's checksum does not match".into(),
        })
    }
}

/// A full key, and the value when its checksum holds.
pub(crate) type CheckedRow = (Vec<u8>, Option<Vec<u8>>);

/// A full key, and a value with its checksum.
pub(crate) type SealedRow = (Vec<u8>, Vec<u8>);

/// Rows on their way; the keys without the partition.
pub(crate) type Walk<'t> = Box<dyn Iterator<Item = Result<(&'t [u8], &'t [u8]), EngineError>> + 't>;

/// Where in memory a file is shown: the start and the length.
fn mapping_of(path: &Path) -> Option<(usize, usize)> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps
        .lines()
        .find(|line| line.ends_with(path.to_str().unwrap_or("?")))?;
    let (start, end) = line.split_once(' ')?.0.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    Some((start, end.checked_sub(start)?))
}

fn full_key(partition: Partition, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(8 + key.len());
    full.extend_from_slice(&partition.0.to_be_bytes());
    full.extend_from_slice(key);
    // Only a bound can be longer, and LMDB stops at 511.
    full.truncate(511);
    full
}

fn checksum(key: &[u8], value: &[u8]) -> [u8; 4] {
    let mut hash = Xxh3::new();
    hash.update(key);
    hash.update(value);
    let [a, b, c, d, ..] = hash.digest().to_le_bytes();
    [a, b, c, d]
}

fn seal(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(value);
    out.extend_from_slice(&checksum(key, value));
}

fn open_seal<'t>(key: &[u8], value: &'t [u8]) -> Option<&'t [u8]> {
    let (value, sum) = value.split_last_chunk::<4>()?;
    (checksum(key, value) == *sum).then_some(value)
}

pub(crate) fn index_error(path: &Path, error: &heed::Error) -> EngineError {
    EngineError::Index {
        path: path.to_owned(),
        what: error.to_string().into(),
    }
}

/// What the file of an index looks like before LMDB opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    Missing,
    /// Long enough for what its meta pages say.
    Whole,
    Damaged(&'static str),
}

/// Looks at the file of an index: LMDB itself would open a cut one and die later.
///
/// # Errors
/// When the file is there and cannot be read.
pub(crate) fn check_file(path: &Path) -> io::Result<FileState> {
    let mut file = match File::open(path.join("data.mdb")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileState::Missing),
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    let mut head = Vec::new();
    file.by_ref().take(2 * 65536).read_to_end(&mut head)?;
    let Some(first) = Meta::parse(&head) else {
        return Ok(FileState::Damaged("its first meta page is damaged"));
    };
    let second = usize::try_from(first.page_size)
        .ok()
        .and_then(|at| head.get(at..))
        .and_then(Meta::parse);
    let Some(second) = second else {
        return Ok(FileState::Damaged("its second meta page is damaged"));
    };
    let newest = if second.transaction > first.transaction {
        second
    } else {
        first
    };
    if (newest.last_page + 1).saturating_mul(newest.page_size) > size {
        return Ok(FileState::Damaged("is shorter than its meta page says"));
    }
    Ok(FileState::Whole)
}

/// Whether LMDB found damage, and not that the system refused something.
pub(crate) fn is_damage(error: &heed::Error) -> bool {
    use heed::MdbError::{Corrupted, Invalid, PageNotFound, VersionMismatch};
    matches!(
        error,
        heed::Error::Mdb(Corrupted | Invalid | PageNotFound | VersionMismatch)
    )
}

/// What matters of `MDB_meta`, after the page's header of 16 octets.
struct Meta {
    page_size: u64,
    last_page: u64,
    transaction: u64,
}

impl Meta {
    fn parse(page: &[u8]) -> Option<Meta> {
        let meta = page.get(16..)?;
        if u32_at(meta, 0)? != META_MAGIC {
            return None;
        }
        // magic 4, version 4, address 8, map size 8, then two databases of 48: the page size begins the first.
        Some(Meta {
            page_size: u32_at(meta, 24)?.into(),
            last_page: u64_at(meta, 120)?,
            transaction: u64_at(meta, 128)?,
        })
    }
}
