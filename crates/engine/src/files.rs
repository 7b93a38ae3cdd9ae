//! What the log needs of a file system, so that tests can fail where a disk would.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{LazyLock, OnceLock};

/// Zeros written in one call.
const ZEROS_AT_ONCE: usize = 256 << 10;
/// What memory for direct writes is aligned to.
const ALIGNED: usize = 4096;

/// Where segments and copies of the index lie.
pub trait Files: Send + Sync + 'static {
    /// Makes a file that must not exist, for its owner only.
    ///
    /// # Errors
    /// What the system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn LogFile>>;

    /// Opens a file to read it, and to cut it.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>>;

    /// Gives a file another name, in place of whatever has it.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// An open segment.
pub trait LogFile: Send + Sync {
    /// Writes pieces one after the other; how many octets were written.
    ///
    /// # Errors
    /// What the system says.
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize>;

    /// Writes whole blocks from memory that begins on a block ([`Aligned`]), past the page cache where that is possible; how
    /// many octets were written.
    ///
    /// # Errors
    /// What the system says.
    fn write_blocks(&self, blocks: &[u8], offset: u64) -> io::Result<usize>;

    /// Fills the buffer; `UnexpectedEof` when the file is shorter.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// So many octets, in memory that nobody has to clear first; `UnexpectedEof` when the file is shorter.
    ///
    /// # Errors
    /// What the system says.
    fn read_vec(&self, length: usize, offset: u64) -> io::Result<Vec<u8>> {
        let mut octets = vec![0; length];
        self.read_at(&mut octets, offset)?;
        Ok(octets)
    }

    /// Makes the contents durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_data(&self) -> io::Result<()>;

    /// Forgets what memory holds of a part that is synced, so that the next read of it asks the disk.
    ///
    /// # Errors
    /// What the system says.
    fn forget(&self, offset: u64, length: u64) -> io::Result<()>;

    /// Writes zeros past the page cache; offset and length are multiples of 4,096.
    ///
    /// # Errors
    /// `InvalidInput` where the file system cannot; else what the system says.
    fn zero(&self, offset: u64, length: u64) -> io::Result<()>;

    /// Gives the file room, which reads as zeros.
    ///
    /// # Errors
    /// What the system says.
    fn allocate(&self, offset: u64, length: u64) -> io::Result<()>;

    /// Cuts the file.
    ///
    /// # Errors
    /// What the system says.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Octets in the file.
    ///
    /// # Errors
    /// What the system says.
    fn size(&self) -> io::Result<u64>;
}

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFiles;

impl Files for SystemFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        Ok(Box::new(SystemFile::new(options.open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Box::new(SystemFile::new(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// The real file system, of which what is there is only read: a backup may lie where nothing can be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOnlyFiles;

impl Files for ReadOnlyFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        SystemFiles.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(SystemFile::new(File::open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemFiles.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemFiles.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        SystemFiles.sync_folder(path)
    }
}

/// Memory that begins on a block, as writing past the page cache wants it.
pub struct Aligned {
    memory: Vec<u8>,
    skip: usize,
    length: usize,
}

impl Aligned {
    /// So many octets, all zero.
    #[must_use]
    pub fn new(length: usize) -> Self {
        let memory = vec![0; length + ALIGNED];
        let skip = memory.as_ptr().align_offset(ALIGNED);
        Aligned { memory, skip, length }
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.memory
            .get(self.skip..self.skip + self.length)
            .unwrap_or_default()
    }

    /// Copies pieces to a place, one after the other; what goes over the end is left out.
    pub fn fill(&mut self, at: usize, pieces: &[IoSlice<'_>]) {
        let rest = self.memory.get_mut(self.skip + at..self.skip + self.length);
        let mut rest = rest.unwrap_or_default();
        for piece in pieces {
            let Some((place, later)) = rest.split_at_mut_checked(piece.len()) else {
                return;
            };
            place.copy_from_slice(piece);
            rest = later;
        }
    }
}

/// A file, and the way past the page cache to it once it has been asked for.
struct SystemFile {
    file: File,
    direct: OnceLock<Option<File>>,
}

impl SystemFile {
    fn new(file: File) -> Self {
        SystemFile {
            file,
            direct: OnceLock::new(),
        }
    }

    /// The same file, written past the page cache; nothing where the file system cannot.
    fn direct(&self) -> Option<&File> {
        let open = || {
            let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            let direct = i32::try_from(rustix::fs::OFlags::DIRECT.bits()).ok()?;
            OpenOptions::new()
                .write(true)
                .custom_flags(direct)
                .open(path)
                .ok()
        };
        self.direct.get_or_init(open).as_ref()
    }
}

impl LogFile for SystemFile {
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(&self.file, pieces, offset)?)
    }

    fn write_blocks(&self, blocks: &[u8], offset: u64) -> io::Result<usize> {
        let aligned = blocks.as_ptr().align_offset(ALIGNED) == 0 && blocks.len().is_multiple_of(ALIGNED);
        if let Some(direct) = self.direct().filter(|_| aligned) {
            match rustix::io::pwrite(direct, blocks, offset) {
                // The file system takes the flag and then not the write.
                Err(rustix::io::Errno::INVAL) => {}
                other => return Ok(other?),
            }
        }
        Ok(rustix::io::pwrite(&self.file, blocks, offset)?)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn read_vec(&self, length: usize, offset: u64) -> io::Result<Vec<u8>> {
        let mut octets = Vec::with_capacity(length);
        while octets.len() < length {
            let at = offset + octets.len() as u64;
            match rustix::io::pread(&self.file, rustix::buffer::spare_capacity(&mut octets), at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // The allocator may have given more.
        octets.truncate(length);
        Ok(octets)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn forget(&self, offset: u64, length: u64) -> io::Result<()> {
        let length = std::num::NonZeroU64::new(length);
        Ok(rustix::fs::fadvise(
            &self.file,
            offset,
            length,
            rustix::fs::Advice::DontNeed,
        )?)
    }

    fn zero(&self, offset: u64, length: u64) -> io::Result<()> {
        static ZEROS: LazyLock<Aligned> = LazyLock::new(|| Aligned::new(ZEROS_AT_ONCE));
        let file = self
            .direct()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let zeros = ZEROS.octets();
        let (mut at, end) = (offset, offset + length);
        while at < end {
            let piece = usize::try_from(end - at).map_or(zeros.len(), |left| left.min(zeros.len()));
            file.write_all_at(zeros.get(..piece).unwrap_or_default(), at)?;
            at += piece as u64;
        }
        Ok(())
    }

    fn allocate(&self, offset: u64, length: u64) -> io::Result<()> {
        let plain = rustix::fs::FallocateFlags::empty();
        match rustix::fs::fallocate(&self.file, plain, offset, length) {
            // Not every file system can: a longer file of zeros will do.
            Err(rustix::io::Errno::OPNOTSUPP) => self.file.set_len(offset + length),
            other => Ok(other?),
        }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}
