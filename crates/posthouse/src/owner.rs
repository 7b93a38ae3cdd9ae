//! What root makes in a data folder that is somebody else's is its owner's: the server, which is not root, could not open it.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Uid, chownat, openat, statat};
use rustix::io;
use rustix::process::geteuid;

/// Folders in folders, of which a data folder has few.
const DEPTH: u32 = 4;

/// Gives what is root's in a folder to the folder's owner. No link is followed anywhere: the owner may have put one there.
pub(crate) fn give_to_owner(folder: &Path) -> std::io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let folder = File::open(folder)?;
    let owner = folder.metadata()?;
    if owner.uid() == 0 {
        return Ok(());
    }
    let owner = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
    Ok(give(&folder.into(), owner, DEPTH)?)
}

fn give(folder: &OwnedFd, owner: (Uid, Gid), depth: u32) -> io::Result<()> {
    for entry in Dir::read_from(folder.as_fd())? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let found = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            // It has gone meanwhile.
            Err(io::Errno::NOENT) => continue,
            found => found?,
        };
        if found.st_uid == 0 {
            chownat(
                folder,
                name,
                Some(owner.0),
                Some(owner.1),
                AtFlags::SYMLINK_NOFOLLOW,
            )?;
        }
        if depth > 0 && FileType::from_raw_mode(found.st_mode).is_dir() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            give(&openat(folder, name, flags, Mode::empty())?, owner, depth - 1)?;
        }
    }
    Ok(())
}
