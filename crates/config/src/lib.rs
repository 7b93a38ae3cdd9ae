//! The settings of a server: one TOML file.
//!
//! Read first: [`Settings`]. Each section has a file in `sections/`, where a setting has its key, default, limits and
//! words in English and Chinese; the reader, the commented file that `posthouse setup` writes and `docs/settings.md` are
//! made from there. [`Settings::parse`] reads a file; unknown keys are errors, and every problem of the file is reported
//! at once, with its line.

mod kind;
mod page;
mod problem;
mod read;
mod section;
mod sections;
mod setting;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use types::Domain;

pub use kind::quoted;
pub use page::{Given, Tongue, commented, groups, page};
pub use problem::{Problem, Problems};
pub use sections::auth::{Auth, Introspection, Oidc};
pub use sections::limits::Limits;
pub use sections::listen::Listen;
pub use sections::log::{Format, Level, Log};
pub use sections::logins::Logins;
pub use sections::passwords::Passwords;
pub use sections::pop3::{Language, Pop3};
pub use sections::process::Process;
pub use sections::timeouts::Timeouts;
pub use sections::tls::{NamedCertificate, Tls, TlsVersion};
pub use setting::{Group, Setting};
pub use words::Words;

/// What an administrator can choose. What is not in the file has its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `hostname`: what the server calls itself in greetings and `Received` fields. Must be given.
    pub hostname: Domain,
    /// `domain`: the domain of login names and of `postmaster` without a domain. The hostname unless given.
    pub domain: Domain,
    /// `domains`: further domains whose mail is kept here.
    pub domains: Vec<Domain>,
    /// `data`: where mail and accounts are kept.
    pub data: PathBuf,
    /// `undelete`: how long deleted messages are kept.
    pub undelete: Duration,
    /// `[listen]`: where connections are taken in.
    pub listen: Listen,
    /// `[tls]`: the certificate.
    pub tls: Tls,
    /// `[tls.names]`: certificates for further names.
    pub certificates: Vec<NamedCertificate>,
    /// `[limits]`: so much and no more.
    pub limits: Limits,
    /// `[timeouts]`: how long somebody is waited for.
    pub timeouts: Timeouts,
    /// `[logins]`: what slows guessing.
    pub logins: Logins,
    /// `[passwords]`: what a hash costs.
    pub passwords: Passwords,
    /// `[log]`: what is logged.
    pub log: Log,
    /// `[process]`: what the running program may do.
    pub process: Process,
    /// `[pop3]`: what POP3 asks of its clients.
    pub pop3: Pop3,
    /// `[auth]`: the ways to log in beside a password.
    pub auth: Auth,
    /// `[auth.oidc]`: whose tokens are taken. Nobody's unless given.
    pub oidc: Option<Oidc>,
}

impl Settings {
    /// The settings of a server that nobody has said more about, listening nowhere.
    #[must_use]
    pub fn new(hostname: Domain, domain: Domain) -> Self {
        let server = sections::server::Server::default();
        Settings {
            hostname,
            domain,
            domains: Vec::new(),
            data: server.data,
            undelete: server.undelete,
            listen: Listen::nowhere(),
            tls: Tls::default(),
            certificates: Vec::new(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            logins: Logins::default(),
            passwords: Passwords::default(),
            log: Log::default(),
            process: Process::default(),
            pop3: Pop3::default(),
            auth: Auth::default(),
            oidc: None,
        }
    }
}
