//! AUTH (RFC 4954 §4). The exchange itself is SASL's; here is only the line that begins it.

use std::fmt;

use super::Command;
use crate::Refusal;

/// The start of an exchange.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth {
    /// The mechanism, as the client wrote it.
    pub mechanism: Box<str>,
    /// The initial response, still in base64 (`=` is an empty one).
    pub initial: Option<Box<[u8]>>,
}

/// RFC 4422 §3.1: `sasl-mech = 1*20mech-char`.
const MAX_MECHANISM: usize = 20;
const FORM: Refusal = Refusal::Syntax("AUTH mechanism [initial response]");

pub(super) fn auth(arguments: &[u8]) -> Result<Command, Refusal> {
    let text = std::str::from_utf8(arguments).map_err(|_| FORM)?;
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let mechanism = words.next().ok_or(FORM)?;
    let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    if mechanism.len() > MAX_MECHANISM || !mechanism.bytes().all(allowed) {
        return Err(FORM);
    }
    let initial = words.next().map(|word| word.as_bytes().into());
    match words.next() {
        None => Ok(Command::Auth(Auth {
            mechanism: mechanism.into(),
            initial,
        })),
        Some(_) => Err(FORM),
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Auth({})", self.mechanism)
    }
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AUTH {}", self.mechanism)?;
        match &self.initial {
            Some(initial) => write!(f, " {}", String::from_utf8_lossy(initial)),
            None => Ok(()),
        }
    }
}
