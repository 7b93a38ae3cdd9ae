//! The MIME tree of a message with exact byte ranges, its text in any charset, its envelope and structure.
//!
//! Begin with [`Message::parse`]: it never fails, because whatever was accepted must be shown. [`Structure`] is the tree
//! of parts, [`Header`] the fields of one of them, [`Envelope`] and [`Description`] what IMAP prints, and [`Message`]
//! answers every question about decoded text. [`read::show`] is what a person sees of it, [`attachments`] what can be saved,
//! [`tree`] every part. [`compose`] writes messages, [`dkim`] says what is signed of them. [`repair`] makes lines end as they must. [`maildir`] and [`mbox`] are the names
//! and the framing of messages in files, with their [`Marks`].
//!
//! Raw and decoded are kept apart: what a protocol passes on is bytes as they are written, what a person reads or
//! searches is a `String`. Everything is borrowed from the bytes where it can be; nothing recurses.

mod address;
mod attachment;
mod charset;
pub mod compose;
mod content;
mod date;
pub mod dkim;
pub mod downgrade;
mod encoded_word;
mod envelope;
mod file_name;
mod header;
mod html;
mod ids;
pub mod maildir;
mod marks;
pub mod mbox;
mod message;
mod parameter;
pub mod read;
pub mod repair;
mod structure;
mod subject;
mod text;
mod thread;
mod tnef;
mod transfer;
mod tree;
pub mod uidlist;
mod written;

pub use address::{AddressItem, MAX_ADDRESSES, parse_addresses};
pub use attachment::{Attachment, Chunks, Role, Source, attachments, octets};
pub use charset::decode as decode_charset;
pub use content::{ContentType, Description, Disposition, Parameter, Parameters, TransferEncoding};
pub use date::Date;
pub use encoded_word::decode as decode_words;
pub use envelope::Envelope;
pub use file_name::{MAX_FILE_NAME, safe_file_name};
pub use header::{Field, Fields, Header};
pub use html::to_text as html_to_text;
pub use ids::parse as parse_message_ids;
pub use marks::Marks;
pub use message::Message;
pub use parameter::MAX_PARAMETERS;
pub use structure::{Kind, MAX_DEPTH, MAX_PARTS, Part, PartId, Section, Structure};
pub use subject::base as base_subject;
pub use text::MAX_PREVIEW;
pub use thread::{Place, Threadable, threads};
pub use tnef::{File, Tnef};
pub use tree::{Branch, Tree, tree};
