//! Paths: `<address>`, the empty one, and `<postmaster>` (RFC 5321 §4.1.2).

use std::fmt;

use types::{Address, AddressError};

use super::mail::Letters;
use crate::Refusal;

/// Where a message comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReversePath {
    /// `<>`: a notice that must not cause another (RFC 5321 §4.5.5).
    Null,
    /// An address.
    Address(Address),
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardPath {
    /// `<postmaster>` without a domain, in any case (RFC 5321 §4.5.1).
    Postmaster,
    /// An address.
    Address(Address),
}

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathError {
    NoPath,
    Address,
}

impl PathError {
    /// The refusal, where `address` is the one for an address that cannot be read.
    pub(super) fn refusal(self, form: &'static str, address: Refusal) -> Refusal {
        match self {
            PathError::NoPath => Refusal::Syntax(form),
            PathError::Address => address,
        }
    }
}

impl From<AddressError> for PathError {
    fn from(_: AddressError) -> Self {
        PathError::Address
    }
}

/// Splits a path off the front of `text`: what is between the brackets, and what follows.
///
/// DEVIATION RFC 5321 §4.1.1.2: the brackets may be missing, as people leave them out who type by hand.
pub(super) fn split_path(text: &[u8]) -> Result<(&str, &[u8]), PathError> {
    if text.is_empty() {
        return Err(PathError::NoPath);
    }
    let (inside, rest) = match text.strip_prefix(b"<") {
        Some(open) => {
            let end = closing(open).ok_or(PathError::Address)?;
            let (inside, rest) = open.split_at(end);
            (inside, rest.get(1..).unwrap_or_default())
        }
        None => text.split_at(text.iter().position(|c| *c == b' ').unwrap_or(text.len())),
    };
    if !matches!(rest.first(), None | Some(b' ')) {
        return Err(PathError::Address);
    }
    let inside = std::str::from_utf8(inside).map_err(|_| PathError::Address)?;
    Ok((without_route(inside), rest))
}

/// Where the `>` is that is not inside of a quoted string.
fn closing(text: &[u8]) -> Option<usize> {
    let mut octets = text.iter().enumerate();
    let mut quoted = false;
    while let Some((at, octet)) = octets.next() {
        match octet {
            b'"' => quoted = !quoted,
            b'\\' if quoted => {
                octets.next();
            }
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// RFC 5321 §4.1.1.3 and appendix C: a source route is read and ignored.
fn without_route(path: &str) -> &str {
    match path.split_once(':') {
        Some((route, address)) if route.starts_with('@') => address,
        _ => path,
    }
}

impl ReversePath {
    pub(super) fn parse(inside: &str) -> Result<Self, PathError> {
        match inside {
            "" => Ok(ReversePath::Null),
            address => Ok(ReversePath::Address(Address::parse(address)?)),
        }
    }

    /// The address, where there is one.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        match self {
            ReversePath::Null => None,
            ReversePath::Address(address) => Some(address),
        }
    }
}

impl ForwardPath {
    pub(super) fn parse(inside: &str) -> Result<Self, PathError> {
        if inside.eq_ignore_ascii_case("postmaster") {
            return Ok(ForwardPath::Postmaster);
        }
        Ok(ForwardPath::Address(Address::parse(inside)?))
    }
}

/// A path in the letters that may be used: without UTF-8, domains are A-labels.
pub(crate) struct Written<P>(pub(crate) P, pub(crate) Letters);

impl fmt::Display for Written<&Address> {
    /// A local part outside of ASCII stays as it is: without UTF-8 nobody can have written it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Written(address, letters) = self;
        match letters {
            Letters::Ascii => write!(f, "<{}@{}>", address.local, address.domain.to_ascii()),
            Letters::Utf8 => write!(f, "<{address}>"),
        }
    }
}

impl fmt::Display for Written<&ReversePath> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ReversePath::Null => f.write_str("<>"),
            ReversePath::Address(address) => write!(f, "{}", Written(address, self.1)),
        }
    }
}

impl fmt::Display for Written<&ForwardPath> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ForwardPath::Postmaster => f.write_str("<postmaster>"),
            ForwardPath::Address(address) => write!(f, "{}", Written(address, self.1)),
        }
    }
}
