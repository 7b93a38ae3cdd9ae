//! How fast a POP3 maildrop is fetched into a Maildir: `pop3_speed pop3://alice:alice@127.0.0.1:2110?tls=none DIR`.
#![allow(clippy::print_stdout, reason = "an example says what it measured")]

use std::time::Instant;

use posthouse_client::Server;
use posthouse_client::download::{Format, Keep, Target, from_pop3};
use posthouse_client::pop3::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("which server?")?;
    let folder = arguments.next().ok_or("into which folder?")?;
    let began = Instant::now();
    let client = Client::connect(&Server::parse(&url)?).await?;
    let target = Target::open(folder, Format::Maildir, &url)?;
    let done = from_pop3(client, target, Keep::All, |_, _, _| {}).await?;
    let time = began.elapsed();
    println!(
        "{} messages, {} MB in {time:?}: {:.0}/s",
        done.fetched,
        done.octets / 1_000_000,
        done.fetched as f64 / time.as_secs_f64()
    );
    Ok(())
}
