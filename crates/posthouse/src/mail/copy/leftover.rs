//! What lies where files are to go: nothing that is somebody's is written over; what an earlier copy has left is gone on with, or begun anew.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use super::into_files::Target;
use crate::archive::{Format, MANIFEST, Unfinished, manifest_part_of, own_part_of, part_of};
use crate::exit::{Code, Exit};
use crate::export::{cannot_write, must_be_new};
use crate::language::Language;

/// What an earlier copy has left.
pub(super) enum Leftover {
    Nothing,
    /// A folder that is gone on with.
    Folder(Box<Unfinished>),
    /// A zip that was not ended: it is begun anew. As long as this is, nobody else does.
    Zip {
        _lock: Box<Unfinished>,
    },
    /// The same of one mbox.
    One {
        _lock: File,
    },
}

impl Leftover {
    /// Looks, and changes nothing.
    pub(super) fn look(target: Target<'_>, account: &str, language: Language) -> Result<Self, Exit> {
        if target.is_one() {
            return Leftover::of_one(target, language);
        }
        let manifest = manifest_part_of(target.path, target.format);
        let is_done = target.format != Format::Zip && target.path.join(MANIFEST).exists();
        let found = match is_done {
            true => None,
            false => Unfinished::read(&manifest).map_err(|error| in_use(target, &error, language))?,
        };
        let Some(found) = found else {
            must_be_new(target.path, target.format, language)?;
            let part = part_of(target.path);
            return match target.format == Format::Zip && part.exists() {
                true => Err(of_others(&part, language)),
                false => Ok(Leftover::Nothing),
            };
        };
        if target.format == Format::Zip {
            must_be_new(target.path, target.format, language)?;
            return Ok(Leftover::Zip {
                _lock: Box::new(found),
            });
        }
        let is_same = found.account == account
            && found.format == target.format
            && (found.format != Format::Mbox || found.mbox == target.kind);
        match is_same {
            true => Ok(Leftover::Folder(Box::new(found))),
            false => Err(of_another(target, &found, language)),
        }
    }

    fn of_one(target: Target<'_>, language: Language) -> Result<Self, Exit> {
        if target.path.exists() {
            must_be_new(target.path, Format::Zip, language)?;
        }
        let part = match File::open(own_part_of(target.path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Leftover::Nothing),
            part => part.map_err(|error| cannot_write(target.path, &error, language))?,
        };
        match part.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let error = io::ErrorKind::WouldBlock.into();
                Err(in_use(target, &error, language))
            }
            // A file system that knows no locks does not keep anybody away.
            _ => Ok(Leftover::One { _lock: part }),
        }
    }

    /// Takes away what is begun anew.
    pub(super) fn clear(&self, target: Target<'_>) -> io::Result<()> {
        match self {
            Leftover::Nothing | Leftover::Folder(_) => Ok(()),
            Leftover::One { .. } => fs::remove_file(own_part_of(target.path)),
            Leftover::Zip { .. } => {
                match fs::remove_file(part_of(target.path)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                fs::remove_file(manifest_part_of(target.path, target.format))
            }
        }
    }
}

fn in_use(target: Target<'_>, error: &io::Error, language: Language) -> Exit {
    if error.kind() != io::ErrorKind::WouldBlock {
        return cannot_write(target.path, error, language);
    }
    let path = target.path.display();
    let words = language.pick(
        format!("{path}: another copy is writing it"),
        format!("{path}：另一个复制正在写入"),
    );
    Exit::new(Code::CannotCreate, words)
}

fn of_others(part: &Path, language: Language) -> Exit {
    let part = part.display();
    let words = language.pick(
        format!("{part} is in the way: remove it, or choose another name"),
        format!("{part} 已存在：请移走它，或另选名称"),
    );
    Exit::new(Code::CannotCreate, words)
}

fn of_another(target: Target<'_>, found: &Unfinished, language: Language) -> Exit {
    let (path, account) = (target.path.display(), &found.account);
    let words = language.pick(
        format!("{path} has what is left of another copy, of {account}: go on with that one, or choose another folder"),
        format!("{path} 中有另一次未完成的复制（{account}）：请继续那一次，或另选文件夹"),
    );
    Exit::new(Code::CannotCreate, words)
}

/// What the numbers of a mailbox do not mean any more.
pub(super) fn is_numbered_anew(target: Target<'_>, mailbox: &str, language: Language) -> Exit {
    let path = target.path.display();
    let words = language.pick(
        format!("{mailbox}: the server has numbered it anew since the copy into {path} was begun: choose another folder"),
        format!("{mailbox}：开始复制到 {path} 之后，服务器重新编了号：请另选文件夹"),
    );
    Exit::new(Code::CannotCreate, words)
}
