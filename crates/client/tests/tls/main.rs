//! The clients and TLS, against a server of the test's own: which certificates are refused and in which words, and what somebody in between may
//! try with STARTTLS and STLS.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod certificates;
mod server;
mod starttls;

use posthouse_client::{Error, Login, Protocol, Server, Trust, imap, pop3, smtp};

/// What the password would be in an exchange of PLAIN, in base64.
const PLAIN: &str = "AGFsaWNlAHRpbiB3aGlzdGxl";

fn server(script: &server::Script, trust: Trust) -> Server {
    let server = Server::parse(&script.url()).unwrap();
    server.trust(trust).login(Login::password("alice", "tin whistle"))
}

/// Connects and logs in.
async fn log_in(server: &Server) -> Result<(), Error> {
    match server.protocol() {
        Protocol::Smtp | Protocol::Lmtp => smtp::Client::connect(server).await?.quit().await,
        Protocol::Pop3 => pop3::Client::connect(server).await?.quit().await,
        Protocol::Imap => imap::Client::connect(server).await?.logout().await,
    }
}
