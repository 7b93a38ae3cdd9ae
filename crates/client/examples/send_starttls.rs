//! Step 7: over TLS, begun with STARTTLS; the certificate is checked. `send_starttls [URL]`

use posthouse_client::{Files, Server, mail, smtp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1);
    let url = url
        .as_deref()
        .unwrap_or("smtp://alice:alice@localhost:2587?ca=posthouse-data/tls/certificate.pem");
    let mail = mail("alice@example.org".parse()?)
        .to("bob@example.org".parse()?)
        .subject("Sealed by Rust")
        .text("Nobody in between can read this.\n");
    smtp::send(&Server::parse(url)?, &mail, &Files::new()).await?;
    Ok(())
}
