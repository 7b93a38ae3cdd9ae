//! What is wrong with a command line, in Chinese: clap says it in English alone.

use clap::error::{ContextKind, ErrorKind};

/// What is wrong with a command line, in Chinese; none for what is no mistake.
pub(crate) fn mistake(error: &clap::Error) -> Option<String> {
    let get = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let (argument, value) = (get(ContextKind::InvalidArg), get(ContextKind::InvalidValue));
    let words = match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        ErrorKind::UnknownArgument => format!("没有 {argument} 这个选项或参数"),
        ErrorKind::InvalidSubcommand => format!("没有 {} 这个命令", get(ContextKind::InvalidSubcommand)),
        ErrorKind::MissingSubcommand => "缺少命令".to_owned(),
        ErrorKind::MissingRequiredArgument => format!("缺少参数：{argument}"),
        ErrorKind::InvalidValue if value.is_empty() => format!("{argument} 缺少值"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => format!("{argument} 的值 {value:?} 不对"),
        ErrorKind::ArgumentConflict => format!("{argument} 给出了不止一次，或与其他选项冲突"),
        ErrorKind::NoEquals
        | ErrorKind::TooFewValues
        | ErrorKind::TooManyValues
        | ErrorKind::WrongNumberOfValues => {
            format!("{argument} 的值的个数不对")
        }
        ErrorKind::InvalidUtf8 => "命令行不是 UTF-8 编码".to_owned(),
        _ => format!("命令行有误：{error}"),
    };
    Some(format!("posthouse：{words}\n加上 --help 查看用法。\n"))
}
