//! 5,000 messages of 10 kB over one connection into `smtp-sink`.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use client::smtp::{Client, Content, Envelope};
use client::{Address, Server};
use lettre::transport::smtp::client::SmtpConnection;
use lettre::transport::smtp::extension::ClientId;

use crate::table::Table;

const MESSAGES: usize = 5_000;
const SIZE: usize = 10_000;

/// lettre writes the octets of a message and the dot after them in two pieces on a socket that waits for acknowledgements (Nagle), 40 ms
/// each: so many tell its rate.
const LETTRE: usize = 200;
const FROM: &str = "alice@example.org";
const TO: &str = "bob@example.org";

/// `sendmail` of `smtplib`, as the tutorial uses it.
const SMTPLIB: &str = "
import smtplib, sys, time
port, count = int(sys.argv[1]), int(sys.argv[2])
message = sys.stdin.buffer.read()
server = smtplib.SMTP('127.0.0.1', port)
began = time.perf_counter()
for _ in range(count):
    server.sendmail('alice@example.org', ['bob@example.org'], message)
print(count / (time.perf_counter() - began))
server.quit()
";

/// Compares the three.
pub(crate) async fn compare(rounds: usize) -> Result<()> {
    let sink = Sink::start()?;
    let message = message();
    println!("{MESSAGES} messages of {} octets into smtp-sink:", message.len());
    let mut table = Table::new("one connection into smtp-sink", "messages/s");
    for _ in 0..rounds {
        table.note("Posthouse, send_all", ours(sink.port, &message).await?);
        table.note("Posthouse, one by one", ours_singly(sink.port, &message).await?);
        table.note("lettre", lettre(sink.port, &message)?);
        table.note("smtplib", smtplib(sink.port, &message)?);
    }
    table.print("Posthouse, send_all");
    Ok(())
}

/// Text in lines of 75 octets.
fn message() -> String {
    let header = format!("From: {FROM}\r\nTo: {TO}\r\nSubject: speed\r\n\r\n");
    let line = "The quick brown fox jumps over the lazy dog and runs on to the next hill.\r\n";
    let lines = SIZE.saturating_sub(header.len()) / line.len();
    format!("{header}{}", line.repeat(lines))
}

fn rate(messages: usize, began: Instant) -> f64 {
    f64::from(u32::try_from(messages).unwrap_or(u32::MAX)) / began.elapsed().as_secs_f64()
}

async fn connect(port: u16) -> Result<(Client, Envelope)> {
    let server = Server::parse(&format!("smtp://127.0.0.1:{port}?tls=none"))?;
    let envelope = Envelope::from(Address::parse(FROM)?).to(Address::parse(TO)?);
    Ok((Client::connect(&server).await?, envelope))
}

async fn ours(port: u16, message: &str) -> Result<f64> {
    let (mut client, envelope) = connect(port).await?;
    let began = Instant::now();
    let messages = (0..MESSAGES).map(|_| (&envelope, Content::Octets(message.as_bytes())));
    let mut taken = 0;
    let counted = |_, report: Result<_, _>| taken += usize::from(report.is_ok());
    client.send_all(messages, counted).await?;
    let rate = rate(MESSAGES, began);
    ensure!(taken == MESSAGES, "the sink took {taken} messages only");
    client.quit().await?;
    Ok(rate)
}

async fn ours_singly(port: u16, message: &str) -> Result<f64> {
    let (mut client, envelope) = connect(port).await?;
    let began = Instant::now();
    for _ in 0..MESSAGES {
        client.send(&envelope, message.as_bytes()).await?;
    }
    let rate = rate(MESSAGES, began);
    client.quit().await?;
    Ok(rate)
}

fn lettre(port: u16, message: &str) -> Result<f64> {
    let envelope = lettre::address::Envelope::new(Some(FROM.parse()?), vec![TO.parse()?])?;
    let hello = ClientId::Domain("localhost".to_owned());
    let patience = Some(Duration::from_secs(60));
    let mut connection = SmtpConnection::connect(("127.0.0.1", port), patience, &hello, None, None)?;
    let began = Instant::now();
    for _ in 0..LETTRE {
        connection.send(&envelope, message.as_bytes())?;
    }
    let rate = rate(LETTRE, began);
    connection.quit()?;
    Ok(rate)
}

fn smtplib(port: u16, message: &str) -> Result<f64> {
    let mut child = Command::new("python3")
        .args(["-c", SMTPLIB, &port.to_string(), &MESSAGES.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("python3 is needed")?;
    let mut input = child.stdin.take().context("no standard input")?;
    std::io::Write::write_all(&mut input, message.as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "smtplib failed");
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// `smtp-sink` of Debian's package postfix.
struct Sink {
    child: Child,
    port: u16,
}

impl Sink {
    fn start() -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let child = Command::new("smtp-sink")
            .args(["-u", "postfix", &address, "1000"])
            .env("PATH", "/usr/sbin:/usr/bin:/bin")
            .spawn()
            .context("smtp-sink is needed: it comes with Debian's postfix")?;
        let sink = Sink { child, port };
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(&address).is_err() {
            if Instant::now() > until {
                bail!("smtp-sink does not listen on {address}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(sink)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
