//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): both sides show that they know the password, or what
//! was made of it, and neither says it.
//!
//! Read first: [`Keys`], what a server keeps. [`server`] and [`client`] are the two sides. The only channel binding is
//! `tls-exporter` (RFC 9266): RFC 5929's are not defined for TLS 1.3, or do not survive a renewed certificate.

pub mod client;
pub mod server;

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::Secret;

/// Octets of SHA-256.
pub const LENGTH: usize = 32;
/// A server says at least so many rounds (RFC 7677 §3), and a client takes no fewer: a server in the middle would ask
/// for few to guess from the proof.
pub const LEAST_ROUNDS: u32 = 4096;
/// A client computes no more: some seconds, and no server's way to keep it busy for hours.
pub const MOST_ROUNDS: u32 = 10_000_000;
/// The name of the only channel binding (RFC 9266 §3).
pub(crate) const BINDING: &str = "tls-exporter";

/// What a server keeps of a password (RFC 5802 §3): enough to verify a proof, not enough to make one.
#[derive(Clone)]
pub struct Keys {
    /// `H(ClientKey)`.
    pub stored: [u8; LENGTH],
    /// Shows the client that the server knew it.
    pub server: [u8; LENGTH],
}

/// A password that cannot be prepared as RFC 4013 says: no two programs agree on its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the password has characters that SCRAM cannot have")]
pub struct Unprepared;

impl Keys {
    /// Makes the keys of a password (RFC 5802 §3). It takes as long as `rounds` say.
    ///
    /// # Errors
    /// When the password cannot be prepared.
    pub fn derive(password: &Secret, salt: &[u8], rounds: NonZeroU32) -> Result<Self, Unprepared> {
        let salted = salted(password, salt, rounds)?;
        Ok(Keys {
            stored: hash(&client_key(&salted)),
            server: hmac(salted.expose(), b"Server Key"),
        })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        (self.stored.ct_eq(&other.stored) & self.server.ct_eq(&other.server)).into()
    }
}

impl Eq for Keys {}

/// `SaltedPassword := Hi(Normalize(password), salt, i)`.
fn salted(password: &Secret, salt: &[u8], rounds: NonZeroU32) -> Result<Secret, Unprepared> {
    let password = prepare(password)?;
    let mut salted = [0; LENGTH];
    pbkdf2::derive(PBKDF2_HMAC_SHA256, rounds, salt, password.expose(), &mut salted);
    Ok(Secret::new(salted))
}

/// RFC 4013: so that two keyboards that compose a letter in different ways give one password.
fn prepare(password: &Secret) -> Result<Secret, Unprepared> {
    let text = std::str::from_utf8(password.expose()).map_err(|_| Unprepared)?;
    let prepared = stringprep::saslprep(text).map_err(|_| Unprepared)?;
    // RFC 5802 §2.2: an empty result is no password.
    match prepared.is_empty() {
        true => Err(Unprepared),
        false => Ok(Secret::from(&*prepared)),
    }
}

fn client_key(salted: &Secret) -> [u8; LENGTH] {
    hmac(salted.expose(), b"Client Key")
}

fn hash(octets: &[u8]) -> [u8; LENGTH] {
    let mut hash = [0; LENGTH];
    hash.copy_from_slice(digest(&SHA256, octets).as_ref());
    hash
}

fn hmac(key: &[u8], octets: &[u8]) -> [u8; LENGTH] {
    let mut tag = [0; LENGTH];
    tag.copy_from_slice(hmac::sign(&hmac::Key::new(HMAC_SHA256, key), octets).as_ref());
    tag
}

fn xor(mut one: [u8; LENGTH], other: [u8; LENGTH]) -> [u8; LENGTH] {
    one.iter_mut().zip(other).for_each(|(a, b)| *a ^= b);
    one
}

/// `printable = %x21-2B / %x2D-7E`, at least one.
fn is_nonce(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|octet| matches!(octet, 0x21..=0x2b | 0x2d..=0x7e))
}

/// Whether all of it is `*("," attr-val)`: extensions that nobody knows are ignored (RFC 5802 §5.1), and only those
/// that are well-formed.
fn are_extensions<'a>(mut attributes: impl Iterator<Item = &'a str>) -> bool {
    attributes.all(|attribute| match attribute.split_once('=') {
        Some((name, value)) => {
            // `m` demands what nobody has (RFC 5802 §5.1).
            let named =
                name.len() == 1 && name != "m" && name.bytes().all(|octet| octet.is_ascii_alphabetic());
            named && !value.is_empty() && !value.contains('\0')
        }
        None => false,
    })
}

#[cfg(test)]
mod tests;
