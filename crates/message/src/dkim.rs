//! DKIM signatures (RFC 6376, RFC 8301, RFC 8463): what is hashed, what is signed, and the field that says so.
//!
//! Read first: [`Signature`], what a signature says. Whoever signs reads the message once through an [`Intake`], which gives out the
//! canonical octets of the body as they come, so that a message of any size needs no memory; [`Signature::unsigned`] then makes
//! of its header and of the body's SHA-256 the [text](Unsigned::text) to sign, and [`Unsigned::signed`] the [`SignatureField`] that goes
//! in front of the message. Keys, hashes and clocks are the caller's:
//!
//! ```
//! use posthouse_message::dkim::{Algorithm, Intake, Selector, Signature};
//!
//! let message = b"From: a@example.org\r\nSubject: x\r\n\r\nHi.\r\n";
//! let domain = types::Domain::check("example.org").unwrap();
//! let signature = Signature::new(&domain, Selector::check("s1").unwrap()).at(1_764_035_829);
//! let mut body = Vec::new(); // in place of a SHA-256
//! let mut intake = Intake::new(signature.canonicalization().body);
//! message.chunks(7).for_each(|octets| intake.push(octets, |octets| body.extend_from_slice(octets)));
//! let header = intake.finish(|octets| body.extend_from_slice(octets));
//! assert_eq!(body, b"Hi.\r\n");
//! let unsigned = signature.unsigned(Algorithm::Ed25519Sha256, &header, &[0; 32]).unwrap();
//! assert!(unsigned.text().starts_with(b"from:a@example.org\r\nsubject:x\r\ndkim-signature:v=1;"));
//! let field = unsigned.signed(&[0; 64]);
//! assert!(field.as_bytes().starts_with(b"DKIM-Signature: v=1; a=ed25519-sha256;"));
//! ```
//!
//! What must hold: From is always signed (RFC 6376 §5.4), and the fields that people and programs look at are named once more than they
//! are there, so that none can be added (§8.15). There is no `l=`: what is added to a body is never under its signature (§8.2).
//! RFC 8301 §3.1: SHA-1 is not there.

mod canonical;
mod signature;

pub use canonical::{BodyCanonicalizer, Canonical, Canonicalization, Intake, signed_text};
pub use signature::{Algorithm, Refusal, Selector, Signature, SignatureField, Unsigned};

#[cfg(test)]
mod tests;
