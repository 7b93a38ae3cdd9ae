//! `posthouse backup`: copies a data folder into another one, of a running server or a stopped one. Again into the same folder: only
//! what is new.
//!
//! The command itself copies: a server that has fenced itself off could not write there. The server copies its index and holds
//! still what it has told, as long as the connection lives. So a command that is killed holds nothing up.

mod copy;
pub(crate) mod manifest;
pub(crate) mod plan;
#[cfg(test)]
mod tests;
mod verify;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use engine::files::SystemFiles;
use rustix::fs::{FlockOperation, flock};

use crate::admin::{Admin, unexpected};
use crate::control::{Reply, Request};
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::words;
use copy::{Copying, Made};
use manifest::Manifest;
use plan::Plan;

/// Says that a folder is one of backups, before there is a manifest; locked while somebody reads or writes it.
const LOCK: &str = "posthouse-backup.lock";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder of the backup: a new or empty one, or that of an earlier backup.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = crate::local::DATA)]
    data: PathBuf,
    /// Makes none, but reads the backup in DIR to its end and says whether it is whole.
    #[arg(long, conflicts_with = "data")]
    verify: bool,
}

pub(crate) async fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    match arguments.verify {
        true => verify(&arguments.folder, language),
        false => make(&arguments.data, &arguments.folder, language).await,
    }
}

async fn make(data: &Path, folder: &Path, language: Language) -> Result<(), Exit> {
    let _lock = take(data, folder, language)?;
    // What is wrong with the folder is said before the server copies its index for it.
    Manifest::find(folder, language)?;
    let begun = u64::try_from(server::system_clock()().0).unwrap_or(0);
    let mut admin = Admin::of(data, language).await?;
    let copying = Copying {
        data,
        folder,
        files: &SystemFiles,
        language,
    };
    let made = match &mut admin {
        Admin::Live(_) => match admin.ask(Request::BeginBackup).await? {
            Reply::Backup(plan) => copying.make(&plan, begun),
            _ => return Err(unexpected()),
        },
        Admin::Stopped(state, _) => {
            let held = state.integrity.hold().await?;
            let made = copying.make(&Plan::of(&held), begun);
            drop(held);
            made
        }
    };
    admin.end().await?;
    report(&made?, folder, language)
}

/// Finds or makes the folder of backups, and locks it.
fn take(data: &Path, folder: &Path, language: Language) -> Result<File, Exit> {
    let failed = |error: io::Error| cannot_write(folder, &error, language);
    apart(data, folder, language)?;
    engine::make_folder(folder).map_err(failed)?;
    let ours = folder.join(LOCK).exists();
    if !ours && fs::read_dir(folder).map_err(failed)?.next().is_some() {
        let folder = folder.display();
        let words = language.pick(
            format!("{folder} holds other files and no backup; choose another folder, or a new one"),
            format!("{folder} 中有其他文件而没有备份；请换一个文件夹，或新建一个"),
        );
        return Err(Exit::new(Code::Unavailable, words));
    }
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let lock = options.open(folder.join(LOCK)).map_err(failed)?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(busy(folder, language)),
        Err(error) => Err(failed(error.into())),
    }
}

/// Refuses a folder in the data folder, and one around it.
fn apart(data: &Path, folder: &Path, language: Language) -> Result<(), Exit> {
    let data_found = fs::canonicalize(data).map_err(|error| Exit::file(data, &error, language))?;
    let folder_found = nearest(folder).map_err(|error| cannot_write(folder, &error, language))?;
    if !data_found.starts_with(&folder_found) && !folder_found.starts_with(&data_found) {
        return Ok(());
    }
    let (data, folder) = (data.display(), folder.display());
    let words = language.pick(
        format!(
            "{folder} and the data folder {data} lie within each other; choose another folder for the backup"
        ),
        format!("{folder} 与数据文件夹 {data} 互相包含；请为备份换一个文件夹"),
    );
    Err(Exit::new(Code::Unavailable, words))
}

/// Where a path leads that may not be there yet.
fn nearest(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let there = path.ancestors().find(|above| above.exists());
    let there = there.unwrap_or(Path::new("/"));
    let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
    Ok(fs::canonicalize(there)?.join(rest))
}

/// Keeps a backup as it is while it is read; nothing where it lies on a disk that nobody writes.
pub(crate) fn share(folder: &Path, language: Language) -> Result<Option<File>, Exit> {
    let Ok(lock) = File::open(folder.join(LOCK)) else {
        return Ok(None);
    };
    match flock(&lock, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(busy(folder, language)),
        _ => Ok(Some(lock)),
    }
}

fn busy(folder: &Path, language: Language) -> Exit {
    let folder = folder.display();
    let words = language.pick(
        format!("{folder}: another command is at work on this backup; try again when it has ended"),
        format!("{folder}：另一个命令正在处理此备份；请等它结束后再试"),
    );
    Exit::new(Code::Temporary, words)
}

fn cannot_write(folder: &Path, error: &io::Error, language: Language) -> Exit {
    let folder = folder.display();
    let words = language.pick(
        format!("{folder} cannot be written: {error}"),
        format!("无法写入 {folder}：{error}"),
    );
    Exit::new(Code::CannotCreate, words)
}

fn report(made: &Made, folder: &Path, language: Language) -> Result<(), Exit> {
    let folder = folder.display();
    let Made {
        copied,
        octets,
        findings,
        left_out,
    } = made;
    let mut lines = vec![language.pick(
        format!(
            "{folder}: backed up; {}, {copied} of them new",
            words::octets(octets)
        ),
        format!("{folder}：已备份；共 {octets} 字节，其中新增 {copied} 字节"),
    )];
    lines.extend(left_out.iter().map(|path| {
        let path = path.display();
        language.pick(
            format!("{path} is a link or no file: it was left out"),
            format!("{path} 是链接或不是普通文件：未备份"),
        )
    }));
    lines.extend(findings.iter().cloned());
    print(&lines)?;
    match findings.len() {
        0 => Ok(()),
        count => Err(Exit::new(
            Code::Data,
            language.pick(
                format!(
                    "the backup is made, but the data folder itself is damaged: {}",
                    words::findings(count)
                ),
                format!("备份已完成，但数据文件夹本身已损坏：发现 {count} 个问题"),
            ),
        )),
    }
}

fn verify(folder: &Path, language: Language) -> Result<(), Exit> {
    let _lock = share(folder, language)?;
    let manifest = Manifest::read(folder, language)?;
    let verified = verify::verify(folder, &manifest, language)?;
    let verify::Verified {
        files,
        octets,
        records,
        findings,
    } = verified;
    let (shown, at) = (folder.display(), time(manifest.begun));
    let mut lines = findings.clone();
    lines.push(language.pick(
        format!(
            "{shown}: the backup of {at}: {}, {}, {records} records and rows read",
            words::files(files),
            words::octets(octets)
        ),
        format!("{shown}：{at} 的备份：读取了 {files} 个文件、{octets} 字节、{records} 条记录和行"),
    ));
    print(&lines)?;
    match findings.len() {
        0 => Ok(()),
        count => Err(Exit::new(
            Code::Data,
            language.pick(
                format!(
                    "{}; what is removed from {shown} is copied again by the next backup, as long as the \
                     data folder has it",
                    words::findings(count)
                ),
                format!(
                    "发现 {count} 个问题；从 {shown} 中删除的文件会在下次备份时重新复制，只要数据文件夹中还有"
                ),
            ),
        )),
    }
}

/// Lines on standard output.
pub(crate) fn print(lines: &[String]) -> Result<(), Exit> {
    let mut out = io::stdout().lock();
    let printed = lines.iter().try_for_each(|line| writeln!(out, "{line}"));
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Exit::new(Code::Io, error.to_string()))
        }
        _ => Ok(()),
    }
}

/// A moment, for people: UTC.
pub(crate) fn time(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| seconds.to_string(), |at| at.to_string())
}
