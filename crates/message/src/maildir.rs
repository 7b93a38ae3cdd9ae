//! Names of files in a Maildir: what is unique, and the letters of the marks (cr.yp.to/proto/maildir.html; the letters `a` to
//! `z` stand for the names in a file `dovecot-keywords` beside them, as Dovecot writes it). No files are touched here.

use std::fmt::Write as _;

use types::{KeywordName, SystemKeyword};

use crate::Marks;

/// The letter of each system keyword, in the order in which they must stand: that of ASCII.
const LETTERS: [(u8, SystemKeyword); 5] = [
    (b'D', SystemKeyword::Draft),
    (b'F', SystemKeyword::Flagged),
    (b'R', SystemKeyword::Answered),
    (b'S', SystemKeyword::Seen),
    (b'T', SystemKeyword::Deleted),
];

/// Keywords that letters are left for.
const MAX_KEYWORDS: usize = 26;

/// What `P` (passed) is as a keyword.
const FORWARDED: &str = "$Forwarded";

/// The file that says which keyword a small letter is.
pub const KEYWORDS_FILE: &str = "dovecot-keywords";

/// A file's name, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'n> {
    /// What tells the message from others; it stays when the marks change.
    pub unique: &'n [u8],
    /// The letters of the marks; none where the name has no such part.
    pub letters: &'n [u8],
}

impl<'n> Name<'n> {
    /// Takes a name apart. Where `:` cannot stand in names of files, programs write `;` or `!`.
    #[must_use]
    pub fn parse(name: &'n [u8]) -> Self {
        let at = name
            .windows(3)
            .rposition(|three| matches!(three, [b':' | b';' | b'!', b'2', b',']));
        let (unique, letters) = at
            .and_then(|at| Some((name.get(..at)?, name.get(at + 3..)?)))
            .unwrap_or((name, b""));
        Name { unique, letters }
    }

    /// The marks that the letters stand for.
    #[must_use]
    pub fn marks(&self, keywords: &Keywords) -> Marks {
        let mut marks = Marks::default();
        for letter in self.letters {
            match letter {
                b'P' => marks.names.extend(KeywordName::check(FORWARDED).ok()),
                b'a'..=b'z' => {
                    if let Some(name) = keywords.named(*letter) {
                        marks.name(name.clone());
                    }
                }
                letter => {
                    let known = LETTERS.iter().find(|(known, _)| known == letter);
                    known.into_iter().for_each(|(_, keyword)| marks.set(*keyword));
                }
            }
        }
        marks
    }
}

/// The keywords of one Maildir, which its small letters stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keywords(Vec<Letter>);

/// What a small letter stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Letter {
    /// Nothing that is written down; names of files may have it nevertheless.
    Unknown,
    /// A name that is no keyword of IMAP: it keeps its letter, and is written as it was read.
    Other(Box<str>),
    Keyword(KeywordName),
}

impl Keywords {
    /// Reads the text of [`KEYWORDS_FILE`]: a line `NUMBER NAME` each, from 0 on. What is no such line is left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut keywords = Keywords::default();
        for line in text.lines() {
            let entry = line.split_once(' ').and_then(|(number, name)| {
                let number = number
                    .parse::<usize>()
                    .ok()
                    .filter(|number| *number < MAX_KEYWORDS)?;
                Some((number, name))
            });
            let Some((number, name)) = entry else { continue };
            if keywords.0.len() <= number {
                keywords.0.resize(number + 1, Letter::Unknown);
            }
            if let Some(place) = keywords.0.get_mut(number) {
                *place = match KeywordName::check(name.trim()) {
                    Ok(name) => Letter::Keyword(name),
                    Err(_) => Letter::Other(name.into()),
                };
            }
        }
        keywords
    }

    /// The text of [`KEYWORDS_FILE`].
    #[must_use]
    pub fn print(&self) -> String {
        let mut text = String::new();
        for (number, letter) in self.0.iter().enumerate() {
            // Writing to a string does not fail.
            let _ = match letter {
                Letter::Unknown => Ok(()),
                Letter::Other(name) => writeln!(text, "{number} {name}"),
                Letter::Keyword(name) => writeln!(text, "{number} {name}"),
            };
        }
        text
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn named(&self, letter: u8) -> Option<&KeywordName> {
        match self.0.get(usize::from(letter.checked_sub(b'a')?))? {
            Letter::Keyword(name) => Some(name),
            Letter::Unknown | Letter::Other(_) => None,
        }
    }

    /// The letter of a keyword, which is added; none where all letters are taken.
    fn letter(&mut self, name: &KeywordName) -> Option<u8> {
        let is_it = |known: &Letter| matches!(known, Letter::Keyword(known) if known == name);
        let known = self.0.iter().position(is_it);
        let at = match known {
            Some(at) => at,
            None if self.0.len() == MAX_KEYWORDS => return None,
            None => {
                self.0.push(Letter::Keyword(name.clone()));
                self.0.len() - 1
            }
        };
        Some(b'a' + u8::try_from(at).ok()?)
    }
}

/// `UNIQUE:2,LETTERS`. Keywords for which no letter is left are left out.
#[must_use]
pub fn print_name(unique: &str, marks: &Marks, keywords: &mut Keywords) -> String {
    let mut letters: Vec<u8> = LETTERS
        .iter()
        .filter(|(_, keyword)| marks.has(*keyword))
        .map(|(letter, _)| *letter)
        .collect();
    if marks
        .names
        .iter()
        .any(|name| name.as_str().eq_ignore_ascii_case(FORWARDED))
    {
        letters.push(b'P');
    }
    letters.extend(marks.names.iter().filter_map(|name| keywords.letter(name)));
    letters.sort_unstable();
    let letters: String = letters.into_iter().map(char::from).collect();
    format!("{unique}:2,{letters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(system: &[SystemKeyword], names: &[&str]) -> Marks {
        let mut marks = Marks::default();
        system.iter().for_each(|keyword| marks.set(*keyword));
        names
            .iter()
            .for_each(|name| marks.name(KeywordName::check(name).unwrap()));
        marks
    }

    #[test]
    fn marks_are_letters_in_order() {
        let mut keywords = Keywords::default();
        let all = marks(&SystemKeyword::ALL, &["work", "$Forwarded"]);
        let name = print_name("1.a", &all, &mut keywords);
        assert_eq!(name, "1.a:2,DFPRSTab");
        assert_eq!(keywords.print(), "0 work\n1 $Forwarded\n");
        let parsed = Name::parse(name.as_bytes());
        assert_eq!(parsed.unique, b"1.a");
        let read = parsed.marks(&Keywords::parse(&keywords.print()));
        assert_eq!(read.system, all.system);
        assert!(read.names.len() == 2 && all.names.iter().all(|name| read.names.contains(name)));
    }

    #[test]
    fn names_of_other_programs_are_read() {
        let keywords = Keywords::parse("1 work\nx\n99 far\n2 not an atom\n");
        let check = |name: &str, unique: &str, wanted: &Marks| {
            let parsed = Name::parse(name.as_bytes());
            assert_eq!(parsed.unique, unique.as_bytes(), "{name}");
            assert_eq!(parsed.marks(&keywords), *wanted, "{name}");
        };
        check("1.a.host", "1.a.host", &marks(&[], &[]));
        check("1.a:1,x", "1.a:1,x", &marks(&[], &[]));
        check("1.a:2,", "1.a", &marks(&[], &[]));
        check("1.a;2,S", "1.a", &marks(&[SystemKeyword::Seen], &[]));
        check("1.a:2,Sbz?", "1.a", &marks(&[SystemKeyword::Seen], &["work"]));
        check("1.a:2,P", "1.a", &marks(&[], &["$Forwarded"]));
        check("", "", &marks(&[], &[]));
    }

    /// A letter that stands for something is never given to something else, and what others have written is kept.
    #[test]
    fn letters_that_are_taken_stay_as_they_are() {
        let mut keywords = Keywords::parse("0 work\n2 not an atom\n4 far\n");
        let name = print_name("u", &marks(&[], &["far", "new", "work"]), &mut keywords);
        assert_eq!(name, "u:2,aef");
        assert_eq!(keywords.print(), "0 work\n2 not an atom\n4 far\n5 new\n");
    }

    #[test]
    fn the_27th_keyword_has_no_letter() {
        let mut keywords = Keywords::default();
        let names: Vec<String> = (0..27).map(|number| format!("k{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let name = print_name("u", &marks(&[], &names), &mut keywords);
        assert_eq!(name, "u:2,abcdefghijklmnopqrstuvwxyz");
        assert_eq!(keywords.print().lines().count(), 26);
    }
}
