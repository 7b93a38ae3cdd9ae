//! Step 11: everything that is new, into a Maildir; a second run fetches nothing twice. `fetch_maildir [URL] [DIR]`
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use posthouse_client::Server;
use posthouse_client::download::{Format, Keep, Target, from_pop3};
use posthouse_client::pop3::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next();
    let url = url.as_deref().unwrap_or("pop3://bob:bob@127.0.0.1:2110?tls=none");
    let folder = arguments.next().unwrap_or("mail-rust".to_owned());
    let server = Server::parse(url)?;
    // Keep::Nothing deletes from the server what is safe here.
    let target = Target::open(folder, Format::Maildir, "bob")?;
    let done = from_pop3(Client::connect(&server).await?, target, Keep::All, |_, _, _| {}).await?;
    println!("{} new, {} here before", done.fetched, done.known);
    Ok(())
}
