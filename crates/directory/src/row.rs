//! The directory's rows. Each begins with its version and ends with a checksum: the index does not notice damage.

use bytes::{BufMut, Bytes};
use types::{AccountId, Address, Domain, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use crate::DirectoryError;
use crate::name::NameHash;

/// The form of the rows.
const VERSION: u8 = 1;
/// Octets of the checksum.
const CHECKSUM: usize = 4;

/// What the directory counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    /// The account number to be given out next.
    pub(crate) next_account: AccountId,
}

/// A domain whose mail is kept here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DomainRow {
    pub(crate) domain: Domain,
    /// Who gets the mail to names that nobody has.
    pub(crate) catch_all: Option<Address>,
}

/// A name, and what it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameRow {
    /// In the spelling that is compared.
    pub(crate) name: Box<str>,
    pub(crate) leads: Leads,
}

/// What a name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leads {
    Account(AccountId),
    Alias(Vec<Address>),
}

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AccountRow {
    pub(crate) address: Address,
    /// A PHC string.
    pub(crate) password: Box<str>,
    pub(crate) added: Timestamp,
}

/// The key of the counters.
pub(crate) fn counters_key() -> Bytes {
    Bytes::from_static(b"c")
}

/// The key of a domain's row.
pub(crate) fn domain_key(hash: NameHash) -> Bytes {
    [&b"d"[..], &hash].concat().into()
}

/// The key of a name's row.
pub(crate) fn name_key(hash: NameHash) -> Bytes {
    [&b"n"[..], &hash].concat().into()
}

/// The key of an account's row.
pub(crate) fn account_key(id: AccountId) -> Bytes {
    [&b"a"[..], &id.0.to_be_bytes()].concat().into()
}

/// The key that says that an account belongs to a domain; it has no value.
pub(crate) fn member_key(domain: NameHash, id: AccountId) -> Bytes {
    [&b"m"[..], &domain, &id.0.to_be_bytes()].concat().into()
}

/// The account in a key that ends with one.
pub(crate) fn account_of(key: &[u8]) -> Option<AccountId> {
    key.last_chunk::<8>()
        .map(|octets| AccountId(u64::from_be_bytes(*octets)))
}

/// Something that is kept in a row.
pub(crate) trait Row: Sized {
    /// What the table is called in messages.
    const TABLE: &'static str;

    fn write(&self, out: &mut Vec<u8>);
    fn read(fields: &mut Fields<'_>) -> Option<Self>;

    /// The stored form.
    fn print(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        self.write(&mut out);
        let sum = checksum(&out);
        out.put_slice(&sum);
        out
    }

    /// Reads the stored form.
    fn parse(stored: &[u8]) -> Result<Self, DirectoryError> {
        let row = stored.split_last_chunk::<CHECKSUM>().and_then(|(row, sum)| {
            let (version, rest) = row.split_first()?;
            let mut fields = Fields(rest);
            let read = (*version == VERSION && checksum(row) == *sum).then(|| Self::read(&mut fields))??;
            fields.0.is_empty().then_some(read)
        });
        row.ok_or(DirectoryError::UnreadableRow { table: Self::TABLE })
    }
}

fn checksum(octets: &[u8]) -> [u8; CHECKSUM] {
    let [a, b, c, d, ..] = xxh3_64(octets).to_le_bytes();
    [a, b, c, d]
}

/// What is left to read of a row.
pub(crate) struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn number(&mut self) -> Option<u64> {
        let (octets, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*octets))
    }

    fn text(&mut self) -> Option<&str> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (text, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn address(&mut self) -> Option<Address> {
        Address::parse(self.text()?).ok()
    }

    fn addresses(&mut self) -> Option<Vec<Address>> {
        let (count, rest) = self.0.split_first()?;
        self.0 = rest;
        (0..*count).map(|_| self.address()).collect()
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.put_u16_le(u16::try_from(text.len()).expect("addresses and hashes are checked to be short"));
    out.put_slice(text.as_bytes());
}

fn put_addresses(out: &mut Vec<u8>, addresses: &[Address]) {
    out.put_u8(u8::try_from(addresses.len()).expect("see MAX_TARGETS"));
    addresses
        .iter()
        .for_each(|address| put_text(out, &address.to_string()));
}

impl Row for Counters {
    const TABLE: &'static str = "counters";

    fn write(&self, out: &mut Vec<u8>) {
        out.put_u64_le(self.next_account.0);
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let next_account = AccountId(fields.number()?);
        Some(Counters { next_account })
    }
}

impl Row for DomainRow {
    const TABLE: &'static str = "domains";

    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, self.domain.as_str());
        put_addresses(out, self.catch_all.as_slice());
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(DomainRow {
            domain: Domain::check(fields.text()?).ok()?,
            catch_all: fields.addresses()?.pop(),
        })
    }
}

impl Row for NameRow {
    const TABLE: &'static str = "names";

    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, &self.name);
        match &self.leads {
            Leads::Account(id) => out.put_u64_le(id.0),
            Leads::Alias(targets) => {
                out.put_u64_le(0);
                put_addresses(out, targets);
            }
        }
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.text()?.into();
        // No account has the number 0.
        let leads = match fields.number()? {
            0 => Leads::Alias(fields.addresses()?),
            id => Leads::Account(AccountId(id)),
        };
        Some(NameRow { name, leads })
    }
}

impl Row for AccountRow {
    const TABLE: &'static str = "accounts";

    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, &self.address.to_string());
        put_text(out, &self.password);
        out.put_i64_le(self.added.0);
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(AccountRow {
            address: fields.address()?,
            password: fields.text()?.into(),
            added: Timestamp(fields.number()?.cast_signed()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_parse_back_and_damaged_ones_do_not() {
        let address = |text| Address::parse(text).unwrap();
        let name = NameRow {
            name: "team@example.org".into(),
            leads: Leads::Alias(vec![address("a@example.org"), address("\"b c\"@example.org")]),
        };
        let printed = name.print();
        assert_eq!(NameRow::parse(&printed).unwrap(), name);
        for at in 0..printed.len() {
            let mut damaged = printed.clone();
            damaged[at] ^= 1;
            assert!(NameRow::parse(&damaged).is_err(), "octet {at}");
            assert!(NameRow::parse(&printed[..at]).is_err(), "cut at {at}");
        }
        let domain = DomainRow {
            domain: Domain::check("example.org").unwrap(),
            catch_all: None,
        };
        assert_eq!(DomainRow::parse(&domain.print()).unwrap(), domain);
        let account = AccountRow {
            address: address("a@example.org"),
            password: "$x".into(),
            added: Timestamp(-1),
        };
        assert!(AccountRow::parse(&account.print()).unwrap() == account);
        let counters = Counters {
            next_account: AccountId(7),
        };
        assert_eq!(Counters::parse(&counters.print()).unwrap(), counters);
    }
}
