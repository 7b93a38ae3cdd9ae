//! What the log needs of a file system, so that tests can fail where a disk would.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Zeros written in one call.
const ZEROS: usize = 256 << 10;
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
        Ok(Box::new(options.open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(OpenOptions::new().read(true).write(true).open(path)?))
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

impl LogFile for File {
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(self, pieces, offset)?)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn read_vec(&self, length: usize, offset: u64) -> io::Result<Vec<u8>> {
        let mut octets = Vec::with_capacity(length);
        while octets.len() < length {
            let at = offset + octets.len() as u64;
            match rustix::io::pread(self, rustix::buffer::spare_capacity(&mut octets), at) {
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
        File::sync_data(self)
    }

    fn forget(&self, offset: u64, length: u64) -> io::Result<()> {
        let length = std::num::NonZeroU64::new(length);
        Ok(rustix::fs::fadvise(
            self,
            offset,
            length,
            rustix::fs::Advice::DontNeed,
        )?)
    }

    fn zero(&self, offset: u64, length: u64) -> io::Result<()> {
        let path = format!("/proc/self/fd/{}", self.as_raw_fd());
        let direct = i32::try_from(rustix::fs::OFlags::DIRECT.bits()).unwrap_or(0);
        let file = OpenOptions::new().write(true).custom_flags(direct).open(path)?;
        let zeros = vec![0_u8; ZEROS + ALIGNED];
        let skip = zeros.as_ptr().align_offset(ALIGNED);
        let zeros = zeros.get(skip..skip + ZEROS).unwrap_or_default();
        let (mut at, end) = (offset, offset + length);
        while at < end {
            let piece = usize::try_from(end - at).map_or(ZEROS, |left| left.min(ZEROS));
            file.write_all_at(zeros.get(..piece).unwrap_or_default(), at)?;
            at += piece as u64;
        }
        Ok(())
    }

    fn allocate(&self, offset: u64, length: u64) -> io::Result<()> {
        let plain = rustix::fs::FallocateFlags::empty();
        match rustix::fs::fallocate(self, plain, offset, length) {
            // Not every file system can: a longer file of zeros will do.
            Err(rustix::io::Errno::OPNOTSUPP) => self.set_len(offset + length),
            other => Ok(other?),
        }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
