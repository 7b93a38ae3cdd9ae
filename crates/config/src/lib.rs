//! The settings of a server: one TOML file.
//!
//! Read first: [`Settings`], where each setting is documented. [`Settings::parse`] reads a file; unknown keys are
//! errors, and every problem of the file is reported at once, with its line.

mod auth;
mod problem;
mod read;
mod section;

use std::net::SocketAddr;
use std::path::PathBuf;

use types::{Address, Domain};

pub use auth::{Auth, Oidc};
pub use problem::{Problem, Problems};

/// What an administrator can choose. What is not in the file has the value that [`Settings::new`] gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `hostname`: what the server calls itself in greetings and `Received` fields. Must be given.
    pub hostname: Domain,
    /// `domain`: the domain of login names and of `postmaster` without a domain. The hostname unless given.
    pub domain: Domain,
    /// `[listen]`: where connections are taken in.
    pub listen: Listen,
    /// `[tls]`: the certificate. Without it the server makes one for itself, which no client trusts.
    pub tls: Option<Tls>,
    /// `[limits]`: so much and no more.
    pub limits: Limits,
    /// `[passwords]`: what a hash costs.
    pub passwords: Passwords,
    /// `[pop3]`: what POP3 asks of its clients.
    pub pop3: Pop3,
    /// `[auth]`: the ways to log in beside a password.
    pub auth: Auth,
}

/// `[listen]`: lists of addresses with ports, such as `"0.0.0.0:25"` or `"[::]:25"`. An empty list is nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// `smtp`: mail from other servers. Port 25 on all addresses unless given.
    pub smtp: Vec<SocketAddr>,
    /// `submission`: mail from users, with STARTTLS. Port 587.
    pub submission: Vec<SocketAddr>,
    /// `submissions`: mail from users, over TLS. Port 465.
    pub submissions: Vec<SocketAddr>,
    /// `lmtp`: mail from another mail server on this machine; anybody who connects may deliver. Nowhere.
    pub lmtp: Vec<SocketAddr>,
    /// `lmtp_socket`: the same on a Unix socket, for the server's user and group. Nowhere.
    pub lmtp_socket: Option<PathBuf>,
    /// `imap`: with STARTTLS. Port 143.
    pub imap: Vec<SocketAddr>,
    /// `imaps`: over TLS. Port 993.
    pub imaps: Vec<SocketAddr>,
    /// `pop3`: with STLS. Port 110.
    pub pop3: Vec<SocketAddr>,
    /// `pop3s`: over TLS. Port 995.
    pub pop3s: Vec<SocketAddr>,
}

/// `[tls]`: both must be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `certificate`: a PEM file with the certificate and those that lead to a root.
    pub certificate: PathBuf,
    /// `key`: a PEM file with the private key.
    pub key: PathBuf,
}

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `message`: octets of the largest message, 50,000,000 unless given.
    pub message: u64,
    /// `messages_memory`: octets of memory for messages on their way in, 1,000,000,000 unless given.
    pub messages_memory: usize,
    /// `connections`: at a time, 20,000 unless given.
    pub connections: usize,
    /// `connections_per_address`: from one address at a time, 100 unless given. Loopback has no such limit.
    pub connections_per_address: usize,
}

/// `[passwords]`: Argon2id (RFC 9106). A higher cost makes a stolen table harder to guess and each login slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passwords {
    /// `memory_kib`: 19,456 unless given, at least 8.
    pub memory_kib: u32,
    /// `passes`: 2 unless given.
    pub passes: u32,
}

/// `[pop3]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pop3 {
    /// `login_delay`: seconds after a login before the same account may log in again over POP3 (RFC 2449 §6.5), 0 unless
    /// given: no delay. At most a day.
    pub login_delay: u32,
    /// `login_delays`: the same for some accounts, by their addresses, such as `{ "alice@example.org" = 600 }`.
    pub login_delays: Vec<(Address, u32)>,
    /// `language`: the language that a client gets which leaves the choice to the server (`LANG *`, RFC 6856 §3.2):
    /// `"en"` unless given, or `"zh"`. Whatever it is, the first words are English.
    pub language: Language,
}

/// A language of what a person reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// `"en"`
    #[default]
    English,
    /// `"zh"`
    Chinese,
}

impl Settings {
    /// The settings of a server that nobody has said more about, listening nowhere.
    #[must_use]
    pub fn new(hostname: Domain, domain: Domain) -> Self {
        Settings {
            hostname,
            domain,
            listen: Listen::default(),
            tls: None,
            limits: Limits::default(),
            passwords: Passwords::default(),
            pop3: Pop3::default(),
            auth: Auth::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message: 50_000_000,
            messages_memory: 1_000_000_000,
            connections: 20_000,
            connections_per_address: 100,
        }
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Passwords {
            memory_kib: 19_456,
            passes: 2,
        }
    }
}
