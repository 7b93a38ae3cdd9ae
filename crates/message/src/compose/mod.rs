//! Composing mail: from what a person says to the octets that are sent.
//!
//! Read first: [`Mail`], the builder. Its words are types that were checked ([`Mailbox`], [`MessageId`], [`FieldName`],
//! [`MediaType`], [`Unsubscribe`]); text that people write is taken as it comes, control characters made blanks where a
//! field could end at them. So a `Mail` is always one that can be written, and [`Mail::compose`] refuses only what its way
//! does not allow ([`Allowed`]): an address that needs SMTPUTF8, and more parts than anybody reads.
//!
//! [`Composed`] knows its [size](Composed::size) and writes itself as often as wanted. Nothing here reads a file: an
//! attachment is octets, or a [`Source`] that whoever writes reads when its turn comes, block by block:
//!
//! ```
//! use posthouse_message::Date;
//! use posthouse_message::compose::{Allowed, Attachment, Mail, Mailbox, MessageId, Next, Source, SourceId, Stamp};
//!
//! let stamp = Stamp {
//!     date: Date::of(1_764_035_829, 480),
//!     id: MessageId::check("20261125.a1b2c3@example.org").unwrap(),
//! };
//! let film = Source { id: SourceId(0), octets: Some(9) };
//! let mail = Mail::new(Mailbox::parse("张三 <zhang@example.org>").unwrap(), stamp)
//!     .to(Mailbox::parse("Li <li@example.com>").unwrap())
//!     .bcc(Mailbox::parse("boss@example.org").unwrap())
//!     .subject("你好")
//!     .text("你好，李四！\n")
//!     .attach(Attachment::new("電影.mp4", film));
//! assert_eq!(mail.recipients().len(), 2);
//!
//! let composed = mail.compose(Allowed::default()).unwrap();
//! let mut written = Vec::new();
//! let mut writing = composed.writing();
//! let mut file: &[u8] = b"a film...";
//! loop {
//!     match writing.next() {
//!         Next::Write(octets) => written.extend_from_slice(octets),
//!         Next::Read(SourceId(_)) => writing.feed(std::mem::take(&mut file)),
//!         Next::End => break,
//!     }
//! }
//! assert_eq!(composed.size(), u64::try_from(written.len()).ok());
//! assert!(!String::from_utf8_lossy(&written).contains("boss"));
//! ```
//!
//! [`Composed::write_to`] does that over the traits of `std::io`, [`Composed::to_vec`] where everything is in memory.
//! [`Answer`] makes replies and forwards of a message that was read.
//!
//! What must hold: Bcc is in the envelope ([`Mail::recipients`]) and never in the message; the same `Mail` in the same form
//! is the same octets; no line is longer than 998 octets unless binary was allowed; no text can begin a field, end one,
//! or be taken for a boundary.

mod answer;
mod body;
mod cid;
mod endings;
mod field;
mod flowed;
mod header;
mod mail;
mod mailbox;
mod media;
mod part;
mod refusal;
mod tree;
mod word;
mod write;

pub use crate::transfer::encode::{Base64Encoder, Encoder, Encoding, LineEncoder};
pub use answer::{Answer, Language, Whom};
pub use mail::{Flow, Mail, Stamp};
pub use mailbox::Mailbox;
pub use part::{Attachment, Content, Source, SourceId};
pub use refusal::{Refusal, WordError};
pub use word::{FieldName, MediaType, MessageId, Reference, Unsubscribe};
pub use write::{Composed, Next, Writing};

/// What header fields are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// ASCII: every server and every program takes it.
    #[default]
    Ascii,
    /// UTF-8 (RFC 6532): only where SMTPUTF8 was negotiated (RFC 6531).
    Utf8,
}

/// What bodies may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Room {
    /// ASCII in lines.
    #[default]
    SevenBit,
    /// Any octets but NUL in lines: where 8BITMIME was announced (RFC 6152).
    EightBit,
    /// Any octets: where BINARYMIME was announced, and CHUNKING is used (RFC 3030 §3).
    Binary,
}

/// What the way that a message goes allows. The default goes everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowed {
    /// In header fields.
    pub form: Form,
    /// In bodies.
    pub room: Room,
}

#[cfg(test)]
mod tests;
