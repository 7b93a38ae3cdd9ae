//! A message on its way out: octets that are there, or a stream of them.

use ::smtp::client::BodyType;
use memchr::memmem;
use message::compose::Composed;
use tokio::io::AsyncRead;

use super::envelope::Needs;
use crate::Files;

/// The octets of a message, header first, lines ending with CRLF.
pub enum Content<'a> {
    /// All of them. What they need of the server is seen by looking.
    Octets(&'a [u8]),
    /// A stream: at most a buffer of it is in memory.
    Stream {
        /// Where they come from.
        reader: &'a mut (dyn AsyncRead + Send + Unpin),
        /// Their number, where it is known. A stream that ends earlier or later is a failure, and nothing is delivered.
        size: Option<u64>,
        /// What kind of body it is.
        body: BodyType,
        /// Whether its header has UTF-8 in it.
        utf8: bool,
    },
    /// A composed mail, whose files are read while it goes.
    Composed {
        /// The mail.
        composed: &'a Composed<'a>,
        /// Its files.
        files: &'a Files,
        /// Whether its header has UTF-8 in it.
        utf8: bool,
    },
}

impl<'a> From<&'a [u8]> for Content<'a> {
    fn from(octets: &'a [u8]) -> Self {
        Content::Octets(octets)
    }
}

impl<'a> From<&'a Vec<u8>> for Content<'a> {
    fn from(octets: &'a Vec<u8>) -> Self {
        Content::Octets(octets)
    }
}

impl Content<'_> {
    pub(super) fn needs(&self) -> Needs {
        match self {
            Content::Octets(octets) => needs(octets),
            Content::Stream { size, body, utf8, .. } => Needs {
                body: *body,
                utf8: *utf8,
                size: *size,
            },
            // Composed for every way: seven bits.
            Content::Composed { composed, utf8, .. } => Needs {
                body: BodyType::SevenBit,
                utf8: *utf8,
                size: composed.size(),
            },
        }
    }
}

fn needs(octets: &[u8]) -> Needs {
    let end = memmem::find(octets, b"\r\n\r\n").unwrap_or(octets.len());
    let header = octets.get(..end).unwrap_or_default();
    let body = match octets.is_ascii() {
        true => BodyType::SevenBit,
        false => BodyType::EightBit,
    };
    Needs {
        body,
        // A header in another charset, as old programs write it, is not what SMTPUTF8 is for (RFC 6532 §3).
        utf8: !header.is_ascii() && std::str::from_utf8(header).is_ok(),
        size: u64::try_from(octets.len()).ok(),
    }
}
