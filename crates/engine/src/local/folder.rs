//! The data folder: whose it is, what form it has, where it lies.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock, statfs};

use crate::EngineError;

/// The form that this program writes: 1 had all blobs in the log, 2 has large ones in files of their own (docs/decisions/0010). A program of
/// before would take these for the log's last segments, and write behind them what nobody finds again: so it must not open it.
const VERSION: u32 = 2;
/// The oldest form that it reads.
const OLDEST: u32 = 1;
const FIRST_LINE: &str = "posthouse engine ";

/// Why a folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// It holds something else.
    #[error("{} is not a data folder of Posthouse: it holds other files", .0.display())]
    Foreign(PathBuf),
    /// A newer program made it, or the file that says what it is is damaged.
    #[error("{}: {what}", path.display())]
    Format {
        /// The file that says what the folder is.
        path: PathBuf,
        /// What does not fit.
        what: &'static str,
    },
    /// It lies on another machine.
    #[error("{} lies on a network file system ({system}), which cannot promise what mail needs", path.display())]
    Network {
        /// The folder.
        path: PathBuf,
        /// The file system's name.
        system: &'static str,
    },
    /// The system refused something.
    #[error("{}: {cause}", path.display())]
    Io {
        /// With which file.
        path: PathBuf,
        /// What it said.
        cause: io::Error,
    },
    /// The index cannot be opened although it looks whole.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Names an I/O error's file.
pub(crate) fn failed(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |cause| OpenError::Io { path, cause }
}

/// Makes a folder for its owner only, and those above it, where they are missing; their names are on stable storage then.
///
/// # Errors
/// When the system refuses.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    make_folder(parent)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => File::open(parent)?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// As [`make_folder`], for a part of a data folder.
pub(crate) fn make(path: &Path) -> Result<(), OpenError> {
    make_folder(path).map_err(failed(path))
}

/// Makes the names in a folder durable.
pub(crate) fn sync(path: &Path) -> Result<(), OpenError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(failed(path))
}

/// Refuses file systems that lie on other machines.
pub(crate) fn check_local(path: &Path) -> Result<(), OpenError> {
    let found = statfs(path).map_err(|error| failed(path)(error.into()))?;
    let kind = u64::try_from(found.f_type).unwrap_or(0) & 0xFFFF_FFFF;
    let system = match kind {
        0x6969 => "NFS",
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => "SMB",
        0x00C3_6400 => "Ceph",
        0x5346_414F => "AFS",
        0x0BD0_0BD0 => "Lustre",
        0x0102_1997 => "9P",
        _ => return Ok(()),
    };
    Err(OpenError::Network {
        path: path.to_owned(),
        system,
    })
}

/// Takes the folder for this process.
pub(crate) fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("lock");
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let file = options.open(&path).map_err(failed(&path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Locked(folder.to_owned())),
        Err(error) => Err(failed(&path)(error.into())),
    }
}

/// The folder's random number; a new folder gets one. Older programs refuse the folder from now on: what is written next may be what they
/// would misread.
pub(crate) fn salt(folder: &Path) -> Result<u64, OpenError> {
    let path = folder.join(Identity::FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return found(folder, &path),
        Err(error) => return Err(failed(&path)(error)),
    };
    let (version, salt) = match parse(&text) {
        Ok(read) => read,
        Err(what) => return Err(OpenError::Format { path, what }),
    };
    if version < VERSION {
        raise(&path).map_err(failed(&path))?;
    }
    Ok(salt)
}

/// Writes this program's version over an older one. In place: it is one octet, which a cut leaves as it was or as it is to be, a full disk has
/// room for it, and the file stays whose it is, also where an administrator's command opens the folder. It keeps its time, which says when the folder was founded.
fn raise(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    let founded = file.metadata()?.modified()?;
    file.write_all_at(VERSION.to_string().as_bytes(), FIRST_LINE.len() as u64)?;
    file.set_modified(founded)?;
    file.sync_all()
}

/// Which folder it is: what its hashes are seeded with, and which life of it. A folder that was restored from a backup goes
/// another way than the one that the backup was made of, with the same numbers for other things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What hashes are seeded with.
    pub salt: u64,
    /// 0 in the life that the folder was founded to.
    pub life: u64,
}

impl Identity {
    /// The name of the file that says it, in a data folder.
    pub const FILE: &'static str = "format";

    /// Reads what the file says.
    ///
    /// # Errors
    /// What does not fit.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (_, salt) = parse(text)?;
        let life = text.lines().nth(2).map(|line| {
            let life = line.strip_prefix("life ")?;
            u64::from_str_radix(life, 16).ok()
        });
        match life {
            None => Ok(Identity { salt, life: 0 }),
            Some(Some(life)) => Ok(Identity { salt, life }),
            Some(None) => Err("its third line is damaged"),
        }
    }

    /// The same folder in a life of its own.
    #[must_use]
    pub fn reborn(self) -> Self {
        let life = RandomState::new().hash_one(std::process::id());
        Identity { life, ..self }
    }

    /// What the file is to say.
    #[must_use]
    pub fn print(self) -> String {
        let Identity { salt, life } = self;
        format!("{FIRST_LINE}{VERSION}\nsalt {salt:016x}\nlife {life:016x}\n")
    }
}

/// The version, and what hashes are seeded with.
fn parse(text: &str) -> Result<(u32, u64), &'static str> {
    let mut lines = text.lines();
    let version = lines
        .next()
        .and_then(|line| line.strip_prefix(FIRST_LINE))
        .and_then(|v| v.parse().ok());
    let version: u32 = version.ok_or("it does not say that this is a data folder of Posthouse")?;
    if !(OLDEST..=VERSION).contains(&version) {
        return Err("the folder was made by another version of Posthouse");
    }
    let salt = lines.next().and_then(|line| line.strip_prefix("salt "));
    let salt = salt.and_then(|salt| u64::from_str_radix(salt, 16).ok());
    Ok((version, salt.ok_or("its second line is damaged")?))
}

/// Founds a new data folder.
fn found(folder: &Path, path: &Path) -> Result<u64, OpenError> {
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let name = entry.map_err(failed(folder))?.file_name();
        let name = name.to_string_lossy();
        if name != "lock" && name != "format.new" && !name.starts_with("posthouse") {
            return Err(OpenError::Foreign(folder.to_owned()));
        }
    }
    let salt = RandomState::new().hash_one(std::process::id());
    let new = folder.join("format.new");
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        write!(file, "{FIRST_LINE}{VERSION}\nsalt {salt:016x}\n")?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(failed(path))?;
    Ok(salt)
}
