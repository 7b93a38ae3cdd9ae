//! Fields of addresses (RFC 6857 §3.2.1), written anew from what they say.
//!
//! DEVIATION RFC 6857 §3.1.3: a comment beside a display name, and a source route, are left out.

use super::words::{self, Folded};
use crate::address::{AddressItem, parse_addresses, quoted};
use crate::encoded_word;

/// One entry of a list, to be followed by a comma.
type Entry = Vec<String>;

/// Writes the addresses of a text.
pub(super) fn downgrade(text: &str, out: &mut Folded) {
    let items = parse_addresses(text.as_bytes());
    let mut rest = items.iter();
    let mut entries: Vec<Entry> = Vec::new();
    while let Some(item) = rest.next() {
        entries.push(match item {
            AddressItem::Address {
                name, mailbox, host, ..
            } => address(name.as_deref(), mailbox, host),
            AddressItem::GroupStart(name) => {
                let members = rest.by_ref().take_while(|item| **item != AddressItem::GroupEnd);
                group(name, &members.collect::<Vec<_>>())
            }
            AddressItem::GroupEnd => continue,
        });
    }
    let last = entries.len().saturating_sub(1);
    for (position, mut entry) in entries.into_iter().enumerate() {
        if let Some(word) = entry.last_mut().filter(|_| position < last) {
            word.push(',');
        }
        out.push_all(entry);
    }
}

/// RFC 6857 §3.1.8: the address with its domain as A-labels, or an empty group that is named after it.
fn address(name: Option<&[u8]>, mailbox: &[u8], host: &[u8]) -> Entry {
    let name = name.map(encoded_word::decode).filter(|name| !name.is_empty());
    let Some(spec) = ascii_spec(mailbox, host) else {
        let spec = spec(mailbox, host);
        let shown = name.map_or(spec.clone(), |name| format!("{name} {spec}"));
        let mut words = phrase(&shown);
        words.push(":;".to_owned());
        return words;
    };
    let Some(name) = name else { return vec![spec] };
    let mut words = phrase(&name);
    words.push(format!("<{spec}>"));
    words
}

/// RFC 6857 §3.1.7: a group with its members, or an empty one that is named after them.
fn group(name: &[u8], members: &[&AddressItem]) -> Entry {
    let name = encoded_word::decode(name);
    let mut written = Vec::new();
    let mut original = Vec::new();
    let mut all_ascii = true;
    for member in members {
        let AddressItem::Address {
            name, mailbox, host, ..
        } = member
        else {
            continue;
        };
        all_ascii &= ascii_spec(mailbox, host).is_some();
        written.push(address(name.as_deref(), mailbox, host));
        let spec = spec(mailbox, host);
        original.push(match name {
            Some(name) => format!("{} <{spec}>", encoded_word::decode(name)),
            None => spec,
        });
    }
    if !all_ascii {
        let mut words = phrase(&format!("{name} {}", original.join(", ")));
        words.push(":;".to_owned());
        return words;
    }
    let mut words = phrase(&name);
    words.push(":".to_owned());
    let last = written.len().saturating_sub(1);
    for (position, mut member) in written.into_iter().enumerate() {
        if let Some(word) = member.last_mut().filter(|_| position < last) {
            word.push(',');
        }
        words.extend(member);
    }
    words.push(";".to_owned());
    words
}

/// The address as people read it.
fn spec(mailbox: &[u8], host: &[u8]) -> String {
    let mailbox = encoded_word::decode(mailbox);
    match host {
        [] => mailbox,
        host => format!("{}@{}", quoted(&mailbox), encoded_word::decode(host)),
    }
}

/// The address in ASCII, where it has such a form.
fn ascii_spec(mailbox: &[u8], host: &[u8]) -> Option<String> {
    let mailbox = std::str::from_utf8(mailbox)
        .ok()
        .filter(|mailbox| mailbox.is_ascii())?;
    let host = std::str::from_utf8(host).ok()?;
    match host {
        "" => Some(phrase(mailbox).join(" ")),
        host => Some(format!("{}@{}", quoted(mailbox), ascii_domain(host)?)),
    }
}

/// RFC 6857 §3.1.6: a domain as A-labels (RFC 5891).
pub(super) fn ascii_domain(domain: &str) -> Option<String> {
    match domain.is_ascii() {
        true => Some(domain.to_owned()),
        false => idna::domain_to_ascii(domain)
            .ok()
            .filter(|domain| !domain.is_empty()),
    }
}

/// A display name: as it is, in quotes, or as encoded words (RFC 6857 §3.1.5).
pub(super) fn phrase(text: &str) -> Vec<String> {
    if !text.is_ascii() {
        return words::encode(text);
    }
    let is_atom = |letter: char| letter.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~.".contains(letter);
    // An encoded word in quotes is none (RFC 2047 §5 (3)).
    if text.chars().all(is_atom) && !text.contains("=?") {
        return text.split_ascii_whitespace().map(str::to_owned).collect();
    }
    vec![format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#))]
}
