//! The sections of a file of settings, one file each: there a setting has its name, default, limits and words.

pub(crate) mod auth;
pub(crate) mod limits;
pub(crate) mod listen;
pub(crate) mod log;
pub(crate) mod logins;
pub(crate) mod passwords;
pub(crate) mod pop3;
pub(crate) mod process;
pub(crate) mod server;
pub(crate) mod timeouts;
pub(crate) mod tls;
