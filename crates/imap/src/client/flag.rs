//! Flags as servers name them: those of RFC 9051 §2.3.2, `\Recent`, keywords, and what only one server knows.

use types::SystemKeyword;

use super::reader::{Reader, text};
use crate::grammar::cursor::ParseError;
use crate::grammar::flag::system_name;

/// A flag of a message or a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerFlag {
    /// One of the five with a meaning.
    System(SystemKeyword),
    /// `\Recent` (RFC 3501 §2.3.2).
    Recent,
    /// `\*`: keywords can be made (RFC 9051 §7.1, PERMANENTFLAGS).
    NewKeywords,
    /// A keyword, or with its backslash a flag that is not known here.
    Other(Box<str>),
}

impl ServerFlag {
    /// How it is written.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            ServerFlag::System(keyword) => system_name(*keyword),
            ServerFlag::Recent => "\\Recent",
            ServerFlag::NewKeywords => "\\*",
            ServerFlag::Other(name) => name,
        }
    }
}

impl From<&[u8]> for ServerFlag {
    fn from(name: &[u8]) -> Self {
        let is = |other: &str| other.as_bytes().eq_ignore_ascii_case(name);
        if let Some(keyword) = SystemKeyword::ALL
            .into_iter()
            .find(|keyword| is(system_name(*keyword)))
        {
            return ServerFlag::System(keyword);
        }
        match name {
            b"\\*" => ServerFlag::NewKeywords,
            name if name.eq_ignore_ascii_case(b"\\Recent") => ServerFlag::Recent,
            name => ServerFlag::Other(text(name)),
        }
    }
}

impl From<SystemKeyword> for ServerFlag {
    fn from(keyword: SystemKeyword) -> Self {
        ServerFlag::System(keyword)
    }
}

/// A list of flags.
pub(super) fn flags(reader: &mut Reader<'_>) -> Result<Vec<ServerFlag>, ParseError> {
    Ok(reader
        .strings()?
        .iter()
        .map(|name| ServerFlag::from(name.as_ref()))
        .collect())
}
