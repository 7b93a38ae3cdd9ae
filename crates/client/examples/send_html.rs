//! Step 3: a page of HTML, and nothing else. `send_html [URL]`

use posthouse_client::{Files, Server, mail, smtp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1);
    let url = url
        .as_deref()
        .unwrap_or("smtp://alice:alice@127.0.0.1:2587?tls=none");
    let mail = mail("alice@example.org".parse()?)
        .to("bob@example.org".parse()?)
        .subject("A page from Rust")
        .html("<h1>Hello, 鲍勃</h1><p>sent by <a href=\"https://www.rust-lang.org\">Rust</a></p>");
    smtp::send(&Server::parse(url)?, &mail, &Files::new()).await?;
    Ok(())
}
