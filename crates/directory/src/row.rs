//! The directory's rows. Each begins with its version and ends with a checksum: the index does not notice damage.

use bytes::{BufMut, Bytes};
use sasl::scram::Keys;
use types::{AccountId, Address, Domain, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use crate::name::NameHash;
use crate::{Access, Allowance, DirectoryError, Limit, Quota};

/// The form of the rows.
const VERSION: u8 = 1;
/// What stands for the domain's limit in place of an account's own.
const DEFAULT: u64 = u64::MAX;
/// What stands for no limit.
const UNLIMITED: u64 = u64::MAX - 1;
/// The highest limit that can be kept: nobody has so many octets.
const MAX_LIMIT: u64 = u64::MAX - 2;
/// What a name leads to, where it is no account: an alias, or a group. No account has these numbers.
const ALIAS: u64 = 0;
const GROUP: u64 = u64::MAX;
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
    /// How much each of its accounts may hold that has no limit of its own.
    pub(crate) quota: Quota,
    /// How much all of its accounts may hold together.
    pub(crate) together: Quota,
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
    Group(Vec<Address>),
}

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AccountRow {
    pub(crate) address: Address,
    /// A PHC string, or what another program has made.
    pub(crate) password: Box<str>,
    pub(crate) added: Timestamp,
    pub(crate) access: Access,
    pub(crate) allowance: Allowance,
}

/// What the directory's own tags and salts are made with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretRow {
    pub(crate) key: [u8; 32],
}

/// Says that hashes of other programs have been imported.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ForeignRow;

/// SCRAM keys of an account's password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ScramRow {
    pub(crate) rounds: u32,
    pub(crate) keys: Keys,
}

/// An app password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AppPasswordRow {
    pub(crate) name: Box<str>,
    /// What only the password gives, under the directory's key.
    pub(crate) tag: [u8; 32],
    /// The account's number in the tag, where it has another one now.
    pub(crate) tagged_for: Option<AccountId>,
    pub(crate) scram: ScramRow,
    pub(crate) created: Timestamp,
    /// To the hour.
    pub(crate) last_used: Option<Timestamp>,
}

/// The key of the directory's secret.
pub(crate) fn secret_key() -> Bytes {
    Bytes::from_static(b"s")
}

/// The key of the row that says that there are foreign hashes.
pub(crate) fn foreign_key() -> Bytes {
    Bytes::from_static(b"f")
}

/// The key of an account's SCRAM keys.
pub(crate) fn scram_key(id: AccountId) -> Bytes {
    [&b"k"[..], &id.0.to_be_bytes()].concat().into()
}

/// The key of an app password; from that of number 0 to that of the highest lie all of an account.
pub(crate) fn app_password_key(id: AccountId, number: u32) -> Bytes {
    [&b"p"[..], &id.0.to_be_bytes(), &number.to_be_bytes()]
        .concat()
        .into()
}

/// The number in the key of an app password.
pub(crate) fn app_password_of(key: &[u8]) -> Option<u32> {
    key.last_chunk::<4>().map(|octets| u32::from_be_bytes(*octets))
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

    fn octet(&mut self) -> Option<u8> {
        let (octet, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*octet)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (octets, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*octets)
    }

    fn time(&mut self) -> Option<Timestamp> {
        Some(Timestamp(self.number()?.cast_signed()))
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
        let count = self.octet()?;
        (0..count).map(|_| self.address()).collect()
    }

    fn many_addresses(&mut self) -> Option<Vec<Address>> {
        let count = u16::from_le_bytes(self.array()?);
        (0..count).map(|_| self.address()).collect()
    }

    fn access(&mut self) -> Option<Access> {
        match self.octet()? {
            0 => Some(Access::Enabled),
            1 => Some(Access::Disabled),
            _ => None,
        }
    }

    fn limit(&mut self) -> Option<Limit> {
        Some(match self.number()? {
            DEFAULT => Limit::Default,
            UNLIMITED => Limit::None,
            limit => Limit::Of(limit),
        })
    }

    /// Nothing where the row has ended.
    fn quota(&mut self) -> Option<Quota> {
        match self.0.is_empty() {
            true => Some(Quota::default()),
            false => Some(self.allowance()?.within(Quota::default())),
        }
    }

    fn allowance(&mut self) -> Option<Allowance> {
        Some(Allowance {
            octets: self.limit()?,
            messages: self.limit()?,
        })
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

fn put_many_addresses(out: &mut Vec<u8>, addresses: &[Address]) {
    out.put_u16_le(u16::try_from(addresses.len()).expect("see MAX_MEMBERS"));
    addresses
        .iter()
        .for_each(|address| put_text(out, &address.to_string()));
}

fn put_allowance(out: &mut Vec<u8>, allowance: &Allowance) {
    for limit in [allowance.octets, allowance.messages] {
        out.put_u64_le(match limit {
            Limit::Default => DEFAULT,
            Limit::None => UNLIMITED,
            Limit::Of(limit) => limit.min(MAX_LIMIT),
        });
    }
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
        put_allowance(out, &self.quota.into());
        put_allowance(out, &self.together.into());
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(DomainRow {
            domain: Domain::check(fields.text()?).ok()?,
            catch_all: fields.addresses()?.pop(),
            // Rows of before there were quotas end here.
            quota: fields.quota()?,
            // And those of before domains had one of their own, here.
            together: fields.quota()?,
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
                out.put_u64_le(ALIAS);
                put_addresses(out, targets);
            }
            Leads::Group(members) => {
                out.put_u64_le(GROUP);
                put_many_addresses(out, members);
            }
        }
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.text()?.into();
        let leads = match fields.number()? {
            ALIAS => Leads::Alias(fields.addresses()?),
            GROUP => Leads::Group(fields.many_addresses()?),
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
        out.put_u8(match self.access {
            Access::Enabled => 0,
            Access::Disabled => 1,
        });
        put_allowance(out, &self.allowance);
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (address, password) = (fields.address()?, fields.text()?.into());
        let added = fields.time()?;
        // Rows of before accounts could be disabled end here.
        let (access, allowance) = match fields.0.is_empty() {
            true => (Access::Enabled, Allowance::default()),
            false => (fields.access()?, fields.allowance()?),
        };
        Some(AccountRow {
            address,
            password,
            added,
            access,
            allowance,
        })
    }
}

impl Row for SecretRow {
    const TABLE: &'static str = "secret";

    fn write(&self, out: &mut Vec<u8>) {
        out.put_slice(&self.key);
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(SecretRow { key: fields.array()? })
    }
}

impl Row for ForeignRow {
    const TABLE: &'static str = "foreign hashes";

    fn write(&self, _: &mut Vec<u8>) {}

    fn read(_: &mut Fields<'_>) -> Option<Self> {
        Some(ForeignRow)
    }
}

impl Row for ScramRow {
    const TABLE: &'static str = "SCRAM keys";

    fn write(&self, out: &mut Vec<u8>) {
        out.put_u32_le(self.rounds);
        out.put_slice(&self.keys.stored);
        out.put_slice(&self.keys.server);
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(ScramRow {
            rounds: u32::from_le_bytes(fields.array()?),
            keys: Keys {
                stored: fields.array()?,
                server: fields.array()?,
            },
        })
    }
}

impl Row for AppPasswordRow {
    const TABLE: &'static str = "app passwords";

    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, &self.name);
        out.put_slice(&self.tag);
        self.scram.write(out);
        out.put_i64_le(self.created.0);
        // Nobody used one in 1970.
        out.put_i64_le(self.last_used.map_or(0, |time| time.0));
        if let Some(id) = self.tagged_for {
            out.put_u64_le(id.0);
        }
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(AppPasswordRow {
            name: fields.text()?.into(),
            tag: fields.array()?,
            scram: ScramRow::read(fields)?,
            created: fields.time()?,
            last_used: Some(fields.time()?).filter(|time| time.0 != 0),
            tagged_for: match fields.0.is_empty() {
                true => None,
                false => Some(AccountId(fields.number()?)),
            },
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
        let group = NameRow {
            name: "all@example.org".into(),
            leads: Leads::Group(vec![address("a@example.com"); 1000]),
        };
        assert_eq!(NameRow::parse(&group.print()).unwrap(), group);
        for at in 0..printed.len() {
            let mut damaged = printed.clone();
            damaged[at] ^= 1;
            assert!(NameRow::parse(&damaged).is_err(), "octet {at}");
            assert!(NameRow::parse(&printed[..at]).is_err(), "cut at {at}");
        }
        let domain = DomainRow {
            domain: Domain::check("example.org").unwrap(),
            catch_all: None,
            quota: Quota {
                octets: Some(2 << 30),
                messages: None,
            },
            together: Quota {
                octets: Some(3 << 30),
                messages: Some(9),
            },
        };
        assert_eq!(DomainRow::parse(&domain.print()).unwrap(), domain);
        let account = AccountRow {
            address: address("a@example.org"),
            password: "$x".into(),
            added: Timestamp(-1),
            access: Access::Disabled,
            allowance: Allowance {
                octets: Limit::None,
                messages: Limit::Of(3),
            },
        };
        assert!(AccountRow::parse(&account.print()).unwrap() == account);
        let app_password = AppPasswordRow {
            name: "phone".into(),
            tag: [1; 32],
            tagged_for: Some(AccountId(3)),
            scram: ScramRow {
                rounds: 4096,
                keys: Keys {
                    stored: [2; 32],
                    server: [3; 32],
                },
            },
            created: Timestamp(1),
            last_used: None,
        };
        assert!(AppPasswordRow::parse(&app_password.print()).unwrap() == app_password);
        assert!(ForeignRow::parse(&ForeignRow.print()).is_ok());
        let secret = SecretRow { key: [4; 32] };
        assert!(SecretRow::parse(&secret.print()).unwrap() == secret);
        let counters = Counters {
            next_account: AccountId(7),
        };
        assert_eq!(Counters::parse(&counters.print()).unwrap(), counters);
    }

    #[test]
    fn rows_of_before_there_were_quotas_and_disabled_accounts_are_read() {
        let mut old = vec![VERSION];
        put_text(&mut old, "a@example.org");
        put_text(&mut old, "$x");
        old.put_i64_le(7);
        let sum = checksum(&old);
        old.put_slice(&sum);
        let account = AccountRow::parse(&old).unwrap();
        assert!(account.access == Access::Enabled && account.allowance == Allowance::default());
        let mut old = vec![VERSION];
        put_text(&mut old, "example.org");
        put_addresses(&mut old, &[]);
        let sum = checksum(&old);
        old.put_slice(&sum);
        assert_eq!(DomainRow::parse(&old).unwrap().quota, Quota::default());
        old.truncate(old.len() - CHECKSUM);
        put_allowance(&mut old, &Allowance::default());
        let sum = checksum(&old);
        old.put_slice(&sum);
        assert_eq!(DomainRow::parse(&old).unwrap().together, Quota::default());
    }
}
