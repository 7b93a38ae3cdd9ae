//! A whole backup becomes a new data folder.
//!
//! **Invariant**: the folder can be opened only when it is whole and every mailbox has its new validity: until then a file in it
//! says that it is being restored.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use directory::Cores;
use engine::Identity;
use store::Salvage;

use super::{Backup, Damage};
use crate::backup::manifest::{hex_of, index_path, kept_path, segment_path};
use crate::backup::{print, time};
use crate::exit::{Code, Exit};
use crate::folder::Folder;
use crate::language::Language;
use crate::words;

/// Octets in one read.
const PIECE: u64 = 1 << 20;
/// The name of the copy of the index in the new folder.
const INDEX: &str = "index-00000001.copy";

/// Restores a backup into a folder that is new or empty.
pub(super) async fn restore(
    backup: &Backup<'_>,
    data: &Path,
    damage: Damage,
    language: Language,
) -> Result<(), Exit> {
    let lock = Folder::begin_restore(data, language)?;
    let mut copying = Copying {
        backup,
        data,
        damage,
        language,
        findings: Vec::new(),
    };
    copying.all()?;
    let mut findings = copying.findings;
    let folder = Folder::open_restored(data, lock)?;
    // That the index is made again is meant so.
    let index = data.join("index").display().to_string();
    let damaged = folder.disk().damage.iter();
    findings.extend(damaged.filter(|words| !words.starts_with(&index)).cloned());
    let renewed = renew(&folder).await;
    folder.close().await?;
    let renewed = renewed?;
    give(data, language)?;
    Folder::end_restore(data, language)?;
    report(backup, data, (&renewed, &findings), language)
}

/// Gives every mailbox a new validity; what the log has lost is salvaged first.
async fn renew(folder: &Folder) -> Result<Salvage, Exit> {
    let state = folder.state(&crate::local::settings(), Cores::All);
    let named = state.named().await?;
    if !folder.disk().must_salvage() {
        return folder.disk().renew(&state.store, &named).await;
    }
    let salvage = folder.disk().salvage(&state.store, &named).await?;
    if let Some(last) = salvage.accounts.last() {
        state.directory.skip_numbers(*last).await?;
    }
    let now = u64::try_from(server::system_clock()().0).unwrap_or(0);
    folder.disk().settle(now).await?;
    Ok(salvage)
}

struct Copying<'c> {
    backup: &'c Backup<'c>,
    data: &'c Path,
    damage: Damage,
    language: Language,
    findings: Vec<String>,
}

impl Copying<'_> {
    /// Copies all files, and what says whose folder it is at last.
    fn all(&mut self) -> Result<(), Exit> {
        let (folder, manifest) = (self.backup.folder, &self.backup.manifest);
        let log = self.data.join("log");
        engine::make_folder(&log).map_err(|error| self.cannot_write(&log, &error))?;
        for segment in &manifest.segments {
            let from = segment_path(folder, segment.number);
            let to = segment_path(self.data, segment.number);
            self.file((&from, &to), (segment.octets, &segment.sha256), 0o600)?;
        }
        if let Some(index) = &manifest.index {
            let from = index_path(folder, index);
            self.file((&from, &log.join(INDEX)), (index.octets, &index.sha256), 0o600)?;
        }
        self.sync(&log)?;
        for kept in &manifest.files {
            if kept.path == Identity::FILE {
                continue;
            }
            let to = self.data.join(&kept.path);
            if let Some(parent) = to.parent() {
                engine::make_folder(parent).map_err(|error| self.cannot_write(parent, &error))?;
            }
            let from = kept_path(folder, &kept.sha256);
            self.file((&from, &to), (kept.octets, &kept.sha256), kept.mode)?;
        }
        self.identity()
    }

    /// The folder is the same one, in a life of its own.
    fn identity(&self) -> Result<(), Exit> {
        let path = self.data.join(Identity::FILE);
        let identity = self.backup.manifest.identity().map(Identity::reborn);
        let text = identity.map(Identity::print).unwrap_or_default();
        let write = || {
            let mut file = create(&path, 0o600)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|error| self.cannot_write(&path, &error))?;
        self.sync(self.data)
    }

    /// Copies a file, and compares what was read with what was written when the backup was made.
    fn file(
        &mut self,
        (from, to): (&Path, &Path),
        (octets, sha256): (u64, &str),
        mode: u32,
    ) -> Result<(), Exit> {
        let mut target = create(to, mode).map_err(|error| self.cannot_write(to, &error))?;
        let (mut sum, mut copied) = (Context::new(&SHA256), 0);
        let damaged = match File::open(from) {
            Err(error) => Some(error.to_string()),
            Ok(file) => {
                let mut file = file.take(octets);
                loop {
                    let mut piece = Vec::new();
                    if let Err(error) = (&mut file).take(PIECE).read_to_end(&mut piece) {
                        break Some(error.to_string());
                    }
                    if piece.is_empty() {
                        break None;
                    }
                    sum.update(&piece);
                    copied += piece.len() as u64;
                    target
                        .write_all(&piece)
                        .map_err(|error| self.cannot_write(to, &error))?;
                }
            }
        };
        target.sync_all().map_err(|error| self.cannot_write(to, &error))?;
        let same = copied == octets && hex_of(sum.finish().as_ref()) == sha256;
        match damaged {
            None if same => Ok(()),
            damaged => self.damaged(from, damaged),
        }
    }

    fn damaged(&mut self, path: &Path, why: Option<String>) -> Result<(), Exit> {
        let why = why.unwrap_or_else(|| {
            let why = self
                .language
                .pick("it is not what was written", "与写入的内容不同");
            why.to_owned()
        });
        let path = path.display();
        if self.damage == Damage::Accepted {
            self.findings.push(format!("{path}: {why}"));
            return Ok(());
        }
        let (data, words) = (self.data.display(), self.language);
        let words = words.pick(
            format!(
                "{path}: {why}. The backup is damaged (posthouse backup --verify); remove {data}, and take another backup, \
                 or this one with --damaged"
            ),
            format!("{path}：{why}。备份已损坏（posthouse backup --verify）；请删除 {data}，改用另一份备份，或加上 --damaged"),
        );
        Err(Exit::new(Code::Data, words))
    }

    fn sync(&self, folder: &Path) -> Result<(), Exit> {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| self.cannot_write(folder, &error))
    }

    fn cannot_write(&self, path: &Path, error: &io::Error) -> Exit {
        Exit::file(path, error, self.language)
    }
}

/// A new file, for its owner only until it has its mode.
fn create(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path)?;
    if mode != 0o600 {
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    Ok(file)
}

/// What root has made belongs to whoever owns the folder.
fn give(data: &Path, language: Language) -> Result<(), Exit> {
    let failed = |error: io::Error| Exit::file(data, &error, language);
    let owner = fs::metadata(data).map_err(failed)?;
    if !rustix::process::geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    let mut folders: Vec<PathBuf> = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            lchown(entry.path(), Some(owner.uid()), Some(owner.gid())).map_err(failed)?;
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

fn report(
    backup: &Backup<'_>,
    data: &Path,
    (renewed, findings): (&Salvage, &[String]),
    language: Language,
) -> Result<(), Exit> {
    let Salvage {
        mailboxes,
        messages,
        failed,
        ..
    } = renewed;
    let (data, at) = (data.display(), time(backup.manifest.begun));
    let mut lines = findings.to_vec();
    lines.extend(failed.iter().map(|(id, error)| {
        language.pick(
            format!("account {id} could not be given new numbers: {error}"),
            format!("账户 {id} 无法获得新的编号：{error}"),
        )
    }));
    let wrong = lines.len();
    lines.push(language.pick(
        format!(
            "{data}: restored from the backup of {at}: {} in {}; every mailbox has a new \
             UIDVALIDITY, so mail programs will fetch it again",
            words::messages(messages),
            words::mailboxes(mailboxes)
        ),
        format!(
            "{data}：已从 {at} 的备份恢复：{mailboxes} 个邮箱中的 {messages} 封邮件；每个邮箱都有新的 UIDVALIDITY，\
             邮件程序会重新下载"
        ),
    ));
    print(&lines)?;
    match wrong {
        0 => Ok(()),
        count => Err(Exit::new(
            Code::Data,
            language.pick(
                format!(
                    "{}; posthouse check names the messages that cannot be read",
                    words::findings(count)
                ),
                format!("发现 {count} 个问题；posthouse check 会列出无法读取的邮件"),
            ),
        )),
    }
}
