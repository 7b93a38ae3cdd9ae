//! Opening the index. One that is lost, cut or damaged is put aside and made again: from its newest good copy and the log since,
//! or from the whole log.

use std::fs;
use std::io;
use std::path::Path;

use super::copy::{self, CopyError, copy_path};
use super::folder::{self, OpenError, failed};
use super::index::{self, FileState, Index, index_error};
use super::open::list_files;
use super::{Finding, Options};
use crate::EngineError;

/// Octets of rows put into the index in one transaction: held in memory until then.
const FILLED: usize = 32 << 20;

/// What the index was before it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Whole, or new with the folder; or it was being made when the power went, which nobody can tell from that.
    Good,
    /// Lost, and it had rows: there is a copy, if a damaged one.
    Lost,
}

/// Opens the index of a folder, or makes it again.
pub(crate) fn open_index(
    folder: &Path,
    (options, salt): (&Options, u64),
    findings: &mut Vec<Finding>,
) -> Result<(Index, Before), OpenError> {
    let path = folder.join("index");
    let new = folder.join("index.new");
    remove_folder(&new)?;
    let copies = copy::list(folder).map_err(failed(&folder.join("log")))?;
    let found = match path.exists() {
        true => index::check_file(&path).map_err(failed(&path.join("data.mdb")))?,
        false => FileState::Missing,
    };
    let is_new = found == FileState::Missing && copies.is_empty() && list_files(folder)?.is_empty();
    let lost = match found {
        FileState::Missing if is_new => {
            folder::make(&path)?;
            let index = Index::open(&path).map_err(|error| index_error(&path, &error))?;
            folder::sync(&path)?;
            return Ok((index, Before::Good));
        }
        FileState::Missing => "it is missing".to_owned(),
        _ => match open_whole(&path, found)? {
            Ok(index) => return Ok((index, Before::Good)),
            Err(error) => put_aside(folder, &path, &error)?,
        },
    };
    let source = restore(folder, &new, (options, salt, &copies), findings)?;
    remove_folder(&path)?;
    fs::rename(&new, &path).map_err(failed(&path))?;
    folder::sync(folder)?;
    findings.push(Finding {
        path: path.join("data.mdb"),
        offset: 0,
        what: format!("{lost}, and made again from {source}"),
    });
    let index = Index::open(&path).map_err(|error| index_error(&path, &error))?;
    let before = match copies.is_empty() {
        true => Before::Good,
        false => Before::Lost,
    };
    Ok((index, before))
}

/// Puts a damaged index aside; says so.
fn put_aside(folder: &Path, path: &Path, error: &EngineError) -> Result<String, OpenError> {
    let aside = (1..)
        .map(|n| folder.join(format!("index.damaged-{n}")))
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| folder.join("index.damaged"));
    fs::rename(path, &aside).map_err(failed(path))?;
    folder::sync(folder)?;
    Ok(format!("{error}; it is kept as {}", aside.display()))
}

/// Opens an index that looks whole; within `Ok`, why it is damaged all the same. A refusal of the system is no damage.
fn open_whole(path: &Path, found: FileState) -> Result<Result<Index, EngineError>, OpenError> {
    if let FileState::Damaged(what) = found {
        return Ok(Err(EngineError::Index {
            path: path.to_owned(),
            what: what.into(),
        }));
    }
    let index = match Index::open(path) {
        Ok(index) => index,
        Err(error) if index::is_damage(&error) => return Ok(Err(index_error(path, &error))),
        Err(error) => return Err(index_error(path, &error).into()),
    };
    let position = index.look()?.position().map(|_| ());
    Ok(position.map(|()| index))
}

/// Fills a new index from the newest copy that is whole, or leaves it empty; says what it comes from.
fn restore(
    folder: &Path,
    new: &Path,
    (options, salt, copies): (&Options, u64, &[u64]),
    findings: &mut Vec<Finding>,
) -> Result<String, OpenError> {
    for number in copies.iter().rev() {
        let path = copy_path(folder, *number);
        match fill(new, &path, (options, salt)) {
            Ok(()) => return Ok(format!("{} and the log since", path.display())),
            Err(CopyError::Damaged { offset, what }) => findings.push(Finding {
                path,
                offset,
                what: format!("{what}; this copy of the index cannot be used"),
            }),
            Err(CopyError::Io(error)) => return Err(failed(&path)(error)),
            Err(CopyError::Index(error)) => return Err(error.into()),
            Err(CopyError::Ending) => return Err(EngineError::Closed.into()),
        }
        remove_folder(new)?;
    }
    folder::make(new)?;
    Index::open(new).map_err(|error| index_error(new, &error))?;
    folder::sync(new)?;
    Ok("the log".to_owned())
}

/// Puts the rows of a copy into a new index, which is on stable storage then.
fn fill(new: &Path, copy: &Path, (options, salt): (&Options, u64)) -> Result<(), CopyError> {
    folder::make_folder(new)?;
    let failed = |error: heed::Error| match error {
        heed::Error::Io(error) => CopyError::Io(error),
        error => CopyError::Index(index_error(new, &error)),
    };
    let index = Index::open(new).map_err(failed)?;
    let (mut waiting, mut octets) = (Vec::new(), 0);
    copy::read(&*options.files, copy, salt, &mut |mut rows| {
        octets += rows
            .iter()
            .map(|(key, sealed)| key.len() + sealed.len())
            .sum::<usize>();
        waiting.append(&mut rows);
        if octets >= FILLED {
            index.fill(&waiting).map_err(failed)?;
            waiting.clear();
            octets = 0;
        }
        Ok(())
    })?;
    index.fill(&waiting).map_err(failed)?;
    fs::File::open(new)?.sync_all()?;
    Ok(())
}

fn remove_folder(path: &Path) -> Result<(), OpenError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}
