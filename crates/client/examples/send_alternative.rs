//! Step 6: a page, and a plain text for those who show no HTML. `send_alternative [URL]`

use posthouse_client::{Files, Server, mail, smtp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1);
    let url = url
        .as_deref()
        .unwrap_or("smtp://alice:alice@127.0.0.1:2587?tls=none");
    let mail = mail("alice@example.org".parse()?)
        .to("bob@example.org".parse()?)
        .subject("Both from Rust")
        .text("Hello, Bob!\n")
        .html("<h1>Hello, Bob!</h1>");
    smtp::send(&Server::parse(url)?, &mail, &Files::new()).await?;
    Ok(())
}
