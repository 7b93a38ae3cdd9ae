//! Signing what is sent with DKIM (RFC 6376).
//!
//! Read first: [`Key::read`], then [`Signer`]; [`crate::smtp::Client::sign_with`] signs every composed mail of a connection. What is
//! composed is read twice, once for its hash and once when it is sent, and never held: a file of a gigabyte takes no memory.
//!
//! ```no_run
//! # async fn sign() -> Result<(), Box<dyn std::error::Error>> {
//! use posthouse_client::dkim::{Key, Selector, Signer};
//! use posthouse_client::{Files, Server, mail, smtp};
//!
//! let key = Key::read("dkim.pem")?;
//! println!("s1._domainkey.example.org. TXT {:?}", key.record());
//! let mut client = smtp::Client::connect(&Server::parse("smtps://alice:secret@mail.example.org")?).await?;
//! client.sign_with(Signer::new(key, &posthouse_client::Address::parse("alice@example.org")?.domain, Selector::check("s1")?));
//! client.send_mail(&mail("alice@example.org".parse()?).to("bob@example.com".parse()?).text("Hi."), &Files::new()).await?;
//! # Ok(()) }
//! ```
//!
//! What must hold: a key does not print. What can be read only once (a pipe) is not signed, because it could not be sent then. A file
//! that changes between its hash and its sending leaves a signature that does not verify, as it would if it changed on the way.

mod key;

use std::num::NonZeroU64;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::BytesMut;
use jiff::Timestamp;
use message::compose::{Composed, Next, SourceId};
pub use message::dkim::{Algorithm, Canonical, Canonicalization, Refusal, Selector, SignatureField};
use message::dkim::{Intake, Signature};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use types::{Address, Domain};

pub use self::key::{Key, KeyError};
use crate::Files;
use crate::error::{Cause, Error, Failure, Step};
use crate::files::reading as reading_of;

/// So much of a file is read at once.
const PIECE: usize = 256 << 10;

/// A key and what signatures made with it say (RFC 6376 §3.5). Cheap to clone.
///
/// ```
/// use posthouse_client::dkim::{Key, Selector, Signer};
/// use posthouse_client::{Address, Files, mail};
/// use posthouse_client::message::compose::Allowed;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The secret key of RFC 8463 §A.1, which everybody knows. `Key::read` reads PEM from a file.
/// let key = Key::parse(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
/// assert_eq!(key.record(), "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
/// let alice = Address::parse("alice@example.org")?;
/// let signer = Signer::new(key, &alice.domain, Selector::check("brisbane")?);
///
/// // A message that is there, with CRLF at the ends of its lines:
/// let message = b"From: alice@example.org\r\nSubject: Dinner\r\n\r\nHi.\r\n";
/// let field = signer.field(message)?;
/// assert!(field.as_bytes().starts_with(b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org;"));
/// let signed = [field.as_bytes(), message].concat();
///
/// // A mail that is composed, and whose files are read while it is hashed:
/// let mail = mail("alice@example.org".parse()?).to("bob@example.com".parse()?).text("Hi.");
/// let files = Files::new();
/// let signed = signer.sign(mail.compose(Allowed::default())?, &files).await?;
/// # let mut written = Vec::new();
/// # signed.write_to(&mut written, |id| files.open_now(id))?;
/// # assert!(written.starts_with(b"DKIM-Signature: "));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Signer {
    key: Arc<Key>,
    signature: Signature,
}

impl Signer {
    /// Signs for a domain (`d=`), under a selector (`s=`): the key's [record](Key::record) is at `SELECTOR._domainkey.DOMAIN`.
    #[must_use]
    pub fn new(key: Key, domain: &Domain, selector: Selector) -> Self {
        Signer {
            key: Arc::new(key),
            signature: Signature::new(domain, selector),
        }
    }

    /// The canonical forms (`c=`, RFC 6376 §3.4), relaxed/relaxed unless said.
    #[must_use]
    pub fn canonical(mut self, forms: Canonicalization) -> Self {
        self.signature = self.signature.canonical(forms);
        self
    }

    /// On whose behalf it is signed: `i=` (RFC 6376 §3.5).
    ///
    /// # Errors
    /// When its domain is neither the one that signs nor below it.
    pub fn identity(mut self, address: &Address) -> Result<Self, Refusal> {
        self.signature = self.signature.identity(address)?;
        Ok(self)
    }

    /// After so many seconds a signature no longer counts: `x=` (RFC 6376 §3.5).
    #[must_use]
    pub fn lasts(mut self, seconds: NonZeroU64) -> Self {
        self.signature = self.signature.lasts(seconds);
        self
    }

    /// The field that goes in front of a message, whose lines end with CRLF (RFC 6376 §5.6). What is changed of it after that, such as its
    /// transfer encodings, is no longer signed (§5.3).
    ///
    /// # Errors
    /// When the message has no From.
    pub fn field(&self, message: &[u8]) -> Result<SignatureField, Refusal> {
        let mut reading = Reading::new(self);
        reading.push(message);
        reading.field()
    }

    /// A composed mail with its signature. Its files are read, and read again when it is written.
    ///
    /// # Errors
    /// When a file cannot be read, or not a second time.
    pub async fn sign<'m>(&self, composed: Composed<'m>, files: &Files) -> Result<Composed<'m>, Error> {
        let field = self.field_of(&composed, files).await;
        let field = field.map_err(|(step, cause)| Error::new(step, None, cause))?;
        Ok(composed.signed(&field))
    }

    pub(crate) async fn field_of(
        &self,
        composed: &Composed<'_>,
        files: &Files,
    ) -> Result<SignatureField, Failure> {
        if let Some(once) = composed.sources().find(|source| source.octets.is_none()) {
            let words = "it can be read only once, and a message that is signed is read twice: attach a file";
            return Err((reading_of(files.path(once.id)), Cause::Message(words.into())));
        }
        let mut hashed = Reading::new(self);
        let mut writing = composed.writing();
        let mut reading: Option<(SourceId, File)> = None;
        let mut buffer = BytesMut::with_capacity(PIECE);
        loop {
            match writing.next() {
                Next::End => break,
                Next::Write(octets) => hashed.push(octets),
                Next::Read(id) => {
                    let file = match reading.take() {
                        Some((open, file)) if open == id => file,
                        _ => files.open(id).await?,
                    };
                    let (_, file) = reading.insert((id, file));
                    buffer.clear();
                    let read = file.read_buf(&mut buffer).await;
                    read.map_err(|error| (reading_of(files.path(id)), Cause::File(error)))?;
                    writing.feed(&buffer);
                }
            }
        }
        let refused = |refusal: Refusal| (Step::Asking, Cause::Message(refusal.to_string().into()));
        hashed.field().map_err(refused)
    }
}

/// A message that is read for its signature.
struct Reading<'s> {
    signer: &'s Signer,
    intake: Intake,
    body: Context,
}

impl<'s> Reading<'s> {
    fn new(signer: &'s Signer) -> Self {
        Reading {
            signer,
            intake: Intake::new(signer.signature.canonicalization().body),
            body: Context::new(&SHA256),
        }
    }

    fn push(&mut self, octets: &[u8]) {
        self.intake.push(octets, |octets| self.body.update(octets));
    }

    /// The field, with the time now.
    fn field(mut self) -> Result<SignatureField, Refusal> {
        let header = self.intake.finish(|octets| self.body.update(octets));
        let hash = self.body.finish();
        let hash = hash.as_ref().try_into().expect("a SHA-256 has 32 octets");
        let Signer { key, signature } = self.signer;
        // Before 1970 there was no DKIM.
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let unsigned = signature
            .clone()
            .at(now)
            .unsigned(key.algorithm(), &header, hash)?;
        let made = key.sign(unsigned.text());
        Ok(unsigned.signed(&made))
    }
}

#[cfg(test)]
mod tests;
