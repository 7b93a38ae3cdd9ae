//! What is said untagged, messages apart: CAPABILITY, FLAGS, EXISTS, RECENT, EXPUNGE, LIST, LSUB, STATUS, SEARCH (RFC 3501 §7.2 to §7.4).

use types::Role;

use crate::command::status::StatusItem;
use crate::grammar::flag::{Flag, print_flags};
use crate::grammar::mailbox::print_name;
use crate::grammar::mode::Mode;
use crate::grammar::object_id;
use crate::grammar::print;

/// `* CAPABILITY …`, with the words as `command::capability` prints them.
pub fn capability(out: &mut Vec<u8>, words: &[u8]) {
    out.extend_from_slice(b"* CAPABILITY");
    out.extend_from_slice(words);
    out.extend_from_slice(b"\r\n");
}

/// `* n EXISTS`.
pub fn exists(out: &mut Vec<u8>, count: u32) {
    numbered(out, count, " EXISTS\r\n");
}

/// `* n RECENT`.
pub fn recent(out: &mut Vec<u8>, count: u32) {
    numbered(out, count, " RECENT\r\n");
}

/// `* n EXPUNGE`.
pub fn expunge(out: &mut Vec<u8>, position: u32) {
    numbered(out, position, " EXPUNGE\r\n");
}

fn numbered(out: &mut Vec<u8>, number: u32, what: &str) {
    out.extend_from_slice(b"* ");
    print::number(out, u64::from(number));
    out.extend_from_slice(what.as_bytes());
}

/// `* FLAGS (…)`.
pub fn flags(out: &mut Vec<u8>, flags: &[Flag]) {
    out.extend_from_slice(b"* FLAGS ");
    print_flags(out, flags);
    out.extend_from_slice(b"\r\n");
}

/// Which response names mailboxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// `LIST`.
    List,
    /// `LSUB`.
    Lsub,
}

/// `mbx-list-flags` (RFC 3501 §7.2.2, RFC 3348 §4, RFC 6154 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// It is a level of the hierarchy and no mailbox.
    NoSelect,
    /// There are mailboxes below.
    HasChildren,
    /// There is none below.
    HasNoChildren,
    /// What it is for.
    Use(Role),
}

impl Attribute {
    const fn name(self) -> &'static str {
        match self {
            Attribute::NoSelect => "\\Noselect",
            Attribute::HasChildren => "\\HasChildren",
            Attribute::HasNoChildren => "\\HasNoChildren",
            Attribute::Use(Role::Archive) => "\\Archive",
            Attribute::Use(Role::Drafts) => "\\Drafts",
            Attribute::Use(Role::Junk) => "\\Junk",
            Attribute::Use(Role::Sent) => "\\Sent",
            Attribute::Use(Role::Trash) => "\\Trash",
        }
    }
}

/// `* LIST (attributes) "/" name`, or `LSUB`. The name is empty where only the separator was asked for.
pub fn list(out: &mut Vec<u8>, listing: Listing, attributes: &[Attribute], (name, mode): (&str, Mode)) {
    out.extend_from_slice(match listing {
        Listing::List => b"* LIST ",
        Listing::Lsub => b"* LSUB ",
    });
    print::list(out, attributes, |out, attribute| {
        out.extend_from_slice(attribute.name().as_bytes());
    });
    out.extend_from_slice(b" \"/\" ");
    print_name(out, name, mode);
    out.extend_from_slice(b"\r\n");
}

/// `* STATUS name (item number …)`; what the mailbox is called comes in parentheses (RFC 8474 §4.3).
pub fn status(out: &mut Vec<u8>, (name, mode): (&str, Mode), items: &[(StatusItem, u64)]) {
    out.extend_from_slice(b"* STATUS ");
    print_name(out, name, mode);
    out.push(b' ');
    print::list(out, items, |out, (item, value)| {
        out.extend_from_slice(item.name().as_bytes());
        out.push(b' ');
        match item {
            StatusItem::MailboxId => object_id::print_mailbox(out, *value),
            _ => print::number(out, *value),
        }
    });
    out.extend_from_slice(b"\r\n");
}

/// `* ENABLED …` (RFC 5161 §3.2).
pub fn enabled(out: &mut Vec<u8>, capabilities: &[&str]) {
    out.extend_from_slice(b"* ENABLED");
    for word in capabilities {
        out.push(b' ');
        out.extend_from_slice(word.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// `* NAMESPACE (("" "/")) NIL NIL` (RFC 2342 §5): what is one's own, and nothing of others or shared.
pub fn namespace(out: &mut Vec<u8>) {
    out.extend_from_slice(b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
}

/// `* ID ("name" "value" …)` (RFC 2971 §3.2).
pub fn id(out: &mut Vec<u8>, fields: &[(&str, &str)]) {
    out.extend_from_slice(b"* ID ");
    print::list(out, fields, |out, (name, value)| {
        print::string(out, name.as_bytes());
        out.push(b' ');
        print::string(out, value.as_bytes());
    });
    out.extend_from_slice(b"\r\n");
}

/// What a quota root has of something, and how much it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `STORAGE`, in units of 1,024 octets, or `MESSAGE` (RFC 9208 §5).
    pub name: &'static str,
    /// How much there is.
    pub usage: u64,
    /// How much there may be.
    pub limit: u64,
}

/// `* QUOTA root (name usage limit …)` (RFC 9208 §4.2.1).
pub fn quota(out: &mut Vec<u8>, root: &str, resources: &[Resource]) {
    out.extend_from_slice(b"* QUOTA ");
    print::string(out, root.as_bytes());
    out.push(b' ');
    print::list(out, resources, |out, resource| {
        out.extend_from_slice(resource.name.as_bytes());
        for number in [resource.usage, resource.limit] {
            out.push(b' ');
            print::number(out, number);
        }
    });
    out.extend_from_slice(b"\r\n");
}

/// `* QUOTAROOT mailbox root …` (RFC 9208 §4.2.2).
pub fn quota_root(out: &mut Vec<u8>, (mailbox, mode): (&str, Mode), roots: &[&str]) {
    out.extend_from_slice(b"* QUOTAROOT ");
    print_name(out, mailbox, mode);
    for root in roots {
        out.push(b' ');
        print::string(out, root.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// `* SEARCH n …`.
pub fn search(out: &mut Vec<u8>, found: impl IntoIterator<Item = u32>) {
    search_begin(out);
    search_some(out, found);
    search_end(out);
}

/// Begins a SEARCH that is printed in pieces.
pub fn search_begin(out: &mut Vec<u8>) {
    out.extend_from_slice(b"* SEARCH");
}

/// Some of the numbers of a SEARCH.
pub fn search_some(out: &mut Vec<u8>, found: impl IntoIterator<Item = u32>) {
    for number in found {
        out.push(b' ');
        print::number(out, u64::from(number));
    }
}

/// Ends a SEARCH that was printed in pieces.
pub fn search_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailbox_data_prints() {
        let check = |print: &dyn Fn(&mut Vec<u8>), wanted: &str| {
            let mut out = Vec::new();
            print(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{wanted}\r\n"));
        };
        check(&|o| exists(o, 23), "* 23 EXISTS");
        check(&|o| search(o, []), "* SEARCH");
        check(&|o| search(o, [2, 84]), "* SEARCH 2 84");
        check(
            &|o| list(o, Listing::List, &[Attribute::NoSelect], ("", Mode::Ascii)),
            "* LIST (\\Noselect) \"/\" \"\"",
        );
        check(
            &|o| {
                let attributes = [Attribute::HasNoChildren, Attribute::Use(Role::Sent)];
                list(o, Listing::Lsub, &attributes, ("已发送 x", Mode::Ascii));
            },
            "* LSUB (\\HasNoChildren \\Sent) \"/\" \"&XfJT0ZAB- x\"",
        );
        check(
            &|o| {
                let items = [(StatusItem::Messages, 1), (StatusItem::UidNext, 44)];
                status(o, ("a b", Mode::Ascii), &items);
            },
            "* STATUS \"a b\" (MESSAGES 1 UIDNEXT 44)",
        );
        check(
            &|o| {
                list(
                    o,
                    Listing::List,
                    &[Attribute::HasNoChildren],
                    ("已发送 x", Mode::Utf8),
                )
            },
            "* LIST (\\HasNoChildren) \"/\" \"已发送 x\"",
        );
        check(
            &|o| quota_root(o, ("工作", Mode::Utf8), &["", "example.org"]),
            "* QUOTAROOT \"工作\" \"\" \"example.org\"",
        );
    }
}
