//! How fast one connection sends: `send_speed smtp://127.0.0.1:2525?tls=none 5000 10000` (messages, octets of each).
#![allow(clippy::print_stdout, reason = "an example says what it measured")]

use std::time::Instant;

use posthouse_client::smtp::{Client, Content, Envelope};
use posthouse_client::{Address, Server};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let server = Server::parse(
        &arguments
            .next()
            .unwrap_or("smtp://127.0.0.1:2525?tls=none".to_owned()),
    )?;
    let count: usize = arguments.next().map_or(Ok(5000), |text| text.parse())?;
    let size: usize = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let header = "From: alice@example.org\r\nTo: bob@example.org\r\nSubject: speed\r\n\r\n";
    let line = "The quick brown fox jumps over the lazy dog and runs on to the next hill.\r\n";
    let message = format!(
        "{header}{}",
        line.repeat(size.saturating_sub(header.len()) / line.len())
    );
    let envelope =
        Envelope::from(Address::parse("alice@example.org")?).to(Address::parse("bob@example.org")?);
    let mut client = Client::connect(&server).await?;
    let began = Instant::now();
    let mut taken = 0;
    let messages = (0..count).map(|_| (&envelope, Content::Octets(message.as_bytes())));
    client
        .send_all(messages, |_, report| taken += usize::from(report.is_ok()))
        .await?;
    let time = began.elapsed();
    println!(
        "{taken} messages of {} octets in {time:?}: {:.0}/s",
        message.len(),
        taken as f64 / time.as_secs_f64()
    );
    let began = Instant::now();
    for _ in 0..count {
        client.send(&envelope, message.as_bytes()).await?;
    }
    let time = began.elapsed();
    println!("one by one: {:.0}/s", count as f64 / time.as_secs_f64());
    client.quit().await?;
    Ok(())
}
