//! Step 9: a message taken apart: its header, every part, every text. `print_info [URL]`
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use posthouse_client::Server;
use posthouse_client::message::read::Heading;
use posthouse_client::message::{Kind, Message, PartId, tree};
use posthouse_client::pop3::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1);
    let url = url.as_deref().unwrap_or("pop3://bob:bob@127.0.0.1:2110?tls=none");
    let mut client = Client::connect(&Server::parse(url)?).await?;
    let (last, _) = client.stat().await?;
    print_info(&client.message(last, 64 << 20).await?);
    client.quit().await?;
    Ok(())
}

fn print_info(octets: &[u8]) {
    let message = Message::parse(octets);
    let heading = Heading::of(&message, PartId::ROOT);
    println!("From: {}", heading.from);
    println!("To: {}", heading.to);
    println!("Subject: {}", heading.subject);
    for branch in tree(&message).0 {
        let indent = "  ".repeat(branch.depth);
        println!("{indent}{} {}", branch.number, branch.media_type);
        match (branch.kind, branch.name) {
            (_, Some(name)) => println!("{indent}  file: {name}"),
            (Kind::Text, None) => println!("{indent}  text: {}", message.text(branch.part).trim_end()),
            (_, None) => {}
        }
    }
}
