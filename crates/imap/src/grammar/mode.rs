//! Whether a client has enabled `UTF8=ACCEPT` (RFC 6855 §3), which changes how mailbox names and messages are written.

/// How a client is spoken to, and speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// RFC 3501 alone: mailbox names in modified UTF-7, header fields in ASCII.
    #[default]
    Ascii,
    /// Mailbox names, quoted strings and header fields in UTF-8.
    Utf8,
}
