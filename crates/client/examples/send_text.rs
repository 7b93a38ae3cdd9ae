//! Step 1: a plain text, with the conversation shown. `send_text [URL]`
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use posthouse_client::{Files, Server, WireLog, mail, smtp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1);
    let url = url
        .as_deref()
        .unwrap_or("smtp://alice:alice@127.0.0.1:2587?tls=none");
    let server = Server::parse(url)?.log(WireLog::standard_error());
    let mail = mail("alice@example.org".parse()?)
        .to("bob@example.org".parse()?)
        .subject("Hello from Rust")
        .text("Hello, Bob!\n");
    let report = smtp::send(&server, &mail, &Files::new()).await?;
    for (address, said) in report.taken {
        println!("{address}: {said}");
    }
    Ok(())
}
