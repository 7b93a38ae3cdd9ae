//! Mail in a zip: `folders/…/NNNN.eml` and the manifest.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{MANIFEST, Outgoing, Place};

/// Hashes, half of what a manifest is, do not get smaller than half of their digits: one that does is made to fill memory.
const MAX_RATIO: usize = 50;

/// A zip that is being written.
pub(super) struct ZipWriting {
    out: ZipWriter<BufWriter<File>>,
    folder: String,
    number: u64,
}

impl ZipWriting {
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        Ok(ZipWriting {
            out: ZipWriter::new(BufWriter::new(File::create_new(path)?)),
            folder: String::new(),
            number: 0,
        })
    }

    pub(super) fn mailbox(&mut self, path: &str) -> io::Result<String> {
        // So that an empty one is there, too.
        self.out.add_directory(path, options(now()))?;
        path.clone_into(&mut self.folder);
        self.number = 0;
        Ok(path.to_owned())
    }

    pub(super) fn message(&mut self, message: &Outgoing<'_>) -> io::Result<Place> {
        self.number += 1;
        let path = format!("{}/{:04}.eml", self.folder, self.number);
        self.out.start_file(&*path, options(message.received))?;
        self.out.write_all(message.octets)?;
        Ok(Place {
            path: Some(path),
            offset: None,
        })
    }

    /// Adds the manifest and ends the file.
    pub(super) fn finish(mut self, manifest: &Path) -> io::Result<()> {
        // It may be large.
        self.out.start_file(MANIFEST, options(now()).large_file(true))?;
        io::copy(&mut BufReader::new(File::open(manifest)?), &mut self.out)?;
        let file = self.out.finish()?.into_inner()?;
        file.sync_all()
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// How an entry is written. The dates of a zip end in 2107 and know two seconds only; the manifest knows better.
fn options(received: i64) -> SimpleFileOptions {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(0o600);
    match date(received) {
        Some(date) => options.last_modified_time(date),
        None => options,
    }
}

fn date(seconds: i64) -> Option<zip::DateTime> {
    let at = jiff::Timestamp::from_second(seconds).ok()?;
    let at = jiff::tz::Offset::UTC.to_datetime(at);
    let part = |number: i8| u8::try_from(number).ok();
    zip::DateTime::from_date_and_time(
        u16::try_from(at.year()).ok()?,
        part(at.month())?,
        part(at.day())?,
        part(at.hour())?,
        part(at.minute())?,
        part(at.second())?,
    )
    .ok()
}

/// A zip that is read.
pub(super) struct ZipReading(ZipArchive<BufReader<File>>);

impl ZipReading {
    /// What lies in several files at once is refused: a small zip could hold any amount of mail in this way.
    pub(super) fn open(file: File) -> io::Result<Self> {
        let mut zip = ZipArchive::new(BufReader::new(file))?;
        match zip.has_overlapping_entries()? {
            true => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "entries lie over each other",
            )),
            false => Ok(ZipReading(zip)),
        }
    }

    /// The largest that a file of text can be that takes so much space.
    pub(super) fn most_text(&mut self, name: &str) -> io::Result<usize> {
        let packed = usize::try_from(self.0.by_name(name)?.compressed_size()).unwrap_or(usize::MAX);
        Ok(packed.saturating_mul(MAX_RATIO))
    }

    /// The names of all files in it.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.0.file_names().flatten();
        names
            .filter(|name| !name.ends_with('/'))
            .map(Cow::into_owned)
            .collect()
    }

    /// The names of all folders in it, without the slash at the end.
    pub(super) fn folders(&self) -> Vec<String> {
        let names = self.0.file_names().flatten();
        names
            .filter_map(|name| name.strip_suffix('/').map(str::to_owned))
            .collect()
    }

    /// A file, if it is not larger than so many octets; else its size. What an entry says of its size is not believed.
    pub(super) fn read(&mut self, name: &str, limit: usize) -> io::Result<Result<Vec<u8>, u64>> {
        let file = self.0.by_name(name)?;
        let said = file.size();
        let mut octets = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut octets)?;
        Ok(match octets.len() > limit {
            true => Err(said),
            false => Ok(octets),
        })
    }

    /// When a file says that it was changed: in UTC, as we write it.
    pub(super) fn changed(&mut self, name: &str) -> Option<i64> {
        let date = self.0.by_name(name).ok()?.last_modified()?;
        let part = |number: u8| i8::try_from(number).ok();
        let at = jiff::civil::DateTime::new(
            i16::try_from(date.year()).ok()?,
            part(date.month())?,
            part(date.day())?,
            part(date.hour())?,
            part(date.minute())?,
            part(date.second())?,
            0,
        );
        let at = jiff::tz::Offset::UTC.to_timestamp(at.ok()?);
        Some(at.ok()?.as_second())
    }
}
