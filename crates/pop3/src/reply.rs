//! What is granted, printed, with its words in every language. What is refused is in [`crate::Refusal`].

use std::fmt::{Display, Write as _};

use bytes::{BufMut, BytesMut};
use types::Octets;

use crate::Language;

/// What is said after `+OK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// After USER.
    SendPassword,
    /// After STLS.
    BeginTls,
    /// After UTF8.
    Utf8On,
    /// After a login, and before LIST: how many messages, and their octets.
    Messages(usize, Octets),
    /// Before a message.
    Octets(u64),
    /// After DELE.
    Deleted(usize),
    /// Before the answer to CAPA.
    Capabilities,
    /// Before the answer to AUTH without a mechanism.
    Mechanisms,
    /// Before the answer to UIDL.
    UniqueIds,
    /// Before the answer to LANG without a range.
    Languages,
    /// After LANG.
    LanguageChanged,
    /// After NOOP.
    NothingDone,
    /// After QUIT without a login.
    Bye,
    /// After QUIT: how many messages were deleted.
    ByeDeleted(usize),
}

impl Words {
    /// Prints the reply.
    pub fn print(self, language: Language, out: &mut BytesMut) {
        let say = |words| language.choose(words);
        let plain = match self {
            Words::SendPassword => ["Send the password", "请发送密码"],
            Words::BeginTls => ["Begin TLS", "开始 TLS"],
            Words::Utf8On => ["UTF-8 it is", "已启用 UTF-8"],
            Words::Capabilities => ["Capabilities follow", "功能列表如下"],
            Words::Mechanisms => ["Mechanisms follow", "认证机制如下"],
            Words::UniqueIds => ["Unique ids follow", "邮件标识如下"],
            Words::Languages => ["Languages follow", "语言列表如下"],
            Words::LanguageChanged => ["Language changed", "语言已切换"],
            Words::NothingDone => ["Nothing done", "无操作"],
            Words::Bye => ["Bye", "再见"],
            Words::Messages(count, size) => {
                let [messages, octets] = [say(["messages", "封邮件"]), say(["octets", "字节"])];
                return ok(format_args!("{count} {messages} ({size} {octets})"), out);
            }
            Words::Octets(size) => return ok(format_args!("{size} {}", say(["octets", "字节"])), out),
            Words::Deleted(number) => {
                let [before, after] = [say(["Message", "第"]), say(["deleted", "封邮件已标记为删除"])];
                return ok(format_args!("{before} {number} {after}"), out);
            }
            Words::ByeDeleted(count) => {
                let bye = say(["Bye,", "再见，已删除"]);
                let messages = say(if count == 1 {
                    ["message deleted", "封邮件"]
                } else {
                    ["messages deleted", "封邮件"]
                });
                return ok(format_args!("{bye} {count} {messages}"), out);
            }
        };
        ok(say(plain), out);
    }
}

/// Prints `+OK` and some words, without control characters: no text from outside makes a second reply.
pub fn ok(words: impl Display, out: &mut BytesMut) {
    let start = out.len();
    write!(out, "+OK {words}").expect("a BytesMut takes everything");
    for octet in out.get_mut(start..).unwrap_or_default() {
        if octet.is_ascii_control() {
            *octet = b'?';
        }
    }
    out.put_slice(b"\r\n");
}

/// Prints the answer to a LANG that succeeded: the tag, and words in the language that it has changed to (RFC 6856 §3.2).
pub fn language(language: Language, out: &mut BytesMut) {
    let mut words = BytesMut::new();
    Words::LanguageChanged.print(language, &mut words);
    let words = words.strip_prefix(b"+OK ").unwrap_or(&words);
    out.put_slice(format!("+OK {} ", language.tag()).as_bytes());
    out.put_slice(words);
}

/// Prints a challenge of AUTH (RFC 5034 §4): base64, or nothing.
pub fn challenge(base64: &str, out: &mut BytesMut) {
    out.put_slice(format!("+ {base64}\r\n").as_bytes());
}

/// Prints the mechanisms, for AUTH without one: no RFC defines it, mail programs older than CAPA ask so.
pub fn mechanisms(names: &[&str], language: Language, out: &mut BytesMut) {
    Words::Mechanisms.print(language, out);
    for name in names {
        line(name, out);
    }
    end(out);
}

/// Prints a message (RETR, TOP) with its dots and its end.
pub fn message(octets: &[u8], language: Language, out: &mut BytesMut) {
    out.reserve(octets.len() + octets.len() / 64 + 64);
    Words::Octets(u64::try_from(octets.len()).unwrap_or(u64::MAX)).print(language, out);
    wire::write_dotted(octets, out);
}

/// Prints one line of a listing.
pub fn line(words: impl Display, out: &mut BytesMut) {
    write!(out, "{words}\r\n").expect("a BytesMut takes everything");
}

/// Prints the end of a listing.
pub fn end(out: &mut BytesMut) {
    out.put_slice(b".\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(print: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        print(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn messages_print_with_dots_and_an_end() {
        let got = printed(|out| message(b"a\r\n.b\r\n", Language::Default, out));
        assert_eq!(got, "+OK 7 octets\r\na\r\n..b\r\n.\r\n");
    }

    #[test]
    fn no_text_makes_a_second_reply() {
        assert_eq!(printed(|out| ok("a\r\n-ERR", out)), "+OK a??-ERR\r\n");
    }

    #[test]
    fn words_are_said_in_the_language_that_was_chosen() {
        let said = |words: Words, language| printed(|out| words.print(language, out));
        assert_eq!(
            said(Words::ByeDeleted(1), Language::English),
            "+OK Bye, 1 message deleted\r\n"
        );
        assert_eq!(
            said(Words::ByeDeleted(2), Language::Chinese),
            "+OK 再见，已删除 2 封邮件\r\n"
        );
        assert_eq!(
            said(Words::Deleted(3), Language::Chinese),
            "+OK 第 3 封邮件已标记为删除\r\n"
        );
        assert_eq!(
            printed(|out| language(Language::Chinese, out)),
            "+OK zh 语言已切换\r\n"
        );
    }

    #[test]
    fn an_empty_challenge_is_a_plus_and_a_blank() {
        assert_eq!(printed(|out| challenge("", out)), "+ \r\n");
    }
}
