//! BDAT: a chunk of a message, counted and not dotted (RFC 3030 §2).

use std::fmt;

use super::Command;
use crate::Refusal;

/// Whether more chunks follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// This one ends the message.
    Yes,
    /// More follow.
    No,
}

/// The announcement of a chunk: so many octets follow the line, whatever the answer will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bdat {
    /// How many octets follow.
    pub octets: u64,
    /// Whether it is the last.
    pub last: Last,
}

const FORM: Refusal = Refusal::ChunkSyntax;

pub(super) fn bdat(arguments: &[u8]) -> Result<Command, Refusal> {
    let text = std::str::from_utf8(arguments).map_err(|_| FORM)?;
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let octets = words.next().ok_or(FORM)?;
    if !octets.bytes().all(|c| c.is_ascii_digit()) {
        return Err(FORM);
    }
    let octets = octets.parse().map_err(|_| FORM)?;
    let last = match words.next() {
        None => Last::No,
        Some(word) if word.eq_ignore_ascii_case("LAST") => Last::Yes,
        Some(_) => return Err(FORM),
    };
    match words.next() {
        None => Ok(Command::Bdat(Bdat { octets, last })),
        Some(_) => Err(FORM),
    }
}

impl fmt::Display for Bdat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = match self.last {
            Last::Yes => " LAST",
            Last::No => "",
        };
        write!(f, "BDAT {}{last}", self.octets)
    }
}
