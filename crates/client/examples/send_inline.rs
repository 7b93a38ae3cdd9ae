//! Step 5: a picture within the page. `send_inline [URL] [FILE]`

use posthouse_client::{Files, Server, mail, smtp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next();
    let url = url
        .as_deref()
        .unwrap_or("smtp://alice:alice@127.0.0.1:2587?tls=none");
    let picture = arguments.next().unwrap_or("dot.png".to_owned());

    let mut files = Files::new();
    let mail = mail("alice@example.org".parse()?)
        .to("bob@example.org".parse()?)
        .subject("A picture from Rust")
        .html("<h1>Look</h1><p><img src=\"cid:dot@example.org\"></p>")
        .inline("dot@example.org".parse()?, files.attach(picture)?);
    smtp::send(&Server::parse(url)?, &mail, &files).await?;
    Ok(())
}
