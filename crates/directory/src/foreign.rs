//! Hashes that other programs have made: kept as they are when they are imported, and replaced at the next login.
//!
//! `{SHA512-CRYPT}` and `{BLF-CRYPT}` as Dovecot writes them, with or without that word; PHC strings of Argon2, PBKDF2
//! and scrypt. What one of them may cost has limits: whoever imports a table does not know who made it.

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use pbkdf2::Pbkdf2;
use scrypt::Scrypt;
use sha_crypt::ShaCrypt;

use crate::Refusal;

/// The longest hash: those that we know have some 150 octets.
const MAX_HASH: usize = 512;
/// Rounds of SHA512-CRYPT: about a second. Usual are 5,000 to 656,000.
const MAX_SHA_ROUNDS: u32 = 1_000_000;
/// The cost of bcrypt, a power of two: about a second. Usual are 10 to 12.
const MAX_BCRYPT_COST: u32 = 14;
/// Rounds of PBKDF2: about a second.
const MAX_PBKDF2_ROUNDS: u32 = 2_000_000;
/// Memory of Argon2 in KiB, and memory times passes.
const MAX_ARGON2: (u32, u32) = (256 * 1024, 1024 * 1024);
/// Memory of scrypt: 128 · r · 2^ln octets.
const MAX_SCRYPT: u64 = 64 << 20;

/// How a hash was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Argon2,
    Sha512Crypt,
    Bcrypt,
    Pbkdf2,
    Scrypt,
}

impl Kind {
    fn of(hash: &str) -> Option<Self> {
        let (name, _) = hash.strip_prefix('$')?.split_once('$')?;
        Some(match name {
            "argon2id" | "argon2i" | "argon2d" => Kind::Argon2,
            "6" => Kind::Sha512Crypt,
            "2a" | "2b" | "2y" => Kind::Bcrypt,
            "pbkdf2-sha256" | "pbkdf2-sha512" => Kind::Pbkdf2,
            "scrypt" => Kind::Scrypt,
            _ => return None,
        })
    }
}

/// The form in which a hash is kept, if it is one that can be verified.
pub(crate) fn check(hash: &str) -> Result<Box<str>, Refusal> {
    let bare = match hash.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some((scheme, bare)) if is_scheme_of(scheme, Kind::of(bare)) => bare,
        Some(_) => return Err(Refusal::UnknownHash),
        None => hash,
    };
    let cheap =
        bare.len() <= MAX_HASH && Kind::of(bare).is_some_and(|kind| is_cheap(kind, bare).unwrap_or(false));
    match cheap {
        true => Ok(bare.into()),
        false => Err(Refusal::UnknownHash),
    }
}

fn is_scheme_of(scheme: &str, kind: Option<Kind>) -> bool {
    let names: &[&str] = match kind {
        Some(Kind::Argon2) => &["ARGON2ID", "ARGON2I"],
        Some(Kind::Sha512Crypt) => &["SHA512-CRYPT", "CRYPT"],
        Some(Kind::Bcrypt) => &["BLF-CRYPT", "CRYPT"],
        Some(Kind::Pbkdf2 | Kind::Scrypt) | None => &[],
    };
    names.iter().any(|name| name.eq_ignore_ascii_case(scheme))
}

/// Whether it is formed as it must be, and costs no more than it may.
fn is_cheap(kind: Kind, hash: &str) -> Option<bool> {
    match kind {
        Kind::Sha512Crypt => {
            let (settings, sum) = hash.strip_prefix("$6$")?.rsplit_once('$')?;
            let (rounds, salt) = match settings.strip_prefix("rounds=") {
                Some(rest) => rest.split_once('$')?,
                None => ("5000", settings),
            };
            let rounds: u32 = rounds.parse().ok()?;
            let formed = sum.len() == 86 && (1..=16).contains(&salt.len()) && !salt.contains('$');
            Some(formed && is_crypt64(sum) && (1000..=MAX_SHA_ROUNDS).contains(&rounds))
        }
        Kind::Bcrypt => {
            let (cost, sum) = hash.get(4..)?.split_once('$')?;
            Some(
                sum.len() == 53
                    && is_crypt64(sum)
                    && cost.len() == 2
                    && (4..=MAX_BCRYPT_COST).contains(&cost.parse().ok()?),
            )
        }
        Kind::Argon2 | Kind::Pbkdf2 | Kind::Scrypt => {
            let hash = PasswordHash::new(hash).ok()?;
            let number = |name| hash.params.get_decimal(name);
            hash.hash.as_ref().zip(hash.salt.as_ref())?;
            Some(match kind {
                Kind::Argon2 => {
                    let (memory, work) = MAX_ARGON2;
                    number("m")? <= memory
                        && number("m")?.saturating_mul(number("t")?) <= work
                        && number("p")? <= 16
                }
                Kind::Pbkdf2 => (1..=MAX_PBKDF2_ROUNDS).contains(&number("i")?),
                _ => {
                    let memory = 1_u64
                        .checked_shl(number("ln")?)?
                        .checked_mul(128 * u64::from(number("r")?))?;
                    memory <= MAX_SCRYPT && number("p")? <= 4
                }
            })
        }
    }
}

/// The letters of crypt(3).
fn is_crypt64(text: &str) -> bool {
    text.bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || octet == b'.' || octet == b'/')
}

/// Whether a password has this hash; none where the hash is unreadable.
pub(crate) fn verify(password: &[u8], hash: &str) -> Option<bool> {
    let phc = || PasswordHash::new(hash).ok();
    Some(match Kind::of(hash)? {
        // The parameters are those of the hash.
        Kind::Argon2 => Argon2::default().verify_password(password, &phc()?).is_ok(),
        Kind::Pbkdf2 => Pbkdf2::default().verify_password(password, &phc()?).is_ok(),
        Kind::Scrypt => Scrypt::default().verify_password(password, &phc()?).is_ok(),
        Kind::Sha512Crypt => ShaCrypt::default().verify_password(password, hash).is_ok(),
        // As all others do, bcrypt looks at the first 72 octets only.
        Kind::Bcrypt => bcrypt::verify(password, hash).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with crypt(3), openssl and Python's hashlib.
    const GOOD: &[(&str, &str)] = &[
        (
            "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
            "Hello world!",
        ),
        (
            "{crypt}$6$rounds=1000$salt$DScQ12QUf1NyiJ2VIN6OX/.LLs6TuQT/V9eKZJRJ1WldFxX26rc95277XlST46AebcUTK6b8158lJ5IivAmzP0",
            "pencil",
        ),
        (
            "{BLF-CRYPT}$2y$04$abcdefghijklmnopqrstuu/FyAyuZSl3DbPdvio4KrIBdz2k2yhV2",
            "pencil",
        ),
        (
            "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$VRuDUcprPFMvV6rWrzYKLaodt+GxdaSoOzG2OSGwgNo",
            "pencil",
        ),
        (
            "$pbkdf2-sha512$i=1000,l=64$MDEyMzQ1Njc4OWFiY2RlZg$U6ezKvVc5bQpQwePCiDah4YKaK+tgitOpEos5J1jGU6vdgFzrQFE9PkV+CdL8w7yokz8Gypxo1t0xxxpnGl0Dg",
            "pencil",
        ),
        (
            "$scrypt$ln=4,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$PW64bA+iN4EahQVtTPUasYVITUsxhyIzWFLe3NufCls",
            "pencil",
        ),
    ];

    #[test]
    fn hashes_of_others_are_verified() {
        for (hash, password) in GOOD {
            let kept = check(hash).unwrap_or_else(|error| panic!("{hash}: {error}"));
            assert_eq!(verify(password.as_bytes(), &kept), Some(true), "{hash}");
            assert_eq!(verify(b"wrong", &kept), Some(false), "{hash}");
        }
    }

    #[test]
    fn what_is_no_hash_or_costs_too_much_is_refused() {
        for wrong in [
            "",
            "secret",
            "$",
            "$1$abc$def",
            "{PLAIN}secret",
            "{SSHA}abcd",
            "{BLF-CRYPT}secret",
        ] {
            assert_eq!(check(wrong), Err(Refusal::UnknownHash), "{wrong}");
        }
        for (number, of, by) in [
            (0, "{SHA512-CRYPT}", "{BLF-CRYPT}"),
            (0, "inz1", "inz"),
            (0, "inz1", "inz,"),
            (0, "$saltstring$", "$saltstringsaltstring$"),
            (1, "rounds=1000$", "rounds=1000001$"),
            (1, "rounds=1000$", "rounds=999$"),
            (2, "$04$", "$15$"),
            (2, "$04$", "$4$"),
            (2, "V2", "V"),
            (3, "i=1000", "i=2000001"),
            (3, "i=1000,", ""),
            (3, "$VRuDUcprPFMvV6rWrzYKLaodt+GxdaSoOzG2OSGwgNo", ""),
            (5, "ln=4", "ln=17"),
            (5, "ln=4", "ln=64"),
            (5, "p=1", "p=5"),
        ] {
            let (hash, _) = GOOD[number];
            assert!(hash.contains(of), "{hash} {of}");
            assert_eq!(
                check(&hash.replace(of, by)),
                Err(Refusal::UnknownHash),
                "{hash}: {of} → {by}"
            );
        }
        let argon2 = |cost: &str| {
            format!(
                "$argon2id$v=19${cost}$MDEyMzQ1Njc4OWFiY2RlZg$VRuDUcprPFMvV6rWrzYKLaodt+GxdaSoOzG2OSGwgNo"
            )
        };
        assert!(check(&argon2("m=262144,t=4,p=1")).is_ok());
        for costly in ["m=262145,t=1,p=1", "m=262144,t=5,p=1", "m=8,t=1,p=17"] {
            assert_eq!(check(&argon2(costly)), Err(Refusal::UnknownHash), "{costly}");
        }
    }
}
