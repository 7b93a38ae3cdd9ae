//! How the program ends when it cannot do what it was asked: with words for a person and a code of sysexits(3).

use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::process::ExitCode;

use directory::DirectoryError;
use engine::EngineError;

use crate::language::Language;

/// The codes of sysexits(3) that we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// It was asked for in the wrong way.
    Usage = 64,
    /// What was brought is wrong; also damage that a check has found.
    Data = 65,
    /// A file to read is not there.
    NoInput = 66,
    /// There is no such account.
    NoUser = 67,
    /// Somebody else has what is needed: a port, the data folder.
    Unavailable = 69,
    /// Something cannot be made: no permission, read-only, disk full.
    CannotCreate = 73,
    /// The disk or the network failed.
    Io = 74,
    /// It may work later.
    Temporary = 75,
    /// The settings are wrong.
    Config = 78,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        ExitCode::from(code as u8)
    }
}

/// An end that is not success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) code: Code,
    pub(crate) words: String,
}

impl Exit {
    pub(crate) fn new(code: Code, words: impl Into<String>) -> Self {
        let words = words.into();
        Exit { code, words }
    }

    /// A file or folder could not be read or written.
    pub(crate) fn file(path: &Path, error: &io::Error, language: Language) -> Self {
        let path = path.display();
        match error.kind() {
            ErrorKind::NotFound => Exit::new(
                Code::NoInput,
                language.pick(format!("{path} is not there"), format!("{path} 不存在")),
            ),
            ErrorKind::PermissionDenied => Exit::new(
                Code::CannotCreate,
                language.pick(
                    format!(
                        "{path}: no permission; choose another folder with --data, or run it as the owner"
                    ),
                    format!("{path}：没有权限；请用 --data 换一个文件夹，或用所有者的身份运行"),
                ),
            ),
            ErrorKind::ReadOnlyFilesystem => Exit::new(
                Code::CannotCreate,
                language.pick(
                    format!("{path} is on a read-only file system; choose another folder with --data"),
                    format!("{path} 在只读文件系统上；请用 --data 换一个文件夹"),
                ),
            ),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Exit::new(
                Code::CannotCreate,
                language.pick(
                    format!("{path}: the disk is full; make room, or choose another folder with --data"),
                    format!("{path}：磁盘已满；请腾出空间，或用 --data 换一个文件夹"),
                ),
            ),
            ErrorKind::NotADirectory => Exit::new(
                Code::CannotCreate,
                language.pick(
                    format!("{path} is not a folder; choose another one with --data"),
                    format!("{path} 不是文件夹；请用 --data 换一个"),
                ),
            ),
            ErrorKind::IsADirectory => Exit::new(
                Code::NoInput,
                language.pick(
                    format!("{path} is a folder, and a file is wanted"),
                    format!("{path} 是文件夹，这里需要的是文件"),
                ),
            ),
            _ => Exit::new(Code::Io, format!("{path}: {error}")),
        }
    }

    /// The file of the log cannot be written.
    pub(crate) fn log(path: &Path, error: &io::Error, language: Language) -> Self {
        let path = path.display();
        let words = language.pick(
            format!("[log] file: {path} cannot be written: {error}"),
            format!("[log] file：无法写入 {path}：{error}"),
        );
        Exit::new(Code::CannotCreate, words)
    }

    /// What was brought is not text in UTF-8.
    pub(crate) fn not_utf8(place: &str, language: Language) -> Self {
        let words = language.pick(
            format!("{place} is not UTF-8; save the file as UTF-8 (in a spreadsheet: “CSV UTF-8”)"),
            format!("{place} 不是 UTF-8 编码；请把文件另存为 UTF-8（在电子表格中选“CSV UTF-8”）"),
        );
        Exit::new(Code::Data, words)
    }

    /// Says it, and gives the code.
    pub(crate) fn print(&self) -> ExitCode {
        // Nobody is left to be told if this fails.
        let _ = writeln!(io::stderr(), "posthouse: {}", self.words);
        self.code.into()
    }
}

impl From<DirectoryError> for Exit {
    fn from(error: DirectoryError) -> Self {
        let code = match &error {
            DirectoryError::Refused(directory::Refusal::NoAccount(_)) => Code::NoUser,
            DirectoryError::Refused(_) => Code::Data,
            DirectoryError::Failed(error) => return error.clone().into(),
            DirectoryError::UnreadableRow { .. } => Code::Data,
            DirectoryError::Busy | DirectoryError::Hash(_) => Code::Temporary,
        };
        Exit::new(code, error.to_string())
    }
}

impl From<EngineError> for Exit {
    fn from(error: EngineError) -> Self {
        let code = match &error {
            EngineError::DiskFull { .. } => Code::CannotCreate,
            EngineError::Damaged { .. } => Code::Data,
            _ => Code::Io,
        };
        Exit::new(code, error.to_string())
    }
}
