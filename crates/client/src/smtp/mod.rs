//! Sending mail: SMTP (RFC 5321), submission (RFC 6409) and LMTP (RFC 2033).
//!
//! Read first: [`send`] for one composed mail; [`Client::connect`], then [`Client::send`] with an [`Envelope`] and the message's [`Content`]; [`Client::send_all`] for
//! many at once. A [`Report`] says for each recipient what the server said.

mod client;
mod content;
mod envelope;
mod mail;
mod transaction;

pub use ::smtp::client::{BodyType, Extensions, Notify, NotifyOn, Return};

pub use self::client::Client;
pub use self::content::Content;
pub use self::envelope::{Envelope, Recipient, Report};
pub use self::mail::send;
