//! Numbers with the English noun that goes with them, and what the crates below say, in Chinese.

use std::fmt::Display;

use server::oidc::KeysError;
use types::{AddressError, MailboxNameError};

/// `1 message`, `2 messages`.
pub(crate) fn messages(count: impl Display) -> String {
    counted(count, "message", "messages")
}

/// `1 mailbox`, `2 mailboxes`.
pub(crate) fn mailboxes(count: impl Display) -> String {
    counted(count, "mailbox", "mailboxes")
}

/// `1 finding`, `2 findings`.
pub(crate) fn findings(count: impl Display) -> String {
    counted(count, "finding", "findings")
}

/// `1 octet`, `2 octets`.
pub(crate) fn octets(count: impl Display) -> String {
    counted(count, "octet", "octets")
}

/// `1 file`, `2 files`.
pub(crate) fn files(count: impl Display) -> String {
    counted(count, "file", "files")
}

fn counted(count: impl Display, one: &str, many: &str) -> String {
    let count = count.to_string();
    let noun = if count == "1" { one } else { many };
    format!("{count} {noun}")
}

/// Why something is no address, or no domain.
pub(crate) fn address_chinese(error: AddressError) -> String {
    match error {
        AddressError::NoAt => "地址的形式是 名字@域名".to_owned(),
        AddressError::LocalPartLength => "@ 之前的部分是空的，或太长".to_owned(),
        AddressError::LocalPartCharacter(c) => format!("@ 之前的这个位置不能有 {c:?}"),
        AddressError::DomainLength => "域名或其中的一段是空的，或太长".to_owned(),
        AddressError::DomainCharacter(c) => format!("域名的这个位置不能有 {c:?}"),
        AddressError::DomainLabel => "域名中有一段不能注册（IDNA）".to_owned(),
    }
}

/// Why something is no name of a mailbox.
pub(crate) fn mailbox_name_chinese(error: MailboxNameError) -> String {
    match error {
        MailboxNameError::Empty => "邮箱名的每一段至少要有一个字符".to_owned(),
        MailboxNameError::TooLong => "邮箱名太长".to_owned(),
        MailboxNameError::TooDeep => "邮箱名的段数太多".to_owned(),
        MailboxNameError::Character(c) => format!("邮箱名中不能有 {c:?}"),
    }
}

/// Why the keys of OpenID Connect cannot be used.
pub(crate) fn keys_chinese(error: &KeysError) -> String {
    match error {
        KeysError::File { path, cause } => format!("{}：{cause}", path.display()),
        KeysError::Content { path, what } => format!("{}：不是 JWK 集合：{what}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!(messages(0_u64), "0 messages");
        assert_eq!([1_usize, 2].map(messages), ["1 message", "2 messages"]);
        assert_eq!([1, 11].map(mailboxes), ["1 mailbox", "11 mailboxes"]);
        assert_eq!([1, 21].map(findings), ["1 finding", "21 findings"]);
        assert_eq!([1, 0].map(octets), ["1 octet", "0 octets"]);
        assert_eq!([1, 101].map(files), ["1 file", "101 files"]);
    }
}
