//! The rules of the ABNF that several commands and responses share.

pub mod cursor;
pub mod date;
pub mod flag;
pub mod mailbox;
pub mod mode;
pub mod object_id;
pub mod print;
pub mod section;
pub mod set;
