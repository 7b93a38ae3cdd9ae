//! A mailbox of a person (RFC 5322 §3.4): an address, and a display name in any script.

use std::str::FromStr;

use types::{Address, AddressError};

use super::field::one_line;
use crate::address::{AddressItem, parse_addresses, quoted};

/// An address with a name or without.
///
/// ```
/// use posthouse_message::compose::Mailbox;
///
/// let mailbox: Mailbox = "张三 <zhang@example.org>".parse().unwrap();
/// assert_eq!(mailbox.name(), Some("张三"));
/// assert_eq!(mailbox.address().to_string(), "zhang@example.org");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    name: Option<String>,
    address: Address,
}

impl Mailbox {
    /// An address without a name.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Mailbox { name: None, address }
    }

    /// An address with a name. Line ends and other control characters in it become blanks, and blanks one.
    #[must_use]
    pub fn named(name: &str, address: Address) -> Self {
        let name = one_line(name);
        let words: Vec<&str> = name.split(' ').filter(|word| !word.is_empty()).collect();
        let name = words.join(" ");
        Mailbox {
            name: (!name.is_empty()).then_some(name),
            address,
        }
    }

    /// Reads `address`, `name <address>` or `"name" <address>`, as people type it.
    ///
    /// # Errors
    /// When there is not one address in it, or one that breaks a rule.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        match parse_addresses(text.as_bytes()).as_slice() {
            [item @ AddressItem::Address { .. }] => Self::of(item),
            _ => Err(AddressError::NoAt),
        }
    }

    /// What a field says, if it is an address that mail can be sent to.
    ///
    /// # Errors
    /// Says which rule it breaks.
    pub fn of(item: &AddressItem) -> Result<Self, AddressError> {
        let AddressItem::Address { mailbox, host, .. } = item else {
            return Err(AddressError::NoAt);
        };
        let (mailbox, host) = (String::from_utf8_lossy(mailbox), String::from_utf8_lossy(host));
        if host.is_empty() {
            return Err(AddressError::NoAt);
        }
        let address = Address::parse(&format!("{}@{host}", quoted(&mailbox)))?;
        Ok(match item.display_name() {
            Some(name) => Mailbox::named(&name, address),
            None => Mailbox::new(address),
        })
    }

    /// The name for people.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The name, or the address where there is none.
    #[must_use]
    pub fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.address.to_string())
    }
}

impl FromStr for Mailbox {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Mailbox::parse(text)
    }
}

impl From<Address> for Mailbox {
    fn from(address: Address) -> Self {
        Mailbox::new(address)
    }
}
