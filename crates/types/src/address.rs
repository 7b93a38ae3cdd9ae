//! Mail addresses: a local part, as it was written, and a domain, in one spelling.

use std::borrow::Cow;
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
    /// A label outside of ASCII that is no U-label (RFC 5890 §2.3.2.1).
    #[error("a label of the domain is no name that can be registered (IDNA)")]
    DomainLabel,
}

/// The domain of an address: lower case, no dot at the end. Labels outside of ASCII are U-labels, however they were
/// written, so that a domain and its A-label form are one (RFC 5890 §2.3.2.4, RFC 6531 §3.2).
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
        if domain.is_ascii() && !has_a_label(domain) {
            let domain = domain.strip_suffix('.').unwrap_or(domain);
            check_name(domain)?;
            return Ok(Domain(domain.to_ascii_lowercase().into()));
        }
        let (unicode, valid) = idna::domain_to_unicode(domain);
        let unicode = match valid {
            Ok(()) => unicode,
            // No label of this form can be registered, but old ones that only begin like one are.
            Err(_) if domain.is_ascii() => domain.to_ascii_lowercase(),
            Err(_) => return Err(AddressError::DomainLabel),
        };
        let unicode = unicode.strip_suffix('.').unwrap_or(&unicode);
        let ascii = match unicode.is_ascii() {
            true => unicode.to_owned(),
            false => idna::domain_to_ascii(unicode).map_err(|_| AddressError::DomainLabel)?,
        };
        // RFC 5890 §2.3.2.1: the limits of the DNS are those of the A-label.
        check_name(&ascii)?;
        Ok(Domain(unicode.into()))
    }

    /// The domain in ASCII: labels outside of it as A-labels (RFC 5890 §2.3.2.1). For all that may be read by
    /// somebody who does not know SMTPUTF8, and for the DNS.
    #[must_use]
    pub fn to_ascii(&self) -> Cow<'_, str> {
        match self.0.is_ascii() {
            true => Cow::Borrowed(&self.0),
            false => Cow::Owned(idna::domain_to_ascii(&self.0).expect("it was checked as a U-label")),
        }
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

/// Whether a label has the form of an A-label.
fn has_a_label(domain: &str) -> bool {
    let is_one = |label: &str| {
        label
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("xn--"))
    };
    domain.split('.').any(is_one)
}

/// The lengths and characters of a name in ASCII (RFC 1035 §2.3.1, and `_`).
fn check_name(domain: &str) -> Result<(), AddressError> {
    if domain.len() > MAX_DOMAIN || domain.split('.').any(|l| l.is_empty() || l.len() > MAX_LABEL) {
        return Err(AddressError::DomainLength);
    }
    let wrong = |c: &char| !c.is_ascii_alphanumeric() && !"-._".contains(*c);
    if let Some(c) = domain.chars().find(wrong) {
        return Err(AddressError::DomainCharacter(c));
    }
    match domain
        .split('.')
        .any(|label| label.starts_with('-') || label.ends_with('-'))
    {
        true => Err(AddressError::DomainCharacter('-')),
        false => Ok(()),
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

impl Address {
    /// The address in ASCII, its domain with A-labels; `None` where its local part has no such form (RFC 6530 §4.2).
    #[must_use]
    pub fn to_ascii(&self) -> Option<String> {
        let local = self.local.as_str().is_ascii();
        local.then(|| format!("{}@{}", self.local, self.domain.to_ascii()))
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
        check("a@例 子", Err(AddressError::DomainCharacter(' ')));
        check("a@例子＠中国", Err(AddressError::DomainCharacter('@')));
        check("a@\u{200d}.中国", Err(AddressError::DomainLabel));
        check(
            &format!("{}@b", "x".repeat(64)),
            Ok(&format!("{}@b", "x".repeat(64))),
        );
        check(
            &format!("{}@b", "x".repeat(65)),
            Err(AddressError::LocalPartLength),
        );
    }

    /// RFC 5890 §2.3.2.4: U-label and A-label are equivalent, and so are the spellings that become one U-label.
    #[test]
    fn a_domain_and_its_a_labels_are_one() {
        let check = |text: &str, unicode: &str, ascii: &str| {
            let domain = Domain::check(text).unwrap();
            assert_eq!(
                (domain.as_str(), &*domain.to_ascii()),
                (unicode, ascii),
                "{text:?}"
            );
            assert_eq!(Domain::check(unicode).unwrap(), domain);
            assert_eq!(Domain::check(ascii).unwrap(), domain);
        };
        check("例子.中国", "例子.中国", "xn--fsqu00a.xn--fiqs8s");
        check("XN--FSQU00A.xn--fiqs8s.", "例子.中国", "xn--fsqu00a.xn--fiqs8s");
        check("例子。中国", "例子.中国", "xn--fsqu00a.xn--fiqs8s");
        check("BU\u{308}CHER.example", "bücher.example", "xn--bcher-kva.example");
        check("straße.example", "straße.example", "xn--strae-oqa.example");
        // Not a punycode of anything: a name like others.
        check("xn--a.example", "xn--a.example", "xn--a.example");
        let long = "例".repeat(60);
        assert_eq!(Domain::check(&long), Err(AddressError::DomainLength));
        let address = |text: &str| Address::parse(text).unwrap().to_ascii();
        assert_eq!(
            address("a@例子.中国").as_deref(),
            Some("a@xn--fsqu00a.xn--fiqs8s")
        );
        assert_eq!(address("张三@example.org"), None);
    }

    #[test]
    fn a_tag_is_not_part_of_the_name() {
        let base = |s: &str| LocalPart::check(s).unwrap().without_tag().to_owned();
        assert_eq!(base("alice+lists+x"), "alice");
        assert_eq!(base("+odd"), "+odd");
    }
}
