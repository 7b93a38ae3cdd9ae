//! The manifest of a backup: what it consists of. Whoever has replaced it has made the backup; until then it is the one before.
//!
//! It names every file with its octets and its SHA-256. What it does not name is not part of the backup: also what lies behind a
//! segment's octets, which a backup that was not finished has put there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use engine::Identity;
use engine::files::Files;
use serde::{Deserialize, Serialize};

use crate::exit::{Code, Exit};
use crate::language::Language;

/// The manifest's name in the folder of a backup.
const NAME: &str = "posthouse-backup.json";
/// The form of a backup: since 2 its segments may be large blobs' own files. A program of before would restore them as the log's last segments.
const VERSION: u32 = 2;

/// What a backup consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// The form.
    posthouse_backup: u32,
    /// Which program made it.
    program: String,
    /// Of which data folder, in which of its lives, both as hexadecimal numbers.
    folder: String,
    life: String,
    /// When it was begun, in seconds since 1970.
    pub(crate) begun: u64,
    /// The log.
    pub(crate) segments: Vec<Segment>,
    /// The copy of the index; none where the log tells everything.
    pub(crate) index: Option<IndexCopy>,
    /// Whatever else lies in the data folder: certificates, keys, settings.
    pub(crate) files: Vec<Kept>,
    /// Of the manifest itself, printed with nothing here.
    sha256: String,
}

/// A segment of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) octets: u64,
    pub(crate) sha256: String,
}

/// A copy of the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IndexCopy {
    /// Its name in the backup.
    pub(crate) name: String,
    /// When it was taken, in milliseconds since 1970.
    pub(crate) taken: u64,
    pub(crate) octets: u64,
    pub(crate) sha256: String,
}

/// Another file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// Where it belongs, in the data folder.
    pub(crate) path: String,
    pub(crate) mode: u32,
    pub(crate) octets: u64,
    pub(crate) sha256: String,
}

impl Manifest {
    /// One that names nothing yet.
    pub(crate) fn new(identity: Identity, begun: u64) -> Self {
        Manifest {
            posthouse_backup: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            folder: hex(identity.salt),
            life: hex(identity.life),
            begun,
            segments: Vec::new(),
            index: None,
            files: Vec::new(),
            sha256: String::new(),
        }
    }

    /// The manifest in a folder; `None` where there is none.
    pub(crate) fn find(folder: &Path, language: Language) -> Result<Option<Self>, Exit> {
        let path = folder.join(NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Exit::file(&path, &error, language)),
        };
        parse(&text)
            .map(Some)
            .map_err(|wrong| wrong.said(&path, language))
    }

    /// The manifest of a backup that must be there.
    pub(crate) fn read(folder: &Path, language: Language) -> Result<Self, Exit> {
        Manifest::find(folder, language)?.ok_or_else(|| {
            let folder = folder.display();
            let words = language.pick(
                format!("{folder} is not a backup of Posthouse: there is no {NAME} in it"),
                format!("{folder} 不是驿站的备份：其中没有 {NAME}"),
            );
            Exit::new(Code::NoInput, words)
        })
    }

    /// Of which folder it is.
    pub(crate) fn identity(&self) -> Option<Identity> {
        Some(Identity {
            salt: u64::from_str_radix(&self.folder, 16).ok()?,
            life: u64::from_str_radix(&self.life, 16).ok()?,
        })
    }

    /// Puts it in place of the one before, which is the moment in which the backup is made.
    pub(crate) fn put(mut self, folder: &Path, files: &dyn Files) -> io::Result<()> {
        self.sha256 = self.sum();
        let mut text = serde_json::to_vec_pretty(&self)?;
        text.push(b'\n');
        let new = folder.join(format!("{NAME}.new"));
        let _ = files.remove(&new);
        let file = files.create(&new)?;
        super::copy::write_all(&*file, &text, 0)?;
        file.sync_data()?;
        files.rename(&new, &folder.join(NAME))?;
        files.sync_folder(folder)
    }

    fn sum(&self) -> String {
        let bare = Manifest {
            sha256: String::new(),
            ..self.clone()
        };
        let text = serde_json::to_vec(&bare).expect("texts and numbers always print");
        hex_of(digest(&SHA256, &text).as_ref())
    }
}

/// What is wrong with a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Newer,
    Damaged,
}

fn parse(text: &[u8]) -> Result<Manifest, Wrong> {
    let value: serde_json::Value = serde_json::from_slice(text).map_err(|_| Wrong::Damaged)?;
    let version = value.get("posthouse_backup").and_then(serde_json::Value::as_u64);
    if version.is_some_and(|version| version > u64::from(VERSION)) {
        return Err(Wrong::Newer);
    }
    let manifest: Manifest = serde_json::from_value(value).map_err(|_| Wrong::Damaged)?;
    let places = manifest.files.iter().all(|kept| is_within(&kept.path))
        && manifest.index.iter().all(|index| is_within(&index.name));
    match places && manifest.sum() == manifest.sha256 && manifest.identity().is_some() {
        true => Ok(manifest),
        false => Err(Wrong::Damaged),
    }
}

/// Whether a path stays in the folder that it is put under.
fn is_within(path: &str) -> bool {
    let path = Path::new(path);
    let mut parts = path.components();
    parts.all(|part| matches!(part, std::path::Component::Normal(_))) && path.components().count() > 0
}

impl Wrong {
    fn said(self, path: &Path, language: Language) -> Exit {
        let path = path.display();
        let words = match self {
            Wrong::Newer => language.pick(
                format!("{path}: a newer version of Posthouse has made this backup; use that one"),
                format!("{path}：此备份由更新版本的驿站制作；请使用那个版本"),
            ),
            Wrong::Damaged => language.pick(
                format!("{path} is damaged: its checksum does not match, or it has another form"),
                format!("{path} 已损坏：校验和不符，或格式不同"),
            ),
        };
        Exit::new(Code::Data, words)
    }
}

/// Where a segment lies in a backup, and in a data folder.
pub(crate) fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join("log").join(format!("{number:08}.seg"))
}

/// Where the copy of the index lies in a backup.
pub(crate) fn index_path(folder: &Path, index: &IndexCopy) -> PathBuf {
    folder.join("index").join(&index.name)
}

/// Where another file lies in a backup: what has the same content lies there once.
pub(crate) fn kept_path(folder: &Path, sha256: &str) -> PathBuf {
    folder.join("files").join(sha256)
}

fn hex(number: u64) -> String {
    format!("{number:016x}")
}

/// Octets as hexadecimal numbers.
pub(crate) fn hex_of(octets: &[u8]) -> String {
    use std::fmt::Write as _;
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(change: impl FnOnce(&mut Manifest)) -> String {
        let mut manifest = Manifest::new(Identity { salt: 7, life: 0 }, 1_800_000_000);
        manifest.files.push(Kept {
            path: "tls/key.pem".into(),
            mode: 0o600,
            octets: 3,
            sha256: "ab".into(),
        });
        change(&mut manifest);
        manifest.sha256 = manifest.sum();
        serde_json::to_string(&manifest).unwrap()
    }

    #[test]
    fn a_manifest_reads_back_and_one_that_was_changed_anywhere_does_not() {
        let good = printed(|_| ());
        assert_eq!(
            parse(good.as_bytes()).map(|manifest| manifest.begun),
            Ok(1_800_000_000)
        );
        for (from, to) in [("key.pem", "kex.pem"), ("1800000000", "1800000001"), ("}", "")] {
            assert_eq!(
                parse(good.replace(from, to).as_bytes()).err(),
                Some(Wrong::Damaged),
                "{from}"
            );
        }
        let newer = good.replace("\"posthouse_backup\":2", "\"posthouse_backup\":3,\"more\":3");
        assert_eq!(parse(newer.as_bytes()).err(), Some(Wrong::Newer));
        let older = printed(|manifest| manifest.posthouse_backup = 1);
        assert!(parse(older.as_bytes()).is_ok());
    }

    #[test]
    fn no_file_is_put_outside_of_the_folder() {
        for path in ["/etc/passwd", "../x", "a/../../x", "", "."] {
            let bad = printed(|manifest| path.clone_into(&mut manifest.files[0].path));
            assert_eq!(parse(bad.as_bytes()).err(), Some(Wrong::Damaged), "{path}");
        }
    }

    #[test]
    fn the_copy_of_the_index_lies_where_such_copies_lie() {
        let with = |name: &str| {
            let (name, sha256) = (name.to_owned(), "ab".to_owned());
            printed(|manifest| {
                manifest.index = Some(IndexCopy {
                    name,
                    taken: 1,
                    octets: 2,
                    sha256,
                });
            })
        };
        let read = parse(with("1.mdb").as_bytes()).unwrap();
        assert_eq!(read.index.unwrap().name, "1.mdb");
        for name in ["/etc/passwd", "../x", ""] {
            assert_eq!(parse(with(name).as_bytes()).err(), Some(Wrong::Damaged), "{name}");
        }
    }
}
