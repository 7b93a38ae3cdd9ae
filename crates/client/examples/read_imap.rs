//! Step 12: mail that stays on the server: mailboxes, a search, headers, one part, a move. `read_imap [URL]`
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use posthouse_client::Server;
use posthouse_client::imap::{Client, Item, Query, SectionText};
use posthouse_client::message::decode_words;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1);
    let url = url.as_deref().unwrap_or("imap://bob:bob@127.0.0.1:2143?tls=none");
    let mut client = Client::connect(&Server::parse(url)?).await?;
    for mailbox in client.list("*").await? {
        println!("{}", mailbox.name.text);
    }
    client.select("INBOX").await?;
    let found = client
        .search(Query::new().from("alice").subject("Files from"))
        .await?;
    println!("{} messages with files", found.count());

    // The envelope of each, without its files; nothing is marked as read.
    let mut fetch = client.fetch(&found, &[Item::Envelope]);
    while let Some(message) = fetch.whole(1 << 20).await? {
        let subject = message.envelope.and_then(|envelope| envelope.subject);
        println!("{}", decode_words(&subject.unwrap_or_default()));
    }
    if let Some(last) = found.uids().last() {
        let first_part = Item::of(vec![1], SectionText::Whole);
        let octets = client.fetch_octets(last, first_part).await?;
        println!("{}", String::from_utf8_lossy(&octets).trim_end());
    }
    client.create("Files").await?;
    client.move_messages(&found, "Files").await?;
    let opened = client.select("Files").await?;
    println!("{} in Files", opened.exists);
    client.logout().await?;
    Ok(())
}
