//! Everything that is refused, with its response codes (RFC 2449 §8, RFC 3206, RFC 6856 §5) and its words in every language.

use bytes::{BufMut, BytesMut};

use crate::Language;
use crate::language::Words;

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A line over [`crate::COMMAND_LINE`] or [`crate::AUTH_LINE`].
    LineTooLong,
    /// No such command.
    UnknownCommand,
    /// The arguments do not have the command's form; what was wanted.
    Syntax(Wanted),
    /// Nobody has logged in.
    LoginFirst,
    /// PASS without USER.
    UserFirst,
    /// A command of the time before the login, after it.
    LoggedIn,
    /// No message has the number.
    NoSuchMessage,
    /// The message is marked as deleted (RFC 1939 §5).
    Deleted,
    /// Wrong name or password; which of them is not said.
    WrongPassword,
    /// A name or a password that is not UTF-8 (RFC 6856 §2.2).
    NotUtf8,
    /// No such mechanism (RFC 5034 §4).
    UnknownMechanism,
    /// The client has broken AUTH off with `*` (RFC 5034 §4).
    AuthCancelled,
    /// Not base64, or not what the mechanism wants (RFC 5034 §4).
    AuthMalformed,
    /// The account was logged in to too short a while ago (RFC 2449 §8.1.1).
    LoginDelay,
    /// Another POP3 session has the maildrop (RFC 2449 §8.1.2).
    InUse,
    /// Passwords are not taken without TLS (RFC 2595 §2.1).
    TlsRequired,
    /// TLS is on already (RFC 2595 §4).
    TlsOn,
    /// There is no certificate, or the listener does not offer TLS.
    TlsUnavailable,
    /// STLS after UTF8 (RFC 6856 §2.1).
    TlsAfterUtf8,
    /// LANG of a language that nobody here speaks (RFC 6856 §3.2).
    UnknownLanguage,
    /// The accounts cannot be asked now (RFC 3206 §4).
    LoginUnavailable,
    /// The store failed.
    StoreFailed,
    /// Others have the memory for it (RFC 3206 §4).
    NoMemory,
    /// What the store holds is damaged: waiting does not help (RFC 3206 §4).
    StoreDamaged,
    /// Not all marked messages could be deleted (RFC 1939 §6).
    NotAllDeleted,
    /// Too many refused commands or logins on this connection.
    TooManyErrors,
    /// Nothing came for ten minutes (RFC 1939 §3).
    TimedOut,
    /// The account has another password since, or is disabled.
    LoginEnded,
    /// The server goes down.
    ShuttingDown,
}

/// What a command's arguments should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// None.
    Nothing,
    /// A login name.
    Name,
    /// A password.
    Password,
    /// The number of a message.
    MessageNumber,
    /// The number of a message and a number of lines.
    MessageAndLines,
    /// A SASL mechanism and perhaps base64.
    Mechanism,
    /// A language range.
    LanguageRange,
}

impl Wanted {
    const fn words(self) -> Words {
        match self {
            Wanted::Nothing => ["no argument", "不带参数"],
            Wanted::Name => ["a name", "用户名"],
            Wanted::Password => ["a password", "密码"],
            Wanted::MessageNumber => ["a message number", "邮件序号"],
            Wanted::MessageAndLines => ["a message number and a number of lines", "邮件序号和行数"],
            Wanted::Mechanism => ["a mechanism and perhaps base64", "认证机制，可另加 base64 数据"],
            Wanted::LanguageRange => ["a language such as en or zh", "语言，例如 en 或 zh"],
        }
    }
}

impl Refusal {
    /// Prints the reply that says so.
    pub fn print(self, language: Language, out: &mut BytesMut) {
        out.put_slice(b"-ERR ");
        if let Some(code) = self.code() {
            out.put_slice(format!("[{code}] ").as_bytes());
        }
        out.put_slice(language.choose(self.words()).as_bytes());
        if let Refusal::Syntax(wanted) = self {
            out.put_slice(language.choose(wanted.words()).as_bytes());
        }
        out.put_slice(b"\r\n");
    }

    /// The response code that programs look for (RFC 2449 §8).
    #[must_use]
    pub const fn code(self) -> Option<&'static str> {
        match self {
            // RFC 3206 §6: with every error that credentials are the cause of, and with no other.
            Refusal::WrongPassword | Refusal::NotUtf8 | Refusal::LoginEnded => Some("AUTH"),
            Refusal::InUse => Some("IN-USE"),
            Refusal::LoginDelay => Some("LOGIN-DELAY"),
            Refusal::LoginUnavailable
            | Refusal::StoreFailed
            | Refusal::NoMemory
            | Refusal::NotAllDeleted
            | Refusal::ShuttingDown => Some("SYS/TEMP"),
            Refusal::StoreDamaged => Some("SYS/PERM"),
            _ => None,
        }
    }

    const fn words(self) -> Words {
        match self {
            Refusal::LineTooLong => ["Line too long", "命令行过长"],
            Refusal::UnknownCommand => ["Unknown command", "未知命令"],
            Refusal::Syntax(_) => ["Wanted: ", "应为："],
            Refusal::LoginFirst => ["Log in first", "请先登录"],
            Refusal::UserFirst => ["Say USER first", "请先发送 USER"],
            Refusal::LoggedIn => ["Already logged in", "已经登录"],
            Refusal::NoSuchMessage => ["No such message", "没有这封邮件"],
            Refusal::Deleted => ["Message is marked as deleted", "邮件已标记为删除"],
            Refusal::WrongPassword => ["Wrong name or password", "用户名或密码错误"],
            Refusal::NotUtf8 => ["Names and passwords are UTF-8", "用户名和密码须为 UTF-8"],
            Refusal::UnknownMechanism => ["No such mechanism", "不支持这种认证机制"],
            Refusal::AuthCancelled => ["Authentication cancelled", "认证已取消"],
            Refusal::AuthMalformed => ["Not what the mechanism wants", "认证数据格式错误"],
            Refusal::LoginDelay => [
                "Logged in a short while ago, come again later",
                "登录过于频繁，请稍后再试",
            ],
            Refusal::InUse => ["Another session has the maildrop", "邮箱正被另一个会话使用"],
            Refusal::TlsRequired => [
                "Say STLS first: passwords are not taken without TLS",
                "请先发送 STLS：未加密时不接受密码",
            ],
            Refusal::TlsOn => ["TLS is on already", "TLS 已经启用"],
            Refusal::TlsUnavailable => ["TLS is not available", "TLS 不可用"],
            Refusal::TlsAfterUtf8 => ["STLS must come before UTF8", "STLS 须在 UTF8 之前"],
            Refusal::UnknownLanguage => ["No such language", "不支持这种语言"],
            Refusal::LoginUnavailable => [
                "Login is not possible now, try again later",
                "暂时无法登录，请稍后再试",
            ],
            Refusal::StoreFailed => ["Storage failed, try again later", "存储暂时出错，请稍后再试"],
            Refusal::NoMemory => [
                "No memory for this now, try again later",
                "内存暂时不足，请稍后再试",
            ],
            Refusal::StoreDamaged => [
                "Storage is damaged, tell the administrator",
                "存储已损坏，请联系管理员",
            ],
            Refusal::NotAllDeleted => ["Some deleted messages not removed", "部分邮件未能删除"],
            Refusal::TooManyErrors => ["Too many errors, closing", "错误过多，连接关闭"],
            Refusal::TimedOut => ["Timeout, closing", "超时，连接关闭"],
            Refusal::LoginEnded => ["The login has ended, log in again", "登录已失效，请重新登录"],
            Refusal::ShuttingDown => ["Shutting down, try again later", "服务器正在关闭，请稍后再试"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(refusal: Refusal, language: Language) -> String {
        let mut out = BytesMut::new();
        refusal.print(language, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn refusals_print_in_the_language_that_was_chosen() {
        let check = |refusal, english: &str, chinese: &str| {
            assert_eq!(printed(refusal, Language::Default), english);
            assert_eq!(printed(refusal, Language::English), english);
            assert_eq!(printed(refusal, Language::Chinese), chinese);
        };
        check(
            Refusal::NoSuchMessage,
            "-ERR No such message\r\n",
            "-ERR 没有这封邮件\r\n",
        );
        check(
            Refusal::Syntax(Wanted::Name),
            "-ERR Wanted: a name\r\n",
            "-ERR 应为：用户名\r\n",
        );
        check(
            Refusal::WrongPassword,
            "-ERR [AUTH] Wrong name or password\r\n",
            "-ERR [AUTH] 用户名或密码错误\r\n",
        );
    }
}
