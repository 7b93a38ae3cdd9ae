//! MAIL and RCPT with their parameters (RFC 5321 §4.1.1.2 and §4.1.1.3).

use std::fmt;

use super::Command;
use super::path::{ForwardPath, PathError, ReversePath, Written, split_path};
use crate::Refusal;

/// What the body of the message is declared to hold (RFC 6152 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Only ASCII.
    SevenBit,
    /// Any octets, in lines.
    EightBitMime,
}

/// The start of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Where notices about the message go.
    pub from: ReversePath,
    /// How large the message will be (RFC 1870 §5): what does not fit is larger than any limit.
    pub size: Option<u64>,
    /// What its body holds.
    pub body: Option<Body>,
    /// Who submitted it, where the client knows (RFC 4954 §5). Read, and not believed.
    pub submitter: Option<Box<str>>,
    /// What addresses and header fields may be written in.
    pub letters: Letters,
}

/// What addresses and header fields may be written in (RFC 6531 §3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Letters {
    /// ASCII.
    #[default]
    Ascii,
    /// UTF-8: the client has said `SMTPUTF8`.
    Utf8,
}

/// A recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rcpt {
    /// Where the message goes.
    pub path: ForwardPath,
    /// What it was written in.
    pub letters: Letters,
}

const MAIL_FORM: &str = "MAIL FROM:<address> [parameters]";
const RCPT_FORM: &str = "RCPT TO:<address>";

pub(super) fn mail(arguments: &[u8]) -> Result<Command, Refusal> {
    let wrong = |error: PathError| error.refusal(MAIL_FORM, Refusal::SenderSyntax);
    let path = after_keyword(arguments, b"FROM:").ok_or(Refusal::Syntax(MAIL_FORM))?;
    let (inside, rest) = split_path(path).map_err(wrong)?;
    let mut mail = Mail {
        from: ReversePath::parse(inside).map_err(wrong)?,
        size: None,
        body: None,
        submitter: None,
        letters: Letters::Ascii,
    };
    for parameter in parameters(rest) {
        mail.set(parameter)?;
    }
    if mail.letters < Letters::of(inside) {
        return Err(Refusal::SenderNotAscii);
    }
    Ok(Command::Mail(mail))
}

pub(super) fn rcpt(arguments: &[u8]) -> Result<Command, Refusal> {
    let wrong = |error: PathError| error.refusal(RCPT_FORM, Refusal::RecipientSyntax);
    let path = after_keyword(arguments, b"TO:").ok_or(Refusal::Syntax(RCPT_FORM))?;
    let (inside, rest) = split_path(path).map_err(wrong)?;
    let path = ForwardPath::parse(inside).map_err(wrong)?;
    let letters = Letters::of(inside);
    match parameters(rest).next() {
        None => Ok(Command::Rcpt(Rcpt { path, letters })),
        Some(_) => Err(Refusal::UnknownParameter),
    }
}

/// What stands after `FROM:` or `TO:`. Spaces after the colon are wrong (RFC 5321 §3.3) and common.
fn after_keyword<'a>(arguments: &'a [u8], keyword: &[u8]) -> Option<&'a [u8]> {
    let (front, path) = arguments.split_at_checked(keyword.len())?;
    front
        .eq_ignore_ascii_case(keyword)
        .then(|| path.trim_ascii_start())
}

fn parameters(rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    rest.split(|c| *c == b' ')
        .filter(|parameter| !parameter.is_empty())
}

impl Letters {
    /// What a text needs.
    fn of(text: &str) -> Self {
        match text.is_ascii() {
            true => Letters::Ascii,
            false => Letters::Utf8,
        }
    }
}

impl Mail {
    /// RFC 5321 §4.1.2: `esmtp-keyword ["=" esmtp-value]`; a keyword comes once.
    fn set(&mut self, parameter: &[u8]) -> Result<(), Refusal> {
        let text = std::str::from_utf8(parameter).map_err(|_| Refusal::UnknownParameter)?;
        let (keyword, value) = text.split_once('=').unwrap_or((text, ""));
        let twice = match keyword.to_ascii_uppercase().as_str() {
            "SIZE" => self.size.replace(size(value)?).is_some(),
            "BODY" => self.body.replace(body(value)?).is_some(),
            "AUTH" => self.submitter.replace(xtext(value)?).is_some(),
            // RFC 6531 §3.4: it does not take a value.
            "SMTPUTF8" if text.contains('=') => return Err(Refusal::Syntax("SMTPUTF8")),
            "SMTPUTF8" => std::mem::replace(&mut self.letters, Letters::Utf8) == Letters::Utf8,
            _ => return Err(Refusal::UnknownParameter),
        };
        match twice {
            true => Err(Refusal::Syntax("a parameter comes only once")),
            false => Ok(()),
        }
    }
}

/// RFC 1870 §4: `1*20DIGIT`.
fn size(value: &str) -> Result<u64, Refusal> {
    if value.is_empty() || value.len() > 20 || !value.bytes().all(|c| c.is_ascii_digit()) {
        return Err(Refusal::Syntax("SIZE=number"));
    }
    Ok(value.parse().unwrap_or(u64::MAX))
}

/// RFC 6152 §2. `BINARYMIME` is RFC 3030 §3's, and not announced.
fn body(value: &str) -> Result<Body, Refusal> {
    match value.to_ascii_uppercase().as_str() {
        "7BIT" => Ok(Body::SevenBit),
        "8BITMIME" => Ok(Body::EightBitMime),
        _ => Err(Refusal::UnknownParameter),
    }
}

/// RFC 3461 §4: `xtext = *( xchar / hexchar )`.
fn xtext(value: &str) -> Result<Box<str>, Refusal> {
    const WRONG: Refusal = Refusal::Syntax("AUTH=address or AUTH=<>");
    let mut decoded = Vec::with_capacity(value.len());
    let mut octets = value.bytes();
    while let Some(octet) = octets.next() {
        match octet {
            b'+' => {
                let digit = |c: Option<u8>| c.and_then(|c| char::from(c).to_digit(16)).ok_or(WRONG);
                let code = digit(octets.next())? * 16 + digit(octets.next())?;
                decoded.push(u8::try_from(code).map_err(|_| WRONG)?);
            }
            b'!'..=b'~' if octet != b'=' => decoded.push(octet),
            _ => return Err(WRONG),
        }
    }
    match String::from_utf8(decoded) {
        Ok(text) if !text.is_empty() => Ok(text.into()),
        _ => Err(WRONG),
    }
}

impl fmt::Display for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MAIL FROM:{}", Written(&self.from, self.letters))?;
        if let Some(size) = self.size {
            write!(f, " SIZE={size}")?;
        }
        match self.body {
            Some(Body::SevenBit) => f.write_str(" BODY=7BIT")?,
            Some(Body::EightBitMime) => f.write_str(" BODY=8BITMIME")?,
            None => {}
        }
        if self.letters == Letters::Utf8 {
            f.write_str(" SMTPUTF8")?;
        }
        let Some(submitter) = &self.submitter else {
            return Ok(());
        };
        f.write_str(" AUTH=")?;
        for octet in submitter.bytes() {
            match octet {
                b'!'..=b'~' if octet != b'=' && octet != b'+' => write!(f, "{}", char::from(octet))?,
                _ => write!(f, "+{octet:02X}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Rcpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RCPT TO:{}", Written(&self.path, self.letters))
    }
}
