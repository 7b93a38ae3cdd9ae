//! Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3), or UTF-8, which is taken as well, and alone after ENABLE
//! UTF8=ACCEPT (RFC 6855 §3).

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use thiserror::Error;
use types::{MailboxName, MailboxNameError};

use super::cursor::{Cursor, ParseError};
use super::mode::Mode;
use super::print;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Why the name of a mailbox is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadName {
    /// Neither modified UTF-7 nor UTF-8.
    #[error("the name is neither modified UTF-7 nor UTF-8")]
    Encoding,
    /// A rule of ours.
    #[error(transparent)]
    Name(#[from] MailboxNameError),
}

/// `mailbox`, as the client wrote it. A name that cannot be is answered with NO and not with BAD, so it is looked at
/// when the command is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxArgument {
    /// Its octets.
    pub text: Bytes,
    /// How they are to be read.
    pub mode: Mode,
}

impl MailboxArgument {
    /// The name in UTF-8.
    ///
    /// # Errors
    /// The encoding is broken or the name breaks a rule.
    pub fn name(&self) -> Result<MailboxName, BadName> {
        let text = decode(&self.text, self.mode).ok_or(BadName::Encoding)?;
        Ok(MailboxName::check(&text)?)
    }

    /// Whether the client ended the name with a separator: it wants to create names below it (RFC 3501 §6.3.3).
    #[must_use]
    pub fn ends_with_separator(&self) -> bool {
        self.text.last() == Some(&b'/')
    }
}

impl From<&str> for MailboxArgument {
    fn from(name: &str) -> Self {
        let mut text = Vec::new();
        encode(&mut text, name);
        MailboxArgument {
            text: Bytes::from(text),
            mode: Mode::Ascii,
        }
    }
}

/// `mailbox = "INBOX" / astring`.
///
/// # Errors
/// No string is next.
pub fn mailbox(cursor: &mut Cursor<'_>) -> Result<MailboxArgument, ParseError> {
    Ok(MailboxArgument {
        text: cursor.astring("a mailbox name")?,
        mode: cursor.mode(),
    })
}

/// Prints an argument as it was given.
pub fn print_argument(out: &mut Vec<u8>, mailbox: &MailboxArgument) {
    print::astring(out, &mailbox.text);
}

/// Prints a mailbox name as the client reads it.
pub fn print_name(out: &mut Vec<u8>, name: &str, mode: Mode) {
    if mode == Mode::Utf8 {
        return print::astring_utf8(out, name);
    }
    let mut text = Vec::with_capacity(name.len());
    encode(&mut text, name);
    print::astring(out, &text);
}

/// Modified UTF-7, or UTF-8, to text. Who has enabled UTF-8 writes `&` for `&`.
#[must_use]
pub fn decode(bytes: &[u8], mode: Mode) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    if !text.is_ascii() || mode == Mode::Utf8 {
        return Some(text.to_owned());
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, shifted)) = rest.split_once('&') {
        decoded.push_str(plain);
        let (shifted, after) = shifted.split_once('-')?;
        if shifted.is_empty() {
            decoded.push('&');
        } else {
            decode_shifted(&mut decoded, shifted)?;
        }
        rest = after;
    }
    decoded.push_str(rest);
    Some(decoded)
}

fn decode_shifted(decoded: &mut String, shifted: &str) -> Option<()> {
    let octets = BASE64.decode(shifted).ok()?;
    let (units, odd) = octets.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    for unit in char::decode_utf16(units.iter().map(|pair| u16::from_be_bytes(*pair))) {
        // "US-ASCII characters MUST NOT be encoded" is a rule for the writer; a reader that is stricter than
        // others only hides mailboxes.
        decoded.push(unit.ok()?);
    }
    Some(())
}

/// Text to modified UTF-7.
pub fn encode(out: &mut Vec<u8>, text: &str) {
    let mut shifted: Vec<u8> = Vec::new();
    let mut units = [0u16; 2];
    for c in text.chars() {
        if !matches!(c, ' '..='~') {
            for unit in c.encode_utf16(&mut units) {
                shifted.extend_from_slice(&unit.to_be_bytes());
            }
            continue;
        }
        flush(out, &mut shifted);
        if c == '&' {
            out.extend_from_slice(b"&-");
        } else {
            out.extend(c.encode_utf8(&mut [0; 4]).bytes());
        }
    }
    flush(out, &mut shifted);
}

fn flush(out: &mut Vec<u8>, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        out.push(b'&');
        out.extend_from_slice(BASE64.encode(&shifted).as_bytes());
        out.push(b'-');
        shifted.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modified_utf_7_is_read_and_written() {
        let check = |wire: &str, text: &str| {
            assert_eq!(
                decode(wire.as_bytes(), Mode::Ascii).as_deref(),
                Some(text),
                "{wire}"
            );
            let mut out = Vec::new();
            encode(&mut out, text);
            assert_eq!(out, wire.as_bytes(), "{text}");
        };
        check("INBOX", "INBOX");
        check("R&-D", "R&D");
        check("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語");
        check("&2D3eAA-", "😀");
        check("&AOk-t&AOk-", "été");
        check("", "");
    }

    /// RFC 6855 §3: what is printed is read again as the same name.
    #[test]
    fn with_utf_8_enabled_names_are_what_they_look_like() {
        let check = |name: &str, wire: &str| {
            let mut out = Vec::new();
            print_name(&mut out, name, Mode::Utf8);
            assert_eq!(String::from_utf8(out).unwrap(), wire);
            assert_eq!(decode(name.as_bytes(), Mode::Utf8).as_deref(), Some(name));
        };
        check("工作/项目", "\"工作/项目\"");
        check("été \"x\\", "\"été \\\"x\\\\\"");
        check("R&D", "R&D");
        check("R&-D", "R&-D");
        check("&U,BTFw-", "&U,BTFw-");
        check("a b", "\"a b\"");
        check("", "\"\"");
        assert_eq!(decode(b"\xff", Mode::Utf8), None);
    }

    #[test]
    fn utf_8_is_read_and_what_is_broken_is_refused() {
        assert_eq!(
            decode("工作&x".as_bytes(), Mode::Ascii).as_deref(),
            Some("工作&x")
        );
        for wire in ["a&", "a&b", "&*-", "&2D0-", "&AA-", "&U,BTF2=-"] {
            assert_eq!(decode(wire.as_bytes(), Mode::Ascii), None, "{wire}");
        }
        assert_eq!(decode(b"\xff", Mode::Ascii), None);
    }
}
