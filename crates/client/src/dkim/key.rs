//! Private keys: read from files as OpenSSL and other signers write them.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use message::dkim::Algorithm;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;

use crate::Language;
use crate::error::{Cause, Error};
use crate::files::reading;

/// The octets of an Ed25519 seed.
const SEED: usize = 32;

/// RSA with 8192 bits is 6.4 kB in PEM; what is much longer is another file, named by mistake.
const MAX_FILE: u64 = 64 << 10;

/// A private key, for `rsa-sha256` (RFC 6376 §3.3.2) or `ed25519-sha256` (RFC 8463 §3). It does not print.
pub struct Key(Kind);

enum Kind {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// Why something is no key to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Neither PEM nor anything else that is known.
    #[error(
        "it is no private key in PEM; make one: openssl genpkey -algorithm ed25519 -out dkim.pem, or -algorithm rsa -pkeyopt rsa_keygen_bits:2048"
    )]
    NotPem,
    /// The public half.
    #[error("it is the public key: the private one is wanted")]
    Public,
    /// Locked with a password.
    #[error("it is locked with a password; write it without one: openssl pkey -in FILE -out NEW")]
    Locked,
    /// OpenSSH's own form.
    #[error("it is in OpenSSH's form; write it as PEM: ssh-keygen -p -m PEM -f FILE")]
    OpenSsh,
    /// A key of another kind, such as one for ECDSA.
    #[error("it is neither an RSA nor an Ed25519 key, and DKIM has no others")]
    Kind,
    /// RFC 8301 §3.2: signers MUST use at least 1024 bits, and SHOULD use 2048: fewer are refused here.
    #[error(
        "it is an RSA key of fewer than 2048 bits, or of more than 8192, or a broken one; make a new one: openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out dkim.pem"
    )]
    Rsa,
}

impl KeyError {
    pub(crate) fn words(self, language: Language) -> String {
        let chinese = match self {
            KeyError::NotPem => {
                "不是 PEM 格式的私钥；可以这样生成：openssl genpkey -algorithm ed25519 -out dkim.pem，或 -algorithm rsa -pkeyopt rsa_keygen_bits:2048"
            }
            KeyError::Public => "这是公钥，需要的是私钥",
            KeyError::Locked => "私钥有密码保护；请写成没有密码的：openssl pkey -in 文件 -out 新文件",
            KeyError::OpenSsh => "这是 OpenSSH 格式；请转换为 PEM：ssh-keygen -p -m PEM -f 文件",
            KeyError::Kind => "既不是 RSA 密钥也不是 Ed25519 密钥，DKIM 只有这两种",
            KeyError::Rsa => {
                "RSA 密钥少于 2048 位、多于 8192 位，或已损坏；请重新生成：openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out dkim.pem"
            }
        };
        language.pick(self.to_string(), chinese.to_owned())
    }
}

impl Key {
    /// Reads a key from a file, as [`Key::parse`] does.
    ///
    /// # Errors
    /// When the file cannot be read, or is no key.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let failed = |cause| Error::new(reading(path), None, cause);
        let mut octets = Vec::new();
        // More than a key is cut, and then is none.
        let read = File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut octets));
        read.map_err(|error| failed(Cause::File(error)))?;
        Key::parse(&octets).map_err(|error| failed(Cause::Key(error)))
    }

    /// Reads a key: PEM with PKCS #8 (`PRIVATE KEY`) or PKCS #1 (`RSA PRIVATE KEY`), or the bare base64 of an Ed25519 seed, as RFC 8463
    /// §A.1 and dkimpy write it.
    ///
    /// # Errors
    /// Says what it is in place of that.
    pub fn parse(octets: &[u8]) -> Result<Self, KeyError> {
        let has = |words: &str| memmem::find(octets, words.as_bytes()).is_some();
        if let Some(seed) = seed(octets) {
            let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Kind)?;
            return Ok(Key(Kind::Ed25519(Box::new(pair))));
        }
        // OpenSSL's older form says so in a line within.
        if has("BEGIN ENCRYPTED PRIVATE KEY") || has("Proc-Type: 4,ENCRYPTED") {
            return Err(KeyError::Locked);
        }
        if has("BEGIN OPENSSH PRIVATE KEY") {
            return Err(KeyError::OpenSsh);
        }
        match PrivateKeyDer::from_pem_slice(octets) {
            Ok(PrivateKeyDer::Pkcs1(der)) => rsa(RsaKeyPair::from_der(der.secret_pkcs1_der())),
            Ok(PrivateKeyDer::Pkcs8(der)) => pkcs8(der.secret_pkcs8_der()),
            Ok(_) => Err(KeyError::Kind),
            Err(_) if has("BEGIN PUBLIC KEY") || has("BEGIN RSA PUBLIC KEY") => Err(KeyError::Public),
            Err(_) => Err(KeyError::NotPem),
        }
    }

    /// How it signs: `a=` (RFC 6376 §3.5).
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Kind::Rsa(_) => Algorithm::RsaSha256,
            Kind::Ed25519(_) => Algorithm::Ed25519Sha256,
        }
    }

    /// The text of the DNS record that verifiers look for (RFC 6376 §3.6.1, RFC 8463 §4), at `SELECTOR._domainkey.DOMAIN` (§3.6.2.1). A
    /// character-string of DNS has at most 255 octets (RFC 1035 §3.3): where the record of an RSA key is longer, its TXT has two of them.
    ///
    /// # Panics
    /// When the cryptography cannot print a public key that it has.
    #[must_use]
    pub fn record(&self) -> String {
        match &self.0 {
            Kind::Rsa(pair) => {
                let der: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a key that was read");
                format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(der.as_ref()))
            }
            Kind::Ed25519(pair) => {
                format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode(pair.public_key()))
            }
        }
    }

    /// The signature of a text.
    pub(super) fn sign(&self, text: &[u8]) -> Vec<u8> {
        match &self.0 {
            Kind::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
                    .expect("a key of 2048 bits and more signs a SHA-256");
                signature
            }
            // RFC 8463 §3: what is signed is the hash.
            Kind::Ed25519(pair) => pair.sign(digest(&SHA256, text).as_ref()).as_ref().to_vec(),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, …)", self.algorithm())
    }
}

/// The seed, where nothing else is there.
fn seed(octets: &[u8]) -> Option<[u8; SEED]> {
    STANDARD.decode(octets.trim_ascii()).ok()?.try_into().ok()
}

fn rsa(read: Result<RsaKeyPair, aws_lc_rs::error::KeyRejected>) -> Result<Key, KeyError> {
    let pair = read.map_err(|_| KeyError::Rsa)?;
    Ok(Key(Kind::Rsa(Box::new(pair))))
}

fn pkcs8(der: &[u8]) -> Result<Key, KeyError> {
    // OpenSSL leaves the public half out.
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
        return Ok(Key(Kind::Ed25519(Box::new(pair))));
    }
    // RFC 8017 §A.1: rsaEncryption, 1.2.840.113549.1.1.1.
    const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    match memmem::find(der, RSA).is_some_and(|at| at < 32) {
        true => rsa(RsaKeyPair::from_pkcs8(der)),
        false => Err(KeyError::Kind),
    }
}
