//! Making a backup: what is new is copied, then the manifest is replaced, then what nothing names any more is removed.
//!
//! **Invariant**: until the manifest is replaced, everything that the one before names is as it was. A segment only grows, behind
//! the octets that are named; everything else gets a name of its own.

use std::fs::{self, File};
use std::io::{self, IoSlice, Read as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use engine::files::{Files, LogFile};
use engine::{Identity, check};

use super::manifest::{IndexCopy, Kept, Manifest, Segment, hex_of, index_path, kept_path, segment_path};
use super::plan::{Plan, PlannedCopy, PlannedSegment};
use crate::exit::{Code, Exit};
use crate::language::Language;

/// Octets in one read.
const PIECE: usize = 1 << 20;
/// The octets that tell whether a segment is still the one that was copied: its last block.
const LAST: u64 = 4096;
/// How deep folders in a data folder are looked into.
const DEEP: usize = 16;
/// What else lies in a data folder, and is nothing to keep: locks, sockets, and what is made again.
const LEFT: [&str; 9] = [
    "posthouse.lock",
    "posthouse.restoring",
    "lock",
    "control.sock",
    "lmtp.sock",
    "format.new",
    "log",
    "index",
    "damaged",
];

/// A backup that was made.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    /// Octets that were copied.
    pub(crate) copied: u64,
    /// Octets of the whole backup.
    pub(crate) octets: u64,
    /// What is damaged in the data folder itself.
    pub(crate) findings: Vec<String>,
    /// What was not copied: links and the like.
    pub(crate) left_out: Vec<PathBuf>,
}

/// From where to where.
pub(crate) struct Copying<'c> {
    pub(crate) data: &'c Path,
    pub(crate) folder: &'c Path,
    /// What is written in the backup's folder goes through it.
    pub(crate) files: &'c dyn Files,
    pub(crate) language: Language,
}

/// Reads a file, and sums what was read.
struct Summed {
    file: File,
    path: PathBuf,
    sum: Context,
    at: u64,
}

impl Copying<'_> {
    /// Makes a backup of what a plan names. The backup's folder is locked.
    pub(crate) fn make(&self, plan: &Plan, begun: u64) -> Result<Made, Exit> {
        let old = Manifest::find(self.folder, self.language)?;
        let identity = self.identity()?;
        if let Some(old) = &old {
            self.check_same(old, identity)?;
        }
        for part in ["log", "index", "files"] {
            let path = self.folder.join(part);
            engine::make_folder(&path).map_err(|error| self.cannot_write(&path, &error))?;
        }
        let mut manifest = Manifest::new(identity, begun);
        let mut made = Made::default();
        for segment in &plan.segments {
            let known = old.iter().flat_map(|old| &old.segments);
            let known = known.into_iter().find(|known| known.number == segment.number);
            let copied = self.segment(segment, known, (identity.salt, &mut made))?;
            manifest.segments.push(copied);
        }
        if let Some(copy) = &plan.copy {
            let known = old.as_ref().and_then(|old| old.index.as_ref());
            manifest.index = Some(self.index(copy, known, (identity.salt, begun, &mut made))?);
        }
        self.others(Path::new(""), &mut manifest.files, &mut made)?;
        for part in ["log", "index", "files"] {
            let path = self.folder.join(part);
            let synced = self.files.sync_folder(&path);
            synced.map_err(|error| self.cannot_write(&path, &error))?;
        }
        let parts = manifest.segments.iter().map(|segment| segment.octets);
        let parts = parts.chain(manifest.index.iter().map(|index| index.octets));
        made.octets = parts.chain(manifest.files.iter().map(|kept| kept.octets)).sum();
        let put = manifest.clone().put(self.folder, self.files);
        put.map_err(|error| self.cannot_write(self.folder, &error))?;
        self.remove_others(&manifest);
        Ok(made)
    }

    fn identity(&self) -> Result<Identity, Exit> {
        let path = self.data.join(Identity::FILE);
        let text = fs::read_to_string(&path).map_err(|error| self.cannot_read(&path, &error))?;
        Identity::parse(&text).map_err(|what| Exit::new(Code::Data, format!("{}: {what}", path.display())))
    }

    /// Refuses where the backups are of another folder.
    fn check_same(&self, old: &Manifest, identity: Identity) -> Result<(), Exit> {
        if old.identity() == Some(identity) {
            return Ok(());
        }
        let (data, folder) = (self.data.display(), self.folder.display());
        let same = old.identity().map(|old| old.salt) == Some(identity.salt);
        let words = match same {
            true => self.language.pick(
                format!(
                    "{folder} has backups of {data} from before it was restored; choose another folder for those since"
                ),
                format!("{folder} 中是 {data} 恢复之前的备份；请为恢复之后的备份选择另一个文件夹"),
            ),
            false => self.language.pick(
                format!("{folder} has backups of another data folder than {data}; choose another folder"),
                format!("{folder} 中是另一个数据文件夹的备份，而不是 {data} 的；请换一个文件夹"),
            ),
        };
        Err(Exit::new(Code::Unavailable, words))
    }

    /// Brings a segment up to date: copies it, or what it has grown by.
    fn segment(
        &self,
        from: &PlannedSegment,
        known: Option<&Segment>,
        (salt, made): (u64, &mut Made),
    ) -> Result<Segment, Exit> {
        let source = self.data.join("log").join(format!("{:08}.seg", from.number));
        let path = segment_path(self.folder, from.number);
        let stored = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        // One that was lost or cut in the backup is copied again.
        let known = known.filter(|known| stored >= known.octets);
        if let Some(known) = known {
            if known.octets > from.octets {
                return Err(self.differs(&source));
            }
            if known.octets == from.octets {
                self.check_end(&source, &path, known.octets)?;
                return Ok(known.clone());
            }
        }
        let mut summed = Summed::open(&source).map_err(|error| self.cannot_read(&source, &error))?;
        let begun = match known {
            None => 0,
            Some(known) => {
                let sum = summed.skip(known.octets);
                let sum = sum.map_err(|error| self.cannot_read(&source, &error))?;
                if sum != known.sha256 {
                    return Err(self.differs(&source));
                }
                known.octets
            }
        };
        match begun {
            0 => self.whole(&mut summed, from.octets, &path)?,
            from_here => self.grow(&mut summed, from_here..from.octets, &path)?,
        }
        made.copied += from.octets - begun;
        let mut tell = |finding: engine::Finding| made.findings.push(finding.to_string());
        check::check_segment((&path, from.number), begun..from.octets, salt, &mut tell);
        Ok(Segment {
            number: from.number,
            octets: from.octets,
            sha256: summed.sum(),
        })
    }

    /// Whether a segment ends as the copy of it does.
    fn check_end(&self, source: &Path, path: &Path, octets: u64) -> Result<(), Exit> {
        let end = |path: &Path| {
            let from = octets.saturating_sub(LAST);
            let mut block = vec![0; usize::try_from(octets - from).unwrap_or(0)];
            File::open(path)?.read_exact_at(&mut block, from)?;
            Ok(block)
        };
        let there = end(source).map_err(|error: io::Error| self.cannot_read(source, &error))?;
        let here = end(path).map_err(|error: io::Error| self.cannot_read(path, &error))?;
        match there == here {
            true => Ok(()),
            false => Err(self.differs(source)),
        }
    }

    fn index(
        &self,
        from: &PlannedCopy,
        known: Option<&IndexCopy>,
        (salt, begun, made): (u64, u64, &mut Made),
    ) -> Result<IndexCopy, Exit> {
        let same = |known: &&IndexCopy| {
            let stored = fs::metadata(index_path(self.folder, known)).map_or(0, |metadata| metadata.len());
            known.taken == from.taken && known.octets == stored
        };
        if let Some(known) = known.filter(same) {
            return Ok(known.clone());
        }
        let source = self.data.join("log").join(&from.name);
        let mut index = IndexCopy {
            name: format!("{begun}-{}.copy", from.taken),
            taken: from.taken,
            octets: 0,
            sha256: String::new(),
        };
        let path = index_path(self.folder, &index);
        let mut summed = Summed::open(&source).map_err(|error| self.cannot_read(&source, &error))?;
        self.whole(&mut summed, u64::MAX, &path)?;
        index.octets = summed.at;
        index.sha256 = summed.sum();
        made.copied += index.octets;
        let mut damage = Vec::new();
        let checked = check::check_copy(&path, salt, &mut |finding| damage.push(finding.what))?;
        match checked {
            Some(_) => Ok(index),
            None => {
                let (source, what) = (source.display(), damage.join("; "));
                let words = self.language.pick(
                    format!(
                        "{source} is damaged: {what}; posthouse check has another copy made, then try again"
                    ),
                    format!("{source} 已损坏：{what}；posthouse check 会让服务器另做一份副本，然后请重试"),
                );
                Err(Exit::new(Code::Data, words))
            }
        }
    }

    /// The files of a folder below the data folder that are neither log nor index.
    fn others(&self, below: &Path, kept: &mut Vec<Kept>, made: &mut Made) -> Result<(), Exit> {
        let folder = self.data.join(below);
        let entries = fs::read_dir(&folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
        let mut entries = entries.map_err(|error| self.cannot_read(&folder, &error))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (name, path) = (entry.file_name(), below.join(entry.file_name()));
            let is_top = below.as_os_str().is_empty();
            let name = name.to_string_lossy();
            if is_top && (LEFT.contains(&&*name) || name.starts_with("index.")) {
                continue;
            }
            let kind = entry
                .file_type()
                .map_err(|error| self.cannot_read(&path, &error))?;
            if kind.is_dir() && path.components().count() < DEEP {
                self.others(&path, kept, made)?;
            } else if let Some(text) = path.to_str().filter(|_| kind.is_file()) {
                kept.push(self.other(text, made)?);
            } else {
                made.left_out.push(self.data.join(path));
            }
        }
        Ok(())
    }

    fn other(&self, path: &str, made: &mut Made) -> Result<Kept, Exit> {
        let source = self.data.join(path);
        let failed = |error: io::Error| self.cannot_read(&source, &error);
        let mut summed = Summed::open(&source).map_err(failed)?;
        let mode = summed.file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        let new = self.folder.join("files").join("new");
        self.whole(&mut summed, u64::MAX, &new)?;
        let octets = summed.at;
        let sha256 = summed.sum();
        let to = kept_path(self.folder, &sha256);
        let there = fs::metadata(&to).is_ok_and(|metadata| metadata.len() == octets);
        let done = match there {
            true => self.files.remove(&new),
            false => self.files.rename(&new, &to),
        };
        done.map_err(|error| self.cannot_write(&to, &error))?;
        made.copied += if there { 0 } else { octets };
        Ok(Kept {
            path: path.to_owned(),
            mode,
            octets,
            sha256,
        })
    }

    /// Copies octets to a file that gets its name when it is whole.
    fn whole(&self, summed: &mut Summed, octets: u64, path: &Path) -> Result<(), Exit> {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        // What an earlier backup has left when it ended early.
        let _ = self.files.remove(&new);
        let file = self
            .files
            .create(&new)
            .map_err(|error| self.cannot_write(path, &error))?;
        let copied = self.copy(summed, octets, &*file).inspect_err(|_| {
            let _ = self.files.remove(&new);
        });
        copied?;
        let synced = file.sync_data().and_then(|()| self.files.rename(&new, path));
        synced.map_err(|error| self.cannot_write(path, &error))
    }

    /// Copies what a segment has grown by behind what is there.
    fn grow(&self, summed: &mut Summed, range: std::ops::Range<u64>, path: &Path) -> Result<(), Exit> {
        let failed = |error: io::Error| self.cannot_write(path, &error);
        let file = self.files.open(path).map_err(failed)?;
        // What lies behind comes from a backup that was not finished.
        file.truncate(range.start).map_err(failed)?;
        let copied = self.copy(summed, range.end, &*file).inspect_err(|_| {
            let _ = file.truncate(range.start);
        });
        copied?;
        file.sync_data().map_err(failed)
    }

    /// Copies up to an octet, or to the end of the file where that may come before.
    fn copy(&self, summed: &mut Summed, to: u64, file: &dyn LogFile) -> Result<(), Exit> {
        loop {
            let at = summed.at;
            let piece = summed.piece(to);
            let piece = piece.map_err(|error| self.cannot_read(&summed.path, &error))?;
            if piece.is_empty() {
                break;
            }
            write_all(file, &piece, at).map_err(|error| self.cannot_write(self.folder, &error))?;
        }
        if summed.at < to && to != u64::MAX {
            let cut = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(self.cannot_read(&summed.path, &cut));
        }
        Ok(())
    }

    /// Removes what the manifest does not name. What cannot be removed does no harm.
    fn remove_others(&self, manifest: &Manifest) {
        let named = |path: &Path| {
            let segments = manifest.segments.iter();
            segments
                .into_iter()
                .any(|segment| segment_path(self.folder, segment.number) == path)
                || manifest
                    .index
                    .iter()
                    .any(|index| index_path(self.folder, index) == path)
                || manifest
                    .files
                    .iter()
                    .any(|kept| kept_path(self.folder, &kept.sha256) == path)
        };
        for part in ["log", "index", "files"] {
            let entries = fs::read_dir(self.folder.join(part))
                .into_iter()
                .flatten()
                .flatten();
            for path in entries.map(|entry| entry.path()).filter(|path| !named(path)) {
                let _ = self.files.remove(&path);
            }
        }
    }

    fn cannot_read(&self, path: &Path, error: &io::Error) -> Exit {
        let path = path.display();
        let words = self.language.pick(
            format!("{path} cannot be read: {error}; the backup before is as it was"),
            format!("无法读取 {path}：{error}；之前的备份保持原样"),
        );
        Exit::new(Code::Io, words)
    }

    fn cannot_write(&self, path: &Path, error: &io::Error) -> Exit {
        let path = path.display();
        let words = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => self.language.pick(
                format!("{path}: the disk of the backup is full; the backup before is as it was"),
                format!("{path}：备份所在的磁盘已满；之前的备份保持原样"),
            ),
            _ => self.language.pick(
                format!("{path} cannot be written: {error}; the backup before is as it was"),
                format!("无法写入 {path}：{error}；之前的备份保持原样"),
            ),
        };
        Exit::new(Code::CannotCreate, words)
    }

    fn differs(&self, source: &Path) -> Exit {
        let (source, folder) = (source.display(), self.folder.display());
        let words = self.language.pick(
            format!(
                "{source} is not what {folder} has of it: it is damaged (posthouse check), or the data folder was put back \
                 to an earlier state; the backup is left as it is, and another folder takes a new one"
            ),
            format!(
                "{source} 与 {folder} 中的内容不符：它已损坏（posthouse check），或数据文件夹被退回到更早的状态；\
                 备份保持原样，请把新的备份做到另一个文件夹"
            ),
        );
        Exit::new(Code::Data, words)
    }
}

impl Summed {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Summed {
            file: File::open(path)?,
            path: path.to_owned(),
            sum: Context::new(&SHA256),
            at: 0,
        })
    }

    /// The next octets, at most up to a place; none at the end.
    fn piece(&mut self, to: u64) -> io::Result<Vec<u8>> {
        let most = usize::try_from(to - self.at).map_or(PIECE, |left| left.min(PIECE));
        let mut piece = Vec::with_capacity(most);
        (&mut self.file).take(most as u64).read_to_end(&mut piece)?;
        self.sum.update(&piece);
        self.at += piece.len() as u64;
        Ok(piece)
    }

    /// Reads up to a place; the sum so far.
    fn skip(&mut self, to: u64) -> io::Result<String> {
        while !self.piece(to)?.is_empty() {}
        Ok(self.sum())
    }

    fn sum(&self) -> String {
        hex_of(self.sum.clone().finish().as_ref())
    }
}

/// Writes all octets.
pub(super) fn write_all(file: &dyn LogFile, mut octets: &[u8], mut at: u64) -> io::Result<()> {
    while !octets.is_empty() {
        let written = file.write_at(&[IoSlice::new(octets)], at)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        octets = octets.get(written..).unwrap_or_default();
        at += written as u64;
    }
    Ok(())
}
