//! Why something cannot be composed: refusals are values.

use thiserror::Error;
use types::Address;

use crate::structure::MAX_PARTS;

/// Why a message cannot be written in the form that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The local part of this address is not ASCII: only a server with SMTPUTF8 can be given the message (RFC 6530 §4.2).
    #[error("mail to or from {0} needs a server that knows SMTPUTF8")]
    NeedsUtf8(Address),
    /// There are more parts than programs (ours too) read.
    #[error("a message has at most {MAX_PARTS} parts")]
    TooManyParts,
}

/// Why a word is refused where a message wants one of a certain form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WordError {
    /// An id is not of the form `left@right` (RFC 5322 §3.6.4).
    #[error("an id has the form left@right, in ASCII and without blanks")]
    Id,
    /// A name of a header field has other characters than visible ASCII, or a colon, or is too long (RFC 5322 §3.6.8).
    #[error("a field's name is visible ASCII without a colon")]
    FieldName,
    /// A field that is written from what the message says of itself, or that only servers write.
    #[error("this field is written by itself")]
    OwnedField,
    /// Not of the form `type/subtype` (RFC 2045 §5.1).
    #[error("a media type has the form type/subtype")]
    MediaType,
    /// A type whose content is parts or a message.
    #[error("parts and messages are no attachments: they are composed")]
    Composite,
    /// Not a URI in visible ASCII (RFC 3986 §2).
    #[error("this is not a URI, or not of a scheme that may stand here")]
    Uri,
}
