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
    /// There is no such server, or it cannot be reached.
    NoHost = 68,
    /// Somebody else has what is needed: a port, the data folder.
    Unavailable = 69,
    /// Something cannot be made: no permission, read-only, disk full.
    CannotCreate = 73,
    /// The disk or the network failed.
    Io = 74,
    /// It may work later.
    Temporary = 75,
    /// Somebody does not keep to the protocol.
    Protocol = 76,
    /// The login was refused.
    NoPermission = 77,
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
    /// The same in Chinese, where the words were not chosen by the language.
    pub(crate) chinese: Option<String>,
}

impl Exit {
    pub(crate) fn new(code: Code, words: impl Into<String>) -> Self {
        let words = words.into();
        Exit {
            code,
            words,
            chinese: None,
        }
    }

    /// The same for words that are said before the language is known.
    pub(crate) fn in_both(code: Code, english: impl Into<String>, chinese: impl Into<String>) -> Self {
        Exit {
            chinese: Some(chinese.into()),
            ..Exit::new(code, english)
        }
    }

    /// The words in a language.
    pub(crate) fn said(&self, language: Language) -> &str {
        let chinese = self.chinese.as_deref().unwrap_or(&self.words);
        language.pick(&self.words, chinese)
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
    pub(crate) fn print(&self, language: Language) -> ExitCode {
        // Nobody is left to be told if this fails.
        let _ = writeln!(io::stderr(), "posthouse: {}", self.said(language));
        self.code.into()
    }
}

impl From<DirectoryError> for Exit {
    fn from(error: DirectoryError) -> Self {
        let code = match &error {
            DirectoryError::Refused(
                directory::Refusal::NoAccount(_)
                | directory::Refusal::NoAlias(_)
                | directory::Refusal::NoGroup(_)
                | directory::Refusal::NoMember(_)
                | directory::Refusal::Nobody(_),
            ) => Code::NoUser,
            DirectoryError::Refused(_) => Code::Data,
            DirectoryError::Failed(error) => return error.clone().into(),
            DirectoryError::UnreadableRow { .. } => Code::Data,
            DirectoryError::Busy | DirectoryError::Hash(_) => Code::Temporary,
        };
        Exit::in_both(code, error.to_string(), directory_chinese(&error))
    }
}

impl From<EngineError> for Exit {
    fn from(error: EngineError) -> Self {
        let code = match &error {
            EngineError::DiskFull { .. } => Code::CannotCreate,
            EngineError::Damaged { .. } => Code::Data,
            _ => Code::Io,
        };
        Exit::in_both(code, error.to_string(), engine_chinese(&error))
    }
}

fn directory_chinese(error: &DirectoryError) -> String {
    use directory::Refusal;
    match error {
        DirectoryError::Refused(refusal) => match refusal {
            Refusal::NoAccount(address) => format!("没有账户 {address}"),
            Refusal::Exists(address) => format!("{address} 已存在"),
            Refusal::EmptyPassword => "密码不能为空".to_owned(),
            Refusal::LongPassword => "密码太长".to_owned(),
            Refusal::UnknownHash => {
                "不是可以导入的散列值：{SHA512-CRYPT}、{BLF-CRYPT}，或 Argon2、PBKDF2、scrypt 的 PHC 字符串"
                    .to_owned()
            }
            Refusal::AppPasswordName => "应用密码的名称不能为空、太长或含有控制字符".to_owned(),
            Refusal::AppPasswordExists(name) => format!("应用密码 {name} 已存在"),
            Refusal::NoAppPassword(name) => format!("没有应用密码 {name}"),
            Refusal::TooManyAppPasswords => "这个账户的应用密码太多".to_owned(),
            Refusal::Targets => "别名需要至少一个地址，且不能太多".to_owned(),
            Refusal::NoAlias(address) => format!("没有别名 {address}"),
            Refusal::NoGroup(address) => format!("没有群组 {address}"),
            Refusal::NoMember(address) => format!("{address} 不是这个群组的成员"),
            Refusal::Members => "群组的成员太多".to_owned(),
            Refusal::Nobody(address) => format!("本服务器上没有人使用地址 {address}"),
            Refusal::Loop(address) => format!("{address} 会指回这个群组：群组不能是自己的成员"),
            Refusal::NoDomain(domain) => format!("{domain} 不是本服务器的域"),
            Refusal::DomainInUse(domain) => format!("{domain} 中还有账户"),
            Refusal::HashTaken(address) => format!("{address} 与另一个名字冲突，无法保存"),
        },
        DirectoryError::Failed(error) => engine_chinese(error),
        DirectoryError::UnreadableRow { table } => {
            format!("表 {table} 中有一行无法读取；请检查数据文件夹（posthouse check）")
        }
        DirectoryError::Busy => "等待验证的密码太多，请稍后再试".to_owned(),
        DirectoryError::Hash(why) => format!("无法计算密码的散列值：{why}"),
    }
}

fn engine_chinese(error: &EngineError) -> String {
    match error {
        EngineError::DiskFull { path, needed } => {
            format!("磁盘已满：{} 还需要 {needed} 字节", path.display())
        }
        EngineError::Stopped { path, cause } => {
            format!(
                "{} 写入失败（{cause}），已停止写入；请检查磁盘后重新启动",
                path.display()
            )
        }
        EngineError::Io { path, cause, .. } => format!("{}：{cause}", path.display()),
        EngineError::Damaged { path, offset, what } => {
            format!("{} 在第 {offset} 字节处损坏：{what}", path.display())
        }
        EngineError::Closed => "数据文件夹已关闭".to_owned(),
        other => other.to_string(),
    }
}
