//! The file `dovecot-uidlist` beside the messages of a Maildir, in which Dovecot and those who write for it keep the numbers of
//! messages and what POP3 calls them: `3 V<validity> N<next uid> G<id>`, then `UID [LETTERVALUE …] :NAME` a line; and its first version,
//! `1 <validity> <next uid>` and `UID NAME`. No files are touched here.

use std::collections::HashMap;
use std::fmt::Write as _;

/// The file's name.
pub const UIDLIST_FILE: &str = "dovecot-uidlist";

/// What the file says of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub uid: u32,
    /// What POP3 calls it: what the file says, or what Dovecot makes of the numbers. Not checked.
    pub id: String,
}

/// The messages of the file, by the part of their names that is unique.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uidlist(HashMap<Vec<u8>, Entry>);

impl Uidlist {
    /// Reads the file; lines that are none are passed over. Where the first says nothing, nothing is known.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut lines = text.split(|octet| *octet == b'\n');
        let head = lines.next().and_then(Head::parse);
        let Some(head) = head else {
            return Uidlist::default();
        };
        Uidlist(lines.filter_map(|line| head.entry(line)).collect())
    }

    /// What is said of a message with this unique part of its name.
    #[must_use]
    pub fn find(&self, unique: &[u8]) -> Option<&Entry> {
        self.0.get(unique)
    }
}

/// The first line.
#[derive(Clone, Copy)]
struct Head {
    version: Version,
    validity: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    First,
    Third,
}

impl Head {
    fn parse(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let mut words = text.split_ascii_whitespace();
        let (version, validity) = match words.next()? {
            "1" => (Version::First, words.next()?),
            "3" => (Version::Third, words.find_map(|word| word.strip_prefix('V'))?),
            _ => return None,
        };
        let validity = validity.parse().ok()?;
        Some(Head { version, validity })
    }

    fn entry(self, line: &[u8]) -> Option<(Vec<u8>, Entry)> {
        let (head, name) = match self.version {
            Version::First => split(line, b" ")?,
            Version::Third => split(line, b" :")?,
        };
        let head = std::str::from_utf8(head).ok()?;
        let mut words = head.split_ascii_whitespace();
        let uid = words.next()?.parse().ok()?;
        let said = words.find_map(|word| word.strip_prefix('P'));
        let id = said.map_or_else(|| computed(uid, self.validity), str::to_owned);
        // Names keep the marks of when they were written down.
        let unique = crate::maildir::Name::parse(name.trim_ascii_end()).unique;
        Some((unique.to_vec(), Entry { uid, id }))
    }
}

fn split<'l>(line: &'l [u8], between: &[u8]) -> Option<(&'l [u8], &'l [u8])> {
    let at = memchr::memmem::find(line, between)?;
    Some((line.get(..at)?, line.get(at + between.len()..)?))
}

/// What Dovecot calls a message over POP3 unless told otherwise: `pop3_uidl_format = %08Xu%08Xv`.
#[must_use]
pub fn computed(uid: u32, validity: u32) -> String {
    format!("{uid:08x}{validity:08x}")
}

/// The text of the file for messages in the order of their numbers, each with the unique part of its name.
#[must_use]
pub fn print<'m>(validity: u32, messages: impl IntoIterator<Item = (&'m Entry, &'m str)>) -> String {
    let (mut lines, mut next) = (String::new(), 1);
    for (Entry { uid, id }, unique) in messages {
        // Writing to a string does not fail.
        let _ = writeln!(lines, "{uid} P{id} :{unique}");
        next = uid.saturating_add(1);
    }
    format!("3 V{validity} N{next}\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, unique: &str, wanted: Option<(u32, &str)>) {
        let list = Uidlist::parse(text.as_bytes());
        let found = list.find(unique.as_bytes());
        let found = found.map(|entry| (entry.uid, entry.id.as_str()));
        assert_eq!(found, wanted, "{unique} in {text}");
    }

    /// What Dovecot 2.3.19 says over POP3 of the same files.
    #[test]
    fn ids_are_those_of_dovecot() {
        let text = "3 V77 N13 Ge03607217143066b6608000083ecc375\n\
                    9 P0000000000000063 W21 :1000000000.P5.posthouse,S=18\n\
                    11 W21 :1000000001.P6.posthouse,S=18:2,FS\n\
                    12 W21 S20 Gx :a b:2,S\n";
        check(
            text,
            "1000000000.P5.posthouse,S=18",
            Some((9, "0000000000000063")),
        );
        check(
            text,
            "1000000001.P6.posthouse,S=18",
            Some((11, "0000000b0000004d")),
        );
        check(text, "a b", Some((12, "0000000c0000004d")));
        check(text, "1000000003", None);
        check("3 V1795572593 N3\n2 :x\n", "x", Some((2, "000000026b064371")));
        check("1 77 13\n11 1.a:2,S\n", "1.a", Some((11, "0000000b0000004d")));
    }

    #[test]
    fn what_is_no_list_says_nothing() {
        for text in [
            "",
            "\n",
            "2 V1 N2\n1 :x\n",
            "3 N2\n1 :x\n",
            "3 Vx N2\n1 :x\n",
            "1\n1 x\n",
        ] {
            check(text, "x", None);
        }
        let text = "3 V1 N9\n:x\n-1 :x\nuid :x\n4294967296 :x\n5 x\n6 :y";
        check(text, "x", None);
        check(text, "y", Some((6, "0000000600000001")));
    }

    #[test]
    fn what_is_printed_parses_back() {
        let entry = |uid, id: &str| Entry {
            uid,
            id: id.to_owned(),
        };
        let (one, two) = (entry(9, "00:!~"), entry(u32::MAX, "P"));
        let text = print(77, [(&one, "1.a,S=3"), (&two, "2.b")]);
        assert_eq!(text, "3 V77 N4294967295\n9 P00:!~ :1.a,S=3\n4294967295 PP :2.b\n");
        check(&text, "1.a,S=3", Some((9, "00:!~")));
        check(&text, "2.b", Some((u32::MAX, "P")));
        assert_eq!(print(1, []), "3 V1 N1\n");
    }
}
