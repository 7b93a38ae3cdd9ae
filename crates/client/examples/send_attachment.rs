//! Step 4: files that are attached. `send_attachment [URL] [FILE…]`

use posthouse_client::{Files, Server, mail, smtp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next();
    let url = url
        .as_deref()
        .unwrap_or("smtp://alice:alice@127.0.0.1:2587?tls=none");
    let mut paths: Vec<String> = arguments.collect();
    if paths.is_empty() {
        paths = vec!["dot.png".to_owned(), "计划.txt".to_owned()];
    }

    let mut files = Files::new();
    let mut mail = mail("alice@example.org".parse()?)
        .to("bob@example.org".parse()?)
        .subject("Files from Rust")
        .text("They are attached.\n");
    for path in paths {
        mail = mail.attach(files.attach(path)?);
    }
    smtp::send(&Server::parse(url)?, &mail, &files).await?;
    Ok(())
}
