//! What a server says: printers into a `Vec<u8>`, one file a group (RFC 3501 §7).

pub mod body_structure;
pub mod envelope;
pub mod fetch;
pub mod mailbox;
pub mod status;
