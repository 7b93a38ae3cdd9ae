//! Step 8: what is in the maildrop, and the last message. `fetch_pop3 [URL]`
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use posthouse_client::Server;
use posthouse_client::message::{Message, read};
use posthouse_client::pop3::Client;

/// A message that is larger is not fetched into memory.
const MOST: usize = 64 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1);
    let url = url.as_deref().unwrap_or("pop3://bob:bob@127.0.0.1:2110?tls=none");
    let mut client = Client::connect(&Server::parse(url)?).await?;
    let (count, octets) = client.stat().await?;
    println!("{count} messages, {octets} octets");
    for entry in client.list().await? {
        println!("{}: {} octets", entry.number, entry.size);
    }
    let octets = client.message(count, MOST).await?;
    let message = Message::parse(&octets);
    println!("Subject: {}", message.subject());
    println!("{}", read::text(&message, &read::View::default()));
    // Not before this are messages gone that client.delete(&[1]).await? has marked.
    client.quit().await?;
    Ok(())
}
