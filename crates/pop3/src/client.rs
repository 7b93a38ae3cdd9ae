//! The client's side: status lines, capabilities and listings, read from lines without their ends.

use thiserror::Error;

/// A line that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Garbled {
    /// It begins with neither `+OK` nor `-ERR` (RFC 1939 §3).
    #[error("neither +OK nor -ERR")]
    NotStatus,
    /// It is no line of a listing (RFC 1939 §5 and §7).
    #[error("not a line of a listing")]
    NotListing,
}

/// What a server says to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// `+OK`, with what follows.
    Ok(String),
    /// `-ERR`.
    Error {
        /// The response code (RFC 2449 §8), such as `IN-USE` or `SYS/TEMP`.
        code: Option<String>,
        /// The words.
        text: String,
    },
    /// `+`: the challenge of an AUTH exchange, in base64 (RFC 5034 §4).
    Challenge(String),
}

impl Status {
    /// Reads a status line. Text that is not UTF-8 is read as far as it is.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(line: &[u8]) -> Result<Self, Garbled> {
        let line = String::from_utf8_lossy(line);
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        // RFC 1939 §3: in upper case; but some servers are not.
        if word.eq_ignore_ascii_case("+OK") {
            return Ok(Status::Ok(rest.trim().to_owned()));
        }
        if word == "+" {
            return Ok(Status::Challenge(rest.to_owned()));
        }
        if !word.eq_ignore_ascii_case("-ERR") {
            return Err(Garbled::NotStatus);
        }
        let inside = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        Ok(match inside {
            Some((code, text)) => Status::Error {
                code: Some(code.to_ascii_uppercase()),
                text: text.trim().to_owned(),
            },
            None => Status::Error {
                code: None,
                text: rest.trim().to_owned(),
            },
        })
    }
}

/// What a server can do, from its answer to CAPA (RFC 2449 §5), without the lone dot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    lines: Vec<String>,
}

impl Capabilities {
    /// Adds a line.
    pub fn push(&mut self, line: &[u8]) {
        self.lines.push(String::from_utf8_lossy(line).trim().to_owned());
    }

    /// The parameters of a capability, where the server has it.
    #[must_use]
    pub fn parameters(&self, name: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| {
            let (word, parameters) = line.split_once(' ').unwrap_or((line, ""));
            word.eq_ignore_ascii_case(name).then_some(parameters)
        })
    }

    /// Whether the server has a capability.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.parameters(name).is_some()
    }

    /// The names of the mechanisms of AUTH (RFC 5034 §3).
    pub fn mechanisms(&self) -> impl Iterator<Item = &str> {
        self.parameters("SASL")
            .unwrap_or_default()
            .split_ascii_whitespace()
    }

    /// Each line.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

/// Reads a line of LIST: a message number and its size in octets (RFC 1939 §5).
///
/// # Errors
/// When it is none.
pub fn listed_size(line: &[u8]) -> Result<(u32, u64), Garbled> {
    let (number, rest) = listed(line)?;
    let size = rest.split(' ').next().unwrap_or_default();
    Ok((number, size.parse().map_err(|_| Garbled::NotListing)?))
}

/// Reads a line of UIDL: a message number and its unique id, 1 to 70 characters of 0x21 to 0x7E (RFC 1939 §7). Longer ones, as some servers
/// have, are taken up to 255.
///
/// # Errors
/// When it is none.
pub fn listed_id(line: &[u8]) -> Result<(u32, &str), Garbled> {
    let (number, rest) = listed(line)?;
    let id = rest.trim_end();
    let fits = (1..=255).contains(&id.len()) && id.bytes().all(|octet| octet.is_ascii_graphic());
    fits.then_some((number, id)).ok_or(Garbled::NotListing)
}

fn listed(line: &[u8]) -> Result<(u32, &str), Garbled> {
    let line = std::str::from_utf8(line).map_err(|_| Garbled::NotListing)?;
    let (number, rest) = line.split_once(' ').ok_or(Garbled::NotListing)?;
    let number = number.parse().ok().filter(|number| *number > 0);
    Ok((number.ok_or(Garbled::NotListing)?, rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_read() {
        let check = |line: &str, status| assert_eq!(Status::parse(line.as_bytes()), status, "{line}");
        check("+OK 2 320", Ok(Status::Ok("2 320".to_owned())));
        check("+OK", Ok(Status::Ok(String::new())));
        check("+ok hi", Ok(Status::Ok("hi".to_owned())));
        check("+ dGVzdA==", Ok(Status::Challenge("dGVzdA==".to_owned())));
        check("+", Ok(Status::Challenge(String::new())));
        let error = |code: Option<&str>, text: &str| {
            Ok(Status::Error {
                code: code.map(str::to_owned),
                text: text.to_owned(),
            })
        };
        check("-ERR no", error(None, "no"));
        check("-ERR [in-use] locked", error(Some("IN-USE"), "locked"));
        check("-ERR [SYS/TEMP]", error(Some("SYS/TEMP"), ""));
        check("-ERR [broken", error(None, "[broken"));
        for line in ["", "OK", "* OK", "220 mx", "+OKAY"] {
            check(line, Err(Garbled::NotStatus));
        }
    }

    #[test]
    fn listings_are_read() {
        assert_eq!(listed_size(b"1 120"), Ok((1, 120)));
        assert_eq!(listed_size(b"2 200 octets"), Ok((2, 200)));
        assert_eq!(
            listed_id(b"1 whqtswO00WBw418f9t5JxYwZ"),
            Ok((1, "whqtswO00WBw418f9t5JxYwZ"))
        );
        assert_eq!(listed_id(b"4294967295 a"), Ok((u32::MAX, "a")));
        for line in [
            &b"0 1"[..],
            b"x 1",
            b"1",
            b"1 ",
            b"4294967296 1",
            b"\xff 1",
            b"1 \x01",
        ] {
            assert_eq!(listed_id(line), Err(Garbled::NotListing), "{line:?}");
            assert_eq!(listed_size(line), Err(Garbled::NotListing), "{line:?}");
        }
        assert_eq!(
            listed_id(format!("1 {}", "x".repeat(256)).as_bytes()),
            Err(Garbled::NotListing)
        );
    }

    #[test]
    fn capabilities_are_read() {
        let mut capabilities = Capabilities::default();
        for line in ["TOP", "sasl PLAIN SCRAM-SHA-256", "UTF8 USER"] {
            capabilities.push(line.as_bytes());
        }
        assert!(capabilities.has("top") && !capabilities.has("UIDL"));
        assert_eq!(
            capabilities.mechanisms().collect::<Vec<_>>(),
            ["PLAIN", "SCRAM-SHA-256"]
        );
        assert_eq!(capabilities.parameters("UTF8"), Some("USER"));
    }
}
