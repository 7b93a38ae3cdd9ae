//! `posthouse profile`: from an address to servers, a password that no process list shows, and tokens that are refreshed; with a name server, a web
//! server, an issuer of tokens and a keyring of the test's own ([`home`], [`peers`]).

mod find;
pub(crate) mod home;
mod keep;
mod oauth;
pub(crate) mod peers;
mod secrets;
