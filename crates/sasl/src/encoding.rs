//! What the text protocols put around a SASL message: base64, the cancel `*`, the empty initial response `=`.
//!
//! RFC 4954 §4 (SMTP), RFC 5034 §4 (POP3), RFC 3501 §6.2.2 and RFC 4959 §3 (IMAP).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Why a response cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The client gave the exchange up with `*`.
    #[error("the client gave up")]
    Cancelled,
    /// It is not base64.
    #[error("not base64")]
    NotBase64,
}

/// Reads a line that answers a challenge.
///
/// # Errors
/// When it is `*`, or not base64.
pub fn decode_response(line: &[u8]) -> Result<Vec<u8>, DecodeError> {
    if line == b"*" {
        return Err(DecodeError::Cancelled);
    }
    STANDARD.decode(line).map_err(|_| DecodeError::NotBase64)
}

/// Reads the response that stands in the command itself, where `=` is an empty one (RFC 4954 §4).
///
/// # Errors
/// When it is not base64.
pub fn decode_initial(argument: &[u8]) -> Result<Vec<u8>, DecodeError> {
    match argument {
        b"=" => Ok(Vec::new()),
        _ => STANDARD.decode(argument).map_err(|_| DecodeError::NotBase64),
    }
}

/// Prints a challenge or a response.
#[must_use]
pub fn encode(message: &[u8]) -> String {
    STANDARD.encode(message)
}

/// Prints an initial response, an empty one as `=`.
#[must_use]
pub fn encode_initial(message: &[u8]) -> String {
    match message {
        [] => "=".to_owned(),
        _ => STANDARD.encode(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_read() {
        assert_eq!(decode_response(b"AGEAYg=="), Ok(b"\0a\0b".to_vec()));
        assert_eq!(decode_response(b""), Ok(Vec::new()));
        assert_eq!(decode_response(b"*"), Err(DecodeError::Cancelled));
        assert_eq!(decode_response(b"AGEAYg"), Err(DecodeError::NotBase64));
        assert_eq!(decode_response(b"AGEAYg== "), Err(DecodeError::NotBase64));
        assert_eq!(decode_response(b"="), Err(DecodeError::NotBase64));
        assert_eq!(decode_initial(b"="), Ok(Vec::new()));
        assert_eq!(decode_initial(b"*"), Err(DecodeError::NotBase64));
        assert_eq!(encode_initial(b""), "=");
        assert_eq!(
            decode_initial(encode_initial(b"\0x").as_bytes()),
            Ok(b"\0x".to_vec())
        );
    }
}
