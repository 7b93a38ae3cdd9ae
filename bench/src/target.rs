//! The server that is measured: where it listens, who logs in, what belongs to it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::measure::Watched;

/// How many accounts a comparison needs: see [`Target::user`].
pub(crate) const ACCOUNTS: u64 = 32;

/// A running server.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// What the tables call it.
    pub(crate) name: String,
    /// The machine.
    pub(crate) host: IpAddr,
    /// Its ports.
    pub(crate) ports: Ports,
    /// Address of account number `{}`, counted from 1.
    pub(crate) user: String,
    /// The password of every account.
    pub(crate) password: String,
    /// Its processes and its data.
    pub(crate) watched: Watched,
}

/// Where each protocol listens; 0 where it does not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ports {
    /// SMTP for delivery to local addresses.
    pub(crate) smtp: u16,
    /// LMTP over TCP.
    pub(crate) lmtp: u16,
    /// POP3 in the clear.
    pub(crate) pop3: u16,
    /// IMAP in the clear.
    pub(crate) imap: u16,
    /// IMAP over TLS from the first byte.
    pub(crate) imaps: u16,
}

/// What the accounts are for. Deliveries go to the first ten, so that the others stay as they are.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// 1 to 10: mail comes in.
    Deliver,
    /// 11: the large mailbox; also the many mailboxes of the idle cell.
    Large,
    /// 12 to 15: maildrops.
    Maildrop,
    /// 16 to 25: flags change.
    Store,
}

impl Purpose {
    /// The numbers of the accounts.
    pub(crate) fn accounts(self) -> std::ops::Range<u64> {
        match self {
            Self::Deliver => 1..11,
            Self::Large => 11..12,
            Self::Maildrop => 12..16,
            Self::Store => 16..26,
        }
    }
}

impl Target {
    /// Login name and address of an account.
    pub(crate) fn user(&self, number: u64) -> String {
        self.user.replace("{}", &number.to_string())
    }

    /// The login names for a purpose.
    pub(crate) fn users(&self, purpose: Purpose) -> Vec<String> {
        purpose.accounts().map(|number| self.user(number)).collect()
    }

    /// A port of this server.
    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.host, port)
    }
}

impl Default for Target {
    fn default() -> Self {
        Self {
            name: "server".to_owned(),
            host: Ipv4Addr::LOCALHOST.into(),
            ports: Ports::default(),
            user: "u{}@example.org".to_owned(),
            password: "secret".to_owned(),
            watched: Watched::default(),
        }
    }
}
