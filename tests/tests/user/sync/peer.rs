//! A server to sync with: the built one, or Dovecot.

use client::imap::Client;
use end_to_end::{Server, Service};

use super::dovecot::Dovecot;

pub(crate) enum Peer {
    Built(Server),
    Dovecot(Dovecot),
}

impl Peer {
    /// Those that are here.
    pub(crate) fn all() -> Vec<Peer> {
        let built = Peer::Built(Server::with_accounts());
        std::iter::once(built)
            .chain(Dovecot::start().map(Peer::Dovecot))
            .collect()
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Peer::Built(_) => "built",
            Peer::Dovecot(_) => "Dovecot",
        }
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Peer::Built(server) => server.port(Service::Imap),
            Peer::Dovecot(dovecot) => dovecot.port,
        }
    }

    /// Somebody who has an Archive.
    pub(crate) async fn client(&self) -> Client {
        let url = format!("imap://alice%40example.org@127.0.0.1:{}?tls=none", self.port());
        let server = client::Server::parse(&url).unwrap();
        let login = server.who().unwrap().clone().with_password("tin whistle".into());
        let mut client = Client::connect(&server.login(login)).await.unwrap();
        if matches!(self, Peer::Dovecot(_)) {
            client.create("Archive").await.unwrap();
        }
        client
    }
}
