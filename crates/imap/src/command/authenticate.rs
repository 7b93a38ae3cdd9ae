//! AUTHENTICATE (RFC 3501 §6.2.2), with the initial response of RFC 4959 where a client sends one unasked.

use std::fmt;

use bytes::Bytes;

use crate::grammar::cursor::{Cursor, ParseError};

/// `AUTHENTICATE mechanism [initial-response]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// The SASL mechanism, as the client wrote it.
    pub mechanism: Bytes,
    /// The first answer in base64, `=` for an empty one; never printed by `{:?}`.
    pub initial: Option<Bytes>,
}

impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate")
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')
}

/// `authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp]`.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Authenticate, ParseError> {
    cursor.space()?;
    let mechanism = cursor.atom("a SASL mechanism")?;
    let initial = if cursor.is_at_end() {
        None
    } else {
        cursor.space()?;
        Some(cursor.run(is_base64, "base64")?)
    };
    Ok(Authenticate { mechanism, initial })
}

pub(super) fn print(out: &mut Vec<u8>, authenticate: &Authenticate) {
    out.extend_from_slice(b"AUTHENTICATE ");
    out.extend_from_slice(&authenticate.mechanism);
    if let Some(initial) = &authenticate.initial {
        out.push(b' ');
        out.extend_from_slice(initial);
    }
}
