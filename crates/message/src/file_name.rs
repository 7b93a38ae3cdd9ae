//! Names for files, made of names that strangers wrote.
//!
//! What must hold: what comes out is one name within a folder, on Unix, Windows and macOS; it hides no file, names no device, does
//! not look like another name, and is not taken.

use std::collections::HashSet;

use crate::read;

/// The longest name that file systems take, in octets of UTF-8.
pub const MAX_FILE_NAME: usize = 255;

/// An extension that is longer is part of the name.
const MAX_EXTENSION: usize = 32;

/// Names that Windows takes for devices, with any extension.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// A name under which something can be saved in a folder, and which is added to those that are `taken` there. Two names that
/// differ only in case are the same.
///
/// ```
/// use std::collections::HashSet;
/// use posthouse_message::safe_file_name;
///
/// let mut taken = HashSet::new();
/// assert_eq!(safe_file_name("../../etc/passwd", &mut taken), "passwd");
/// assert_eq!(safe_file_name("C:\\PASSWD", &mut taken), "PASSWD-2");
/// ```
#[must_use]
#[expect(clippy::implicit_hasher, reason = "the set is the caller's, made for this")]
pub fn safe_file_name(name: &str, taken: &mut HashSet<String>) -> String {
    let clean = clean(name);
    let (stem, extension) = split(&clean);
    let mut number = 1_usize;
    loop {
        let mark = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let room = MAX_FILE_NAME - extension.len() - mark.len();
        let stem = shortened(stem, room).trim_end_matches([' ', '.']);
        let candidate = format!("{stem}{mark}{extension}");
        if taken.insert(candidate.to_lowercase()) {
            return candidate;
        }
        number += 1;
    }
}

/// The last step of a path, without what no name may have.
fn clean(name: &str) -> String {
    let name = read::visible(name);
    let last = name
        .rsplit(['/', '\\', '\u{2215}', '\u{2044}'])
        .find(|step| !step.trim().is_empty());
    let last = last.unwrap_or_default();
    // `C:name` is a name on another drive, `name:stream` a stream of a file.
    let last = match last.split_once(':') {
        Some((drive, rest)) if drive.len() == 1 => rest,
        _ => last,
    };
    let replaced: String = last
        .chars()
        .map(|letter| match letter {
            '\t' | '\n' | '\u{a0}' | '\u{2028}' | '\u{2029}' => ' ',
            '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\0' => '_',
            other => other,
        })
        .filter(|letter| !is_invisible(*letter))
        .collect();
    let trimmed = replaced
        .trim()
        .trim_start_matches(['.', ' ', '~'])
        .trim_end_matches(['.', ' ']);
    // A dash first is an option to whatever program is called with it.
    let trimmed = if trimmed.starts_with('-') {
        format!("_{trimmed}")
    } else {
        trimmed.to_owned()
    };
    match trimmed.as_str() {
        "" => "unnamed".to_owned(),
        name if is_device(name) => format!("_{name}"),
        _ => trimmed,
    }
}

/// Letters that take no room, with which one name looks like another.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}' | '\u{61c}' | '\u{e0000}'..='\u{e007f}')
}

fn is_device(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or(name)
        .trim_end()
        .to_ascii_lowercase();
    let numbered = ["com", "lpt"].iter().find_map(|device| stem.strip_prefix(device));
    let is_numbered = numbered.is_some_and(|number| {
        matches!(
            number,
            "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"
        )
    });
    is_numbered || DEVICES.contains(&stem.as_str())
}

/// Cuts a name before its extension, with that of a packed archive before it.
fn split(name: &str) -> (&str, &str) {
    let at = name
        .rfind('.')
        .filter(|at| *at > 0 && name.len() - at <= MAX_EXTENSION);
    let Some(at) = at else { return (name, "") };
    let stem = name.get(..at).unwrap_or_default();
    let at = if stem.to_ascii_lowercase().ends_with(".tar") && stem.len() > 4 {
        at - 4
    } else {
        at
    };
    name.split_at_checked(at).unwrap_or((name, ""))
}

/// The beginning of a text in at most so many octets.
fn shortened(text: &str, octets: usize) -> &str {
    let mut end = octets.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
