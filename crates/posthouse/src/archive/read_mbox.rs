//! The messages of one mbox, read line by line.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use message::mbox::{Found, Kind, Scanner, is_internal, take_marks};
use message::uidlist;

use super::manifest;
use super::source::{Item, Letter, Trouble, by_manifest, repaired};
use crate::control::mail::MAX_MESSAGE;

/// Longer lines come in pieces.
const PIECE: u64 = 1 << 20;

/// Reads an mbox.
pub(crate) struct MboxLetters {
    file: BufReader<File>,
    scanner: Option<Scanner>,
    place: String,
    /// The validity of the numbers that Dovecot has given the messages, once it was read.
    validity: Option<u32>,
    /// What the manifest says, by where each begins.
    listed: Option<HashMap<u64, manifest::Message>>,
}

impl MboxLetters {
    pub(super) fn open(
        path: &Path,
        place: String,
        kind: Kind,
        listed: Option<Vec<manifest::Message>>,
    ) -> io::Result<Self> {
        let by_offset = |listed: Vec<manifest::Message>| {
            let pairs = listed
                .into_iter()
                .map(|one| (one.offset.unwrap_or(u64::MAX), one));
            pairs.collect()
        };
        Ok(MboxLetters {
            file: BufReader::with_capacity(1 << 18, File::open(path)?),
            scanner: Some(Scanner::new(MAX_MESSAGE).of(kind)),
            place,
            validity: None,
            listed: listed.map(by_offset),
        })
    }

    pub(super) fn next(&mut self) -> Option<Item> {
        loop {
            match self.found() {
                Ok(Some(found)) if self.listed.is_none() && is_internal(&found.octets) => {
                    self.find_validity(&found);
                }
                Ok(Some(found)) => return Some(self.made(found)),
                Ok(None) => return self.missing(),
                Err(error) => {
                    self.scanner = None;
                    return Some(Item::Trouble(self.place.clone(), Trouble::Unreadable(error)));
                }
            }
        }
    }

    fn found(&mut self) -> io::Result<Option<Found>> {
        let mut line = Vec::new();
        while let Some(scanner) = &mut self.scanner {
            line.clear();
            (&mut self.file).take(PIECE).read_until(b'\n', &mut line)?;
            let found = match line.is_empty() {
                true => self.scanner.take().and_then(Scanner::finish),
                false => scanner.push(&line),
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn made(&mut self, found: Found) -> Item {
        let place = self.at(found.offset);
        let listed = self.listed.as_mut().map(|listed| listed.remove(&found.offset));
        if found.size > MAX_MESSAGE as u64 {
            return Item::Trouble(place, Trouble::TooLarge(found.size));
        }
        let id = self.id(&found);
        let (marks, mut octets) = take_marks(&found.octets);
        match listed {
            Some(Some(listed)) => {
                if is_one_line_end_longer(&octets, &listed) {
                    octets.pop();
                }
                by_manifest(place, octets, &listed)
            }
            Some(None) => Item::Trouble(place, Trouble::Unlisted),
            None => Item::Letter(Letter {
                place,
                octets: repaired(octets),
                received: found.received.map(|received| received.0),
                marks,
                id,
            }),
        }
    }

    /// What POP3 called a message: what Dovecot makes of the number that it has given it, or what qpopper has written.
    fn id(&mut self, found: &Found) -> Option<String> {
        self.find_validity(found);
        let uid = field(&found.octets, "X-UID").and_then(|value| value.parse().ok());
        match (uid, self.validity) {
            (Some(uid), Some(validity)) => Some(uidlist::computed(uid, validity)),
            _ => field(&found.octets, "X-UIDL").map(str::to_owned),
        }
    }

    /// It stands in the first message, whoever has made it.
    fn find_validity(&mut self, found: &Found) {
        if found.offset > 0 || self.listed.is_some() {
            return;
        }
        let value = field(&found.octets, "X-IMAPbase").or_else(|| field(&found.octets, "X-IMAP"));
        let validity = value.and_then(|value| value.split_ascii_whitespace().next());
        self.validity = validity.and_then(|validity| validity.parse().ok());
    }

    /// What the manifest says is there and has not been found.
    fn missing(&mut self) -> Option<Item> {
        let listed = self.listed.as_mut()?;
        let offset = listed.keys().copied().min()?;
        listed.remove(&offset);
        Some(Item::Trouble(self.at(offset), Trouble::Missing))
    }

    fn at(&self, offset: u64) -> String {
        format!("{}@{offset}", self.place)
    }
}

/// The value of a field that is one line.
fn field<'m>(message: &'m [u8], name: &str) -> Option<&'m str> {
    let lines = message.split(|octet| *octet == b'\n');
    let mut header = lines.take_while(|line| !line.trim_ascii().is_empty());
    let value = header.find_map(|line| {
        let (found, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":")?;
        found.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
    })?;
    std::str::from_utf8(value.trim_ascii()).ok()
}

/// Whether a message has a line end at its end that it got because an mbox wants one. In the file that is LF, and each other LF
/// stands for CRLF.
fn is_one_line_end_longer(octets: &[u8], listed: &manifest::Message) -> bool {
    let ends = octets.iter().filter(|octet| **octet == b'\n').count();
    let grows = match listed.as_is {
        true => 0,
        false => ends.saturating_sub(1),
    };
    octets.ends_with(b"\n") && (octets.len() - 1 + grows) as u64 == listed.size
}
