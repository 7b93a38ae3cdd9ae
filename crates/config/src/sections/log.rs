//! What is logged, and where.

use std::path::PathBuf;

use crate::kind::{Choice, Optional, Path};
use crate::setting::section;

/// From when on something is worth a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The server cannot do what it is for.
    Error,
    /// Somebody should look at it.
    Warn,
    /// A line for each session, and what the server does.
    Info,
    /// For whoever looks for a mistake.
    Debug,
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}

section! {
    Log, "log":
    "What is logged. Passwords and mail never are.",
    "日志。密码和邮件内容从不写入。";

    level: Level = Level::Info,
    Choice(&[("error", Level::Error), ("warn", Level::Warn), ("info", Level::Info), ("debug", Level::Debug)]), "",
    "From when on something is logged; at info, each session is one line. POSTHOUSE_LOG in the environment goes before.",
    "记录的级别；info 级别下每个会话一行。环境变量 POSTHOUSE_LOG 优先。";

    format: Format = Format::Text, Choice(&[("text", Format::Text), ("json", Format::Json)]), "",
    "Lines for people, or JSON, one object a line.",
    "供人阅读的文本，或每行一个 JSON 对象。";

    file: Option<PathBuf> = None, Optional(Path), "\"/var/log/posthouse/posthouse.log\"",
    "A file that lines are added to; standard error unless given. SIGHUP opens it anew.",
    "日志文件；不给出时写到标准错误。SIGHUP 信号会重新打开它。";
}
