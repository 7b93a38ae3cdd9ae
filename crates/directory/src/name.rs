//! Names in the one spelling in which they are compared.

use types::{Address, AddressError, Domain, LocalPart};
use unicode_normalization::UnicodeNormalization;
use xxhash_rust::xxh3::xxh3_128;

/// An address in the spelling that is compared: usual width, lower case, NFC (RFC 8265 §3.3.1, `UsernameCaseMapped`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name(Box<str>);

/// Where a name's row is found. A row also holds the name, so that two with one hash are told apart.
pub(crate) type NameHash = [u8; 16];

impl Name {
    /// The name of an address as it is written.
    pub(crate) fn of(address: &Address) -> Self {
        Self::join(address.local.as_str(), &address.domain)
    }

    /// The name of an address without its tag; `None` where it has none (RFC 5233 §1).
    pub(crate) fn without_tag(address: &Address) -> Option<Self> {
        let base = address.local.without_tag();
        (base != address.local.as_str()).then(|| Self::join(base, &address.domain))
    }

    fn join(local: &str, domain: &Domain) -> Self {
        Name(fold(&format!("{local}@{domain}")).into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> NameHash {
        xxh3_128(self.0.as_bytes()).to_be_bytes()
    }
}

/// The address of a login name: as it is, or in the default domain.
pub(crate) fn login_address(login: &str, default_domain: &Domain) -> Result<Address, AddressError> {
    match login.contains('@') {
        true => Address::parse(login),
        false => Ok(Address {
            local: LocalPart::check(login)?,
            domain: default_domain.clone(),
        }),
    }
}

/// A domain in the spelling that is compared.
pub(crate) fn fold_domain(domain: &Domain) -> String {
    fold(domain.as_str())
}

/// Where a domain's row is found.
pub(crate) fn domain_hash(folded: &str) -> NameHash {
    xxh3_128(folded.as_bytes()).to_be_bytes()
}

fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let usual: String = text.chars().fold(String::new(), |mut usual, c| {
        match c {
            // What an input method for Chinese or Japanese writes when it is left on.
            '\u{ff01}'..='\u{ffee}' => usual.extend(std::iter::once(c).nfkd()),
            c => usual.push(c),
        }
        usual
    });
    // Lower case can take a text out of NFC.
    usual.nfc().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_reader_takes_for_equal_are_one() {
        let name = |text: &str| Name::of(&Address::parse(text).unwrap());
        assert_eq!(name("Alice@Example.ORG"), name("alice@example.org"));
        assert_eq!(name("RENE\u{301}@example.org"), name("rené@example.org"));
        assert_eq!(name("张三@例子.中国").as_str(), "张三@例子.中国");
        assert_eq!(name("张三@xn--fsqu00a.xn--fiqs8s").as_str(), "张三@例子.中国");
        assert_eq!(name("Ａｌｉｃｅ１@example.org"), name("alice1@example.org"));
        assert_eq!(name("ｶﾞ@example.org"), name("ガ@example.org"));
        assert_ne!(name("alice@example.org").hash(), name("alice@example.com").hash());
    }

    /// RFC 8265 §3.3.1: the other compatible forms are letters of their own.
    #[test]
    fn a_name_is_in_nfc_after_its_case_was_folded_and_only_its_width_is_usual() {
        let name = |text: &str| Name::of(&Address::parse(text).unwrap());
        assert_eq!(name("J\u{30c}@example.org"), name("\u{1f0}@example.org"));
        assert_ne!(name("\u{fb01}x@example.org"), name("fix@example.org"));
    }

    #[test]
    fn a_login_name_is_an_address_or_its_local_part() {
        let home = Domain::check("example.org").unwrap();
        let check = |login: &str, wanted: Option<&str>| {
            let got = login_address(login, &home).ok().map(|a| a.to_string());
            assert_eq!(got.as_deref(), wanted, "{login}");
        };
        check("alice", Some("alice@example.org"));
        check("alice@example.com", Some("alice@example.com"));
        check("张三", Some("张三@example.org"));
        check("", None);
        check("@example.org", None);
    }
}
