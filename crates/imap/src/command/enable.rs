//! ENABLE (RFC 5161 §3.1): which extensions the client wants to be spoken to in.

use bytes::Bytes;

use crate::grammar::cursor::{Cursor, ParseError};
use crate::grammar::print;

/// More words than there are extensions.
const MAX_WORDS: usize = 100;

/// `ENABLE capability …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enable {
    /// The capabilities, as the client wrote them.
    pub capabilities: Vec<Bytes>,
}

/// What is enabled to have UTF-8 in quoted strings, mailbox names and header fields (RFC 6855 §3).
pub const UTF8_ACCEPT: &str = "UTF8=ACCEPT";

impl Enable {
    /// Whether a capability is asked for, in any case.
    #[must_use]
    pub fn asks_for(&self, capability: &str) -> bool {
        let wanted = capability.as_bytes();
        self.capabilities
            .iter()
            .any(|word| word.eq_ignore_ascii_case(wanted))
    }
}

/// `enable = "ENABLE" 1*(SP capability)`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Enable, ParseError> {
    cursor.space()?;
    let before = cursor.clone();
    let capabilities = cursor.items(|cursor| cursor.atom("a capability"))?;
    if capabilities.len() > MAX_WORDS {
        return Err(before.wanted("at most 100 capabilities"));
    }
    Ok(Enable { capabilities })
}

pub(super) fn print(out: &mut Vec<u8>, enable: &Enable) {
    out.extend_from_slice(b"ENABLE ");
    print::spaced(out, &enable.capabilities, |out, word| out.extend_from_slice(word));
}
