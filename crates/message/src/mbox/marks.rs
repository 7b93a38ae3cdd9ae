//! The fields of a header in which programs keep the marks of a message in an mbox: `Status` and `X-Status` with letters,
//! `X-Keywords` with names; Thunderbird's `X-Mozilla-Status` with bits and `X-Mozilla-Keys` with names.

use types::{KeywordName, SystemKeyword};

use crate::Marks;

/// The letters of `X-Status`, as c-client and Dovecot write them.
const LETTERS: [(u8, SystemKeyword); 4] = [
    (b'A', SystemKeyword::Answered),
    (b'D', SystemKeyword::Deleted),
    (b'F', SystemKeyword::Flagged),
    (b'T', SystemKeyword::Draft),
];

/// Ours, in our order.
const OURS: [&[u8]; 3] = [b"Status: ", b"X-Status: ", b"X-Keywords: "];

/// What mboxcl2 has beside them.
const LENGTH: &[u8] = b"Content-Length: ";

/// The bits of `X-Mozilla-Status`. One that is expunged lies in the file until it is compacted.
const MOZILLA: [(u16, SystemKeyword); 4] = [
    (0x01, SystemKeyword::Seen),
    (0x02, SystemKeyword::Answered),
    (0x04, SystemKeyword::Flagged),
    (0x08, SystemKeyword::Deleted),
];

/// A message that Thunderbird has forwarded.
const MOZILLA_FORWARDED: u16 = 0x1000;

/// Fields that belong to the file and not to the message, beside those with marks.
const OTHERS: [&str; 5] = [
    "X-UID",
    "X-IMAP",
    "X-IMAPbase",
    "Content-Length",
    "X-Mozilla-Status2",
];

pub(super) fn print(out: &mut Vec<u8>, marks: &Marks) {
    out.extend_from_slice(match marks.has(SystemKeyword::Seen) {
        true => b"Status: RO\n",
        false => b"Status: O\n",
    });
    out.extend_from_slice(b"X-Status: ");
    let set = LETTERS.iter().filter(|(_, keyword)| marks.has(*keyword));
    out.extend(set.map(|(letter, _)| *letter));
    let names: Vec<&str> = marks.names.iter().map(KeywordName::as_str).collect();
    out.extend_from_slice(format!("\nX-Keywords: {}\n", names.join(" ")).as_bytes());
}

/// Takes the fields with marks out of a message: ours, which stand above its header, or else those of another program
/// anywhere in it.
#[must_use]
pub fn take_marks(message: &[u8]) -> (Marks, Vec<u8>) {
    let mut marks = Marks::default();
    if let Some(rest) = take_ours(message, &mut marks) {
        return (marks, rest.to_vec());
    }
    let mut kept = Vec::with_capacity(message.len());
    let mut rest = message;
    let mut taking = false;
    while let Some(line) = rest.split_inclusive(|octet| *octet == b'\n').next() {
        if line.trim_ascii().is_empty() {
            break;
        }
        rest = rest.get(line.len()..).unwrap_or_default();
        // A folded line goes where the line above it went.
        taking = match line.starts_with(b" ") || line.starts_with(b"\t") {
            true => taking,
            false => take(line, &mut marks),
        };
        if !taking {
            kept.extend_from_slice(line);
        }
    }
    kept.extend_from_slice(rest);
    (marks, kept)
}

/// Whether a message is what c-client keeps for itself at the beginning of a file.
#[must_use]
pub fn is_internal(message: &[u8]) -> bool {
    let mut lines = message
        .split(|octet| *octet == b'\n')
        .take_while(|line| !line.trim_ascii().is_empty());
    lines.any(|line| line.starts_with(b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA"))
}

/// The message below our three fields, if they are there.
fn take_ours<'m>(message: &'m [u8], marks: &mut Marks) -> Option<&'m [u8]> {
    let mut rest = message;
    // Of mboxcl2, above the others, so that it cannot be one of the message.
    if rest.starts_with(LENGTH) {
        rest = rest.get(memchr::memchr(b'\n', rest)? + 1..)?;
    }
    let message = rest;
    for ours in OURS {
        let line = rest.strip_prefix(ours)?;
        let end = memchr::memchr(b'\n', line)? + 1;
        rest = line.get(end..)?;
    }
    let mut lines = message.split_inclusive(|octet| *octet == b'\n');
    lines.by_ref().take(OURS.len()).for_each(|line| {
        take(line, marks);
    });
    Some(rest)
}

/// Reads a field, if it is one of the file and not of the message.
fn take(line: &[u8], marks: &mut Marks) -> bool {
    let Some(colon) = memchr::memchr(b':', line) else {
        return false;
    };
    let (name, value) = line.split_at_checked(colon).unwrap_or_default();
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    let is = |known: &str| name.trim_ascii_end().eq_ignore_ascii_case(known.as_bytes());
    match () {
        () if is("Status") => {
            if value.contains(&b'R') {
                marks.set(SystemKeyword::Seen);
            }
        }
        () if is("X-Status") => {
            let set = LETTERS.iter().filter(|(letter, _)| value.contains(letter));
            set.for_each(|(_, keyword)| marks.set(*keyword));
        }
        () if is("X-Keywords") || is("X-Mozilla-Keys") => take_names(value, marks),
        () if is("X-Mozilla-Status") => take_bits(value, marks),
        () => return OTHERS.iter().any(|other| is(other)),
    }
    true
}

fn take_names(value: &[u8], marks: &mut Marks) {
    let names = value.split(|octet| octet.is_ascii_whitespace() || *octet == b',');
    for name in names {
        let name = std::str::from_utf8(name).ok();
        if let Some(name) = name.and_then(|name| KeywordName::check(name).ok()) {
            marks.name(name);
        }
    }
}

fn take_bits(value: &[u8], marks: &mut Marks) {
    let text = std::str::from_utf8(value).unwrap_or_default();
    let bits = u16::from_str_radix(text, 16).unwrap_or(0);
    let set = MOZILLA.iter().filter(|(bit, _)| bits & bit != 0);
    set.for_each(|(_, keyword)| marks.set(*keyword));
    if bits & MOZILLA_FORWARDED != 0
        && let Ok(name) = KeywordName::check("$Forwarded")
    {
        marks.name(name);
    }
}
