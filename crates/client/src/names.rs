//! Names of mailboxes as names of files, and back.
//!
//! Maildir++ (as Dovecot writes it): one folder each, `.PART.PART`, in modified UTF-7 (RFC 3501 §5.1.3); a dot or backslash in a
//! part is `\2e` or `\5c`. Elsewhere: folders in folders, in UTF-8; what file systems or zip programs do not take is `%` and
//! two digits. Names that are too long are cut, with a hash; only the manifest knows them whole.
//!
//! **Invariant**: what a server calls a mailbox never leads out of the folder, and two names are never the same file.

use ::imap::Mode;
use ::imap::grammar::mailbox::{decode, encode};
use aws_lc_rs::digest::{SHA256, digest};
use types::SEPARATOR;

/// File systems take 255 octets.
const MAX_PART: usize = 240;

/// The folder of a mailbox, its levels between slashes, in a Maildir++; empty for the inbox.
#[must_use]
pub fn maildir(name: &str) -> String {
    if name == "INBOX" {
        return String::new();
    }
    let mut folder = String::new();
    for part in name.split(SEPARATOR) {
        let mut octets = Vec::new();
        encode(&mut octets, part);
        folder.push('.');
        for c in String::from_utf8_lossy(&octets).chars() {
            match c {
                '.' => folder.push_str("\\2e"),
                '\\' => folder.push_str("\\5c"),
                c => folder.push(c),
            }
        }
    }
    match folder.as_str() {
        // Levels without names would be the folder itself, or the one above it.
        "." => ".\\5f".to_owned(),
        ".." => ".\\5f.\\5f".to_owned(),
        _ => cut(folder),
    }
}

/// The mailbox of a folder in a Maildir++, whose name is given without the first dot.
#[must_use]
pub fn of_maildir(folder: &str) -> String {
    let parts: Vec<String> = folder
        .split('.')
        .map(|part| part_of(&unescape(part, '\\')))
        .collect();
    parts.join("/")
}

/// A part in modified UTF-7, or as it is.
#[must_use]
pub fn part_of(part: &str) -> String {
    let decoded = decode(part.as_bytes(), Mode::Ascii).unwrap_or_else(|| part.to_owned());
    // A separator within a part would be another part.
    decoded.replace(SEPARATOR, "_")
}

/// The path of a mailbox, folders in folders.
#[must_use]
pub fn path(name: &str) -> String {
    let parts: Vec<String> = name.split(SEPARATOR).map(|part| cut(escape(part))).collect();
    parts.join("/")
}

/// The mailbox of a path.
#[must_use]
pub fn of_path(path: &str) -> String {
    unescape(path, '%')
}

fn escape(part: &str) -> String {
    if part.is_empty() {
        // A path does not have such parts; at its beginning it would be one from the root.
        return "%5F".to_owned();
    }
    let lower = part.to_ascii_lowercase();
    let ends = lower.ends_with(".mbox") || lower.ends_with(".eml");
    let last = part.chars().count().saturating_sub(1);
    let dot = part.rfind('.');
    let mut escaped = String::new();
    for (number, (at, c)) in part.char_indices().enumerate() {
        let is_special = match c {
            '.' => number == 0 || number == last || (ends && Some(at) == dot),
            ' ' => number == last,
            c => "\\:\"<>|?*%".contains(c) || c.is_control(),
        };
        match is_special {
            true => escaped.push_str(&format!("%{:02X}", u32::from(c))),
            false => escaped.push(c),
        }
    }
    escaped
}

/// Takes escapes of two digits back.
fn unescape(text: &str, mark: char) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(mark) {
        plain.push_str(before);
        let code = after.get(..2).and_then(|two| u8::from_str_radix(two, 16).ok());
        match code.filter(|code| code.is_ascii_graphic() || *code == b' ') {
            Some(code) => {
                plain.push(char::from(code));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                plain.push(mark);
                rest = after;
            }
        }
    }
    plain + rest
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn cut(name: String) -> String {
    if name.len() <= MAX_PART {
        return name;
    }
    let mut end = MAX_PART - 20;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let hash = hex(digest(&SHA256, name.as_bytes()).as_ref());
    format!("{}~{}", name.split_at(end).0, hash.split_at(16).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_are_folders_of_a_maildir() {
        let check = |name: &str, folder: &str| {
            assert_eq!(maildir(name), folder);
            if let Some(below) = folder.strip_prefix('.') {
                assert_eq!(of_maildir(below), name, "{folder}");
            }
        };
        check("INBOX", "");
        check("Archive/2026", ".Archive.2026");
        check("INBOX/Work", ".INBOX.Work");
        check("R&D", ".R&-D");
        check("工作/项目", ".&XeVPXA-.&mHl27g-");
        check("a.b/c\\d", ".a\\2eb.c\\5cd");
        assert_eq!(of_maildir("工作.x"), "工作/x");
        assert_eq!(of_maildir("R&D\\"), "R&D\\");
    }

    #[test]
    fn mailboxes_are_folders_in_folders() {
        let check = |name: &str, wanted: &str| {
            assert_eq!(path(name), wanted);
            assert_eq!(of_path(wanted), name);
        };
        check("Archive/2026", "Archive/2026");
        check("../.x", "%2E%2E/%2Ex");
        check("a.mbox/b.EML", "a%2Embox/b%2EEML");
        check("工作/a:b?", "工作/a%3Ab%3F");
        check("a /b.", "a%20/b%2E");
    }

    #[test]
    fn a_name_never_leads_elsewhere() {
        for name in [
            "", "/", "//", "/etc/x", "..", "../..", "a/../b", "\0", "a/\n", "./.", "INBOX/..",
        ] {
            for place in [maildir(name), path(name), format!("{}.mbox", path(name))] {
                let mut parts = std::path::Path::new(&place).components();
                assert!(
                    parts.all(|part| matches!(part, std::path::Component::Normal(_))),
                    "{name:?}: {place}"
                );
                assert!(
                    !place.is_empty() && !place.contains(char::is_control),
                    "{name:?}: {place:?}"
                );
            }
        }
        for (one, other) in [
            ("a//b", "a/b"),
            ("a:b", "a%3Ab"),
            ("a.b", "a/b"),
            ("a\\2eb", "a.b"),
        ] {
            assert!(
                path(one) != path(other) && maildir(one) != maildir(other),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let long = "汉".repeat(300);
        let (one, other) = (maildir(&long), maildir(&format!("{long}x")));
        assert!(one.len() <= MAX_PART && other.len() <= MAX_PART && one != other);
        assert!(path(&long).len() <= MAX_PART);
    }
}
