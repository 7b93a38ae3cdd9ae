//! Step 10: what is attached to the last message, into a folder. `save_attachments [URL] [DIR]`
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use posthouse_client::Server;
use posthouse_client::message::{Message, attachments, octets, safe_file_name};
use posthouse_client::pop3::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next();
    let url = url.as_deref().unwrap_or("pop3://bob:bob@127.0.0.1:2110?tls=none");
    let folder = PathBuf::from(arguments.next().unwrap_or("from-rust".to_owned()));
    let mut client = Client::connect(&Server::parse(url)?).await?;
    let (last, _) = client.stat().await?;
    let whole = client.message(last, 64 << 20).await?;
    client.quit().await?;

    fs::create_dir_all(&folder)?;
    let message = Message::parse(&whole);
    let mut taken = HashSet::new();
    for attachment in attachments(&message) {
        // A name such as ../../.profile is made one that stays in the folder.
        let path = folder.join(safe_file_name(&attachment.name, &mut taken));
        let mut file = File::create_new(&path)?;
        for piece in octets(&message, attachment.source) {
            file.write_all(&piece)?;
        }
        println!("{}", path.display());
    }
    Ok(())
}
