//! How fast a mailbox is fetched over IMAP into a Maildir: `imap_speed imap://alice:secret@127.0.0.1:1143?tls=none INBOX DIRECTORY [compress]`.
#![allow(clippy::print_stdout, reason = "an example says what it measured")]

use std::path::PathBuf;
use std::time::Instant;

use posthouse_client::Server;
use posthouse_client::imap::{Client, Got, Item, Octets, Ranges};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, mailbox, directory, options @ ..] = arguments.as_slice() else {
        return Err("imap_speed URL MAILBOX DIRECTORY [compress]".into());
    };
    let directory = PathBuf::from(directory);
    for part in ["tmp", "new", "cur"] {
        std::fs::create_dir_all(directory.join(part))?;
    }
    let began = Instant::now();
    let mut client = Client::connect(&Server::parse(url)?).await?;
    if options.iter().any(|option| option == "compress") {
        client.compress().await?;
    }
    let opened = client.examine(mailbox).await?;
    let items = [Item::Flags, Item::InternalDate, Item::message()];
    let mut fetch = client.fetch(&Ranges(vec![(1, u32::MAX)]), &items);
    let (mut messages, mut octets) = (0u32, 0u64);
    let large = directory.join("tmp/large");
    while let Some(got) = fetch.next().await? {
        match got {
            Got::Body(_) => {
                let mut file = tokio::fs::File::create(&large).await?;
                octets += fetch.copy_to(&mut file).await?;
                tokio::io::AsyncWriteExt::flush(&mut file).await?;
            }
            Got::Message(message) => {
                let uid = message.uid.ok_or("a message without a uid")?;
                let name = directory.join(format!("cur/{uid}.imap_speed:2,S"));
                match message.parts.first().map(|part| &part.octets) {
                    Some(Octets::Kept(body)) => {
                        octets += body.len() as u64;
                        std::fs::write(&name, body)?;
                    }
                    _ => std::fs::rename(&large, &name)?,
                }
                messages += 1;
            }
            Got::Refused(said) => return Err(said.to_string().into()),
        }
    }
    let time = began.elapsed();
    client.logout().await?;
    println!(
        "{messages} of {} messages, {octets} octets in {time:?}: {:.0}/s",
        opened.exists,
        f64::from(messages) / time.as_secs_f64()
    );
    Ok(())
}
