//! Step 2: names and a subject in Chinese. `send_named [URL]`

use posthouse_client::{Files, Server, mail, smtp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1);
    let url = url
        .as_deref()
        .unwrap_or("smtp://alice:alice@127.0.0.1:2587?tls=none");
    let mail = mail("爱丽丝 <alice@example.org>".parse()?)
        .to("鲍勃 <bob@example.org>".parse()?)
        .subject("来自 Rust 的问候")
        .text("你好，鲍勃！\n");
    smtp::send(&Server::parse(url)?, &mail, &Files::new()).await?;
    Ok(())
}
