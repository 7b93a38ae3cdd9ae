//! Mail addresses: a local part, as it was written, and a domain, in one spelling.

use std::fmt;

use thiserror::Error;

/// RFC 5321 §4.5.3.1.1.
const MAX_LOCAL_PART: usize = 64;
/// RFC 5321 §4.5.3.1.2.
const MAX_DOMAIN: usize = 255;
/// RFC 1035 §2.3.4: one label.
const MAX_LABEL: usize = 63;

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// There is no `@`.
    #[error("an address has the form name@domain")]
    NoAt,
    /// The part before the `@` is empty or over 64 octets.
    #[error("the part before the @ needs 1 to {MAX_LOCAL_PART} octets")]
    LocalPartLength,
    /// A character that a local part may not hold, or a dot in a wrong place.
    #[error("the part before the @ may not hold {0:?} there")]
    LocalPartCharacter(char),
    /// The domain, or a label of it, is empty or too long.
    #[error("a domain has at most {MAX_DOMAIN} octets in labels of 1 to {MAX_LABEL}")]
    DomainLength,
    /// A character that a domain may not hold.
    #[error("a domain may not hold {0:?} there")]
    DomainCharacter(char),
}

/// The domain of an address: lower case, no dot at the end. Labels may be UTF-8 (RFC 6531 §3.3, `U-label`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Box<str>);

impl Domain {
    /// Checks a domain name or an address literal in brackets (RFC 5321 §4.1.2).
    ///
    /// # Errors
    /// Says which rule it breaks.
    pub fn check(domain: &str) -> Result<Self, AddressError> {
        if let Some(literal) = domain.strip_prefix('[') {
            return Self::check_literal(domain, literal);
        }
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        if domain.len() > MAX_DOMAIN || domain.split('.').any(|l| l.is_empty() || l.len() > MAX_LABEL) {
            return Err(AddressError::DomainLength);
        }
        let wrong = |c: &char| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-._".contains(*c);
        if let Some(c) = domain
            .chars()
            .find(|c| wrong(c) || c.is_control() || c.is_whitespace())
        {
            return Err(AddressError::DomainCharacter(c));
        }
        if domain
            .split('.')
            .any(|label| label.starts_with('-') || label.ends_with('-'))
        {
            return Err(AddressError::DomainCharacter('-'));
        }
        Ok(Domain(domain.to_lowercase().into()))
    }

    fn check_literal(whole: &str, literal: &str) -> Result<Self, AddressError> {
        let inner = literal
            .strip_suffix(']')
            .ok_or(AddressError::DomainCharacter('['))?;
        if inner.is_empty() || inner.len() > MAX_DOMAIN {
            return Err(AddressError::DomainLength);
        }
        match inner
            .chars()
            .find(|c| !c.is_ascii_alphanumeric() && !".:-".contains(*c))
        {
            Some(c) => Err(AddressError::DomainCharacter(c)),
            None => Ok(Domain(whole.to_lowercase().into())),
        }
    }

    /// The domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of an address before the `@`, unquoted, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalPart(Box<str>);

impl LocalPart {
    /// Checks a local part in its unquoted form. What RFC 5321 §4.1.2 allows only in a `Quoted-string`
    /// (spaces, specials) is allowed here; control characters are not.
    ///
    /// # Errors
    /// Says which rule it breaks.
    pub fn check(local: &str) -> Result<Self, AddressError> {
        if local.is_empty() || local.len() > MAX_LOCAL_PART {
            return Err(AddressError::LocalPartLength);
        }
        match local.chars().find(|c| c.is_control()) {
            Some(c) => Err(AddressError::LocalPartCharacter(c)),
            None => Ok(LocalPart(local.into())),
        }
    }

    /// The local part, unquoted.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The local part without its tag: `alice+lists` is delivered to `alice` (RFC 5233 §1).
    #[must_use]
    pub fn without_tag(&self) -> &str {
        match self.0.split_once('+') {
            Some((base, _)) if !base.is_empty() => base,
            _ => &self.0,
        }
    }

    /// Whether it stands without quotes: `Dot-string` of RFC 5321 §4.1.2 with the UTF-8 of RFC 6531 §3.3.
    fn is_dot_string(&self) -> bool {
        let atext = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        self.0
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(atext))
    }
}

impl fmt::Display for LocalPart {
    /// Prints the form of a path, with quotes where RFC 5321 §4.1.2 wants them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_dot_string() {
            return f.write_str(&self.0);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            if c == '"' || c == '\\' {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

/// A mail address (RFC 5321 §4.1.2, `Mailbox`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// Before the `@`.
    pub local: LocalPart,
    /// After the `@`.
    pub domain: Domain,
}

impl Address {
    /// Reads `name@domain` or `"quoted name"@domain`.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(quoted) = text.strip_prefix('"') {
            return Self::parse_quoted(quoted);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
        let local = LocalPart::check(local)?;
        if !local.is_dot_string() {
            let wrong = local
                .as_str()
                .chars()
                .find(|c| " \"(),:;<>@[\\]".contains(*c))
                .unwrap_or('.');
            return Err(AddressError::LocalPartCharacter(wrong));
        }
        Ok(Address {
            local,
            domain: Domain::check(domain)?,
        })
    }

    fn parse_quoted(quoted: &str) -> Result<Self, AddressError> {
        let mut local = String::new();
        let mut rest = quoted.chars();
        loop {
            match rest.next().ok_or(AddressError::LocalPartCharacter('"'))? {
                '"' => break,
                '\\' => local.push(rest.next().ok_or(AddressError::LocalPartCharacter('\\'))?),
                c => local.push(c),
            }
        }
        let domain = rest.as_str().strip_prefix('@').ok_or(AddressError::NoAt)?;
        Ok(Address {
            local: LocalPart::check(&local)?,
            domain: Domain::check(domain)?,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_parse_and_print() {
        let check = |text: &str, wanted: Result<&str, AddressError>| {
            let got = Address::parse(text).map(|a| a.to_string());
            assert_eq!(got.as_deref().map_err(|e| *e), wanted, "{text:?}");
        };
        check("Alice+tag@Example.ORG", Ok("Alice+tag@example.org"));
        check("张三@例子.中国", Ok("张三@例子.中国"));
        check("\"a b\"@example.org", Ok("\"a b\"@example.org"));
        check("\"a\\\"b\"@example.org", Ok("\"a\\\"b\"@example.org"));
        check("\"plain\"@example.org", Ok("plain@example.org"));
        check("a@[127.0.0.1]", Ok("a@[127.0.0.1]"));
        check("alice", Err(AddressError::NoAt));
        check("@example.org", Err(AddressError::LocalPartLength));
        check("a..b@example.org", Err(AddressError::LocalPartCharacter('.')));
        check("a b@example.org", Err(AddressError::LocalPartCharacter(' ')));
        check("a@", Err(AddressError::DomainLength));
        check("a@b..c", Err(AddressError::DomainLength));
        check("a@-b", Err(AddressError::DomainCharacter('-')));
        check("a@b c", Err(AddressError::DomainCharacter(' ')));
        check(
            &format!("{}@b", "x".repeat(64)),
            Ok(&format!("{}@b", "x".repeat(64))),
        );
        check(
            &format!("{}@b", "x".repeat(65)),
            Err(AddressError::LocalPartLength),
        );
    }

    #[test]
    fn a_tag_is_not_part_of_the_name() {
        let base = |s: &str| LocalPart::check(s).unwrap().without_tag().to_owned();
        assert_eq!(base("alice+lists+x"), "alice");
        assert_eq!(base("+odd"), "+odd");
    }
}
